//! Resource limits: `ulimit` of the shell itself costs nothing, prlimit has them all.

use super::Writer;
use crate::model::{Rlimit, UNLIMITED, Ulimit};

/// What sets them.
#[derive(Debug, Default)]
pub struct Limits {
    /// Commands of the shell, each with the property that it is for.
    pub steps: Vec<(Vec<String>, String)>,
    /// Options of prlimit.
    pub words: Vec<String>,
}

impl Writer<'_> {
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for rlimit in &self.config.process.rlimits {
            self.check(rlimit);
            limits.add(rlimit);
        }
        limits
    }

    /// prlimit would not name the property, and the shell would have begun.
    fn check(&self, rlimit: &Rlimit) {
        let hard = (self.machine.hard_limit)(rlimit.limit);
        if rlimit.hard > hard && !self.machine.may_raise_limits {
            self.log.fault(
                &rlimit.path,
                format!(
                    "cannot be set: the hard limit RLIMIT_{} is {hard}, and to raise it takes CAP_SYS_RESOURCE",
                    rlimit.limit.name
                ),
            );
        }
    }
}

impl Limits {
    fn add(&mut self, rlimit: &Rlimit) {
        let name = rlimit.limit.name.to_ascii_lowercase();
        let (Some(soft), Some(hard)) =
            (rlimit.limit.ulimit.amount(rlimit.soft), rlimit.limit.ulimit.amount(rlimit.hard))
        else {
            let (soft, hard) = (number(rlimit.soft), number(rlimit.hard));
            return self.words.push(format!("--{name}={soft}:{hard}"));
        };
        let path = &rlimit.path;
        self.step(&["ulimit", &hard.letter, &hard.amount], path);
        if soft.amount != hard.amount {
            self.step(&["ulimit", "-S", &soft.letter, &soft.amount], path);
        }
    }

    fn step(&mut self, words: &[&str], path: &str) {
        self.steps.push((words.iter().map(|&word| word.to_owned()).collect(), path.to_owned()));
    }
}

fn number(value: u64) -> String {
    match value {
        UNLIMITED => "unlimited".into(),
        value => value.to_string(),
    }
}

struct Amount {
    letter: String,
    amount: String,
}

impl Ulimit {
    /// The value in the unit of the shell; none where it is not a whole number of them, or one that not every shell
    /// can count to.
    fn amount(self, value: u64) -> Option<Amount> {
        let (letter, amount) = match (self, value) {
            (Self::No, _) => return None,
            (Self::Unit(letter, _) | Self::Ends(letter), UNLIMITED) => (letter, "unlimited".into()),
            (Self::Unit(letter, _) | Self::Ends(letter), 0) => (letter, "0".into()),
            (Self::Ends(_), _) => return None,
            (Self::Unit(letter, unit), value) => {
                if value % unit != 0 || value > i64::MAX as u64 {
                    return None;
                }
                (letter, (value / unit).to_string())
            }
        };
        Some(Amount { letter: format!("-{letter}"), amount })
    }
}
