//! From a filter to its program, and to what it does with one call.

use std::fmt;

use crate::action::Action;
use crate::architecture::Architecture;
use crate::assembly::{self, Instruction, LIMIT};
use crate::filter::Filter;
use crate::names;
use crate::ranges::{self, Outcome};

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
