//! Finds targets, and makes missing ones, inside a root that is not trusted.

use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use common::directory::walk;
use common::sys::{self, Location, cwd};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, OpenHow, ResolveFlag, open, openat, openat2, readlinkat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat, mknodat, umask};
use nix::unistd::{UnlinkatFlags, unlinkat};

/// How many times to retry a path that another process changes meanwhile.
const TRIES: usize = 128;

/// As many symlinks as the kernel follows in one walk (path_resolution(7)).
const LINKS: usize = 40;

/// For opening a component that was just made: that very name, and no symlink.
const BENEATH: ResolveFlag = ResolveFlag::RESOLVE_BENEATH.union(ResolveFlag::RESOLVE_NO_SYMLINKS);

/// A path in a mount that is held may have symlinks in it, and must not leave the mount's root.
const INSIDE: ResolveFlag = ResolveFlag::RESOLVE_BENEATH.union(ResolveFlag::RESOLVE_NO_MAGICLINKS);

const PLACE: OFlag = OFlag::O_PATH.union(OFlag::O_CLOEXEC);
const DIRECTORY: OFlag = PLACE.union(OFlag::O_DIRECTORY);

/// What is made where the target is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaf {
    Directory(u32),
    File,
}

/// A file or a directory that was made for a target.
#[derive(Debug, PartialEq, Eq)]
pub struct Made {
    path: OsString,
    device: u64,
    inode: u64,
}

impl Made {
    /// What was made at `path`, and what it is.
    pub fn new(path: OsString, status: &FileStat) -> Self {
        Self { path, device: status.st_dev, inode: status.st_ino }
    }

    pub fn path(&self) -> &OsStr {
        &self.path
    }

    /// Whether it is still where it was made.
    pub fn is_there(&self, places: &Places) -> bool {
        let look = |(directory, name)| fstatat(&directory, name, AtFlags::AT_SYMLINK_NOFOLLOW);
        let status = places.parent(&self.path).and_then(look);
        status.is_ok_and(|status| (status.st_dev, status.st_ino) == (self.device, self.inode))
    }

    /// Removes it, unless something was put into it since, or in its place (ESTALE).
    pub fn remove(&self, places: &Places) -> nix::Result<()> {
        let (directory, name) = places.parent(&self.path)?;
        let status = fstatat(&directory, name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
        if (status.st_dev, status.st_ino) != (self.device, self.inode) {
            return Err(Errno::ESTALE);
        }
        if is(&status, SFlag::S_IFREG) && status.st_size > 0 {
            return Err(Errno::ENOTEMPTY);
        }
        let flags = match is(&status, SFlag::S_IFDIR) {
            true => UnlinkatFlags::RemoveDir,
            false => UnlinkatFlags::NoRemoveDir,
        };
        unlinkat(&directory, name, flags)
    }
}

/// Whether a file is of this format.
pub fn is(status: &FileStat, format: SFlag) -> bool {
    SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT == format
}

/// Where targets are looked for: the caller's own root, or another that no target leads out of.
#[derive(Debug, Default)]
pub struct Places {
    /// The root, and after it each mount that was put on top of it.
    roots: Vec<Root>,
}

#[derive(Debug)]
struct Root {
    directory: OwnedFd,
    location: Location,
}

impl Root {
    fn new(directory: OwnedFd) -> nix::Result<Self> {
        let location = sys::location(directory.as_fd())?;
        Ok(Self { directory, location })
    }
}

impl Places {
    /// Targets inside the directory `path`.
    pub fn inside(path: &OsStr) -> nix::Result<Self> {
        let root = open(path, DIRECTORY, Mode::empty())?;
        Ok(Self { roots: vec![Root::new(root)?] })
    }

    /// Whether targets are kept inside a root.
    pub fn is_confined(&self) -> bool {
        !self.roots.is_empty()
    }

    /// The root that targets are kept inside of.
    pub fn root(&self) -> Option<&OwnedFd> {
        self.roots.last().map(|root| &root.directory)
    }

    /// Whether the root is the root directory of this process, by whatever name it was found.
    pub fn is_own_root(&self) -> nix::Result<bool> {
        let own = open("/", DIRECTORY, Mode::empty())?;
        Ok(self.is_root(sys::location(own.as_fd())?))
    }

    /// Whether this is the root that targets are kept inside of.
    pub fn is_root(&self, location: Location) -> bool {
        self.roots.last().is_some_and(|root| root.location == location)
    }

    /// From now on targets are found inside `root`, a mount that was put on top of the one before: a walk
    /// that starts at a directory does not see what is mounted on that very directory.
    pub fn enter(&mut self, root: OwnedFd) -> nix::Result<()> {
        self.roots.push(Root::new(root)?);
        Ok(())
    }

    /// Undoes the last [`Places::enter`].
    pub fn leave(&mut self) {
        self.roots.pop();
    }

    /// Opens the target with `O_PATH`. With `itself` a symlink at its end is not followed.
    pub fn open(&self, path: &OsStr, itself: bool) -> nix::Result<OwnedFd> {
        let flags = if itself { PLACE | OFlag::O_NOFOLLOW } else { PLACE };
        self.walk(path.as_bytes(), flags, ResolveFlag::empty())
    }

    /// The target, if no component of its path is a symlink (else ELOOP).
    pub fn open_straight(&self, path: &OsStr) -> nix::Result<OwnedFd> {
        self.walk(path.as_bytes(), PLACE, ResolveFlag::RESOLVE_NO_SYMLINKS)
    }

    /// The directory that holds the last component of `path`, which may be missing, and that component.
    pub fn parent<'a>(&self, path: &'a OsStr) -> nix::Result<(OwnedFd, &'a OsStr)> {
        let (parent, name) = split(path);
        Ok((self.directory(parent)?, name))
    }

    /// As [`Places::parent`], with missing directories made.
    pub fn make_parent<'a>(
        &self,
        path: &'a OsStr,
        made: &mut Vec<Made>,
    ) -> nix::Result<(OwnedFd, &'a OsStr)> {
        let (parent, name) = split(path);
        if matches!(name.as_bytes(), b"" | b"." | b"..") {
            return Err(Errno::EINVAL);
        }
        let directory = match self.directory(parent) {
            Err(Errno::ENOENT) => {
                self.make(OsStr::from_bytes(parent), Leaf::Directory(0o755), 0o755, made)?
            }
            result => result?,
        };
        Ok((directory, name))
    }

    /// Makes the missing components of `path`, those before the last as directories of mode `between`, and opens the last
    /// one.
    ///
    /// A dangling symlink on the way is followed as any other, inside the root. Outside of one it is an error: what it
    /// names is not there, and is not what the caller has named.
    pub fn make(
        &self,
        path: &OsStr,
        leaf: Leaf,
        between: u32,
        made: &mut Vec<Made>,
    ) -> nix::Result<OwnedFd> {
        let _mask = NoMask::new();
        let mut path = path.as_bytes().to_vec();
        let mut links = 0;
        for _ in 0..TRIES {
            match self.make_beneath_deepest(&path, leaf, between, made)? {
                Progress::Made(place) => return Ok(place),
                Progress::Link(..) if !self.is_confined() => return Err(Errno::ENOENT),
                Progress::Link(_, _) if links == LINKS => return Err(Errno::ELOOP),
                Progress::Link(text, component) => {
                    path = follow(&path, &text, component);
                    links += 1;
                }
                Progress::Disturbed => {}
            }
        }
        Err(Errno::EAGAIN)
    }

    fn make_beneath_deepest(
        &self,
        path: &[u8],
        leaf: Leaf,
        between: u32,
        made: &mut Vec<Made>,
    ) -> nix::Result<Progress> {
        let (mut directory, start) = self.deepest(path)?;
        for component in components(path, start) {
            let name = OsStr::from_bytes(&path[component.clone()]);
            if name == ".." {
                return Err(Errno::ENOENT);
            }
            let last = components(path, component.end).next().is_none();
            let leaf = if last { leaf } else { Leaf::Directory(between) };
            let (fresh, place) = match make_one(directory.as_fd(), name, leaf) {
                Err(Errno::ELOOP) => {
                    return match readlinkat(&directory, name) {
                        Err(Errno::EINVAL | Errno::ENOENT) => Ok(Progress::Disturbed),
                        text => Ok(Progress::Link(text?, component)),
                    };
                }
                Err(Errno::ENOENT) => return Ok(Progress::Disturbed),
                result => result?,
            };
            if fresh {
                let path = OsString::from_vec(path[..component.end].to_vec());
                made.push(Made::new(path, &fstat(&place)?));
            }
            directory = place;
        }
        Ok(Progress::Made(directory))
    }

    /// The deepest directory on the way to `path` that is there, and where the rest of `path` starts.
    fn deepest(&self, path: &[u8]) -> nix::Result<(OwnedFd, usize)> {
        let mut start = last_component(path).start;
        loop {
            match self.directory(&path[..start]) {
                Err(Errno::ENOENT) if start > 0 => start = last_component(&path[..start]).start,
                result => return Ok((result?, start)),
            }
        }
    }

    fn directory(&self, path: &[u8]) -> nix::Result<OwnedFd> {
        let path = if path.is_empty() { b"." } else { path };
        self.walk(path, DIRECTORY, ResolveFlag::empty())
    }

    fn walk(&self, path: &[u8], flags: OFlag, resolve: ResolveFlag) -> nix::Result<OwnedFd> {
        // A plain walk needs no call that an old filter refuses.
        if !self.is_confined() && resolve.is_empty() {
            return openat(self.start(), path, flags, Mode::empty());
        }
        let confined = match self.is_confined() {
            true => ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS,
            false => ResolveFlag::empty(),
        };
        let how = OpenHow::new().flags(flags).resolve(resolve | confined);
        walk(self.start(), path, how)
    }

    fn start(&self) -> BorrowedFd<'_> {
        match self.roots.last() {
            Some(root) => root.directory.as_fd(),
            None => cwd(),
        }
    }
}

/// Opens `path` from the root of a mount. EXDEV if it leads outside.
pub fn open_inside(mount: &OwnedFd, path: &[u8], itself: bool) -> nix::Result<OwnedFd> {
    if path.is_empty() {
        return duplicate(mount);
    }
    let flags = if itself { PLACE | OFlag::O_NOFOLLOW } else { PLACE };
    walk(mount, path, OpenHow::new().flags(flags).resolve(INSIDE))
}

/// Another descriptor of the same place.
pub fn duplicate(place: &OwnedFd) -> nix::Result<OwnedFd> {
    place.try_clone().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}

/// The progress of making a path.
enum Progress {
    Made(OwnedFd),
    /// The component at this place is a symlink with this text.
    Link(OsString, Range<usize>),
    /// Another process removed or replaced a component meanwhile.
    Disturbed,
}

/// Makes one component, unless it exists, and opens it. The first value tells if it is new.
///
/// Another process may replace the new one before it is opened. Such a process could change the new one as well.
fn make_one(directory: BorrowedFd, name: &OsStr, leaf: Leaf) -> nix::Result<(bool, OwnedFd)> {
    let (made, flags) = match leaf {
        Leaf::Directory(mode) => {
            (mkdirat(directory, name, Mode::from_bits_truncate(mode)), DIRECTORY)
        }
        Leaf::File => (make_file(directory, name), PLACE),
    };
    let is_new = match made {
        Err(Errno::EEXIST) => false,
        result => result.map(|()| true)?,
    };
    let place = open_beneath(directory, name, flags);
    if is_new && matches!(place, Err(Errno::EMFILE)) {
        remove(directory, name, leaf)?;
    }
    Ok((is_new, place?))
}

fn remove(directory: BorrowedFd, name: &OsStr, leaf: Leaf) -> nix::Result<()> {
    let flags = match leaf {
        Leaf::Directory(_) => UnlinkatFlags::RemoveDir,
        Leaf::File => UnlinkatFlags::NoRemoveDir,
    };
    unlinkat(directory, name, flags)
}

fn make_file(directory: BorrowedFd, name: &OsStr) -> nix::Result<()> {
    mknodat(directory, name, SFlag::S_IFREG, Mode::from_bits_truncate(0o644), 0)
}

fn open_beneath(directory: BorrowedFd, name: &OsStr, flags: OFlag) -> nix::Result<OwnedFd> {
    openat2(directory, name, OpenHow::new().flags(flags).resolve(BENEATH))
}

/// A path with a symlink of it replaced by its text.
fn follow(path: &[u8], text: &OsStr, link: Range<usize>) -> Vec<u8> {
    let text = text.as_bytes();
    let before = if text.starts_with(b"/") { &[] } else { &path[..link.start] };
    [before, text, &path[link.end..]].concat()
}

/// The path of the directory, which may be empty, and the name in it.
fn split(path: &OsStr) -> (&[u8], &OsStr) {
    let path = path.as_bytes();
    let last = last_component(path);
    (&path[..last.start], OsStr::from_bytes(&path[last]))
}

fn last_component(path: &[u8]) -> Range<usize> {
    let end = path.iter().rposition(|&byte| byte != b'/').map_or(0, |last| last + 1);
    let start = path[..end].iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
    start..end
}

/// Where the components of `path` from `start` on stand, those that are `.` left out.
fn components(path: &[u8], mut start: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    std::iter::from_fn(move || {
        loop {
            start += path[start..].iter().position(|&byte| byte != b'/')?;
            let rest = &path[start..];
            let end = start + rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
            let found = start..end;
            start = end;
            if path[found.clone()] != *b"." {
                return Some(found);
            }
        }
    })
}

/// While this is held, what is made has exactly the mode that was asked for.
pub struct NoMask(Mode);

impl NoMask {
    pub fn new() -> Self {
        Self(umask(Mode::empty()))
    }
}

impl Drop for NoMask {
    fn drop(&mut self) {
        umask(self.0);
    }
}

/// The components of `path`, with a single slash between them and none before.
pub fn normal(path: &OsStr) -> Vec<u8> {
    let path = path.as_bytes();
    let names: Vec<_> = components(path, 0).map(|component| &path[component]).collect();
    names.join(&b'/')
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::arbitrary::Arbitrary;

    #[test]
    fn paths_and_their_parts() {
        for (path, parent, name) in [
            ("a", "", "a"),
            ("/a", "/", "a"),
            ("/a/b//", "/a/", "b"),
            ("//", "", ""),
            ("", "", ""),
            ("a//b", "a//", "b"),
        ] {
            assert_eq!(split(OsStr::new(path)), (parent.as_bytes(), OsStr::new(name)), "{path}");
        }
        assert_eq!(normal(OsStr::new("//a/./b/../c/.")), b"a/b/../c");
        assert_eq!(follow(b"/a/l/c", OsStr::new("x/y"), 3..4), b"/a/x/y/c");
        assert_eq!(follow(b"/a/l/c", OsStr::new("/x"), 3..4), b"/x/c");
    }

    #[test]
    fn arbitrary_paths_fall_into_components() {
        let mut arbitrary = Arbitrary::new();
        for _ in 0..20_000 {
            let path = arbitrary.text(&[b"/", b".", b"..", b"a", b"\xff"]);
            let names: Vec<_> = components(&path, 0).map(|component| &path[component]).collect();
            assert!(names.iter().all(|name| !name.is_empty() && !name.contains(&b'/')));
            let last = last_component(&path);
            assert!(path[last.end..].iter().all(|&byte| byte == b'/'));
            assert!(!path[last].contains(&b'/'));
        }
    }
}
