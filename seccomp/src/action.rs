//! What becomes of a system call.

use std::fmt;

use nix::errno::Errno;

/// The kernel gives a larger errno back as this one (`MAX_ERRNO`).
pub const MAX_ERRNO: u16 = 4095;

/// What becomes of a system call: the kernel's names, as in `/proc/sys/kernel/seccomp/actions_avail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// The call is made.
    Allow,
    /// The call is made, and logged.
    Log,
    /// The call is not made and fails with this errno.
    Errno(u16),
    /// A tracer decides, and is told this number.
    Trace(u16),
    /// The call is not made; the thread gets SIGSYS.
    Trap,
    /// The thread ends.
    KillThread,
    /// The process ends.
    KillProcess,
}

/// The actions that take no number.
const PLAIN: [(&str, Action); 5] = [
    ("allow", Action::Allow),
    ("log", Action::Log),
    ("trap", Action::Trap),
    ("kill_thread", Action::KillThread),
    ("kill_process", Action::KillProcess),
];

impl Action {
    /// What a filter returns for it: linux/seccomp.h.
    #[must_use]
    pub const fn value(self) -> u32 {
        match self {
            Self::KillProcess => 0x8000_0000,
            Self::KillThread => 0,
            Self::Trap => 0x0003_0000,
            Self::Errno(errno) => 0x0005_0000 | errno as u32,
            Self::Trace(message) => 0x7ff0_0000 | message as u32,
            Self::Log => 0x7ffc_0000,
            Self::Allow => 0x7fff_0000,
        }
    }

    /// Whether the call is not made, whatever a tracer does.
    #[must_use]
    pub fn denies(self) -> bool {
        matches!(self, Self::Errno(_) | Self::Trap | Self::KillThread | Self::KillProcess)
    }

    /// An action from the words at the start of a line.
    pub(crate) fn parse<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<Self, String> {
        let word = words.next().ok_or("an action is missing")?;
        if let Some((_, action)) = PLAIN.iter().find(|(name, _)| *name == word) {
            return Ok(*action);
        }
        match word {
            "errno" => {
                let errno = words.next().ok_or("'errno' needs an error, such as EPERM")?;
                errno_of(errno).map(Self::Errno).ok_or_else(|| format!("unknown error '{errno}'"))
            }
            "trace" => {
                let message = words.next().ok_or("'trace' needs a number for the tracer")?;
                let number = message.parse().map_err(|_| format!("'{message}' is not a number"));
                number.map(Self::Trace)
            }
            _ => Err(format!("unknown action '{word}'")),
        }
    }
}

/// By name, or by number.
fn errno_of(word: &str) -> Option<u16> {
    match word.parse() {
        Ok(number) => Some(number).filter(|&number| number <= MAX_ERRNO),
        Err(_) => (1..=u16::from(u8::MAX)).find(|&number| name_of(number).as_deref() == Some(word)),
    }
}

/// None where the number has no name.
fn name_of(number: u16) -> Option<String> {
    let errno = Errno::from_raw(number.into());
    (errno != Errno::UnknownErrno).then(|| format!("{errno:?}"))
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match *self {
            Self::Errno(number) => match name_of(number) {
                Some(name) => write!(f, "errno {name}"),
                None => write!(f, "errno {number}"),
            },
            Self::Trace(message) => write!(f, "trace {message}"),
            action => {
                let row = PLAIN.iter().find(|(_, other)| *other == action);
                f.write_str(row.map_or("", |(name, _)| name))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_read_as_it_is_written() {
        let others = [0, 1, 2, 11, 38, 134, 4095].map(Action::Errno);
        let others = others.into_iter().chain([Action::Trace(0), Action::Trace(65535)]);
        for action in PLAIN.iter().map(|(_, action)| *action).chain(others) {
            let text = action.to_string();
            assert_eq!(Action::parse(&mut text.split(' ')), Ok(action), "{text}");
        }
        assert_eq!(Action::Errno(1).to_string(), "errno EPERM");
        assert_eq!(Action::Errno(4000).to_string(), "errno 4000");
    }

    #[test]
    fn no_actions() {
        for text in [
            "",
            "alow",
            "errno",
            "errno EFOO",
            "errno 4096",
            "errno -1",
            "trace",
            "trace x",
            "notify",
        ] {
            assert!(Action::parse(&mut text.split_whitespace()).is_err(), "{text}");
        }
    }
}
