//! Working in another mount namespace, and coming back.

use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use common::{Context, Result, accounts};
use nix::fcntl::{OFlag, open};
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::Mode;
use nix::unistd::{chroot, fchdir};

/// Another mount namespace, and what to come back to: setns(2) also changes the root and the working directory.
#[derive(Debug)]
pub struct Visit {
    there: OwnedFd,
    here: OwnedFd,
    root: OwnedFd,
    directory: OwnedFd,
}

impl Visit {
    /// Enters the mount namespace of a process, or the one that a file is.
    pub fn to(name: &OsStr) -> Result<Self> {
        let path = match accounts::id(name.as_bytes()) {
            Some(pid) => OsString::from(format!("/proc/{pid}/ns/mnt")),
            None => name.to_owned(),
        };
        let visit = Self {
            there: open_file(&path, OFlag::O_RDONLY)?,
            here: open_file("/proc/self/ns/mnt", OFlag::O_RDONLY)?,
            root: open_file("/", OFlag::O_PATH)?,
            directory: open_file(".", OFlag::O_PATH)?,
        };
        visit.enter().context("enter the mount namespace", path)?;
        Ok(visit)
    }

    /// Goes there, once more after [`Visit::leave`].
    pub fn enter(&self) -> nix::Result<()> {
        setns(&self.there, CloneFlags::CLONE_NEWNS)
    }

    /// Comes back.
    pub fn leave(&self) -> Result<()> {
        setns(&self.here, CloneFlags::CLONE_NEWNS)
            .and_then(|()| fchdir(&self.root))
            .and_then(|()| chroot("."))
            .and_then(|()| fchdir(&self.directory))
            .step("come back from the mount namespace")
    }
}

fn open_file(path: impl AsRef<OsStr>, flags: OFlag) -> Result<OwnedFd> {
    let path = path.as_ref();
    open(path, flags | OFlag::O_CLOEXEC, Mode::empty()).context("open", path)
}
