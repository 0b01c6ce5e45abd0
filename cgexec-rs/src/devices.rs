//! Device rules, put in force for a cgroup.

use std::ffi::{OsStr, OsString};
use std::os::fd::AsFd;

use common::cgroup::group::{Group, Version};
use common::sys::bpf;
use common::{Error, Result, input};
use nix::errno::Errno;

use crate::explain;
use crate::program;
use crate::rules::Policy;

/// Where the rules are.
#[derive(Debug, PartialEq, Eq)]
pub struct Rules {
    pub file: OsString,
}

impl Rules {
    pub fn read(&self) -> Result<Policy> {
        Policy::parse(&input::read(&self.file)?, &self.file)
    }
}

/// Puts the policy in force: for a cgroup of version 1 that of the devices controller.
pub fn apply(policy: &Policy, group: &Group) -> Result<()> {
    match group.version() {
        Version::One => write(policy, group),
        Version::Two => attach(policy, group),
    }
}

const FILES: [&str; 2] = ["devices.deny", "devices.allow"];

/// What is denied by default is so before anything is allowed.
fn write(policy: &Policy, group: &Group) -> Result<()> {
    let (default, against) = match policy.allows {
        true => (FILES[1], FILES[0]),
        false => (FILES[0], FILES[1]),
    };
    if policy.is_default_given {
        write_rule(group, default, "a")?;
    }
    policy.exceptions.iter().try_for_each(|one| write_rule(group, against, &one.to_string()))
}

fn write_rule(group: &Group, file: &str, rule: &str) -> Result<()> {
    group.write(file, rule.as_bytes()).map_err(|errno| {
        Error::new(format!("write '{rule}' to {file} of"), group.path(), errno)
            .explain(|_| explain::no_device_rule(errno))
    })
}

/// Programs that are attached already, by somebody else, have a say too: all must allow an access.
fn attach(policy: &Policy, group: &Group) -> Result<()> {
    let program = program::compile(policy);
    let attached = bpf::load_device_program(&program)
        .and_then(|program| bpf::attach_device_program(program.as_fd(), group.as_fd()));
    attached.map_err(|errno| not_attached(group.path(), errno))
}

fn not_attached(path: &OsStr, errno: Errno) -> Error {
    Error::new("attach the device rules to", path, errno)
        .explain(|_| explain::no_device_program(errno))
}
