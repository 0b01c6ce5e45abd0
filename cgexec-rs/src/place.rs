//! Where the cgroups of a target are in the hierarchies of this machine.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use common::cgroup::group::{Group, Version};
use common::cgroup::{Cgroups, Hierarchy};
use common::{Error, Result};

use crate::target::{Controllers, Path, Target};

/// A cgroup that is to be found or made in one hierarchy.
#[derive(Debug, PartialEq, Eq)]
pub struct Place<'a> {
    pub hierarchy: &'a Hierarchy,
    /// The controllers of version 2 that were named.
    pub wanted: Vec<Vec<u8>>,
    /// Whether the hierarchy was not named, so that one which is closed to the caller is left out.
    pub is_optional: bool,
    /// Whether all controllers are wanted that there are: version 2 is the only one, and no controller was named.
    pub has_all: bool,
    /// The directories to begin at: the next one where one is closed to the caller.
    pub bases: Vec<OsString>,
    pub names: Vec<OsString>,
}

impl Place<'_> {
    pub fn version(&self) -> Version {
        match self.hierarchy.controllers.is_empty() {
            true => Version::Two,
            false => Version::One,
        }
    }

    /// Whether the hierarchy is of version 1 and has this controller.
    pub fn has(&self, controller: &[u8]) -> bool {
        has(self.hierarchy, controller)
    }
}

/// Whether a hierarchy is of version 1 and has this controller.
pub fn has(hierarchy: &Hierarchy, controller: &[u8]) -> bool {
    let mut all = hierarchy.controllers.split(|&byte| byte == b',');
    !controller.is_empty() && all.any(|one| one == controller)
}

/// The places of all targets: one for each hierarchy, where the last target counts.
pub fn find<'a>(targets: &[Target], cgroups: &'a Cgroups) -> Result<Vec<Place<'a>>> {
    let mut places: Vec<Place> = Vec::new();
    for target in targets {
        for (hierarchy, wanted) in hierarchies(target, cgroups)? {
            places.retain(|place| place.hierarchy != hierarchy);
            places.push(Place {
                hierarchy,
                wanted,
                is_optional: target.controllers == Controllers::Any,
                has_all: target.controllers == Controllers::Any && cgroups.hierarchies.is_empty(),
                bases: bases(&target.path, hierarchy),
                names: target.path.names.clone(),
            });
        }
    }
    Ok(places)
}

/// A hierarchy, with the controllers of version 2 that were named.
type Named<'a> = (&'a Hierarchy, Vec<Vec<u8>>);

fn hierarchies<'a>(target: &Target, cgroups: &'a Cgroups) -> Result<Vec<Named<'a>>> {
    let all = cgroups.hierarchies.iter().chain(&cgroups.unified);
    let named = match &target.controllers {
        Controllers::Any => return not_empty(all.map(|one| (one, Vec::new())).collect()),
        Controllers::Of(named) => named,
    };
    let mut found: Vec<Named> = Vec::new();
    if named.is_empty() {
        found.extend(cgroups.unified.iter().map(|unified| (unified, Vec::new())));
    }
    for controller in named {
        let of_version_1 = cgroups.hierarchies.iter().find(|one| has(one, controller));
        let (hierarchy, wanted) = match of_version_1 {
            Some(hierarchy) => (hierarchy, None),
            None => (unified_with(controller, cgroups)?, Some(controller.clone())),
        };
        match found.iter_mut().find(|(other, _)| *other == hierarchy) {
            Some((_, more)) => more.extend(wanted),
            None => found.push((hierarchy, wanted.into_iter().collect())),
        }
    }
    not_empty(found)
}

fn not_empty<T>(found: Vec<T>) -> Result<Vec<T>> {
    match found.is_empty() {
        true => Err(Error::because("find", "the hierarchy", "it is not mounted")),
        false => Ok(found),
    }
}

/// The hierarchy of version 2, where it has the controller.
fn unified_with<'a>(controller: &[u8], cgroups: &'a Cgroups) -> Result<&'a Hierarchy> {
    let unified = cgroups.unified.as_ref().filter(|unified| is_available(unified, controller));
    unified.ok_or_else(|| {
        let name = OsStr::from_bytes(controller);
        Error::because("find the controller", name, "no mounted hierarchy has it")
    })
}

/// Whether the hierarchy of version 2 has a controller.
pub fn is_available(unified: &Hierarchy, controller: &[u8]) -> bool {
    let root = Group::open(OsString::from_vec(unified.point.clone())).ok();
    let list = root.and_then(|root| root.read("cgroup.controllers").ok()).unwrap_or_default();
    list.split(u8::is_ascii_whitespace).any(|one| one == controller)
}

/// Below the caller's own cgroup; of version 2 beside it, since a cgroup that holds processes cannot enable controllers.
fn bases(path: &Path, hierarchy: &Hierarchy) -> Vec<OsString> {
    let (point, own) = (&hierarchy.point, &hierarchy.own);
    let mut bases = match (path.is_relative, own == point) {
        (false, _) => vec![point.clone()],
        (true, false) if hierarchy.controllers.is_empty() => vec![parent(own), own.clone()],
        (true, _) => vec![own.clone()],
    };
    bases.drain(..).map(OsString::from_vec).collect()
}

fn parent(path: &[u8]) -> Vec<u8> {
    let end = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    path[..end].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &[u8] = b"25 24 0:23 / /c/unified rw - cgroup2 cgroup2 rw
26 24 0:24 / /c/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
27 24 0:25 / /c/systemd rw - cgroup systemd rw,name=systemd
29 24 0:26 / /c/pids rw - cgroup cgroup rw,pids
";
    const GROUPS: &[u8] = b"3:cpu,cpuacct:/x\n2:name=systemd:/a/b\n1:pids:/\n0::/z/s.scope\n";

    fn text(bytes: &[u8]) -> String {
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    fn found(targets: &[&str]) -> Vec<(String, Vec<OsString>, Vec<OsString>)> {
        let cgroups = Cgroups::parse(GROUPS, MOUNTS);
        let targets: Vec<_> =
            targets.iter().map(|text| Target::parse(OsStr::new(text)).unwrap()).collect();
        let describe = |place: Place| (text(&place.hierarchy.point), place.bases, place.names);
        find(&targets, &cgroups).unwrap().into_iter().map(describe).collect()
    }

    fn row(point: &str, bases: &[&str], names: &[&str]) -> (String, Vec<OsString>, Vec<OsString>) {
        let words = |words: &[&str]| words.iter().map(OsString::from).collect();
        (point.into(), words(bases), words(names))
    }

    #[test]
    fn every_hierarchy_or_those_of_the_controllers() {
        let all = found(&["*:/a/b"]);
        assert_eq!(all.len(), 4);
        assert_eq!(all[0], row("/c/cpu,cpuacct", &["/c/cpu,cpuacct"], &["a", "b"]));
        assert_eq!(all[3], row("/c/unified", &["/c/unified"], &["a", "b"]));
        assert_eq!(found(&["cpuacct,cpu:a"]), [row("/c/cpu,cpuacct", &["/c/cpu,cpuacct"], &["a"])]);
        assert_eq!(found(&["name=systemd:a"]), [row("/c/systemd", &["/c/systemd"], &["a"])]);
        assert_eq!(found(&[":a"]), [row("/c/unified", &["/c/unified"], &["a"])]);
    }

    #[test]
    fn the_last_target_counts() {
        let places = found(&["*:a", "pids:b"]);
        assert_eq!(places.len(), 4);
        assert_eq!(places[3], row("/c/pids", &["/c/pids"], &["b"]));
    }

    #[test]
    fn beside_or_below_the_own_cgroup() {
        let places = found(&["*:./a"]);
        assert_eq!(places[0], row("/c/cpu,cpuacct", &["/c/cpu,cpuacct/x"], &["a"]));
        assert_eq!(places[1], row("/c/systemd", &["/c/systemd/a/b"], &["a"]));
        assert_eq!(places[2], row("/c/pids", &["/c/pids"], &["a"]));
        assert_eq!(places[3], row("/c/unified", &["/c/unified/z", "/c/unified/z/s.scope"], &["a"]));
    }

    #[test]
    fn controllers_that_are_not_there() {
        let cgroups = Cgroups::parse(GROUPS, MOUNTS);
        for text in ["nosuch:a", "cpu,nosuch:a"] {
            let target = Target::parse(OsStr::new(text)).unwrap();
            assert!(find(&[target], &cgroups).is_err(), "{text}");
        }
        let target = Target::parse(OsStr::new("*:a")).unwrap();
        assert!(find(&[target], &Cgroups::default()).is_err());
    }
}
