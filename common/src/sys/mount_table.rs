//! The mount table by statmount(2) and listmount(2).

use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use super::{check, raw};

/// What statmount(2) can be asked for (`STATMOUNT_*` of linux/mount.h).
#[allow(missing_docs)]
pub mod statmount {
    pub const SB_BASIC: u64 = 0x1;
    pub const MNT_BASIC: u64 = 0x2;
    pub const PROPAGATE_FROM: u64 = 0x4;
    pub const MNT_ROOT: u64 = 0x8;
    pub const MNT_POINT: u64 = 0x10;
    pub const FS_TYPE: u64 = 0x20;
    pub const MNT_NS_ID: u64 = 0x40;
    pub const MNT_OPTS: u64 = 0x80;
    pub const FS_SUBTYPE: u64 = 0x100;
    pub const SB_SOURCE: u64 = 0x200;
    pub const OPT_SEC_ARRAY: u64 = 0x800;
    pub const SUPPORTED_MASK: u64 = 0x1000;
    pub const MNT_UIDMAP: u64 = 0x2000;
    pub const MNT_GIDMAP: u64 = 0x4000;
}

/// `struct mnt_id_req` of statmount(2) and listmount(2), in its second version.
#[repr(C)]
struct MountIdRequest {
    size: u32,
    spare: u32,
    mount: u64,
    param: u64,
    namespace: u64,
}

impl MountIdRequest {
    /// A namespace of 0 is the caller's. The first version of the struct has no place for one, and is
    /// all that Linux 6.8 to 6.10 take.
    fn new(namespace: u64, mount: u64, param: u64) -> Self {
        let size = if namespace == 0 { 24 } else { 32 };
        Self { size, spare: 0, mount, param, namespace }
    }
}

/// statmount(2): writes `struct statmount` and its strings for the mount of this unique id.
///
/// # Errors
/// Those of statmount(2): EOVERFLOW where the buffer is too small, ENOENT where the mount is gone,
/// ENOSYS before Linux 6.8.
pub fn statmount(namespace: u64, mount: u64, mask: u64, buffer: &mut [u8]) -> nix::Result<()> {
    const SYS_STATMOUNT: libc::c_long = 457;
    let request = MountIdRequest::new(namespace, mount, mask);
    // SAFETY: the request is the kernel's struct with its size; the buffer's length is given.
    check(unsafe {
        libc::syscall(
            SYS_STATMOUNT,
            std::ptr::from_ref(&request),
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
        )
    })
    .map(drop)
}

/// listmount(2): writes the unique ids of the mounts beneath `mount` (`u64::MAX` for the root) that
/// come after `last`; gives their number.
///
/// # Errors
/// Those of listmount(2); ENOSYS before Linux 6.8.
pub fn listmount(namespace: u64, mount: u64, last: u64, ids: &mut [u64]) -> nix::Result<usize> {
    const SYS_LISTMOUNT: libc::c_long = 458;
    let request = MountIdRequest::new(namespace, mount, last);
    // SAFETY: the request is the kernel's struct with its size; the array's length is given.
    let count = unsafe {
        libc::syscall(SYS_LISTMOUNT, std::ptr::from_ref(&request), ids.as_mut_ptr(), ids.len(), 0)
    };
    Errno::result(count).map(|count| count as usize)
}

/// The id of the mount namespace that a namespace file is open on.
///
/// # Errors
/// ENOTTY before Linux 6.11.
pub fn mount_namespace_id(namespace: BorrowedFd) -> nix::Result<u64> {
    const NS_GET_MNTNS_ID: libc::c_ulong = 0x8008_b705;
    let mut id = 0_u64;
    // SAFETY: the request writes one u64.
    check(unsafe {
        libc::c_long::from(libc::ioctl(raw(namespace), NS_GET_MNTNS_ID as _, &raw mut id))
    })?;
    Ok(id)
}
