//! Descriptors of the caller: `/dev/fd/N` means the descriptor N, whatever that path leads to. COMMAND does not
//! inherit it.

use std::ffi::c_int;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use common::sys;
use nix::errno::Errno;

pub use common::input::{keep_from_command, number_of};

/// Writes all that is left to read there to the file.
pub fn copy(number: c_int, to: OwnedFd) -> nix::Result<()> {
    let errno = |error: io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
    let from = sys::borrow(number)?.try_clone_to_owned().map_err(errno)?;
    io::copy(&mut File::from(from), &mut File::from(to)).map_err(errno)?;
    keep_from_command(number)
}
