//! One change of privileges: the kernel's order of it.

use std::ffi::c_int;
use std::os::fd::{AsFd, OwnedFd};

use common::accounts::Host;
use common::{Command, Context, Kind, Result, sys};
use nix::libc;
use nix::sys::prctl::set_no_new_privs;
use nix::sys::signal::{SigSet, SigmaskHow, sigprocmask};

use crate::death_signal::DeathSignal;
use crate::environment::Environment;
use crate::filter::{self, Filter};
use crate::gate::{Gate, Told, Words};
use crate::identity::{Identity, Request};
use crate::label::Labels;
use crate::landlock::{self, Landlock};
use crate::range::{Move, Range};
use crate::securebits::Securebits;
use crate::sets::{Capabilities, Sets};
use crate::tracer::Tracer;
use crate::{keyring, lenient, streams};

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
    pub filter: Option<filter::Source>,
    pub environment: Environment,
    pub close_fds: bool,
    /// Descriptors that COMMAND gets all the same.
    pub pass_fds: Option<Range>,
    pub move_fds: Option<Move>,
    /// What becomes standard error.
    pub stderr: Option<c_int>,
    pub gate: Option<Gate>,
    /// Capabilities that have no number here.
    pub unknown_capabilities: Vec<String>,
    /// What cannot be granted is left out.
    pub lenient_capabilities: bool,
    pub new_keyring: bool,
    pub default_signals: bool,
    /// The exit status of this program's own failures, where it is not the classic's.
    pub failure_status: Option<u8>,
    pub command: Command,
}

impl Privileges {
    /// Changes the privileges and becomes the command; comes back only with the reason why not, or with a status where
    /// that has been told. All that can be looked up is looked up before anything changes.
    pub fn run(&self, status: fn(Kind) -> u8) -> Result<u8> {
        let mut told = None;
        let error = match self.change(&mut told) {
            Ok(()) => self.command.exec().explain(|error| self.landlock.explain_exec(error)),
            Err(error) => error,
        };
        let error = error.with_failure_status(self.failure_status);
        let status = error.status().unwrap_or_else(|| status(error.kind()));
        match told.map(|told| told.tell_failure(status, &error)) {
            Some(Ok(())) => Ok(status),
            _ => Err(error),
        }
    }

    fn change(&self, told: &mut Option<Told>) -> Result<()> {
        self.move_fds.map_or(Ok(()), Move::run)?;
        self.gate.map_or(Ok(()), Gate::keep_from_others)?;
        if self.close_fds {
            streams::refuse_directories(self.stderr)?;
        }
        let assigned = self.environment.assigned()?;
        let mut names = Host::default();
        let identity = self.identity.resolve(&mut names)?;
        let variables = self.environment.variables(assigned, identity.user(), &mut names)?;
        // It holds the root open, at a number that COMMAND may get.
        drop(names);
        let capabilities = self.capabilities()?;
        let mut fences = self.fences()?;
        let death_signal = self.death_signal.map(DeathSignal::read).transpose()?.flatten();

        self.labels.set()?;
        if self.new_keyring {
            keyring::renew()?;
        }
        self.close_to_others()?;
        let admin = self.change_credentials(&identity, &capabilities)?;
        if let Some(death_signal) = death_signal {
            death_signal.arm()?;
        }
        self.tracer.map_or(Ok(()), Tracer::allow)?;
        variables.set();
        if self.close_fds {
            streams::close_others()?;
        }
        if self.default_signals {
            reset_signals()?;
        }
        self.pass_gate(&fences, admin, told)?;
        self.pass_descriptors(&mut fences)?;
        self.raise(&fences, admin)
    }

    /// Finds COMMAND, as it will be executed, and waits until it may be. A hook that runs meanwhile has the same
    /// privileges and fences.
    fn pass_gate(
        &self,
        fences: &Fences,
        admin: Option<Sets>,
        told: &mut Option<Told>,
    ) -> Result<()> {
        let Some(gate) = self.gate else { return self.take_stderr() };
        close_this_process()?;
        let (words, answer) = gate.open(self.beyond_descriptors())?;
        let told = told.insert(answer);
        self.command.look_up()?;
        self.take_stderr()?;
        self.let_go(fences, &words, told)?;
        told.tell("ready")?;
        words.follow(|hook| hook.run(|| self.raise(fences, admin)))?;
        self.command.look_up()?;
        told.tell("started")
    }

    /// What COMMAND does not get is closed before it waits: somebody else may wait for the end of a pipe of the caller's.
    fn let_go(&self, fences: &Fences, words: &Words, told: &Told) -> Result<()> {
        if !self.close_fds {
            return Ok(());
        }
        let mut kept = vec![words.as_fd(), told.as_fd()];
        kept.extend(fences.ruleset.as_ref().map(AsFd::as_fd));
        self.pass_fds.iter().for_each(|range| kept.extend(range.borrowed()));
        streams::close_all_but(&kept)
    }

    fn take_stderr(&self) -> Result<()> {
        self.stderr.map_or(Ok(()), streams::take_stderr)
    }

    /// The number from which on nothing is put in the place of what this process has open.
    fn beyond_descriptors(&self) -> c_int {
        self.pass_fds.map_or(3, Range::beyond)
    }

    /// What is still needed makes room. No call that a fence could forbid comes later.
    fn pass_descriptors(&self, fences: &mut Fences) -> Result<()> {
        let Some(range) = self.pass_fds else { return Ok(()) };
        if let Some(ruleset) = &mut fences.ruleset {
            *ruleset = sys::copy_from_number(ruleset.as_fd(), range.beyond())
                .step("copy the descriptor of the Landlock rules")?;
        }
        range.hand_down()
    }

    fn capabilities(&self) -> Result<Capabilities> {
        if self.lenient_capabilities {
            return lenient::grantable(&self.capabilities, &self.unknown_capabilities);
        }
        self.capabilities.check()?;
        Ok(self.capabilities)
    }

    /// A process that has no more privileges than this one shall have could trace it as soon as it has no more
    /// itself, and reach what it has open and the file that it executes, until it becomes COMMAND: execve(2) opens it
    /// again. The kernel does this where the user changes, and not where capabilities alone are dropped.
    fn close_to_others(&self) -> Result<()> {
        if self.identity == Request::default() && !self.capabilities.change_any() {
            return Ok(());
        }
        close_this_process()
    }

    /// The order is the kernel's: the bounding set shrinks while there is CAP_SETPCAP, the groups
    /// change while there is CAP_SETGID; a new user costs the effective and the ambient set, so both
    /// are set after it; the parent-death signal does not survive any of that.
    ///
    /// Gives back the sets that are still to be set, where a filter needs CAP_SYS_ADMIN before.
    fn change_credentials(
        &self,
        identity: &Identity,
        capabilities: &Capabilities,
    ) -> Result<Option<Sets>> {
        let changes_user = identity.changes_user()?;
        let sets = capabilities.sets(changes_user)?;
        capabilities.shrink_bounding_set()?;
        sets.keep(changes_user)?;
        self.securebits.map_or(Ok(()), Securebits::set)?;
        identity.set_groups()?;
        if changes_user {
            identity.set_user()?;
        }
        let early = self.filter.is_some() && !self.sets_no_new_privs() && sets.lose_admin();
        let first = if early { sets.with_admin() } else { sets };
        first.set(changes_user)?;
        capabilities.set_ambient_set()?;
        Ok(early.then_some(sets))
    }

    /// Landlock and the classic's filters set it too.
    fn sets_no_new_privs(&self) -> bool {
        self.no_new_privs
            || !self.landlock.is_empty()
            || self.filter.as_ref().is_some_and(filter::Source::needs_no_new_privs)
    }

    fn fences(&self) -> Result<Fences> {
        Ok(Fences {
            ruleset: self.landlock.ruleset()?,
            filter: self.filter.as_ref().map(filter::Source::read).transpose()?,
        })
    }

    /// The fences come last, since they may forbid all that comes before. Both need no_new_privs, or a capability: where
    /// it is there for that alone, one call gives it up, and only execve(2) comes after.
    fn raise(&self, fences: &Fences, admin: Option<Sets>) -> Result<()> {
        if self.sets_no_new_privs() {
            set_no_new_privs().step("set no_new_privs")?;
        }
        fences.ruleset.as_ref().map_or(Ok(()), landlock::enforce)?;
        let Some(filter) = &fences.filter else { return Ok(()) };
        match admin {
            None => filter.load(),
            Some(sets) => {
                filter.check_capset()?;
                filter.load()?;
                sets.drop_admin()
            }
        }
    }
}

/// Where the user changes, fs.suid_dumpable of proc(5) says what becomes of that.
fn close_this_process() -> Result<()> {
    sys::prctl(libc::PR_SET_DUMPABLE, 0, 0).map(drop).step("close this process to others")
}

/// A signal that is pending because it was blocked takes its default action now.
fn reset_signals() -> Result<()> {
    sys::inherited::reset_dispositions();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None).step("unblock the signals")
}

/// What keeps the process from what its credentials would allow.
struct Fences {
    ruleset: Option<OwnedFd>,
    filter: Option<Filter>,
}
