//! Reading a text that an option names.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::read as read_some;

use crate::accounts;
use crate::error::{Context, Result};
use crate::sys;

/// The text of a file.
///
/// `-` is standard input. A descriptor of the caller, `/dev/fd/N`, is read even where no /proc is mounted, and COMMAND
/// does not inherit it.
///
/// # Errors
/// Those of open(2) and read(2): EISDIR for a directory.
pub fn read(path: &OsStr) -> Result<Vec<u8>> {
    match descriptor(path.as_bytes()) {
        Some(number) => read_descriptor(number, path),
        None => read_file(path),
    }
}

fn descriptor(path: &[u8]) -> Option<i32> {
    if path == b"-" {
        return Some(0);
    }
    let number = path.strip_prefix(b"/dev/fd/").or_else(|| path.strip_prefix(b"/proc/self/fd/"))?;
    i32::try_from(accounts::id(number)?).ok()
}

fn read_file(path: &OsStr) -> Result<Vec<u8>> {
    // Files of the kernel do not tell their size, and std begins with 32 bytes of those.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).and_then(|file| read_all(file.as_fd())).context("read", path)
}

fn read_descriptor(number: i32, path: &OsStr) -> Result<Vec<u8>> {
    let file = sys::borrow(number).context("read", path)?;
    let text = read_all(file).context("read", path)?;
    if number > 2 {
        sys::close_on_exec(number).context("close", path)?;
    }
    Ok(text)
}

fn read_all(file: BorrowedFd) -> nix::Result<Vec<u8>> {
    let (mut text, mut buffer) = (Vec::new(), [0; 16384]);
    loop {
        match read_some(file, &mut buffer)? {
            0 => return Ok(text),
            length => text.extend_from_slice(&buffer[..length]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_by_their_path() {
        let number = |path: &str| descriptor(path.as_bytes());
        assert_eq!(number("-"), Some(0));
        assert_eq!((number("/dev/fd/7"), number("/proc/self/fd/8")), (Some(7), Some(8)));
        for path in ["", "7", "/dev/fd/", "/dev/fd/-1", "/dev/fd/4294967295", "/dev/fd/7x"] {
            assert_eq!(number(path), None, "{path}");
        }
    }
}
