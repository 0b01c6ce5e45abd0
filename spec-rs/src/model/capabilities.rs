//! `process.capabilities`: the five sets.

use common::capability::NAMES;

use crate::node::{Node, Row, row_by};

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
    row_by("bounding", "setpriv-rs --bounding-set", |sets, n| sets.bounding = set(n)),
    row_by("permitted", "setpriv-rs --permitted-caps", |sets, n| sets.permitted = set(n)),
    row_by("effective", "setpriv-rs --effective-caps", |sets, n| sets.effective = set(n)),
    row_by("inheritable", "setpriv-rs --inh-caps", |sets, n| sets.inheritable = set(n)),
    row_by("ambient", "setpriv-rs --ambient-caps", |sets, n| sets.ambient = set(n)),
];

/// The drafts before 1.0.0 had one list for all sets. As under crun, it grants nothing.
pub fn read(node: &Node) -> Capabilities {
    if node.is_array() {
        node.warn("is an array, as in drafts of the specification, and grants none");
        return Capabilities::default();
    }
    node.object(ROWS).unwrap_or_default()
}

/// A name that is not known is a warning, and left out: the tools have words such as `all` that the specification has
/// not. Whether the kernel has the capability is for setpriv-rs to say, which asks it.
fn set(node: Node) -> Vec<String> {
    let mut names = Vec::new();
    node.each(|node| {
        let Some(text) = node.text() else { return };
        match known(&text) {
            Some(name) => names.push(name.to_owned()),
            None => node.warn(format!("is not a known capability: {}", common::quote(text))),
        }
    });
    names.sort_unstable();
    names.dedup();
    names
}

/// `CAP_` and a name in capitals.
pub fn known(text: &str) -> Option<&'static str> {
    let name = text.strip_prefix("CAP_")?;
    let is_name = |known: &&&str| known.to_ascii_uppercase() == name;
    NAMES.iter().find(is_name).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_capabilities() {
        assert_eq!(known("CAP_NET_RAW"), Some("net_raw"));
        for name in NAMES {
            assert_eq!(known(&format!("CAP_{}", name.to_ascii_uppercase())), Some(name));
        }
        for text in [
            "CAP_ALL",
            "CAP_CAP_KILL",
            "CAP_CAP_21",
            "CAP_21",
            "CAP_0",
            "21",
            "KILL",
            "CAP_",
            "CAP_kill",
            "CAP_ODD",
            "CAP_KILL,-all",
        ] {
            assert_eq!(known(text), None, "{text}");
        }
    }
}
