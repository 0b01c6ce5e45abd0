//! Who refused a system call: a seccomp filter, an AppArmor profile, or the user namespace that owns what it is about.
//! Looked up after a failure.

use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;

use crate::error::quote;
use crate::sys::{self, MountAttr};

/// A system call that older kernels lack and older seccomp profiles do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// openat2(2)
    Openat2,
    /// open_tree(2)
    OpenTree,
    /// move_mount(2)
    MoveMount,
    /// mount_setattr(2)
    MountSetattr,
    /// fsopen(2)
    Fsopen,
}

const ALL: &[Call] =
    &[Call::Openat2, Call::OpenTree, Call::MoveMount, Call::MountSetattr, Call::Fsopen];

impl Call {
    /// Its name, and the first kernel that has it.
    fn row(self) -> (&'static str, &'static str) {
        match self {
            Self::Openat2 => ("openat2(2)", "5.6"),
            Self::OpenTree => ("open_tree(2)", "5.2"),
            Self::MoveMount => ("move_mount(2)", "5.2"),
            Self::MountSetattr => ("mount_setattr(2)", "5.12"),
            Self::Fsopen => ("fsopen(2)", "5.2"),
        }
    }

    /// Whether this process cannot make the call at all. It is made with arguments that the kernel has another error
    /// for, so that nothing is done. Without `CAP_SYS_ADMIN` the answer is of no use: the kernel asks for that first.
    #[must_use]
    pub fn is_refused(self) -> bool {
        const NO_SUCH_FLAGS: u32 = u32::MAX;
        let here = sys::cwd();
        let result = match self {
            Self::Openat2 => {
                openat2(here, "", OpenHow::new().resolve(ResolveFlag::all())).map(drop)
            }
            Self::OpenTree => sys::open_tree(here, c"", NO_SUCH_FLAGS).map(drop),
            Self::MoveMount => sys::move_mount(here, here, NO_SUCH_FLAGS),
            Self::MountSetattr => sys::mount_setattr(here, NO_SUCH_FLAGS, &MountAttr::default()),
            Self::Fsopen => sys::fsopen(c"").map(drop),
        };
        matches!(result, Err(Errno::EPERM | Errno::ENOSYS))
    }
}

/// The hint for a failure that a filter or a profile may be the cause of.
#[must_use]
pub fn hint(errno: Errno) -> Option<String> {
    match errno {
        Errno::EPERM | Errno::ENOSYS => filtered().or_else(|| confined(errno)),
        Errno::EACCES => confined(errno),
        _ => None,
    }
}

fn filtered() -> Option<String> {
    let refused: Vec<_> =
        ALL.iter().filter(|call| call.is_refused()).map(|call| call.row()).collect();
    let (_, since) = refused.iter().max_by_key(|row| row.1.len())?;
    let names: Vec<_> = refused.iter().map(|row| row.0).collect();
    let names = names.join(", ");
    if !has_filter() {
        return Some(format!("this kernel has no {names}: Linux {since} or later is needed"));
    }
    let whose = match refused[..] {
        [("openat2(2)", _)] => {
            "in a systemd unit RestrictSUIDSGID=yes does that, and DynamicUser=yes implies it"
        }
        _ => {
            "as a profile that is older than these calls, or a systemd unit's SystemCallFilter=, does"
        }
    };
    Some(format!("a seccomp filter refuses {names}: {whose}"))
}

/// Whether this process has a seccomp filter (proc_pid_status(5)).
fn has_filter() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2"))
}

fn confined(errno: Errno) -> Option<String> {
    let profile = profile()?;
    let profile = quote(OsStr::from_bytes(&profile));
    let sure = if errno == Errno::EACCES { "denies it" } else { "may deny it" };
    Some(format!(
        "the AppArmor profile {profile} of this process {sure}: the kernel's log says what it denied, and \
         the profile needs a `mount`, `umount` or `pivot_root` rule"
    ))
}

/// The AppArmor profile of this process, where one is enforced.
fn profile() -> Option<Vec<u8>> {
    let paths = ["/proc/self/attr/apparmor/current", "/proc/self/attr/current"];
    let text = paths.iter().find_map(|path| fs::read(path).ok())?;
    enforced(&text).map(<[u8]>::to_vec)
}

/// `NAME (enforce)`. Other modules write their labels to the same file, in another form.
fn enforced(text: &[u8]) -> Option<&[u8]> {
    text.trim_ascii_end().strip_suffix(b" (enforce)")
}

/// `CAP_SYS_ADMIN` (linux/capability.h).
const CAP_SYS_ADMIN: u32 = 21;

/// The hint for a process that may not mount, since it lacks `CAP_SYS_ADMIN` or has it over another user namespace than
/// the one that owns its mount namespace; none where it may. `outside` is what is said to an ordinary user.
#[must_use]
pub fn capability(outside: &str) -> Option<String> {
    let has = sys::capget().ok()?.effective >> CAP_SYS_ADMIN & 1 == 1;
    let owns = owns_mount_namespace();
    match (has, owns) {
        (true, Some(false)) => Some(
            "CAP_SYS_ADMIN is held over this user namespace, and not over the one that owns the mount namespace: \
             make a mount namespace too, with `--mount` of `unshare-rs`"
                .into(),
        ),
        (true, _) => None,
        (false, Some(true)) if in_user_namespace() => Some(lost().into()),
        (false, _) => Some(outside.into()),
    }
}

/// Whoever made the user namespace had all capabilities over it, and lost them when the next program was executed.
fn lost() -> &'static str {
    const NOBODY: u32 = 65534;
    let user = nix::unistd::geteuid().as_raw();
    match user {
        0 => "CAP_SYS_ADMIN was given up on the way here: mount before that",
        NOBODY if !is_mapped(user) => {
            "CAP_SYS_ADMIN was lost on the way here, since the map of the user namespace lacks this user's id: add \
             `-S 0 -G 0` to `unshare-rs`, or map it with `--map-root-user`"
        }
        _ => {
            "CAP_SYS_ADMIN was lost on the way here, since this user is not root in the user namespace: add \
             `--keep-caps` to `unshare-rs`"
        }
    }
}

/// Whether the user namespace has this user: the number for those that it has not may be a user's too.
fn is_mapped(user: u32) -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().filter_map(|number| number.parse::<u32>().ok());
        let first = numbers.next().unwrap_or(u32::MAX);
        user.checked_sub(first).is_some_and(|offset| offset < numbers.nth(1).unwrap_or(0))
    })
}

/// Whether this is another user namespace than the machine's first, whose map is every number to itself.
#[must_use]
pub fn in_user_namespace() -> bool {
    fs::read_to_string("/proc/self/uid_map")
        .is_ok_and(|map| !map.split_whitespace().eq(["0", "0", "4294967295"]))
}

/// Whether the user namespace of this process owns its mount namespace, so that a capability in the one holds over
/// the other; none where /proc does not tell.
#[must_use]
pub fn owns_mount_namespace() -> Option<bool> {
    let mounts = open_namespace("mnt")?;
    let own = sys::location(open_namespace("user")?.as_fd()).ok()?;
    match sys::namespace_owner(mounts.as_fd()) {
        Ok(owner) => Some(sys::location(owner.as_fd()).ok()?.inode == own.inode),
        // It is one that is not beneath the own one.
        Err(Errno::EPERM) => Some(false),
        Err(_) => None,
    }
}

fn open_namespace(name: &str) -> Option<OwnedFd> {
    let path = format!("/proc/self/ns/{name}");
    open(path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles() {
        assert_eq!(enforced(b"docker-default (enforce)\n"), Some(&b"docker-default"[..]));
        assert_eq!(enforced(b"unconfined\n"), None);
        assert_eq!(enforced(b"x (complain)"), None);
        assert_eq!(enforced(b"system_u:system_r:container_t:s0\0"), None);
    }

    #[test]
    fn openat2_is_there() {
        assert!(!Call::Openat2.is_refused());
    }
}
