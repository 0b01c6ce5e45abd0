//! The securebits: how the kernel treats user 0.

use std::ffi::c_int;

use common::capability::{SETPCAP, hint};
use common::sys::Prctl;
use common::{Context, Error, Hint, Result, sys};
use nix::errno::Errno;

/// linux/securebits.h.
const BITS: [(&str, c_int); 12] = [
    ("noroot", 1),
    ("noroot_locked", 1 << 1),
    ("no_setuid_fixup", 1 << 2),
    ("no_setuid_fixup_locked", 1 << 3),
    ("keep_caps", 1 << 4),
    ("keep_caps_locked", 1 << 5),
    ("no_cap_ambient_raise", 1 << 6),
    ("no_cap_ambient_raise_locked", 1 << 7),
    ("exec_restrict_file", 1 << 8),
    ("exec_restrict_file_locked", 1 << 9),
    ("exec_deny_interactive", 1 << 10),
    ("exec_deny_interactive_locked", 1 << 11),
];

const KEEP_CAPS: c_int = 1 << 4;

/// The changes of a LIST of `+BIT` and `-BIT`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Securebits {
    add: c_int,
    remove: c_int,
}

impl Securebits {
    /// Reads a LIST: entries apply from left to right.
    pub fn parse(list: &str) -> Result<Self> {
        list.split(',').try_fold(Self::default(), Self::entry)
    }

    fn entry(self, entry: &str) -> Result<Self> {
        let wrong = || Error::usage(format!("'{entry}' is not +BIT or -BIT"));
        let (sign, name) = entry.split_at_checked(1).ok_or_else(wrong)?;
        let bit = match bit(name) {
            _ if name == "keep_caps" => {
                return Err(Error::usage("keep_caps cannot be set: execve(2) clears it"));
            }
            Some(bit) => bit,
            // `-all` clears all bits, also those without a name. `+all` sets those that every kernel knows.
            None if entry == "-all" => !KEEP_CAPS,
            None if entry == "+all" => 0xff & !KEEP_CAPS,
            None => return Err(Error::usage(format!("unknown securebit '{name}'"))),
        };
        match sign {
            "+" => Ok(Self { add: self.add | bit, remove: self.remove & !bit }),
            "-" => Ok(Self { add: self.add & !bit, remove: self.remove | bit }),
            _ => Err(wrong()),
        }
    }

    /// Changes the bits, if they differ.
    pub fn set(self) -> Result<()> {
        let now = current()?;
        let then = (now & !self.remove) | self.add;
        if then == now {
            return Ok(());
        }
        sys::prctl(Prctl::SetSecurebits(then))
            .map(drop)
            .context("set the securebits", list(then))
            .hint(explain)
    }
}

/// The bits of this process.
pub fn current() -> Result<c_int> {
    sys::prctl(Prctl::Securebits).step("read the securebits")
}

/// The names of the bits that are set, separated by commas. Bits without a name are one number at the end.
pub fn list(bits: c_int) -> String {
    let set = BITS.iter().filter(|(_, bit)| bits & bit != 0);
    let mut names: Vec<_> = set.map(|(name, _)| (*name).to_owned()).collect();
    let rest = BITS.iter().fold(bits, |rest, (_, bit)| rest & !bit);
    if rest != 0 {
        names.push(format!("{rest:#x}"));
    }
    names.join(",")
}

fn bit(name: &str) -> Option<c_int> {
    BITS.iter().find(|(known, _)| *known == name).map(|(_, bit)| *bit)
}

fn explain(error: &Error) -> Option<String> {
    (error.errno() == Some(Errno::EPERM)).then(|| {
        hint(SETPCAP, "this needs the capability setpcap")
            .unwrap_or_else(|| "a locked bit cannot be changed".into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit() {
        for (place, (name, bit)) in BITS.iter().enumerate() {
            assert_eq!((*bit, list(*bit).as_str()), (1 << place, *name));
            if *name != "keep_caps" {
                let parse = |sign| Securebits::parse(&format!("{sign}{name}"));
                assert_eq!(parse("+"), Ok(Securebits { add: *bit, remove: 0 }));
                assert_eq!(parse("-"), Ok(Securebits { add: 0, remove: *bit }));
            }
        }
    }

    #[test]
    fn the_last_entry_counts() {
        let bits = Securebits::parse("+noroot,-noroot,+noroot_locked").unwrap();
        assert_eq!(bits, Securebits { add: 2, remove: 1 });
        assert_eq!(list(0b101), "noroot,no_setuid_fixup");
        assert_eq!(list(1 | 1 << 12 | 1 << 20), "noroot,0x101000");
        assert_eq!(Securebits::parse("-all").unwrap().remove, !KEEP_CAPS);
        assert_eq!(Securebits::parse("+all").unwrap().add, 0xef);
    }

    #[test]
    fn wrong_lists() {
        for list in ["", "noroot", "+", "+nosuch", "+keep_caps", "-keep_caps", "+noroot,", "é"] {
            assert!(Securebits::parse(list).is_err(), "{list}");
        }
    }
}
