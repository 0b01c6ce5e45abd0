//! unshare-rs: the namespaces, and the process in them.

use common::seconds;

use super::Writer;
use crate::model::{KINDS, Kind, Mapping};
use crate::print::Chain;

impl Writer<'_> {
    /// There is always a child, so that the container has a session of its own, and a supervisor outside.
    pub(super) fn add_namespaces(&self, chain: &mut Chain) {
        let is_new =
            |kind| self.has_new(kind) || kind == Kind::Cgroup && self.adds_cgroup_namespace();
        let kinds = KINDS.iter().filter(|(_, kind, _)| is_new(*kind));
        let options = kinds.map(|(.., option)| option.as_bytes().to_vec());
        chain.program(std::iter::once(self.tool("unshare-rs")).chain(options));
        self.add_entry(chain);
        chain.options(self.maps());
        chain.options(self.offsets());
        let mut child = vec!["--fork", "--kill-child", "--forward-signals"];
        if !self.config.process.terminal || self.has_new(Kind::Mount) {
            // Otherwise pty-rs has made the session, whose terminal it is.
            child.push("--new-session");
        }
        chain.options(child);
        chain.options(self.set_up());
    }

    /// With CAP_SYS_ADMIN the container can mount what its cgroup namespace shows: in that of the machine all cgroups,
    /// to leave its own.
    pub(super) fn adds_cgroup_namespace(&self) -> bool {
        self.is_admin() && self.place.has_leaf() && !self.has_new(Kind::Cgroup)
    }

    fn set_up(&self) -> Vec<String> {
        let mut options = Vec::new();
        let mut add = |words: &[&str]| options.extend(words.iter().map(|&word| word.to_owned()));
        if self.has_new(Kind::Mount) {
            add(&["--propagation", self.propagation()]);
        }
        if self.has_new(Kind::Network) {
            add(&["--loopback"]);
        }
        if !self.config.hostname.is_empty() {
            add(&["--hostname", &self.config.hostname]);
        }
        if !self.config.domainname.is_empty() {
            add(&["--domainname", &self.config.domainname]);
        }
        options
    }

    /// Of all mounts, before the root file system becomes one of its own. In a slave the machine's new mounts appear.
    fn propagation(&self) -> &'static str {
        match self.config.linux.rootfs_propagation {
            Some("private" | "rprivate" | "unbindable" | "runbindable") => "private",
            _ => "slave",
        }
    }

    fn offsets(&self) -> Vec<String> {
        let offsets = &self.config.linux.time_offsets;
        let mut options = Vec::new();
        for (option, nanoseconds) in
            [("--monotonic", offsets.monotonic), ("--boottime", offsets.boottime)]
        {
            if nanoseconds != 0 {
                options.extend([option.to_owned(), seconds::text(nanoseconds)]);
            }
        }
        options
    }

    /// The maps, and how the caller becomes root inside. A caller whose own ids are those of root need not.
    fn maps(&self) -> Vec<String> {
        if !self.has_new(Kind::User) {
            return Vec::new();
        }
        let linux = &self.config.linux;
        let mut options = Vec::new();
        add_maps("--map-users", &linux.uid_mappings, &mut options);
        add_maps("--map-groups", &linux.gid_mappings, &mut options);
        let mut add = |words: &[&str]| options.extend(words.iter().map(|&word| word.to_owned()));
        if self.keeps_groups() {
            add(&["--setgroups", "deny"]);
        }
        if root_of(&linux.uid_mappings).is_some_and(|root| root != self.machine.uid.into()) {
            add(&["--setuid", "0"]);
        }
        if root_of(&linux.gid_mappings).is_some_and(|root| root != self.machine.gid.into()) {
            add(&["--setgid", "0"]);
        }
        options
    }

    /// Whether setgroups(2) is denied, as it must be before a user without privileges may write a map of groups
    /// (user_namespaces(7)).
    pub(super) fn keeps_groups(&self) -> bool {
        let sizes = self.config.linux.gid_mappings.iter().map(|mapping| mapping.size);
        self.has_new(Kind::User) && !self.machine.is_root() && sizes.sum::<i128>() == 1
    }
}

fn add_maps(option: &str, mappings: &[Mapping], options: &mut Vec<String>) {
    for Mapping { container, host, size } in mappings {
        options.extend([option.to_owned(), format!("{container}:{host}:{size}")]);
    }
}

/// The id outside of the root inside.
fn root_of(mappings: &[Mapping]) -> Option<i128> {
    mappings.iter().find(|mapping| mapping.container == 0).map(|mapping| mapping.host)
}
