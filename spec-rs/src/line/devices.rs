//! The default devices and links of the specification, and the rule that no other device is to be used.

use super::Writer;
use super::table::{Entry, Table};
use crate::model::Mount;

/// The devices that every container has, with their numbers (admin-guide/devices.txt).
const DEVICES: &[(&str, &str)] = &[
    ("/dev/null", "1:3"),
    ("/dev/zero", "1:5"),
    ("/dev/full", "1:7"),
    ("/dev/random", "1:8"),
    ("/dev/urandom", "1:9"),
    ("/dev/tty", "5:0"),
];

const LINKS: &[(&str, &str)] = &[
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/ptmx", "pts/ptmx"),
];

const ORIGIN: &str = "default devices";

impl Writer<'_> {
    /// In a user namespace no node can be made, and none should be left in the directory of an image: there those of
    /// the machine are bound, read-only, so that their modes and owners cannot be changed (writing to them works).
    pub(super) fn add_devices(&self, table: &mut Table) {
        let makes_nodes = self.makes_nodes();
        for (path, numbers) in DEVICES {
            let entry = match makes_nodes {
                true => Entry::new(numbers, path, "char", &["mode=666"]),
                false => Entry::new(path, path, "none", &["bind", "ro", "nosuid", "noexec"]),
            };
            table.add(ORIGIN, &entry);
        }
        for (path, target) in LINKS {
            table.add(ORIGIN, &Entry::new(target, path, "symlink", &[]));
        }
        if self.config.process.terminal {
            // The terminal is bound there once it is made.
            table.add("process.terminal", &Entry::new("", "/dev/console", "file", &["mode=600"]));
        }
    }

    /// The attribute that keeps devices from being opened in what is bound.
    pub(super) fn keep_devices_out(&self, mount: &Mount, bind: &str) -> Option<&'static str> {
        let source = mount.source.as_str();
        let is_default = DEVICES.iter().any(|(path, _)| *path == source);
        if is_default || matches!(source, "/dev/console" | "/dev/ptmx") {
            return None;
        }
        if matches!(source.trim_end_matches('/'), "/dev") {
            let reason =
                "binds /dev, which the rule of linux.resources.devices to deny all devices forbids";
            self.log.fault(&mount.path, reason);
        }
        Some(if bind == "rbind" { "rnodev" } else { "nodev" })
    }
}
