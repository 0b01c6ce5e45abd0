//! The line between a process and one that it has started: the started one asks for a word to go on.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use nix::unistd::{Pid, getpid};

use crate::error::{Error, Result};
use crate::sys;

/// What the started process says: that it waits for the word, and that COMMAND did not start after all. Where COMMAND
/// starts, the line is closed.
const ASK: u8 = b'a';
const FAILED: u8 = b'f';
/// The word.
const GO: u8 = b'g';

/// One end of it.
#[derive(Debug)]
pub struct Line(UnixStream);

/// The other process has ended, or ends, and has said why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// The number by which /proc knows this process: where that is the proc of another pid namespace, not the own one.
#[must_use]
pub fn number_in_proc() -> Pid {
    let number = || fs::read_link("/proc/self").ok()?.to_str()?.parse().ok();
    number().map_or_else(getpid, Pid::from_raw)
}

impl Line {
    /// The ends of both. Either process has to close the other's.
    ///
    /// # Errors
    /// Those of socketpair(2).
    pub fn new() -> Result<(Self, Self)> {
        let (one, other) =
            UnixStream::pair().map_err(|e| Error::from_io("make", "a socket pair", &e))?;
        Ok((Self(one), Self(other)))
    }

    /// Closes a copy of an end that belongs to the other process.
    pub fn close_copy(&self) {
        sys::close_copy(self.0.as_fd());
    }

    /// Waits for the word.
    ///
    /// # Errors
    /// Where it does not come.
    pub fn ask(&mut self) -> Result<(), Gone> {
        self.say(&[ASK])?;
        self.await_word()
    }

    /// As [`Self::ask`], with the number by which the other process finds this one in /proc.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn introduce(&mut self) -> Result<(), Gone> {
        self.say(&number_in_proc().as_raw().to_ne_bytes())?;
        self.await_word()
    }

    fn await_word(&mut self) -> Result<(), Gone> {
        self.hear().map(|[_]: [u8; 1]| ()).ok_or(Gone)
    }

    /// Tells that COMMAND did not start.
    pub fn fail(&mut self) {
        let _ = self.say(&[FAILED]);
    }

    /// Whether the other process asks. If not, it has ended, or ends, and has said why.
    pub fn is_asked(&mut self) -> bool {
        self.hear() == Some([ASK])
    }

    /// The number of the other process, where it asks with it.
    pub fn is_introduced(&mut self) -> Option<Pid> {
        self.hear().map(|number| Pid::from_raw(i32::from_ne_bytes(number)))
    }

    /// A process that is gone is noticed by what it says next.
    pub fn answer(&mut self) {
        let _ = self.say(&[GO]);
    }

    /// Says something.
    ///
    /// # Errors
    /// Where nobody hears it.
    pub fn say(&mut self, bytes: &[u8]) -> Result<(), Gone> {
        self.0.write_all(bytes).map_err(|_| Gone)
    }

    /// Hears so many bytes; none where the line is closed.
    pub fn hear<const N: usize>(&mut self) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).ok().map(|()| bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_asked_for_and_given() {
        let (mut one, mut other) = Line::new().unwrap();
        one.answer();
        assert!(other.ask().is_ok());
        assert!(one.is_asked());
        one.answer();
        assert!(other.introduce().is_ok());
        assert_eq!(one.is_introduced(), Some(getpid()));
        other.fail();
        assert!(!one.is_asked());
    }

    #[test]
    fn a_line_that_is_closed_gives_no_word() {
        let (one, mut other) = Line::new().unwrap();
        drop(one);
        assert!(other.ask() == Err(Gone));
        assert_eq!(other.hear::<4>(), None);
    }
}
