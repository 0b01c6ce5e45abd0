//! `linux.resources.devices[]`: which devices may be used.

use crate::node::{I64, Node, Row, row};

/// What all rules together come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DeviceRule {
    #[default]
    None,
    /// None but the default devices.
    DenyAll,
}

#[derive(Debug, Default)]
struct Rule {
    allow: Option<bool>,
    kind: Option<String>,
    major: Option<i128>,
    minor: Option<i128>,
    access: Option<String>,
}

const ROWS: &[Row<Rule>] = &[
    row("allow", |rule, n| rule.allow = n.flag()),
    row("type", |rule, n| rule.kind = n.text()),
    row("major", |rule, n| rule.major = n.number(&I64)),
    row("minor", |rule, n| rule.minor = n.number(&I64)),
    row("access", |rule, n| rule.access = n.text()),
];

/// Rules for all devices are kept, and later ones win; a rule for some devices is not supported.
pub fn read(node: Node) -> DeviceRule {
    let mut result = DeviceRule::None;
    node.each(|node| {
        let Some(rule) = node.object(ROWS) else { return };
        if !matches!(rule.kind(), "" | "a" | "b" | "c") {
            node.member_fault("type", "must be a, b or c");
        } else if !rule.is_for_all() {
            node.fault("is not supported: only rules for all devices are");
        } else {
            result = match rule.allow {
                Some(true) => DeviceRule::None,
                _ => DeviceRule::DenyAll,
            };
        }
    });
    result
}

impl Rule {
    fn kind(&self) -> &str {
        self.kind.as_deref().unwrap_or_default()
    }

    fn is_for_all(&self) -> bool {
        let is_any = |number: Option<i128>| number.is_none_or(|number| number == -1);
        let access = self.access.as_deref().unwrap_or_default();
        matches!(self.kind(), "" | "a")
            && is_any(self.major)
            && is_any(self.minor)
            && (access.is_empty() || "rwm".chars().all(|letter| access.contains(letter)))
    }
}
