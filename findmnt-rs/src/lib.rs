//! Lists the mounts of the kernel or of a file.

#![forbid(unsafe_code)]

mod answer;
mod change;
mod cli;
mod columns;
mod filter;
mod find;
mod fstab;
mod grid;
mod json;
mod layout;
mod load;
mod memory;
mod mountinfo;
mod options;
mod output;
mod paths;
mod poll;
mod print;
mod probe;
mod rebuild;
mod request;
mod select;
mod statmount;
mod table;
mod tags;
mod text;
mod tree;
mod types;
mod verify;

use cli::Action;
use common::{Result, Tool, print as print_text};

/// The tool.
pub const TOOL: Tool = Tool { name: "findmnt-rs", run, status: exit_status, hands_on: true };

fn run() -> Result<u8> {
    match cli::parse(lexopt::Parser::from_iter(common::arguments()))? {
        Action::Help => print_text(cli::HELP),
        Action::Version => print_text(cli::VERSION),
        Action::ListColumns(form) => find::list_columns(form),
        Action::Find(request) => find::find(*request),
        Action::Poll(request, actions) => poll::poll(&request, actions),
        Action::Verify(request) => verify::verify(&request),
        Action::Wait(target, timeout) => poll::wait(&target, timeout),
    }
}

/// The same as util-linux's `findmnt`: 1 for every failure, and if there is no match.
fn exit_status(_: common::Kind) -> u8 {
    1
}
