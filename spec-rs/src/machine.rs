//! The facts of the machine on which the line depends, read once, so that tests can make up a machine.

use std::fs;
use std::path::Path;

use common::cgroup::Cgroups;
use common::sys;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::{Uid, getegid, geteuid};

use crate::model::Limit;

/// What cannot be told is no limit.
pub type HardLimit = fn(&Limit) -> u64;

/// What the line depends on.
#[derive(Debug)]
pub struct Machine {
    pub uid: u32,
    pub gid: u32,
    /// The hierarchies, where a mount asks for them.
    pub cgroups: Cgroups,
    /// The caller's own hard limit.
    pub hard_limit: HardLimit,
    /// Whether the caller may raise one (CAP_SYS_RESOURCE).
    pub may_raise_limits: bool,
    /// What follows is asked for where the configuration says something of it.
    pub nice: fn() -> i128,
    /// The lowest value that the caller may choose.
    pub lowest_nice: fn() -> i128,
    /// Whether the caller's personality is that of every process.
    pub has_default_personality: fn() -> bool,
    pub has_apparmor: fn() -> bool,
    pub has_selinux: fn() -> bool,
}

/// linux/capability.h
const CAP_SYS_NICE: u32 = 23;
const CAP_SYS_RESOURCE: u32 = 24;

impl Machine {
    /// This machine. The mount table is read only where it is needed.
    pub fn this(needs_cgroups: bool, needs_limits: bool) -> Self {
        let cgroups = match needs_cgroups {
            true => Cgroups::of_this_process(),
            false => Cgroups::default(),
        };
        Self {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
            cgroups,
            hard_limit: |limit| getrlimit(limit.resource).map_or(u64::MAX, |(_, hard)| hard),
            may_raise_limits: needs_limits && is_capable(CAP_SYS_RESOURCE),
            nice,
            lowest_nice,
            has_default_personality,
            has_apparmor: || read("/sys/module/apparmor/parameters/enabled").starts_with(b"Y"),
            has_selinux: || Path::new("/sys/fs/selinux/enforce").exists(),
        }
    }

    /// What a new configuration depends on.
    pub fn for_new() -> Self {
        Self::this(true, false)
    }

    pub fn is_root(&self) -> bool {
        Uid::from_raw(self.uid).is_root()
    }
}

fn is_capable(capability: u32) -> bool {
    sys::capget().is_ok_and(|sets| sets.effective & 1 << capability != 0)
}

/// The field behind the name, which may hold blanks and brackets (proc_pid_stat(5)).
fn nice() -> i128 {
    let stat = read("/proc/self/stat");
    let fields = stat.rsplit(|&b| b == b')').next().unwrap_or_default();
    let nice =
        fields.split(|&b| b == b' ').nth(17).and_then(|field| std::str::from_utf8(field).ok());
    nice.and_then(|nice| nice.parse().ok()).unwrap_or_default()
}

/// getrlimit(2), RLIMIT_NICE
fn lowest_nice() -> i128 {
    match is_capable(CAP_SYS_NICE) {
        true => -20,
        false => getrlimit(Resource::RLIMIT_NICE).map_or(20, |(soft, _)| 20 - i128::from(soft)),
    }
}

/// In hexadecimal. What cannot be read is taken for the default.
fn has_default_personality() -> bool {
    read("/proc/self/personality").iter().all(|&b| b == b'0' || b == b'\n')
}

/// What cannot be read is not there.
fn read(path: &str) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}
