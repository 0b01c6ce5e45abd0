//! Descriptors by their numbers.

use std::ffi::{c_int, c_uint};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;

use super::{descriptor, raw};

/// fcntl(2) `F_DUPFD_CLOEXEC`: a copy of `fd` with the lowest free number from `least` on, which execve(2) closes.
///
/// # Errors
/// EINVAL where `least` is beyond RLIMIT_NOFILE, EMFILE where no number is free.
pub fn copy_from_number(fd: BorrowedFd, least: c_int) -> nix::Result<OwnedFd> {
    // SAFETY: F_DUPFD_CLOEXEC takes a number.
    unsafe { descriptor(libc::fcntl(raw(fd), libc::F_DUPFD_CLOEXEC, least).into()) }
}

/// dup2(2): makes the descriptor `number` a copy of `fd` that execve(2) keeps, in the place of one of the caller's.
///
/// # Errors
/// EINVAL for a standard stream, which the tools themselves use; EBADF beyond RLIMIT_NOFILE.
pub fn hand_down(fd: BorrowedFd, number: c_int) -> nix::Result<()> {
    if number <= 2 {
        return Err(Errno::EINVAL);
    }
    let result = match raw(fd) == number {
        // Of a number that `fd` itself has, dup2 would leave the mark to be closed.
        // SAFETY: F_SETFD takes a number.
        true => unsafe { libc::fcntl(number, libc::F_SETFD, 0) },
        // SAFETY: dup2 takes numbers. The tools hold no descriptor of their own by the number that a caller names: the
        // callers of this function are about to execute COMMAND.
        false => unsafe { libc::dup2(raw(fd), number) },
    };
    Errno::result(result).map(drop)
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

/// Makes sure that descriptors 0, 1 and 2 are taken, so that no file of ours is opened as one of them and then written to as
/// the standard error. COMMAND does not inherit them. A write to a standard output that was closed fails.
pub fn reserve_standard_streams() {
    // SAFETY: fcntl(F_GETFD) and open of a constant path touch no memory of ours.
    unsafe {
        for fd in 0..3 {
            if libc::fcntl(fd, libc::F_GETFD) == -1 {
                let access = if fd == libc::STDOUT_FILENO { libc::O_RDONLY } else { libc::O_RDWR };
                libc::open(c"/dev/null".as_ptr(), access | libc::O_CLOEXEC);
            }
        }
    }
}

/// Closes a child's copy of a descriptor that belongs to the parent, with which it shares memory.
pub fn close_copy(fd: BorrowedFd) {
    let _ = nix::unistd::close(raw(fd));
}

/// The file descriptor `fd`, as a number from the command line, marked to be closed when COMMAND starts.
///
/// # Errors
/// EBADF where it is not open.
pub fn close_on_exec(fd: c_int) -> nix::Result<()> {
    // SAFETY: F_SETFD takes a number.
    Errno::result(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

/// Marks every descriptor but 0, 1 and 2 to be closed by execve(2): close_range(2) of Linux 5.11.
///
/// # Errors
/// ENOSYS or EINVAL before Linux 5.11.
pub fn close_extra_descriptors_on_exec() -> nix::Result<()> {
    // SAFETY: close_range takes numbers, and with this flag closes nothing that is in use.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, 3, c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(result).map(drop)
}

/// The working directory as a descriptor's place in the `*at` calls.
#[must_use]
pub fn cwd() -> BorrowedFd<'static> {
    nix::fcntl::AT_FDCWD.as_fd()
}

/// Marks a raw descriptor that the tool was started with as borrowed.
///
/// # Errors
/// EBADF where it is not open.
pub fn borrow<'a>(fd: c_int) -> nix::Result<BorrowedFd<'a>> {
    // SAFETY: F_GETFD takes no argument; the descriptor is open, and the tools close none that they
    // were started with.
    unsafe {
        Errno::result(libc::fcntl(fd, libc::F_GETFD))?;
        Ok(BorrowedFd::borrow_raw(fd))
    }
}
