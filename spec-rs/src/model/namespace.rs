//! `linux.namespaces[]`: which namespaces are new.

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

/// Each type's name in the specification, and its option of unshare-rs.
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

#[derive(Debug, Default)]
struct Namespace {
    kind: Option<String>,
}

const ROWS: &[Row<Namespace>] = &[
    row("type", |namespace, n| namespace.kind = n.text()),
    row("path", |_, n| n.refuse_text(&[""])),
];

/// The types, each once.
pub fn read(node: Node) -> Vec<Kind> {
    let mut kinds = Vec::new();
    node.each(|node| {
        let Some(namespace) = node.object(ROWS) else { return };
        node.demand(namespace.kind.is_some(), "type");
        let Some(name) = namespace.kind else { return };
        match KINDS.iter().find(|(known, ..)| *known == name) {
            None => {
                let name = common::quote(name);
                node.member_fault("type", format!("is not a type of namespace: {name}"));
            }
            Some((_, kind, _)) if kinds.contains(kind) => {
                node.fault(format!("is {name} for the second time"));
            }
            Some((_, kind, _)) => kinds.push(*kind),
        }
    });
    kinds
}
