//! Finds the cause of a failed pivot_root(2). EINVAL has many causes, which the mount table tells apart.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use common::{Error, capability, denied, mountinfo, procfs, quote, sys};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

const PRIVATE: &str = "use --private, or a mount namespace made with 'unshare-rs --mount'";
const SELF_BIND: &str = "use --self-bind, or bind it onto itself with 'bindmount-rs'";
const ELSEWHERE: &str = "NEW_ROOT is in another mount namespace: enter that one first";
const CHROOT: &str = "use 'chroot-rs' instead";
const NO_ROOT_MOUNT: &str =
    "the current root directory is not a mount point, as inside a chroot: use 'chroot-rs' instead";

/// Adds the cause of a failed pivot and its cure, where they can be found out.
pub fn of_pivot(error: Error, new_root: &OwnedFd, put_old: &OsStr) -> Error {
    error.explain(|error| match error.errno()? {
        Errno::ENOENT | Errno::ENOTDIR => missing_put_old(put_old),
        Errno::EINVAL | Errno::EBUSY => match Facts::collect(new_root, put_old) {
            Some(facts) => facts.cause(),
            None => no_mount_point(new_root).or_else(procfs::missing),
        },
        errno => refused(errno),
    })
}

/// Whether the only obstacle is that NEW_ROOT, which is to hold the old root, is shared.
pub fn is_only_shared(new_root: &OwnedFd, put_old: &OsStr) -> bool {
    Facts::collect(new_root, put_old).is_some_and(|facts| facts.is_only_shared())
}

/// As [`of_pivot`], where the propagation of `/` could not be changed.
pub fn of_private(error: Error) -> Error {
    error.explain(|error| match error.errno()? {
        Errno::EINVAL => match (table(), place("/")) {
            (Some(mounts), Some(root)) => root_directory(&mounts, &root),
            _ => root_is_no_mount().or_else(procfs::missing),
        },
        errno => refused(errno),
    })
}

/// As [`of_pivot`], where NEW_ROOT could not be bound.
pub fn of_bind(error: Error, new_root: &OwnedFd) -> Error {
    error.explain(|error| match error.errno()? {
        Errno::EINVAL => match (table(), Place::of(new_root.as_fd())) {
            (Some(mounts), Some(place)) => unbindable(&mounts, &place),
            _ => procfs::missing(),
        },
        errno => refused(errno),
    })
}

fn unbindable(mounts: &[Mount], new_root: &Place) -> Option<String> {
    let Some(mount) = mounts.iter().find(|mount| mount.id == new_root.mount) else {
        return Some(ELSEWHERE.into());
    };
    let point = quote(&mount.point);
    mount.unbindable.then(|| {
        format!("the mount {point}, which NEW_ROOT is on, is unbindable: use --private, which changes that")
    })
}

/// A capability is missing, or a filter or a profile denies the call.
pub fn refused(errno: Errno) -> Option<String> {
    match errno {
        Errno::EPERM => not_permitted(),
        errno => denied::hint(errno),
    }
}

fn not_permitted() -> Option<String> {
    capability::hint_over(
        capability::SYS_ADMIN,
        &capability::MOUNT,
        "this needs the capability CAP_SYS_ADMIN; an ordinary user has it in namespaces of its own: \
         put 'unshare-rs --map-root-user --mount' in front",
    )
    .or_else(|| denied::hint(Errno::EPERM))
    .or_else(procfs::missing)
}

/// The two causes that statx(2) shows without /proc.
fn no_mount_point(new_root: &OwnedFd) -> Option<String> {
    match sys::location(new_root.as_fd()).ok()?.is_mount_root {
        true => root_is_no_mount(),
        false => Some(format!("NEW_ROOT is not a mount point: {SELF_BIND}")),
    }
}

fn root_is_no_mount() -> Option<String> {
    let is_mount = sys::path_mount(c"/", false).ok()?.is_mount_root;
    (!is_mount).then(|| NO_ROOT_MOUNT.into())
}

/// The other of the two paths was opened before.
fn missing_put_old(put_old: &OsStr) -> Option<String> {
    let what = match Path::new(put_old).metadata() {
        Ok(meta) if !meta.is_dir() => "is not a directory",
        Err(_) => "does not exist",
        Ok(_) => return None,
    };
    Some(format!("PUT_OLD, {}, {what}; with --detach it may be '.'", quote(put_old)))
}

/// A line of /proc/self/mountinfo.
#[derive(Debug)]
struct Mount {
    id: u64,
    parent: u64,
    point: PathBuf,
    shared: bool,
    unbindable: bool,
}

impl Mount {
    fn of(line: &mountinfo::Mount) -> Self {
        Self {
            id: line.id.into(),
            parent: line.parent.into(),
            point: OsString::from_vec(line.point.decoded().into_owned()).into(),
            shared: line.says(b"shared:"),
            unbindable: line.says(b"unbindable"),
        }
    }
}

/// The mount and the path of a directory.
#[derive(Debug)]
struct Place {
    mount: u64,
    path: PathBuf,
}

impl Place {
    fn of(directory: BorrowedFd) -> Option<Self> {
        let link = format!("/proc/self/fd/{}", directory.as_raw_fd());
        Some(Self { mount: procfs::mount_of(directory)?, path: fs::read_link(link).ok()? })
    }
}

/// The facts that the kernel checks before it swaps two roots.
#[derive(Debug)]
struct Facts {
    mounts: Vec<Mount>,
    root: Place,
    new_root: Place,
    put_old: Place,
    /// Whether the process is in the first user namespace, where no mount is locked.
    first_user_namespace: bool,
}

impl Facts {
    fn collect(new_root: &OwnedFd, put_old: &OsStr) -> Option<Self> {
        Some(Self {
            mounts: table()?,
            root: place("/")?,
            new_root: Place::of(new_root.as_fd())?,
            put_old: place(put_old)?,
            first_user_namespace: !capability::in_user_namespace(),
        })
    }

    /// Each of the kernel's conditions (path_pivot_root() in fs/namespace.c) that does not hold, with
    /// its cure. Where the table shows none, what it cannot show is left.
    fn cause(&self) -> Option<String> {
        let root = root_directory(&self.mounts, &self.root);
        let shown: Vec<_> =
            [self.new_root(), self.put_old(), self.shared(), root].into_iter().flatten().collect();
        Some(if shown.is_empty() { self.not_shown() } else { shown.join("; ") })
    }

    fn is_only_shared(&self) -> bool {
        self.mount(self.new_root.mount).is_some_and(|mount| mount.shared)
            && self.put_old.mount == self.new_root.mount
            && self.new_root().is_none()
            && self.put_old().is_none()
            && root_directory(&self.mounts, &self.root).is_none()
            && self.shared_parent().is_none()
    }

    fn new_root(&self) -> Option<String> {
        let mount = self.mount(self.new_root.mount);
        if self.new_root.mount == self.root.mount {
            return Some(match self.new_root.path == self.root.path {
                true => "NEW_ROOT is the current root".into(),
                false => format!("NEW_ROOT is not a mount point of its own: {SELF_BIND}"),
            });
        }
        match mount {
            None => Some(ELSEWHERE.into()),
            Some(mount) if mount.point != self.new_root.path => {
                Some(format!("NEW_ROOT is not a mount point: {SELF_BIND}"))
            }
            Some(_) => None,
        }
    }

    fn put_old(&self) -> Option<String> {
        (!self.put_old.path.starts_with(&self.new_root.path)).then(|| {
            "PUT_OLD is not beneath NEW_ROOT: name a directory of NEW_ROOT, or '.' with --detach".into()
        })
    }

    /// The pivot would be seen in other namespaces through each of these three.
    fn shared(&self) -> Option<String> {
        let put_old = || self.mount(self.put_old.mount).filter(|mount| mount.shared);
        let (mount, role) =
            self.shared_parent().or_else(|| Some((put_old()?, "which would hold the old root")))?;
        Some(format!("the mount {}, {role}, is shared: {PRIVATE}", quote(&mount.point)))
    }

    fn shared_parent(&self) -> Option<(&Mount, &'static str)> {
        let parent = |mount| self.mount(mount).and_then(|mount| self.mount(mount.parent));
        [
            (parent(self.new_root.mount), "which NEW_ROOT is mounted on"),
            (parent(self.root.mount), "which the current root is mounted on"),
        ]
        .into_iter()
        .find_map(|(mount, role)| Some((mount.filter(|mount| mount.shared)?, role)))
    }

    /// A mount that came from a more privileged namespace is locked to its place (mount_namespaces(7)),
    /// and inside a chroot the mount beneath the root is not listed; nothing else is left.
    fn not_shown(&self) -> String {
        if self.first_user_namespace {
            return format!(
                "the mount that the current root is mounted on, outside this chroot, is shared: \
                 {CHROOT}"
            );
        }
        "NEW_ROOT was mounted outside this user namespace, and so is locked to its place: use \
         --self-bind"
            .into()
    }

    fn mount(&self, id: u64) -> Option<&Mount> {
        self.mounts.iter().find(|mount| mount.id == id)
    }
}

/// The table lists what is beneath the root directory, and so the root's own mount only where the
/// directory is that mount's root.
fn root_directory(mounts: &[Mount], root: &Place) -> Option<String> {
    match mounts.iter().find(|mount| mount.id == root.mount) {
        None => Some(NO_ROOT_MOUNT.into()),
        Some(mount) if mount.parent == mount.id => Some(
            "the current root is the initial ramfs, which cannot be moved: in NEW_ROOT use \
             'bindmount-rs --move . / chroot-rs . COMMAND'"
                .into(),
        ),
        Some(_) => None,
    }
}

fn place(path: impl AsRef<OsStr>) -> Option<Place> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Place::of(open(path.as_ref(), flags, Mode::empty()).ok()?.as_fd())
}

fn table() -> Option<Vec<Mount>> {
    fs::read("/proc/self/mountinfo").ok().map(|text| parse_table(&text))
}

fn parse_table(text: &[u8]) -> Vec<Mount> {
    mountinfo::mounts(text).map(|line| Mount::of(&line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw
50 27 0:40 / /new rw - tmpfs none rw
51 27 0:41 / /with\\040blank rw - tmpfs none rw
60 27 0:42 / /shared rw shared:7 - tmpfs none rw
61 60 0:43 / /shared/new rw master:3 - tmpfs none rw
70 27 0:44 / /alone rw unbindable - tmpfs none rw
";

    fn place(mount: u64, path: &str) -> Place {
        Place { mount, path: path.into() }
    }

    fn facts(new_root: Place, put_old: Place) -> Facts {
        Facts {
            mounts: parse_table(TABLE.as_bytes()),
            root: place(27, "/"),
            new_root,
            put_old,
            first_user_namespace: true,
        }
    }

    #[track_caller]
    fn names(facts: &Facts, part: &str) {
        let cause = facts.cause().unwrap();
        assert!(cause.contains(part), "{cause}");
    }

    #[test]
    fn lines_of_the_table() {
        let mounts = parse_table(TABLE.as_bytes());
        assert_eq!((mounts.len(), mounts[1].id, mounts[1].parent), (7, 27, 1));
        assert_eq!(mounts[3].point, Path::new("/with blank"));
        assert!(mounts[4].shared && !mounts[5].shared);
        assert!(mounts[6].unbindable && !mounts[4].unbindable);
    }

    #[test]
    fn new_root_is_no_mount_point() {
        let on_the_root = facts(place(27, "/srv"), place(27, "/srv/old"));
        names(&on_the_root, "NEW_ROOT is not a mount point of its own: use --self-bind");
        let in_a_mount = facts(place(50, "/new/sub"), place(50, "/new/sub/old"));
        names(&in_a_mount, "NEW_ROOT is not a mount point: use --self-bind");
        names(&facts(place(27, "/"), place(27, "/")), "NEW_ROOT is the current root");
        names(&facts(place(99, "/x"), place(99, "/x")), "in another mount namespace");
    }

    #[test]
    fn new_root_cannot_be_bound() {
        let mounts = parse_table(TABLE.as_bytes());
        let cause = unbindable(&mounts, &place(70, "/alone/new")).unwrap();
        assert!(
            cause.contains("the mount '/alone', which NEW_ROOT is on, is unbindable"),
            "{cause}"
        );
        assert!(unbindable(&mounts, &place(99, "/x")).unwrap().contains("another mount namespace"));
        assert_eq!(unbindable(&mounts, &place(50, "/new")), None);
    }

    #[test]
    fn put_old_is_elsewhere() {
        names(
            &facts(place(50, "/new"), place(51, "/with blank")),
            "PUT_OLD is not beneath NEW_ROOT",
        );
        names(&facts(place(50, "/new"), place(27, "/newer")), "PUT_OLD is not beneath NEW_ROOT");
    }

    #[test]
    fn something_is_shared() {
        let parent = facts(place(61, "/shared/new"), place(61, "/shared/new"));
        names(
            &parent,
            "the mount '/shared', which NEW_ROOT is mounted on, is shared: use --private",
        );
        let itself = facts(place(60, "/shared"), place(60, "/shared"));
        names(&itself, "the mount '/shared', which would hold the old root, is shared");
        assert!(!parent.is_only_shared());
        assert!(!facts(place(50, "/new"), place(50, "/new")).is_only_shared());
        assert!(itself.is_only_shared());
        assert!(!facts(place(60, "/shared"), place(61, "/shared/new")).is_only_shared());
        let mut root = facts(place(50, "/new"), place(50, "/new"));
        root.root.mount = 61;
        names(&root, "the mount '/shared', which the current root is mounted on, is shared");
    }

    #[test]
    fn the_current_root_does_not_fit() {
        let mut chroot = facts(place(50, "/new"), place(50, "/new"));
        chroot.root.mount = 98;
        names(&chroot, "the current root directory is not a mount point, as inside a chroot");

        let mut ramfs = facts(place(50, "/new"), place(50, "/new"));
        ramfs.mounts = parse_table(
            b"1 1 0:2 / / rw - rootfs rootfs rw\n50 1 0:40 / /new rw - tmpfs none rw\n",
        );
        ramfs.root.mount = 1;
        names(&ramfs, "the current root is the initial ramfs");
    }

    #[test]
    fn what_the_table_does_not_show() {
        let mut fit = facts(place(50, "/new"), place(50, "/new/old"));
        names(&fit, "outside this chroot, is shared");
        fit.first_user_namespace = false;
        names(&fit, "locked to its place: use --self-bind");
    }

    #[test]
    fn all_causes_are_named_at_once() {
        let mut facts = facts(place(27, "/srv"), place(27, "/old"));
        facts.mounts[1].shared = true;
        for part in ["--self-bind", "not beneath", "--private"] {
            names(&facts, part);
        }
    }
}
