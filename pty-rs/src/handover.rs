//! A terminal whose master goes to another process: `--send` and `--console-socket`.

use std::ffi::{OsString, c_int};
use std::os::fd::{AsFd, OwnedFd};

use common::sys::{
    self,
    pty::{WindowSize, send_descriptor, set_controlling_terminal, set_window_size},
};
use common::{Command, Context, Error, Result, toolbox};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{
    Gid, Uid, close, dup2_stderr, dup2_stdin, dup2_stdout, fchown, getpid, getsid, setsid,
};

use crate::console;
use crate::outer::Outer;
use crate::pair::Pair;
use crate::socket;

/// What is written with the descriptor: the other side of runc's --console-socket wants 1 to 4095 bytes.
const NAME: &[u8] = b"/dev/pts/ptmx";

/// Where the master goes.
#[derive(Debug, PartialEq, Eq)]
pub enum Via {
    /// A socket that this process was started with.
    Descriptor(c_int),
    /// A socket that listens at a path of the caller's file system.
    Path(OsString),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Owner {
    pub uid: Uid,
    pub gid: Option<Gid>,
}

/// One terminal to make and to become COMMAND on.
#[derive(Debug)]
pub struct Handover {
    pub via: Via,
    /// None for this process's own root.
    pub root: Option<OsString>,
    pub console: Option<OsString>,
    pub owner: Option<Owner>,
    pub size: Option<WindowSize>,
    /// Whether standard error stays what it is.
    pub keep_stderr: bool,
    /// Whether the command is a tool of this program.
    pub own: bool,
    pub command: Command,
}

impl Handover {
    /// Becomes the command on the new terminal; comes back only with the reason why not.
    ///
    /// A tool of this program goes on in this process, so that a container in whose root it is cannot trace it.
    pub fn run(self) -> Error {
        let closed = match self.own {
            true => toolbox::close_to_others().step("close this process to others"),
            false => Ok(()),
        };
        let ready = closed.and_then(|()| self.prepare());
        match ready.and_then(|slave| become_session(&slave, self.keep_stderr)) {
            Ok(()) if self.own => self.command.go_on(),
            Ok(()) => self.command.exec(),
            Err(error) => error,
        }
    }

    /// All that can fail comes before the master is sent: until then messages go where they went.
    fn prepare(&self) -> Result<OwnedFd> {
        let connected = match &self.via {
            Via::Path(path) => Some(socket::connect(path)?),
            Via::Descriptor(_) => None,
        };
        let root = open_root(self.root.as_ref())?;
        let Pair { master, slave } = Pair::inside(&root)?;
        self.set_up(&slave)?;
        if let Some(path) = &self.console {
            console::bind(&slave, &root, path)?;
        }
        match (&self.via, connected) {
            (Via::Descriptor(fd), _) => send_over(*fd, &master)?,
            (Via::Path(path), socket) => {
                let sent =
                    socket.map(|socket| send_descriptor(socket.as_fd(), master.as_fd(), NAME));
                sent.unwrap_or(Ok(())).context("send the terminal to", path)?;
            }
        }
        Ok(slave)
    }

    /// The peer of a console socket gives the terminal what its own has; there the caller's does not count.
    fn set_up(&self, slave: &OwnedFd) -> Result<()> {
        match (&self.via, self.size) {
            (Via::Descriptor(_), size) => Outer::raw().lend_to(slave.as_fd(), size),
            (Via::Path(_), Some(size)) => set_window_size(slave.as_fd(), size),
            (Via::Path(_), None) => Ok(()),
        }
        .step("set up the terminal")?;
        match &self.owner {
            Some(Owner { uid, gid }) => {
                fchown(slave, Some(*uid), *gid).step("give the terminal to its owner")
            }
            None => Ok(()),
        }
    }
}

fn open_root(path: Option<&OsString>) -> Result<OwnedFd> {
    let path = path.map_or("/".as_ref(), OsString::as_os_str);
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).context("open the root", path)
}

/// COMMAND does not get the socket.
fn send_over(fd: c_int, master: &OwnedFd) -> Result<()> {
    let sent = sys::borrow(fd).and_then(|socket| send_descriptor(socket, master.as_fd(), NAME));
    sent.context("send the terminal over the descriptor", fd.to_string()).map_err(|error| {
        error.explain(|error| match error.errno()? {
            Errno::EBADF | Errno::ENOTSOCK => {
                Some(format!("it is the socket that 'pty-rs --receive {fd}' gives its COMMAND"))
            }
            _ => None,
        })
    })?;
    let _ = close(fd);
    Ok(())
}

/// Makes the terminal the controlling one of a session that this process leads.
fn become_session(slave: &OwnedFd, keep_stderr: bool) -> Result<()> {
    if getsid(None) != Ok(getpid()) {
        setsid().step("make a session").map_err(|error| {
            error.explain(|_| {
                Some("this process leads a process group: put 'setsid' in front, or --fork".into())
            })
        })?;
    }
    set_controlling_terminal(slave.as_fd()).step("take the terminal").map_err(|error| {
        error.explain(|_| {
            Some("the session has another terminal: a session of its own has none".into())
        })
    })?;
    dup2_stdin(slave)
        .and_then(|()| dup2_stdout(slave))
        .and_then(|()| if keep_stderr { Ok(()) } else { dup2_stderr(slave) })
        .step("open the terminal")
}
