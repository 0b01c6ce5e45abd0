//! The outside process: it stays in the caller's namespaces with the caller's privileges, for steps that are impossible
//! from inside the new ones. It is needed if COMMAND is not a child, so that no parent can do these steps.

use std::process::exit;

use common::line::Line;
use common::sys::{self, Disposition};
use common::{Context, Error, Result, start};
use nix::libc::SIGCHLD;
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid};

use crate::failure::Failure;

/// A step of the outside process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write id maps, and the other files of a process that now belongs to another user.
    WriteMaps,
    /// Bind the namespaces onto their files.
    BindNamespaces,
    /// Undo that.
    UnbindNamespaces,
    /// Go on as an orphan.
    Orphan,
}

const STEPS: [Step; 4] =
    [Step::WriteMaps, Step::BindNamespaces, Step::UnbindNamespaces, Step::Orphan];

/// The answers: the step is done, or it has failed and the reason has been reported.
const DONE: u8 = 0;
const FAILED: u8 = 1;

/// The outside process, as the process inside sees it.
#[derive(Debug)]
pub struct OutsideProcess {
    pid: Pid,
    line: Line,
}

impl OutsideProcess {
    /// Starts it. It calls `perform` for each step.
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

    /// Requests a step, and waits until it is done.
    pub fn perform(&mut self, step: Step) -> Result<(), Failure> {
        match self.line.say(&[step as u8]).ok().and_then(|()| self.line.hear()) {
            Some([DONE]) => Ok(()),
            Some(_) => Err(Failure::Reported(1)),
            None => Err(Error::because("wait for", "the process outside", "it was killed").into()),
        }
    }

    /// Makes it an orphan. COMMAND must not find a child that it did not start; the orphan ends when this process has
    /// become COMMAND.
    pub fn orphan(&mut self) -> Result<(), Failure> {
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

/// If the caller ignores SIGCHLD there is no zombie, and this only waits for the end.
fn reap(pid: Pid) {
    let _ = waitpid(pid, None);
}

/// Works until the line is closed or a step fails.
fn serve(mut line: Line, mut perform: impl FnMut(Step) -> Result<()>) -> i32 {
    // wait(2) for newuidmap needs the status, also if the caller ignores SIGCHLD.
    let _ = sys::set_disposition(SIGCHLD, Disposition::Default);
    while let Some([step]) = line.hear() {
        let Some(step) = STEPS.get(usize::from(step)) else { return 1 };
        let done = match step {
            Step::Orphan => leave_parent(),
            _ => perform(*step),
        };
        let answer = done.map_or_else(|error| report(&error), |()| DONE);
        if line.say(&[answer]).is_err() || answer != DONE {
            return 1;
        }
    }
    0
}

fn report(error: &Error) -> u8 {
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
