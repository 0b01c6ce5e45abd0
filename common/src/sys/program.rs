//! What a process knows of the program that it executes, and how it becomes another one.

use std::ffi::{CStr, CString, OsStr, OsString, c_char};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicPtr, Ordering};

use nix::errno::Errno;

use super::{environment, raw};

/// What `main` was called with: null, or C strings up to a null pointer.
static ARGUMENTS: AtomicPtr<*const u8> = AtomicPtr::new(std::ptr::null_mut());

/// Keeps the `argv` of `main`. For [`crate::main!`] alone.
///
/// # Safety
/// It is null, or an array of C strings up to a null pointer that stays as it is as long as the process.
pub unsafe fn keep_arguments(argv: *const *const u8) {
    ARGUMENTS.store(argv.cast_mut(), Ordering::Relaxed);
}

/// The arguments that were kept; none in a test, which has a `main` of its own.
pub(crate) fn arguments() -> Vec<OsString> {
    let mut next = ARGUMENTS.load(Ordering::Relaxed);
    let mut words = Vec::new();
    // SAFETY: the pointer is that of main, or null; the array ends with a null pointer, and nobody writes
    // to it.
    unsafe {
        while !next.is_null() && !(*next).is_null() {
            let word = CStr::from_ptr((*next).cast()).to_bytes();
            words.push(OsStr::from_bytes(word).to_owned());
            next = next.add(1);
        }
    }
    words
}

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

/// execveat(2) with `AT_EMPTY_PATH`: becomes the program that `program` is open on, with this process's
/// environment as it is. Comes back only with the reason why not.
pub fn exec_descriptor(program: BorrowedFd, argv: &[CString]) -> Errno {
    let mut pointers: Vec<_> = argv.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: both arrays hold C strings up to a null pointer and outlive the call, and no other thread
    // changes the environment meanwhile.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            raw(program),
            c"".as_ptr(),
            pointers.as_ptr(),
            environment::pointer(),
            libc::AT_EMPTY_PATH,
        );
    }
    Errno::last()
}
