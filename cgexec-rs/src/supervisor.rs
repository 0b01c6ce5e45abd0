//! A process that stays outside of the cgroups while COMMAND runs in them, and removes them at its end.

use common::cgroup::entry::Entry;
use common::cgroup::group::Group;
use common::cgroup::remove;
use common::held::Held;
use common::sys::{Change, End};
use common::{Command, Context, Error, Result, start};
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::Pid;

use crate::sticky;

/// COMMAND, and the cgroups that it runs in.
#[derive(Debug)]
pub struct Supervisor<'a> {
    pub groups: &'a [Group],
    pub command: &'a Command,
    pub sticky: bool,
    /// Of this program's own failures.
    pub failure_status: Option<u8>,
}

impl Supervisor<'_> {
    /// Runs COMMAND and gives its status as a shell does. The cgroups are removed, with all that is left in them, also
    /// where COMMAND cannot be started; what cannot be removed is reported, and COMMAND's status stays.
    pub fn run(&self) -> Result<u8> {
        self.groups.iter().try_for_each(remove::check)?;
        let ended = self.follow();
        remove::remove(self.groups).unwrap_or_else(|error| start::report(&error));
        ended.map(|end| match end {
            End::Exit(status) => status,
            End::Signal(signal) => (128 + signal) as u8,
        })
    }

    /// The signals are held from before the start on, so that none ends this process.
    fn follow(&self) -> Result<End> {
        let entry = Entry::new(self.groups)?;
        let held = Held::for_handing_on(None)?;
        let child = entry.start(CloneFlags::empty(), || {
            held.restore();
            self.become_command(&entry)
        });
        let child = child
            .map_err(|errno| entry.failure(errno).unwrap_or_else(|| Error::bare("fork", errno)))?;
        wait(&held, child)
    }

    fn become_command(&self, entry: &Entry) -> u8 {
        let joined = entry.join().and_then(|()| sticky::register(self.sticky));
        let error = joined.err().unwrap_or_else(|| self.command.exec());
        start::report(&error);
        let error = error.with_failure_status(self.failure_status);
        error.status().unwrap_or_else(|| crate::exit_status(error.kind()))
    }
}

fn wait(held: &Held, child: Pid) -> Result<End> {
    loop {
        match held.next_change(child) {
            Ok(Some(Change::Ended(end))) => return Ok(end),
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).step("wait for COMMAND"),
        }
    }
}
