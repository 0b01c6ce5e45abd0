//! Makes new namespaces and becomes COMMAND inside them.

#![forbid(unsafe_code)]

mod cgroups;
mod child;
mod child_info;
mod cli;
mod explain;
mod failure;
mod idmap;
mod ids;
mod init;
mod intermediate;
mod kind;
mod namespaces;
mod outside_process;
mod parent;
mod plan;
mod reap;
mod setup;
mod subordinate;
mod terminal;

use cli::Action;
use common::{Kind, Result, Tool, print};

/// The tool.
pub const TOOL: Tool = Tool { name: "unshare-rs", run, status: exit_status, hands_on: true };

fn run() -> Result<u8> {
    match cli::parse(lexopt::Parser::from_iter(common::arguments()))? {
        Action::Help => print(cli::HELP),
        Action::Version => print(cli::VERSION),
        Action::PrintMap(plan) => plan.print_map(),
        Action::Run(plan) => plan.run(),
    }
}

/// The statuses of util-linux's `unshare`.
fn exit_status(kind: Kind) -> u8 {
    match kind {
        Kind::Usage | Kind::Failed => 1,
        Kind::CommandNotRunnable => 126,
        Kind::CommandNotFound => 127,
    }
}
