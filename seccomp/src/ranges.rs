//! What becomes of each number of a system call: all of them in order, and those with the same outcome together.

use crate::action::Action;
use crate::architecture::Architecture;
use crate::filter::Filter;
use crate::names::{self, X32_BIT, multiplexed};
use crate::rule::{Comparison, Operator, Rule};

/// The numbers from `start` up to the next range.
#[derive(Debug, PartialEq, Eq)]
pub struct Range {
    pub start: u32,
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Action(Action),
    Chain(Chain),
}

/// An outcome that depends on the arguments: that of the first link whose comparisons hold, or the last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub links: Vec<(Vec<Comparison>, Action)>,
    pub last: Action,
    /// Whether all 64 bits of an argument count.
    pub is_wide: bool,
}

/// A rule for one call.
struct Call<'a> {
    number: u32,
    order: usize,
    rule: &'a Rule<'a>,
    /// What the first argument must be, where the call does the work of others too.
    multiplexed: Option<u32>,
}

/// The ranges of all numbers, from 0 on: those of x32 are numbers of x86_64.
pub fn of(filter: &Filter, architecture: Architecture) -> Vec<Range> {
    let mut ranges = Vec::new();
    match architecture {
        Architecture::X8664 | Architecture::X32 => {
            add(&mut ranges, filter, Architecture::X8664, 0);
            if filter.has(Architecture::X32) {
                add(&mut ranges, filter, Architecture::X32, X32_BIT);
            } else {
                push(&mut ranges, X32_BIT, Outcome::Action(Action::KillThread));
                // libseccomp leaves this one, by which a tracer has a call skipped.
                push(&mut ranges, u32::MAX, Outcome::Action(filter.default));
            }
        }
        architecture => add(&mut ranges, filter, architecture, 0),
    }
    ranges
}

fn add(ranges: &mut Vec<Range>, filter: &Filter, architecture: Architecture, start: u32) {
    let default = Outcome::Action(filter.default);
    let (calls, largest) = calls(filter, architecture);
    push(ranges, start, default.clone());
    for calls in calls.chunk_by(|one, other| one.number == other.number) {
        let outcome = outcome(calls, filter.default, architecture.has_wide_arguments());
        push(ranges, calls[0].number, outcome);
        push(ranges, calls[0].number + 1, default.clone());
    }
    // As runc has it: an architecture of which the rules name nothing knows no newer calls either.
    if let Some(newer) = filter.newer.filter(|_| largest > 0) {
        push(ranges, largest + 1, Outcome::Action(newer));
    }
}

fn push(ranges: &mut Vec<Range>, start: u32, outcome: Outcome) {
    if ranges.last().is_some_and(|range| range.start == start) {
        ranges.pop();
    }
    if ranges.last().is_none_or(|range| range.outcome != outcome) {
        ranges.push(Range { start, outcome });
    }
}

/// Sorted by number, and then in the order in which they count; and the largest number that the rules name.
fn calls<'a>(filter: &'a Filter, architecture: Architecture) -> (Vec<Call<'a>>, u32) {
    let mut calls = Vec::with_capacity(512);
    let mut largest = 0;
    for (index, rule) in filter.rules.iter().enumerate() {
        for name in &rule.names {
            let common = (architecture == Architecture::X86).then(|| multiplexed(name)).flatten();
            if let Some(number) = names::number(architecture, name) {
                largest = largest.max(number);
                calls.push(Call { number, order: index, rule, multiplexed: None });
            }
            if let Some((number, argument)) = common {
                largest = largest.max(number);
                // A rule for the common call itself comes first.
                let order = filter.rules.len() + index;
                calls.push(Call { number, order, rule, multiplexed: Some(argument) });
            }
        }
    }
    calls.sort_unstable_by_key(|call| (call.number, call.order));
    (calls, largest)
}

fn outcome(calls: &[Call], default: Action, is_wide: bool) -> Outcome {
    let mut links = Vec::new();
    let mut last = default;
    for call in calls {
        let comparisons = call.comparisons(is_wide);
        if comparisons.is_empty() {
            last = call.rule.action;
            break;
        }
        links.push((comparisons, call.rule.action));
    }
    while links.last().is_some_and(|(_, action)| *action == last) {
        links.pop();
    }
    match links.is_empty() {
        true => Outcome::Action(last),
        false => Outcome::Chain(Chain { links, last, is_wide }),
    }
}

impl Call<'_> {
    /// Those that can fail. The arguments of a common call are not those of the call that it does the work of, but
    /// libseccomp compares all of them except the first.
    fn comparisons(&self, is_wide: bool) -> Vec<Comparison> {
        let first = self.multiplexed.map(|argument| Comparison {
            argument: 0,
            operator: Operator::Eq,
            value: argument.into(),
        });
        let others = self.rule.comparisons.iter().filter(|comparison| {
            (first.is_none() || comparison.argument != 0) && !always_holds(comparison, is_wide)
        });
        first.into_iter().chain(others.copied()).collect()
    }
}

fn always_holds(comparison: &Comparison, is_wide: bool) -> bool {
    match comparison.operator {
        Operator::MaskedEq(mask) => mask == 0 || !is_wide && mask as u32 == 0,
        _ => false,
    }
}
