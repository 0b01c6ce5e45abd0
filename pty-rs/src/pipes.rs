//! Pipes in place of the caller's terminal: COMMAND holds no descriptor of it, so there is nothing that it
//! could do to it but write.

use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;

use common::{Command, Context, Result, sys};
use nix::fcntl::OFlag;
use nix::sys::stat::fstat;
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, isatty, pipe2, setsid};

use crate::child::Child;
use crate::flow::{End, Flow};
use crate::job::Job;
use crate::outer::Outer;
use crate::relay::Relay;
use crate::signals::Held;

#[derive(Debug)]
pub struct Pipes {
    pub command: Command,
}

/// COMMAND's ends of the pipes; where a stream is not a terminal, none.
#[derive(Default)]
struct Streams {
    input: Option<OwnedFd>,
    output: Option<OwnedFd>,
    error: Option<OwnedFd>,
}

impl Pipes {
    pub fn run(self) -> Result<u8> {
        let is_terminal = [0, 1, 2].map(|fd| sys::borrow(fd).and_then(isatty) == Ok(true));
        if is_terminal == [false; 3] {
            return Err(self.command.exec());
        }
        let mut outer = Outer::cooked();
        let signals = Held::new()?;
        outer.claim();
        let (streams, flows) = make(is_terminal)?;
        let child = Child::start(&self.command, &signals, || {
            // The session's terminal would be within reach as /dev/tty.
            setsid().step("make a session")?;
            streams.hand_down().step("open a pipe")
        })?;
        drop(streams);
        Relay::of_pipes(Job::new(child, signals, outer), flows).run()
    }
}

/// The pipes, and the flows over them. What goes to one terminal goes over one pipe, so that it keeps its
/// order.
fn make([input, output, error]: [bool; 3]) -> Result<(Streams, Vec<Flow>)> {
    let mut streams = Streams::default();
    let mut flows = vec![Flow::none()];
    if input {
        let (read, write) = pipe()?;
        streams.input = Some(read);
        flows[0] = Flow::new(End::input()?, End::inner(Rc::new(write))?);
    }
    if output {
        let (read, write) = pipe()?;
        streams.output = Some(write);
        flows.push(Flow::new(End::inner(Rc::new(read))?, End::output(1)?));
    }
    if let (true, Some(write), true) = (error, &streams.output, are_one()) {
        streams.error = write.try_clone().ok();
    }
    if error && streams.error.is_none() {
        let (read, write) = pipe()?;
        streams.error = Some(write);
        flows.push(Flow::new(End::inner(Rc::new(read))?, End::output(2)?));
    }
    Ok((streams, flows))
}

fn pipe() -> Result<(OwnedFd, OwnedFd)> {
    pipe2(OFlag::O_CLOEXEC).context("make", "a pipe")
}

/// Whether standard output and error are the same terminal.
fn are_one() -> bool {
    let device = |fd| sys::borrow(fd).and_then(fstat).ok().map(|status| status.st_rdev);
    device(1).is_some() && device(1) == device(2)
}

impl Streams {
    fn hand_down(&self) -> nix::Result<()> {
        self.input.as_ref().map_or(Ok(()), |fd| dup2_stdin(fd.as_fd()))?;
        self.output.as_ref().map_or(Ok(()), |fd| dup2_stdout(fd.as_fd()))?;
        self.error.as_ref().map_or(Ok(()), |fd| dup2_stderr(fd.as_fd()))
    }
}
