//! Signals: held back by a process that waits for a child, and handed on to it.

use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::{Pid, getpgid, getpgrp};

use crate::error::{Context, Result};
use crate::sys::{self, Arrived, Change, Disposition};

/// The signals that are handed on.
const FORWARDED: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// What a held signal says.
#[derive(Debug)]
pub enum Event {
    /// Some child has ended, or has stopped or gone on.
    ChildChanged,
    /// A signal to hand on.
    Signal(Arrived),
}

/// Signals that are held back, and what the caller had, to be given to COMMAND unchanged.
#[derive(Debug)]
pub struct Held {
    signals: SigSet,
    mask: SigSet,
    sigchld: Disposition,
}

impl Held {
    /// Holds none, but SIGCHLD is not ignored any more.
    ///
    /// # Errors
    /// As [`Self::for_waiting`].
    pub fn none() -> Result<Self> {
        Self::new([])
    }

    /// Holds SIGINT and SIGTERM, which a terminal or a service manager sends: this process goes on waiting.
    ///
    /// # Errors
    /// Those of sigprocmask(2), which has none for these signals.
    pub fn for_waiting() -> Result<Self> {
        Self::new([Signal::SIGINT, Signal::SIGTERM])
    }

    /// Holds the signals to hand on, one `more`, and SIGCHLD, which would otherwise not wake a process that waits for
    /// signals.
    ///
    /// # Errors
    /// As [`Self::for_waiting`].
    pub fn for_handing_on(more: Option<i32>) -> Result<Self> {
        let more = more.and_then(|signal| Signal::try_from(signal).ok());
        Self::new(FORWARDED.into_iter().chain([Signal::SIGCHLD]).chain(more))
    }

    /// Where SIGCHLD is ignored the kernel keeps no status for wait(2), so it is not.
    fn new(signals: impl IntoIterator<Item = Signal>) -> Result<Self> {
        let sigchld =
            sys::set_disposition(libc::SIGCHLD, Disposition::Default).step("reset SIGCHLD")?;
        let signals: SigSet = signals.into_iter().collect();
        let mask = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK).step("hold signals")?;
        Ok(Self { signals, mask, sigchld })
    }

    /// Waits for the next of them.
    ///
    /// # Errors
    /// EINTR.
    pub fn next(&self) -> nix::Result<Event> {
        let arrived = sys::wait_signal(&self.signals)?;
        Ok(match arrived.signal {
            libc::SIGCHLD => Event::ChildChanged,
            _ => Event::Signal(arrived),
        })
    }

    /// Waits for a change of the child. A signal that comes before is handed on to it, and gives `None`. Other children
    /// are reaped.
    ///
    /// # Errors
    /// EINTR, ECHILD where there is no such child.
    pub fn next_change(&self, child: Pid) -> nix::Result<Option<Change>> {
        match self.next()? {
            Event::ChildChanged => {
                sys::reap_others(child);
                sys::wait_change(child, false)
            }
            Event::Signal(arrived) => {
                hand_on(arrived, child);
                Ok(None)
            }
        }
    }

    /// Gives back what the caller had. Neither step can fail: both values came from the kernel.
    pub fn restore(&self) {
        if self.sigchld == Disposition::Ignore {
            let _ = sys::set_disposition(libc::SIGCHLD, self.sigchld);
        }
        let _ = self.mask.thread_set_mask();
    }
}

/// Sends the child a signal that came in. What a terminal sends reaches the whole process group,
/// and a second time would not be what the user typed. Where the child has ended, so will this process.
pub fn hand_on(arrived: Arrived, child: Pid) {
    let has_it = arrived.from_kernel && getpgid(Some(child)) == Ok(getpgrp());
    if !has_it {
        let _ = sys::kill(child, arrived.signal);
    }
}
