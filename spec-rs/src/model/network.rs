//! `linux.resources.network`.

use super::text;
use crate::node::{Row, U32, row};

#[derive(Debug, Default)]
pub struct Network {
    pub class: Option<i128>,
    /// Of interfaces of the caller's network namespace.
    pub priorities: Vec<Priority>,
}

pub const ROWS: &[Row<Network>] = &[
    row("classID", |network, n| network.class = n.number(&U32).filter(|&class| class > 0)),
    row("priorities", |network, n| {
        n.each(|n| {
            let Some(mut priority) = n.object(PRIORITY) else { return };
            n.demand(!priority.name.is_empty(), "name");
            n.demand(priority.number.is_some(), "priority");
            priority.path = n.path();
            network.priorities.push(priority);
        });
    }),
];

#[derive(Debug, Default)]
pub struct Priority {
    pub name: String,
    pub number: Option<i128>,
    /// Its path in the file.
    pub path: String,
}

const PRIORITY: &[Row<Priority>] = &[
    row("name", |priority, n| priority.name = text::word(&n)),
    row("priority", |priority, n| priority.number = n.number(&U32)),
];
