//! A hook: a program that runs while COMMAND waits at the gate, with the privileges of COMMAND.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::process::exit;
use std::time::{Duration, Instant};

use common::sys::{self, Change, Disposition, End};
use common::{Command, Context, Error, Result, shown, start};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{ForkResult, Pid, dup2_stderr, dup2_stdin, dup2_stdout, setpgid};

/// The program and its properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hook {
    timeout: Option<Duration>,
    path: OsString,
    arguments: Vec<OsString>,
    environment: Vec<CString>,
    input: Vec<u8>,
}

/// The number of bytes of its output that an error shows.
const SHOWN: usize = 400;

impl Hook {
    /// `timeout` is in seconds, 0 for no timeout. None if it is not a number.
    pub fn new(timeout: &[u8]) -> Option<Self> {
        let seconds: u64 = std::str::from_utf8(timeout).ok()?.parse().ok()?;
        Some(Self {
            timeout: (seconds > 0).then(|| Duration::from_secs(seconds)),
            ..Self::default()
        })
    }

    /// Sets a property. False if no property has this name.
    pub fn take(&mut self, name: &[u8], value: Vec<u8>) -> bool {
        match name {
            b"path" => self.path = OsString::from_vec(value),
            b"arg" => self.arguments.push(OsString::from_vec(value)),
            b"env" => match CString::new(value) {
                Ok(variable) => self.environment.push(variable),
                Err(_) => return false,
            },
            b"input" => self.input = value,
            _ => return false,
        }
        true
    }

    /// Runs it. Its process calls `confine` before it executes the program.
    pub fn run(&self, confine: impl FnOnce() -> Result<()>) -> Result<()> {
        let failed = |reason: String| Error::because("run the hook", &self.path, reason);
        let (input, mut output) = (memory(&self.input)?, memory(b"")?);
        // If SIGCHLD is ignored, the kernel keeps no status for wait(2).
        let sigchld =
            sys::set_disposition(libc::SIGCHLD, Disposition::Default).step("reset SIGCHLD")?;
        let end = match sys::fork().step("fork")? {
            ForkResult::Child => exit(self.become_it(&input, &output, confine)),
            ForkResult::Parent { child } => self.wait(child).step("wait for the hook"),
        };
        let _ = sys::set_disposition(libc::SIGCHLD, sigchld);
        match end? {
            Some(End::Exit(0)) => Ok(()),
            Some(End::Exit(status)) => {
                Err(failed(format!("exit status {status}{}", last(&mut output))))
            }
            Some(End::Signal(signal)) => {
                Err(failed(format!("signal {signal}{}", last(&mut output))))
            }
            None => {
                let seconds = self.timeout.unwrap_or_default().as_secs();
                Err(failed(format!("it has not ended within {seconds} seconds")))
            }
        }
    }

    /// The hook gets its own process group, so that a timeout ends its children too.
    fn become_it(&self, input: &File, output: &File, confine: impl FnOnce() -> Result<()>) -> i32 {
        let become_it = || -> Result<()> {
            setpgid(Pid::from_raw(0), Pid::from_raw(0)).step("make a process group")?;
            dup2_stdin(input)
                .and_then(|()| dup2_stdout(output))
                .and_then(|()| dup2_stderr(output))
                .step("redirect the streams")?;
            let command = self.command()?;
            sys::replace_environment(self.environment.clone());
            confine()?;
            command.look_up()?;
            Err(command.exec())
        };
        become_it().err().iter().for_each(start::report);
        127
    }

    fn command(&self) -> Result<Command> {
        let rest = self.arguments.iter().skip(1).cloned();
        let command = Command::new(std::iter::once(self.path.clone()).chain(rest).collect())
            .ok_or_else(|| Error::because("execute", &self.path, "it has no name"))?;
        Ok(match self.arguments.first() {
            Some(name) => command.with_name(name.clone()),
            None => command,
        })
    }

    /// None if the timeout ended it.
    fn wait(&self, child: Pid) -> nix::Result<Option<End>> {
        let in_time = match self.timeout {
            Some(timeout) => ends_within(child, timeout)?,
            None => true,
        };
        if !in_time {
            let _ = sys::kill(Pid::from_raw(-child.as_raw()), libc::SIGKILL);
            let _ = sys::kill(child, libc::SIGKILL);
        }
        loop {
            match sys::wait_change(child, true) {
                Ok(Some(Change::Ended(end))) => return Ok(in_time.then_some(end)),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno),
            }
        }
    }
}

fn ends_within(child: Pid, timeout: Duration) -> nix::Result<bool> {
    let pidfd = sys::pidfd_open(child, 0)?;
    let start = Instant::now();
    loop {
        let left = timeout.saturating_sub(start.elapsed());
        let wait = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        let mut descriptors = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
        match poll(&mut descriptors, wait) {
            Ok(0) if start.elapsed() >= timeout => return Ok(false),
            Ok(0) | Err(Errno::EINTR) => {}
            Ok(_) => return Ok(true),
            Err(errno) => return Err(errno),
        }
    }
}

/// A file in memory with this text.
fn memory(text: &[u8]) -> Result<File> {
    let make = || -> std::io::Result<File> {
        let mut file = File::from(unexecutable_memory()?);
        file.write_all(text)?;
        file.rewind()?;
        Ok(file)
    };
    make().map_err(|error| Error::from_io("make a file in memory for", "the hook", &error))
}

/// Since Linux 6.3 vm.memfd_noexec may require the flag. Older kernels do not know it.
fn unexecutable_memory() -> nix::Result<OwnedFd> {
    /// linux/memfd.h.
    const MFD_NOEXEC_SEAL: MFdFlags = MFdFlags::from_bits_retain(0x8);
    match memfd_create(c"hook", MFdFlags::MFD_CLOEXEC | MFD_NOEXEC_SEAL) {
        Err(Errno::EINVAL) => memfd_create(c"hook", MFdFlags::MFD_CLOEXEC),
        memory => memory,
    }
}

/// The end of its output, for an error.
fn last(output: &mut File) -> String {
    let mut read = || -> std::io::Result<Vec<u8>> {
        let length = output.metadata()?.len();
        output.seek(std::io::SeekFrom::Start(length.saturating_sub(SHOWN as u64)))?;
        let mut text = Vec::new();
        output.take(SHOWN as u64).read_to_end(&mut text)?;
        Ok(text)
    };
    let text = read().unwrap_or_default();
    let text = String::from_utf8_lossy(&text).trim().to_owned();
    if text.is_empty() { text } else { format!(": {}", shown(text)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(timeout: &str, script: &str) -> Hook {
        let mut hook = Hook::new(timeout.as_bytes()).unwrap();
        for (name, value) in [
            ("path", "/bin/sh"),
            ("arg", "name"),
            ("arg", "-c"),
            ("arg", script),
            ("env", "A=b c"),
            ("input", "{\"a\": 1}"),
        ] {
            assert!(hook.take(name.as_bytes(), value.into()));
        }
        hook
    }

    fn run(timeout: &str, script: &str) -> Option<String> {
        let result = hook(timeout, script).run(|| Ok(()));
        result.err().map(|error| error.to_string())
    }

    #[test]
    fn a_hook_gets_its_input_arguments_and_environment() {
        let script = r#"read -r line; [ "$line $0 $A ${HOME-none}" = '{"a": 1} name b c none' ]"#;
        assert_eq!(run("0", script), None);
    }

    #[test]
    fn what_a_failure_says() {
        let failed = |rest: &str| Some(format!("cannot run the hook '/bin/sh': {rest}"));
        assert_eq!(run("0", "exit 3"), failed("exit status 3"));
        assert_eq!(run("9", "echo a; echo b >&2; exit 3"), failed("exit status 3: a\\012b"));
        assert_eq!(run("0", "kill -9 $$"), failed("signal 9"));
        assert_eq!(run("1", "sleep 100 & sleep 100"), failed("it has not ended within 1 seconds"));
    }

    #[test]
    fn a_hook_that_cannot_be_confined_does_not_run() {
        let result = hook("0", "exit 0").run(|| Err(Error::bare("confine", Errno::EPERM)));
        assert!(result.unwrap_err().to_string().contains("cannot confine"));
    }

    #[test]
    fn timeouts() {
        assert!(
            Hook::new(b"").is_none() && Hook::new(b"-1").is_none() && Hook::new(b"1.5").is_none()
        );
        assert_eq!(Hook::new(b"0").unwrap().timeout, None);
    }
}
