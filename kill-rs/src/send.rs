//! Sending one signal to each of the targets.

use std::os::fd::AsFd;

use common::target::Target;
use common::{Context, Error, Hint, Result, print, start, sys};
use nix::errno::Errno;
use nix::unistd::Pid;

/// Who gets the signal.
#[derive(Debug, PartialEq, Eq)]
pub enum Receiver {
    /// One process.
    Process(Target),
    /// A process group by its negative number, all processes (-1), or the own group (0), as kill(2) has it.
    Group(i32),
}

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Job {
    /// 0 only asks whether it could be sent.
    pub signal: i32,
    pub receivers: Vec<Receiver>,
    pub verbose: bool,
}

impl Job {
    /// Sends the signal to all of them, whatever fails, and gives the status: one of its own where only some have got it.
    pub fn run(&self) -> u8 {
        const PART: u8 = 64;
        let failed = self.receivers.iter().filter_map(|receiver| self.send(receiver).err());
        let failures = failed.inspect(start::report).count();
        match failures {
            0 => 0,
            all if all == self.receivers.len() => 1,
            _ => PART,
        }
    }

    fn send(&self, receiver: &Receiver) -> Result<()> {
        let name = match receiver {
            Receiver::Process(target) => target.pid().to_string(),
            Receiver::Group(number) => number.to_string(),
        };
        if self.verbose {
            print(&format!("sending signal {} to pid {name}\n", self.signal))?;
        }
        match receiver {
            Receiver::Process(target) => {
                let process = target.open()?;
                sys::pidfd_send_signal(process.as_fd(), self.signal)
            }
            Receiver::Group(number) => sys::kill(Pid::from_raw(*number), self.signal),
        }
        .context("signal the process", name)
        .hint(explain)
    }
}

fn explain(error: &Error) -> Option<String> {
    (error.errno()? == Errno::EPERM).then(|| {
        "it belongs to another user: this needs the capability CAP_KILL over its user namespace"
            .into()
    })
}
