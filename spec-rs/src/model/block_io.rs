//! `linux.resources.blockIO`.

use crate::node::{I64, Row, U16, U64, row};

#[derive(Debug, Default)]
pub struct BlockIo;

pub const ROWS: &[Row<BlockIo>] = &[
    row("weight", |_, n| n.refuse_number(&U16, &(0..=0))),
    row("leafWeight", |_, n| n.refuse_number(&U16, &(0..=0))),
    row("weightDevice", |_, n| n.refuse_array(|n| n.check_object(WEIGHT))),
    row("throttleReadBpsDevice", |_, n| n.refuse_array(|n| n.check_object(THROTTLE))),
    row("throttleWriteBpsDevice", |_, n| n.refuse_array(|n| n.check_object(THROTTLE))),
    row("throttleReadIOPSDevice", |_, n| n.refuse_array(|n| n.check_object(THROTTLE))),
    row("throttleWriteIOPSDevice", |_, n| n.refuse_array(|n| n.check_object(THROTTLE))),
];

#[derive(Debug, Default)]
struct Device;

const WEIGHT: &[Row<Device>] = &[
    row("major", |_, n| n.check_number(&I64)),
    row("minor", |_, n| n.check_number(&I64)),
    row("weight", |_, n| n.check_number(&U16)),
    row("leafWeight", |_, n| n.check_number(&U16)),
];

const THROTTLE: &[Row<Device>] = &[
    row("major", |_, n| n.check_number(&I64)),
    row("minor", |_, n| n.check_number(&I64)),
    row("rate", |_, n| n.check_number(&U64)),
];
