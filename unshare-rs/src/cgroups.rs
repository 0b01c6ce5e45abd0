//! The cgroups of the child: joined at its start, and removed at its end with `--remove-cgroup`.

use std::ffi::OsString;

use common::cgroup::entry::Entry;
use common::cgroup::group::Group;
use common::cgroup::{list, remove};
use common::{Error, Result, start};
use nix::sched::{CloneFlags, unshare};

use crate::explain;

/// The options about cgroups.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Cgroups {
    /// Cgroups, or files that list them.
    pub paths: Vec<OsString>,
    /// Whether they are removed when COMMAND has ended.
    pub remove: bool,
}

impl Cgroups {
    /// Opens them into `groups`. Refuses a cgroup that could not be removed later.
    pub fn open(&self, groups: &mut Vec<Group>) -> Result<()> {
        for path in &self.paths {
            for group in list::open(path)? {
                if self.remove {
                    remove::check(&group)?;
                }
                groups.push(group);
            }
        }
        Ok(())
    }

    /// Says so if the kernel has killed a process in them for its memory: that process could not say it itself.
    pub fn report_lack_of_memory(&self, groups: &[Group]) {
        let short = groups.iter().find(|group| self.remove && has_lacked_memory(group));
        if let Some(group) = short {
            let reason = "the kernel killed a process for its memory, and the limit may be too low";
            let error = Error::because("keep COMMAND within the memory of", group.path(), reason);
            start::report(&error);
        }
    }

    /// Removes them with `--remove-cgroup`. A failure is reported, and does not change the exit status: it is COMMAND's.
    pub fn remove(&self, groups: &[Group]) {
        if self.remove {
            remove::remove(groups).unwrap_or_else(|error| start::report(&error));
        }
    }
}

/// The file of version 2, and that of version 1.
fn has_lacked_memory(group: &Group) -> bool {
    ["memory.events", "memory.oom_control"].iter().any(|file| {
        let text = group.read(file).unwrap_or_default();
        let mut lines = text.split(|&byte| byte == b'\n');
        let count = lines.find_map(|line| line.strip_prefix(b"oom_kill "));
        count.is_some_and(|count| count != b"0")
    })
}

/// The cgroup namespace of `flags`, if the child joins cgroups. It is made after that: from clone(2) it would have the
/// parent's cgroups as its roots.
pub fn namespace_to_come(flags: CloneFlags, entry: Option<&Entry>) -> CloneFlags {
    entry.map_or(CloneFlags::empty(), |_| flags & CloneFlags::CLONE_NEWCGROUP)
}

/// Makes that namespace.
pub fn make_namespace(flag: CloneFlags) -> Result<()> {
    match flag.is_empty() {
        true => Ok(()),
        false => unshare(flag).map_err(|errno| explain::not_unshared(flag, errno)),
    }
}
