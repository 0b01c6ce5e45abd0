//! What the kernel says of a single mount: statmount(2), since Linux 6.8.

use std::ffi::{CStr, CString};
use std::os::fd::{AsFd, OwnedFd};

use common::sys::flags::{
    MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_NOEXEC,
    MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY, MOUNT_ATTR_STRICTATIME,
};
use common::sys::statmount::{MNT_BASIC, MNT_POINT};
use common::sys::{self, statmount};
use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, fstatvfs};

use crate::mountinfo;

/// `struct statmount`: where its fields stand, and where the strings start that some of them point into.
mod offset {
    pub const MNT_ATTR: usize = 64;
    pub const MNT_POINT: usize = 108;
    pub const STRINGS: usize = 512;
}

/// What statvfs(3) says of a mount, as attributes. It knows no word for strictatime, and none for nosymfollow here.
const ATTRIBUTES: &[(FsFlags, u64)] = &[
    (FsFlags::ST_RDONLY, MOUNT_ATTR_RDONLY),
    (FsFlags::ST_NOSUID, MOUNT_ATTR_NOSUID),
    (FsFlags::ST_NODEV, MOUNT_ATTR_NODEV),
    (FsFlags::ST_NOEXEC, MOUNT_ATTR_NOEXEC),
    (FsFlags::ST_NOATIME, MOUNT_ATTR_NOATIME),
    (FsFlags::ST_NODIRATIME, MOUNT_ATTR_NODIRATIME),
];

/// The attributes that are set on a mount.
pub fn attributes(mount: &OwnedFd) -> nix::Result<u64> {
    let id = sys::location(mount.as_fd())?.mount;
    let mut buffer = [0; offset::STRINGS];
    if statmount(0, id, MNT_BASIC, &mut buffer).is_ok() {
        return Ok(u64::from_ne_bytes(field(&buffer, offset::MNT_ATTR)));
    }
    // An older kernel does not say, nor any for a mount that is not attached.
    let flags = fstatvfs(mount)?.flags();
    Ok(ATTRIBUTES.iter().filter(|row| flags.contains(row.0)).fold(0, |set, row| set | row.1))
}

/// As [`attributes`], also those that statvfs(3) does not know: the whole mount table is read where statmount(2) is not
/// there.
pub fn all_attributes(mount: &OwnedFd) -> nix::Result<u64> {
    let known = attributes(mount)?;
    let id = sys::mount_id(mount.as_fd())?;
    let Some(line) = mountinfo::read().into_iter().find(|mount| mount.id == id) else {
        return Ok(known);
    };
    let is = |word: &str| line.is(word.as_bytes());
    let strict = if is("noatime") || is("relatime") { 0 } else { MOUNT_ATTR_STRICTATIME };
    let nosymfollow = if is("nosymfollow") { MOUNT_ATTR_NOSYMFOLLOW } else { 0 };
    Ok(known | strict | nosymfollow)
}

/// Where the mount of this id is.
pub fn path(id: u64) -> nix::Result<CString> {
    let mut buffer = [0; offset::STRINGS + 4096];
    statmount(0, id, MNT_POINT, &mut buffer)?;
    let start = u32::from_ne_bytes(field(&buffer, offset::MNT_POINT)) as usize;
    let text = buffer.get(offset::STRINGS + start..).unwrap_or_default();
    CStr::from_bytes_until_nul(text).map(CStr::to_owned).map_err(|_| Errno::EINVAL)
}

fn field<const N: usize>(buffer: &[u8], offset: usize) -> [u8; N] {
    buffer[offset..].first_chunk().copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn the_root_is_where_it_is() {
        let root = OwnedFd::from(File::open("/").unwrap());
        let id = sys::location(root.as_fd()).unwrap().mount;
        match path(id) {
            Err(Errno::ENOSYS) => {}
            path => assert_eq!(path.unwrap().as_c_str(), c"/"),
        }
    }

    #[test]
    fn attributes_are_those_of_statvfs() {
        let proc = OwnedFd::from(File::open("/proc").unwrap());
        let (flags, set) = (fstatvfs(&proc).unwrap().flags(), attributes(&proc).unwrap());
        for (flag, attribute) in ATTRIBUTES {
            assert_eq!(flags.contains(*flag), set & attribute != 0, "{flag:?}");
        }
    }
}
