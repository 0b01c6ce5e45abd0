//! A whole filter: its rules and how it is loaded.

use crate::action::Action;
use crate::architecture::Architecture;
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

impl Filter<'_> {
    pub(crate) fn has(&self, architecture: Architecture) -> bool {
        self.architectures.contains(&architecture)
    }
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
