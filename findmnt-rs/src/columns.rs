//! The columns: one table of descriptors.

use std::borrow::Cow;
use std::cell::Cell as StdCell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{Error, Result, quote, start, sys::statmount as mask};
use nix::sys::statvfs::{Statvfs, statvfs};

use crate::options::{self, Sort};
use crate::table::{Kind, Mount, Table};
use crate::tags::{Tag, Tags};
use crate::text;
use crate::types;

/// The value of a column for one mount.
#[derive(Debug)]
pub enum Cell<'a> {
    /// No value.
    None,
    /// Borrowed text is a word of the table or a constant: computing it again costs nothing.
    Text(Cow<'a, [u8]>),
    Number(u64),
    /// A number of bytes, shown with a unit unless `--bytes` is given.
    Size(u64),
    /// All options of a mount, which are joined only when they are written.
    Options(&'a Table, &'a Mount),
    /// A source, and the directory that was mounted from it.
    Source(Cow<'a, [u8]>, &'a [u8]),
}

impl<'a> Cell<'a> {
    /// Text; an empty word is no value.
    fn word(word: impl Into<Cow<'a, [u8]>>) -> Self {
        let word = word.into();
        if word.is_empty() { Cell::None } else { Cell::Text(word) }
    }

    fn owned(text: String) -> Self {
        Cell::Text(Cow::Owned(text.into_bytes()))
    }

    /// Whether it consists of words of the table alone.
    pub fn is_borrowed(&self) -> bool {
        matches!(
            self,
            Cell::None
                | Cell::Text(Cow::Borrowed(_))
                | Cell::Options(..)
                | Cell::Source(Cow::Borrowed(_), _)
        )
    }

    /// The length of its text, if it is known without writing it.
    pub fn length(&self) -> Option<usize> {
        match self {
            Cell::None => Some(0),
            Cell::Text(word) => Some(word.len()),
            Cell::Source(source, root) => Some(source.len() + root.len() + 2),
            _ => None,
        }
    }
}

/// The type of a column's values in JSON and filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueType {
    Text,
    Number,
    /// A number with `--bytes`, text otherwise.
    Size,
    /// An array.
    List,
}

/// A column's width on a terminal: a part of the terminal's width, or a number of characters.
#[derive(Clone, Copy, Debug)]
pub enum Width {
    Part(f64),
    Columns(usize),
}

/// The layout of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// On the left.
    Left,
    /// On the left; a few long cells do not widen the column.
    Uneven,
    /// On the left; never narrower than its width.
    Strict,
    /// On the left; cut if the terminal is too narrow.
    Cut,
    Right,
    /// Like [`Layout::Uneven`], with the tree before it.
    Tree,
}

/// One column.
pub struct Column {
    pub name: &'static str,
    pub width: Width,
    pub layout: Layout,
    pub values: ValueType,
    pub help: &'static str,
    /// The fields that the column needs, as a mask of statmount(2).
    pub needs: u64,
    pub cell: for<'a> fn(&View<'a>, &'a Mount) -> Cell<'a>,
}

impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

/// In [`Column::needs`]: the fields that statmount(2) always returns and mountinfo lacks.
pub const UNIQUE: u64 = 1 << 63;

/// The fields that only statmount(2) has.
pub const ONLY_STATMOUNT: u64 = mask::MNT_NS_ID | UNIQUE | mask::MNT_UIDMAP | mask::MNT_GIDMAP;

/// The fields that each kind of word needs, as a mask of statmount(2).
pub const OPTIONS: u64 = mask::MNT_BASIC | mask::SB_BASIC | mask::MNT_OPTS | mask::OPT_SEC_ARRAY;
#[allow(missing_docs)]
pub const SOURCE: u64 = mask::SB_SOURCE | mask::SB_BASIC | mask::MNT_ROOT;
#[allow(missing_docs)]
pub const TARGET: u64 = mask::MNT_POINT;
#[allow(missing_docs)]
pub const FSTYPE: u64 = mask::FS_TYPE | mask::FS_SUBTYPE;

macro_rules! column {
    ($name:literal, $width:expr, $layout:ident, $values:ident, $needs:expr, $cell:expr, $help:literal) => {
        Column {
            name: $name,
            width: $width,
            layout: Layout::$layout,
            values: ValueType::$values,
            help: $help,
            needs: $needs,
            cell: $cell,
        }
    };
}

use Width::{Columns as C, Part as P};

/// Every column, in the order of `--output-all`: first the classic's columns, then our own.
#[rustfmt::skip]
pub static COLUMNS: &[Column] = &[
    column!("TARGET", P(0.30), Tree, Text, TARGET, |view, mount| Cell::word(view.target(mount)), "mountpoint"),
    column!("ACTION", C(10), Strict, Text, 0, |view, _| view.change(|change| Cell::word(change.action.as_bytes())), "action detected by --poll"),
    column!("AVAIL", C(5), Right, Size, TARGET | FSTYPE, |view, mount| view.size(mount, Statvfs::blocks_available), "filesystem size available, use <number> if --bytes is given"),
    column!("FREQ", C(1), Right, Number, 0, |view, mount| view.fstab(mount.freq), "dump(8) period in days [fstab only]"),
    column!("FSROOT", P(0.25), Uneven, Text, mask::MNT_ROOT, |view, mount| Cell::word(view.table.word(mount.root)), "filesystem root"),
    column!("FSTYPE", P(0.10), Cut, Text, FSTYPE, |view, mount| Cell::word(view.table.fstype(mount)), "filesystem type"),
    column!("FS-OPTIONS", P(0.10), Cut, Text, OPTIONS, |view, mount| view.fs_options(mount), "FS specific mount options"),
    column!("ID", C(2), Right, Number, mask::MNT_BASIC, |view, mount| view.kernel(mount.id.into()), "mount ID"),
    column!("INO.AVAIL", C(5), Right, Text, TARGET | FSTYPE, |view, mount| view.inodes(mount, Statvfs::files_available), "number of available inodes"),
    column!("INO.TOTAL", C(5), Right, Text, TARGET | FSTYPE, |view, mount| view.inodes(mount, Statvfs::files), "total number of inodes"),
    column!("INO.USED", C(5), Right, Text, TARGET | FSTYPE, |view, mount| view.inodes(mount, |fs| fs.files().saturating_sub(fs.files_free())), "number of used inodes"),
    column!("INO.USE%", C(3), Right, Text, TARGET | FSTYPE, |view, mount| view.percent(mount, |fs| (fs.files(), fs.files_free())), "percentage of INO.USED divided by INO.TOTAL"),
    column!("LABEL", P(0.10), Left, Text, SOURCE, |view, mount| view.tag(mount, Tag::Label), "filesystem label"),
    column!("MAJ:MIN", C(6), Left, Text, mask::SB_BASIC, |view, mount| view.device(mount), "major:minor device number"),
    column!("OLD-OPTIONS", P(0.10), Cut, Text, 0, |view, _| view.change(|change| Cell::word(change.old_options.clone())), "old mount options saved by --poll"),
    column!("OLD-TARGET", P(0.30), Uneven, Text, 0, |view, _| view.change(|change| Cell::word(change.old_target.clone())), "old mountpoint saved by --poll"),
    column!("OPTIONS", P(0.10), Cut, Text, OPTIONS, |view, mount| view.options(mount), "all mount options"),
    column!("OPT-FIELDS", P(0.10), Cut, Text, mask::MNT_BASIC | mask::PROPAGATE_FROM, |view, mount| Cell::word(view.table.word(mount.optional)), "optional mount fields"),
    column!("PARENT", C(2), Right, Number, mask::MNT_BASIC, |view, mount| view.parent(mount), "mount parent ID"),
    column!("PARTLABEL", P(0.10), Left, Text, SOURCE, |view, mount| view.tag(mount, Tag::PartLabel), "partition label"),
    column!("PARTUUID", C(36), Left, Text, SOURCE, |view, mount| view.tag(mount, Tag::PartUuid), "partition UUID"),
    column!("PASSNO", C(1), Right, Number, 0, |view, mount| view.fstab(mount.passno), "pass number on parallel fsck(8) [fstab only]"),
    column!("PROPAGATION", P(0.10), Left, Text, mask::MNT_BASIC, |view, mount| view.propagation(mount), "VFS propagation flags"),
    column!("SIZE", C(5), Right, Size, TARGET | FSTYPE, |view, mount| view.size(mount, Statvfs::blocks), "filesystem size, use <number> if --bytes is given"),
    column!("SOURCE", P(0.25), Uneven, Text, SOURCE, |view, mount| view.source(mount), "source device"),
    column!("SOURCES", P(0.25), Uneven, List, SOURCE, |view, mount| view.sources(mount), "all possible source devices"),
    column!("TID", C(4), Right, Number, 0, |view, _| view.table.task.map_or(Cell::None, |task| Cell::Number(task.into())), "task ID"),
    column!("UNIQ-ID", C(10), Right, Number, UNIQUE, |view, mount| view.extra(mount, |extra| extra.unique_id), "mount 64-bit ID"),
    column!("USED", C(5), Right, Size, TARGET | FSTYPE, |view, mount| view.size(mount, |fs| fs.blocks() - fs.blocks_free()), "filesystem size used, use <number> if --bytes is given"),
    column!("USE%", C(3), Right, Text, TARGET | FSTYPE, |view, mount| view.percent(mount, |fs| (fs.blocks(), fs.blocks_free())), "filesystem use percentage"),
    column!("UUID", C(36), Left, Text, SOURCE, |view, mount| view.tag(mount, Tag::Uuid), "filesystem UUID"),
    column!("VFS-OPTIONS", P(0.20), Cut, Text, OPTIONS, |view, mount| view.vfs_options(mount), "VFS specific mount options"),
    column!("UNIQ-PARENT", C(2), Right, Number, UNIQUE | mask::MNT_BASIC, |view, mount| view.extra(mount, |extra| extra.unique_parent), "mount parent ID that is never given again"),
    column!("NS-ID", C(2), Right, Number, mask::MNT_NS_ID, |view, mount| view.extra(mount, |extra| extra.namespace), "mount namespace ID"),
    column!("PEER-GROUP", C(2), Right, Number, mask::MNT_BASIC, |view, mount| view.group(mount, b"shared:"), "propagation peer group"),
    column!("MASTER", C(2), Right, Number, mask::MNT_BASIC, |view, mount| view.group(mount, b"master:"), "peer group that propagation comes from"),
    column!("PROPAGATE-FROM", C(2), Right, Number, mask::MNT_BASIC | mask::PROPAGATE_FROM, |view, mount| view.group(mount, b"propagate_from:"), "closest visible peer group that propagation comes from"),
    column!("SB-FLAGS", P(0.10), Left, Text, UNIQUE | mask::SB_BASIC, |view, mount| view.superblock_flags(mount), "superblock flags"),
    column!("UID-MAP", P(0.10), Left, Text, mask::MNT_UIDMAP, |view, mount| view.id_map(mount, |extra| extra.uid_map), "user ids of an idmapped mount"),
    column!("GID-MAP", P(0.10), Left, Text, mask::MNT_GIDMAP, |view, mount| view.id_map(mount, |extra| extra.gid_map), "group ids of an idmapped mount"),
];

/// The columns that have a value only in poll mode.
pub const POLL_ONLY: &[&str] = &["ACTION", "OLD-OPTIONS", "OLD-TARGET"];

impl Column {
    /// The name as a key of JSON or, with `--shell`, as a variable of a shell.
    pub fn key(&self, shell: bool) -> Cow<'static, str> {
        if !shell {
            return Cow::Borrowed(self.name);
        }
        let replace = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
        match self.name.strip_suffix('%') {
            Some(name) => Cow::Owned(name.chars().map(replace).chain("_PCT".chars()).collect()),
            None => Cow::Owned(self.name.chars().map(replace).collect()),
        }
    }

    /// The type of the values, as `--list-columns` prints it.
    pub fn type_name(&self) -> &'static str {
        match self.values {
            ValueType::Text | ValueType::List => "<string>",
            ValueType::Number => "<integer>",
            ValueType::Size => "<string|number>",
        }
    }
}

/// The column of this name, in any case.
pub fn find(name: &[u8]) -> Option<&'static Column> {
    COLUMNS.iter().find(|column| column.name.as_bytes().eq_ignore_ascii_case(name))
}

/// The columns of a comma-separated list.
pub fn parse(list: &OsStr) -> Result<Vec<&'static Column>> {
    list.as_bytes()
        .split(|&byte| byte == b',')
        .filter(|name| !name.is_empty())
        .map(|name| {
            let unknown =
                || Error::usage(format!("unknown column: {}", String::from_utf8_lossy(name)));
            find(name).ok_or_else(unknown)
        })
        .collect()
}

/// The columns of these names.
pub fn named(names: &[&str]) -> Vec<&'static Column> {
    names.iter().filter_map(|name| find(name.as_bytes())).collect()
}

/// A change that poll mode shows.
#[derive(Debug, Default)]
pub struct Change {
    pub action: &'static str,
    pub old_target: Vec<u8>,
    pub old_options: Vec<u8>,
}

/// Options that change the values of columns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Style {
    pub no_fsroot: bool,
    pub vfs_all: bool,
    pub canonicalize: bool,
    pub evaluate: bool,
    /// Align device numbers at the colon.
    pub aligned: bool,
}

/// A table, and the data that columns look up for it.
pub struct View<'a> {
    pub table: &'a Table,
    pub style: Style,
    pub change: Option<&'a Change>,
    pub tags: &'a Tags,
    /// The usage of the last mount, identified by the position of its target in the table's text.
    usage: StdCell<Option<(crate::table::Span, Option<Statvfs>)>>,
}

impl<'a> View<'a> {
    pub fn new(table: &'a Table, style: Style, tags: &'a Tags) -> Self {
        Self { table, style, change: None, tags, usage: StdCell::new(None) }
    }

    fn change(&self, cell: impl Fn(&'a Change) -> Cell<'a>) -> Cell<'a> {
        self.change.map_or(Cell::None, cell)
    }

    fn kernel(&self, value: u64) -> Cell<'a> {
        if self.table.kind == Kind::Kernel { Cell::Number(value) } else { Cell::None }
    }

    /// The parent's id. 0 means that there is no parent, as for the root of a namespace.
    fn parent(&self, mount: &Mount) -> Cell<'a> {
        if mount.parent == 0 { Cell::None } else { self.kernel(mount.parent.into()) }
    }

    fn fstab(&self, value: i32) -> Cell<'a> {
        match self.table.kind {
            Kind::Kernel => Cell::None,
            Kind::Fstab if value < 0 => Cell::owned(value.to_string()),
            Kind::Fstab => Cell::Number(value as u64),
        }
    }

    fn extra(&self, mount: &Mount, field: fn(&crate::table::Extra) -> u64) -> Cell<'a> {
        // An id is never 0: the kernel does not report it.
        let value = self.table.extra(mount).map(field).filter(|&value| value != 0);
        value.map_or(Cell::None, Cell::Number)
    }

    fn device(&self, mount: &Mount) -> Cell<'a> {
        match self.table.kind {
            Kind::Fstab => Cell::None,
            Kind::Kernel if self.style.aligned => {
                Cell::owned(format!("{:>3}:{:<3}", mount.major, mount.minor))
            }
            Kind::Kernel => Cell::owned(format!("{}:{}", mount.major, mount.minor)),
        }
    }

    /// The mountpoint, with all links followed if `--canonicalize` is given.
    pub fn target(&self, mount: &'a Mount) -> Cow<'a, [u8]> {
        let target = self.table.target(mount);
        if self.style.canonicalize && target.starts_with(b"/") {
            return crate::paths::canonical(target);
        }
        Cow::Borrowed(target)
    }

    /// The source, and the mounted directory if it is not the root of the file system.
    fn source(&self, mount: &'a Mount) -> Cell<'a> {
        let root = self.table.word(mount.root);
        let source = self.device_name(mount);
        if self.style.no_fsroot || root.is_empty() || root == b"/" || source.is_empty() {
            return Cell::word(source);
        }
        Cell::Source(source, root)
    }

    /// All devices of the file system: those of the tag that the table names, or of the device's UUID, a line each.
    fn sources(&self, mount: &'a Mount) -> Cell<'a> {
        let source = self.table.source(mount);
        let devices = match Tag::parse(source) {
            Some((tag, value)) => self.tags.devices(tag, value),
            None if source.starts_with(b"/dev/") => {
                let uuid = self.tags.value(Tag::Uuid, source);
                uuid.map_or_else(Vec::new, |uuid| self.tags.devices(Tag::Uuid, &uuid))
            }
            None => Vec::new(),
        };
        let root = self.table.word(mount.root);
        match devices.len() {
            0 | 1 => self.source(mount),
            _ if self.style.no_fsroot || root.is_empty() || root == b"/" => {
                Cell::Text(devices.join(&b'\n').into())
            }
            _ => {
                let rooted = |device: &Vec<u8>| [device, &b"["[..], root, b"]"].concat();
                let devices: Vec<_> = devices.iter().map(rooted).collect();
                Cell::Text(devices.join(&b'\n').into())
            }
        }
    }

    fn device_name(&self, mount: &'a Mount) -> Cow<'a, [u8]> {
        let source = self.table.source(mount);
        if self.style.evaluate
            && let Some((tag, value)) = Tag::parse(source)
        {
            return self.tags.device(tag, value).map_or(Cow::Borrowed(source), Cow::Owned);
        }
        if (self.style.canonicalize || self.style.evaluate) && source.starts_with(b"/") {
            return crate::paths::canonical(source);
        }
        Cow::Borrowed(source)
    }

    fn options(&self, mount: &'a Mount) -> Cell<'a> {
        match self.table.has_options(mount) {
            true => Cell::Options(self.table, mount),
            false => Cell::None,
        }
    }

    fn vfs_options(&self, mount: &'a Mount) -> Cell<'a> {
        let list = self.table.word(mount.vfs_options);
        if self.style.vfs_all && !list.is_empty() {
            // A read-only file system makes the mount read-only.
            return Cell::word(options::all_vfs(&self.table.all_options(mount)));
        }
        match self.table.kind {
            Kind::Kernel => Cell::word(list),
            Kind::Fstab => Cell::word(options::of_sort(list, Sort::Vfs)),
        }
    }

    fn fs_options(&self, mount: &'a Mount) -> Cell<'a> {
        match self.table.kind {
            Kind::Kernel => Cell::word(self.table.word(mount.fs_options)),
            Kind::Fstab => {
                Cell::word(options::of_sort(self.table.word(mount.vfs_options), Sort::Fs))
            }
        }
    }

    fn group(&self, mount: &Mount, name: &[u8]) -> Cell<'a> {
        let fields = self.table.word(mount.optional).split(|&byte| byte == b' ');
        let number = |field: &[u8]| crate::mountinfo::decimal(field.strip_prefix(name)?);
        fields.into_iter().find_map(number).map_or(Cell::None, |group| Cell::Number(group.into()))
    }

    fn propagation(&self, mount: &Mount) -> Cell<'a> {
        if self.table.kind == Kind::Fstab {
            return Cell::None;
        }
        Cell::Text(Cow::Owned(propagation(self.table.word(mount.optional)).join(",").into_bytes()))
    }

    fn superblock_flags(&self, mount: &Mount) -> Cell<'a> {
        let Some(extra) = self.table.extra(mount) else { return Cell::None };
        Cell::word(superblock_words(extra.sb_flags).into_bytes())
    }

    fn id_map(
        &self,
        mount: &Mount,
        map: fn(&crate::table::Extra) -> crate::table::Span,
    ) -> Cell<'a> {
        self.table.extra(mount).map_or(Cell::None, |extra| Cell::word(self.table.word(map(extra))))
    }

    fn usage(&self, mount: &Mount) -> Option<Statvfs> {
        if let Some((target, usage)) = self.usage.get()
            && target == mount.target
        {
            return usage;
        }
        let target = self.table.target(mount);
        let has_server = types::has_server(self.table.fstype(mount));
        let usage = target.starts_with(b"/").then(|| usage(target, has_server)).flatten();
        self.usage.set(Some((mount.target, usage)));
        usage
    }

    fn size(&self, mount: &Mount, blocks: fn(&Statvfs) -> u64) -> Cell<'a> {
        let bytes = |fs: Statvfs| blocks(&fs).saturating_mul(fs.fragment_size());
        self.usage(mount).map_or(Cell::None, |fs| Cell::Size(bytes(fs)))
    }

    fn inodes(&self, mount: &Mount, count: fn(&Statvfs) -> u64) -> Cell<'a> {
        self.usage(mount).map_or(Cell::None, |fs| Cell::Number(count(&fs)))
    }

    fn percent(&self, mount: &Mount, total_and_free: fn(&Statvfs) -> (u64, u64)) -> Cell<'a> {
        let Some(fs) = self.usage(mount) else { return Cell::None };
        match total_and_free(&fs) {
            (0, _) => Cell::Text(Cow::Borrowed(b"-")),
            (total, free) => {
                let part = total.saturating_sub(free) as f64 / total as f64;
                Cell::owned(format!("{:.0}%", part * 100.0))
            }
        }
    }

    fn tag(&self, mount: &Mount, tag: Tag) -> Cell<'a> {
        let source = self.table.source(mount);
        match Tag::parse(source) {
            Some((named, value)) if named == tag => Cell::word(value.to_vec()),
            Some((named, value)) => match self.tags.device(named, value) {
                Some(device) => self.tag_of(&device, tag),
                None => Cell::None,
            },
            None => self.tag_of(source, tag),
        }
    }

    fn tag_of(&self, device: &[u8], tag: Tag) -> Cell<'a> {
        if !device.starts_with(b"/dev/") {
            return Cell::None;
        }
        self.tags.value(tag, device).map_or(Cell::None, Cell::word)
    }
}

/// The usage of the file system at the target. A server may never answer: then the thread that waits for it is
/// abandoned, and ends with the process.
fn usage(target: &[u8], has_server: bool) -> Option<Statvfs> {
    if !has_server {
        return statvfs(OsStr::from_bytes(target)).ok();
    }
    let path = target.to_vec();
    let (sender, answer) = mpsc::channel();
    let ask = move || sender.send(statvfs(OsStr::from_bytes(&path)).ok());
    thread::Builder::new().spawn(ask).ok()?;
    answer.recv_timeout(LONGEST_ANSWER).unwrap_or_else(|_| {
        let target = quote(OsStr::from_bytes(target));
        let seconds = LONGEST_ANSWER.as_secs();
        start::warn(&format!("the server of {target} did not answer within {seconds} seconds"));
        None
    })
}

const LONGEST_ANSWER: Duration = Duration::from_secs(2);

/// The flags of a superblock that statmount(2) reports (`SB_*` of linux/fs.h).
const SUPERBLOCK_FLAGS: &[(u32, &str)] =
    &[(1, "ro"), (1 << 4, "sync"), (1 << 7, "dirsync"), (1 << 25, "lazytime")];

/// The words for the flags. All unknown flags together are one number.
fn superblock_words(flags: u32) -> String {
    let set = SUPERBLOCK_FLAGS.iter().filter(|(flag, _)| flags & flag != 0);
    let mut words: Vec<_> = set.map(|&(_, word)| word.to_owned()).collect();
    let unknown = SUPERBLOCK_FLAGS.iter().fold(flags, |rest, (flag, _)| rest & !flag);
    if unknown != 0 {
        words.push(format!("{unknown:#x}"));
    }
    words.join(",")
}

/// The words for the propagation of a mount.
pub fn propagation(optional: &[u8]) -> Vec<&'static str> {
    let has =
        |name: &[u8]| optional.split(|&byte| byte == b' ').any(|field| field.starts_with(name));
    let mut words = vec![if has(b"shared:") { "shared" } else { "private" }];
    if has(b"master:") {
        words.push("slave");
    }
    if has(b"unbindable") {
        words.push("unbindable");
    }
    words
}

/// Writes a value as text.
pub fn write(out: &mut Vec<u8>, cell: &Cell, bytes: bool) {
    match cell {
        Cell::None => {}
        Cell::Text(word) => out.extend_from_slice(word),
        Cell::Options(table, mount) => table.write_options(out, mount),
        Cell::Source(source, root) => {
            out.extend_from_slice(source);
            out.push(b'[');
            out.extend_from_slice(root);
            out.push(b']');
        }
        Cell::Size(size) if !bytes => text::size(out, *size),
        Cell::Number(number) | Cell::Size(number) => text::number(out, *number),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_is_found_by_its_name_and_accepts_an_empty_mount() {
        let table = Table::new(Kind::Kernel, Vec::new());
        let tags = Tags::default();
        let view = View::new(&table, Style::default(), &tags);
        let mount = Mount::default();
        for column in COLUMNS {
            assert!(std::ptr::eq(find(column.name.to_lowercase().as_bytes()).unwrap(), column));
            assert!(!column.help.is_empty());
            let cell = (column.cell)(&view, &mount);
            assert!(
                column.values != ValueType::Number || !matches!(cell, Cell::Text(_)),
                "{}",
                column.name
            );
        }
        assert!(POLL_ONLY.iter().all(|name| find(name.as_bytes()).is_some()));
    }

    #[test]
    fn names_for_shells() {
        let key = |name: &str| find(name.as_bytes()).unwrap().key(true);
        assert_eq!(
            (key("USE%"), key("MAJ:MIN"), key("INO.USE%")),
            ("USE_PCT".into(), "MAJ_MIN".into(), "INO_USE_PCT".into())
        );
    }

    #[test]
    fn lists_of_columns() {
        let names = |list: &str| {
            parse(OsStr::new(list))
                .map(|columns| columns.iter().map(|c| c.name).collect::<Vec<_>>())
        };
        assert_eq!(names("target,maj:min,").unwrap(), ["TARGET", "MAJ:MIN"]);
        assert_eq!(names("nope").unwrap_err().to_string(), "unknown column: nope");
    }

    #[test]
    fn propagation_words() {
        assert_eq!(propagation(b"").join(","), "private");
        assert_eq!(propagation(b"shared:9 master:3").join(","), "shared,slave");
        assert_eq!(propagation(b"master:3 unbindable").join(","), "private,slave,unbindable");
    }

    #[test]
    fn unknown_superblock_flags_are_shown() {
        assert_eq!(superblock_words(0), "");
        assert_eq!(superblock_words(1 | 1 << 25 | 1 << 9 | 1 << 3), "ro,lazytime,0x208");
    }
}
