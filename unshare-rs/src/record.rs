//! What is written down of the child for others: files, and `--info-fd`.

use common::record::{self, Record as Files};
use common::{Context, Result, sys};
use nix::sys::stat::stat;
use nix::unistd::Pid;

use crate::kind::KINDS;

/// Where to write it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Record {
    pub files: Files,
    pub info: Option<i32>,
}

impl Record {
    pub fn is_wanted(&self) -> bool {
        self.files.is_wanted() || self.info.is_some()
    }

    /// Makes sure that the descriptors are there, and that COMMAND does not get that of the information. Its standard
    /// streams it gets all the same.
    pub fn check(&self) -> Result<()> {
        self.files.check()?;
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

    pub fn write_info(&self, text: &str) -> Result<()> {
        self.info.map_or(Ok(()), |fd| record::write_to(fd, text))
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
