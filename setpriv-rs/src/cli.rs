//! The command line, parsed into an [`Action`].

use std::ffi::{OsStr, OsString, c_int};
use std::os::unix::ffi::OsStrExt;

use common::options::{LongOptions, refuse};
use common::process::failure_status;
use common::{Command, Error, Result, quote};
use lexopt::prelude::*;

use crate::capabilities::{self, Change};
use crate::death_signal::DeathSignal;
use crate::descriptor;
use crate::environment::{Base, Environment, Home, Source};
use crate::filter;
use crate::gate::Gate;
use crate::identity::{Groups, Request};
use crate::label::Labels;
use crate::landlock::{Landlock, List};
use crate::privileges::Privileges;
use crate::range::{Move, Range};
use crate::securebits::Securebits;
use crate::sets::Capabilities;
use crate::tracer::Tracer;

pub const VERSION: &str = concat!("setpriv-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: setpriv-rs [options] COMMAND [ARG...]

Change user, groups, capabilities and other privileges, then become COMMAND.

User and groups (USER and GROUP are numbers, or names in /etc/passwd and /etc/group):
      --reuid USER             the real and the effective user
      --ruid USER              the real user
      --euid USER              the effective user
      --regid GROUP            the real and the effective group
      --rgid GROUP             the real group
      --egid GROUP             the effective group
      --clear-groups           no supplementary groups
      --keep-groups            the supplementary groups stay
      --init-groups            the supplementary groups of the user in /etc/group
      --groups LIST            these supplementary groups, separated by commas

Capabilities (LIST is +CAP and -CAP, separated by commas; +all and -all mean all of them):
      --bounding-set LIST      the bounding set
      --permitted-caps LIST    the permitted set
      --effective-caps LIST    the effective set
      --inh-caps LIST          the inheritable set
      --ambient-caps LIST      the ambient set
      --lenient-caps           leave out capabilities that cannot be granted, with a warning

Other privileges:
      --no-new-privs, --nnp    COMMAND gains no privileges by set-user-ID bits or file capabilities
      --securebits LIST        +BIT and -BIT, separated by commas
      --pdeathsig SIGNAL       the signal when the parent ends; 'keep' or 'clear'
      --ptracer PID            the process that may trace COMMAND under Yama; 'any' or 'none'
      --selinux-label LABEL    run COMMAND with this SELinux label
      --apparmor-profile NAME  run COMMAND under this AppArmor profile
      --new-keyring            a new, empty session keyring
      --default-signals        no signal is ignored or blocked

Fences (all but --seccomp-rules set no_new_privs):
      --landlock-access TYPE   deny fs, net or scope, or with the suffix :RIGHT,... only these rights
      --landlock-rule RULE     allow it for one place: path-beneath:RIGHT,...:PATH or net-port:RIGHT,...:PORT
      --landlock-support       list what this kernel's Landlock has
      --list-landlock-access   list the types of --landlock-access
      --list-landlock-rights TYPE
                               list the rights of a type
      --seccomp-filter FILE    load this BPF program as a filter of system calls
      --seccomp-rules FILE     the same from a text: one rule a line

Descriptors:
      --close-fds              only standard input, output and error, none of which may be a directory
      --pass-fds FROM:COUNT    those from FROM on become 3, 4 and so on, with --close-fds
      --move-fds FROM:COUNT:TO  those from FROM on become TO and so on, before anything else
      --stderr-fd N            N becomes standard error when all is set up
      --program-fd N           COMMAND is the program that N is open on, and only its name is given

The gate:
      --gate-fds PAIR          GO,TOLD: find COMMAND, write a line to TOLD, and wait for a line from GO

Environment:
      --clear-env              nothing
      --reset-env              nothing but TERM, and HOME, SHELL, USER, LOGNAME, PATH of the user
      --setenv NAME=VALUE      this variable, whatever it was before
      --env-fd N               the same for each line of descriptor N; \\012 is a newline, \\134 a backslash
      --set-home[=always]      HOME of the user, or '/', if HOME is unset or empty, or always

  -a, --argv0 NAME             give COMMAND this name
      --failure-status N       exit with N, not 127 or 1, when this program itself fails
      --list-caps              list the capabilities of this kernel
  -d, --dump                   show the present state; given two or three times: more of it
  -h, --help                   display this help
  -V, --version                display version
";

/// All long options: those of the classic may be shortened.
const LONG: LongOptions = LongOptions { classic: CLASSIC, help: HELP };

const CLASSIC: &[&str] = &[
    "dump",
    "nnp|no-new-privs",
    "inh-caps",
    "list-caps",
    "ambient-caps",
    "ruid",
    "euid",
    "rgid",
    "egid",
    "reuid",
    "regid",
    "clear-groups",
    "keep-groups",
    "init-groups",
    "groups",
    "bounding-set",
    "securebits",
    "pdeathsig",
    "ptracer",
    "selinux-label",
    "apparmor-profile",
    "landlock-access",
    "landlock-rule",
    "landlock-support",
    "list-landlock-access",
    "list-landlock-rights",
    "seccomp-filter",
    "help",
    "reset-env",
    "version",
];

/// The meaning of the command line.
#[derive(Debug)]
pub enum Action {
    Help,
    Version,
    ListCapabilities,
    ListLandlock(List),
    Dump(u32),
    Run(Box<Privileges>),
}

/// The options as they were typed.
#[derive(Debug, Default)]
struct Options {
    identity: Request,
    capabilities: Capabilities,
    securebits: Option<Securebits>,
    no_new_privs: Option<()>,
    death_signal: Option<DeathSignal>,
    tracer: Option<Tracer>,
    labels: Labels,
    landlock: Landlock,
    filter: Option<filter::Source>,
    environment: Environment,
    close_fds: bool,
    pass_fds: Option<Range>,
    move_fds: Option<Move>,
    stderr: Option<c_int>,
    gate: Option<Gate>,
    argv0: Option<OsString>,
    program: Option<c_int>,
    unknown_capabilities: Vec<String>,
    lenient_capabilities: bool,
    new_keyring: bool,
    default_signals: bool,
    failure_status: Option<u8>,
    command: Option<Command>,
    list_caps: Option<()>,
    list_landlock: Option<List>,
    dump: u32,
    count: usize,
}

/// Options end at the first operand. The words after it belong to COMMAND.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let mut options = Options::default();
    let parsed = options.read(&mut parser);
    let status = options.failure_status;
    let action = parsed.and_then(|action| action.map_or_else(|| options.action(), Ok));
    action.map_err(|error| error.with_failure_status(status))
}

impl Options {
    /// Reads the command line up to its end, or up to `--help` or `--version`.
    fn read(&mut self, parser: &mut lexopt::Parser) -> Result<Option<Action>> {
        let program = loop {
            match LONG.next(parser)? {
                Some(Short('h') | Long("help")) => return Ok(Some(Action::Help)),
                Some(Short('V') | Long("version")) => return Ok(Some(Action::Version)),
                Some(Short('d') | Long("dump")) => self.dump += 1,
                Some(Short('a')) => self.long("argv0", parser)?,
                Some(Long(name)) => {
                    let name = name.to_owned();
                    self.long(&name, parser)?;
                }
                Some(Value(operand)) => break Some(operand),
                Some(option) => return Err(option.unexpected().into()),
                None => break None,
            }
        };
        self.command = Command::new(program.into_iter().chain(parser.raw_args()?).collect());
        Ok(None)
    }

    fn long(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<()> {
        self.count += 1;
        let identity = &mut self.identity;
        let capabilities = &mut self.capabilities;
        let unknown = &mut self.unknown_capabilities;
        match name {
            "ruid" => once(&mut identity.ruid, name, parser.value()?),
            "euid" => once(&mut identity.euid, name, parser.value()?),
            "reuid" => {
                let user = parser.value()?;
                once(&mut identity.ruid, name, user.clone())?;
                once(&mut identity.euid, name, user)
            }
            "rgid" => once(&mut identity.rgid, name, parser.value()?),
            "egid" => once(&mut identity.egid, name, parser.value()?),
            "regid" => {
                let group = parser.value()?;
                once(&mut identity.rgid, name, group.clone())?;
                once(&mut identity.egid, name, group)
            }
            "clear-groups" => once_groups(&mut identity.groups, Groups::Clear),
            "keep-groups" => once_groups(&mut identity.groups, Groups::Keep),
            "init-groups" => once_groups(&mut identity.groups, Groups::Init),
            "groups" => once_groups(&mut identity.groups, Groups::List(words(&parser.value()?))),
            "bounding-set" => once(&mut capabilities.bounding, name, change(parser, unknown)?),
            "permitted-caps" => once(&mut capabilities.permitted, name, change(parser, unknown)?),
            "effective-caps" => once(&mut capabilities.effective, name, change(parser, unknown)?),
            "inh-caps" => once(&mut capabilities.inheritable, name, change(parser, unknown)?),
            "ambient-caps" => once(&mut capabilities.ambient, name, change(parser, unknown)?),
            "no-new-privs" | "nnp" => once(&mut self.no_new_privs, "no-new-privs", ()),
            "securebits" => {
                once(&mut self.securebits, name, Securebits::parse(&text(&parser.value()?)?)?)
            }
            "pdeathsig" => {
                once(&mut self.death_signal, name, DeathSignal::parse(&text(&parser.value()?)?)?)
            }
            "lenient-caps" => flag(&mut self.lenient_capabilities),
            "new-keyring" => flag(&mut self.new_keyring),
            "default-signals" => flag(&mut self.default_signals),
            "close-fds" => flag(&mut self.close_fds),
            "pass-fds" => once(&mut self.pass_fds, name, Range::parse(&parser.value()?)?),
            "move-fds" => once(&mut self.move_fds, name, Move::parse(&parser.value()?)?),
            "stderr-fd" => once(&mut self.stderr, name, descriptor::number(&parser.value()?)?),
            "program-fd" => once(&mut self.program, name, descriptor::number(&parser.value()?)?),
            "gate-fds" => once(&mut self.gate, name, Gate::parse(&parser.value()?)?),
            "argv0" => once(&mut self.argv0, name, parser.value()?),
            "failure-status" => {
                once(&mut self.failure_status, name, failure_status(&parser.value()?)?)
            }
            "clear-env" => self.environment(Base::Clear),
            "reset-env" => self.environment(Base::Reset),
            "setenv" => {
                let assignment = Environment::assignment(&parser.value()?)?;
                self.environment.set.push(Source::Assignment(assignment));
                Ok(())
            }
            "env-fd" => {
                self.environment.set.push(Source::descriptor(&parser.value()?)?);
                Ok(())
            }
            "set-home" => {
                self.environment.home = Home::parse(parser.optional_value().as_deref())?;
                Ok(())
            }
            "landlock-support" => once(&mut self.list_landlock, name, List::Support),
            "list-landlock-access" => once(&mut self.list_landlock, name, List::Access),
            "list-landlock-rights" => {
                once(&mut self.list_landlock, name, List::rights(&parser.value()?)?)
            }
            "list-caps" => once(&mut self.list_caps, name, ()),
            "ptracer" => once(&mut self.tracer, name, Tracer::parse(&text(&parser.value()?)?)?),
            "selinux-label" => once(&mut self.labels.selinux, name, parser.value()?),
            "apparmor-profile" => once(&mut self.labels.apparmor, name, parser.value()?),
            "landlock-access" => self.landlock.restrict(&parser.value()?),
            "landlock-rule" => self.landlock.allow(&parser.value()?),
            "seccomp-filter" => self.filter(name, filter::Source::Program(parser.value()?)),
            "seccomp-rules" => self.filter(name, filter::Source::Rules(parser.value()?)),
            _ => Err(Long(name).unexpected().into()),
        }
    }

    fn filter(&mut self, name: &str, source: filter::Source) -> Result<()> {
        match self.filter.as_ref().map(std::mem::discriminant) {
            Some(kind) if kind != std::mem::discriminant(&source) => {
                Err(Error::usage("only one of --seccomp-filter and --seccomp-rules can be given"))
            }
            _ => once(&mut self.filter, name, source),
        }
    }

    fn environment(&mut self, base: Base) -> Result<()> {
        match std::mem::replace(&mut self.environment.base, base) {
            Base::Keep => Ok(()),
            _ => Err(Error::usage("only one of --clear-env and --reset-env can be given")),
        }
    }

    fn action(self) -> Result<Action> {
        if let Some((name, others, action)) = self.standing_alone() {
            return match others == 0 && self.command.is_none() {
                true => Ok(action),
                false => Err(Error::usage(format!("{name} stands alone"))),
            };
        }
        self.check()?;
        let command = self.command.ok_or_else(|| Error::usage("missing operand: COMMAND"))?;
        let command = match self.argv0 {
            Some(name) => command.with_name(name),
            None => command,
        };
        Ok(Action::Run(Box::new(Privileges {
            identity: self.identity,
            capabilities: self.capabilities,
            securebits: self.securebits,
            no_new_privs: self.no_new_privs.is_some(),
            death_signal: self.death_signal,
            tracer: self.tracer,
            labels: self.labels,
            landlock: self.landlock,
            filter: self.filter,
            environment: self.environment,
            close_fds: self.close_fds,
            pass_fds: self.pass_fds,
            move_fds: self.move_fds,
            stderr: self.stderr,
            program: self.program,
            gate: self.gate,
            unknown_capabilities: self.unknown_capabilities,
            lenient_capabilities: self.lenient_capabilities,
            new_keyring: self.new_keyring,
            default_signals: self.default_signals,
            failure_status: self.failure_status,
            command,
        })))
    }

    /// The action of an option that excludes all others, with the option's name and the number of the others.
    fn standing_alone(&self) -> Option<(&'static str, usize, Action)> {
        let row = |name, action| (name, self.count - 1, action);
        match (self.dump, self.list_caps, self.list_landlock) {
            (1.., ..) => Some(("--dump", self.count, Action::Dump(self.dump))),
            (_, Some(()), _) => Some(row("--list-caps", Action::ListCapabilities)),
            (.., Some(list)) => Some(row("a list of Landlock", Action::ListLandlock(list))),
            _ => None,
        }
    }

    /// Refuses options that exclude or need each other.
    fn check(&self) -> Result<()> {
        let Request { ruid, rgid, egid, groups, .. } = &self.identity;
        refuse(&[
            // A caller that forgets the supplementary groups would keep their privileges.
            (
                (rgid.is_some() || egid.is_some()) && groups.is_none(),
                "--regid, --rgid and --egid need --clear-groups, --keep-groups, --init-groups or --groups",
            ),
            (
                *groups == Some(Groups::Init) && ruid.is_none(),
                "--init-groups needs --reuid or --ruid",
            ),
            (self.program.is_some() && self.gate.is_some(), "--program-fd excludes --gate-fds"),
            (self.pass_fds.is_some() && !self.close_fds, "--pass-fds needs --close-fds"),
        ])?;
        match self.unknown_capabilities.first() {
            Some(name) if !self.lenient_capabilities => Err(capabilities::unknown(name)),
            _ => self.landlock.check(),
        }
    }
}

fn flag(place: &mut bool) -> Result<()> {
    *place = true;
    Ok(())
}

fn once<T>(place: &mut Option<T>, name: &str, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::usage(format!("--{name} is given twice"))),
    }
}

fn once_groups(place: &mut Option<Groups>, value: Groups) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::usage(
            "only one of --clear-groups, --keep-groups, --init-groups and --groups can be given",
        )),
    }
}

fn change(parser: &mut lexopt::Parser, unknown: &mut Vec<String>) -> Result<Change> {
    Change::parse(&text(&parser.value()?)?, unknown)
}

fn text(value: &OsStr) -> Result<String> {
    let text = value.to_str().map(str::to_owned);
    text.ok_or_else(|| Error::usage(format!("{} is not UTF-8", quote(value))))
}

/// The words between the commas.
fn words(list: &OsStr) -> Vec<OsString> {
    let words = list.as_bytes().split(|&byte| byte == b',');
    words.map(|word| OsStr::from_bytes(word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_classic_may_be_shortened() {
        for (typed, full) in [
            ("no", "no-new-privs"),
            ("n", "nnp"),
            ("bound", "bounding-set"),
            ("clear", "clear-groups"),
            ("reu", "reuid"),
            ("inh", "inh-caps"),
            ("res", "reset-env"),
            ("du", "dump"),
        ] {
            assert_eq!(LONG.full(typed), Ok(full));
        }
        for typed in ["clear-e", "re", "lenient", "landlock", "set-h"] {
            assert!(LONG.full(typed).is_err(), "{typed}");
        }
    }

    fn action(arguments: &[&str]) -> Result<Action> {
        parse(lexopt::Parser::from_args(arguments))
    }

    fn privileges(arguments: &[&str]) -> Privileges {
        match action(arguments) {
            Ok(Action::Run(privileges)) => *privileges,
            other => panic!("{other:?}"),
        }
    }

    fn refusal(arguments: &[&str]) -> String {
        let error = action(arguments).unwrap_err();
        assert_eq!(error.kind(), common::Kind::Usage);
        error.to_string()
    }

    #[test]
    fn options_stop_at_the_first_operand() {
        let privileges = privileges(&["--nnp", "--keep-groups", "sh", "--reuid", "7"]);
        assert!(privileges.no_new_privs && privileges.identity.ruid.is_none());
    }

    #[test]
    fn both_ids_in_one_option() {
        let request = privileges(&["--reuid=7", "--regid", "ann", "--groups=1,b", "sh"]).identity;
        assert_eq!((request.ruid, request.euid), (Some("7".into()), Some("7".into())));
        assert_eq!((request.rgid, request.egid), (Some("ann".into()), Some("ann".into())));
        assert_eq!(request.groups, Some(Groups::List(vec!["1".into(), "b".into()])));
    }

    #[test]
    fn each_set_has_its_option() {
        let change = Change::parse("+kill", &mut vec![]).ok();
        let row = |option| privileges(&[option, "+kill", "sh"]).capabilities;
        assert_eq!(row("--bounding-set").bounding, change);
        assert_eq!(row("--permitted-caps").permitted, change);
        assert_eq!(row("--effective-caps").effective, change);
        assert_eq!(row("--inh-caps").inheritable, change);
        assert_eq!(row("--ambient-caps").ambient, change);
    }

    #[test]
    fn a_capability_that_nobody_knows_yet_needs_leniency() {
        assert_eq!(refusal(&["--inh-caps=+CAP_NEW", "sh"]), "unknown capability 'CAP_NEW'");
        let row = privileges(&["--inh-caps=+CAP_NEW,-kill", "--lenient-caps", "sh"]);
        assert_eq!(row.unknown_capabilities, ["CAP_NEW"]);
        assert_eq!(row.capabilities.inheritable, Change::parse("-kill", &mut vec![]).ok());
        assert_eq!(
            refusal(&["--lenient-caps", "--inh-caps=+new", "sh"]),
            "unknown capability 'new'"
        );
    }

    #[test]
    fn a_status_counts_for_what_is_wrong_behind_it() {
        assert_eq!(privileges(&["--failure-status=7", "sh"]).failure_status, Some(7));
        let status = |arguments: &[&str]| action(arguments).unwrap_err().status();
        assert_eq!(status(&["--failure-status=7", "-x"]), Some(7));
        assert_eq!(status(&["--failure-status=7", "--regid=1", "sh"]), Some(7));
        assert_eq!(status(&["-x", "--failure-status=7"]), None);
        for wrong in ["0", "256", "-1", "+5", "", "x"] {
            let refusal = refusal(&["--failure-status", wrong, "sh"]);
            assert!(refusal.contains("is not an exit status from 1 to 255"), "{wrong}");
        }
    }

    #[test]
    fn what_stands_alone() {
        assert!(matches!(action(&["-d"]), Ok(Action::Dump(1))));
        assert!(matches!(action(&["-dd", "--dump"]), Ok(Action::Dump(3))));
        assert!(matches!(action(&["--list-caps"]), Ok(Action::ListCapabilities)));
        assert_eq!(refusal(&["-d", "--nnp"]), "--dump stands alone");
        assert_eq!(refusal(&["-d", "sh"]), "--dump stands alone");
        assert_eq!(refusal(&["--list-caps", "--nnp"]), "--list-caps stands alone");
        assert_eq!(refusal(&["--list-caps", "sh"]), "--list-caps stands alone");
    }

    #[test]
    fn labels_tracer_and_fences() {
        let row = privileges(&[
            "--selinux-label=a",
            "--apparmor-profile=b",
            "--ptracer=any",
            "--landlock-access=fs",
            "--landlock-rule=path-beneath::/",
            "--seccomp-filter=c",
            "sh",
        ]);
        assert_eq!((row.labels.selinux, row.labels.apparmor), (Some("a".into()), Some("b".into())));
        assert_eq!(row.tracer, Some(Tracer::Any));
        assert_ne!(row.landlock, Landlock::default());
        assert_eq!(row.filter, Some(filter::Source::Program("c".into())));
        let filters = ["--seccomp-filter=c", "--seccomp-rules=d", "sh"];
        assert!(refusal(&filters).starts_with("only one of --seccomp-filter and"));
        assert!(refusal(&["--seccomp-rules=c", "--seccomp-rules=d", "sh"]).contains("given twice"));
        assert!(refusal(&["--landlock-rule=net-port::80", "sh"]).contains("--landlock-access net"));
    }

    #[test]
    fn a_group_alone_is_half_a_change() {
        for option in ["--regid=7", "--rgid=7", "--egid=7"] {
            assert!(refusal(&[option, "sh"]).contains("need --clear-groups"));
        }
        assert!(refusal(&["--init-groups", "sh"]).contains("--reuid"));
    }

    #[test]
    fn nothing_is_given_twice() {
        assert_eq!(refusal(&["--nnp", "--no-new-privs", "sh"]), "--no-new-privs is given twice");
        assert_eq!(refusal(&["--reuid=1", "--ruid=1", "sh"]), "--ruid is given twice");
        assert!(refusal(&["--clear-groups", "--keep-groups", "sh"]).starts_with("only one of"));
        assert!(refusal(&["--reset-env", "--clear-env", "sh"]).starts_with("only one of"));
    }

    #[test]
    fn wrong_command_lines() {
        for arguments in
            [&[][..], &["--nnp"], &["-x"], &["--nosuch"], &["--reuid"], &["--nnp=x", "sh"]]
        {
            refusal(arguments);
        }
    }
}
