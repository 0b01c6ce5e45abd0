//! How a process of the tool fails.

use common::line::Gone;
use common::process::end_by;
use common::{Error, start};

/// Why a process of the tool ends before it becomes COMMAND.
#[derive(Debug)]
pub enum Failure {
    /// An error that still has to be reported.
    Error(Error),
    /// The reason has been reported; the process ends with this status.
    Reported(u8),
    /// This signal ended the child, and ends this process too.
    Killed(i32),
}

impl From<Gone> for Failure {
    fn from(_: Gone) -> Self {
        Self::Reported(1)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Reports an error, and gives the exit status of the process that had it.
pub fn status(result: Result<u8, Failure>) -> u8 {
    match result {
        Ok(status) | Err(Failure::Reported(status)) => status,
        Err(Failure::Killed(signal)) => end_by(signal),
        Err(Failure::Error(error)) => {
            start::report(&error);
            crate::exit_status(error.kind())
        }
    }
}
