//! The wall: system calls that `nix` lacks, a file a topic, each with its safety note. All unsafe code of the
//! workspace stands here.

use std::ffi::c_int;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::errno::Errno;

pub mod bpf;
mod capability;
mod clone;
mod descriptor;
mod environment;
mod file;
mod keyring;
mod landlock;
mod memory;
mod mount;
mod mount_table;
mod namespace;
mod pidfd;
mod prctl;
pub(crate) mod program;
pub mod pty;
pub mod seccomp;
mod signal;
mod wait;

pub use capability::{CapabilitySets, capget, capset};
pub(crate) use clone::shares_memory;
pub use clone::{clone_into, fork, fork_into, fork_sibling, vfork};
pub use descriptor::{
    borrow, close_all_but, close_copy, close_extra_descriptors_on_exec, close_on_exec,
    copy_from_number, cwd, hand_down, reserve_standard_streams,
};
pub use environment::{clear_environment, environment, replace_environment, set_variable};
pub use file::{Location, PathMount, has_attribute, location, mount_id, path_mount};
pub use keyring::new_session_keyring;
pub use landlock::{
    LandlockRuleset, landlock_allow_path, landlock_allow_port, landlock_create_ruleset,
    landlock_errata, landlock_restrict_self, landlock_version,
};
pub use memory::make_huge_pages;
pub use mount::{
    MountAttr, flags, fsconfig_create, fsconfig_set, fsmount, fsopen, mount_setattr, move_mount,
    move_mount_to, open_tree,
};
pub use mount_table::{listmount, mount_namespace_id, statmount};
pub use namespace::{
    CLONE_NEWTIME, bring_up_loopback, namespace_id, namespace_owner, namespace_type,
    open_namespace, setdomainname, socket_namespace,
};
pub use pidfd::{PIDFD_THREAD, pidfd_getfd, pidfd_open, pidfd_send_signal};
pub use prctl::{Prctl, parent_death_signal, prctl};
pub(crate) use program::arguments;
pub use program::{exec_descriptor, keep_arguments};
pub use pty::terminal_width;
pub use signal::{
    Arrived, Disposition, kill, reset_dispositions, set_disposition, unblock, wait_signal,
};
pub use wait::{Change, End, reap, reap_others, wait_change};

fn check(result: libc::c_long) -> nix::Result<c_int> {
    Errno::result(result).map(|value| value as c_int)
}

/// The descriptor that a system call gave.
///
/// # Safety
/// Where the call has succeeded, the number is a new descriptor that nobody else owns.
unsafe fn descriptor(result: libc::c_long) -> nix::Result<OwnedFd> {
    // SAFETY: the caller says so.
    check(result).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

fn raw(fd: BorrowedFd) -> c_int {
    fd.as_raw_fd()
}
