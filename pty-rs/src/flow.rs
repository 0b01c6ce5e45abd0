//! Bytes on their way from one descriptor to another.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use common::{Context, Error, Result, sys};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::poll::PollFlags;
use nix::sys::stat::Mode;
use nix::unistd::{isatty, read, write};

/// How much is on its way at most.
const SIZE: usize = 16 * 1024;

/// What a pipe that poll(2) calls writable takes without blocking (PIPE_BUF of pipe(7)).
const PIPE_CHUNK: usize = 4096;

/// What a terminal takes that cannot be opened again, most likely without blocking.
const TERMINAL_CHUNK: usize = 256;

/// One end of a flow.
#[derive(Clone, Debug)]
pub struct End {
    fd: Rc<OwnedFd>,
    /// The caller's terminal, whose hang-up is the end of all.
    is_outer_terminal: bool,
    /// The caller's, not one that was made here.
    is_outer: bool,
    /// How much is written at once.
    chunk: usize,
}

impl End {
    /// One that was made here, set not to block.
    pub fn inner(fd: Rc<OwnedFd>) -> Result<Self> {
        set_nonblocking(&fd).step("set a descriptor not to block")?;
        Ok(Self { fd, is_outer_terminal: false, is_outer: false, chunk: SIZE })
    }

    /// Standard input.
    pub fn input() -> Result<Self> {
        let stdin = sys::borrow(0).step("use the standard input")?;
        let fd = stdin
            .try_clone_to_owned()
            .map_err(|error| Error::from_io("use", "the standard input", &error))?;
        Ok(Self::outer(fd, SIZE))
    }

    /// Standard output or error. Others have it open too, and would not expect it not to block: a terminal
    /// is opened once more.
    pub fn output(number: i32) -> Result<Self> {
        let stream = sys::borrow(number).step("use the standard output")?;
        if isatty(stream) == Ok(true) {
            let path = format!("/proc/self/fd/{number}");
            let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
            if let Ok(fd) = open(path.as_str(), flags, Mode::empty()) {
                return Ok(Self::outer(fd, SIZE));
            }
        }
        let fd = stream
            .try_clone_to_owned()
            .map_err(|error| Error::from_io("use", "the standard output", &error))?;
        let chunk = if isatty(&fd) == Ok(true) { TERMINAL_CHUNK } else { PIPE_CHUNK };
        Ok(Self::outer(fd, chunk))
    }

    fn outer(fd: OwnedFd, chunk: usize) -> Self {
        let is_outer_terminal = isatty(&fd) == Ok(true);
        Self { fd: Rc::new(fd), is_outer_terminal, is_outer: true, chunk }
    }
}

fn set_nonblocking(fd: &OwnedFd) -> nix::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(fd, FcntlArg::F_GETFL)?);
    fcntl(fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK)).map(drop)
}

/// A way from one end to the other, with a bounded buffer between.
#[derive(Debug)]
pub struct Flow {
    from: Option<End>,
    to: Option<End>,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    last: Option<u8>,
}

/// What came of reading.
#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    Bytes(usize),
    /// There is nothing now.
    Nothing,
    End,
    Failed(Errno),
}

impl Flow {
    pub fn new(from: End, to: End) -> Self {
        Self { from: Some(from), to: Some(to), buffer: vec![0; SIZE], start: 0, end: 0, last: None }
    }

    /// One that nothing goes over.
    pub fn none() -> Self {
        Self { from: None, to: None, buffer: Vec::new(), start: 0, end: 0, last: None }
    }

    /// What to wait for at the source. A terminal of the caller's is watched in any case.
    pub fn source_events(&self, may_read: bool) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let from = self.from.as_ref()?;
        match may_read && self.has_room() {
            true => Some((from.fd.as_fd(), PollFlags::POLLIN)),
            false => from.is_outer_terminal.then(|| (from.fd.as_fd(), PollFlags::empty())),
        }
    }

    /// What to wait for at the sink. One of the caller's is watched in any case.
    pub fn sink_events(&self) -> Option<(BorrowedFd<'_>, PollFlags)> {
        let to = self.to.as_ref()?;
        match self.is_empty() {
            false => Some((to.fd.as_fd(), PollFlags::POLLOUT)),
            true => to.is_outer.then(|| (to.fd.as_fd(), PollFlags::empty())),
        }
    }

    pub fn is_source_terminal(&self) -> bool {
        self.from.as_ref().is_some_and(|end| end.is_outer_terminal)
    }

    pub fn is_sink_terminal(&self) -> bool {
        self.to.as_ref().is_some_and(|end| end.is_outer_terminal)
    }

    pub fn has_source(&self) -> bool {
        self.from.is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub fn has_room(&self) -> bool {
        self.end < self.buffer.len()
    }

    /// Nothing comes any more, and nothing is left.
    pub fn is_dry(&self) -> bool {
        self.from.is_none() && self.is_empty()
    }

    /// The last byte that came.
    pub fn last(&self) -> Option<u8> {
        self.last
    }

    pub fn close_source(&mut self) {
        self.from = None;
    }

    pub fn close(&mut self) {
        (self.from, self.to, self.start, self.end) = (None, None, 0, 0);
    }

    pub fn take(&mut self) -> Taken {
        let Some(from) = &self.from else { return Taken::Nothing };
        match read(&*from.fd, &mut self.buffer[self.end..]) {
            Ok(0) => Taken::End,
            Ok(count) => {
                self.end += count;
                self.last = Some(self.buffer[self.end - 1]);
                Taken::Bytes(count)
            }
            Err(Errno::EAGAIN | Errno::EINTR) => Taken::Nothing,
            Err(errno) => Taken::Failed(errno),
        }
    }

    /// Writes some of what is there.
    pub fn put(&mut self) -> nix::Result<()> {
        let Some(to) = &self.to else { return Ok(()) };
        let end = self.end.min(self.start + to.chunk);
        match write(&*to.fd, &self.buffer[self.start..end]) {
            Ok(count) => self.start += count,
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
        if self.is_empty() {
            (self.start, self.end) = (0, 0);
        }
        Ok(())
    }
}
