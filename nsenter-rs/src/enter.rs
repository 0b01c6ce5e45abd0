//! The whole sequence of steps, up to COMMAND.

use std::ffi::{OsStr, OsString, c_int};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use common::cgroup::entry::Entry as CgroupEntry;
use common::cgroup::group::Group;
use common::death_signal::DeathSignal;
use common::record::Record;
use common::sysctl::{Sysctl, Sysctls};
use common::target::Target;
use common::tree::remove_if_fails;
use common::{Command, Context, Error, Hint, Result};
use common::{capability, denied, error, quote, sys, toolbox};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};

use nix::sched::CloneFlags;
use nix::sys::stat::Mode;
use nix::unistd::{chroot, fchdir, setgroups};

use crate::by_id;
use crate::cgroups;
use crate::child::{Watch, Work};
use crate::credentials::{Credentials, Id};
use crate::namespaces::{Joins, KINDS, Kind, Source, kind_of, owner};
use crate::target::{Process, follow_label};

const NOT_FOUND: &str = "it is looked up in the entered root: --carry executes a statically linked program of the caller's";

/// A directory that is opened before any namespace is entered.
#[derive(Debug, PartialEq, Eq)]
pub enum Directory {
    /// The directory of the target.
    Target,
    /// The directory with this path.
    Path(OsString),
}

/// The meaning of the command line.
#[derive(Debug)]
pub struct Entry {
    pub target: Option<Target>,
    pub all: bool,
    /// The requested types, with the file if one was given.
    pub namespaces: Vec<(&'static Kind, Option<OsString>)>,
    pub net_socket: Option<c_int>,
    pub user_parent: bool,
    pub credentials: Credentials,
    pub preserve_credentials: bool,
    pub root: Option<Directory>,
    /// The root as a path in the entered mount namespace.
    pub root_inside: Option<OsString>,
    pub directory: Option<Directory>,
    /// The working directory as a path in the new root.
    pub directory_inside: Option<OsString>,
    pub environment: bool,
    pub sysctls: Vec<Sysctl>,
    pub no_fork: bool,
    pub new_session: bool,
    /// The start time of the target.
    pub start: Option<u64>,
    /// The directory that is removed if this process fails before it becomes COMMAND.
    pub remove_on_failure: Option<OsString>,
    pub failure_status: Option<u8>,
    /// Whether this process ends when COMMAND has started.
    pub detach: bool,
    pub record: Record,
    pub join_cgroup: bool,
    pub follow_context: bool,
    pub carry: bool,
    pub command: Command,
}

/// Everything that is looked up and opened before anything changes.
struct Opened {
    process: Option<Process>,
    joins: Joins,
    root: Option<OwnedFd>,
    directory: Option<OwnedFd>,
    cgroups: Vec<Group>,
    environment: Option<Vec<(OsString, OsString)>>,
    label: Option<Vec<u8>>,
}

impl Entry {
    /// Enters the namespaces. Becomes COMMAND, or waits for the child that does.
    pub fn run(mut self) -> Result<u8> {
        let (status, doomed) = (self.failure_status, self.remove_on_failure.take());
        remove_if_fails(doomed.as_deref(), || self.carry_out())
            .map_err(|error| error.with_failure_status(status))
    }

    fn carry_out(mut self) -> Result<u8> {
        if self.carry {
            self.command = self.command.carry()?;
        }
        let opened = self.open()?;
        let sysctls = Sysctls::open(&self.sysctls)?;
        match self.forks(&opened) {
            true => self.run_child(opened, sysctls),
            false => self.become_command(opened, sysctls),
        }
    }

    fn forks(&self, opened: &Opened) -> bool {
        let enters_pid = opened.joins.has(CloneFlags::CLONE_NEWPID);
        self.new_session || self.detach || self.record.is_wanted() || enters_pid && !self.no_fork
    }

    fn become_command(&self, opened: Opened, sysctls: Sysctls) -> Result<u8> {
        let death_signal = DeathSignal::to_keep()?;
        cgroups::join(&opened.cgroups)?;
        let mut steps = Steps::new(self, opened, sysctls);
        steps.enter()?;
        steps.take_credentials()?;
        death_signal.map_or(Ok(()), |signal| signal.arm())?;
        steps.set_up()?;
        Err(steps.exec())
    }

    /// This process stays outside. It enters only the PID namespace, which applies to its children alone.
    fn run_child(&self, mut opened: Opened, sysctls: Sysctls) -> Result<u8> {
        self.record.check()?;
        toolbox::close_to_others().step("close this process to others")?;
        let intermediate = !opened.joins.enter_pid(opened.process.as_ref());
        let groups = std::mem::take(&mut opened.cgroups);
        let entry = (!groups.is_empty()).then(|| CgroupEntry::new(&groups)).transpose()?;
        let Self { new_session, detach, failure_status, ref record, .. } = *self;
        let entry = entry.as_ref();
        let watch = Watch { entry, new_session, detach, record, intermediate, failure_status };
        watch.run(Steps::new(self, opened, sysctls))
    }

    fn open(&self) -> Result<Opened> {
        let process = self.target.map(Process::open).transpose()?;
        let mut joins = self.joins(process.as_ref())?;
        if let Some(fd) = self.net_socket {
            let source = socket(need(process.as_ref(), "net-socket")?, fd)?;
            joins.add(kind_of(CloneFlags::CLONE_NEWNET), source);
        }
        if self.user_parent {
            let parent = parent(process.as_ref(), &joins)?;
            joins.add(kind_of(CloneFlags::CLONE_NEWUSER), parent);
        }
        let ids = [self.credentials.uid, self.credentials.gid];
        if ids.contains(&Some(Id::Follow)) {
            need(process.as_ref(), "setuid=follow or --setgid=follow")?.directory()?;
        }

        let target = process.as_ref();
        let if_asked = |asked: bool, option| asked.then(|| need(target, option)).transpose();
        let environment = if_asked(self.environment, "env")?.map(Process::environment);
        let cgroups = if_asked(self.join_cgroup, "join-cgroup")?.map(cgroups::of);
        let selinux = Path::new("/sys/fs/selinux").exists();
        let label = if_asked(self.follow_context, "follow-context")?.filter(|_| selinux);
        let root = open_directory(self.root.as_ref(), target, "root")?;
        let directory = open_directory(self.directory.as_ref(), target, "cwd")?;
        if joins.is_empty() && !self.has_additional_option() {
            return Err(no_namespace(self.all));
        }
        Ok(Opened {
            root,
            directory,
            cgroups: cgroups.transpose()?.unwrap_or_default(),
            environment: environment.transpose()?,
            label: label.map(Process::label).transpose()?,
            joins,
            process,
        })
    }

    /// Whether an additional option is given: it needs no namespace.
    fn has_additional_option(&self) -> bool {
        self.new_session
            || self.detach
            || self.carry
            || self.record.is_wanted()
            || self.root_inside.is_some()
            || self.start.is_some()
            || self.failure_status.is_some()
            || !self.sysctls.is_empty()
    }

    fn joins(&self, process: Option<&Process>) -> Result<Joins> {
        let mut joins = Joins::default();
        for (kind, file) in &self.namespaces {
            let source = match file {
                Some(path) => {
                    let file = match by_id::id(path).flatten() {
                        Some(id) => by_id::open_namespace(kind, id),
                        None => open_file(path),
                    };
                    let file = file.hint(|error| letters(kind, path, error));
                    Source::Open(file?, path.clone())
                }
                None => {
                    need(process, kind.option)?;
                    Source::Target
                }
            };
            joins.add(kind, source);
        }
        if self.all {
            joins.add_all(need(process, "all")?)?;
        }
        if let Some(thread) = process.filter(|process| process.pidfd().is_none()) {
            joins.open(thread)?;
        }
        Ok(joins)
    }

    /// Changes the root and the working directory. A root alone does not change the working directory.
    fn change_directories(&self, root: Option<OwnedFd>, directory: Option<OwnedFd>) -> Result<()> {
        let mut directory = directory;
        let root = match &self.root_inside {
            Some(path) => Some(open_inside(path)?),
            None => root,
        };
        if let Some(root) = root {
            if directory.is_none() && self.root_inside.is_none() && self.directory_inside.is_none()
            {
                directory = Some(open_path(OsStr::new("."))?);
            }
            fchdir(root).and_then(|()| chroot(".")).step("change the root").map_err(|error| {
                error.explain(|error| {
                    let missing = "this needs the capability CAP_SYS_CHROOT";
                    let capability = || capability::hint(capability::SYS_CHROOT, missing);
                    (error.errno()? == Errno::EPERM).then(capability).flatten()
                })
            })?;
        }
        if let Some(path) = &self.directory_inside {
            directory = Some(open_inside(path)?);
        }
        directory.map_or(Ok(()), |directory| fchdir(directory).step("enter the working directory"))
    }
}

/// The steps of the process that becomes COMMAND.
struct Steps<'a> {
    entry: &'a Entry,
    opened: Opened,
    sysctls: Sysctls<'a>,
    becomes_root: bool,
    groups_dropped: bool,
    /// Whether COMMAND and its libraries are files of the caller, not of the target.
    is_on_own_files: bool,
}

impl<'a> Steps<'a> {
    fn new(entry: &'a Entry, opened: Opened, sysctls: Sysctls<'a>) -> Self {
        let enters_user = opened.joins.has(CloneFlags::CLONE_NEWUSER);
        let becomes_root = enters_user && !entry.preserve_credentials;
        let enters_mount = opened.joins.has(CloneFlags::CLONE_NEWNS);
        let is_on_own_files = !enters_mount && opened.root.is_none();
        Self { entry, opened, sysctls, becomes_root, groups_dropped: false, is_on_own_files }
    }

    fn take_credentials(&self) -> Result<()> {
        let credentials = self.entry.credentials;
        let credentials = if self.becomes_root { credentials.or_root() } else { credentials };
        credentials.assume(self.opened.process.as_ref(), self.groups_dropped)
    }

    fn set_up(&mut self) -> Result<()> {
        self.sysctls.set()?;
        if let Some(environment) = self.opened.environment.take() {
            replace_environment(environment, self.is_on_own_files);
        }
        Ok(())
    }
}

impl Work for Steps<'_> {
    /// First makes this process undumpable: otherwise processes in the namespaces could trace it and use its open files
    /// until it becomes COMMAND (CVE-2016-9962).
    fn enter(&mut self) -> Result<()> {
        let opened = &mut self.opened;
        self.groups_dropped = self.becomes_root && setgroups(&[]).is_ok();
        opened.label.as_deref().map_or(Ok(()), follow_label)?;
        toolbox::close_to_others().step("close this process to others")?;
        if opened.joins.has(CloneFlags::CLONE_NEWUSER) {
            toolbox::entered_user_namespace();
        }
        std::mem::take(&mut opened.joins).enter(opened.process.as_ref())?;
        self.entry.change_directories(opened.root.take(), opened.directory.take())
    }

    fn finish(&mut self) -> Result<()> {
        self.take_credentials()?;
        self.set_up()
    }

    fn exec(&self) -> Error {
        self.entry.command.exec().explain(|error| {
            let is_inside = !self.is_on_own_files || self.entry.root_inside.is_some();
            let elsewhere = is_inside && !self.entry.carry;
            (elsewhere && error.kind() == error::Kind::CommandNotFound).then(|| NOT_FOUND.into())
        })
    }
}

fn no_namespace(all: bool) -> Error {
    match all {
        true => {
            Error::usage("no namespace to enter: this process is in all of the target's already")
        }
        false => {
            Error::usage("no namespace specified").with_hint("--all enters all of the target's")
        }
    }
}

/// The hint for `-mnp`: the letters after `-m` are its value, not options.
fn letters(kind: &Kind, path: &OsStr, error: &Error) -> Option<String> {
    let text = path.to_str().filter(|_| error.errno() == Some(Errno::ENOENT))?;
    let is_letter = |letter: char| KINDS.iter().any(|kind| kind.letter == letter);
    text.chars().all(is_letter).then(|| {
        let apart: String = text.chars().map(|letter| format!(" -{letter}")).collect();
        let letter = kind.letter;
        format!(
            "what follows -{letter} is its file, as in --{}=FILE: did you mean -{letter}{apart}?",
            kind.option
        )
    })
}

fn need<'a>(process: Option<&'a Process>, option: &str) -> Result<&'a Process> {
    process.ok_or_else(|| Error::usage(format!("--{option} needs a --target")))
}

fn open_file(path: &OsStr) -> Result<OwnedFd> {
    open(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC, Mode::empty())
        .context("open", path)
}

fn open_path(path: &OsStr) -> Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).context("enter the directory", path)
}

/// Follows no magic links: in an untrusted root such a link could lead to an open file of this process.
fn open_inside(path: &OsStr) -> Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    openat2(sys::cwd(), path, how)
        .context("enter the directory", path)
        .hint(|error| denied::openat2_hint(error.errno()?))
}

fn open_directory(
    directory: Option<&Directory>,
    process: Option<&Process>,
    name: &str,
) -> Result<Option<OwnedFd>> {
    match directory {
        None => Ok(None),
        Some(Directory::Path(path)) => open_path(path).map(Some),
        Some(Directory::Target) => {
            let option = if name == "cwd" { "wd" } else { name };
            need(process, option)?.open_directory(name).map(Some)
        }
    }
}

/// The network namespace of one of the target's sockets.
fn socket(process: &Process, fd: c_int) -> Result<Source> {
    let name = process.path(&format!("fd/{fd}"));
    let step = "find the network namespace of the socket";
    let pidfd = process.pidfd().ok_or_else(|| {
        Error::because(
            step,
            &name,
            "for a thread that does not lead its process, this needs Linux 6.9",
        )
    })?;
    let namespace = sys::pidfd_getfd(pidfd, fd)
        .and_then(|socket| sys::socket_namespace(socket.as_fd()))
        .context(step, &name)
        .hint(|error| explain_socket(error.errno()?, &name))?;
    Ok(Source::Open(namespace, name.into()))
}

fn explain_socket(errno: Errno, name: &Path) -> Option<String> {
    match errno {
        Errno::ENOTTY => Some(format!("{} is not a socket", quote(name))),
        Errno::EPERM => Some(
            "this needs the capability CAP_SYS_PTRACE over the target, and CAP_NET_ADMIN over the \
             network namespace"
                .into(),
        ),
        _ => None,
    }
}

/// The parent of the user namespace to enter, or of the target's. Without both, the owner of the first namespace with a
/// file.
fn parent(process: Option<&Process>, joins: &Joins) -> Result<Source> {
    let user = joins.get(CloneFlags::CLONE_NEWUSER);
    match (user.map(|join| &join.source), process, joins.first_open()) {
        (Some(Source::Open(file, _)), ..) | (None, None, Some(file)) => owner(file),
        (_, Some(process), _) => {
            let file = kind_of(CloneFlags::CLONE_NEWUSER).file;
            owner(&process.open_file(file, OFlag::O_RDONLY)?)
        }
        _ => Err(Error::usage("--user-parent needs a --target or another namespace")),
    }
}

/// Variables that the dynamic linker reads, besides LD_*. It ignores them in set-user-ID programs (ld.so(8)).
const LINKED: [&str; 4] = ["GLIBC_TUNABLES", "GCONV_PATH", "LOCPATH", "MALLOC_TRACE"];

/// Whether a container could run code in a program of the host with this variable, as with LD_PRELOAD.
fn is_of_linker(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"LD_") || LINKED.iter().any(|linked| name == *linked)
}

fn replace_environment(variables: Vec<(OsString, OsString)>, is_on_own_files: bool) {
    sys::clear_environment(&[]);
    let wanted = |name: &OsStr| !is_on_own_files || !is_of_linker(name);
    for (name, value) in variables.into_iter().filter(|(name, _)| wanted(name)) {
        sys::set_variable(name, value);
    }
}
