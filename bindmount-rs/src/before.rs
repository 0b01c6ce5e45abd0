//! The steps that undo a change of existing mounts.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};

use common::{Context, Result, sys};
use nix::fcntl::{OFlag, open};
use nix::mount::MsFlags;
use nix::sys::stat::Mode;

use crate::line::Line;
use crate::mountinfo::{self, Mount};
use crate::options::{Change, Options, Propagation};
use crate::statmount;
use crate::undo::Step;

/// The attributes of the mount at `path` and, where they are to change too, of the mounts beneath it.
pub fn attributes(place: &OwnedFd, path: &OsStr, options: &Options) -> Result<Vec<Step>> {
    let failed = "read the attributes of";
    let top = attributes_of(place, path, options.top);
    let mut steps = vec![top.context(failed, path)?];
    if !options.recursive.is_none() {
        for mount in mountinfo::at(place).beneath {
            let Some(place) = reach(&mount) else { continue };
            let step = attributes_of(&place, mount.path(), options.recursive);
            steps.push(step.context(failed, mount.path())?);
        }
    }
    Ok(steps)
}

fn attributes_of(mount: &OwnedFd, path: &OsStr, change: Change) -> nix::Result<Step> {
    let back = change.back_to(statmount::attributes(mount)?);
    let id = sys::location(mount.as_fd())?.mount;
    Ok(Step::Changed { target: path.to_owned(), id, back })
}

/// Opens a mount; none if another covers it. A covered mount is not restored.
fn reach(mount: &Mount) -> Option<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    open(mount.path(), flags, Mode::empty()).ok()
}

/// The propagation of the target and, where it is to change too, of the mounts beneath it.
pub fn propagation(target: &OwnedFd, line: &Line) -> Result<Vec<Step>> {
    let changes = &line.options.propagation;
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    let mounts = mountinfo::at(target);
    let mut steps = Vec::new();
    for mount in mounts.top.iter() {
        steps.extend(propagation_of(target, &line.target, mount, changes)?);
    }
    let changes: Vec<_> = changes.iter().copied().filter(|change| change.recursive).collect();
    for mount in mounts.beneath.iter().filter(|_| !changes.is_empty()) {
        let Some(place) = reach(mount) else { continue };
        steps.extend(propagation_of(&place, mount.path(), mount, &changes)?);
    }
    Ok(steps)
}

/// The step back; none where nothing changes.
///
/// A mount cannot be put back into its peer group, or among its slaves, once it has left.
fn propagation_of(
    place: &OwnedFd,
    path: &OsStr,
    mount: &Mount,
    changes: &[Propagation],
) -> Result<Option<Step>> {
    let (now, back) = match mount {
        _ if mount.says(b"shared:") => (MsFlags::MS_SHARED, None),
        _ if mount.says(b"master:") => (MsFlags::MS_SLAVE, None),
        _ if mount.says(b"unbindable") => (MsFlags::MS_UNBINDABLE, Some(MsFlags::MS_UNBINDABLE)),
        _ => (MsFlags::MS_PRIVATE, Some(MsFlags::MS_PRIVATE)),
    };
    if changes.iter().all(|change| change.kind == now) {
        return Ok(None);
    }
    let id = sys::location(place.as_fd()).context("look at", path)?.mount;
    Ok(Some(Step::Propagated { target: path.to_owned(), id, back }))
}
