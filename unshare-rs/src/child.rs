//! The child that becomes COMMAND, and the parent that waits for it outside of its namespaces and ends as it ended.

use std::os::fd::{AsFd, OwnedFd};

use common::cgroup::entry::Entry;
use common::held::Held;
use common::line::Line;
use common::sys::{self, Change, End};
use common::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::CloneFlags;
use nix::unistd::{Pid, pipe2};

use crate::cgroups;
use crate::explain;
use crate::midwife::Midwife;
use crate::reap;
use crate::stop::{self, Stop};
use crate::terminal;
use crate::tie::Tie;

/// How COMMAND's process is watched.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// The signal that the child gets when the parent dies.
    pub kill_child: Option<i32>,
    pub forward_signals: bool,
    /// Whether the child gets the terminal, where it is the caller's to lend.
    pub foreground: bool,
    /// Whether the child has a session of its own.
    pub new_session: bool,
    /// Whether the parent leaves once COMMAND has started.
    pub detach: bool,
    /// Whether COMMAND is the child of a pid 1 that does nothing else.
    pub init: bool,
    /// Whether all that COMMAND has started ends with it.
    pub reap: bool,
    /// Whether the child waits, when all is set up, for the parent's word.
    pub gate: bool,
}

/// How the child comes into the new namespaces.
pub enum Birth<'a> {
    /// In one step.
    Into(CloneFlags),
    Through(Midwife<'a>),
}

impl Watch {
    /// Starts the child, which does `work` and ends with the status that this gives, unless it becomes COMMAND.
    /// Where it `asks` for the parent's word there is a line to it. Signals are held in the parent from before the
    /// fork on, so that none is lost until it waits.
    pub fn start(
        &self,
        asks: bool,
        entry: Option<&Entry>,
        birth: Birth,
        work: impl FnOnce(Tie) -> u8,
    ) -> Result<Child, Stop> {
        let life = self.kill_child.map(|_| Life::new()).transpose()?;
        let held = match self.forward_signals {
            true => Held::for_handing_on(None)?,
            false => Held::for_waiting()?,
        };
        if self.reap {
            reap::adopt()?;
        }
        let foreground = self.foreground && terminal::is_ours();
        let (line, childs_line) = asks.then(Line::new).transpose()?.unzip();
        let (verdict, report) = self.init.then(Line::new).transpose()?.unzip();
        // Once, in the first process that is started: another one inherits it so.
        let arrive = || {
            held.restore();
            line.iter().chain(&verdict).for_each(Line::close_copy);
            life.iter().for_each(Life::close_parents_copy);
            entry.map_or(Ok(()), Entry::join)
        };
        let begin = || {
            let life = life.as_ref().map(|life| life.childs.as_fd());
            let Self { kill_child, new_session, gate, .. } = *self;
            work(Tie { life, kill_child, new_session, foreground, line: childs_line, gate, report })
        };
        let pid = match birth {
            Birth::Through(midwife) => midwife.deliver(entry, arrive, begin)?,
            Birth::Into(namespaces) => {
                let later = cgroups::namespace_to_come(namespaces, entry);
                let namespaces = namespaces - later;
                let arrive = || arrive().and_then(|()| cgroups::make_namespace(later));
                let child = || stop::status(arrive().map_err(Stop::from).map(|()| begin()));
                match entry {
                    Some(entry) => entry.start(namespaces, child),
                    None => sys::fork_into(namespaces, child),
                }
                .map_err(|errno| explain::not_started(namespaces, entry, errno))?
            }
        };
        let held = self.forward_signals.then_some(held);
        let (is_job, has_terminal, reap) = (foreground, foreground, self.reap);
        Ok(Child { pid, line, verdict, is_job, has_terminal, held, reap, _life: life })
    }
}

/// A pipe that nobody writes to. The kernel closes the parent's end of it before it looks for children to
/// send the parent-death signal to, so that one of the two cannot be missed.
#[derive(Debug)]
struct Life {
    childs: OwnedFd,
    parents: OwnedFd,
}

impl Life {
    fn new() -> Result<Self> {
        let (childs, parents) =
            pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).context("make", "a pipe")?;
        Ok(Self { childs, parents })
    }

    /// For the child: the parent's end is open in the parent alone from here on.
    fn close_parents_copy(&self) {
        sys::close_copy(self.parents.as_fd());
    }
}

/// The child, as its parent sees it.
#[derive(Debug)]
pub struct Child {
    pub pid: Pid,
    line: Option<Line>,
    verdict: Option<Line>,
    /// Whether it is a job of its own, and whether it has the terminal now.
    is_job: bool,
    has_terminal: bool,
    /// The signals to hand on, where there are any.
    held: Option<Held>,
    /// Whether all that it has started ends with it.
    reap: bool,
    _life: Option<Life>,
}

impl Child {
    /// Waits until the child asks for the word to go on, and says whether it does: if not, it has said why and ends.
    pub fn asks(&mut self) -> bool {
        self.line.as_mut().is_some_and(Line::is_asked)
    }

    /// As [`Self::asks`], with the child's number in /proc.
    pub fn introduces(&mut self) -> Option<Pid> {
        self.line.as_mut().and_then(Line::is_introduced)
    }

    pub fn answer(&mut self) {
        self.line.iter_mut().for_each(Line::answer);
    }

    /// Lets the child become COMMAND, and says whether it did.
    pub fn go(&mut self) -> bool {
        self.answer();
        self.line.as_mut().and_then(Line::hear::<1>).is_none()
    }

    /// Lets the child, which waits for the word to go on, end instead.
    pub fn dismiss(mut self) {
        self.line = None;
        let _ = self.wait();
    }

    /// Waits for the child's end, and gives its status, or the signal to end by.
    pub fn wait(mut self) -> Result<u8, Stop> {
        // Those that ended before SIGCHLD was held.
        sys::reap_others(self.pid);
        if let (true, Some(held)) = (self.reap, &self.held) {
            let end = reap::wait(self.pid, held)?;
            return self.end_as(end);
        }
        loop {
            match self.next_change() {
                Ok(Some(Change::Ended(end))) => {
                    self.take_terminal_back();
                    return self.end_as(end);
                }
                Ok(Some(Change::Stopped)) => self.stop_too(),
                Ok(None) | Err(Errno::EINTR) => {}
                Err(errno) => return Ok(Err(errno).step("wait for the child")?),
            }
        }
    }

    fn end_as(&mut self, end: End) -> Result<u8, Stop> {
        match end {
            End::Exit(status) => self.verdict_on(status),
            End::Signal(signal) => Err(Stop::Killed(signal)),
        }
    }

    fn next_change(&self) -> nix::Result<Option<Change>> {
        match &self.held {
            Some(held) => held.next_change(self.pid),
            None => sys::wait_change(self.pid, true),
        }
    }

    /// As a job of its own the child is stopped alone; then so are this process and all that the caller
    /// sees as one job, until the caller goes on with them.
    fn stop_too(&mut self) {
        if !self.is_job {
            return;
        }
        self.take_terminal_back();
        let _ = sys::kill(Pid::from_raw(0), nix::libc::SIGTSTP);
        self.has_terminal = terminal::is_ours() && terminal::give_to(self.pid).is_ok();
        let _ = sys::kill(Pid::from_raw(-self.pid.as_raw()), nix::libc::SIGCONT);
    }

    /// This can fail only where the terminal is gone.
    fn take_terminal_back(&mut self) {
        if self.has_terminal {
            let _ = terminal::take_back();
        }
        self.has_terminal = false;
    }

    /// A pid 1 cannot end by a signal as its COMMAND did, so it tells which one it was.
    fn verdict_on(&mut self, status: u8) -> Result<u8, Stop> {
        match self.verdict.as_mut().and_then(Line::hear) {
            Some([signal]) => Err(Stop::Killed(signal.into())),
            None => Ok(status),
        }
    }
}
