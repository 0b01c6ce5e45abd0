//! The eight kinds of namespaces.

use common::sys;
use nix::sched::CloneFlags;

/// One kind of namespace.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub option: &'static str,
    pub letter: char,
    pub flag: CloneFlags,
    /// The kernel's name for it, as in `/proc/sys/user/max_NAME_namespaces`.
    pub name: &'static str,
    /// Its file in `/proc/PID/ns`. Two kinds begin with the next child, and are seen there under
    /// another name until then.
    pub file: &'static str,
}

pub const NEWTIME: CloneFlags = CloneFlags::from_bits_retain(sys::CLONE_NEWTIME);

const fn kind(
    option: &'static str,
    letter: char,
    flag: CloneFlags,
    name: &'static str,
    file: &'static str,
) -> Kind {
    Kind { option, letter, flag, name, file }
}

pub const KINDS: [Kind; 8] = [
    kind("mount", 'm', CloneFlags::CLONE_NEWNS, "mnt", "mnt"),
    kind("uts", 'u', CloneFlags::CLONE_NEWUTS, "uts", "uts"),
    kind("ipc", 'i', CloneFlags::CLONE_NEWIPC, "ipc", "ipc"),
    kind("net", 'n', CloneFlags::CLONE_NEWNET, "net", "net"),
    kind("pid", 'p', CloneFlags::CLONE_NEWPID, "pid", "pid_for_children"),
    kind("user", 'U', CloneFlags::CLONE_NEWUSER, "user", "user"),
    kind("cgroup", 'C', CloneFlags::CLONE_NEWCGROUP, "cgroup", "cgroup"),
    kind("time", 'T', NEWTIME, "time", "time_for_children"),
];

/// The kinds among `flags`.
pub fn kinds(flags: CloneFlags) -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().filter(move |kind| flags.contains(kind.flag))
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
            assert_eq!(kinds(kind.flag).collect::<Vec<_>>(), [kind]);
            assert_eq!(KINDS.iter().filter(|other| other.letter == kind.letter).count(), 1);
        }
        assert_eq!(kinds(all).count(), KINDS.len());
    }

    #[test]
    fn the_kernel_has_every_kind() {
        for kind in &KINDS {
            assert!(std::fs::exists(format!("/proc/self/ns/{}", kind.name)).unwrap());
            let limit = format!("/proc/sys/user/max_{}_namespaces", kind.name);
            assert!(std::fs::exists(limit).unwrap(), "{kind:?}");
        }
    }
}
