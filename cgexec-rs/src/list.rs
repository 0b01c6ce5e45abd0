//! The list of the cgroups that COMMAND finds on a descriptor.

use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};

use common::cgroup::list;
use common::{Context, Result, sys};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{Whence, lseek, write};

/// A file in memory that COMMAND inherits.
#[derive(Debug)]
pub struct List {
    file: OwnedFd,
    number: i32,
}

impl List {
    /// Takes the descriptor `number`, in the place of one that the caller had. This comes before this program opens a file
    /// that is to stay open: that one could have the number.
    pub fn new(number: i32) -> Result<Self> {
        let make = || {
            let file = memfd_create(c"cgroups", MFdFlags::MFD_CLOEXEC)?;
            sys::hand_down(file.as_fd(), number)?;
            Ok(Self { file, number })
        };
        failed(make(), number)
    }

    /// Writes the list, to be read from its beginning.
    pub fn fill<'a>(&self, directories: impl IntoIterator<Item = &'a OsStr>) -> Result<()> {
        let text = list::text(directories);
        let filled = write(&self.file, &text).and_then(|_| lseek(&self.file, 0, Whence::SeekSet));
        failed(filled.map(drop), self.number)
    }
}

fn failed<T>(done: nix::Result<T>, number: i32) -> Result<T> {
    done.context("leave a list on descriptor", number.to_string())
}
