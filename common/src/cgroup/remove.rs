//! The end of a cgroup: all that is left in it is killed, and it is removed with those below it.

use std::os::fd::{AsFd, BorrowedFd};
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
    tree::walk(group.as_fd(), look, |_, _| Ok(()))?;
    Ok(holds)
}

/// A cgroup without sub-cgroups has a directory of two links.
fn holds_this_process(group: &Group) -> nix::Result<bool> {
    let own = getpid();
    let mut found = processes(group.as_fd())?.contains(&own);
    if fstat(group)?.st_nlink > 2 {
        tree::walk(
            group.as_fd(),
            |below| {
                found |= processes(below)?.contains(&own);
                Ok(())
            },
            |_, _| Ok(()),
        )?;
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
    let (start, mut pause) = (Instant::now(), Duration::from_millis(1));
    for round in 0.. {
        kill(&left, round > 0);
        let mut reason = Errno::EBUSY;
        left.retain(|group| remove_all(group).inspect_err(|errno| reason = *errno).is_err());
        let Some(group) = left.first() else { break };
        if start.elapsed() > PATIENCE || !matches!(reason, Errno::EBUSY | Errno::ENOTEMPTY) {
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

fn remove_all(group: &Group) -> nix::Result<()> {
    match tree::remove_below(group.as_fd()) {
        Ok(()) | Err(Errno::ENOENT | Errno::ENODEV) => group.remove_empty(),
        Err(errno) => Err(errno),
    }
}

fn who_is_left(group: &Group) -> Option<String> {
    let pid = *processes(group.as_fd()).ok()?.first()?;
    Some(format!("process {pid} is still in it"))
}

/// Processes that make others faster than these are found are held still meanwhile, where there is a freezer.
fn kill(groups: &[&Group], freeze: bool) {
    for group in groups {
        if freeze && group.write("freezer.state", b"FROZEN").is_ok() {
            wait_until_frozen(group);
        }
    }
    for group in groups {
        if group.write("cgroup.kill", b"1").is_err() {
            let _ = tree::walk(group.as_fd(), kill_in, |_, _| Ok(()));
        }
    }
    // What is frozen does not end. One below that was frozen by itself stays so.
    for group in groups {
        let thaw = |below: BorrowedFd| {
            let _ = write_file(below, "freezer.state", b"THAWED");
            Ok(())
        };
        let _ = tree::walk(group.as_fd(), thaw, |_, _| Ok(()));
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

/// A process that cannot be killed is found again when its cgroup cannot be removed.
fn kill_in(directory: BorrowedFd) -> nix::Result<()> {
    let own = getpid();
    for pid in processes(directory)?.into_iter().filter(|pid| *pid != own) {
        let _ = sys::kill(pid, libc::SIGKILL);
    }
    Ok(())
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
