//! Files that say which process was started.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;

use nix::libc;
use nix::unistd::{Pid, getpid};

use crate::error::{Context, Error, Hint, Result};
use crate::{procfs, sys};

/// Where a child is written down.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Files for its number, without a newline, as engines read it.
    pub pid_files: Vec<OsString>,
    /// Files for a line `NUMBER START`.
    pub process_files: Vec<OsString>,
    /// A descriptor for a line `process NUMBER START`, which COMMAND may inherit.
    pub process_descriptor: Option<i32>,
}

impl Record {
    /// Whether there is anything to write.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        *self != Self::default()
    }

    /// Makes sure that the descriptor is there.
    ///
    /// # Errors
    /// EBADF.
    pub fn check(&self) -> Result<()> {
        let usable = self
            .process_descriptor
            .map(|fd| sys::borrow(fd).context("use the descriptor", fd.to_string()));
        usable.transpose().map(drop)
    }

    /// Writes all of it, or none. The child must not have been waited for.
    ///
    /// # Errors
    /// Where a file cannot be written, and where the start of the child cannot be read.
    pub fn write(&self, child: Pid) -> Result<()> {
        if !self.is_wanted() {
            return Ok(());
        }
        let number = number_in_proc(child);
        let mut written = Vec::new();
        let all = self.write_files(number, &mut written).and_then(|()| self.write_line(number));
        // What stood there before, and was not replaced, stays.
        all.inspect_err(|_| written.iter().for_each(|file| drop(fs::remove_file(file))))
    }

    fn write_files<'a>(&'a self, number: Pid, written: &mut Vec<&'a OsString>) -> Result<()> {
        for file in &self.process_files {
            let text = format!("{number} {}\n", start_time(number)?);
            replace(file, &text).map_err(|e| Error::from_io("write the process file", file, &e))?;
            written.push(file);
        }
        for file in &self.pid_files {
            let text = number.to_string();
            replace(file, &text).map_err(|e| Error::from_io("write the pid file", file, &e))?;
            written.push(file);
        }
        Ok(())
    }

    fn write_line(&self, number: Pid) -> Result<()> {
        let Some(fd) = self.process_descriptor else { return Ok(()) };
        let text = format!("process {number} {}\n", start_time(number)?);
        write_to(fd, &text)
    }

    /// Takes the files away again.
    pub fn remove(&self) {
        for file in self.pid_files.iter().chain(&self.process_files) {
            let _ = fs::remove_file(file);
        }
    }
}

fn start_time(number: Pid) -> Result<u64> {
    procfs::start_time(number).hint(|_| procfs::not_mounted())
}

/// Writes to a descriptor of the caller's. A reader that is gone is an error, and not the end of this process in the
/// middle of its work.
///
/// # Errors
/// Those of write(2).
pub fn write_to(fd: i32, text: &str) -> Result<()> {
    let _ = sys::set_disposition(libc::SIGPIPE, sys::Disposition::Ignore);
    let write = || File::from(sys::borrow(fd)?.try_clone_to_owned()?).write_all(text.as_bytes());
    write().map_err(|e| Error::from_io("write to the descriptor", fd.to_string(), &e))
}

/// The number by which others know a child: that of `/proc`, which may be the proc of an outer PID namespace.
fn number_in_proc(child: Pid) -> Pid {
    let own = fs::read_link("/proc/self").ok().and_then(|number| number.to_str()?.parse().ok());
    if own == Some(getpid().as_raw()) {
        return child;
    }
    let number = || procfs::number_of(sys::pidfd_open(child, 0).ok()?.as_fd());
    number().unwrap_or(child)
}

/// Puts a file with this text in the place of `path` in one step: nobody sees half of it. The draft is
/// a new file, since in a directory that others write to its name may be taken by a symbolic link.
fn replace(path: &OsStr, text: &str) -> io::Result<()> {
    let mut draft = path.to_owned();
    draft.push(format!(".{}", std::process::id()));
    let mut file = File::create_new(&draft)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&draft, path));
    written.inspect_err(|_| drop(fs::remove_file(&draft)))
}
