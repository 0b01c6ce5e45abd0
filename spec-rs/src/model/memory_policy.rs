//! `linux.memoryPolicy`: where memory is taken from. It becomes options of numactl(8).

use super::text;
use crate::node::{Node, Row, row};

#[derive(Debug, Default)]
struct Raw {
    mode: Option<String>,
    nodes: String,
    balances: bool,
}

const ROWS: &[Row<Raw>] = &[
    row("mode", |raw, n| raw.mode = n.text()),
    row("nodes", |raw, n| raw.nodes = text::numbers(&n).unwrap_or_default()),
    row("flags", |raw, n| n.each(|n| raw.balances |= is_balancing(&n))),
];

/// Which nodes go with a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Nodes {
    None,
    /// One, or none: the node that the process runs on.
    One,
    Some,
}

/// The modes, each with its option of numactl(8). The default asks for nothing.
const MODES: &[(&str, &str, Nodes)] = &[
    ("MPOL_DEFAULT", "", Nodes::None),
    ("MPOL_LOCAL", "--localalloc", Nodes::None),
    ("MPOL_BIND", "--membind", Nodes::Some),
    ("MPOL_INTERLEAVE", "--interleave", Nodes::Some),
    ("MPOL_PREFERRED", "--preferred", Nodes::One),
    ("MPOL_PREFERRED_MANY", "--preferred-many", Nodes::Some),
];

/// What numactl(8) 2.0.16 has no option for.
const REFUSED: &[&str] =
    &["MPOL_WEIGHTED_INTERLEAVE", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES"];

fn is_balancing(node: &Node) -> bool {
    let Some(flag) = node.text() else { return false };
    match flag.as_str() {
        "MPOL_F_NUMA_BALANCING" => return true,
        flag if REFUSED.contains(&flag) => node.fault(format!("is not supported: '{flag}'")),
        flag => node.fault(format!("is not a flag of a memory policy: {}", common::quote(flag))),
    }
    false
}

/// The options of numactl; none where nothing is asked for.
pub fn read(node: Node) -> Vec<String> {
    match node.object(ROWS) {
        Some(raw) if !node.is_empty() => raw.options(&node).unwrap_or_default(),
        _ => Vec::new(),
    }
}

impl Raw {
    fn options(&self, node: &Node) -> Option<Vec<String>> {
        node.demand(self.mode.is_some(), "mode");
        let name = self.mode.as_deref()?;
        let Some((_, option, nodes)) = MODES.iter().find(|(known, ..)| *known == name) else {
            node.member_fault(
                "mode",
                match REFUSED.contains(&name) {
                    true => format!("is not supported: '{name}'"),
                    false => format!("is not a memory policy: {}", common::quote(name)),
                },
            );
            return None;
        };
        self.check(*nodes, *option == "--membind", node);
        Some(match (*option, self.nodes.as_str()) {
            ("", _) => Vec::new(),
            ("--localalloc", _) | ("--preferred", "") => vec!["--localalloc".into()],
            (option, list) => {
                let balancing = self.balances.then(|| "--balancing".to_owned());
                balancing.into_iter().chain([format!("{option}={list}")]).collect()
            }
        })
    }

    fn check(&self, nodes: Nodes, is_bind: bool, node: &Node) {
        let is_one = !self.nodes.contains([',', '-']);
        match nodes {
            Nodes::None if !self.nodes.is_empty() => {
                node.member_fault("nodes", "must be empty with this mode");
            }
            Nodes::Some if self.nodes.is_empty() => {
                node.member_fault("nodes", "must name a node with this mode");
            }
            Nodes::One if !is_one => {
                node.member_fault("nodes", "is not supported with MPOL_PREFERRED but for one node");
            }
            _ => {}
        }
        if self.balances && !is_bind {
            node.member_fault("flags", "has MPOL_F_NUMA_BALANCING, which only MPOL_BIND takes");
        }
    }
}
