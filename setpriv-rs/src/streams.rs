//! The descriptors that COMMAND gets.

use common::{Context, Error, Result, sys};
use nix::sys::stat::{SFlag, fstat};

/// Fails where standard input, output or error is open on a directory, with `O_PATH` too: COMMAND could walk it, up
/// to the root of the host.
pub fn refuse_directories() -> Result<()> {
    for (number, name) in [(0, "standard input"), (1, "standard output"), (2, "standard error")] {
        let stream = sys::borrow(number).context("pass on", name)?;
        let mode = fstat(stream).context("pass on", name)?.st_mode;
        if SFlag::from_bits_truncate(mode) & SFlag::S_IFMT == SFlag::S_IFDIR {
            return Err(Error::because("pass on", name, "it is a directory"));
        }
    }
    Ok(())
}

/// Has execve(2) close all others.
pub fn close_others() -> Result<()> {
    sys::close_extra_descriptors_on_exec().step("close the descriptors")
}
