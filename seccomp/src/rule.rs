//! A rule: what becomes of some calls, with some arguments.

use std::fmt;

use crate::action::Action;

/// What is done with calls of these names, where all comparisons hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule<'a> {
    /// What is done.
    pub action: Action,
    /// The names of the calls.
    pub names: Vec<&'a str>,
    /// What their arguments must be.
    pub comparisons: Vec<Comparison>,
}

/// An argument, compared with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Comparison {
    /// Which argument, from 0 to 5.
    pub argument: u8,
    /// How it is compared.
    pub operator: Operator,
    /// With what.
    pub value: u64,
}

/// How an argument is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Not equal.
    Ne,
    /// Less.
    Lt,
    /// Less or equal.
    Le,
    /// Equal.
    Eq,
    /// Greater or equal.
    Ge,
    /// Greater.
    Gt,
    /// Equal in the bits of this mask.
    MaskedEq(u64),
}

/// The operators without a mask.
pub(crate) const OPERATORS: [(&str, Operator); 6] = [
    ("!=", Operator::Ne),
    ("<", Operator::Lt),
    ("<=", Operator::Le),
    ("==", Operator::Eq),
    (">=", Operator::Ge),
    (">", Operator::Gt),
];

/// The most arguments that a system call has.
pub(crate) const ARGUMENTS: u8 = 6;

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "arg{}", self.argument)?;
        match self.operator {
            Operator::MaskedEq(mask) => {
                f.write_str(" & ")?;
                number(f, mask)?;
                f.write_str(" == ")?;
            }
            operator => {
                let row = OPERATORS.iter().find(|(_, other)| *other == operator);
                write!(f, " {} ", row.map_or("", |(name, _)| name))?;
            }
        }
        number(f, self.value)
    }
}

/// Larger ones are masks and flags for the most part.
fn number(f: &mut fmt::Formatter, number: u64) -> fmt::Result {
    match number {
        ..256 => write!(f, "{number}"),
        _ => write!(f, "{number:#x}"),
    }
}

impl fmt::Display for Rule<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.action, self.names.join(" "))?;
        for (index, comparison) in self.comparisons.iter().enumerate() {
            let word = if index == 0 { "if" } else { "and" };
            write!(f, " {word} {comparison}")?;
        }
        Ok(())
    }
}
