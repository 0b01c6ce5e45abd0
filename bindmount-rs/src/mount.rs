//! Does what lines ask for, and undoes it.

use std::ffi::{CStr, OsStr};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::{Context, Error, Result, sys};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat, makedev};
use nix::sys::statvfs::fstatvfs;

use crate::detached;
use crate::line::{Line, Work};
use crate::node::{Node, is};
use crate::options::{DIRECTORY_MODE, Options};
use crate::place::{Leaf, Made, Places};
use crate::undo::Step;

const NULL: &str = "/dev/null";

/// What became of a line.
#[derive(Debug)]
pub enum Done {
    /// The mount is attached; its descriptor is its root.
    Mounted(OwnedFd),
    /// Something was done that is no mount.
    Changed,
    /// There was nothing to do.
    Skipped,
}

/// Mounts line after line.
#[derive(Debug, Default)]
pub struct Mounter {
    places: Places,
    move_flags: u32,
    done: Vec<Step>,
    /// The host's /dev/null, once it was needed.
    null: Option<OwnedFd>,
    /// The empty directory of an earlier mask: its superblock serves all of them.
    empty: Option<OwnedFd>,
}

impl Mounter {
    /// Targets are found in `places`; `move_flags` are those of move_mount(2).
    pub fn new(places: Places, move_flags: u32) -> Self {
        Self { places, move_flags, ..Self::default() }
    }

    /// How much was done, for [`Mounter::undo_to`].
    pub fn mark(&self) -> usize {
        self.done.len()
    }

    /// Undoes what was done since, in reverse. What cannot be undone is left and named.
    pub fn undo_to(&mut self, mark: usize) -> Vec<Error> {
        let steps = self.done.split_off(mark);
        let mut failures = Vec::new();
        for step in steps.into_iter().rev() {
            let target = step.target().to_owned();
            if let Err(errno) = step.undo(&mut self.places) {
                failures.push(Error::new("undo what was done at", target, errno));
            }
        }
        failures
    }

    /// Does what the line asks for. After a failure [`Mounter::undo_to`] takes away what it left.
    pub fn mount(&mut self, line: &Line) -> Result<Done> {
        match &line.work {
            Work::Bind { recursive } => self.bind(line, *recursive),
            Work::Move => self.move_tree(line),
            Work::Change => self.change(line),
            Work::FileSystem(kind) => self.file_system(line, kind),
            Work::Mask => self.mask(line),
            Work::ReadOnly => self.read_only(line),
            Work::Node(node) => self.node(line, node),
        }
    }

    fn bind(&mut self, line: &Line, recursive: bool) -> Result<Done> {
        let tree = match detached::copy(&line.source, recursive) {
            Err(Errno::ENOENT | Errno::ENOTDIR) if line.options.no_fail => {
                return Ok(Done::Skipped);
            }
            result => result.context("copy the mount at", os(&line.source))?,
        };
        change_attributes(&tree, line)?;
        let target = self.target_for(line, &tree)?;
        self.attach(tree, &target, line)
    }

    fn file_system(&mut self, line: &Line, kind: &CStr) -> Result<Done> {
        let tree = detached::file_system(kind, &line.source, &line.options)?;
        let target = if matches!(kind.to_bytes(), b"proc" | b"sysfs") && self.places.is_confined() {
            self.own_directory(line)?
        } else {
            self.target(line, Leaf::Directory(DIRECTORY_MODE))?
        };
        self.attach(tree, &target, line)
    }

    fn move_tree(&mut self, line: &Line) -> Result<Done> {
        let source = os(&line.source);
        let tree = open(source, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
            .context("open the source", source)?;
        let target = self.target_for(line, &tree)?;
        change_attributes(&tree, line)?;
        sys::move_mount(tree.as_fd(), target.as_fd(), self.move_flags)
            .context("move the mount to", &line.target)?;
        let id = sys::mount_id(tree.as_fd()).step("read a mount's id")?;
        self.done.push(Step::Moved { source: source.into(), target: line.target.clone(), id });
        self.settle(tree, line)
    }

    /// Changes the mount that is at the target. What a change of the top overwrites is remembered.
    fn change(&mut self, line: &Line) -> Result<Done> {
        let target = self.places.open(&line.target).context("open the target", &line.target)?;
        if !line.options.top.is_none() {
            let status = fstatvfs(&target).context("read the attributes of", &line.target)?;
            let back = line.options.top.back_to(status.flags());
            change_attributes(&target, line)?;
            let id = sys::mount_id(target.as_fd()).step("read a mount's id")?;
            self.done.push(Step::Changed { target: line.target.clone(), id, back });
        }
        propagate(&target, line)?;
        Ok(Done::Changed)
    }

    /// Hides the target, if it is there: a directory behind an empty one, anything else behind /dev/null.
    fn mask(&mut self, line: &Line) -> Result<Done> {
        let Some(target) = self.existing(line)? else { return Ok(Done::Skipped) };
        let status = fstat(&target).context("look at", &line.target)?;
        if !is(&status, SFlag::S_IFDIR) {
            let null = self.null_device()?;
            return self.attach(null, &target, line);
        }
        let tree = self.empty_directory(&line.options)?;
        if self.empty.is_none() && line.options.data.is_empty() {
            self.empty = tree.try_clone().ok();
        }
        self.attach(tree, &target, line)
    }

    fn empty_directory(&mut self, options: &Options) -> Result<OwnedFd> {
        if let (Some(empty), []) = (&self.empty, options.data.as_slice()) {
            return detached::copy_of(empty.as_fd(), false).step("copy a mask");
        }
        let mut options = options.clone();
        options.add(OsStr::new("ro=vfs,nosuid,nodev,noexec,nr_blocks=1,nr_inodes=1,mode=555"))?;
        detached::file_system(c"tmpfs", c"tmpfs", &options)
    }

    fn null_device(&mut self) -> Result<OwnedFd> {
        let null = match &mut self.null {
            Some(null) => null,
            none => none.insert(open_null_device()?),
        };
        detached::copy_of(null.as_fd(), false).context("copy the mount at", NULL)
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
        let mut made = Vec::new();
        let parent = self.places.make_parent(&line.target, &mut made);
        self.remember(made);
        let (directory, name) = parent.context("make the directory of", &line.target)?;
        if !node.make(directory.as_fd(), name).context("make", &line.target)? {
            return Ok(Done::Skipped);
        }
        self.remember(vec![node.made(&line.target)]);
        node.give_away(directory.as_fd(), name).context("change the owner of", &line.target)?;
        Ok(Done::Changed)
    }

    /// The target, made as what the tree's root is where it is missing and may be made.
    fn target_for(&mut self, line: &Line, tree: &OwnedFd) -> Result<OwnedFd> {
        match self.places.open(&line.target) {
            Err(Errno::ENOENT) if self.makes_targets(line) => {}
            result => return result.context("open the target", &line.target),
        }
        let status = fstat(tree).context("look at", os(&line.source))?;
        let leaf = if is(&status, SFlag::S_IFDIR) {
            Leaf::Directory(line.options.mkdir.unwrap_or(DIRECTORY_MODE))
        } else {
            Leaf::File
        };
        self.make_target(line, leaf)
    }

    fn target(&mut self, line: &Line, leaf: Leaf) -> Result<OwnedFd> {
        match self.places.open(&line.target) {
            Err(Errno::ENOENT) if self.makes_targets(line) => self.make_target(line, leaf),
            result => result.context("open the target", &line.target),
        }
    }

    /// For a /proc or /sys that a tool inside will trust: an image must not choose where it is
    /// (CVE-2019-19921, CVE-2023-27561, CVE-2023-28642).
    fn own_directory(&mut self, line: &Line) -> Result<OwnedFd> {
        match self.places.open_straight(&line.target) {
            Err(Errno::ELOOP) => Err(Error::because(
                "mount on",
                &line.target,
                "it must be a directory of its own, not a symlink",
            )),
            Err(Errno::ENOENT) => self.make_target(line, Leaf::Directory(DIRECTORY_MODE)),
            result => result.context("open the target", &line.target),
        }
    }

    fn make_target(&mut self, line: &Line, leaf: Leaf) -> Result<OwnedFd> {
        let mut made = Vec::new();
        let place = self.places.make(&line.target, leaf, &mut made);
        self.remember(made);
        place.context("make the target", &line.target)
    }

    fn makes_targets(&self, line: &Line) -> bool {
        self.places.is_confined() || line.options.mkdir.is_some()
    }

    fn existing(&self, line: &Line) -> Result<Option<OwnedFd>> {
        match self.places.open(&line.target) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(None),
            result => result.context("open the target", &line.target).map(Some),
        }
    }

    fn remember(&mut self, made: Vec<Made>) {
        self.done.extend(made.into_iter().map(Step::Made));
    }

    fn attach(&mut self, tree: OwnedFd, target: &OwnedFd, line: &Line) -> Result<Done> {
        sys::move_mount(tree.as_fd(), target.as_fd(), self.move_flags)
            .context("mount on", &line.target)?;
        let id = sys::mount_id(tree.as_fd()).step("read a mount's id")?;
        self.done.push(Step::Mounted { target: line.target.clone(), id });
        self.settle(tree, line)
    }

    /// What can be done only after a mount is attached: a mount on a shared one becomes shared itself.
    fn settle(&mut self, tree: OwnedFd, line: &Line) -> Result<Done> {
        propagate(&tree, line)?;
        if self.places.is_root(&line.target) {
            let root = tree.try_clone().map_err(|e| Error::from_io("keep", &line.target, &e))?;
            self.places.enter(root);
            self.done.push(Step::Entered);
        }
        Ok(Done::Mounted(tree))
    }
}

/// The host's /dev/null, which must be that and nothing else (CVE-2025-31133).
fn open_null_device() -> Result<OwnedFd> {
    let null = open(NULL, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).context("open", NULL)?;
    let status = fstat(&null).context("look at", NULL)?;
    if !is(&status, SFlag::S_IFCHR) || status.st_rdev != makedev(1, 3) {
        return Err(Error::because("mask with", NULL, "it is not the null device"));
    }
    Ok(null)
}

fn change_attributes(tree: &OwnedFd, line: &Line) -> Result<()> {
    detached::change(tree.as_fd(), &line.options)
        .context("change the attributes of the mount for", &line.target)
}

fn propagate(mount: &OwnedFd, line: &Line) -> Result<()> {
    detached::propagate(mount.as_fd(), &line.options.propagation)
        .context("change the propagation of", &line.target)
}

fn os(path: &CStr) -> &OsStr {
    OsStr::from_bytes(path.to_bytes())
}
