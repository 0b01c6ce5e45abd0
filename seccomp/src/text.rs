//! The text of a filter: a thing a line, from `#` on a comment.

use std::fmt;

use crate::action::Action;
use crate::architecture::Architecture;
use crate::filter::{Filter, Flag};
use crate::names;
use crate::rule::{ARGUMENTS, Comparison, OPERATORS, Operator, Rule};

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From 1 on; none where something is missing.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "line {line}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Reads a text.
///
/// # Errors
/// The first line that is not understood, or what is missing.
pub fn parse(text: &str) -> Result<Filter<'_>, Fault> {
    let mut lines = Lines::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let fault = |reason| Fault { line: Some(index + 1), reason };
        lines.read(line).map_err(fault)?;
    }
    lines
        .filter()
        .ok_or_else(|| Fault { line: None, reason: "it has no line 'default ACTION'".into() })
}

#[derive(Default)]
struct Lines<'a> {
    default: Option<Action>,
    newer: Option<Action>,
    architectures: Vec<Architecture>,
    flags: Vec<Flag>,
    rules: Vec<Rule<'a>>,
}

impl<'a> Lines<'a> {
    fn read(&mut self, line: &'a str) -> Result<(), String> {
        let mut words = line.split_whitespace().peekable();
        match words.peek().copied() {
            None => Ok(()),
            Some("default") => action_alone(&mut self.default, words),
            Some("newer") => action_alone(&mut self.newer, words),
            Some("architectures") => {
                list(&mut self.architectures, words, "architecture", Architecture::of)
            }
            Some("flags") => list(&mut self.flags, words, "flag", Flag::of),
            Some(_) => {
                self.rules.push(rule(words)?);
                Ok(())
            }
        }
    }

    fn filter(self) -> Option<Filter<'a>> {
        let Self { default, newer, architectures, flags, rules } = self;
        Some(Filter { default: default?, newer, architectures, flags, rules })
    }
}

fn action_alone<'a>(
    place: &mut Option<Action>,
    mut words: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    let keyword = words.next().unwrap_or_default();
    let action = Action::parse(&mut words)?;
    nothing_more(words)?;
    match place.replace(action) {
        None => Ok(()),
        Some(_) => Err(format!("a second line '{keyword}'")),
    }
}

fn nothing_more<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<(), String> {
    words.next().map_or(Ok(()), |word| Err(format!("unexpected '{word}'")))
}

fn list<'a, T>(
    places: &mut Vec<T>,
    words: impl Iterator<Item = &'a str>,
    what: &str,
    of: impl Fn(&str) -> Option<T>,
) -> Result<(), String> {
    for word in words.skip(1) {
        places.push(of(word).ok_or_else(|| format!("unknown {what} '{word}'"))?);
    }
    Ok(())
}

fn rule<'a>(mut words: impl Iterator<Item = &'a str>) -> Result<Rule<'a>, String> {
    let action = Action::parse(&mut words)?;
    let mut rule = Rule { action, names: Vec::new(), comparisons: Vec::new() };
    loop {
        match words.next() {
            None => break,
            Some("if") => {
                rule.comparisons = comparisons(&mut words)?;
                break;
            }
            Some(name) if names::is_known(name) => rule.names.push(name),
            Some(name) => return Err(format!("unknown system call '{name}'")),
        }
    }
    match rule.names.is_empty() {
        true => Err("names no system call".into()),
        false => Ok(rule),
    }
}

fn comparisons<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<Vec<Comparison>, String> {
    let mut comparisons = Vec::new();
    loop {
        comparisons.push(comparison(words)?);
        match words.next() {
            None => return Ok(comparisons),
            Some("and") => {}
            Some(word) => return Err(format!("'{word}' where 'and' is expected")),
        }
    }
}

fn comparison<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<Comparison, String> {
    let mut next = |what| words.next().ok_or_else(|| format!("{what} is missing"));
    let argument = argument(next("an argument")?)?;
    let operator = match next("an operator")? {
        "&" => {
            let mask = number(next("a mask")?)?;
            match next("'=='")? {
                "==" => Operator::MaskedEq(mask),
                word => return Err(format!("'{word}' where '==' is expected")),
            }
        }
        word => operator(word)?,
    };
    Ok(Comparison { argument, operator, value: number(next("a number")?)? })
}

fn argument(word: &str) -> Result<u8, String> {
    let index = word.strip_prefix("arg").and_then(|index| index.parse().ok());
    let index = index.filter(|&index| index < ARGUMENTS);
    index.ok_or_else(|| format!("'{word}' is none of arg0 to arg5"))
}

fn operator(word: &str) -> Result<Operator, String> {
    let row = OPERATORS.iter().find(|(name, _)| *name == word);
    row.map(|(_, operator)| *operator).ok_or_else(|| format!("unknown operator '{word}'"))
}

fn number(word: &str) -> Result<u64, String> {
    let number = match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => word.parse(),
    };
    number.map_err(|_| format!("'{word}' is not a number of 64 bits"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# A comment.
default errno EPERM   # behind it
newer errno ENOSYS

architectures x86_64 x86
architectures x32
flags log spec_allow
allow read write
errno EINVAL socket if arg0 == 16 and arg2 != 9
allow clone if arg0 & 0x7e020000 == 0
trace 7 ptrace
";

    #[test]
    fn a_text() {
        let filter = parse(TEXT).unwrap();
        assert_eq!(filter.default, Action::Errno(1));
        assert_eq!(filter.newer, Some(Action::Errno(38)));
        assert_eq!(filter.architectures.len(), 3);
        assert_eq!(filter.flags, [Flag::Log, Flag::SpecAllow]);
        let rules: Vec<_> = filter.rules.iter().map(ToString::to_string).collect();
        assert_eq!(
            rules,
            [
                "allow read write",
                "errno EINVAL socket if arg0 == 16 and arg2 != 9",
                "allow clone if arg0 & 0x7e020000 == 0",
                "trace 7 ptrace",
            ]
        );
    }

    #[test]
    fn every_operator_is_read_as_it_is_written() {
        let operators = OPERATORS.iter().map(|(_, operator)| *operator);
        for operator in operators.chain([Operator::MaskedEq(u64::MAX), Operator::MaskedEq(1)]) {
            for value in [0, 255, 256, u64::MAX] {
                let comparison = Comparison { argument: 5, operator, value };
                let text = format!("default allow\nlog read if {comparison}");
                assert_eq!(parse(&text).unwrap().rules[0].comparisons, [comparison], "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_text() {
        for (text, fault) in [
            ("", "it has no line 'default ACTION'"),
            ("allow read", "it has no line 'default ACTION'"),
            ("default", "line 1: an action is missing"),
            ("default allow x", "line 1: unexpected 'x'"),
            ("default allow\n\ndefault log", "line 3: a second line 'default'"),
            ("newer errno ENOSYS\nnewer allow", "line 2: a second line 'newer'"),
            ("alow read", "line 1: unknown action 'alow'"),
            ("allow raed", "line 1: unknown system call 'raed'"),
            ("allow", "line 1: names no system call"),
            ("allow if arg0 == 1", "line 1: names no system call"),
            ("architectures mips", "line 1: unknown architecture 'mips'"),
            ("flags new_listener", "line 1: unknown flag 'new_listener'"),
            ("allow read if", "line 1: an argument is missing"),
            ("allow read if arg6 == 1", "line 1: 'arg6' is none of arg0 to arg5"),
            ("allow read if arg0 = 1", "line 1: unknown operator '='"),
            ("allow read if arg0 == -1", "line 1: '-1' is not a number of 64 bits"),
            (
                "allow read if arg0 == 0x1ffffffffffffffff",
                "line 1: '0x1ffffffffffffffff' is not a number of 64 bits",
            ),
            ("allow read if arg0 & 1 != 1", "line 1: '!=' where '==' is expected"),
            ("allow read if arg0 == 1 arg1 == 2", "line 1: 'arg1' where 'and' is expected"),
            ("allow read if arg0 == 1 and", "line 1: an argument is missing"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), fault, "{text}");
        }
    }
}
