//! The programs of the machine that change what every process inherits: they stand before the container, since there
//! is none of them in it.

use super::Writer;
use crate::model::{Domain, IDLE, Kind, POLICIES, Policy, Scheduler};

/// A program and its arguments.
pub type Words = Vec<String>;

impl Writer<'_> {
    /// In the order of the line. The supervisor inherits what they set, and does nothing with it but wait.
    pub(super) fn early_classics(&self, limits: &[String]) -> Vec<Words> {
        let process = &self.config.process;
        let mut list = Vec::new();
        if let Some(adjustment) = process.oom_score_adj {
            list.push(words(&["choom", "-n", &adjustment.to_string(), "--"]));
        }
        if !limits.is_empty() {
            list.push([words(&["prlimit"]), limits.to_vec()].concat());
        }
        if let Some(scheduler) = &process.scheduler {
            list.extend(self.nice(scheduler));
            if !scheduler.ends_with_a_fork() {
                list.push(chrt(scheduler));
            }
        }
        if let Some(priority) = process.io_priority {
            let mut options = words(&["ionice", "-c", &priority.class.to_string()]);
            if priority.class != IDLE {
                options.extend(words(&["-n", &priority.priority.to_string()]));
            }
            list.push(options);
        }
        list.extend(self.architecture());
        let policy = &self.config.linux.memory_policy;
        if !policy.is_empty() {
            list.push([words(&["numactl"]), policy.clone()].concat());
        }
        list
    }

    /// A policy that a child does not inherit is set by the child.
    pub(super) fn late_classics(&self) -> Vec<Words> {
        let scheduler = self.config.process.scheduler.filter(Scheduler::ends_with_a_fork);
        scheduler.iter().map(chrt).chain(self.affinity()).collect()
    }

    /// A process that enters a cpuset keeps to the CPUs that it was bound to before (since Linux 6.2, and in version 2).
    fn affinity(&self) -> Option<Words> {
        let cpus = &self.resources().cpu.cpus;
        (!cpus.is_empty() && !(self.machine.has_all_cpus)())
            .then(|| words(&["taskset", "-c", cpus]))
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
        let needs_power = matches!(scheduler.policy, Policy::Fifo | Policy::Rr | Policy::Deadline);
        if scheduler.ends_with_a_fork() && needs_power && self.has(Kind::User) {
            self.log.fault(
                "process.scheduler",
                "ends with a fork, and so cannot be set before a user namespace begins, nor in it",
            );
        }
    }
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
