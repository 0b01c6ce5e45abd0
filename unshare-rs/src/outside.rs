//! A process that stays in the caller's namespaces and keeps the caller's privileges, for what cannot be done
//! from inside the new ones.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::exit;

use common::sys::{self, Disposition};
use common::{Context, Error, Result, start};
use nix::libc::SIGCHLD;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid};

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
    /// Id maps, and what else is written to the files of a process that another user owns now.
    WriteMaps,
    /// What others find of COMMAND, whose pid is given: its namespaces bound onto files, the pid file.
    Publish,
    Withdraw,
    /// The process goes on as nobody's child.
    Orphan,
}

const STEPS: [Step; 4] = [Step::WriteMaps, Step::Publish, Step::Withdraw, Step::Orphan];

/// The answers: the step is done, or has failed, and why has been said.
const DONE: u8 = 0;
const FAILED: u8 = 1;

/// A step, and the pid that goes with it.
type Request = [u8; 5];

fn encode(step: Step, pid: Pid) -> Request {
    let mut request = [step as u8; 5];
    request[1..].copy_from_slice(&pid.as_raw().to_ne_bytes());
    request
}

fn decode([step, pid @ ..]: Request) -> Option<(Step, Pid)> {
    let step = STEPS.get(usize::from(step))?;
    Some((*step, Pid::from_raw(i32::from_ne_bytes(pid))))
}

/// The process outside, as the one inside sees it.
#[derive(Debug)]
pub struct Outside {
    pid: Pid,
    channel: UnixStream,
}

impl Outside {
    /// Starts it. `perform` is called outside for each step that is asked for.
    pub fn start(perform: impl FnMut(Step, Pid) -> Result<()>) -> Result<Self> {
        let (inside, outside) =
            UnixStream::pair().map_err(|e| Error::from_io("make", "a socket pair", &e))?;
        match sys::fork().step("fork")? {
            ForkResult::Parent { child } => Ok(Self { pid: child, channel: inside }),
            ForkResult::Child => {
                drop(inside);
                exit(serve(outside, perform))
            }
        }
    }

    /// Has a step done outside, and waits for it.
    pub fn perform(&mut self, step: Step, pid: Pid) -> Result<(), Stop> {
        let mut answer = [0];
        let asked = self.channel.write_all(&encode(step, pid));
        match asked.and_then(|()| self.channel.read_exact(&mut answer)) {
            Ok(()) if answer == [DONE] => Ok(()),
            Ok(()) => Err(Stop::Said(1)),
            Err(_) => {
                Err(Error::because("wait for", "the process outside", "it was killed").into())
            }
        }
    }

    /// Has it go on as an orphan, so that it ends when this process has become COMMAND, which is not to
    /// find a child that it knows nothing of.
    pub fn orphan(&mut self) -> Result<(), Stop> {
        self.perform(Step::Orphan, self.pid)?;
        reap(self.pid);
        Ok(())
    }

    /// For a child of this process: only the parent is to keep the process outside from ending.
    pub fn leave_to_parent(&self) {
        sys::close_copy(self.channel.as_fd());
    }

    /// Ends it.
    pub fn end(self) {
        drop(self.channel);
        reap(self.pid);
    }
}

/// Where the caller ignores SIGCHLD this only waits for the end: there is no zombie.
fn reap(pid: Pid) {
    let _ = waitpid(pid, None);
}

/// The end of the stream is the end of the work, and so is a step that fails.
fn serve(mut channel: UnixStream, mut perform: impl FnMut(Step, Pid) -> Result<()>) -> i32 {
    // The helper programs are waited for, whatever the caller does with its own children.
    let _ = sys::set_disposition(SIGCHLD, Disposition::Default);
    let mut request = Request::default();
    while channel.read_exact(&mut request).is_ok() {
        let Some((step, pid)) = decode(request) else { return 1 };
        let done = match step {
            Step::Orphan => leave_parent(),
            _ => perform(step, pid),
        };
        let answer = done.map_or_else(|error| tell(&error), |()| DONE);
        if channel.write_all(&[answer]).is_err() || answer != DONE {
            return 1;
        }
    }
    0
}

fn tell(error: &Error) -> u8 {
    start::report(error);
    FAILED
}

fn leave_parent() -> Result<()> {
    match sys::fork().step("fork")? {
        ForkResult::Parent { .. } => exit(0),
        ForkResult::Child => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_comes_over_as_it_was() {
        for step in STEPS {
            let pid = Pid::from_raw(0x0123_4567);
            assert_eq!(decode(encode(step, pid)), Some((step, pid)));
        }
        assert_eq!(decode([STEPS.len() as u8, 0, 0, 0, 0]), None);
    }
}
