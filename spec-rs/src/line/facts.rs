//! What is known of the container before it starts, as shell assignments, for those who ask later.

use super::Writer;
use super::place::{Group, LEAF};
use crate::json;
use crate::model::{Kind, Mapping};
use crate::print;
use crate::time;

/// Those that are read again.
pub const CGROUPS: &str = "cgroup_dirs";
pub const CGROUP_LEAF: &str = "cgroup_leaf";
/// There only where the configuration asks for the check.
pub const CHECK_MEMORY: &str = "check_memory";

impl Writer<'_> {
    pub(super) fn facts(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let mut set = |name: &str, value: &[u8]| print::assignment(&mut out, name, value);
        let (config, setting) = (self.config, self.setting);
        let id = setting.id.as_deref().unwrap_or_default();
        let rootfs = self.absolute_root();
        set("format", b"1");
        set("oci_version", config.version.as_deref().unwrap_or_default().as_bytes());
        set("id", id);
        set("bundle", &setting.directory);
        set("rootfs", &rootfs);
        set("created", time::rfc3339((self.machine.now)()).as_bytes());
        let command = config.process.args.first().map(Vec::as_slice);
        set("command", command.unwrap_or_default());
        set("terminal", if config.process.terminal { b"yes" } else { b"" });
        set("pid_namespace", self.kind_of_pid_namespace().as_bytes());
        let joins_user = self.spaces.joined(Kind::User).is_some();
        set("user_namespace", if joins_user { b"joined" } else { b"" });
        let (users, groups) = self.user_maps();
        set("user_map", users.as_bytes());
        set("group_map", groups.as_bytes());
        let groups: Vec<_> = self.place.groups.iter().map(Group::directory).collect();
        set(CGROUPS, &groups.join(&b'\n'));
        set(CGROUP_LEAF, if self.place.has_leaf() { LEAF.as_bytes() } else { b"" });
        if config.linux.resources.memory.check_before_update {
            set(CHECK_MEMORY, b"yes");
        }
        let kinds: Vec<_> = config.hooks.kinds().collect();
        set("hooks", kinds.join(" ").as_bytes());
        set("json_id", json::string(id).as_bytes());
        set("json_bundle", json::string(&setting.directory).as_bytes());
        set("json_rootfs", json::string(&rootfs).as_bytes());
        set("json_annotations", self.annotations("", ":", "").as_bytes());
        set("json_annotations_indented", self.annotations("\n    ", ": ", "\n  ").as_bytes());
        out
    }

    pub(super) fn absolute_root(&self) -> Vec<u8> {
        let path = self.config.root.path.as_bytes();
        match path.starts_with(b"/") {
            true => path.to_vec(),
            false => [&self.setting.directory, path].join(&b'/'),
        }
    }

    fn kind_of_pid_namespace(&self) -> &'static str {
        match (self.has_new(Kind::Pid), self.has(Kind::Pid)) {
            (true, _) => "new",
            (_, true) => "joined",
            _ => "host",
        }
    }

    /// The maps of the user namespace, in the form that unshare-rs takes; the path of one that is joined.
    fn user_maps(&self) -> (String, String) {
        if let Some(path) = self.spaces.joined(Kind::User) {
            return (path.to_owned(), String::new());
        }
        let text = |mappings: &[Mapping]| {
            let blocks = mappings.iter().map(|map| map.range("u")[2..].to_owned());
            blocks.collect::<Vec<_>>().join(" ")
        };
        match self.has_new(Kind::User) {
            true => (text(&self.config.linux.uid_mappings), text(&self.config.linux.gid_mappings)),
            false => Default::default(),
        }
    }

    /// An object with its members in the order of their names; nothing where there are none.
    fn annotations(&self, before: &str, colon: &str, last: &str) -> String {
        let mut annotations: Vec<_> = self.config.annotations.iter().collect();
        if annotations.is_empty() {
            return String::new();
        }
        annotations.sort();
        let members = annotations.iter().map(|(name, value)| {
            let (name, value) = (json::string(name.as_bytes()), json::string(value.as_bytes()));
            format!("{before}{name}{colon}{value}")
        });
        format!("{{{}{last}}}", members.collect::<Vec<_>>().join(","))
    }
}
