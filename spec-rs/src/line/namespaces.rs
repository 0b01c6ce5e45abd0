//! unshare-rs: the namespaces, and the process in them.

use common::seconds;

use super::Writer;
use crate::model::{KINDS, Kind, Mapping};
use crate::print::Chain;

impl Writer<'_> {
    /// There is always a child, so that the container has a session of its own, and a supervisor outside.
    pub(super) fn add_namespaces(&self, chain: &mut Chain) {
        match self.spaces.are_made_by_the_child() {
            true => self.add_in_steps(chain),
            false => self.add_at_once(chain),
        }
    }

    /// The supervisor joins it for its children alone. This comes before the cgroup is made, which nobody would remove
    /// where it fails.
    pub(super) fn join_pid_namespace(&self, chain: &mut Chain) {
        let pid = self.spaces.joins(|kind| kind == Kind::Pid);
        if !self.spaces.are_made_by_the_child() && !pid.is_empty() {
            self.add_joins(chain, &pid);
            chain.options(self.removal_on_failure());
        }
    }

    /// A child is born into the new namespaces, and into a PID namespace that the supervisor has joined, and joins the
    /// others.
    fn add_at_once(&self, chain: &mut Chain) {
        let others = self.spaces.joins(|kind| kind != Kind::Pid);
        let sysctls = self.sysctls_at_once();
        let (early, late) = match others.is_empty() {
            true => (sysctls, Vec::new()),
            false => (Vec::new(), sysctls),
        };
        self.add_new(chain);
        self.add_entry(chain);
        chain.options(self.child());
        chain.options(self.records(false));
        chain.options(self.removal());
        chain.options(self.set_up());
        add_sysctls(chain, early);
        if !others.is_empty() {
            self.add_joins(chain, &others);
            add_sysctls(chain, late);
        }
    }

    /// A child joins namespaces, and makes the new ones there. Where it forks for them, two processes wait: the one
    /// outside, and one that no process of the container sees, since a PID namespace is between them.
    fn add_in_steps(&self, chain: &mut Chain) {
        chain.program([self.tool("unshare-rs")]);
        self.add_entry(chain);
        chain.options(self.child());
        let is_last = !self.spaces.need_a_fork();
        if is_last {
            chain.options(self.records(false));
        }
        chain.options(self.removal());
        self.add_joins(chain, &self.spaces.joins(|_| true));
        self.add_new(chain);
        if !is_last {
            chain.options(self.supervision());
            chain.options(self.records(self.spaces.joined(Kind::User).is_some()));
        }
        chain.options(self.set_up());
        add_sysctls(chain, self.sysctls_at_once());
    }

    fn add_joins(&self, chain: &mut Chain, joins: &[String]) {
        let has_pid = joins.iter().any(|join| join.starts_with("--pid="));
        let no_fork = has_pid.then(|| "--no-fork".to_owned());
        let options = no_fork.iter().chain(joins).map(|option| option.as_bytes().to_vec());
        chain.program(std::iter::once(self.tool("nsenter-rs")).chain(options));
    }

    fn add_new(&self, chain: &mut Chain) {
        let is_new =
            |kind| self.has_new(kind) || kind == Kind::Cgroup && self.adds_cgroup_namespace();
        let kinds = KINDS.iter().filter(|(_, kind, _)| is_new(*kind));
        let options = kinds.map(|(.., option)| option.as_bytes().to_vec());
        chain.program(std::iter::once(self.tool("unshare-rs")).chain(options));
        chain.options(self.maps());
        chain.options(self.offsets());
    }

    fn child(&self) -> Vec<&'static str> {
        let mut child = self.supervision().to_vec();
        if !self.config.process.terminal || self.has_new(Kind::Mount) {
            // Otherwise pty-rs has made the session, whose terminal it is.
            child.push("--new-session");
        }
        child
    }

    /// Hooks may make the network interfaces that parameters are those of.
    fn sysctls_at_once(&self) -> Vec<String> {
        if self.waits_for_hooks() { Vec::new() } else { self.sysctls() }
    }

    pub(super) fn add_late_sysctls(&self, chain: &mut Chain) {
        let sysctls = self.sysctls();
        if self.waits_for_hooks() && !sysctls.is_empty() {
            chain.program([self.tool("unshare-rs")]);
            add_sysctls(chain, sysctls);
        }
    }

    /// The names of a UTS namespace that is joined are set in it, as runc does.
    fn sysctls(&self) -> Vec<String> {
        let mut list = Vec::new();
        if self.spaces.joined(Kind::Uts).is_some() {
            for (name, value) in [
                ("kernel.hostname", &self.config.hostname),
                ("kernel.domainname", &self.config.domainname),
            ] {
                if !value.is_empty() {
                    list.push(format!("{name}={value}"));
                }
            }
        }
        let sysctls = self.config.linux.sysctls.iter();
        list.extend(sysctls.map(|sysctl| format!("{}={}", sysctl.name, sysctl.value)));
        list
    }

    /// With CAP_SYS_ADMIN the container can mount what its cgroup namespace shows: in that of the machine all cgroups,
    /// to leave its own.
    pub(super) fn adds_cgroup_namespace(&self) -> bool {
        self.is_admin() && !self.place.groups.is_empty() && !self.has(Kind::Cgroup)
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
        let has_names = self.has_new(Kind::Uts);
        if has_names && !self.config.hostname.is_empty() {
            add(&["--hostname", &self.config.hostname]);
        }
        if has_names && !self.config.domainname.is_empty() {
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
    /// (user_namespaces(7)). In a user namespace that such a user joins it may be, and nsenter-rs has dropped the groups.
    pub(super) fn keeps_groups(&self) -> bool {
        if self.machine.is_root() {
            return false;
        }
        let sizes = self.config.linux.gid_mappings.iter().map(|mapping| mapping.size);
        let joins = self.spaces.joined(Kind::User).is_some();
        joins && self.config.process.user.additional_gids.is_empty()
            || self.has_new(Kind::User) && sizes.sum::<i128>() == 1
    }
}

/// One a line.
fn add_sysctls(chain: &mut Chain, sysctls: Vec<String>) {
    for sysctl in sysctls {
        chain.options(["--sysctl", &sysctl]);
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
