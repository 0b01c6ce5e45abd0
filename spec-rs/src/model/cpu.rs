//! `linux.resources.cpu`.

use crate::node::{I64, Node, Row, U64, row};

/// Times are in microseconds. What is unset, or set to the number that the runtimes in Go write for that, is none.
#[derive(Debug, Default)]
pub struct Cpu {
    pub shares: Option<i128>,
    pub quota: Option<i128>,
    pub burst: Option<i128>,
    pub period: Option<i128>,
    pub realtime_runtime: Option<i128>,
    pub realtime_period: Option<i128>,
    pub cpus: String,
    pub mems: String,
    pub idle: bool,
}

pub const ROWS: &[Row<Cpu>] = &[
    row("shares", |cpu, n| cpu.shares = shares(n)),
    // Below 0 is no limit.
    row("quota", |cpu, n| cpu.quota = n.number(&I64).filter(|&quota| quota > 0)),
    row("burst", |cpu, n| cpu.burst = n.number(&U64).filter(|&burst| burst > 0)),
    row("period", |cpu, n| cpu.period = n.number(&U64).filter(|&period| period > 0)),
    row("realtimeRuntime", |cpu, n| cpu.realtime_runtime = n.number(&I64).filter(|&us| us != 0)),
    row("realtimePeriod", |cpu, n| cpu.realtime_period = n.number(&U64).filter(|&us| us > 0)),
    row("cpus", |cpu, n| cpu.cpus = list(n)),
    row("mems", |cpu, n| cpu.mems = list(n)),
    row("idle", |cpu, n| cpu.idle = n.number(&(0..=1)) == Some(1)),
];

/// The kernel would silently take the nearest number (`MIN_SHARES` and `MAX_SHARES`).
fn shares(node: Node) -> Option<i128> {
    let shares = node.number(&U64)?;
    if shares == 1 || shares > 1 << 18 {
        node.fault("must be 0 or a number from 2 to 262144");
    }
    (shares > 0).then_some(shares)
}

/// `0-3,7`; the kernel looks closer.
fn list(node: Node) -> String {
    let list = node.text().unwrap_or_default();
    let is_of_list = |byte: u8| byte.is_ascii_digit() || b",-:/".contains(&byte);
    if !list.bytes().all(is_of_list) {
        node.fault("must be a list such as 0-3,7");
    }
    list
}
