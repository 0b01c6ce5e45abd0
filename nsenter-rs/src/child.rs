//! The child that becomes COMMAND. The parent stays outside, waits for it, and ends with its status or by its signal.
//!
//! If the parent cannot enter the PID namespace by itself, there is a third process between the two: the *intermediate*
//! process enters the namespaces and creates the child as its own sibling.

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

/// The steps of the child.
pub trait Work {
    /// Enters the namespaces.
    fn enter(&mut self) -> Result<()>;
    /// Does the set-up inside them.
    fn finish(&mut self) -> Result<()>;
    /// Becomes COMMAND.
    fn exec(&self) -> Error;
}

/// How the parent starts COMMAND's process and watches it.
#[derive(Debug)]
pub struct Watch<'a> {
    /// The cgroups that it is created in.
    pub entry: Option<&'a Entry<'a>>,
    pub new_session: bool,
    /// Whether the parent ends when COMMAND has started.
    pub detach: bool,
    /// The files to write its pid to.
    pub record: &'a Record,
    /// Whether an intermediate process must create it.
    pub intermediate: bool,
    pub failure_status: Option<u8>,
}

impl Watch<'_> {
    /// Starts the child, and gives the status to end with.
    ///
    /// Signals of the caller's terminal do not reach a child in another session, so the parent passes them on.
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
        let child = match self.intermediate {
            false => self.start(|| self.be_child(work, arrive, theirs))?,
            true => match self.start_by_intermediate(work, arrive, theirs)? {
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
        // A carried tool has become the child's program, but could not execute the next one.
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

    /// Starts the intermediate process, in the cgroups of the child. Gives its end if it has ended without a child.
    fn start_by_intermediate(
        &self,
        mut work: impl Work,
        arrive: impl FnOnce() -> Result<()>,
        theirs: Option<Line>,
    ) -> Result<Result<Pid, End>> {
        let (mut line, mut own) = Line::new()?;
        let process = self.start(|| {
            line.close_copy();
            let create_child = || {
                arrive()?;
                work.enter()?;
                let child = sys::fork_sibling(|| {
                    own.close_copy();
                    self.become_command(work, theirs)
                });
                child.map_err(not_forked)
            };
            match create_child() {
                Ok(child) => own.say(&child.as_raw().to_ne_bytes()).map_or(1, |()| 0),
                Err(error) => self.report(error),
            }
        })?;
        drop(own);
        let child = line.hear().map(|number| Pid::from_raw(i32::from_ne_bytes(number)));
        let end = wait(process, None)?;
        Ok(child.ok_or(end))
    }

    /// Reports an error, and gives the exit status for it.
    fn report(&self, error: Error) -> u8 {
        start::report(&error);
        let error = error.with_failure_status(self.failure_status);
        error.status().unwrap_or_else(|| crate::exit_status(error.kind()))
    }

    /// All steps of a child without an intermediate process.
    fn be_child(
        &self,
        mut work: impl Work,
        arrive: impl FnOnce() -> Result<()>,
        line: Option<Line>,
    ) -> u8 {
        match arrive().and_then(|()| work.enter()) {
            Ok(()) => self.become_command(work, line),
            Err(error) => self.report(error),
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
            return self.report(error);
        }
        // If the parent does not answer, it has reported the reason or has ended.
        if line.as_mut().is_some_and(|line| line.ask().is_err()) {
            return 1;
        }
        let error = work.exec();
        line.iter_mut().for_each(Line::fail);
        self.report(error)
    }
}

/// fork(2) also fails with ENOMEM if the init of the PID namespace has ended (pid_namespaces(7)).
fn not_forked(errno: Errno) -> Error {
    Error::bare("fork", errno).explain(|_| {
        (errno == Errno::ENOMEM).then(|| {
            "if the init of the PID namespace has ended, the kernel refuses new processes in it with this error, \
             whether there is memory or not"
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

/// When the child is stopped, stops this process too, and later continues both: job control of the caller works.
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
