//! Selects mounts of a table.

use std::borrow::Cow;

use common::option_list;
use common::sys::{PathMount, statmount as mask};

use crate::columns::{self, View};
use crate::filter::Filter;
use crate::paths;
use crate::table::{Kind, Mount, Table};
use crate::tags::Tag;
use crate::tree::{self, Children, Row};
use crate::types::is_pseudo;

/// A source on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Name(Vec<u8>),
    /// `major:minor`
    Device(u32, u32),
}

impl Source {
    pub fn new(word: Vec<u8>) -> Self {
        match crate::mountinfo::device(&word) {
            Some((major, minor)) => Self::Device(major, minor),
            None => Self::Name(word),
        }
    }
}

/// The meaning of a target on the command line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// The name of a mountpoint (an operand).
    #[default]
    Name,
    /// A path to a mountpoint (`--mountpoint`).
    Mountpoint,
    /// A path to any file of the file system (`--target`).
    Path,
}

/// The conditions of a search. A mount must meet all that are set.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools)]
pub struct Selection {
    pub target: Option<Vec<u8>>,
    pub reach: Reach,
    /// The id of the mount that the kernel found at the target. If it is set, names are not compared.
    pub mount: Option<u32>,
    pub source: Option<Source>,
    /// The source is a single operand, which may be a target instead.
    pub either: bool,
    pub types: Option<Vec<u8>>,
    pub options: Option<Vec<u8>>,
    pub id: Option<u32>,
    pub unique_id: Option<u64>,
    pub filter: Option<Filter>,
    pub invert: bool,
    /// No pseudo file systems except tmpfs, as in df(1).
    pub like_df: bool,
    pub real: bool,
    pub pseudo: bool,
    pub deleted: bool,
    pub shadowed: bool,
    pub unique_targets: bool,
    pub first: bool,
    pub backward: bool,
    pub submounts: bool,
    /// Compare paths without following links.
    pub literal: bool,
}

impl Selection {
    /// Whether there is no condition.
    pub fn is_all(&self) -> bool {
        !(self.names_mounts()
            || self.types.is_some()
            || self.options.is_some()
            || self.filter.is_some()
            || self.like_df
            || self.real
            || self.pseudo
            || self.deleted
            || self.shadowed)
    }

    /// Whether the conditions name single mounts. Then the output is a list.
    pub fn names_mounts(&self) -> bool {
        self.target.is_some()
            || self.source.is_some()
            || self.id.is_some()
            || self.unique_id.is_some()
    }

    /// The path of `--target` or `--mountpoint`, if the kernel has to follow it.
    pub fn place(&self) -> Option<&[u8]> {
        let follow = self.reach != Reach::Name && !self.literal && !self.shadowed;
        self.target.as_deref().filter(|_| follow)
    }

    /// Whether the mount that was found at the path of [`Selection::place`] matches.
    pub fn accepts_place(&self, place: PathMount) -> bool {
        self.reach == Reach::Path || place.is_mount_root
    }

    /// The fields that the conditions need, as a mask of statmount(2).
    pub fn needs(&self) -> u64 {
        let target = self.target.is_some() || self.unique_targets || self.shadowed || self.deleted;
        let fstype = self.types.is_some() || self.like_df || self.real || self.pseudo;
        let when = |asked, needs| if asked { needs } else { 0 };
        when(target || self.either, columns::TARGET)
            | when(self.source.is_some(), mask::SB_SOURCE | mask::SB_BASIC)
            | when(fstype, columns::FSTYPE)
            | when(self.options.is_some(), columns::OPTIONS)
            | when(self.unique_id.is_some(), columns::UNIQUE)
            | when(self.id.is_some() || self.mount.is_some() || self.submounts, mask::MNT_BASIC)
            | when(self.deleted, mask::MNT_ROOT)
            | self.filter.as_ref().map_or(0, Filter::needs)
    }

    /// The rows of a table to show.
    pub fn rows(&self, view: &View, as_tree: bool) -> Vec<Row> {
        let matcher = Matcher::new(self, view);
        if as_tree && self.is_all() && !self.unique_targets {
            return tree::whole(view.table, &[], |_| true);
        }
        if as_tree && !self.submounts {
            let mut chosen = vec![false; view.table.mounts.len()];
            matcher.matches().for_each(|mount| chosen[mount as usize] = true);
            return tree::whole(view.table, &matcher.repeated, |mount| chosen[mount as usize]);
        }
        let limit = if self.first { 1 } else { usize::MAX };
        let matches = matcher.matches().take(limit);
        if !self.submounts || !view.table.is_tree() {
            return matches.map(|mount| Row::flat(mount as usize)).collect();
        }
        let mut rows = tree::submounts(view.table, &matcher.repeated, matches);
        if !as_tree {
            rows.iter_mut().for_each(|row| *row = Row::flat(row.mount as usize));
        }
        rows
    }

    /// Whether a single mount matches.
    pub fn accepts(&self, view: &View, mount: &Mount) -> bool {
        Matcher::new(self, view).accepts(mount)
    }
}

/// A path to compare mountpoints with: as it was given, and with all links followed.
struct AskedPath<'a> {
    given: &'a [u8],
    canonical: Cow<'a, [u8]>,
}

impl<'a> AskedPath<'a> {
    fn new(path: &'a [u8], literal: bool) -> Self {
        let canonical = if literal { Cow::Borrowed(path) } else { paths::canonical(path) };
        Self { given: path, canonical }
    }

    fn is(&self, path: &[u8]) -> bool {
        paths::same(path, self.given) || paths::same(path, &self.canonical)
    }
}

/// A selection on one table, with the data that is looked up once.
struct Matcher<'a> {
    selection: &'a Selection,
    view: &'a View<'a>,
    table: &'a Table,
    target: Option<AskedPath<'a>>,
    source: Option<(AskedPath<'a>, Option<Vec<u8>>)>,
    /// For each mount: whether another one hides it, and whether `--uniq` omits it.
    hidden: Vec<bool>,
    repeated: Vec<bool>,
}

impl<'a> Matcher<'a> {
    fn new(selection: &'a Selection, view: &'a View<'a>) -> Self {
        let table = view.table;
        let literal = selection.literal;
        let place = |path: &'a Vec<u8>| AskedPath::new(path, literal);
        let source = match &selection.source {
            Some(Source::Name(name)) => Some((place(name), tagged(view, name))),
            _ => None,
        };
        Self {
            selection,
            view,
            table,
            target: selection.target.as_ref().filter(|_| selection.mount.is_none()).map(place),
            source,
            hidden: if selection.shadowed { shadowed(table) } else { Vec::new() },
            repeated: if selection.unique_targets { repeated(table) } else { Vec::new() },
        }
    }

    /// The matching mounts in the requested order.
    fn matches(&'a self) -> Box<dyn Iterator<Item = u32> + 'a> {
        if let Some(place) = self.enclosing() {
            let named = move |mount: &Mount| self.at(mount, &place) && self.has_source(mount);
            return Box::new(self.select(named));
        }
        if !self.selection.either {
            return Box::new(self.select(|mount| self.named(mount)));
        }
        // As in mount(8), an operand is a mountpoint only if no mount has that source.
        let mut by_source = self.select(|mount| self.has_source(mount)).peekable();
        if by_source.peek().is_some() {
            return Box::new(by_source);
        }
        Box::new(self.select(|mount| self.operand_is_target(mount)))
    }

    fn select(&'a self, named: impl Fn(&Mount) -> bool + 'a) -> impl Iterator<Item = u32> + 'a {
        let count = self.table.mounts.len() as u32;
        let backward = self.selection.backward;
        (0..count).map(move |at| if backward { count - 1 - at } else { at }).filter(move |&at| {
            let mount = &self.table.mounts[at as usize];
            !self.repeated.get(at as usize).is_some_and(|&repeated| repeated)
                && self.wanted(at as usize, mount, named(mount))
        })
    }

    /// As in util-linux's `findmnt`, `--invert` inverts all conditions except the filter.
    fn wanted(&self, at: usize, mount: &Mount, named: bool) -> bool {
        let selection = self.selection;
        if selection.is_all() {
            return true;
        }
        let hidden = || self.hidden.get(at).is_some_and(|&hidden| hidden);
        let holds = named && self.has_properties(mount) && (!selection.shadowed || hidden());
        (holds != selection.invert) && self.passes_filter(mount)
    }

    fn accepts(&self, mount: &Mount) -> bool {
        let named = self.named(mount) || self.selection.either && self.operand_is_target(mount);
        self.wanted(usize::MAX, mount, named)
    }

    fn named(&self, mount: &Mount) -> bool {
        let at_target = match (self.selection.mount, &self.target) {
            (Some(id), _) => mount.id == id,
            (None, Some(place)) => self.at(mount, place),
            (None, None) => true,
        };
        at_target && self.has_source(mount)
    }

    fn at(&self, mount: &Mount, place: &AskedPath) -> bool {
        let target = self.table.target(mount);
        if place.is(target) {
            return true;
        }
        let follows = self.table.kind == Kind::Fstab && !self.selection.literal;
        follows && target.starts_with(b"/") && place.is(&paths::canonical(target))
    }

    fn has_source(&self, mount: &Mount) -> bool {
        if let Some(Source::Device(major, minor)) = self.selection.source {
            return self.table.kind == Kind::Kernel && (mount.major, mount.minor) == (major, minor);
        }
        let Some((place, device)) = &self.source else { return true };
        let source = self.table.source(mount);
        if let Some(asked) = Tag::parse(place.given)
            && Tag::parse(source) == Some(asked)
        {
            return true;
        }
        if let Some(device) = device {
            return source == device;
        }
        if place.is(source) {
            return true;
        }
        let follows = self.table.kind == Kind::Fstab && !self.selection.literal;
        follows && self.source_device(source).is_some_and(|device| place.is(&device))
    }

    /// The device of an fstab's source.
    fn source_device(&self, source: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        match Tag::parse(source) {
            Some((tag, value)) => self.view.tags.device(tag, value).map(Cow::Owned),
            None => source.starts_with(b"/").then(|| paths::canonical(source)),
        }
    }

    fn operand_is_target(&self, mount: &Mount) -> bool {
        self.source.as_ref().is_some_and(|(place, _)| self.at(mount, place))
    }

    fn has_properties(&self, mount: &Mount) -> bool {
        let selection = self.selection;
        let fstype = self.table.fstype(mount);
        let pseudo = || is_pseudo(fstype);
        let holds = |asked: bool, does: &dyn Fn() -> bool| !asked || does();
        selection.types.as_ref().is_none_or(|types| option_list::selects_type(types, fstype))
            && self.has_options(mount)
            && selection.id.is_none_or(|id| id == mount.id)
            && selection.unique_id.is_none_or(|id| self.has_unique_id(mount, id))
            && holds(selection.like_df, &|| !pseudo() || fstype.ends_with(b"tmpfs"))
            && holds(selection.real, &|| !pseudo())
            && holds(selection.pseudo, &pseudo)
            && holds(selection.deleted, &|| {
                is_deleted(self.table.target(mount)) || is_deleted(self.table.word(mount.root))
            })
    }

    fn has_options(&self, mount: &Mount) -> bool {
        let Some(pattern) = &self.selection.options else { return true };
        option_list::selects_options(pattern, &self.table.all_options(mount))
    }

    fn has_unique_id(&self, mount: &Mount, id: u64) -> bool {
        self.table.extra(mount).is_some_and(|extra| extra.unique_id == id)
    }

    fn passes_filter(&self, mount: &Mount) -> bool {
        self.selection.filter.as_ref().is_none_or(|filter| filter.matches(self.view, mount))
    }

    /// For `--target` in a table that is not our own: the closest directory above the path that is a mountpoint.
    /// None if the path itself is a mountpoint. For an fstab the path need not exist yet.
    fn enclosing(&self) -> Option<AskedPath<'static>> {
        let place = self.target.as_ref()?;
        let known = self.selection.mount.is_some();
        if known || self.selection.reach != Reach::Path {
            return None;
        }
        let is_fstab = self.table.kind == Kind::Fstab;
        let mut path = match &place.canonical {
            Cow::Owned(path) => &path[..],
            Cow::Borrowed(path) if is_fstab && path.starts_with(b"/") => path,
            Cow::Borrowed(_) => return None,
        };
        if is_fstab && self.table.mounts.iter().any(|mount| self.at(mount, place)) {
            return None;
        }
        let mut targets: Vec<_> =
            self.table.mounts.iter().map(|mount| self.table.target(mount)).collect();
        targets.sort_unstable();
        while targets.binary_search(&path).is_err() {
            path = paths::parent(path)?;
        }
        Some(AskedPath { given: b"", canonical: Cow::Owned(path.to_vec()) })
    }
}

fn tagged(view: &View, name: &[u8]) -> Option<Vec<u8>> {
    let (tag, value) = Tag::parse(name)?;
    view.tags.device(tag, value)
}

/// For each mount whether another one hides it: a child with the same target.
pub fn shadowed(table: &Table) -> Vec<bool> {
    let children = Children::new(table, &[]);
    let target = |mount: u32| table.target(&table.mounts[mount as usize]);
    let covers = |mount, child: &u32| target(*child) == target(mount);
    (0..table.mounts.len() as u32)
        .map(|mount| children.of(mount).iter().any(|child| covers(mount, child)))
        .collect()
}

/// For each mount whether a later one has the same target.
fn repeated(table: &Table) -> Vec<bool> {
    let target = |mount: u32| table.target(&table.mounts[mount as usize]);
    let mut order: Vec<u32> = (0..table.mounts.len() as u32).collect();
    order.sort_by(|&one, &other| target(one).cmp(target(other)));
    let mut repeated = vec![false; order.len()];
    for pair in order.windows(2) {
        repeated[pair[0] as usize] = target(pair[0]) == target(pair[1]);
    }
    repeated
}

/// Whether the kernel has marked the path as removed.
fn is_deleted(target: &[u8]) -> bool {
    target.ends_with(b"//deleted") || target.ends_with(b" (deleted)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        assert_eq!(Source::new(b"8:2".to_vec()), Source::Device(8, 2));
        assert_eq!(Source::new(b"host:/x".to_vec()), Source::Name(b"host:/x".to_vec()));
    }
}
