//! `linux.resources.blockIO`.

use crate::node::{Node, Row, U32, U64, row};

#[derive(Debug, Default)]
pub struct BlockIo {
    pub weight: Option<i128>,
    pub weights: Vec<Device>,
    pub read_rates: Vec<Device>,
    pub write_rates: Vec<Device>,
    pub reads: Vec<Device>,
    pub writes: Vec<Device>,
}

/// What one device is given: a weight, bytes or operations in a second.
#[derive(Debug, Default)]
pub struct Device {
    major: Option<i128>,
    minor: Option<i128>,
    weight: Option<i128>,
    leaf_weight: Option<i128>,
    rate: Option<i128>,
    /// `MAJOR:MINOR`
    pub numbers: String,
    pub amount: i128,
    /// Its path in the file.
    pub path: String,
}

pub const ROWS: &[Row<BlockIo>] = &[
    row("weight", |io, n| io.weight = weight(n)),
    row("leafWeight", |_, n| leaf_weight(n)),
    row("weightDevice", |io, n| io.weights = weights(n)),
    row("throttleReadBpsDevice", |io, n| io.read_rates = rates(n)),
    row("throttleWriteBpsDevice", |io, n| io.write_rates = rates(n)),
    row("throttleReadIOPSDevice", |io, n| io.reads = rates(n)),
    row("throttleWriteIOPSDevice", |io, n| io.writes = rates(n)),
];

const WEIGHT: &[Row<Device>] = &[
    row("major", |device, n| device.major = n.number(&U32)),
    row("minor", |device, n| device.minor = n.number(&U32)),
    row("weight", |device, n| device.weight = weight(n)),
    row("leafWeight", |device, n| {
        device.leaf_weight = n.number(&WEIGHTS);
        leaf_weight(n);
    }),
];

const THROTTLE: &[Row<Device>] = &[
    row("major", |device, n| device.major = n.number(&U32)),
    row("minor", |device, n| device.minor = n.number(&U32)),
    row("rate", |device, n| device.rate = n.number(&U64)),
];

/// 0 is unset.
const WEIGHTS: std::ops::RangeInclusive<i128> = 0..=1000;

fn weight(node: Node) -> Option<i128> {
    let weight = node.number(&WEIGHTS)?;
    if (1..10).contains(&weight) {
        node.fault("must be 0 or a number from 10 to 1000");
    }
    (weight > 0).then_some(weight)
}

/// For the CFQ scheduler, which Linux 5.0 has dropped.
fn leaf_weight(node: Node) {
    node.refuse_number(&WEIGHTS, &(0..=0));
}

fn weights(node: Node) -> Vec<Device> {
    let mut devices = read(node, WEIGHT, |node, device| {
        let has_one = device.weight.or(device.leaf_weight).is_some();
        node.demand(has_one || node.log().has_below(&node.path()), "weight");
        device.amount = device.weight.unwrap_or_default();
    });
    devices.retain(|device| device.amount > 0);
    devices
}

/// 0 is no limit.
fn rates(node: Node) -> Vec<Device> {
    let mut devices = read(node, THROTTLE, |node, device| {
        node.demand(device.rate.is_some(), "rate");
        device.amount = device.rate.unwrap_or_default();
    });
    devices.retain(|device| device.amount > 0);
    devices
}

fn read(node: Node, rows: &[Row<Device>], finish: impl Fn(Node, &mut Device)) -> Vec<Device> {
    let mut devices = Vec::new();
    node.each(|node| {
        let Some(mut device) = node.object(rows) else { return };
        node.demand(device.major.is_some(), "major");
        node.demand(device.minor.is_some(), "minor");
        let number = |number: Option<i128>| number.unwrap_or_default();
        device.numbers = format!("{}:{}", number(device.major), number(device.minor));
        device.path = node.path();
        finish(node, &mut device);
        devices.push(device);
    });
    devices
}
