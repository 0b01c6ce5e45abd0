//! The child that becomes COMMAND.

use std::cell::Cell;
use std::os::fd::{AsFd, OwnedFd};
use std::process::exit;

use common::process::end_by;
use common::sys::Prctl;
use common::{Command, Context, Error, Result, start, sys};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::unistd::{ForkResult, Pid, pipe2, read};

use crate::cleanup;
use crate::signals::Held;
use crate::status;

/// A pipe that nobody writes to. The kernel closes the parent's end of it before it sends the
/// parent-death signal, so that one of the two cannot be missed.
#[derive(Debug)]
struct Life {
    childs: OwnedFd,
    parents: OwnedFd,
}

/// The child, as its parent sees it: it dies with it.
#[derive(Debug)]
pub struct Child {
    pub pid: Pid,
    _life: Life,
}

impl Child {
    /// Starts the child, which does `prepare` and becomes the command. Where it cannot, the error is
    /// given here, since the two share their memory until then.
    pub fn start(
        command: &Command,
        signals: &Held,
        prepare: impl Fn() -> Result<()>,
    ) -> Result<Self> {
        let life = Life::new()?;
        let failure = Cell::new(None);
        let begin = || {
            signals.restore();
            // In this order, since what is prepared may take the number of any descriptor of ours.
            let error = match life.bind().and_then(|()| prepare()) {
                Ok(()) => command.exec(),
                Err(error) => error,
            };
            failure.set(Some(error));
            1
        };
        let pid = match sys::vfork(begin) {
            // Memory cannot be shared across time namespaces.
            Err(Errno::EINVAL) => fork(begin, &failure),
            result => result,
        }
        .step("fork")?;
        match failure.take() {
            Some(error) => {
                let _ = sys::wait_change(pid, true);
                Err(error)
            }
            None => {
                cleanup::set(None);
                Ok(Self { pid, _life: life })
            }
        }
    }
}

fn fork(begin: impl Fn() -> u8, failure: &Cell<Option<Error>>) -> nix::Result<Pid> {
    match sys::fork()? {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            begin();
            let error = failure.take();
            let status = error.map_or(1, |error| {
                start::report(&error);
                status::of(error.kind())
            });
            exit(status.into())
        }
    }
}

impl Life {
    fn new() -> Result<Self> {
        let (childs, parents) =
            pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).context("make", "a pipe")?;
        Ok(Self { childs, parents })
    }

    /// In the child: ends it when the parent does. A parent that died before that sends nothing.
    fn bind(&self) -> Result<()> {
        sys::close_copy(self.parents.as_fd());
        sys::prctl(Prctl::SetParentDeathSignal(libc::SIGKILL))
            .step("arm the parent-death signal")?;
        if read(&self.childs, &mut [0]).is_ok() {
            end_by(libc::SIGKILL);
        }
        Ok(())
    }
}
