//! The standard streams, and the descriptors that COMMAND does not inherit.

use std::ffi::c_int;
use std::os::fd::BorrowedFd;

use common::{Context, Error, Result, input, sys};
use nix::sys::stat::{SFlag, fstat};
use nix::unistd::dup2_stderr;

/// Fails if standard input, output or error (`stderr`) is open on a directory, also with `O_PATH`: from there COMMAND could
/// walk to the root of the host.
pub fn refuse_directories(stderr: Option<c_int>) -> Result<()> {
    let stderr = stderr.unwrap_or(2);
    let streams = [(0, "standard input"), (1, "standard output"), (stderr, "standard error")];
    for (number, name) in streams {
        let stream = sys::borrow(number).context("pass on", name)?;
        let mode = fstat(stream).context("pass on", name)?.st_mode;
        if SFlag::from_bits_truncate(mode) & SFlag::S_IFMT == SFlag::S_IFDIR {
            return Err(Error::because("pass on", name, "it is a directory"));
        }
    }
    Ok(())
}

/// Makes the descriptor `number` standard error. COMMAND does not inherit the number itself.
pub fn take_stderr(number: c_int) -> Result<()> {
    sys::borrow(number)
        .and_then(dup2_stderr)
        .and_then(|()| input::keep_from_command(number))
        .context("make standard error of the descriptor", number.to_string())
}

/// Closes all descriptors except the standard streams and `kept`.
pub fn close_all_but(kept: &[BorrowedFd]) -> Result<()> {
    sys::close_all_but(kept).step("close the descriptors")
}

/// Makes execve(2) close all descriptors except the standard streams.
pub fn close_others() -> Result<()> {
    sys::close_extra_descriptors_on_exec().step("close the descriptors")
}
