//! What does not go together.

use super::Writer;
use crate::model::{Kind, Sysctl};

/// The parameters of an IPC namespace.
const OF_IPC: &[&str] = &[
    "kernel/msgmax",
    "kernel/msgmnb",
    "kernel/msgmni",
    "kernel/sem",
    "kernel/shmall",
    "kernel/shmmax",
    "kernel/shmmni",
    "kernel/shm_rmid_forced",
];

/// The type of namespace that has a parameter of its own.
fn owner(file: &str) -> Option<(Kind, &'static str)> {
    let kind = match file {
        _ if OF_IPC.contains(&file) || file.starts_with("fs/mqueue/") => Kind::Ipc,
        _ if file.starts_with("net/") => Kind::Network,
        "kernel/hostname" | "kernel/domainname" => Kind::Uts,
        _ => return None,
    };
    Some((kind, kind.name()))
}

impl Writer<'_> {
    pub(super) fn demand(&self) {
        // Else the faults would be those of namespaces that were meant to be there.
        if !self.log.has_below("linux.namespaces") {
            self.demand_user();
            self.demand_namespaces();
            self.demand_network();
            self.demand_sysctls();
            self.demand_joins();
            self.demand_mount_namespace();
        }
        self.demand_devices();
        self.demand_pivot();
        self.demand_scheduler();
        self.demand_modules();
        self.demand_cgroup();
        self.demand_hooks();
        self.demand_life(self.has_new(Kind::Mount));
    }

    fn fault(&self, path: &str, reason: &str) {
        self.log.fault(path, reason);
    }

    fn demand_user(&self) {
        let linux = &self.config.linux;
        for (is_there, path) in [
            (!linux.uid_mappings.is_empty(), "linux.uidMappings"),
            (!linux.gid_mappings.is_empty(), "linux.gidMappings"),
        ] {
            match (self.has_new(Kind::User), is_there) {
                (true, false) if !self.log.has_below(path) => {
                    self.fault(path, "is missing: a new user namespace needs it");
                }
                (false, true) => self.fault(path, "needs a new user namespace"),
                _ => {}
            }
        }
        if self.keeps_groups() && !self.config.process.user.additional_gids.is_empty() {
            self.fault(
                "process.user.additionalGids",
                "needs more than one id in linux.gidMappings, for a caller who is not root",
            );
        }
    }

    fn demand_namespaces(&self) {
        let offsets = &self.config.linux.time_offsets;
        for (asks, path) in [
            (!self.config.hostname.is_empty(), "hostname"),
            (!self.config.domainname.is_empty(), "domainname"),
        ] {
            if asks && !self.has(Kind::Uts) {
                self.fault(path, "needs a new uts namespace");
            }
        }
        if (offsets.monotonic != 0 || offsets.boottime != 0) && !self.has_new(Kind::Time) {
            self.fault("linux.timeOffsets", "needs a new time namespace");
        }
    }

    /// Its new user namespace has no power over the one that is joined, and a process that joins it first leaves the bundle.
    fn demand_joins(&self) {
        let namespaces = &self.config.linux.namespaces;
        let mount = namespaces.iter().find(|namespace| namespace.kind == Kind::Mount);
        if let Some(mount) = mount.filter(|mount| mount.path.is_some() && self.has_new(Kind::User))
        {
            let path = format!("{}.path", mount.origin);
            self.fault(&path, "is not supported together with a new user namespace");
        }
    }

    /// Parameters of the container's own namespaces, as runc takes them.
    fn demand_sysctls(&self) {
        for Sysctl { file, origin, .. } in &self.config.linux.sysctls {
            let reason = match owner(file) {
                Some((kind, _)) if self.has(kind) && file == "kernel/hostname" => {
                    "is not taken: the property hostname is for that".to_owned()
                }
                Some((kind, _)) if self.has(kind) => continue,
                Some((_, name)) => {
                    format!("is a parameter of this machine without a new {name} namespace")
                }
                None => "is a parameter of this machine, and of no namespace".to_owned(),
            };
            self.fault(origin, &reason);
        }
    }

    fn demand_mount_namespace(&self) {
        if self.has_new(Kind::Mount) {
            return;
        }
        let (config, linux) = (self.config, &self.config.linux);
        for (asks, path) in [
            (!config.mounts.is_empty(), "mounts"),
            (config.root.readonly, "root.readonly"),
            (!linux.masked_paths.is_empty(), "linux.maskedPaths"),
            (!linux.readonly_paths.is_empty(), "linux.readonlyPaths"),
            (linux.rootfs_propagation.is_some(), "linux.rootfsPropagation"),
            (!linux.devices.is_empty(), "linux.devices"),
            (self.keeps_devices_out(), "linux.resources.devices"),
        ] {
            if asks {
                self.fault(path, "needs a new mount namespace");
            }
        }
    }

    /// Security modules that the machine has not.
    pub(super) fn demand_modules(&self) {
        let (process, linux) = (&self.config.process, &self.config.linux);
        let apparmor = !matches!(process.apparmor_profile.as_str(), "" | "unconfined");
        for (asks, path, has, module) in [
            (apparmor, "process.apparmorProfile", self.machine.has_apparmor, "AppArmor"),
            (
                !process.selinux_label.is_empty(),
                "process.selinuxLabel",
                self.machine.has_selinux,
                "SELinux",
            ),
            (
                !linux.mount_label.is_empty(),
                "linux.mountLabel",
                self.machine.has_selinux,
                "SELinux",
            ),
        ] {
            if asks && !has() {
                self.fault(path, &format!("needs {module}, which does not run on this machine"));
            }
        }
    }

    /// Below a root that was moved the old one stays, and with this capability the container can unmount its own.
    fn demand_pivot(&self) {
        if !self.setting.pivot && self.has_new(Kind::Mount) && self.may("sys_admin") {
            self.fault(
                "process.capabilities.bounding",
                "has CAP_SYS_ADMIN, with which a container leaves a root that was moved: --no-pivot cannot be kept",
            );
        }
    }

    /// The root of a hierarchy and the caller's own cgroup hold other processes.
    fn demand_cgroup(&self) {
        const PATH: &str = "linux.cgroupsPath";
        if self.adds_cgroup_namespace() {
            let reason = "a cgroup namespace is added, since the container could leave its cgroup with CAP_SYS_ADMIN";
            self.log.note("linux.namespaces", reason);
        }
        if self.has_idle_rules() {
            let reason = "single rules have no effect: the caller may set none";
            self.log.warn("linux.resources.devices", reason);
        }
        let path = &self.config.linux.cgroups_path;
        if path.is_empty() || self.setting.systemd_cgroup || self.log.has(PATH) {
            return;
        }
        if self.cgroup_name() == "/" {
            self.fault(PATH, "must name a cgroup of the container's own");
        } else if path.contains('\n') {
            self.fault(PATH, "must not have a newline");
        } else if self.place.groups.is_empty() {
            let reason = "has no effect: the caller may not make a cgroup";
            self.log.warn(PATH, reason);
        }
    }

    pub(super) fn may(&self, name: &str) -> bool {
        self.config.process.capabilities.bounding.iter().any(|capability| capability == name)
    }

    /// Where there are no device rules, mounts without devices keep them from being opened, which these capabilities get around.
    fn demand_devices(&self) {
        if !self.keeps_devices_out() {
            return;
        }
        for name in ["mknod", "sys_admin"] {
            if self.may(name) {
                let reason = format!(
                    "denies all devices, which takes device rules beside CAP_{}, and the caller may set none",
                    name.to_ascii_uppercase()
                );
                self.fault("linux.resources.devices", &reason);
            }
        }
    }
}
