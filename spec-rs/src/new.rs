//! A new configuration, equal in meaning to that of `runc spec`.

use crate::machine::Machine;

/// Signals, ports below 1024 and the audit log are what is left of root's powers.
const CAPABILITIES: &str = r#"["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]"#;

/// What differs for an ordinary user, who has no network to configure, no group tty and no device cgroup.
struct Variant {
    tty: &'static str,
    sys: &'static str,
    linux: String,
    namespaces: &'static str,
}

impl Variant {
    fn of(rootless: bool, machine: &Machine) -> Self {
        match rootless {
            false => Self {
                tty: r#", "gid=5""#,
                sys: r#""type": "sysfs", "source": "sysfs", "options": ["nosuid""#,
                linux: r#""resources": {"devices": [{"allow": false, "access": "rwm"}]}"#.into(),
                namespaces: r#"{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}"#,
            },
            true => Self {
                tty: "",
                sys: r#""type": "none", "source": "/sys", "options": ["rbind", "nosuid""#,
                linux: format!(
                    r#""uidMappings": [{{"containerID": 0, "hostID": {}, "size": 1}}],
    "gidMappings": [{{"containerID": 0, "hostID": {}, "size": 1}}]"#,
                    machine.uid, machine.gid
                ),
                namespaces: r#"{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}"#,
            },
        }
    }
}

/// The text. Where cgroups of version 2 are all there is, the container gets a cgroup namespace.
pub fn config(rootless: bool, machine: &Machine) -> String {
    let Variant { tty, sys, linux, namespaces } = Variant::of(rootless, machine);
    let cgroup = match machine.cgroups.is_version_2() {
        true => r#", {"type": "cgroup"}"#,
        false => "",
    };
    let user = match rootless {
        true => r#", {"type": "user"}"#,
        false => "",
    };
    format!(
        r#"{{
  "ociVersion": "1.0.2-dev",
  "process": {{
    "terminal": true,
    "user": {{"uid": 0, "gid": 0}},
    "args": ["sh"],
    "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
    "cwd": "/",
    "capabilities": {{
      "bounding": {CAPABILITIES},
      "effective": {CAPABILITIES},
      "permitted": {CAPABILITIES},
      "ambient": {CAPABILITIES}
    }},
    "rlimits": [{{"type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024}}],
    "noNewPrivileges": true
  }},
  "root": {{"path": "rootfs", "readonly": true}},
  "hostname": "runc",
  "mounts": [
    {{"destination": "/proc", "type": "proc", "source": "proc"}},
    {{
      "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
      "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]
    }},
    {{
      "destination": "/dev/pts", "type": "devpts", "source": "devpts",
      "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"{tty}]
    }},
    {{
      "destination": "/dev/shm", "type": "tmpfs", "source": "shm",
      "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]
    }},
    {{
      "destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue",
      "options": ["nosuid", "noexec", "nodev"]
    }},
    {{"destination": "/sys", {sys}, "noexec", "nodev", "ro"]}},
    {{
      "destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup",
      "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]
    }}
  ],
  "linux": {{
    {linux},
    "namespaces": [{namespaces}{cgroup}{user}],
    "maskedPaths": [
      "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
      "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"
    ],
    "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
  }}
}}
"#
    )
}
