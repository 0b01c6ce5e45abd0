//! Owner, group and mode of what was mounted: `X-mount.owner=`, `X-mount.group=` and `X-mount.mode=`.

use std::ffi::OsStr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::accounts::{self, Host};
use common::{Error, Result};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::sys::stat::{FchmodatFlags, Mode, fchmodat, fstat};
use nix::unistd::{Gid, Uid, fchownat};

use crate::options::Options;

/// An owner, a group and a mode to set. `None` stays as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    uid: Option<Uid>,
    gid: Option<Gid>,
    mode: Option<Mode>,
}

impl Owner {
    /// Looks up the names of the options.
    pub fn of(options: &Options) -> Result<Self> {
        Ok(Self {
            uid: options.owner.as_deref().map(user).transpose()?,
            gid: options.group.as_deref().map(group).transpose()?,
            mode: options.mode.map(Mode::from_bits_truncate),
        })
    }

    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// Those of the root of a mount now.
    pub fn now(mount: &OwnedFd) -> nix::Result<Self> {
        let status = fstat(mount)?;
        Ok(Self {
            uid: Some(status.st_uid.into()),
            gid: Some(status.st_gid.into()),
            mode: Some(Mode::from_bits_truncate(status.st_mode)),
        })
    }

    /// Sets them on the root of a mount. A change of the owner may clear bits of the mode, so the mode comes last.
    pub fn set(self, mount: &OwnedFd) -> nix::Result<()> {
        if self.uid.is_some() || self.gid.is_some() {
            fchownat(mount, "", self.uid, self.gid, AtFlags::AT_EMPTY_PATH)?;
        }
        self.mode.map_or(Ok(()), |mode| set_mode(mount, mode))
    }
}

/// fchmod(2) takes no `O_PATH` descriptor: a directory is reached through itself, a file through /proc.
fn set_mode(mount: &OwnedFd, mode: Mode) -> nix::Result<()> {
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
        None => Host::default().user(name)?.map(|user| user.uid),
    };
    found.ok_or_else(|| Error::because("find the user", name, "no user has this name"))
}

fn group(name: &OsStr) -> Result<Gid> {
    let found = match accounts::id(name.as_bytes()) {
        Some(gid) => Some(gid.into()),
        None => Host::default().group(name)?,
    };
    found.ok_or_else(|| Error::because("find the group", name, "no group has this name"))
}
