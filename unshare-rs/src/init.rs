//! The pid 1 of `--init`: it reaps orphans, passes signals on, and ends when COMMAND has ended.

use common::held::{Event, Held, hand_on};
use common::line::Line;
use common::sys::{self, End};
use common::{Context, Result};
use nix::errno::Errno;
use nix::unistd::Pid;

/// Waits for all processes that the kernel gives to pid 1, until `child` has ended. Gives the status to end with. A pid 1
/// cannot end by a signal that it sends itself, so it writes the signal that ended the child to `report`.
pub fn run(child: Pid, held: &Held, report: Option<Line>) -> Result<u8> {
    match reap(child, held, |_| false)? {
        End::Exit(status) => Ok(status),
        End::Signal(signal) => {
            let _ = report.map(|mut report| report.say(&[signal as u8]));
            Ok((128 + signal) as u8)
        }
    }
}

/// Reaps until `child` has ended, or until a signal arrives for which `stops` is true. Passes other signals on.
pub fn reap(child: Pid, held: &Held, stops: impl Fn(i32) -> bool) -> Result<End> {
    loop {
        match held.next() {
            Ok(Event::ChildChanged) => {
                if let Some(end) = reap_ended(child) {
                    return Ok(end);
                }
            }
            Ok(Event::Signal(arrived)) if stops(arrived.signal) => {
                return Ok(End::Signal(arrived.signal));
            }
            Ok(Event::Signal(arrived)) => hand_on(arrived, child),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).step("wait for a signal"),
        }
    }
}

/// Reaps all processes that have ended. Gives the end of `child` if it is one of them.
fn reap_ended(child: Pid) -> Option<End> {
    while let Ok(Some((pid, end))) = sys::reap() {
        if pid == child {
            return Some(end);
        }
    }
    None
}
