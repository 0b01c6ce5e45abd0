//! Copies a directory into a file system that is not attached yet.
//!
//! The directory is an image's, and its owner may change it meanwhile: each entry is held by its descriptor
//! before its type is looked at, and opened by that. No symlink is followed and no mount is entered.

use std::ffi::{CStr, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::{Error, Result};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat};
use nix::sys::stat::{
    FileStat, Mode, SFlag, UtimensatFlags, fchmod, fstat, futimens, mkdirat, mknodat, utimensat,
};
use nix::sys::time::TimeSpec;
use nix::unistd::{Gid, Uid, fchown, fchownat, symlinkat};

use crate::place::is;

const DIRECTORY: OFlag =
    OFlag::O_RDONLY.union(OFlag::O_DIRECTORY).union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Only the owner may look into a directory that is not complete.
const PRIVATE: Mode = Mode::S_IRWXU;

/// Copies what `from` holds into `to`, which is empty: directories, files, symlinks and FIFOs, with their owners, modes
/// and times. Device nodes and sockets are left out. With `itself` the owner and mode of `to` become those of `from`.
pub fn tree(from: &OwnedFd, to: &OwnedFd, itself: bool) -> Result<()> {
    directory(from, to, itself).map_err(|Failure(name, errno)| match name.as_slice() {
        [] => Error::bare("copy the directory", errno),
        name => Error::new("copy", OsStr::from_bytes(name), errno),
    })
}

/// The name of the entry that could not be copied, and why.
struct Failure(Vec<u8>, Errno);

impl From<Errno> for Failure {
    fn from(errno: Errno) -> Self {
        Self(Vec::new(), errno)
    }
}

fn directory(from: &OwnedFd, to: &OwnedFd, itself: bool) -> Result<(), Failure> {
    let status = fstat(from)?;
    let from = openat(from, ".", DIRECTORY, Mode::empty())?;
    let to = openat(to, ".", DIRECTORY, Mode::empty())?;
    let mut entries = Dir::from_fd(from.as_fd().try_clone_to_owned().map_err(|_| Errno::EMFILE)?)?;
    for entry in entries.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if !matches!(name.to_bytes(), b"." | b"..") {
            copy(&from, &to, name).map_err(|Failure(below, errno)| {
                let separator: &[u8] = if below.is_empty() { b"" } else { b"/" };
                Failure([name.to_bytes(), separator, &below].concat(), errno)
            })?;
        }
    }
    match itself {
        true => Ok(give(&to, &status)?),
        false => Ok(()),
    }
}

fn copy(from: &OwnedFd, to: &OwnedFd, name: &CStr) -> Result<(), Failure> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let resolve = ResolveFlag::RESOLVE_NO_XDEV | ResolveFlag::RESOLVE_BENEATH;
    let entry = match openat2(from, name, OpenHow::new().flags(flags).resolve(resolve)) {
        // A mount of its own, or an entry that is gone.
        Err(Errno::EXDEV | Errno::ENOENT) => return Ok(()),
        entry => entry?,
    };
    let status = fstat(&entry)?;
    if is(&status, SFlag::S_IFDIR) {
        mkdirat(to, name, PRIVATE)?;
        let to = openat(to, name, DIRECTORY, Mode::empty())?;
        return directory(&entry, &to, true);
    }
    if is(&status, SFlag::S_IFREG) {
        return Ok(file(&entry, to, name, &status)?);
    }
    if is(&status, SFlag::S_IFLNK) {
        symlinkat(readlinkat(&entry, c"")?.as_os_str(), to, name)?;
        return Ok(finish(to, name, &status)?);
    }
    if is(&status, SFlag::S_IFIFO) {
        mknodat(to, name, SFlag::S_IFIFO, mode(&status), 0)?;
        return Ok(finish(to, name, &status)?);
    }
    Ok(())
}

/// Opens the very file whose status was read.
fn file(entry: &OwnedFd, to: &OwnedFd, name: &CStr, status: &FileStat) -> nix::Result<()> {
    let link = format!("/proc/self/fd/{}", entry.as_raw_fd());
    let mut source =
        File::from(open(link.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?);
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
    let mut copy = File::from(openat(to, name, flags, Mode::S_IRUSR | Mode::S_IWUSR)?);
    io::copy(&mut source, &mut copy)
        .map_err(|error| error.raw_os_error().map_or(Errno::EIO, Errno::from_raw))?;
    give(&OwnedFd::from(copy), status)
}

/// The owner, the mode and the times. An owner that the user namespace does not have is nobody's to give; a program
/// that would run as its owner must not run as another one.
fn give(file: &OwnedFd, status: &FileStat) -> nix::Result<()> {
    let mut mode = mode(status);
    let owned =
        fchown(file, Some(Uid::from_raw(status.st_uid)), Some(Gid::from_raw(status.st_gid)));
    match owned {
        Err(Errno::EINVAL | Errno::EPERM) => mode.remove(Mode::S_ISUID | Mode::S_ISGID),
        owned => owned?,
    }
    fchmod(file, mode)?;
    let (accessed, modified) = times(status);
    futimens(file, &accessed, &modified)
}

/// As [`give`], for what is not opened.
fn finish(directory: &OwnedFd, name: &CStr, status: &FileStat) -> nix::Result<()> {
    let (uid, gid) = (Uid::from_raw(status.st_uid), Gid::from_raw(status.st_gid));
    match fchownat(directory, name, Some(uid), Some(gid), AtFlags::AT_SYMLINK_NOFOLLOW) {
        Err(Errno::EINVAL | Errno::EPERM) => {}
        owned => owned?,
    }
    let (accessed, modified) = times(status);
    utimensat(directory, name, &accessed, &modified, UtimensatFlags::NoFollowSymlink)
}

fn times(status: &FileStat) -> (TimeSpec, TimeSpec) {
    let accessed = TimeSpec::new(status.st_atime, status.st_atime_nsec);
    (accessed, TimeSpec::new(status.st_mtime, status.st_mtime_nsec))
}

fn mode(status: &FileStat) -> Mode {
    Mode::from_bits_truncate(status.st_mode)
}
