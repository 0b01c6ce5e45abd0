//! Gives COMMAND a pseudo-terminal of its own, or none at all, and relays what goes over it.

#![forbid(unsafe_code)]

mod child;
mod cleanup;
mod cli;
mod console;
mod flow;
mod handover;
mod inner;
mod job;
mod local;
mod outer;
mod pair;
mod pipes;
mod receive;
mod relay;
mod signals;
mod socket;
mod status;

use cli::Action;
use common::{Result, Tool, print};

/// The tool.
pub const TOOL: Tool = Tool { name: "pty-rs", run, status: status::of, hands_on: true };

fn run() -> Result<u8> {
    let action = cli::parse(lexopt::Parser::from_iter(common::arguments()))?;
    carry_out(action).inspect_err(|_| cleanup::carry_out())
}

fn carry_out(action: Action) -> Result<u8> {
    match action {
        Action::Help => print(cli::HELP),
        Action::Version => print(cli::VERSION),
        Action::Local(local) => local.run(),
        Action::Receive(receive) => receive.run(),
        Action::Handover(handover) => Err(handover.run()),
        Action::Connect(connect) => Err(connect.run()),
        Action::Pipes(pipes) => pipes.run(),
    }
}
