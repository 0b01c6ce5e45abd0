//! Device rules, and the cgroup that they and the limits are those of: cgexec-rs makes it, unshare-rs starts the
//! container in it.

use super::place::LEAF;
use super::resources::Files;
use super::{RULES, Writer, digit};
use crate::model::DeviceRule;
use crate::print::Chain;

/// What runc has every container use. Each rule has the path of its device, where it is one that is made.
const DEFAULT: &[(&str, &str)] = &[
    ("", "c *:* m"),
    ("", "b *:* m"),
    ("/dev/null", "c 1:3 rwm"),
    ("/dev/random", "c 1:8 rwm"),
    ("/dev/full", "c 1:7 rwm"),
    ("/dev/tty", "c 5:0 rwm"),
    ("/dev/zero", "c 1:5 rwm"),
    ("/dev/urandom", "c 1:9 rwm"),
    ("", "c 136:* rwm"),
    ("", "c 5:2 rwm"),
];

impl Writer<'_> {
    /// As in runc all is denied at first, then come the rules of the file, and at last those that every container has,
    /// less those of devices that the file has itself. Nothing where all is allowed.
    pub(super) fn rules(&self) -> Vec<Vec<u8>> {
        let own = self.own_rules();
        if !self.may_rule_devices() || allows_all(own) {
            return Vec::new();
        }
        let mut rules = vec!["deny a *:* rwm # default devices".to_owned()];
        rules.extend(own.iter().map(DeviceRule::to_string));
        let is_made =
            |path: &str| self.config.linux.devices.iter().any(|device| device.destination == path);
        let default = DEFAULT.iter().filter(|(path, _)| path.is_empty() || !is_made(path));
        rules.extend(default.map(|(_, rule)| format!("allow {rule} # default devices")));
        rules.into_iter().map(String::into_bytes).collect()
    }

    /// Version 1 has a controller for them, version 2 a program in the place of one.
    fn may_rule_devices(&self) -> bool {
        let controllers = ["devices".to_owned()];
        self.machine.may_rule_devices
            && self.place.version_of("devices", || controllers.to_vec()).is_some()
    }

    fn own_rules(&self) -> &[DeviceRule] {
        self.resources().devices.as_deref().unwrap_or_default()
    }

    /// Whether mounts without devices stand in for rules that the caller may not set.
    pub(super) fn keeps_devices_out(&self) -> bool {
        let denies_all = |rule: &&DeviceRule| rule.kind == 'a';
        !self.may_rule_devices()
            && self.own_rules().iter().rfind(denies_all).is_some_and(|rule| !rule.allow)
    }

    /// The controllers whose limits, or rules, the container could change in the cgroup that it is in. It is in a
    /// sub-cgroup there, from which it cannot reach them. Rules are changed with CAP_SYS_ADMIN alone.
    pub(super) fn closed_controllers(&self, files: &Files, rules: &[Vec<u8>]) -> Vec<String> {
        let has_rules = !rules.is_empty();
        let needs_none = files.files.is_empty() && !(has_rules && self.is_admin());
        if needs_none || !self.owns_cgroup() {
            return Vec::new();
        }
        let prefix = |file: &String| file.split('.').next().unwrap_or_default().to_owned();
        let of_rules = has_rules.then(|| "devices".to_owned());
        files.files.iter().map(prefix).chain(of_rules).collect()
    }

    /// Whether there are rules that neither the kernel nor the mounts keep.
    pub(super) fn has_idle_rules(&self) -> bool {
        !self.may_rule_devices() && self.own_rules().iter().any(|rule| rule.kind != 'a')
    }

    /// The container is started in it by the next word, so that no process of this line is.
    pub(super) fn add_cgroup(&self, chain: &mut Chain, files: &[String], has_rules: bool) {
        if self.place.groups.is_empty() {
            return;
        }
        let target = self.target();
        let tool = self.tool("cgexec-rs");
        let start = [&tool[..], b"--failure-status", b"1", b"--create=empty", b"-g"];
        chain.program(start.into_iter().chain([target.as_bytes()]));
        chain.options(files.iter().flat_map(|file| ["--set", file]));
        if self.place.has_leaf() {
            chain.options(["--leaf", LEAF]);
        }
        let rules = [&b"/dev/fd/"[..], &digit(RULES)].concat();
        let list = digit(self.list_descriptor());
        let mut options: Vec<&[u8]> = Vec::new();
        if has_rules {
            options.extend([&b"--device-rules"[..], &rules]);
        }
        options.extend([&b"--list-fd"[..], &list]);
        let removal = self.removal_on_failure();
        chain.options(
            options.into_iter().chain(removal.iter().map(Vec::as_slice)).chain([&b"--"[..]]),
        );
    }

    /// The options of unshare-rs.
    pub(super) fn add_entry(&self, chain: &mut Chain) {
        if !self.place.groups.is_empty() {
            let list = [&b"/dev/fd/"[..], &digit(self.list_descriptor())].concat();
            let removal = (!self.is_left()).then_some(&b"--remove-cgroup"[..]);
            chain.options([&b"--into-cgroup"[..], &list].into_iter().chain(removal));
        }
    }
}

/// Whether the last rule for all devices allows them, and none after it denies any.
fn allows_all(rules: &[DeviceRule]) -> bool {
    let start = rules.iter().rposition(|rule| rule.kind == 'a' && rule.allow);
    start.is_some_and(|start| rules[start..].iter().all(|rule| rule.allow))
}
