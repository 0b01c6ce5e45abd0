//! `vm`: for runtimes with a hypervisor.

use crate::node::{Row, row};

#[derive(Debug, Default)]
pub struct Vm;

pub const ROWS: &[Row<Vm>] = &[
    row("hypervisor", |_, _| {}),
    row("kernel", |_, _| {}),
    row("image", |_, _| {}),
    row("hwConfig", |_, _| {}),
];
