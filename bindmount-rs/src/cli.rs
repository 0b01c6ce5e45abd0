//! Arguments in, an [`Action`] out.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use common::options::LongOptions;
use common::process::failure_status;
use common::{Command, Error, Result, quote};
use lexopt::prelude::*;

use crate::job::{Job, Lines, Table};
use crate::line::{Line, Work};
use crate::mount::{Again, How};
use crate::options::{Operation, Options};
use crate::table::Entry;

pub const VERSION: &str = concat!("bindmount-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: bindmount-rs [options] SOURCE TARGET [[--] COMMAND [ARG...]]
       bindmount-rs [options] --make-KIND TARGET [[--] COMMAND [ARG...]]
       bindmount-rs [options] --fstab FILE|- [--] [COMMAND [ARG...]]

Bind SOURCE to TARGET, or mount the lines of a table, then become COMMAND.

Options:
  -0, --null             end each target that --print prints with a NUL
  -a, --all              mount the lines of the table without noauto; without --fstab, those of
                           /etc/fstab
  -B, --bind             bind SOURCE to TARGET (the default)
      --beneath          mount beneath the mount that is at TARGET
      --detach           with --move SOURCE /, unmount everything that is not beneath SOURCE
      --enter-root       with --root, start COMMAND in DIR
      --failure-status N
                         exit with N, not 1 or 32, when bindmount-rs itself fails
  -f, --fake             check all lines, and mount nothing
      --keep-going       mount the other lines when one fails
      --make-private, --make-rprivate, --make-rshared, --make-rslave, --make-runbindable,
      --make-shared, --make-slave, --make-unbindable
                         change the propagation of the mount at TARGET; with r, also beneath it
      --map-groups INNER:OUTER:COUNT
      --map-users INNER:OUTER:COUNT|/proc/PID/ns/user
                         show other owners
  -m, --mkdir[=MODE]     make a missing TARGET
  -M, --move             move the mount at SOURCE to TARGET
  -N, --namespace NS     work in the mount namespace of the process, or the file, NS
      --onlyonce         fail if the same is mounted already; with --fstab, skip the line
  -O, --test-opts LIST   with --fstab or -a, mount only lines with these options, or without those
                           that begin with no
  -o, --options LIST     mount options
      --print            print the mounted targets, one a line
  -R, --rbind            bind SOURCE with all mounts beneath it
  -r, --read-only        the same as -o ro
      --remove-on-failure DIR
                         remove the directory DIR with its contents when bindmount-rs itself fails
      --root DIR         find targets inside DIR, never outside
      --self-bind[=LIST]
                         with --root, first bind DIR onto itself, with these mount options
      --source SOURCE    SOURCE as an option; with --fstab, mount only its lines
  -T, --fstab FILE       mount the lines of FILE; '-' is standard input
      --target TARGET    TARGET as an option; with --fstab, mount only its lines
      --target-prefix DIR
                         put DIR before each target
  -t, --types TYPE       the type of file system to mount; with --fstab, the types to mount
  -v, --verbose          print each mount
  -w, --rw, --read-write
                         the same as -o rw
  -c, --no-canonicalize, -i, --internal-only, -n, --no-mtab
                         accepted, and have no effect
  -h, --help             display this help
  -V, --version          display version
";

/// The long options. [`HELP`] names our own.
const LONG: LongOptions = LongOptions { classic: CLASSIC, help: HELP };

/// The long options of mount(8) 2.42, as its `longopts` has them.
const CLASSIC: &[&str] = &[
    "all",
    "fake",
    "fstab",
    "fork",
    "help",
    "no-mtab",
    "read-only|ro",
    "verbose",
    "version",
    "read-write|rw",
    "options",
    "test-opts",
    "types",
    "uuid",
    "label",
    "bind",
    "move",
    "rbind",
    "make-shared",
    "make-slave",
    "make-private",
    "make-unbindable",
    "make-rshared",
    "make-rslave",
    "make-rprivate",
    "make-runbindable",
    "no-canonicalize",
    "internal-only",
    "show-labels",
    "target",
    "target-prefix",
    "source",
    "onlyonce",
    "options-mode",
    "options-source",
    "options-source-force",
    "namespace",
    "mkdir",
    "map-groups",
    "map-users",
    "exclusive",
    "beneath",
];

/// What the command line asks for.
#[derive(Debug)]
pub enum Action {
    Help,
    Version,
    Mount(Box<Job>),
}

/// What was typed.
#[derive(Default)]
struct Typed {
    options: Vec<OsString>,
    /// `-r` and `-w`, which come after all others (mount(8)).
    last: Option<&'static str>,
    fstab: Vec<OsString>,
    namespace: Option<OsString>,
    only_once: bool,
    all: bool,
    root: Option<OsString>,
    self_bind: Option<OsString>,
    enter_root: bool,
    detach: bool,
    source: Option<OsString>,
    target: Option<OsString>,
    target_prefix: Option<OsString>,
    types: Option<OsString>,
    test_options: Option<OsString>,
    beneath: bool,
    keep_going: bool,
    fake: bool,
    verbose: bool,
    print: bool,
    null: bool,
    failure_status: Option<u8>,
    remove_on_failure: Option<OsString>,
    words: VecDeque<OsString>,
}

/// Parses the command line. Options end at the first operand: the words after TARGET belong to COMMAND.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let mut typed = Typed::default();
    let action = read(&mut parser, &mut typed);
    let status = typed.failure_status;
    action
        .and_then(|action| action.map_or_else(|| typed.job(), Ok))
        .map_err(|error| error.with_failure_status(status))
}

/// Reads the words into `typed`. `--help` and `--version` are an action at once.
fn read(parser: &mut lexopt::Parser, typed: &mut Typed) -> Result<Option<Action>> {
    while let Some(argument) = LONG.next(parser)? {
        match argument {
            Short('a') | Long("all") => typed.all = true,
            Short('B') | Long("bind") => typed.option("bind"),
            Long("beneath") => typed.beneath = true,
            Long("detach") => typed.detach = true,
            Long("enter-root") => typed.enter_root = true,
            Long("failure-status") => {
                typed.failure_status = Some(failure_status(&parser.value()?)?);
            }
            Long("remove-on-failure") => typed.remove_on_failure = Some(parser.value()?),
            Short('f') | Long("fake") => typed.fake = true,
            Short('T') | Long("fstab") => typed.fstab.push(parser.value()?),
            Long("keep-going") => typed.keep_going = true,
            Short('m') | Long("mkdir") => typed.mkdir(parser.optional_value()),
            Short('M') | Long("move") => typed.option("move"),
            Short('o') | Long("options") => typed.options.push(parser.value()?),
            Short('O') | Long("test-opts") => typed.test_options = Some(parser.value()?),
            Long("map-users") => typed.map(b'u', &parser.value()?),
            Long("map-groups") => typed.map(b'g', &parser.value()?),
            Short('N') | Long("namespace") => typed.namespace = Some(parser.value()?),
            Long("onlyonce") => typed.only_once = true,
            Long("print") => typed.print = true,
            Short('0') | Long("null") => typed.null = true,
            Short('R') | Long("rbind") => typed.option("rbind"),
            Short('r') | Long("read-only" | "ro") => typed.last = Some("ro"),
            Long("root") => typed.root = Some(parser.value()?),
            Long("self-bind") => {
                typed.self_bind = Some(parser.optional_value().unwrap_or_default());
            }
            Long("source") => typed.source = Some(parser.value()?),
            Long("target") => typed.target = Some(parser.value()?),
            Long("target-prefix") => typed.target_prefix = Some(parser.value()?),
            Short('t') | Long("types") => typed.types = Some(parser.value()?),
            Short('v') | Long("verbose") => typed.verbose = true,
            Short('w') | Long("rw" | "read-write") => typed.last = Some("rw"),
            // bindmount-rs never uses an mtab, helpers or canonical paths.
            Short('c' | 'i' | 'n') | Long("no-canonicalize" | "internal-only" | "no-mtab") => {}
            Short('h') | Long("help") => return Ok(Some(Action::Help)),
            Short('V') | Long("version") => return Ok(Some(Action::Version)),
            // `--make-rslave` is the mount option `rslave`.
            Long(name) => match name.strip_prefix("make-") {
                Some(propagation) => typed.option(propagation),
                None => return Err(refusal(&format!("--{name}"))),
            },
            Short(letter) => return Err(refusal(&format!("-{letter}"))),
            Value(operand) => {
                typed.words.push_back(operand);
                break;
            }
        }
    }
    typed.words.extend(parser.raw_args()?);
    Ok(None)
}

/// Options of mount(8) that are not supported, and the reason.
const REFUSED: &[(&[&str], &str)] = &[
    (&["-L", "--label", "-U", "--uuid", "-l", "--show-labels"], "it names a block device"),
    (&["-F", "--fork"], "one process mounts all"),
    (&["--exclusive"], "it is for file systems that block devices hold"),
    (&["-s"], "unknown mount options are never ignored"),
    (
        &["--options-mode", "--options-source", "--options-source-force"],
        "the options of the command line always follow those of the table",
    ),
];

fn refusal(option: &str) -> Error {
    match REFUSED.iter().find(|row| row.0.contains(&option)) {
        Some((_, reason)) => Error::usage(format!("invalid option '{option}': {reason}")),
        None => Error::usage(format!("invalid option '{option}'")),
    }
}

impl Typed {
    fn option(&mut self, word: &str) {
        self.options.push(word.into());
    }

    fn mkdir(&mut self, mode: Option<OsString>) {
        let mut word = OsString::from("X-mount.mkdir");
        if let Some(mode) = mode {
            word.push("=");
            word.push(mode);
        }
        self.options.push(word);
    }

    /// A range of `--map-users` or `--map-groups` is one of `X-mount.idmap=`, as a user namespace is.
    fn map(&mut self, kind: u8, range: &OsStr) {
        let mut word = b"X-mount.idmap=".to_vec();
        if !range.as_bytes().starts_with(b"/") {
            word.extend([kind, b':']);
        }
        word.extend(range.as_bytes());
        self.options.push(OsString::from_vec(word));
    }

    fn job(mut self) -> Result<Action> {
        if let Some(word) = self.last {
            self.option(word);
        }
        let is_table = self.all || !self.fstab.is_empty();
        let lines =
            if is_table { Lines::Table(self.table()) } else { Lines::One(Box::new(self.line()?)) };
        let command = command(std::mem::take(&mut self.words))?;
        self.check(&lines, command.is_some())?;
        let self_bind = match (&self.self_bind, &self.root) {
            (Some(list), Some(root)) => Some(Box::new(Line::self_bind(root.clone(), list)?)),
            _ => None,
        };
        let again = match is_table {
            true if self.all || self.only_once => Again::Skip,
            false if self.only_once => Again::Refuse,
            _ => Again::Mount,
        };
        Ok(Action::Mount(Box::new(Job {
            lines,
            command,
            root: self.root,
            self_bind,
            enter_root: self.enter_root,
            target_prefix: self.target_prefix,
            how: How { beneath: self.beneath, detach: self.detach, again },
            namespace: self.namespace,
            keep_going: self.keep_going,
            fake: self.fake,
            verbose: self.verbose,
            print: self.print.then_some(if self.null { 0 } else { b'\n' }),
            failure_status: self.failure_status,
            remove_on_failure: self.remove_on_failure,
        })))
    }

    /// What options need, and what they exclude: a row is an error when its condition holds.
    fn check(&self, lines: &Lines, has_command: bool) -> Result<()> {
        let moves_to_root = match lines {
            Lines::One(line) => line.work == Work::Move && line.target == "/",
            Lines::Table(_) => false,
        };
        let is_table = matches!(lines, Lines::Table(_));
        let has_root = self.root.is_some();
        let elsewhere =
            has_root || self.target_prefix.is_some() || self.namespace.is_some() || self.beneath;
        let errors = [
            (self.null && !self.print, "-0 needs --print"),
            (self.self_bind.is_some() && !has_root, "--self-bind needs --root"),
            (self.enter_root && !has_root, "--enter-root needs --root"),
            (self.enter_root && !has_command, "--enter-root needs a COMMAND"),
            (
                self.enter_root && self.namespace.is_some(),
                "--enter-root and --namespace exclude each other",
            ),
            (self.beneath && is_table, "--beneath is for a single mount: it cannot be undone"),
            (
                self.detach && (!moves_to_root || elsewhere),
                "--detach works only with --move SOURCE /",
            ),
        ];
        match errors.iter().find(|row| row.0) {
            Some((_, message)) => Err(Error::usage(*message)),
            None => Ok(()),
        }
    }

    fn table(&mut self) -> Table {
        if self.fstab.is_empty() {
            self.fstab.push("/etc/fstab".into());
        }
        Table {
            paths: std::mem::take(&mut self.fstab),
            in_root: self.root.is_some(),
            options: std::mem::take(&mut self.options),
            all: self.all,
            types: self.types.take(),
            test_options: self.test_options.take(),
            source: self.source.take(),
            target: self.target.take(),
        }
    }

    fn line(&mut self) -> Result<Line> {
        let mut options = Options::default();
        self.options.iter().try_for_each(|list| options.add(list))?;
        if options.operation.is_none() && self.types.is_none() && !self.is_change(&options) {
            options.operation = Some(Operation::Bind);
        }

        let source = match self.source.take() {
            Some(source) => source,
            None if self.is_alone(&options) => "none".into(),
            None => self.words.pop_front().ok_or_else(|| missing("SOURCE"))?,
        };
        let target = match self.target.take() {
            Some(target) => target,
            None => no_option(self.words.pop_front().ok_or_else(|| missing("TARGET"))?)?,
        };
        let kind = self.types.take().unwrap_or_else(|| "none".into());
        Line::new(Entry { source, target, kind, ..Entry::default() }, options)
    }

    /// Whether only a mount that is there is changed.
    fn is_change(&self, options: &Options) -> bool {
        options.remount || !options.propagation.is_empty() && self.source.is_none()
    }

    /// Whether there is no SOURCE. Behind `remount` the classic takes one, and does not look at it.
    fn is_alone(&self, options: &Options) -> bool {
        match options.remount {
            true => self.target.is_some() || self.words.get(1).is_none_or(|word| word == "--"),
            false => options.operation.is_none() && self.types.is_none(),
        }
    }
}

fn missing(operand: &str) -> Error {
    Error::usage(format!("missing operand: {operand}"))
}

/// mount(8) takes options after its operands; here they would be taken for TARGET, or for COMMAND.
fn no_option(word: OsString) -> Result<OsString> {
    match word.as_bytes() {
        [b'-', _, ..] => {
            let word = quote(word);
            Err(Error::usage(format!("options must stand before the operands: {word}")))
        }
        _ => Ok(word),
    }
}

/// COMMAND, which may stand after `--`, and must if it looks like an option.
fn command(mut words: VecDeque<OsString>) -> Result<Option<Command>> {
    match words.pop_front() {
        Some(word) if word == "--" => {}
        Some(word) => words.push_front(no_option(word)?),
        None => {}
    }
    Ok(Command::new(words.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_classic_may_be_shortened() {
        for (typed, full) in [
            ("test", "test-opts"),
            ("fa", "fake"),
            ("read-o", "read-only"),
            ("only", "onlyonce"),
            ("mk", "mkdir"),
            ("bi", "bind"),
            ("verb", "verbose"),
        ] {
            assert_eq!(LONG.full(typed), Ok(full));
        }
        for typed in ["make", "opt", "target-p-", "keep", "self", "read"] {
            assert!(LONG.full(typed).is_err(), "{typed}");
        }
    }

    fn job(words: &str) -> Result<Box<Job>> {
        match parse(lexopt::Parser::from_args(words.split_whitespace()))? {
            Action::Mount(job) => Ok(job),
            action => panic!("{action:?}"),
        }
    }

    fn line(words: &str) -> (Line, bool) {
        let job = *job(words).unwrap();
        match job.lines {
            Lines::One(line) => (*line, job.command.is_some()),
            Lines::Table(_) => panic!("{words}"),
        }
    }

    fn refusal(words: &str) -> String {
        job(words).unwrap_err().to_string()
    }

    #[test]
    fn source_target_and_command() {
        for (words, source, target, command) in [
            ("a b", "a", "b", false),
            ("a b c -o", "a", "b", true),
            ("a b -- -c", "a", "b", true),
            ("-- -a b", "-a", "b", false),
            ("--source a b", "a", "b", false),
            ("--target b a c", "a", "b", true),
            ("none b", "none", "b", false),
            ("--make-private b", "none", "b", false),
            ("--make-rslave b c", "none", "b", true),
            ("--bind --make-private a b", "a", "b", false),
            ("-o remount,bind,ro b", "none", "b", false),
            ("-o remount,bind,ro a b", "a", "b", false),
            ("-o remount,bind,ro b -- c", "none", "b", true),
            ("-o remount,bind,ro --target b c", "none", "b", true),
            ("-t tmpfs tmpfs b c", "tmpfs", "b", true),
        ] {
            let (line, has_command) = line(words);
            assert_eq!(line.source.to_bytes(), source.as_bytes(), "{words}");
            assert_eq!(
                (line.target.as_os_str(), has_command),
                (OsStr::new(target), command),
                "{words}"
            );
        }
    }

    #[test]
    fn what_is_done() {
        for (words, work) in [
            ("a b", Work::Bind { recursive: false }),
            ("none b", Work::Bind { recursive: false }),
            ("-R a b", Work::Bind { recursive: true }),
            ("-M a b", Work::Move),
            ("--make-runbindable b", Work::Change),
            ("-t proc proc b", Work::FileSystem(c"proc".into())),
        ] {
            assert_eq!(line(words).0.work, work, "{words}");
        }
    }

    #[test]
    fn read_only_and_read_write_come_last() {
        let set = |words| line(words).0.options.top.set;
        assert_eq!((set("-r -o rw a b"), set("-w -o ro a b"), set("-r -w a b")), (1, 0, 0));
    }

    #[test]
    fn every_refused_option_gives_its_reason() {
        for (options, reason) in REFUSED {
            for option in *options {
                assert_eq!(
                    refusal(&format!("{option} a b")),
                    format!("invalid option '{option}': {reason}")
                );
            }
        }
        assert_eq!(refusal("--make-nosuch a"), "invalid option '--make-nosuch'");
        assert_eq!(refusal("-Z"), "invalid option '-Z'");
    }

    #[test]
    fn every_option_of_the_classic_is_taken_or_refused_with_a_reason() {
        for name in CLASSIC.iter().flat_map(|row| row.split('|')) {
            for value in ["", "=0:0:1"] {
                let words = format!("--{name}{value} a b");
                if let Err(error) = parse(lexopt::Parser::from_args(words.split(' '))) {
                    assert_ne!(error.to_string(), format!("invalid option '--{name}'"));
                }
            }
        }
        assert_eq!(line("--ro a b").0.options.top.set, 1);
    }

    #[test]
    fn the_failure_status_is_for_errors_after_it_too() {
        let status = |words: &str| job(words).unwrap_err().status();
        assert_eq!(status("--failure-status 7 -Z"), Some(7));
        assert_eq!(status("--failure-status 7 a"), Some(7));
        assert_eq!(status("-Z --failure-status 7"), None);
        let last = job("--failure-status=7 --failure-status=8 a b").unwrap();
        assert_eq!(last.failure_status, Some(8));
    }

    #[test]
    fn a_root_is_bound_onto_itself_first() {
        let job = job("--root r --self-bind=rnodev,ro --enter-root -T t -- c").unwrap();
        let line = job.self_bind.unwrap();
        assert_eq!((line.source.as_c_str(), line.work), (c"r", Work::SelfBind));
        assert!(!line.options.recursive.is_none() && job.enter_root);
    }

    #[test]
    fn wrong_command_lines() {
        for (words, message) in [
            ("", "missing operand: SOURCE"),
            ("a", "missing operand: TARGET"),
            ("--make-shared", "missing operand: TARGET"),
            ("a -o ro b", "options must stand before the operands: '-o'"),
            ("a b -o ro", "options must stand before the operands: '-o'"),
            ("-0 a b", "-0 needs --print"),
            ("--beneath -a", "--beneath is for a single mount: it cannot be undone"),
            ("-o loop a b", "the mount option 'loop' is not supported"),
            ("-t auto a b", "the type 'auto' is not supported: name the file system"),
            ("--map-users 1:2 a b", "a map of owners is INNER:OUTER:COUNT, not '1:2'"),
            ("--self-bind -T t", "--self-bind needs --root"),
            ("--enter-root -T t c", "--enter-root needs --root"),
            ("--enter-root --root r -T t", "--enter-root needs a COMMAND"),
            (
                "--enter-root --root r -N 1 -T t c",
                "--enter-root and --namespace exclude each other",
            ),
            ("--root r --self-bind=bind -T t", "bind, move or remount is not allowed here"),
            ("--root r --self-bind=size=1 -T t", "the mount option 'size=1' is not allowed here"),
            ("--root r --self-bind=ro=fs -T t", "ro=fs or rw=fs is not allowed here"),
            ("--detach a /", "--detach works only with --move SOURCE /"),
            ("--detach --move a b", "--detach works only with --move SOURCE /"),
            ("--detach --root r --move a /", "--detach works only with --move SOURCE /"),
            ("--detach -T t", "--detach works only with --move SOURCE /"),
            ("--failure-status 0 a b", "'0' is not an exit status from 1 to 255"),
            ("--failure-status x", "'x' is not an exit status from 1 to 255"),
            ("--failure-status 256", "'256' is not an exit status from 1 to 255"),
        ] {
            assert_eq!(refusal(words), message, "{words}");
        }
    }
}
