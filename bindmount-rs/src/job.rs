//! One call of the tool: its lines, mounted in order, all or none, and then COMMAND.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::rc::Rc;

use common::tree::remove_if_fails;
use common::{Command, Context, Error, Result, quote, shown, start};
use nix::fcntl::{OFlag, open, readlink};
use nix::sys::stat::Mode;
use nix::unistd::fchdir;

use crate::line::{Line, NAME_THE_DEVICE, Origin};
use crate::mount::{Done, How, Mounter};
use crate::namespace::Visit;
use crate::options::Options;
use crate::place::Places;
use crate::table::{self, Entry};
use crate::{hints, input};
use common::fstab::Malformed;
use common::option_list;

/// The status of mount(8) where some lines of a table were mounted and some were not.
const SOME: u8 = 64;

/// The status of mount(8) where none was.
const NONE: u8 = 32;

/// Where the lines come from.
#[derive(Debug)]
pub enum Lines {
    One(Box<Line>),
    Table(Table),
}

/// A table, and which of its lines to mount.
#[derive(Debug, Default)]
pub struct Table {
    pub paths: Vec<OsString>,
    /// The options of the command line, which come after those of a line.
    pub options: Vec<OsString>,
    /// As `mount -a`: lines that say `noauto`, and the root, are passed over.
    pub all: bool,
    /// Targets are inside a root of their own, which a line may be for.
    pub in_root: bool,
    pub types: Option<OsString>,
    /// The options that a line must have, or must not have.
    pub test_options: Option<OsString>,
    pub source: Option<OsString>,
    pub target: Option<OsString>,
}

/// What the command line asks for.
#[derive(Debug)]
pub struct Job {
    pub lines: Lines,
    pub root: Option<OsString>,
    /// First of all the root is bound onto itself.
    pub self_bind: Option<Box<Line>>,
    /// COMMAND starts in the root.
    pub enter_root: bool,
    pub target_prefix: Option<OsString>,
    pub how: How,
    /// The mount namespace to work in.
    pub namespace: Option<OsString>,
    pub keep_going: bool,
    pub fake: bool,
    pub verbose: bool,
    /// The byte after each printed target.
    pub print: Option<u8>,
    /// The exit status when the tool itself fails, instead of mount(8)'s.
    pub failure_status: Option<u8>,
    /// The directory that is removed if this process fails before it becomes COMMAND.
    pub remove_on_failure: Option<OsString>,
    pub command: Option<Command>,
}

impl Job {
    /// Mounts the lines, and becomes COMMAND.
    pub fn run(mut self) -> Result<u8> {
        let (status, doomed) = (self.failure_status, self.remove_on_failure.take());
        remove_if_fails(doomed.as_deref(), || self.act())
            .map_err(|error| error.with_failure_status(status))
    }

    fn act(mut self) -> Result<u8> {
        let visit = self.namespace.as_deref().map(Visit::to).transpose()?;
        let (lines, unread) = self.lines()?;
        let here = self.enter_root.then(here).transpose()?;
        if self.fake {
            write_out(&self.told_of_all(&lines))?;
            return Ok(status(unread, lines.len()));
        }
        let mut mounter = Mounter::new(self.places()?, self.how, &lines);
        mounter.reserve(&lines)?;
        if self.how.detach {
            mounter.keep(self.command.as_ref().and_then(Command::find));
        }
        let result = self.mount(&mut mounter, &lines, unread).and_then(|status| {
            visit.as_ref().map_or(Ok(()), Visit::leave)?;
            if self.enter_root {
                mounter.enter_root()?;
            }
            match &self.command {
                Some(command) if status == 0 => Err(target_for_command(command.exec(), &lines)),
                _ => Ok(status),
            }
        });
        if result.is_err() {
            // If this fails, each step of the undo fails too, and reports it.
            let _ = visit.as_ref().map_or(Ok(()), Visit::enter);
            let _ = here.map_or(Ok(()), fchdir);
            mounter.undo_to(0).iter().for_each(start::report);
        }
        result
    }

    fn places(&self) -> Result<Places> {
        match &self.root {
            Some(root) => Places::inside(root).context("open the root", root),
            None => Ok(Places::default()),
        }
    }

    /// The checked lines, and the number of lines that could not be read. Only `--keep-going` allows such lines.
    fn lines(&mut self) -> Result<(Vec<Line>, usize)> {
        let mut unread = Vec::new();
        let mut lines = match std::mem::take(&mut self.lines) {
            Lines::One(line) => vec![*line],
            Lines::Table(table) => table.lines(&mut unread)?,
        };
        if !self.keep_going {
            if let Some(last) = unread.pop() {
                unread.iter().for_each(start::report);
                return Err(last);
            }
        }
        unread.iter().for_each(start::report);
        if let Some(prefix) = &self.target_prefix {
            for line in &mut lines {
                line.target = [prefix.as_os_str(), &line.target].join(OsStr::new("/"));
            }
        }
        if let Some(line) = self.self_bind.take() {
            lines.insert(0, *line);
        }
        Ok((lines, unread.len()))
    }

    /// Mounts the lines, and gives the exit status: some may fail only with `--keep-going`. `unread` is how many could not
    /// even be read.
    fn mount(&self, mounter: &mut Mounter, lines: &[Line], unread: usize) -> Result<u8> {
        let (mut failed, mut told) = (0, Vec::new());
        for line in lines {
            let mark = mounter.mark();
            let error = match mounter.mount(line) {
                Ok(done) => {
                    self.tell(line, &done, &mut told);
                    continue;
                }
                Err(error) => line.locate(error.explain(hints::any)),
            };
            if !self.keep_going && !line.options.optional {
                return Err(error);
            }
            if !line.options.optional {
                start::report(&error);
                failed += 1;
            }
            mounter.undo_to(mark).iter().for_each(start::report);
        }
        write_out(&told)?;
        Ok(status(unread + failed, lines.len() - failed))
    }

    /// Adds what `--print` and `--verbose` say of a line that was done.
    fn tell(&self, line: &Line, done: &Done, told: &mut Vec<u8>) {
        if let (Done::Mounted(mount), Some(end)) = (done, self.print) {
            let link = format!("/proc/self/fd/{}", mount.as_raw_fd());
            let path = readlink(link.as_str()).unwrap_or_else(|_| line.target.clone());
            // A NUL at the end means that a program reads it.
            match end {
                0 => told.extend_from_slice(path.as_bytes()),
                _ => told.extend_from_slice(shown(path).as_bytes()),
            }
            told.push(end);
        }
        if self.verbose && !matches!(done, Done::Skipped) {
            say(line, told);
        }
    }

    /// What `--verbose` says of lines that were not mounted.
    fn told_of_all(&self, lines: &[Line]) -> Vec<u8> {
        let mut told = Vec::new();
        if self.verbose {
            lines.iter().for_each(|line| say(line, &mut told));
        }
        told
    }
}

/// The exit status where so many lines failed, and so many did not.
fn status(failed: usize, done: usize) -> u8 {
    match (failed, done) {
        (0, _) => 0,
        (_, 0) => NONE,
        _ => SOME,
    }
}

/// mount(8) takes `-T FILE TARGET`, where TARGET would be COMMAND here.
fn target_for_command(error: Error, lines: &[Line]) -> Error {
    let is_target =
        |word: &&OsStr| lines.iter().any(|line| line.origin.is_some() && line.target == *word);
    match error.object().filter(is_target).map(quote) {
        Some(word) => error.with_hint(format!(
            "{word} is the target of a line and was taken for COMMAND: `--target {word}` mounts that line alone"
        )),
        None => error,
    }
}

fn say(line: &Line, told: &mut Vec<u8>) {
    let words = OsString::from_vec(line.done_in_words());
    told.extend_from_slice(format!("{}: {}.\n", shown(start::name()), shown(words)).as_bytes());
}

fn here() -> Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    open(".", flags, Mode::empty()).step("open the working directory")
}

impl Default for Lines {
    fn default() -> Self {
        Self::Table(Table::default())
    }
}

impl Table {
    /// The lines to mount. Errors of wrong lines go into `unread`: all are found before the first line is mounted.
    fn lines(&self, unread: &mut Vec<Error>) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for path in &self.paths {
            for (name, text) in input::read(path)? {
                for line in self.read(&Rc::from(name), &text) {
                    match line {
                        Ok(line) => lines.push(line),
                        Err(error) => unread.push(error),
                    }
                }
            }
        }
        match self.target.as_ref().or(self.source.as_ref()) {
            Some(wanted) if lines.is_empty() && unread.is_empty() => {
                Err(Error::because("find", wanted, "no line of the table has it"))
            }
            _ => Ok(lines),
        }
    }

    fn read(&self, table: &Rc<OsStr>, text: &[u8]) -> impl Iterator<Item = Result<Line>> {
        table::parse(text).filter_map(|entry| {
            let origin = |number, comment| Origin { table: Rc::clone(table), number, comment };
            let mut entry = match entry {
                Ok(entry) => entry,
                Err(Malformed { number, reason }) => {
                    return Some(Err(origin(number, None).locate("read", &Error::usage(reason))));
                }
            };
            let origin = origin(entry.number, entry.comment.take());
            match self.line(entry) {
                Ok(line) => line.map(|line| Ok(Line { origin: Some(origin), ..line })),
                Err(error) => Some(Err(origin.locate("read", &error))),
            }
        })
    }

    fn line(&self, entry: Entry) -> Result<Option<Line>> {
        if !self.names(&entry) {
            return Ok(None);
        }
        let mut options = Options::default();
        options.add(&entry.options)?;
        self.options.iter().try_for_each(|list| options.add(list))?;
        if self.all && (options.no_auto || entry.target == "/" && !self.in_root) {
            return Ok(None);
        }
        let kind = shown(&entry.kind);
        Line::new(entry, options).map(Some).map_err(|error| match error.hint() {
            Some(NAME_THE_DEVICE) => error.with_hint(format!(
                "{NAME_THE_DEVICE}, or leave its line out: `-t no{kind}` takes no line of its type (`-t none` is, as in \
                 mount, every type but `ne`)"
            )),
            _ => error,
        })
    }

    fn names(&self, entry: &Entry) -> bool {
        let is = |wanted: &Option<OsString>, there: &OsStr| {
            wanted.as_ref().is_none_or(|wanted| wanted == there)
        };
        !matches!(entry.kind.as_bytes(), b"swap" | b"ignore")
            && is(&self.source, &entry.source)
            && is(&self.target, &entry.target)
            && self.types.as_ref().is_none_or(|list| {
                option_list::selects_type(list.as_bytes(), entry.kind.as_bytes())
            })
            && self.test_options.as_ref().is_none_or(|list| {
                option_list::selects_options(list.as_bytes(), entry.options.as_bytes())
            })
    }
}

fn write_out(text: &[u8]) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let mut out = io::stdout().lock();
    out.write_all(text)
        .and_then(|()| out.flush())
        .map_err(|e| Error::from_io("write", "standard output", &e))
}
