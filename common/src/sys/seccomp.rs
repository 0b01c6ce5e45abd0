//! Filters of system calls: seccomp(2).

use nix::errno::Errno;
use nix::libc;

/// Puts a filter in front of all system calls of this process. `flags` are those of `SECCOMP_SET_MODE_FILTER`, without
/// the one that gives a descriptor back.
///
/// # Errors
/// EACCES without no_new_privs and CAP_SYS_ADMIN, EINVAL for a program or a flag that the kernel does not take.
pub fn load_filter(program: &[libc::sock_filter], flags: u32) -> nix::Result<()> {
    let program = libc::sock_fprog {
        len: program.len().try_into().map_err(|_| Errno::EINVAL)?,
        filter: program.as_ptr().cast_mut(),
    };
    let (mode, flags) = (libc::SECCOMP_SET_MODE_FILTER, libc::c_ulong::from(flags));
    // SAFETY: the kernel reads the program, whose length is given, and does not write to it.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, mode, flags, std::ptr::from_ref(&program)) };
    Errno::result(result).map(drop)
}
