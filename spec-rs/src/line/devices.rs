//! The default devices and links of the specification, and the rule that no other device is to be used.

use super::Writer;
use super::table::{Entry, Table};
use crate::model::{Device, DeviceKind as Kind, Kind as Namespace, Mount};

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
        let is_made =
            |path: &str| self.config.linux.devices.iter().any(|device| device.destination == path);
        for (path, numbers) in DEVICES.iter().filter(|(path, _)| !is_made(path)) {
            let entry = match makes_nodes {
                true => Entry::new(numbers, path, "char", &["mode=666"]),
                false => Entry::new(path, path, "none", &["bind", "ro", "nosuid", "noexec"]),
            };
            table.add(ORIGIN, &entry);
        }
        for (path, target) in LINKS {
            table.add(ORIGIN, &Entry::new(target, path, "symlink", &[]));
        }
        // As runc and crun make it, where it leads somewhere. What it leads to is masked, where the bundle says so.
        if (self.machine.has_kcore)() {
            table.add(ORIGIN, &Entry::new("/proc/kcore", "/dev/core", "symlink", &[]));
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

    /// Those of linux.devices. A node is made where the default ones are made, where it is to have a mode that the one of
    /// the machine may not have, and where the machine has none to bind. As under runc, /dev/ptmx is always the link to
    /// the container's own, and a /dev of the machine stays as it is.
    pub(super) fn add_more_devices(&self, table: &mut Table) {
        for device in &self.config.linux.devices {
            let destination = &device.destination;
            if destination.starts_with("/dev/") && self.has_bound_dev() {
                self.log.note(&device.path, "is left out: /dev is a bind mount");
            } else if destination != "/dev/ptmx" {
                self.add_device(table, device);
            }
        }
    }

    fn add_device(&self, table: &mut Table, device: &Device) {
        let Device { destination, path, .. } = device;
        let (kind, letter) = match device.kind {
            Some(Kind::Block) => ("block", 'b'),
            Some(Kind::Fifo) => ("fifo", 'p'),
            _ => ("char", 'c'),
        };
        let name = format!("{letter} {}", device.numbers());
        let is_on_machine = (self.machine.device)(destination).is_some_and(|there| there == name);
        if letter == 'p' || self.makes_node_of(device, is_on_machine) {
            let options = options_of_node(device);
            let options: Vec<_> = options.iter().map(String::as_str).collect();
            let numbers = if letter == 'p' { String::new() } else { device.numbers() };
            table.add(path, &Entry::new(numbers, destination, kind, &options));
        } else if is_on_machine {
            let options = ["bind", "ro", "nosuid", "noexec"];
            table.add(path, &Entry::new(destination, destination, "none", &options));
        } else {
            let there = common::quote(destination);
            let reason =
                format!("cannot be bound: this machine's {there} is not the device {name}");
            self.log.fault(path, reason);
        }
    }

    /// A node in a directory of an image or of the machine stays there, as under runc.
    fn makes_node_of(&self, device: &Device, is_on_machine: bool) -> bool {
        let is_made_on_dev = device.destination.starts_with("/dev/") && self.makes_nodes();
        !self.has_new(Namespace::User)
            && self.machine.is_in_first_user_namespace
            && (!is_on_machine || is_made_on_dev || device.mode.is_some())
    }
}

fn options_of_node(device: &Device) -> Vec<String> {
    let mut options = vec![format!("mode={:o}", device.mode.unwrap_or(0o666))];
    for (name, id) in [("uid", device.uid), ("gid", device.gid)] {
        if id != 0 {
            options.push(format!("{name}={id}"));
        }
    }
    options
}
