//! `linux.intelRdt`: shares of the cache and of the memory bandwidth.

use crate::node::{Row, row};

#[derive(Debug, Default)]
pub struct IntelRdt;

pub const ROWS: &[Row<IntelRdt>] = &[
    row("closID", |_, n| n.check_text()),
    row("schemata", |_, n| n.check_texts()),
    row("l3CacheSchema", |_, n| n.check_text()),
    row("memBwSchema", |_, n| n.check_text()),
    row("enableMonitoring", |_, n| n.check_flag()),
    // Those of 1.1 and 1.2.
    row("enableCMT", |_, n| n.check_flag()),
    row("enableMBM", |_, n| n.check_flag()),
];
