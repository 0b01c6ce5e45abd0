//! What every tool shares: how it starts, reports and exits ([`main!`], [`Error`]), how it becomes
//! the rest of its command line ([`Command`]), and the system calls that `nix` lacks ([`sys`]).
//!
//! It has no knowledge of the OCI specification, nor of the options of a tool.

#![deny(unsafe_code)]

mod account;
pub mod accounts;
pub mod arbitrary;
pub mod capability;
mod carry;
pub mod cgroup;
pub mod command;
pub mod death_signal;
pub mod denied;
pub mod directory;
pub mod error;
pub mod escape;
mod explain;
pub mod fstab;
mod getent;
pub mod held;
pub mod id_map;
pub mod input;
pub mod line;
pub mod mountinfo;
pub mod option_list;
pub mod options;
pub mod process;
pub mod procfs;
pub mod record;
pub mod seconds;
pub mod signal;
pub mod start;
#[allow(unsafe_code)]
pub mod sys;

pub mod sysctl;
pub mod target;
pub mod toolbox;
pub mod tree;

pub use command::Command;
pub use error::{Context, Error, Hint, Kind, Result, quote, shown};
pub use start::{arguments, print};
pub use toolbox::Tool;
