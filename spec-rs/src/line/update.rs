//! The line that changes the limits of a container that is there.

use std::ffi::OsStr;
use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::place::{Group, LEAF, Place, Version};
use super::{Setting, Writer};
use crate::line::spaces::Spaces;
use crate::machine::Machine;
use crate::model::Config;
use crate::node::Log;
use crate::print::{Chain, Script};

/// The line for `config.linux.resources`; `directories` are the cgroups that hold the limits.
pub fn update(
    config: &Config,
    directories: &[Vec<u8>],
    setting: &Setting,
    machine: &Machine,
    log: &Log,
) -> Vec<u8> {
    let spaces = Spaces::default();
    let mut writer = Writer { config, setting, machine, log, place: Place::default(), spaces };
    writer.place.groups = directories.iter().filter_map(|path| group(path, machine)).collect();
    let mut files = writer.files().files;
    writer.grow_first(&mut files);
    writer.check_memory();
    let mut chain = Chain::default();
    writer.add_new_limits(&mut chain, &files);
    Script::new(setting.failure).become_chain("", &chain, &[])
}

/// The hierarchy that a directory is in.
fn group<'a>(path: &[u8], machine: &'a Machine) -> Option<Group<'a>> {
    let cgroups = &machine.cgroups;
    let of_version_1 = cgroups.hierarchies.iter().map(|hierarchy| (hierarchy, Version::One));
    let all = of_version_1.chain(cgroups.unified.iter().map(|unified| (unified, Version::Two)));
    let named = all.filter_map(|(hierarchy, version)| {
        let name = path.strip_prefix(&hierarchy.point[..])?;
        let leaf = [path, b"/", LEAF.as_bytes()].concat();
        let has_leaf = Path::new(OsStr::from_bytes(&leaf)).is_dir();
        let name = name.starts_with(b"/").then(|| name.to_vec())?;
        Some(Group { hierarchy, version, name, has_leaf })
    });
    named.max_by_key(|group| group.hierarchy.point.len())
}

impl Writer<'_> {
    /// Without joining: the program that it becomes does nothing. The sub-cgroup that the container is in, where there is one,
    /// gets the same limits.
    fn add_new_limits(&self, chain: &mut Chain, files: &[String]) {
        self.narrow(chain, files);
        for has_leaf in [false, true] {
            let groups: Vec<_> =
                self.place.groups.iter().filter(|group| group.has_leaf == has_leaf).collect();
            let is_ours = |file: &&String| {
                let controller = file.split('.').next().unwrap_or_default();
                let keeper = self.place.keeper(controller);
                keeper.is_some_and(|keeper| keeper.has_leaf == has_leaf)
            };
            let files: Vec<_> = files.iter().filter(is_ours).collect();
            if files.is_empty() {
                continue;
            }
            let tool = self.tool("cgexec-rs");
            chain.program([&tool[..], b"--failure-status", b"1"]);
            for group in groups {
                let target = [&group.hierarchy.controllers[..], b":", &group.name].concat();
                chain.options([b"-g", &target[..]]);
            }
            chain.options(files.iter().flat_map(|file| ["--set", file]));
            if has_leaf {
                chain.options(["--leaf", LEAF]);
            }
            chain.options(["--list-fd", "6", "--"]);
        }
        chain.program(["true"]);
    }

    /// In version 1 a sub-cgroup may at no moment have more than the cgroup above it: it first gets what it can have both
    /// before and after the change.
    fn narrow(&self, chain: &mut Chain, files: &[String]) {
        let mut targets = Vec::new();
        let mut narrowed = Vec::new();
        for file in files {
            let keeper = self.place.keeper(file.split('.').next().unwrap_or_default());
            let Some(group) = keeper.filter(|group| group.has_leaf) else { continue };
            let Some(file) = narrowed_in(group, file) else { continue };
            narrowed.push(file);
            let name = [&group.hierarchy.controllers[..], b":", &group.name, b"/"].concat();
            targets.push([&name[..], LEAF.as_bytes()].concat());
        }
        if narrowed.is_empty() {
            return;
        }
        targets.dedup();
        let tool = self.tool("cgexec-rs");
        chain.program([&tool[..], b"--failure-status", b"1"]);
        chain.options(targets.iter().flat_map(|target| [b"-g", &target[..]]));
        chain.options(narrowed.iter().flat_map(|file| ["--set", file]));
        chain.options(["--list-fd", "6", "--"]);
    }

    /// Version 2 takes a limit below what is used, and kills. Version 1 refuses it itself.
    fn check_memory(&self) {
        let memory = &self.config.linux.resources.memory;
        let group = self.place.keeper("memory").filter(|group| group.version == Version::Two);
        let used = group.and_then(|group| group.number_in("memory.current"));
        let limit = memory.limit.filter(|&limit| memory.check_before_update && limit >= 0);
        if let Some((limit, used)) = limit.zip(used).filter(|(limit, used)| limit < used) {
            let reason = format!("must not be below the {used} bytes that are used: {limit}");
            self.log.fault("linux.resources.memory.limit", &reason);
        }
    }

    /// In version 1 memory may never be above memory and swap: where both grow, the sum comes first.
    fn grow_first(&self, files: &mut [String]) {
        const BOTH: &str = "memory.memsw.limit_in_bytes";
        let place = |name: &str| files.iter().position(|file| file.starts_with(name));
        let (Some(limit), Some(both)) = (place("memory.limit_in_bytes="), place(BOTH)) else {
            return;
        };
        let group = self.place.groups.iter().find(|group| group.controls("memory"));
        let now = group.and_then(|group| group.number_in(BOTH));
        let wanted = files[limit].rsplit('=').next().and_then(|text| text.parse::<i128>().ok());
        // -1 is no limit.
        if now.zip(wanted).is_some_and(|(now, wanted)| wanted < 0 || wanted > now) {
            files.swap(limit, both);
        }
    }
}

/// No quota is that of the cgroup above.
fn narrowed_in(group: &Group, file: &str) -> Option<String> {
    let (name, value) = file.split_once('=').filter(|_| group.version == Version::One)?;
    match name {
        "cpu.cfs_quota_us" => Some(format!("{name}=-1")),
        "cpuset.cpus" | "cpuset.mems" => {
            let path = [&group.innermost()[..], b"/", name.as_bytes()].concat();
            let now = fs::read_to_string(OsStr::from_bytes(&path)).ok()?;
            let wanted = ranges(value);
            let is_wanted = |number: &u32| wanted.iter().any(|range| range.contains(number));
            let both = ranges(&now).into_iter().flatten().filter(is_wanted);
            let both: Vec<_> = both.map(|number| number.to_string()).collect();
            (!both.is_empty()).then(|| format!("{name}={}", both.join(",")))
        }
        _ => None,
    }
}

/// Those of a list such as `0-2,5`.
fn ranges(list: &str) -> Vec<RangeInclusive<u32>> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    list.trim().split(',').filter_map(range).collect()
}
