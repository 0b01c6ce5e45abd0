//! The programs of the machine that change what every process inherits: they stand before the container, since there
//! is none of them in it.

use super::Writer;
use crate::model::{Domain, IDLE, IoPriority, Kind, POLICIES, Policy, REAL_TIME, Scheduler};

/// A program and its arguments.
pub type Words = Vec<String>;

/// A program that changes what a process inherits.
#[derive(Clone, Debug)]
pub struct Classic {
    pub words: Words,
    /// The property, where the kernel may refuse its value.
    pub doubtful: Option<&'static str>,
}

/// One that does not fail.
fn sure(words: Words) -> Classic {
    Classic { words, doubtful: None }
}

impl Writer<'_> {
    /// In the order of the line. The supervisor inherits what they set, and does nothing with it but wait.
    pub(super) fn early_classics(&self, limits: &[String]) -> Vec<Classic> {
        let process = &self.config.process;
        let mut list = Vec::new();
        list.extend(process.oom_score_adj.map(|score| self.choom(score)));
        if !limits.is_empty() {
            list.push(sure([words(&["prlimit"]), limits.to_vec()].concat()));
        }
        if let Some(scheduler) = &process.scheduler {
            list.extend(self.nice(scheduler).map(sure));
            if !scheduler.ends_with_a_fork() {
                let doubtful = scheduler.is_real_time().then_some("process.scheduler");
                list.push(Classic { words: chrt(scheduler), doubtful });
            }
        }
        list.extend(process.io_priority.map(ionice));
        list.extend(self.architecture().map(sure));
        let policy = &self.config.linux.memory_policy;
        if !policy.is_empty() {
            let words = [words(&["numactl"]), policy.clone()].concat();
            list.push(Classic { words, doubtful: Some("linux.memoryPolicy") });
        }
        list
    }

    /// The kernel refuses a lower value than the one that a privileged process has set last.
    fn choom(&self, score: i128) -> Classic {
        let own = (self.machine.oom_score_adj)();
        let is_refused = score < own && !self.machine.may_raise_limits;
        Classic {
            words: words(&["choom", "-n", &score.to_string(), "--"]),
            doubtful: is_refused.then_some("process.oomScoreAdj"),
        }
    }

    /// A policy that a child does not inherit is set by the child.
    pub(super) fn late_classics(&self) -> Vec<Classic> {
        let scheduler = self.config.process.scheduler.filter(Scheduler::ends_with_a_fork);
        scheduler.iter().map(chrt).map(sure).chain(self.affinity()).collect()
    }

    /// A process that enters a cpuset keeps to the CPUs that it was bound to before (since Linux 6.2, and in version 2).
    fn affinity(&self) -> Option<Classic> {
        let cpus = &self.resources().cpu.cpus;
        (!cpus.is_empty() && !(self.machine.has_all_cpus)()).then(|| taskset(cpus))
    }

    /// nice(1) adds to the value that it has, and goes on where it may not.
    fn nice(&self, scheduler: &Scheduler) -> Option<Words> {
        if !matches!(scheduler.policy, Policy::Other | Policy::Batch) {
            return None;
        }
        let (own, lowest) = ((self.machine.nice)(), (self.machine.lowest_nice)());
        if scheduler.nice < own && scheduler.nice < lowest {
            let reason = format!("cannot be set: it is {own}, and to lower it takes CAP_SYS_NICE");
            self.log.fault("process.scheduler.nice", reason);
        }
        let difference = scheduler.nice - own;
        (difference != 0).then(|| words(&["nice", "-n", &difference.to_string()]))
    }

    fn architecture(&self) -> Option<Words> {
        let name = match self.config.linux.personality? {
            Domain::Linux32 => "linux32",
            // It is what every process has, but for the children of setarch.
            Domain::Linux if (self.machine.has_default_personality)() => return None,
            Domain::Linux => "linux64",
        };
        Some(words(&["setarch", name]))
    }

    /// The kernel asks for powers over the machine, which a user namespace takes away (sched_setattr(2)).
    pub(super) fn demand_scheduler(&self) {
        let Some(scheduler) = &self.config.process.scheduler else { return };
        if scheduler.ends_with_a_fork() && scheduler.is_real_time() && self.has(Kind::User) {
            self.log.fault(
                "process.scheduler",
                "ends with a fork, and so cannot be set before a user namespace begins, nor in it",
            );
        }
    }
}

pub fn taskset(cpus: &str) -> Classic {
    sure(words(&["taskset", "-c", cpus]))
}

fn ionice(priority: IoPriority) -> Classic {
    let mut words = words(&["ionice", "-c", &priority.class.to_string()]);
    if priority.class != IDLE {
        words.extend(["-n".to_owned(), priority.priority.to_string()]);
    }
    Classic { words, doubtful: (priority.class == REAL_TIME).then_some("process.ioPriority") }
}

/// The options of chrt(1) for `scheduler`.
fn chrt(scheduler: &Scheduler) -> Words {
    let mut list = words(&["chrt"]);
    let option = POLICIES.iter().find(|(_, policy, _)| *policy == scheduler.policy);
    list.extend(option.map(|(.., option)| (*option).to_owned()));
    if scheduler.reset_on_fork {
        list.extend(words(&["--reset-on-fork"]));
    }
    if scheduler.policy == Policy::Deadline {
        for (option, time) in [
            ("--sched-runtime", scheduler.runtime),
            ("--sched-deadline", scheduler.deadline),
            ("--sched-period", scheduler.period),
        ] {
            list.extend(words(&[option, &time.to_string()]));
        }
    }
    list.push(scheduler.priority.to_string());
    list
}

fn words(words: &[&str]) -> Words {
    words.iter().map(|&word| word.to_owned()).collect()
}
