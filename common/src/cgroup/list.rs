//! A list of cgroups as one tool hands it to the next: a line for each hierarchy, the absolute directory of the cgroup,
//! escaped as in fstab(5).

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use nix::errno::Errno;

use super::group::Group;
use crate::error::{Error, Result};
use crate::{escape, input};

/// The text of a list.
pub fn text<'a>(directories: impl IntoIterator<Item = &'a OsStr>) -> Vec<u8> {
    let mut text = Vec::new();
    for directory in directories {
        text.extend(escape::encoded(directory.as_bytes()));
        text.push(b'\n');
    }
    text
}

fn parse(text: &[u8]) -> impl Iterator<Item = OsString> {
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| OsString::from_vec(escape::decoded(line)))
}

/// Opens the cgroup `path`, or those that the list of that name holds. A descriptor of the caller's, `/dev/fd/N`, is not
/// inherited by COMMAND.
///
/// # Errors
/// Where a cgroup or the list cannot be opened, and where the list is empty.
pub fn open(path: &OsStr) -> Result<Vec<Group>> {
    match Group::open(path) {
        Ok(group) => return Ok(vec![group]),
        Err(error) if error.errno() == Some(Errno::ENOTDIR) => {}
        Err(error) => return Err(error),
    }
    let groups = parse(&input::read(path)?).map(Group::open).collect::<Result<Vec<_>>>()?;
    match groups.is_empty() {
        true => Err(Error::because("read the list of cgroups", path, "it is empty")),
        false => Ok(groups),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_gives_every_path_back() {
        let paths = ["/sys/fs/cgroup/a b", "/x\\040y", "/\t\n"].map(OsStr::new);
        let text = text(paths);
        assert_eq!(text, b"/sys/fs/cgroup/a\\040b\n/x\\134040y\n/\\011\\012\n");
        assert_eq!(parse(&text).collect::<Vec<_>>(), paths);
    }
}
