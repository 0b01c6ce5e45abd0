//! How a process of the tool ends.

use common::line::Gone;
use common::process::end_by;
use common::{Error, start};

/// Why the tool ends.
#[derive(Debug)]
pub enum Stop {
    /// With an error to report.
    Failed(Error),
    /// With this status; what there was to say has been said.
    Said(u8),
    /// By the signal that ended the child.
    Killed(i32),
}

impl From<Gone> for Stop {
    fn from(_: Gone) -> Self {
        Self::Said(1)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// The exit status of a process that was started, once its error is reported.
pub fn status(result: Result<u8, Stop>) -> u8 {
    match result {
        Ok(status) | Err(Stop::Said(status)) => status,
        Err(Stop::Killed(signal)) => end_by(signal),
        Err(Stop::Failed(error)) => {
            start::report(&error);
            crate::exit_status(error.kind())
        }
    }
}
