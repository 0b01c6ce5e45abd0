//! The whole sequence, from the caller's world to COMMAND.

use common::{Command, Result};
use nix::sched::CloneFlags;

use crate::child::{Side, Tie, Watch};
use crate::idmap::{Maps, Request};
use crate::namespaces::Namespaces;
use crate::outside::{Outside, Stop};
use crate::setup::{Clocks, Names, Propagation, Setup};

/// What the command line asks for.
#[derive(Debug)]
pub struct Plan {
    pub namespaces: Namespaces,
    pub ids: Request,
    pub clocks: Clocks,
    pub propagation: Propagation,
    pub names: Names,
    /// Where COMMAND is to be a child.
    pub watch: Option<Watch>,
    pub setup: Setup,
    pub command: Command,
}

impl Plan {
    /// Comes back with the child's status, or with what went wrong.
    pub fn run(self) -> Result<u8> {
        match self.carry_out() {
            Ok(status) | Err(Stop::Said(status)) => Ok(status),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    fn carry_out(self) -> Result<u8, Stop> {
        self.enter_namespaces()?;
        self.prepare_namespaces()?;
        let tie = match &self.watch {
            None => Tie::default(),
            Some(watch) => match watch.fork()? {
                Side::Parent(status) => return Ok(status),
                Side::Child(tie) => tie,
            },
        };
        self.setup.apply()?;
        tie.arm()?;
        Err(self.command.exec().into())
    }

    fn enter_namespaces(&self) -> Result<(), Stop> {
        let maps = self.ids.resolve()?;
        if maps.need_outside() {
            return self.enter_with_help(&maps);
        }
        self.namespaces.unshare()?;
        maps.write_inside()?;
        Ok(())
    }

    fn enter_with_help(&self, maps: &Maps) -> Result<(), Stop> {
        let mut outside = Outside::start(|pid| maps.write_outside(pid))?;
        self.namespaces.unshare()?;
        maps.write_inside()?;
        outside.perform()?;
        outside.end();
        Ok(())
    }

    fn prepare_namespaces(&self) -> Result<()> {
        self.clocks.set()?;
        if self.namespaces.has(CloneFlags::CLONE_NEWNS) {
            self.propagation.apply()?;
        }
        self.names.set()
    }
}
