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
            let own_hard = (self.machine.hard_limit)(rlimit.limit);
            self.check(rlimit, own_hard);
            limits.add(rlimit, own_hard);
        }
        limits
    }

    /// prlimit would not name the property, and the shell would have begun.
    fn check(&self, rlimit: &Rlimit, hard: u64) {
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
    /// A limit is raised from the hard one on, and lowered from the soft one on. Without -S or -H not all shells set both.
    fn add(&mut self, rlimit: &Rlimit, own_hard: u64) {
        let name = rlimit.limit.name.to_ascii_lowercase();
        let ulimit = rlimit.limit.ulimit;
        let (Some(soft), Some(hard)) = (ulimit.amount(rlimit.soft), ulimit.amount(rlimit.hard))
        else {
            let (soft, hard) = (number(rlimit.soft), number(rlimit.hard));
            return self.words.push(format!("--{name}={soft}:{hard}"));
        };
        let mut steps = [("-S", soft), ("-H", hard)];
        if rlimit.hard > own_hard {
            steps.reverse();
        }
        for (side, Amount { letter, amount }) in steps {
            let words = ["ulimit", side, &letter, &amount].map(str::to_owned).to_vec();
            self.steps.push((words, rlimit.path.clone()));
        }
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
