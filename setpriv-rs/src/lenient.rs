//! `--lenient-caps`: capabilities that cannot be granted give a warning instead of an error.

use common::capability::SETPCAP;
use common::{Context, Result, start, sys};
use sys::CapabilitySets;

use crate::capabilities::{self, Change, is_bound};
use crate::sets::Capabilities;

/// The capabilities that the caller can grant.
#[derive(Clone, Copy, Debug)]
struct Caller {
    now: CapabilitySets,
    /// The named capabilities that this kernel has, and those of them in the bounding set.
    known: u64,
    bounding: u64,
}

/// The lists without the capabilities that cannot be granted. One warning names these and `unknown`.
pub fn grantable(lists: &Capabilities, unknown: &[String]) -> Result<Capabilities> {
    let caller = Caller::of(lists)?;
    let (lists, left_out) = caller.grantable(*lists);
    let mut names: Vec<_> = capabilities::numbers(left_out).map(capabilities::name).collect();
    for name in unknown {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    if !names.is_empty() {
        let names = names.join(", ");
        start::warn(&format!("warning: capabilities that cannot be granted are left out: {names}"));
    }
    Ok(lists)
}

impl Caller {
    fn of(lists: &Capabilities) -> Result<Self> {
        let now = sys::capget().step("read the capabilities")?;
        let named = lists.union(Change::named);
        let those = |holds: fn(nix::Result<bool>) -> bool| {
            let numbers = capabilities::numbers(named).filter(|&number| holds(is_bound(number)));
            numbers.fold(0, |set, number| set | 1 << number)
        };
        Ok(Self {
            now,
            known: those(|bound| bound.is_ok()),
            bounding: those(|bound| bound == Ok(true)),
        })
    }

    /// Removes a capability that the caller does not have from all lists. Removes a capability from one list if it cannot
    /// be in that set because another set lacks it.
    fn grantable(self, lists: Capabilities) -> (Capabilities, u64) {
        let foreign = self.foreign(&lists);
        let mut lists = lists.without(foreign);

        let then = lists.apply(self.now);
        let bounding = lists.bounding.map_or(self.bounding, |list| list.apply(self.bounding, 0));
        let mut left_out = foreign;
        let mut bound = |list: &mut Option<Change>, most: u64| {
            let Some(change) = list else { return };
            let more = change.named_to_add() & !most;
            *change = change.without(more);
            left_out |= more;
        };
        bound(&mut lists.effective, then.permitted);
        bound(&mut lists.inheritable, self.now.inheritable | bounding);
        let inheritable = lists.apply(self.now).inheritable;
        bound(&mut lists.ambient, then.permitted & inheritable);
        (lists, left_out)
    }

    /// capabilities(7): nothing can be added to the bounding and the permitted set. Permitted capabilities can be added to
    /// the inheritable set, and with CAP_SETPCAP all of the bounding set.
    fn foreign(self, lists: &Capabilities) -> u64 {
        let named = |list: Option<Change>| list.map_or(0, Change::named_to_add);
        let permitted = named(lists.permitted) | named(lists.effective) | named(lists.ambient);
        let bounding = if self.now.effective >> SETPCAP & 1 == 1 { self.bounding } else { 0 };
        let inheritable = self.now.inheritable | self.now.permitted | bounding;
        let unknown = lists.union(Change::named) & !self.known;
        unknown
            | (named(lists.bounding) & !self.bounding)
            | (permitted & !self.now.permitted)
            | (named(lists.inheritable) & !inheritable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHOWN: u64 = 1;
    const KILL: u64 = 1 << 5;
    const ALL: u64 = 0xff;

    /// For a caller with these capabilities: the new five sets, and the capabilities that are left out.
    fn outcome(caller: u64, lists: [&str; 5]) -> ([u64; 5], u64) {
        let now = CapabilitySets { effective: caller, permitted: caller, inheritable: 0 };
        let change = |list: &str| Change::parse(list, &mut vec![]).ok();
        let [bounding, permitted, effective, inheritable, ambient] = lists.map(change);
        let lists = Capabilities { bounding, permitted, effective, inheritable, ambient };
        let (lists, left_out) = Caller { now, known: ALL, bounding: caller }.grantable(lists);
        let then = lists.apply(now);
        let apply = |list: Option<Change>, old| list.map_or(old, |list| list.apply(old, 0));
        let sets = [
            apply(lists.bounding, caller),
            then.permitted,
            then.effective,
            then.inheritable,
            apply(lists.ambient, 0),
        ];
        (sets, left_out)
    }

    const BOTH: &str = "-all,+kill,+chown";

    #[test]
    fn what_can_be_granted_is() {
        assert_eq!(outcome(ALL, [BOTH; 5]), ([CHOWN | KILL; 5], 0));
    }

    #[test]
    fn what_the_caller_lacks_is_in_no_set() {
        assert_eq!(outcome(ALL & !KILL, [BOTH; 5]), ([CHOWN; 5], KILL));
        assert_eq!(outcome(0, ["", "", "", "", BOTH]).1, CHOWN | KILL);
    }

    #[test]
    fn what_the_kernel_lacks_is_in_no_set() {
        let newer = "-all,+kill,+chown,+cap_40";
        assert_eq!(outcome(ALL | 1 << 40, [newer; 5]), ([CHOWN | KILL; 5], 1 << 40));
        assert_eq!(outcome(ALL, ["-cap_40", "", "", "", ""]).1, 1 << 40);
    }

    #[test]
    fn what_the_lists_contradict_is_left_out_of_one_set() {
        let chown = "-all,+chown";
        assert_eq!(outcome(ALL, [BOTH, BOTH, BOTH, chown, BOTH]).0, [33, 33, 33, 1, 1]);
        assert_eq!(outcome(ALL, [BOTH, chown, BOTH, BOTH, BOTH]).0, [33, 1, 1, 33, 1]);
        assert_eq!(outcome(ALL, [chown, BOTH, BOTH, BOTH, BOTH]).0, [1, 33, 33, 1, 1]);
        assert_eq!(outcome(ALL, [BOTH, BOTH, BOTH, "-all", BOTH]).1, CHOWN | KILL);
    }
}
