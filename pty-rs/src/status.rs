//! The exit status of each kind of failure.

use std::sync::atomic::{AtomicU8, Ordering};

use common::Kind;

/// Of our own failures: as `script` has it, unless --failure-status gives another.
static FAILURE: AtomicU8 = AtomicU8::new(1);

pub fn set_failure(status: u8) {
    FAILURE.store(status, Ordering::Relaxed);
}

pub fn of(kind: Kind) -> u8 {
    match kind {
        Kind::Usage | Kind::Failed => FAILURE.load(Ordering::Relaxed),
        Kind::CommandNotRunnable => 126,
        Kind::CommandNotFound => 127,
    }
}
