//! The child that becomes COMMAND, and the parent that stays outside and ends as it ends.

use common::cgroup::entry::Entry;
use common::held::Held;
use common::line::Line;
use common::process::end_by;
use common::record::Record;
use common::sys::{self, Change, End};
use common::{Context, Error, Result, start};
use nix::errno::Errno;
use nix::libc;
use nix::sched::CloneFlags;
use nix::unistd::{Pid, getpid, setsid};

/// What the child does, step by step.
pub trait Work {
    /// Enters the namespaces.
    fn enter(&mut self) -> Result<()>;
    /// Does what is to be done in them.
    fn finish(&mut self) -> Result<()>;
    /// Becomes COMMAND.
    fn exec(&self) -> Error;
}

/// How COMMAND's process is started and watched.
#[derive(Debug)]
pub struct Watch<'a> {
    /// The cgroups that it begins in.
    pub entry: Option<&'a Entry<'a>>,
    pub new_session: bool,
    /// Whether the parent leaves once COMMAND has started.
    pub detach: bool,
    /// Where it is written down.
    pub record: &'a Record,
    /// Whether it has to be made by a process that has entered the namespaces before.
    pub midwife: bool,
    pub failure_status: Option<u8>,
}

impl Watch<'_> {
    /// Starts the child, and gives the status to end with.
    ///
    /// A signal that the caller's terminal sends does not reach a child with a session of its own, so it is handed on.
    pub fn run(&self, work: impl Work) -> Result<u8> {
        let hands_on = self.new_session && !self.detach;
        let held = if hands_on { Held::for_handing_on(None) } else { Held::none() }?;
        let gate = self.detach || self.record.is_wanted();
        let (mut line, theirs) = gate.then(Line::new).transpose()?.unzip();
        let arrive = || {
            held.restore();
            line.iter().for_each(Line::close_copy);
            self.entry.map_or(Ok(()), Entry::join)
        };
        let child = match self.midwife {
            false => self.start(|| self.live(work, arrive, theirs))?,
            true => match self.start_through_midwife(work, arrive, theirs)? {
                Ok(child) => child,
                Err(end) => return Ok(status(end)),
            },
        };
        if line.as_mut().is_some_and(Line::is_asked) {
            if let Err(error) = self.record.write(child) {
                drop(line);
                let _ = wait(child, None);
                return Err(error);
            }
            let started = line.as_mut().is_some_and(|line| {
                line.answer();
                line.hear::<1>().is_none()
            });
            match started {
                true if self.detach => return Ok(0),
                true => {}
                false => self.record.remove(),
            }
        }
        let ended = status(wait(child, hands_on.then_some(&held))?);
        // A carried tool has replaced the child, and what it could not execute in turn never was there.
        if matches!(ended, 126 | 127) {
            self.record.remove();
        }
        Ok(ended)
    }

    fn start(&self, child: impl FnOnce() -> u8) -> Result<Pid> {
        let none = CloneFlags::empty();
        let started = match self.entry {
            Some(entry) => entry.start(none, child),
            None => sys::fork_into(none, child),
        };
        started.map_err(|errno| {
            let of_cgroup = self.entry.and_then(|entry| entry.failure(errno));
            of_cgroup.unwrap_or_else(|| not_forked(errno))
        })
    }

    /// The process that enters the namespaces makes the child as its own sibling. It begins in the cgroups too. Where it
    /// has ended without a child, its end is given.
    fn start_through_midwife(
        &self,
        mut work: impl Work,
        arrive: impl FnOnce() -> Result<()>,
        theirs: Option<Line>,
    ) -> Result<Result<Pid, End>> {
        let (mut line, mut own) = Line::new()?;
        let midwife = self.start(|| {
            line.close_copy();
            let deliver = || {
                arrive()?;
                work.enter()?;
                let child = sys::fork_sibling(|| {
                    own.close_copy();
                    self.become_command(work, theirs)
                });
                child.map_err(not_forked)
            };
            match deliver() {
                Ok(child) => own.say(&child.as_raw().to_ne_bytes()).map_or(1, |()| 0),
                Err(error) => self.said(error),
            }
        })?;
        drop(own);
        let child = line.hear().map(|number| Pid::from_raw(i32::from_ne_bytes(number)));
        let end = wait(midwife, None)?;
        Ok(child.ok_or(end))
    }

    /// Reports an error, and gives the status for it.
    fn said(&self, error: Error) -> u8 {
        start::report(&error);
        let error = error.with_failure_status(self.failure_status);
        error.status().unwrap_or_else(|| crate::exit_status(error.kind()))
    }

    /// The whole life of a child without a midwife.
    fn live(
        &self,
        mut work: impl Work,
        arrive: impl FnOnce() -> Result<()>,
        line: Option<Line>,
    ) -> u8 {
        match arrive().and_then(|()| work.enter()) {
            Ok(()) => self.become_command(work, line),
            Err(error) => self.said(error),
        }
    }

    fn become_command(&self, mut work: impl Work, mut line: Option<Line>) -> u8 {
        let mut set_up = || {
            if self.new_session {
                setsid().step("make a session")?;
            }
            work.finish()
        };
        if let Err(error) = set_up() {
            return self.said(error);
        }
        // Where the word does not come, the parent has said why, or is gone.
        if line.as_mut().is_some_and(|line| line.ask().is_err()) {
            return 1;
        }
        let error = work.exec();
        line.iter_mut().for_each(Line::fail);
        self.said(error)
    }
}

/// fork(2) gives ENOMEM for a PID namespace whose first process has ended (pid_namespaces(7)).
fn not_forked(errno: Errno) -> Error {
    Error::bare("fork", errno).explain(|_| {
        (errno == Errno::ENOMEM).then(|| {
            "this is no lack of memory where the PID namespace has lost its init: nothing can be started \
             in it any more"
                .into()
        })
    })
}

fn status(end: End) -> u8 {
    match end {
        End::Exit(status) => status,
        End::Signal(signal) => end_by(signal),
    }
}

/// Stops and goes on with the child, so that job control reaches through.
fn wait(child: Pid, held: Option<&Held>) -> Result<End> {
    loop {
        let change = match held {
            Some(held) => held.next_change(child),
            None => sys::wait_change(child, true),
        };
        match change {
            Ok(Some(Change::Stopped)) => {
                let _ = sys::kill(getpid(), libc::SIGSTOP);
                let _ = sys::kill(child, libc::SIGCONT);
            }
            Ok(Some(Change::Ended(end))) => return Ok(end),
            Ok(None) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).step("wait for the child"),
        }
    }
}
