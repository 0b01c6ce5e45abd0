//! The gate: the process waits between the set-up and COMMAND until a line tells it to go on.
//!
//! While it waits it has the credentials of the container already, so processes of the container may signal it. They cannot
//! trace it or use its open files: it is undumpable until it executes a program.

use std::ffi::{OsStr, c_int};
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::{Context, Error, Kind, Result, accounts, escape, quote, shown, sys};
use nix::libc;

use crate::hook::Hook;

/// The two descriptors of the command line: `go` to read lines from, `told` to write lines to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gate {
    go: c_int,
    told: c_int,
}

/// The descriptor to write lines to.
#[derive(Debug)]
pub struct Told(File);

/// The lines to read before COMMAND starts.
pub struct Words(BufReader<File>);

/// The limit for a line.
const LONGEST_LINE: usize = 64 << 20;

impl Gate {
    /// `GO,TOLD`.
    pub fn parse(text: &OsStr) -> Result<Self> {
        let parse = || {
            let (go, told) = text.to_str()?.split_once(',')?;
            let number = |text: &str| {
                let number = accounts::id(text.as_bytes())?.try_into().ok();
                number.filter(|number| *number > 2)
            };
            Some(Self { go: number(go)?, told: number(told)? })
        };
        let gate = parse().filter(|gate| gate.go != gate.told);
        gate.ok_or_else(|| {
            Error::usage(format!("{} is not two descriptor numbers above 2", quote(text)))
        })
    }

    /// No program inherits the descriptors.
    pub fn keep_from_others(self) -> Result<()> {
        for number in [self.go, self.told] {
            sys::close_on_exec(number).context("use the descriptor", number.to_string())?;
        }
        Ok(())
    }

    /// Moves the descriptors to numbers from `least` on.
    pub fn open(self, least: c_int) -> Result<(Words, Told)> {
        let open = |number| take(number, least).context("use the descriptor", number.to_string());
        Ok((Words(BufReader::new(open(self.go)?.into())), Told(open(self.told)?.into())))
    }
}

fn take(number: c_int, least: c_int) -> nix::Result<OwnedFd> {
    let descriptor = sys::borrow(number)?;
    let copy = sys::copy_from_number(descriptor, least)?;
    sys::close_copy(descriptor);
    Ok(copy)
}

impl AsFd for Words {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }
}

impl AsFd for Told {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Told {
    /// Writes a line.
    pub fn tell(&self, line: &str) -> Result<()> {
        let before = sys::set_disposition(libc::SIGPIPE, sys::Disposition::Ignore);
        let told = (&self.0).write_all(format!("{line}\n").as_bytes());
        let _ = before.map(|before| sys::set_disposition(libc::SIGPIPE, before));
        told.map_err(|error| Error::from_io("tell", line, &error))
    }

    /// Writes that COMMAND does not start. If COMMAND cannot be executed, it writes only the reason.
    pub fn tell_failure(&self, status: u8, error: &Error) -> Result<()> {
        let reason = match (error.kind(), error.errno()) {
            (Kind::CommandNotFound | Kind::CommandNotRunnable, Some(errno)) => errno.desc().into(),
            _ => error.to_string(),
        };
        self.tell(&format!("failed {status} {}", shown(reason)))
    }
}

impl Words {
    /// Waits for the line `go`. Calls `run` for each hook in the lines before it.
    pub fn follow(mut self, mut run: impl FnMut(&Hook) -> Result<()>) -> Result<()> {
        let mut hook = None;
        loop {
            let line = self.line()?;
            let (word, rest) = match line.iter().position(|&byte| byte == b' ') {
                Some(at) => (&line[..at], escape::decoded(&line[at + 1..])),
                None => (&line[..], Vec::new()),
            };
            let known = match (word, &mut hook) {
                (b"go", None) => return Ok(()),
                (b"hook", None) => {
                    hook = Hook::new(&rest);
                    hook.is_some()
                }
                (b"run", Some(_)) => {
                    hook.take().iter().try_for_each(&mut run)?;
                    true
                }
                (word, Some(hook)) => hook.take(word, rest),
                _ => false,
            };
            if !known {
                return Err(unknown(&line));
            }
        }
    }

    /// The next line, without its newline.
    fn line(&mut self) -> Result<Vec<u8>> {
        const STEP: &str = "wait at the gate";
        let mut line = Vec::new();
        self.0
            .by_ref()
            .take(LONGEST_LINE as u64)
            .read_until(b'\n', &mut line)
            .map_err(|error| Error::from_io(STEP, "go", &error))?;
        match line.pop() {
            Some(b'\n') => Ok(line),
            _ => Err(Error::because(STEP, "go", "the other side is gone")),
        }
    }
}

fn unknown(line: &[u8]) -> Error {
    Error::because("wait at the gate", OsStr::from_bytes(line), "it is not a word that is known")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_descriptors() {
        assert_eq!(Gate::parse("9,6".as_ref()), Ok(Gate { go: 9, told: 6 }));
        for wrong in ["", "9", "9,", "9,9", "9,2", "0,9", "-1,9", "9,6,7", "9, 6"] {
            assert!(Gate::parse(wrong.as_ref()).is_err(), "{wrong}");
        }
    }

    fn follow(text: &str) -> (Vec<Hook>, Option<String>) {
        let (reader, writer) = std::io::pipe().unwrap();
        (&writer).write_all(text.as_bytes()).unwrap();
        drop(writer);
        let words = Words(BufReader::new(File::from(OwnedFd::from(reader))));
        let mut hooks = Vec::new();
        let followed = words.follow(|hook| {
            hooks.push(hook.clone());
            Ok(())
        });
        (hooks, followed.err().map(|error| error.to_string()))
    }

    #[test]
    fn hooks_are_read_in_their_order() {
        let (hooks, error) = follow(
            "hook 5\npath /a\narg a\\012b\nrun\nhook 0\npath /b\nenv A=b\nrun\ngo\nhook 1\n",
        );
        assert_eq!(error, None);
        let mut first = Hook::new(b"5").unwrap();
        assert!(first.take(b"path", b"/a".into()) && first.take(b"arg", b"a\nb".into()));
        let mut second = Hook::new(b"0").unwrap();
        assert!(second.take(b"path", b"/b".into()) && second.take(b"env", b"A=b".into()));
        assert_eq!(hooks, [first, second]);
    }

    #[test]
    fn words_that_are_refused() {
        let (_, error) = follow("");
        assert_eq!(error.unwrap(), "cannot wait at the gate 'go': the other side is gone");
        for text in
            ["nosuch\n", "run\n", "path /a\n", "hook x\n", "hook 1\ngo\n", "hook 1\nhook 1\n"]
        {
            assert!(follow(text).1.unwrap().ends_with("it is not a word that is known"), "{text}");
        }
        assert!(follow("go").1.is_some(), "half a line");
    }
}
