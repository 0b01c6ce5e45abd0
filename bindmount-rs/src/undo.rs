//! The steps that were done, to undo them if a later one fails.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::sys;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::fchdir;

use crate::detached;
use crate::mountinfo::{self, Mount};
use crate::options::{Change, Propagation};
use crate::owner::Owner;
use crate::place::{Made, Places, is};
use crate::statmount;

/// One thing that was done.
///
/// A mount is remembered by its id, not by a descriptor: a table may have more lines than a process
/// may have descriptors.
#[derive(Debug)]
pub enum Step {
    Made(Made),
    Mounted {
        target: OsString,
        id: u64,
    },
    /// The mount above is mounted on this one now, and would be unmounted with it.
    MountedBeneath {
        target: OsString,
    },
    /// The mount after it also became the root that targets are found in.
    Entered,
    /// All other mounts were unmounted.
    Detached,
    Moved {
        source: OsString,
        target: OsString,
        id: u64,
    },
    Changed {
        target: OsString,
        id: u64,
        back: Change,
    },
    /// The owner and the mode of its root are another's.
    Owned {
        target: OsString,
        id: u64,
        before: Owner,
    },
    Propagated {
        target: OsString,
        id: u64,
        /// None where the kernel has no way back.
        back: Option<MsFlags>,
    },
}

impl Step {
    /// What is undone, as the step of an error that names the target.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Made(_) => "undo the making of",
            Self::Mounted { .. } | Self::MountedBeneath { .. } => "undo the mount at",
            Self::Entered => "undo the entering of",
            Self::Detached => "undo the unmounts on",
            Self::Moved { .. } => "undo the move to",
            Self::Changed { .. } => "undo the change of the attributes of",
            Self::Owned { .. } => "undo the change of the owner of",
            Self::Propagated { .. } => "undo the change of the propagation of",
        }
    }

    /// Whether the effect of a step that could not be undone is left. It may be gone with a mount that was undone
    /// after it. `errno` is the reason why it could not be undone.
    pub fn is_left(&self, places: &Places, errno: Errno) -> bool {
        match self {
            // Somebody has put something else in its place.
            Self::Made(_) if matches!(errno, Errno::ESTALE | Errno::ENOENT) => true,
            Self::Made(made) => made.is_there(places),
            Self::Entered => false,
            Self::MountedBeneath { .. } | Self::Detached => true,
            Self::Mounted { target, id }
            | Self::Moved { target, id, .. }
            | Self::Changed { target, id, .. }
            | Self::Owned { target, id, .. }
            | Self::Propagated { target, id, .. } => find(places, target, *id).is_ok(),
        }
    }

    /// Where it was done.
    pub fn target(&self) -> &OsStr {
        match self {
            Self::Made(made) => made.path(),
            Self::Mounted { target, .. }
            | Self::MountedBeneath { target }
            | Self::Moved { target, .. }
            | Self::Changed { target, .. }
            | Self::Owned { target, .. }
            | Self::Propagated { target, .. } => target,
            Self::Entered | Self::Detached => OsStr::new("/"),
        }
    }

    /// Undoes the step, if its effect is still there.
    pub fn undo(&self, places: &mut Places) -> nix::Result<()> {
        match self {
            Self::Made(made) => made.remove(places),
            Self::Mounted { target, id } => unmount(places, target, &find(places, target, *id)?),
            Self::MountedBeneath { .. } | Self::Detached => Err(Errno::EOPNOTSUPP),
            Self::Entered => {
                places.leave();
                Ok(())
            }
            Self::Moved { source, target, id } => {
                let mount = find(places, target, *id)?;
                let place =
                    open(source.as_os_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
                sys::move_mount(mount.as_fd(), place.as_fd(), 0)
            }
            Self::Changed { target, id, back } => {
                detached::set(find(places, target, *id)?.as_fd(), 0, *back)
            }
            Self::Owned { target, id, before } => before.set(&find(places, target, *id)?),
            Self::Propagated { target, id, back } => {
                let kind = back.ok_or(Errno::EOPNOTSUPP)?;
                let back = Propagation { kind, recursive: false };
                detached::propagate(find(places, target, *id)?.as_fd(), &[back])
            }
        }
    }
}

/// How many times to look for a mount that another process keeps moving.
const TRIES: usize = 4096;

/// The mount of this id at its target, or wherever that has been renamed to.
fn find(places: &Places, target: &OsStr, id: u64) -> nix::Result<OwnedFd> {
    let is_it = |mount: OwnedFd| match sys::location(mount.as_fd())?.mount == id {
        true => Ok(mount),
        false => Err(Errno::ESTALE),
    };
    let mut found = places.open(target, false).and_then(is_it);
    for _ in 0..TRIES {
        let (Err(_), Ok(path)) = (&found, statmount::path(id)) else { break };
        found = open_straight(OsStr::from_bytes(path.to_bytes())).and_then(is_it);
    }
    found.or_else(|errno| in_table(id).ok_or(errno))
}

/// No id of the mount table is as large.
const FIRST_UNIQUE_ID: u64 = 1 << 31;

/// The same where statmount(2) does not tell (before Linux 6.8, or under a seccomp filter): by the mount table. That
/// gives ids of its own, which the unique ones are not among.
fn in_table(id: u64) -> Option<OwnedFd> {
    let is_it = |mount: &OwnedFd| sys::location(mount.as_fd()).is_ok_and(|there| there.mount == id);
    let may_be_it = |mount: &Mount| mount.id == id || id >= FIRST_UNIQUE_ID;
    let reach = |mount: Mount| open_straight(mount.path()).ok().filter(is_it);
    mountinfo::read().into_iter().filter(may_be_it).find_map(reach)
}

fn open_straight(path: &OsStr) -> nix::Result<OwnedFd> {
    open(path, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
}

/// umount2(2) takes only a path: the descriptor's own, which nobody can swap and which needs no permission.
fn unmount(places: &Places, target: &OsStr, mount: &OwnedFd) -> nix::Result<()> {
    let link = format!("/proc/self/fd/{}", mount.as_raw_fd());
    match umount2(link.as_str(), MntFlags::MNT_DETACH) {
        Err(Errno::ENOENT | Errno::ENOTDIR) => {}
        result => return result,
    }
    // Without /proc a directory is `.`, and a file its name in its directory.
    if is(&fstat(mount)?, SFlag::S_IFDIR) {
        return unmount_in(mount, OsStr::new("."), MntFlags::MNT_DETACH);
    }
    let (directory, name) = places.parent(target)?;
    unmount_in(&directory, name, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)
}

fn unmount_in(directory: &OwnedFd, name: &OsStr, flags: MntFlags) -> nix::Result<()> {
    let here = open(".", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())?;
    fchdir(directory)?;
    let result = umount2(name, flags);
    fchdir(here)?;
    result
}
