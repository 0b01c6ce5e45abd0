//! The cgroups of the target, in every hierarchy.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use common::cgroup::entry::refused;
use common::cgroup::group::{Group, Version};
use common::cgroup::{Cgroups, Line, lines};
use common::{Error, Hint, Result, input, procfs};

use crate::target::Process;

/// The cgroups of the process, except those that this process is in too.
pub fn of(process: &Process) -> Result<Vec<Group>> {
    let own = input::read(OsStr::new("/proc/self/cgroup")).hint(|_| procfs::not_mounted())?;
    let text = process.cgroups()?;
    let own: Vec<_> = lines(&own).collect();
    let differ = lines(&text).filter(|line| !own.contains(line));
    differ.map(|line| open(line, &text, process)).collect()
}

/// First tries the usual directory of the hierarchy: it saves reading the table of all mounts.
fn open(line: Line, text: &[u8], process: &Process) -> Result<Group> {
    let Line { controllers, path } = line;
    let failed = |reason: String| {
        Error::because("find the cgroup of the process", process.number().to_string(), reason)
    };
    if path.starts_with(b"/..") {
        return Err(failed("it is outside of this process's cgroup namespace".into()));
    }
    let version = if controllers.is_empty() { Version::Two } else { Version::One };
    for root in usual_places(controllers) {
        match Group::open(OsString::from_vec([&root[..], path].concat())) {
            Ok(group) if group.version() == version => return Ok(group),
            _ => {}
        }
    }
    let mounts = input::read(OsStr::new("/proc/self/mountinfo"))?;
    let cgroups = Cgroups::parse(text, &mounts);
    let mut all = cgroups.hierarchies.iter().chain(&cgroups.unified);
    match all.find(|hierarchy| hierarchy.controllers == controllers) {
        Some(hierarchy) => Group::open(OsStr::from_bytes(&hierarchy.own)),
        None if controllers.is_empty() => {
            Err(failed("no cgroup file system of version 2 is mounted".into()))
        }
        None => {
            let name = String::from_utf8_lossy(controllers);
            Err(failed(format!("no cgroup file system of '{name}' is mounted")))
        }
    }
}

fn usual_places(controllers: &[u8]) -> Vec<Vec<u8>> {
    const ROOT: &[u8] = b"/sys/fs/cgroup";
    let below = |name: &[u8]| [ROOT, b"/", name].concat();
    match controllers {
        b"" => vec![ROOT.to_vec(), below(b"unified")],
        named => vec![below(named.strip_prefix(b"name=").unwrap_or(named))],
    }
}

/// This process joins them.
pub fn join(groups: &[Group]) -> Result<()> {
    groups.iter().try_for_each(|group| group.join().map_err(|errno| refused(group, errno)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let places = |controllers: &str| usual_places(controllers.as_bytes());
        assert_eq!(places("name=systemd"), [b"/sys/fs/cgroup/systemd".to_vec()]);
        assert_eq!(places("cpu,cpuacct"), [b"/sys/fs/cgroup/cpu,cpuacct".to_vec()]);
        assert_eq!(places("").len(), 2);
    }
}
