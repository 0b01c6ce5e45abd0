//! A container's /proc must be a real one: tools write security labels into it and believe what it says.

use std::ffi::OsStr;
use std::os::fd::OwnedFd;

use common::{Context, Error, Result};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use crate::place::normal;

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

/// Refuses a mount that would stand in for /proc, or for a part of it, and is no proc itself
/// (CVE-2019-16884, CVE-2019-19921).
pub fn check(path: &OsStr, tree: &OwnedFd, target: &OwnedFd) -> Result<()> {
    let name = normal(path);
    let in_proc = is_proc(target, path)?;
    if !in_proc && name != b"proc" || in_proc && HARMLESS.contains(&name.as_slice()) {
        return Ok(());
    }
    if name == b"proc" && is_proc(tree, path)? {
        return Ok(());
    }
    Err(Error::because("mount on", path, "only a proc may stand in for /proc, or for a part of it"))
}

fn is_proc(place: &OwnedFd, path: &OsStr) -> Result<bool> {
    let status = fstatfs(place).context("look at", path)?;
    Ok(status.filesystem_type() == PROC_SUPER_MAGIC)
}
