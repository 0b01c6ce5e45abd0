//! `mounts[]`: what is mounted, in this order.

use super::mapping::{self, Mapping};
use super::options::{self, Options};
use super::text;
use crate::node::{Node, Row, row};

#[derive(Debug, Default)]
pub struct Mount {
    /// Absolute, and simple.
    pub destination: String,
    pub source: String,
    pub kind: String,
    pub options: Options,
    pub uid_mappings: Vec<Mapping>,
    pub gid_mappings: Vec<Mapping>,
    /// The only directory of the source of a bind that is mounted; the configuration has no word for it.
    pub subdirectory: Option<String>,
    /// What a user namespace makes of the owners; the configuration has no word for it.
    pub owners: Option<Owners>,
    /// Its path in the file.
    pub path: String,
}

/// The owners of a bind whose source is opened before a user namespace begins: its path may be closed to that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owners {
    Map,
    Keep,
}

const ROWS: &[Row<Mount>] = &[
    row("destination", |mount, n| mount.destination = text::path(&n).unwrap_or_default()),
    row("source", |mount, n| mount.source = text::path(&n).unwrap_or_default()),
    row("type", |mount, n| mount.kind = kind(n).unwrap_or_default()),
    row("options", |mount, n| mount.options = options::read(n)),
    row("uidMappings", |mount, n| mount.uid_mappings = mapping::read(n)),
    row("gidMappings", |mount, n| mount.gid_mappings = mapping::read(n)),
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

    /// Whether owners are mapped, as those who have mappings alone ask for too.
    pub fn is_mapped(&self) -> bool {
        self.options.idmap.is_some() || !self.uid_mappings.is_empty()
    }

    /// Both mappings, or none.
    fn demand_mappings(&self, node: &Node) {
        for (mappings, others, name) in [
            (&self.uid_mappings, &self.gid_mappings, "uidMappings"),
            (&self.gid_mappings, &self.uid_mappings, "gidMappings"),
        ] {
            if mappings.is_empty() && !others.is_empty() {
                node.member_fault(name, "is missing beside the other mappings");
            }
        }
        if self.is_mapped() && self.options.remount {
            node.member_fault("options", "maps owners, which a remount cannot");
        }
    }

    fn demand(&self, node: &Node) {
        self.demand_mappings(node);
        if self.options.copy_up && (self.kind != "tmpfs" || self.is_bind()) {
            node.member_fault("options", "has tmpcopyup, which only a tmpfs takes");
        }
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
