//! `linux.seccomp`: the filter of system calls.

use std::ops::RangeInclusive;

use seccomp::{Action, Architecture, Comparison, Flag, Operator, action::MAX_ERRNO};

use crate::node::{Node, Row, U32, U64, row};

/// A filter. Its rules are as they stand in the file: see `line::seccomp` for which one counts.
#[derive(Debug)]
pub struct Seccomp {
    pub default: Action,
    pub architectures: Vec<Architecture>,
    pub flags: Vec<Flag>,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
pub struct Rule {
    /// Which element of `syscalls` it comes from.
    pub index: usize,
    pub action: Action,
    /// Those that are known.
    pub names: Vec<String>,
    pub comparisons: Vec<Comparison>,
}

#[derive(Debug, Default)]
struct Object {
    default_action: Option<String>,
    default_errno: Option<i128>,
    architectures: Vec<Architecture>,
    flags: Vec<Flag>,
    syscalls: Vec<Rule>,
    has_syscalls: bool,
}

const ROWS: &[Row<Object>] = &[
    row("defaultAction", |object, n| object.default_action = n.text()),
    row("defaultErrnoRet", |object, n| object.default_errno = n.number(&U32)),
    row("architectures", |object, n| n.each(|n| object.architectures.extend(architecture(n)))),
    row("flags", |object, n| n.each(|n| object.flags.extend(flag(n)))),
    row("listenerPath", |_, n| n.refuse_text(&[""])),
    row("listenerMetadata", |_, n| n.refuse_text(&[""])),
    row("syscalls", syscalls),
];

#[derive(Debug, Default)]
struct Syscall {
    names: Vec<String>,
    unknown: Vec<String>,
    action: Option<String>,
    errno: Option<i128>,
    comparisons: Vec<Comparison>,
}

const SYSCALL: &[Row<Syscall>] = &[
    row("names", names),
    row("action", |syscall, n| syscall.action = n.text()),
    row("errnoRet", |syscall, n| syscall.errno = n.number(&U32)),
    row("args", |syscall, n| n.each(|n| syscall.comparisons.extend(comparison(n)))),
];

#[derive(Debug, Default)]
struct Argument {
    index: Option<i128>,
    value: Option<i128>,
    value_two: Option<i128>,
    operator: Option<String>,
}

const ARGUMENT: &[Row<Argument>] = &[
    row("index", |argument, n| argument.index = n.number(&(0..=5))),
    row("value", |argument, n| argument.value = n.number(&U64)),
    row("valueTwo", |argument, n| argument.value_two = n.number(&U64)),
    row("op", |argument, n| argument.operator = n.text()),
];

/// Without an action and calls there is no filter, as runc has it.
pub fn read(node: Node) -> Option<Seccomp> {
    let object = node.object(ROWS)?;
    let Object { default_action, default_errno, architectures, flags, syscalls, has_syscalls } =
        object;
    let name = default_action.unwrap_or_default();
    if name.is_empty() && !has_syscalls {
        return None;
    }
    let default = action(&node, &name, default_errno, ["defaultAction", "defaultErrnoRet"])?;
    Some(Seccomp { default, architectures, flags, rules: syscalls })
}

/// What each action takes for a number.
const ACTIONS: [(&str, Kind); 8] = [
    ("SCMP_ACT_ALLOW", Kind::Plain(Action::Allow)),
    ("SCMP_ACT_LOG", Kind::Plain(Action::Log)),
    ("SCMP_ACT_TRAP", Kind::Plain(Action::Trap)),
    ("SCMP_ACT_KILL", Kind::Plain(Action::KillThread)),
    ("SCMP_ACT_KILL_THREAD", Kind::Plain(Action::KillThread)),
    ("SCMP_ACT_KILL_PROCESS", Kind::Plain(Action::KillProcess)),
    ("SCMP_ACT_ERRNO", Kind::Number(Action::Errno, 0..=MAX_ERRNO)),
    ("SCMP_ACT_TRACE", Kind::Number(Action::Trace, 0..=u16::MAX)),
];

/// The names of the actions.
pub fn actions() -> impl Iterator<Item = &'static str> {
    ACTIONS.iter().map(|(name, _)| *name)
}

enum Kind {
    Plain(Action),
    Number(fn(u16) -> Action, RangeInclusive<u16>),
}

/// EPERM, which is the number where none is given.
const EPERM: u16 = 1;

/// An action with its number; `members` are the names of both.
fn action(node: &Node, name: &str, number: Option<i128>, members: [&str; 2]) -> Option<Action> {
    let Some((_, kind)) = ACTIONS.iter().find(|(other, _)| *other == name) else {
        match name {
            "" => node.demand(false, members[0]),
            "SCMP_ACT_NOTIFY" => node.member_fault(members[0], format!("is not supported: {name}")),
            _ => node.member_fault(members[0], "must be SCMP_ACT_ and one of ALLOW, ERRNO, KILL, KILL_PROCESS, KILL_THREAD, LOG, TRACE and TRAP"),
        }
        return None;
    };
    match (kind, number) {
        (Kind::Plain(action), None) => Some(*action),
        (Kind::Plain(_), Some(_)) => {
            node.member_fault(members[1], format!("is not for {name}"));
            None
        }
        (Kind::Number(action, _), None) => Some(action(EPERM)),
        (Kind::Number(action, range), Some(number)) => {
            let number = u16::try_from(number).ok().filter(|number| range.contains(number));
            if number.is_none() {
                node.member_fault(
                    members[1],
                    format!("must be a whole number from {} to {}", range.start(), range.end()),
                );
            }
            number.map(*action)
        }
    }
}

/// Those that no machine of ours has: nothing there makes such a call.
const OTHERS: [&str; 20] = [
    "LOONGARCH64",
    "M68K",
    "MIPS",
    "MIPS64",
    "MIPS64N32",
    "MIPSEL",
    "MIPSEL64",
    "MIPSEL64N32",
    "PARISC",
    "PARISC64",
    "PPC",
    "PPC64",
    "PPC64LE",
    "RISCV64",
    "S390",
    "S390X",
    "SH",
    "SHEB",
    "SPARC",
    "SPARC64",
];

fn architecture(node: Node) -> Option<Architecture> {
    let text = node.text()?;
    let name = text.strip_prefix("SCMP_ARCH_").unwrap_or_default();
    let ours = Architecture::of(&name.to_ascii_lowercase())
        .filter(|_| name == name.to_ascii_uppercase() && !name.is_empty());
    if ours.is_none() && !OTHERS.contains(&name) {
        node.fault(format!("is not an architecture: {}", common::quote(&text)));
    }
    ours
}

pub const FLAGS: [(&str, Flag); 3] = [
    ("SECCOMP_FILTER_FLAG_LOG", Flag::Log),
    ("SECCOMP_FILTER_FLAG_SPEC_ALLOW", Flag::SpecAllow),
    ("SECCOMP_FILTER_FLAG_TSYNC", Flag::Tsync),
];

fn flag(node: Node) -> Option<Flag> {
    let text = node.text()?;
    let flag = FLAGS.iter().find(|(name, _)| *name == text).map(|(_, flag)| *flag);
    if flag.is_none() {
        // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV is for filters with a listener.
        node.fault(format!("is not supported: {}", common::quote(&text)));
    }
    flag
}

fn syscalls(object: &mut Object, node: Node) {
    let mut index = 0;
    node.each(|node| {
        object.has_syscalls = true;
        rules(&node, index, &mut object.syscalls);
        index += 1;
    });
}

fn rules(node: &Node, index: usize, rules: &mut Vec<Rule>) {
    let Some(syscall) = node.object(SYSCALL) else { return };
    let Syscall { names, unknown, action: name, errno, mut comparisons } = syscall;
    if names.is_empty() && unknown.is_empty() {
        node.demand(false, "names");
    }
    if !unknown.is_empty() {
        let path = format!("{}.names", node.path());
        node.log()
            .note(path, format!("no system calls known here, left out: {}", unknown.join(", ")));
    }
    let name = name.unwrap_or_default();
    let Some(action) = action(node, &name, errno, ["action", "errnoRet"]) else { return };
    if names.is_empty() {
        return;
    }
    // Else it would be libseccomp that leaves them out.
    comparisons.retain(|comparison| comparison.operator != Operator::MaskedEq(0));
    let mut add =
        |comparisons| rules.push(Rule { index, action, names: names.clone(), comparisons });
    match has_repetition(&comparisons) {
        false => add(comparisons),
        // As runc has it: any of them, where two are about one argument.
        true => comparisons.into_iter().for_each(|comparison| add(vec![comparison])),
    }
}

fn has_repetition(comparisons: &[Comparison]) -> bool {
    let mut arguments: Vec<_> = comparisons.iter().map(|comparison| comparison.argument).collect();
    arguments.sort_unstable();
    arguments.windows(2).any(|pair| pair[0] == pair[1])
}

fn names(syscall: &mut Syscall, node: Node) {
    node.each(|node| {
        let Some(name) = node.text() else { return };
        match seccomp::is_known(&name) {
            true => syscall.names.push(name),
            false if name.is_empty() => node.fault("must be a name"),
            false => syscall.unknown.push(common::shown(&name)),
        }
    });
}

fn comparison(node: Node) -> Option<Comparison> {
    let argument = node.object(ARGUMENT)?;
    node.demand(argument.index.is_some(), "index");
    node.demand(argument.value.is_some(), "value");
    node.demand(argument.operator.is_some(), "op");
    let index = u8::try_from(argument.index?).ok()?;
    let value = u64::try_from(argument.value?).ok()?;
    let second = argument.value_two.and_then(|value| u64::try_from(value).ok()).unwrap_or(0);
    let name = argument.operator?;
    let operator = match name.strip_prefix("SCMP_CMP_").and_then(operator) {
        Some(Operator::MaskedEq(_)) => {
            let (operator, value) = (Operator::MaskedEq(value), second & value);
            return Some(Comparison { argument: index, operator, value });
        }
        Some(operator) => operator,
        None => {
            node.member_fault(
                "op",
                "must be SCMP_CMP_ and one of NE, LT, LE, EQ, GE, GT and MASKED_EQ",
            );
            return None;
        }
    };
    if second != 0 {
        node.member_fault("valueTwo", "is for SCMP_CMP_MASKED_EQ");
    }
    Some(Comparison { argument: index, operator, value })
}

/// The names of the operators, without their prefix. The mask of the last one is the value.
pub const OPERATORS: [&str; 7] = ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"];

fn operator(name: &str) -> Option<Operator> {
    let operators = [
        Operator::Ne,
        Operator::Lt,
        Operator::Le,
        Operator::Eq,
        Operator::Ge,
        Operator::Gt,
        Operator::MaskedEq(0),
    ];
    OPERATORS.iter().position(|other| *other == name).map(|at| operators[at])
}
