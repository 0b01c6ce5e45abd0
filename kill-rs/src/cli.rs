//! Arguments in, an [`Action`] out.

use std::ffi::{OsStr, OsString};

use common::options::LongOptions;
use common::target::Target;
use common::{Error, Result, accounts, quote, signal};
use lexopt::prelude::*;
use nix::libc;

use crate::send::{Job, Receiver};

pub const VERSION: &str = concat!("kill-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: kill-rs [options] PID...

Send a signal, by default TERM, to processes; -PID is a process group, PID:INODE never a later process.

Options:
  -s, --signal SIGNAL    send this signal, a name with or without SIG, or a number; also -SIGNAL
      --start-time TICKS  signal PID only if this is its start time: field 22 of /proc/PID/stat
      --verbose          print each signal
  -l, --list[=SIGNAL]    list the signals, or convert a number to a name or a name to a number
  -L, --table            list the signals with their numbers
  -h, --help             display this help
  -V, --version          display version
";

/// The long options, and those of the classic among them.
const LONG: LongOptions = LongOptions { classic: CLASSIC, help: HELP };

const CLASSIC: &[&str] = &[
    "all",
    "list",
    "signal",
    "table",
    "pid",
    "queue",
    "timeout",
    "verbose",
    "help",
    "version",
    "require-handler",
    "show-process-state",
];

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    Help,
    Version,
    List,
    Table,
    Convert(String),
    Send(Job),
}

/// Options of the classic that are refused, and why.
const REFUSED: [(&str, &str); 6] = [
    ("all", "processes are not found by name"),
    ("pid", "processes are not found by name"),
    ("queue", "no value is sent with a signal"),
    ("timeout", "wait for the process and send another signal then"),
    ("require-handler", "a signal is sent whether it is handled or not"),
    ("show-process-state", "/proc/PID/status shows it"),
];

const LETTERS: [(char, &str); 5] = [
    ('a', "all"),
    ('p', "pid"),
    ('q', "queue"),
    ('r', "require-handler"),
    ('d', "show-process-state"),
];

/// The words as they were typed.
#[derive(Default)]
struct Options {
    signal: Option<i32>,
    start: Option<u64>,
    verbose: bool,
    operands: Vec<OsString>,
}

/// Options may stand between the operands, as in the classic.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let mut options = Options::default();
    loop {
        if options.take_dashed(&mut parser) {
            continue;
        }
        match LONG.next(&mut parser)? {
            Some(Short('h') | Long("help")) => return Ok(Action::Help),
            Some(Short('V') | Long("version")) => return Ok(Action::Version),
            Some(Short('L') | Long("table")) => {
                return match LONG.next(&mut parser)? {
                    None => Ok(Action::Table),
                    Some(argument) => Err(argument.unexpected().into()),
                };
            }
            Some(Short('l') | Long("list")) => return list(&mut parser),
            Some(Short('s') | Long("signal")) => {
                let value = parser.value()?;
                let number = signal_number(&value).ok_or_else(|| unknown(&value))?;
                if options.signal.replace(number).is_some() {
                    return Err(Error::usage("only one signal can be given"));
                }
            }
            Some(Long("start-time")) => options.start = Some(ticks(&parser.value()?)?),
            Some(Long("verbose")) => options.verbose = true,
            Some(Value(operand)) => options.operands.push(operand),
            Some(option) => return Err(refusal(&option)),
            None => return options.job().map(Action::Send),
        }
    }
}

impl Options {
    /// Takes the next word where it is a signal, or a process group after it; `--` and all words after it, too.
    fn take_dashed(&mut self, parser: &mut lexopt::Parser) -> bool {
        let Some(mut words) = parser.try_raw_args() else { return false };
        let Some(word) = words.peek().and_then(OsStr::to_str) else { return false };
        if word == "--" {
            self.operands.extend(words.skip(1));
            return true;
        }
        let Some(text) = word.strip_prefix('-') else { return false };
        match signal_number(text.as_ref()) {
            Some(number) if self.signal.is_none() => self.signal = Some(number),
            _ if accounts::id(text.as_bytes()).is_some() => self.operands.push(word.into()),
            _ => return false,
        }
        words.next();
        true
    }

    fn job(self) -> Result<Job> {
        let receivers: Vec<_> =
            self.operands.iter().map(|word| receiver(word, self.start)).collect::<Result<_>>()?;
        if receivers.is_empty() {
            return Err(Error::usage("missing operand: PID"));
        }
        let is_one = matches!(receivers.as_slice(), [Receiver::Process(_)]);
        if self.start.is_some() && !is_one {
            return Err(Error::usage("--start-time is for one process"));
        }
        let signal = self.signal.unwrap_or(libc::SIGTERM);
        Ok(Job { signal, receivers, verbose: self.verbose })
    }
}

/// A word that is not certainly a number must not become the number of a process.
fn receiver(word: &OsStr, start: Option<u64>) -> Result<Receiver> {
    let group = || {
        let text = word.to_str()?;
        let digits = text.strip_prefix('-').or((text == "0").then_some(text))?;
        i32::try_from(accounts::id(digits.as_bytes())?).ok().map(|number| Receiver::Group(-number))
    };
    match group() {
        Some(group) => Ok(group),
        None => Ok(Receiver::Process(Target::parse(word)?.started_at(start))),
    }
}

/// A signal, or 0 for none.
fn signal_number(text: &OsStr) -> Option<i32> {
    match text.to_str()? {
        "0" => Some(0),
        text => signal::number(text),
    }
}

fn unknown(text: &OsStr) -> Error {
    Error::usage(format!("unknown signal {}", quote(text)))
}

fn ticks(text: &OsStr) -> Result<u64> {
    let number = text.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    let number = number.and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| Error::usage(format!("{} is not a start time", quote(text))))
}

/// The value may be the next word, as in the classic.
fn list(parser: &mut lexopt::Parser) -> Result<Action> {
    let value = match parser.optional_value() {
        Some(value) => Some(value),
        None => parser.raw_args()?.next(),
    };
    let Some(value) = value else { return Ok(Action::List) };
    value.into_string().map(Action::Convert).map_err(|value| unknown(&value))
}

fn refusal(option: &lexopt::Arg) -> Error {
    let name = match option {
        Short(letter) => LETTERS.iter().find(|(known, _)| known == letter).map(|(_, name)| *name),
        Long(name) => Some(*name),
        Value(_) => None,
    };
    let refused = name.and_then(|name| REFUSED.iter().find(|(known, _)| *known == name));
    match refused {
        Some((name, reason)) => Error::usage(format!("--{name} is not supported: {reason}")),
        None => option.clone().unexpected().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_classic_may_be_shortened() {
        for (typed, full) in [("sig", "signal"), ("ta", "table"), ("l", "list"), ("he", "help")] {
            assert_eq!(LONG.full(typed), Ok(full));
        }
        for typed in ["ver", "start"] {
            assert!(LONG.full(typed).is_err(), "{typed}");
        }
    }

    fn job(line: &str) -> Result<Job> {
        match parse(lexopt::Parser::from_args(line.split_whitespace()))? {
            Action::Send(job) => Ok(job),
            action => panic!("{action:?}"),
        }
    }

    fn process(text: &str) -> Receiver {
        Receiver::Process(Target::parse(text.as_ref()).unwrap())
    }

    #[test]
    fn signals_and_receivers() {
        for (line, signal, receivers) in [
            ("7", 15, vec![process("7")]),
            ("-9 7", 9, vec![process("7")]),
            ("-KILL 7 8:9", 9, vec![process("7"), process("8:9")]),
            ("-sigint 7", 2, vec![process("7")]),
            ("-s HUP -7", 1, vec![Receiver::Group(-7)]),
            ("7 --signal=0", 0, vec![process("7")]),
            ("-1 -1", 1, vec![Receiver::Group(-1)]),
            ("-s 9 -- -7 0", 9, vec![Receiver::Group(-7), Receiver::Group(0)]),
            ("-RTMIN+1 7", 35, vec![process("7")]),
        ] {
            assert_eq!(job(line), Ok(Job { signal, receivers, verbose: false }), "{line}");
        }
        let target = Target::parse("7".as_ref()).unwrap().started_at(Some(5));
        assert_eq!(job("--start-time 5 7").unwrap().receivers, [Receiver::Process(target)]);
    }

    #[test]
    fn lists() {
        let action = |line: &str| parse(lexopt::Parser::from_args(line.split_whitespace()));
        assert_eq!(action("-l"), Ok(Action::List));
        assert_eq!(action("-L"), Ok(Action::Table));
        for line in ["-l 9", "-l9", "--list=9", "--list 9"] {
            assert_eq!(action(line), Ok(Action::Convert("9".into())), "{line}");
        }
    }

    #[test]
    fn wrong_command_lines() {
        for line in [
            "",
            "-9",
            "-FOO 7",
            "-s FOO 7",
            "-s 65 7",
            "-s 9 -s 9 7",
            "name",
            "7x",
            "--",
            "4294967296",
            "--start-time 5 7 8",
            "--start-time 5 -- -7",
            "--start-time -5 7",
            "--start-time x 7",
            "--queue 1 7",
            "-a 7",
            "--nosuch",
        ] {
            assert_eq!(job(line).unwrap_err().kind(), common::Kind::Usage, "{line}");
        }
    }
}
