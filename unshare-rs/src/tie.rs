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
use crate::init;
use crate::stop::{self, Stop};
use crate::terminal;

/// What the child has of its parent.
#[derive(Debug)]
pub struct Tie<'a> {
    /// The end of a pipe that tells whether the parent has ended.
    pub life: Option<BorrowedFd<'a>>,
    pub kill_child: Option<i32>,
    pub new_session: bool,
    pub foreground: bool,
    pub line: Option<Line>,
    /// Whether the parent's word is asked for before COMMAND starts.
    pub gate: bool,
    /// Where a pid 1 tells which signal ended its COMMAND.
    pub report: Option<Line>,
}

impl Tie<'_> {
    /// Leaves the caller's session, or becomes a job of its own in it, where that is asked for.
    pub fn loosen(&self) -> Result<()> {
        if self.new_session {
            setsid().step("make a session")?;
        }
        match self.foreground {
            true => terminal::take().step("take the terminal"),
            false => Ok(()),
        }
    }

    /// Arms the parent-death signal. This comes after all changes of credentials, since the kernel
    /// disarms it at each (prctl(2), PR_SET_PDEATHSIG).
    pub fn arm(&self) -> Result<(), Stop> {
        let (Some(signal), Some(life)) = (self.kill_child, self.life) else { return Ok(()) };
        sys::prctl(Prctl::SetParentDeathSignal(signal)).step("arm the parent-death signal")?;
        // A parent that died before that sends nothing.
        match read(life, &mut [0]) {
            Ok(_) => Err(Stop::Said(end_by(signal))),
            Err(_) => Ok(()),
        }
    }

    /// Becomes the pid 1 before COMMAND, whose process does `work`; gives the status to end with.
    pub fn be_init(mut self, work: impl FnOnce(Self) -> u8) -> Result<u8> {
        let held = Held::for_handing_on(self.kill_child)?;
        let report = self.report.take();
        // COMMAND may be able to go through /proc/1/cwd, which would lead out of a root that it enters later: pivot_root(2)
        // moves those alone that are in the root directory itself.
        let here = open(".", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
            .and_then(|here| chdir("/").and(Ok(here)));
        let command = sys::fork_into(CloneFlags::empty(), || {
            held.restore();
            report.iter().for_each(Line::close_copy);
            match here.as_ref().map_or(Ok(()), fchdir).step("return to the working directory") {
                Ok(()) => work(self),
                Err(error) => stop::status(Err(error.into())),
            }
        });
        // A working directory that may not be searched could not be opened, and COMMAND has it already.
        let _ = chdir("/");
        drop(here);
        init::run(command.map_err(explain::not_forked)?, &held, report)
    }

    /// Lets the parent write to this process's files in /proc, and look at it, before it goes on.
    pub fn introduce(&mut self) -> Result<(), Stop> {
        Ok(self.line.as_mut().map_or(Ok(()), Line::introduce)?)
    }

    /// Tells the parent that all is set up, and asks for its word.
    pub fn pass_gate(&mut self) -> Result<(), Stop> {
        match &mut self.line {
            Some(line) if self.gate => Ok(line.ask()?),
            _ => Ok(()),
        }
    }

    /// Tells the parent that COMMAND did not start.
    pub fn fail(&mut self) {
        self.line.iter_mut().for_each(Line::fail);
    }
}
