//! The capability sets of this process: capget(2), capset(2).

use std::ffi::c_int;

use super::check;

/// The three sets of capget(2), one bit a capability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapabilitySets {
    /// What the process may do now.
    pub effective: u64,
    /// What it may make effective.
    pub permitted: u64,
    /// What a program with file capabilities may inherit.
    pub inheritable: u64,
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

#[derive(Clone, Copy, Default)]
#[repr(C)]
struct CapabilityData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`: 64 capabilities in two structs.
const CAPABILITY_HEADER: CapabilityHeader = CapabilityHeader { version: 0x2008_0522, pid: 0 };

/// capget(2) of this process.
///
/// # Errors
/// Those of capget(2).
pub fn capget() -> nix::Result<CapabilitySets> {
    let mut header = CAPABILITY_HEADER;
    let mut data = [CapabilityData::default(); 2];
    // SAFETY: version 3 writes exactly two data structs.
    check(unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) })?;
    let join = |field: fn(&CapabilityData) -> u32| {
        u64::from(field(&data[0])) | u64::from(field(&data[1])) << 32
    };
    Ok(CapabilitySets {
        effective: join(|d| d.effective),
        permitted: join(|d| d.permitted),
        inheritable: join(|d| d.inheritable),
    })
}

/// capset(2) of this process.
///
/// # Errors
/// EPERM where a set would grow beyond what is permitted.
pub fn capset(sets: CapabilitySets) -> nix::Result<()> {
    let mut header = CAPABILITY_HEADER;
    let half = |shift: u32| CapabilityData {
        effective: (sets.effective >> shift) as u32,
        permitted: (sets.permitted >> shift) as u32,
        inheritable: (sets.inheritable >> shift) as u32,
    };
    let data = [half(0), half(32)];
    // SAFETY: version 3 reads exactly two data structs.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()) }).map(drop)
}
