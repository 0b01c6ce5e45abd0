//! The session keyring (session-keyring(7)).

use common::{Context, Error, Hint, Result, sys};
use nix::errno::Errno;

/// Replaces the caller's session keyring by a new, empty one.
///
/// A process has all permissions on its session keyring, also after a change of user. The new keyring is made before that
/// change: it counts against the quota of the caller, and root's quota is larger. It has no name and no permissions for
/// others. (That of runc has a name, so that others can join it.) Without keys in the kernel there is nothing to do.
pub fn renew() -> Result<()> {
    match sys::new_session_keyring() {
        Ok(()) | Err(Errno::ENOSYS) => Ok(()),
        failed => failed.step("make a session keyring").hint(explain),
    }
}

fn explain(error: &Error) -> Option<String> {
    match error.errno()? {
        Errno::EDQUOT => Some(
            "the user has reached its limit of keys: /proc/key-users shows the numbers, and /proc/sys/kernel/keys \
             the limits"
                .into(),
        ),
        Errno::EPERM | Errno::EACCES => Some(
            "a seccomp filter or a security module forbids keyctl(2), as in a Docker container; without \
             --new-keyring COMMAND keeps the caller's session keyring"
                .into(),
        ),
        _ => None,
    }
}
