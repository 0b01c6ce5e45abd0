//! Mounts of a table that its masks stand in: held, so that nobody can put something else in their place.
//!
//! Whoever may write to a root file system can rename the directory that a proc was just mounted on. A mask that
//! was looked for by its path would then be missing, or land on something else.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};

use common::sys::{self, Location};
use common::{Error, Result};
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};

use crate::line::{Line, Work};
use crate::place::{duplicate, normal};

/// As many are there in any case.
const FEW: usize = 16;

/// What a line takes besides.
const SPARE: usize = 16;

/// The mounts that later lines look for their targets in, each by the path that it was mounted at.
#[derive(Debug, Default)]
pub struct Held {
    /// Every directory on the way to a target, and the last line that has it there.
    wanted: BTreeMap<Vec<u8>, usize>,
    mounts: BTreeMap<Vec<u8>, Mount>,
}

#[derive(Debug)]
struct Mount {
    root: OwnedFd,
    location: Location,
}

impl Mount {
    fn new(root: &OwnedFd) -> nix::Result<Self> {
        Ok(Self { root: duplicate(root)?, location: sys::location(root.as_fd())? })
    }
}

impl Held {
    /// What these lines need. One descriptor is held for each mount that one of them is beneath, and no longer
    /// than the last of them needs it.
    pub fn for_lines(lines: &[Line]) -> Self {
        let mut wanted = BTreeMap::new();
        for (number, line) in lines.iter().enumerate() {
            if is_looked_for(&line.work) {
                let path = normal(&line.target);
                wanted.extend(ways(&path).map(|way| (way.to_vec(), number)));
            }
        }
        Self { wanted, mounts: BTreeMap::new() }
    }

    /// Fails where the process may not have as many descriptors as these lines take, before anything is done: a lack of
    /// them would hinder the way back too.
    pub fn reserve(&self, root: &OwnedFd, lines: &[Line]) -> Result<()> {
        let most = self.most(lines);
        if most <= FEW {
            return Ok(());
        }
        let copies = (0..most + SPARE).map(|_| duplicate(root));
        copies.collect::<nix::Result<Vec<_>>>().map(drop).map_err(|errno| {
            let step = format!("hold the {most} mounts that later lines change or mask");
            Error::bare(step, errno).explain(|_| hint(errno))
        })
    }

    /// The most mounts that are held at a time.
    fn most(&self, lines: &[Line]) -> usize {
        let mut paths = BTreeSet::new();
        let (mut taken, mut released) = (vec![0; lines.len()], vec![0; lines.len()]);
        for (number, line) in lines.iter().enumerate() {
            let path = normal(&line.target);
            let last = self.wanted.get(&path).copied().filter(|&last| last > number);
            if let Some(last) = last.filter(|_| paths.insert(path)) {
                taken[number] += 1;
                released[last] += 1;
            }
        }
        let mut held = 0;
        let counts = taken.iter().zip(&released).map(|(taken, released)| {
            held += taken;
            held -= released;
            held
        });
        counts.max().unwrap_or_default()
    }

    /// A mount was put on `target` by the line of
    /// A mount was put on `target` by the line of this number, and hides what was there.
    pub fn put(&mut self, number: usize, target: &OsStr, mount: &OwnedFd) -> nix::Result<()> {
        if self.wanted.is_empty() {
            return Ok(());
        }
        let path = normal(target);
        self.forget(&path);
        if self.wanted.get(&path).is_some_and(|&last| last > number) {
            self.mounts.insert(path, Mount::new(mount)?);
        }
        Ok(())
    }

    /// `mount` is about to be put on a place: where that is the root of a mount that is held, by whatever name it was
    /// found, the new one is what stands there then.
    pub fn cover(&mut self, location: Location, mount: &OwnedFd) -> nix::Result<()> {
        for held in self.mounts.values_mut().filter(|held| held.location == location) {
            *held = Mount::new(mount)?;
        }
        Ok(())
    }

    /// What was mounted at the path, or beneath it, is there no more.
    pub fn forget(&mut self, path: &[u8]) {
        if path.is_empty() {
            return self.mounts.clear();
        }
        self.mounts.remove(path);
        let (start, end) = ([path, b"/"].concat(), [path, b"0"].concat());
        let beneath: Vec<_> = self.mounts.range(start..end).map(|(path, _)| path.clone()).collect();
        beneath.iter().for_each(|path| drop(self.mounts.remove(path)));
    }

    /// The mount that the target is in, and the path from there.
    pub fn find(&self, target: &OsStr) -> Option<(&OwnedFd, Vec<u8>)> {
        if self.mounts.is_empty() {
            return None;
        }
        let path = normal(target);
        let (way, mount) = ways(&path).find_map(|way| Some((way, &self.mounts.get(way)?.root)))?;
        let rest = path[way.len()..].strip_prefix(b"/").unwrap_or_default();
        Some((mount, rest.to_vec()))
    }

    /// Lets go of the mounts that no line after this one needs.
    pub fn release(&mut self, number: usize, target: &OsStr) {
        if self.mounts.is_empty() {
            return;
        }
        let path = normal(target);
        for way in ways(&path).filter(|way| self.wanted.get(*way) == Some(&number)) {
            self.mounts.remove(way);
        }
    }
}

/// The limit that was reached, and the way out.
fn hint(errno: Errno) -> Option<String> {
    let (limit, _) = getrlimit(Resource::RLIMIT_NOFILE).ok().filter(|_| errno == Errno::EMFILE)?;
    Some(format!("a process may have {limit} descriptors here; `ulimit -n` raises that"))
}

/// Lines that change what is there, and pass over what is not.
fn is_looked_for(work: &Work) -> bool {
    matches!(work, Work::Mask | Work::ReadOnly | Work::Change)
}

/// The path itself, and every directory above it but the root.
fn ways(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let above = path.iter().enumerate().rev().filter(|(_, byte)| **byte == b'/');
    std::iter::once(path).chain(above.map(|(at, _)| &path[..at])).filter(|way| !way.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::options::Options;
    use crate::table::Entry;

    fn line((target, kind): &(&str, &str)) -> Line {
        let (source, target, kind) = ("none".into(), (*target).into(), (*kind).into());
        Line::new(Entry { source, target, kind, ..Entry::default() }, Options::default()).unwrap()
    }

    fn held(lines: &[(&str, &str)]) -> Held {
        Held::for_lines(&lines.iter().map(line).collect::<Vec<_>>())
    }

    fn mount() -> OwnedFd {
        File::open("/").unwrap().into()
    }

    fn rest(held: &Held, target: &str) -> Option<String> {
        held.find(OsStr::new(target)).map(|(_, rest)| String::from_utf8(rest).unwrap())
    }

    #[test]
    fn a_mask_is_looked_for_in_the_innermost_mount() {
        let lines =
            [("/proc", "proc"), ("/proc/a", "tmpfs"), ("/x", "tmpfs"), ("/proc/a/b", "mask")];
        let mut held = held(&lines);
        for (number, (target, _)) in lines[..3].iter().enumerate() {
            held.put(number, OsStr::new(target), &mount()).unwrap();
        }
        assert_eq!(held.mounts.len(), 2);
        assert_eq!(rest(&held, "//proc/./a/b").as_deref(), Some("b"));
        assert_eq!(rest(&held, "/proc/ab").as_deref(), Some("ab"));
        assert_eq!(rest(&held, "/proc").as_deref(), Some(""));
        assert_eq!((rest(&held, "/x/y"), rest(&held, "/procs")), (None, None));
    }

    #[test]
    fn what_is_hidden_or_not_needed_is_let_go() {
        let lines = [("/a", "tmpfs"), ("/a/b", "tmpfs"), ("/a/b/c", "mask"), ("/a/d", "readonly")];
        let mut all = held(&lines);
        let fill = |held: &mut Held| {
            held.put(0, OsStr::new("/a"), &mount()).unwrap();
            held.put(1, OsStr::new("/a/b"), &mount()).unwrap();
            assert_eq!(held.mounts.len(), 2);
        };
        fill(&mut all);
        all.release(2, OsStr::new("/a/b/c"));
        assert_eq!(rest(&all, "/a/b/c").as_deref(), Some("b/c"));
        all.release(3, OsStr::new("/a/d"));
        assert!(all.mounts.is_empty());
        fill(&mut all);
        all.forget(b"a");
        assert!(all.mounts.is_empty());
        // No later line needs it.
        all.put(3, OsStr::new("/a"), &mount()).unwrap();
        assert!(all.mounts.is_empty());
    }

    #[test]
    fn the_most_that_are_held_at_a_time() {
        let most = |lines: &[(&str, &str)]| {
            let lines: Vec<_> = lines.iter().map(line).collect();
            Held::for_lines(&lines).most(&lines)
        };
        let (a, a_mask) = (("/a", "tmpfs"), ("/a/x", "mask"));
        let (b, b_mask) = (("/b", "tmpfs"), ("/b/x", "readonly"));
        assert_eq!(most(&[a, b, a_mask, b_mask]), 2);
        assert_eq!(most(&[a, a_mask, b, b_mask, ("/c", "tmpfs")]), 1);
        assert_eq!(most(&[a, a, a_mask]), 1);
        assert_eq!(most(&[a_mask, a, b]), 0);
        assert_eq!(most(&[]), 0);
    }
}
