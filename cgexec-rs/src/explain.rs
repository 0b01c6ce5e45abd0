//! Why a step was refused: looked up after the failure, never before.

use common::cgroup::group::{Group, Version};
use nix::errno::Errno;
use nix::unistd::geteuid;

use crate::setting::Setting;

/// How an ordinary user gets cgroups of its own.
const DELEGATE: &str = "a tree of cgroups that the user may change is made by: systemd-run --user --scope -p Delegate=yes; a \
                        path that begins with ./ is one in it";

/// A limit of the kernel for cgroups below one.
const LIMITS: [&str; 2] = ["cgroup.max.descendants", "cgroup.max.depth"];

pub fn not_made(parent: &Group, errno: Errno) -> Option<String> {
    match errno {
        Errno::EACCES | Errno::EPERM if !geteuid().is_root() => Some(DELEGATE.into()),
        Errno::EROFS => Some("the hierarchy is mounted read-only here".into()),
        Errno::EAGAIN => Some(format!("{} or {} is reached above it", LIMITS[0], LIMITS[1])),
        Errno::ENOENT => Some(format!("{} is gone", common::quote(parent.path()))),
        _ => None,
    }
}

pub fn not_enabled(group: &Group, controller: &[u8], errno: Errno) -> Option<String> {
    match errno {
        Errno::EACCES | Errno::EPERM => Some(
            "the controller is not delegated to the user; for a user's service manager that is done by Delegate= of \
             user@.service, in a drop-in"
                .into(),
        ),
        Errno::EBUSY => Some(
            "processes are in that cgroup itself, and it can enable controllers only when all are in cgroups below it"
                .into(),
        ),
        Errno::EINVAL | Errno::ENOENT => {
            let list = group.read("cgroup.controllers").ok()?;
            let list = String::from_utf8(list).ok()?;
            let has = list.split_whitespace().any(|one| one.as_bytes() == controller);
            (!has).then(|| format!("that cgroup has these controllers: {}", list.trim()))
        }
        Errno::EOPNOTSUPP => Some("it is a threaded cgroup, or below one".into()),
        Errno::EROFS => Some("the hierarchy is mounted read-only here".into()),
        _ => None,
    }
}

/// devices.allow and devices.deny of version 1.
pub fn no_device_rule(errno: Errno) -> Option<String> {
    match errno {
        Errno::EPERM => Some(
            "that needs CAP_SYS_ADMIN over the machine, and the cgroup above it must allow what it is to allow".into(),
        ),
        Errno::EINVAL => {
            Some("the default of a cgroup cannot change while there are cgroups below it".into())
        }
        _ => None,
    }
}

pub fn no_device_program(errno: Errno) -> Option<String> {
    match errno {
        Errno::EPERM => Some("that needs CAP_BPF and CAP_SYS_ADMIN over the machine".into()),
        Errno::E2BIG => {
            Some("too many rules, or too many programs are attached to it already".into())
        }
        Errno::EINVAL => Some("the kernel was built without CONFIG_CGROUP_BPF".into()),
        _ => None,
    }
}

pub fn not_set(group: &Group, setting: &Setting, errno: Errno) -> Option<String> {
    let version = match group.version() {
        Version::One => 1,
        Version::Two => 2,
    };
    match errno {
        Errno::ENOENT => Some(format!(
            "the controller '{}' is in a hierarchy of version {version} here, and its cgroups have no file of this name",
            setting.controller()
        )),
        Errno::EACCES | Errno::EPERM if !geteuid().is_root() => Some(DELEGATE.into()),
        Errno::EROFS => Some("the hierarchy is mounted read-only here".into()),
        Errno::EINVAL | Errno::ERANGE => Some("the kernel does not take this value".into()),
        _ => None,
    }
}
