//! COMMAND on a terminal of this machine.

use std::os::fd::AsFd;

use common::sys::pty::{WindowSize, set_controlling_terminal};
use common::{Command, Context, Result};
use nix::unistd::{dup2_stderr, dup2_stdin, dup2_stdout, setsid};

use crate::child::Child;
use crate::job::Job;
use crate::outer::Outer;
use crate::pair::Pair;
use crate::relay::Relay;
use crate::signals::Held;

#[derive(Debug)]
pub struct Local {
    pub size: Option<WindowSize>,
    pub command: Command,
}

impl Local {
    pub fn run(self) -> Result<u8> {
        let mut outer = Outer::raw();
        outer.ask_for_foreground();
        let signals = Held::new()?;
        outer.claim();
        let Pair { master, slave } = Pair::here()?;
        outer.lend_to(slave.as_fd(), self.size).step("set up the terminal")?;
        let child = Child::start(&self.command, &signals, || {
            setsid().step("make a session")?;
            set_controlling_terminal(slave.as_fd()).step("take the terminal")?;
            dup2_stdin(&slave)
                .and_then(|()| dup2_stdout(&slave))
                .and_then(|()| dup2_stderr(&slave))
                .step("open the terminal")
        })?;
        drop(slave);
        Relay::of_terminal(Job::new(child, signals, outer), master)?.run()
    }
}
