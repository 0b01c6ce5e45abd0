//! Changes user, groups, capabilities and other privileges that execve(2) keeps, and becomes COMMAND.

#![forbid(unsafe_code)]

mod capabilities;
mod cli;
mod death_signal;
mod descriptor;
mod dump;
mod environment;
mod filter;
mod gate;
mod hook;
mod identity;
mod keyring;
mod label;
mod landlock;
mod lenient;
mod privileges;
mod range;
mod securebits;
mod sets;
mod streams;
mod tracer;

use cli::Action;
use common::{Kind, Result, Tool, print};

/// The tool.
pub const TOOL: Tool = Tool { name: "setpriv-rs", run, status: exit_status, hands_on: false };

fn run() -> Result<u8> {
    match cli::parse(lexopt::Parser::from_iter(common::arguments()))? {
        Action::Help => print(cli::HELP),
        Action::Version => print(cli::VERSION),
        Action::ListCapabilities => dump::list_capabilities(),
        Action::ListLandlock(list) => print(&list.text()?),
        Action::Dump(level) => dump::dump(level),
        Action::Run(privileges) => privileges.run(exit_status),
    }
}

/// The statuses of util-linux's `setpriv`. It gives 127 for a privilege that could not be set, too.
fn exit_status(kind: Kind) -> u8 {
    match kind {
        Kind::Usage => 1,
        Kind::CommandNotRunnable => 126,
        Kind::Failed | Kind::CommandNotFound => 127,
    }
}
