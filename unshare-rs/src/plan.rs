//! The whole sequence, from the caller's world to COMMAND.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use common::cgroup::entry::{self, Entry};
use common::cgroup::group::Group;
use common::line::number_in_proc;
use common::process::end_by;
use common::sysctl::{Sysctl, Sysctls};
use common::{Command, Context, Error, Hint, Result, print, start, sys};
use nix::sched::CloneFlags;
use nix::unistd::{Gid, Pid, Uid, setgid, setgroups, setuid};

use crate::cgroups::Cgroups;
use crate::child::{Birth, Child, Watch};
use crate::directory::Directory;
use crate::explain;
use crate::idmap::{Maps, Request};
use crate::kind::NEWTIME;
use crate::midwife::Midwife;
use crate::namespaces::Namespaces;
use crate::outside::{Outside, Step};
use crate::record::Record;
use crate::setup::{Clocks, Names, Propagation, Setup};
use crate::stop::{self, Stop};
use crate::tie::Tie;

/// What the command line asks for.
#[derive(Debug)]
pub struct Plan {
    pub namespaces: Namespaces,
    pub owner: Option<Owner>,
    pub ids: Request,
    pub clocks: Clocks,
    pub propagation: Propagation,
    pub names: Names,
    pub loopback: bool,
    pub sysctls: Vec<Sysctl>,
    /// Where COMMAND is to be a child.
    pub watch: Option<Watch>,
    pub record: Record,
    pub cgroups: Cgroups,
    /// The directory that goes with COMMAND.
    pub remove: Option<OsString>,
    pub setup: Setup,
    /// The variables that COMMAND gets, where it does not get all of them.
    pub environment: Option<Vec<String>>,
    /// None for the user's shell.
    pub command: Option<Command>,
}

/// Whom a user namespace is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

impl Owner {
    /// Becomes the owner for good: the kernel takes the effective user of who calls unshare(2).
    fn become_it(self) -> Result<()> {
        let changed = setgroups(&[])
            .and_then(|()| setgid(Gid::from_raw(self.gid)))
            .and_then(|()| setuid(Uid::from_raw(self.uid)));
        changed
            .context("become the owner", format!("{}:{}", self.uid, self.gid))
            .hint(|error| explain::owner(error.errno()?))
    }
}

/// What the parent has seen of the child.
#[derive(Debug, Default)]
struct Sight {
    /// The namespaces that are to last.
    namespaces: Vec<OwnedFd>,
    /// What `--info-fd` says of it.
    info: Option<String>,
}

/// What is there before COMMAND and may go with it.
#[derive(Debug, Default)]
struct Remains {
    groups: Vec<Group>,
    directory: Option<Directory>,
}

impl Plan {
    /// Comes back with the child's status, or with what went wrong.
    pub fn run(self) -> Result<u8> {
        let mut remains = Remains::default();
        let opened = self.open(&mut remains).map_err(Stop::from);
        let result = opened.and_then(|()| self.carry_out(&remains.groups));
        self.remove(&remains);
        match result {
            Ok(status) | Err(Stop::Said(status)) => Ok(status),
            Err(Stop::Killed(signal)) => Ok(end_by(signal)),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    /// Opens all that can be opened: an error with one must not leave the others behind.
    fn open(&self, remains: &mut Remains) -> Result<()> {
        let groups = self.cgroups.open(&mut remains.groups);
        remains.directory = self.remove.as_deref().map(Directory::open).transpose()?;
        groups
    }

    /// The cgroups first: while the directory is there, the container can be found.
    fn remove(&self, remains: &Remains) {
        self.cgroups.remove(&remains.groups);
        if let Some(directory) = &remains.directory {
            directory.remove().unwrap_or_else(|error| start::report(&error));
        }
    }

    /// Says what would be written to the id maps, and makes no namespace.
    pub fn print_map(&self) -> Result<u8> {
        print(&self.ids.resolve(self.owner.is_some())?.describe())
    }

    fn carry_out(&self, groups: &[Group]) -> Result<u8, Stop> {
        self.record.check()?;
        let maps = self.ids.resolve(self.owner.is_some())?;
        match &self.watch {
            Some(watch) => self.follow(watch, &maps, groups),
            None => self.become_command(&maps, groups),
        }
    }

    /// Whether a process outside has files of /proc to write.
    fn is_written_outside(&self, maps: &Maps) -> bool {
        maps.need_outside() || self.owner.is_some() && self.clocks.are_set()
    }

    /// That process's part, for the process `inside`.
    fn write_outside(&self, maps: &Maps, inside: Pid) -> Result<()> {
        maps.write_outside(inside)?;
        match self.owner {
            Some(_) => self.clocks.set(&inside.to_string()),
            None => Ok(()),
        }
    }

    /// Leaves the caller's namespaces; `ask` has done what is written outside.
    fn enter_namespaces(
        &self,
        maps: &Maps,
        ask: impl FnOnce() -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        if let Some(owner) = self.owner {
            owner.become_it()?;
        }
        self.namespaces.unshare()?;
        maps.write_inside()?;
        ask()?;
        match self.owner {
            Some(_) => Ok(()),
            None => Ok(self.clocks.set("self")?),
        }
    }

    /// What is changed in the new namespaces, by a process of theirs.
    fn set_up(&self) -> Result<()> {
        if self.namespaces.has(CloneFlags::CLONE_NEWNS) {
            self.propagation.apply()?;
        }
        let sysctls = Sysctls::open(&self.sysctls)?;
        self.names.set()?;
        if self.loopback {
            sys::bring_up_loopback().context("bring up", "lo")?;
        }
        self.setup.apply()?;
        // Some take them from nobody but the root of the user namespace, which this process may be only now.
        sysctls.set()
    }

    fn exec(&self) -> Error {
        if let Some(keep) = &self.environment {
            sys::clear_environment(&keep.iter().map(String::as_str).collect::<Vec<_>>());
        }
        let error = match &self.command {
            Some(command) => command.exec(),
            None => Command::login_shell().exec(),
        };
        error.explain(|error| explain::command(error, self.setup.root.is_some()))
    }
}

/// COMMAND is this process.
impl Plan {
    fn become_command(&self, maps: &Maps, groups: &[Group]) -> Result<u8, Stop> {
        let mut outside = self.leave_one_outside(maps)?;
        for group in groups {
            group.join().map_err(|errno| entry::refused(group, errno))?;
        }
        self.enter_namespaces(maps, || match &mut outside {
            Some(outside) if self.is_written_outside(maps) => outside.perform(Step::WriteMaps),
            _ => Ok(()),
        })?;
        if !self.namespaces.are_to_last() {
            outside.take().into_iter().for_each(Outside::end);
        }
        self.set_up()?;
        if let Some(outside) = &mut outside {
            outside.orphan()?;
            outside.perform(Step::Publish)?;
        }
        let error = self.exec();
        if let Some(outside) = &mut outside {
            outside.perform(Step::Withdraw)?;
        }
        Err(error.into())
    }

    fn leave_one_outside(&self, maps: &Maps) -> Result<Option<Outside>> {
        if !self.is_written_outside(maps) && !self.namespaces.are_to_last() {
            return Ok(None);
        }
        let inside = number_in_proc();
        let outside = Outside::start(|step| match step {
            Step::WriteMaps => self.write_outside(maps, inside),
            Step::Publish => self.namespaces.bind(&self.namespaces.open(inside)?),
            Step::Withdraw => {
                self.namespaces.unbind();
                Ok(())
            }
            Step::Orphan => Ok(()),
        })?;
        Ok(Some(outside))
    }
}

/// COMMAND is a child, and this process stays outside.
impl Plan {
    /// Whether clone(2) cannot make the namespaces as they are asked for: they belong to who calls it; the clocks of a
    /// time namespace have to be set while no process is in it; and the id of a mount namespace that is to last may
    /// have to be chosen.
    fn needs_midwife(&self) -> bool {
        self.owner.is_some()
            || self.namespaces.has(NEWTIME)
            || self.namespaces.has_file(CloneFlags::CLONE_NEWNS)
    }

    fn follow(&self, watch: &Watch, maps: &Maps, groups: &[Group]) -> Result<u8, Stop> {
        let entry = (!groups.is_empty()).then(|| Entry::new(groups)).transpose()?;
        let midwife = Midwife {
            enter: &|line| self.enter_namespaces(maps, || Ok(line.introduce()?)),
            help: &|midwife| self.write_outside(maps, midwife),
        };
        let none = Maps::default();
        let (birth, maps) = match self.needs_midwife() {
            true => (Birth::Through(midwife), &none),
            false => (Birth::Into(self.namespaces.flags), maps),
        };
        let meets =
            maps.need_outside() || self.record.info.is_some() || self.namespaces.are_to_last();
        let mut child = watch.start(meets || watch.gate, entry.as_ref(), birth, |tie| {
            stop::status(self.be_child(watch.init, maps, meets, tie))
        })?;
        match self.accompany(watch.gate, maps, meets, &mut child) {
            Ok(true) if watch.detach => Ok(0),
            Ok(_) => child.wait(),
            Err(error) => {
                child.dismiss();
                Err(error.into())
            }
        }
    }

    /// All that the child does; gives its exit status where it does not become COMMAND.
    fn be_child(&self, init: bool, maps: &Maps, meets: bool, mut tie: Tie) -> Result<u8, Stop> {
        tie.loosen()?;
        maps.write_inside()?;
        if meets {
            tie.introduce()?;
        }
        self.set_up()?;
        tie.arm()?;
        match init {
            true => Ok(tie.be_init(|tie| stop::status(self.become_child(tie)))?),
            false => self.become_child(tie),
        }
    }

    fn become_child(&self, mut tie: Tie) -> Result<u8, Stop> {
        tie.pass_gate()?;
        let error = self.exec();
        tie.fail();
        Err(error.into())
    }

    /// The parent's part until COMMAND starts, and whether it is known to have started. What others are to find of the
    /// child is put in place when its set-up is complete and before COMMAND starts, and taken away again where COMMAND
    /// cannot start.
    fn accompany(&self, gate: bool, maps: &Maps, meets: bool, child: &mut Child) -> Result<bool> {
        let sight = match meets.then(|| child.introduces()) {
            None => Sight::default(),
            Some(None) => return Ok(false),
            Some(Some(number)) => {
                maps.write_outside(number)?;
                let sight = self.look(number, child.pid)?;
                child.answer();
                sight
            }
        };
        if !gate || !child.asks() {
            return Ok(false);
        }
        self.publish(child.pid, &sight)?;
        let started = child.go();
        if !started {
            self.withdraw();
        }
        Ok(started)
    }

    /// Looks at the child while it waits: it may be closed to its parent when it has changed its user.
    fn look(&self, number: Pid, child: Pid) -> Result<Sight> {
        let namespaces = self.namespaces.open(number)?;
        Ok(Sight { namespaces, info: self.record.describe(number, child)? })
    }

    /// All or nothing.
    fn publish(&self, child: Pid, sight: &Sight) -> Result<()> {
        self.namespaces.bind(&sight.namespaces)?;
        self.record.files.write(child).inspect_err(|_| self.namespaces.unbind())?;
        match &sight.info {
            Some(info) => self.record.write_info(info).inspect_err(|_| self.withdraw()),
            None => Ok(()),
        }
    }

    fn withdraw(&self) {
        self.record.files.remove();
        self.namespaces.unbind();
    }
}
