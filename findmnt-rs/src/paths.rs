//! Compares paths in the way of util-linux's `findmnt`.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

/// The path with all links followed, or the path itself if they cannot be followed. A device of the device
/// mapper becomes `/dev/mapper/NAME`.
pub fn canonical(path: &[u8]) -> Cow<'_, [u8]> {
    let Ok(real) = fs::canonicalize(Path::new(OsStr::from_bytes(path))) else {
        return Cow::Borrowed(path);
    };
    let real = real.into_os_string().into_vec();
    let mapped = real.strip_prefix(b"/dev/").and_then(mapper_name);
    Cow::Owned(mapped.unwrap_or(real))
}

/// `/dev/mapper/NAME` for `dm-N`.
fn mapper_name(device: &[u8]) -> Option<Vec<u8>> {
    device.strip_prefix(b"dm-").filter(|number| number.iter().all(u8::is_ascii_digit))?;
    let file = [b"/sys/block/", device, b"/dm/name"].concat();
    let name = fs::read(OsStr::from_bytes(&file)).ok()?;
    Some([b"/dev/mapper/", name.trim_ascii_end()].concat())
}

/// Whether two paths are the same, apart from repeated and final slashes.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one == other || significant(one).eq(significant(other))
}

fn significant(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    let absolute = path.starts_with(b"/").then_some(&b"/"[..]);
    absolute.into_iter().chain(path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()))
}

/// The directory that contains the path; none for `/` and for a path without a slash.
pub fn parent(path: &[u8]) -> Option<&[u8]> {
    match path.iter().rposition(|&byte| byte == b'/')? {
        0 if path.len() == 1 => None,
        0 => Some(b"/"),
        slash => Some(&path[..slash]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes() {
        assert!(same(b"/a//b/", b"/a/b") && same(b"//", b"/") && same(b"x", b"x"));
        assert!(!same(b"/a", b"a") && !same(b"/a/b", b"/a/c") && !same(b"", b"/"));
    }

    #[test]
    fn parents() {
        assert_eq!(parent(b"/a/b"), Some(&b"/a"[..]));
        assert_eq!(parent(b"/a"), Some(&b"/"[..]));
        assert_eq!(parent(b"/"), None);
        assert_eq!(parent(b"a"), None);
    }
}
