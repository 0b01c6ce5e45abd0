//! The child that is born into the PID namespace or leads a session, and the parent that ends as it ends.

use common::held::Held;
use common::process::end_by;
use common::sys::{self, Change, End};
use common::{Context, Error, Result};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, Pid, getpid, setsid};

/// Forks: none in the child, and in the parent, when the child has ended, its status.
///
/// A signal that the caller's terminal sends does not reach a child with a `new_session`, so it is handed on.
pub fn fork(new_session: bool) -> Result<Option<u8>> {
    let held = if new_session { Held::for_handing_on(None) } else { Held::none() }?;
    match sys::fork().step("fork").map_err(|error| error.explain(explain))? {
        ForkResult::Parent { child } => wait(child, new_session.then_some(&held)).map(Some),
        ForkResult::Child => {
            if new_session {
                setsid().step("make a session")?;
            }
            held.restore();
            Ok(None)
        }
    }
}

/// fork(2) gives ENOMEM for a PID namespace whose first process has ended (pid_namespaces(7)).
fn explain(error: &Error) -> Option<String> {
    (error.errno() == Some(Errno::ENOMEM)).then(|| {
        "this is no lack of memory where the PID namespace has lost its init: nothing can be started \
         in it any more"
            .into()
    })
}

/// Stops and goes on with the child, so that job control reaches through; ends by the same signal.
fn wait(child: Pid, held: Option<&Held>) -> Result<u8> {
    loop {
        let change = match held {
            Some(held) => held.next_change(child),
            None => sys::wait_change(child, true),
        };
        match change {
            Ok(Some(Change::Stopped)) => {
                let _ = sys::kill(getpid(), libc::SIGSTOP);
                let _ = sys::kill(child, libc::SIGCONT);
            }
            Ok(Some(Change::Ended(End::Exit(status)))) => return Ok(status),
            Ok(Some(Change::Ended(End::Signal(signal)))) => return Ok(end_by(signal)),
            Ok(None) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).step("wait for the child"),
        }
    }
}
