//! The whole sequence of steps, up to COMMAND.

use std::ffi::OsString;
use std::os::fd::OwnedFd;

use common::cgroup::entry::{self, Entry};
use common::cgroup::group::Group;
use common::line::number_in_proc;
use common::process::end_by;
use common::sysctl::{Sysctl, Sysctls};
use common::tree::Tree;
use common::{Command, Context, Error, Hint, Result, print, start, sys};
use nix::libc::SIGKILL;
use nix::sched::CloneFlags;
use nix::unistd::{Gid, Pid, Uid, setgid, setgroups, setuid};

use crate::cgroups::Cgroups;
use crate::child::{Child, Creation, Watch};
use crate::child_info::ChildInfo;
use crate::explain;
use crate::failure::{self, Failure};
use crate::idmap::{Maps, Request};
use crate::intermediate::Intermediate;
use crate::kind::NEWTIME;
use crate::namespaces::Namespaces;
use crate::outside_process::{OutsideProcess, Step};
use crate::parent::Parent;
use crate::setup::{Clocks, HostNames, Propagation, Setup};

/// What the command line asks for.
#[derive(Debug)]
pub struct Plan {
    pub namespaces: Namespaces,
    pub owner: Option<Owner>,
    pub ids: Request,
    pub clocks: Clocks,
    pub propagation: Propagation,
    pub names: HostNames,
    pub loopback: bool,
    pub sysctls: Vec<Sysctl>,
    /// None if COMMAND is not a child.
    pub watch: Option<Watch>,
    pub info: ChildInfo,
    pub cgroups: Cgroups,
    /// The directory that is removed after COMMAND.
    pub remove: Option<OsString>,
    pub setup: Setup,
    /// The only variables that COMMAND gets. None for all of them.
    pub environment: Option<Vec<String>>,
    /// None for the user's shell.
    pub command: Option<Command>,
}

/// The user and group that own the new user namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
}

impl Owner {
    /// Becomes the owner, and cannot go back. The owner is the effective user of the process that calls unshare(2).
    fn become_it(self) -> Result<()> {
        let changed = setgroups(&[])
            .and_then(|()| setgid(Gid::from_raw(self.gid)))
            .and_then(|()| setuid(Uid::from_raw(self.uid)));
        changed
            .context("become the owner", format!("{}:{}", self.uid, self.gid))
            .hint(|error| explain::owner(error.errno()?))
    }
}

/// What the parent reads about the child while the child waits.
#[derive(Debug, Default)]
struct Observed {
    /// The namespaces to bind onto their files.
    namespaces: Vec<OwnedFd>,
    /// The text for `--info-fd`.
    description: Option<String>,
}

/// What is removed after COMMAND.
#[derive(Debug, Default)]
struct Removals {
    groups: Vec<Group>,
    directory: Option<Tree>,
}

impl Plan {
    /// Gives COMMAND's status if COMMAND is a child, or an error.
    pub fn run(self) -> Result<u8> {
        let mut removals = Removals::default();
        let opened = self.open(&mut removals).map_err(Failure::from);
        let result = opened.and_then(|()| self.carry_out(&removals.groups));
        if let Err(Failure::Killed(SIGKILL)) = result {
            self.cgroups.report_lack_of_memory(&removals.groups);
        }
        self.remove(&removals);
        match result {
            Ok(status) | Err(Failure::Reported(status)) => Ok(status),
            Err(Failure::Killed(signal)) => Ok(end_by(signal)),
            Err(Failure::Error(error)) => Err(error),
        }
    }

    /// Opens as much as possible, also after an error, so that all of it is removed.
    fn open(&self, removals: &mut Removals) -> Result<()> {
        let groups = self.cgroups.open(&mut removals.groups);
        removals.directory = self.remove.as_deref().map(Tree::open).transpose()?;
        groups
    }

    /// Removes the cgroups first: other programs find the container as long as the directory exists.
    fn remove(&self, removals: &Removals) {
        self.cgroups.remove(&removals.groups);
        if let Some(directory) = &removals.directory {
            directory.remove().unwrap_or_else(|error| start::report(&error));
        }
    }

    /// Prints the id maps, and makes no namespace.
    pub fn print_map(&self) -> Result<u8> {
        print(&self.ids.resolve(self.owner.is_some())?.describe())
    }

    fn carry_out(&self, groups: &[Group]) -> Result<u8, Failure> {
        self.info.check()?;
        let maps = self.ids.resolve(self.owner.is_some())?;
        match &self.watch {
            Some(watch) => self.run_child(watch, &maps, groups),
            None => self.become_command(&maps, groups),
        }
    }

    /// Whether a process outside must write files in /proc.
    fn is_written_outside(&self, maps: &Maps) -> bool {
        maps.need_outside() || self.owner.is_some() && self.clocks.are_set()
    }

    /// Writes them, for the process with the number `inside`.
    fn write_outside(&self, maps: &Maps, inside: Pid) -> Result<()> {
        maps.write_outside(inside)?;
        match self.owner {
            Some(_) => self.clocks.set(&inside.to_string()),
            None => Ok(()),
        }
    }

    /// Leaves the caller's namespaces. `wait` waits until the files are written from outside.
    fn enter_namespaces(
        &self,
        maps: &Maps,
        wait: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if let Some(owner) = self.owner {
            owner.become_it()?;
        }
        self.namespaces.unshare()?;
        maps.write_inside()?;
        wait()?;
        match self.owner {
            Some(_) => Ok(()),
            None => Ok(self.clocks.set("self")?),
        }
    }

    /// Changes what is inside the new namespaces.
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
        // Some parameters can only be set by the root of the user namespace, and `apply` may change the user to it.
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

/// If COMMAND is this process.
impl Plan {
    fn become_command(&self, maps: &Maps, groups: &[Group]) -> Result<u8, Failure> {
        let mut outside = self.start_outside_process(maps)?;
        for group in groups {
            group.join().map_err(|errno| entry::refused(group, errno))?;
        }
        self.enter_namespaces(maps, || match &mut outside {
            Some(outside) if self.is_written_outside(maps) => outside.perform(Step::WriteMaps),
            _ => Ok(()),
        })?;
        if !self.namespaces.are_to_last() {
            outside.take().into_iter().for_each(OutsideProcess::end);
        }
        self.set_up()?;
        if let Some(outside) = &mut outside {
            outside.orphan()?;
            outside.perform(Step::BindNamespaces)?;
        }
        let error = self.exec();
        if let Some(outside) = &mut outside {
            outside.perform(Step::UnbindNamespaces)?;
        }
        Err(error.into())
    }

    fn start_outside_process(&self, maps: &Maps) -> Result<Option<OutsideProcess>> {
        if !self.is_written_outside(maps) && !self.namespaces.are_to_last() {
            return Ok(None);
        }
        let inside = number_in_proc();
        let outside = OutsideProcess::start(|step| match step {
            Step::WriteMaps => self.write_outside(maps, inside),
            Step::BindNamespaces => self.namespaces.bind(&self.namespaces.open(inside)?),
            Step::UnbindNamespaces => {
                self.namespaces.unbind();
                Ok(())
            }
            Step::Orphan => Ok(()),
        })?;
        Ok(Some(outside))
    }
}

/// If COMMAND is a child. This process stays outside.
impl Plan {
    /// Whether clone(2) cannot make the namespaces as requested:
    ///
    /// - They would belong to the user that calls it.
    /// - The clocks of a time namespace must be set while no process is in it.
    /// - A mount namespace that is to last may need a second try for its id.
    fn needs_intermediate(&self) -> bool {
        self.owner.is_some()
            || self.namespaces.has(NEWTIME)
            || self.namespaces.has_file(CloneFlags::CLONE_NEWNS)
    }

    fn run_child(&self, watch: &Watch, maps: &Maps, groups: &[Group]) -> Result<u8, Failure> {
        let entry = (!groups.is_empty()).then(|| Entry::new(groups)).transpose()?;
        let intermediate = Intermediate {
            enter: &|line| self.enter_namespaces(maps, || Ok(line.introduce()?)),
            assist: &|number| self.write_outside(maps, number),
        };
        let none = Maps::default();
        let (creation, maps) = match self.needs_intermediate() {
            true => (Creation::Indirect(intermediate), &none),
            false => (Creation::Direct(self.namespaces.flags), maps),
        };
        let introduces =
            maps.need_outside() || self.info.descriptor.is_some() || self.namespaces.are_to_last();
        let mut child =
            watch.start(introduces || watch.gate, entry.as_ref(), creation, |parent| {
                failure::status(self.be_child(watch.init, maps, introduces, parent))
            })?;
        match self.serve_child(watch.gate, maps, introduces, &mut child) {
            Ok(true) if watch.detach => Ok(0),
            Ok(_) => child.wait(),
            Err(error) => {
                child.dismiss();
                Err(error.into())
            }
        }
    }

    /// All steps of the child. Gives its exit status if it does not become COMMAND.
    fn be_child(
        &self,
        init: bool,
        maps: &Maps,
        introduces: bool,
        mut parent: Parent,
    ) -> Result<u8, Failure> {
        parent.leave_job()?;
        maps.write_inside()?;
        if introduces {
            parent.introduce()?;
        }
        self.set_up()?;
        parent.arm_death_signal()?;
        match init {
            true => Ok(parent.become_init(|parent| failure::status(self.be_command(parent)))?),
            false => self.be_command(parent),
        }
    }

    fn be_command(&self, mut parent: Parent) -> Result<u8, Failure> {
        parent.wait_at_gate()?;
        let error = self.exec();
        parent.report_failure();
        Err(error.into())
    }

    /// The parent's steps until COMMAND starts. Tells whether COMMAND is known to have started. Files about the child are
    /// written when its set-up is complete and before COMMAND starts, and removed if COMMAND does not start.
    fn serve_child(
        &self,
        gate: bool,
        maps: &Maps,
        introduces: bool,
        child: &mut Child,
    ) -> Result<bool> {
        let observed = match introduces.then(|| child.introduces()) {
            None => Observed::default(),
            Some(None) => return Ok(false),
            Some(Some(number)) => {
                maps.write_outside(number)?;
                let observed = self.observe(number, child.pid)?;
                child.answer();
                observed
            }
        };
        if !gate || !child.asks() {
            return Ok(false);
        }
        self.publish(child.pid, &observed)?;
        let started = child.open_gate();
        if !started {
            self.withdraw();
        }
        Ok(started)
    }

    /// Reads about the child while it waits: after a change of user the parent may not read its files.
    fn observe(&self, number: Pid, child: Pid) -> Result<Observed> {
        let namespaces = self.namespaces.open(number)?;
        Ok(Observed { namespaces, description: self.info.describe(number, child)? })
    }

    /// Binds the namespaces and writes the files: all of them, or after an error none.
    fn publish(&self, child: Pid, observed: &Observed) -> Result<()> {
        self.namespaces.bind(&observed.namespaces)?;
        self.info.files.write(child).inspect_err(|_| self.namespaces.unbind())?;
        match &observed.description {
            Some(text) => self.info.write_description(text).inspect_err(|_| self.withdraw()),
            None => Ok(()),
        }
    }

    fn withdraw(&self) {
        self.info.files.remove();
        self.namespaces.unbind();
    }
}
