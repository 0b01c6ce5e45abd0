//! One change of privileges: the kernel's order of it.

use common::{Command, Context, Error, Result, sys};
use nix::errno::Errno;
use nix::libc;
use nix::sys::prctl::set_no_new_privs;
use sys::CapabilitySets;

use crate::capabilities::{self, Change, SETPCAP, is_bound, is_effective};
use crate::death_signal::DeathSignal;
use crate::environment::Environment;
use crate::identity::{Names, Request};
use crate::securebits::Securebits;

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

/// What becomes of the five sets.
#[derive(Debug, Default)]
pub struct Capabilities {
    pub bounding: Option<Change>,
    pub permitted: Option<Change>,
    pub effective: Option<Change>,
    pub inheritable: Option<Change>,
    pub ambient: Option<Change>,
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
        if let Some(change) = self.capabilities.bounding {
            shrink_bounding_set(change)?;
        }
        if changes_user && sets.is_some_and(|sets| sets.now.permitted != 0) {
            sys::prctl(libc::PR_SET_KEEPCAPS, 1, 0).step("keep the capabilities")?;
        }
        if let Some(securebits) = self.securebits {
            securebits.set()?;
        }
        identity.set_groups()?;
        if changes_user {
            identity.set_user()?;
        }
        if let Some(sets) = sets {
            sets.set(changes_user)?;
        }
        if let Some(change) = self.capabilities.ambient {
            set_ambient_set(change)?;
        }
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

impl Capabilities {
    /// Fails where one is named that this kernel does not have.
    fn check(&self) -> Result<()> {
        [self.bounding, self.permitted, self.effective, self.inheritable, self.ambient]
            .into_iter()
            .flatten()
            .try_for_each(Change::check)
    }

    /// The sets of capset(2) as they are and as they shall be; none where nothing touches them.
    fn sets(&self, changes_user: bool) -> Result<Option<Sets>> {
        let changes = [self.permitted, self.effective, self.inheritable];
        if !changes_user && changes.iter().all(Option::is_none) {
            return Ok(None);
        }
        let now = sys::capget().step("read the capabilities")?;
        Ok(Some(Sets { now, then: self.apply(now) }))
    }

    /// What is no longer permitted is not effective either, unless it was asked for.
    fn apply(&self, now: CapabilitySets) -> CapabilitySets {
        let apply =
            |change: Option<Change>, old| change.map_or(old, |c| c.apply(old, now.permitted));
        let permitted = apply(self.permitted, now.permitted);
        let effective = match self.effective {
            Some(change) => change.apply(now.effective & permitted, permitted),
            None => now.effective & permitted,
        };
        CapabilitySets {
            permitted,
            effective,
            inheritable: apply(self.inheritable, now.inheritable),
        }
    }
}

/// The sets of capset(2) before and after.
#[derive(Clone, Copy, Debug)]
struct Sets {
    now: CapabilitySets,
    then: CapabilitySets,
}

impl Sets {
    /// A change of user took the effective set away, so that even the same sets are set again.
    fn set(self, changed_user: bool) -> Result<()> {
        if self.then == self.now && !(changed_user && self.now != CapabilitySets::default()) {
            return Ok(());
        }
        sys::capset(self.then)
            .step("set the capabilities")
            .map_err(|error| error.explain(|_| self.explain()))
    }

    fn explain(self) -> Option<String> {
        let named = |set: u64| capabilities::list(set);
        let lacking = self.then.permitted & !self.now.permitted;
        if lacking != 0 {
            return Some(format!("not permitted before: {}", named(lacking)));
        }
        let lacking = self.then.effective & !self.then.permitted;
        if lacking != 0 {
            return Some(format!("effective, but not permitted: {}", named(lacking)));
        }
        let added = capabilities::numbers(self.then.inheritable & !self.now.inheritable);
        let lacking: Vec<_> =
            added.filter(|&n| is_bound(n) != Ok(true)).map(capabilities::name).collect();
        (!lacking.is_empty())
            .then(|| format!("inheritable, but not in the bounding set: {}", lacking.join(",")))
    }
}

/// The kernel takes capabilities out of this set one by one, and puts none in. The first one that it does
/// not know ends the row.
fn shrink_bounding_set(change: Change) -> Result<()> {
    for number in change.removed() {
        match sys::prctl(libc::PR_CAPBSET_DROP, number.into(), 0) {
            Ok(_) => {}
            Err(Errno::EINVAL) => break,
            Err(Errno::EPERM) if is_bound(number) == Ok(false) => {}
            Err(errno) => return Err(bounding("drop", number, errno)),
        }
    }
    match change.added(0).find(|&number| is_bound(number) != Ok(true)) {
        Some(number) => Err(bounding("keep", number, Errno::EPERM)),
        None => Ok(()),
    }
}

fn bounding(verb: &str, number: u32, errno: Errno) -> Error {
    let step = format!("{verb} the bounding capability");
    Error::new(step, capabilities::name(number), errno).explain(|_| match verb {
        "keep" => Some("it is not in the set, and nothing can be added to it".into()),
        _ if !is_effective(SETPCAP) => Some("this needs the capability setpcap".into()),
        _ => None,
    })
}

/// A LIST that names all begins with an empty set in one call.
fn set_ambient_set(change: Change) -> Result<()> {
    if change.is_whole() {
        ambient(libc::PR_CAP_AMBIENT_CLEAR_ALL, 0).step("clear the ambient set")?;
    } else {
        for number in change.removed() {
            ambient(libc::PR_CAP_AMBIENT_LOWER, number)
                .context("lower the ambient capability", capabilities::name(number))?;
        }
    }
    for number in change.added(if change.adds_all() { raisable()? } else { 0 }) {
        ambient(libc::PR_CAP_AMBIENT_RAISE, number)
            .context("raise the ambient capability", capabilities::name(number))
            .map_err(|error| error.explain(|_| explain_ambient(number)))?;
    }
    Ok(())
}

fn ambient(operation: libc::c_int, number: u32) -> nix::Result<libc::c_int> {
    sys::prctl(libc::PR_CAP_AMBIENT, operation as libc::c_ulong, number.into())
}

fn raisable() -> Result<u64> {
    let sets = sys::capget().step("read the capabilities")?;
    Ok(sets.permitted & sets.inheritable)
}

fn explain_ambient(number: u32) -> Option<String> {
    let sets = sys::capget().ok()?;
    let lacking = |set: u64| set >> number & 1 == 0;
    match (lacking(sets.permitted), lacking(sets.inheritable)) {
        (true, _) => Some("an ambient capability must be permitted, and this one is not".into()),
        (_, true) => Some("an ambient capability must be inheritable too: see --inh-caps".into()),
        _ => None,
    }
}
