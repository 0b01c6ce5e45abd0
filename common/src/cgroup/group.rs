//! A cgroup, held by its directory.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat};
use nix::sys::stat::{Mode, fstat, stat};
use nix::sys::statfs::{CGROUP_SUPER_MAGIC, CGROUP2_SUPER_MAGIC, fstatfs};
use nix::unistd::{UnlinkatFlags, read, unlinkat, write};

use crate::error::{Context, Error, Result};
use crate::sys;

/// The version of a hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// A hierarchy of some controllers, or of a name alone.
    One,
    /// The unified hierarchy.
    Two,
}

/// What may be open on a directory, and no more.
pub(super) const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// A cgroup.
#[derive(Debug)]
pub struct Group {
    directory: OwnedFd,
    path: OsString,
    version: Version,
}

impl Group {
    /// Opens the cgroup of this directory.
    ///
    /// # Errors
    /// Those of open(2): ENOTDIR where it is a file; where it is the directory of another file system.
    pub fn open(path: impl Into<OsString>) -> Result<Self> {
        let path = path.into();
        let directory =
            open(path.as_os_str(), DIRECTORY, Mode::empty()).context("open the cgroup", &path)?;
        Self::of(directory, path)
    }

    /// The cgroup that `directory` is open on, which `path` leads to.
    ///
    /// # Errors
    /// Where it is the directory of another file system.
    pub fn of(directory: OwnedFd, path: OsString) -> Result<Self> {
        let version = version_of(directory.as_fd())
            .ok_or_else(|| Error::because("open the cgroup", &path, "it is not a cgroup"))?;
        Ok(Self { directory, path, version })
    }

    /// The path that it was opened by.
    #[must_use]
    pub fn path(&self) -> &OsStr {
        &self.path
    }

    /// Whether its path leads through the other one.
    #[must_use]
    pub fn is_below(&self, other: &Self) -> bool {
        self.path != other.path && Path::new(&self.path).starts_with(&other.path)
    }

    /// The version of its hierarchy.
    #[must_use]
    pub fn version(&self) -> Version {
        self.version
    }

    /// The file through which a process of one thread joins without a grace period of RCU, where there is one: the
    /// kernel takes its lock of all thread groups for any other move (cgroup_procs_write_start of kernel/cgroup).
    /// Version 2 has none; there a process is born in the cgroup.
    #[must_use]
    pub fn entrance(&self) -> &'static str {
        match self.version {
            Version::One => "tasks",
            Version::Two => "cgroup.procs",
        }
    }

    /// Opens one of its files.
    ///
    /// # Errors
    /// Those of openat(2).
    pub fn open_file(
        &self,
        name: &(impl AsRef<OsStr> + ?Sized),
        flags: OFlag,
    ) -> nix::Result<OwnedFd> {
        openat(
            &self.directory,
            name.as_ref(),
            flags | OFlag::O_CLOEXEC | OFlag::O_NOFOLLOW,
            Mode::empty(),
        )
    }

    /// What one of its files says.
    ///
    /// # Errors
    /// Those of openat(2) and read(2).
    pub fn read(&self, name: &(impl AsRef<OsStr> + ?Sized)) -> nix::Result<Vec<u8>> {
        read_all(&self.open_file(name, OFlag::O_RDONLY)?)
    }

    /// Writes to one of its files, in one call, as each of them takes it.
    ///
    /// # Errors
    /// Those of openat(2) and write(2).
    pub fn write(&self, name: &(impl AsRef<OsStr> + ?Sized), text: &[u8]) -> nix::Result<()> {
        write(self.open_file(name, OFlag::O_WRONLY)?, text).map(drop)
    }

    /// Has this process join it, which must have one thread.
    ///
    /// # Errors
    /// EBUSY in version 2 where its controllers are enabled for sub-cgroups, ENOSPC in version 1 where its cpuset has
    /// no CPU or no memory, EACCES where it is not the caller's.
    pub fn join(&self) -> nix::Result<()> {
        self.write(self.entrance(), b"0")
    }

    /// Removes it, where it holds neither a process nor a cgroup. One that is gone already, also where there is
    /// another one of its name by now, is not an error.
    ///
    /// # Errors
    /// Those of rmdir(2): EBUSY where it is not empty.
    pub fn remove_empty(&self) -> nix::Result<()> {
        match stat(self.path.as_os_str()) {
            Ok(status) if status.st_ino == fstat(&self.directory)?.st_ino => {}
            Ok(_) | Err(Errno::ENOENT) => return Ok(()),
            Err(errno) => return Err(errno),
        }
        match unlinkat(sys::cwd(), self.path.as_os_str(), UnlinkatFlags::RemoveDir) {
            Err(Errno::ENOENT) => Ok(()),
            removed => removed,
        }
    }
}

impl AsFd for Group {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

/// The version of the hierarchy that a directory belongs to; none where it is of another file system.
#[must_use]
pub fn version_of(directory: BorrowedFd) -> Option<Version> {
    match fstatfs(directory).ok()?.filesystem_type() {
        CGROUP_SUPER_MAGIC => Some(Version::One),
        CGROUP2_SUPER_MAGIC => Some(Version::Two),
        _ => None,
    }
}

pub(super) fn read_all(file: &OwnedFd) -> nix::Result<Vec<u8>> {
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        match read(file, &mut buffer)? {
            0 => return Ok(text),
            length => text.extend_from_slice(&buffer[..length]),
        }
    }
}
