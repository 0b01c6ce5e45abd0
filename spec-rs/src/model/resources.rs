//! `linux.resources`: the limits of the cgroup.

use super::block_io::{self, BlockIo};
use super::cpu::{self, Cpu};
use super::device_rule::{self, DeviceRule};
use super::memory::{self, Memory};
use super::network::{self, Network};
use super::rdma::{self, Rdma};
use crate::node::{I64, Node, Row, U64, row, row_by};

#[derive(Debug, Default)]
pub struct Resources {
    /// None where the file says nothing of devices.
    pub devices: Option<Vec<DeviceRule>>,
    pub memory: Memory,
    pub cpu: Cpu,
    pub block_io: BlockIo,
    pub huge_pages: Vec<HugePages>,
    pub network: Network,
    pub pids: Option<i128>,
    pub rdma: Vec<Rdma>,
    /// Files of version 2 and their values.
    pub unified: Vec<(String, String)>,
}

pub const ROWS: &[Row<Resources>] = &[
    row("unified", |resources, n| resources.unified = unified(n)),
    row_by("devices", "cgexec-rs --device-rules", |resources, n| {
        resources.devices = Some(device_rule::read(n));
    }),
    row("memory", |resources, n| resources.memory = n.object(memory::ROWS).unwrap_or_default()),
    row("cpu", |resources, n| resources.cpu = n.object(cpu::ROWS).unwrap_or_default()),
    row("blockIO", |resources, n| {
        resources.block_io = n.object(block_io::ROWS).unwrap_or_default();
    }),
    row("hugepageLimits", |resources, n| resources.huge_pages = huge_pages(n)),
    row("network", |resources, n| resources.network = n.object(network::ROWS).unwrap_or_default()),
    row("pids", |resources, n| resources.pids = n.object(PIDS).unwrap_or_default().limit),
    row("rdma", |resources, n| resources.rdma = rdma::read(n)),
];

#[derive(Debug, Default)]
pub struct HugePages {
    pub size: String,
    pub limit: Option<i128>,
    /// Its path in the file.
    pub path: String,
}

const HUGE_PAGES: &[Row<HugePages>] = &[
    row("pageSize", |pages, n| pages.size = n.text().unwrap_or_default()),
    row("limit", |pages, n| pages.limit = n.number(&U64)),
];

fn huge_pages(node: Node) -> Vec<HugePages> {
    let mut limits = Vec::new();
    node.each(|node| {
        let Some(mut pages) = node.object(HUGE_PAGES) else { return };
        node.demand(!pages.size.is_empty(), "pageSize");
        node.demand(pages.limit.is_some(), "limit");
        if !pages.size.is_empty() && !is_page_size(&pages.size) {
            node.member_fault("pageSize", "must be a size such as 64KB, 2MB or 1GB");
        }
        pages.path = node.path();
        limits.push(pages);
    });
    limits
}

/// `^[1-9][0-9]*[KMG]B$`
fn is_page_size(text: &str) -> bool {
    let number = ["KB", "MB", "GB"].iter().find_map(|unit| text.strip_suffix(unit));
    number.is_some_and(|number| {
        !number.is_empty()
            && !number.starts_with('0')
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[derive(Debug, Default)]
struct Pids {
    limit: Option<i128>,
}

const PIDS: &[Row<Pids>] = &[row("limit", |pids, n| pids.limit = n.number(&I64))];

/// What other files of these would do is to move processes of the machine into the cgroup, which are killed with it, or
/// to keep the container from starting.
const REFUSED: &[&str] = &["cgroup.", "devices.", "freezer."];

const OF_THE_CORE: &[&str] = &["cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"];

fn unified(node: Node) -> Vec<(String, String)> {
    let mut files = Vec::new();
    node.members(|name, node| {
        let Some(value) = node.text() else { return };
        if !is_file_of_controller(name) {
            node.fault("must be named after a file of a controller, such as memory.high");
        } else if REFUSED.iter().any(|start| name.starts_with(start))
            && !OF_THE_CORE.contains(&name)
        {
            node.fault("is not supported: it is not a limit");
        }
        files.push((name.to_owned(), value));
    });
    files
}

fn is_file_of_controller(name: &str) -> bool {
    let is_part = |part: &str| {
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        !part.is_empty() && part.bytes().all(is_of_name)
    };
    name.contains('.') && name.split('.').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_sizes() {
        for size in ["64KB", "2MB", "1GB", "16GB"] {
            assert!(is_page_size(size), "{size}");
        }
        for size in ["", "KB", "0MB", "02MB", "2", "2M", "2 MB", "2mb", "2.MB", "2TB"] {
            assert!(!is_page_size(size), "{size}");
        }
    }
}
