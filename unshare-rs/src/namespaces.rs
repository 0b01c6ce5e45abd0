//! The eight kinds of namespaces: making them, and binding them onto files to make them last.

use std::ffi::OsString;

use common::{Context, Result, sys};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::Pid;

use crate::explain;

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

/// The namespaces that are made, and the files that those which are to last are bound onto.
#[derive(Debug)]
pub struct Namespaces {
    pub flags: CloneFlags,
    pub files: Vec<(&'static Kind, OsString)>,
}

impl Default for Namespaces {
    fn default() -> Self {
        Self { flags: CloneFlags::empty(), files: Vec::new() }
    }
}

impl Namespaces {
    pub fn has(&self, flag: CloneFlags) -> bool {
        self.flags.contains(flag)
    }

    pub fn are_to_last(&self) -> bool {
        !self.files.is_empty()
    }

    /// Leaves the caller's namespaces. A new pid namespace begins with the next child.
    pub fn unshare(&self) -> Result<()> {
        if self.flags.is_empty() {
            return Ok(());
        }
        unshare(self.flags)
            .step("unshare")
            .map_err(|error| error.explain(|error| explain::unshare(self.flags, error.errno()?)))
    }

    /// Binds the namespaces of the process `pid` onto their files, all or none.
    pub fn bind(&self, pid: Pid) -> Result<()> {
        for (index, (kind, file)) in self.files.iter().enumerate() {
            if let Err(error) = bind(pid, kind, file) {
                unbind(&self.files[..index]);
                return Err(error.explain(|e| explain::mounts::bind(kind, file, e.errno()?)));
            }
        }
        Ok(())
    }

    pub fn unbind(&self) {
        unbind(&self.files);
    }
}

fn bind(pid: Pid, kind: &Kind, file: &OsString) -> Result<()> {
    let namespace = format!("/proc/{pid}/ns/{}", kind.file);
    let bind = MsFlags::MS_BIND;
    mount(Some(namespace.as_str()), file.as_os_str(), None::<&str>, bind, None::<&str>)
        .context(&format!("bind the {} namespace onto", kind.option), file)
}

/// Nothing can be said of a failure: this is the way out of another one.
fn unbind(files: &[(&Kind, OsString)]) {
    for (_, file) in files.iter().rev() {
        let _ = umount2(file.as_os_str(), MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
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
