//! `process.scheduler`: the scheduling policy.

use crate::node::{I32, Node, Row, U64, row};

/// A policy of sched(7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    Other,
    Batch,
    Idle,
    Fifo,
    Rr,
    Deadline,
}

/// Each policy's name in the specification, and its option of chrt(1).
pub const POLICIES: &[(&str, Policy, &str)] = &[
    ("SCHED_OTHER", Policy::Other, "--other"),
    ("SCHED_BATCH", Policy::Batch, "--batch"),
    ("SCHED_IDLE", Policy::Idle, "--idle"),
    ("SCHED_FIFO", Policy::Fifo, "--fifo"),
    ("SCHED_RR", Policy::Rr, "--rr"),
    ("SCHED_DEADLINE", Policy::Deadline, "--deadline"),
];

/// What is asked for. The times are in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scheduler {
    pub policy: Policy,
    pub nice: i128,
    pub priority: i128,
    pub reset_on_fork: bool,
    pub runtime: i128,
    pub deadline: i128,
    pub period: i128,
}

#[derive(Debug, Default)]
struct Raw {
    policy: Option<String>,
    nice: i128,
    priority: i128,
    reset_on_fork: bool,
    runtime: i128,
    deadline: i128,
    period: i128,
}

const ROWS: &[Row<Raw>] = &[
    row("policy", |raw, n| raw.policy = n.text()),
    row("nice", |raw, n| raw.nice = n.number(&I32).unwrap_or_default()),
    row("priority", |raw, n| raw.priority = n.number(&I32).unwrap_or_default()),
    row("flags", |raw, n| n.each(|n| raw.reset_on_fork |= is_reset(&n))),
    row("runtime", |raw, n| raw.runtime = n.number(&U64).unwrap_or_default()),
    row("deadline", |raw, n| raw.deadline = n.number(&U64).unwrap_or_default()),
    row("period", |raw, n| raw.period = n.number(&U64).unwrap_or_default()),
];

/// Flags that chrt(1) has no option for.
const REFUSED: &[&str] = &[
    "SCHED_FLAG_RECLAIM",
    "SCHED_FLAG_DL_OVERRUN",
    "SCHED_FLAG_KEEP_POLICY",
    "SCHED_FLAG_KEEP_PARAMS",
    "SCHED_FLAG_UTIL_CLAMP_MIN",
    "SCHED_FLAG_UTIL_CLAMP_MAX",
];

fn is_reset(node: &Node) -> bool {
    let Some(flag) = node.text() else { return false };
    match flag.as_str() {
        "SCHED_FLAG_RESET_ON_FORK" => return true,
        flag if REFUSED.contains(&flag) => node.fault(format!("is not supported: '{flag}'")),
        flag => node.fault(format!("is not a flag of a scheduler: {}", common::quote(flag))),
    }
    false
}

/// None where nothing is asked for.
pub fn read(node: Node) -> Option<Scheduler> {
    let raw = node.object(ROWS)?;
    if node.is_empty() {
        return None;
    }
    node.demand(raw.policy.is_some(), "policy");
    let name = raw.policy.as_deref()?;
    let Some((_, policy, _)) = POLICIES.iter().find(|(known, ..)| *known == name) else {
        node.member_fault(
            "policy",
            match name {
                "SCHED_ISO" => "is not supported: no kernel has SCHED_ISO".to_owned(),
                name => format!("is not a scheduling policy: {}", common::quote(name)),
            },
        );
        return None;
    };
    let scheduler = raw.with(*policy);
    scheduler.check(&node);
    Some(scheduler)
}

impl Raw {
    /// As sched_setattr(2) takes a period that is not given.
    fn with(&self, policy: Policy) -> Scheduler {
        let Self { nice, priority, reset_on_fork, runtime, deadline, period, .. } = *self;
        let period = if period == 0 { deadline } else { period };
        Scheduler { policy, nice, priority, reset_on_fork, runtime, deadline, period }
    }
}

impl Scheduler {
    /// What sched_setattr(2) would refuse, and chrt(1) would leave out.
    fn check(&self, node: &Node) {
        let is_real_time = matches!(self.policy, Policy::Fifo | Policy::Rr);
        let priorities = if is_real_time { 1..=99 } else { 0..=0 };
        if !priorities.contains(&self.priority) {
            let (low, high) = priorities.into_inner();
            node.member_fault("priority", format!("must be from {low} to {high} with this policy"));
        }
        if !(-20..=19).contains(&self.nice) {
            node.member_fault("nice", "must be from -20 to 19");
        }
        let has_times = self.runtime != 0 || self.deadline != 0 || self.period != 0;
        let fit = 0 < self.runtime && self.runtime <= self.deadline && self.deadline <= self.period;
        match self.policy {
            Policy::Deadline if !fit => {
                node.fault(
                    "must have a runtime, not above the deadline, which is not above the period",
                );
            }
            Policy::Deadline => {}
            _ if has_times => {
                node.fault("has a runtime, a deadline or a period, which only SCHED_DEADLINE has");
            }
            _ => {}
        }
    }

    /// Whether a child of the process does not have the policy.
    pub fn ends_with_a_fork(&self) -> bool {
        self.reset_on_fork || self.policy == Policy::Deadline
    }

    /// Whether the kernel asks for a privilege.
    pub fn is_real_time(&self) -> bool {
        matches!(self.policy, Policy::Fifo | Policy::Rr | Policy::Deadline)
    }
}
