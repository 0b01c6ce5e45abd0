//! The command line, parsed into an [`Action`].

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use common::options::{LongOptions, refuse};
use common::process::failure_status;
use common::record::Record;
use common::sysctl::Sysctl;
use common::target::Target;
use common::{Command, Error, Result, accounts, quote};
use lexopt::prelude::*;

use crate::by_id;
use crate::credentials::{Credentials, Id};
use crate::enter::{Directory, Entry};
use crate::namespaces::KINDS;

pub const VERSION: &str = concat!("nsenter-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: nsenter-rs [options] [COMMAND [ARG...]]

Enter namespaces of another process and become COMMAND there; without COMMAND, $SHELL or /bin/sh.

Namespaces; with =FILE that of a file, with =:ID that of an id, otherwise that of the target:
  -t, --target PID           the process whose namespaces are entered; PID:INODE is never a later one
      --start-time TICKS     only if this is its start time: field 22 of /proc/PID/stat
  -a, --all                  all of its namespaces
  -m, --mount[=FILE]         the mount namespace
  -u, --uts[=FILE]           the UTS namespace (host name and domain name)
  -i, --ipc[=FILE]           the IPC namespace
  -n, --net[=FILE]           the network namespace
  -N, --net-socket FD        the network namespace of a socket of the target
  -p, --pid[=FILE]           the PID namespace, in which COMMAND runs as a child
  -U, --user[=FILE]          the user namespace, as its root
      --user-parent          the parent of that user namespace
  -C, --cgroup[=FILE]        the cgroup namespace
  -T, --time[=FILE]          the time namespace

User and groups (ID is a number, or follow for the target's):
  -S, --setuid ID            the user
  -G, --setgid ID            the group; no supplementary groups
      --preserve-credentials  do not change user and groups for --user
      --keep-caps            keep the user namespace's capabilities when COMMAND starts

Set-up (without =DIR: that of the target):
  -r, --root[=DIR]           the root directory
      --rootns=DIR           the root directory, as a path in the entered mount namespace
  -w, --wd[=DIR]             the working directory, opened before any namespace is entered
  -W, --wdns=DIR             the working directory, as a path in the new root
  -e, --env                  the environment of the target
      --sysctl NAME=VALUE    set a kernel parameter in the entered namespaces
  -c, --join-cgroup          join the cgroups of the target
  -Z, --follow-context       run COMMAND with the SELinux label of the target
  -F, --no-fork              become COMMAND without a fork; its children are in the PID namespace
      --new-session          give COMMAND, as a child, a session of its own, without a terminal
      --detach               exit with status 0 when COMMAND, as a child, has started
      --pid-file FILE        write the child's pid to FILE before COMMAND starts
      --process-file FILE    write a line with its pid and its start time to FILE
      --remove-on-failure DIR
                             with --no-fork: remove the directory DIR with its contents when this program fails
      --failure-status N     exit with N, not 1, when this program itself fails
      --carry                open COMMAND before anything changes: it need not be in the root

  -h, --help                 display this help
  -V, --version              display version
";

/// All long options: those of the classic may be shortened.
const LONG: LongOptions = LongOptions { classic: CLASSIC, help: HELP };

const CLASSIC: &[&str] = &[
    "all",
    "help",
    "version",
    "target",
    "mount",
    "uts",
    "ipc",
    "net",
    "net-socket",
    "pid",
    "user",
    "cgroup",
    "time",
    "setuid",
    "setgid",
    "root",
    "wd",
    "wdns",
    "env",
    "no-fork",
    "join-cgroup",
    "preserve-credentials",
    "keep-caps",
    "user-parent",
    "follow-context",
];

/// The meaning of the command line.
#[derive(Debug)]
pub enum Action {
    Help,
    Version,
    Enter(Box<Entry>),
}

/// The letters of options other than namespaces.
const LETTERS: [(char, &str); 13] = [
    ('t', "target"),
    ('a', "all"),
    ('N', "net-socket"),
    ('S', "setuid"),
    ('G', "setgid"),
    ('r', "root"),
    ('w', "wd"),
    ('W', "wdns"),
    ('e', "env"),
    ('c', "join-cgroup"),
    ('Z', "follow-context"),
    ('F', "no-fork"),
    ('h', "help"),
];

/// Options end at the first operand. The words after it belong to COMMAND.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let mut entry = nothing();
    let parsed = read(&mut parser, &mut entry);
    let status = entry.failure_status;
    parsed
        .and_then(|action| action.map_or_else(|| finish(entry), Ok))
        .map_err(|error| error.with_failure_status(status))
}

fn nothing() -> Box<Entry> {
    Box::new(Entry {
        target: None,
        all: false,
        namespaces: Vec::new(),
        net_socket: None,
        user_parent: false,
        credentials: Credentials::default(),
        preserve_credentials: false,
        root: None,
        root_inside: None,
        directory: None,
        directory_inside: None,
        environment: false,
        sysctls: Vec::new(),
        no_fork: false,
        new_session: false,
        start: None,
        remove_on_failure: None,
        failure_status: None,
        detach: false,
        record: Record::default(),
        join_cgroup: false,
        follow_context: false,
        carry: false,
        command: Command::login_shell(),
    })
}

/// Reads the command line up to its end, or up to `--help` or `--version`.
fn read(parser: &mut lexopt::Parser, entry: &mut Entry) -> Result<Option<Action>> {
    while let Some(argument) = LONG.next(parser)? {
        let name = match argument {
            Short('h') | Long("help") => return Ok(Some(Action::Help)),
            Short('V') | Long("version") => return Ok(Some(Action::Version)),
            Short(letter) => long_name(letter)?.to_owned(),
            Long(name) => name.to_owned(),
            Value(program) => {
                let words = std::iter::once(program).chain(parser.raw_args()?);
                if let Some(command) = Command::new(words.collect()) {
                    entry.command = command;
                }
                break;
            }
        };
        entry.option(&name, parser)?;
    }
    Ok(None)
}

fn finish(mut entry: Box<Entry>) -> Result<Action> {
    entry.target = entry.target.map(|target| target.started_at(entry.start));
    let has_child = entry.detach || entry.record.is_wanted();
    refuse(&[
        (
            entry.directory.is_some() && entry.directory_inside.is_some(),
            "--wd and --wdns exclude each other",
        ),
        (
            entry.root.is_some() && entry.root_inside.is_some(),
            "--root and --rootns exclude each other",
        ),
        (entry.no_fork && entry.new_session, "--no-fork and --new-session exclude each other"),
        (
            entry.no_fork && has_child,
            "--no-fork and --detach, --pid-file or --process-file exclude each other",
        ),
        (entry.start.is_some() && entry.target.is_none(), "--start-time needs a --target"),
        (
            entry.remove_on_failure.is_some() && !entry.no_fork,
            "--remove-on-failure needs --no-fork",
        ),
    ])?;
    Ok(Action::Enter(entry))
}

fn long_name(letter: char) -> Result<&'static str> {
    let kinds = KINDS.iter().map(|kind| (kind.letter, kind.option));
    let found = kinds.chain(LETTERS).find(|(known, _)| *known == letter);
    found.map(|(_, name)| name).ok_or_else(|| Short(letter).unexpected().into())
}

impl Entry {
    fn option(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<()> {
        if let Some(kind) = KINDS.iter().find(|kind| kind.option == name) {
            self.namespaces.push((kind, parser.optional_value().map(file).transpose()?));
            return Ok(());
        }
        match name {
            "target" if self.target.is_some() => {
                return Err(Error::usage("--target is given twice"));
            }
            "target" => self.target = Some(Target::parse(&parser.value()?)?),
            "net-socket" => self.net_socket = Some(descriptor(&parser.value()?)?),
            "start-time" => self.start = Some(ticks(&parser.value()?)?),
            "remove-on-failure" => self.remove_on_failure = Some(parser.value()?),
            "failure-status" => self.failure_status = Some(failure_status(&parser.value()?)?),
            "pid-file" => self.record.pid_files.push(parser.value()?),
            "process-file" => self.record.process_files.push(parser.value()?),
            "sysctl" => self.sysctls.push(Sysctl::parse(&parser.value()?)?),
            "setuid" => self.credentials.uid = Some(id(&parser.value()?)?),
            "setgid" => self.credentials.gid = Some(id(&parser.value()?)?),
            "root" => self.root = Some(directory(parser)),
            "rootns" => {
                let none = || Error::usage("--rootns needs a directory: --rootns=DIR");
                self.root_inside = Some(parser.optional_value().ok_or_else(none)?);
            }
            "wd" => self.directory = Some(directory(parser)),
            "wdns" => {
                let path = parser.optional_value();
                let none = || Error::usage("--wdns needs a directory: --wdns=DIR");
                self.directory_inside = Some(path.ok_or_else(none)?);
            }
            _ => *self.switch(name)? = true,
        }
        Ok(())
    }

    fn switch(&mut self, name: &str) -> Result<&mut bool> {
        Ok(match name {
            "all" => &mut self.all,
            "user-parent" => &mut self.user_parent,
            "preserve-credentials" => &mut self.preserve_credentials,
            "keep-caps" => &mut self.credentials.keep_capabilities,
            "env" => &mut self.environment,
            "no-fork" => &mut self.no_fork,
            "new-session" => &mut self.new_session,
            "detach" => &mut self.detach,
            "join-cgroup" => &mut self.join_cgroup,
            "follow-context" => &mut self.follow_context,
            "carry" => &mut self.carry,
            _ => return Err(Long(name).unexpected().into()),
        })
    }
}

/// A path, or `:ID` for a namespace by its id.
fn file(path: OsString) -> Result<OsString> {
    match by_id::id(&path) {
        Some(None) => Err(Error::usage(format!("{} is not :ID of a namespace", quote(&path)))),
        _ => Ok(path),
    }
}

fn directory(parser: &mut lexopt::Parser) -> Directory {
    parser.optional_value().map_or(Directory::Target, Directory::Path)
}

fn id(text: &OsStr) -> Result<Id> {
    match accounts::id(text.as_bytes()) {
        Some(number) => Ok(Id::Number(number)),
        None if text == "follow" => Ok(Id::Follow),
        None => Err(Error::usage(format!("{} is not a user or group id", quote(text)))
            .explain(|_| accounts::beyond(text))),
    }
}

fn ticks(text: &OsStr) -> Result<u64> {
    let number = text.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Error::usage(format!("{} is not a start time", quote(text))))
}

fn descriptor(text: &OsStr) -> Result<i32> {
    let number = accounts::id(text.as_bytes()).and_then(|number| number.try_into().ok());
    number.ok_or_else(|| Error::usage(format!("{} is not a file descriptor", quote(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_classic_may_be_shortened() {
        for (typed, full) in [
            ("preserve", "preserve-credentials"),
            ("ta", "target"),
            ("al", "all"),
            ("net-", "net-socket"),
            ("follow", "follow-context"),
            ("no", "no-fork"),
            ("j", "join-cgroup"),
        ] {
            assert_eq!(LONG.full(typed), Ok(full));
        }
        for typed in ["s", "carr", "sysc", "new", "u"] {
            assert!(LONG.full(typed).is_err(), "{typed}");
        }
    }

    fn entry(arguments: &[&str]) -> Result<Entry> {
        match parse(lexopt::Parser::from_args(arguments))? {
            Action::Enter(entry) => Ok(*entry),
            action => panic!("{action:?}"),
        }
    }

    fn refusal(arguments: &[&str]) -> String {
        let error = entry(arguments).unwrap_err();
        assert_eq!(error.kind(), common::Kind::Usage);
        error.to_string()
    }

    #[test]
    fn options_stop_at_the_first_operand() {
        let entry = entry(&["-t1", "-m", "sh", "-F", "--carry"]).unwrap();
        assert!(!entry.no_fork && !entry.carry && entry.namespaces.len() == 1);
    }

    #[test]
    fn every_namespace_has_its_options() {
        for kind in &KINDS {
            let short = format!("-{}", kind.letter);
            let long = format!("--{}", kind.option);
            for (arguments, path) in [
                (vec![short.clone()], None),
                (vec![format!("{short}/f")], Some("/f")),
                (vec![format!("{short}=/f")], Some("/f")),
                (vec![long.clone()], None),
                (vec![format!("{long}=/f")], Some("/f")),
            ] {
                let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
                let namespaces = entry(&arguments).unwrap().namespaces;
                assert_eq!(namespaces, [(kind, path.map(OsString::from))], "{arguments:?}");
            }
        }
    }

    #[test]
    fn every_letter_has_its_option() {
        for (letter, name) in LETTERS {
            assert_eq!(long_name(letter), Ok(name));
        }
        assert!(long_name('x').is_err());
    }

    #[test]
    fn directories() {
        let entry = entry(&["-r", "-w=/a"]).unwrap();
        assert_eq!(entry.root, Some(Directory::Target));
        assert_eq!(entry.directory, Some(Directory::Path("/a".into())));
        assert_eq!(refusal(&["-w", "-W/b"]), "--wd and --wdns exclude each other");
        assert_eq!(
            refusal(&["-F", "--new-session"]),
            "--no-fork and --new-session exclude each other"
        );
        assert_eq!(refusal(&["-W"]), "--wdns needs a directory: --wdns=DIR");
    }

    #[test]
    fn ids() {
        let credentials = entry(&["-S", "7", "--setgid=follow"]).unwrap().credentials;
        assert_eq!((credentials.uid, credentials.gid), (Some(Id::Number(7)), Some(Id::Follow)));
    }

    #[test]
    fn a_status_counts_for_what_is_wrong_behind_it() {
        let status = |arguments: &[&str]| entry(arguments).unwrap_err().status();
        assert_eq!(status(&["--failure-status=7", "-x"]), Some(7));
        assert_eq!(status(&["-x", "--failure-status=7"]), None);
    }

    #[test]
    fn wrong_command_lines() {
        for arguments in [
            &["-x"][..],
            &["-t"],
            &["-t", "0"],
            &["-t1", "-t2"],
            &["-S", "ann"],
            &["-G", "-1"],
            &["-N", "x"],
            &["--net=:x"],
            &["--env=x"],
            &["--start-time", "5"],
            &["-t1", "--start-time", "-5"],
            &["-F", "--detach"],
            &["-F", "--pid-file", "p"],
            &["--failure-status", "0"],
            &["--nosuch"],
        ] {
            refusal(arguments);
        }
    }
}
