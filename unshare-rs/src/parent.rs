//! The parent, as the child sees it.

use std::os::fd::BorrowedFd;

use common::held::Held;
use common::line::Line;
use common::process::end_by;
use common::sys::Prctl;
use common::{Context, Result, sys};
use nix::fcntl::{OFlag, open};
use nix::sched::CloneFlags;
use nix::sys::stat::Mode;
use nix::unistd::{chdir, fchdir, read, setsid};

use crate::explain;
use crate::failure::{self, Failure};
use crate::init;
use crate::terminal;

/// The child's connection to its parent.
#[derive(Debug)]
pub struct Parent<'a> {
    /// The end of a pipe that shows whether the parent has ended.
    pub life: Option<BorrowedFd<'a>>,
    pub kill_child: Option<i32>,
    pub new_session: bool,
    pub foreground: bool,
    pub line: Option<Line>,
    /// Whether the child waits for the parent before COMMAND starts.
    pub gate: bool,
    /// A pid 1 reports here which signal ended COMMAND.
    pub report: Option<Line>,
}

impl Parent<'_> {
    /// Leaves the caller's session, or becomes a job of its own in it, if that was requested.
    pub fn leave_job(&self) -> Result<()> {
        if self.new_session {
            setsid().step("make a session")?;
        }
        match self.foreground {
            true => terminal::take().step("take the terminal"),
            false => Ok(()),
        }
    }

    /// Arms the parent-death signal, after all changes of credentials: the kernel disarms it at each of them (prctl(2),
    /// PR_SET_PDEATHSIG).
    pub fn arm_death_signal(&self) -> Result<(), Failure> {
        let (Some(signal), Some(life)) = (self.kill_child, self.life) else { return Ok(()) };
        sys::prctl(Prctl::SetParentDeathSignal(signal)).step("arm the parent-death signal")?;
        // The kernel sends no signal for a parent that died earlier.
        match read(life, &mut [0]) {
            Ok(_) => Err(Failure::Reported(end_by(signal))),
            Err(_) => Ok(()),
        }
    }

    /// Becomes the pid 1 of `--init`. COMMAND's process does `work`. Gives the exit status of this process.
    pub fn become_init(mut self, work: impl FnOnce(Self) -> u8) -> Result<u8> {
        let held = Held::for_handing_on(self.kill_child)?;
        let report = self.report.take();
        // COMMAND may follow /proc/1/cwd. After COMMAND has changed its root, that must not lead out of it:
        // pivot_root(2) moves only processes whose working directory is the root directory.
        let here = open(".", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
            .and_then(|here| chdir("/").and(Ok(here)));
        let command = sys::fork_into(CloneFlags::empty(), || {
            held.restore();
            report.iter().for_each(Line::close_copy);
            match here.as_ref().map_or(Ok(()), fchdir).step("return to the working directory") {
                Ok(()) => work(self),
                Err(error) => failure::status(Err(error.into())),
            }
        });
        // The open above fails for a directory without search permission; COMMAND's process is still in it.
        let _ = chdir("/");
        drop(here);
        init::run(command.map_err(explain::not_forked)?, &held, report)
    }

    /// Waits while the parent writes to this process's files in /proc and reads them.
    pub fn introduce(&mut self) -> Result<(), Failure> {
        Ok(self.line.as_mut().map_or(Ok(()), Line::introduce)?)
    }

    /// Tells the parent that the set-up is complete, and waits for its answer.
    pub fn wait_at_gate(&mut self) -> Result<(), Failure> {
        match &mut self.line {
            Some(line) if self.gate => Ok(line.ask()?),
            _ => Ok(()),
        }
    }

    /// Tells the parent that COMMAND did not start.
    pub fn report_failure(&mut self) {
        self.line.iter_mut().for_each(Line::fail);
    }
}
