//! `hooks`: programs that are run as the container comes and goes.

use super::process::environment;
use super::text;
use crate::node::{Node, Row, row};

/// The kinds, in the order in which they run.
pub const KINDS: &[&str] =
    &["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];

/// All hooks, in the order of the file.
#[derive(Debug, Default)]
pub struct Hooks(Vec<Hook>);

#[derive(Debug, Default)]
pub struct Hook {
    pub kind: &'static str,
    pub path: String,
    /// All of argv: the name of the program comes first.
    pub arguments: Vec<String>,
    pub env: Vec<String>,
    /// In seconds; none where the hook may take its time.
    pub timeout: Option<i128>,
}

impl Hooks {
    pub fn of(&self, kind: &str) -> impl Iterator<Item = &Hook> {
        self.0.iter().filter(move |hook| hook.kind == kind)
    }

    /// The kinds that there are hooks of.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        KINDS.iter().copied().filter(|kind| self.of(kind).next().is_some())
    }
}

pub const ROWS: &[Row<Hooks>] = &[
    row("prestart", |hooks, n| hooks.0.extend(list(KINDS[0], n))),
    row("createRuntime", |hooks, n| hooks.0.extend(list(KINDS[1], n))),
    row("createContainer", |hooks, n| hooks.0.extend(list(KINDS[2], n))),
    row("startContainer", |hooks, n| hooks.0.extend(list(KINDS[3], n))),
    row("poststart", |hooks, n| hooks.0.extend(list(KINDS[4], n))),
    row("poststop", |hooks, n| hooks.0.extend(list(KINDS[5], n))),
];

#[derive(Debug, Default)]
struct Raw {
    path: Option<String>,
    arguments: Vec<String>,
    env: Vec<String>,
    timeout: Option<i128>,
}

const HOOK: &[Row<Raw>] = &[
    row("path", |raw, n| raw.path = text::absolute_path(&n)),
    row("args", |raw, n| raw.arguments = super::process::arguments(n)),
    row("env", |raw, n| raw.env = environment(n)),
    row("timeout", |raw, n| raw.timeout = n.number(&(1..=i64::MAX.into()))),
];

/// Without arguments a program gets its path as its name, as runc has it.
fn list(kind: &'static str, node: Node) -> Vec<Hook> {
    let mut hooks = Vec::new();
    node.each(|node| {
        let Some(raw) = node.object(HOOK) else { return };
        node.demand(raw.path.is_some(), "path");
        let Some(path) = raw.path else { return };
        let arguments = if raw.arguments.is_empty() { vec![path.clone()] } else { raw.arguments };
        hooks.push(Hook { kind, path, arguments, env: raw.env, timeout: raw.timeout });
    });
    hooks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_of_the_kind_of_its_name() {
        let rows = Node::properties(ROWS);
        let names: Vec<_> =
            rows.iter().map(|row| row.path.as_str()).filter(|path| !path.contains('[')).collect();
        assert_eq!(names, KINDS);
    }
}
