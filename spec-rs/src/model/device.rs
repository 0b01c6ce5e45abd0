//! `linux.devices[]`: more devices.

use crate::node::{I64, IDS, Row, U32, row};

#[derive(Debug, Default)]
pub struct Device;

pub const ROWS: &[Row<Device>] = &[
    row("type", |_, n| n.check_text()),
    row("path", |_, n| n.check_text()),
    row("major", |_, n| n.check_number(&I64)),
    row("minor", |_, n| n.check_number(&I64)),
    row("fileMode", |_, n| n.check_number(&U32)),
    row("uid", |_, n| n.check_number(&IDS)),
    row("gid", |_, n| n.check_number(&IDS)),
];
