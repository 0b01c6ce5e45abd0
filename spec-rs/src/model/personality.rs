//! `linux.personality`: the execution domain.

use crate::node::{Node, Row, row};

/// What uname(2) calls the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    Linux,
    Linux32,
}

#[derive(Debug, Default)]
pub struct Personality {
    pub domain: Option<Domain>,
}

pub const ROWS: &[Row<Personality>] = &[
    row("domain", |personality, n| personality.domain = domain(n)),
    row("flags", |_, n| n.refuse_array(|n| n.check_text())),
];

fn domain(node: Node) -> Option<Domain> {
    match node.text()?.as_str() {
        "" => None,
        "LINUX" => Some(Domain::Linux),
        "LINUX32" => Some(Domain::Linux32),
        _ => {
            node.fault("must be LINUX or LINUX32");
            None
        }
    }
}
