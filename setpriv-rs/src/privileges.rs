//! The change of privileges, in the order that the kernel requires.

use std::ffi::c_int;
use std::os::fd::{AsFd, OwnedFd};

use common::accounts::Host;
use common::sys::Prctl;
use common::{Command, Context, Kind, Result, sys};
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
use crate::{descriptor, keyring, lenient, streams};

/// The meaning of the command line.
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
    /// Descriptors that COMMAND gets in spite of `close_fds`.
    pub pass_fds: Option<Range>,
    pub move_fds: Option<Move>,
    /// The descriptor that becomes standard error.
    pub stderr: Option<c_int>,
    /// The descriptor of the program, if it is not looked up by its name.
    pub program: Option<c_int>,
    pub gate: Option<Gate>,
    /// Capabilities that this program does not know.
    pub unknown_capabilities: Vec<String>,
    /// Whether capabilities that cannot be granted are left out.
    pub lenient_capabilities: bool,
    pub new_keyring: bool,
    pub default_signals: bool,
    /// The exit status of this program's own failures. None for that of util-linux's `setpriv`.
    pub failure_status: Option<u8>,
    pub command: Command,
}

impl Privileges {
    /// Changes the privileges and becomes COMMAND. Gives an error if that fails, or an exit status if the error was written
    /// to the descriptor TOLD of the gate. Everything is looked up before anything changes.
    pub fn run(mut self, status: fn(Kind) -> u8) -> Result<u8> {
        if let Some(number) = self.program {
            self.command = descriptor::carry(self.command, number)
                .map_err(|error| error.with_failure_status(self.failure_status))?;
        }
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
        // It has the root open, as a descriptor whose number COMMAND may get.
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

    /// Finds COMMAND, and waits until it may start. A hook that runs meanwhile has the privileges and fences of COMMAND.
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
        self.close_before_wait(fences, &words, told)?;
        told.tell("ready")?;
        words.follow(|hook| hook.run(|| self.raise(fences, admin)))?;
        self.command.look_up()?;
        told.tell("started")
    }

    /// Closes what COMMAND does not inherit before the wait: another process may wait for the end of a pipe.
    fn close_before_wait(&self, fences: &Fences, words: &Words, told: &Told) -> Result<()> {
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

    /// The first number that is free of COMMAND's descriptors.
    fn beyond_descriptors(&self) -> c_int {
        self.pass_fds.map_or(3, Range::beyond)
    }

    /// First moves away the descriptors that are still needed. No later system call may be one that a fence could forbid.
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

    /// Makes this process undumpable, until execve(2) resets that. Otherwise another process with the privileges that
    /// remain could trace it before it becomes COMMAND, and use its open files and its program. The kernel does this itself
    /// when the user changes, but not when only capabilities are dropped.
    fn close_to_others(&self) -> Result<()> {
        if self.identity == Request::default() && !self.capabilities.change_any() {
            return Ok(());
        }
        close_this_process()
    }

    /// The kernel requires this order. Changing the bounding set needs CAP_SETPCAP, and changing the groups CAP_SETGID. A
    /// change of user clears the effective and the ambient set, so both are set after it. All of this clears the
    /// parent-death signal.
    ///
    /// Gives the sets that must be set later, if a filter needs CAP_SYS_ADMIN first.
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

    /// `--landlock-access` and `--seccomp-filter` set it too, as in util-linux's `setpriv`.
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

    /// The fences come last, since they may forbid the steps before. Both need no_new_privs or CAP_SYS_ADMIN. If `admin` is
    /// given, CAP_SYS_ADMIN was only kept for this, and one call drops it. Only execve(2) comes after that.
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

/// A later change of user sets the attribute to the value of fs.suid_dumpable (proc(5)).
fn close_this_process() -> Result<()> {
    sys::prctl(Prctl::Dumpable(false)).map(drop).step("close this process to others")
}

/// A blocked signal that is pending takes its default action now.
fn reset_signals() -> Result<()> {
    sys::reset_dispositions();
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None).step("unblock the signals")
}

/// Restrictions beyond the credentials.
struct Fences {
    ruleset: Option<OwnedFd>,
    filter: Option<Filter>,
}
