//! Capabilities (capabilities(7)): their names, and whether this process has one over what it is needed for.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::{id_map, sys};

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
pub const SYS_NICE: u32 = 23;
#[allow(missing_docs)]
pub const SYS_RESOURCE: u32 = 24;
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

/// A kind of namespace that a capability may be needed over.
#[derive(Debug, PartialEq, Eq)]
pub struct Namespace {
    /// Its file in `/proc/self/ns`.
    file: &'static str,
    /// What it is called in messages.
    name: &'static str,
    /// The option that makes one.
    option: &'static str,
}

/// The mount namespace.
pub const MOUNT: Namespace = Namespace { file: "mnt", name: "mount", option: "--mount" };

/// The network namespace.
pub const NETWORK: Namespace = Namespace { file: "net", name: "network", option: "--net" };

/// The IPC namespace.
pub const IPC: Namespace = Namespace { file: "ipc", name: "IPC", option: "--ipc" };

/// The UTS namespace.
pub const UTS: Namespace = Namespace { file: "uts", name: "UTS", option: "--uts" };

/// Whom a namespace of this process belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The user namespace of this process.
    Own,
    /// One beneath it: what is held in the own one holds there too.
    Beneath,
    /// One around it, or beside it.
    Around,
}

/// Whether the process has the capability in effect, over its own user namespace.
#[must_use]
pub fn is_effective(number: u32) -> bool {
    sys::capget().is_ok_and(|sets| sets.effective >> number & 1 == 1)
}

/// The hint for a failure with EPERM of what needs a capability over the user namespace of this process; none where it
/// has that. `missing` is said where nothing tells why it is lacking.
#[must_use]
pub fn hint(number: u32, missing: &str) -> Option<String> {
    (!is_effective(number)).then(|| lost(number).unwrap_or_else(|| missing.into()))
}

/// As [`hint`], for what needs the capability over the user namespace that owns a namespace of this process.
#[must_use]
pub fn hint_over(number: u32, namespace: &Namespace, missing: &str) -> Option<String> {
    let owner = owner(namespace);
    match (is_effective(number), owner) {
        (true, Some(Owner::Around)) => Some(elsewhere(number, namespace)),
        (true, _) => None,
        (false, Some(Owner::Own)) => Some(lost(number).unwrap_or_else(|| missing.into())),
        (false, _) => Some(missing.into()),
    }
}

fn elsewhere(number: u32, Namespace { name, option, .. }: &Namespace) -> String {
    let capability = name_of(number);
    format!(
        "{capability} is held over this user namespace, and not over the one that owns the {name} namespace: make a \
         {name} namespace too, with `{option}` of `unshare-rs`"
    )
}

/// Whom the namespace of this kind belongs to; none where proc(5) is not there to tell.
#[must_use]
pub fn owner(namespace: &Namespace) -> Option<Owner> {
    owner_of(open_namespace(namespace.file)?.as_fd())
}

fn owner_of(file: BorrowedFd) -> Option<Owner> {
    let own = sys::location(open_namespace("user")?.as_fd()).ok()?;
    match sys::namespace_owner(file) {
        Ok(owner) if sys::location(owner.as_fd()).ok()?.inode == own.inode => Some(Owner::Own),
        Ok(_) => Some(Owner::Beneath),
        // ioctl_ns(2): it is outside of the user namespace of the caller.
        Err(Errno::EPERM) => Some(Owner::Around),
        Err(_) => None,
    }
}

/// The hint for what only the owner of this namespace may do, where that is a user namespace around this one.
#[must_use]
pub fn foreign(namespace: &Namespace) -> Option<String> {
    let Namespace { name, option, .. } = namespace;
    (owner(namespace) == Some(Owner::Around)).then(|| {
        format!(
            "the {name} namespace belongs to a user namespace around this one: make such a namespace too, with \
             `{option}` of `unshare-rs`"
        )
    })
}

/// The hint for a capability that was held over the user namespace that owns the namespace `file` is open on, where
/// that is the own one.
#[must_use]
pub fn lost_over(number: u32, file: BorrowedFd) -> Option<String> {
    let is_own = owner_of(file) == Some(Owner::Own);
    (is_own && !is_effective(number)).then(|| lost(number)).flatten()
}

fn open_namespace(name: &str) -> Option<OwnedFd> {
    let path = format!("/proc/thread-self/ns/{name}");
    open(path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()
}

/// Whoever makes a user namespace has all capabilities over it, and loses them when the next program is executed.
fn lost(number: u32) -> Option<String> {
    const NOBODY: u32 = 65534;
    if !in_user_namespace() {
        return None;
    }
    let user = nix::unistd::geteuid().as_raw();
    let (how, cure) = match user {
        0 => ("given up on the way here", "do what needs it before that"),
        NOBODY if !is_mapped(user) => (
            "lost on the way here, since the map of the user namespace lacks this user's id",
            "add `-S 0 -G 0` to `unshare-rs`, or map it with `--map-root-user`",
        ),
        _ => (
            "lost on the way here, since this user is not root in the user namespace",
            "add `--keep-caps` to `unshare-rs`",
        ),
    };
    Some(format!("{} was {how}: {cure}", name_of(number)))
}

fn name_of(number: u32) -> String {
    let name = NAMES.get(number as usize).copied().unwrap_or_default();
    format!("CAP_{}", name.to_ascii_uppercase())
}

/// Whether the user namespace has this user: the number for those that it has not may be a user's too.
fn is_mapped(user: u32) -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    id_map::holds(&map, user.into(), 1)
}

/// Whether this is another user namespace than the machine's first.
#[must_use]
pub fn in_user_namespace() -> bool {
    fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| !id_map::is_of_first_user_namespace(&map))
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
            (SYS_NICE, "sys_nice"),
            (SYS_RESOURCE, "sys_resource"),
            (MKNOD, "mknod"),
            (SETFCAP, "setfcap"),
        ] {
            assert_eq!(NAMES[number as usize], name);
        }
    }

    #[test]
    fn without_proc_or_capability() {
        let nosuch = Namespace { file: "nosuch", name: "no such", option: "--nosuch" };
        assert_eq!(owner(&nosuch), None);
        assert_eq!(hint_over(63, &nosuch, "x").as_deref(), Some("x"));
    }

    #[test]
    fn kinds_of_namespaces() {
        for namespace in [MOUNT, NETWORK, IPC, UTS] {
            assert!(owner(&namespace).is_some(), "{namespace:?}");
        }
        assert_eq!(name_of(SYS_ADMIN), "CAP_SYS_ADMIN");
    }
}
