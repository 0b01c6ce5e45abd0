//! A new process in cgroups of its own from its first moment on.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::CloneFlags;
use nix::unistd::{Pid, write};

use super::group::{Group, Version};
use crate::error::{Error, Result};
use crate::sys;

/// What a new process needs to be in cgroups, one of each hierarchy: opened by the process that starts it, whose
/// permissions count.
#[derive(Debug)]
pub struct Entry<'a> {
    /// That of version 2, into which a process can be born.
    unified: Option<&'a Group>,
    /// The others, with the file through which each is joined.
    others: Vec<(&'a Group, OwnedFd)>,
    /// Whether that of version 2 is joined like the others.
    by_hand: Cell<bool>,
}

impl<'a> Entry<'a> {
    /// Of two cgroups where one is below the other, the process is in that one.
    ///
    /// # Errors
    /// Where a file of a cgroup cannot be opened, and where two cgroups are of version 2.
    pub fn new(groups: &'a [Group]) -> Result<Self> {
        let is_lowest = |group: &&Group| !groups.iter().any(|other| other.is_below(group));
        let (unified, others): (Vec<_>, Vec<_>) =
            groups.iter().filter(is_lowest).partition(|group| group.version() == Version::Two);
        if let [_, second, ..] = unified[..] {
            let reason = "a process can be in one cgroup of version 2 alone";
            return Err(Error::because("join the cgroup", second.path(), reason));
        }
        let others = others.into_iter().map(open).collect::<Result<_>>()?;
        Ok(Self { unified: unified.first().copied(), others, by_hand: Cell::new(false) })
    }

    /// Starts `child` with `start`, in the cgroup that it is given.
    ///
    /// # Errors
    /// Those of `start`.
    pub fn start(&self, namespaces: CloneFlags, child: impl FnOnce() -> u8) -> nix::Result<Pid> {
        let mut child = Some(child);
        if let Some(group) = self.unified {
            match sys::clone_into(group.as_fd(), namespaces, &mut child) {
                // Before Linux 5.7, and where a filter forbids clone3(2).
                Err(Errno::ENOSYS | Errno::E2BIG | Errno::EINVAL) => self.by_hand.set(true),
                started => return started,
            }
        }
        let child = || child.take().map_or(1, |child| child());
        sys::fork_into(namespaces, child)
    }

    /// Joins the cgroups that this process, which [`Self::start`] has started, was not born into. It must have one
    /// thread.
    ///
    /// # Errors
    /// As [`Group::join`].
    pub fn join(&self) -> Result<()> {
        if let Some(group) = self.unified.filter(|_| self.by_hand.get()) {
            group.join().map_err(|errno| refused(group, errno))?;
        }
        for (group, tasks) in &self.others {
            enter(tasks.as_fd()).map_err(|errno| refused(group, errno))?;
        }
        Ok(())
    }

    /// What [`Self::start`] has failed with, where a cgroup was the cause.
    #[must_use]
    pub fn failure(&self, errno: Errno) -> Option<Error> {
        let group = self.unified.filter(|_| !self.by_hand.get())?;
        let of_a_cgroup =
            [Errno::EACCES, Errno::EBUSY, Errno::ENODEV, Errno::EOPNOTSUPP, Errno::EAGAIN];
        of_a_cgroup.contains(&errno).then(|| refused(group, errno))
    }
}

fn open(group: &Group) -> Result<(&Group, OwnedFd)> {
    let file = group.open_file(group.entrance(), OFlag::O_WRONLY);
    Ok((group, file.map_err(|errno| refused(group, errno))?))
}

fn enter(file: BorrowedFd) -> nix::Result<()> {
    write(file, b"0").map(drop)
}

/// A cgroup that was not joined, and why.
#[must_use]
pub fn refused(group: &Group, errno: Errno) -> Error {
    Error::new("join the cgroup", group.path(), errno).explain(|_| explain(group, errno))
}

fn explain(group: &Group, errno: Errno) -> Option<String> {
    let number =
        |name: &str| Some(String::from_utf8(group.read(name).ok()?).ok()?.trim().to_owned());
    match errno {
        Errno::EAGAIN => {
            let limit = number("pids.max").filter(|limit| limit != "max")?;
            Some(format!("its pids.max is {limit}, and it holds {} already", number("pids.current")?))
        }
        Errno::EBUSY => Some(
            "its controllers are enabled for sub-cgroups (cgroup.subtree_control), so that it can hold no process itself"
                .into(),
        ),
        Errno::EOPNOTSUPP => Some(format!("its cgroup.type is '{}'", number("cgroup.type")?)),
        Errno::ENOSPC => ["cpuset.cpus", "cpuset.mems"]
            .into_iter()
            .find(|name| number(name).is_some_and(|value| value.is_empty()))
            .map(|name| format!("its {name} is empty: a process there could not run")),
        Errno::EACCES | Errno::EPERM => Some(
            "the caller may not write to it, or to the cgroup that it has in common with the caller's own; a cgroup that \
             is the user's own is made by: systemd-run --user --scope -p Delegate=yes"
                .into(),
        ),
        _ => None,
    }
}
