//! Why a mount failed: looked up after the failure.

use std::ffi::CStr;

use nix::errno::Errno;

use crate::options::Options;

/// The hint for a file system that could not be made.
pub fn file_system(_kind: &CStr, _options: &Options, _errno: Errno) -> Option<String> {
    None
}
