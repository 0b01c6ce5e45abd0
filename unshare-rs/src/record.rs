//! What is written down of the child for others: `--pid-file` and `--info-fd`.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::os::fd::OwnedFd;

use common::{Context, Error, Result, sys};
use nix::fcntl::{AtFlags, OFlag, open};
use nix::sys::stat::{Mode, fstatat};
use nix::unistd::{Pid, write};

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

    /// Makes sure that the descriptor is there, and that COMMAND does not get it.
    pub fn check(&self) -> Result<()> {
        self.info.map_or(Ok(()), |fd| {
            sys::close_on_exec(fd).context("use the descriptor", fd.to_string())
        })
    }

    /// Opens what [`Record::write`] looks at.
    pub fn look(&self) -> Result<Sight> {
        const DIRECTORY: &str = "/proc/self/ns";
        if self.info.is_none() {
            return Ok(Sight(None));
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = open(DIRECTORY, flags, Mode::empty()).context("open", DIRECTORY)?;
        Ok(Sight(Some(directory)))
    }

    /// Writes all that is wanted, or nothing.
    pub fn write(&self, child: Pid, sight: &Sight) -> Result<()> {
        if let Some(file) = &self.pid_file {
            replace(file, &format!("{child}\n"))?;
        }
        self.write_info(child, sight).inspect_err(|_| self.withdraw())
    }

    /// Takes the pid file away again. What went through a descriptor is gone.
    pub fn withdraw(&self) {
        if let Some(file) = &self.pid_file {
            let _ = fs::remove_file(file);
        }
    }

    fn write_info(&self, child: Pid, sight: &Sight) -> Result<()> {
        let (Some(fd), Some(directory)) = (self.info, &sight.0) else { return Ok(()) };
        let text = info(child, directory)?;
        sys::borrow(fd)
            .and_then(|fd| write(fd, text.as_bytes()))
            .map(drop)
            .context("write to the descriptor", fd.to_string())
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
        let _ = write!(text, ", \"{}-namespace\": {inode}", kind.name);
    }
    text.push_str("}\n");
    Ok(text)
}

/// Puts a file with this text in the place of `path` in one step: nobody sees half of it.
fn replace(path: &OsString, text: &str) -> Result<()> {
    let mut draft = path.clone();
    draft.push(format!(".{}", std::process::id()));
    let written = fs::write(&draft, text).and_then(|()| fs::rename(&draft, path));
    written.map_err(|e| {
        let _ = fs::remove_file(&draft);
        Error::from_io("write the pid file", path, &e)
    })
}
