//! Owner, group and mode of what was mounted: `X-mount.owner=` and its kin.

use std::ffi::OsStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::accounts::{self, Accounts};
use common::{Context, Error, Result};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat};
use nix::unistd::{Gid, Uid, fchownat};

use crate::options::Options;

/// Gives the root of a mount the owner, the group and the mode that the options name.
pub fn set(mount: &OwnedFd, options: &Options) -> Result<()> {
    let uid = options.owner.as_deref().map(user).transpose()?;
    let gid = options.group.as_deref().map(group).transpose()?;
    if uid.is_some() || gid.is_some() {
        fchownat(mount, "", uid, gid, AtFlags::AT_EMPTY_PATH)
            .step("change the owner of a mount")?;
    }
    match options.mode {
        Some(mode) => set_mode(mount, mode).step("change the mode of a mount"),
        None => Ok(()),
    }
}

/// fchmod(2) takes no `O_PATH` descriptor: a directory is reached through itself, a file through /proc.
fn set_mode(mount: &OwnedFd, mode: u32) -> nix::Result<()> {
    let mode = Mode::from_bits_truncate(mode);
    match fchmodat(mount, ".", mode, FchmodatFlags::FollowSymlink) {
        Err(Errno::ENOTDIR) => {
            let link = format!("/proc/self/fd/{}", mount.as_raw_fd());
            fchmodat(AT_FDCWD, link.as_str(), mode, FchmodatFlags::FollowSymlink)
        }
        result => result,
    }
}

fn user(name: &OsStr) -> Result<Uid> {
    let found = match accounts::id(name.as_bytes()) {
        Some(uid) => Some(uid.into()),
        None => Accounts::of("/")?.user(name)?.map(|user| user.uid),
    };
    found.ok_or_else(|| Error::because("find the user", name, "there is none of that name"))
}

fn group(name: &OsStr) -> Result<Gid> {
    let found = match accounts::id(name.as_bytes()) {
        Some(gid) => Some(gid.into()),
        None => Accounts::of("/")?.group(name)?,
    };
    found.ok_or_else(|| Error::because("find the group", name, "there is none of that name"))
}
