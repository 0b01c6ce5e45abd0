//! `process.ioPriority`: the priority of input and output.

use crate::node::{I32, Row, row};

#[derive(Debug, Default)]
pub struct IoPriority;

pub const ROWS: &[Row<IoPriority>] =
    &[row("class", |_, n| n.check_text()), row("priority", |_, n| n.check_number(&I32))];
