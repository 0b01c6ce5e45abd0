//! Lines that make a file: device nodes, FIFOs, symlinks, directories.

use std::ffi::{OsStr, OsString, c_int};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::{Error, Result, accounts, quote};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, openat, readlinkat};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, fstat, makedev, mkdirat, mknodat};
use nix::unistd::{Gid, Uid, fchownat, symlinkat};

use crate::descriptor;
use crate::options::{Options, mode};
use crate::place::{NoMask, is};
use crate::table::Entry;
use common::option_list::unquoted;

/// A file to make, with its mode and owner.
#[derive(Debug, PartialEq, Eq)]
pub struct Node {
    pub kind: FileType,
    pub mode: u32,
    pub uid: Option<Uid>,
    pub gid: Option<Gid>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum FileType {
    Character(u64),
    Block(u64),
    Fifo,
    Symlink(OsString),
    Directory,
    /// An empty one, for something to be bound on.
    File,
    /// A new one with what is read from a descriptor, which COMMAND does not inherit.
    Copy(c_int),
    /// Nothing is made: the existing file gets the mode.
    Existing,
}

impl Node {
    /// The node of a line; none if the type of the line makes no file.
    pub fn of(entry: &Entry, options: &Options) -> Result<Option<Self>> {
        let source = &entry.source;
        let (kind, mode) = match entry.kind.as_bytes() {
            b"char" => (FileType::Character(device(source)?), 0o666),
            b"block" => (FileType::Block(device(source)?), 0o660),
            b"fifo" => (FileType::Fifo, 0o666),
            b"symlink" => (FileType::Symlink(source.clone()), 0o777),
            b"dir" => (FileType::Directory, 0o755),
            b"file" => {
                (descriptor::number_of(source).map_or(FileType::File, FileType::Copy), 0o644)
            }
            b"chmod" => (FileType::Existing, 0o644),
            _ => return Ok(None),
        };
        let mut node = Self { kind, mode, uid: None, gid: None };
        options.data.iter().try_for_each(|word| node.set(word))?;
        if node.kind == FileType::Existing && options.data.is_empty() {
            return Err(Error::usage("the type 'chmod' needs mode="));
        }
        Ok(Some(node))
    }

    fn set(&mut self, word: &OsStr) -> Result<()> {
        let value = |key: &[u8]| word.as_bytes().strip_prefix(key).map(unquoted);
        if let Some(digits) = value(b"mode=") {
            self.mode = mode(Some(digits))?;
        } else if let Some(uid) = value(b"uid=").and_then(accounts::id) {
            self.uid = Some(uid.into());
        } else if let Some(gid) = value(b"gid=").and_then(accounts::id) {
            self.gid = Some(gid.into());
        } else {
            return Err(Error::usage(format!("{} is not allowed here", quote(word))));
        }
        Ok(())
    }

    /// Makes the node `name` in `directory`, and opens it; none where the right one was there already.
    pub fn make(&self, directory: BorrowedFd, name: &OsStr) -> nix::Result<Option<OwnedFd>> {
        let is_new = match self.make_new(directory, name) {
            Err(Errno::EEXIST) if !matches!(self.kind, FileType::Copy(_)) => false,
            result => result.map(|()| true)?,
        };
        let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let node = openat(directory, name, flags, Mode::empty())?;
        match self.is(&node)? {
            true if self.kind == FileType::Existing => self.change_mode(&node).map(|()| None),
            true => Ok(is_new.then_some(node)),
            false => Err(Errno::EEXIST),
        }
    }

    /// A descriptor that is only a path has no fchmod(2) before Linux 6.6.
    fn change_mode(&self, node: &OwnedFd) -> nix::Result<()> {
        let path = format!("/proc/self/fd/{}", node.as_raw_fd());
        let mode = Mode::from_bits_truncate(self.mode);
        fchmodat(AT_FDCWD, path.as_str(), mode, FchmodatFlags::FollowSymlink)
    }

    /// Whether an existing file, also one behind a symlink, is accepted instead.
    pub fn may_be_linked(&self) -> bool {
        matches!(self.kind, FileType::Directory | FileType::File)
    }

    /// Gives the node to its owner, where the line names one.
    pub fn give_away(&self, node: &OwnedFd) -> nix::Result<()> {
        if self.uid.is_none() && self.gid.is_none() {
            return Ok(());
        }
        fchownat(node, "", self.uid, self.gid, AtFlags::AT_EMPTY_PATH)
    }

    pub fn is_device(&self) -> bool {
        matches!(self.kind, FileType::Character(_) | FileType::Block(_))
    }

    fn make_new(&self, directory: BorrowedFd, name: &OsStr) -> nix::Result<()> {
        let _mask = NoMask::new();
        let mode = Mode::from_bits_truncate(self.mode);
        match &self.kind {
            FileType::Character(device) => mknodat(directory, name, SFlag::S_IFCHR, mode, *device),
            FileType::Block(device) => mknodat(directory, name, SFlag::S_IFBLK, mode, *device),
            FileType::Fifo => mknodat(directory, name, SFlag::S_IFIFO, mode, 0),
            FileType::Symlink(text) => symlinkat(text.as_os_str(), directory, name),
            FileType::Directory => mkdirat(directory, name, mode),
            FileType::File => mknodat(directory, name, SFlag::S_IFREG, mode, 0),
            FileType::Copy(from) => {
                let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
                descriptor::copy(*from, openat(directory, name, flags, mode)?)
            }
            FileType::Existing => Err(Errno::EEXIST),
        }
    }

    /// Whether an existing file is as the line wants it. For `file` every type is right that a file can be bound on.
    pub fn is(&self, node: &OwnedFd) -> nix::Result<bool> {
        let status = fstat(node)?;
        Ok(match &self.kind {
            FileType::Character(device) => is(&status, SFlag::S_IFCHR) && status.st_rdev == *device,
            FileType::Block(device) => is(&status, SFlag::S_IFBLK) && status.st_rdev == *device,
            FileType::Fifo => is(&status, SFlag::S_IFIFO),
            FileType::Symlink(text) => readlinkat(node, "").is_ok_and(|there| there == *text),
            FileType::Directory => is(&status, SFlag::S_IFDIR),
            FileType::Copy(_) => is(&status, SFlag::S_IFREG),
            FileType::Existing => !is(&status, SFlag::S_IFLNK),
            FileType::File => !is(&status, SFlag::S_IFDIR) && !is(&status, SFlag::S_IFLNK),
        })
    }
}

/// `MAJOR:MINOR`: twelve and twenty bits.
fn device(source: &OsStr) -> Result<u64> {
    let numbers = source.to_str().and_then(|text| text.split_once(':'));
    numbers
        .and_then(|(major, minor)| {
            let major = accounts::id(major.as_bytes()).filter(|&n| n < 1 << 12)?;
            let minor = accounts::id(minor.as_bytes()).filter(|&n| n < 1 << 20)?;
            Some(makedev(major.into(), minor.into()))
        })
        .ok_or_else(|| {
            Error::usage(format!("a device's source is MAJOR:MINOR, not {}", quote(source)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(kind: &str, source: &str, list: &str) -> Result<Option<Node>> {
        let entry = Entry { source: source.into(), kind: kind.into(), ..Entry::default() };
        let mut options = Options::default();
        options.add(OsStr::new(list))?;
        Node::of(&entry, &options)
    }

    #[test]
    fn every_type_of_a_node() {
        for (name, kind, mode) in [
            ("char", FileType::Character(makedev(1, 3)), 0o666),
            ("block", FileType::Block(makedev(1, 3)), 0o660),
            ("fifo", FileType::Fifo, 0o666),
            ("symlink", FileType::Symlink("1:3".into()), 0o777),
            ("dir", FileType::Directory, 0o755),
            ("file", FileType::File, 0o644),
            ("chmod", FileType::Existing, 0o644),
        ] {
            let made = node(name, "1:3", "uid=7").unwrap().unwrap();
            assert_eq!(made, Node { kind, mode, uid: Some(7.into()), gid: None });
        }
        assert_eq!(node("tmpfs", "1:3", "").unwrap(), None);
        assert_eq!(node("file", "/dev/fd/7", "").unwrap().unwrap().kind, FileType::Copy(7));
        assert!(node("chmod", "none", "").is_err());
        assert_eq!(node("fifo", "none", "mode=600").unwrap().unwrap().mode, 0o600);
    }

    #[test]
    fn what_no_node_takes() {
        for source in ["", "1", "1:", ":1", "1:2:3", "4096:1", "1:1048576", "-1:1", "a:b", "+1:1"] {
            assert!(node("char", source, "").is_err(), "{source}");
        }
        for list in ["mode=8", "uid=x", "gid=", "size=1"] {
            assert!(node("fifo", "none", list).is_err(), "{list}");
        }
    }
}
