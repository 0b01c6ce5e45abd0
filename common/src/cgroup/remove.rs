//! The end of a cgroup: all that is left in it is killed, and it is removed with those below it.

use std::collections::BTreeSet;
use std::ffi::c_int;
use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{OFlag, openat};
use nix::libc;
use nix::sys::stat::{Mode, fstat};
use nix::unistd::{Pid, getpid, write};

use super::group::{Group, read_all};
use super::tree;
use crate::error::{Error, Result};
use crate::sys;

/// A process may be in a system call that no signal ends for a while.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long is looked for one process.
const GLANCE: Duration = Duration::from_secs(1);

/// The pauses between tries grow up to this.
const LONGEST_PAUSE: Duration = Duration::from_millis(32);

/// How often a look is taken whether all processes are frozen.
const LOOKS: usize = 20;

/// Whether the removal of this cgroup would hit this process itself.
///
/// # Errors
/// Where this process is in it, or in one below it.
pub fn check(group: &Group) -> Result<()> {
    match holds_this_process(group) {
        Ok(false) => Ok(()),
        Ok(true) => Err(failure(group, None)),
        Err(errno) => Err(failure(group, Some(errno))),
    }
}

fn failure(group: &Group, errno: Option<Errno>) -> Error {
    const STEP: &str = "remove the cgroup";
    match errno {
        Some(errno) => Error::new(STEP, group.path(), errno),
        None => Error::because(STEP, group.path(), "this process is in it"),
    }
}

/// Whether there is a process in it, or in one below it.
///
/// # Errors
/// Those of openat(2) and read(2).
pub fn holds_processes(group: &Group) -> nix::Result<bool> {
    let mut holds = false;
    let look = |below: BorrowedFd| {
        holds |= !list_of(below)?.is_empty();
        Ok(())
    };
    tree::walk(group.as_fd(), deadline(), look, |_, _| Ok(()))?;
    Ok(holds)
}

/// A cgroup without sub-cgroups has a directory of two links. Who makes cgroups there without an end does not keep it
/// from being removed: this process is not deep in such a tree.
fn holds_this_process(group: &Group) -> nix::Result<bool> {
    let own = getpid();
    let mut found = processes(group.as_fd())?.contains(&own);
    if fstat(group)?.st_nlink > 2 {
        let look = |below: BorrowedFd| {
            found |= processes(below)?.contains(&own);
            Ok(())
        };
        match tree::walk(group.as_fd(), Instant::now() + GLANCE, look, |_, _| Ok(())) {
            Ok(()) | Err(Errno::ETIME) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(found)
}

/// Kills what is left in these cgroups, each one of another hierarchy, and removes them. This process is spared.
///
/// # Errors
/// Where this process is in one of them; where one still holds a process after ten seconds, or may not be removed.
pub fn remove(groups: &[Group]) -> Result<()> {
    let is_left = |group: &&Group| !matches!(group.remove_empty(), Ok(()));
    let mut left: Vec<_> = groups.iter().filter(is_left).collect();
    if left.is_empty() {
        return Ok(());
    }
    left.iter().try_for_each(|group| check_again(group))?;
    let (deadline, mut pause) = (deadline(), Duration::from_millis(1));
    for round in 0.. {
        kill_all(&left, round > 0, deadline);
        let mut reason = Errno::EBUSY;
        let mut is_left = |group: &Group| {
            remove_all(group, deadline).inspect_err(|errno| reason = *errno).is_err()
        };
        left.retain(|group| is_left(group));
        let Some(group) = left.first() else { break };
        if Instant::now() > deadline || !matches!(reason, Errno::EBUSY | Errno::ENOTEMPTY) {
            return Err(failure(group, Some(reason)).explain(|_| who_is_left(group)));
        }
        sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
    Ok(())
}

/// One that has gone meanwhile holds nothing.
fn check_again(group: &Group) -> Result<()> {
    match check(group) {
        Err(error) if matches!(error.errno(), Some(Errno::ENODEV | Errno::ENOENT)) => Ok(()),
        checked => checked,
    }
}

fn deadline() -> Instant {
    Instant::now() + PATIENCE
}

fn remove_all(group: &Group, deadline: Instant) -> nix::Result<()> {
    match tree::remove_below(group.as_fd(), deadline) {
        Ok(()) | Err(Errno::ENOENT | Errno::ENODEV) => group.remove_empty(),
        Err(errno) => Err(errno),
    }
}

/// The first process that is found in it or below it.
fn who_is_left(group: &Group) -> Option<String> {
    let mut found = None;
    let look = |below: BorrowedFd| {
        found = processes(below)?.first().copied();
        found.map_or(Ok(()), |_| Err(Errno::EBUSY))
    };
    let _ = tree::walk(group.as_fd(), Instant::now() + GLANCE, look, |_, _| Ok(()));
    let pid = found?;
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    Some(format!("process {pid} ({}) is still in it", name.trim_end()))
}

/// Sends a signal to all processes in these cgroups and below them, each once, but for this one. One that is frozen is
/// thawed where the signal is SIGKILL.
///
/// # Errors
/// Where a process cannot be signalled, and where a cgroup cannot be read.
pub fn kill(groups: &[Group], signal: c_int) -> Result<()> {
    let all: Vec<_> = groups.iter().collect();
    if signal == libc::SIGKILL {
        kill_all(&all, true, deadline());
    }
    let mut done = BTreeSet::new();
    for group in groups {
        let mut reason = None;
        let send = |below: BorrowedFd| {
            signal_in(below, signal, &mut done).map_err(|(pid, errno)| {
                reason = pid;
                errno
            })
        };
        let sent = tree::walk(group.as_fd(), deadline(), send, |_, _| Ok(()));
        sent.or_else(is_gone).map_err(|errno| match reason {
            Some(pid) => Error::new("signal the process", pid.to_string(), errno),
            None => Error::new("signal the processes of the cgroup", group.path(), errno),
        })?;
    }
    Ok(())
}

fn is_gone(errno: Errno) -> nix::Result<()> {
    match errno {
        Errno::ENOENT | Errno::ENODEV => Ok(()),
        errno => Err(errno),
    }
}

/// Processes that make others faster than these are found are held still meanwhile, where there is a freezer.
fn kill_all(groups: &[&Group], freeze: bool, deadline: Instant) {
    for group in groups {
        if freeze && group.write("freezer.state", b"FROZEN").is_ok() {
            wait_until_frozen(group);
        }
    }
    let mut done = BTreeSet::new();
    for group in groups {
        if group.write("cgroup.kill", b"1").is_err() {
            // A process that cannot be killed is found again when its cgroup cannot be removed.
            let kill = |below: BorrowedFd| {
                let _ = signal_in(below, libc::SIGKILL, &mut done);
                Ok(())
            };
            let _ = tree::walk(group.as_fd(), deadline, kill, |_, _| Ok(()));
        }
    }
    // What is frozen does not end. One below that was frozen by itself stays so.
    for group in groups {
        let thaw = |below: BorrowedFd| {
            let _ = write_file(below, "freezer.state", b"THAWED");
            Ok(())
        };
        let _ = tree::walk(group.as_fd(), deadline, thaw, |_, _| Ok(()));
    }
}

fn wait_until_frozen(group: &Group) {
    for _ in 0..LOOKS {
        match group.read("freezer.state") {
            Ok(state) if state.starts_with(b"FREEZING") => sleep(Duration::from_millis(1)),
            _ => return,
        }
    }
}

/// Signals the processes of one cgroup that are not among `done`. Each is held first, and then looked for once more: one
/// that has got the number of another meanwhile is in another cgroup.
fn signal_in(
    directory: BorrowedFd,
    signal: c_int,
    done: &mut BTreeSet<Pid>,
) -> Result<(), (Option<Pid>, Errno)> {
    /// As many as are held at a time.
    const BATCH: usize = 256;
    let list = || processes(directory).map_err(|errno| (None, errno));
    done.insert(getpid());
    let found: Vec<_> = list()?.into_iter().filter(|pid| done.insert(*pid)).collect();
    for batch in found.chunks(BATCH) {
        let held: Vec<_> = batch.iter().map(|&pid| (pid, hold(pid))).collect();
        let still: BTreeSet<_> = list()?.into_iter().collect();
        for (pid, process) in held.iter().filter(|(pid, _)| still.contains(pid)) {
            let sent = process
                .as_ref()
                .map_err(|errno| *errno)
                .and_then(|process| sys::pidfd_send_signal(process.as_fd(), signal));
            match sent {
                Ok(()) | Err(Errno::ESRCH) => {}
                Err(errno) => return Err((Some(*pid), errno)),
            }
        }
    }
    Ok(())
}

/// A threaded cgroup lists threads.
fn hold(pid: Pid) -> nix::Result<OwnedFd> {
    match sys::pidfd_open(pid, 0) {
        Err(Errno::EINVAL | Errno::ENOENT) => sys::pidfd_open(thread_group(pid)?, 0),
        held => held,
    }
}

/// The process that a thread belongs to (proc(5), status).
fn thread_group(thread: Pid) -> nix::Result<Pid> {
    let text = fs::read_to_string(format!("/proc/{thread}/status")).map_err(|_| Errno::ESRCH)?;
    let number = text.lines().find_map(|line| line.strip_prefix("Tgid:"));
    let number = number.and_then(|number| number.trim().parse().ok());
    number.map(Pid::from_raw).ok_or(Errno::ESRCH)
}

/// Those that this PID namespace knows; the others are listed as 0, which kill(2) would take for this process's group.
fn processes(directory: BorrowedFd) -> nix::Result<Vec<Pid>> {
    let list = list_of(directory)?;
    let pids = list
        .split(|&byte| byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok()?.parse().ok());
    Ok(pids.filter(|&pid: &i32| pid > 0).map(Pid::from_raw).collect())
}

/// Of a threaded cgroup the kernel lists threads alone.
fn list_of(directory: BorrowedFd) -> nix::Result<Vec<u8>> {
    match read_file(directory, "cgroup.procs") {
        Err(Errno::EOPNOTSUPP) => read_file(directory, "cgroup.threads"),
        list => list,
    }
}

fn read_file(directory: BorrowedFd, name: &str) -> nix::Result<Vec<u8>> {
    read_all(&openat(directory, name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?)
}

fn write_file(directory: BorrowedFd, name: &str, text: &[u8]) -> nix::Result<()> {
    let file = openat(directory, name, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    write(file, text).map(drop)
}
