//! Attributes of this process: prctl(2).

use std::ffi::{c_int, c_ulong};

use nix::errno::Errno;

/// An operation of prctl(2). None of them passes a pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prctl {
    /// `PR_CAPBSET_READ`: 1 where the bounding set holds the capability; EINVAL where the kernel does not know it.
    ReadBounding(u32),
    /// `PR_CAPBSET_DROP`
    DropBounding(u32),
    /// `PR_CAP_AMBIENT_IS_SET`: 1 where the ambient set holds the capability.
    IsAmbient(u32),
    /// `PR_CAP_AMBIENT_RAISE`
    RaiseAmbient(u32),
    /// `PR_CAP_AMBIENT_LOWER`
    LowerAmbient(u32),
    /// `PR_CAP_AMBIENT_CLEAR_ALL`
    ClearAmbient,
    /// `PR_SET_KEEPCAPS`: until the next execve(2).
    KeepCapabilities,
    /// `PR_SET_DUMPABLE`
    Dumpable(bool),
    /// `PR_SET_CHILD_SUBREAPER`: orphans below this process become its children.
    ChildSubreaper,
    /// `PR_SET_PTRACER`: a process, 0 for none, the largest number for any.
    Ptracer(c_ulong),
    /// `PR_GET_SECUREBITS`: the bits.
    Securebits,
    /// `PR_SET_SECUREBITS`
    SetSecurebits(c_int),
    /// `PR_GET_NO_NEW_PRIVS`: 1 where it is set.
    NoNewPrivs,
    /// `PR_SET_PDEATHSIG`: 0 for none.
    SetParentDeathSignal(c_int),
}

impl Prctl {
    fn arguments(self) -> (c_int, c_ulong, c_ulong) {
        let ambient = |operation, number: u32| {
            (libc::PR_CAP_AMBIENT, operation as c_ulong, c_ulong::from(number))
        };
        match self {
            Self::ReadBounding(number) => (libc::PR_CAPBSET_READ, number.into(), 0),
            Self::DropBounding(number) => (libc::PR_CAPBSET_DROP, number.into(), 0),
            Self::IsAmbient(number) => ambient(libc::PR_CAP_AMBIENT_IS_SET, number),
            Self::RaiseAmbient(number) => ambient(libc::PR_CAP_AMBIENT_RAISE, number),
            Self::LowerAmbient(number) => ambient(libc::PR_CAP_AMBIENT_LOWER, number),
            Self::ClearAmbient => ambient(libc::PR_CAP_AMBIENT_CLEAR_ALL, 0),
            Self::KeepCapabilities => (libc::PR_SET_KEEPCAPS, 1, 0),
            Self::Dumpable(dumpable) => (libc::PR_SET_DUMPABLE, dumpable.into(), 0),
            Self::ChildSubreaper => (libc::PR_SET_CHILD_SUBREAPER, 1, 0),
            Self::Ptracer(pid) => (libc::PR_SET_PTRACER, pid, 0),
            Self::Securebits => (libc::PR_GET_SECUREBITS, 0, 0),
            Self::SetSecurebits(bits) => (libc::PR_SET_SECUREBITS, bits as c_ulong, 0),
            Self::NoNewPrivs => (libc::PR_GET_NO_NEW_PRIVS, 0, 0),
            Self::SetParentDeathSignal(signal) => (libc::PR_SET_PDEATHSIG, signal as c_ulong, 0),
        }
    }
}

/// prctl(2): the value that the operation gives, 0 where it gives none.
///
/// # Errors
/// Those of the operation.
pub fn prctl(operation: Prctl) -> nix::Result<c_int> {
    const UNUSED: c_ulong = 0;
    let (number, first, second) = operation.arguments();
    // SAFETY: the arguments of these operations are numbers, of the width that the kernel reads.
    Errno::result(unsafe { libc::prctl(number, first, second, UNUSED, UNUSED) })
}

/// prctl(2) `PR_GET_PDEATHSIG`: the signal that this process gets when its parent ends, 0 for none.
///
/// # Errors
/// Those of prctl(2).
pub fn parent_death_signal() -> nix::Result<c_int> {
    let mut signal: c_int = 0;
    // SAFETY: the kernel writes one int, which outlives the call.
    Errno::result(unsafe { libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut signal) })?;
    Ok(signal)
}
