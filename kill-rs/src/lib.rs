//! Sends a signal to processes, each held by a descriptor, so that no other process of the same number gets it.

#![forbid(unsafe_code)]

mod cli;
mod names;
mod send;

use cli::Action;
use common::{Kind, Result, Tool, print};

/// The tool.
pub const TOOL: Tool = Tool { name: "kill-rs", run, status: exit_status, hands_on: false };

fn run() -> Result<u8> {
    match cli::parse(lexopt::Parser::from_iter(common::arguments()))? {
        Action::Help => print(cli::HELP),
        Action::Version => print(cli::VERSION),
        Action::List => print(&names::list()),
        Action::Table => print(&names::table()),
        Action::Convert(text) => print(&names::convert(&text)?),
        Action::Send(job) => Ok(job.run()),
    }
}

/// As util-linux's `kill` gives it.
fn exit_status(_: Kind) -> u8 {
    1
}
