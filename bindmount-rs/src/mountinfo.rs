//! The kernel's mount table, as far as a question about it needs it.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::{mountinfo, option_list};
use nix::fcntl::readlink;

/// A mount of this process's namespace.
#[derive(Debug, PartialEq, Eq)]
pub struct Mount {
    /// The id that is used again once the mount is gone.
    pub id: u64,
    /// The path of the mount.
    pub target: Vec<u8>,
    /// The options of the mount itself.
    options: Vec<u8>,
    pub kind: Vec<u8>,
    pub source: Vec<u8>,
    optional: Vec<u8>,
}

impl Mount {
    fn of(line: &mountinfo::Mount) -> Self {
        Self {
            id: line.id.into(),
            target: line.point.decoded().into_owned(),
            options: line.options.0.to_vec(),
            kind: line.kind.decoded().into_owned(),
            source: line.source.decoded().into_owned(),
            optional: line.optional.to_vec(),
        }
    }

    pub fn path(&self) -> &OsStr {
        OsStr::from_bytes(&self.target)
    }

    /// Whether this word is one of its options.
    pub fn is(&self, word: &[u8]) -> bool {
        option_list::options(&self.options).any(|option| option == word)
    }

    /// Whether one of its propagation fields starts with `word`.
    pub fn says(&self, word: &[u8]) -> bool {
        self.optional.split(|&byte| byte == b' ').any(|field| field.starts_with(word))
    }
}

/// All mounts, in the order of the table. Without /proc there are none.
pub fn read() -> Vec<Mount> {
    let text = fs::read("/proc/self/mountinfo").unwrap_or_default();
    mountinfo::mounts(&text).map(|line| Mount::of(&line)).collect()
}

/// The mounts at a place.
pub struct At {
    /// The topmost mount at the place itself.
    pub top: Option<Mount>,
    /// All mounts beneath it.
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

/// Whether `path` is beneath the directory `directory`.
pub fn is_beneath(path: &[u8], directory: &[u8]) -> bool {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    path.strip_prefix(directory).is_some_and(|rest| rest.len() > 1 && rest[0] == b'/')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beneath() {
        assert!(is_beneath(b"/proc/sys", b"/proc") && is_beneath(b"/a", b"/"));
        assert!(!is_beneath(b"/proc", b"/proc") && !is_beneath(b"/procfs", b"/proc"));
    }
}
