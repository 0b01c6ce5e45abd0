//! Files in proc(5): of this process, where the root may belong to a container, and of others.

use std::fs;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::str::FromStr;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat2, readlinkat};
use nix::sys::stat::{Mode, fstat, fstatat, stat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::{Pid, getpid, getppid};

use crate::error::{Context, Error, Result};

/// The inode of the root directory of every procfs (linux/proc_ns.h).
const ROOT_INODE: u64 = 1;

/// The inode of the PID namespace that the machine started with (linux/proc_ns.h).
const FIRST_PID_NAMESPACE: u64 = 0xefff_fffc;

/// Opens the file `name` of this thread's directory in proc(5).
///
/// What a container has mounted on `/proc`, or over one of its files, may be anything: a file that takes a label and
/// throws it away, or the directory of another process (CVE-2019-16884, CVE-2019-19921). So `/proc` must be the root
/// of a procfs, and nothing be mounted on the way from it to the file. `thread-self` is then always this thread,
/// whatever PID namespace the procfs shows.
///
/// # Errors
/// Those of openat2(2); where the file would not be the kernel's.
pub fn open_own(name: &str, flags: OFlag) -> Result<OwnedFd> {
    let object = format!("/proc/thread-self/{name}");
    let refused = |reason: &str| Error::because("open", &object, reason);

    let proc = root().context("open", &object)?;
    let proc = proc.ok_or_else(|| refused("'/proc' is not the root of a proc file system"))?;
    let resolve = ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    let how = OpenHow::new().flags(flags | OFlag::O_CLOEXEC).resolve(resolve);
    openat2(&proc, &object["/proc/".len()..], how).map_err(|errno| match errno {
        Errno::EXDEV => refused("something else is mounted over it"),
        errno => Error::new("open", &object, errno),
    })
}

/// What `/proc` leads to, where it is the root of a procfs.
fn root() -> nix::Result<Option<OwnedFd>> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let proc = open("/proc", flags, Mode::empty())?;
    let is_proc = fstatfs(&proc).is_ok_and(|fs| fs.filesystem_type() == PROC_SUPER_MAGIC)
        && fstat(&proc).is_ok_and(|status| status.st_ino == ROOT_INODE);
    Ok(is_proc.then_some(proc))
}

/// Whether proc(5) is mounted on `/proc`: without it most causes of a failure cannot be found out.
#[must_use]
pub fn is_mounted() -> bool {
    root().is_ok_and(|root| root.is_some())
}

/// The hint for a failure of a step that needs proc(5), where that is not mounted.
#[must_use]
pub fn not_mounted() -> Option<String> {
    (!is_mounted()).then(|| "proc is not mounted on /proc".into())
}

/// The hint for a failure whose cause is looked up in proc(5), where that is not mounted.
#[must_use]
pub fn missing() -> Option<String> {
    (!is_mounted())
        .then(|| "proc is not mounted on /proc, so that the cause cannot be looked up".into())
}

/// Whether the parent of this process has the same root directory. A process that entered a container, and became
/// this one, was started from outside: its parent has another root. An init of its own, pid 1 of a PID namespace,
/// tells nothing: pivot_root(2) took it along.
///
/// Where the parent may not be looked at, or `/proc` shows another PID namespace, the answer is no.
#[must_use]
pub fn parent_has_same_root() -> bool {
    let same = || {
        let proc = root().ok()??;
        let own_number = readlinkat(&proc, "self").ok()?;
        let parent = getppid();
        if own_number.to_str()?.parse() != Ok(getpid().as_raw()) || parent.as_raw() == 0 {
            return None;
        }
        if parent.as_raw() == 1
            && fstatat(&proc, "self/ns/pid", AtFlags::empty()).ok()?.st_ino != FIRST_PID_NAMESPACE
        {
            return None;
        }
        let theirs = fstatat(&proc, format!("{parent}/root").as_str(), AtFlags::empty()).ok()?;
        let own = stat("/").ok()?;
        Some((theirs.st_dev, theirs.st_ino) == (own.st_dev, own.st_ino))
    };
    same().unwrap_or(false)
}

/// The number by which `/proc` knows the process that `pidfd` is open on. A process that has ended has none.
#[must_use]
pub fn number_of(pidfd: BorrowedFd) -> Option<Pid> {
    fdinfo(pidfd, "Pid:").filter(|&number| number > 0).map(Pid::from_raw)
}

/// The id in mountinfo of the mount that `file` is open on, also before Linux 5.8.
#[must_use]
pub fn mount_of(file: BorrowedFd) -> Option<u64> {
    fdinfo(file, "mnt_id:")
}

/// The number after `key` in `/proc/self/fdinfo` (proc_pid_fdinfo(5)).
fn fdinfo<T: FromStr>(descriptor: BorrowedFd, key: &str) -> Option<T> {
    let path = format!("/proc/self/fdinfo/{}", descriptor.as_raw_fd());
    let text = fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix(key))?.trim().parse().ok()
}

/// When the process of this number started, in clock ticks since the machine did: a later process of the same number
/// has another start.
///
/// # Errors
/// Those of reading `/proc/PID/stat`: ENOENT or ESRCH where there is no such process.
pub fn start_time(number: Pid) -> Result<u64> {
    let path = format!("/proc/{number}/stat");
    let text = fs::read(&path).map_err(|error| Error::from_io("read", &path, &error))?;
    start_in(&text).ok_or_else(|| Error::because("read", path, "it has no start time"))
}

/// Field 22 of proc(5). The second is a name that may hold blanks and brackets.
fn start_in(stat: &[u8]) -> Option<u64> {
    const FIELDS_BETWEEN: usize = 19;
    let name_end = stat.iter().rposition(|&byte| byte == b')')?;
    let fields = std::str::from_utf8(&stat[name_end + 1..]).ok()?;
    fields.split_ascii_whitespace().nth(FIELDS_BETWEEN)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn a_file_of_this_thread() {
        let file = open_own("status", OFlag::O_RDONLY).unwrap();
        let mut text = String::new();
        File::from(file).read_to_string(&mut text).unwrap();
        assert!(text.contains(&format!("\nPid:\t{}\n", nix::unistd::gettid())));
        assert_eq!(open_own("nosuch", OFlag::O_RDONLY).unwrap_err().errno(), Some(Errno::ENOENT));
    }

    #[test]
    fn the_mount_of_a_file() {
        let root = File::open("/").unwrap();
        assert_eq!(mount_of(root.as_fd()), crate::sys::mount_id(root.as_fd()).ok());
    }

    #[test]
    fn the_start_of_a_process() {
        let stat = b"7 (a) 1 ) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 1 2\n";
        assert_eq!(start_in(stat), Some(4711));
        assert_eq!(start_in(b"7 (a) S 1 7"), None);
        assert!(start_time(getpid()).unwrap() > 0);
    }
}
