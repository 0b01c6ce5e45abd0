//! The ends of children: waitpid(2), waitid(2).

use std::ffi::c_int;

use nix::errno::Errno;
use nix::unistd::Pid;

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Exit(u8),
    /// By this signal, which may be a real-time one.
    Signal(c_int),
}

/// waitpid(2) for any child: which one has ended, and how; `None` where none has yet.
///
/// # Errors
/// ECHILD where there is no child.
pub fn reap() -> nix::Result<Option<(Pid, End)>> {
    let reaped = waitpid(-1, libc::WNOHANG)?;
    Ok(reaped.map(|(pid, status)| (Pid::from_raw(pid), end(status))))
}

/// Reaps the children that have ended, up to `child`, whose end is left to be waited for. A shell that wrote a long
/// here-document leaves its writer to the program that it becomes.
pub fn reap_others(child: Pid) {
    while let Some(pid) = ended_child() {
        if pid == child.as_raw() || waitpid(pid, libc::WNOHANG).is_err() {
            return;
        }
    }
}

/// One that has ended, and is still to be waited for.
fn ended_child() -> Option<c_int> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: all bytes of this structure may be zero, and the kernel fills it in where a child has ended.
    let (result, pid) = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        (libc::waitid(libc::P_ALL, 0, &raw mut info, options), info.si_pid())
    };
    (result == 0 && pid != 0).then_some(pid)
}

/// How a child goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has ended.
    Ended(End),
    /// It was stopped by a signal.
    Stopped,
}

/// waitpid(2) for the end or a stop of the child `pid`. With `block` it waits for that, without it gives
/// `None` where there was neither yet.
///
/// # Errors
/// ECHILD where there is no such child, EINTR.
pub fn wait_change(pid: Pid, block: bool) -> nix::Result<Option<Change>> {
    let options = libc::WUNTRACED | if block { 0 } else { libc::WNOHANG };
    Ok(waitpid(pid.as_raw(), options)?.map(|(_, status)| match libc::WIFSTOPPED(status) {
        true => Change::Stopped,
        false => Change::Ended(end(status)),
    }))
}

/// Which child has changed, and its status in the kernel's form.
fn waitpid(pid: c_int, options: c_int) -> nix::Result<Option<(c_int, c_int)>> {
    let mut status = 0;
    // SAFETY: the kernel writes one int, which outlives the call.
    let pid = Errno::result(unsafe { libc::waitpid(pid, &raw mut status, options) })?;
    Ok((pid != 0).then_some((pid, status)))
}

fn end(status: c_int) -> End {
    match libc::WIFSIGNALED(status) {
        true => End::Signal(libc::WTERMSIG(status)),
        false => End::Exit(libc::WEXITSTATUS(status) as u8),
    }
}
