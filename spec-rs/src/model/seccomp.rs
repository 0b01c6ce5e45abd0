//! `linux.seccomp`: the filter of system calls.

use crate::node::{Node, Row, U32, U64, row};

#[derive(Debug, Default)]
struct Seccomp {
    default_action: Option<String>,
    syscalls: usize,
}

const ROWS: &[Row<Seccomp>] = &[
    row("defaultAction", |seccomp, n| seccomp.default_action = n.text()),
    row("defaultErrnoRet", |_, n| n.check_number(&U32)),
    row("architectures", |_, n| n.check_texts()),
    row("flags", |_, n| n.check_texts()),
    row("listenerPath", |_, n| n.check_text()),
    row("listenerMetadata", |_, n| n.check_text()),
    row("syscalls", |seccomp, n| seccomp.syscalls = n.objects(SYSCALL).len()),
];

#[derive(Debug, Default)]
struct Syscall;

const SYSCALL: &[Row<Syscall>] = &[
    row("names", |_, n| n.check_texts()),
    row("action", |_, n| n.check_text()),
    row("errnoRet", |_, n| n.check_number(&U32)),
    row("args", |_, n| n.each(|n| n.check_object(ARGUMENT))),
];

#[derive(Debug, Default)]
struct Argument;

const ARGUMENT: &[Row<Argument>] = &[
    row("index", |_, n| n.check_number(&(0..=5))),
    row("value", |_, n| n.check_number(&U64)),
    row("valueTwo", |_, n| n.check_number(&U64)),
    row("op", |_, n| n.check_text()),
];

/// A filter that lets everything through asks for nothing.
pub fn read(node: Node) {
    let asks = node.object(ROWS).is_some_and(|seccomp| {
        let action = seccomp.default_action.as_deref();
        seccomp.syscalls > 0 || !matches!(action, None | Some("SCMP_ACT_ALLOW"))
    });
    node.refuse(!asks);
}
