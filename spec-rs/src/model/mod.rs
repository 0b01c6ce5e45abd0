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
mod net_device;
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

pub use block_io::Device as IoDevice;
pub use capabilities::known as known_capability;
pub use device::{Device, Kind as DeviceKind};
pub use device_rule::DeviceRule;
pub use hooks::{Hook, Hooks, KINDS as HOOKS};
pub use io_priority::{IDLE, IoPriority, REAL_TIME};
pub use linux::{Linux, Sysctl};
pub use mapping::Mapping;
pub use mount::{Mount, Owners, read as read_mounts};
pub use namespace::{KINDS, Kind, Namespace};
pub use options::{Word, known as mount_options};
pub use personality::Domain;
pub use process::Process;
pub use resources::Resources;
pub use rlimit::{Limit, Rlimit, UNLIMITED, Ulimit};
pub use root::Root;
pub use scheduler::{POLICIES, Policy, Scheduler};
pub use seccomp::{FLAGS, OPERATORS, Rule, Seccomp, actions};
pub use text::simple;

use crate::node::{Node, Row, row, row_by};

/// The whole file.
#[derive(Debug, Default)]
pub struct Config {
    pub version: Option<String>,
    pub root: Root,
    pub process: Process,
    pub hostname: String,
    pub domainname: String,
    pub mounts: Vec<Mount>,
    pub linux: Linux,
    pub hooks: Hooks,
    pub annotations: Vec<(String, String)>,
}

const ROWS: &[Row<Config>] = &[
    row_by("ociVersion", "spec-rs", |config, n| config.version = text::version(n)),
    row_by("root", "bindmount-rs", |config, n| {
        config.root = n.object(root::ROWS).unwrap_or_default();
    }),
    row_by("process", "setpriv-rs", |config, n| {
        config.process = n.object(process::ROWS).unwrap_or_default();
    }),
    row_by("hostname", "unshare-rs --hostname", |config, n| config.hostname = text::host_name(n)),
    row_by("domainname", "unshare-rs --domainname", |config, n| {
        config.domainname = text::host_name(n);
    }),
    row_by("mounts", "bindmount-rs", |config, n| config.mounts = mount::read(n)),
    row_by("linux", "unshare-rs", |config, n| {
        config.linux = n.object(linux::ROWS).unwrap_or_default();
    }),
    row_by("annotations", "spec-rs", |config, n| {
        n.members(|key, n| config.annotations.extend(annotation(key, n)));
    }),
    row_by("hooks", "runsh", |config, n| {
        config.hooks = n.object(hooks::ROWS).unwrap_or_default();
    }),
    row("vm", |_, n| n.refuse_object(vm::ROWS)),
    row("windows", |_, n| n.meaningless("for Windows")),
    row("solaris", |_, n| n.meaningless("for Solaris")),
    row("freebsd", |_, n| n.meaningless("for FreeBSD")),
    row("zos", |_, n| n.meaningless("for z/OS")),
];

/// Reads an object that holds a process alone.
pub fn read_process(node: Node) -> Process {
    const PROCESS: &[Row<Process>] =
        &[row("process", |process, n| *process = n.object(process::ROWS).unwrap_or_default())];
    node.object(PROCESS).unwrap_or_default()
}

/// Reads `linux` alone.
pub fn read_linux(node: Node) -> Config {
    const LINUX: &[Row<Config>] =
        &[row("linux", |config, n| config.linux = n.object(linux::ROWS).unwrap_or_default())];
    node.object(LINUX).unwrap_or_default()
}

/// Reads the configuration. What is wrong with it is in the log of the node.
pub fn read(node: Node) -> Config {
    let Some(config) = node.object(ROWS) else { return Config::default() };
    node.demand(config.version.is_some(), "ociVersion");
    config.root.demand(node.log());
    config.process.demand(node.log());
    config
}

fn annotation(key: &str, node: Node) -> Option<(String, String)> {
    let text = node.text();
    if key.is_empty() {
        node.fault("must have a name");
    }
    Some((key.to_owned(), text?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Property, Status};

    /// All properties of the specification (version 1.3), one a line.
    const PROPERTIES: &str = include_str!("../../tests/properties");

    #[test]
    fn the_tables_have_every_property_of_the_specification() {
        let rows = Node::properties(ROWS);
        let ours: Vec<_> = rows.iter().map(|row| row.path.as_str()).collect();
        let lacking: Vec<_> = PROPERTIES.lines().filter(|path| !ours.contains(path)).collect();
        assert!(lacking.is_empty(), "lacking: {lacking:#?}");
        let others: Vec<_> =
            ours.iter().filter(|path| !PROPERTIES.lines().any(|line| line == **path)).collect();
        assert!(others.is_empty(), "of no specification: {others:#?}");
    }

    const DOCS: &str = "\
# Every property of config.json

The properties of the OCI runtime specification, and the word of the command line that acts on each. A property that is
refused is an error where its value asks for something. One that is ignored means nothing here.

This file is made from the tables in `spec-rs/src/model`: `UPDATE_GOLDEN=1 cargo test -p spec-rs` writes it.

| property | word | |
| --- | --- | --- |
";

    /// With UPDATE_GOLDEN set the file is written instead.
    #[test]
    fn the_documentation_is_that_of_the_tables() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/config.md");
        let rows = Node::properties(ROWS);
        let lines = rows.iter().map(|row| documented(row, &rows));
        let text = lines.fold(DOCS.to_owned(), |text, line| text + &line);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(file, &text).unwrap();
        }
        let is_written = text == std::fs::read_to_string(file).unwrap_or_default();
        assert!(is_written, "docs/config.md is not what the tables say");
    }

    const START: &str = "<!-- made from the tables in spec-rs/src/model: UPDATE_GOLDEN=1 cargo test -p spec-rs -->\n";
    const END: &str = "<!-- end of the properties -->";

    /// With UPDATE_GOLDEN set the part of the file between the marks is written instead.
    #[test]
    fn the_summary_is_that_of_the_tables() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
        let text = std::fs::read_to_string(file).unwrap();
        let (before, rest) = text.split_once(START).expect("README.md has no mark");
        let (_, after) = rest.split_once(END).expect("README.md has no mark");
        let wanted = format!("{before}{START}{}{END}{after}", summary());
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(file, wanted).unwrap();
        } else {
            assert!(text == wanted, "the table of README.md is not what the tables say");
        }
    }

    /// The words, each with its properties: those of two levels, or an object of which nothing is read.
    fn summary() -> String {
        let rows = Node::properties(ROWS);
        let mut words: Vec<(String, Vec<String>)> = Vec::new();
        let mut unused = Vec::new();
        for row in &rows {
            let (word, remark) = word_of(row, &rows);
            let is_top = !row.path.contains(['.', '[']);
            let is_inner = row.path.matches(['.', '[']).count() > 1;
            let below = || rows.iter().filter(|other| is_below(&row.path, &other.path));
            let is_object = below().any(|other| other.path[row.path.len()..].starts_with('.'));
            let is_refused = |other: &Property| word_of(other, &rows).1 == "refused";
            let is_used = !is_refused(row) && (!is_object || !below().all(is_refused));
            let is_said = is_inner
                || is_top && is_object && is_used
                || unused.iter().any(|outer: &String| is_below(outer, &row.path));
            if is_said || remark.starts_with("ignored") {
                continue;
            }
            if !is_used {
                unused.push(row.path.clone());
            }
            let word = if is_used { word } else { "refused".into() };
            let property = format!("`{}`", row.path);
            match words.iter_mut().find(|(other, _)| *other == word) {
                Some((_, properties)) => properties.push(property),
                None => words.push((word, vec![property])),
            }
        }
        words.sort_by_key(|(word, _)| word == "refused");
        let line = |(word, properties): &(String, Vec<String>)| {
            format!("| {word} | {} |\n", properties.join(", "))
        };
        let lines: String = words.iter().map(line).collect();
        format!("\n| on the line | config.json |\n| --- | --- |\n{lines}\n")
    }

    /// What a row does not say, the row of the object that holds it does.
    fn word_of(row: &Property, rows: &[Property]) -> (String, String) {
        let above: Vec<_> = rows.iter().filter(|other| holds(&other.path, &row.path)).collect();
        let word = above.iter().rev().find_map(|other| other.word);
        let status = above.iter().map(|other| other.status).find(|status| *status != Status::Read);
        match status {
            None => (format!("`{}`", word.expect(&row.path).replace(", ", "`, `")), String::new()),
            Some(Status::Meaningless(why)) => (String::new(), format!("ignored: {why}")),
            Some(_) => (String::new(), "refused".into()),
        }
    }

    fn documented(row: &Property, rows: &[Property]) -> String {
        let (word, remark) = word_of(row, rows);
        format!("| `{}` | {word} | {remark} |\n", row.path).replace("|  |", "| |")
    }

    fn holds(outer: &str, inner: &str) -> bool {
        outer == inner || is_below(outer, inner)
    }

    fn is_below(outer: &str, inner: &str) -> bool {
        inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(['.', '[']))
    }

    #[test]
    fn a_property_is_read_refused_or_meaningless() {
        let rows = Node::properties(ROWS);
        let status = |path: &str| rows.iter().find(|row| row.path == path).map(|row| row.status);
        assert_eq!(status("process.args"), Some(Status::Read));
        assert_eq!(status("linux.seccomp"), Some(Status::Read));
        assert_eq!(status("linux.seccomp.listenerPath"), Some(Status::Refused));
        assert_eq!(status("hooks.poststop"), Some(Status::Read));
        assert!(matches!(status("windows"), Some(Status::Meaningless(_))));
    }
}
