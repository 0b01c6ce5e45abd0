//! The change of root itself: chroot(2) and what must come before and after it.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};

use common::{Command, Context, Error, Result, directory};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{chroot, fchdir};

use crate::identity::{Identity, Request, capable};
use crate::names::Names;

/// A bit of capget(2) (linux/capability.h).
const CAP_SYS_CHROOT: u32 = 18;

/// One change of root, and what becomes of the process after it.
#[derive(Debug)]
pub struct Chroot {
    pub new_root: OsString,
    pub request: Request,
    pub start: Start,
    pub carry: bool,
    pub command: Command,
}

/// Where COMMAND starts.
#[derive(Debug)]
pub enum Start {
    /// In the new root directory.
    Root,
    /// In a directory of the new root.
    Directory(OsString),
    /// In the working directory as it is.
    Here,
}

impl Chroot {
    /// Becomes the command in the new root; comes back only with the reason why not. All that can be
    /// looked up is looked up before the root changes.
    pub fn run(self) -> Error {
        match self.change() {
            Ok(command) => command.exec(),
            Err(error) => error,
        }
    }

    fn change(self) -> Result<Command> {
        let command = if self.carry { self.command.carry()? } else { self.command };
        let root = open_root(&self.new_root).context("change the root to", &self.new_root)?;
        let identity = identify(&self.request, &root)?;
        let directory = match &self.start {
            Start::Directory(path) => Some((directory::find(&root, path)?, path)),
            _ => None,
        };

        change_root(&root, &self.start)
            .context("change the root to", &self.new_root)
            .map_err(|error| error.explain(explain))?;
        identity.assume()?;
        if let Some((directory, path)) = directory {
            fchdir(directory).context("enter the directory", path)?;
        }
        Ok(command)
    }
}

fn open_root(path: &OsString) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path.as_os_str(), flags, Mode::empty())
}

fn identify(request: &Request, root: &OwnedFd) -> Result<Identity> {
    if request.is_empty() {
        return Ok(Identity::default());
    }
    let old_root = open_root(&"/".into()).context("open", "/")?;
    Names::new(root.as_fd(), old_root.as_fd()).identity(request)
}

/// The working directory goes first, so that it is never outside the root: that would be the way
/// out of it. Who stays in the working directory stays in the old `/` as well.
fn change_root(root: &OwnedFd, start: &Start) -> nix::Result<()> {
    if matches!(start, Start::Here) {
        return chroot("/");
    }
    fchdir(root)?;
    chroot(".")
}

fn explain(error: &Error) -> Option<String> {
    (error.errno() == Some(Errno::EPERM) && !capable(CAP_SYS_CHROOT)).then(|| {
        "this needs the capability CAP_SYS_CHROOT; an ordinary user has it in a user namespace: put \
         'unshare-rs --map-root-user' in front"
            .into()
    })
}
