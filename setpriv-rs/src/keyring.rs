//! The session keyring (session-keyring(7)).

use common::{Context, Error, Hint, Result, sys};
use nix::errno::Errno;

/// Leaves the caller's session keyring for a new one, in which nothing is.
///
/// A process possesses its session keyring, and so may do all with it whatever user it becomes. The keyring is made
/// before that: it counts against the quota of the caller, and root's is larger. It has no name and no permissions for
/// others, unlike that of runc, which is joined by its name. A kernel without keys has none to be read.
pub fn renew() -> Result<()> {
    match sys::new_session_keyring() {
        Ok(()) | Err(Errno::ENOSYS) => Ok(()),
        failed => failed.step("make a session keyring").hint(explain),
    }
}

fn explain(error: &Error) -> Option<String> {
    match error.errno()? {
        Errno::EDQUOT => Some(
            "the user has as many keys as it may: /proc/key-users shows how many, and \
             /proc/sys/kernel/keys the limits"
                .into(),
        ),
        Errno::EPERM | Errno::EACCES => Some(
            "a seccomp filter or a security module forbids keyctl(2), as in a Docker container: without \
             --new-keyring the caller's session keyring stays"
                .into(),
        ),
        _ => None,
    }
}
