//! `process.rlimits[]`: the limits of the process.

use nix::sys::resource::Resource;

use crate::node::{Node, Row, U64, row};

/// A limit of the kernel.
#[derive(Debug, PartialEq, Eq)]
pub struct Limit {
    /// As in the specification, after `RLIMIT_`.
    pub name: &'static str,
    pub resource: Resource,
    pub ulimit: Ulimit,
}

/// How the shell's `ulimit` sets a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ulimit {
    /// By this letter, in units of so many bytes or other things.
    Unit(char, u64),
    /// By this letter, where it is 0 or unlimited: shells count in different units.
    Ends(char),
    /// Not in the same way in all shells.
    No,
}

const fn limit(name: &'static str, resource: Resource, ulimit: Ulimit) -> Limit {
    Limit { name, resource, ulimit }
}

/// All of setrlimit(2), `-p` and `-w` mean different things in different shells.
pub const LIMITS: &[Limit] = &[
    limit("CPU", Resource::RLIMIT_CPU, Ulimit::Unit('t', 1)),
    // It holds for the files that some shells write here-documents to.
    limit("FSIZE", Resource::RLIMIT_FSIZE, Ulimit::No),
    limit("DATA", Resource::RLIMIT_DATA, Ulimit::Unit('d', 1024)),
    limit("STACK", Resource::RLIMIT_STACK, Ulimit::Unit('s', 1024)),
    limit("CORE", Resource::RLIMIT_CORE, Ulimit::Ends('c')),
    limit("RSS", Resource::RLIMIT_RSS, Ulimit::No),
    limit("NPROC", Resource::RLIMIT_NPROC, Ulimit::No),
    limit("NOFILE", Resource::RLIMIT_NOFILE, Ulimit::Unit('n', 1)),
    limit("MEMLOCK", Resource::RLIMIT_MEMLOCK, Ulimit::Unit('l', 1024)),
    limit("AS", Resource::RLIMIT_AS, Ulimit::Unit('v', 1024)),
    limit("LOCKS", Resource::RLIMIT_LOCKS, Ulimit::No),
    limit("SIGPENDING", Resource::RLIMIT_SIGPENDING, Ulimit::No),
    limit("MSGQUEUE", Resource::RLIMIT_MSGQUEUE, Ulimit::No),
    limit("NICE", Resource::RLIMIT_NICE, Ulimit::No),
    limit("RTPRIO", Resource::RLIMIT_RTPRIO, Ulimit::No),
    limit("RTTIME", Resource::RLIMIT_RTTIME, Ulimit::No),
];

/// So many descriptors the tools have open at once, measured with the mounts of a new configuration.
const DESCRIPTORS: u64 = 15;

/// RLIM_INFINITY.
pub const UNLIMITED: u64 = u64::MAX;

#[derive(Debug)]
pub struct Rlimit {
    pub limit: &'static Limit,
    pub soft: u64,
    pub hard: u64,
    /// Its path in the file.
    pub path: String,
}

#[derive(Debug, Default)]
struct Raw {
    kind: Option<String>,
    soft: Option<i128>,
    hard: Option<i128>,
}

const ROWS: &[Row<Raw>] = &[
    row("type", |raw, n| raw.kind = n.text()),
    row("soft", |raw, n| raw.soft = n.number(&U64)),
    row("hard", |raw, n| raw.hard = n.number(&U64)),
];

pub fn read(node: Node) -> Vec<Rlimit> {
    let mut rlimits: Vec<Rlimit> = Vec::new();
    node.each(|node| {
        let Some(rlimit) = node.object(ROWS).and_then(|raw| raw.check(&node)) else { return };
        if rlimits.iter().any(|other| other.limit == rlimit.limit) {
            node.fault(format!("is RLIMIT_{} for the second time", rlimit.limit.name));
        }
        rlimits.push(rlimit);
    });
    rlimits
}

impl Raw {
    fn check(self, node: &Node) -> Option<Rlimit> {
        node.demand(self.kind.is_some(), "type");
        node.demand(self.soft.is_some(), "soft");
        node.demand(self.hard.is_some(), "hard");
        let kind = self.kind?;
        let name = kind.strip_prefix("RLIMIT_");
        let Some(limit) = LIMITS.iter().find(|limit| Some(limit.name) == name) else {
            let kind = common::quote(kind);
            node.member_fault("type", format!("is not a resource limit: {kind}"));
            return None;
        };
        let (soft, hard) = (u64::try_from(self.soft?).ok()?, u64::try_from(self.hard?).ok()?);
        if limit.name == "NOFILE" && soft < DESCRIPTORS {
            node.fault(format!(
                "leaves too few descriptors: it takes {DESCRIPTORS} to make the container"
            ));
        }
        if soft > hard {
            node.fault("has a soft limit above the hard one");
        }
        Some(Rlimit { limit, soft, hard, path: node.path() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_is_the_one_of_its_name() {
        for limit in LIMITS {
            assert_eq!(format!("{:?}", limit.resource), format!("RLIMIT_{}", limit.name));
        }
        assert_eq!(LIMITS.len(), 16);
    }
}
