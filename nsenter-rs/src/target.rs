//! The target process, and its files in proc(5).

use std::cell::OnceCell;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use common::target::Target;
use common::{Context, Error, Hint, Result, denied, procfs};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open, openat, readlink};
use nix::sys::stat::{FileStat, Mode, fstat};
use nix::unistd::{Pid, getpid};

/// An open process. A later process may get its number, but never its descriptors.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    /// None for a thread before Linux 6.9.
    pidfd: Option<OwnedFd>,
    /// Its directory in /proc, opened when it is first needed.
    directory: OnceCell<OwnedFd>,
}

impl Process {
    /// Opens the target.
    pub fn open(target: Target) -> Result<Self> {
        match target.open() {
            Err(error) if error.errno() == Some(Errno::EINVAL) && !target.has_inode() => {
                Self::open_thread(target)
            }
            pidfd => {
                let pidfd = Some(pidfd.hint(explain_target)?);
                Ok(Self { pid: target.pid(), pidfd, directory: OnceCell::new() })
            }
        }
    }

    /// Opens a thread by its directory in /proc. The files in it never belong to a later thread with the same number.
    fn open_thread(target: Target) -> Result<Self> {
        let thread = Self { pid: target.pid(), pidfd: None, directory: OnceCell::new() };
        let directory = thread.open_own_directory()?;
        let own = readlink("/proc/self").context("read", "/proc/self")?;
        if own.to_str().and_then(|number| number.parse().ok()) != Some(getpid().as_raw()) {
            return Err(thread.of_another());
        }
        target.check_start()?;
        Ok(Self { directory: directory.into(), ..thread })
    }

    fn open_own_directory(&self) -> Result<OwnedFd> {
        let path = self.path("");
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        open(&path, flags, Mode::empty()).context("open", &path).hint(explain_proc)
    }

    fn of_another(&self) -> Error {
        Error::because("open", self.path(""), "it belongs to another process").with_hint(
            "/proc shows another PID namespace than that of this process: mount a proc of its own",
        )
    }

    /// Its directory in /proc. Checks that it is its own: /proc may have the numbers of another PID namespace.
    pub fn directory(&self) -> Result<&OwnedFd> {
        if let Some(directory) = self.directory.get() {
            return Ok(directory);
        }
        let directory = self.open_own_directory()?;
        if self.pidfd().and_then(procfs::number_of) != Some(self.pid) {
            return Err(self.of_another());
        }
        Ok(self.directory.get_or_init(|| directory))
    }

    /// The descriptor for setns(2). None for a thread before Linux 6.9.
    pub fn pidfd(&self) -> Option<BorrowedFd<'_>> {
        self.pidfd.as_ref().map(AsFd::as_fd)
    }

    /// The path of one of its files, for messages.
    pub fn path(&self, name: &str) -> PathBuf {
        let directory = format!("/proc/{}", self.pid);
        if name.is_empty() { directory.into() } else { Path::new(&directory).join(name) }
    }

    /// One of its files, or the target of a magic link.
    pub fn open_file(&self, name: &str, flags: OFlag) -> Result<OwnedFd> {
        openat(self.directory()?, name, flags | OFlag::O_CLOEXEC, Mode::empty())
            .context("open", self.path(name))
            .hint(|error| self.explain(error))
    }

    /// Its root or working directory.
    pub fn open_directory(&self, name: &str) -> Result<OwnedFd> {
        self.open_file(name, OFlag::O_PATH | OFlag::O_DIRECTORY)
    }

    /// The whole text of one of its files.
    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let mut text = Vec::new();
        File::from(self.open_file(name, OFlag::O_RDONLY)?)
            .read_to_end(&mut text)
            .map_err(|error| Error::from_io("read", self.path(name), &error))?;
        Ok(text)
    }

    /// The variables of its environment. If a name is there twice, the first one counts.
    pub fn environment(&self) -> Result<Vec<(OsString, OsString)>> {
        Ok(variables(&self.read("environ")?))
    }

    /// Its user and group, as ids of the user namespace that this process is in now.
    pub fn owner(&self) -> Result<FileStat> {
        fstat(self.directory()?).context("read the user of the process", self.pid.to_string())
    }

    /// Its label of a security module.
    pub fn label(&self) -> Result<Vec<u8>> {
        self.read("attr/current")
    }

    /// Its cgroups, as this process's cgroup namespace shows them.
    pub fn cgroups(&self) -> Result<Vec<u8>> {
        self.read("cgroup")
    }

    /// Its number.
    pub fn number(&self) -> Pid {
        self.pid
    }

    fn explain(&self, error: &Error) -> Option<String> {
        let pid = self.pid;
        match error.errno()? {
            Errno::EACCES | Errno::EPERM => Some(format!(
                "the process {pid} belongs to another user, or may do more than this one: this needs \
                 the capability CAP_SYS_PTRACE"
            )),
            Errno::ENOENT | Errno::ESRCH => Some(format!("the process {pid} has ended")),
            _ => None,
        }
    }
}

/// pidfd_open(2) asks for no capability.
fn explain_target(error: &Error) -> Option<String> {
    (error.errno() == Some(Errno::EPERM)).then(|| denied::filter_of("pidfd_open(2)")).flatten()
}

fn explain_proc(error: &Error) -> Option<String> {
    let mounted = Path::new("/proc/self").exists();
    (error.errno() == Some(Errno::ENOENT)).then(|| match mounted {
        true => "this /proc shows another PID namespace, or hides the process (hidepid)".into(),
        false => "proc is not mounted on /proc".into(),
    })
}

fn variables(environ: &[u8]) -> Vec<(OsString, OsString)> {
    let mut variables: Vec<(OsString, OsString)> = Vec::new();
    for entry in environ.split(|&byte| byte == 0) {
        let Some(at) = entry.iter().position(|&byte| byte == b'=').filter(|&at| at > 0) else {
            continue;
        };
        let part = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
        let (name, value) = (part(&entry[..at]), part(&entry[at + 1..]));
        if !variables.iter().any(|(known, _)| *known == name) {
            variables.push((name, value));
        }
    }
    variables
}

/// Sets the label for the next execve(2).
pub fn follow_label(label: &[u8]) -> Result<()> {
    const EXEC: &str = "attr/exec";
    File::from(procfs::open_own(EXEC, OFlag::O_WRONLY)?)
        .write_all(label)
        .map_err(|error| Error::from_io("write", EXEC, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_can_be_set() {
        let found = variables(b"A=1\0=x\0none\0A=2\0B=\0C=a=b\0");
        let text: Vec<_> =
            found.iter().map(|(n, v)| format!("{}={}", n.display(), v.display())).collect();
        assert_eq!(text, ["A=1", "B=", "C=a=b"]);
        assert!(variables(b"").is_empty());
    }
}
