//! `linux.timeOffsets`: the clocks of a time namespace.

use common::seconds::NANOSECONDS;

use crate::node::{I64, Row, row};

/// Nanoseconds.
#[derive(Debug, Default)]
pub struct TimeOffsets {
    pub monotonic: i128,
    pub boottime: i128,
}

pub const ROWS: &[Row<TimeOffsets>] = &[
    row("monotonic", |offsets, n| offsets.monotonic = n.object(OFFSET).unwrap_or_default().sum()),
    row("boottime", |offsets, n| offsets.boottime = n.object(OFFSET).unwrap_or_default().sum()),
];

#[derive(Debug, Default)]
struct Offset {
    secs: i128,
    nanosecs: i128,
}

const OFFSET: &[Row<Offset>] = &[
    row("secs", |offset, n| offset.secs = n.number(&I64).unwrap_or_default()),
    row("nanosecs", |offset, n| {
        offset.nanosecs = n.number(&(0..=NANOSECONDS - 1)).unwrap_or_default();
    }),
];

impl Offset {
    fn sum(self) -> i128 {
        self.secs * NANOSECONDS + self.nanosecs
    }
}
