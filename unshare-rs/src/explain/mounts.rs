//! Why a mount was refused.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use common::{mountinfo, procfs, quote, sys};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::CloneFlags;
use nix::sys::stat::Mode;

use super::{PROC, forbidding_setting, in_chroot};
use crate::kind::Kind;

/// mount(2) of a propagation onto `/`.
pub fn propagation(errno: Errno) -> Option<String> {
    match errno {
        Errno::EINVAL if in_chroot() => Some(
            "'/' is not the root of a mount, as in a chroot, and has no propagation; use \
             --propagation unchanged"
                .into(),
        ),
        Errno::EACCES | Errno::EPERM => forbidding_setting(Path::new(PROC)),
        _ => None,
    }
}

/// mount(2) of proc.
pub fn proc(errno: Errno) -> Option<String> {
    if errno != Errno::EPERM {
        return None;
    }
    if is_foreign("/proc/self/ns/pid") == Some(true) {
        return Some(
            "proc shows a pid namespace, and only who owns that may mount it: use --pid --fork too"
                .into(),
        );
    }
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    hidden_proc(&table)
}

/// Whether a user namespace around this process's owns the namespace that `file` is.
fn is_foreign(file: &str) -> Option<bool> {
    let file = fs::File::open(file).ok()?;
    Some(sys::namespace_owner(file.as_fd()).err() == Some(Errno::EPERM))
}

/// A user namespace gets no proc that would show more than the one that can be seen (mount_too_revealing
/// of fs/namespace.c).
fn hidden_proc(table: &[u8]) -> Option<String> {
    let points: Vec<_> = mountinfo::mounts(table).map(|mount| mount.point.decoded()).collect();
    if !points.iter().any(|point| **point == *b"/proc") {
        return Some("no proc can be seen here, and the kernel mounts none that shows more".into());
    }
    let over: Vec<_> = points.into_iter().filter(|point| point.starts_with(b"/proc/")).collect();
    let first = quote(OsStr::from_bytes(over.first()?));
    let more = match over.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "{first}{more} hides a part of the /proc that can be seen here, and the kernel mounts none that \
         shows more"
    ))
}

/// mount(2) of binfmt_misc.
pub fn binfmt(errno: Errno) -> Option<String> {
    match errno {
        Errno::ENODEV => {
            Some("the kernel has no binfmt_misc: 'modprobe binfmt_misc' as root".into())
        }
        Errno::EPERM => {
            Some("a user namespace has a binfmt_misc of its own since Linux 6.7".into())
        }
        _ => None,
    }
}

/// mount(2) of a namespace onto a file.
pub fn bind(kind: &Kind, file: &OsStr, errno: Errno) -> Option<String> {
    match errno {
        Errno::ENOENT if !Path::new(file).exists() => {
            Some(format!("{} has to be there before, as an empty file", quote(file)))
        }
        Errno::EPERM => Some("that needs CAP_SYS_ADMIN in the caller's mount namespace".into()),
        Errno::EINVAL if kind.flag == CloneFlags::CLONE_NEWNS => {
            match is_on_shared_mount(file)? {
                true => Some(format!(
                    "the mount that {} is on is shared, and a mount namespace is not bound where others \
                     would get it: use a file on a private mount ('mount --make-private')",
                    quote(file)
                )),
                false => Some(
                    "the kernel binds a mount namespace only inside one with a lower id, and on none of \
                     the CPUs that this process may run on the id was higher"
                        .into(),
                ),
            }
        }
        _ => None,
    }
}

fn is_on_shared_mount(file: &OsStr) -> Option<bool> {
    let file = open(file, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    let id = procfs::mount_of(file.as_fd())?;
    Some(is_shared(&fs::read("/proc/self/mountinfo").ok()?, id))
}

fn is_shared(table: &[u8], id: u64) -> bool {
    mountinfo::mounts(table).any(|mount| u64::from(mount.id) == id && mount.says(b"shared:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_proc() {
        let line = |point: &str| format!("30 20 0:5 / {point} rw - proc proc rw\n");
        let hint = |points: &[&str]| {
            let table: String = points.iter().map(|point| line(point)).collect();
            hidden_proc(table.as_bytes())
        };
        assert!(hint(&["/"]).unwrap().starts_with("no proc"));
        assert_eq!(hint(&["/", "/proc", "/procession"]), None);
        let hint = hint(&["/proc", "/proc/kcore", "/proc/keys"]).unwrap();
        assert!(hint.starts_with("'/proc/kcore' and 1 more"));
    }

    #[test]
    fn the_mount_of_an_id() {
        let table = b"11 1 8:1 / / rw shared:1 - ext4 x rw\n1 11 0:5 / /a rw master:1 - tmpfs shared:2 rw\n";
        assert!(is_shared(table, 11));
        assert!(!is_shared(table, 1));
        assert!(!is_shared(table, 2));
    }
}
