//! The caller's terminal: raw while COMMAND's is relayed to it, and as it was at every end and stop.

use std::io::stdin;
use std::os::fd::{AsFd, BorrowedFd};

use common::sys::{
    self,
    pty::{WindowSize, set_window_size, window_size},
};
use nix::libc;
use nix::sys::termios::{LocalFlags, SetArg, Termios, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{Pid, getpgrp, tcgetpgrp};

/// Who has the terminal at standard input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nobody of ours yet, or standard input is not a terminal.
    Unclaimed,
    /// This process, in the terminal's foreground.
    Foreground,
    /// Another job: its input and its modes are not ours to touch.
    Background,
}

/// The caller's terminal, where there is one.
#[derive(Debug)]
pub struct Outer {
    /// The modes that are to be restored; none where standard input is not a terminal.
    modes: Option<Termios>,
    /// The modes while COMMAND's terminal is relayed; none where there are to be no others.
    raw: Option<Termios>,
    state: State,
    /// Whether it was claimed once, and so is claimed again after a stop.
    wanted: bool,
}

impl Outer {
    /// For a relay that passes every key on.
    pub fn raw() -> Self {
        let modes = tcgetattr(stdin()).ok();
        let raw = modes.clone().map(|mut modes| {
            cfmakeraw(&mut modes);
            modes
        });
        Self { modes, raw, state: State::Unclaimed, wanted: false }
    }

    /// For one that leaves the terminal's line editing and signals where they are.
    pub fn cooked() -> Self {
        Self { modes: tcgetattr(stdin()).ok(), raw: None, state: State::Unclaimed, wanted: false }
    }

    /// Stops the job, as the kernel stops one that wants to change a terminal's modes from the
    /// background. An orphaned job, and one that ignores the signal, goes on.
    pub fn ask_for_foreground(&self) {
        if self.modes.is_some() && !is_foreground() {
            let _ = sys::kill(Pid::from_raw(0), libc::SIGTTOU);
        }
    }

    /// Takes the terminal again after a stop.
    pub fn reclaim(&mut self) {
        if self.wanted {
            self.claim();
        }
    }

    /// Takes the terminal for COMMAND; not from another job.
    ///
    /// The modes may have changed since: a shell gives the terminal of a stopped job its own.
    pub fn claim(&mut self) {
        self.wanted = true;
        let Some(modes) = &mut self.modes else { return };
        if !is_foreground() {
            self.state = State::Background;
            return;
        }
        self.state = State::Foreground;
        if let Some(raw) = &self.raw {
            match tcgetattr(stdin()) {
                Ok(now) if !same(&now, raw) => *modes = now,
                _ => {}
            }
            let _ = tcsetattr(stdin(), SetArg::TCSANOW, raw);
        }
    }

    /// Gives the terminal its modes back, where it is still ours.
    pub fn restore(&mut self) {
        if self.state == State::Foreground && self.raw.is_some() && is_foreground() {
            if let Some(modes) = &self.modes {
                let _ = tcsetattr(stdin(), SetArg::TCSANOW, modes);
            }
        }
        self.state = State::Unclaimed;
    }

    pub fn is_background(&self) -> bool {
        self.state == State::Background
    }

    /// Gives a new terminal the modes of the caller's and its size. Where no terminal is at standard
    /// input, nobody types: what comes from there is not echoed, as `script` has it.
    pub fn lend_to(&self, slave: BorrowedFd, size: Option<WindowSize>) -> nix::Result<()> {
        match &self.modes {
            Some(modes) => tcsetattr(slave, SetArg::TCSANOW, modes)?,
            None => {
                let mut modes = tcgetattr(slave)?;
                modes.local_flags.remove(LocalFlags::ECHO);
                tcsetattr(slave, SetArg::TCSANOW, &modes)?;
            }
        }
        self.size().or(size).map_or(Ok(()), |size| set_window_size(slave, size))
    }

    /// The size of the terminal at one of the standard streams, where there is one that knows it.
    pub fn size(&self) -> Option<WindowSize> {
        let known = |size: &WindowSize| size.rows != 0 || size.columns != 0;
        (0..3).find_map(|fd| window_size(sys::borrow(fd).ok()?.as_fd()).ok().filter(known))
    }
}

impl Drop for Outer {
    fn drop(&mut self) {
        self.restore();
    }
}

/// A terminal that is not the session's has no foreground, and nobody else to take it from.
fn is_foreground() -> bool {
    tcgetpgrp(stdin()).map_or(true, |group| group == getpgrp())
}

fn same(one: &Termios, other: &Termios) -> bool {
    let flags = |modes: &Termios| {
        (modes.input_flags, modes.output_flags, modes.control_flags, modes.local_flags)
    };
    flags(one) == flags(other) && one.control_chars == other.control_chars
}
