//! A line of a table, or the command line, checked before anything is mounted.

use std::ffi::{CString, OsStr, OsString, c_int};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::rc::Rc;

use common::{Error, Result, quote};

use crate::descriptor;
use crate::node::Node;
use crate::options::{Operation, Options};
use crate::table::Entry;

/// One thing to do at one target.
#[derive(Debug)]
pub struct Line {
    /// Its line in a table; none for the command line.
    pub origin: Option<Origin>,
    pub source: CString,
    pub target: OsString,
    pub work: Work,
    pub options: Options,
}

/// The table and the line in it.
#[derive(Debug)]
pub struct Origin {
    pub table: Rc<OsStr>,
    pub number: usize,
    /// The line's comment, which names it better.
    pub comment: Option<OsString>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Work {
    Bind {
        recursive: bool,
    },
    Move,
    /// New attributes or propagation for the mount that is there.
    Change,
    FileSystem(CString),
    /// A file in memory with what is read from the descriptor.
    Data {
        number: c_int,
        mode: u32,
    },
    /// The root is bound onto itself.
    SelfBind,
    Mask,
    ReadOnly,
    Node(Node),
}

impl Line {
    /// The line of `--self-bind`: the root, which `root` names, is bound onto itself.
    pub fn self_bind(root: OsString, list: &OsStr) -> Result<Self> {
        let mut options = Options::default();
        options.add(list)?;
        let work = Work::SelfBind;
        check_options(&options, &work)?;
        Ok(Self { origin: None, source: c_string(root), target: "/".into(), work, options })
    }

    pub fn new(entry: Entry, options: Options) -> Result<Self> {
        let work = work(&entry, &options)?;
        check_source(&entry.source, &work)?;
        check_options(&options, &work)?;
        Ok(Self {
            origin: None,
            source: c_string(entry.source),
            target: entry.target,
            work,
            options,
        })
    }

    /// The error of mounting this line, with its origin. A comment does not name the target, so the target is added.
    pub fn locate(&self, error: Error) -> Error {
        match &self.origin {
            Some(Origin { comment: Some(name), .. })
                if !error.to_string().contains(&quote(&self.target)) =>
            {
                locate(&format!("mount {} on", quote(name)), &self.target, &error)
            }
            Some(origin) => origin.locate("mount", &error),
            None => error,
        }
    }

    /// What was done, as mount(8) says it.
    pub fn done_in_words(&self) -> Vec<u8> {
        let (source, target) = (self.source.to_bytes(), self.target.as_bytes());
        let words: &[&[u8]] = match &self.work {
            Work::Bind { .. } => &[source, b"bound on", target],
            Work::SelfBind => &[source, b"bound on itself"],
            Work::Move => &[source, b"moved to", target],
            Work::Change if self.options.remount => &[target, b"remounted"],
            Work::Change => &[target, b"propagation flags changed"],
            Work::FileSystem(_) | Work::Data { .. } => &[source, b"mounted on", target],
            Work::Mask => &[target, b"masked"],
            Work::ReadOnly => &[target, b"made read-only"],
            Work::Node(_) => &[target, b"made"],
        };
        words.join(&b' ')
    }
}

impl Origin {
    /// The error of a step with this line, which names its origin.
    pub fn locate(&self, step: &str, error: &Error) -> Error {
        locate(step, &self.name(), error)
    }

    fn name(&self) -> OsString {
        self.comment.clone().unwrap_or_else(|| {
            let mut name = self.table.to_os_string();
            name.push(format!(":{}", self.number));
            name
        })
    }
}

fn locate(step: &str, object: &OsStr, error: &Error) -> Error {
    let located = Error::because(step, object, error.to_string());
    match error.hint() {
        Some(hint) => located.with_hint(hint),
        None => located,
    }
}

fn work(entry: &Entry, options: &Options) -> Result<Work> {
    if let Some(node) = Node::of(entry, options)? {
        return Ok(Work::Node(node));
    }
    match entry.kind.as_bytes() {
        b"mask" => return Ok(Work::Mask),
        b"readonly" => return Ok(Work::ReadOnly),
        b"data" => {
            let missing = || Error::usage("the source of the type 'data' is /dev/fd/N");
            let number = descriptor::number_of(&entry.source).ok_or_else(missing)?;
            return Ok(Work::Data { number, mode: options.data_mode(0o600)? });
        }
        _ => {}
    }
    match options.operation {
        Some(Operation::Bind | Operation::BindRecursive) if options.remount => Ok(Work::Change),
        _ if options.remount => Err(Error::usage(
            "remount without bind changes a file system for all who use it, and is not supported",
        )),
        Some(Operation::Bind) => Ok(Work::Bind { recursive: false }),
        Some(Operation::BindRecursive) => Ok(Work::Bind { recursive: true }),
        Some(Operation::Move) => Ok(Work::Move),
        None => without_operation(entry, options),
    }
}

fn without_operation(entry: &Entry, options: &Options) -> Result<Work> {
    match entry.kind.as_bytes() {
        b"bind" => Ok(Work::Bind { recursive: false }),
        b"none" | b"" if !options.propagation.is_empty() => Ok(Work::Change),
        b"none" | b"" => {
            Err(Error::usage("the type 'none' needs bind, rbind, move, remount or a propagation"))
        }
        b"auto" => Err(Error::usage("the type 'auto' is not supported: name the file system")),
        _ => Ok(Work::FileSystem(c_string(entry.kind.clone()))),
    }
}

/// Tags name block devices, which are not supported.
const TAGS: &[&[u8]] = &[b"LABEL=", b"UUID=", b"PARTLABEL=", b"PARTUUID=", b"ID="];

/// The hint for a tag, and for nothing else.
pub const NAME_THE_DEVICE: &str = "name the device by its path, as `blkid` lists it";

fn check_source(source: &OsStr, work: &Work) -> Result<()> {
    let tagged = TAGS.iter().any(|tag| source.as_bytes().starts_with(tag));
    if tagged && matches!(work, Work::Bind { .. } | Work::Move | Work::FileSystem(_)) {
        let source = quote(source);
        let refusal = format!("{source} names a block device, which is not supported");
        return Err(Error::usage(refusal).with_hint(NAME_THE_DEVICE));
    }
    Ok(())
}

/// Refuses options that do not apply to this work.
fn check_options(options: &Options, work: &Work) -> Result<()> {
    let is_new = matches!(
        work,
        Work::Bind { .. } | Work::FileSystem(_) | Work::Data { .. } | Work::SelfBind
    );
    let is_ours = matches!(work, Work::Mask | Work::ReadOnly | Work::Node(_));
    let is_said = is_ours || *work == Work::SelfBind;
    let has_words =
        matches!(work, Work::FileSystem(_) | Work::Data { .. } | Work::Node(_) | Work::Mask);
    let has_attributes = !matches!(work, Work::Node(_));
    let finishes = options.owner.is_some() || options.group.is_some() || options.mode.is_some();

    let word = options.data.first().map(|word| format!("the mount option {}", quote(word)));
    let refusals = [
        (is_said && (options.operation.is_some() || options.remount), "bind, move or remount"),
        (is_ours && !options.propagation.is_empty(), "a propagation"),
        (!is_new && options.idmap.is_some(), "a map of owners"),
        (!is_new && options.subdirectory.is_some(), "a subdirectory"),
        (!is_new && finishes, "an owner, group or mode"),
        (!has_attributes && options.has_attributes(), "a mount attribute"),
        (
            (options.is_tree || options.descriptor.is_some()) && !matches!(work, Work::Bind { .. }),
            "a tree on a descriptor",
        ),
        (options.copy_up && *work != Work::FileSystem(c"tmpfs".into()), "tmpcopyup"),
        (options.for_superblock && !matches!(work, Work::FileSystem(_)), "ro=fs or rw=fs"),
        (!has_words && word.is_some(), word.as_deref().unwrap_or_default()),
    ];
    match refusals.iter().find(|refusal| refusal.0) {
        Some((_, what)) => Err(Error::usage(format!("{what} is not allowed here"))),
        None => Ok(()),
    }
}

/// Arguments hold no NUL, and a table's fields were searched for one.
pub fn c_string(text: OsString) -> CString {
    CString::new(text.into_vec()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(source: &str, kind: &str, list: &str) -> Result<Line> {
        let mut options = Options::default();
        options.add(OsStr::new(list))?;
        let (source, target) = (source.into(), "/t".into());
        Line::new(Entry { source, target, kind: kind.into(), ..Entry::default() }, options)
    }

    #[test]
    fn every_sort_of_work() {
        for (kind, list, work) in [
            ("none", "bind", Work::Bind { recursive: false }),
            ("bind", "", Work::Bind { recursive: false }),
            ("bind", "rbind", Work::Bind { recursive: true }),
            ("tmpfs", "rbind", Work::Bind { recursive: true }),
            ("none", "move", Work::Move),
            ("none", "remount,bind,ro", Work::Change),
            ("none", "rslave", Work::Change),
            ("tmpfs", "rslave", Work::FileSystem(c"tmpfs".into())),
            ("mask", "", Work::Mask),
            ("readonly", "", Work::ReadOnly),
        ] {
            assert_eq!(line("s", kind, list).unwrap().work, work, "{kind} {list}");
        }
        assert!(matches!(line("1:3", "char", "").unwrap().work, Work::Node(_)));
    }

    #[test]
    fn what_a_line_cannot_honour_is_refused() {
        for (kind, list, reason) in [
            ("none", "", "the type 'none' needs"),
            ("auto", "", "the type 'auto' is not supported"),
            ("none", "remount,ro", "remount without bind"),
            ("none", "bind,size=1m", "the mount option 'size=1m' is not allowed here"),
            ("none", "bind,tmpcopyup", "tmpcopyup is not allowed here"),
            ("proc", "tmpcopyup", "tmpcopyup is not allowed here"),
            ("none", "bind,ro=fs", "ro=fs or rw=fs is not allowed here"),
            ("none", "rslave,X-mount.subdir=a", "a subdirectory is not allowed here"),
            ("none", "move,X-mount.idmap=0:1:2", "a map of owners is not allowed here"),
            ("mask", "bind", "bind, move or remount is not allowed here"),
            ("mask", "private", "a propagation is not allowed here"),
            ("readonly", "X-mount.mode=700", "an owner, group or mode is not allowed here"),
            ("readonly", "size=1m", "the mount option 'size=1m' is not allowed here"),
            ("dir", "ro", "a mount attribute is not allowed here"),
        ] {
            let message = line("s", kind, list).unwrap_err().to_string();
            assert!(message.contains(reason), "{kind} {list}: {message}");
        }
    }

    #[test]
    fn every_name_of_a_block_device_is_refused() {
        for tag in TAGS {
            let source = format!("{}x", String::from_utf8_lossy(tag));
            for (kind, list) in [("none", "bind"), ("none", "move"), ("ext4", "")] {
                let message = line(&source, kind, list).unwrap_err().to_string();
                assert_eq!(
                    message,
                    format!("'{source}' names a block device, which is not supported")
                );
            }
            assert!(line(&source, "mask", "").is_ok());
        }
    }
}
