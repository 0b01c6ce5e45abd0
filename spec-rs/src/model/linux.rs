//! `linux`: what only Linux has.

use super::device::{self, Device};
use super::mapping::{self, Mapping};
use super::namespace::{self, Namespace};
use super::net_device::{self, NetDevice};
use super::personality::{self, Domain};
use super::resources::{self, Resources};
use super::seccomp::{self, Seccomp};
use super::time_offsets::{self, TimeOffsets};
use super::{intel_rdt, memory_policy, text};
use crate::node::{Node, Row, row, row_by};

#[derive(Debug, Default)]
pub struct Linux {
    pub namespaces: Vec<Namespace>,
    pub uid_mappings: Vec<Mapping>,
    pub gid_mappings: Vec<Mapping>,
    pub time_offsets: TimeOffsets,
    pub seccomp: Option<Seccomp>,
    pub devices: Vec<Device>,
    pub net_devices: Vec<NetDevice>,
    pub cgroups_path: String,
    pub resources: Resources,
    pub rootfs_propagation: Option<&'static str>,
    pub masked_paths: Vec<String>,
    pub readonly_paths: Vec<String>,
    pub memory_policy: Vec<String>,
    pub sysctls: Vec<Sysctl>,
    pub mount_label: String,
    pub personality: Option<Domain>,
}

pub const ROWS: &[Row<Linux>] = &[
    row_by("namespaces", "unshare-rs, nsenter-rs", |linux, n| {
        linux.namespaces = namespace::read(n);
    }),
    row_by("uidMappings", "unshare-rs --map-users", |linux, n| {
        linux.uid_mappings = mapping::read(n);
    }),
    row_by("gidMappings", "unshare-rs --map-groups", |linux, n| {
        linux.gid_mappings = mapping::read(n);
    }),
    row_by("timeOffsets", "unshare-rs --monotonic, --boottime", |linux, n| {
        linux.time_offsets = n.object(time_offsets::ROWS).unwrap_or_default();
    }),
    row_by("devices", "bindmount-rs", |linux, n| linux.devices = device::read(n)),
    row_by("netDevices", "ip link", |linux, n| linux.net_devices = net_device::read(n)),
    row_by("cgroupsPath", "cgexec-rs", |linux, n| {
        linux.cgroups_path = text::path(&n).unwrap_or_default();
    }),
    row_by("resources", "cgexec-rs", |linux, n| {
        linux.resources = n.object(resources::ROWS).unwrap_or_default();
    }),
    row("intelRdt", |_, n| n.refuse_object(intel_rdt::ROWS)),
    row_by("memoryPolicy", "numactl", |linux, n| linux.memory_policy = memory_policy::read(n)),
    row_by("sysctl", "unshare-rs --sysctl, nsenter-rs --sysctl", |linux, n| {
        linux.sysctls = sysctls(n);
    }),
    row_by("seccomp", "setpriv-rs --seccomp-rules", |linux, n| linux.seccomp = seccomp::read(n)),
    row_by("rootfsPropagation", "bindmount-rs", |linux, n| {
        linux.rootfs_propagation = propagation(n);
    }),
    row_by("maskedPaths", "bindmount-rs", |linux, n| linux.masked_paths = masks(n)),
    row_by("readonlyPaths", "bindmount-rs", |linux, n| linux.readonly_paths = paths(n)),
    row_by("mountLabel", "bindmount-rs", |linux, n| linux.mount_label = label(n)),
    row_by("personality", "setarch", |linux, n| {
        linux.personality = n.object(personality::ROWS).and_then(|personality| personality.domain);
    }),
];

/// A kernel parameter.
#[derive(Debug)]
pub struct Sysctl {
    pub name: String,
    /// Its file, below /proc/sys.
    pub file: String,
    pub value: String,
    /// Its path in the configuration.
    pub origin: String,
}

fn sysctls(node: Node) -> Vec<Sysctl> {
    let mut sysctls = Vec::new();
    node.members(|name, node| {
        let Some(value) = node.text() else { return };
        match common::sysctl::file(name).filter(|_| !name.contains('=')) {
            None => node.fault("is not the name of a kernel parameter"),
            Some(file) => {
                sysctls.push(Sysctl { name: name.to_owned(), file, value, origin: node.path() });
            }
        }
    });
    sysctls
}

const PROPAGATIONS: &[&str] =
    &["shared", "slave", "private", "unbindable", "rshared", "rslave", "rprivate", "runbindable"];

fn propagation(node: Node) -> Option<&'static str> {
    let text = node.text()?;
    let word = PROPAGATIONS.iter().find(|word| **word == text);
    if word.is_none() && !text.is_empty() {
        node.fault("must be shared, slave, private or unbindable, or the recursive form of one, such as rslave");
    }
    word.copied()
}

/// It stands between quotes among the options of a mount.
fn label(node: Node) -> String {
    let label = node.text().unwrap_or_default();
    if label.contains(['"', '\\']) {
        node.fault(format!("has a quote or a backslash: {}", common::quote(&label)));
    }
    label
}

fn paths(node: Node) -> Vec<String> {
    let mut paths = Vec::new();
    node.each(|node| paths.extend(text::absolute_path(&node)));
    paths
}

fn masks(node: Node) -> Vec<String> {
    let mut paths = Vec::new();
    node.each(|node| match text::absolute_path(&node) {
        Some(path) if text::simple(&path) == "/" => node.fault("is the root"),
        path => paths.extend(path),
    });
    paths
}
