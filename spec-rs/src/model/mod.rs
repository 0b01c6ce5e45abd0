//! The configuration as the OCI runtime specification has it, a file for each object. Each has its table
//! of properties: read, refused where it asks for something, or without meaning here.

mod block_io;
mod capabilities;
mod console_size;
mod cpu;
mod device;
mod device_rule;
mod hooks;
mod intel_rdt;
mod io_priority;
mod linux;
mod mapping;
mod memory;
mod memory_policy;
mod mount;
mod namespace;
mod network;
mod options;
mod personality;
mod process;
mod rdma;
mod resources;
mod rlimit;
mod root;
mod scheduler;
mod seccomp;
mod text;
mod time_offsets;
mod user;
mod vm;

pub use device_rule::DeviceRule;
pub use linux::Linux;
pub use mapping::Mapping;
pub use mount::Mount;
pub use namespace::{KINDS, Kind};
pub use options::Word;
pub use process::Process;
pub use rlimit::{Limit, Rlimit, UNLIMITED, Ulimit};
pub use root::Root;

use crate::node::{Node, Row, row};

/// The whole file.
#[derive(Debug, Default)]
pub struct Config {
    version: Option<String>,
    pub root: Root,
    pub process: Process,
    pub hostname: String,
    pub domainname: String,
    pub mounts: Vec<Mount>,
    pub linux: Linux,
}

const ROWS: &[Row<Config>] = &[
    row("ociVersion", |config, n| config.version = text::version(n)),
    row("root", |config, n| config.root = n.object(root::ROWS).unwrap_or_default()),
    row("process", |config, n| config.process = n.object(process::ROWS).unwrap_or_default()),
    row("hostname", |config, n| config.hostname = text::host_name(n)),
    row("domainname", |config, n| config.domainname = text::host_name(n)),
    row("mounts", |config, n| config.mounts = mount::read(n)),
    row("linux", |config, n| config.linux = n.object(linux::ROWS).unwrap_or_default()),
    row("annotations", |_, n| n.members(annotation)),
    row("hooks", |_, n| n.check_object(hooks::ROWS)),
    row("vm", |_, n| n.refuse_object(vm::ROWS)),
    row("windows", |_, n| n.meaningless("for Windows")),
    row("solaris", |_, n| n.meaningless("for Solaris")),
    row("freebsd", |_, n| n.meaningless("for FreeBSD")),
    row("zos", |_, n| n.meaningless("for z/OS")),
];

/// Reads the configuration. What is wrong with it is in the log of the node.
pub fn read(node: Node) -> Config {
    let Some(config) = node.object(ROWS) else { return Config::default() };
    node.demand(config.version.is_some(), "ociVersion");
    config.root.demand(node.log());
    config.process.demand(node.log());
    config
}

fn annotation(key: &str, node: Node) {
    node.text();
    if key.is_empty() {
        node.fault("must have a name");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::Status;

    /// All properties of the specification (version 1.3), one a line.
    const PROPERTIES: &str = include_str!("../../tests/properties");

    #[test]
    fn the_tables_have_every_property_of_the_specification() {
        let rows = Node::properties(ROWS);
        let ours: Vec<_> = rows.iter().map(|(path, _)| path.as_str()).collect();
        let lacking: Vec<_> = PROPERTIES.lines().filter(|path| !ours.contains(path)).collect();
        assert!(lacking.is_empty(), "lacking: {lacking:#?}");
        let others: Vec<_> =
            ours.iter().filter(|path| !PROPERTIES.lines().any(|line| line == **path)).collect();
        assert!(others.is_empty(), "of no specification: {others:#?}");
    }

    #[test]
    fn a_property_is_read_refused_or_meaningless() {
        let rows = Node::properties(ROWS);
        let status =
            |path: &str| rows.iter().find(|(row, _)| row == path).map(|(_, status)| *status);
        assert_eq!(status("process.args"), Some(Status::Read));
        assert_eq!(status("linux.seccomp"), Some(Status::Refused));
        assert_eq!(status("hooks.poststop"), Some(Status::Refused));
        assert!(matches!(status("windows"), Some(Status::Meaningless(_))));
    }
}
