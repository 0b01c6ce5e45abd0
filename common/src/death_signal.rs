//! The parent-death signal, which a change of credentials takes away (prctl(2), `PR_SET_PDEATHSIG`).

use std::ffi::c_int;

use nix::errno::Errno;
use nix::unistd::{Pid, getpid, getppid};

use crate::error::{Context, Error, Result};
use crate::sys::{self, Prctl};

/// A signal to arm, 0 for none, and the parent whose end it tells.
#[derive(Debug)]
pub struct DeathSignal {
    signal: c_int,
    parent: Pid,
}

impl DeathSignal {
    /// Of the parent that this process has now.
    #[must_use]
    pub fn new(signal: c_int) -> Self {
        Self { signal, parent: getppid() }
    }

    /// The one that is set, to be armed again; none where there is none to keep.
    ///
    /// # Errors
    /// Those of prctl(2).
    pub fn to_keep() -> Result<Option<Self>> {
        let signal = sys::parent_death_signal().step("read the parent-death signal")?;
        Ok((signal != 0).then(|| Self::new(signal)))
    }

    /// Arms the signal. A parent that ended while it was not armed would never be told: then the
    /// process signals itself.
    ///
    /// A parent outside of the PID namespace has the number 0 before and after its end.
    ///
    /// # Errors
    /// Those of prctl(2) and kill(2); where the parent has ended and this process is an init.
    pub fn arm(&self) -> Result<()> {
        sys::prctl(Prctl::SetParentDeathSignal(self.signal)).step("set the parent-death signal")?;
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
