//! mount(2), for where a mount cannot be built unseen: an old seccomp profile, or an old kernel, refuses the calls
//! for that, or they cannot take what a line says. Nothing that needs a second call is done here: a mount that is to
//! be read-only is never seen writable.
//!
//! Both ends are descriptors: mount(2) reaches them through /proc/self/fd, which nobody can swap.

use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::denied::Call;
use common::sys;
use common::sys::flags::{
    MOUNT_ATTR_ATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY,
    MOUNT_ATTR_STRICTATIME,
};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2, readlink};
use nix::mount::{MsFlags, mount};

use crate::options::{Change, Options};
use common::option_list::unquoted;

/// The kernel copies a page of options at most, and the last byte of it is a NUL.
pub const LONGEST_OPTIONS: usize = 4095;

/// As `MS_NOSYMFOLLOW` of the kernel, which `nix` lacks.
const MS_NOSYMFOLLOW: MsFlags = MsFlags::from_bits_retain(256);

/// Attributes, as mount(2) calls them.
const FLAGS: &[(u64, MsFlags)] = &[
    (MOUNT_ATTR_RDONLY, MsFlags::MS_RDONLY),
    (MOUNT_ATTR_NOSUID, MsFlags::MS_NOSUID),
    (MOUNT_ATTR_NODEV, MsFlags::MS_NODEV),
    (MOUNT_ATTR_NOEXEC, MsFlags::MS_NOEXEC),
    (MOUNT_ATTR_NODIRATIME, MsFlags::MS_NODIRATIME),
    (MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW),
];

/// Words for the superblock. The other ones have no flag.
const SUPERBLOCK: &[(&str, MsFlags)] = &[
    ("dirsync", MsFlags::MS_DIRSYNC),
    ("lazytime", MsFlags::MS_LAZYTIME),
    ("mand", MsFlags::MS_MANDLOCK),
    ("sync", MsFlags::MS_SYNCHRONOUS),
];

/// Whether a call failed because this process cannot make it at all.
pub fn is_refused(call: Call, errno: Errno) -> bool {
    match errno {
        Errno::ENOSYS => true,
        Errno::EPERM => call.is_refused(),
        _ => false,
    }
}

/// Whether a bind with these options is one call.
pub fn can_bind(options: &Options) -> bool {
    !options.has_attributes() && is_plain(options)
}

/// Whether a new file system with these options is one call.
pub fn can_make(options: &Options) -> bool {
    // mount(2) makes the mount and its file system read-only together.
    let read_only = options.top.set & MOUNT_ATTR_RDONLY != 0;
    !options.copy_up
        && options.recursive.is_none()
        && read_only == (options.superblock_read_only == Some(true))
        && is_plain(options)
}

fn is_plain(options: &Options) -> bool {
    options.idmap.is_none()
        && options.subdirectory.is_none()
        && options.descriptor.is_none()
        && !options.is_tree
}

/// Binds `source` to `target`, and gives the new mount. Here and below `old` tells which mounts are not new.
pub fn bind(
    source: &OwnedFd,
    target: &OwnedFd,
    recursive: bool,
    old: impl Fn(u64) -> bool,
) -> nix::Result<OwnedFd> {
    let recursive = if recursive { MsFlags::MS_REC } else { MsFlags::empty() };
    call(Some(&path(source)), target, None, MsFlags::MS_BIND | recursive, None)?;
    new_mount(target, old)
}

/// Moves the mount that `source` is the root of.
pub fn move_tree(source: &OwnedFd, target: &OwnedFd) -> nix::Result<()> {
    call(Some(&path(source)), target, None, MsFlags::MS_MOVE, None)
}

/// Mounts a new file system on `target`.
pub fn file_system(
    kind: &CStr,
    source: &CStr,
    options: &Options,
    target: &OwnedFd,
    old: impl Fn(u64) -> bool,
) -> nix::Result<OwnedFd> {
    let words: Vec<_> = options.data.iter().map(|word| without_quotes(word.as_bytes())).collect();
    let data = words.join(&b',');
    if data.len() > LONGEST_OPTIONS {
        return Err(Errno::E2BIG);
    }
    let mut flags = flags(options.top.set);
    for (word, flag) in SUPERBLOCK {
        flags.set(*flag, options.superblock.contains(word));
    }
    let source = OsStr::from_bytes(source.to_bytes());
    call(Some(source), target, Some(kind), flags, Some(OsStr::from_bytes(&data)))?;
    new_mount(target, old)
}

/// Changes who else sees what is mounted beneath.
pub fn propagate(mount: impl AsFd, kind: MsFlags, recursive: bool) -> nix::Result<()> {
    let recursive = if recursive { MsFlags::MS_REC } else { MsFlags::empty() };
    call(None, mount, None, kind | recursive, None)
}

/// Changes the attributes of a mount that had those of `before`: mount(2) sets them all.
pub fn change(mount: impl AsFd, before: u64, change: Change) -> nix::Result<()> {
    let flags = flags(before & !change.clear | change.set);
    call(None, mount, None, MsFlags::MS_REMOUNT | MsFlags::MS_BIND | flags, None)
}

fn call(
    source: Option<&OsStr>,
    target: impl AsFd,
    kind: Option<&CStr>,
    flags: MsFlags,
    data: Option<&OsStr>,
) -> nix::Result<()> {
    mount(source, path(target).as_os_str(), kind, flags, data)
}

fn path(place: impl AsFd) -> std::ffi::OsString {
    format!("/proc/self/fd/{}", place.as_fd().as_raw_fd()).into()
}

fn flags(attributes: u64) -> MsFlags {
    let mut flags = MsFlags::empty();
    FLAGS.iter().filter(|row| attributes & row.0 != 0).for_each(|row| flags |= row.1);
    flags
        | match attributes & MOUNT_ATTR_ATIME {
            MOUNT_ATTR_NOATIME => MsFlags::MS_NOATIME,
            MOUNT_ATTR_STRICTATIME => MsFlags::MS_STRICTATIME,
            _ => MsFlags::MS_RELATIME,
        }
}

/// In one string a file system splits words at commas: those that quotes protect get a backslash.
fn without_quotes(word: &[u8]) -> Vec<u8> {
    let Some(at) = word.iter().position(|&byte| byte == b'=') else { return word.to_vec() };
    let (key, value) = word.split_at(at + 1);
    match unquoted(value) {
        inner if inner.len() == value.len() => word.to_vec(),
        inner => {
            [key, &inner.split(|&byte| byte == b',').collect::<Vec<_>>().join(&b"\\,"[..])].concat()
        }
    }
}

/// How many times to look for a mount whose path another process renames.
const TRIES: usize = 4096;

/// The mount that was just put on `target`: what the path of that leads to now. A walk that starts at a descriptor does
/// not see what is mounted on that very place.
fn new_mount(target: &OwnedFd, old: impl Fn(u64) -> bool) -> nix::Result<OwnedFd> {
    let below = sys::location(target.as_fd())?;
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let how = OpenHow::new().flags(flags);
    for _ in 0..TRIES {
        let now = readlink(path(target).as_os_str())?;
        let opened = match openat2(
            sys::cwd(),
            now.as_os_str(),
            how.resolve(ResolveFlag::RESOLVE_NO_SYMLINKS),
        ) {
            // The kernel or a filter does not let us: a symlink in the path would lead to no mount of ours.
            Err(Errno::ENOSYS | Errno::EPERM) => {
                nix::fcntl::open(now.as_os_str(), flags, nix::sys::stat::Mode::empty())
            }
            opened => opened,
        };
        let Ok(mount) = opened else { continue };
        let there = sys::location(mount.as_fd())?;
        if there.is_mount_root && there.mount != below.mount && !old(there.mount) {
            return Ok(mount);
        }
    }
    Err(Errno::ESTALE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_has_its_flag() {
        for (attribute, flag) in FLAGS {
            assert_eq!(flags(*attribute), *flag | MsFlags::MS_RELATIME);
        }
        assert_eq!(flags(MOUNT_ATTR_NOATIME), MsFlags::MS_NOATIME);
        assert_eq!(flags(MOUNT_ATTR_STRICTATIME), MsFlags::MS_STRICTATIME);
    }

    #[test]
    fn quotes_become_backslashes() {
        assert_eq!(without_quotes(b"context=\"a,b\""), b"context=a\\,b");
        assert_eq!(without_quotes(b"size=1"), b"size=1");
        assert_eq!(without_quotes(b"ro"), b"ro");
    }
}
