//! New processes by clone(2), which puts a child into new namespaces from its first moment on, while its parent
//! stays where it is.

use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::errno::Errno;
use nix::libc::{self, SIGCHLD};
use nix::sched::{CloneFlags, clone};
use nix::unistd::{ForkResult, Pid};

/// The namespaces that clone(2) can make. The flag of a time namespace means a signal there.
const NAMESPACES: CloneFlags = CloneFlags::CLONE_NEWNS
    .union(CloneFlags::CLONE_NEWUTS)
    .union(CloneFlags::CLONE_NEWIPC)
    .union(CloneFlags::CLONE_NEWNET)
    .union(CloneFlags::CLONE_NEWPID)
    .union(CloneFlags::CLONE_NEWUSER)
    .union(CloneFlags::CLONE_NEWCGROUP);

/// Whether this process is a child with the memory of its parent.
static SHARED: AtomicBool = AtomicBool::new(false);

/// Whether this process shares its memory with its parent, which waits for it to execute a program.
pub(crate) fn shares_memory() -> bool {
    SHARED.load(Ordering::Relaxed)
}

/// fork(2). The tools have one thread, so the child may do all that the parent may.
///
/// # Errors
/// Those of fork(2).
pub fn fork() -> nix::Result<ForkResult> {
    // SAFETY: the tools never start a thread, so no lock is held by another one.
    unsafe { nix::unistd::fork() }
}

/// Runs `child` in a new process that has a copy of this one's memory, as after fork(2), and ends with the status that
/// `child` gives. Flags that are not of NAMESPACES are left out.
///
/// # Errors
/// Those of clone(2).
pub fn fork_into(namespaces: CloneFlags, child: impl FnOnce() -> u8) -> nix::Result<Pid> {
    start(namespaces & NAMESPACES, &mut Some(child))
}

/// As [`fork_into`] without namespaces, but the child is this process's sibling: its parent is the parent of this process.
///
/// # Errors
/// Those of clone(2); EINVAL in the pid 1 of a namespace.
pub fn fork_sibling(child: impl FnOnce() -> u8) -> nix::Result<Pid> {
    start(CloneFlags::CLONE_PARENT, &mut Some(child))
}

/// As [`fork_into`] without namespaces, but the new process shares the memory of this one, as after vfork(2): this process goes
/// on when the child has executed a program, or has ended, and finds there what the child left.
///
/// The child closes descriptors in its own table. A descriptor that belongs to this process is closed there by
/// [`super::close_copy`].
///
/// # Errors
/// Those of clone(2); EINVAL where this process's children belong to another time namespace, before Linux 6.3.
pub fn vfork(child: impl FnOnce() -> u8) -> nix::Result<Pid> {
    start(CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK, &mut Some(child))
}

/// As [`fork_into`], but the new process is in the cgroup of version 2 that `cgroup` is open on, from its first moment on:
/// a process that joins one later waits for a grace period of RCU. The child is taken where it was started.
///
/// # Errors
/// Those of clone3(2): ENOSYS, E2BIG or EINVAL before Linux 5.7; EACCES, EBUSY, EOPNOTSUPP or ENODEV for the cgroup, EAGAIN
/// for its pids.max.
pub fn clone_into<F: FnOnce() -> u8>(
    cgroup: BorrowedFd,
    namespaces: CloneFlags,
    child: &mut Option<F>,
) -> nix::Result<Pid> {
    /// linux/sched.h.
    const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;
    let arguments = Clone3 {
        flags: (namespaces & NAMESPACES).bits() as u64 | CLONE_INTO_CGROUP,
        exit_signal: SIGCHLD as u64,
        cgroup: super::raw(cgroup) as u64,
        ..Clone3::default()
    };
    // SAFETY: the kernel reads one struct clone_args of the size that is given. Without CLONE_VM and a stack the child
    // goes on here in a copy of this process's memory, as after fork(2); the tools never start a thread, so no lock is
    // held by another one.
    let pid = Errno::result(unsafe {
        libc::syscall(libc::SYS_clone3, std::ptr::from_ref(&arguments), size_of::<Clone3>())
    })?;
    let work = child.take();
    match pid {
        0 => {
            let status = work.map_or(1, |work| work());
            // SAFETY: _exit takes a number and does not come back.
            unsafe { libc::_exit(status.into()) }
        }
        pid => Ok(Pid::from_raw(pid as i32)),
    }
}

/// `struct clone_args` of linux/sched.h, up to the cgroup.
#[derive(Default)]
#[repr(C)]
struct Clone3 {
    flags: u64,
    pidfd: u64,
    child_tid: u64,
    parent_tid: u64,
    exit_signal: u64,
    stack: u64,
    stack_size: u64,
    tls: u64,
    set_tid: u64,
    set_tid_size: u64,
    cgroup: u64,
}

fn start<F: FnOnce() -> u8>(flags: CloneFlags, child: &mut Option<F>) -> nix::Result<Pid> {
    /// As much as a main thread has to begin with, and taken only as far as it is used.
    const STACK: usize = 1 << 20;
    let mut stack = vec![0; STACK];
    let shared = flags.contains(CloneFlags::CLONE_VM);
    let callback = Box::new(|| {
        SHARED.store(shared, Ordering::Relaxed);
        child.take().map_or(1, |child| child().into())
    });
    // SAFETY: the tools never start a thread, so no lock is held by another one. The functions above pass no flag by
    // which the child would become a thread, and share memory only with CLONE_VFORK, so that this process stands
    // still while the child uses it; the stack is the child's own and outlives it.
    let started = unsafe { clone(callback, &mut stack, flags, Some(SIGCHLD)) };
    SHARED.store(false, Ordering::Relaxed);
    started
}

#[cfg(test)]
mod tests {
    use nix::sys::wait::{WaitStatus, waitpid};

    use super::*;

    #[test]
    fn a_child_ends_with_its_status() {
        let none = CloneFlags::empty();
        for pid in [fork_into(none, || 7), vfork(|| 7)] {
            let pid = pid.unwrap();
            assert_eq!(waitpid(pid, None), Ok(WaitStatus::Exited(pid, 7)));
        }
    }

    #[test]
    fn a_child_shares_memory_only_where_it_is_said() {
        let mut value = 0;
        let pid = fork_into(CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK, || {
            value = 1;
            0
        });
        waitpid(pid.unwrap(), None).unwrap();
        assert_eq!(value, 0);
        let pid = vfork(|| {
            value = 1;
            0
        });
        waitpid(pid.unwrap(), None).unwrap();
        assert_eq!(value, 1);
    }
}
