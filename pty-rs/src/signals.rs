//! Signals, held back and read one by one: no handler of ours ever runs.

use std::os::fd::{AsFd, BorrowedFd};

use common::sys::{self, Arrived, Disposition};
use common::{Context, Result};
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::unistd::getpid;

/// Not held back: the stops of a process that uses the terminal from the background. A fault of our own
/// ends this process, held back or not.
const LEFT_ALONE: [Signal; 2] = [Signal::SIGTTIN, Signal::SIGTTOU];

/// The signals that are held back, and what the caller had, to be given to COMMAND unchanged.
#[derive(Debug)]
pub struct Held {
    queue: SignalFd,
    signals: SigSet,
    mask: SigSet,
    sigchld: Disposition,
}

impl Held {
    /// Where SIGCHLD is ignored the kernel keeps no status for wait(2), so it is not. A held SIGPIPE
    /// leaves EPIPE of write(2), which is acted on there.
    pub fn new() -> Result<Self> {
        let sigchld =
            sys::set_disposition(libc::SIGCHLD, Disposition::Default).step("reset SIGCHLD")?;
        let mut signals = SigSet::all();
        LEFT_ALONE.iter().for_each(|&signal| signals.remove(signal));
        let mask = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK).step("hold signals")?;
        let mut queued = signals;
        queued.remove(Signal::SIGPIPE);
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let queue = SignalFd::with_flags(&queued, flags).step("queue signals")?;
        Ok(Self { queue, signals, mask, sigchld })
    }

    pub fn next(&self) -> Option<Arrived> {
        let info = self.queue.read_signal().ok()??;
        let from_kernel = info.ssi_code == libc::SI_KERNEL;
        Some(Arrived { signal: info.ssi_signo as i32, from_kernel })
    }

    /// For the child. Neither step can fail: both are given back what the kernel gave.
    pub fn restore(&self) {
        if self.sigchld == Disposition::Ignore {
            let _ = sys::set_disposition(libc::SIGCHLD, self.sigchld);
        }
        let _ = self.mask.thread_set_mask();
    }

    /// Lets a signal do to this process what it does by default. Comes back where it was stopped and
    /// goes on, or the caller had the signal ignored.
    pub fn let_through(&self, signal: i32) {
        let _ = sys::kill(getpid(), signal);
        let _ = sys::unblock(signal);
        let _ = self.signals.thread_block();
    }
}

impl AsFd for Held {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.queue.as_fd()
    }
}
