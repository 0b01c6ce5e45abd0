//! Id maps: which ids the new user namespace has, and who may write that down.

use std::ffi::OsString;
use std::fmt::Write;

use common::accounts::Host;
use common::{Context, Error, Hint, Result, procfs, sys};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, getegid, geteuid, write};

use crate::explain;
use crate::ids::{GROUPS, Map, Range, Sort, USERS, Writer, id_map};
use crate::subordinate;

/// What one `--map-users` or `--map-groups` asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    Range(Range),
    /// The first subordinate range, from id 0 on.
    Auto,
    /// The first subordinate range, as itself.
    Subordinate,
    /// Every id of the parent namespace, as itself.
    All,
}

/// What the caller's own id becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Own {
    Id(u32),
    Same,
    Name(OsString),
}

/// What is asked for of one sort of ids.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    pub own: Option<Own>,
    pub blocks: Vec<Block>,
}

impl Wanted {
    fn is_empty(&self) -> bool {
        self.own.is_none() && self.blocks.is_empty()
    }
}

/// The setgroups(2) system call in the new user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetGroups {
    Allow,
    Deny,
}

impl SetGroups {
    fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }
}

/// All that is asked for of a user namespace's ids.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub users: Wanted,
    pub groups: Wanted,
    pub setgroups: Option<SetGroups>,
}

/// The maps to write, and the setgroups word that goes before the groups.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Maps {
    pub users: Option<Map>,
    pub groups: Option<Map>,
    pub setgroups: Option<SetGroups>,
    /// Whether the process inside is the owner's, who may not write to its files in /proc: they are
    /// root's once the user has changed (proc(5)).
    pub owner: bool,
}

impl Request {
    /// Looks up what the request names: the caller's ids and capabilities, subordinate ranges. Where
    /// the namespace is made for another `owner`, the process in it cannot map the caller's ids.
    pub fn resolve(&self, owner: bool) -> Result<Maps> {
        let mut maps = Maps { setgroups: self.setgroups, owner, ..Maps::default() };
        if !self.users.is_empty() {
            let own = geteuid().as_raw();
            let ranges = resolve(&USERS, &self.users, own)?;
            let writer = writer(&USERS, &ranges, own, !owner)?;
            maps.users = Some(Map { sort: &USERS, ranges, writer });
        }
        if !self.groups.is_empty() {
            let own = getegid().as_raw();
            let ranges = resolve(&GROUPS, &self.groups, own)?;
            // The kernel lets a process write its own group alone only where setgroups(2) is denied.
            let only_own = self.groups.blocks.is_empty();
            let denied = only_own || self.setgroups == Some(SetGroups::Deny);
            let writer = writer(&GROUPS, &ranges, own, denied && !owner)?;
            if maps.setgroups.is_none() && writer == Writer::Inside {
                maps.setgroups = Some(SetGroups::Deny);
            }
            maps.groups = Some(Map { sort: &GROUPS, ranges, writer });
        }
        Ok(maps)
    }
}

impl Maps {
    fn both(&self) -> impl Iterator<Item = &Map> {
        self.users.iter().chain(&self.groups)
    }

    /// Whether a process outside the new namespace is needed.
    pub fn need_outside(&self) -> bool {
        self.owner && self.setgroups.is_some()
            || self.both().any(|map| map.writer != Writer::Inside)
    }

    /// The part of a process that stayed outside: the maps of the process `pid`.
    pub fn write_outside(&self, pid: Pid) -> Result<()> {
        if self.owner {
            self.write_setgroups(&pid.to_string())?;
        }
        for map in self.both() {
            match map.writer {
                Writer::Inside => {}
                Writer::Outside => map.write(&pid.to_string())?,
                Writer::Program => subordinate::write(map, pid)?,
            }
        }
        Ok(())
    }

    /// The part of the process inside.
    pub fn write_inside(&self) -> Result<()> {
        if !self.owner {
            self.write_setgroups("self")?;
        }
        self.both().filter(|map| map.writer == Writer::Inside).try_for_each(|map| map.write("self"))
    }

    /// This comes before the groups, since "deny" is not taken any more after them.
    fn write_setgroups(&self, pid: &str) -> Result<()> {
        let Some(setgroups) = self.setgroups else { return Ok(()) };
        put(pid, "setgroups", setgroups.word())
            .hint(|error| explain::ids::setgroups_word(error.errno()?))
    }

    /// What would be written, and by whom, for `--print-map`.
    pub fn describe(&self) -> String {
        let word = self.setgroups.map(|setgroups| {
            let side = if self.owner { "outside" } else { "inside" };
            format!("setgroups, written {side} the namespace:\n{}\n", setgroups.word())
        });
        let maps = self.both().map(|map| {
            let Map { sort, writer, .. } = map;
            let by = match writer {
                Writer::Inside => "inside the namespace",
                Writer::Outside => "outside the namespace",
                Writer::Program => &format!("by {}", sort.helper),
            };
            format!("{}, written {by}:\n{}", sort.map, map.text())
        });
        word.into_iter().chain(maps).collect()
    }
}

impl Map {
    /// One line a range.
    fn text(&self) -> String {
        self.ranges.iter().fold(String::new(), |mut text, Range { inner, outer, count }| {
            let _ = writeln!(text, "{inner} {outer} {count}");
            text
        })
    }

    fn write(&self, pid: &str) -> Result<()> {
        put(pid, self.sort.map, &self.text()).map_err(|error| {
            error.explain(|e| explain::ids::map(self.sort, &self.ranges, self.writer, e.errno()?))
        })
    }
}

fn resolve(sort: &Sort, wanted: &Wanted, own: u32) -> Result<Vec<Range>> {
    let mut ranges = Vec::new();
    let mut spare = Vec::new();
    for block in &wanted.blocks {
        match block {
            Block::Range(range) => ranges.push(*range),
            Block::Auto => ranges.push(Range { inner: 0, ..subordinate::first(sort)? }),
            Block::Subordinate => ranges.push(subordinate::first(sort)?),
            Block::All => ranges.extend(id_map(sort.map)),
        }
        spare.resize(ranges.len(), u32::from(*block == Block::Auto));
    }
    let inner = match &wanted.own {
        None => return Ok(ranges),
        Some(Own::Id(id)) => *id,
        Some(Own::Same) => own,
        Some(Own::Name(name)) => named(sort, name)?,
    };
    let own = Range { inner, outer: own, count: 1 };
    let rest = ranges.into_iter().zip(spare).flat_map(|(range, spare)| around(own, range, spare));
    Ok(std::iter::once(own).chain(rest).collect())
}

/// What is left of `range` when the ids of the single map `own` are taken out of it on both sides.
/// The ids that are left keep their order, so the highest may find no partner, unless there are some to `spare` inside.
fn around(own: Range, range: Range, spare: u32) -> Vec<Range> {
    let mut outer = without(range.outer, range.count, own.outer);
    let mut inner = without(range.inner, range.count.saturating_add(spare), own.inner);
    let mut pieces = Vec::new();
    let (mut o, mut i) = (outer.next(), inner.next());
    while let (Some((o_start, o_count)), Some((i_start, i_count))) = (o, i) {
        let count = o_count.min(i_count);
        pieces.push(Range { inner: i_start, outer: o_start, count });
        o = rest(o_start, o_count, count).or_else(|| outer.next());
        i = rest(i_start, i_count, count).or_else(|| inner.next());
    }
    pieces
}

/// The ids `start..start + count` but one, as at most two (start, count).
fn without(start: u32, count: u32, one: u32) -> impl Iterator<Item = (u32, u32)> {
    let pieces = match one.checked_sub(start) {
        Some(before) if before < count => {
            [(start, before), (one.wrapping_add(1), count - before - 1)]
        }
        _ => [(start, count), (0, 0)],
    };
    pieces.into_iter().filter(|(_, count)| *count > 0)
}

fn rest(start: u32, count: u32, taken: u32) -> Option<(u32, u32)> {
    (count > taken).then(|| (start + taken, count - taken))
}

fn writer(sort: &Sort, ranges: &[Range], own: u32, alone: bool) -> Result<Writer> {
    let just_own = matches!(ranges, [range] if range.outer == own && range.count == 1);
    if just_own && alone {
        return Ok(Writer::Inside);
    }
    let capabilities = sys::capget().step("read the capabilities")?.effective;
    Ok(if capabilities >> sort.capability & 1 == 1 {
        Writer::Outside
    } else if just_own {
        Writer::Inside
    } else {
        Writer::Program
    })
}

/// The id of a user or group of the host.
fn named(sort: &Sort, name: &OsString) -> Result<u32> {
    let mut accounts = Host::default();
    let id = match sort.noun {
        "user" => accounts.user(name)?.map(|user| user.uid.as_raw()),
        _ => accounts.group(name)?.map(nix::unistd::Gid::as_raw),
    };
    id.ok_or_else(|| {
        let reason = format!("no such {}", sort.noun);
        Error::because(format!("map the {}", sort.noun), name, reason)
    })
}

/// Writes a file of `/proc/PID/` in the one write(2) that the kernel takes.
fn put(pid: &str, file: &str, text: &str) -> Result<()> {
    let path = format!("/proc/{pid}/{file}");
    let write = || {
        let file = open(path.as_str(), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        write(&file, text.as_bytes())
    };
    write().map(drop).context("write", &path).hint(|_| procfs::not_mounted())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(inner: u32, outer: u32, count: u32) -> Range {
        Range { inner, outer, count }
    }

    #[test]
    fn a_single_id_is_taken_out_on_both_sides() {
        let around = |own, block| around(own, block, 0);
        assert_eq!(around(range(0, 1000, 1), range(0, 100_000, 10)), [range(1, 100_000, 9)]);
        assert_eq!(
            around(range(5, 0, 1), range(0, 100_000, 65536)),
            [range(0, 100_000, 5), range(6, 100_005, 65530)]
        );
        assert_eq!(
            around(range(3, 1000, 1), range(0, 1000, 10)),
            [range(0, 1001, 3), range(4, 1004, 6)]
        );
        assert_eq!(around(range(0, 0, 1), range(0, 0, 1)), []);
        assert_eq!(around(range(50, 50, 1), range(0, 0, 5)), [range(0, 0, 5)]);
        let whole = range(0, 0, u32::MAX);
        assert_eq!(
            around(range(u32::MAX - 1, u32::MAX - 1, 1), whole),
            [range(0, 0, u32::MAX - 1)]
        );
    }

    #[test]
    fn no_id_is_lost_where_the_block_may_grow_inside() {
        let around = |own, block| around(own, block, 1);
        let sub = range(0, 300_000, 65536);
        assert_eq!(around(range(0, 1000, 1), sub), [range(1, 300_000, 65536)]);
        assert_eq!(around(range(0, 1000, 1), range(0, 300_000, 1)), [range(1, 300_000, 1)]);
        assert_eq!(
            around(range(5, 1000, 1), sub),
            [range(0, 300_000, 5), range(6, 300_005, 65531)]
        );
        assert_eq!(around(range(70_000, 1000, 1), sub), [sub]);
        assert_eq!(around(range(65536, 1000, 1), sub), [sub]);
    }

    #[test]
    fn the_text_of_a_map() {
        let ranges = vec![range(0, 1000, 1), range(1, 5, 9)];
        let map = Map { sort: &USERS, ranges, writer: Writer::Inside };
        assert_eq!(map.text(), "0 1000 1\n1 5 9\n");
    }
}
