//! Where a file is, and what it has: statx(2), getxattr(2).

use std::ffi::{CStr, c_int, c_uint};
use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use super::{cwd, raw};

/// Whether the file `path` has the extended attribute `name` (getxattr(2)).
#[must_use]
pub fn has_attribute(path: &CStr, name: &CStr) -> bool {
    // SAFETY: both are C strings that outlive the call; a size of 0 asks for the length alone.
    unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), std::ptr::null_mut(), 0) >= 0 }
}

/// The mount that a path is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathMount {
    /// Its id: that of statmount(2) or, where that was not asked for, the reusable one of mountinfo.
    pub id: u64,
    /// The path is the root of the mount.
    pub is_mount_root: bool,
}

/// statx(2): the mount that a path is on, without mounting what automounts there. With `unique` its id is
/// the one that statmount(2) takes.
///
/// # Errors
/// Those of statx(2); ENOSYS where the kernel does not tell: before Linux 5.8, for unique ids before 6.8.
pub fn path_mount(path: &CStr, unique: bool) -> nix::Result<PathMount> {
    let mask = if unique { STATX_MNT_ID_UNIQUE } else { libc::STATX_MNT_ID };
    let status = statx(cwd(), path, libc::AT_NO_AUTOMOUNT, mask)?;
    if status.stx_mask & mask == 0 {
        return Err(Errno::ENOSYS);
    }
    Ok(PathMount { id: status.stx_mnt_id, is_mount_root: is_mount_root(&status) })
}

/// Where a file is: the mount that it was opened through, and what it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The mount's id: unique while the machine runs where the kernel knows such ids (Linux 6.8), otherwise unique
    /// among the mounts that are there now.
    pub mount: u64,
    /// Its device, as one number.
    pub device: u64,
    /// Its inode on that device.
    pub inode: u64,
    /// Whether it is the root of the mount.
    pub is_mount_root: bool,
}

/// The location of what `file` is open on; `O_PATH` will do.
///
/// # Errors
/// Those of statx(2).
pub fn location(file: BorrowedFd) -> nix::Result<Location> {
    let flags = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC;
    let mask = libc::STATX_INO | libc::STATX_MNT_ID | STATX_MNT_ID_UNIQUE;
    let status = statx(file, c"", flags, mask)?;
    Ok(Location {
        mount: status.stx_mnt_id,
        device: u64::from(status.stx_dev_major) << 32 | u64::from(status.stx_dev_minor),
        inode: status.stx_ino,
        is_mount_root: is_mount_root(&status),
    })
}

/// The id that mountinfo gives the mount that `file` is open on; `O_PATH` will do.
///
/// # Errors
/// Those of statx(2).
pub fn mount_id(file: BorrowedFd) -> nix::Result<u64> {
    let flags = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC;
    Ok(statx(file, c"", flags, libc::STATX_MNT_ID)?.stx_mnt_id)
}

/// The id of statmount(2) instead of the reusable one of mountinfo (Linux 6.8).
const STATX_MNT_ID_UNIQUE: c_uint = 0x4000;

fn statx(
    directory: BorrowedFd,
    path: &CStr,
    flags: c_int,
    mask: c_uint,
) -> nix::Result<libc::statx> {
    let mut status = std::mem::MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: path is a C string that outlives the call, and the kernel writes one struct statx.
    unsafe {
        Errno::result(libc::statx(
            raw(directory),
            path.as_ptr(),
            flags,
            mask,
            status.as_mut_ptr(),
        ))?;
        Ok(status.assume_init())
    }
}

fn is_mount_root(status: &libc::statx) -> bool {
    status.stx_attributes & libc::STATX_ATTR_MOUNT_ROOT as u64 != 0
}
