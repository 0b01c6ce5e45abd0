//! What is written down of the child for others: `--pid-file` and `--info-fd`.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::OwnedFd;

use common::sys::{self, Disposition};
use common::{Context, Error, Result};
use nix::fcntl::{AtFlags, OFlag, open};
use nix::libc;
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::Pid;

use crate::namespaces::KINDS;

/// Where to write it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub pid_file: Option<OsString>,
    pub info: Option<i32>,
}

/// `/proc/self/ns`, opened before the child can mount another proc over it.
#[derive(Debug)]
pub struct Sight(Option<OwnedFd>);

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

    /// Opens what [`Record::write_info`] looks at.
    pub fn look(&self) -> Result<Sight> {
        const DIRECTORY: &str = "/proc/self/ns";
        if self.info.is_none() {
            return Ok(Sight(None));
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = open(DIRECTORY, flags, Mode::empty()).context("open", DIRECTORY)?;
        Ok(Sight(Some(directory)))
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
    pub fn write_info(&self, child: Pid, sight: &Sight) -> Result<()> {
        let (Some(fd), Some(directory)) = (self.info, &sight.0) else { return Ok(()) };
        let text = info(child, directory)?;
        let _ = sys::set_disposition(libc::SIGPIPE, Disposition::Ignore);
        let write =
            || File::from(sys::borrow(fd)?.try_clone_to_owned()?).write_all(text.as_bytes());
        write().map_err(|e| Error::from_io("write to the descriptor", fd.to_string(), &e))
    }
}

/// One JSON object: the child's pid, and the inode of each of its namespaces. The parent is in the
/// same ones, except for the two that begin with the child.
fn info(child: Pid, directory: &OwnedFd) -> Result<String> {
    let mut text = format!("{{\"child-pid\": {child}");
    for kind in &KINDS {
        let inode = fstatat(directory, kind.file, AtFlags::empty())
            .context("look at the namespace", kind.file)?
            .st_ino;
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
