//! Reading a table from a file, standard input or a descriptor.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;

use common::{Context, Error, Result, accounts, sys};
use nix::unistd::read as read_some;

/// The whole text. `-` is standard input. A descriptor of the caller, `/dev/fd/N`, is read even where no
/// /proc is mounted, and does not reach COMMAND.
pub fn read(path: &OsStr) -> Result<Vec<u8>> {
    let number = match path.as_bytes() {
        b"-" => Some(0),
        bytes => bytes
            .strip_prefix(b"/dev/fd/")
            .or_else(|| bytes.strip_prefix(b"/proc/self/fd/"))
            .and_then(accounts::id)
            .and_then(|number| i32::try_from(number).ok()),
    };
    match number {
        Some(number) => read_descriptor(number, path),
        None => read_file(path),
    }
}

fn read_file(path: &OsStr) -> Result<Vec<u8>> {
    let failed = |error| Error::from_io("read", path, &error);
    let mut text = Vec::new();
    File::open(path).map_err(failed)?.read_to_end(&mut text).map_err(failed)?;
    Ok(text)
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
