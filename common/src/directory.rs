//! Going to a directory of a root that is not trusted.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use nix::unistd::fchdir;

use crate::error::{Context, Error, Hint, Result, quote};

/// How often a walk is tried again.
const TRIES: usize = 128;

/// What may be open on a directory, and no more.
const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// openat2(2), again where a rename or a mount anywhere on the machine came in between: of a walk with
/// a ".." in it the kernel then cannot tell whether it stayed inside, and gives EAGAIN.
///
/// # Errors
/// Those of openat2(2).
pub fn walk<P: NixPath + ?Sized>(start: impl AsFd, path: &P, how: OpenHow) -> nix::Result<OwnedFd> {
    for _ in 1..TRIES {
        match openat2(start.as_fd(), path, how) {
            Err(Errno::EAGAIN) => {}
            result => return result,
        }
    }
    openat2(start, path, how)
}

/// Opens `path` inside the root that `root` is open on: no link leads out of it, and none of /proc is
/// followed.
///
/// # Errors
/// Those of openat2(2); ELOOP for a magic link.
pub fn open_in_root<P: NixPath + ?Sized>(
    root: impl AsFd,
    path: &P,
    flags: OFlag,
) -> nix::Result<OwnedFd> {
    let inside = ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS;
    walk(root, path, OpenHow::new().flags(flags).resolve(inside))
}

/// Makes `directory` the working directory, seen from `/`.
///
/// A magic link is not followed: `/proc/self/fd/7` would lead to whatever directory of the host a
/// descriptor was left open on (CVE-2024-21626).
///
/// # Errors
/// When the directory is missing, no directory, or reached only through a magic link (ELOOP).
pub fn enter(directory: impl AsRef<OsStr>) -> Result<()> {
    let directory = directory.as_ref();
    open("/", DIRECTORY, Mode::empty())
        .and_then(|root| open_in_root(root, directory, DIRECTORY))
        .and_then(fchdir)
        .context("enter the directory", directory)
}

/// The directory as it was given, for an option like `--wd`: it has no place to be relative to.
///
/// # Errors
/// A usage error where it is relative or empty.
pub fn absolute(directory: OsString) -> Result<OsString> {
    match Path::new(&directory).is_absolute() {
        true => Ok(directory),
        false => Err(Error::usage(format!("{} is no absolute path", quote(directory)))),
    }
}

/// A descriptor for `directory` of the root that `root` is open on, to be entered once the root has
/// changed: what is wrong with it shows while there is still nothing to undo.
///
/// # Errors
/// As [`enter`], with a hint where the directory stands in the old root alone.
pub fn find(root: impl AsFd, directory: impl AsRef<OsStr>) -> Result<OwnedFd> {
    let directory = directory.as_ref();
    open_in_root(root, directory, DIRECTORY)
        .context("enter the directory", directory)
        .hint(|error| explain(error, directory))
}

fn explain(error: &Error, directory: &OsStr) -> Option<String> {
    let outside = error.errno() == Some(Errno::ENOENT) && Path::new(directory).is_dir();
    outside
        .then(|| format!("{} is a directory of the old root, not of the new one", quote(directory)))
}
