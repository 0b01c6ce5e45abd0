//! `linux.uidMappings[]` and `linux.gidMappings[]`: the ids of a user namespace.

use crate::node::{IDS, Node, Row, row};

#[derive(Debug, Default)]
pub struct Mapping {
    pub container: i128,
    pub host: i128,
    pub size: i128,
}

impl Mapping {
    /// Whether it maps this id of the container.
    pub fn has(&self, id: i128) -> bool {
        (self.container..self.container + self.size).contains(&id)
    }

    /// A range of bindmount-rs, for users or groups.
    pub fn range(&self, letter: &str) -> String {
        format!("{letter}:{}:{}:{}", self.container, self.host, self.size)
    }
}

/// The kernel takes no more lines (UID_GID_MAP_MAX_EXTENTS).
const LINES: usize = 340;

/// The number after the last id: the one that means "no id".
const END: i128 = u32::MAX as i128;

pub const ROWS: &[Row<Mapping>] = &[
    row("containerID", |mapping, n| mapping.container = n.number(&IDS).unwrap_or_default()),
    row("hostID", |mapping, n| mapping.host = n.number(&IDS).unwrap_or_default()),
    row("size", |mapping, n| mapping.size = n.number(&(1..=END)).unwrap_or_default()),
];

pub fn read(node: Node) -> Vec<Mapping> {
    let mut mappings: Vec<Mapping> = Vec::new();
    node.each(|node| {
        let Some(mapping) = node.object(ROWS) else { return };
        node.demand(mapping.size != 0, "size");
        if mapping.container + mapping.size > END || mapping.host + mapping.size > END {
            node.fault("ends beyond the last id, 4294967294");
        }
        mappings.push(mapping);
    });
    if mappings.len() > LINES {
        node.fault(format!("has more than {LINES} elements"));
    }
    mappings
}
