//! Making a pseudo-terminal: on this machine, or inside a root that is not trusted.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use common::directory::{open_in_root, walk};
use common::sys::pty;
use common::{Context, Error, Hint, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat, makedev};
use nix::sys::statfs::{DEVPTS_SUPER_MAGIC, fstatfs};

const MASTER: OFlag = OFlag::O_RDWR.union(OFlag::O_NOCTTY).union(OFlag::O_CLOEXEC);

/// Nothing but that very name in that very file system.
const PLAIN: ResolveFlag = ResolveFlag::RESOLVE_BENEATH
    .union(ResolveFlag::RESOLVE_NO_SYMLINKS)
    .union(ResolveFlag::RESOLVE_NO_XDEV);

/// A pseudo-terminal.
#[derive(Debug)]
pub struct Pair {
    pub master: OwnedFd,
    pub slave: OwnedFd,
}

impl Pair {
    /// Out of this machine's devpts.
    pub fn here() -> Result<Self> {
        let master = open("/dev/ptmx", MASTER, Mode::empty()).context("open", "/dev/ptmx")?;
        Self::of(master)
    }

    /// Out of the devpts that the root has at /dev/pts, where its mount may be anything.
    ///
    /// A device is opened only when it is known to be the right one: to open another may start it.
    pub fn inside(root: &OwnedFd) -> Result<Self> {
        let master = open_in_devpts(root).or_else(|errno| match open_ptmx(root) {
            Err(Errno::ENOENT) => Err(errno),
            result => result,
        });
        let master = master.context("open", "/dev/pts/ptmx").hint(explain)?;
        Self::of(master)
    }

    /// The slave is asked of the master: a path to it could lead elsewhere.
    fn of(master: OwnedFd) -> Result<Self> {
        pty::unlock_slave(master.as_fd()).step("unlock the terminal")?;
        let slave = pty::open_slave(master.as_fd()).step("open the terminal")?;
        Ok(Self { master, slave })
    }
}

/// A devpts holds only devices of its own, so its ptmx is the right one unless something is mounted
/// on it.
fn open_in_devpts(root: &OwnedFd) -> nix::Result<OwnedFd> {
    let directory = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let devpts = open_in_root(root, "dev/pts", directory)?;
    if fstatfs(&devpts)?.filesystem_type() != DEVPTS_SUPER_MAGIC {
        return Err(Errno::ENODEV);
    }
    let master = walk(&devpts, "ptmx", OpenHow::new().flags(MASTER).resolve(PLAIN))?;
    check(&master)?;
    Ok(master)
}

/// The root's /dev/ptmx, where that leads to the ptmx of a devpts. What was found is what is opened: by
/// its descriptor, through the caller's own /proc.
fn open_ptmx(root: &OwnedFd) -> nix::Result<OwnedFd> {
    let found = open_in_root(root, "dev/ptmx", OFlag::O_PATH | OFlag::O_CLOEXEC)?;
    check(&found)?;
    let path = format!("/proc/self/fd/{}", found.as_raw_fd());
    let master = open(OsStr::new(&path), MASTER, Mode::empty())?;
    check(&master)?;
    Ok(master)
}

/// Whether it is the device that makes terminals, on a devpts.
fn check(ptmx: &OwnedFd) -> nix::Result<()> {
    let status = fstat(ptmx)?;
    let is_device = SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT == SFlag::S_IFCHR;
    let is_ptmx = is_device && status.st_rdev == makedev(5, 2);
    match is_ptmx && fstatfs(ptmx)?.filesystem_type() == DEVPTS_SUPER_MAGIC {
        true => Ok(()),
        false => Err(Errno::ENODEV),
    }
}

fn explain(error: &Error) -> Option<String> {
    match error.errno()? {
        Errno::ENOENT | Errno::ENODEV | Errno::ENOTDIR | Errno::ELOOP | Errno::EXDEV => Some(
            "the root needs a devpts of its own at /dev/pts: mount one there with the options \
             newinstance,ptmxmode=0666,mode=0620"
                .into(),
        ),
        Errno::EACCES => Some(
            "the devpts at /dev/pts lacks the option ptmxmode=0666, or is not the root's own"
                .into(),
        ),
        Errno::ENOSPC => Some("the devpts has no terminal left: its option max is reached".into()),
        _ => None,
    }
}
