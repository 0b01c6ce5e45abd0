//! Descriptors by their numbers.

use std::ffi::c_int;
use std::os::fd::BorrowedFd;

use nix::errno::Errno;

use super::raw;

/// dup2(2): makes the descriptor `number` a copy of `fd` that execve(2) keeps, in the place of one of the caller's.
///
/// # Errors
/// EINVAL for a standard stream, which the tools themselves use; EBADF beyond RLIMIT_NOFILE.
pub fn hand_down(fd: BorrowedFd, number: c_int) -> nix::Result<()> {
    if number <= 2 {
        return Err(Errno::EINVAL);
    }
    // Of a number that `fd` itself has, dup2 would leave the mark to be closed.
    if raw(fd) == number {
        // SAFETY: F_SETFD takes a number.
        return Errno::result(unsafe { libc::fcntl(number, libc::F_SETFD, 0) }).map(drop);
    }
    // SAFETY: dup2 takes numbers. The tools hold no descriptor of their own by the number that a caller names: the callers
    // of this function are about to execute COMMAND.
    Errno::result(unsafe { libc::dup2(raw(fd), number) }).map(drop)
}
