//! Finding and making the directories of cgroups, so that what was made can be unmade.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use common::cgroup::Hierarchy;
use common::cgroup::group::{Group, Version};
use common::{Error, Result, quote};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::{Mode, fstat, mkdirat};

use crate::explain;
use crate::place::Place;

/// Whether cgroups are made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Create {
    #[default]
    No,
    Yes,
    /// It must be new, or hold no process and not be frozen.
    Empty,
}

/// A place whose cgroup is there.
#[derive(Debug)]
pub struct Ready<'a> {
    pub place: Place<'a>,
    pub group: Group,
    /// The sub-cgroup that COMMAND is in, if it is not in this one.
    pub leaf: Option<Group>,
}

/// The cgroups that are there now, and those among them and above them that were made.
#[derive(Debug, Default)]
pub struct Cast<'a> {
    pub ready: Vec<Ready<'a>>,
    made: Vec<Group>,
    /// Why hierarchies were left out.
    left_out: Vec<(&'a Hierarchy, Error)>,
}

const MODE: Mode = Mode::from_bits_truncate(0o755);

impl<'a> Cast<'a> {
    /// Finds or makes the cgroup of each place. A hierarchy that was not named and is closed to the caller is left out.
    pub fn fill(&mut self, places: Vec<Place<'a>>, create: Create) -> Result<()> {
        for place in places {
            let made = self.made.len();
            match self.find(&place, create) {
                Ok(group) => self.ready.push(Ready { place, group, leaf: None }),
                Err(error) if place.is_optional && is_closed(&error) => {
                    self.unmake(made);
                    self.left_out.push((place.hierarchy, error));
                }
                Err(error) => return Err(error),
            }
        }
        match self.ready.is_empty() {
            true => Err(self.left_out.remove(0).1),
            false => Ok(()),
        }
    }

    /// Makes the sub-cgroup `name` of one that is ready.
    pub fn add_leaf(&mut self, at: usize, name: &OsStr, create: Create) -> Result<()> {
        let Ready { place, group, leaf } = &mut self.ready[at];
        if leaf.is_some() {
            return Ok(());
        }
        let is_new = create != Create::No && make(group, name)?;
        let below = enter(group, name)?;
        if is_new {
            self.made.push(enter(group, name)?);
            if place.has(b"cpuset") {
                inherit_cpuset(group, &below)?;
            }
        }
        *leaf = Some(below);
        Ok(())
    }

    /// Why the hierarchy that this holds for was left out.
    pub fn take_left_out(&mut self, which: impl Fn(&Hierarchy) -> bool) -> Option<Error> {
        let found = self.left_out.iter().position(|(hierarchy, _)| which(hierarchy))?;
        Some(self.left_out.swap_remove(found).1)
    }

    /// Removes what was made, the last one first. One that somebody else uses by now stays.
    pub fn undo(&mut self) {
        self.unmake(0);
    }

    fn unmake(&mut self, from: usize) {
        for group in self.made.drain(from..).rev() {
            let _ = group.remove_empty();
        }
    }

    fn find(&mut self, place: &Place, create: Create) -> Result<Group> {
        let mut bases = place.bases.iter().peekable();
        loop {
            let base = bases.next().map(OsString::as_os_str).unwrap_or_default();
            match self.walk(place, base, create) {
                Err(error) if bases.peek().is_some() && is_closed(&error) => {}
                found => return found,
            }
        }
    }

    fn walk(&mut self, place: &Place, base: &OsStr, create: Create) -> Result<Group> {
        let mut group = Group::open(base)?;
        let mut is_new = false;
        for name in &place.names {
            is_new = create != Create::No && make(&group, name)?;
            let below = enter(&group, name)?;
            if is_new {
                self.made.push(enter(&group, name)?);
                if place.has(b"cpuset") {
                    inherit_cpuset(&group, &below)?;
                }
            }
            group = below;
        }
        if create == Create::Empty && !is_new {
            check_empty(&group, place)?;
            close(&group);
        }
        Ok(group)
    }
}

fn is_closed(error: &Error) -> bool {
    matches!(error.errno(), Some(Errno::EACCES | Errno::EPERM | Errno::EROFS))
}

fn path_of(parent: &Group, name: &OsStr) -> OsString {
    Path::new(parent.path()).join(name).into_os_string()
}

/// Whether the cgroup is a new one.
fn make(parent: &Group, name: &OsStr) -> Result<bool> {
    match mkdirat(parent, name, MODE) {
        Ok(()) => Ok(true),
        Err(Errno::EEXIST) => Ok(false),
        Err(errno) => Err(Error::new("make the cgroup", path_of(parent, name), errno)
            .explain(|_| explain::not_made(parent, errno))),
    }
}

fn enter(parent: &Group, name: &OsStr) -> Result<Group> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let path = path_of(parent, name);
    match openat(parent, name, flags, Mode::empty()) {
        Ok(directory) => Group::of(directory, path),
        Err(errno) => Err(Error::new("open the cgroup", path, errno).explain(|_| match errno {
            Errno::ENOENT => Some("--create makes it".into()),
            _ => None,
        })),
    }
}

/// A new cgroup of version 1 has no CPU and no memory node, so that no process could join it.
fn inherit_cpuset(parent: &Group, group: &Group) -> Result<()> {
    for name in ["cpuset.cpus", "cpuset.mems"] {
        let copy = parent.read(name).and_then(|value| match value.trim_ascii() {
            b"" => Ok(()),
            value => group.write(name, value),
        });
        copy.map_err(|errno| Error::new(format!("set {name} of"), group.path(), errno))?;
    }
    Ok(())
}

/// Two containers in one cgroup would share its limits, and its end.
fn check_empty(group: &Group, place: &Place) -> Result<()> {
    let refused = |reason: &str| Err(Error::because("use the cgroup", group.path(), reason));
    if place.names.is_empty() {
        return refused("it is the root of its hierarchy");
    }
    let holds = holds_processes(group)
        .map_err(|errno| Error::new("look into the cgroup", group.path(), errno))?;
    match (holds, is_frozen(group)) {
        (true, _) => refused("it exists already and holds processes"),
        (false, true) => refused("it exists already and is frozen"),
        (false, false) => Ok(()),
    }
}

/// Disables in version 2 what was enabled for sub-cgroups that have gone: no process could join it else.
fn close(group: &Group) {
    let is_lowest = fstat(group.as_fd()).is_ok_and(|status| status.st_nlink <= 2);
    if group.version() == Version::Two && is_lowest {
        let enabled = group.read("cgroup.subtree_control").unwrap_or_default();
        let words: Vec<_> = words_of(&enabled).map(|one| [b"-", one].concat()).collect();
        if !words.is_empty() {
            group.write("cgroup.subtree_control", &words.join(&b' ')).unwrap_or_default();
        }
    }
}

/// Whether there is a process in it, or in one below it.
fn holds_processes(group: &Group) -> nix::Result<bool> {
    if group.version() == Version::Two {
        let events = group.read("cgroup.events")?;
        return Ok(events.split(|&byte| byte == b'\n').any(|line| line == b"populated 1"));
    }
    if !group.read("cgroup.procs")?.is_empty() {
        return Ok(true);
    }
    // A cgroup without sub-cgroups has a directory of two links.
    if fstat(group.as_fd())?.st_nlink <= 2 {
        return Ok(false);
    }
    common::cgroup::remove::holds_processes(group)
}

fn is_frozen(group: &Group) -> bool {
    let says = |name: &str, word: &[u8]| {
        group.read(name).is_ok_and(|text| text.trim_ascii().eq_ignore_ascii_case(word))
    };
    match group.version() {
        Version::Two => says("cgroup.freeze", b"1"),
        Version::One => says("freezer.state", b"FROZEN") || says("freezer.state", b"FREEZING"),
    }
}

/// Enables for a cgroup of version 2 all controllers that those above it can give: what is not limited is counted, and can
/// be limited later. One that cannot be enabled is left out, as below a cgroup that holds processes.
pub fn enable_all(ready: &Ready, group: &Group) {
    for directory in above(&ready.place.hierarchy.point, group.path().as_bytes()) {
        let Ok(parent) = Group::open(directory) else { return };
        let words = |file: &str| parent.read(file).unwrap_or_default();
        let (available, enabled) = (words("cgroup.controllers"), words("cgroup.subtree_control"));
        let missing: Vec<_> = words_of(&available)
            .filter(|one| words_of(&enabled).all(|other| other != *one))
            .collect();
        let enable = |controllers: &[&[u8]]| {
            let words: Vec<_> = controllers.iter().map(|one| [b"+", *one].concat()).collect();
            parent.write("cgroup.subtree_control", &words.join(&b' '))
        };
        // One with processes would become threaded, and take no domain below it (cgroups(7)).
        if !missing.is_empty() && may_hold_processes(&parent) {
            return;
        }
        // A write is done whole or not at all.
        if !missing.is_empty() && enable(&missing).is_err() {
            missing.iter().for_each(|one| enable(&[one]).unwrap_or_default());
        }
    }
}

/// Whether controllers for others are to be left alone in it. The root of the hierarchy has no type, and may hold processes.
fn may_hold_processes(group: &Group) -> bool {
    group.read("cgroup.type").is_ok()
        && !group.read("cgroup.procs").is_ok_and(|list| list.is_empty())
}

fn words_of(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    list.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// Enables the controllers of version 2 for a cgroup, in each one above it, where they are not yet.
pub fn enable(ready: &Ready, group: &Group, controllers: &[&[u8]]) -> Result<()> {
    let lists = |group: &Group, file: &str, one: &[u8]| {
        words_of(&group.read(file).unwrap_or_default()).any(|other| other == one)
    };
    for controller in controllers {
        if lists(group, "cgroup.controllers", controller) {
            continue;
        }
        for directory in above(&ready.place.hierarchy.point, group.path().as_bytes()) {
            let parent = Group::open(directory)?;
            if !lists(&parent, "cgroup.subtree_control", controller) {
                enable_in(&parent, controller)?;
            }
        }
    }
    Ok(())
}

fn enable_in(group: &Group, controller: &[u8]) -> Result<()> {
    let name = quote(OsStr::from_bytes(controller));
    group.write("cgroup.subtree_control", &[b"+", controller].concat()).map_err(|errno| {
        Error::new(format!("enable the controller {name} below"), group.path(), errno)
            .explain(|_| explain::not_enabled(group, controller, errno))
    })
}

/// The directories above `path`, from `top` on.
fn above<'a>(top: &'a [u8], path: &'a [u8]) -> impl Iterator<Item = &'a OsStr> {
    let slashes = (top.len()..path.len()).filter(|&at| path[at] == b'/');
    slashes.map(|end| OsStr::from_bytes(&path[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_above_a_cgroup() {
        let list = |top: &str, path: &str| -> Vec<String> {
            let above = above(top.as_bytes(), path.as_bytes());
            above.map(|one| one.to_str().unwrap().to_owned()).collect()
        };
        assert_eq!(list("/c", "/c/a/b"), ["/c", "/c/a"]);
        assert!(list("/c", "/c").is_empty());
    }
}
