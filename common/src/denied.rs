//! Who refused a system call: a seccomp filter, or an AppArmor profile. Looked up after a failure.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{OpenHow, ResolveFlag, openat2};

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
        Errno::EPERM | Errno::ENOSYS => filtered(ALL).or_else(|| confined(errno, MOUNT_RULES)),
        Errno::EACCES => confined(errno, MOUNT_RULES),
        _ => None,
    }
}

/// The hint for a failure of openat2(2), which needs no capability.
#[must_use]
pub fn openat2_hint(errno: Errno) -> Option<String> {
    matches!(errno, Errno::EPERM | Errno::ENOSYS).then(|| filtered(&[Call::Openat2])).flatten()
}

fn filtered(calls: &[Call]) -> Option<String> {
    let refused: Vec<_> =
        calls.iter().filter(|call| call.is_refused()).map(|call| call.row()).collect();
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
#[must_use]
pub fn has_filter() -> bool {
    is_filtered(&fs::read_to_string("/proc/self/status").unwrap_or_default())
}

/// The hint for a call that failed although this process holds the capability that it needs.
#[must_use]
pub fn filter_of(call: &str) -> Option<String> {
    has_filter().then(|| {
        format!(
            "a seccomp filter is in force for this process and may refuse {call}, as a systemd unit's SystemCallFilter= \
             does"
        )
    })
}

fn is_filtered(status: &str) -> bool {
    status.lines().any(|line| line.strip_prefix("Seccomp:").is_some_and(|mode| mode.trim() == "2"))
}

/// What a profile needs for the calls above.
const MOUNT_RULES: &str = "`mount`, `umount` or `pivot_root`";

/// The hint for what an AppArmor profile may have denied, since it lacks such a rule.
#[must_use]
pub fn confined(errno: Errno, rule: &str) -> Option<String> {
    let profile = profile()?;
    let profile = quote(OsStr::from_bytes(&profile));
    let sure = if errno == Errno::EACCES { "denies it" } else { "may deny it" };
    Some(format!(
        "the AppArmor profile {profile} of this process {sure}: the kernel's log says what it denied, and \
         the profile needs a {rule} rule"
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
    fn a_seccomp_filter_is_seen() {
        let filter = |mode: &str| is_filtered(&format!("Name:\tx\nSeccomp:\t{mode}\n"));
        assert!(filter("2") && !filter("0"));
    }

    #[test]
    fn openat2_is_there() {
        assert!(!Call::Openat2.is_refused());
    }
}
