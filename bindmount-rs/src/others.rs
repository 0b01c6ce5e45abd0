//! Unmounts all mounts of a namespace but one, once that one is the root.
//!
//! After pivot_root(2) the old root can be unmounted, and everything with it. Where a mount was only moved to `/`, the
//! old root stays beneath it, and with it a proc and a sysfs that show everything. Nobody reaches them, but as long
//! as they are there the kernel lets a new user namespace mount such file systems anew, without the masks that those
//! of the container have (`mnt_already_visible` of the kernel's fs/namespace.c).

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::fs::{File, read_link};
use std::io::{Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use common::sys;
use common::{Context, Error, Result, mountinfo};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, umount2};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::fchdir;

use crate::detached;
use crate::options::Propagation;
use crate::place::is;

const TABLE: &str = "/proc/self/mountinfo";

const PLACE: OFlag = OFlag::O_PATH.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

/// An unmount uncovers hidden mounts, which the next round removes. Each round removes at least one mount.
const ROUNDS: usize = 10_000;

const SLAVE: Propagation = Propagation { kind: MsFlags::MS_SLAVE, recursive: false };
const ALL_SLAVES: Propagation = Propagation { kind: MsFlags::MS_SLAVE, recursive: true };

/// The mounts to remove from the namespace.
#[derive(Debug)]
pub struct Others {
    /// The mount table, opened while there is still a /proc.
    table: File,
    /// The mount that is to be left, with those beneath it.
    new_root: u64,
    /// Mounts that cannot or need not be unmounted: the old root, the mounts that hold the next program, covered
    /// mounts and their covers. The mounts beneath them are unmounted.
    stay: HashSet<u64>,
}

/// A mount of this namespace.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    id: u64,
    parent: u64,
    target: OsString,
    /// A proc or sysfs, seen from its root: what the kernel looks for.
    is_revealing: bool,
}

impl Mount {
    fn of(line: &mountinfo::Mount) -> Self {
        let is_whole = *line.root.0 == *b"/";
        Self {
            id: line.id.into(),
            parent: line.parent.into(),
            target: OsString::from_vec(line.point.decoded().into_owned()),
            is_revealing: is_whole && matches!(line.kind.0, b"proc" | b"sysfs"),
        }
    }
}

impl Others {
    /// Reads the mounts while `/` is still the old root, and makes `/` a slave, so that other namespaces do not see
    /// the move. `program` is executed next.
    pub fn before_the_move_of(new_root: &OwnedFd, program: Option<&OwnedFd>) -> Result<Self> {
        if is_namespace_of_init() {
            return Err(Error::because(
                "detach the mounts on",
                "/",
                "this is the mount namespace of process 1: put `unshare-rs --mount` in front",
            ));
        }
        let table = File::open(TABLE).map_err(|error| Error::from_io("read", TABLE, &error))?;
        let root =
            open("/", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).context("open", "/")?;
        detached::propagate(root.as_fd(), &[SLAVE]).context("change the propagation of", "/")?;

        let id = |place: &OwnedFd| sys::mount_id(place.as_fd()).step("read a mount's id");
        let mut others = Self { table, new_root: id(new_root)?, stay: HashSet::from([id(&root)?]) };
        if let Some(program) = program {
            let mounts = others.read()?;
            others.stay.extend(with_ancestors(&mounts, id(program)?));
        }
        Ok(others)
    }

    /// Unmounts them. A mount that cannot be unmounted is covered with the mount that `cover` makes. This changes the
    /// working directory.
    pub fn detach(&mut self, mut cover: impl FnMut(&OwnedFd) -> Result<OwnedFd>) -> Result<()> {
        for _ in 0..ROUNDS {
            let tree = Tree::of(self.read()?, self.new_root);
            let mut progress = false;
            for mount in tree.tops(&self.stay) {
                progress |= self.remove(&tree, mount, true, &mut cover)?;
            }
            if !progress {
                break;
            }
        }
        // A mount whose way is hidden by others that stay cannot be covered itself.
        let tree = Tree::of(self.read()?, self.new_root);
        match tree.others().find(|mount| mount.is_revealing && !self.stay.contains(&mount.id)) {
            None => Ok(()),
            Some(mount) => Err(Error::because(
                "unmount",
                &mount.target,
                "another mount hides it, and cannot be unmounted",
            )),
        }
    }

    /// Whether anything was done. A mount that another one hides has its turn after that one: it may be one on top of
    /// it.
    fn remove(
        &mut self,
        tree: &Tree,
        mount: &Mount,
        is_top: bool,
        cover: &mut impl FnMut(&OwnedFd) -> Result<OwnedFd>,
    ) -> Result<bool> {
        if self.stay.contains(&mount.id) {
            return Ok(false);
        }
        let Some(place) = reach(mount) else {
            return self.remove_beneath(tree, mount, is_top, cover);
        };
        match unmount(&place, &mount.target) {
            Ok(()) => return Ok(true),
            // It came from a more privileged namespace, and is locked to its place (mount_namespaces(7)), or is a directory
            // that the caller may not even enter.
            Err(Errno::EINVAL | Errno::EPERM | Errno::EACCES) => {}
            Err(errno) => return Err(Error::new("unmount", &mount.target, errno)),
        }
        let progress = self.remove_beneath(tree, mount, false, cover)?;
        if !is_top && !mount.is_revealing {
            return Ok(progress);
        }
        let cover = cover(&place)?;
        sys::move_mount(cover.as_fd(), place.as_fd(), 0).context("mount on", &mount.target)?;
        let id = sys::mount_id(cover.as_fd()).step("read a mount's id")?;
        self.stay.extend([mount.id, id]);
        Ok(true)
    }

    fn remove_beneath(
        &mut self,
        tree: &Tree,
        mount: &Mount,
        is_top: bool,
        cover: &mut impl FnMut(&OwnedFd) -> Result<OwnedFd>,
    ) -> Result<bool> {
        let mut progress = false;
        for beneath in tree.beneath(mount.id) {
            progress |= self.remove(tree, beneath, is_top, cover)?;
        }
        Ok(progress)
    }

    fn read(&mut self) -> Result<Vec<Mount>> {
        let failed = |error| Error::from_io("read", TABLE, &error);
        let mut text = Vec::new();
        self.table.rewind().map_err(failed)?;
        self.table.read_to_end(&mut text).map_err(failed)?;
        Ok(mountinfo::mounts(&text).map(|line| Mount::of(&line)).collect())
    }
}

/// The mounts of a namespace but those that are to be left, and which one is on which.
struct Tree {
    mounts: Vec<Mount>,
    beneath: HashMap<u64, Vec<usize>>,
}

impl Tree {
    fn of(mounts: Vec<Mount>, new_root: u64) -> Self {
        let all = Self::index(mounts);
        let kept = all.with_all_beneath(new_root);
        let others = all.mounts.into_iter().filter(|mount| !kept.contains(&mount.id));
        Self::index(others.collect())
    }

    fn index(mounts: Vec<Mount>) -> Self {
        let mut beneath: HashMap<u64, Vec<usize>> = HashMap::new();
        for (index, mount) in mounts.iter().enumerate().filter(|(_, m)| m.id != m.parent) {
            beneath.entry(mount.parent).or_default().push(index);
        }
        Self { mounts, beneath }
    }

    fn with_all_beneath(&self, id: u64) -> HashSet<u64> {
        let (mut found, mut left) = (HashSet::new(), vec![id]);
        while let Some(id) = left.pop() {
            found.insert(id);
            left.extend(self.beneath(id).map(|mount| mount.id));
        }
        found
    }

    fn others(&self) -> impl Iterator<Item = &Mount> {
        self.mounts.iter()
    }

    fn beneath(&self, id: u64) -> impl Iterator<Item = &Mount> {
        let indices = self.beneath.get(&id).map(Vec::as_slice).unwrap_or_default();
        indices.iter().rev().map(|&index| &self.mounts[index])
    }

    /// The mounts on those that stay, what was mounted last first.
    fn tops(&self, stay: &HashSet<u64>) -> Vec<&Mount> {
        let is_top = |mount: &&Mount| !stay.contains(&mount.id) && stay.contains(&mount.parent);
        self.mounts.iter().rev().filter(is_top).collect()
    }
}

fn with_ancestors(mounts: &[Mount], id: u64) -> Vec<u64> {
    let parents: HashMap<_, _> = mounts.iter().map(|mount| (mount.id, mount.parent)).collect();
    let mut found = vec![id];
    while let Some(&parent) = parents.get(&found[found.len() - 1]) {
        if found.contains(&parent) {
            break;
        }
        found.push(parent);
    }
    found
}

/// The place of the mount; none if another mount hides it or its path.
fn reach(mount: &Mount) -> Option<OwnedFd> {
    let place = open(mount.target.as_os_str(), PLACE, Mode::empty()).ok()?;
    (sys::mount_id(place.as_fd()) == Ok(mount.id)).then_some(place)
}

/// The mounts may be peers of another namespace's, which an unmount must not reach. umount2(2) takes only a path, and
/// /proc may be gone already: a directory is `.`, and a file, which nobody moves in this namespace, its path.
fn unmount(place: &OwnedFd, path: &OsStr) -> nix::Result<()> {
    detached::propagate(place.as_fd(), &[ALL_SLAVES])?;
    let flags = MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW;
    match is(&fstat(place)?, SFlag::S_IFDIR) {
        true => fchdir(place).and_then(|()| umount2(".", flags)),
        false => umount2(path, flags),
    }
}

/// Whether process 1 of this /proc is another one, lives in this mount namespace too, and would lose all of its
/// mounts. One that cannot be looked at belongs to somebody with more power, and so does its namespace.
fn is_namespace_of_init() -> bool {
    let namespace = |pid: &str| read_link(format!("/proc/{pid}/ns/mnt")).ok();
    let is_other = read_link("/proc/self").is_ok_and(|pid| pid.as_os_str() != "1");
    is_other && namespace("1").is_some_and(|init| Some(init) == namespace("self"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 27 0:22 / /sys rw - sysfs sysfs rw
31 30 0:23 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw
32 27 0:21 /sys /a\\040b ro - proc proc rw
40 27 254:0 /srv/box /srv/box rw - ext4 /dev/vda rw
41 40 0:21 / /srv/box/proc rw - proc proc rw
50 27 0:50 / /home rw - tmpfs none rw
51 50 0:51 / /home/tools rw - tmpfs none rw
52 50 0:52 / /home/other rw - tmpfs none rw
";

    fn mounts() -> Vec<Mount> {
        mountinfo::mounts(TABLE.as_bytes()).map(|line| Mount::of(&line)).collect()
    }

    #[test]
    fn lines_of_the_table() {
        let mounts = mounts();
        assert_eq!((mounts.len(), mounts[0].id, mounts[0].parent), (10, 22, 27));
        assert_eq!(mounts[4].target, "/a b");
        let revealing: Vec<_> = mounts.iter().filter(|m| m.is_revealing).map(|m| m.id).collect();
        assert_eq!(revealing, [22, 30, 41]);
    }

    #[test]
    fn all_but_the_new_root_and_what_must_stay() {
        let stay = HashSet::from_iter(with_ancestors(&mounts(), 51));
        assert_eq!(stay, HashSet::from([51, 50, 27, 1]));
        let tree = Tree::of(mounts(), 40);
        let ids = |mounts: Vec<&Mount>| mounts.iter().map(|m| m.id).collect::<Vec<_>>();
        assert_eq!(ids(tree.tops(&stay)), [52, 32, 30, 22]);
        assert_eq!(ids(tree.tops(&HashSet::from([27]))), [50, 32, 30, 22]);
        assert_eq!(ids(tree.beneath(30).collect()), [31]);
        assert!(tree.others().all(|mount| ![40, 41].contains(&mount.id)));
    }
}
