//! The eight types of namespaces, and how several are entered.

use std::ffi::OsString;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use common::capability::{self, SYS_ADMIN};
use common::{Context, Error, Hint, Result, quote, sys};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sched::{CloneFlags, setns};
use nix::sys::stat::fstat;

use crate::target::Process;

/// A type of namespace.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    pub option: &'static str,
    pub letter: char,
    /// Its file in `/proc/PID`.
    pub file: &'static str,
    /// Its name in messages.
    pub name: &'static str,
    pub flag: CloneFlags,
}

const fn kind(
    option: &'static str,
    letter: char,
    file: &'static str,
    name: &'static str,
    flag: CloneFlags,
) -> Kind {
    Kind { option, letter, file, name, flag }
}

const NEWTIME: CloneFlags = CloneFlags::from_bits_retain(sys::CLONE_NEWTIME);

/// The types in the order of entering. The mount namespace comes late: it changes root and working directory.
pub const KINDS: [Kind; 8] = [
    kind("user", 'U', "ns/user", "user", CloneFlags::CLONE_NEWUSER),
    kind("cgroup", 'C', "ns/cgroup", "cgroup", CloneFlags::CLONE_NEWCGROUP),
    kind("ipc", 'i', "ns/ipc", "IPC", CloneFlags::CLONE_NEWIPC),
    kind("uts", 'u', "ns/uts", "UTS", CloneFlags::CLONE_NEWUTS),
    kind("net", 'n', "ns/net", "network", CloneFlags::CLONE_NEWNET),
    kind("pid", 'p', "ns/pid", "PID", CloneFlags::CLONE_NEWPID),
    kind("mount", 'm', "ns/mnt", "mount", CloneFlags::CLONE_NEWNS),
    kind("time", 'T', "ns/time", "time", NEWTIME),
];

/// The type of a flag.
pub fn kind_of(flag: CloneFlags) -> &'static Kind {
    KINDS.iter().find(|kind| kind.flag == flag).unwrap_or(&KINDS[0])
}

/// The source of a namespace.
#[derive(Debug)]
pub enum Source {
    /// The target process.
    Target,
    /// An open namespace, and its name in messages.
    Open(OwnedFd, OsString),
}

/// A namespace to enter.
#[derive(Debug)]
pub struct Join {
    pub kind: &'static Kind,
    pub source: Source,
}

/// All namespaces to enter.
#[derive(Debug, Default)]
pub struct Joins(Vec<Join>);

impl Joins {
    /// Adds a namespace. It replaces an earlier one of the same type.
    pub fn add(&mut self, kind: &'static Kind, source: Source) {
        self.0.retain(|join| join.kind != kind);
        self.0.push(Join { kind, source });
    }

    /// Opens the namespaces of a target without a pidfd.
    pub fn open(&mut self, process: &Process) -> Result<()> {
        let of_target = |join: &&mut Join| matches!(join.source, Source::Target);
        self.0.iter_mut().filter(of_target).try_for_each(|join| {
            let file = process.open_file(join.kind.file, OFlag::O_RDONLY)?;
            join.source = Source::Open(file, process.path(join.kind.file).into());
            Ok(())
        })
    }

    /// Whether a namespace with this flag will be entered.
    pub fn has(&self, flag: CloneFlags) -> bool {
        self.get(flag).is_some()
    }

    /// The namespace with this flag.
    pub fn get(&self, flag: CloneFlags) -> Option<&Join> {
        self.0.iter().find(|join| join.kind.flag == flag)
    }

    /// The first open namespace.
    pub fn first_open(&self) -> Option<&OwnedFd> {
        self.0.iter().find_map(|join| match &join.source {
            Source::Open(file, _) => Some(file),
            Source::Target => None,
        })
    }

    /// Whether no namespace will be entered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds all namespaces of the target, except those that this process is in already: entering them again fails in a user
    /// namespace, and otherwise needs privileges.
    pub fn add_all(&mut self, process: &Process) -> Result<()> {
        // Without /proc the namespaces cannot be compared.
        process.directory()?;
        for kind in &KINDS {
            let own = Path::new("/proc/self").join(kind.file);
            let Ok(own) = fs::metadata(own) else { continue };
            if !self.has(kind.flag) && !is_same(kind, &own, process)? {
                self.add(kind, Source::Target);
            }
        }
        Ok(())
    }

    /// Enters the PID namespace alone, in which the next child is then born. False where that is not possible from here:
    /// the power over it may come with the user namespace.
    pub fn enter_pid(&mut self, process: Option<&Process>) -> bool {
        let Some(at) = self.0.iter().position(|join| join.kind.flag == CloneFlags::CLONE_NEWPID)
        else {
            return true;
        };
        let entered = self.0[at].enter(process).is_ok();
        if entered {
            self.0.remove(at);
        }
        entered
    }

    /// Enters the namespaces. A caller that loses privileges in the user namespace must enter it last, and a caller that
    /// gains them must enter it first. So the others are tried before it, and those that failed again after it.
    pub fn enter(mut self, process: Option<&Process>) -> Result<()> {
        let with_user = self.has(CloneFlags::CLONE_NEWUSER);
        self.0.sort_by_key(|join| KINDS.iter().position(|kind| kind == join.kind));
        if with_user {
            self.try_target(process, |kind| kind.flag != CloneFlags::CLONE_NEWUSER);
            self.0.retain(|join| {
                join.kind.flag == CloneFlags::CLONE_NEWUSER || join.enter(process).is_err()
            });
        }
        self.try_target(process, |_| true);
        self.0.iter().try_for_each(|join| {
            join.enter(process)
                .context(&format!("enter the {} namespace", join.kind.name), join.path(process))
                .map_err(|error| {
                    error.explain(|error| join.explain(error.errno()?, process, with_user))
                })
        })
    }

    /// Enters those of the target with one call: all of them or none.
    fn try_target(&mut self, process: Option<&Process>, wanted: impl Fn(&Kind) -> bool) {
        let taken = |join: &Join| matches!(join.source, Source::Target) && wanted(join.kind);
        let flags: CloneFlags =
            self.0.iter().filter(|join| taken(join)).map(|join| join.kind.flag).collect();
        let pidfd = process.filter(|_| !flags.is_empty()).and_then(Process::pidfd);
        if pidfd.is_some_and(|pidfd| setns(pidfd, flags).is_ok()) {
            self.0.retain(|join| !taken(join));
        }
    }
}

impl Join {
    fn enter(&self, process: Option<&Process>) -> nix::Result<()> {
        match (&self.source, process) {
            (Source::Open(file, _), _) => setns(file, self.kind.flag),
            (Source::Target, process) => {
                setns(process.and_then(Process::pidfd).ok_or(Errno::ESRCH)?, self.kind.flag)
            }
        }
    }

    fn path(&self, process: Option<&Process>) -> OsString {
        match (&self.source, process) {
            (Source::Open(_, path), _) => path.clone(),
            (Source::Target, Some(process)) => process.path(self.kind.file).into(),
            (Source::Target, None) => OsString::new(),
        }
    }

    /// Looks for the reason of setns(2).
    fn explain(&self, errno: Errno, process: Option<&Process>, with_user: bool) -> Option<String> {
        match errno {
            Errno::EINVAL => self.explain_invalid(process),
            Errno::EPERM => {
                let lost = || if with_user { None } else { self.lost(process) };
                let hint = self.closed(process).or_else(lost).or_else(|| self.filtered());
                Some(hint.unwrap_or_else(|| self.explain_permission(with_user)))
            }
            Errno::ENOSYS => self.filtered(),
            Errno::ESRCH => Some("the process has ended".into()),
            _ => None,
        }
    }

    /// Whether a seccomp filter refuses the call: without one the answer to a descriptor that is not of a namespace is
    /// EINVAL.
    fn filtered(&self) -> Option<String> {
        let root = fs::File::open("/").ok()?;
        let answer = setns(root, self.kind.flag);
        matches!(answer, Err(Errno::EPERM | Errno::ENOSYS)).then(|| {
            "a seccomp filter refuses setns(2), as that of a systemd unit with RestrictNamespaces= does"
                .into()
        })
    }

    /// The hint if this process may not even look at the target.
    fn closed(&self, process: Option<&Process>) -> Option<String> {
        let error = process?.open_file(self.kind.file, OFlag::O_RDONLY).err()?;
        let closed = matches!(self.source, Source::Target) && error.errno() == Some(Errno::EACCES);
        error.hint().filter(|_| closed).map(str::to_owned)
    }

    /// The hint if this process had the capability over the namespace, but has lost it.
    fn lost(&self, process: Option<&Process>) -> Option<String> {
        match &self.source {
            Source::Open(file, _) => capability::lost_over(SYS_ADMIN, file.as_fd()),
            Source::Target => {
                let file = process?.open_file(self.kind.file, OFlag::O_RDONLY).ok()?;
                capability::lost_over(SYS_ADMIN, file.as_fd())
            }
        }
    }

    fn explain_invalid(&self, process: Option<&Process>) -> Option<String> {
        let path = quote(self.path(process));
        let kind = match &self.source {
            Source::Open(file, _) => sys::namespace_type(file.as_fd()),
            Source::Target => Ok(self.kind.flag.bits()),
        };
        match kind {
            Err(_) => return Some(format!("{path} is not a namespace")),
            Ok(flag) if flag != self.kind.flag.bits() => {
                let other = kind_of(CloneFlags::from_bits_retain(flag)).name;
                return Some(format!("{path} is a namespace of another type: {other}"));
            }
            Ok(_) => {}
        }
        match self.kind.flag {
            CloneFlags::CLONE_NEWUSER => {
                Some("this process is in that user namespace already".into())
            }
            CloneFlags::CLONE_NEWPID => {
                Some("a PID namespace can only be entered from one above it".into())
            }
            _ => None,
        }
    }

    /// setns(2), ERRORS.
    fn explain_permission(&self, with_user: bool) -> String {
        let capabilities = match self.kind.flag {
            CloneFlags::CLONE_NEWNS => "CAP_SYS_ADMIN and CAP_SYS_CHROOT",
            _ => "CAP_SYS_ADMIN",
        };
        match self.kind.flag {
            CloneFlags::CLONE_NEWUSER => {
                "this needs the capability CAP_SYS_ADMIN in it: the user that made it has that"
                    .into()
            }
            _ if with_user => format!(
                "this needs {capabilities} over the namespace, and it belongs to another user namespace than the one \
                 that is entered with --user"
            ),
            _ => format!(
                "this needs {capabilities} here and over the namespace: if it belongs to a user namespace of yours, \
                 enter that one too, with --user"
            ),
        }
    }
}

fn is_same(kind: &Kind, own: &fs::Metadata, process: &Process) -> Result<bool> {
    let theirs = process.open_file(kind.file, OFlag::O_PATH)?;
    let theirs = fstat(&theirs).context("open", process.path(kind.file))?;
    Ok((own.dev(), own.ino()) == (theirs.st_dev, theirs.st_ino))
}

/// The user namespace that owns the namespace `file`. The owner of a user namespace is its parent.
pub fn owner(file: &OwnedFd) -> Result<Source> {
    let owner = sys::namespace_owner(file.as_fd())
        .step("find the parent user namespace")
        .hint(explain_owner)?;
    Ok(Source::Open(owner, "the parent".into()))
}

fn explain_owner(error: &Error) -> Option<String> {
    (error.errno() == Some(Errno::EPERM))
        .then(|| "it is above the user namespace of this process".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind() {
        for kind in &KINDS {
            assert_eq!(kind_of(kind.flag), kind);
            let own = fs::File::open(Path::new("/proc/self").join(kind.file)).unwrap();
            assert_eq!(sys::namespace_type(own.as_fd()), Ok(kind.flag.bits()), "{}", kind.option);
            assert_eq!(KINDS.iter().filter(|other| other.letter == kind.letter).count(), 1);
        }
    }

    #[test]
    fn the_later_one_of_a_kind_counts() {
        let mut joins = Joins::default();
        joins.add(&KINDS[1], Source::Target);
        let file = fs::File::open("/proc/self/ns/cgroup").unwrap();
        joins.add(&KINDS[1], Source::Open(file.into(), "x".into()));
        assert_eq!(joins.0.len(), 1);
        assert!(
            joins.first_open().is_some() && joins.has(KINDS[1].flag) && !joins.has(KINDS[0].flag)
        );
    }
}
