//! A whole filter.

use std::fmt;

use crate::action::Action;
use crate::architecture::Architecture;
use crate::assembly::{self, Instruction, LIMIT};
use crate::names;
use crate::ranges::{self, Outcome};
use crate::rule::Rule;

/// A filter as it is written. The first rule that matches a call decides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter<'a> {
    /// What is done with a call that no rule matches.
    pub default: Action,
    /// The same for a call with a number above all that the rules name: one that the author cannot have known.
    pub newer: Option<Action>,
    /// The architectures beside that of the machine. A call of any other one ends the thread.
    pub architectures: Vec<Architecture>,
    /// How the filter is loaded.
    pub flags: Vec<Flag>,
    /// The rules, in their order.
    pub rules: Vec<Rule<'a>>,
}

/// How a filter is loaded: seccomp(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// It is put before all threads.
    Tsync,
    /// All actions but `allow` are logged.
    Log,
    /// Speculation is not restricted.
    SpecAllow,
}

impl Flag {
    /// All of them, by name.
    pub const ALL: [(&str, Self); 3] =
        [("tsync", Self::Tsync), ("log", Self::Log), ("spec_allow", Self::SpecAllow)];

    /// The flag of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(other, _)| *other == name).map(|(_, flag)| *flag)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, other)| *other == self).map_or("", |(name, _)| name)
    }

    /// `SECCOMP_FILTER_FLAG_*` of linux/seccomp.h.
    #[must_use]
    pub fn value(self) -> u32 {
        match self {
            Self::Tsync => 1,
            Self::Log => 2,
            Self::SpecAllow => 4,
        }
    }
}

/// The program has more instructions than the kernel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong(pub usize);

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "its program has {} instructions, and the kernel takes {LIMIT}", self.0)
    }
}

impl Filter<'_> {
    /// The program for this machine.
    ///
    /// # Errors
    /// Where it is too long.
    pub fn compile(&self) -> Result<Vec<Instruction>, TooLong> {
        self.compile_for(Architecture::NATIVE)
    }

    /// The program for a machine of the architecture `native`.
    ///
    /// # Errors
    /// Where it is too long.
    pub fn compile_for(&self, native: Architecture) -> Result<Vec<Instruction>, TooLong> {
        let mut spaces = vec![(native.audit(), ranges::of(self, native))];
        for &architecture in &self.architectures {
            let audit = architecture.audit();
            if architecture.runs_on(native) && spaces.iter().all(|(other, _)| *other != audit) {
                spaces.push((audit, ranges::of(self, architecture)));
            }
        }
        let program = assembly::assemble(&spaces);
        match program.len() {
            ..=LIMIT => Ok(program),
            length => Err(TooLong(length)),
        }
    }

    /// What becomes of a call of this machine, where that does not depend on its arguments.
    #[must_use]
    pub fn outcome(&self, name: &str) -> Option<Action> {
        let native = Architecture::NATIVE;
        let number = names::number(native, name)?;
        match self.rules.iter().find(|rule| rule.names.contains(&name)) {
            Some(rule) if rule.comparisons.is_empty() => return Some(rule.action),
            _ => {}
        }
        let ranges = ranges::of(self, native);
        match &ranges.iter().rfind(|range| range.start <= number)?.outcome {
            Outcome::Action(action) => Some(*action),
            Outcome::Chain(_) => None,
        }
    }

    pub(crate) fn has(&self, architecture: Architecture) -> bool {
        self.architectures.contains(&architecture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text;

    #[test]
    fn outcomes() {
        let text =
            "default errno EPERM\nallow read\nlog execve if arg0 == 1\nerrno EINVAL read write";
        let filter = text::parse(text).unwrap();
        assert_eq!(filter.outcome("read"), Some(Action::Allow));
        assert_eq!(filter.outcome("write"), Some(Action::Errno(22)));
        assert_eq!(filter.outcome("capset"), Some(Action::Errno(1)));
        assert_eq!(filter.outcome("execve"), None);
        assert_eq!(filter.outcome("no_such"), None);
    }

    #[test]
    fn a_program_that_is_too_long() {
        let mut text = String::from("default errno EPERM\n");
        for value in 0..2000 {
            text += &format!("allow read if arg0 == {}\n", value * 3);
        }
        let TooLong(length) = text::parse(&text).unwrap().compile().unwrap_err();
        assert!(length > LIMIT);
    }
}
