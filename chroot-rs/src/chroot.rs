//! The change of root itself: chroot(2) and what must come before and after it.

use std::ffi::OsString;
use std::os::fd::{AsFd, OwnedFd};

use common::{Command, Context, Error, Hint, Kind, Result, capability, denied, directory};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{chroot, fchdir};

use crate::identity::{Identity, Request};
use crate::names::Names;

const COMMAND_NOT_FOUND: &str =
    "it is looked up in the new root: --carry executes a statically linked program of the old one";
const SHELL_NOT_FOUND: &str = "it is what SHELL names, looked up in the new root: give a COMMAND that is there, such as /bin/sh";

/// One change of root, and what becomes of the process after it.
#[derive(Debug)]
pub struct Chroot {
    pub new_root: OsString,
    pub request: Request,
    pub start: Start,
    pub carry: bool,
    /// The exit status when this program itself fails, instead of 125.
    pub failure_status: Option<u8>,
    /// None for the shell, interactive.
    pub command: Option<Command>,
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
    pub fn run(mut self) -> Error {
        let not_found = if self.command.is_some() { COMMAND_NOT_FOUND } else { SHELL_NOT_FOUND };
        let command = self.command.take().unwrap_or_else(|| Command::shell(&["-i"]));
        let (carries, failure_status) = (self.carry, self.failure_status);
        let error = match self.change(command) {
            Ok(command) => command.exec().explain(|error| {
                let here = error.kind() == Kind::CommandNotFound && !carries;
                here.then(|| not_found.into())
            }),
            Err(error) => error,
        };
        error.with_failure_status(failure_status)
    }

    fn change(self, command: Command) -> Result<Command> {
        let command = if self.carry { command.carry()? } else { command };
        let root = open_root(&self.new_root).context("change the root to", &self.new_root)?;
        let identity = identify(&self.request, &root)?;
        let directory = match &self.start {
            Start::Directory(path) => Some((directory::find(&root, path)?, path)),
            _ => None,
        };

        change_root(&root, &self.start)
            .context("change the root to", &self.new_root)
            .hint(explain)?;
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
    Names::new(root.as_fd()).identity(request)
}

/// The working directory changes first, so that it is never outside the root: a process could leave the root through
/// it. With --skip-chdir the root stays the old `/`.
fn change_root(root: &OwnedFd, start: &Start) -> nix::Result<()> {
    if matches!(start, Start::Here) {
        return chroot("/");
    }
    fchdir(root)?;
    chroot(".")
}

fn explain(error: &Error) -> Option<String> {
    let missing = "this needs the capability CAP_SYS_CHROOT; an ordinary user has it in a user namespace: put \
         'unshare-rs --map-root-user' in front";
    let capability = || capability::hint(capability::SYS_CHROOT, missing);
    let errno = error.errno()?;
    (errno == Errno::EPERM).then(capability).flatten().or_else(|| denied::hint(errno))
}
