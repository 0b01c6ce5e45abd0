//! The daemon of libcgroup, cgrulesengd, moves processes by rules of its own. Each that is put into a cgroup by hand is
//! made known to it, so that it leaves it there.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use common::{Error, Result};
use nix::unistd::getpid;

const SOCKET: &str = "/var/run/cgred.socket";

/// What the daemon answers, with the NUL after it.
const DONE: &[u8] = b"SUCCESS_STORE_PID\0";

/// Makes this process known, and with `sticky` its children too. Where no daemon runs there is nothing to do.
pub fn register(sticky: bool) -> Result<()> {
    let Ok(mut daemon) = UnixStream::connect(SOCKET) else { return Ok(()) };
    let mut answer = [0; DONE.len()];
    let message = [getpid().as_raw(), i32::from(sticky)].map(i32::to_ne_bytes).concat();
    daemon
        .write_all(&message)
        .and_then(|()| daemon.read_exact(&mut answer))
        .map_err(|error| Error::from_io("register with", SOCKET, &error))?;
    match answer == DONE {
        true => Ok(()),
        false => Err(Error::because("register with", SOCKET, "the daemon refused")),
    }
}
