//! Processes by descriptors: pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2).

use std::ffi::{c_int, c_void};
use std::os::fd::{BorrowedFd, OwnedFd};

use nix::unistd::Pid;

use super::{check, descriptor, raw};

/// pidfd_open(2): for a thread of its own (Linux 6.9).
pub const PIDFD_THREAD: c_int = libc::O_EXCL;

/// pidfd_open(2): a descriptor for the process `pid`, which stays that process's when it has ended.
///
/// # Errors
/// ESRCH where there is no such process; ENOENT, before Linux 6.15 EINVAL, where it is but a thread of
/// one.
pub fn pidfd_open(pid: Pid, flags: c_int) -> nix::Result<OwnedFd> {
    // SAFETY: the call takes numbers and gives a new descriptor.
    unsafe { descriptor(libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), flags)) }
}

/// pidfd_send_signal(2): to the process that `process` is open on; 0 sends none.
///
/// # Errors
/// ESRCH where it has ended and was waited for, EPERM, EINVAL.
pub fn pidfd_send_signal(process: BorrowedFd, signal: c_int) -> nix::Result<()> {
    const NO_INFO: *const c_void = std::ptr::null();
    // SAFETY: without a siginfo_t the call takes numbers.
    check(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, raw(process), signal, NO_INFO, 0) })
        .map(drop)
}

/// pidfd_getfd(2): a copy of the process's descriptor `fd`.
///
/// # Errors
/// EBADF where it is not open, EPERM where the process may not be traced.
pub fn pidfd_getfd(process: BorrowedFd, fd: c_int) -> nix::Result<OwnedFd> {
    // SAFETY: the call takes numbers and gives a new descriptor.
    unsafe { descriptor(libc::syscall(libc::SYS_pidfd_getfd, raw(process), fd, 0)) }
}
