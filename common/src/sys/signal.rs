//! Signals: dispositions, the mask, sending and waiting.

use std::ffi::c_int;

use nix::errno::Errno;
use nix::sys::signal::SigSet;
use nix::unistd::Pid;

/// The signals of the kernel: two more than the C library lets a program name.
const SIGNALS: c_int = 64;

/// What a process does on a signal that it does not handle: all of a disposition that execve(2) keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// `SIG_DFL`.
    Default,
    /// `SIG_IGN`.
    Ignore,
}

/// sigaction(2): sets a signal's disposition and gives what it was. A tool installs no handlers, so
/// that "ignored" and "default" are all there can be.
///
/// # Errors
/// EINVAL for SIGKILL, SIGSTOP and numbers that are not signals.
pub fn set_disposition(signal: c_int, disposition: Disposition) -> nix::Result<Disposition> {
    let handler = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignore => libc::SIG_IGN,
    };
    // SAFETY: neither disposition runs code of ours.
    match unsafe { libc::signal(signal, handler) } {
        libc::SIG_ERR => Err(Errno::last()),
        libc::SIG_IGN => Ok(Disposition::Ignore),
        _ => Ok(Disposition::Default),
    }
}

/// Takes a signal, which may be a real-time one, out of this process's mask.
///
/// # Errors
/// EINVAL for a number that is not a signal.
pub fn unblock(signal: c_int) -> nix::Result<()> {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset makes the set, and sigprocmask reads it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        Errno::result(libc::sigaddset(set.as_mut_ptr(), signal))?;
        Errno::result(libc::sigprocmask(libc::SIG_UNBLOCK, set.as_ptr(), std::ptr::null_mut()))
            .map(drop)
    }
}

/// kill(2) with any signal, the real-time ones too.
///
/// # Errors
/// Those of kill(2).
pub fn kill(pid: Pid, signal: c_int) -> nix::Result<()> {
    // SAFETY: kill takes numbers.
    Errno::result(unsafe { libc::kill(pid.as_raw(), signal) }).map(drop)
}

/// A signal that was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Its number.
    pub signal: c_int,
    /// Whether the kernel sent it, as a terminal's driver does to a whole process group, and not a
    /// process.
    pub from_kernel: bool,
}

/// sigwaitinfo(2): the next of these signals, all of which are blocked.
///
/// # Errors
/// EINTR.
pub fn wait_signal(signals: &SigSet) -> nix::Result<Arrived> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the kernel writes one siginfo_t; of zeros it is valid too.
    unsafe {
        let signal = Errno::result(libc::sigwaitinfo(signals.as_ref(), info.as_mut_ptr()))?;
        Ok(Arrived { signal, from_kernel: info.assume_init().si_code == libc::SI_KERNEL })
    }
}

/// rt_sigaction(2): sets all signals to their default. The C library keeps two for itself, which the caller may
/// ignore all the same.
pub fn reset_dispositions() {
    // In every architecture's `struct sigaction` zeros are SIG_DFL, no flags and an empty mask.
    let default = [0_u64; 8];
    for signal in 1..=SIGNALS {
        // SAFETY: the kernel reads one struct sigaction, which is no larger than this; the disposition runs no
        // code of ours. SIGKILL and SIGSTOP give EINVAL.
        unsafe {
            libc::syscall(
                libc::SYS_rt_sigaction,
                signal,
                default.as_ptr(),
                std::ptr::null_mut::<u64>(),
                size_of::<u64>(),
            );
        }
    }
}
