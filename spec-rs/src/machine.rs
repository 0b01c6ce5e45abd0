//! The facts of the machine on which the line depends, read once, so that tests can make up a machine.

use common::cgroup::Cgroups;
use common::sys;
use nix::sys::resource::getrlimit;
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
}

/// linux/capability.h
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
            may_raise_limits: needs_limits && may_raise_limits(),
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

fn may_raise_limits() -> bool {
    sys::capget().is_ok_and(|sets| sets.effective & 1 << CAP_SYS_RESOURCE != 0)
}
