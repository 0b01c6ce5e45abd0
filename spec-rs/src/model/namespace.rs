//! `linux.namespaces[]`: which namespaces are new, and which are joined.

use super::text;
use crate::node::{Node, Row, row};

/// A type of namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Pid,
    Network,
    Mount,
    Ipc,
    Uts,
    User,
    Cgroup,
    Time,
}

/// Each type's name in the specification, and its option of unshare-rs and nsenter-rs.
pub const KINDS: &[(&str, Kind, &str)] = &[
    ("user", Kind::User, "--user"),
    ("mount", Kind::Mount, "--mount"),
    ("pid", Kind::Pid, "--pid"),
    ("network", Kind::Network, "--net"),
    ("ipc", Kind::Ipc, "--ipc"),
    ("uts", Kind::Uts, "--uts"),
    ("cgroup", Kind::Cgroup, "--cgroup"),
    ("time", Kind::Time, "--time"),
];

impl Kind {
    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind, _)| *kind == self).map_or("", |(name, ..)| name)
    }
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Namespace {
    pub kind: Kind,
    /// The file of the namespace that is joined.
    pub path: Option<String>,
    /// Its path in the configuration.
    pub origin: String,
}

#[derive(Debug, Default)]
struct Raw {
    kind: Option<String>,
    path: Option<String>,
}

const ROWS: &[Row<Raw>] =
    &[row("type", |raw, n| raw.kind = n.text()), row("path", |raw, n| raw.path = path(&n))];

/// An empty one counts as none, for the runtimes in Go that write it.
fn path(node: &Node) -> Option<String> {
    match node.is_empty_text() {
        true => None,
        false => text::absolute_path(node),
    }
}

/// The namespaces, each type once.
pub fn read(node: Node) -> Vec<Namespace> {
    let mut namespaces: Vec<Namespace> = Vec::new();
    node.each(|node| {
        let Some(raw) = node.object(ROWS) else { return };
        node.demand(raw.kind.is_some(), "type");
        let Some(name) = raw.kind else { return };
        let Some((_, kind, _)) = KINDS.iter().find(|(known, ..)| *known == name) else {
            let name = common::quote(name);
            node.member_fault("type", format!("is not a type of namespace: {name}"));
            return;
        };
        if namespaces.iter().any(|other| other.kind == *kind) {
            node.fault(format!("is {name} for the second time"));
            return;
        }
        namespaces.push(Namespace { kind: *kind, path: raw.path, origin: node.path() });
    });
    namespaces
}
