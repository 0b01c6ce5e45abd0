//! The whole sequence, from the caller's cgroups to COMMAND.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use common::cgroup::Cgroups;
use common::cgroup::entry;
use common::cgroup::group::{Group, Version};
use common::tree::remove_if_fails;
use common::{Command, Error, Result};

use crate::devices::{self, Rules};
use crate::explain;
use crate::list::List;
use crate::making::{Cast, Create, Ready, enable, enable_all};
use crate::place::{self, find};
use crate::rules::Policy;
use crate::setting::Setting;
use crate::sticky;
use crate::supervisor::Supervisor;
use crate::target::Target;

/// What the command line asks for.
#[derive(Debug)]
pub struct Plan {
    pub targets: Vec<Target>,
    pub sticky: bool,
    pub create: Create,
    pub settings: Vec<Setting>,
    pub rules: Option<Rules>,
    /// The sub-cgroup that COMMAND is in, where there is a limit or a rule.
    pub leaf: Option<OsString>,
    pub remove: bool,
    pub list: Option<i32>,
    /// The directory that is removed if a step fails, or COMMAND cannot be executed.
    pub remove_on_failure: Option<OsString>,
    pub failure_status: Option<u8>,
    pub command: Command,
}

impl Plan {
    pub fn run(&self) -> Result<u8> {
        remove_if_fails(self.remove_on_failure.as_deref(), || self.carry_out())
            .map_err(|error| error.with_failure_status(self.failure_status))
    }

    /// What was made is unmade where a later step fails.
    fn carry_out(&self) -> Result<u8> {
        // The rules may stand on the very descriptor that the list is left on.
        let policy = self.rules.as_ref().map(Rules::read).transpose()?;
        let list = self.list.map(List::new).transpose()?;
        let cgroups = Cgroups::of_this_process();
        let mut cast = Cast::default();
        let done =
            self.prepare(&cgroups, policy.as_ref(), &mut cast).and_then(|()| match self.remove {
                true => self.supervise(&mut cast),
                false => self.become_command(&cast, list.as_ref()),
            });
        // Either a step has failed, or COMMAND has ended and its cgroups are removed.
        cast.undo();
        done
    }

    fn supervise(&self, cast: &mut Cast) -> Result<u8> {
        let all =
            cast.ready.drain(..).flat_map(|ready| ready.leaf.into_iter().chain([ready.group]));
        let groups: Vec<_> = all.collect();
        let Self { command, sticky, failure_status, .. } = self;
        let (sticky, failure_status) = (*sticky, *failure_status);
        Supervisor { groups: &groups, command, sticky, failure_status }.run()
    }

    fn prepare<'a>(
        &self,
        cgroups: &'a Cgroups,
        policy: Option<&Policy>,
        cast: &mut Cast<'a>,
    ) -> Result<()> {
        cast.fill(find(&self.targets, cgroups)?, self.create)?;
        if self.create != Create::No {
            self.enable(cast)?;
        }
        let mut homes = Vec::new();
        for setting in &self.settings {
            let home = home(setting, cast)?;
            set(&cast.ready[home].group, setting)?;
            homes.push((home, Some(setting)));
        }
        if let Some(policy) = policy {
            let keeper = keeper(cast)?;
            devices::apply(policy, &cast.ready[keeper].group)?;
            homes.push((keeper, None));
        }
        match &self.leaf {
            Some(name) => self.add_leaves(cast, name, &homes),
            None => Ok(()),
        }
    }

    /// COMMAND sees the limits of its own cgroup, and those count too that it cannot reach from there.
    fn add_leaves(
        &self,
        cast: &mut Cast,
        name: &OsStr,
        homes: &[(usize, Option<&Setting>)],
    ) -> Result<()> {
        for &(home, setting) in homes {
            cast.add_leaf(home, name, self.create)?;
            let ready = &cast.ready[home];
            let Some(leaf) = &ready.leaf else { continue };
            let is_of_version_2 = ready.place.version() == Version::Two;
            if is_of_version_2 && self.create != Create::No && ready.place.has_all {
                enable_all(ready, leaf);
            }
            let Some(setting) = setting else { continue };
            if is_of_version_2 && !setting.is_of_cgroups() {
                enable(ready, leaf, &[setting.controller().as_bytes()])?;
            }
            set(leaf, setting)?;
        }
        Ok(())
    }

    /// The controllers that were named, and those of the limits; with every hierarchy all that can be, where version 2 has them.
    fn enable(&self, cast: &Cast) -> Result<()> {
        let Some(unified) = unified(cast) else { return Ok(()) };
        if unified.place.has_all {
            enable_all(unified, &unified.group);
        }
        let of_settings = self.settings.iter().filter(|setting| !setting.is_of_cgroups());
        let of_settings = of_settings.map(|setting| setting.controller().as_bytes());
        let is_here = |one: &&[u8]| !cast.ready.iter().any(|ready| ready.place.has(one));
        let mut wanted: Vec<_> = of_settings.filter(is_here).collect();
        wanted.retain(|one| place::is_available(unified.place.hierarchy, one));
        wanted.extend(unified.place.wanted.iter().map(Vec::as_slice));
        wanted.sort_unstable();
        wanted.dedup();
        enable(unified, &unified.group, &wanted)
    }

    fn become_command(&self, cast: &Cast, list: Option<&List>) -> Result<u8> {
        match list {
            Some(list) => {
                let all =
                    cast.ready.iter().flat_map(|ready| ready.leaf.iter().chain([&ready.group]));
                list.fill(all.map(Group::path))?;
                Err(self.command.exec())
            }
            None => {
                let joined = self.join(cast);
                let error = joined.err().unwrap_or_else(|| self.command.exec());
                go_back(cast);
                Err(error)
            }
        }
    }

    fn join(&self, cast: &Cast) -> Result<()> {
        sticky::register(self.sticky)?;
        let join = |ready: &Ready| {
            let group = ready.leaf.as_ref().unwrap_or(&ready.group);
            group.join().map_err(|errno| entry::refused(group, errno))
        };
        cast.ready.iter().try_for_each(join)
    }
}

fn unified<'a, 'b>(cast: &'b Cast<'a>) -> Option<&'b Ready<'a>> {
    cast.ready.iter().find(|ready| ready.place.version() == Version::Two)
}

/// The cgroup whose file a setting is: of version 1, where a hierarchy has the controller.
fn home(setting: &Setting, cast: &mut Cast) -> Result<usize> {
    let controller = setting.controller().as_bytes();
    let has = |ready: &Ready| match setting.is_of_cgroups() {
        true => ready.place.version() == Version::Two,
        false => ready.place.has(controller),
    };
    let found = cast.ready.iter().position(has).or_else(|| {
        let is_of_version_2 = |ready: &Ready| {
            ready.place.version() == Version::Two
                && place::is_available(ready.place.hierarchy, controller)
        };
        cast.ready.iter().position(is_of_version_2)
    });
    if let Some(found) = found {
        return Ok(found);
    }
    let mut all = |version_2: bool| {
        cast.take_left_out(|hierarchy| match version_2 {
            true => {
                hierarchy.controllers.is_empty()
                    && (setting.is_of_cgroups() || place::is_available(hierarchy, controller))
            }
            false => place::has(hierarchy, controller),
        })
    };
    Err(all(false).or_else(|| all(true)).unwrap_or_else(|| {
        let reason = match setting.is_of_cgroups() {
            true => "none of the cgroups is of version 2".into(),
            false => format!("none of the cgroups has the controller '{}'", setting.controller()),
        };
        Error::because("set", setting.shown(), reason)
    }))
}

/// The cgroup that device rules are for: of version 1, where a hierarchy has the controller.
fn keeper(cast: &mut Cast) -> Result<usize> {
    let found = cast.ready.iter().position(|ready| ready.place.has(b"devices"));
    let unified = || cast.ready.iter().position(|ready| ready.place.version() == Version::Two);
    if let Some(found) = found.or_else(unified) {
        return Ok(found);
    }
    let left_out = cast.take_left_out(|hierarchy| place::has(hierarchy, b"devices"));
    Err(left_out.unwrap_or_else(|| {
        let reason = "none of the cgroups has the controller 'devices', nor is of version 2";
        Error::because("set", "device rules", reason)
    }))
}

/// An empty value is a line too: a write of nothing is not seen.
fn set(group: &Group, setting: &Setting) -> Result<()> {
    let value = if setting.value.is_empty() { b"\n" } else { setting.value.as_slice() };
    group.write(&setting.name, value).map_err(|errno| {
        let step = format!("set {} in", setting.shown());
        Error::new(step, group.path(), errno).explain(|_| explain::not_set(group, setting, errno))
    })
}

/// Leaves the cgroups again for those that this process was in, so that they can be removed.
fn go_back(cast: &Cast) {
    for ready in &cast.ready {
        let own = OsString::from(OsStr::from_bytes(&ready.place.hierarchy.own));
        let _ = Group::open(own).map(|own| own.join());
    }
}
