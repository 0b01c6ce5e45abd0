//! What is done with cgroups that others have made: all in them is signalled, or ended and removed.

use std::ffi::{OsStr, OsString};

use common::cgroup::group::Group;
use common::cgroup::remove;
use common::{Error, Result, quote, signal};
use nix::errno::Errno;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// All processes are killed, and the cgroups removed.
    Delete,
    /// All processes get this signal.
    Kill(i32),
}

/// The cgroups, by their directories.
#[derive(Debug, PartialEq, Eq)]
pub struct Removal {
    pub deed: Deed,
    pub directories: Vec<OsString>,
    pub failure_status: Option<u8>,
}

impl Deed {
    /// A signal by its name or number.
    pub fn kill(text: &OsStr) -> Result<Self> {
        let number = text.to_str().and_then(signal::number);
        number
            .map(Self::Kill)
            .ok_or_else(|| Error::usage(format!("unknown signal {}", quote(text))))
    }
}

impl Removal {
    pub fn run(&self) -> Result<u8> {
        self.carry_out().map_err(|error| error.with_failure_status(self.failure_status))?;
        Ok(0)
    }

    /// Those that are not there any more have come to what is asked for.
    fn carry_out(&self) -> Result<()> {
        let mut groups = Vec::new();
        for directory in &self.directories {
            match Group::open(directory) {
                Ok(group) => groups.push(group),
                Err(error) if matches!(error.errno(), Some(Errno::ENOENT | Errno::ENODEV)) => {}
                Err(error) => return Err(error),
            }
        }
        match self.deed {
            Deed::Delete => remove::remove(&groups),
            Deed::Kill(signal) => {
                groups.iter().try_for_each(remove::check)?;
                remove::kill(&groups, signal)
            }
        }
    }
}
