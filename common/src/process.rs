//! What a process does with itself before it ends or becomes another program.

use std::ffi::OsStr;

use nix::unistd::getpid;

use crate::accounts;
use crate::error::{Error, Result, quote};
use crate::sys::{self, Disposition, Prctl};

/// The exit status for a tool's own failures, as an option names it.
///
/// # Errors
/// A usage error if it is not a number from 1 to 255.
pub fn failure_status(text: &OsStr) -> Result<u8> {
    let number = accounts::id(text.as_encoded_bytes()).and_then(|number| u8::try_from(number).ok());
    number
        .filter(|&number| number > 0)
        .ok_or_else(|| Error::usage(format!("{} is not an exit status from 1 to 255", quote(text))))
}

/// Makes every permitted capability inheritable and ambient, so that execve(2) keeps it
/// (capabilities(7)).
///
/// # Errors
/// EPERM where a securebit forbids ambient capabilities, or one of them is not in the bounding set.
pub fn keep_capabilities() -> nix::Result<()> {
    let mut sets = sys::capget()?;
    sets.inheritable = sets.permitted;
    sets.effective = sets.permitted;
    sys::capset(sets)?;
    for capability in (0..64).filter(|bit| sets.permitted >> bit & 1 == 1) {
        sys::prctl(Prctl::RaiseAmbient(capability))?;
    }
    Ok(())
}

/// Ends this process by a signal, as its child was, without a second core dump. Comes back with the
/// shell's status for it where the kernel does not let the signal through, as for the pid 1 of a namespace.
pub fn end_by(signal: i32) -> u8 {
    let _ = sys::prctl(Prctl::Dumpable(false));
    let _ = sys::set_disposition(signal, Disposition::Default);
    let _ = sys::unblock(signal);
    let _ = sys::kill(getpid(), signal);
    (128 + signal) as u8
}
