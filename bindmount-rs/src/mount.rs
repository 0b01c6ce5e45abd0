//! Carries lines out, and undoes them.

use std::ffi::{CStr, OsStr, c_int};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::denied::Call;
use common::sys::flags::{
    MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_RDONLY, MOVE_MOUNT_BENEATH,
};
use common::{Context, Error, Hint, Result, quote, sys};
use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open, readlink};
use nix::sys::stat::{Mode, SFlag, fstat, makedev};
use nix::unistd::fchdir;

use crate::held::Held;
use crate::idmap::IdMap;
use crate::line::{Line, Work, c_string};
use crate::node::Node;
use crate::options::{Change, Create, DIRECTORY_MODE, Options};
use crate::others::Others;
use crate::owner::Owner;
use crate::place::{Leaf, Made, Places, duplicate, is, normal, open_inside};
use crate::undo::Step;
use crate::{at_once, before, copy, data, descriptor, detached, guard, hints, mountinfo};

const NULL: &str = "/dev/null";

const PLACE: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);

/// The result of a line.
#[derive(Debug)]
pub enum Done {
    /// The mount is attached; its descriptor is its root.
    Mounted(OwnedFd),
    /// A step that made no mount.
    Changed,
    /// There was nothing to do.
    Skipped,
}

/// How mounts are attached.
#[derive(Clone, Copy, Debug, Default)]
pub struct How {
    /// Beneath the mount that is at the target.
    pub beneath: bool,
    /// Unmount all other mounts of the namespace.
    pub detach: bool,
    pub again: Again,
}

/// What to do if the same is mounted there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Again {
    #[default]
    Mount,
    Skip,
    Refuse,
}

impl How {
    fn flags(self) -> u32 {
        if self.beneath { MOVE_MOUNT_BENEATH } else { 0 }
    }
}

/// Mounts line after line.
#[derive(Debug, Default)]
pub struct Mounter {
    places: Places,
    how: How,
    done: Vec<Step>,
    /// The owner and mode that the present line sets on the root of its mount.
    owner: Owner,
    /// How many lines there were before it.
    number: usize,
    held: Held,
    /// The mounts to unmount, with `--detach`.
    others: Option<Others>,
    /// A file whose mount stays, with `--detach`.
    stays: Option<OwnedFd>,
    /// The host's /dev/null, opened at its first use.
    null: Option<OwnedFd>,
    /// The empty directory of the mask before, and that mask's options.
    empty: Option<(Options, OwnedFd)>,
}

impl Mounter {
    /// For these lines, in their order.
    pub fn new(places: Places, how: How, lines: &[Line]) -> Self {
        let held = if places.is_confined() { Held::for_lines(lines) } else { Held::default() };
        Self { places, how, held, ..Self::default() }
    }

    /// Fails if the lines need more descriptors than the process may open.
    pub fn reserve(&self, lines: &[Line]) -> Result<()> {
        self.places.root().map_or(Ok(()), |root| self.held.reserve(root, lines))
    }

    /// With `--detach`, keeps the mount of this file.
    pub fn keep(&mut self, file: Option<OwnedFd>) {
        self.stays = file;
    }

    /// Makes the root, as it is now, the working directory.
    pub fn enter_root(&self) -> Result<()> {
        self.places.root().map_or(Ok(()), |root| fchdir(root).step("enter the root"))
    }

    /// How much was done, for [`Mounter::undo_to`].
    pub fn mark(&self) -> usize {
        self.done.len()
    }

    /// Undoes the steps after `mark`, the last one first. Returns an error for each step whose effect is left.
    pub fn undo_to(&mut self, mark: usize) -> Vec<Error> {
        let steps = self.done.split_off(mark);
        let mut failed = Vec::new();
        for step in steps.into_iter().rev() {
            self.held.forget(&normal(step.target()));
            if let Err(errno) = step.undo(&mut self.places) {
                failed.push((step, errno));
            }
        }
        failed.retain(|(step, errno)| step.is_left(&self.places, *errno));
        let errors =
            failed.iter().map(|(step, errno)| Error::new(step.name(), step.target(), *errno));
        let mut errors: Vec<_> = errors.collect();
        errors.dedup();
        errors
    }

    /// Carries out a line. After a failure [`Mounter::undo_to`] removes what it left.
    pub fn mount(&mut self, line: &Line) -> Result<Done> {
        self.owner = Owner::of(&line.options)?;
        let done = self.work(line);
        self.held.release(self.number, &line.target);
        self.number += 1;
        done
    }

    fn work(&mut self, line: &Line) -> Result<Done> {
        match &line.work {
            Work::SelfBind => self.self_bind(line),
            Work::Bind { recursive } => self.bind(line, *recursive),
            Work::Move => self.move_tree(line),
            Work::Change => self.change(line),
            Work::FileSystem(kind) => self.file_system(line, kind),
            Work::Data { number, mode } => self.data(line, *number, *mode),
            Work::Mask => self.mask(line),
            Work::ReadOnly => self.read_only(line),
            Work::Node(node) => self.node(line, node),
        }
    }

    fn bind(&mut self, line: &Line, recursive: bool) -> Result<Done> {
        let tree = match line.options.is_tree {
            true => tree_of(&line.source),
            false => copy_source(line, recursive),
        };
        let tree = match tree {
            Err(error) if line.options.no_fail && is_missing(&error) => return Ok(Done::Skipped),
            Err(error)
                if is_refused(Call::OpenTree, &error) && at_once::can_bind(&line.options) =>
            {
                return self.bind_at_once(line, recursive, error);
            }
            tree => tree?,
        };
        if let Some(map) = &line.options.idmap {
            map_owners(map, &tree, recursive && !line.options.idmap_top, &line.target)?;
        }
        // No later step changes a tree on a descriptor. Mounts that arrived from the peers of the source get the
        // attributes too.
        if line.options.descriptor.is_some() {
            propagate(&tree, line)?;
        }
        change_attributes(&tree, line)?;
        if let Some(descriptor) = line.options.descriptor {
            return leave_on(descriptor, &tree);
        }
        if self.attach_by_path(&tree, line) {
            return self.attached(tree, line);
        }
        let target = self.target_for(line, &tree)?;
        self.attach_new(tree, &target, line)
    }

    /// Binds with mount(2), after open_tree(2) was refused with `error`.
    fn bind_at_once(&mut self, line: &Line, recursive: bool, error: Error) -> Result<Done> {
        let itself = if line.options.source_itself { OFlag::O_NOFOLLOW } else { OFlag::empty() };
        let source = match open(os(&line.source), PLACE | itself, Mode::empty()) {
            Ok(source) if !self.how.beneath => source,
            Err(Errno::ENOENT | Errno::ENOTDIR) if line.options.no_fail => {
                return Ok(Done::Skipped);
            }
            Err(errno) => return Err(error_of_bind(line, errno)),
            Ok(_) => return Err(error),
        };
        let target = self.target_for(line, &source)?;
        let is_proc = || guard::is_proc(&source, &line.target);
        guard::check(&self.places, &line.target, is_proc, &target)?;
        if self.is_done(&source, &target, line)? {
            return Ok(Done::Skipped);
        }
        let tree = at_once::bind(&source, &target, recursive, |id| self.has_mounted(id));
        match tree {
            Ok(tree) => self.attached_at_once(tree, &target, line),
            Err(Errno::EPERM | Errno::ENOSYS) => Err(error),
            Err(errno) => Err(error_of_bind(line, errno)),
        }
    }

    /// Mounts a new file system with mount(2), after the calls that build it unattached failed with `error`.
    fn file_system_at_once(
        &mut self,
        line: &Line,
        kind: &CStr,
        options: &Options,
        target: &OwnedFd,
        error: Error,
    ) -> Result<Done> {
        guard::check(&self.places, &line.target, || Ok(kind == c"proc"), target)?;
        if self.is_done(target, target, line)? {
            return Ok(Done::Skipped);
        }
        let old = |id| self.has_mounted(id);
        match at_once::file_system(kind, &line.source, options, target, old) {
            Ok(tree) => self.attached_at_once(tree, target, line),
            Err(Errno::EPERM | Errno::ENOSYS | Errno::E2BIG) => Err(error),
            Err(errno) => {
                let name = OsStr::from_bytes(kind.to_bytes());
                Err(Error::new("make a file system of the type", name, errno)
                    .explain(|_| hints::file_system(kind, options, errno, false)))
            }
        }
    }

    fn attached_at_once(&mut self, tree: OwnedFd, target: &OwnedFd, line: &Line) -> Result<Done> {
        match self.enter(&tree, target, line) {
            Ok(()) => self.attached(tree, line),
            Err(error) => {
                let (target, id) = (line.target.clone(), id(&tree)?);
                self.done.push(Step::Mounted { target, id });
                Err(error)
            }
        }
    }

    /// Whether an earlier line made this mount.
    fn has_mounted(&self, id: u64) -> bool {
        self.done.iter().any(|step| matches!(step, Step::Mounted { id: other, .. } if *other == id))
    }

    /// Binds a file in memory.
    fn data(&mut self, line: &Line, number: c_int, mode: u32) -> Result<Done> {
        let tree = data::file(number, mode, self.places.root())?;
        change_attributes(&tree, line)?;
        let target = self.target(line, || Ok(Leaf::File))?;
        self.attach_new(tree, &target, line)
    }

    /// Binds the root onto itself, by the descriptor that it was opened as.
    fn self_bind(&mut self, line: &Line) -> Result<Done> {
        let source = os(&line.source);
        let failed = "bind onto itself";
        if self.places.is_own_root().context("look at", source)? {
            let reason = "it is the root directory of this process";
            return Err(Error::because(failed, source, reason));
        }
        let root = self.places.open(OsStr::new("."), false).context("open the root", source)?;
        let tree = match detached::copy_of(root.as_fd(), true) {
            Err(errno)
                if at_once::is_refused(Call::OpenTree, errno)
                    && at_once::can_bind(&line.options) =>
            {
                let tree = at_once::bind(&root, &root, true, |_| false).map_err(|_| errno);
                return self.attached_at_once(tree.context(failed, source)?, &root, line);
            }
            tree => tree.map_err(|errno| {
                Error::new(failed, source, errno)
                    .explain(|_| hints::copy(&line.source, true, errno))
            })?,
        };
        if let Some(map) = &line.options.idmap {
            map_owners(map, &tree, !line.options.idmap_top, source)?;
        }
        change_attributes(&tree, line)?;
        self.attach(tree, &root, line)
    }

    /// Attaches by path, in one call, where nothing needs to be known of the target. A failure is not reported: the
    /// same is tried again in steps, and the error names the step.
    fn attach_by_path(&self, tree: &OwnedFd, line: &Line) -> bool {
        let plain = !self.places.is_confined()
            && self.how.again == Again::Mount
            && !line.options.target_itself;
        let attach =
            |path: &CStr| sys::move_mount_to(tree.as_fd(), sys::cwd(), path, self.how.flags());
        plain && matches!(line.target.with_nix_path(attach), Ok(Ok(())))
    }

    fn file_system(&mut self, line: &Line, kind: &CStr) -> Result<Done> {
        let writable = line.options.copy_up.then(|| writable(&line.options));
        let options = writable.as_ref().unwrap_or(&line.options);
        let tree = match file_system(kind, &line.source, options) {
            Err(_) if line.options.no_fail && no_device(&line.source) => return Ok(Done::Skipped),
            Err(error)
                if at_once::can_make(options)
                    && !self.how.beneath
                    && (is_refused(Call::Fsopen, &error) || detached::has_long_value(options)) =>
            {
                let target = self.target_of_file_system(line, kind)?;
                return self.file_system_at_once(line, kind, options, &target, error);
            }
            tree => tree?,
        };
        let tree = match &line.options.subdirectory {
            Some(path) => detached::subdirectory(&tree, path, false).map_err(|errno| {
                Error::new("mount only", path, errno).explain(|_| hints::subdirectory(errno))
            })?,
            None => tree,
        };
        if let Some(map) = &line.options.idmap {
            map_owners(map, &tree, false, &line.target)?;
        }
        let target = self.target_of_file_system(line, kind)?;
        if line.options.copy_up {
            self.copy_up(&target, &tree, line)?;
        }
        self.attach_new(tree, &target, line)
    }

    fn target_of_file_system(&mut self, line: &Line, kind: &CStr) -> Result<OwnedFd> {
        if matches!(kind.to_bytes(), b"proc" | b"sysfs") && self.places.is_confined() {
            self.own_directory(line)
        } else {
            self.target(line, || Ok(Leaf::Directory(directory_mode(line))))
        }
    }

    /// Copies the contents of the target into a new file system. Without `mode=` its root gets the mode of the
    /// target.
    fn copy_up(&self, target: &OwnedFd, tree: &OwnedFd, line: &Line) -> Result<()> {
        let has_mode = line.options.data.iter().any(|word| word.as_bytes().starts_with(b"mode="));
        copy::tree(target, tree, !has_mode).map_err(|error| {
            Error::because("copy the contents of", &line.target, error.to_string())
        })?;
        detached::set(tree.as_fd(), 0, line.options.top)
            .context("change the attributes of the mount for", &line.target)
    }

    /// Attaches a tree from outside, which must not replace /proc.
    fn attach_new(&mut self, tree: OwnedFd, target: &OwnedFd, line: &Line) -> Result<Done> {
        let is_proc = || guard::is_proc(&tree, &line.target);
        guard::check(&self.places, &line.target, is_proc, target)?;
        match self.is_done(&tree, target, line)? {
            true => Ok(Done::Skipped),
            false => self.attach(tree, target, line),
        }
    }

    /// Whether the same is mounted on the target already, so that the line is skipped.
    fn is_done(&self, tree: &OwnedFd, target: &OwnedFd, line: &Line) -> Result<bool> {
        match self.how.again {
            Again::Mount => Ok(false),
            Again::Skip => Ok(is_there(tree, target, line)),
            Again::Refuse if is_there(tree, target, line) => {
                Err(Error::because("mount on", &line.target, "the same is mounted there already"))
            }
            Again::Refuse => Ok(false),
        }
    }

    fn move_tree(&mut self, line: &Line) -> Result<Done> {
        let source = os(&line.source);
        let tree = open(source, PLACE, Mode::empty()).context("open the source", source)?;
        if self.how.detach {
            self.others = Some(Others::before_the_move_of(&tree, self.stays.as_ref())?);
        }
        // The mount that moves may be a held one.
        self.held.forget(b"");
        let target = self.target_for(line, &tree)?;
        let is_proc = || guard::is_proc(&tree, &line.target);
        guard::check(&self.places, &line.target, is_proc, &target)?;
        if line.options.has_attributes() {
            let back = before::attributes(&tree, source, &line.options)?;
            change_attributes(&tree, line)?;
            self.done.extend(back);
        }
        self.enter(&tree, &target, line)?;
        let moved = match sys::move_mount(tree.as_fd(), target.as_fd(), self.how.flags()) {
            Err(errno) if !self.how.beneath && at_once::is_refused(Call::MoveMount, errno) => {
                at_once::move_tree(&tree, &target)
            }
            moved => moved,
        };
        moved.map_err(|errno| {
            Error::new("move the mount to", &line.target, errno)
                .explain(|_| hints::move_tree(&line.source, &tree, &target, errno))
                .explain(|_| hints::attach(&tree, &target, self.how.beneath, errno))
        })?;
        let id = id(&tree)?;
        self.done.push(Step::Moved { source: source.into(), target: line.target.clone(), id });
        if let Some(others) = self.others.take() {
            self.detach(others, &tree)?;
        }
        self.finish(tree, line)
    }

    /// Leaves the mount namespace no other mount than the one that was moved to its root, which becomes the working
    /// directory: a path leads there from nowhere else.
    fn detach(&mut self, mut others: Others, root: &OwnedFd) -> Result<()> {
        self.done.push(Step::Detached);
        let null = open_null_device()?;
        others.detach(|place| self.cover_for(place, &null))?;
        fchdir(root).step("enter the root")
    }

    /// A mount that covers one that cannot be unmounted.
    fn cover_for(&mut self, place: &OwnedFd, null: &OwnedFd) -> Result<OwnedFd> {
        let status = fstat(place).step("look at a mount")?;
        match is(&status, SFlag::S_IFDIR) {
            true => self.empty_directory(&Options::default()),
            false => read_only_null(null, &Options::default()).context("copy the mount at", NULL),
        }
    }

    /// Changes the mount that is at the target.
    fn change(&mut self, line: &Line) -> Result<Done> {
        let target = self.find(line).context("open the target", &line.target)?;
        if line.options.has_attributes() {
            let back = before::attributes(&target, &line.target, &line.options)?;
            change_attributes(&target, line)?;
            self.done.extend(back);
        }
        self.done.extend(before::propagation(&target, line)?);
        propagate(&target, line)?;
        Ok(Done::Changed)
    }

    /// Hides the target, if it is there: a directory under an empty one, anything else under /dev/null.
    fn mask(&mut self, line: &Line) -> Result<Done> {
        let Some(target) = self.existing(line)? else { return Ok(Done::Skipped) };
        let status = fstat(&target).context("look at", &line.target)?;
        let is_directory = is(&status, SFlag::S_IFDIR);
        let tree = match is_directory {
            true => self.empty_directory(&line.options),
            false => self.null_device(line),
        };
        match tree {
            Err(error) if is_directory && is_refused(Call::Fsopen, &error) => {
                let options = mask_options(&line.options, "ro")?;
                self.file_system_at_once(line, c"tmpfs", &options, &target, error)
            }
            tree => self.attach(tree?, &target, line),
        }
    }

    /// An empty read-only directory. Masks with the same options share a superblock.
    fn empty_directory(&mut self, options: &Options) -> Result<OwnedFd> {
        if let Some((_, empty)) = self.empty.as_ref().filter(|empty| empty.0 == *options) {
            return detached::copy_of(empty.as_fd(), false).step("copy a mask");
        }
        let all = mask_options(options, "ro=vfs")?;
        let tree = file_system(c"tmpfs", c"tmpfs", &all)?;
        self.empty = tree.try_clone().ok().map(|empty| (options.clone(), empty));
        Ok(tree)
    }

    fn null_device(&mut self, line: &Line) -> Result<OwnedFd> {
        let null = match &mut self.null {
            Some(null) => null,
            none => none.insert(open_null_device()?),
        };
        read_only_null(null, &line.options).context("copy the mount at", NULL)
    }

    /// Puts a read-only copy of the target over it, if it is there.
    fn read_only(&mut self, line: &Line) -> Result<Done> {
        let Some(target) = self.existing(line)? else { return Ok(Done::Skipped) };
        let tree =
            detached::copy_of(target.as_fd(), true).context("copy the mount at", &line.target)?;
        let mut options = line.options.clone();
        options.add(OsStr::new("ro=recursive"))?;
        detached::change(tree.as_fd(), &options)
            .context("change the attributes of", &line.target)?;
        self.attach(tree, &target, line)
    }

    fn node(&mut self, line: &Line, node: &Node) -> Result<Done> {
        let is_right = |there: OwnedFd| node.is(&there) == Ok(true);
        if node.may_be_linked() && self.open_target(line).is_ok_and(is_right) {
            return Ok(Done::Skipped);
        }
        let mut made = Vec::new();
        let parent = self.places.make_parent(&line.target, &mut made);
        self.remember(made);
        let (directory, name) = parent.context("make the directory of", &line.target)?;
        let new = node.make(directory.as_fd(), name).map_err(|errno| {
            Error::new("make", &line.target, errno).explain(|_| hints::node(node, errno))
        })?;
        let Some(new) = new else { return Ok(Done::Skipped) };
        let status = fstat(&new).context("look at", &line.target)?;
        self.remember(vec![Made::new(line.target.clone(), &status)]);
        node.give_away(&new).context("change the owner of", &line.target)?;
        Ok(Done::Changed)
    }

    /// The target. A missing one is made, where it may be, with the file type of the tree's root.
    fn target_for(&mut self, line: &Line, tree: &OwnedFd) -> Result<OwnedFd> {
        self.target(line, || {
            let status = fstat(tree).context("look at", os(&line.source))?;
            Ok(match is(&status, SFlag::S_IFDIR) {
                true => Leaf::Directory(directory_mode(line)),
                false => Leaf::File,
            })
        })
    }

    fn target(&mut self, line: &Line, leaf: impl FnOnce() -> Result<Leaf>) -> Result<OwnedFd> {
        match self.open_target(line) {
            Err(Errno::ENOENT) if self.makes_targets(line) => {
                let leaf = match line.options.create {
                    Some(Create::Directory) => Leaf::Directory(directory_mode(line)),
                    Some(Create::File) => Leaf::File,
                    None => leaf()?,
                };
                self.make_target(line, leaf)
            }
            result => result.context("open the target", &line.target),
        }
    }

    fn open_target(&self, line: &Line) -> nix::Result<OwnedFd> {
        self.places.open(&line.target, line.options.target_itself)
    }

    /// The target of a line that changes what is there: looked for in the mount of this table that it is in, and from
    /// the root where there is none, or where a symlink leads out of that.
    fn find(&self, line: &Line) -> nix::Result<OwnedFd> {
        let itself = line.options.target_itself;
        let held = self.held.find(&line.target);
        match held.map(|(mount, path)| open_inside(mount, &path, itself)) {
            None | Some(Err(Errno::EXDEV)) => self.open_target(line),
            Some(found) => found,
        }
    }

    /// For a /proc or /sys that a tool inside will trust: an image must not choose where it is
    /// (CVE-2019-19921, CVE-2023-27561, CVE-2023-28642).
    fn own_directory(&mut self, line: &Line) -> Result<OwnedFd> {
        let mut place = self.places.open_straight(&line.target);
        if matches!(place, Err(Errno::ENOENT)) {
            self.make_target(line, Leaf::Directory(directory_mode(line)))?;
            place = self.places.open_straight(&line.target);
        }
        match place {
            Err(Errno::ELOOP) => Err(Error::because(
                "mount on",
                &line.target,
                "it must be a directory of its own, not a symlink",
            )),
            place => place.context("open the target", &line.target),
        }
    }

    fn make_target(&mut self, line: &Line, leaf: Leaf) -> Result<OwnedFd> {
        let mut made = Vec::new();
        let place = self.places.make(&line.target, leaf, directory_mode(line), &mut made);
        self.remember(made);
        place.map_err(|errno| {
            Error::new("make the target", &line.target, errno)
                .explain(|_| hints::dangling(&line.target, errno))
        })
    }

    fn makes_targets(&self, line: &Line) -> bool {
        self.places.is_confined() || line.options.mkdir.is_some() || line.options.create.is_some()
    }

    fn existing(&self, line: &Line) -> Result<Option<OwnedFd>> {
        match self.find(line) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            result => result.context("open the target", &line.target).map(Some),
        }
    }

    fn remember(&mut self, made: Vec<Made>) {
        self.done.extend(made.into_iter().map(Step::Made));
    }

    fn attach(&mut self, tree: OwnedFd, target: &OwnedFd, line: &Line) -> Result<Done> {
        self.enter(&tree, target, line)?;
        sys::move_mount(tree.as_fd(), target.as_fd(), self.how.flags()).map_err(|errno| {
            Error::new("mount on", &line.target, errno)
                .explain(|_| hints::attach(&tree, target, self.how.beneath, errno))
        })?;
        self.attached(tree, line)
    }

    /// If the tree is to be mounted on the root, later targets are found in the tree. This comes before attaching,
    /// since it can always be undone.
    fn enter(&mut self, tree: &OwnedFd, target: &OwnedFd, line: &Line) -> Result<()> {
        if !self.places.is_confined() || self.how.beneath {
            return Ok(());
        }
        let location = sys::location(target.as_fd()).context("look at", &line.target)?;
        self.held.cover(location, tree).context("look at", &line.target)?;
        if self.places.is_root(location) {
            let root = duplicate(tree).context("keep", &line.target)?;
            self.places.enter(root).context("look at", &line.target)?;
            self.held.forget(b"");
            self.done.push(Step::Entered);
        }
        Ok(())
    }

    fn attached(&mut self, tree: OwnedFd, line: &Line) -> Result<Done> {
        let target = line.target.clone();
        self.done.push(match self.how.beneath {
            true => Step::MountedBeneath { target },
            false => Step::Mounted { target, id: id(&tree)? },
        });
        self.finish(tree, line)
    }

    /// The steps that need an attached mount: its propagation (a mount on a shared mount becomes shared), and its
    /// owner.
    fn finish(&mut self, mount: OwnedFd, line: &Line) -> Result<Done> {
        propagate(&mount, line)?;
        self.held.put(self.number, &line.target, &mount).context("keep", &line.target)?;
        if !self.owner.is_none() {
            let failed = "change the owner or the mode of";
            let (id, before) = (id(&mount)?, Owner::now(&mount).context(failed, &line.target)?);
            self.done.push(Step::Owned { target: line.target.clone(), id, before });
            self.owner.set(&mount).context(failed, &line.target)?;
        }
        Ok(Done::Mounted(mount))
    }
}

fn map_owners(map: &IdMap, tree: &OwnedFd, recursive: bool, target: &OsStr) -> Result<()> {
    map.apply(tree, recursive, target).hint(|error| hints::idmap(map, error.errno()?))
}

fn file_system(kind: &CStr, source: &CStr, options: &Options) -> Result<OwnedFd> {
    detached::file_system(kind, source, options).map_err(|failure| {
        failure.error.explain(|_| hints::file_system(kind, options, failure.errno, failure.is_said))
    })
}

/// The options of the empty directory that is a mask, which `read_only` makes what it says.
fn mask_options(options: &Options, read_only: &str) -> Result<Options> {
    let mut all = options.clone();
    all.add(OsStr::new("nosuid,nodev,noexec,nr_blocks=1,nr_inodes=1,mode=555"))?;
    all.add(OsStr::new(read_only))?;
    Ok(all)
}

fn error_of_bind(line: &Line, errno: Errno) -> Error {
    Error::new(format!("bind {} on", quote(os(&line.source))), &line.target, errno)
}

/// As [`at_once::is_refused`], of an error.
fn is_refused(call: Call, error: &Error) -> bool {
    error.errno().is_some_and(|errno| at_once::is_refused(call, errno))
}

/// The source, or a directory of it, as a tree that nobody sees yet.
fn copy_source(line: &Line, recursive: bool) -> Result<OwnedFd> {
    let source = os(&line.source);
    let failed =
        |errno| error_of_bind(line, errno).explain(|_| hints::copy(&line.source, recursive, errno));
    let number = descriptor::number_of(source);
    if let Some(number) = number.filter(|_| line.options.subdirectory.is_none()) {
        return copy_of_descriptor(number, recursive).map_err(failed);
    }
    let Some(path) = &line.options.subdirectory else {
        return detached::copy(&line.source, recursive, line.options.source_itself).map_err(failed);
    };
    let directory = open(source, PLACE, Mode::empty()).map_err(failed)?;
    detached::subdirectory(&directory, path, recursive).context("bind only", path)
}

/// The tree that another call has left on a descriptor, `/dev/fd/N`.
/// What was opened in the mount namespace that this one is a copy of is found here by its path, and must be the same.
fn copy_of_descriptor(number: c_int, recursive: bool) -> nix::Result<OwnedFd> {
    let opened = sys::borrow(number)?;
    let tree = match detached::copy_of(opened, recursive) {
        Err(Errno::EINVAL) => {
            let path = readlink(format!("/proc/self/fd/{number}").as_str())?;
            let tree = detached::copy(&c_string(path), recursive, true)?;
            let (there, here) = (fstat(opened)?, fstat(&tree)?);
            match (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino) {
                true => Ok(tree),
                false => Err(Errno::EINVAL),
            }
        }
        result => result,
    }?;
    descriptor::keep_from_command(number).map(|()| tree)
}

fn tree_of(source: &CStr) -> Result<OwnedFd> {
    let number = source.to_str().ok().and_then(|path| path.strip_prefix("/dev/fd/")?.parse().ok());
    let number = number.ok_or_else(|| {
        Error::because("use the tree", os(source), "it is not a descriptor, /dev/fd/N")
    })?;
    sys::borrow(number)
        .and_then(|fd| fd.try_clone_to_owned().map_err(|_| Errno::EBADF))
        .context("use the tree", os(source))
}

/// COMMAND inherits it.
fn leave_on(descriptor: i32, tree: &OwnedFd) -> Result<Done> {
    let step = "leave the tree on the descriptor";
    let name = descriptor.to_string();
    match fcntl(tree, FcntlArg::F_DUPFD(descriptor)).context(step, &name)? {
        got if got == descriptor => Ok(Done::Changed),
        _ => Err(Error::because(step, &name, "it is in use")),
    }
}

fn is_missing(error: &Error) -> bool {
    matches!(error.errno(), Some(Errno::ENOENT | Errno::ENOTDIR))
}

/// Whether the source of a file system is the path of a device that is not there.
fn no_device(source: &CStr) -> bool {
    source.to_bytes().starts_with(b"/")
        && open(source, PLACE, Mode::empty()).is_err_and(|errno| errno == Errno::ENOENT)
}

fn directory_mode(line: &Line) -> u32 {
    line.options.mkdir.unwrap_or(DIRECTORY_MODE)
}

fn id(mount: &OwnedFd) -> Result<u64> {
    sys::location(mount.as_fd()).map(|location| location.mount).step("read a mount's id")
}

/// Whether the target is a mount of the same thing already.
fn is_there(tree: &OwnedFd, target: &OwnedFd, line: &Line) -> bool {
    let (Ok(new), Ok(old)) = (sys::location(tree.as_fd()), sys::location(target.as_fd())) else {
        return false;
    };
    match &line.work {
        _ if !old.is_mount_root => false,
        Work::FileSystem(kind) => mountinfo::at(target).top.is_some_and(|mount| {
            mount.kind == kind.to_bytes() && mount.source == line.source.to_bytes()
        }),
        _ => (new.device, new.inode) == (old.device, old.inode),
    }
}

/// The host's /dev/null, which must be that and nothing else (CVE-2025-31133).
fn open_null_device() -> Result<OwnedFd> {
    let null = open(NULL, PLACE, Mode::empty()).context("open", NULL)?;
    let status = fstat(&null).context("look at", NULL)?;
    if !is(&status, SFlag::S_IFCHR) || status.st_rdev != makedev(1, 3) {
        return Err(Error::because("mask with", NULL, "it is not the null device"));
    }
    Ok(null)
}

/// Writing to the device works, as on any read-only mount. Its mode, owner and times are the host's, and cannot be
/// changed.
fn read_only_null(null: &OwnedFd, options: &Options) -> nix::Result<OwnedFd> {
    const SET: u64 = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC;
    let tree = detached::copy_of(null.as_fd(), false)?;
    detached::change(tree.as_fd(), options)?;
    detached::set(tree.as_fd(), 0, Change { set: SET, clear: 0 })?;
    Ok(tree)
}

fn change_attributes(tree: &OwnedFd, line: &Line) -> Result<()> {
    detached::change(tree.as_fd(), &line.options).map_err(|errno| {
        Error::new("change the attributes of the mount for", &line.target, errno)
            .explain(|_| hints::change(tree, &line.options, errno))
    })
}

fn propagate(mount: &OwnedFd, line: &Line) -> Result<()> {
    detached::propagate(mount.as_fd(), &line.options.propagation).map_err(|errno| {
        Error::new("change the propagation of", &line.target, errno)
            .explain(|_| hints::no_mount(mount, errno))
    })
}

/// The options without read-only, so that the file system can be filled. The mount becomes read-only afterwards.
fn writable(options: &Options) -> Options {
    let mut options = options.clone();
    options.superblock_read_only = None;
    options.top.set &= !MOUNT_ATTR_RDONLY;
    options
}

fn os(path: &CStr) -> &OsStr {
    OsStr::from_bytes(path.to_bytes())
}
