//! `linux.memoryPolicy`: where memory is taken from.

use crate::node::{Row, row};

#[derive(Debug, Default)]
pub struct MemoryPolicy;

pub const ROWS: &[Row<MemoryPolicy>] = &[
    row("mode", |_, n| n.check_text()),
    row("nodes", |_, n| n.check_text()),
    row("flags", |_, n| n.check_texts()),
];
