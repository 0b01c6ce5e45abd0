//! The numbers of descriptors that the caller opened.

use std::ffi::{OsStr, c_int};
use std::os::unix::ffi::OsStrExt;

use common::{Error, Result, accounts, quote};

/// The number of a descriptor.
pub fn number(text: &OsStr) -> Result<c_int> {
    let number = accounts::id(text.as_bytes()).and_then(|number| number.try_into().ok());
    number.ok_or_else(|| Error::usage(format!("{} is not a descriptor number", quote(text))))
}
