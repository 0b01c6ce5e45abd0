//! `process.capabilities`: the five sets.

use crate::node::{Node, Row, row};

/// Names as setpriv-rs has them: in small letters, without `cap_`.
#[derive(Debug, Default)]
pub struct Capabilities {
    pub bounding: Vec<String>,
    pub permitted: Vec<String>,
    pub effective: Vec<String>,
    pub inheritable: Vec<String>,
    pub ambient: Vec<String>,
}

pub const ROWS: &[Row<Capabilities>] = &[
    row("bounding", |sets, n| sets.bounding = set(n)),
    row("permitted", |sets, n| sets.permitted = set(n)),
    row("effective", |sets, n| sets.effective = set(n)),
    row("inheritable", |sets, n| sets.inheritable = set(n)),
    row("ambient", |sets, n| sets.ambient = set(n)),
];

/// A text that cannot be a capability's name is a warning. Names that the kernel does not know are a warning of
/// setpriv-rs, which asks the kernel.
fn set(node: Node) -> Vec<String> {
    let mut names = Vec::new();
    node.each(|node| {
        let Some(text) = node.text() else { return };
        match text.strip_prefix("CAP_").filter(|name| is_name(name)) {
            Some(name) => names.push(name.to_ascii_lowercase()),
            None => node.warn(format!("is not a capability: {}", common::quote(text))),
        }
    });
    names.sort_unstable();
    names.dedup();
    names
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() < 32
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}
