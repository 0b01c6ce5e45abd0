//! `linux.resources.memory`.

use std::ops::RangeInclusive;

use crate::node::{I64, Row, U64, row};

#[derive(Debug, Default)]
pub struct Memory;

/// Asks for no limit.
const UNLIMITED: &RangeInclusive<i128> = &(-1..=-1);

pub const ROWS: &[Row<Memory>] = &[
    row("limit", |_, n| n.refuse_number(&I64, UNLIMITED)),
    row("reservation", |_, n| n.refuse_number(&I64, UNLIMITED)),
    row("swap", |_, n| n.refuse_number(&I64, UNLIMITED)),
    row("kernel", |_, n| n.refuse_number(&I64, UNLIMITED)),
    row("kernelTCP", |_, n| n.refuse_number(&I64, UNLIMITED)),
    // 0 is a value too.
    row("swappiness", |_, n| n.refuse(n.number(&U64).is_none())),
    row("disableOOMKiller", |_, n| n.refuse_flag()),
    row("useHierarchy", |_, n| n.refuse_flag()),
    row("checkBeforeUpdate", |_, n| n.refuse_flag()),
];
