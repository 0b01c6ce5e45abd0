//! The pivot itself: pivot_root(2) and what must come before and after it.

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use common::sys::{self, MountAttr, flags};
use common::{Command, Context, Error, Hint, Kind, Result, directory};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::libc::AT_EMPTY_PATH;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, chdir, faccessat, fchdir, pivot_root};

use crate::cause;

const NOT_FOUND: &str =
    "it is looked up in the new root: --carry executes a statically linked program of the old one";

/// A change of root, and the program to run after it.
#[derive(Debug, Default)]
pub struct Pivot {
    pub new_root: OsString,
    pub put_old: OsString,
    pub detach: bool,
    pub private: bool,
    pub self_bind: bool,
    pub start: Option<Start>,
}

/// COMMAND, and how to start it in the new root.
#[derive(Debug)]
pub struct Start {
    pub command: Command,
    pub carry: bool,
    /// COMMAND is a tool of this program.
    pub own: bool,
    /// It starts in the first of these that is there; in the root where there are none.
    pub directories: Vec<OsString>,
}

impl Pivot {
    /// Changes the root and becomes the command, where there is one. All that can be looked up is
    /// looked up before the root changes.
    pub fn run(mut self) -> Result<u8> {
        let Some(start) = self.start.take() else {
            self.change(&[])?;
            return Ok(0);
        };
        let command = if start.carry { start.command.carry()? } else { start.command };
        match self.change(&start.directories)? {
            Some(directory) => fchdir(directory).step("enter the working directory")?,
            None => chdir("/").step("enter the new root")?,
        }
        if start.own {
            return Err(command.go_on());
        }
        Err(command.exec().explain(|error| {
            (error.kind() == Kind::CommandNotFound && !start.carry).then(|| NOT_FOUND.into())
        }))
    }

    /// Changes the root. Gives the directory of the new root that COMMAND is to start in.
    fn change(&self, start_in: &[OsString]) -> Result<Option<OwnedFd>> {
        let old_root = open_directory("/").context("open", "/")?;
        let new_root =
            open_directory(&self.new_root).context("pivot the root to", &self.new_root)?;
        let mut start = find(&new_root, start_in)?;
        let put_old = self.put_old()?;

        if self.private {
            cut_propagation().map_err(cause::of_private)?;
        }
        if self.self_bind {
            start = self.bind_and_pivot(&new_root, &put_old, start_in)?;
        } else {
            self.pivot(&new_root, &put_old)?;
        }
        if self.detach {
            detach(&old_root)?;
        }
        Ok(start)
    }

    /// Looks the directories up again: the bind hides those that were found in NEW_ROOT.
    fn bind_and_pivot(
        &self,
        directory: &OwnedFd,
        put_old: &OsStr,
        start_in: &[OsString],
    ) -> Result<Option<OwnedFd>> {
        let new_root = bind_onto_itself(directory)
            .context("bind onto itself", &self.new_root)
            .map_err(|error| cause::of_bind(error, directory))?;
        find(&new_root, start_in)
            .and_then(|start| self.pivot(&new_root, put_old).map(|()| start))
            .inspect_err(|_| unbind(&new_root))
    }

    /// From inside the new root PUT_OLD `.` stacks the old root on the new one's own root directory
    /// (pivot_root(2), NOTES), so that the new root needs no directory for it.
    fn pivot(&self, new_root: &OwnedFd, put_old: &OsStr) -> Result<()> {
        let inside = self.self_bind || self.detach && put_old == ".";
        if inside {
            fchdir(new_root).context("enter the directory", &self.new_root)?;
        }
        let path = if inside { OsStr::new(".") } else { &self.new_root };
        let result = match pivot_root(path, put_old) {
            Err(Errno::EINVAL) if self.detach && cause::is_only_shared(new_root, put_old) => {
                pivot_unshared(new_root, path, put_old)
            }
            result => result,
        };
        result
            .context("pivot the root to", &self.new_root)
            .map_err(|error| cause::of_pivot(error, new_root, put_old))
    }

    /// PUT_OLD, as seen from NEW_ROOT where that is to be bound onto itself: a path that starts in the
    /// working directory may lead to what the new mount hides.
    fn put_old(&self) -> Result<OsString> {
        if !self.self_bind || self.detach && self.put_old == "." {
            return Ok(self.put_old.clone());
        }
        let real = |path: &OsString| {
            Path::new(path)
                .canonicalize()
                .map_err(|error| Error::from_io("put the old root at", path, &error))
        };
        let (new_root, put_old) = (real(&self.new_root)?, real(&self.put_old)?);
        match put_old.strip_prefix(new_root) {
            Ok(path) => Ok(Path::new(".").join(path).into()),
            Err(_) => {
                let reason = "it is not beneath the new root";
                Err(Error::because("put the old root at", &self.put_old, reason))
            }
        }
    }
}

/// The kernel refuses to put the old root on a shared mount, since the peers of that mount would see it. With
/// --detach the old root is unmounted at once, so the new root becomes a slave for the pivot, and shared again after
/// it. It is then in a new peer group, and still receives mounts from its old one.
fn pivot_unshared(new_root: &OwnedFd, path: &OsStr, put_old: &OsStr) -> nix::Result<()> {
    propagate(new_root, MsFlags::MS_SLAVE)?;
    let result = pivot_root(path, put_old);
    propagate(new_root, MsFlags::MS_SHARED)?;
    result
}

fn propagate(mount: &OwnedFd, kind: MsFlags) -> nix::Result<()> {
    let attr = MountAttr { propagation: kind.bits(), ..MountAttr::default() };
    sys::mount_setattr(mount.as_fd(), 0, &attr)
}

fn open_directory(path: impl AsRef<OsStr>) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path.as_ref(), flags, Mode::empty())
}

/// The first of the directories that is there and may be entered.
fn find(new_root: &OwnedFd, start_in: &[OsString]) -> Result<Option<OwnedFd>> {
    let Some((last, others)) = start_in.split_last() else { return Ok(None) };
    let may_enter = |directory: &OwnedFd| {
        faccessat(directory, ".", AccessFlags::X_OK, AtFlags::AT_EACCESS).is_ok()
    };
    let found =
        others.iter().find_map(|path| directory::find(new_root, path).ok().filter(may_enter));
    found
        .map_or_else(|| directory::find(new_root, last), Ok)
        .map(Some)
        .hint(|error| cause::refused(error.errno()?))
}

/// The mounts may have peers in other namespaces, which must not see the changes made here.
fn cut_propagation() -> Result<()> {
    let private = MsFlags::MS_PRIVATE | MsFlags::MS_REC;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>).step("cut the propagation of '/'")
}

/// A copy of the directory's mounts on top of the directory; gives the new mount's root.
fn bind_onto_itself(directory: &OwnedFd) -> nix::Result<OwnedFd> {
    let clone = flags::OPEN_TREE_CLONE | flags::AT_RECURSIVE | AT_EMPTY_PATH as u32;
    let tree = sys::open_tree(directory.as_fd(), c"", clone)?;
    sys::move_mount(tree.as_fd(), directory.as_fd(), 0)?;
    Ok(tree)
}

/// Undoes [`bind_onto_itself`] where the pivot failed; that failure is what is reported.
fn unbind(new_root: &OwnedFd) {
    let _ = fchdir(new_root).and_then(|()| umount2(".", MntFlags::MNT_DETACH));
}

fn detach(old_root: &OwnedFd) -> Result<()> {
    fchdir(old_root).step("enter the old root")?;
    // Its mounts may be peers of mounts of the host, which must stay mounted.
    let slave = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    mount(None::<&str>, ".", None::<&str>, slave, None::<&str>)
        .step("cut the old root's propagation")?;
    umount2(".", MntFlags::MNT_DETACH).step("unmount the old root")
}
