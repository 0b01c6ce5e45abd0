//! What a process knows of the program that it executes, and what execve(2) changes of it.

use std::ffi::{CStr, CString, c_char};

use super::ARGUMENTS;
use std::sync::atomic::Ordering;

/// The path by which the kernel was asked to execute this program (`AT_EXECFN` of getauxval(3)).
#[must_use]
pub fn executed_path() -> Option<&'static CStr> {
    // SAFETY: the entry is 0, or points to a C string that the kernel has put above the stack.
    unsafe {
        let path = libc::getauxval(libc::AT_EXECFN) as *const c_char;
        (!path.is_null()).then(|| CStr::from_ptr(path))
    }
}

/// Gives this process another command line to read. What its file in /proc shows stays as it is.
pub fn replace_arguments(argv: &[CString]) {
    let mut pointers: Vec<_> =
        argv.to_vec().leak().iter().map(|word| word.as_ptr().cast()).collect();
    pointers.push(std::ptr::null());
    ARGUMENTS.store(pointers.leak().as_mut_ptr(), Ordering::Relaxed);
}

/// Gives the process the name that ps(1) shows (`PR_SET_NAME` of prctl(2)), which the kernel cuts.
pub fn set_name(name: &str) {
    let name = CString::new(name).unwrap_or_default();
    // SAFETY: the kernel reads a C string, which outlives the call.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr()) };
}

/// Closes the descriptors that COMMAND would not inherit, as far as they may keep something busy: each is the lowest
/// number that was free, and no tool holds so many at a time. One that is left is closed when a program is executed.
pub fn close_descriptors() {
    const HELD: i32 = 64;
    for descriptor in 3..HELD {
        // SAFETY: the one who owns the descriptor does not come back to use it.
        unsafe {
            let flags = libc::fcntl(descriptor, libc::F_GETFD);
            if flags >= 0 && flags & libc::FD_CLOEXEC != 0 {
                libc::close(descriptor);
            }
        }
    }
}
