//! The long options of a tool: the full name of one that was shortened, as getopt_long(3) allows, and
//! the one that was meant where none has the name.

use lexopt::{Arg, Parser};

use crate::error::{Error, Result};

/// The long options that a tool knows.
#[derive(Clone, Copy, Debug)]
pub struct LongOptions {
    /// Those of the classic. Each may be shortened as far as no other row begins in the same way. Names of one
    /// option stand in one row, with `|` between them.
    pub classic: &'static [&'static str],
    /// The text of `--help`, which names the others. They need their full names, so that a new one never
    /// makes a line ambiguous that was written for the classic.
    pub help: &'static str,
}

impl LongOptions {
    /// The next argument, a long option by its full name.
    ///
    /// # Errors
    /// A usage error where the option is not known or is ambiguous, or as [`Parser::next`].
    pub fn next(&self, parser: &mut Parser) -> Result<Option<Arg<'static>>> {
        Ok(match parser.next()? {
            None => None,
            Some(Arg::Short(letter)) => Some(Arg::Short(letter)),
            Some(Arg::Value(word)) => Some(Arg::Value(word)),
            Some(Arg::Long(name)) => Some(Arg::Long(self.full(name)?)),
        })
    }

    /// The full name of an option that was typed.
    ///
    /// # Errors
    /// A usage error where it is not known or is ambiguous.
    pub fn full(&self, typed: &str) -> Result<&'static str> {
        if let Some(exact) = self.classics().chain(self.in_help()).find(|name| *name == typed) {
            return Ok(exact);
        }
        let mut rows = self.classic.iter().filter_map(|row| beginning(row, typed));
        match (rows.next(), rows.next()) {
            (Some(name), None) => Ok(name),
            (Some(one), Some(other)) => {
                Err(Error::usage(format!("option '--{typed}' is ambiguous"))
                    .with_hint(ambiguity([one, other].into_iter().chain(rows))))
            }
            (None, _) => Err(self.unknown(typed)),
        }
    }

    /// The error for an option that no tool of this kind has.
    #[must_use]
    pub fn unknown(&self, typed: &str) -> Error {
        let error = Error::usage(format!("invalid option '--{typed}'"));
        error.explain(|_| self.meant(typed).map(|name| format!("did you mean '--{name}'?")))
    }

    /// The nearest name, where one is near: a shortened name of our own, or one with a mistake or two in it.
    fn meant(&self, typed: &str) -> Option<&'static str> {
        let mut longer = self.in_help().filter(|name| typed.len() > 1 && name.starts_with(typed));
        if let (Some(name), None) = (longer.next(), longer.next()) {
            return Some(name);
        }
        let near = self.classics().chain(self.in_help());
        let near = near.map(|name| (distance(typed.as_bytes(), name.as_bytes()), name));
        let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
        (distance <= 2 && distance * 3 <= name.len()).then_some(name)
    }

    fn classics(&self) -> impl Iterator<Item = &'static str> {
        self.classic.iter().flat_map(|row| row.split('|'))
    }

    /// The options that lines of `--help` begin with.
    fn in_help(&self) -> impl Iterator<Item = &'static str> {
        let lines = self.help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
        lines
            .flat_map(|line| line.split(' ').take_while(|word| word.starts_with('-')))
            .filter_map(|word| word.strip_prefix("--"))
            .map(|word| word.split(['=', '[', ',']).next().unwrap_or_default())
            .filter(|name| !name.is_empty())
    }
}

/// Refuses a command line if one of these conditions holds, with the message beside it. This is the table of options that
/// exclude or need each other.
///
/// # Errors
/// A usage error with the first such message.
pub fn refuse(wrong: &[(bool, &str)]) -> Result<()> {
    match wrong.iter().find(|(holds, _)| *holds) {
        Some((_, message)) => Err(Error::usage(*message)),
        None => Ok(()),
    }
}

/// The first name of a row that begins as typed.
fn beginning(row: &'static str, typed: &str) -> Option<&'static str> {
    row.split('|').find(|name| name.starts_with(typed))
}

fn ambiguity(names: impl Iterator<Item = &'static str>) -> String {
    let names: Vec<_> = names.map(|name| format!("--{name}")).collect();
    format!("it may be {}", names.join(", "))
}

/// How many letters are wrong, missing, too many, or in the place of their neighbour.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut rows = vec![(0..=b.len()).collect::<Vec<_>>()];
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = rows[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut least = changed.min(rows[i - 1][j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                least = least.min(rows[i - 2][j - 2] + 1);
            }
            row.push(least);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: LongOptions = LongOptions {
        classic: &[
            "mount",
            "mount-proc",
            "map-root-user",
            "map-user",
            "nnp|no-new-privs",
            "keep-caps",
        ],
        help: "\
Usage: x --not-here

  -m, --mount[=FILE]         a mount namespace; see --nor-here
      --map-root-user        root
      --no-new-privs, --nnp    none
      --map-rows LIST, ...   --nor-here
      --hostname=NAME        a name
",
    };

    #[test]
    fn names_in_full() {
        for (typed, full) in [
            ("mount", "mount"),
            ("mount-", "mount-proc"),
            ("map-u", "map-user"),
            ("map-ro", "map-root-user"),
            ("map-rows", "map-rows"),
            ("n", "nnp"),
            ("no", "no-new-privs"),
            ("k", "keep-caps"),
            ("hostname", "hostname"),
        ] {
            assert_eq!(LONG.full(typed), Ok(full), "{typed}");
        }
    }

    #[test]
    fn names_that_are_not_there() {
        for (typed, message, hint) in [
            ("map", "option '--map' is ambiguous", Some("it may be --map-root-user, --map-user")),
            ("mou", "option '--mou' is ambiguous", Some("it may be --mount, --mount-proc")),
            ("host", "invalid option '--host'", Some("did you mean '--hostname'?")),
            ("keep-cpas", "invalid option '--keep-cpas'", Some("did you mean '--keep-caps'?")),
            ("monut", "invalid option '--monut'", Some("did you mean '--mount'?")),
            ("not-here", "invalid option '--not-here'", None),
            ("nor-here", "invalid option '--nor-here'", None),
            ("x", "invalid option '--x'", None),
        ] {
            let error = LONG.full(typed).unwrap_err();
            assert_eq!((error.to_string().as_str(), error.hint()), (message, hint));
        }
    }

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "acb", 1),
            ("abc", "xbcd", 2),
            ("a", "b", 1),
        ] {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        }
    }
}
