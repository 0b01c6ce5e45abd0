//! `hooks`: programs that are run as the container comes and goes.

use super::text;
use crate::node::{I64, Node, Row, row};

#[derive(Debug, Default)]
pub struct Hooks;

pub const ROWS: &[Row<Hooks>] = &[
    row("prestart", |_, n| list(n)),
    row("createRuntime", |_, n| list(n)),
    row("createContainer", |_, n| list(n)),
    row("startContainer", |_, n| list(n)),
    row("poststart", |_, n| list(n)),
    row("poststop", |_, n| list(n)),
];

#[derive(Debug, Default)]
struct Hook;

const HOOK: &[Row<Hook>] = &[
    row("path", |_, n| text::check_absolute_path(&n)),
    row("args", |_, n| n.check_texts()),
    row("env", |_, n| n.check_texts()),
    row("timeout", |_, n| n.check_number(&I64)),
];

fn list(node: Node) {
    node.refuse_array(|node| node.check_object(HOOK));
}
