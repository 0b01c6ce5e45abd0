//! `process.user`: who the process is.

use crate::node::{IDS, Node, Row, row, row_by};

#[derive(Debug)]
pub struct User {
    pub uid: i128,
    pub gid: i128,
    pub umask: i128,
    pub additional_gids: Vec<i128>,
}

/// The umask of runc and crun, where none is given.
const UMASK: i128 = 0o022;

impl Default for User {
    fn default() -> Self {
        Self { uid: 0, gid: 0, umask: UMASK, additional_gids: Vec::new() }
    }
}

pub const ROWS: &[Row<User>] = &[
    row("uid", |user, n| user.uid = n.number(&IDS).unwrap_or_default()),
    row("gid", |user, n| user.gid = n.number(&IDS).unwrap_or_default()),
    row_by("umask", "umask", |user, n| user.umask = n.number(&(0..=0o777)).unwrap_or(UMASK)),
    row_by("additionalGids", "setpriv-rs --groups", |user, n| user.additional_gids = groups(n)),
    row("username", |_, n| n.meaningless("for Windows")),
];

/// setgroups(2) takes no more (NGROUPS_MAX).
const GROUPS: usize = 65_536;

fn groups(node: Node) -> Vec<i128> {
    let mut groups = Vec::new();
    node.each(|node| groups.extend(node.number(&IDS)));
    if groups.len() > GROUPS {
        node.fault(format!("has more than {GROUPS} groups"));
    }
    groups
}
