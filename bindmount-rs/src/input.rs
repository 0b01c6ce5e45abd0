//! Reading a table from a file, standard input or a descriptor.

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use common::{Context, Error, Result, accounts, sys};
use nix::errno::Errno;
use nix::unistd::read as read_some;

/// The texts of a table, each with the name of its file: several where `path` is a directory.
///
/// `-` is standard input. A descriptor of the caller, `/dev/fd/N`, is read even where no /proc is mounted, and
/// does not reach COMMAND.
pub fn read(path: &OsStr) -> Result<Vec<(OsString, Vec<u8>)>> {
    let number = match path.as_bytes() {
        b"-" => Some(0),
        bytes => bytes
            .strip_prefix(b"/dev/fd/")
            .or_else(|| bytes.strip_prefix(b"/proc/self/fd/"))
            .and_then(accounts::id)
            .and_then(|number| i32::try_from(number).ok()),
    };
    if let Some(number) = number {
        return Ok(vec![(path.to_owned(), read_descriptor(number, path)?)]);
    }
    match read_file(path) {
        Err(error) if error.errno() == Some(Errno::EISDIR) => read_directory(path),
        text => Ok(vec![(path.to_owned(), text?)]),
    }
}

fn read_file(path: &OsStr) -> Result<Vec<u8>> {
    let failed = |error| Error::from_io("read", path, &error);
    let mut text = Vec::new();
    File::open(path).map_err(failed)?.read_to_end(&mut text).map_err(failed)?;
    Ok(text)
}

/// The files `*.fstab` of a directory, by their names, numbers in them by value.
fn read_directory(path: &OsStr) -> Result<Vec<(OsString, Vec<u8>)>> {
    let failed = |error| Error::from_io("read", path, &error);
    let mut names = Vec::new();
    for entry in fs::read_dir(path).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        if name.as_bytes().ends_with(b".fstab") && !name.as_bytes().starts_with(b".") {
            names.push(name);
        }
    }
    names.sort_by(|a, b| compare(a.as_bytes(), b.as_bytes()));
    let read = |name| {
        let file = Path::new(path).join(name).into_os_string();
        read_file(&file).map(|text| (file, text))
    };
    names.into_iter().map(read).collect()
}

/// As strverscmp(3): `9.fstab` comes before `10.fstab`.
fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let start = a[..same].iter().rposition(|byte| !byte.is_ascii_digit()).map_or(0, |at| at + 1);
    let digits = |name: &[u8]| name[start..].iter().take_while(|b| b.is_ascii_digit()).count();
    let numbers = digits(a) > 0 && digits(b) > 0 && a[start] != b'0' && b[start] != b'0';
    let length = if numbers { digits(a).cmp(&digits(b)) } else { Ordering::Equal };
    length.then_with(|| a.cmp(b))
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
    fn files_of_a_directory_are_ordered_by_number() {
        let mut names = ["10.fstab", "b.fstab", "9.fstab", "a10.fstab", "a9b.fstab", "a.fstab"];
        names.sort_by(|a, b| compare(a.as_bytes(), b.as_bytes()));
        assert_eq!(names, ["9.fstab", "10.fstab", "a.fstab", "a9b.fstab", "a10.fstab", "b.fstab"]);
    }
}
