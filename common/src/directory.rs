//! Going to a directory of a root that is not trusted.

use std::ffi::OsStr;

use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use nix::unistd::fchdir;

use crate::error::{Context, Result};

/// Makes `directory` the working directory, seen from `/`.
///
/// A magic link is not followed: `/proc/self/fd/7` would lead to whatever directory of the host a
/// descriptor was left open on (CVE-2024-21626).
///
/// # Errors
/// When the directory is missing, no directory, or reached only through a magic link (ELOOP).
pub fn enter(directory: impl AsRef<OsStr>) -> Result<()> {
    let directory = directory.as_ref();
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let how = OpenHow::new()
        .flags(flags)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);

    open("/", flags, Mode::empty())
        .and_then(|root| openat2(root, directory, how))
        .and_then(fchdir)
        .context("enter the directory", directory)
}
