//! The whole sequence, from the caller's world to COMMAND.

use common::{Command, Context, Error, Result, print, start, sys};
use nix::sched::CloneFlags;
use nix::unistd::{Gid, Pid, Uid, getpid, setgid, setgroups, setuid};

use crate::child::{Tie, Watch};
use crate::explain;
use crate::idmap::{Maps, Request};
use crate::namespaces::Namespaces;
use crate::outside::{Outside, Step, Stop};
use crate::record::{Record, Sight};
use crate::setup::{Clocks, Names, Propagation, Setup};

/// What the command line asks for.
#[derive(Debug)]
pub struct Plan {
    pub namespaces: Namespaces,
    pub owner: Option<Owner>,
    pub ids: Request,
    pub clocks: Clocks,
    pub propagation: Propagation,
    pub names: Names,
    pub loopback: bool,
    /// Where COMMAND is to be a child.
    pub watch: Option<Watch>,
    pub record: Record,
    pub setup: Setup,
    /// The variables that COMMAND gets, where it does not get all of them.
    pub environment: Option<Vec<String>>,
    /// None for the user's shell.
    pub command: Option<Command>,
}

/// Whom a user namespace is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

impl Owner {
    /// Becomes the owner for good: the kernel takes the effective user of who calls unshare(2).
    fn become_it(self) -> Result<()> {
        let changed = setgroups(&[])
            .and_then(|()| setgid(Gid::from_raw(self.gid)))
            .and_then(|()| setuid(Uid::from_raw(self.uid)));
        changed
            .context("become the owner", format!("{}:{}", self.uid, self.gid))
            .map_err(|error| error.explain(|error| explain::owner(error.errno()?)))
    }
}

impl Plan {
    /// Comes back with the child's status, or with what went wrong.
    pub fn run(self) -> Result<u8> {
        match self.carry_out() {
            Ok(status) | Err(Stop::Said(status)) => Ok(status),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Says what would be written to the id maps, and makes no namespace.
    pub fn print_map(&self) -> Result<u8> {
        print(&self.ids.resolve(self.owner.is_some())?.describe())
    }

    fn carry_out(&self) -> Result<u8, Stop> {
        self.record.check()?;
        let maps = self.ids.resolve(self.owner.is_some())?;
        let mut outside = self.leave_one_outside(&maps)?;
        self.enter_namespaces(&maps, outside.as_mut())?;
        if !self.is_published_outside() {
            outside.take().into_iter().for_each(Outside::end);
        }
        self.prepare_namespaces()?;
        match &self.watch {
            Some(watch) => self.follow(watch, outside),
            None => self.become_command(outside),
        }
    }

    /// Whether a process outside has files of /proc to write.
    fn is_written_outside(&self, maps: &Maps) -> bool {
        maps.need_outside() || self.owner.is_some() && self.clocks.are_set()
    }

    /// Whether what others find of COMMAND lies where a process in the new namespaces may not write.
    fn is_published_outside(&self) -> bool {
        let userns = self.namespaces.has(CloneFlags::CLONE_NEWUSER);
        self.namespaces.are_to_last() || userns && self.record.pid_file.is_some()
    }

    fn leave_one_outside(&self, maps: &Maps) -> Result<Option<Outside>> {
        if !self.is_written_outside(maps) && !self.is_published_outside() {
            return Ok(None);
        }
        let inside = getpid();
        let outside = Outside::start(|step, pid| match step {
            Step::WriteMaps => self.write_outside(maps, inside),
            Step::Publish => self.publish(inside, pid),
            Step::Withdraw => {
                self.withdraw();
                Ok(())
            }
            Step::Orphan => Ok(()),
        })?;
        Ok(Some(outside))
    }

    fn write_outside(&self, maps: &Maps, inside: Pid) -> Result<()> {
        maps.write_outside(inside)?;
        match self.owner {
            Some(_) => self.clocks.set(&inside.to_string()),
            None => Ok(()),
        }
    }

    fn enter_namespaces(&self, maps: &Maps, outside: Option<&mut Outside>) -> Result<(), Stop> {
        if let Some(owner) = self.owner {
            owner.become_it()?;
        }
        self.namespaces.unshare()?;
        maps.write_inside()?;
        match outside {
            Some(outside) if self.is_written_outside(maps) => {
                outside.perform(Step::WriteMaps, getpid())
            }
            _ => Ok(()),
        }
    }

    fn prepare_namespaces(&self) -> Result<()> {
        if self.owner.is_none() {
            self.clocks.set("self")?;
        }
        if self.namespaces.has(CloneFlags::CLONE_NEWNS) {
            self.propagation.apply()?;
        }
        self.names.set()?;
        if self.loopback {
            sys::bring_up_loopback().context("bring up", "lo")?;
        }
        Ok(())
    }

    fn become_command(&self, mut outside: Option<Outside>) -> Result<u8, Stop> {
        self.setup.apply()?;
        if let Some(outside) = &mut outside {
            outside.orphan()?;
            outside.perform(Step::Publish, getpid())?;
        }
        let error = self.exec();
        if let Some(outside) = &mut outside {
            outside.perform(Step::Withdraw, getpid())?;
        }
        Err(error.into())
    }

    /// All that the child does; gives its exit status where it does not become COMMAND.
    fn be_child(&self, watch: &Watch, tie: Tie) -> u8 {
        match self.become_child(watch, tie) {
            Ok(status) | Err(Stop::Said(status)) => status,
            Err(Stop::Failed(error)) => {
                start::report(&error);
                crate::exit_status(error.kind())
            }
        }
    }

    fn become_child(&self, watch: &Watch, mut tie: Tie) -> Result<u8, Stop> {
        tie.take_terminal()?;
        self.setup.apply()?;
        tie.arm()?;
        if watch.init {
            if let Some(status) = tie.become_init()? {
                return Ok(status);
            }
        }
        tie.pass_gate()?;
        let error = self.exec();
        tie.fail();
        Err(error.into())
    }

    fn exec(&self) -> Error {
        if let Some(keep) = &self.environment {
            sys::clear_environment(&keep.iter().map(String::as_str).collect::<Vec<_>>());
        }
        match &self.command {
            Some(command) => command.exec(),
            None => Command::login_shell().exec(),
        }
    }

    /// The parent's part. What others are to find of the child is put in place when its set-up is
    /// complete and before COMMAND starts, and taken away again where COMMAND cannot start.
    fn follow(&self, watch: &Watch, mut outside: Option<Outside>) -> Result<u8, Stop> {
        let sight = self.record.look()?;
        let mut child = watch.start(|tie| {
            outside.iter().for_each(Outside::leave_to_parent);
            self.be_child(watch, tie)
        })?;
        if !watch.gate || !child.is_ready() {
            return Ok(child.wait()?);
        }
        if let Err(stop) = self.announce(child.pid, outside.as_mut(), &sight) {
            child.dismiss();
            return Err(stop);
        }
        let started = child.go();
        if !started {
            self.take_back(child.pid, outside.as_mut());
        }
        outside.into_iter().for_each(Outside::end);
        match started && watch.detach {
            true => Ok(0),
            false => Ok(child.wait()?),
        }
    }

    fn announce(
        &self,
        child: Pid,
        mut outside: Option<&mut Outside>,
        sight: &Sight,
    ) -> Result<(), Stop> {
        match &mut outside {
            Some(outside) => outside.perform(Step::Publish, child)?,
            None => self.publish(getpid(), child)?,
        }
        let informed = self.record.write_info(child, sight);
        if informed.is_err() {
            self.take_back(child, outside);
        }
        Ok(informed?)
    }

    fn take_back(&self, child: Pid, outside: Option<&mut Outside>) {
        match outside {
            Some(outside) => drop(outside.perform(Step::Withdraw, child)),
            None => self.withdraw(),
        }
    }

    /// All or nothing, of the process `inside` and of COMMAND's, `child`.
    fn publish(&self, inside: Pid, child: Pid) -> Result<()> {
        self.namespaces.bind(inside)?;
        self.record.write_pid(child).inspect_err(|_| self.namespaces.unbind())
    }

    fn withdraw(&self) {
        self.record.remove_pid();
        self.namespaces.unbind();
    }
}
