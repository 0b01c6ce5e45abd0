//! Reads the configuration of an OCI bundle and prints the command line that makes the container, or prints a new
//! configuration. It has no other effect.

#![forbid(unsafe_code)]

mod bundle;
mod cli;
mod convert;
mod exec;
mod features;
mod file;
mod json;
mod limits;
mod line;
mod machine;
mod model;
mod more;
mod new;
mod node;
mod path;
mod print;
mod time;
mod update;

use cli::Action;
use common::start::write_output;
use common::{Kind, Result, Tool, print as print_text};
use machine::Machine;

/// The tool.
pub const TOOL: Tool = Tool { name: "spec-rs", run, status: exit_status, hands_on: true };

fn run() -> Result<u8> {
    match cli::parse(lexopt::Parser::from_iter(common::arguments()))? {
        Action::Help => print_text(cli::HELP),
        Action::Version => print_text(cli::VERSION),
        Action::New { rootless } => print_text(&new::config(rootless, &Machine::this())),
        Action::Features => print_text(&features::text()),
        Action::Line(request) => {
            let Some(text) = bundle::Bundle::find(*request)?.line()? else { return Ok(1) };
            write(&text)
        }
        Action::Update(request) => {
            let Some(text) = update::line(&request)? else { return Ok(1) };
            write(&text)
        }
        Action::Exec(request) => {
            let Some(text) = exec::line(*request)? else { return Ok(1) };
            write(&text)
        }
    }
}

fn write(text: &[u8]) -> Result<u8> {
    write_output(text)?;
    Ok(0)
}

/// Nothing of the container has run.
fn exit_status(_: Kind) -> u8 {
    1
}
