//! The cgroups below one, which a container may have made as it liked: any number of them, at any depth.

use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use nix::dir::{Dir, Type};
use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, unlinkat};

/// A cgroup on the way down, and those of its own that are still to be visited.
struct Level {
    name: CString,
    below: Vec<CString>,
}

/// Calls `visit` for the cgroup `top` and each one below it, before those below that, and `leave` with the parent and
/// the name of each one below it after that.
///
/// It ends at `deadline`, since who may make cgroups there can make them faster than they are visited.
///
/// One directory is open at a time, and no path is put together: a deep tree costs neither descriptors nor stack, and
/// is not lost for the length of its paths.
///
/// # Errors
/// Those of `visit` and `leave`, which end the walk, and ETIME; what goes away during the walk is not missed.
pub(super) fn walk(
    top: BorrowedFd,
    deadline: Instant,
    mut visit: impl FnMut(BorrowedFd) -> nix::Result<()>,
    mut leave: impl FnMut(BorrowedFd, &CString) -> nix::Result<()>,
) -> nix::Result<()> {
    let mut here = open(top, c".")?;
    visit(here.as_fd())?;
    let mut levels = vec![Level { name: CString::default(), below: names(&here)? }];
    while let Some(level) = levels.last_mut() {
        if Instant::now() > deadline {
            return Err(Errno::ETIME);
        }
        let Some(name) = level.below.pop() else {
            let name = levels.pop().map(|level| level.name).unwrap_or_default();
            if levels.is_empty() {
                break;
            }
            here = open(here.as_fd(), c"..")?;
            leave(here.as_fd(), &name)?;
            continue;
        };
        match open(here.as_fd(), name.as_c_str()) {
            Ok(below) => here = below,
            Err(Errno::ENOENT) => continue,
            Err(errno) => return Err(errno),
        }
        visit(here.as_fd())?;
        levels.push(Level { name, below: names(&here)? });
    }
    Ok(())
}

/// Removes the cgroups below `top`.
///
/// # Errors
/// Those of rmdir(2): EBUSY where one holds a process.
pub(super) fn remove_below(top: BorrowedFd, deadline: Instant) -> nix::Result<()> {
    walk(
        top,
        deadline,
        |_| Ok(()),
        |parent, name| match unlinkat(parent, name.as_c_str(), UnlinkatFlags::RemoveDir) {
            Err(Errno::ENOENT) => Ok(()),
            removed => removed,
        },
    )
}

fn open(parent: BorrowedFd, name: &(impl nix::NixPath + ?Sized)) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// The directories in this one.
fn names(directory: &OwnedFd) -> nix::Result<Vec<CString>> {
    let mut entries =
        Dir::openat(directory, c".", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    let mut names = Vec::new();
    for entry in entries.iter() {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type() == Some(Type::Directory) && name != c"." && name != c".." {
            names.push(name.to_owned());
        }
    }
    Ok(names)
}
