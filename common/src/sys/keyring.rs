//! Keyrings: keyctl(2).

use std::ffi::{c_char, c_long};
use std::ptr;

use nix::errno::Errno;

/// keyctl(2) `KEYCTL_JOIN_SESSION_KEYRING`: a new session keyring without a name of its own, so that nobody
/// else can join it.
///
/// # Errors
/// Those of keyctl(2): ENOSYS where the kernel was built without keys, EDQUOT where the user has too many.
pub fn new_session_keyring() -> nix::Result<()> {
    const JOIN_SESSION_KEYRING: c_long = 1;
    // SAFETY: a null pointer asks for a keyring without a name.
    let id =
        unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, ptr::null::<c_char>()) };
    Errno::result(id).map(drop)
}
