//! Binds, moves and mounts, one place or a whole table, then becomes COMMAND.

#![forbid(unsafe_code)]

#[cfg(test)]
mod arbitrary;
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

use std::sync::atomic::{AtomicU8, Ordering};

use cli::{Action, OnFailure};
use common::tree::remove_after_failure;
use common::{Kind, Result, Tool, print};

/// The tool.
pub const TOOL: Tool = Tool { name: "bindmount-rs", run, status: exit_status, hands_on: true };

/// What `--failure-status` says; 0 where it does not.
static FAILURE_STATUS: AtomicU8 = AtomicU8::new(0);

fn run() -> Result<u8> {
    let mut failure = OnFailure::default();
    let parser = lexopt::Parser::from_iter(common::arguments());
    let action = cli::parse(parser, &mut failure);
    FAILURE_STATUS.store(failure.status, Ordering::Relaxed);
    match action? {
        Action::Help => print(cli::HELP),
        Action::Version => print(cli::VERSION),
        Action::Mount(job) => {
            job.run().inspect_err(|_| remove_after_failure(failure.remove.as_deref()))
        }
    }
}

/// As mount(8) gives them unless others were asked for, and those of a chain loader for COMMAND.
fn exit_status(kind: Kind) -> u8 {
    match (kind, FAILURE_STATUS.load(Ordering::Relaxed)) {
        (Kind::Usage | Kind::Failed, status @ 1..) => status,
        (Kind::Usage, 0) => 1,
        (Kind::Failed, 0) => 32,
        (Kind::CommandNotRunnable, _) => 126,
        (Kind::CommandNotFound, _) => 127,
    }
}
