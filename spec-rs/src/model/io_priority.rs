//! `process.ioPriority`: the priority of input and output.

use crate::node::{Node, Row, row};

/// A class of ioprio_set(2), by its number in ionice(1), and the level in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IoPriority {
    pub class: u8,
    pub priority: i128,
}

/// The class that needs CAP_SYS_ADMIN or CAP_SYS_NICE.
pub const REAL_TIME: u8 = 1;

/// The class in which there are no levels.
pub const IDLE: u8 = 3;

const CLASSES: &[(&str, u8)] =
    &[("IOPRIO_CLASS_RT", REAL_TIME), ("IOPRIO_CLASS_BE", 2), ("IOPRIO_CLASS_IDLE", IDLE)];

#[derive(Debug, Default)]
struct Raw {
    class: Option<String>,
    priority: i128,
}

const ROWS: &[Row<Raw>] = &[
    row("class", |raw, n| raw.class = n.text()),
    row("priority", |raw, n| raw.priority = n.number(&(0..=7)).unwrap_or_default()),
];

/// None where nothing is asked for.
pub fn read(node: Node) -> Option<IoPriority> {
    let raw = node.object(ROWS)?;
    if node.is_empty() {
        return None;
    }
    node.demand(raw.class.is_some(), "class");
    let name = raw.class?;
    let class = CLASSES.iter().find(|(known, _)| *known == name);
    if class.is_none() {
        let name = common::quote(&name);
        node.member_fault("class", format!("is not a class of input and output: {name}"));
    }
    class.map(|(_, class)| IoPriority { class: *class, priority: raw.priority })
}
