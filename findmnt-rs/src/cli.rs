//! Turns arguments into an [`Action`].

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use common::options::LongOptions;
use common::{Error, Result};
use lexopt::prelude::*;

use crate::answer::Form;
use crate::change::ChangeKinds;
use crate::columns::{self, Column};
use crate::filter::Filter;
use crate::load::{Method, Origin};
use crate::request::{Request, When};
use crate::select::{Reach, Source};

pub const VERSION: &str = concat!("findmnt-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: findmnt-rs [options]
       findmnt-rs [options] DEVICE|MOUNTPOINT
       findmnt-rs [options] DEVICE MOUNTPOINT

Find a mounted file system.

Where to search:
  -k, --kernel[=METHOD]      the kernel's table (default), by 'mountinfo' or 'listmount'
  -m, --mtab                 the kernel's table with the options of user space
  -s, --fstab                the static table of file systems, /etc/fstab
  -F, --tab-file FILE        another file for -k, -m or -s
  -N, --task TID             the mount namespace of another thread
  -p, --poll[=LIST]          wait for changes: mount, umount, move, remount
  -w, --timeout MS           the longest wait of --poll and --wait, in milliseconds
      --wait TARGET          wait until something is mounted on TARGET

What to find:
  -A, --all                  all file systems, without built-in filters
  -d, --direction WORD       search 'forward' or 'backward'
      --deleted              mounts whose mountpoint or root directory was removed
  -f, --first-only           the first match only
  -i, --invert               mounts that do not match
      --id NUMBER            the mount with this id
      --uniq-id NUMBER       the mount with this 64-bit id
  -M, --mountpoint DIR       mounts on the directory DIR
  -O, --options LIST         mounts with all of these options
      --pseudo               only pseudo file systems
  -Q, --filter EXPRESSION    mounts for which the expression is true
  -R, --submounts            each match with all mounts beneath it
      --real                 only real file systems
  -S, --source SPEC          mounts of a device: its name, MAJ:MIN, LABEL=, UUID=,
                               PARTUUID=, PARTLABEL= or ID=
      --shadowed             mounts under another mount
  -T, --target PATH          the mount that holds PATH
  -t, --types LIST           file systems of these types
  -U, --uniq                 only the topmost mount of each target

How to show it:
  -0, --null                 a NUL after each value
  -a, --ascii                the tree with ASCII characters
  -b, --bytes                sizes in bytes
  -C, --nocanonicalize       compare paths without following links
  -c, --canonicalize         print paths with all links followed
  -D, --df                   the columns and file systems of df(1)
  -e, --evaluate             print devices for tags such as LABEL=
      --fstab-output         as an fstab(5) that makes the same mounts again
      --hyperlink[=WHEN]     mountpoints as links: 'always', 'never' or 'auto'
  -I, --dfi                  the columns and file systems of df -i
  -J, --json                 as JSON
  -l, --list                 as a list
  -n, --noheadings           without headings
  -o, --output LIST          these columns; '+' before LIST adds them to the default
                               columns, '-' removes them
      --output-all           all columns
  -P, --pairs                as KEY=\"value\"
  -r, --raw                  as words separated by blanks
      --tree                 as a tree
  -u, --notruncate           do not cut columns to the terminal's width
  -v, --nofsroot             no [/dir] after the source of bind mounts and subvolumes
      --vfs-all              all options of the VFS, also those with default values
  -y, --shell                column names as variables of a shell

  -x, --verify               check the table (by default the fstab)
      --verbose              with --verify: also report what is right
  -H, --list-columns         list the columns
  -h, --help                 display this help
  -V, --version              display version
";

/// The action that the command line requests.
#[derive(Debug)]
pub enum Action {
    Help,
    Version,
    ListColumns(Form),
    Find(Box<Request>),
    Poll(Box<Request>, ChangeKinds),
    Verify(Box<Request>),
    /// Wait until something is mounted on the path.
    Wait(OsString, Option<Duration>),
}

/// The columns that the command line requests.
#[derive(Debug, Default)]
enum ColumnChoice {
    #[default]
    Default,
    These(Vec<&'static Column>),
    Plus(Vec<&'static Column>),
    Minus(Vec<&'static Column>),
    All,
}

const DEFAULT: &[&str] = &["TARGET", "SOURCE", "FSTYPE", "OPTIONS"];
const POLL: &[&str] = &["ACTION", "TARGET", "SOURCE", "FSTYPE", "OPTIONS"];
const DF: &[&str] = &["SOURCE", "FSTYPE", "SIZE", "USED", "AVAIL", "USE%", "TARGET"];
const DFI: &[&str] =
    &["SOURCE", "FSTYPE", "INO.TOTAL", "INO.USED", "INO.AVAIL", "INO.USE%", "TARGET"];

/// Groups of options; at most one of each group may be given.
const EXCLUSIVE: &[&[&str]] = &[
    &["--nocanonicalize", "--canonicalize"],
    &["--nocanonicalize", "--evaluate"],
    &["--json", "--pairs", "--raw", "--null", "--fstab-output", "--verify"],
    &["--list", "--pairs", "--raw", "--null", "--verify"],
    &["--mountpoint", "--target"],
    &["--task", "--mtab", "--fstab"],
    &["--task", "--tab-file"],
    &["--kernel", "--mtab", "--fstab"],
    &["--mtab", "--fstab", "--poll"],
    &["--poll", "--verify"],
    &["--poll", "--fstab-output"],
    &["--output", "--fstab-output"],
    &["--output-all", "--fstab-output"],
    &["--pseudo", "--real"],
    &["--df", "--dfi"],
];

/// The long options. Those of the classic may be shortened, if the prefix is unique among them.
const LONG: LongOptions = LongOptions { classic: CLASSIC, help: HELP };

const CLASSIC: &[&str] = &[
    "all",
    "ascii",
    "bytes",
    "canonicalize",
    "df",
    "dfi",
    "direction",
    "evaluate",
    "filter",
    "first-only",
    "fstab",
    "help",
    "hyperlink",
    "id",
    "invert",
    "json",
    "kernel",
    "list",
    "list-columns",
    "mountpoint",
    "mtab",
    "nocanonicalize",
    "nofsroot",
    "noheadings",
    "notruncate",
    "options",
    "output",
    "output-all",
    "pairs",
    "poll",
    "pseudo",
    "raw",
    "real",
    "shadowed",
    "shell",
    "source",
    "submounts",
    "tab-file",
    "target",
    "task",
    "timeout",
    "tree",
    "types",
    "uniq",
    "uniq-id",
    "verbose",
    "verify",
    "version",
    "vfs-all",
];

/// The short options and their long forms.
const SHORT: &[(char, &str)] = &[
    ('0', "null"),
    ('A', "all"),
    ('a', "ascii"),
    ('b', "bytes"),
    ('C', "nocanonicalize"),
    ('c', "canonicalize"),
    ('D', "df"),
    ('d', "direction"),
    ('e', "evaluate"),
    ('F', "tab-file"),
    ('f', "first-only"),
    ('H', "list-columns"),
    ('h', "help"),
    ('I', "dfi"),
    ('i', "invert"),
    ('J', "json"),
    ('k', "kernel"),
    ('l', "list"),
    ('M', "mountpoint"),
    ('m', "mtab"),
    ('N', "task"),
    ('n', "noheadings"),
    ('O', "options"),
    ('o', "output"),
    ('P', "pairs"),
    ('p', "poll"),
    ('Q', "filter"),
    ('R', "submounts"),
    ('r', "raw"),
    ('S', "source"),
    ('s', "fstab"),
    ('T', "target"),
    ('t', "types"),
    ('U', "uniq"),
    ('u', "notruncate"),
    ('V', "version"),
    ('v', "nofsroot"),
    ('w', "timeout"),
    ('x', "verify"),
    ('y', "shell"),
];

/// The options and operands read so far.
#[derive(Default)]
struct Gathered {
    request: Request,
    columns: ColumnChoice,
    given: Vec<&'static str>,
    poll: Option<ChangeKinds>,
    wait: Option<OsString>,
    operands: Vec<OsString>,
    ends: Option<&'static str>,
}

/// Reads the command line.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let mut gathered = Gathered::default();
    while let Some(argument) = LONG.next(&mut parser)? {
        let name = match argument {
            Short(short) => match SHORT.iter().find(|(known, _)| *known == short) {
                Some((_, long)) => *long,
                None => return Err(Short(short).unexpected().into()),
            },
            Long(long) => long,
            Value(operand) => {
                gathered.operands.push(operand);
                continue;
            }
        };
        gathered.option(name, &mut parser)?;
        if let Some("help" | "version") = gathered.ends {
            break;
        }
    }
    gathered.action()
}

impl Gathered {
    fn option(&mut self, name: &'static str, parser: &mut lexopt::Parser) -> Result<()> {
        if !self.given.contains(&name) {
            self.given.push(name);
        }
        if !self.flag(name) {
            self.valued(name, parser)?;
        }
        Ok(())
    }

    /// Handles an option without a value; false if the option is not one of these.
    fn flag(&mut self, name: &'static str) -> bool {
        let request = &mut self.request;
        let selection = &mut request.selection;
        match name {
            "all" => {}
            "ascii" => request.ascii = true,
            "bytes" => request.bytes = true,
            "canonicalize" => request.style.canonicalize = true,
            "deleted" => selection.deleted = true,
            "df" | "dfi" => selection.like_df = true,
            "evaluate" => request.style.evaluate = true,
            "first-only" => selection.first = true,
            "fstab" => request.origin = Origin::Fstab,
            "fstab-output" => request.fstab_output = true,
            "help" | "version" | "list-columns" => self.ends = Some(name),
            "invert" => selection.invert = true,
            "json" => request.form = Form::Json,
            "list" => request.list = true,
            "mtab" => request.origin = Origin::Mtab,
            "nocanonicalize" => selection.literal = true,
            "nofsroot" => request.style.no_fsroot = true,
            "noheadings" => request.no_headings = true,
            "notruncate" => request.no_truncate = true,
            "null" => request.form = Form::Null,
            "output-all" => self.columns = ColumnChoice::All,
            "pairs" => request.form = Form::Pairs,
            "pseudo" => selection.pseudo = true,
            "raw" => request.form = Form::Raw,
            "real" => selection.real = true,
            "shadowed" => selection.shadowed = true,
            "shell" => request.shell = true,
            "submounts" => selection.submounts = true,
            "tree" => request.tree = true,
            "uniq" => selection.unique_targets = true,
            "verbose" => request.verbose = true,
            "verify" => {}
            "vfs-all" => request.style.vfs_all = true,
            _ => return false,
        }
        true
    }

    fn valued(&mut self, name: &'static str, parser: &mut lexopt::Parser) -> Result<()> {
        let request = &mut self.request;
        let selection = &mut request.selection;
        match name {
            "direction" => selection.backward = direction(&parser.value()?)?,
            "filter" => selection.filter = Some(Filter::parse(parser.value()?.as_bytes())?),
            "hyperlink" => request.hyperlink = when(parser.optional_value().as_deref())?,
            "id" => selection.id = Some(number(&parser.value()?, "mount ID")?),
            "kernel" => {
                request.method = method(parser.optional_value().as_deref())?.or(request.method);
            }
            "mountpoint" | "target" => {
                selection.target = Some(parser.value()?.into_vec());
                let path = name == "target";
                selection.reach = if path { Reach::Path } else { Reach::Mountpoint };
            }
            "options" => selection.options = Some(parser.value()?.into_vec()),
            "output" => self.columns = column_choice(&parser.value()?)?,
            "poll" => self.poll = Some(ChangeKinds::parse(parser.optional_value().as_deref())?),
            "source" => selection.source = Some(Source::new(parser.value()?.into_vec())),
            "tab-file" => request.files.push(parser.value()?),
            "task" => {
                let task = number(&parser.value()?, "TID")?;
                match &mut request.origin {
                    Origin::Tasks(tasks) => tasks.push(task),
                    origin => *origin = Origin::Tasks(vec![task]),
                }
            }
            "timeout" => {
                // As for poll(2), a negative time means no limit.
                let milliseconds: i64 = number(&parser.value()?, "timeout")?;
                request.timeout = milliseconds.try_into().ok().map(Duration::from_millis);
            }
            "types" => selection.types = Some(parser.value()?.into_vec()),
            "uniq-id" => selection.unique_id = Some(number(&parser.value()?, "unique mount ID")?),
            "wait" => self.wait = Some(parser.value()?),
            _ => return Err(Error::usage(format!("invalid option '--{name}'"))),
        }
        Ok(())
    }

    fn action(mut self) -> Result<Action> {
        match self.ends {
            Some("help") => return Ok(Action::Help),
            Some("version") => return Ok(Action::Version),
            _ => {}
        }
        self.check_exclusive()?;
        if self.ends.is_some() {
            return Ok(Action::ListColumns(self.request.form));
        }
        if let Some(target) = self.wait.take() {
            return self.wait_for(target);
        }
        self.take_operands()?;
        self.finish()
    }

    fn wait_for(self, target: OsString) -> Result<Action> {
        if self.given.iter().any(|name| !matches!(*name, "wait" | "timeout")) {
            return Err(Error::usage("--timeout is the only option that --wait can be used with"));
        }
        match self.operands.first() {
            Some(operand) => Err(unexpected(operand)),
            None => Ok(Action::Wait(target, self.request.timeout)),
        }
    }

    fn check_exclusive(&self) -> Result<()> {
        let given = |name| self.given.contains(&name);
        if given("task") && given("kernel") && self.request.method.is_none() {
            return Err(Error::usage("--task and --kernel are mutually exclusive"));
        }
        if self.request.method == Some(Method::Listmount) {
            if let Some(name) = ["tab-file", "poll"].into_iter().find(|&name| given(name)) {
                return Err(Error::usage(format!(
                    "--{name} cannot be used with --kernel=listmount"
                )));
            }
        }
        for group in EXCLUSIVE {
            let given: Vec<_> =
                group.iter().copied().filter(|name| self.given.contains(&&name[2..])).collect();
            if given.len() > 1 {
                let names = given.join(" and ");
                return Err(Error::usage(format!("{names} are mutually exclusive")));
            }
        }
        Ok(())
    }

    fn take_operands(&mut self) -> Result<()> {
        let selection = &mut self.request.selection;
        let mut operands = std::mem::take(&mut self.operands).into_iter();
        let Some(first) = operands.next() else { return Ok(()) };
        if selection.target.is_some() || selection.source.is_some() {
            return Err(Error::usage(
                "--source, --target and --mountpoint cannot be used together with an operand",
            ));
        }
        selection.source = Some(Source::new(first.into_vec()));
        selection.target = operands.next().map(OsString::into_vec);
        selection.either = selection.target.is_none();
        operands.next().map_or(Ok(()), |extra| Err(unexpected(&extra)))
    }

    fn finish(mut self) -> Result<Action> {
        let given = |name: &str| self.given.contains(&name);
        let verify = given("verify");
        if given("all") {
            self.request.selection.like_df = false;
        }
        let defaults = if self.poll.is_some() {
            POLL
        } else if given("df") {
            DF
        } else if given("dfi") {
            DFI
        } else {
            DEFAULT
        };
        self.request.list |= (given("df") || given("dfi")) && !self.request.tree;
        self.request.columns = self.columns.columns(defaults)?;
        if self.poll.is_none() {
            refuse_poll_columns(&self.request.columns)?;
        }
        if verify && !given("kernel") && !given("mtab") && !given("task") {
            self.request.origin = Origin::Fstab;
        }
        if self.poll.is_some() && self.request.form == Form::Json {
            self.request.form = Form::JsonLines;
        }
        let request = Box::new(self.request);
        match self.poll {
            Some(_) if request.files.len() > 1 => Err(Error::usage("--poll accepts only one file")),
            Some(actions) => Ok(Action::Poll(request, actions)),
            None if verify => Ok(Action::Verify(request)),
            None => Ok(Action::Find(request)),
        }
    }
}

impl ColumnChoice {
    fn columns(self, defaults: &[&str]) -> Result<Vec<&'static Column>> {
        let mut columns = columns::named(defaults);
        match self {
            Self::Default => {}
            Self::These(these) => columns = these,
            Self::Plus(more) => columns.extend(more),
            Self::Minus(less) => {
                columns.retain(|column| !less.iter().any(|other| other.name == column.name));
            }
            Self::All => {
                let shown = columns::COLUMNS.iter();
                columns =
                    shown.filter(|column| !columns::POLL_ONLY.contains(&column.name)).collect();
            }
        }
        if columns.is_empty() {
            return Err(Error::usage("no columns are left to show"));
        }
        Ok(columns)
    }
}

fn refuse_poll_columns(columns: &[&Column]) -> Result<()> {
    match columns.iter().find(|column| columns::POLL_ONLY.contains(&column.name)) {
        Some(Column { name, .. }) => {
            Err(Error::usage(format!("{name} column is requested, but --poll is not enabled")))
        }
        None => Ok(()),
    }
}

fn unexpected(operand: &OsStr) -> Error {
    Error::usage(format!("unexpected operand {}", common::quote(operand)))
}

fn column_choice(list: &OsStr) -> Result<ColumnChoice> {
    let bytes = list.as_bytes();
    let rest = |bytes| columns::parse(OsStr::from_bytes(bytes));
    match bytes {
        [b'+', list @ ..] => rest(list).map(ColumnChoice::Plus),
        [b'-', list @ ..] => rest(list).map(ColumnChoice::Minus),
        _ => columns::parse(list).map(ColumnChoice::These),
    }
}

fn number<T: std::str::FromStr>(value: &OsString, what: &str) -> Result<T> {
    let parsed = value.to_str().and_then(|value| value.parse().ok());
    parsed.ok_or_else(|| {
        Error::usage(format!("invalid {what} argument: '{}'", value.to_string_lossy()))
    })
}

fn direction(word: &OsString) -> Result<bool> {
    match word.as_bytes() {
        b"forward" => Ok(false),
        b"backward" => Ok(true),
        _ => Err(Error::usage(format!("unknown direction '{}'", word.to_string_lossy()))),
    }
}

fn method(word: Option<&OsStr>) -> Result<Option<Method>> {
    match word.map(OsStr::as_bytes) {
        None => Ok(None),
        Some(b"mountinfo") => Ok(Some(Method::Mountinfo)),
        Some(b"listmount") => Ok(Some(Method::Listmount)),
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            Err(Error::usage(format!("unknown method '{other}' of --kernel")))
        }
    }
}

fn when(word: Option<&OsStr>) -> Result<When> {
    match word.map(OsStr::as_bytes) {
        None | Some(b"auto") => Ok(When::Auto),
        Some(b"always") => Ok(When::Always),
        Some(b"never") => Ok(When::Never),
        Some(other) => {
            let other = String::from_utf8_lossy(other);
            Err(Error::usage(format!("unknown mode '{other}' of --hyperlink")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_classic_may_be_shortened() {
        for (typed, full) in [
            ("first", "first-only"),
            ("nohe", "noheadings"),
            ("json", "json"),
            ("pse", "pseudo"),
            ("so", "source"),
            ("tab", "tab-file"),
            ("tar", "target"),
            ("uniq-", "uniq-id"),
        ] {
            assert_eq!(LONG.full(typed), Ok(full));
        }
        for typed in ["no", "delet", "nul", "sub-"] {
            assert!(LONG.full(typed).is_err(), "{typed}");
        }
    }

    fn action(arguments: &[&str]) -> Result<Action> {
        parse(lexopt::Parser::from_args(arguments))
    }

    fn request(arguments: &[&str]) -> Request {
        match action(arguments).unwrap() {
            Action::Find(request) => *request,
            action => panic!("{action:?}"),
        }
    }

    fn message(arguments: &[&str]) -> String {
        let error = action(arguments).unwrap_err();
        assert_eq!(error.kind(), common::Kind::Usage);
        error.to_string()
    }

    fn names(request: &Request) -> Vec<&str> {
        request.columns.iter().map(|column| column.name).collect()
    }

    #[test]
    fn every_option_has_help_and_is_known() {
        for name in CLASSIC {
            assert!(HELP.contains(&format!("--{name}")), "{name}");
        }
        for (short, long) in SHORT {
            assert_eq!(LONG.full(long).as_ref(), Ok(long));
            assert!(HELP.contains(&format!("-{short}, --{long}")), "{short}");
        }
    }

    #[test]
    fn abbreviations() {
        assert!(request(&["--noh"]).no_headings);
        assert!(request(&["--output-a"]).columns.len() > 20);
        assert_eq!(names(&request(&["--output", "id"])), ["ID"]);
        assert_eq!(message(&["--no"]), "option '--no' is ambiguous");
        assert_eq!(message(&["--zork"]), "invalid option '--zork'");
    }

    #[test]
    fn columns_are_chosen_added_and_removed() {
        assert_eq!(names(&request(&[])), ["TARGET", "SOURCE", "FSTYPE", "OPTIONS"]);
        assert_eq!(names(&request(&["-o+ID"])).last(), Some(&"ID"));
        assert_eq!(names(&request(&["-o", "-SOURCE,OPTIONS"])), ["TARGET", "FSTYPE"]);
        assert_eq!(names(&request(&["-D"]))[0], "SOURCE");
        assert_eq!(message(&["-o", "ID,foo"]), "unknown column: foo");
        assert_eq!(message(&["-o", ""]), "no columns are left to show");
    }

    #[test]
    fn options_may_follow_operands_and_be_combined() {
        let request = request(&["/mnt", "-Rn", "-o", "TARGET"]);
        assert!(request.selection.either && request.selection.submounts && request.no_headings);
    }

    #[test]
    fn operands() {
        let selection = request(&["8:1", "/"]).selection;
        assert_eq!(selection.source, Some(Source::Device(8, 1)));
        assert_eq!(selection.target.as_deref(), Some(&b"/"[..]));
        assert!(!selection.either);
        assert_eq!(message(&["a", "b", "c"]), "unexpected operand 'c'");
        assert!(message(&["-S", "x", "y"]).contains("cannot be used together"));
    }

    #[test]
    fn mutually_exclusive_options() {
        for arguments in [
            &["-C", "-c"][..],
            &["-C", "-e"],
            &["-J", "-r"],
            &["-P", "-x"],
            &["-M", "/", "-T", "/"],
            &["-N", "1", "-k"],
            &["-m", "-s"],
            &["-p", "-x"],
            &["-p", "-m"],
            &["--pseudo", "--real"],
            &["-l", "-P"],
        ] {
            assert!(message(arguments).ends_with("are mutually exclusive"), "{arguments:?}");
        }
        assert_eq!(message(&["-rJ"]), "--json and --raw are mutually exclusive");
    }

    #[test]
    fn values() {
        assert_eq!(request(&["--kernel=listmount"]).method, Some(Method::Listmount));
        assert_eq!(message(&["--kernel=x"]), "unknown method 'x' of --kernel");
        assert_eq!(message(&["-d", "up"]), "unknown direction 'up'");
        assert_eq!(message(&["-w", "x"]), "invalid timeout argument: 'x'");
        assert_eq!(message(&["--hyperlink=x"]), "unknown mode 'x' of --hyperlink");
        assert_eq!(request(&["-N", "1", "-N", "2"]).origin, Origin::Tasks(vec![1, 2]));
    }

    #[test]
    fn other_actions() {
        assert!(matches!(action(&["-h", "--zork"]), Ok(Action::Help)));
        assert!(matches!(action(&["-V"]), Ok(Action::Version)));
        assert!(matches!(action(&["-H", "-J"]), Ok(Action::ListColumns(Form::Json))));
        assert!(matches!(action(&["-x"]), Ok(Action::Verify(r)) if r.origin == Origin::Fstab));
        assert!(matches!(action(&["--wait", "/x", "-w", "5"]), Ok(Action::Wait(..))));
        assert!(matches!(action(&["-pmount"]), Ok(Action::Poll(..))));
        assert!(message(&["--wait", "/x", "-n"]).contains("the only option"));
        assert_eq!(message(&["--wait", "/x", "y"]), "unexpected operand 'y'");
    }
}
