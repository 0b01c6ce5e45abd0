//! Capabilities (capabilities(7)): their names, and whether this process has one over what it is needed for.

use std::os::fd::AsFd;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::sys;

// Their numbers (linux/capability.h).
#[allow(missing_docs)]
pub const SETGID: u32 = 6;
#[allow(missing_docs)]
pub const SETUID: u32 = 7;
#[allow(missing_docs)]
pub const SETPCAP: u32 = 8;
#[allow(missing_docs)]
pub const SYS_CHROOT: u32 = 18;
#[allow(missing_docs)]
pub const SYS_ADMIN: u32 = 21;
#[allow(missing_docs)]
pub const MKNOD: u32 = 27;
#[allow(missing_docs)]
pub const SETFCAP: u32 = 31;

/// linux/capability.h: a name's place is its number.
pub const NAMES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// How a capability of this process stands to a namespace of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The process does not have it in effect.
    Missing,
    /// It has it in its user namespace, and the namespace belongs to one around that: a namespace of that kind
    /// has to be made in the user namespace.
    Elsewhere,
    /// It has it, and nothing was found that would take its power over the namespace away.
    Held,
}

/// Whether the process has the capability in effect, over its own user namespace.
#[must_use]
pub fn is_effective(number: u32) -> bool {
    sys::capget().is_ok_and(|sets| sets.effective >> number & 1 == 1)
}

/// Whether the process has the capability over the user namespace that owns its namespace `kind`, a name in
/// `/proc/self/ns`. It is looked up after a failure with EPERM.
#[must_use]
pub fn standing(number: u32, kind: &str) -> Standing {
    if !is_effective(number) {
        return Standing::Missing;
    }
    match owner_is_around(kind) {
        Some(true) => Standing::Elsewhere,
        _ => Standing::Held,
    }
}

/// Whether the namespace `kind` of this process belongs to a user namespace around its own; none where proc(5) is
/// not there to tell.
#[must_use]
pub fn owner_is_around(kind: &str) -> Option<bool> {
    let path = format!("/proc/thread-self/ns/{kind}");
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC;
    let file = open(path.as_str(), flags, Mode::empty()).ok()?;
    // ioctl_ns(2): EPERM where the owner is outside of the user namespace of the caller.
    Some(sys::namespace_owner(file.as_fd()).err() == Some(Errno::EPERM))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_places() {
        for (number, name) in [
            (SETGID, "setgid"),
            (SETUID, "setuid"),
            (SETPCAP, "setpcap"),
            (SYS_CHROOT, "sys_chroot"),
            (SYS_ADMIN, "sys_admin"),
            (MKNOD, "mknod"),
            (SETFCAP, "setfcap"),
        ] {
            assert_eq!(NAMES[number as usize], name);
        }
    }

    #[test]
    fn without_proc_or_capability() {
        assert_eq!(owner_is_around("nosuch"), None);
        assert_eq!(standing(63, "mnt"), Standing::Missing);
    }
}
