//! Enters namespaces of another process, or of files, and becomes COMMAND there.

#![forbid(unsafe_code)]

mod by_id;
mod cgroups;
mod child;
mod cli;
mod credentials;
mod enter;
mod namespaces;
mod target;

use cli::Action;
use common::{Kind, Result, Tool, print};

/// The tool.
pub const TOOL: Tool = Tool { name: "nsenter-rs", run, status: exit_status, hands_on: true };

fn run() -> Result<u8> {
    match cli::parse(lexopt::Parser::from_iter(common::arguments()))? {
        Action::Help => print(cli::HELP),
        Action::Version => print(cli::VERSION),
        Action::Enter(entry) => entry.run(),
    }
}

/// The statuses of util-linux's `nsenter`.
fn exit_status(kind: Kind) -> u8 {
    match kind {
        Kind::Usage | Kind::Failed => 1,
        Kind::CommandNotRunnable => 126,
        Kind::CommandNotFound => 127,
    }
}
