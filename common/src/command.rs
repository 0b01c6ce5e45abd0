//! Becoming COMMAND: the last step of every chain loader.

use std::env;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, open, openat2};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{AccessFlags, execv, faccessat};

use crate::carry::Carried;
use crate::error::{Error, Kind, Result};
use crate::explain;
use crate::sys;
use crate::toolbox;

/// Where `execvp` looks when PATH is not set (glibc's `_CS_PATH`).
const DEFAULT_PATH: &str = "/bin:/usr/bin";

/// A command line to become: what is executed, and the arguments it is given.
#[derive(Debug)]
pub struct Command {
    program: OsString,
    argv: Vec<CString>,
    carried: Option<Carried>,
}

impl Command {
    /// The command line `words`; `None` if there are no words.
    #[must_use]
    pub fn new(words: Vec<OsString>) -> Option<Self> {
        let program = words.first()?.clone();
        Some(Self { program, argv: c_strings(words), carried: None })
    }

    /// `$SHELL`, else `/bin/sh`, with the given arguments.
    #[must_use]
    pub fn shell(arguments: &[&str]) -> Self {
        let program = shell_path();
        let words = std::iter::once(program.clone());
        let argv = c_strings(words.chain(arguments.iter().map(OsString::from)).collect());
        Self { program, argv, carried: None }
    }

    /// `$SHELL`, else `/bin/sh`, as a login shell: called with a `-` before its name, as
    /// util-linux's tools start the shell they fall back to.
    #[must_use]
    pub fn login_shell() -> Self {
        let program = shell_path();
        let mut arg0 = OsString::from("-");
        arg0.push(PathBuf::from(&program).file_name().unwrap_or(&program));
        Self { program, argv: c_strings(vec![arg0]), carried: None }
    }

    /// Finds the program and opens it now, so that [`Command::exec`] still reaches it after the root
    /// has changed, and so that nothing can write to it through the process that executes it. It should be
    /// statically linked: its interpreter is looked up in the new root.
    ///
    /// # Errors
    /// When the program is not found or may not be executed, or can be neither protected nor copied.
    pub fn carry(self) -> Result<Self> {
        let file = self.open().map_err(|errno| self.failure(errno))?;
        self.carry_file(file)
    }

    /// The same for a program that is open already.
    ///
    /// # Errors
    /// When it can be neither protected nor copied.
    pub fn carry_file(self, file: OwnedFd) -> Result<Self> {
        let carried = Carried::new(file, &self.program)
            .map_err(|error| error.with_kind(Kind::CommandNotRunnable))?;
        Ok(Self { carried: Some(carried), ..self })
    }

    /// The same command with another name for its program, which it gets as the first argument.
    #[must_use]
    pub fn with_name(mut self, name: OsString) -> Self {
        match self.argv.first_mut() {
            Some(first) => *first = c_string(name),
            None => self.argv.push(c_string(name)),
        }
        self
    }

    /// Makes sure, as far as can be seen without executing it, that the program is there and may be executed.
    ///
    /// It is not looked for through the magic links of /proc: what this process has open does not have to be of its
    /// root.
    ///
    /// # Errors
    /// What [`Command::exec`] would give, but EISDIR for a directory that is named, and ELOOP for a magic link.
    pub fn look_up(&self) -> Result<()> {
        let mut result = Errno::ENOENT;
        for path in candidates(&self.program) {
            match look_at(&path) {
                Ok(()) => return Ok(()),
                Err(errno) if is_path(&self.program) => result = errno,
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE) => {}
                Err(Errno::ENODEV | Errno::ETIMEDOUT) => {}
                Err(_) => result = Errno::EACCES,
            }
        }
        Err(self.failure(result))
    }

    /// The program, where it is found now.
    #[must_use]
    pub fn find(&self) -> Option<OwnedFd> {
        self.open().ok()
    }

    /// Becomes the command. Comes back only with the reason why that failed.
    #[must_use]
    pub fn exec(&self) -> Error {
        let errno = match &self.carried {
            Some(carried) => {
                toolbox::hand_on_carried(carried.file.as_fd(), &self.argv);
                sys::exec_descriptor(carried.program.as_fd(), &self.argv)
            }
            None => self.search_and_exec(),
        };
        self.failure(errno)
    }

    /// Goes on as the command in this process, which must be a tool of this very program; no path is looked up. Comes back
    /// only where it is not.
    #[must_use]
    pub fn go_on(&self) -> Error {
        toolbox::go_on(&self.argv);
        Error::because("go on as", &self.program, "this program does not hold that tool")
            .with_hint(
                "use the links to the one file that holds all tools, as 'install' makes them",
            )
            .with_kind(Kind::CommandNotFound)
    }

    /// What execvp(3) does, but that a program for another machine, or a script for one, is not given
    /// to the shell.
    fn search_and_exec(&self) -> Errno {
        let mut result = Errno::ENOENT;
        for path in candidates(&self.program) {
            toolbox::hand_on(&path, &self.argv);
            let Err(errno) = execv(&c_string(path.clone().into()), &self.argv);
            match errno {
                Errno::ENOEXEC if !explain::names_its_format(&path) => {
                    return self.exec_script(path);
                }
                errno if is_path(&self.program) => return errno,
                Errno::ENOENT | Errno::ENOTDIR | Errno::ESTALE => {}
                Errno::ENODEV | Errno::ETIMEDOUT => {}
                Errno::EACCES => result = errno,
                errno => return errno,
            }
        }
        result
    }

    /// A text without a `#!` line is the shell's.
    fn exec_script(&self, path: PathBuf) -> Errno {
        let mut argv = vec![c"/bin/sh".to_owned(), c_string(path.into())];
        argv.extend_from_slice(self.argv.get(1..).unwrap_or_default());
        let Err(errno) = execv(c"/bin/sh", &argv);
        errno
    }

    /// The program's descriptor, found as `execvp` would find it.
    fn open(&self) -> nix::Result<OwnedFd> {
        let mut result = Errno::ENOENT;
        for path in candidates(&self.program) {
            match open_executable(&path) {
                Ok(program) => return Ok(program),
                Err(Errno::ENOENT | Errno::ENOTDIR) if !is_path(&self.program) => {}
                Err(errno) => result = errno,
            }
        }
        Err(result)
    }

    /// The status follows the errno alone, as the classics have it: a program whose interpreter is
    /// missing is "not found" too, and the hint tells the difference.
    fn failure(&self, errno: Errno) -> Error {
        let kind = match errno {
            Errno::ENOENT => Kind::CommandNotFound,
            _ => Kind::CommandNotRunnable,
        };
        Error::new("execute", &self.program, errno).with_kind(kind).explain(|_| {
            if let Some(carried) = &self.carried {
                return explain::carried(carried.file.as_fd(), &self.program, errno);
            }
            candidates(&self.program).iter().find_map(|path| explain::program(path, errno))
        })
    }
}

fn shell_path() -> OsString {
    env::var_os("SHELL").filter(|s| !s.is_empty()).unwrap_or_else(|| "/bin/sh".into())
}

/// Whether the program is not searched for.
fn is_path(program: &OsStr) -> bool {
    program.as_bytes().contains(&b'/')
}

/// The paths at which `execvp` would look for `program`, in its order.
fn candidates(program: &OsStr) -> Vec<PathBuf> {
    if program.is_empty() || is_path(program) {
        return Vec::from_iter((!program.is_empty()).then(|| program.into()));
    }
    let path = env::var_os("PATH").unwrap_or_else(|| DEFAULT_PATH.into());
    env::split_paths(&path).map(|directory| directory.join(program)).collect()
}

/// Nothing is opened but the name: it may be a device.
fn look_at(path: &PathBuf) -> nix::Result<()> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let program = openat2(AT_FDCWD, path, how)?;
    match SFlag::from_bits_truncate(fstat(&program)?.st_mode) & SFlag::S_IFMT {
        SFlag::S_IFREG => faccessat(AT_FDCWD, path, AccessFlags::X_OK, AtFlags::AT_EACCESS),
        SFlag::S_IFDIR => Err(Errno::EISDIR),
        _ => Err(Errno::EACCES),
    }
}

/// The program is opened to be read where it can be, which tells more when it cannot be executed after
/// all; a FIFO is not waited for.
fn open_executable(path: &PathBuf) -> nix::Result<OwnedFd> {
    let readable = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let program = match open(path, readable, Mode::empty()) {
        Err(Errno::EACCES) => open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?,
        program => program?,
    };
    let format = SFlag::from_bits_truncate(fstat(&program)?.st_mode) & SFlag::S_IFMT;
    if format != SFlag::S_IFREG {
        return Err(Errno::EACCES);
    }
    faccessat(AT_FDCWD, path, AccessFlags::X_OK, AtFlags::AT_EACCESS)?;
    Ok(program)
}

fn c_strings(words: Vec<OsString>) -> Vec<CString> {
    words.into_iter().map(c_string).collect()
}

/// Arguments and environment come from the kernel as C strings and so hold no NUL.
fn c_string(word: OsString) -> CString {
    CString::new(word.into_vec()).unwrap_or_else(|e| {
        let end = e.nul_position();
        CStr::from_bytes_until_nul(&e.into_vec()[..=end]).unwrap_or_default().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_words_no_command() {
        assert!(Command::new(vec![]).is_none());
    }

    #[test]
    fn a_path_is_not_searched_for() {
        assert_eq!(candidates(OsStr::new("./a")), [PathBuf::from("./a")]);
        assert!(candidates(OsStr::new("")).is_empty());
    }

    #[test]
    fn a_program_is_looked_up_and_not_executed() {
        let errno = |program: &str| {
            let command = Command::new(vec![program.into()]).unwrap();
            command.look_up().err().and_then(|error| error.errno())
        };
        assert_eq!((errno("sh"), errno("/bin/sh")), (None, None));
        assert_eq!(errno(""), Some(Errno::ENOENT));
        assert_eq!(errno("no-such-program"), Some(Errno::ENOENT));
        assert_eq!(errno("/etc"), Some(Errno::EISDIR));
        assert_eq!(errno("/etc/passwd"), Some(Errno::EACCES));
        assert_eq!(errno("/dev/null"), Some(Errno::EACCES));
        assert_eq!(errno("/proc/self/exe"), Some(Errno::ELOOP));
    }

    #[test]
    fn carrying_needs_an_executable_file() {
        let carry = |path: &str| Command::new(vec![path.into()]).unwrap().carry();
        assert!(carry("/proc/self/exe").is_ok());
        assert_eq!(carry("/no/such").unwrap_err().kind(), Kind::CommandNotFound);
        assert_eq!(carry("/etc/passwd").unwrap_err().kind(), Kind::CommandNotRunnable);
        assert_eq!(carry("/").unwrap_err().kind(), Kind::CommandNotRunnable);
    }
}
