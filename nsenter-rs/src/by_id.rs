//! A namespace by the id that the kernel gives it. No other namespace gets the same id until the machine restarts.

use std::ffi::{OsStr, OsString};
use std::fs::read_dir;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::{Error, Hint, Result, procfs, sys};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

use crate::namespaces::Kind;

/// The number of `:ID`. None if the text is a path.
pub fn id(text: &OsStr) -> Option<Option<u64>> {
    let digits = text.as_bytes().strip_prefix(b":")?;
    let number = std::str::from_utf8(digits).ok();
    let number = number.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    Some(number.and_then(|text| text.parse().ok()))
}

/// Opens the namespace. Before Linux 6.19 the kernel also needs its inode, which is only known through a process in it.
pub fn open_namespace(kind: &Kind, id: u64) -> Result<OwnedFd> {
    let failed = |errno| Error::new(step(kind), id.to_string(), errno);
    let opened = match sys::open_namespace(id) {
        Err(Errno::ESTALE | Errno::EBADF | Errno::EPERM | Errno::EOPNOTSUPP) => search(kind, id),
        opened => opened.map_err(failed),
    };
    opened.and_then(|file| match sys::namespace_type(file.as_fd()) {
        Ok(flag) if flag == kind.flag.bits() => Ok(file),
        _ => Err(Error::because(step(kind), id.to_string(), "it is a namespace of another type")),
    })
}

fn step(kind: &Kind) -> String {
    format!("find the {} namespace of the ID", kind.name)
}

/// Looks for the namespace among those of all processes that the caller may look at.
fn search(kind: &Kind, id: u64) -> Result<OwnedFd> {
    let because = |reason| Error::because(step(kind), id.to_string(), reason);
    let own = open_in("self".as_ref(), kind);
    if own.is_some_and(|own| sys::namespace_id(own.as_fd()) == Err(Errno::ENOTTY)) {
        return Err(because("this kernel gives namespaces no IDs: Linux 6.18 or later is needed"));
    }
    let processes =
        read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
    let is_number = |name: &OsString| name.as_bytes().iter().all(u8::is_ascii_digit);
    processes
        .filter(is_number)
        .filter_map(|name| open_in(&name, kind))
        .find(|file| sys::namespace_id(file.as_fd()) == Ok(id))
        .ok_or_else(|| {
            because("no process that the caller may look at is in a namespace with this ID")
        })
        .hint(|_| procfs::not_mounted())
}

fn open_in(process: &OsStr, kind: &Kind) -> Option<OwnedFd> {
    let path = [b"/proc/", process.as_bytes(), b"/", kind.file.as_bytes()].concat();
    open(OsStr::from_bytes(&path), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let id = |text: &str| id(OsStr::new(text));
        assert_eq!(id("/run/netns/a"), None);
        assert_eq!(id(":42"), Some(Some(42)));
        for wrong in [":", ":x", ":-1", ":+1", ":18446744073709551616"] {
            assert_eq!(id(wrong), Some(None), "{wrong}");
        }
    }
}
