//! Swaps the root of the mount namespace, lets go of the old one, becomes COMMAND.

#![forbid(unsafe_code)]

mod cause;
mod cli;
mod pivot;

use cli::Action;
use common::{Kind, Result, Tool, print};

/// The tool.
pub const TOOL: Tool = Tool { name: "pivot-root-rs", run, status: exit_status, hands_on: true };

fn run() -> Result<u8> {
    match cli::parse(lexopt::Parser::from_iter(common::arguments()))? {
        Action::Help => print(cli::HELP),
        Action::Version => print(cli::VERSION),
        Action::Pivot(pivot) => pivot.run(),
    }
}

/// As util-linux's `pivot_root` and its `exec` helper give them.
fn exit_status(kind: Kind) -> u8 {
    match kind {
        Kind::Usage | Kind::Failed => 1,
        Kind::CommandNotRunnable => 126,
        Kind::CommandNotFound => 127,
    }
}
