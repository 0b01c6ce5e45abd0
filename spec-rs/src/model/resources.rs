//! `linux.resources`: the limits of the cgroup.

use super::device_rule::{self, DeviceRule};
use super::{block_io, cpu, memory, network, rdma};
use crate::node::{I64, Row, U64, row, row_by};

#[derive(Debug, Default)]
pub struct Resources {
    pub devices: DeviceRule,
}

pub const ROWS: &[Row<Resources>] = &[
    row("unified", |_, n| n.refuse_members(|_, n| n.check_text())),
    row_by("devices", "cgexec-rs --device-rules", |resources, n| {
        resources.devices = device_rule::read(n);
    }),
    row("memory", |_, n| n.check_object(memory::ROWS)),
    row("cpu", |_, n| n.check_object(cpu::ROWS)),
    row("blockIO", |_, n| n.check_object(block_io::ROWS)),
    row("hugepageLimits", |_, n| n.refuse_array(|n| n.check_object(HUGE_PAGES))),
    row("network", |_, n| n.check_object(network::ROWS)),
    row("pids", |_, n| n.check_object(PIDS)),
    row("rdma", |_, n| n.refuse_members(|_, n| n.check_object(rdma::ROWS))),
];

#[derive(Debug, Default)]
struct HugePages;

const HUGE_PAGES: &[Row<HugePages>] =
    &[row("pageSize", |_, n| n.check_text()), row("limit", |_, n| n.check_number(&U64))];

#[derive(Debug, Default)]
struct Pids;

/// 0 is a limit.
const PIDS: &[Row<Pids>] = &[row("limit", |_, n| n.refuse_number(&I64, &(-1..=-1)))];
