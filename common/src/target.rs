//! A process by its number and its start time or inode, so that a later process with the number is not mistaken for it.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::stat::fstat;
use nix::unistd::Pid;

use crate::error::{Context, Error, Result, quote};
use crate::{accounts, procfs, sys};

/// The number of a process, and what no later process of the same number has: the inode of its descriptor (pidfs), or its
/// start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pid: Pid,
    inode: Option<u64>,
    start: Option<u64>,
}

const STEP: &str = "find the process";

impl Target {
    /// `PID` or `PID:INODE`.
    ///
    /// # Errors
    /// A usage error for another thing.
    pub fn parse(text: &OsStr) -> Result<Self> {
        let parse = || {
            let (pid, inode) = match text.to_str()?.split_once(':') {
                Some((pid, inode)) => (pid, Some(inode)),
                None => (text.to_str()?, None),
            };
            let pid = accounts::id(pid.as_bytes())?.try_into().ok().filter(|&pid| pid > 0)?;
            let inode = match inode {
                Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Some(digits.parse().ok()?)
                }
                Some(_) => return None,
                None => None,
            };
            Some(Self { pid: Pid::from_raw(pid), inode, start: None })
        };
        parse().ok_or_else(|| Error::usage(format!("{} is no process id", quote(text))))
    }

    /// The same; with a time, only the process that started then (proc(5), field 22 of stat).
    #[must_use]
    pub fn started_at(self, start: Option<u64>) -> Self {
        Self { start: start.or(self.start), ..self }
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether an inode is given, which a thread has only where pidfd_open(2) opens it.
    #[must_use]
    pub fn has_inode(&self) -> bool {
        self.inode.is_some()
    }

    /// That the process whose directory in `/proc` was opened before is the one that has started then.
    ///
    /// # Errors
    /// Where it is another one.
    pub fn check_start(&self) -> Result<()> {
        match self.start {
            Some(start) if procfs::start_time(self.pid)? != start => Err(self.another_start()),
            _ => Ok(()),
        }
    }

    fn another_start(&self) -> Error {
        let reason = "the process of this number has started at another time";
        Error::because(STEP, self.pid.to_string(), reason)
    }

    /// Takes hold of the process.
    ///
    /// # Errors
    /// ESRCH where there is none of this number; EINVAL where it is a thread, before Linux 6.9; where it is another one.
    pub fn open(&self) -> Result<OwnedFd> {
        let name = self.pid.to_string();
        let process = match sys::pidfd_open(self.pid, 0) {
            // A thread that is not the first one of its process.
            Err(Errno::EINVAL | Errno::ENOENT) => sys::pidfd_open(self.pid, sys::PIDFD_THREAD),
            process => process,
        }
        .context(STEP, &name)?;
        let another = |reason: &str| Err(Error::because(STEP, &name, reason));
        match self.inode {
            Some(inode) if fstat(&process).context(STEP, &name)?.st_ino != inode => {
                return another("the process of this number is not the one of that inode");
            }
            _ => {}
        }
        match self.start {
            Some(start) if self.start_of(&process)? != start => Err(self.another_start()),
            _ => Ok(process),
        }
    }

    /// Read when the process is held already: while one that started at a time in the past has a number, none before it
    /// can have had the same.
    fn start_of(&self, process: &OwnedFd) -> Result<u64> {
        let gone = || {
            let error = Error::new(STEP, self.pid.to_string(), Errno::ESRCH);
            error.explain(|_| procfs::not_mounted())
        };
        let number = procfs::number_of(process.as_fd()).ok_or_else(gone)?;
        procfs::start_time(number).map_err(|error| match error.errno() {
            Some(Errno::ENOENT | Errno::ESRCH) => gone(),
            _ => error,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets() {
        let target = |text| Target::parse(OsStr::new(text));
        let pid = Pid::from_raw(42);
        assert_eq!(target("42"), Ok(Target { pid, inode: None, start: None }));
        assert_eq!(target("42:7"), Ok(Target { pid, inode: Some(7), start: None }));
        for wrong in ["", "0", "-1", "+1", "x", "42:", "42:+7", ":7", "42:7:8", "4294967295", "1 "]
        {
            assert!(target(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_process_is_known_by_its_start() {
        let pid = nix::unistd::getpid();
        let target = Target::parse(OsStr::new(&pid.to_string())).unwrap();
        let start = procfs::start_time(pid).unwrap();
        assert!(target.open().is_ok() && target.started_at(Some(start)).open().is_ok());
        assert!(target.started_at(Some(start + 1)).open().is_err());
    }
}
