//! `linux.resources.devices[]`: which devices may be used.

use std::fmt;

use crate::node::{Node, Row, row};

/// A rule, as the kernel reads it (admin-guide/cgroup-v1/devices.rst). Later ones win.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceRule {
    pub allow: bool,
    /// `c` or `b`; `a` is every device with every access.
    pub kind: char,
    /// None is any.
    pub major: Option<i128>,
    pub minor: Option<i128>,
    pub access: String,
    /// Its path in the file.
    pub path: String,
}

#[derive(Debug, Default)]
struct Rule {
    allow: bool,
    kind: String,
    major: Option<i128>,
    minor: Option<i128>,
    access: String,
}

const ROWS: &[Row<Rule>] = &[
    row("allow", |rule, n| rule.allow = n.flag().unwrap_or_default()),
    row("type", |rule, n| rule.kind = n.text().unwrap_or_default()),
    row("major", |rule, n| rule.major = number(n, 12)),
    row("minor", |rule, n| rule.minor = number(n, 20)),
    row("access", |rule, n| rule.access = access(n)),
];

/// -1 is any. The kernel has twelve and twenty bits for the two numbers.
fn number(node: Node, bits: u32) -> Option<i128> {
    node.number(&(-1..=(1 << bits) - 1)).filter(|&number| number >= 0)
}

/// In one order, and each letter once.
fn access(node: Node) -> String {
    let text = node.text().unwrap_or_default();
    if !text.chars().all(|letter| "rwm".contains(letter)) {
        node.fault("must be made of r, w and m");
    }
    "rwm".chars().filter(|&letter| text.contains(letter)).collect()
}

pub fn read(node: Node) -> Vec<DeviceRule> {
    let mut rules = Vec::new();
    node.each(|node| {
        let Some(rule) = node.object(ROWS) else { return };
        if !matches!(rule.kind.as_str(), "" | "a" | "b" | "c") {
            node.member_fault("type", "must be a, b or c");
        }
        rules.extend(rule.kinds().chars().map(|kind| rule.of_kind(kind, node.path())));
    });
    rules
}

impl Rule {
    /// The kernel has no rule for both kinds but the one for all devices: with numbers it is one for each kind.
    fn kinds(&self) -> &'static str {
        match self.kind.as_str() {
            "b" => "b",
            "c" => "c",
            _ if self.is_of_all_devices() && self.is_whole() => "a",
            _ => "cb",
        }
    }

    fn is_of_all_devices(&self) -> bool {
        matches!(self.kind.as_str(), "" | "a") && self.major.or(self.minor).is_none()
    }

    fn is_whole(&self) -> bool {
        matches!(self.access.as_str(), "" | "rwm")
    }

    fn of_kind(&self, kind: char, path: String) -> DeviceRule {
        let access = match self.is_whole() {
            true => "rwm".to_owned(),
            false => self.access.clone(),
        };
        DeviceRule { allow: self.allow, kind, major: self.major, minor: self.minor, access, path }
    }
}

impl fmt::Display for DeviceRule {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let verb = if self.allow { "allow" } else { "deny" };
        let number = |number: Option<i128>| number.map_or_else(|| "*".into(), |n| n.to_string());
        let (major, minor) = (number(self.major), number(self.minor));
        write!(f, "{verb} {} {major}:{minor} {} # {}", self.kind, self.access, self.path)
    }
}
