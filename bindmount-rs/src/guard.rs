//! A container's /proc must be a real one: tools write security labels into it and believe what it says.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};

use common::{Context, Error, Result, sys};
use nix::errno::Errno;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use crate::place::{Places, normal};

/// Files of /proc that only inform, and that may be shown as another would have them.
const HARMLESS: &[&[u8]] = &[
    b"proc/cpuinfo",
    b"proc/diskstats",
    b"proc/loadavg",
    b"proc/meminfo",
    b"proc/net/dev",
    b"proc/slabinfo",
    b"proc/stat",
    b"proc/swaps",
    b"proc/sys/crypto/fips_enabled",
    b"proc/sys/kernel/ns_last_pid",
    b"proc/uptime",
];

/// Refuses a mount inside a root that would stand in for its /proc, or for a part of a proc, and is none itself
/// (CVE-2019-16884, CVE-2019-19921).
///
/// `is_a_proc` tells whether what is to be mounted is one.
pub fn check(
    places: &Places,
    path: &OsStr,
    is_a_proc: impl FnOnce() -> Result<bool>,
    target: &OwnedFd,
) -> Result<()> {
    if !places.is_confined() {
        return Ok(());
    }
    let is_allowed = if is_the_proc(places, target).context("look at", path)? {
        is_a_proc()?
    } else {
        !is_proc(target, path)? || HARMLESS.contains(&normal(path).as_slice())
    };
    match is_allowed {
        true => Ok(()),
        false => Err(Error::because(
            "mount on",
            path,
            "only a proc can be mounted on /proc, or on a part of it",
        )),
    }
}

/// Whether `target` is what /proc leads to, by whatever path it was found.
fn is_the_proc(places: &Places, target: &OwnedFd) -> nix::Result<bool> {
    match places.open(OsStr::new("/proc"), false) {
        Ok(proc) => Ok(sys::location(proc.as_fd())? == sys::location(target.as_fd())?),
        Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Whether a place is on a proc.
pub fn is_proc(place: &OwnedFd, path: &OsStr) -> Result<bool> {
    let status = fstatfs(place).context("look at", path)?;
    Ok(status.filesystem_type() == PROC_SUPER_MAGIC)
}
