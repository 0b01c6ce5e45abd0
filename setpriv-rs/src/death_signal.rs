//! The signal that the process gets when its parent ends.

use std::ffi::c_int;

use common::{Context, Error, Result, accounts, sys};
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
        number(text).map(Self::Set).ok_or_else(|| Error::usage(format!("unknown signal '{text}'")))
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

fn number(text: &str) -> Option<c_int> {
    let upper = text.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Ok(signal) = format!("SIG{short}").parse::<Signal>() {
        return Some(signal as c_int);
    }
    let (first, last) = (libc::SIGRTMIN(), libc::SIGRTMAX());
    let number = match short {
        "RTMIN" => first,
        "RTMAX" => last,
        _ => match (short.strip_prefix("RTMIN+"), short.strip_prefix("RTMAX-")) {
            (Some(above), _) => first.checked_add(decimal(above)?)?,
            (_, Some(below)) => last.checked_sub(decimal(below)?)?,
            _ => decimal(short)?,
        },
    };
    (1..=last).contains(&number).then_some(number)
}

fn decimal(digits: &str) -> Option<c_int> {
    accounts::id(digits.as_bytes())?.try_into().ok()
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
    fn signals_by_name_and_number() {
        let first = libc::SIGRTMIN();
        let last = libc::SIGRTMAX();
        let table = [
            ("KILL", 9),
            ("SIGKILL", 9),
            ("sigkill", 9),
            ("Hup", 1),
            ("15", 15),
            ("RTMIN", first),
            ("SIGRTMIN+1", first + 1),
            ("RTMAX-2", last - 2),
            ("RTMAX", last),
        ];
        for (text, number) in table {
            assert_eq!(DeathSignal::parse(text), Ok(DeathSignal::Set(number)), "{text}");
        }
        assert_eq!((name(9), name(first + 1)), ("KILL".into(), (first + 1).to_string()));
    }

    #[test]
    fn no_signals() {
        for text in ["", "SIG", "0", "65", "-1", "+1", "FOO", "RTMIN+99", "RTMAX-99", "RTMIN+-1"] {
            let message = DeathSignal::parse(text).unwrap_err().to_string();
            assert_eq!(message, format!("unknown signal '{text}'"));
        }
    }
}
