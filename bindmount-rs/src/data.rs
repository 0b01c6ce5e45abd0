//! A file in memory to bind: the only file of an unattached tmpfs.

use std::ffi::{OsStr, c_int};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use common::sys;
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::mount::{MntFlags, umount2};
use nix::sys::stat::Mode;

use crate::options::Options;
use crate::place::NoMask;
use crate::{descriptor, detached};

const NAME: &str = "data";

/// The rest of the descriptor's data, as a mount of one file. Before Linux 6.15 the kernel copies no part of an
/// unattached mount: the tmpfs is then attached to `place` for a moment, which no other process may see.
pub fn file(number: c_int, mode: u32, place: Option<&OwnedFd>) -> common::Result<OwnedFd> {
    let mut options = Options::default();
    options.add(OsStr::new("nosuid,nodev,mode=755"))?;
    let tmpfs =
        detached::file_system(c"tmpfs", c"tmpfs", &options).map_err(|failure| failure.error)?;
    fill(&tmpfs, number, mode)
        .and_then(|()| match (copy(&tmpfs), place) {
            (Err(Errno::EINVAL), Some(place)) => copy_attached(&tmpfs, place),
            (result, _) => result,
        })
        .map_err(|errno| common::Error::new("copy the descriptor", number.to_string(), errno))
}

fn fill(tmpfs: &OwnedFd, number: c_int, mode: u32) -> nix::Result<()> {
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let _mask = NoMask::new();
    descriptor::copy(number, openat(tmpfs, NAME, flags, Mode::from_bits_truncate(mode))?)
}

fn copy(tmpfs: &OwnedFd) -> nix::Result<OwnedFd> {
    let file = openat(tmpfs, NAME, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    detached::copy_of(file.as_fd(), false)
}

fn copy_attached(tmpfs: &OwnedFd, place: &OwnedFd) -> nix::Result<OwnedFd> {
    sys::move_mount(tmpfs.as_fd(), place.as_fd(), 0)?;
    let copy = copy(tmpfs);
    let path = format!("/proc/self/fd/{}", tmpfs.as_raw_fd());
    umount2(path.as_str(), MntFlags::MNT_DETACH).and(copy)
}
