//! Landlock: its system calls.

use std::ffi::{c_int, c_uint, c_void};
use std::os::fd::{BorrowedFd, OwnedFd};

use super::{check, descriptor, raw};

/// What a Landlock ruleset denies unless a rule allows it (`struct landlock_ruleset_attr`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct LandlockRuleset {
    /// `LANDLOCK_ACCESS_FS_*`.
    pub fs: u64,
    /// `LANDLOCK_ACCESS_NET_*`.
    pub net: u64,
    /// `LANDLOCK_SCOPE_*`.
    pub scoped: u64,
}

/// landlock_create_ruleset(2): the version of Landlock that the kernel has.
///
/// # Errors
/// ENOSYS where it was built, EOPNOTSUPP where it was started without Landlock.
pub fn landlock_version() -> nix::Result<u32> {
    landlock_facts(1)
}

/// landlock_create_ruleset(2): the errors that the kernel's Landlock no longer has, one a bit.
///
/// # Errors
/// EINVAL where the kernel cannot tell.
pub fn landlock_errata() -> nix::Result<u32> {
    landlock_facts(2)
}

fn landlock_facts(flag: c_uint) -> nix::Result<u32> {
    // SAFETY: with these flags the kernel reads no memory.
    check(unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<c_void>(), 0, flag)
    })
    .map(|fact| fact as u32)
}

/// landlock_create_ruleset(2).
///
/// # Errors
/// Those of landlock_create_ruleset(2); E2BIG for what the kernel does not have.
pub fn landlock_create_ruleset(handled: &LandlockRuleset) -> nix::Result<OwnedFd> {
    // SAFETY: the struct is the kernel's, and its size is given.
    unsafe {
        descriptor(libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::from_ref(handled),
            size_of::<LandlockRuleset>(),
            0,
        ))
    }
}

/// landlock_add_rule(2): allows `access` to what is at `path` and beneath it.
///
/// # Errors
/// EINVAL where the ruleset does not handle the access, or the path has no such access.
pub fn landlock_allow_path(ruleset: BorrowedFd, access: u64, path: BorrowedFd) -> nix::Result<()> {
    #[repr(C, packed)]
    struct PathBeneath {
        access: u64,
        path: c_int,
    }
    landlock_add_rule(ruleset, 1, &PathBeneath { access, path: raw(path) })
}

/// landlock_add_rule(2): allows `access` to a port.
///
/// # Errors
/// EINVAL where the ruleset does not handle the access.
pub fn landlock_allow_port(ruleset: BorrowedFd, access: u64, port: u16) -> nix::Result<()> {
    #[repr(C)]
    struct NetPort {
        access: u64,
        port: u64,
    }
    landlock_add_rule(ruleset, 2, &NetPort { access, port: port.into() })
}

fn landlock_add_rule<T>(ruleset: BorrowedFd, kind: c_uint, rule: &T) -> nix::Result<()> {
    let rule = std::ptr::from_ref(rule);
    // SAFETY: the callers above pass the kernel's struct of that kind, which outlives the call.
    check(unsafe { libc::syscall(libc::SYS_landlock_add_rule, raw(ruleset), kind, rule, 0) })
        .map(drop)
}

/// landlock_restrict_self(2).
///
/// # Errors
/// EPERM without no_new_privs and CAP_SYS_ADMIN, E2BIG where too many rulesets are stacked.
pub fn landlock_restrict_self(ruleset: BorrowedFd) -> nix::Result<()> {
    // SAFETY: the call takes numbers.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, raw(ruleset), 0) }).map(drop)
}
