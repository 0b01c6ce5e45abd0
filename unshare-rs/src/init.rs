//! The pid 1 of `--init`: reaps orphans, hands on signals, and ends when COMMAND has.

use common::held::{Event, Held, hand_on};
use common::line::Line;
use common::sys::{self, End};
use common::{Context, Result};
use nix::errno::Errno;
use nix::unistd::Pid;

/// Waits for every process that the kernel hands to this one, until `child` has ended; gives the
/// status to end with. No signal of its own ends a pid 1, so that one which ended the child is told
/// through `report`.
pub fn run(child: Pid, held: &Held, report: Option<Line>) -> Result<u8> {
    match reap(child, held, |_| false)? {
        End::Exit(status) => Ok(status),
        End::Signal(signal) => {
            let _ = report.map(|mut report| report.say(&[signal as u8]));
            Ok((128 + signal) as u8)
        }
    }
}

/// Reaps until `child` has ended, or a signal comes that `stops` the waiting: that one is given. Others are handed on.
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

/// Reaps all that have ended, and says how `child` ended where it is among them.
fn reap_ended(child: Pid) -> Option<End> {
    while let Ok(Some((pid, end))) = sys::reap() {
        if pid == child {
            return Some(end);
        }
    }
    None
}
