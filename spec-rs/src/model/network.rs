//! `linux.resources.network`.

use crate::node::{Row, U32, row};

#[derive(Debug, Default)]
pub struct Network;

pub const ROWS: &[Row<Network>] = &[
    row("classID", |_, n| n.refuse_number(&U32, &(0..=0))),
    row("priorities", |_, n| n.refuse_array(|n| n.check_object(PRIORITY))),
];

#[derive(Debug, Default)]
struct Priority;

const PRIORITY: &[Row<Priority>] =
    &[row("name", |_, n| n.check_text()), row("priority", |_, n| n.check_number(&U32))];
