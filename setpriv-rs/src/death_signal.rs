//! The signal that the process gets when its parent ends.

use std::ffi::c_int;

use common::{Context, Error, Result, signal, sys};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeathSignal {
    /// The one that is set, which a change of credentials takes away.
    Keep,
    /// None.
    Clear,
    /// This one.
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

    /// What is to be armed later, read before anything changes; none where there is nothing to keep.
    pub fn read(self) -> Result<Option<Armed>> {
        let signal = match self {
            Self::Keep => sys::parent_death_signal().step("read the parent-death signal")?,
            Self::Clear => 0,
            Self::Set(signal) => signal,
        };
        if self == Self::Keep && signal == 0 {
            return Ok(None);
        }
        Ok(Some(Armed { signal, parent: getppid() }))
    }
}

/// A signal to arm, and the parent whose end it tells.
#[derive(Debug)]
pub struct Armed {
    signal: c_int,
    parent: Pid,
}

impl Armed {
    /// Arms the signal. A parent that ended while it was not armed would never be told: then the
    /// process signals itself.
    ///
    /// A parent outside of the PID namespace has the number 0 before and after its end.
    pub fn arm(&self) -> Result<()> {
        sys::prctl(libc::PR_SET_PDEATHSIG, self.signal as libc::c_ulong, 0)
            .step("set the parent-death signal")?;
        if self.signal == 0 || getppid() == self.parent {
            return Ok(());
        }
        sys::kill(getpid(), self.signal).step("end with the parent")?;
        // An init does not die by its own signal (pid_namespaces(7)).
        if getpid() == Pid::from_raw(1) {
            return Err(Error::bare("keep the parent-death signal", Errno::ESRCH));
        }
        Ok(())
    }
}

/// The name of a signal without `SIG`; the number of one that has none.
pub fn name(signal: c_int) -> String {
    match Signal::try_from(signal) {
        Ok(signal) => signal.as_str()[3..].into(),
        Err(_) => signal.to_string(),
    }
}

#[cfg(test)]
mod tests {
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
