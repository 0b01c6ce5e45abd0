//! The directory that is removed if COMMAND does not start.

use std::ffi::OsString;
use std::sync::Mutex;

use common::tree::remove_after_failure;

static DIRECTORY: Mutex<Option<OsString>> = Mutex::new(None);

/// Sets it, or with none forgets it.
pub fn set(directory: Option<OsString>) {
    if let Ok(mut place) = DIRECTORY.lock() {
        *place = directory;
    }
}

pub fn carry_out() {
    let directory = DIRECTORY.lock().ok().and_then(|mut place| place.take());
    remove_after_failure(directory.as_deref());
}
