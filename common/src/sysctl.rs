//! Kernel parameters (sysctl(8)), written in /proc/sys.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::Mode;
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::sethostname;

use crate::capability::{self, Namespace};
use crate::error::{Context, Error, Hint, Result, quote};
use crate::{procfs, sys};

const DIRECTORY: &str = "/proc/sys";

/// The file of a parameter, below /proc/sys. The first separator of a name is the one that separates, as in sysctl.d(5):
/// `net.ipv4.conf.eth0/1.forwarding` and `net/ipv4/conf/eth0.1/forwarding` are the same. None where a part is not the
/// name of a file.
#[must_use]
pub fn file(name: &str) -> Option<String> {
    let separator = name.chars().find(|&c| matches!(c, '.' | '/'));
    let file: String = match separator {
        Some('.') => name.chars().map(swapped).collect(),
        _ => name.to_owned(),
    };
    Some(file).filter(|file| is_file(file))
}

fn swapped(c: char) -> char {
    match c {
        '.' => '/',
        '/' => '.',
        c => c,
    }
}

fn is_file(file: &str) -> bool {
    !file.contains('\0') && file.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

/// A parameter, and what it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sysctl {
    name: String,
    file: String,
    value: Vec<u8>,
}

impl Sysctl {
    /// `NAME=VALUE`
    ///
    /// # Errors
    /// A usage error.
    pub fn parse(text: &OsStr) -> Result<Self> {
        let wrong =
            || Error::usage(format!("{} is not NAME=VALUE of a kernel parameter", quote(text)));
        let bytes = text.as_bytes();
        let equals = bytes.iter().position(|&byte| byte == b'=').ok_or_else(wrong)?;
        let name = std::str::from_utf8(&bytes[..equals]).map_err(|_| wrong())?;
        let file = file(name).ok_or_else(wrong)?;
        Ok(Self { name: name.to_owned(), file, value: bytes[equals + 1..].to_vec() })
    }
}

/// Parameters, and the directory that they are in: another root may come in between.
#[derive(Debug, Default)]
pub struct Sysctls<'a> {
    directory: Option<OwnedFd>,
    list: &'a [Sysctl],
}

impl<'a> Sysctls<'a> {
    /// # Errors
    /// Where proc is not mounted on /proc.
    pub fn open(list: &'a [Sysctl]) -> Result<Self> {
        if list.is_empty() {
            return Ok(Self::default());
        }
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        let directory = open(DIRECTORY, flags, Mode::empty()).context("open", DIRECTORY);
        let directory = directory.hint(|_| procfs::not_mounted())?;
        Ok(Self { directory: Some(directory), list })
    }

    /// Sets them in the namespaces of this process: the kernel looks there, and not at those of who opened the directory
    /// or mounted the proc.
    ///
    /// # Errors
    /// The first that cannot be set.
    pub fn set(&self) -> Result<()> {
        let Some(directory) = &self.directory else { return Ok(()) };
        self.list
            .iter()
            .try_for_each(|sysctl| sysctl.set(directory).hint(|e| explain(sysctl, e.errno()?)))
    }
}

impl Sysctl {
    fn set(&self, directory: &OwnedFd) -> Result<()> {
        let value = OsStr::from_bytes(&self.value);
        let failed = |errno| {
            Error::new(format!("set the kernel parameter {} to", quote(&self.name)), value, errno)
        };
        // Their files belong to the machine's root, but the root of another user namespace may set them.
        match self.file.as_str() {
            "kernel/hostname" => sethostname(value).map_err(failed),
            "kernel/domainname" => sys::setdomainname(value).map_err(failed),
            _ => self.write(directory),
        }
    }

    fn write(&self, directory: &OwnedFd) -> Result<()> {
        let resolve = ResolveFlag::RESOLVE_BENEATH
            | ResolveFlag::RESOLVE_NO_MAGICLINKS
            | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let how = OpenHow::new().flags(OFlag::O_WRONLY | OFlag::O_CLOEXEC).resolve(resolve);
        let step = "set the kernel parameter";
        let file = openat2(directory, self.file.as_str(), how).context(step, &self.name)?;
        let is_proc =
            fstatfs(file.as_fd()).is_ok_and(|fs| fs.filesystem_type() == PROC_SUPER_MAGIC);
        if !is_proc {
            return Err(Error::because(step, &self.name, "its file is not one of proc"));
        }
        File::from(file).write_all(&self.value).map_err(|e| {
            let value = OsStr::from_bytes(&self.value);
            Error::from_io(format!("set the kernel parameter {} to", quote(&self.name)), value, &e)
        })
    }
}

/// The namespaces that a parameter belongs to, by the beginning of its path. Others are the machine's.
const BELONGS: &[(&str, &Namespace)] = &[
    ("net/", &capability::NETWORK),
    ("kernel/msg", &capability::IPC),
    ("kernel/sem", &capability::IPC),
    ("kernel/shm", &capability::IPC),
    ("fs/mqueue/", &capability::IPC),
    ("kernel/hostname", &capability::UTS),
    ("kernel/domainname", &capability::UTS),
];

fn of_a_foreign_namespace(sysctl: &Sysctl) -> Option<String> {
    let (_, namespace) = BELONGS.iter().find(|row| sysctl.file.starts_with(row.0))?;
    capability::foreign(namespace)
}

fn explain(sysctl: &Sysctl, errno: Errno) -> Option<String> {
    match errno {
        Errno::ENOENT => {
            Some("this kernel has none of that name, or not in these namespaces".into())
        }
        Errno::EACCES | Errno::EPERM => of_a_foreign_namespace(sysctl).or_else(|| {
            Some("this needs to be root in the user namespace that its namespace belongs to".into())
        }),
        Errno::EROFS => Some("/proc/sys is read-only here".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_dots_and_slashes() {
        for (name, want) in [
            ("kernel.sem", Some("kernel/sem")),
            ("kernel/sem", Some("kernel/sem")),
            ("net.ipv4.conf.eth0/1.forwarding", Some("net/ipv4/conf/eth0.1/forwarding")),
            ("net/ipv4/conf/eth0.1/forwarding", Some("net/ipv4/conf/eth0.1/forwarding")),
            ("kernel", Some("kernel")),
            ("", None),
            (".", None),
            ("/kernel/sem", None),
            ("kernel//sem", None),
            ("net/../kernel/core_pattern", None),
            ("net.//.kernel.core_pattern", None),
            ("net.ipv4./.x", None),
            ("net.ipv4..x", None),
            ("net.x.", None),
        ] {
            assert_eq!(file(name).as_deref(), want, "{name}");
        }
    }

    #[test]
    fn assignments() {
        let sysctl = Sysctl::parse(OsStr::new("kernel.sem=1 2=3")).unwrap();
        assert_eq!((sysctl.file.as_str(), &sysctl.value[..]), ("kernel/sem", &b"1 2=3"[..]));
        assert!(Sysctl::parse(OsStr::new("a.b=")).unwrap().value.is_empty());
        for text in ["", "a.b", "=1", "net.//.x=1"] {
            assert!(Sysctl::parse(OsStr::new(text)).is_err(), "{text}");
        }
    }
}
