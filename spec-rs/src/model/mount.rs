//! `mounts[]`: what is mounted, in this order.

use super::options::{self, Options};
use super::{mapping, text};
use crate::node::{Node, Row, row};

#[derive(Debug, Default)]
pub struct Mount {
    /// Absolute, and simple.
    pub destination: String,
    pub source: String,
    pub kind: String,
    pub options: Options,
    /// Its path in the file.
    pub path: String,
}

const ROWS: &[Row<Mount>] = &[
    row("destination", |mount, n| mount.destination = text::path(&n).unwrap_or_default()),
    row("source", |mount, n| mount.source = text::path(&n).unwrap_or_default()),
    row("type", |mount, n| mount.kind = kind(n).unwrap_or_default()),
    row("options", |mount, n| mount.options = options::read(n)),
    row("uidMappings", |_, n| n.refuse_array(|n| n.check_object(mapping::ROWS))),
    row("gidMappings", |_, n| n.refuse_array(|n| n.check_object(mapping::ROWS))),
];

/// Types to which bindmount-rs gives a meaning of its own.
const OF_TABLES: &[&str] = &[
    "auto", "block", "char", "dir", "fifo", "file", "ignore", "mask", "readonly", "swap", "symlink",
];

fn kind(node: Node) -> Option<String> {
    let kind = text::path(&node)?;
    if OF_TABLES.contains(&kind.as_str()) {
        node.fault(format!("is not a file system: '{kind}'"));
    }
    Some(kind)
}

pub fn read(node: Node) -> Vec<Mount> {
    let mut mounts = Vec::new();
    node.each(|node| {
        let Some(mut mount) = node.object(ROWS) else { return };
        mount.path = node.path();
        mount.demand(&node);
        mount.destination = text::simple(&mount.destination);
        mounts.push(mount);
    });
    mounts
}

impl Mount {
    /// Whether a directory or file is shown at another place too. The type is then a dummy.
    pub fn is_bind(&self) -> bool {
        self.options.bind.is_some() || self.kind == "bind"
    }

    fn demand(&self, node: &Node) {
        node.demand(!self.destination.is_empty(), "destination");
        if !self.destination.is_empty() && text::simple(&self.destination) == "/" {
            node.member_fault("destination", "is the root");
        }
        if self.options.remount && !self.is_bind() {
            let reason = "must have 'bind' beside 'remount', which else changes the file system for all who use it";
            node.member_fault("options", reason);
        } else if self.is_bind() {
            node.demand(!self.source.is_empty() || self.options.remount, "source");
        } else {
            node.demand(!matches!(self.kind.as_str(), "" | "none"), "type");
        }
    }
}
