//! What execve(2) hands on: the environment, the signals, the session keyring.

use std::ffi::{CStr, CString, c_char, c_int, c_long};
use std::ptr;

use nix::errno::Errno;

/// The signals of the kernel: two more than the C library lets a program name.
const SIGNALS: c_int = 64;

unsafe extern "C" {
    static mut environ: *const *const c_char;
}

/// The environment of this process as it is, also what no name reaches.
#[must_use]
pub fn environment() -> Vec<CString> {
    let mut entries = Vec::new();
    // SAFETY: environ is null or an array of C strings up to a null pointer, and the tools never start a
    // thread that could change it meanwhile.
    unsafe {
        let mut next = environ;
        while !next.is_null() && !(*next).is_null() {
            entries.push(CStr::from_ptr(*next).to_owned());
            next = next.add(1);
        }
    }
    entries
}

/// Puts these entries in the place of this process's environment.
///
/// setenv(3) goes through all variables for each one: a hundred thousand take minutes.
pub fn replace_environment(entries: Vec<CString>) {
    let entries = entries.into_iter().map(|entry| entry.into_raw().cast_const());
    let entries: Vec<_> = entries.chain([ptr::null()]).collect();
    // SAFETY: the array ends with a null pointer, and neither it nor its strings are ever freed; no other thread
    // reads the variable.
    unsafe { environ = entries.leak().as_ptr() }
}

/// rt_sigaction(2): sets all signals to their default. The C library keeps two for itself, which the caller may
/// ignore all the same.
pub fn reset_dispositions() {
    // In every architecture's `struct sigaction` zeros are SIG_DFL, no flags and an empty mask.
    let default = [0_u64; 8];
    for signal in 1..=SIGNALS {
        // SAFETY: the kernel reads one struct sigaction, which is no larger than this; the disposition runs no
        // code of ours. SIGKILL and SIGSTOP give EINVAL.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                ptr::null_mut::<u64>(),
                size_of::<u64>(),
            );
        }
    }
}

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
