//! COMMAND's terminal, as its master sees it.

use std::os::fd::{AsFd, OwnedFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use common::sys::pty::{WindowSize, open_slave, set_window_size};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SpecialCharacterIndices, tcgetattr};
use nix::unistd::write;

/// How often it is looked whether an end of input can be typed: at first, and after a while.
const SOON: Duration = Duration::from_millis(10);
const SELDOM: Duration = Duration::from_millis(500);

/// How far the end of input has come. It is typed once in each of the two modes at most: what is typed in
/// line mode and not read before COMMAND leaves that is a NUL instead of an end of input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typed {
    Nothing,
    InLineMode,
    InRawMode,
}

/// An end of input that is to be typed.
#[derive(Debug)]
struct EndOfInput {
    /// Whether the last line has no newline: the first end of input then only ends the line.
    is_within_line: bool,
    typed: Typed,
    next: Instant,
    delay: Duration,
}

#[derive(Debug)]
pub struct Inner {
    pub master: Rc<OwnedFd>,
    /// A slave of ours, once COMMAND has closed all of its own: it may open one again.
    slave: Option<OwnedFd>,
    end_of_input: Option<EndOfInput>,
}

impl Inner {
    pub fn new(master: OwnedFd) -> Self {
        Self { master: Rc::new(master), slave: None, end_of_input: None }
    }

    pub fn resize(&self, size: WindowSize) {
        let _ = set_window_size(self.master.as_fd(), size);
    }

    /// Without an open slave a master gives EIO.
    pub fn keep_open(&mut self) -> nix::Result<()> {
        self.slave = Some(open_slave(self.master.as_fd())?);
        Ok(())
    }

    pub fn let_go(&mut self) {
        (self.slave, self.end_of_input) = (None, None);
    }

    /// No more input comes, the last byte of which was this one.
    pub fn end_input(&mut self, last: Option<u8>) {
        let is_within_line = last.is_some_and(|last| last != b'\n');
        let (typed, next, delay) = (Typed::Nothing, Instant::now(), SOON);
        self.end_of_input = Some(EndOfInput { is_within_line, typed, next, delay });
    }

    /// When to look again whether the end of input can be typed.
    pub fn next_look(&self) -> Option<Instant> {
        self.end_of_input.as_ref().map(|end| end.next)
    }

    /// Types the end of input, once all before it was read.
    pub fn look(&mut self, now: Instant) {
        if self.next_look().is_none_or(|next| now < next) {
            return;
        }
        let typed = self.type_end();
        let Some(end) = &mut self.end_of_input else { return };
        match typed {
            Ok(Typed::InRawMode) => self.end_of_input = None,
            Ok(typed) => {
                end.typed = typed;
                end.delay = SELDOM.min(end.delay * 2);
                end.next = now + end.delay;
            }
            Err(_) => end.next = now + SELDOM,
        }
    }

    fn type_end(&mut self) -> nix::Result<Typed> {
        if self.slave.is_none() {
            self.keep_open()?;
        }
        let (Some(slave), Some(end)) = (&self.slave, &self.end_of_input) else {
            return Err(Errno::EIO);
        };
        let mut unread = [PollFd::new(slave.as_fd(), PollFlags::POLLIN)];
        let modes = tcgetattr(&*self.master)?;
        let is_line_mode = modes.local_flags.contains(LocalFlags::ICANON);
        let is_typed = is_line_mode && end.typed == Typed::InLineMode;
        if is_typed || poll(&mut unread, PollTimeout::ZERO)? > 0 {
            return Ok(end.typed);
        }
        let character = modes.control_chars[SpecialCharacterIndices::VEOF as usize];
        let count = if is_line_mode && end.is_within_line { 2 } else { 1 };
        write(&*self.master, &[character; 2][..count])?;
        Ok(if is_line_mode { Typed::InLineMode } else { Typed::InRawMode })
    }
}
