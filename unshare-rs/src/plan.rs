//! The whole sequence, from the caller's world to COMMAND.

use common::{Command, Context, Error, Result, print, sys};
use nix::sched::CloneFlags;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

use crate::child::{Child, Side, Tie, Watch};
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
    pub command: Command,
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
        let context = |error: nix::Result<()>| {
            error.context("become the owner", format!("{}:{}", self.uid, self.gid))
        };
        context(setgroups(&[]))?;
        context(setgid(Gid::from_raw(self.gid)))?;
        context(setuid(Uid::from_raw(self.uid)))
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
        let outside = self.enter_namespaces()?;
        self.prepare_namespaces()?;

        let Some(watch) = &self.watch else { return self.become_command(outside) };
        let sight = self.record.look()?;
        match watch.fork()? {
            Side::Parent(child) => self.follow(watch, *child, outside, &sight),
            Side::Child(tie) => {
                drop(outside);
                self.become_child(watch, tie)
            }
        }
    }

    /// Leaves behind a process outside where one is needed still.
    fn enter_namespaces(&self) -> Result<Option<Outside>, Stop> {
        let maps = self.ids.resolve(self.owner.is_some())?;
        let mut outside = self.leave_one_outside(&maps)?;
        if let Some(owner) = self.owner {
            owner.become_it()?;
        }
        self.namespaces.unshare()?;
        maps.write_inside()?;
        if let Some(outside) = outside.as_mut().filter(|_| maps.need_outside()) {
            outside.perform(Step::WriteMaps)?;
        }
        if self.namespaces.are_to_last() {
            return Ok(outside);
        }
        if let Some(outside) = outside {
            outside.end();
        }
        Ok(None)
    }

    fn leave_one_outside(&self, maps: &Maps) -> Result<Option<Outside>> {
        if !maps.need_outside() && !self.namespaces.are_to_last() {
            return Ok(None);
        }
        let outside = Outside::start(|step, pid| match step {
            Step::WriteMaps => maps.write_outside(pid),
            Step::Bind => self.namespaces.bind(pid, self.setup.propagates),
            Step::Unbind => {
                self.namespaces.unbind();
                Ok(())
            }
        })?;
        Ok(Some(outside))
    }

    fn prepare_namespaces(&self) -> Result<()> {
        self.clocks.set()?;
        if self.namespaces.has(CloneFlags::CLONE_NEWNS) {
            self.propagation.apply()?;
        }
        self.names.set()?;
        if self.loopback {
            sys::bring_up_loopback().context("bring up", "lo")?;
        }
        Ok(())
    }

    fn become_command(&self, outside: Option<Outside>) -> Result<u8, Stop> {
        self.setup.apply()?;
        if let Some(mut outside) = outside {
            outside.perform(Step::Bind)?;
            outside.end();
        }
        Err(self.exec().into())
    }

    fn become_child(&self, watch: &Watch, mut tie: Tie) -> Result<u8, Stop> {
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
        self.command.exec()
    }

    /// The parent's part. What others are to find of the child is put in place when its set-up is
    /// complete and before COMMAND starts, and taken away again where COMMAND cannot start.
    fn follow(
        &self,
        watch: &Watch,
        mut child: Child,
        mut outside: Option<Outside>,
        sight: &Sight,
    ) -> Result<u8, Stop> {
        if !watch.gate || !child.is_ready() {
            return Ok(child.wait()?);
        }
        if let Err(stop) = self.publish(&child, outside.as_mut(), sight) {
            child.dismiss();
            return Err(stop);
        }
        let started = child.start();
        if !started {
            self.withdraw(outside.as_mut());
        }
        if let Some(outside) = outside {
            outside.end();
        }
        if started && watch.detach {
            return Ok(0);
        }
        Ok(child.wait()?)
    }

    fn publish(
        &self,
        child: &Child,
        outside: Option<&mut Outside>,
        sight: &Sight,
    ) -> Result<(), Stop> {
        let Some(outside) = outside else { return Ok(self.record.write(child.pid, sight)?) };
        outside.perform(Step::Bind)?;
        if let Err(error) = self.record.write(child.pid, sight) {
            outside.perform(Step::Unbind)?;
            return Err(error.into());
        }
        Ok(())
    }

    fn withdraw(&self, outside: Option<&mut Outside>) {
        self.record.withdraw();
        if let Some(outside) = outside {
            let _ = outside.perform(Step::Unbind);
        }
    }
}
