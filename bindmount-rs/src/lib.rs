//! Binds, moves and mounts, one place or a whole table, then becomes COMMAND.

#![forbid(unsafe_code)]

mod at_once;
mod before;
mod cli;
mod copy;
mod data;
mod descriptor;
mod detached;
mod guard;
mod held;
mod hints;
mod idmap;
mod input;
mod job;
mod line;
mod mount;
mod mountinfo;
mod namespace;
mod node;
mod options;
mod others;
mod owner;
mod place;
mod statmount;
mod table;
mod undo;

use cli::Action;
use common::{Kind, Result, Tool, print};

/// The tool.
pub const TOOL: Tool = Tool { name: "bindmount-rs", run, status: exit_status, hands_on: true };

fn run() -> Result<u8> {
    match cli::parse(lexopt::Parser::from_iter(common::arguments()))? {
        Action::Help => print(cli::HELP),
        Action::Version => print(cli::VERSION),
        Action::Mount(job) => job.run(),
    }
}

/// Those of mount(8), and of a chain loader for COMMAND.
fn exit_status(kind: Kind) -> u8 {
    match kind {
        Kind::Usage => 1,
        Kind::Failed => 32,
        Kind::CommandNotRunnable => 126,
        Kind::CommandNotFound => 127,
    }
}
