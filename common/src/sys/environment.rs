//! The environment of this process, which COMMAND inherits.

use std::ffi::{CStr, CString, OsStr, c_char};
use std::ptr;

unsafe extern "C" {
    static mut environ: *const *const c_char;
}

/// The environment of this process as the C library and execve(2) have it: null, or C strings up to a null pointer. It is
/// valid until the environment changes.
pub(super) fn pointer() -> *const *const c_char {
    // SAFETY: the tools have one thread, which reads the variable here.
    unsafe { environ }
}

/// The environment of this process as it is, also what no name reaches.
#[must_use]
pub fn environment() -> Vec<CString> {
    let mut entries = Vec::new();
    let mut next = pointer();
    // SAFETY: it is null or an array of C strings up to a null pointer, and the tools never start a thread that could
    // change it meanwhile.
    unsafe {
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

/// Sets a variable of this process's environment, which COMMAND inherits.
pub fn set_variable(name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
    // SAFETY: the tools never start a thread, so nobody reads the environment meanwhile.
    unsafe { std::env::set_var(name, value) }
}

/// Removes all variables of this process's environment but those that `keep` names; those without a
/// '=', too, which no name reaches.
pub fn clear_environment(keep: &[&str]) {
    let kept = |name| Some((name, std::env::var_os(name)?));
    let kept: Vec<_> = keep.iter().filter_map(kept).collect();
    // SAFETY: as in set_variable.
    unsafe { libc::clearenv() };
    for (name, value) in kept {
        set_variable(name, value);
    }
}
