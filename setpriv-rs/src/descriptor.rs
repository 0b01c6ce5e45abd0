//! What is read from descriptors that the caller opened.

use std::ffi::{OsStr, c_int};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;

use common::{Command, Context, Error, Result, accounts, quote, sys};
use nix::errno::Errno;

/// The number of a descriptor.
pub fn number(text: &OsStr) -> Result<c_int> {
    let number = accounts::id(text.as_bytes()).and_then(|number| number.try_into().ok());
    number.ok_or_else(|| Error::usage(format!("{} is not a descriptor number", quote(text))))
}

/// All that is left to read there, up to `most` bytes.
pub fn contents(number: c_int, most: u64) -> io::Result<Vec<u8>> {
    let file = sys::borrow(number)?.try_clone_to_owned()?;
    contents_of(file.into(), most)
}

/// The same for a file. `/dev/fd/N` is the descriptor N, whatever the root of the process has at that path: it may be
/// that of a container, and hostile. COMMAND does not inherit the descriptor.
pub fn contents_at(path: &OsStr, most: u64) -> io::Result<Vec<u8>> {
    match number_of(path) {
        None => contents_of(File::open(path)?, most),
        Some(number) => {
            let contents = contents(number, most)?;
            keep_from_command(number)?;
            Ok(contents)
        }
    }
}

/// The command with the program that the descriptor is open on.
pub fn carry(command: Command, number: c_int) -> Result<Command> {
    let failed = "execute the descriptor";
    let program = sys::borrow(number).context(failed, number.to_string())?;
    let program = program
        .try_clone_to_owned()
        .map_err(|error| Error::from_io(failed, number.to_string(), &error))?;
    keep_from_command(number).context(failed, number.to_string())?;
    command.carry_file(program)
}

/// COMMAND does not inherit the descriptor, unless it is a standard one.
pub fn keep_from_command(number: c_int) -> nix::Result<()> {
    match number {
        ..3 => Ok(()),
        number => sys::close_on_exec(number),
    }
}

fn number_of(path: &OsStr) -> Option<c_int> {
    let number = path.as_bytes().strip_prefix(b"/dev/fd/")?;
    accounts::id(number)?.try_into().ok()
}

fn contents_of(file: File, most: u64) -> io::Result<Vec<u8>> {
    let mut contents = Vec::new();
    file.take(most + 1).read_to_end(&mut contents)?;
    if contents.len() as u64 > most {
        return Err(Errno::EFBIG.into());
    }
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_descriptors() {
        assert_eq!(number_of("/dev/fd/7".as_ref()), Some(7));
        for path in ["/dev/fd/", "/dev/fd/x", "/dev/fd/-1", "dev/fd/7", "/dev/fd/7/x", "7"] {
            assert_eq!(number_of(path.as_ref()), None, "{path}");
        }
    }
}
