//! Binds, moves and mounts, one place or a whole table, then becomes COMMAND.

#![cfg_attr(not(test), no_main)]
#![forbid(unsafe_code)]

#[cfg(test)]
mod arbitrary;
mod before;
mod cli;
mod detached;
mod guard;
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
mod owner;
mod place;
mod statmount;
mod table;
mod undo;

use cli::Action;
use common::{Kind, Result, print};

common::tool!(run, exit_status);

fn run() -> Result<u8> {
    match cli::parse(lexopt::Parser::from_iter(common::arguments()))? {
        Action::Help => print(cli::HELP),
        Action::Version => print(cli::VERSION),
        Action::Mount(job) => job.run(),
    }
}

/// As mount(8) gives them, and those of a chain loader for COMMAND.
fn exit_status(kind: Kind) -> u8 {
    match kind {
        Kind::Usage => 1,
        Kind::Failed => 32,
        Kind::CommandNotRunnable => 126,
        Kind::CommandNotFound => 127,
    }
}
