//! COMMAND as a job: signals go to it, its stops are ours, and so is its end.

use common::process::end_by;
use common::sys::{self, Arrived, Change, End};
use nix::libc;
use nix::unistd::{Pid, getpgid, getpgrp};

use crate::child::Child;
use crate::outer::Outer;
use crate::signals::Held;

/// Those that ask a program for something.
const FORWARDED: [i32; 6] =
    [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM, libc::SIGUSR1, libc::SIGUSR2];

/// COMMAND, the signals that come in meanwhile, and the terminal that it runs in front of.
#[derive(Debug)]
pub struct Job {
    pub child: Child,
    pub signals: Held,
    pub outer: Outer,
    pub ended: Option<End>,
}

impl Job {
    pub fn new(child: Child, signals: Held, outer: Outer) -> Self {
        Self { child, signals, outer, ended: None }
    }

    /// Acts on all signals that have arrived, and says whether the window has changed.
    pub fn act_on_signals(&mut self) -> bool {
        let mut is_resized = false;
        while let Some(arrived) = self.signals.next() {
            match arrived.signal {
                libc::SIGCHLD => self.look_at_child(),
                libc::SIGWINCH => is_resized = true,
                libc::SIGCONT => {
                    self.outer.reclaim();
                    is_resized = true;
                }
                signal if self.ended.is_none() && FORWARDED.contains(&signal) => {
                    self.hand_on(arrived);
                }
                signal => self.suffer(signal, arrived.from_kernel),
            }
        }
        is_resized
    }

    /// A signal that does what it does by default, to a terminal that has its own modes again.
    fn suffer(&mut self, signal: i32, from_kernel: bool) {
        // One that was typed stops the whole job; COMMAND's session may be one that only SIGSTOP stops.
        let stops_child = signal == libc::SIGTSTP && from_kernel && self.leads_group();
        if stops_child {
            self.send_to_group(libc::SIGSTOP);
        }
        self.outer.restore();
        self.signals.let_through(signal);
        self.outer.reclaim();
        if stops_child {
            self.send_to_group(libc::SIGCONT);
        }
    }

    fn look_at_child(&mut self) {
        sys::reap_others(self.child.pid);
        match sys::wait_change(self.child.pid, false) {
            Ok(Some(Change::Ended(end))) => self.ended = Some(end),
            // The one who stopped both goes on with this process alone.
            Ok(Some(Change::Stopped)) if self.leads_group() => {
                self.suffer(libc::SIGSTOP, false);
                self.send_to_group(libc::SIGCONT);
            }
            _ => {}
        }
    }

    /// What a terminal sends, it sends to a whole process group: that which COMMAND leads, or ours, which
    /// then has it.
    fn hand_on(&self, arrived: Arrived) {
        match (arrived.from_kernel, self.leads_group()) {
            (true, true) => self.send_to_group(arrived.signal),
            (true, false) if getpgid(Some(self.child.pid)) == Ok(getpgrp()) => {}
            _ => self.send(arrived.signal),
        }
    }

    /// Whether COMMAND's process leads a process group of its own.
    fn leads_group(&self) -> bool {
        getpgid(Some(self.child.pid)) == Ok(self.child.pid)
    }

    fn send(&self, signal: i32) {
        let _ = sys::kill(self.child.pid, signal);
    }

    fn send_to_group(&self, signal: i32) {
        let _ = sys::kill(Pid::from_raw(-self.child.pid.as_raw()), signal);
    }

    /// Tells COMMAND that its terminal is gone.
    pub fn hang_up(&self) {
        for signal in [libc::SIGHUP, libc::SIGCONT] {
            match self.leads_group() {
                true => self.send_to_group(signal),
                false => self.send(signal),
            }
        }
    }

    pub fn kill(&self) {
        self.send(libc::SIGKILL);
        while let Ok(Some(Change::Stopped)) = sys::wait_change(self.child.pid, true) {}
    }

    /// Ends as COMMAND ended: by the same signal, or with the status that is returned.
    pub fn end(mut self, end: End) -> u8 {
        self.outer.restore();
        match end {
            End::Exit(status) => status,
            End::Signal(signal) => end_by(signal),
        }
    }
}
