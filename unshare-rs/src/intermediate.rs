//! The intermediate process, for namespaces that clone(2) cannot make as requested: it enters them with unshare(2) and
//! then creates the child as its sibling (`CLONE_PARENT`).

use common::cgroup::entry::Entry;
use common::line::Line;
use common::sys::{self, Change, End};
use common::{Context, Result};
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::Pid;

use crate::explain;
use crate::failure::{self, Failure};

/// The steps before the child is created.
pub struct Intermediate<'a> {
    /// The step of the intermediate process. It introduces itself once over the line, and waits for `assist`.
    pub enter: &'a dyn Fn(&mut Line) -> Result<(), Failure>,
    /// The step of the parent, with the number of the intermediate process in /proc.
    pub assist: &'a dyn Fn(Pid) -> Result<()>,
}

impl Intermediate<'_> {
    /// Creates the child and gives its pid. The child does `work` and ends with the status that `work` gives. The
    /// intermediate process does `prepare` before anything else.
    pub fn create_child(
        &self,
        entry: Option<&Entry>,
        prepare: impl Fn() -> Result<()>,
        work: impl FnOnce() -> u8,
    ) -> Result<Pid, Failure> {
        let (mut line, theirs) = Line::new()?;
        let run = || {
            line.close_copy();
            failure::status(prepare().map_err(Failure::from).and_then(|()| self.run(theirs, work)))
        };
        let process = match entry {
            Some(entry) => entry.start(CloneFlags::empty(), run),
            None => sys::fork_into(CloneFlags::empty(), run),
        };
        let process =
            process.map_err(|errno| explain::not_started(CloneFlags::empty(), entry, errno))?;
        let child = self.wait_for_child(&mut line);
        drop(line);
        let status = wait(process)?;
        child?.ok_or(Failure::Reported(status))
    }

    /// None if the intermediate process has ended without a child.
    fn wait_for_child(&self, line: &mut Line) -> Result<Option<Pid>> {
        let Some(number) = line.is_introduced() else { return Ok(None) };
        (self.assist)(number)?;
        line.answer();
        Ok(line.hear().map(|pid| Pid::from_raw(i32::from_ne_bytes(pid))))
    }

    /// In the intermediate process.
    fn run(&self, mut line: Line, work: impl FnOnce() -> u8) -> Result<u8, Failure> {
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

/// A signal that ends the intermediate process ends the parent too: it worked for the parent.
fn wait(process: Pid) -> Result<u8, Failure> {
    loop {
        match sys::wait_change(process, true) {
            Ok(Some(Change::Ended(End::Exit(status)))) => return Ok(status),
            Ok(Some(Change::Ended(End::Signal(signal)))) => return Err(Failure::Killed(signal)),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => {
                return Ok(Err(errno).step("wait for the process that makes the child")?);
            }
        }
    }
}
