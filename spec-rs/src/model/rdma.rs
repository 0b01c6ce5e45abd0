//! `linux.resources.rdma.*`.

use crate::node::{Node, Row, U32, row};

#[derive(Debug, Default)]
pub struct Rdma {
    pub device: String,
    pub handles: Option<i128>,
    pub objects: Option<i128>,
    /// Its path in the file.
    pub path: String,
}

const ROWS: &[Row<Rdma>] = &[
    row("hcaHandles", |rdma, n| rdma.handles = n.number(&U32)),
    row("hcaObjects", |rdma, n| rdma.objects = n.number(&U32)),
];

pub fn read(node: Node) -> Vec<Rdma> {
    let mut limits = Vec::new();
    node.members(|name, node| {
        let Some(mut rdma) = node.object(ROWS) else { return };
        if rdma.handles.or(rdma.objects).is_none() && !node.log().has_below(&node.path()) {
            node.fault("must have hcaHandles or hcaObjects");
        }
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_graphic()) {
            node.fault("must be named after a device");
        }
        name.clone_into(&mut rdma.device);
        rdma.path = node.path();
        limits.push(rdma);
    });
    limits
}
