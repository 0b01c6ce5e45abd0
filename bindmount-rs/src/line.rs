//! What a line of a table, or the command line, asks for, checked before anything is mounted.

use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::rc::Rc;

use common::{Error, Result, quote};

use crate::node::Node;
use crate::options::{Operation, Options};
use crate::table::Entry;

/// One thing to do at one target.
#[derive(Debug)]
pub struct Line {
    /// Where it comes from, `FILE:LINE`; none for the command line.
    pub place: Option<Place>,
    pub source: CString,
    pub target: OsString,
    pub work: Work,
    pub options: Options,
}

/// The table and the line in it.
#[derive(Debug)]
pub struct Place {
    pub table: Rc<OsStr>,
    pub number: usize,
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
    Mask,
    ReadOnly,
    Node(Node),
}

impl Line {
    pub fn new(entry: Entry, options: Options) -> Result<Self> {
        let work = work(&entry, &options)?;
        check_source(&entry.source, &work)?;
        check_options(&options, &work)?;
        Ok(Self {
            place: None,
            source: c_string(entry.source),
            target: entry.target,
            work,
            options,
        })
    }
}

fn work(entry: &Entry, options: &Options) -> Result<Work> {
    if let Some(node) = Node::of(entry, options)? {
        return Ok(Work::Node(node));
    }
    match entry.kind.as_bytes() {
        b"mask" => return Ok(Work::Mask),
        b"readonly" => return Ok(Work::ReadOnly),
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

impl Work {
    /// The word of mount(8) for what was done with the source.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Bind { .. } | Self::ReadOnly => "bound",
            Self::Move => "moved",
            _ => "mounted",
        }
    }
}

/// Tags name block devices, which are not looked for here.
const TAGS: &[&[u8]] = &[b"LABEL=", b"UUID=", b"PARTLABEL=", b"PARTUUID=", b"ID="];

fn check_source(source: &OsStr, work: &Work) -> Result<()> {
    let tagged = TAGS.iter().any(|tag| source.as_bytes().starts_with(tag));
    if tagged && matches!(work, Work::Bind { .. } | Work::Move | Work::FileSystem(_)) {
        let source = quote(source);
        return Err(Error::usage(format!("{source} names a block device, which is not supported")));
    }
    Ok(())
}

/// Only a file system has words of its own, and only a mount has attributes.
fn check_options(options: &Options, work: &Work) -> Result<()> {
    let refuse = |what: &str| Err(Error::usage(format!("{what} has no place here")));
    let own = matches!(work, Work::FileSystem(_) | Work::Node(_) | Work::Mask);
    if let (false, Some(word)) = (own, options.data.first()) {
        return refuse(&format!("the mount option {}", quote(word)));
    }
    let is_copy = matches!(work, Work::Bind { .. } | Work::FileSystem(_));
    let finish = options.owner.is_some() || options.group.is_some() || options.mode.is_some();
    match work {
        _ if !is_copy && options.idmap.is_some() => refuse("a map of owners"),
        _ if !is_copy && finish => refuse("an owner, group or mode"),
        Work::Mask | Work::ReadOnly | Work::Node(_) if !options.propagation.is_empty() => {
            refuse("a propagation")
        }
        Work::Node(_) | Work::Move if options.has_attributes() => refuse("a mount attribute"),
        _ => Ok(()),
    }
}

/// Arguments hold no NUL, and a table's fields were searched for one.
pub fn c_string(text: OsString) -> CString {
    CString::new(text.into_vec()).unwrap_or_default()
}
