//! The eight kinds of namespaces, and unshare(2).

use common::{Context, Result, sys};
use nix::sched::{CloneFlags, unshare};

/// One kind of namespace.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub option: &'static str,
    pub letter: char,
    pub flag: CloneFlags,
}

const fn kind(option: &'static str, letter: char, flag: CloneFlags) -> Kind {
    Kind { option, letter, flag }
}

pub const NEWTIME: CloneFlags = CloneFlags::from_bits_retain(sys::CLONE_NEWTIME);

pub const KINDS: [Kind; 8] = [
    kind("mount", 'm', CloneFlags::CLONE_NEWNS),
    kind("uts", 'u', CloneFlags::CLONE_NEWUTS),
    kind("ipc", 'i', CloneFlags::CLONE_NEWIPC),
    kind("net", 'n', CloneFlags::CLONE_NEWNET),
    kind("pid", 'p', CloneFlags::CLONE_NEWPID),
    kind("user", 'U', CloneFlags::CLONE_NEWUSER),
    kind("cgroup", 'C', CloneFlags::CLONE_NEWCGROUP),
    kind("time", 'T', NEWTIME),
];

/// The namespaces that are made.
#[derive(Debug)]
pub struct Namespaces {
    pub flags: CloneFlags,
}

impl Default for Namespaces {
    fn default() -> Self {
        Self { flags: CloneFlags::empty() }
    }
}

impl Namespaces {
    pub fn has(&self, flag: CloneFlags) -> bool {
        self.flags.contains(flag)
    }

    /// Leaves the caller's namespaces. A new pid namespace begins with the next child.
    pub fn unshare(&self) -> Result<()> {
        if self.flags.is_empty() {
            return Ok(());
        }
        unshare(self.flags).step("unshare")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_stands_alone() {
        let mut all = CloneFlags::empty();
        for kind in &KINDS {
            assert!(!all.intersects(kind.flag), "{kind:?}");
            all |= kind.flag;
        }
    }
}
