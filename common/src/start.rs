//! From the kernel's `argc` and `argv` to an exit status.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::path::Path;

use nix::errno::Errno;

use crate::error::{Error, Kind, shown};
use crate::sys;

/// Makes `main` of a file that holds one tool, or of one that holds several ([`crate::toolbox`]).
///
/// It is a C `main`: Rust's own start-up would read `/proc/self/maps`, set up a signal stack
/// and ignore SIGPIPE, which costs a seventh of a tool's whole time and would be inherited by COMMAND.
/// The crate says `#![no_main]`, and its target `test = false`, since the test harness brings its own `main`.
#[macro_export]
macro_rules! main {
    (tool $tool:expr) => {
        $crate::main!($crate::start::start($tool.run, $tool.status));
    };
    ($start:expr) => {
        /// The C entry point.
        ///
        /// # Safety
        /// It is for the C library to call, with the arguments of the kernel.
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn main(_argc: i32, argv: *const *const u8) -> i32 {
            // SAFETY: this is the argv of the kernel, which stays as long as the process.
            unsafe { $crate::sys::keep_arguments(argv) };
            $start
        }
    };
}

/// The command line, the name that the tool was called by first. [`std::env::args_os`] knows it by itself
/// only where the C library is glibc, since this is not Rust's `main`.
#[must_use]
pub fn arguments() -> Vec<OsString> {
    sys::arguments()
}

/// Runs a tool: gives its exit status, after any error was reported on stderr.
pub fn start(run: fn() -> Result<u8, Error>, status: fn(Kind) -> u8) -> i32 {
    sys::reserve_standard_streams();

    let code = run().unwrap_or_else(|error| {
        report(&error);
        error.status().unwrap_or_else(|| status(error.kind()))
    });
    code.into()
}

/// Writes the error's lines to stderr in one write, after the name that the tool was called by.
///
/// A message may hold text of a table, an option or the kernel: control characters are escaped here, so that it is harmless
/// to a terminal. Errors of the write are ignored: the exit status still tells.
pub fn report(error: &Error) {
    let name = shown(name());
    let mut text = format!("{name}: {}\n", shown(error.to_string()));
    if let Some(hint) = error.hint() {
        text += &format!("hint: {}\n", shown(hint));
    }
    if error.kind() == Kind::Usage && error.errno().is_none() {
        text += &format!("Try '{name} --help' for more information.\n");
    }
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// A line on stderr that is not an error, after the name that the tool was called by.
pub fn warn(message: &str) {
    let _ = writeln!(io::stderr().lock(), "{}: {}", shown(name()), shown(message));
}

/// The last component of `argv[0]`, so that a link named `chroot` speaks as `chroot`.
#[must_use]
pub fn name() -> OsString {
    let arg0 = arguments().into_iter().next().unwrap_or_default();
    Path::new(&arg0).file_name().unwrap_or(OsStr::new("?")).to_owned()
}

/// Writes `text` to stdout, as `--help` and `--version` do, and gives status 0.
///
/// # Errors
/// When stdout cannot be written: as in the classics, the status is that of a wrong command line; a closed pipe ends the program by SIGPIPE before that.
pub fn print(text: &str) -> Result<u8, Error> {
    write_output(text.as_bytes()).map_err(|error| error.with_kind(Kind::Usage))?;
    Ok(0)
}

/// Writes all to standard output. That of the standard library takes a closed one for success.
///
/// # Errors
/// Those of write(2).
pub fn write_output(mut text: &[u8]) -> Result<(), Error> {
    while !text.is_empty() {
        match sys::borrow(1).and_then(|output| nix::unistd::write(output, text)) {
            Ok(count) => text = &text[count..],
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(Error::new("write", "standard output", errno)),
        }
    }
    Ok(())
}
