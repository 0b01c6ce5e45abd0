//! User and group ids, and blocks of them.

use std::fmt;
use std::fs;

/// The differences between user ids and group ids.
#[derive(Debug, PartialEq, Eq)]
pub struct Sort {
    pub noun: &'static str,
    pub short: &'static str,
    pub map: &'static str,
    pub helper: &'static str,
    pub ranges: &'static str,
    /// The capability's number (linux/capability.h).
    pub capability: u32,
}

pub const USERS: Sort = Sort {
    noun: "user",
    short: "uid",
    map: "uid_map",
    helper: "newuidmap",
    ranges: "/etc/subuid",
    capability: 7,
};

pub const GROUPS: Sort = Sort {
    noun: "group",
    short: "gid",
    map: "gid_map",
    helper: "newgidmap",
    ranges: "/etc/subgid",
    capability: 6,
};

/// `count` ids from `inner` on, which are the ids from `outer` on in the parent namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    pub inner: u32,
    pub outer: u32,
    pub count: u32,
}

impl Range {
    /// Whether the kernel may accept it: the last id is 2^32 - 2.
    pub fn is_possible(&self) -> bool {
        let fits = |start: u32| start.checked_add(self.count).is_some();
        self.count > 0 && fits(self.inner) && fits(self.outer)
    }

    /// Whether all ids that `other` maps from outside are among the ids of this one inside.
    pub fn holds_outer(&self, other: &Self) -> bool {
        let end = |start: u32, count: u32| u64::from(start) + u64::from(count);
        self.inner <= other.outer && end(other.outer, other.count) <= end(self.inner, self.count)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}:{}:{}", self.inner, self.outer, self.count)
    }
}

/// Who writes a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// The process inside the new namespace: its own id alone (user_namespaces(7)).
    Inside,
    /// A process that stayed outside, with CAP_SETUID or CAP_SETGID there.
    Outside,
    /// newuidmap or newgidmap, started outside.
    Program,
}

/// One file of `/proc/PID/`, ready to be written.
#[derive(Debug, PartialEq, Eq)]
pub struct Map {
    pub sort: &'static Sort,
    pub ranges: Vec<Range>,
    pub writer: Writer,
}

/// The ids that this process's user namespace has, as themselves. Where `file` cannot be read there are none.
pub fn id_map(file: &str) -> Vec<Range> {
    let text = fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default();
    common::id_map::parse(&text)
        .map(|block| Range { inner: block.inside, outer: block.inside, count: block.count })
        .collect()
}
