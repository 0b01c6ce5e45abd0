//! The child that becomes COMMAND. The parent waits for it outside of the new namespaces, and ends with its status or
//! by its signal.
//!
//! The processes of this crate:
//!
//! - The *parent* is the process that the caller started. With `--fork` and the options that imply it, it stays in the
//!   caller's namespaces. Without them there is no child, and it becomes COMMAND itself (`plan.rs`).
//! - The *child* is in the new namespaces. It sets them up and becomes COMMAND (`parent.rs` is its view of the parent).
//! - The *intermediate* process creates the child if clone(2) cannot do it in one step (`intermediate.rs`).
//! - The *outside* process does the parent's work if there is no child (`outside_process.rs`).
//! - The *init* of `--init` is a pid 1 whose child becomes COMMAND (`init.rs`).
//!
//! Two of them talk over a *line*, a socket pair: the one that was started asks, and waits for the answer of the other. The
//! *gate* is the last of these questions: the set-up is complete, and COMMAND starts when the parent answers.

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
use crate::failure::{self, Failure};
use crate::intermediate::Intermediate;
use crate::parent::Parent;
use crate::reap;
use crate::terminal;

/// How the parent watches COMMAND's process.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// The signal that the child gets when the parent dies.
    pub kill_child: Option<i32>,
    pub forward_signals: bool,
    /// Whether the child gets the terminal, if the caller has it.
    pub foreground: bool,
    /// Whether the child has a session of its own.
    pub new_session: bool,
    /// Whether the parent ends when COMMAND has started.
    pub detach: bool,
    /// Whether a pid 1 of this program runs COMMAND as its child.
    pub init: bool,
    /// Whether all processes that COMMAND has started end with it.
    pub reap: bool,
    /// Whether the child waits at the gate.
    pub gate: bool,
}

/// How the child comes into the new namespaces.
pub enum Creation<'a> {
    /// clone(2) makes these namespaces with it.
    Direct(CloneFlags),
    Indirect(Intermediate<'a>),
}

impl Watch {
    /// Starts the child. It does `work`, and ends with the status that `work` gives, unless it becomes COMMAND. There is
    /// a line to it if it `asks` the parent. The parent holds signals from before the fork on, so that none is lost until
    /// it waits.
    pub fn start(
        &self,
        asks: bool,
        entry: Option<&Entry>,
        creation: Creation,
        work: impl FnOnce(Parent) -> u8,
    ) -> Result<Child, Failure> {
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
        // The first process that is started does this. The others inherit the result.
        let prepare = || {
            held.restore();
            line.iter().chain(&verdict).for_each(Line::close_copy);
            life.iter().for_each(Life::close_parents_copy);
            entry.map_or(Ok(()), Entry::join)
        };
        let begin = || {
            let life = life.as_ref().map(|life| life.childs.as_fd());
            let Self { kill_child, new_session, gate, .. } = *self;
            work(Parent {
                life,
                kill_child,
                new_session,
                foreground,
                line: childs_line,
                gate,
                report,
            })
        };
        let pid = match creation {
            Creation::Indirect(process) => process.create_child(entry, prepare, begin)?,
            Creation::Direct(namespaces) => {
                let later = cgroups::namespace_to_come(namespaces, entry);
                let namespaces = namespaces - later;
                let prepare = || prepare().and_then(|()| cgroups::make_namespace(later));
                let child = || failure::status(prepare().map_err(Failure::from).map(|()| begin()));
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

/// A pipe that nobody writes to. When the parent dies, the kernel closes its end before it sends the parent-death signals.
/// So the child sees the closed pipe or gets the signal.
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

    /// In the child: from now on only the parent has its end open.
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
    /// Whether it is a job of its own.
    is_job: bool,
    /// Whether it has the terminal now.
    has_terminal: bool,
    /// The signals to pass on, if there are any.
    held: Option<Held>,
    /// Whether all processes that it has started end with it.
    reap: bool,
    _life: Option<Life>,
}

impl Child {
    /// Waits until the child is at the gate. False if it ends instead; then it has reported the reason.
    pub fn asks(&mut self) -> bool {
        self.line.as_mut().is_some_and(Line::is_asked)
    }

    /// Waits until the child introduces itself with its number in /proc. None if it ends instead.
    pub fn introduces(&mut self) -> Option<Pid> {
        self.line.as_mut().and_then(Line::is_introduced)
    }

    pub fn answer(&mut self) {
        self.line.iter_mut().for_each(Line::answer);
    }

    /// Opens the gate, and tells whether the child has become COMMAND.
    pub fn open_gate(&mut self) -> bool {
        self.answer();
        self.line.as_mut().and_then(Line::hear::<1>).is_none()
    }

    /// Ends the child, which waits for an answer.
    pub fn dismiss(mut self) {
        self.line = None;
        let _ = self.wait();
    }

    /// Waits for the child's end, and gives its status, or the signal that ended it.
    pub fn wait(mut self) -> Result<u8, Failure> {
        // Other children may have ended before SIGCHLD was held.
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

    fn end_as(&mut self, end: End) -> Result<u8, Failure> {
        match end {
            End::Exit(status) => self.verdict_on(status),
            End::Signal(signal) => Err(Failure::Killed(signal)),
        }
    }

    fn next_change(&self) -> nix::Result<Option<Change>> {
        match &self.held {
            Some(held) => held.next_change(self.pid),
            None => sys::wait_change(self.pid, true),
        }
    }

    /// If the child is a job of its own, only the child was stopped. This stops the caller's job too, which this process
    /// belongs to. When the caller continues its job, the child continues.
    fn stop_too(&mut self) {
        if !self.is_job {
            return;
        }
        self.take_terminal_back();
        let _ = sys::kill(Pid::from_raw(0), nix::libc::SIGTSTP);
        self.has_terminal = terminal::is_ours() && terminal::give_to(self.pid).is_ok();
        let _ = sys::kill(Pid::from_raw(-self.pid.as_raw()), nix::libc::SIGCONT);
    }

    /// An error means that the terminal is gone.
    fn take_terminal_back(&mut self) {
        if self.has_terminal {
            let _ = terminal::take_back();
        }
        self.has_terminal = false;
    }

    /// The init of `--init` cannot end by the signal that ended COMMAND, so it reports the signal over a line.
    fn verdict_on(&mut self, status: u8) -> Result<u8, Failure> {
        match self.verdict.as_mut().and_then(Line::hear) {
            Some([signal]) => Err(Failure::Killed(signal.into())),
            None => Ok(status),
        }
    }
}
