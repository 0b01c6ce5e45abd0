//! What is written down of the child for others: `--pid-file` and `--info-fd`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};

use common::sys::{self, Disposition};
use common::{Context, Error, Result};
use nix::libc;
use nix::sys::stat::stat;
use nix::unistd::Pid;

use crate::namespaces::KINDS;

/// Where to write it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub pid_file: Option<OsString>,
    pub info: Option<i32>,
}

impl Record {
    pub fn is_wanted(&self) -> bool {
        self.pid_file.is_some() || self.info.is_some()
    }

    /// Makes sure that the descriptor is there, and that COMMAND does not get it. Its standard streams
    /// it gets all the same.
    pub fn check(&self) -> Result<()> {
        let Some(fd) = self.info else { return Ok(()) };
        let usable = match fd {
            0..=2 => sys::borrow(fd).map(drop),
            _ => sys::close_on_exec(fd),
        };
        usable.context("use the descriptor", fd.to_string())
    }

    /// What [`Record::write_info`] is to write of the child, which is `number` in /proc.
    pub fn describe(&self, number: Pid, child: Pid) -> Result<Option<String>> {
        self.info.map(|_| describe(number, child)).transpose()
    }

    pub fn write_pid(&self, child: Pid) -> Result<()> {
        let Some(file) = &self.pid_file else { return Ok(()) };
        replace(file, &format!("{child}\n"))
            .map_err(|e| Error::from_io("write the pid file", file, &e))
    }

    pub fn remove_pid(&self) {
        if let Some(file) = &self.pid_file {
            let _ = fs::remove_file(file);
        }
    }

    /// A reader that is gone is an error, and not the end of this process in the middle of its work.
    pub fn write_info(&self, text: &str) -> Result<()> {
        let Some(fd) = self.info else { return Ok(()) };
        let _ = sys::set_disposition(libc::SIGPIPE, Disposition::Ignore);
        let write =
            || File::from(sys::borrow(fd)?.try_clone_to_owned()?).write_all(text.as_bytes());
        write().map_err(|e| Error::from_io("write to the descriptor", fd.to_string(), &e))
    }
}

/// One JSON object: the child's pid, and the inode of each of its namespaces.
fn describe(number: Pid, child: Pid) -> Result<String> {
    let mut text = format!("{{\"child-pid\": {child}");
    for kind in &KINDS {
        let file = format!("/proc/{number}/ns/{}", kind.name);
        let inode = stat(file.as_str()).context("look at the namespace", &file)?.st_ino;
        text += &format!(", \"{}-namespace\": {inode}", kind.name);
    }
    text.push_str("}\n");
    Ok(text)
}

/// Puts a file with this text in the place of `path` in one step: nobody sees half of it. The draft is
/// a new file, since in a directory that others write to its name may be taken by a symbolic link.
fn replace(path: &OsString, text: &str) -> io::Result<()> {
    let mut draft = path.clone();
    draft.push(format!(".{}", std::process::id()));
    let mut file = File::create_new(&draft)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| fs::rename(&draft, path));
    written.inspect_err(|_| drop(fs::remove_file(&draft)))
}
