//! The child that becomes COMMAND, and the parent that waits for it and ends as it ended.

use std::os::fd::OwnedFd;

use common::sys::{self, Disposition};
use common::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, getpid, pipe2, read};

/// What `--forward-signals` hands on.
const FORWARDED: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

/// How COMMAND's process is watched.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// The signal that the child gets when the parent dies.
    pub kill_child: Option<i32>,
    pub forward_signals: bool,
}

/// Which of the two a process is after the fork.
#[derive(Debug)]
pub enum Side {
    /// The parent, with the status to exit with.
    Parent(u8),
    Child(Tie),
}

/// The child's tie to its parent.
#[derive(Debug, Default)]
pub struct Tie(Option<(i32, OwnedFd)>);

impl Tie {
    /// Arms the parent-death signal. This comes last in the set-up, since the kernel disarms it at
    /// every change of credentials (prctl(2), PR_SET_PDEATHSIG).
    pub fn arm(self) -> Result<()> {
        let Some((signal, parent)) = self.0 else { return Ok(()) };
        sys::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong, 0)
            .step("arm the parent-death signal")?;
        // A parent that died before that sends nothing, but its end of the pipe is closed.
        if read(&parent, &mut [0]) == Ok(0) {
            end_by(signal);
        }
        Ok(())
    }
}

/// What the caller had, to be given back to COMMAND.
struct Inherited {
    mask: SigSet,
    sigchld: Disposition,
}

impl Watch {
    /// Forks. The parent comes back when the child has ended.
    pub fn fork(&self) -> Result<Side> {
        let pipe = match self.kill_child {
            Some(_) => Some(pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).step("make a pipe")?),
            None => None,
        };
        let inherited = self.hold_signals()?;
        match sys::fork().step("fork")? {
            ForkResult::Parent { child } => self.wait(child).map(Side::Parent),
            ForkResult::Child => {
                inherited.restore()?;
                Ok(Side::Child(Tie(self.kill_child.zip(pipe.map(|(parent, _)| parent)))))
            }
        }
    }

    /// The signals that must not end the parent wait from now on, so that none is lost between the
    /// fork and the wait. Where SIGCHLD is ignored the kernel keeps no status for wait(2).
    fn hold_signals(&self) -> Result<Inherited> {
        let sigchld =
            sys::set_disposition(libc::SIGCHLD, Disposition::Default).step("reset SIGCHLD")?;
        let mask = self.held().thread_swap_mask(SigmaskHow::SIG_BLOCK).step("block signals")?;
        Ok(Inherited { mask, sigchld })
    }

    fn held(&self) -> SigSet {
        match self.forward_signals {
            true => FORWARDED.into_iter().chain([Signal::SIGCHLD]).collect(),
            false => [Signal::SIGINT, Signal::SIGTERM].into_iter().collect(),
        }
    }

    fn wait(&self, child: Pid) -> Result<u8> {
        loop {
            match self.next_status(child) {
                Ok(WaitStatus::Exited(_, status)) => return Ok(status as u8),
                Ok(WaitStatus::Signaled(_, signal, _)) => return Ok(end_by(signal as i32)),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).step("wait for the child"),
            }
        }
    }

    fn next_status(&self, child: Pid) -> nix::Result<WaitStatus> {
        if !self.forward_signals {
            return waitpid(child, None);
        }
        match self.held().wait()? {
            Signal::SIGCHLD => waitpid(child, Some(WaitPidFlag::WNOHANG)),
            signal => sys::kill(child, signal as i32).map(|()| WaitStatus::StillAlive),
        }
    }
}

impl Inherited {
    fn restore(&self) -> Result<()> {
        if self.sigchld == Disposition::Ignore {
            sys::set_disposition(libc::SIGCHLD, self.sigchld).step("restore SIGCHLD")?;
        }
        self.mask.thread_set_mask().step("restore the signal mask")
    }
}

/// Ends this process by a signal, as its child was, without a second core dump. Comes back with the
/// shell's status for it where the kernel does not let the signal through, as for the pid 1 of a namespace.
fn end_by(signal: i32) -> u8 {
    let _ = sys::prctl(libc::PR_SET_DUMPABLE, 0, 0);
    let _ = sys::set_disposition(signal, Disposition::Default);
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = SigSet::from(signal).thread_unblock();
    }
    let _ = sys::kill(getpid(), signal);
    (128 + signal) as u8
}
