//! Descriptors by their numbers.

use std::ffi::{c_int, c_uint};
use std::os::fd::{BorrowedFd, OwnedFd};

use nix::errno::Errno;

use super::{descriptor, raw};

/// fcntl(2) `F_DUPFD_CLOEXEC`: a copy of `fd` with the lowest free number from `least` on, which execve(2) closes.
///
/// # Errors
/// EINVAL where `least` is beyond RLIMIT_NOFILE, EMFILE where no number is free.
pub fn copy_from_number(fd: BorrowedFd, least: c_int) -> nix::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes a number.
    descriptor(unsafe { libc::fcntl(raw(fd), libc::F_DUPFD_CLOEXEC, least) }.into())
}

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

/// close_range(2): closes every descriptor but 0, 1 and 2 and `kept`.
///
/// # Errors
/// ENOSYS before Linux 5.9.
pub fn close_all_but(kept: &[BorrowedFd]) -> nix::Result<()> {
    let mut kept: Vec<_> = kept.iter().filter_map(|fd| c_uint::try_from(raw(*fd)).ok()).collect();
    kept.sort_unstable();
    let mut first: c_uint = 3;
    for number in kept {
        close_range(first, number.checked_sub(1))?;
        first = first.max(number + 1);
    }
    close_range(first, Some(c_uint::MAX))
}

fn close_range(first: c_uint, last: Option<c_uint>) -> nix::Result<()> {
    let Some(last) = last.filter(|last| first <= *last) else { return Ok(()) };
    // SAFETY: close_range takes numbers. The callers of `close_all_but` are about to execute COMMAND, and name all that they
    // still use.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) }).map(drop)
}
