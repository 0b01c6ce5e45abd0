//! `linux.timeOffsets`: the clocks of a time namespace.

use crate::node::{I64, Row, row};

/// Seconds.
#[derive(Debug, Default)]
pub struct TimeOffsets {
    pub monotonic: i128,
    pub boottime: i128,
}

pub const ROWS: &[Row<TimeOffsets>] = &[
    row("monotonic", |offsets, n| offsets.monotonic = n.object(OFFSET).unwrap_or_default().secs),
    row("boottime", |offsets, n| offsets.boottime = n.object(OFFSET).unwrap_or_default().secs),
];

#[derive(Debug, Default)]
struct Offset {
    secs: i128,
}

const OFFSET: &[Row<Offset>] = &[
    row("secs", |offset, n| offset.secs = n.number(&I64).unwrap_or_default()),
    row("nanosecs", |_, n| n.refuse_number(&(0..=999_999_999), &(0..=0))),
];
