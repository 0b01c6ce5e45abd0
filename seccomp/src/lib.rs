//! Which system calls a program may make, as a text that a person reads ([`text`]) and as the BPF program that seccomp(2)
//! takes ([`Filter::compile`]). Nothing here acts on the system.

#![forbid(unsafe_code)]

pub mod action;
pub mod architecture;
mod assembly;
mod compile;
mod filter;
mod names;
#[cfg(test)]
mod properties;
mod ranges;
mod rule;
pub mod text;

pub use action::Action;
pub use architecture::Architecture;
pub use assembly::{Instruction, LIMIT};
pub use compile::TooLong;
pub use filter::{Filter, Flag};
pub use names::is_known;
pub use rule::{Comparison, Operator, Rule};
