//! `linux.netDevices`: network devices of the machine that the container gets.

use std::collections::HashSet;

use crate::node::{Node, Row, row};

/// A device, and its name in the container.
#[derive(Debug)]
pub struct NetDevice {
    pub host: String,
    pub name: String,
}

#[derive(Debug, Default)]
struct Raw {
    name: Option<String>,
}

const ROWS: &[Row<Raw>] = &[row("name", |raw, n| raw.name = n.text())];

/// The kernel's IFNAMSIZ, without the NUL at its end.
const LENGTH: usize = 15;

/// The kernel puts a number in place of it.
const TEMPLATE: &str = "%d";

pub fn read(node: Node) -> Vec<NetDevice> {
    let (mut devices, mut names) = (Vec::new(), HashSet::new());
    node.members(|host, node| {
        let Some(Raw { name }) = node.object(ROWS) else { return };
        check(host, |reason| node.fault(reason));
        if let Some(name) = &name {
            let stem = name.strip_suffix(TEMPLATE).unwrap_or(name);
            match stem.contains('%') {
                true => node.member_fault("name", "may have a % in a %d at its end alone"),
                false => check(name, |reason| node.member_fault("name", reason)),
            }
        }
        let name = name.unwrap_or_else(|| host.to_owned());
        if !name.ends_with(TEMPLATE) && !names.insert(name.clone()) {
            let name = common::quote(&name);
            node.fault(format!("is the second device with the name {name} in the container"));
        }
        devices.push(NetDevice { host: host.to_owned(), name });
    });
    devices
}

/// What the kernel takes (dev_valid_name), less what ip(8) could take for an option.
fn check(name: &str, fault: impl Fn(String)) {
    let is_odd = |c: char| matches!(c, '/' | ':') || c.is_whitespace() || c.is_control();
    if name.is_empty() {
        fault("is an empty name of a network device".into());
    } else if name.len() > LENGTH {
        fault(format!("is longer than the {LENGTH} bytes of a network device's name"));
    } else if matches!(name, "." | "..") || name.starts_with('-') || name.contains(is_odd) {
        fault(format!("is not the name of a network device: {}", common::quote(name)));
    }
}
