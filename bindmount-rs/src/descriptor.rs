//! What the caller has opened: `/dev/fd/N` is the descriptor N, whatever is at that path, and COMMAND does not inherit it.

use std::ffi::{OsStr, c_int};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;

use common::{accounts, sys};
use nix::errno::Errno;

/// The number in such a path.
pub fn number_of(path: &OsStr) -> Option<c_int> {
    let number = path.as_bytes().strip_prefix(b"/dev/fd/")?;
    accounts::id(number)?.try_into().ok()
}

/// Writes all that is left to read there to the file.
pub fn copy(number: c_int, to: OwnedFd) -> nix::Result<()> {
    let errno = |error: io::Error| Errno::from_raw(error.raw_os_error().unwrap_or(0));
    let from = sys::borrow(number)?.try_clone_to_owned().map_err(errno)?;
    io::copy(&mut File::from(from), &mut File::from(to)).map_err(errno)?;
    keep_from_command(number)
}

/// COMMAND does not inherit the descriptor, unless it is a standard one.
pub fn keep_from_command(number: c_int) -> nix::Result<()> {
    match number {
        ..3 => Ok(()),
        number => sys::close_on_exec(number),
    }
}
