//! Reading a text that an option names.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::read as read_some;

use crate::accounts;
use crate::error::{Context, Result};
use crate::sys;

/// The text of a file.
///
/// `-` is standard input; a path is read as by [`contents`].
///
/// # Errors
/// Those of open(2) and read(2): EISDIR for a directory.
pub fn read(path: &OsStr) -> Result<Vec<u8>> {
    let text = match path.as_bytes() {
        b"-" => contents_of(0, usize::MAX),
        _ => contents(path, usize::MAX),
    };
    text.context("read", path)
}

/// All of a file, up to `most` bytes. A descriptor of the caller, `/dev/fd/N`, is read whatever the root of the process has
/// at that path: it may be that of a container, and hostile. COMMAND does not inherit the descriptor.
///
/// # Errors
/// Those of open(2) and read(2); EFBIG where there is more.
pub fn contents(path: &OsStr, most: usize) -> nix::Result<Vec<u8>> {
    let Some(number) = number_of(path) else {
        let file = open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        return read_all(file.as_fd(), most);
    };
    let text = contents_of(number, most)?;
    keep_from_command(number)?;
    Ok(text)
}

/// All that is left to read of a descriptor of the caller, up to `most` bytes.
///
/// # Errors
/// Those of read(2); EFBIG where there is more.
pub fn contents_of(number: i32, most: usize) -> nix::Result<Vec<u8>> {
    read_all(sys::borrow(number)?, most)
}

/// COMMAND does not inherit the descriptor, unless it is a standard one.
///
/// # Errors
/// EBADF where it is not open.
pub fn keep_from_command(number: i32) -> nix::Result<()> {
    match number {
        ..3 => Ok(()),
        number => sys::close_on_exec(number),
    }
}

/// The number of the descriptor that `/dev/fd/N` or `/proc/self/fd/N` names.
#[must_use]
pub fn number_of(path: &OsStr) -> Option<i32> {
    let path = path.as_bytes();
    let number = path.strip_prefix(b"/dev/fd/").or_else(|| path.strip_prefix(b"/proc/self/fd/"))?;
    i32::try_from(accounts::id(number)?).ok()
}

/// Files of the kernel do not tell their size, and std begins with 32 bytes of those.
fn read_all(file: BorrowedFd, most: usize) -> nix::Result<Vec<u8>> {
    let (mut text, mut buffer) = (Vec::new(), [0; 16384]);
    loop {
        match read_some(file, &mut buffer)? {
            0 => return Ok(text),
            length => text.extend_from_slice(&buffer[..length]),
        }
        if text.len() > most {
            return Err(Errno::EFBIG);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_by_their_path() {
        let number = |path: &str| number_of(OsStr::new(path));
        assert_eq!((number("/dev/fd/7"), number("/proc/self/fd/8")), (Some(7), Some(8)));
        for path in [
            "",
            "-",
            "7",
            "dev/fd/7",
            "/dev/fd/7/x",
            "/dev/fd/",
            "/dev/fd/-1",
            "/dev/fd/4294967295",
            "/dev/fd/7x",
        ] {
            assert_eq!(number(path), None, "{path}");
        }
    }
}
