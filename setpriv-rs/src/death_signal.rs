//! The signal that the process gets when its parent ends.

use std::ffi::c_int;

use common::death_signal::DeathSignal as Armed;
use common::{Error, Result, signal};
use nix::sys::signal::Signal;

/// The value of `--pdeathsig`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeathSignal {
    /// The present one, which the kernel clears at a change of credentials.
    Keep,
    /// No signal.
    Clear,
    /// This signal.
    Set(c_int),
}

impl DeathSignal {
    /// `keep`, `clear`, or a signal: a name with or without `SIG`, `RTMIN+N`, `RTMAX-N`, or a number.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "keep" => return Ok(Self::Keep),
            "clear" => return Ok(Self::Clear),
            _ => {}
        }
        let number = signal::number(text);
        number.map(Self::Set).ok_or_else(|| Error::usage(format!("unknown signal '{text}'")))
    }

    /// Reads the signal to arm later, before anything changes. None if there is none to keep.
    pub fn read(self) -> Result<Option<Armed>> {
        match self {
            Self::Keep => Armed::to_keep(),
            Self::Clear => Ok(Some(Armed::new(0))),
            Self::Set(signal) => Ok(Some(Armed::new(signal))),
        }
    }
}

/// The name of a signal without `SIG`, or its number if it has no name.
pub fn name(signal: c_int) -> String {
    match Signal::try_from(signal) {
        Ok(signal) => signal.as_str()[3..].into(),
        Err(_) => signal.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use nix::libc;

    use super::*;

    #[test]
    fn words_and_signals() {
        let first = libc::SIGRTMIN();
        for (text, signal) in [("sigkill", 9), ("15", 15), ("RTMIN+1", first + 1)] {
            assert_eq!(DeathSignal::parse(text), Ok(DeathSignal::Set(signal)), "{text}");
        }
        assert_eq!(DeathSignal::parse("keep"), Ok(DeathSignal::Keep));
        assert_eq!(DeathSignal::parse("clear"), Ok(DeathSignal::Clear));
        let message = DeathSignal::parse("FOO").unwrap_err().to_string();
        assert_eq!(message, "unknown signal 'FOO'");
    }

    #[test]
    fn names() {
        let first = libc::SIGRTMIN();
        assert_eq!((name(9), name(first + 1)), ("KILL".into(), (first + 1).to_string()));
    }
}
