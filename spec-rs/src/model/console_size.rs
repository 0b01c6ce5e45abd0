//! `process.consoleSize`: the size of the terminal.

use crate::node::{Row, U16, row};

#[derive(Clone, Copy, Debug, Default)]
pub struct ConsoleSize {
    pub height: i128,
    pub width: i128,
}

/// A terminal counts in 16 bits (`struct winsize`).
pub const ROWS: &[Row<ConsoleSize>] = &[
    row("height", |size, n| size.height = n.number(&U16).unwrap_or_default()),
    row("width", |size, n| size.width = n.number(&U16).unwrap_or_default()),
];
