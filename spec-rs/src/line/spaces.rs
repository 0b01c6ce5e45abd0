//! Which namespaces the container is in: new ones, ones that are joined by a path, or the caller's.

use crate::machine::Machine;
use crate::model::{KINDS, Kind, Namespace};
use crate::node::Log;

/// How the container comes to a namespace that is not the caller's.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    New,
    Joined(String),
}

/// Those that are not the caller's.
#[derive(Debug, Default)]
pub struct Spaces(Vec<(Kind, Source)>);

impl Spaces {
    /// What a path leads to is looked at, so that no container starts in part; nsenter-rs looks again at what it opens.
    /// The caller's own namespace is not joined: the kernel refuses that for the user namespace, and for others where
    /// the caller is not privileged.
    pub fn of(namespaces: &[Namespace], machine: &Machine, log: &Log) -> Self {
        let mut spaces = Vec::new();
        for Namespace { kind, path, origin } in namespaces {
            let Some(path) = path else {
                spaces.push((*kind, Source::New));
                continue;
            };
            let fault = |reason: String| log.fault(format_args!("{origin}.path"), reason);
            match (machine.namespace)(path) {
                Err(reason) => fault(reason),
                Ok(found) if found.kind != *kind => fault(format!(
                    "is a namespace of another type: {} is {}",
                    common::quote(path),
                    found.kind.name()
                )),
                Ok(found) if found.is_own => continue,
                Ok(_) => {}
            }
            spaces.push((*kind, Source::Joined(path.clone())));
        }
        Self(spaces)
    }

    /// Those of a process that are not the caller's. One that cannot be looked at is joined, which tells the reason.
    pub fn of_process(pid: u32, machine: &Machine) -> Self {
        let joined = |(_, kind, option): &(_, Kind, &str)| {
            let path = format!("/proc/{pid}/ns/{}", file_of(option));
            let found = (machine.namespace)(&path);
            let is_missing = !(machine.has_namespaces)(*kind);
            let is_joined = !is_missing && found.map_or(true, |found| !found.is_own);
            is_joined.then_some((*kind, Source::Joined(path)))
        };
        Self(KINDS.iter().filter_map(joined).collect())
    }

    pub fn has(&self, kind: Kind) -> bool {
        self.0.iter().any(|(other, _)| *other == kind)
    }

    pub fn has_new(&self, kind: Kind) -> bool {
        self.0.contains(&(kind, Source::New))
    }

    pub fn joined(&self, kind: Kind) -> Option<&str> {
        self.0.iter().find_map(|(other, source)| match source {
            Source::Joined(path) if *other == kind => Some(path.as_str()),
            _ => None,
        })
    }

    /// Those that are joined but for the mount namespace, with which the root changes, as options of nsenter-rs.
    pub fn joins(&self, wanted: impl Fn(Kind) -> bool) -> Vec<String> {
        let rows = KINDS.iter().filter(|(_, kind, _)| *kind != Kind::Mount && wanted(*kind));
        let join = |(_, kind, option): &(_, Kind, _)| {
            self.joined(*kind).map(|path| format!("{option}={path}"))
        };
        rows.filter_map(join).collect()
    }

    /// Whether a joined namespace has to be there before the new ones are made, which then belong to it, or do not take
    /// away the power to join it. The child that joins then makes the new ones itself.
    pub fn are_made_by_the_child(&self) -> bool {
        self.joined(Kind::User).is_some()
            || self.has_new(Kind::User) && !self.joins(|_| true).is_empty()
    }

    /// Whether the last process of the container is made by a fork: in a new PID namespace, or a joined one, and in a new
    /// time namespace, which begins with a child.
    pub fn need_a_fork(&self) -> bool {
        self.has(Kind::Pid) || self.has_new(Kind::Time)
    }
}

/// The file in proc(5) of the type that has this option.
fn file_of(option: &str) -> &str {
    match option.trim_start_matches("--") {
        "mount" => "mnt",
        name => name,
    }
}
