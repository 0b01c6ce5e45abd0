//! `linux.resources.memory`.

use crate::node::{I64, Node, Row, row};

/// Bytes; -1 is no limit.
#[derive(Debug, Default)]
pub struct Memory {
    pub limit: Option<i128>,
    pub reservation: Option<i128>,
    /// Memory and swap together.
    pub swap: Option<i128>,
    pub swappiness: Option<i128>,
    pub disable_oom_killer: bool,
    /// An update of the limit is refused where more is used already.
    pub check_before_update: bool,
}

pub const ROWS: &[Row<Memory>] = &[
    row("limit", |memory, n| memory.limit = bytes(n)),
    row("reservation", |memory, n| memory.reservation = bytes(n)),
    row("swap", |memory, n| memory.swap = bytes(n)),
    row("kernel", |_, n| ignore(n)),
    row("kernelTCP", |_, n| ignore(n)),
    row("swappiness", |memory, n| memory.swappiness = n.number(&(0..=100))),
    row("disableOOMKiller", |memory, n| memory.disable_oom_killer = n.flag().unwrap_or_default()),
    // Every cgroup is hierarchical since Linux 5.11, and nothing is used in a new one yet.
    row("useHierarchy", |_, n| n.check_flag()),
    row("checkBeforeUpdate", |memory, n| memory.check_before_update = n.flag().unwrap_or_default()),
];

/// 0 is unset, as runc has it.
fn bytes(node: Node) -> Option<i128> {
    let number = node.number(&I64)?;
    if number < -1 {
        node.fault("must be -1 or a number of bytes");
    }
    (number != 0).then_some(number)
}

/// The specification discourages them, and the kernel has dropped them. runc ignores them too.
fn ignore(node: Node) {
    if node.number(&I64).is_some_and(|number| number > 0) {
        node.warn("is ignored: the kernel has no limit of its own memory any more");
    }
}
