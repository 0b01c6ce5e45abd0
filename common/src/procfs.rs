//! Files of this process in proc(5), where the root may belong to a container.

use std::os::fd::OwnedFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{Mode, fstat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use crate::error::{Context, Error, Result};

/// The inode of the root directory of every procfs (linux/proc_ns.h).
const ROOT_INODE: u64 = 1;

/// Opens the file `name` of this thread's directory in proc(5).
///
/// What a container has mounted on `/proc`, or over one of its files, may be anything: a file that takes a label and
/// throws it away, or the directory of another process (CVE-2019-16884, CVE-2019-19921). So `/proc` must be the root
/// of a procfs, and nothing be mounted on the way from it to the file. `thread-self` is then surely this thread,
/// whatever PID namespace the procfs shows.
///
/// # Errors
/// Those of openat2(2); where the file would not be the kernel's.
pub fn open_own(name: &str, flags: OFlag) -> Result<OwnedFd> {
    let object = format!("/proc/thread-self/{name}");
    let refused = |reason: &str| Error::because("open", &object, reason);

    let directory = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let proc = open("/proc", directory, Mode::empty()).context("open", &object)?;
    let is_proc = fstatfs(&proc).is_ok_and(|fs| fs.filesystem_type() == PROC_SUPER_MAGIC)
        && fstat(&proc).is_ok_and(|status| status.st_ino == ROOT_INODE);
    if !is_proc {
        return Err(refused("'/proc' is not the root of a proc file system"));
    }
    let resolve = ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
    openat2(&proc, &object["/proc/".len()..], how).map_err(|errno| match errno {
        Errno::EXDEV => refused("something else is mounted over it"),
        errno => Error::new("open", &object, errno),
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;

    use super::*;

    #[test]
    fn a_file_of_this_thread() {
        let file = open_own("status", OFlag::O_RDONLY).unwrap();
        let mut text = String::new();
        File::from(file).read_to_string(&mut text).unwrap();
        assert!(text.contains(&format!("\nPid:\t{}\n", nix::unistd::gettid())));
        assert_eq!(open_own("nosuch", OFlag::O_RDONLY).unwrap_err().errno(), Some(Errno::ENOENT));
    }
}
