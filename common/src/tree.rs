//! Removing a directory with what is in it.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{Mode, fstat, stat};
use nix::unistd::{UnlinkatFlags, unlinkat};

use crate::{Context, Hint, Result, denied, start, sys};

/// A directory. It is held open: if another one takes its name, that one is not removed.
#[derive(Debug)]
pub struct Tree {
    path: OsString,
    directory: OwnedFd,
}

const DIRECTORY: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

impl Tree {
    /// # Errors
    /// If it cannot be opened.
    pub fn open(path: &OsStr) -> Result<Self> {
        // With a slash at its end a symlink would be followed.
        let end = path.as_bytes().iter().rposition(|&byte| byte != b'/').map_or(1, |at| at + 1);
        let path = OsStr::from_bytes(&path.as_bytes()[..end.min(path.len())]);
        let directory = open(path, DIRECTORY, Mode::empty()).context("open the directory", path)?;
        Ok(Self { path: path.to_owned(), directory })
    }

    /// Removes it with what is in it. It is not an error if it is gone already.
    ///
    /// # Errors
    /// If a file in it, or the directory itself, cannot be removed.
    pub fn remove(&self) -> Result<()> {
        empty(&self.directory)
            .and_then(|()| self.remove_empty())
            .context("remove the directory", &self.path)
            .hint(|error| denied::openat2_hint(error.errno()?))
    }

    fn remove_empty(&self) -> nix::Result<()> {
        match stat(self.path.as_os_str()) {
            Ok(found) => {
                let own = fstat(&self.directory)?;
                if (found.st_dev, found.st_ino) != (own.st_dev, own.st_ino) {
                    return Ok(());
                }
            }
            Err(Errno::ENOENT) => return Ok(()),
            Err(errno) => return Err(errno),
        }
        gone(unlinkat(sys::cwd(), self.path.as_os_str(), UnlinkatFlags::RemoveDir))
    }
}

/// Does `work`, and removes `path` if it fails. The directory is opened before: `work` may enter another root, where the path
/// leads elsewhere.
///
/// # Errors
/// Those of `work`, or if the directory cannot be opened.
pub fn remove_if_fails<T>(path: Option<&OsStr>, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let tree = path.map(Tree::open).transpose()?;
    work().inspect_err(|_| {
        let removed = tree.as_ref().map_or(Ok(()), Tree::remove);
        removed.unwrap_or_else(|error| start::report(&error));
    })
}

/// Removes `path` after a failure that has its own message; a second failure is only reported.
pub fn remove_after_failure(path: Option<&OsStr>) {
    let Some(path) = path else { return };
    let removed = Tree::open(path).and_then(|tree| tree.remove());
    removed.unwrap_or_else(|error| start::report(&error));
}

/// No link is followed, and nothing that is mounted inside is entered.
fn empty(directory: &OwnedFd) -> nix::Result<()> {
    for (name, kind) in entries(directory)? {
        if kind == Some(Type::Directory) {
            let how = OpenHow::new()
                .flags(DIRECTORY)
                .resolve(ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_NO_SYMLINKS);
            match openat2(directory, name.as_c_str(), how) {
                Ok(below) => empty(&below)?,
                Err(Errno::ENOENT) => continue,
                Err(errno) => return Err(errno),
            }
            gone(unlinkat(directory.as_fd(), name.as_c_str(), UnlinkatFlags::RemoveDir))?;
        } else {
            gone(unlinkat(directory.as_fd(), name.as_c_str(), UnlinkatFlags::NoRemoveDir))?;
        }
    }
    Ok(())
}

fn entries(directory: &OwnedFd) -> nix::Result<Vec<(CString, Option<Type>)>> {
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let mut open = match Dir::openat(directory, c".", flags, Mode::empty()) {
        // Another process has removed it.
        Err(Errno::ENOENT) => return Ok(Vec::new()),
        open => open?,
    };
    let is_own = |name: &CStr| name == c"." || name == c"..";
    open.iter()
        .filter(|entry| !entry.as_ref().is_ok_and(|entry| is_own(entry.file_name())))
        .map(|entry| entry.map(|entry| (entry.file_name().to_owned(), entry.file_type())))
        .collect()
}

fn gone(removed: nix::Result<()>) -> nix::Result<()> {
    match removed {
        Err(Errno::ENOENT) => Ok(()),
        removed => removed,
    }
}
