//! A terminal that COMMAND makes, and sends over a socket.

use std::ffi::c_int;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use common::sys::hand_down;
use common::sys::pty::{is_master, receive_descriptor, set_window_size, window_size};
use common::{Command, Context, Error, Result};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::child::Child;
use crate::job::Job;
use crate::outer::Outer;
use crate::relay::Relay;
use crate::signals::Held;

#[derive(Debug)]
pub struct Receive {
    /// The number of COMMAND's end of the socket; what the caller has open there COMMAND does not get.
    pub fd: c_int,
    pub command: Command,
}

impl Receive {
    pub fn run(self) -> Result<u8> {
        let outer = Outer::raw();
        outer.ask_for_foreground();
        let (ours, commands) =
            UnixStream::pair().map_err(|error| Error::from_io("make", "a socket pair", &error))?;
        let signals = Held::new()?;
        let child = Child::start(&self.command, &signals, || {
            hand_down(commands.as_fd(), self.fd).context("open the descriptor", self.fd.to_string())
        })?;
        drop(commands);
        let mut job = Job::new(child, signals, outer);
        match wait(&mut job, &ours)? {
            Some(master) => relay(job, master),
            None => Ok(job.ended.map_or(0, |end| job.end(end))),
        }
    }
}

/// Waits for the master; none where COMMAND has ended without sending one.
fn wait(job: &mut Job, socket: &UnixStream) -> Result<Option<OwnedFd>> {
    let mut is_open = true;
    loop {
        // In this order, since what was sent is there when the sender ends.
        let has_ended = job.ended.is_some();
        if is_open {
            match receive_descriptor(socket.as_fd()) {
                Ok(Some(master)) if is_master(master.as_fd()) => return Ok(Some(master)),
                Ok(Some(_)) => return Err(not_a_master("it is not the master of a terminal")),
                Ok(None) => is_open = false,
                Err(Errno::EAGAIN | Errno::EINTR) => {}
                Err(Errno::ECONNRESET) => is_open = false,
                Err(Errno::EBADMSG) => return Err(not_a_master("it is not one descriptor")),
                Err(errno) => return Err(errno).step("receive the terminal"),
            }
        }
        if has_ended {
            return Ok(None);
        }
        let mut ends = [
            PollFd::new(job.signals.as_fd(), PollFlags::POLLIN),
            PollFd::new(socket.as_fd(), PollFlags::POLLIN),
        ];
        let count = if is_open { 2 } else { 1 };
        match poll(&mut ends[..count], PollTimeout::NONE) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).step("wait for the terminal"),
        }
        job.act_on_signals();
    }
}

fn not_a_master(reason: &str) -> Error {
    Error::because("use", "what COMMAND sent", reason)
}

/// The sender gave the terminal its size and its modes; the window may have changed since.
fn relay(mut job: Job, master: OwnedFd) -> Result<u8> {
    if let Some(size) = job.outer.size() {
        if window_size(master.as_fd()) != Ok(size) {
            let _ = set_window_size(master.as_fd(), size);
        }
    }
    job.outer.claim();
    Relay::of_terminal(job, master)?.run()
}
