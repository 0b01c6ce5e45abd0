//! A program that is carried into another root, and cannot be written to from there.
//!
//! Each process that may trace a program reaches its file through `/proc/PID/exe`, and could overwrite the
//! host's program from inside a container (CVE-2019-5736).

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::libc::AT_EMPTY_PATH;
use nix::sys::memfd::{MFdFlags, memfd_create};

use crate::error::{Error, Result};
use crate::sys::{self, MountAttr, flags};

/// The program as it was opened, and as it is executed.
#[derive(Debug)]
pub(crate) struct Carried {
    /// To be read for a hint, where it may be read.
    pub file: OwnedFd,
    /// To be executed.
    pub program: OwnedFd,
}

impl Carried {
    /// Takes the program that `file` is open on (`O_PATH` will do where a mount of it may be made).
    pub fn new(file: OwnedFd, name: &OsStr) -> Result<Self> {
        let program = match read_only_mount(file.as_fd()) {
            Ok(program) => program,
            Err(_) => sealed_copy(file.as_fd(), name)
                .map_err(|(errno, hint)| Error::new("copy", name, errno).explain(|_| hint))?,
        };
        Ok(Self { file, program })
    }
}

/// The file on a mount of its own that is read-only. This needs CAP_SYS_ADMIN over the mount namespace, and
/// Linux 5.12.
///
/// A detached mount belongs to the descriptor that it was made with. As long as that is open, every process
/// that reaches the mount and has CAP_SYS_ADMIN in *its* mount namespace may make it writable again. So it is
/// closed here: the mount is then in no namespace, which nothing can change, and lasts as long as its file is
/// open or executed.
fn read_only_mount(file: BorrowedFd) -> nix::Result<OwnedFd> {
    const EMPTY_PATH: u32 = AT_EMPTY_PATH as u32;
    let mount = sys::open_tree(file, c"", flags::OPEN_TREE_CLONE | EMPTY_PATH)?;
    let read_only = MountAttr { set: flags::MOUNT_ATTR_RDONLY, ..MountAttr::default() };
    sys::mount_setattr(mount.as_fd(), 0, &read_only)?;
    sys::open_tree(mount.as_fd(), c"", EMPTY_PATH)
}

/// A copy in memory that nobody can change, its maker neither. What fails has a hint where its cause is known.
fn sealed_copy(file: BorrowedFd, name: &OsStr) -> Result<OwnedFd, (Errno, Option<String>)> {
    let mut copy = File::from(executable_memory(name).map_err(forbidden)?);
    file.try_clone_to_owned()
        .and_then(|file| io::copy(&mut File::from(file), &mut copy))
        .map_err(|error| unreadable(&error))?;
    let seals = SealFlag::F_SEAL_SEAL
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_WRITE;
    fcntl(&copy, FcntlArg::F_ADD_SEALS(seals)).map_err(|errno| (errno, None))?;
    Ok(copy.into())
}

/// Before Linux 6.3 all such files are executable, and there is no flag for it.
fn executable_memory(name: &OsStr) -> nix::Result<OwnedFd> {
    /// linux/memfd.h.
    const MFD_EXEC: MFdFlags = MFdFlags::from_bits_retain(0x10);
    /// The kernel's limit for a name is 249.
    const LONGEST: usize = 200;
    let name = Path::new(name).file_name().unwrap_or_default().as_bytes();
    let name = &name[..name.len().min(LONGEST)];
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    match memfd_create(name, flags | MFD_EXEC) {
        Err(Errno::EINVAL) => memfd_create(name, flags),
        copy => copy,
    }
}

const COPIED: &str = "without the capability CAP_SYS_ADMIN over the mount namespace a program is carried as a copy in memory";

fn forbidden(errno: Errno) -> (Errno, Option<String>) {
    let hint = || format!("{COPIED}, and /proc/sys/vm/memfd_noexec forbids to execute one");
    (errno, (errno == Errno::EACCES).then(hint))
}

/// EBADF is what a descriptor gives that was opened to be executed alone.
fn unreadable(error: &io::Error) -> (Errno, Option<String>) {
    match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
        Errno::EBADF => (Errno::EACCES, Some(format!("{COPIED}, and this one may not be read"))),
        errno => (errno, None),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::OpenOptions;
    use std::io::{Read, Write};
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_sealed_copy_cannot_be_written() {
        let file = File::open("/proc/self/exe").unwrap();
        let copy = sealed_copy(file.as_fd(), OsStr::new("/a/name")).unwrap();
        let link = format!("/proc/self/fd/{}", copy.as_raw_fd());
        let mut same = Vec::new();
        File::open(&link).unwrap().read_to_end(&mut same).unwrap();
        assert!(same == std::fs::read("/proc/self/exe").unwrap());

        let mut copy = OpenOptions::new().write(true).open(link).unwrap();
        assert_eq!(copy.write(b"x").unwrap_err().raw_os_error(), Some(Errno::EPERM as i32));
        assert_eq!(copy.set_len(0).unwrap_err().raw_os_error(), Some(Errno::EPERM as i32));
    }

    #[test]
    fn a_mount_stays_read_only() {
        let path = std::env::temp_dir().join(format!("carry-{}", std::process::id()));
        let file = File::create(&path).unwrap();
        let program = read_only_mount(file.as_fd());
        std::fs::remove_file(path).unwrap();
        // An ordinary user cannot make one.
        let Ok(program) = program else { return };
        let link = format!("/proc/self/fd/{}", program.as_raw_fd());
        let error = OpenOptions::new().write(true).open(link).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(Errno::EROFS as i32));
        let writable = MountAttr { clear: flags::MOUNT_ATTR_RDONLY, ..MountAttr::default() };
        assert_eq!(sys::mount_setattr(program.as_fd(), 0, &writable), Err(Errno::EINVAL));
    }

    #[test]
    fn names_of_any_length() {
        for name in ["", "/", "..", &"x".repeat(255)] {
            assert!(executable_memory(OsStr::new(name)).is_ok(), "{name}");
        }
    }
}
