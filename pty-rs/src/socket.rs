//! The socket that waits for a terminal.

use std::ffi::{OsStr, OsString, c_int};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;

use common::{Command, Context, Error, Result, sys};
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

/// The longest path of a socket (unix(7)), without the NUL after it.
const LONGEST: usize = 107;

/// A socket to connect to before COMMAND, which gets the connection.
#[derive(Debug)]
pub struct Connect {
    pub path: OsString,
    /// The number that the connection gets.
    pub number: c_int,
    pub command: Command,
}

impl Connect {
    /// Becomes the command; comes back only with the reason why not.
    pub fn run(&self) -> Error {
        let connected = connect(&self.path).and_then(|socket| {
            sys::hand_down(socket.as_fd(), self.number)
                .context("make the descriptor", self.number.to_string())?;
            // Where it has the number already, it is COMMAND's.
            if socket.as_raw_fd() == self.number {
                std::mem::forget(socket);
            }
            Ok(())
        });
        match connected {
            Ok(()) => self.command.exec(),
            Err(error) => error,
        }
    }
}

/// Connects, and does not wait until somebody accepts it. A path that is too long is reached through a descriptor.
pub fn connect(path: &OsStr) -> Result<UnixStream> {
    let connected = if path.len() <= LONGEST {
        UnixStream::connect(path)
    } else {
        let socket =
            open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).context("open", path)?;
        UnixStream::connect(format!("/proc/self/fd/{}", socket.as_raw_fd()))
    };
    connected.map_err(|error| Error::from_io("connect to", path, &error))
}
