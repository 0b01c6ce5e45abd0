//! Capabilities: their names, and how a LIST changes a set.

use common::capability::NAMES;
use common::sys::Prctl;
use common::{Error, Result, accounts, sys};
use nix::errno::Errno;

/// The number of bits of a set, as in capset(2).
const LIMIT: u32 = u64::BITS;

/// Every kernel with openat2(2) has these. For later ones the kernel is asked.
const OLD: u64 = (1 << 38) - 1;

/// The change of a set by a LIST of `+CAP` and `-CAP`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Capabilities to add, if they exist.
    add: u64,
    /// Capabilities to remove.
    remove: u64,
    /// Capabilities that are named one by one. Each must exist.
    named: u64,
    /// Capabilities that an earlier entry removes.
    removed_before: u64,
}

impl Change {
    /// Reads a LIST. Its entries apply from left to right. A name that may belong to a newer capability is added to
    /// `unknown`, and changes nothing.
    pub fn parse(list: &str, unknown: &mut Vec<String>) -> Result<Self> {
        list.split(',').try_fold(Self::default(), |change, entry| change.entry(entry, unknown))
    }

    fn entry(self, entry: &str, newer: &mut Vec<String>) -> Result<Self> {
        let (sign, name) = entry
            .split_at_checked(1)
            .filter(|(sign, _)| matches!(*sign, "+" | "-"))
            .ok_or_else(|| Error::usage(format!("'{entry}' is not +CAP or -CAP")))?;
        let (mask, named) = match number(name) {
            _ if name.eq_ignore_ascii_case("all") => (u64::MAX, 0),
            Some(number) => (1 << number, 1 << number),
            None if is_form_of_name(name) => {
                newer.push(name.into());
                return Ok(self);
            }
            None => return Err(unknown(name)),
        };
        let named = self.named | named;
        let removed_before = self.removed_before | self.remove;
        Ok(match sign {
            "+" => {
                Self { add: self.add | mask, remove: self.remove & !mask, named, removed_before }
            }
            _ => Self { add: self.add & !mask, remove: self.remove | mask, named, removed_before },
        })
    }

    /// The named capabilities.
    pub fn named(self) -> u64 {
        self.named
    }

    /// The named capabilities to add.
    pub fn named_to_add(self) -> u64 {
        self.add & self.named
    }

    /// The LIST without entries that add one of these capabilities. They need not exist any more.
    pub fn without(self, capabilities: u64) -> Self {
        let left_out = self.add & capabilities;
        Self {
            add: self.add & !capabilities,
            remove: self.remove | (left_out & self.removed_before),
            named: self.named & !capabilities,
            ..self
        }
    }

    /// The new set for the set `old`. `+all` adds the `available` capabilities.
    pub fn apply(self, old: u64, available: u64) -> u64 {
        (old & !self.remove) | (self.add & (available | self.named))
    }

    /// Whether the new set does not depend on the old one.
    pub fn is_whole(self) -> bool {
        self.remove | self.add == u64::MAX
    }

    /// Whether it adds `all`.
    pub fn adds_all(self) -> bool {
        self.add & !self.named != 0
    }

    /// The capabilities to remove one by one.
    pub fn removed(self) -> impl Iterator<Item = u32> {
        numbers(self.remove)
    }

    /// The capabilities to add one by one. `+all` adds the `available` ones.
    pub fn added(self, available: u64) -> impl Iterator<Item = u32> {
        numbers(self.apply(0, available))
    }

    /// Fails if this kernel does not have a named capability.
    pub fn check(self) -> Result<()> {
        match numbers(self.named & !OLD).find(|&number| is_bound(number) == Err(Errno::EINVAL)) {
            Some(number) => Err(unknown(&name(number))),
            None => Ok(()),
        }
    }
}

/// The error for a capability of this name.
pub fn unknown(name: &str) -> Error {
    Error::usage(format!("unknown capability '{name}'"))
}

/// Whether the name has the form of a capability: `CAP_` and an identifier of C.
fn is_form_of_name(name: &str) -> bool {
    let word = name.split_at_checked(4).filter(|(prefix, _)| prefix.eq_ignore_ascii_case("cap_"));
    word.is_some_and(|(_, word)| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// The number of a capability: its name in any case, with or without `cap_`, or `cap_N`.
fn number(name: &str) -> Option<u32> {
    let name = name.to_ascii_lowercase();
    let short = name.strip_prefix("cap_").unwrap_or(&name);
    if let Some(number) = NAMES.iter().position(|known| *known == short) {
        return Some(number as u32);
    }
    let digits = name.strip_prefix("cap_")?;
    accounts::id(digits.as_bytes()).filter(|number| *number < LIMIT)
}

/// The name of a capability, or `cap_N` if this program does not know it.
pub fn name(number: u32) -> String {
    match NAMES.get(number as usize) {
        Some(name) => (*name).into(),
        None => format!("cap_{number}"),
    }
}

/// The names of a set's capabilities, separated by commas.
pub fn list(set: u64) -> String {
    numbers(set).map(name).collect::<Vec<_>>().join(",")
}

/// The capabilities of a set.
pub fn numbers(set: u64) -> impl Iterator<Item = u32> {
    (0..LIMIT).filter(move |number| set >> number & 1 == 1)
}

/// The capabilities that this kernel has.
pub fn known() -> impl Iterator<Item = u32> {
    (0..LIMIT).take_while(|&number| is_bound(number).is_ok())
}

/// Whether the capability is in the bounding set. EINVAL if the kernel does not have it.
pub fn is_bound(number: u32) -> nix::Result<bool> {
    sys::prctl(Prctl::ReadBounding(number)).map(|value| value == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(list: &str) -> Result<Change> {
        Change::parse(list, &mut vec![])
    }

    fn applied(list: &str, old: u64, available: u64) -> u64 {
        parse(list).unwrap().apply(old, available)
    }

    #[test]
    fn every_name_in_every_form() {
        for (place, known) in NAMES.iter().enumerate() {
            let place = place as u32;
            assert_eq!(number(known), Some(place));
            assert_eq!(number(&format!("cap_{known}")), Some(place));
            assert_eq!(number(&format!("CAP_{}", known.to_uppercase())), Some(place));
            assert_eq!(number(&format!("cap_{place}")), Some(place));
            assert_eq!(name(place), *known);
        }
    }

    #[test]
    fn names_stand_at_their_numbers() {
        for (name, place) in [("chown", 0), ("kill", 5), ("sys_admin", 21), ("bpf", 39)] {
            assert_eq!(number(name), Some(place));
        }
    }

    #[test]
    fn newer_capabilities_go_by_number() {
        assert_eq!((number("cap_63"), name(63).as_str()), (Some(63), "cap_63"));
        for wrong in ["cap_64", "cap_", "63", "cap_+1", "cap_cap_1", "", "nosuch", "all_"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn entries_apply_from_left_to_right() {
        assert_eq!(applied("-all,+kill", 0xff, 0), 1 << 5);
        assert_eq!(applied("+kill,-all", 0xff, u64::MAX), 0);
        assert_eq!(applied("+kill", 1, 0), 1 << 5 | 1);
        assert_eq!(applied("-chown", 3, u64::MAX), 2);
        assert_eq!(applied("+all,-chown", 0, 7), 6);
        assert_eq!(applied("-all,+ALL", 0, 7), 7);
    }

    #[test]
    fn all_is_what_is_available() {
        assert_eq!(applied("+all", 8, 3), 11);
        assert_eq!(applied("+all,+kill", 0, 3), 1 << 5 | 3);
    }

    #[test]
    fn wrong_lists() {
        for list in ["", "all", "kill", "+", "-", "+kill,", ",+kill", "+nosuch", "+ kill", "é"] {
            assert_eq!(parse(list).unwrap_err().kind(), common::Kind::Usage, "{list}");
        }
    }

    #[test]
    fn names_of_later_kernels() {
        let mut unknown = vec![];
        let change = Change::parse("-all,+CAP_NEW,+kill,-cap_64", &mut unknown);
        assert_eq!(change, parse("-all,+kill"));
        assert_eq!(unknown, ["CAP_NEW", "cap_64"]);
        for wrong in ["+new", "+CAP_", "+cap_+1", "+cap_a b", "+cap", "+caé_x"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_list_without_some_of_its_entries() {
        let kill = 1 << 5;
        for (list, same) in [
            ("-all,+kill,+chown", "-all,+chown"),
            ("+kill,+chown", "+chown"),
            ("-kill,+kill", "-kill"),
            ("+kill,-all,+chown", "-all,+chown"),
        ] {
            let (without, same) = (parse(list).unwrap().without(kill), parse(same).unwrap());
            for old in [0, u64::MAX, kill, 0xff] {
                assert_eq!(without.apply(old, 7), same.apply(old, 7), "{list}");
            }
            assert_eq!(without.named() & kill, 0, "{list}");
        }
    }

    #[test]
    fn only_what_is_newer_than_every_kernel_is_asked_for() {
        assert_eq!(parse("-all,+kill").unwrap().check(), Ok(()));
        let error = parse("+cap_63").unwrap().check().unwrap_err();
        assert_eq!(error.to_string(), "unknown capability 'cap_63'");
    }
}
