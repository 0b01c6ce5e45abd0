//! The terminal bound on a file of the root, as /dev/console.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::directory::{open_in_root, walk};
use common::sys::{self, MountAttr, flags};
use common::{Context, Error, Hint, Result};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag};
use nix::sys::stat::{Mode, SFlag, fstat, mknodat};

const PLACE: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// Binds the slave on `path` in the root, read-only: that stops no write to the terminal, but chmod(2) and
/// chown(2). What is there is neither opened nor followed, only covered.
pub fn bind(slave: &OwnedFd, root: &OwnedFd, path: &OsStr) -> Result<()> {
    let place = place(root, path).context("bind the terminal on", path).hint(explain)?;
    let attributes = MountAttr {
        set: flags::MOUNT_ATTR_RDONLY | flags::MOUNT_ATTR_NOSUID | flags::MOUNT_ATTR_NOEXEC,
        ..MountAttr::default()
    };
    sys::open_tree(slave.as_fd(), c"", flags::OPEN_TREE_CLONE | nix::libc::AT_EMPTY_PATH as u32)
        .and_then(|copy| {
            sys::mount_setattr(copy.as_fd(), 0, &attributes)?;
            sys::move_mount(copy.as_fd(), place.as_fd(), 0)
        })
        .context("bind the terminal on", path)
        .hint(explain)
}

/// The file, made where it is missing. Links on the way stay inside the root.
fn place(root: &OwnedFd, path: &OsStr) -> nix::Result<OwnedFd> {
    let (parent, name) = split(path);
    let directory = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    let parent = open_in_root(root, parent, directory)?;
    let place = match open_beneath(&parent, name) {
        Err(Errno::ENOENT) => {
            match mknodat(&parent, name, SFlag::S_IFREG, Mode::S_IRUSR | Mode::S_IWUSR, 0) {
                Ok(()) | Err(Errno::EEXIST) => open_beneath(&parent, name),
                Err(errno) => Err(errno),
            }
        }
        result => result,
    }?;
    match SFlag::from_bits_truncate(fstat(&place)?.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFLNK => Err(Errno::ELOOP),
        SFlag::S_IFDIR => Err(Errno::EISDIR),
        _ => Ok(place),
    }
}

fn open_beneath(parent: &OwnedFd, name: &OsStr) -> nix::Result<OwnedFd> {
    let how = OpenHow::new().flags(PLACE).resolve(ResolveFlag::RESOLVE_BENEATH);
    walk(parent, name, how)
}

fn split(path: &OsStr) -> (&OsStr, &OsStr) {
    let bytes = path.as_bytes();
    let start = bytes.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    let parent = if start == 0 { b"." } else { &bytes[..start] };
    (OsStr::from_bytes(parent), OsStr::from_bytes(&bytes[start..]))
}

fn explain(error: &Error) -> Option<String> {
    match error.errno()? {
        Errno::ELOOP => Some("it is a symbolic link, which may lead anywhere: remove it".into()),
        Errno::EISDIR => Some("it is a directory: a terminal can only be bound on a file".into()),
        Errno::EPERM => Some(
            "this needs the capability CAP_SYS_ADMIN over the mount namespace: put \
             'unshare-rs --mount' in front"
                .into(),
        ),
        Errno::EROFS => {
            Some("the file is missing and cannot be made: mount a tmpfs on its directory".into())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_their_parts() {
        for (path, parent, name) in
            [("/dev/console", "/dev/", "console"), ("c", ".", "c"), ("/c", "/", "c")]
        {
            assert_eq!(split(OsStr::new(path)), (OsStr::new(parent), OsStr::new(name)));
        }
    }
}
