//! One change of privileges: the kernel's order of it.

use common::{Command, Context, Error, Result};
use nix::sys::prctl::set_no_new_privs;

use crate::death_signal::DeathSignal;
use crate::environment::Environment;
use crate::identity::{Names, Request};
use crate::securebits::Securebits;
use crate::sets::Capabilities;

/// All that is asked for, and what becomes of the process after it.
#[derive(Debug)]
pub struct Privileges {
    pub identity: Request,
    pub capabilities: Capabilities,
    pub securebits: Option<Securebits>,
    pub no_new_privs: bool,
    pub death_signal: Option<DeathSignal>,
    pub environment: Environment,
    pub command: Command,
}

impl Privileges {
    /// Changes the privileges and becomes the command; comes back only with the reason why not. All
    /// names are looked up before anything changes.
    pub fn run(&self) -> Error {
        match self.change() {
            Ok(()) => self.command.exec(),
            Err(error) => error,
        }
    }

    /// The order is the kernel's: the bounding set shrinks while there is CAP_SETPCAP, the groups
    /// change while there is CAP_SETGID; a new user costs the effective and the ambient set, so both
    /// are set after it; the parent-death signal does not survive any of that.
    fn change(&self) -> Result<()> {
        let mut names = Names::default();
        let identity = self.identity.resolve(&mut names)?;
        let variables = self.environment.variables(identity.user(), &mut names)?;
        self.capabilities.check()?;
        let death_signal = self.death_signal.map(DeathSignal::read).transpose()?.flatten();

        let changes_user = identity.changes_user()?;
        let sets = self.capabilities.sets(changes_user)?;
        self.capabilities.shrink_bounding_set()?;
        sets.keep(changes_user)?;
        self.securebits.map_or(Ok(()), Securebits::set)?;
        identity.set_groups()?;
        if changes_user {
            identity.set_user()?;
        }
        sets.set(changes_user)?;
        self.capabilities.set_ambient_set()?;
        if self.no_new_privs {
            set_no_new_privs().step("set no_new_privs")?;
        }
        if let Some(death_signal) = death_signal {
            death_signal.arm()?;
        }
        variables.set();
        Ok(())
    }
}
