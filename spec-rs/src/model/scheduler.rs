//! `process.scheduler`: the scheduling policy.

use crate::node::{I32, Row, U64, row};

#[derive(Debug, Default)]
pub struct Scheduler;

pub const ROWS: &[Row<Scheduler>] = &[
    row("policy", |_, n| n.check_text()),
    row("nice", |_, n| n.check_number(&I32)),
    row("priority", |_, n| n.check_number(&I32)),
    row("flags", |_, n| n.check_texts()),
    row("runtime", |_, n| n.check_number(&U64)),
    row("deadline", |_, n| n.check_number(&U64)),
    row("period", |_, n| n.check_number(&U64)),
];
