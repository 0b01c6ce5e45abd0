//! The owners that a mount shows: a user namespace that maps them.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::process;

use common::sys::flags::AT_RECURSIVE;
use common::sys::{self, MountAttr};
use common::{Context, Error, Result, accounts, quote};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::Mode;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, pipe2, read, write};

const MOUNT_ATTR_IDMAP: u64 = 0x10_0000;

/// Where the map comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdMap {
    /// The file of a user namespace.
    Namespace(OsString),
    /// The lines of uid_map and of gid_map (user_namespaces(7)).
    Lines { users: String, groups: String },
}

impl IdMap {
    /// The value of `X-mount.idmap=`: the path of a user namespace, or `[u:|g:|b:]INNER:OUTER:COUNT`,
    /// separated by spaces.
    pub fn parse(value: &OsStr) -> Result<Self> {
        if value.as_bytes().starts_with(b"/") {
            return Ok(Self::Namespace(value.to_owned()));
        }
        let (mut users, mut groups) = (String::new(), String::new());
        for range in value.as_bytes().split(|&byte| byte == b' ').filter(|r| !r.is_empty()) {
            let (kind, numbers) = match range {
                [kind @ (b'u' | b'g' | b'b'), b':', numbers @ ..] => (*kind, numbers),
                numbers => (b'b', numbers),
            };
            let line = line(numbers).ok_or_else(|| malformed(OsStr::from_bytes(numbers)))?;
            if kind != b'g' {
                users += &line;
            }
            if kind != b'u' {
                groups += &line;
            }
        }
        if users.is_empty() && groups.is_empty() {
            return Err(malformed(value));
        }
        Ok(Self::Lines { users, groups })
    }

    /// Adds the ranges of another option to these.
    pub fn join(self, other: Self) -> Result<Self> {
        match (self, other) {
            (Self::Lines { users, groups }, Self::Lines { users: more, groups: others }) => {
                Ok(Self::Lines { users: users + &more, groups: groups + &others })
            }
            _ => Err(Error::usage("a map of owners is one user namespace or ranges, not both")),
        }
    }

    /// Makes a tree that is not attached show the mapped owners.
    pub fn apply(&self, tree: &OwnedFd, recursive: bool, target: &OsStr) -> Result<()> {
        let namespace = self.namespace()?;
        let attr = MountAttr {
            set: MOUNT_ATTR_IDMAP,
            userns_fd: namespace.as_raw_fd() as u64,
            ..MountAttr::default()
        };
        let flags = if recursive { AT_RECURSIVE } else { 0 };
        sys::mount_setattr(tree.as_fd(), flags, &attr)
            .context("map the owners of the mount for", target)
    }

    fn namespace(&self) -> Result<OwnedFd> {
        match self {
            Self::Namespace(path) => open_namespace(path),
            Self::Lines { users, groups } => make_namespace(users, groups),
        }
    }
}

fn line(numbers: &[u8]) -> Option<String> {
    let mut numbers = numbers.split(|&byte| byte == b':').map(accounts::id);
    let (inner, outer, count) = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then(|| format!("{inner} {outer} {count}\n"))
}

fn malformed(range: &OsStr) -> Error {
    Error::usage(format!("a map of owners is INNER:OUTER:COUNT, not {}", quote(range)))
}

fn open_namespace(path: &OsStr) -> Result<OwnedFd> {
    open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        .context("open the user namespace", path)
}

/// A user namespace lives in a process or a descriptor: a child makes it and waits until we have opened it.
fn make_namespace(users: &str, groups: &str) -> Result<OwnedFd> {
    let (made, tell_made) = pipe2(OFlag::O_CLOEXEC).step("make a pipe")?;
    let (opened, tell_opened) = pipe2(OFlag::O_CLOEXEC).step("make a pipe")?;
    let child = match sys::fork().step("fork")? {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            drop(tell_opened);
            process::exit(hold_namespace(&tell_made, &opened));
        }
    };
    drop((tell_made, opened));

    let mut told = [0; 8];
    read(&made, &mut told).step("wait for the child")?;
    let [errno, number] =
        [0, 4].map(|at| i32::from_le_bytes(std::array::from_fn(|i| told[at + i])));
    let namespace = match (errno, number) {
        (0, 1..) => map(Pid::from_raw(number), users, groups),
        (0, _) => Err(Error::because("make", "a user namespace", "proc is not mounted on /proc")),
        (errno, _) => Err(Error::bare("make a user namespace", Errno::from_raw(errno))),
    };
    drop(tell_opened);
    waitpid(child, None).step("wait for the child")?;
    namespace
}

/// Tells the parent the errno, or 0, and the number by which /proc knows this process: it may be the proc of another
/// PID namespace. Stays until the parent has closed its side.
fn hold_namespace(tell_made: &OwnedFd, opened: &OwnedFd) -> i32 {
    let errno = unshare(CloneFlags::CLONE_NEWUSER).err().map_or(0, |errno| errno as i32);
    let number = fs::read_link("/proc/self").ok();
    let number: i32 = number.and_then(|number| number.to_str()?.parse().ok()).unwrap_or_default();
    let _ = write(tell_made, &[errno.to_le_bytes(), number.to_le_bytes()].concat());
    let _ = read(opened, &mut [0]);
    0
}

fn map(child: Pid, users: &str, groups: &str) -> Result<OwnedFd> {
    let file = |name: &str| format!("/proc/{child}/{name}");
    if !users.is_empty() {
        write_map(&file("uid_map"), users)?;
    }
    if !groups.is_empty() {
        write_map(&file("gid_map"), groups)?;
    }
    open_namespace(OsStr::new(&file("ns/user")))
}

fn write_map(path: &str, text: &str) -> Result<()> {
    fs::write(path, text).map_err(|e| Error::from_io("write", path, &e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::arbitrary::Arbitrary;

    fn parse(value: &[u8]) -> Result<IdMap> {
        IdMap::parse(OsStr::from_bytes(value))
    }

    #[test]
    fn ranges_are_for_users_groups_or_both() {
        let map = parse(b"u:0:1000:1 g:0:2000:1 b:5:6:7 8:9:1").unwrap();
        let users = "0 1000 1\n5 6 7\n8 9 1\n".to_owned();
        let groups = "0 2000 1\n5 6 7\n8 9 1\n".to_owned();
        assert_eq!(map, IdMap::Lines { users, groups });
        let namespace = parse(b"/proc/1/ns/user").unwrap();
        assert_eq!(namespace, IdMap::Namespace("/proc/1/ns/user".into()));
        assert!(namespace.join(map).is_err());
    }

    #[test]
    fn what_is_no_range() {
        for value in ["", " ", "1", "1:2", "1:2:3:4", "x:1:2:3", "-1:2:3", "1:2:4294967296", "u:"] {
            assert!(parse(value.as_bytes()).is_err(), "{value}");
        }
    }

    #[test]
    fn arbitrary_bytes_are_a_map_or_an_error() {
        let mut arbitrary = Arbitrary::new();
        for _ in 0..20_000 {
            let text =
                arbitrary.text(&[b"u", b"g", b"b", b":", b" ", b"0", b"7", b"4294967295", b"/"]);
            if let Ok(IdMap::Lines { users, groups }) = parse(&text) {
                assert!(!users.is_empty() || !groups.is_empty());
            }
        }
    }
}
