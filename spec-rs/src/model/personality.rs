//! `linux.personality`: the execution domain.

use crate::node::{Row, row};

#[derive(Debug, Default)]
pub struct Personality;

/// LINUX is what every process has.
pub const ROWS: &[Row<Personality>] = &[
    row("domain", |_, n| n.refuse_text(&["", "LINUX"])),
    row("flags", |_, n| n.refuse_array(|n| n.check_text())),
];
