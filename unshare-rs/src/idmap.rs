//! Id maps: which ids the new user namespace has, and who may write that down.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::process::Command;

use common::accounts::Accounts;
use common::{Context, Error, Result, quote, sys};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, Uid, getegid, geteuid, write};

/// The two sorts of ids, and what differs between them.
#[derive(Debug, PartialEq, Eq)]
pub struct Sort {
    pub noun: &'static str,
    pub map: &'static str,
    pub helper: &'static str,
    pub ranges: &'static str,
    /// The capability's number (linux/capability.h).
    pub capability: u32,
}

pub const USERS: Sort = Sort {
    noun: "user",
    map: "uid_map",
    helper: "newuidmap",
    ranges: "/etc/subuid",
    capability: 7,
};

pub const GROUPS: Sort = Sort {
    noun: "group",
    map: "gid_map",
    helper: "newgidmap",
    ranges: "/etc/subgid",
    capability: 6,
};

/// `count` ids from `inner` on, which are the ids from `outer` on in the parent namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub inner: u32,
    pub outer: u32,
    pub count: u32,
}

impl Range {
    /// Whether the kernel could take it: ids end at 2^32 - 2.
    pub fn is_possible(&self) -> bool {
        let fits = |start: u32| start.checked_add(self.count).is_some();
        self.count > 0 && fits(self.inner) && fits(self.outer)
    }
}

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

/// Who writes a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The process inside the new namespace: its own id alone (user_namespaces(7)).
    Inside,
    /// A process that stayed outside, with CAP_SETUID or CAP_SETGID there.
    Outside,
    /// newuidmap or newgidmap, started outside.
    Program,
}

/// One file of `/proc/PID/`, ready to be written.
#[derive(Debug, PartialEq, Eq)]
pub struct Map {
    pub sort: &'static Sort,
    pub ranges: Vec<Range>,
    pub writer: Writer,
}

/// The maps to write, and the setgroups word that goes before the groups.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Maps {
    pub users: Option<Map>,
    pub groups: Option<Map>,
    pub setgroups: Option<SetGroups>,
}

impl Request {
    /// Looks up what the request names: the caller's ids and capabilities, subordinate ranges.
    pub fn resolve(&self) -> Result<Maps> {
        let mut maps = Maps { setgroups: self.setgroups, ..Maps::default() };
        if !self.users.is_empty() {
            let own = geteuid().as_raw();
            let ranges = resolve(&USERS, &self.users, own)?;
            let writer = writer(&USERS, &ranges, own, true)?;
            maps.users = Some(Map { sort: &USERS, ranges, writer });
        }
        if !self.groups.is_empty() {
            let own = getegid().as_raw();
            let ranges = resolve(&GROUPS, &self.groups, own)?;
            // The kernel lets a process write its own group alone only where setgroups(2) is denied.
            let only_own = self.groups.blocks.is_empty();
            let denied = only_own || self.setgroups == Some(SetGroups::Deny);
            let writer = writer(&GROUPS, &ranges, own, denied)?;
            if writer == Writer::Inside && self.setgroups.is_none() {
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
        self.both().any(|map| map.writer != Writer::Inside)
    }

    /// The part of a process that stayed outside: the maps of the process `pid`.
    pub fn write_outside(&self, pid: Pid) -> Result<()> {
        for map in self.both() {
            match map.writer {
                Writer::Inside => {}
                Writer::Outside => put(&pid.to_string(), map.sort.map, &text(&map.ranges))?,
                Writer::Program => run_helper(map, pid)?,
            }
        }
        Ok(())
    }

    /// The part of the process inside. "deny" comes before the groups, "allow" needs nothing before it.
    pub fn write_inside(&self) -> Result<()> {
        if let Some(setgroups) = self.setgroups {
            put("self", "setgroups", setgroups.word())?;
        }
        for map in self.both().filter(|map| map.writer == Writer::Inside) {
            put("self", map.sort.map, &text(&map.ranges))?;
        }
        Ok(())
    }
}

fn resolve(sort: &Sort, wanted: &Wanted, own: u32) -> Result<Vec<Range>> {
    let mut ranges = Vec::new();
    for block in &wanted.blocks {
        match block {
            Block::Range(range) => ranges.push(*range),
            Block::Auto => ranges.push(Range { inner: 0, ..subordinate(sort)? }),
            Block::Subordinate => ranges.push(subordinate(sort)?),
            Block::All => ranges.extend(all(sort)?),
        }
    }
    let inner = match &wanted.own {
        None => return Ok(ranges),
        Some(Own::Id(id)) => *id,
        Some(Own::Same) => own,
        Some(Own::Name(name)) => named(sort, name)?,
    };
    let own = Range { inner, outer: own, count: 1 };
    let rest = ranges.into_iter().flat_map(|range| around(own, range));
    Ok(std::iter::once(own).chain(rest).collect())
}

/// What is left of `range` when the ids of the single map `own` are taken out of it on both sides.
/// The ids that are left keep their order, so the highest may find no partner.
fn around(own: Range, range: Range) -> Vec<Range> {
    let mut outer = without(range.outer, range.count, own.outer);
    let mut inner = without(range.inner, range.count, own.inner);
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

/// The first range of the caller in `/etc/subuid` or `/etc/subgid`, as itself (subuid(5)). Both files
/// go by the user, the one for groups too.
fn subordinate(sort: &Sort) -> Result<Range> {
    let uid = geteuid();
    let name = user_name(uid)?;
    let text = match fs::read(sort.ranges) {
        Ok(text) => text,
        Err(e) => return Err(Error::from_io("read", sort.ranges, &e)),
    };
    first_range(&text, &name, uid).ok_or_else(|| {
        let reason = format!("the user {} has no range there", quote(&name));
        Error::because(format!("map {}s as in", sort.noun), sort.ranges, reason)
    })
}

fn user_name(uid: Uid) -> Result<OsString> {
    let user = Accounts::of("/")?.user_of(uid)?;
    Ok(user.map_or_else(|| uid.to_string().into(), |user| user.name))
}

/// The first line `USER:START:COUNT` of a user, who stands there by name or number.
fn first_range(text: &[u8], name: &OsString, uid: Uid) -> Option<Range> {
    let number = uid.to_string();
    text.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = line.split(|&byte| byte == b':');
        let user = fields.next()?;
        if user != name.as_encoded_bytes() && user != number.as_bytes() {
            return None;
        }
        let mut id = || std::str::from_utf8(fields.next()?.trim_ascii()).ok()?.parse().ok();
        let (start, count) = (id()?, id()?);
        (count > 0).then_some(Range { inner: start, outer: start, count })
    })
}

/// Every id that this namespace has.
fn all(sort: &Sort) -> Result<Vec<Range>> {
    let path = format!("/proc/self/{}", sort.map);
    let text = fs::read_to_string(&path).map_err(|e| Error::from_io("read", &path, &e))?;
    let range = |line: &str| {
        let mut numbers = line.split_ascii_whitespace().map(|word| word.parse().ok());
        let (start, _, count) = (numbers.next()??, numbers.next()?, numbers.next()??);
        Some(Range { inner: start, outer: start, count })
    };
    Ok(text.lines().filter_map(range).collect())
}

/// The id of a user or group of the host.
fn named(sort: &Sort, name: &OsString) -> Result<u32> {
    let mut accounts = Accounts::of("/")?;
    let id = match sort.noun {
        "user" => accounts.user(name)?.map(|user| user.uid.as_raw()),
        _ => accounts.group(name)?.map(nix::unistd::Gid::as_raw),
    };
    id.ok_or_else(|| {
        let reason = format!("no such {}", sort.noun);
        Error::because(format!("map the {}", sort.noun), name, reason)
    })
}

/// The text of a map file: one line a range.
fn text(ranges: &[Range]) -> String {
    ranges.iter().fold(String::new(), |mut text, Range { inner, outer, count }| {
        let _ = writeln!(text, "{inner} {outer} {count}");
        text
    })
}

/// Writes a file of `/proc/PID/` in the one write(2) that the kernel takes.
fn put(pid: &str, file: &str, text: &str) -> Result<()> {
    let path = format!("/proc/{pid}/{file}");
    let write = || {
        let file = open(path.as_str(), OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        write(&file, text.as_bytes())
    };
    write().map(drop).context("write", &path)
}

/// newuidmap PID INNER OUTER COUNT...
fn run_helper(map: &Map, pid: Pid) -> Result<()> {
    let helper = map.sort.helper;
    let numbers = map.ranges.iter().flat_map(|range| [range.inner, range.outer, range.count]);
    let output = Command::new(helper)
        .arg(pid.to_string())
        .args(numbers.map(|number| number.to_string()))
        .output()
        .map_err(|e| Error::from_io("execute", helper, &e))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = said.lines().next().unwrap_or_default();
    let said = said.strip_prefix(helper).map_or(said, |rest| rest.trim_start_matches([':', ' ']));
    let reason = if said.is_empty() { Errno::EPERM.desc() } else { said };
    Err(Error::because(format!("write {} by", map.sort.map), helper, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(inner: u32, outer: u32, count: u32) -> Range {
        Range { inner, outer, count }
    }

    #[test]
    fn a_single_id_is_taken_out_on_both_sides() {
        let around = |own, block| around(own, block);
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
    fn the_first_range_of_a_user() {
        let text = b"# x\nroot:1:1\nme:x:5\nme:100000:65536\n1000:7:8\n";
        let find = |name: &str, uid| first_range(text, &name.into(), Uid::from_raw(uid));
        assert_eq!(find("me", 1), Some(range(100_000, 100_000, 65536)));
        assert_eq!(find("other", 1000), Some(range(7, 7, 8)));
        assert_eq!(find("other", 1), None);
    }

    #[test]
    fn the_text_of_a_map() {
        assert_eq!(text(&[range(0, 1000, 1), range(1, 5, 9)]), "0 1000 1\n1 5 9\n");
    }
}
