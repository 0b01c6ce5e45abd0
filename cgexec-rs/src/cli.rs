//! Arguments in, an [`Action`] out.

use std::ffi::{OsStr, OsString};

use common::options::LongOptions;
use common::process::failure_status;
use common::{Command, Error, Result, accounts, quote};
use lexopt::prelude::*;

use crate::devices::Rules;
use crate::making::Create;
use crate::plan::Plan;
use crate::removal::{Deed, Removal};
use crate::setting::Setting;
use crate::target::Target;

pub const VERSION: &str = concat!("cgexec-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: cgexec-rs [options] COMMAND [ARG...]
       cgexec-rs --delete DIR...
       cgexec-rs --kill SIGNAL DIR...

Join cgroups and become COMMAND in them, or end the processes in the cgroups with the directories DIR.

The cgroups:
  -g [CONTROLLERS:]PATH      the cgroup PATH in the hierarchies of CONTROLLERS, by default all ('*')
      --create[=empty]       make it if it is missing; with =empty it must not hold processes
  -r, --set NAME=VALUE       write VALUE to its file NAME, such as pids.max
      --device-rules FILE    allow and deny devices: 'allow c 1:3 rwm', 'deny a *:* rwm', a rule a line
      --leaf NAME            put COMMAND into the sub-cgroup NAME, so that it cannot change these limits and rules

Joining:
      --sticky               tell the daemon of libcgroup to leave COMMAND's children in these cgroups
      --remove               run COMMAND as a child; when it ends, kill all processes in them, and remove them
      --list-fd N            do not join: give COMMAND a list of the cgroups on descriptor N

Other forms:
      --delete               kill all processes in the cgroups DIR and below them, and remove them
      --kill SIGNAL          send SIGNAL to all processes in them

Options:
      --remove-on-failure DIR
                             remove the directory DIR with its contents when this program itself fails
      --failure-status N     exit with N, not 1, when this program itself fails
  -h, --help                 display this help
  -V, --version              display version
";

/// The long options, and those of the classic among them.
const LONG: LongOptions = LongOptions { classic: CLASSIC, help: HELP };

const CLASSIC: &[&str] = &["sticky", "help", "version"];

/// What the command line asks for.
#[derive(Debug)]
pub enum Action {
    Help,
    Version,
    Run(Box<Plan>),
    Remove(Removal),
}

/// The options as they were typed.
#[derive(Debug, Default)]
struct Options {
    targets: Vec<Target>,
    sticky: bool,
    create: Create,
    settings: Vec<Setting>,
    rules: Option<Rules>,
    leaf: Option<OsString>,
    remove: bool,
    list: Option<i32>,
    remove_on_failure: Option<OsString>,
    deed: Option<Deed>,
    /// Whether there is an option that the other forms do not have.
    joins: bool,
}

/// Options stop at the first operand: all that follows belongs to COMMAND.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let mut status = None;
    read(&mut parser, &mut status).map_err(|error| error.with_failure_status(status))
}

fn read(parser: &mut lexopt::Parser, status: &mut Option<u8>) -> Result<Action> {
    let mut options = Options::default();
    let mut words = Vec::new();
    while let Some(argument) = LONG.next(parser)? {
        options.joins |= !matches!(
            argument,
            Long("delete" | "kill" | "failure-status" | "help" | "version")
                | Short('h' | 'V')
                | Value(_)
        );
        match argument {
            Long("delete") => options.do_once(Deed::Delete)?,
            Long("kill") => options.do_once(Deed::kill(&parser.value()?)?)?,
            Short('g') => options.targets.push(Target::parse(&parser.value()?)?),
            Long("create") => options.create = create(parser.optional_value().as_deref())?,
            Short('r') | Long("set") => options.settings.push(Setting::parse(&parser.value()?)?),
            Long("device-rules") => options.rules = Some(Rules { file: parser.value()? }),
            Long("leaf") => options.leaf = Some(leaf(parser.value()?)?),
            Long("remove") => options.remove = true,
            Long("sticky") => options.sticky = true,
            Long("list-fd") => options.list = Some(descriptor(&parser.value()?)?),
            Long("remove-on-failure") => options.remove_on_failure = Some(parser.value()?),
            Long("failure-status") => *status = Some(failure_status(&parser.value()?)?),
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
    if let Some(deed) = options.deed {
        return options.removal(deed, words, *status);
    }
    let command = Command::new(words).ok_or_else(|| Error::usage("missing operand: COMMAND"))?;
    options.finish(command, *status)
}

impl Options {
    fn do_once(&mut self, deed: Deed) -> Result<()> {
        match self.deed.replace(deed) {
            None => Ok(()),
            Some(_) => Err(Error::usage("only one of --delete and --kill can be given, once")),
        }
    }

    fn removal(
        &self,
        deed: Deed,
        directories: Vec<OsString>,
        failure_status: Option<u8>,
    ) -> Result<Action> {
        if self.joins {
            return Err(Error::usage("--delete and --kill take no options of the other form"));
        }
        if directories.is_empty() {
            return Err(Error::usage("missing operand: DIR"));
        }
        Ok(Action::Remove(Removal { deed, directories, failure_status }))
    }

    fn finish(self, command: Command, failure_status: Option<u8>) -> Result<Action> {
        if self.targets.is_empty() {
            return Err(Error::usage(
                "-g is missing: the rules of /etc/cgrules.conf are not followed",
            ));
        }
        let joins = [("--sticky", self.sticky), ("--remove", self.remove)];
        if let Some((option, _)) = joins.iter().find(|(_, given)| *given && self.list.is_some()) {
            return Err(Error::usage(format!("--list-fd and {option} exclude each other")));
        }
        if self.remove && self.remove_on_failure.is_some() {
            return Err(Error::usage("--remove and --remove-on-failure exclude each other"));
        }
        Ok(Action::Run(Box::new(Plan {
            targets: self.targets,
            sticky: self.sticky,
            create: self.create,
            settings: self.settings,
            rules: self.rules,
            leaf: self.leaf,
            remove: self.remove,
            list: self.list,
            remove_on_failure: self.remove_on_failure,
            failure_status,
            command,
        })))
    }
}

fn create(word: Option<&OsStr>) -> Result<Create> {
    match word {
        None => Ok(Create::Yes),
        Some(word) if word == "empty" => Ok(Create::Empty),
        Some(word) => Err(Error::usage(format!("--create: {} is not 'empty'", quote(word)))),
    }
}

/// A name that leads nowhere else.
fn leaf(name: OsString) -> Result<OsString> {
    let bytes = name.as_encoded_bytes();
    match matches!(bytes, b"" | b"." | b"..") || bytes.contains(&b'/') || bytes.contains(&b'\n') {
        true => {
            Err(Error::usage(format!("--leaf: {} is not the name of a sub-cgroup", quote(name))))
        }
        false => Ok(name),
    }
}

/// The standard streams are taken.
fn descriptor(text: &OsStr) -> Result<i32> {
    let number = accounts::id(text.as_encoded_bytes()).and_then(|number| number.try_into().ok());
    number
        .filter(|&number| number > 2)
        .ok_or_else(|| Error::usage(format!("{} is not a file descriptor above 2", quote(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_classic_may_be_shortened() {
        for (typed, full) in [("s", "sticky"), ("st", "sticky"), ("he", "help")] {
            assert_eq!(LONG.full(typed), Ok(full));
        }
        for typed in ["crea", "lea"] {
            assert!(LONG.full(typed).is_err(), "{typed}");
        }
    }

    fn plan(arguments: &[&str]) -> Result<Plan> {
        match parse(lexopt::Parser::from_args(arguments))? {
            Action::Run(plan) => Ok(*plan),
            action => panic!("{action:?}"),
        }
    }

    #[test]
    fn options_stop_at_the_first_operand() {
        let plan = plan(&["-g", "a", "sh", "--create"]).unwrap();
        assert_eq!(plan.create, Create::No);
        assert!(parse(lexopt::Parser::from_args(["-g", "a", "--", "-x"])).is_ok());
    }

    #[test]
    fn every_option() {
        let plan = plan(&[
            "-g",
            "cpu:a",
            "-g*:b",
            "--create=empty",
            "--set",
            "pids.max=1",
            "-r",
            "memory.max=2",
            "--list-fd=6",
            "--device-rules",
            "/dev/fd/8",
            "--failure-status",
            "7",
            "--",
            "sh",
        ])
        .unwrap();
        assert_eq!(plan.targets.len(), 2);
        assert_eq!((plan.create, plan.list), (Create::Empty, Some(6)));
        let names: Vec<_> = plan.settings.iter().map(|setting| setting.name.as_str()).collect();
        assert_eq!(names, ["pids.max", "memory.max"]);
        assert_eq!(plan.failure_status, Some(7));
        assert_eq!(plan.rules, Some(Rules { file: "/dev/fd/8".into() }));
    }

    #[test]
    fn wrong_command_lines() {
        for arguments in [
            &[][..],
            &["sh"],
            &["-g", "a"],
            &["-g", "cpu:", "sh"],
            &["-g", "cpu:a/../b", "sh"],
            &["-g", "a", "--create=yes", "sh"],
            &["-g", "a", "--set", "pids.max", "sh"],
            &["-g", "a", "--set", "tasks=1", "sh"],
            &["-g", "a", "--leaf", "", "sh"],
            &["-g", "a", "--leaf", "..", "sh"],
            &["-g", "a", "--leaf", "a/b", "sh"],
            &["-g", "a", "--list-fd", "2", "sh"],
            &["-g", "a", "--list-fd", "x", "sh"],
            &["-g", "a", "--list-fd", "6", "--sticky", "sh"],
            &["-g", "a", "--list-fd", "6", "--remove", "sh"],
            &["-g", "a", "--failure-status", "0", "sh"],
            &["-g", "a", "--nosuch", "sh"],
            &["--delete"],
            &["--delete", "-g", "a", "/a"],
            &["--delete", "--kill", "9", "/a"],
            &["--kill", "NOPE", "/a"],
            &["--kill", "9"],
            &["-g", "a", "-x", "sh"],
        ] {
            let error = plan(arguments).expect_err(&format!("{arguments:?}"));
            assert_eq!(error.kind(), common::Kind::Usage, "{arguments:?}");
        }
    }

    #[test]
    fn other_forms() {
        let removal = |arguments: &[&str]| match parse(lexopt::Parser::from_args(arguments)) {
            Ok(Action::Remove(removal)) => removal,
            action => panic!("{action:?}"),
        };
        let directories = vec!["/a".into(), "/b".into()];
        let delete = Removal { deed: Deed::Delete, directories, failure_status: None };
        assert_eq!(removal(&["--delete", "/a", "/b"]), delete);
        let kill = removal(&["--failure-status=7", "--kill", "sigterm", "--", "/a"]);
        assert_eq!((kill.deed, kill.failure_status), (Deed::Kill(15), Some(7)));
    }

    #[test]
    fn a_status_counts_for_what_is_wrong_behind_it() {
        let status = |arguments: &[&str]| plan(arguments).unwrap_err().status();
        assert_eq!(status(&["--failure-status=7", "-x"]), Some(7));
        assert_eq!(status(&["--failure-status=7", "sh"]), Some(7));
        assert_eq!(status(&["-x", "--failure-status=7"]), None);
    }
}
