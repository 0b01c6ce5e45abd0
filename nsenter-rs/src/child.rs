//! The child that is born into the PID namespace, and the parent that ends as it ends.

use common::process::end_by;
use common::sys::{self, Change, Disposition, End};
use common::{Context, Error, Result};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::{ForkResult, Pid, getpid};

/// Forks: none in the child, and in the parent, when the child has ended, its status.
///
/// The caller may have SIGCHLD ignored, so that the kernel would keep no status; the child gets it back.
pub fn fork() -> Result<Option<u8>> {
    let caller = sys::set_disposition(libc::SIGCHLD, Disposition::Default).step("reset SIGCHLD")?;
    match sys::fork().step("fork").map_err(|error| error.explain(explain))? {
        ForkResult::Parent { child } => wait(child).map(Some),
        ForkResult::Child => {
            sys::set_disposition(libc::SIGCHLD, caller).step("restore SIGCHLD")?;
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
fn wait(child: Pid) -> Result<u8> {
    loop {
        match sys::wait_change(child, true) {
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
