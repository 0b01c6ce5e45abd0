//! `root`: the root file system.

use super::text;
use crate::node::{Log, Row, row};

#[derive(Debug, Default)]
pub struct Root {
    pub path: String,
    pub readonly: bool,
}

pub const ROWS: &[Row<Root>] = &[
    row("path", |root, n| root.path = text::path(&n).unwrap_or_default()),
    row("readonly", |root, n| root.readonly = n.flag().unwrap_or_default()),
];

impl Root {
    pub fn demand(&self, log: &Log) {
        if self.path.is_empty() && !log.has("root.path") && !log.has("root") {
            log.fault("root.path", "is missing");
        }
    }
}
