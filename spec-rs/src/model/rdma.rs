//! `linux.resources.rdma.*`.

use crate::node::{Row, U32, row};

#[derive(Debug, Default)]
pub struct Rdma;

pub const ROWS: &[Row<Rdma>] = &[
    row("hcaHandles", |_, n| n.check_number(&U32)),
    row("hcaObjects", |_, n| n.check_number(&U32)),
];
