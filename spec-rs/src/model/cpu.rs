//! `linux.resources.cpu`.

use std::ops::RangeInclusive;

use crate::node::{I64, Row, U64, row};

#[derive(Debug, Default)]
pub struct Cpu;

/// Unset, for the runtimes in Go that write it.
const ZERO: &RangeInclusive<i128> = &(0..=0);

pub const ROWS: &[Row<Cpu>] = &[
    row("shares", |_, n| n.refuse_number(&U64, ZERO)),
    row("quota", |_, n| n.refuse_number(&I64, &(i64::MIN.into()..=0))),
    row("burst", |_, n| n.refuse_number(&U64, ZERO)),
    row("period", |_, n| n.refuse_number(&U64, ZERO)),
    row("realtimeRuntime", |_, n| n.refuse_number(&I64, ZERO)),
    row("realtimePeriod", |_, n| n.refuse_number(&U64, ZERO)),
    row("cpus", |_, n| n.refuse_text(&[""])),
    row("mems", |_, n| n.refuse_text(&[""])),
    row("idle", |_, n| n.refuse_number(&I64, ZERO)),
];
