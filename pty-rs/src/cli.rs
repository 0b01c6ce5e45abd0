//! Arguments in, an [`Action`] out.

use std::ffi::{OsStr, OsString, c_int};
use std::os::unix::ffi::OsStrExt;

use common::options::LongOptions;
use common::sys::pty::WindowSize;
use common::{Command, Error, Result, accounts, quote};
use lexopt::prelude::*;
use nix::unistd::{Gid, Uid};

use crate::cleanup;
use crate::handover::{Handover, Owner, Via};
use crate::local::Local;
use crate::pipes::Pipes;
use crate::receive::Receive;
use crate::socket::Connect;
use crate::status;

pub const VERSION: &str = concat!("pty-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: pty-rs [options] [COMMAND [ARG...]]

Run COMMAND (by default $SHELL or /bin/sh) on a pseudo-terminal of its own and relay it to the standard streams.

Instead of that:
      --receive FD           relay the terminal that COMMAND sends over its descriptor FD, a socket
      --send FD              make a terminal, send it over the descriptor FD, become COMMAND on it
      --console-socket PATH  as --send, over the socket PATH
      --pipes                no terminal for COMMAND: relay pipes instead

With --send and --console-socket:
      --root DIR             make the terminal in the /dev/pts of DIR, a root that is not trusted
      --console PATH         bind the terminal read-only on PATH in the root
      --owner UID[:GID]      the owner of the terminal
      --keep-stderr          do not change standard error
      --own                  COMMAND is a tool of this program: no path is looked up for it

With --console-socket alone:
      --connect FD           connect now, and become COMMAND with the connection as descriptor FD, for --send

Options:
      --size ROWSxCOLUMNS    the size of the terminal if the caller has none
      --remove-on-failure DIR
                             remove the directory DIR with its contents if COMMAND does not start
      --failure-status N     exit with N, not 1, when this program itself fails
  -h, --help                 display this help
  -V, --version              display version
";

/// The long options: none of them is a classic's.
const LONG: LongOptions = LongOptions { classic: &[], help: HELP };

/// What the command line asks for.
#[derive(Debug)]
pub enum Action {
    Help,
    Version,
    Local(Local),
    Receive(Receive),
    Handover(Handover),
    Connect(Connect),
    Pipes(Pipes),
}

/// What becomes of COMMAND's terminal.
#[derive(Debug)]
enum Mode {
    Local,
    Receive(c_int),
    Handover(Via),
    Pipes,
}

/// The options as they were typed.
#[derive(Debug, Default)]
struct Options {
    modes: Vec<(&'static str, Mode)>,
    root: Option<OsString>,
    console: Option<OsString>,
    owner: Option<Owner>,
    keep_stderr: bool,
    own: bool,
    connect: Option<c_int>,
    size: Option<WindowSize>,
    remove_on_failure: Option<OsString>,
}

/// Options stop at the first operand: all that follows belongs to COMMAND.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let mut options = Options::default();
    let mut words = Vec::new();
    while let Some(argument) = LONG.next(&mut parser)? {
        match argument {
            Long("receive") => {
                options.modes.push(("--receive", Mode::Receive(descriptor(&parser.value()?)?)));
            }
            Long("send") => {
                let via = Via::Descriptor(descriptor(&parser.value()?)?);
                options.modes.push(("--send", Mode::Handover(via)));
            }
            Long("console-socket") => {
                let via = Via::Path(parser.value()?);
                options.modes.push(("--console-socket", Mode::Handover(via)));
            }
            Long("pipes") => options.modes.push(("--pipes", Mode::Pipes)),
            Long("root") => options.root = Some(parser.value()?),
            Long("console") => options.console = Some(console(parser.value()?)?),
            Long("keep-stderr") => options.keep_stderr = true,
            Long("own") => options.own = true,
            Long("connect") => options.connect = Some(descriptor(&parser.value()?)?),
            Long("owner") => options.owner = Some(owner(&parser.value()?)?),
            Long("size") => options.size = Some(size(&parser.value()?)?),
            Long("remove-on-failure") => options.remove_on_failure = Some(parser.value()?),
            Long("failure-status") => status::set_failure(failure_status(&parser.value()?)?),
            Short('h') | Long("help") => return Ok(Action::Help),
            Short('V') | Long("version") => return Ok(Action::Version),
            Value(program) => {
                words.push(program);
                words.extend(parser.raw_args()?);
                break;
            }
            option => return Err(option.unexpected().into()),
        }
    }
    options.action(Command::new(words))
}

impl Options {
    fn action(mut self, command: Option<Command>) -> Result<Action> {
        if let [(one, _), (other, _), ..] = &self.modes[..] {
            return Err(Error::usage(format!("{one} and {other} exclude each other")));
        }
        let (name, mode) = self.modes.pop().unwrap_or(("", Mode::Local));
        self.check(name, &mode)?;
        cleanup::set(self.remove_on_failure.take());
        if let Some(number) = self.connect {
            return self.connect(number, mode, command);
        }
        let or_shell = |command: Option<Command>, arguments: &[&str]| {
            command.unwrap_or_else(|| Command::shell(arguments))
        };
        Ok(match mode {
            Mode::Local => {
                Action::Local(Local { size: self.size, command: or_shell(command, &["-i"]) })
            }
            Mode::Receive(fd) => {
                let none = || Error::usage("--receive needs a COMMAND that sends a terminal");
                Action::Receive(Receive { fd, command: command.ok_or_else(none)? })
            }
            Mode::Handover(via) => Action::Handover(Handover {
                via,
                root: self.root,
                console: self.console,
                owner: self.owner,
                size: self.size,
                keep_stderr: self.keep_stderr,
                own: self.own,
                command: or_shell(command, &["-i"]),
            }),
            Mode::Pipes => Action::Pipes(Pipes { command: or_shell(command, &[]) }),
        })
    }

    /// The terminal is made later, by another one.
    fn connect(&self, number: c_int, mode: Mode, command: Option<Command>) -> Result<Action> {
        let makes_one = self.root.is_some()
            || self.console.is_some()
            || self.owner.is_some()
            || self.keep_stderr
            || self.own
            || self.size.is_some();
        match (mode, command) {
            (Mode::Handover(Via::Path(path)), Some(command)) if !makes_one => {
                Ok(Action::Connect(Connect { path, number, command }))
            }
            (Mode::Handover(Via::Path(_)), None) => {
                Err(Error::usage("--connect needs a COMMAND that sends a terminal"))
            }
            _ => Err(Error::usage("--connect is for --console-socket alone")),
        }
    }

    /// Refuses the options that mean nothing in this mode.
    fn check(&self, name: &str, mode: &Mode) -> Result<()> {
        let given = [
            ("--root", self.root.is_some()),
            ("--console", self.console.is_some()),
            ("--owner", self.owner.is_some()),
            ("--keep-stderr", self.keep_stderr),
            ("--own", self.own),
        ];
        if !matches!(mode, Mode::Handover(_)) {
            if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
                return Err(Error::usage(format!("{option} needs --send or --console-socket")));
            }
        }
        if self.remove_on_failure.is_some() && matches!(mode, Mode::Handover(_)) {
            return Err(Error::usage(format!("{name} and --remove-on-failure exclude each other")));
        }
        match self.size.is_some() && matches!(mode, Mode::Receive(_) | Mode::Pipes) {
            true => Err(Error::usage(format!("{name} and --size exclude each other"))),
            false => Ok(()),
        }
    }
}

/// The standard streams are taken.
fn descriptor(text: &OsStr) -> Result<c_int> {
    let number = accounts::id(text.as_bytes()).and_then(|number| number.try_into().ok());
    number
        .filter(|&number| number > 2)
        .ok_or_else(|| Error::usage(format!("{} is not a file descriptor above 2", quote(text))))
}

fn console(path: OsString) -> Result<OsString> {
    let name = path.as_bytes().rsplit(|&byte| byte == b'/').next();
    match name {
        Some(b"" | b"." | b"..") | None => {
            Err(Error::usage(format!("--console: {} does not name a file", quote(path))))
        }
        _ => Ok(path),
    }
}

fn owner(text: &OsStr) -> Result<Owner> {
    let mut ids = text.as_bytes().splitn(2, |&byte| byte == b':').map(accounts::id);
    match (ids.next(), ids.next()) {
        (Some(Some(uid)), None) => Ok(Owner { uid: Uid::from_raw(uid), gid: None }),
        (Some(Some(uid)), Some(Some(gid))) => {
            Ok(Owner { uid: Uid::from_raw(uid), gid: Some(Gid::from_raw(gid)) })
        }
        _ => Err(Error::usage(format!("--owner: {} is not UID or UID:GID", quote(text)))),
    }
}

fn size(text: &OsStr) -> Result<WindowSize> {
    let mut numbers = text.as_bytes().splitn(2, |&byte| byte == b'x').map(|digits| {
        let number = accounts::id(digits)?;
        u16::try_from(number).ok()
    });
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(rows), Some(columns)) => Ok(WindowSize { rows, columns }),
        _ => Err(Error::usage(format!("--size: {} is not ROWSxCOLUMNS", quote(text)))),
    }
}

fn failure_status(text: &OsStr) -> Result<u8> {
    accounts::id(text.as_bytes())
        .and_then(|number| u8::try_from(number).ok())
        .filter(|&status| status > 0)
        .ok_or_else(|| {
            Error::usage(format!("--failure-status: {} is not from 1 to 255", quote(text)))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(arguments: &[&str]) -> Result<Action> {
        parse(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn options_stop_at_the_first_operand() {
        for arguments in [&["sh", "--pipes"][..], &["--", "sh", "--pipes"], &["sh", "--nosuch"]] {
            assert!(matches!(action(arguments), Ok(Action::Local(_))), "{arguments:?}");
        }
    }

    #[test]
    fn every_mode() {
        assert!(matches!(action(&[]), Ok(Action::Local(_))));
        assert!(matches!(action(&["--pipes"]), Ok(Action::Pipes(_))));
        let Ok(Action::Receive(receive)) = action(&["--receive", "5", "--", "sh"]) else {
            panic!()
        };
        assert_eq!(receive.fd, 5);
        let Ok(Action::Handover(handover)) = action(&[
            "--send=5",
            "--root",
            ".",
            "--console",
            "/dev/console",
            "--size",
            "24x80",
            "--owner",
            "7:8",
            "--",
            "sh",
        ]) else {
            panic!()
        };
        assert_eq!((handover.via, handover.root), (Via::Descriptor(5), Some(".".into())));
        assert_eq!(handover.console, Some("/dev/console".into()));
        assert_eq!(handover.size, Some(WindowSize { rows: 24, columns: 80 }));
        let owner = Owner { uid: Uid::from_raw(7), gid: Some(Gid::from_raw(8)) };
        assert_eq!(handover.owner, Some(owner));
        let Ok(Action::Handover(handover)) = action(&["--console-socket", "s"]) else { panic!() };
        assert_eq!((handover.via, handover.root), (Via::Path("s".into()), None));
        let arguments = &["--connect", "5", "--console-socket", "s", "--", "sh"];
        let Ok(Action::Connect(connect)) = action(arguments) else { panic!() };
        assert_eq!((connect.number, connect.path), (5, "s".into()));
    }

    #[test]
    fn wrong_command_lines() {
        for arguments in [
            &["-x"][..],
            &["--nosuch"],
            &["--receive"],
            &["--receive", "5"],
            &["--receive", "2", "sh"],
            &["--receive", "x", "sh"],
            &["--send", "-1", "sh"],
            &["--send", "5", "--receive", "6", "sh"],
            &["--send", "5", "--send", "6", "sh"],
            &["--send", "5", "--console-socket", "s", "sh"],
            &["--pipes", "--receive", "5", "sh"],
            &["--pipes", "--size", "1x1", "sh"],
            &["--receive", "5", "--size", "1x1", "sh"],
            &["--root", ".", "sh"],
            &["--console", "/c", "sh"],
            &["--owner", "7", "--pipes", "sh"],
            &["--send", "5", "--console", "", "sh"],
            &["--send", "5", "--console", "/dev/", "sh"],
            &["--send", "5", "--console", "..", "sh"],
            &["--keep-stderr", "sh"],
            &["--own", "sh"],
            &["--connect", "5", "sh"],
            &["--connect", "5", "--send", "6", "sh"],
            &["--connect", "5", "--console-socket", "s"],
            &["--connect", "2", "--console-socket", "s", "sh"],
            &["--connect", "5", "--console-socket", "s", "--size", "1x1", "sh"],
            &["--size", "24", "sh"],
            &["--size", "24x", "sh"],
            &["--size", "x80", "sh"],
            &["--size", "24x65536", "sh"],
            &["--size", "-1x80", "sh"],
            &["--size", "1x2x3", "sh"],
            &["--send", "5", "--owner", "ann", "sh"],
            &["--send", "5", "--owner", ":7", "sh"],
            &["--send", "5", "--owner", "7:", "sh"],
            &["--failure-status", "0", "sh"],
            &["--failure-status", "256", "sh"],
            &["--failure-status", "x", "sh"],
        ] {
            let error = action(arguments).expect_err(&format!("{arguments:?}"));
            assert_eq!(error.kind(), common::Kind::Usage, "{arguments:?}");
        }
    }
}
