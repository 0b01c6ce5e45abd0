//! Changes the root directory, becomes another user where asked to, then COMMAND.

#![forbid(unsafe_code)]

mod chroot;
mod cli;
mod identity;
mod names;

use cli::Action;
use common::{Kind, Result, Tool, print};

/// The tool.
pub const TOOL: Tool = Tool { name: "chroot-rs", run, status: exit_status, hands_on: true };

fn run() -> Result<u8> {
    match cli::parse(lexopt::Parser::from_iter(common::arguments()))? {
        Action::Help => print(cli::HELP),
        Action::Version => print(cli::VERSION),
        Action::Chroot(chroot) => Err(chroot.run()),
    }
}

/// As GNU `chroot` gives them.
fn exit_status(kind: Kind) -> u8 {
    match kind {
        Kind::Usage | Kind::Failed => 125,
        Kind::CommandNotRunnable => 126,
        Kind::CommandNotFound => 127,
    }
}
