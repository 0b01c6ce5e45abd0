//! `linux.devices[]`: more devices.

use super::text;
use crate::node::{IDS, Node, Row, U32, row};

#[derive(Debug, Default)]
pub struct Device {
    /// Absolute, and simple.
    pub destination: String,
    pub kind: Option<Kind>,
    pub major: Option<i128>,
    pub minor: Option<i128>,
    pub mode: Option<i128>,
    pub uid: i128,
    pub gid: i128,
    /// Its path in the file.
    pub path: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Character,
    Block,
    Fifo,
}

const ROWS: &[Row<Device>] = &[
    row("type", |device, n| device.kind = kind(n)),
    row("path", |device, n| {
        device.destination =
            text::absolute_path(&n).map(|path| text::simple(&path)).unwrap_or_default();
    }),
    row("major", |device, n| device.major = n.number(&(0..=(1 << 12) - 1))),
    row("minor", |device, n| device.minor = n.number(&(0..=(1 << 20) - 1))),
    // Docker writes the bits of the type too.
    row("fileMode", |device, n| device.mode = n.number(&U32).map(|mode| mode & 0o7777)),
    row("uid", |device, n| device.uid = n.number(&IDS).unwrap_or_default()),
    row("gid", |device, n| device.gid = n.number(&IDS).unwrap_or_default()),
];

fn kind(node: Node) -> Option<Kind> {
    match node.text()?.as_str() {
        "c" | "u" => Some(Kind::Character),
        "b" => Some(Kind::Block),
        "p" => Some(Kind::Fifo),
        _ => {
            node.fault("must be c, u, b or p");
            None
        }
    }
}

pub fn read(node: Node) -> Vec<Device> {
    let mut devices = Vec::new();
    node.each(|node| {
        let Some(mut device) = node.object(ROWS) else { return };
        node.demand(device.kind.is_some(), "type");
        node.demand(!device.destination.is_empty(), "path");
        if device.destination == "/" {
            node.member_fault("path", "is the root");
        }
        if device.kind != Some(Kind::Fifo) {
            node.demand(device.major.is_some(), "major");
            node.demand(device.minor.is_some(), "minor");
        }
        device.path = node.path();
        devices.push(device);
    });
    devices
}

impl Device {
    /// `MAJOR:MINOR`
    pub fn numbers(&self) -> String {
        let number = |number: Option<i128>| number.unwrap_or_default();
        format!("{}:{}", number(self.major), number(self.minor))
    }
}
