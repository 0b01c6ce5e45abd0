//! The line of a further process in a running container. It is as closed as the first one: the same privileges, filter,
//! cgroup and namespaces, a session of its own, and no program of the machine's that the container could write to.

use super::{Setting, TERMINAL, Writer, digit, find};
use crate::line::classics::{Classic, taskset};
use crate::line::place::Place;
use crate::line::spaces::Spaces;
use crate::machine::Machine;
use crate::model::{Config, KINDS, Kind};
use crate::node::Log;
use crate::print::{Chain, Script};

/// The first process of the container, whose namespaces and cgroup are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    pub pid: u32,
    /// The time that it started, by which it is told from another one that has got its number.
    pub start: u64,
}

/// The line for `config.process`.
pub fn exec(
    config: &Config,
    target: Target,
    setting: &Setting,
    machine: &Machine,
    log: &Log,
) -> Vec<u8> {
    let spaces = Spaces::of_process(target.pid, machine);
    let writer = Writer { config, setting, machine, log, place: Place::default(), spaces };
    writer.exec(target)
}

impl Writer<'_> {
    fn exec(&self, target: Target) -> Vec<u8> {
        self.demand_exec();
        let limits = self.limits();
        let mut script = Script::new(self.setting.failure);
        let early = [self.exec_affinity(true), self.early_classics(&limits.words)].concat();
        let inner = self.exec_affinity(false);
        find(early.iter().chain(&inner), &mut script);
        self.set_limits(&limits, &mut script);
        let before = [self.handed_on(), self.guard_terminal(&mut script)].concat();

        let mut chain = Chain::default();
        self.add_relay(&mut chain, self.has_devpts());
        early.iter().for_each(|classic| chain.program(&classic.words));
        self.add_trees_of_exec(&mut chain, target, &inner);
        self.add_inner_terminal(&mut chain);
        self.add_privileges(&mut chain);
        let mut documents = vec![self.environment()];
        documents.extend(self.seccomp());
        script.become_chain(&before, &chain, &documents)
    }

    /// The cgroup comes first where a program of the machine's is to run in it.
    fn add_trees_of_exec(&self, chain: &mut Chain, target: Target, inner: &[Classic]) {
        let Target { pid, start } = target;
        let start = format!("{} --target {pid} --start-time {start}", self.statuses());
        let words = |more: &str| {
            let words: Vec<_> = start.split_whitespace().chain(more.split_whitespace()).collect();
            words.into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        let tool = self.tool("nsenter-rs");
        let with_tool = |words: Vec<String>| {
            std::iter::once(tool.clone()).chain(words.into_iter().map(String::into_bytes))
        };
        let join = if inner.is_empty() { "--join-cgroup" } else { "" };
        if !inner.is_empty() {
            chain.program(with_tool(words("--join-cgroup")));
            inner.iter().for_each(|classic| chain.program(&classic.words));
        }
        let kinds = KINDS.iter().filter(|(_, kind, _)| self.has(*kind));
        let kinds: Vec<_> = kinds.map(|(.., option)| *option).collect();
        chain.program(with_tool(words("")));
        chain.options(kinds.into_iter().chain(join.split_whitespace()));
        let directory = format!("--wdns={}", self.config.process.cwd);
        chain.options(["--root", &directory]);
        if !self.config.process.terminal || self.has_devpts() {
            // Otherwise pty-rs has made the session, whose terminal it is.
            chain.options(["--new-session"]);
        }
        if self.setting.hold {
            chain.options(["--detach"]);
        }
        chain.options(self.records(false));
        chain.options(["--carry"]);
    }

    /// Of the words that have no other one by default.
    fn statuses(&self) -> String {
        match self.setting.failure {
            "1" => String::new(),
            status => format!("--failure-status {status}"),
        }
    }

    /// A terminal out of the container's own devpts. There is no program of the machine's in that root: pty-rs goes on as
    /// the next word itself.
    fn add_inner_terminal(&self, chain: &mut Chain) {
        if !self.config.process.terminal || !self.has_devpts() {
            return;
        }
        let tool = self.tool("pty-rs");
        let status = self.setting.failure.as_bytes();
        chain.program([
            &tool[..],
            b"--failure-status",
            status,
            b"--send",
            &digit(TERMINAL),
            b"--root",
            b"/",
        ]);
        chain.options(self.options_of_terminal().into_iter().chain(["--own".into(), "--".into()]));
    }

    /// taskset(1), before the cgroup is joined and after that.
    fn exec_affinity(&self, is_first: bool) -> Vec<Classic> {
        let (first, last) = &self.config.process.exec_affinity;
        let list = if is_first { first } else { last };
        match list.is_empty() {
            true => Vec::new(),
            false => vec![taskset(list)],
        }
    }

    /// Whether the container has mounts of its own, and so a devpts.
    fn has_devpts(&self) -> bool {
        self.has(Kind::Mount)
    }

    fn demand_exec(&self) {
        self.demand_modules();
        self.demand_life(self.has_devpts());
        let scheduler = &self.config.process.scheduler;
        if scheduler.is_some_and(|scheduler| scheduler.ends_with_a_fork()) {
            let reason = "ends with a fork, and so cannot be set for a process that joins";
            self.log.fault("process.scheduler", reason);
        }
    }
}
