//! Ranges of descriptors that are moved, or passed to COMMAND.

use std::ffi::{OsStr, c_int};
use std::os::fd::BorrowedFd;

use common::{Context, Error, Result, accounts, quote, sys};

/// The first descriptor after the standard streams.
const FIRST: c_int = 3;

/// `count` descriptors, from `from` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    from: c_int,
    count: c_int,
}

/// A range, and the first number that it is moved to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    range: Range,
    to: c_int,
}

impl Range {
    /// `FROM:COUNT`.
    pub fn parse(text: &OsStr) -> Result<Self> {
        let parsed = numbers(text).and_then(|[from, count]| Self::new(from, count));
        parsed.ok_or_else(|| not_a("FROM:COUNT", text))
    }

    fn new(from: c_int, count: c_int) -> Option<Self> {
        from.checked_add(count).filter(|_| from >= FIRST)?;
        Some(Self { from, count })
    }

    fn end(self) -> c_int {
        self.from + self.count
    }

    /// A number after the range, and after those that COMMAND gets.
    pub fn beyond(self) -> c_int {
        self.end().max(FIRST + self.count)
    }

    /// Its open descriptors.
    pub fn borrowed<'a>(self) -> impl Iterator<Item = BorrowedFd<'a>> {
        (self.from..self.end()).filter_map(|number| sys::borrow(number).ok())
    }

    /// Copies them to the numbers from 3 on, for COMMAND. This process must not need descriptors there.
    pub fn hand_down(self) -> Result<()> {
        self.copy(FIRST)
    }

    fn copy(self, to: c_int) -> Result<()> {
        for step in 0..self.count {
            let number = self.from + step;
            sys::borrow(number)
                .and_then(|descriptor| sys::hand_down(descriptor, to + step))
                .context("pass on the descriptor", number.to_string())?;
        }
        Ok(())
    }
}

impl Move {
    /// `FROM:COUNT:TO`.
    pub fn parse(text: &OsStr) -> Result<Self> {
        let parse = || {
            let [from, count, to] = numbers(text)?;
            let (range, target) = (Range::new(from, count)?, Range::new(to, count)?);
            let apart = range.end() <= target.from || target.end() <= range.from;
            apart.then_some(Self { range, to })
        };
        parse().ok_or_else(|| not_a("FROM:COUNT:TO, two ranges apart from each other", text))
    }

    /// Moves them. If one is not open, that is an error, and none is closed.
    pub fn run(self) -> Result<()> {
        self.range.copy(self.to)?;
        for number in self.range.from..self.range.end() {
            if let Ok(descriptor) = sys::borrow(number) {
                sys::close_copy(descriptor);
            }
        }
        Ok(())
    }
}

fn numbers<const N: usize>(text: &OsStr) -> Option<[c_int; N]> {
    let number = |text: &str| accounts::id(text.as_bytes())?.try_into().ok();
    let numbers: Option<Vec<c_int>> = text.to_str()?.split(':').map(number).collect();
    numbers?.try_into().ok()
}

fn not_a(what: &str, text: &OsStr) -> Error {
    Error::usage(format!("{} is not {what}", quote(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        assert_eq!(Range::parse("100:2".as_ref()), Ok(Range { from: 100, count: 2 }));
        assert_eq!(Range::parse("3:5".as_ref()).unwrap().beyond(), 8);
        assert_eq!(Range::parse("100:5".as_ref()).unwrap().beyond(), 105);
        for wrong in ["", "3", "2:1", "3:-1", "3:2147483647", "3:1:9", "a:b"] {
            assert!(Range::parse(wrong.as_ref()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn moves_do_not_overlap() {
        for right in ["3:5:100", "100:2:3", "3:0:3", "3:5:8"] {
            assert!(Move::parse(right.as_ref()).is_ok(), "{right}");
        }
        for wrong in ["3:5", "3:5:7", "7:5:3", "3:5:2", "3:5:2147483647", ""] {
            assert!(Move::parse(wrong.as_ref()).is_err(), "{wrong}");
        }
    }
}
