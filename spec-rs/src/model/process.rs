//! `process`: what is executed, as whom and with which privileges.

use super::capabilities::{self, Capabilities};
use super::console_size::{self, ConsoleSize};
use super::io_priority::{self, IoPriority};
use super::rlimit::{self, Rlimit};
use super::scheduler::{self, Scheduler};
use super::text;
use super::user::{self, User};
use crate::node::{Log, Node, Row, row, row_by};

#[derive(Debug, Default)]
pub struct Process {
    pub terminal: bool,
    pub console_size: Option<ConsoleSize>,
    pub cwd: String,
    pub env: Vec<Vec<u8>>,
    pub args: Vec<Vec<u8>>,
    pub user: User,
    pub capabilities: Capabilities,
    pub rlimits: Vec<Rlimit>,
    pub no_new_privileges: bool,
    pub apparmor_profile: String,
    pub selinux_label: String,
    pub oom_score_adj: Option<i128>,
    pub scheduler: Option<Scheduler>,
    pub io_priority: Option<IoPriority>,
    /// The CPUs of a process that joins a container, before it is in its cgroup and after that.
    pub exec_affinity: (String, String),
}

/// The kernel takes no string of 128 KiB or more (MAX_ARG_STRLEN, with the NUL at its end).
const STRING_LENGTH: usize = 131_071;

pub const ROWS: &[Row<Process>] = &[
    row_by("terminal", "pty-rs", |process, n| process.terminal = n.flag().unwrap_or_default()),
    row_by("consoleSize", "pty-rs --size", |process, n| {
        process.console_size = n.object(console_size::ROWS);
    }),
    row_by("cwd", "pivot-root-rs --wd", |process, n| {
        process.cwd = text::absolute_path(&n).map(|path| text::simple(&path)).unwrap_or_default();
    }),
    row_by("env", "setpriv-rs --env-fd", |process, n| process.env = bytes(environment(n))),
    row("args", |process, n| process.args = bytes(arguments(n))),
    row("commandLine", |_, n| n.meaningless("for Windows")),
    row_by("user", "setpriv-rs --reuid, --regid", |process, n| {
        process.user = n.object(user::ROWS).unwrap_or_default();
    }),
    row("capabilities", |process, n| {
        process.capabilities = capabilities::read(&n);
    }),
    row_by("rlimits", "ulimit, prlimit", |process, n| process.rlimits = rlimit::read(n)),
    row_by("noNewPrivileges", "setpriv-rs --no-new-privs", |process, n| {
        process.no_new_privileges = n.flag().unwrap_or_default();
    }),
    row_by("apparmorProfile", "setpriv-rs --apparmor-profile", |process, n| {
        process.apparmor_profile = n.text().unwrap_or_default();
    }),
    row_by("selinuxLabel", "setpriv-rs --selinux-label", |process, n| {
        process.selinux_label = n.text().unwrap_or_default();
    }),
    row_by("oomScoreAdj", "choom", |process, n| {
        process.oom_score_adj = n.number(&(-1000..=1000));
    }),
    row_by("scheduler", "chrt, nice", |process, n| process.scheduler = scheduler::read(n)),
    row_by("ioPriority", "ionice", |process, n| process.io_priority = io_priority::read(n)),
    row_by("execCPUAffinity", "taskset", |process, n| {
        process.exec_affinity = n.object(AFFINITY).unwrap_or_default();
    }),
];

/// They are for processes that join a running container.
const AFFINITY: &[Row<(String, String)>] = &[
    row("initial", |lists, n| lists.0 = text::numbers(&n).unwrap_or_default()),
    row("final", |lists, n| lists.1 = text::numbers(&n).unwrap_or_default()),
];

impl Process {
    /// A process is demanded as soon as there is a container to start.
    pub fn demand(&self, log: &Log) {
        for (is_empty, path) in
            [(self.args.is_empty(), "process.args"), (self.cwd.is_empty(), "process.cwd")]
        {
            if is_empty && !log.has_below(path) && !log.has("process") {
                log.fault(path, "is missing");
            }
        }
    }
}

fn bytes(texts: Vec<String>) -> Vec<Vec<u8>> {
    texts.into_iter().map(String::into_bytes).collect()
}

/// Strings that execve(2) takes.
pub(super) fn arguments(node: Node) -> Vec<String> {
    let mut arguments = Vec::new();
    node.each(|node| arguments.extend(string(&node)));
    arguments
}

/// `NAME=VALUE` each.
pub(super) fn environment(node: Node) -> Vec<String> {
    let mut variables = Vec::new();
    node.each(|node| {
        let Some(variable) = string(&node) else { return };
        match variable.find('=') {
            None | Some(0) => {
                node.fault(format!("must be NAME=VALUE, not {}", common::quote(variable)));
            }
            Some(_) => variables.push(variable),
        }
    });
    variables
}

fn string(node: &Node) -> Option<String> {
    let text = node.text()?;
    if text.len() > STRING_LENGTH {
        node.fault(format!("is longer than {STRING_LENGTH} bytes"));
        return None;
    }
    Some(text)
}
