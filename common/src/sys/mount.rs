//! Mounts by descriptors: open_tree(2), move_mount(2), mount_setattr(2) and the calls of a file system context.

use std::ffi::{CStr, c_uint, c_void};
use std::os::fd::{BorrowedFd, OwnedFd};

use super::{check, descriptor, raw};

/// Flags of open_tree(2), move_mount(2), mount_setattr(2) and the fs-context calls (linux/mount.h).
pub mod flags {
    use std::ffi::c_uint;

    /// open_tree(2): make a detached copy of the mount.
    pub const OPEN_TREE_CLONE: c_uint = 1;
    /// With the `*at` calls: all mounts beneath too.
    pub const AT_RECURSIVE: c_uint = 0x8000;
    /// move_mount(2): put the mount beneath the one that is there.
    pub const MOVE_MOUNT_BENEATH: c_uint = 0x200;

    /// Mount attributes.
    pub const MOUNT_ATTR_RDONLY: u64 = 0x1;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NOSUID: u64 = 0x2;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NODEV: u64 = 0x4;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NOEXEC: u64 = 0x8;
    /// The three-valued access time field: relatime is 0.
    pub const MOUNT_ATTR_ATIME: u64 = 0x70;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NOATIME: u64 = 0x10;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_STRICTATIME: u64 = 0x20;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NODIRATIME: u64 = 0x80;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NOSYMFOLLOW: u64 = 0x20_0000;
}

/// `struct mount_attr` of mount_setattr(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct MountAttr {
    /// Attributes to set.
    pub set: u64,
    /// Attributes to clear.
    pub clear: u64,
    /// `MS_SHARED`, `MS_SLAVE`, `MS_PRIVATE`, `MS_UNBINDABLE`, or 0 for unchanged.
    pub propagation: u64,
    /// The descriptor of a user namespace, for an idmapped mount.
    pub userns_fd: u64,
}

/// open_tree(2): a descriptor for the mount at `path`, relative to `dir`; with `OPEN_TREE_CLONE` a detached
/// copy of it.
///
/// # Errors
/// Those of open_tree(2).
pub fn open_tree(dir: BorrowedFd, path: &CStr, flags: c_uint) -> nix::Result<OwnedFd> {
    const OPEN_TREE_CLOEXEC: c_uint = libc::O_CLOEXEC as c_uint;
    // SAFETY: path is a C string that outlives the call.
    unsafe {
        descriptor(libc::syscall(
            libc::SYS_open_tree,
            raw(dir),
            path.as_ptr(),
            flags | OPEN_TREE_CLOEXEC,
        ))
    }
}

/// move_mount(2) between two descriptors: attaches the mount `from` at the place `to`.
///
/// # Errors
/// Those of move_mount(2).
pub fn move_mount(from: BorrowedFd, to: BorrowedFd, flags: c_uint) -> nix::Result<()> {
    const EMPTY_PATHS: c_uint = 0x4 | 0x40;
    // SAFETY: both paths are constant C strings.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            raw(from),
            c"".as_ptr(),
            raw(to),
            c"".as_ptr(),
            flags | EMPTY_PATHS,
        )
    })
    .map(drop)
}

/// mount_setattr(2) on the mount that `mount` is open on.
///
/// # Errors
/// Those of mount_setattr(2).
pub fn mount_setattr(mount: BorrowedFd, flags: c_uint, attr: &MountAttr) -> nix::Result<()> {
    // SAFETY: attr is the kernel's first version of the struct, and its size is given.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            raw(mount),
            c"".as_ptr(),
            flags | libc::AT_EMPTY_PATH as c_uint,
            std::ptr::from_ref(attr),
            size_of::<MountAttr>(),
        )
    })
    .map(drop)
}

/// fsopen(2): a context in which a file system of the type `name` is configured.
///
/// # Errors
/// Those of fsopen(2); ENODEV for a type that the kernel does not have.
pub fn fsopen(name: &CStr) -> nix::Result<OwnedFd> {
    const FSOPEN_CLOEXEC: c_uint = 1;
    // SAFETY: name is a C string that outlives the call.
    unsafe { descriptor(libc::syscall(libc::SYS_fsopen, name.as_ptr(), FSOPEN_CLOEXEC)) }
}

fn fsconfig(
    context: BorrowedFd,
    command: c_uint,
    key: *const c_void,
    value: *const c_void,
) -> nix::Result<()> {
    // SAFETY: key and value are null or C strings of the callers below that outlive the call.
    check(unsafe { libc::syscall(libc::SYS_fsconfig, raw(context), command, key, value, 0) })
        .map(drop)
}

/// fsconfig(2): sets the option `key` to a string, or as a flag where there is no value.
///
/// # Errors
/// Those of fsconfig(2).
pub fn fsconfig_set(context: BorrowedFd, key: &CStr, value: Option<&CStr>) -> nix::Result<()> {
    const SET_FLAG: c_uint = 0;
    const SET_STRING: c_uint = 1;
    match value {
        Some(value) => fsconfig(context, SET_STRING, key.as_ptr().cast(), value.as_ptr().cast()),
        None => fsconfig(context, SET_FLAG, key.as_ptr().cast(), std::ptr::null()),
    }
}

/// fsconfig(2): makes the superblock.
///
/// # Errors
/// Those of fsconfig(2), and whatever the file system's own set-up gives.
pub fn fsconfig_create(context: BorrowedFd) -> nix::Result<()> {
    const CMD_CREATE: c_uint = 6;
    fsconfig(context, CMD_CREATE, std::ptr::null(), std::ptr::null())
}

/// fsmount(2): a detached mount of the superblock that the context made.
///
/// # Errors
/// Those of fsmount(2).
pub fn fsmount(context: BorrowedFd, attributes: u64) -> nix::Result<OwnedFd> {
    const FSMOUNT_CLOEXEC: c_uint = 1;
    // SAFETY: no memory is passed.
    unsafe {
        descriptor(libc::syscall(libc::SYS_fsmount, raw(context), FSMOUNT_CLOEXEC, attributes))
    }
}

/// move_mount(2) to a path: attaches the mount `from` at what `path` leads to from `dir`, symlinks followed.
///
/// # Errors
/// Those of move_mount(2).
pub fn move_mount_to(
    from: BorrowedFd,
    dir: BorrowedFd,
    path: &CStr,
    flags: c_uint,
) -> nix::Result<()> {
    const FROM_EMPTY_PATH: c_uint = 0x4;
    const TO_SYMLINKS: c_uint = 0x10;
    // SAFETY: the first path is a constant C string, the second one outlives the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            raw(from),
            c"".as_ptr(),
            raw(dir),
            path.as_ptr(),
            flags | FROM_EMPTY_PATH | TO_SYMLINKS,
        )
    })
    .map(drop)
}
