//! The process that may trace COMMAND under Yama (prctl(2), PR_SET_PTRACER).

use std::path::Path;

use common::sys::Prctl;
use common::{Context, Error, Hint, Result, accounts, sys};
use nix::errno::Errno;
use nix::libc;

/// The value of `--ptracer`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracer {
    /// Every process.
    Any,
    /// Only the ancestors.
    None,
    /// Also this one and its descendants.
    Process(libc::pid_t),
}

impl Tracer {
    /// `any`, `none`, or the number of a process.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "any" => return Ok(Self::Any),
            "none" => return Ok(Self::None),
            _ => {}
        }
        let pid = accounts::id(text.as_bytes()).and_then(|pid| pid.try_into().ok());
        pid.filter(|&pid| pid > 0)
            .map(Self::Process)
            .ok_or_else(|| Error::usage(format!("'{text}' is not a process id, 'any' or 'none'")))
    }

    /// Allows the tracer.
    pub fn allow(self) -> Result<()> {
        let (argument, object) = match self {
            Self::Any => (libc::c_ulong::MAX, "any".into()),
            Self::None => (0, "none".into()),
            Self::Process(pid) => (pid as libc::c_ulong, pid.to_string()),
        };
        sys::prctl(Prctl::Ptracer(argument))
            .map(drop)
            .context("allow the tracer", object)
            .hint(|error| explain(error.errno()?))
    }
}

/// EINVAL means that the kernel runs without Yama, or that the process does not exist.
fn explain(errno: Errno) -> Option<String> {
    let yama = Path::new("/proc/sys/kernel/yama").exists();
    (errno == Errno::EINVAL).then(|| match yama {
        true => "this process does not exist".into(),
        false => "this kernel runs without Yama, which restricts tracers".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracers() {
        assert_eq!(Tracer::parse("any"), Ok(Tracer::Any));
        assert_eq!(Tracer::parse("none"), Ok(Tracer::None));
        assert_eq!(Tracer::parse("42"), Ok(Tracer::Process(42)));
        for wrong in ["", "0", "-1", "+1", "4294967294", "self", "1 "] {
            assert!(Tracer::parse(wrong).is_err(), "{wrong}");
        }
    }
}
