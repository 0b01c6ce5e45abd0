//! The five capability sets of the process.

use common::capability::{SETPCAP, SYS_ADMIN, hint};
use common::sys::Prctl;
use common::{Context, Error, Hint, Result, denied, sys};
use nix::errno::Errno;
use sys::CapabilitySets;

use crate::capabilities::{self, Change, is_bound};

/// CAP_SYS_ADMIN of linux/capability.h.
const ADMIN: u64 = 1 << SYS_ADMIN;

/// The changes of the five sets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Capabilities {
    pub bounding: Option<Change>,
    pub permitted: Option<Change>,
    pub effective: Option<Change>,
    pub inheritable: Option<Change>,
    pub ambient: Option<Change>,
}

impl Capabilities {
    /// The capabilities that `of` gives for any of the lists.
    pub fn union(&self, of: impl Fn(Change) -> u64) -> u64 {
        self.lists().into_iter().flatten().fold(0, |set, list| set | of(list))
    }

    /// The same lists without these capabilities.
    pub fn without(self, capabilities: u64) -> Self {
        let [bounding, permitted, effective, inheritable, ambient] =
            self.lists().map(|list| list.map(|list| list.without(capabilities)));
        Self { bounding, permitted, effective, inheritable, ambient }
    }

    /// Whether any set changes.
    pub fn change_any(&self) -> bool {
        self.lists().iter().any(Option::is_some)
    }

    fn lists(&self) -> [Option<Change>; 5] {
        [self.bounding, self.permitted, self.effective, self.inheritable, self.ambient]
    }

    /// Fails if a named capability does not exist in this kernel.
    pub fn check(&self) -> Result<()> {
        self.lists().into_iter().flatten().try_for_each(Change::check)
    }

    /// The present and the new sets of capset(2). Both are empty if nothing changes them.
    pub fn sets(&self, changes_user: bool) -> Result<Sets> {
        let changes = [self.permitted, self.effective, self.inheritable];
        if !changes_user && changes.iter().all(Option::is_none) {
            return Ok(Sets::default());
        }
        let now = sys::capget().step("read the capabilities")?;
        Ok(Sets { now, then: self.apply(now) })
    }

    /// A capability that leaves the permitted set also leaves the effective set, unless an option adds it.
    pub fn apply(&self, now: CapabilitySets) -> CapabilitySets {
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

    /// The kernel drops capabilities of this set one by one, and never adds one. Skips those that are not in it, and stops
    /// at the first number that the kernel does not know.
    pub fn shrink_bounding_set(&self) -> Result<()> {
        let Some(change) = self.bounding else { return Ok(()) };
        for number in change.removed() {
            let Err(errno) = sys::prctl(Prctl::DropBounding(number)) else { continue };
            match is_bound(number) {
                Ok(true) => return Err(bounding("drop", number, errno)),
                Ok(false) => {}
                Err(_) => break,
            }
        }
        match change.added(0).find(|&number| is_bound(number) != Ok(true)) {
            Some(number) => Err(bounding("keep", number, Errno::EPERM)),
            None => Ok(()),
        }
    }

    /// If LIST names `all`, one call clears the set first.
    pub fn set_ambient_set(&self) -> Result<()> {
        let Some(change) = self.ambient else { return Ok(()) };
        if change.is_whole() {
            sys::prctl(Prctl::ClearAmbient).step("clear the ambient set")?;
        } else {
            for number in change.removed() {
                sys::prctl(Prctl::LowerAmbient(number))
                    .context("lower the ambient capability", capabilities::name(number))?;
            }
        }
        for number in change.added(if change.adds_all() { raisable()? } else { 0 }) {
            sys::prctl(Prctl::RaiseAmbient(number))
                .context("raise the ambient capability", capabilities::name(number))
                .hint(|_| explain_ambient(number))?;
        }
        Ok(())
    }
}

/// The sets of capset(2) before and after.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sets {
    now: CapabilitySets,
    then: CapabilitySets,
}

impl Sets {
    /// Lets the permitted set outlive a change from root to another user.
    pub fn keep(self, changes_user: bool) -> Result<()> {
        if changes_user && self.now.permitted != 0 {
            sys::prctl(Prctl::KeepCapabilities).step("keep the capabilities")?;
        }
        Ok(())
    }

    /// A change of user has cleared the effective set, so the sets are set again even if they are the same.
    pub fn set(self, changed_user: bool) -> Result<()> {
        if self.then == self.now && !(changed_user && self.now != CapabilitySets::default()) {
            return Ok(());
        }
        sys::capset(self.then).step("set the capabilities").hint(|_| self.explain())
    }

    /// Whether CAP_SYS_ADMIN, which loading a filter needs, is lost by setting these.
    pub fn lose_admin(self) -> bool {
        self.now.permitted & ADMIN != 0 && self.then.effective & ADMIN == 0
    }

    /// The same sets with CAP_SYS_ADMIN, up to [`Sets::drop_admin`].
    pub fn with_admin(self) -> Self {
        let CapabilitySets { effective, permitted, inheritable } = self.then;
        let (effective, permitted) = (effective | ADMIN, permitted | ADMIN);
        Self { then: CapabilitySets { effective, permitted, inheritable }, ..self }
    }

    /// Sets the new sets with one system call. The kernel removes the capability from the ambient set too.
    pub fn drop_admin(self) -> Result<()> {
        sys::capset(self.then).step("set the capabilities after the seccomp rules")
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
        match lacking.is_empty() {
            true => denied::filter_of("capset(2)"),
            false => {
                Some(format!("inheritable, but not in the bounding set: {}", lacking.join(",")))
            }
        }
    }
}

fn bounding(verb: &str, number: u32, errno: Errno) -> Error {
    let step = format!("{verb} the bounding capability");
    Error::new(step, capabilities::name(number), errno).explain(|_| match verb {
        "keep" => Some("it is not in the set, and nothing can be added to it".into()),
        _ => hint(SETPCAP, "this needs the capability setpcap"),
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: CapabilitySets =
        CapabilitySets { effective: 0b011, permitted: 0b111, inheritable: 0 };

    fn applied(permitted: &str, effective: &str, inheritable: &str) -> (u64, u64, u64) {
        let change =
            |list: &str| (!list.is_empty()).then(|| Change::parse(list, &mut vec![]).unwrap());
        let then = Capabilities {
            permitted: change(permitted),
            effective: change(effective),
            inheritable: change(inheritable),
            ..Capabilities::default()
        }
        .apply(NOW);
        (then.permitted, then.effective, then.inheritable)
    }

    #[test]
    fn each_list_changes_its_own_set() {
        assert_eq!(applied("", "", ""), (0b111, 0b011, 0));
        assert_eq!(applied("", "-chown", ""), (0b111, 0b010, 0));
        assert_eq!(applied("", "+all", ""), (0b111, 0b111, 0));
        assert_eq!(applied("", "", "+all"), (0b111, 0b011, 0b111));
        assert_eq!(applied("", "", "+kill"), (0b111, 0b011, 1 << 5));
    }

    #[test]
    fn what_is_not_permitted_is_not_effective() {
        assert_eq!(applied("-chown", "", ""), (0b110, 0b010, 0));
        assert_eq!(applied("-all,+chown", "+all", ""), (0b001, 0b001, 0));
        assert_eq!(applied("-all", "+chown", ""), (0, 1, 0));
    }
}
