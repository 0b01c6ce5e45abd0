//! Reading a table from a file, standard input or a descriptor.

use std::cmp::Ordering;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use common::{Error, Result, input};
use nix::errno::Errno;

/// The texts of a table, each with the name of its file: several where `path` is a directory.
pub fn read(path: &OsStr) -> Result<Vec<(OsString, Vec<u8>)>> {
    match input::read(path) {
        Err(error) if error.errno() == Some(Errno::EISDIR) => read_directory(path),
        text => Ok(vec![(path.to_owned(), text?)]),
    }
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
        input::read(&file).map(|text| (file, text))
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
