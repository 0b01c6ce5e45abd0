//! A process that stays in the caller's namespaces and keeps the caller's privileges, for what cannot be done
//! from inside the new ones, where COMMAND is not a child whose parent could do it.

use std::process::exit;

use common::line::Line;
use common::sys::{self, Disposition};
use common::{Context, Error, Result, start};
use nix::libc::SIGCHLD;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid};

use crate::stop::Stop;

/// What is done outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Id maps, and what else is written to the files of a process that another user owns now.
    WriteMaps,
    /// The namespaces are bound onto files.
    Publish,
    Withdraw,
    /// The process goes on as nobody's child.
    Orphan,
}

const STEPS: [Step; 4] = [Step::WriteMaps, Step::Publish, Step::Withdraw, Step::Orphan];

/// The answers: the step is done, or has failed, and why has been said.
const DONE: u8 = 0;
const FAILED: u8 = 1;

/// The process outside, as the one inside sees it.
#[derive(Debug)]
pub struct Outside {
    pid: Pid,
    line: Line,
}

impl Outside {
    /// Starts it. `perform` is called outside for each step that is asked for.
    pub fn start(perform: impl FnMut(Step) -> Result<()>) -> Result<Self> {
        let (inside, outside) = Line::new()?;
        match sys::fork().step("fork")? {
            ForkResult::Parent { child } => Ok(Self { pid: child, line: inside }),
            ForkResult::Child => {
                drop(inside);
                exit(serve(outside, perform))
            }
        }
    }

    /// Has a step done outside, and waits for it.
    pub fn perform(&mut self, step: Step) -> Result<(), Stop> {
        match self.line.say(&[step as u8]).ok().and_then(|()| self.line.hear()) {
            Some([DONE]) => Ok(()),
            Some(_) => Err(Stop::Said(1)),
            None => Err(Error::because("wait for", "the process outside", "it was killed").into()),
        }
    }

    /// Has it go on as an orphan, so that it ends when this process has become COMMAND, which is not to
    /// find a child that it knows nothing of.
    pub fn orphan(&mut self) -> Result<(), Stop> {
        self.perform(Step::Orphan)?;
        reap(self.pid);
        Ok(())
    }

    /// Ends it.
    pub fn end(self) {
        drop(self.line);
        reap(self.pid);
    }
}

/// Where the caller ignores SIGCHLD this only waits for the end: there is no zombie.
fn reap(pid: Pid) {
    let _ = waitpid(pid, None);
}

/// The end of the line is the end of the work, and so is a step that fails.
fn serve(mut line: Line, mut perform: impl FnMut(Step) -> Result<()>) -> i32 {
    // The helper programs are waited for, whatever the caller does with its own children.
    let _ = sys::set_disposition(SIGCHLD, Disposition::Default);
    while let Some([step]) = line.hear() {
        let Some(step) = STEPS.get(usize::from(step)) else { return 1 };
        let done = match step {
            Step::Orphan => leave_parent(),
            _ => perform(*step),
        };
        let answer = done.map_or_else(|error| tell(&error), |()| DONE);
        if line.say(&[answer]).is_err() || answer != DONE {
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
    fn a_step_stands_at_its_number() {
        for (number, step) in STEPS.iter().enumerate() {
            assert_eq!(*step as usize, number);
        }
    }
}
