//! Where the container's own cgroup is: one in each hierarchy in which the caller may make one.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use common::cgroup::Hierarchy;

use super::{Setting, Writer};
use crate::model::{self, Kind};

/// The version of a hierarchy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    One,
    Two,
}

/// The container's cgroup of one hierarchy.
#[derive(Debug)]
pub struct Group<'a> {
    pub hierarchy: &'a Hierarchy,
    pub version: Version,
    /// Its name below the mount point.
    pub name: Vec<u8>,
    /// Whether the container is in a sub-cgroup of it.
    pub has_leaf: bool,
}

/// The sub-cgroup that a container is in, whose limits it could otherwise raise.
pub const LEAF: &str = "container";

impl Group<'_> {
    pub fn directory(&self) -> Vec<u8> {
        [&self.hierarchy.point[..], &self.name].concat()
    }

    /// The directory of the cgroup that the container is in.
    pub fn innermost(&self) -> Vec<u8> {
        match self.has_leaf {
            true => [&self.directory()[..], b"/", LEAF.as_bytes()].concat(),
            false => self.directory(),
        }
    }

    pub fn controls(&self, controller: &str) -> bool {
        self.controllers().any(|other| other == controller.as_bytes())
    }

    /// The number that a file of it holds.
    pub fn number_in(&self, file: &str) -> Option<i128> {
        let path = [&self.directory()[..], b"/", file.as_bytes()].concat();
        let text = std::fs::read_to_string(OsStr::from_bytes(&path)).ok()?;
        text.trim_end().parse().ok()
    }

    fn controllers(&self) -> impl Iterator<Item = &[u8]> {
        self.hierarchy.controllers.split(|&byte| byte == b',')
    }
}

/// The container's cgroup.
#[derive(Debug, Default)]
pub struct Place<'a> {
    pub groups: Vec<Group<'a>>,
}

impl<'a> Place<'a> {
    /// The version of the hierarchy that a controller is in; `name` is that of version 1, and `unified` gives those of version 2.
    pub fn version_of(&self, name: &str, unified: impl FnOnce() -> Vec<String>) -> Option<Version> {
        let of_version_1 =
            |group: &Group| group.controllers().any(|other| other == name.as_bytes());
        let name_2 = if name == "blkio" { "io" } else { name };
        if self.groups.iter().any(of_version_1) {
            Some(Version::One)
        } else if self.unified().is_some() && unified().iter().any(|other| other == name_2) {
            Some(Version::Two)
        } else {
            None
        }
    }

    /// The cgroup that a file of this controller is in.
    pub fn keeper(&self, controller: &str) -> Option<&Group<'a>> {
        let of_version_1 = self.groups.iter().find(|group| group.controls(controller));
        of_version_1.or_else(|| self.unified())
    }

    pub fn unified(&self) -> Option<&Group<'a>> {
        self.groups.iter().find(|group| group.version == Version::Two)
    }

    /// Notes that the container is in a sub-cgroup in the hierarchy of this controller.
    pub fn add_leaf(&mut self, controller: &str) {
        let of_version_1 =
            |group: &&mut Group| group.controllers().any(|other| other == controller.as_bytes());
        let found = match self.groups.iter_mut().find(of_version_1) {
            Some(group) => Some(group),
            None => self.groups.iter_mut().find(|group| group.version == Version::Two),
        };
        found.into_iter().for_each(|group| group.has_leaf = true);
    }

    pub fn has_leaf(&self) -> bool {
        self.groups.iter().any(|group| group.has_leaf)
    }

    /// The container's cgroup of a hierarchy.
    pub fn of(&self, hierarchy: &Hierarchy) -> Option<&Group<'a>> {
        self.groups.iter().find(|group| group.hierarchy.controllers == hierarchy.controllers)
    }
}

impl<'a> Writer<'a> {
    pub(super) fn find_place(&self) -> Place<'a> {
        let cgroups = &self.machine.cgroups;
        if self.setting.systemd_cgroup {
            return self.place_of_scope();
        }
        let of_version_1 = cgroups.hierarchies.iter().map(|hierarchy| (hierarchy, Version::One));
        let of_version_2 = cgroups.unified.iter().map(|unified| (unified, Version::Two));
        let all = of_version_1.chain(of_version_2);
        let groups = all.filter_map(|(hierarchy, version)| self.group(hierarchy, version));
        Place { groups: groups.collect() }
    }

    /// An absolute path is below the mount point. Another one is below the caller's own cgroup; in version 2 beside it,
    /// since a cgroup that holds processes can give none of its controllers to those below it. So has runc it.
    fn group(&self, hierarchy: &'a Hierarchy, version: Version) -> Option<Group<'a>> {
        let path = &self.config.linux.cgroups_path;
        let own = hierarchy.own.strip_prefix(&hierarchy.point[..]).unwrap_or_default();
        let bases: &[&[u8]] = match (path.starts_with('/'), version) {
            (true, _) => &[b""],
            (false, Version::One) => &[own],
            (false, Version::Two) => &[parent(own), own],
        };
        let name = self.cgroup_name();
        let groups = bases.iter().map(|base| Group {
            hierarchy,
            version,
            name: [base, name.as_bytes()].concat(),
            has_leaf: false,
        });
        groups.into_iter().find(|group| (self.machine.may_make_cgroup)(&group.directory()))
    }

    /// Whether a process of the container can write to the files of its cgroup, in a mount of its own: the container has
    /// the user that they belong to. The kernel lets every user mount the hierarchies in a new user namespace, from
    /// the own cgroup on.
    pub(super) fn owns_cgroup(&self) -> bool {
        let uid = i128::from(self.machine.uid);
        let mut mappings = self.config.linux.uid_mappings.iter();
        !self.has_new(Kind::User)
            || mappings.any(|mapping| (mapping.host..mapping.host + mapping.size).contains(&uid))
    }

    /// Whether the container can enter a cgroup namespace of the machine's, or mount the hierarchies in that.
    pub(super) fn is_admin(&self) -> bool {
        self.may("sys_admin") && !self.has_new(Kind::User)
    }

    /// As cgexec-rs reads it.
    pub(super) fn target(&self) -> String {
        if self.setting.systemd_cgroup {
            return format!("*:./{LEAF}");
        }
        let dot = if self.config.linux.cgroups_path.starts_with('/') { "" } else { "." };
        format!("*:{dot}{}", self.cgroup_name())
    }

    /// With a `/` at its start, and with no `..` that would lead out of the hierarchy.
    pub(super) fn cgroup_name(&self) -> String {
        match self.config.linux.cgroups_path.as_str() {
            "" => format!("/runsh-{}", default_name(self.setting)),
            path => model::simple(path),
        }
    }
}

fn parent(path: &[u8]) -> &[u8] {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    &path[..slash.unwrap_or_default()]
}

/// The container's ID; without one the name of the bundle.
pub(super) fn default_name(setting: &Setting) -> String {
    let bundle = || setting.directory.rsplit(|&byte| byte == b'/').find(|part| !part.is_empty());
    let name = setting.id.as_deref().or_else(bundle).unwrap_or(b"container");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_+.-".contains(&byte);
    name.iter().map(|&byte| if is_plain(byte) { char::from(byte) } else { '_' }).collect()
}
