//! Information about the child for other programs: pid files, process files and `--info-fd`.

use common::record::{self, Record};
use common::{Context, Hint, Result, procfs, sys};
use nix::sys::stat::stat;
use nix::unistd::Pid;

use crate::kind::KINDS;

/// The places to write it to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ChildInfo {
    pub files: Record,
    /// The descriptor of `--info-fd`.
    pub descriptor: Option<i32>,
}

impl ChildInfo {
    pub fn is_wanted(&self) -> bool {
        self.files.is_wanted() || self.descriptor.is_some()
    }

    /// Checks the descriptors. COMMAND does not inherit that of `--info-fd`, unless it is a standard stream.
    pub fn check(&self) -> Result<()> {
        self.files.check()?;
        let Some(fd) = self.descriptor else { return Ok(()) };
        let usable = match fd {
            0..=2 => sys::borrow(fd).map(drop),
            _ => sys::close_on_exec(fd),
        };
        usable.context("use the descriptor", fd.to_string())
    }

    /// The text for `--info-fd`. The child has the number `number` in /proc.
    pub fn describe(&self, number: Pid, child: Pid) -> Result<Option<String>> {
        self.descriptor.map(|_| describe(number, child)).transpose()
    }

    pub fn write_description(&self, text: &str) -> Result<()> {
        self.descriptor.map_or(Ok(()), |fd| record::write_to(fd, text))
    }
}

/// One JSON object: the child's pid, and the inode of each of its namespaces.
fn describe(number: Pid, child: Pid) -> Result<String> {
    let mut text = format!("{{\"child-pid\": {child}");
    for kind in &KINDS {
        let file = format!("/proc/{number}/ns/{}", kind.name);
        let status = stat(file.as_str()).context("look at the namespace", &file);
        let inode = status.hint(|_| procfs::not_mounted())?.st_ino;
        text += &format!(", \"{}-namespace\": {inode}", kind.name);
    }
    text.push_str("}\n");
    Ok(text)
}
