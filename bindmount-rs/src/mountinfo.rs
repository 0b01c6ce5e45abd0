//! The kernel's mount table, as far as a question about it needs it.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::fcntl::readlink;

use crate::table;

/// A line of /proc/self/mountinfo.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    /// The id that is used again once the mount is gone.
    pub id: u64,
    /// Where it is mounted, as a path.
    pub target: Vec<u8>,
    /// The options of the mount itself.
    pub options: Vec<u8>,
    pub kind: Vec<u8>,
    pub source: Vec<u8>,
    /// Its optional fields, such as `shared:1` or `unbindable`.
    pub propagation: Vec<u8>,
}

impl Mount {
    pub fn path(&self) -> &OsStr {
        OsStr::from_bytes(&self.target)
    }

    /// Whether this word is one of its options.
    pub fn is(&self, word: &[u8]) -> bool {
        self.options.split(|&byte| byte == b',').any(|option| option == word)
    }

    /// Whether one of its propagation fields starts with `word`.
    pub fn says(&self, word: &[u8]) -> bool {
        self.propagation.split(|&byte| byte == b' ').any(|field| field.starts_with(word))
    }
}

/// All mounts, in their order; none where /proc does not tell.
pub fn read() -> Vec<Mount> {
    let text = fs::read("/proc/self/mountinfo").unwrap_or_default();
    text.split(|&byte| byte == b'\n').filter_map(parse).collect()
}

/// The mounts at a place.
pub struct At {
    /// That which is mounted at the place itself.
    pub top: Option<Mount>,
    /// Those that are mounted beneath it.
    pub beneath: Vec<Mount>,
}

/// The mounts at the directory or file that `place` is open on.
pub fn at(place: &OwnedFd) -> At {
    let link = format!("/proc/self/fd/{}", place.as_raw_fd());
    let path = readlink(link.as_str()).unwrap_or_default();
    let mut mounts = read();
    let top = mounts.iter().rposition(|mount| mount.path() == path);
    let top = top.map(|index| mounts.remove(index));
    mounts.retain(|mount| is_beneath(&mount.target, path.as_bytes()));
    At { top, beneath: mounts }
}

fn parse(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let target = unescape(fields.nth(3)?)?;
    let options = fields.next()?.to_vec();
    let propagation: Vec<_> = fields.by_ref().take_while(|field| *field != b"-").collect();
    Some(Mount {
        id,
        target,
        options,
        propagation: propagation.join(&b' '),
        kind: unescape(fields.next()?)?,
        source: unescape(fields.next()?)?,
    })
}

fn unescape(field: &[u8]) -> Option<Vec<u8>> {
    Some(table::unescape(field).ok()?.as_bytes().to_vec())
}

/// Whether `path` is beneath the directory `directory`.
pub fn is_beneath(path: &[u8], directory: &[u8]) -> bool {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    path.strip_prefix(directory).is_some_and(|rest| rest.len() > 1 && rest[0] == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line() {
        let line = b"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue";
        let mount = parse(line).unwrap();
        assert_eq!((mount.id, mount.target.as_slice()), (36, &b"/mnt 2"[..]));
        assert_eq!(mount.kind, b"ext3");
        assert!(mount.is(b"noatime") && !mount.is(b"no") && mount.says(b"shared:"));
        assert_eq!(mount.source, b"/dev/root");
        assert_eq!(mount.propagation, b"master:1 shared:2");
        assert!(parse(b"").is_none() && parse(b"1 2 3 4 5 6 7").is_none());
    }

    #[test]
    fn beneath() {
        assert!(is_beneath(b"/proc/sys", b"/proc") && is_beneath(b"/a", b"/"));
        assert!(!is_beneath(b"/proc", b"/proc") && !is_beneath(b"/procfs", b"/proc"));
    }
}
