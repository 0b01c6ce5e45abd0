//! Namespaces by descriptors (ioctl_ns(2)), and what is set up in a new one.

use std::ffi::{OsStr, c_int};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use super::{descriptor, raw};

/// A time namespace, which the other crates do not know yet (linux/sched.h).
pub const CLONE_NEWTIME: c_int = 0x80;

/// setdomainname(2).
///
/// # Errors
/// Those of setdomainname(2).
pub fn setdomainname(name: &OsStr) -> nix::Result<()> {
    let (start, length) = (name.as_encoded_bytes().as_ptr(), name.len());
    // SAFETY: the name outlives the call, and its length is given.
    Errno::result(unsafe { libc::setdomainname(start.cast(), length) }).map(drop)
}

/// Brings up `lo` of this process's network namespace: `SIOCSIFFLAGS` of netdevice(7).
///
/// # Errors
/// EPERM without CAP_NET_ADMIN over the namespace, and those of socket(2).
pub fn bring_up_loopback() -> nix::Result<()> {
    const UP: libc::c_short = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: an ifreq of zeros is valid; the name stays terminated by the zeros after it.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = UP;
    // SAFETY: socket takes numbers.
    let socket = unsafe {
        descriptor(libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0).into())
    }?;
    // SAFETY: the ioctl reads one ifreq, which outlives the call.
    Errno::result(unsafe {
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request)
    })
    .map(drop)
}

/// The network namespace that a socket is in (`SIOCGSKNS` of linux/sockios.h).
///
/// # Errors
/// ENOTTY if it is not a socket, EPERM without CAP_NET_ADMIN over the namespace.
pub fn socket_namespace(socket: BorrowedFd) -> nix::Result<OwnedFd> {
    const SIOCGSKNS: libc::c_ulong = 0x894c;
    // SAFETY: the request takes no argument and gives a new descriptor.
    unsafe { descriptor(libc::ioctl(raw(socket), SIOCGSKNS as _).into()) }
}

/// The `CLONE_NEW*` flag of the namespace that `file` is open on (ioctl_ns(2)).
///
/// # Errors
/// ENOTTY if it is not a namespace.
pub fn namespace_type(file: BorrowedFd) -> nix::Result<c_int> {
    const NS_GET_NSTYPE: libc::c_ulong = 0xb703;
    // SAFETY: the request takes no argument.
    Errno::result(unsafe { libc::ioctl(raw(file), NS_GET_NSTYPE as _) })
}

/// The user namespace that owns the namespace `file` is open on (ioctl_ns(2)).
///
/// # Errors
/// EPERM where it is none that this process may see.
pub fn namespace_owner(file: BorrowedFd) -> nix::Result<OwnedFd> {
    const NS_GET_USERNS: libc::c_ulong = 0xb701;
    // SAFETY: the request takes no argument and gives a new descriptor.
    unsafe { descriptor(libc::ioctl(raw(file), NS_GET_USERNS as _).into()) }
}

/// The id of the namespace that `file` is open on, which no other one gets until the machine restarts.
///
/// # Errors
/// ENOTTY where it is no namespace, and before Linux 6.18.
pub fn namespace_id(file: BorrowedFd) -> nix::Result<u64> {
    const NS_GET_ID: libc::c_ulong = 0x8008_b70d;
    let mut id = 0_u64;
    // SAFETY: the request writes one u64, which outlives the call.
    Errno::result(unsafe { libc::ioctl(raw(file), NS_GET_ID as _, &raw mut id) }).map(|_| id)
}

/// A `struct file_handle` of a namespace (`struct nsfs_file_handle` of linux/nsfs.h).
#[repr(C)]
struct Handle {
    size: u32,
    kind: i32,
    id: u64,
    /// Zero: whatever it is (Linux 6.19).
    flag: u32,
    inode: u32,
}

/// open_by_handle_at(2) of the namespace with this id.
///
/// # Errors
/// ESTALE where there is none that this process may see, and before Linux 6.19; EBADF before 6.18.
pub fn open_namespace(id: u64) -> nix::Result<OwnedFd> {
    const FD_NSFS_ROOT: c_int = -10003;
    const FILEID_NSFS: i32 = 0xf1;
    const SIZE: u32 = 16;
    let handle = Handle { size: SIZE, kind: FILEID_NSFS, id, flag: 0, inode: 0 };
    let flags = libc::O_RDONLY | libc::O_CLOEXEC;
    let call = libc::SYS_open_by_handle_at;
    // SAFETY: the kernel reads the handle, whose size is given and which outlives the call, and gives a new descriptor.
    unsafe { descriptor(libc::syscall(call, FD_NSFS_ROOT, &raw const handle, flags)) }
}
