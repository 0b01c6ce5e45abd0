//! A process that stays in the caller's namespaces, for what cannot be done from inside the new ones.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::exit;

use common::sys::{self, Disposition};
use common::{Context, Error, Result, start};
use nix::libc::SIGCHLD;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, getpid};

/// Why the tool ends.
#[derive(Debug)]
pub enum Stop {
    /// With an error to report.
    Failed(Error),
    /// With this status; what there was to say has been said.
    Said(u8),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What is done outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    WriteMaps,
    Bind,
    Unbind,
}

const STEPS: [Step; 3] = [Step::WriteMaps, Step::Bind, Step::Unbind];

/// The process outside, as the one inside sees it.
#[derive(Debug)]
pub struct Outside {
    pid: Pid,
    channel: UnixStream,
}

impl Outside {
    /// Starts it. `perform` is called outside, with the pid of this process, for each step that is
    /// asked for.
    pub fn start(perform: impl FnMut(Step, Pid) -> Result<()>) -> Result<Self> {
        let (inside, outside) =
            UnixStream::pair().map_err(|e| Error::from_io("make", "a socket pair", &e))?;
        let parent = getpid();
        match sys::fork().step("fork")? {
            ForkResult::Parent { child } => Ok(Self { pid: child, channel: inside }),
            ForkResult::Child => {
                drop(inside);
                exit(serve(outside, parent, perform))
            }
        }
    }

    /// Has a step done outside, and waits for it.
    pub fn perform(&mut self, step: Step) -> Result<(), Stop> {
        let mut byte = [step as u8];
        let done = self.channel.write_all(&byte).and_then(|()| self.channel.read_exact(&mut byte));
        done.map_err(|_| Stop::Said(1))
    }

    /// Ends it. Where the caller ignores SIGCHLD there is no zombie, and so nothing to wait for.
    pub fn end(self) {
        drop(self.channel);
        let _ = waitpid(self.pid, None);
    }
}

/// A byte asks for a step, a byte answers; the end of the stream is the end of the work.
fn serve(
    mut channel: UnixStream,
    parent: Pid,
    mut perform: impl FnMut(Step, Pid) -> Result<()>,
) -> i32 {
    // The helper programs are waited for, whatever the caller does with its own children.
    let _ = sys::set_disposition(SIGCHLD, Disposition::Default);
    let mut byte = [0];
    while channel.read_exact(&mut byte).is_ok() {
        let Some(step) = STEPS.get(usize::from(byte[0])) else { return 1 };
        if let Err(error) = perform(*step, parent) {
            start::report(&error);
            return 1;
        }
        if channel.write_all(&byte).is_err() {
            return 1;
        }
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_its_place_in_the_table() {
        for (index, step) in STEPS.into_iter().enumerate() {
            assert_eq!(step as usize, index);
        }
    }
}
