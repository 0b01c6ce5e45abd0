//! One change of privileges: the kernel's order of it.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use common::{Command, Context, Error, Result, sys};
use nix::sys::prctl::set_no_new_privs;

use crate::death_signal::DeathSignal;
use crate::environment::Environment;
use crate::identity::{Identity, Names, Request};
use crate::label::Labels;
use crate::landlock::{self, Landlock};
use crate::seccomp::Filter;
use crate::securebits::Securebits;
use crate::sets::Capabilities;
use crate::tracer::Tracer;

/// All that is asked for, and what becomes of the process after it.
#[derive(Debug)]
pub struct Privileges {
    pub identity: Request,
    pub capabilities: Capabilities,
    pub securebits: Option<Securebits>,
    pub no_new_privs: bool,
    pub death_signal: Option<DeathSignal>,
    pub tracer: Option<Tracer>,
    pub labels: Labels,
    pub landlock: Landlock,
    pub seccomp_filter: Option<OsString>,
    pub environment: Environment,
    pub close_fds: bool,
    pub command: Command,
}

impl Privileges {
    /// Changes the privileges and becomes the command; comes back only with the reason why not. All
    /// that can be looked up is looked up before anything changes.
    pub fn run(&self) -> Error {
        match self.change() {
            Ok(()) => self.command.exec().explain(|error| self.landlock.explain_exec(error)),
            Err(error) => error,
        }
    }

    fn change(&self) -> Result<()> {
        let mut names = Names::default();
        let identity = self.identity.resolve(&mut names)?;
        let variables = self.environment.variables(identity.user(), &mut names)?;
        self.capabilities.check()?;
        let fences = self.fences()?;
        let death_signal = self.death_signal.map(DeathSignal::read).transpose()?.flatten();

        self.labels.set()?;
        self.change_credentials(&identity)?;
        if let Some(death_signal) = death_signal {
            death_signal.arm()?;
        }
        self.tracer.map_or(Ok(()), Tracer::allow)?;
        variables.set();
        if self.close_fds {
            sys::close_extra_descriptors_on_exec().step("close the descriptors")?;
        }
        self.raise(&fences)
    }

    /// The order is the kernel's: the bounding set shrinks while there is CAP_SETPCAP, the groups
    /// change while there is CAP_SETGID; a new user costs the effective and the ambient set, so both
    /// are set after it; the parent-death signal does not survive any of that.
    fn change_credentials(&self, identity: &Identity) -> Result<()> {
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
        self.capabilities.set_ambient_set()
    }

    fn fences(&self) -> Result<Fences> {
        Ok(Fences {
            ruleset: self.landlock.ruleset()?,
            filter: self.seccomp_filter.as_deref().map(Filter::read).transpose()?,
        })
    }

    /// The fences come last, since they may forbid all that comes before. Both need no_new_privs, or a
    /// capability that is gone by now.
    fn raise(&self, fences: &Fences) -> Result<()> {
        if self.no_new_privs || fences.ruleset.is_some() || fences.filter.is_some() {
            set_no_new_privs().step("set no_new_privs")?;
        }
        fences.ruleset.as_ref().map_or(Ok(()), landlock::enforce)?;
        fences.filter.as_ref().map_or(Ok(()), Filter::load)
    }
}

/// What keeps the process from what its credentials would allow.
struct Fences {
    ruleset: Option<OwnedFd>,
    filter: Option<Filter>,
}
