//! A mount of the type "cgroup": the hierarchies, in which the container sees its own cgroup.

use common::cgroup::Hierarchy;

use super::Writer;
use super::place::Group;
use super::table::{Entry, Table};
use crate::model::{Kind, Mount};

impl Writer<'_> {
    /// Those of version 1, or else the one of version 2, which the type "cgroup2" asks for alone.
    pub(super) fn add_cgroups(&self, table: &mut Table, mount: &Mount) {
        let cgroups = &self.machine.cgroups;
        let words = self.words_of_bind(mount);
        let read_only = mount.options.read_only.then_some("ro");
        if !cgroups.hierarchies.is_empty() && mount.kind == "cgroup" {
            let options = [&["mode=755"][..], &words].concat();
            let target = &mount.destination;
            table.add(&mount.path, &Entry::new("cgroup", target, "tmpfs", &options));
            for hierarchy in &cgroups.hierarchies {
                self.add_hierarchy(table, mount, hierarchy);
            }
            if read_only.is_some() {
                let options = ["remount", "bind", "ro"];
                table.add(&mount.path, &Entry::new("", target, "none", &options));
            }
        } else if let Some(unified) = &cgroups.unified {
            let mut options = words;
            options.extend(read_only);
            let entry = match self.has_new(Kind::Cgroup) {
                true => Entry::new("cgroup", &mount.destination, "cgroup2", &options),
                false => Entry::new(
                    self.shown(unified),
                    &mount.destination,
                    "none",
                    &[&["bind"][..], &options].concat(),
                ),
            };
            table.add(&mount.path, &entry);
        } else {
            self.log.fault(&mount.path, "cannot be mounted: this machine has no cgroup hierarchy");
        }
    }

    /// The directory of the container's cgroup; of the caller's, where it has none of its own.
    fn shown(&self, hierarchy: &Hierarchy) -> Vec<u8> {
        let group = self.place.of(hierarchy);
        group.map_or_else(|| hierarchy.own.clone(), Group::innermost)
    }

    /// Each of several controllers is found under its own name too.
    fn add_hierarchy(&self, table: &mut Table, mount: &Mount, hierarchy: &Hierarchy) {
        let Hierarchy { name, controllers, .. } = hierarchy;
        let at = |name: &[u8]| [mount.destination.as_bytes(), b"/", name].concat();
        let mut options = self.words_of_bind(mount);
        options.extend(mount.options.read_only.then_some("ro"));
        let list = String::from_utf8_lossy(controllers);
        let entry = match self.has_new(Kind::Cgroup) {
            true => Entry::new("cgroup", at(name), "cgroup", &[&[&*list][..], &options].concat()),
            false => Entry::new(
                self.shown(hierarchy),
                at(name),
                "none",
                &[&["bind"][..], &options].concat(),
            ),
        };
        table.add(&mount.path, &entry);
        if list.contains(',') {
            for controller in controllers.split(|&b| b == b',') {
                table.add(&mount.path, &Entry::new(name, at(controller), "symlink", &[]));
            }
        }
    }
}
