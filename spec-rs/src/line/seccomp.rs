//! The rules of system calls, as setpriv-rs reads them: there the first one that matches counts. Here they are put into
//! that order, which is libseccomp's as far as it has one.

use std::cmp::Ordering;

use seccomp::{Action, Comparison, Filter, Operator};

use super::{SECCOMP, Writer};
use crate::model::{Rule, Seccomp};
use crate::print::Document;

/// About how long a line becomes: names go on in a further rule.
const WIDTH: usize = 110;

/// A call that the author of a profile could not know of: as runc has it.
const NEWER: Action = Action::Errno(38);

impl Writer<'_> {
    /// The rules, where there is a filter.
    pub(super) fn seccomp(&self) -> Option<Document> {
        let seccomp = self.config.linux.seccomp.as_ref()?;
        let rules = ordered(seccomp);
        let newer = newer(seccomp);
        self.check_seccomp(seccomp, newer, &rules);
        let mut lines = Vec::new();
        let mut line = |text: &str, property: &str| lines.push(commented(text, property));
        line(&format!("default {}", seccomp.default), "defaultAction");
        if let Some(newer) = newer {
            lines.push(format!("newer {newer}").into_bytes());
        }
        let mut list = |keyword: &str, names: Vec<&str>, property: &str| {
            if !names.is_empty() {
                lines.push(commented(&format!("{keyword} {}", names.join(" ")), property));
            }
        };
        let architectures = seccomp.architectures.iter();
        list("architectures", architectures.map(|name| name.name()).collect(), "architectures");
        list("flags", seccomp.flags.iter().map(|flag| flag.name()).collect(), "flags");
        for rule in &rules {
            add_rule(&mut lines, rule);
        }
        Some(Document { descriptor: SECCOMP, name: "seccomp", lines })
    }

    /// Whatever setpriv-rs could fail at.
    fn check_seccomp(&self, seccomp: &Seccomp, newer: Option<Action>, rules: &[Rule]) {
        const PATH: &str = "linux.seccomp";
        let filter = filter(seccomp, newer, rules);
        if let Err(error) = filter.compile() {
            self.log.fault(PATH, format!("cannot be loaded: {error}"));
        }
        let denies = |name| filter.outcome(name).is_some_and(Action::denies);
        if denies("execve") {
            self.log.fault(PATH, "denies execve(2), which starts process.args");
        }
        let process = &self.config.process;
        let keeps_admin = process.capabilities.effective.iter().any(|name| name == "sys_admin");
        if !process.no_new_privileges && !keeps_admin && denies("capset") {
            self.log.fault(
                PATH,
                "denies capset(2), which is needed after it is loaded without process.noNewPrivileges",
            );
        }
    }
}

fn filter<'a>(seccomp: &Seccomp, newer: Option<Action>, rules: &'a [Rule]) -> Filter<'a> {
    let rules = rules.iter().map(|rule| seccomp::Rule {
        action: rule.action,
        names: rule.names.iter().map(String::as_str).collect(),
        comparisons: rule.comparisons.clone(),
    });
    Filter {
        default: seccomp.default,
        newer,
        architectures: seccomp.architectures.clone(),
        flags: seccomp.flags.clone(),
        rules: rules.collect(),
    }
}

/// Not where all that is not named is allowed or watched.
fn newer(seccomp: &Seccomp) -> Option<Action> {
    seccomp.default.denies().then_some(NEWER)
}

/// A rule for all arguments comes before those for some, whichever is first in the file. A rule with the default action
/// counts for nothing but as the name of a call: so it comes last.
fn ordered(seccomp: &Seccomp) -> Vec<Rule> {
    let (mut last, others): (Vec<_>, Vec<_>) =
        seccomp.rules.iter().cloned().partition(|rule| rule.action == seccomp.default);
    let (mut rules, mut some): (Vec<_>, Vec<_>) =
        others.into_iter().partition(|rule| rule.comparisons.is_empty());
    some.iter_mut().for_each(|rule| rule.comparisons.sort_by_key(|comparison| comparison.argument));
    some.sort_by(|one, other| order(&one.comparisons, &other.comparisons));
    last.iter_mut().for_each(|rule| rule.comparisons.clear());
    rules.append(&mut some);
    rules.append(&mut last);
    rules
}

/// Of two rules that match, the one that libseccomp asks for first: it has the comparisons of all rules in one tree, whose
/// levels it sorts (`_db_chain_lt` of its db.c).
fn order(one: &[Comparison], other: &[Comparison]) -> Ordering {
    let pairs = one.iter().zip(other).map(|(one, other)| rank(one).cmp(&rank(other)));
    let longer = || other.len().cmp(&one.len());
    pairs.into_iter().find(|order| order.is_ne()).unwrap_or_else(longer)
}

/// The last argument first, then equality before less before greater, and of these the narrowest.
fn rank(comparison: &Comparison) -> (u8, u8, u64) {
    let (class, value) = match comparison.operator {
        Operator::Eq | Operator::Ne | Operator::MaskedEq(_) => (0, u64::MAX - comparison.value),
        Operator::Lt | Operator::Le => (1, comparison.value),
        Operator::Gt | Operator::Ge => (2, u64::MAX - comparison.value),
    };
    (u8::MAX - comparison.argument, class, value)
}

fn commented(text: &str, property: &str) -> Vec<u8> {
    format!("{text} # linux.seccomp.{property}").into_bytes()
}

/// The names on as many lines as they need.
fn add_rule(lines: &mut Vec<Vec<u8>>, rule: &Rule) {
    let mut names: &[String] = &rule.names;
    while !names.is_empty() {
        let mut width = 0;
        let fits = |name: &&String| {
            width += name.len() + 1;
            width < WIDTH
        };
        let (now, rest) = names.split_at(names.iter().take_while(fits).count().max(1));
        let part = seccomp::Rule {
            action: rule.action,
            names: now.iter().map(String::as_str).collect(),
            comparisons: rule.comparisons.clone(),
        };
        let is_first = names.len() == rule.names.len();
        lines.push(match is_first {
            true => commented(&part.to_string(), &format!("syscalls[{}]", rule.index)),
            false => part.to_string().into_bytes(),
        });
        names = rest;
    }
}
