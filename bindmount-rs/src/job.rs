//! One call of the tool: its lines, mounted in order, all or none, and then COMMAND.

use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::rc::Rc;

use common::{Command, Context, Error, Result, shown, start};
use nix::fcntl::{OFlag, open, readlink};
use nix::sys::stat::Mode;
use nix::unistd::fchdir;

use crate::line::{Line, Place};
use crate::mount::{Done, How, Mounter};
use crate::namespace::Visit;
use crate::options::Options;
use crate::place::Places;
use crate::table::{self, Entry};
use crate::{hints, input};

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

/// A table, and which of its lines are meant.
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
    /// The byte behind each target that is printed.
    pub print: Option<u8>,
    pub command: Option<Command>,
}

impl Job {
    /// Does it all, and becomes COMMAND.
    pub fn run(mut self) -> Result<u8> {
        let visit = self.namespace.as_deref().map(Visit::to).transpose()?;
        let lines = self.lines()?;
        let here = self.enter_root.then(here).transpose()?;
        if self.fake {
            return write_out(&self.told_of_all(&lines)).map(|()| 0);
        }
        let mut mounter = Mounter::new(self.places()?, self.how, &lines);
        mounter.reserve(&lines)?;
        if self.how.detach {
            mounter.keep(self.command.as_ref().and_then(Command::find));
        }
        let result = self.mount(&mut mounter, &lines).and_then(|status| {
            visit.as_ref().map_or(Ok(()), Visit::leave)?;
            if self.enter_root {
                mounter.enter_root()?;
            }
            match &self.command {
                Some(command) if status == 0 => Err(command.exec()),
                _ => Ok(status),
            }
        });
        if result.is_err() {
            // Where that fails nothing is found to be undone, and each step says so.
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

    /// All lines, checked.
    fn lines(&mut self) -> Result<Vec<Line>> {
        let mut lines = match std::mem::take(&mut self.lines) {
            Lines::One(line) => vec![*line],
            Lines::Table(table) => table.lines()?,
        };
        if let Some(prefix) = &self.target_prefix {
            for line in &mut lines {
                line.target = [prefix.as_os_str(), &line.target].join(OsStr::new("/"));
            }
        }
        if let Some(line) = self.self_bind.take() {
            lines.insert(0, *line);
        }
        Ok(lines)
    }

    /// Mounts the lines, and gives the exit status: some may fail only with `--keep-going`.
    fn mount(&self, mounter: &mut Mounter, lines: &[Line]) -> Result<u8> {
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
            if !self.keep_going {
                return Err(error);
            }
            start::report(&error);
            mounter.undo_to(mark).iter().for_each(start::report);
            failed += 1;
        }
        write_out(&told)?;
        Ok(match failed {
            0 => 0,
            _ if failed < lines.len() => SOME,
            _ => NONE,
        })
    }

    /// Adds what `--print` and `--verbose` say of a line that was done.
    fn tell(&self, line: &Line, done: &Done, told: &mut Vec<u8>) {
        if let (Done::Mounted(mount), Some(end)) = (done, self.print) {
            let link = format!("/proc/self/fd/{}", mount.as_raw_fd());
            let path = readlink(link.as_str()).unwrap_or_else(|_| line.target.clone());
            // Only what ends with a NUL is for a program alone.
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
    /// The lines that are meant. What is wrong with any of them is found before the first is mounted.
    fn lines(&self) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for path in &self.paths {
            for (name, text) in input::read(path)? {
                self.add(&Rc::from(name), &text, &mut lines)?;
            }
        }
        match self.target.as_ref().or(self.source.as_ref()) {
            Some(wanted) if lines.is_empty() => {
                Err(Error::because("find", wanted, "no line of the table has it"))
            }
            _ => Ok(lines),
        }
    }

    fn add(&self, table: &Rc<OsStr>, text: &[u8], lines: &mut Vec<Line>) -> Result<()> {
        for entry in table::parse(text) {
            let place = |number, comment| Place { table: Rc::clone(table), number, comment };
            let mut entry = entry.map_err(|malformed| {
                place(malformed.number, None).locate("read", &Error::usage(malformed.reason))
            })?;
            let place = place(entry.number, entry.comment.take());
            let line = self.line(entry).map_err(|error| place.locate("read", &error))?;
            lines.extend(line.map(|line| Line { place: Some(place), ..line }));
        }
        Ok(())
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
        Line::new(entry, options).map(Some)
    }

    fn names(&self, entry: &Entry) -> bool {
        let is = |wanted: &Option<OsString>, there: &OsStr| {
            wanted.as_ref().is_none_or(|wanted| wanted == there)
        };
        !matches!(entry.kind.as_bytes(), b"swap" | b"ignore")
            && is(&self.source, &entry.source)
            && is(&self.target, &entry.target)
            && self.types.as_ref().is_none_or(|list| table::selected(list, &entry.kind))
            && self
                .test_options
                .as_ref()
                .is_none_or(|list| table::has_options(list, &entry.options))
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
