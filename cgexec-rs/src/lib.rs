//! Makes and joins cgroups, sets their limits and device rules, and becomes COMMAND in them.

#![forbid(unsafe_code)]

mod cli;
mod devices;
mod explain;
mod list;
mod making;
mod place;
mod placeholder;
mod plan;
mod program;
mod property;
mod removal;
mod rules;
mod scope;
mod setting;
mod sticky;
mod supervisor;
mod target;

use cli::Action;
use common::{Kind, Result, Tool, print};

/// The tool.
pub const TOOL: Tool = Tool { name: "cgexec-rs", run, status: exit_status, hands_on: true };

fn run() -> Result<u8> {
    match cli::parse(lexopt::Parser::from_iter(common::arguments()))? {
        Action::Help => print(cli::HELP),
        Action::Version => print(cli::VERSION),
        Action::Run(plan) => plan.run(),
        Action::Remove(removal) => removal.run(),
    }
}

/// The classic ends with the last byte of the number of its library's error; this tool with the status of its siblings.
fn exit_status(kind: Kind) -> u8 {
    match kind {
        Kind::Usage | Kind::Failed => 1,
        Kind::CommandNotRunnable => 126,
        Kind::CommandNotFound => 127,
    }
}
