//! A process between the parent and the child, for namespaces that clone(2) cannot make as they are asked for: it enters
//! them by unshare(2), and makes the child as its own sibling.

use common::cgroup::entry::Entry;
use common::line::Line;
use common::sys::{self, Change, End};
use common::{Context, Result};
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::Pid;

use crate::explain;
use crate::stop::{self, Stop};

/// What is done before the child is made.
pub struct Midwife<'a> {
    /// The part of the process itself, which introduces itself once for the parent's part.
    pub enter: &'a dyn Fn(&mut Line) -> Result<(), Stop>,
    /// The parent's part, with the number of the process in /proc.
    pub help: &'a dyn Fn(Pid) -> Result<()>,
}

impl Midwife<'_> {
    /// Has the child made, which does `work` and ends with the status that this gives; gives its pid. Before anything
    /// else the process does what `arrive` says.
    pub fn deliver(
        &self,
        entry: Option<&Entry>,
        arrive: impl Fn() -> Result<()>,
        work: impl FnOnce() -> u8,
    ) -> Result<Pid, Stop> {
        let (mut line, theirs) = Line::new()?;
        let attend = || {
            line.close_copy();
            stop::status(arrive().map_err(Stop::from).and_then(|()| self.attend(theirs, work)))
        };
        let midwife = match entry {
            Some(entry) => entry.start(CloneFlags::empty(), attend),
            None => sys::fork_into(CloneFlags::empty(), attend),
        };
        let midwife =
            midwife.map_err(|errno| explain::not_started(CloneFlags::empty(), entry, errno))?;
        let child = self.wait_for_child(&mut line);
        drop(line);
        let status = wait(midwife)?;
        child?.ok_or(Stop::Said(status))
    }

    /// None where the process has ended without a child.
    fn wait_for_child(&self, line: &mut Line) -> Result<Option<Pid>> {
        let Some(number) = line.is_introduced() else { return Ok(None) };
        (self.help)(number)?;
        line.answer();
        Ok(line.hear().map(|pid| Pid::from_raw(i32::from_ne_bytes(pid))))
    }

    fn attend(&self, mut line: Line, work: impl FnOnce() -> u8) -> Result<u8, Stop> {
        (self.enter)(&mut line)?;
        let child = sys::fork_sibling(|| {
            line.close_copy();
            work()
        });
        let child = child.map_err(explain::not_forked)?;
        line.say(&child.as_raw().to_ne_bytes())?;
        Ok(0)
    }
}

/// What ended that process ends this one too: all that it did was this one's work.
fn wait(midwife: Pid) -> Result<u8, Stop> {
    loop {
        match sys::wait_change(midwife, true) {
            Ok(Some(Change::Ended(End::Exit(status)))) => return Ok(status),
            Ok(Some(Change::Ended(End::Signal(signal)))) => return Err(Stop::Killed(signal)),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => {
                return Ok(Err(errno).step("wait for the process that makes the child")?);
            }
        }
    }
}
