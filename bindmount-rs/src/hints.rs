//! Finds the cause of a failed mount, after the failure.

use std::ffi::{CStr, CString, OsStr, OsString};
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use common::capability::{self, in_user_namespace};
use common::sys::flags::{MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODIRATIME, MOUNT_ATTR_RDONLY};
use common::{Error, accounts, denied, id_map, procfs, quote, sys};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::sys::utsname::uname;

use crate::idmap::IdMap;
use crate::mountinfo::{self, Mount};
use crate::node::Node;
use crate::options::Options;
use crate::place::is;
use crate::statmount;
use crate::{at_once, detached};
use common::option_list::unquoted;

/// File systems that show a namespace. The user namespace that mounts one must own that namespace too.
const SHOWN: &[(&CStr, &str)] = &[
    (c"sysfs", "net"),
    (c"mqueue", "ipc"),
    (c"proc", "pid"),
    (c"cgroup", "cgroup"),
    (c"cgroup2", "cgroup"),
];

/// The hint for any step: this process may not mount, or a filter refuses the calls.
pub fn any(error: &Error) -> Option<String> {
    let errno = error.errno()?;
    let may_not = (errno == Errno::EPERM).then(may_not_mount).flatten();
    may_not.or_else(|| denied::hint(errno)).or_else(|| match errno {
        Errno::ENOSPC => full(),
        Errno::EPERM | Errno::EINVAL | Errno::EBUSY => procfs::missing(),
        _ => None,
    })
}

fn may_not_mount() -> Option<String> {
    capability::hint_over(
        capability::SYS_ADMIN,
        &capability::MOUNT,
        "mounting needs CAP_SYS_ADMIN: put `unshare-rs --user --map-root-user --mount` in front",
    )
}

fn may_mount() -> bool {
    may_not_mount().is_none()
}

/// The limit of mounts in the mount namespace is reached.
fn full() -> Option<String> {
    let most: usize = fs::read_to_string("/proc/sys/fs/mount-max").ok()?.trim().parse().ok()?;
    let count = mountinfo::read().len();
    // Those that are seen from another root are not in the table, and a tree counts before it is attached.
    (count > most / 2).then(|| {
        format!("fs.mount-max allows {most} mounts in a mount namespace, and {count} are there: unmount some, or raise it")
    })
}

/// The hint for a file system that could not be made. If the kernel `has_said` what is wrong with an option, the hint
/// does not guess.
pub fn file_system(kind: &CStr, options: &Options, errno: Errno, has_said: bool) -> Option<String> {
    if !may_mount() {
        return None;
    }
    match errno {
        Errno::ENODEV => {
            Some("the kernel has no such type (/proc/filesystems lists those it has)".into())
        }
        Errno::EPERM | Errno::EACCES => not_owned(kind)
            .or_else(|| hidden(kind, options))
            .or_else(|| overlay(kind, options))
            .or_else(|| not_for_user_namespaces(kind, errno)),
        Errno::EINVAL => too_long(options)
            .or_else(|| unmapped(options))
            .or_else(|| (!has_said).then(|| overlay(kind, options)).flatten()),
        Errno::E2BIG => too_long(options),
        Errno::EOPNOTSUPP => overlay(kind, options),
        _ => None,
    }
}

/// What a user namespace may mount (`FS_USERNS_MOUNT` of the kernel).
const FOR_USER_NAMESPACES: &[&CStr] = &[
    c"binder",
    c"binfmt_misc",
    c"bpf",
    c"cgroup",
    c"cgroup2",
    c"devpts",
    c"fuse",
    c"mqueue",
    c"overlay",
    c"proc",
    c"ramfs",
    c"sysfs",
    c"tmpfs",
];

fn not_for_user_namespaces(kind: &CStr, errno: Errno) -> Option<String> {
    let refused =
        errno == Errno::EPERM && in_user_namespace() && !FOR_USER_NAMESPACES.contains(&kind);
    refused.then(|| {
        let kind = quote(OsStr::from_bytes(kind.to_bytes()));
        format!("a user namespace may not mount a file system of the type {kind}: mount it outside, and bind it")
    })
}

/// The namespace that the file system shows belongs to another user namespace.
fn not_owned(kind: &CStr) -> Option<String> {
    let (_, namespace) = SHOWN.iter().find(|row| row.0 == kind)?;
    let file = open_namespace(namespace)?;
    let owner = inode(&sys::namespace_owner(file.as_fd()).ok());
    if owner.is_some() && owner == inode(&open_namespace("user")) {
        return None;
    }
    let what = kind.to_string_lossy();
    let instead = match *namespace {
        "net" => "or bind that of the host: `/sys TARGET none rbind,ro=recursive`",
        "pid" => "or bind that of the host: `/proc TARGET none rbind`",
        "cgroup" => "or bind that of the host: `/sys/fs/cgroup TARGET none rbind,ro=recursive`",
        _ => "or leave the line out",
    };
    Some(format!(
        "the {namespace} namespace that {what} shows does not belong to this user namespace: make one with \
         `unshare-rs --{namespace}`, {instead}"
    ))
}

fn open_namespace(name: &str) -> Option<OwnedFd> {
    let path = format!("/proc/self/ns/{name}");
    open(path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).ok()
}

fn inode(file: &Option<OwnedFd>) -> Option<u64> {
    sys::location(file.as_ref()?.as_fd()).ok().map(|location| location.inode)
}

/// Directories that are made to be mounted on and are empty otherwise, so that what is mounted there hides nothing
/// (`sysfs_create_mount_point` and `proc_create_mount_point` of the kernel).
const EMPTY: &[(&CStr, &[&[u8]])] = &[
    (c"proc", &[b"/fs/nfsd", b"/sys/fs/binfmt_misc"]),
    (
        c"sysfs",
        &[
            b"/firmware/efi/efivars",
            b"/fs/bpf",
            b"/fs/cgroup",
            b"/fs/fuse/connections",
            b"/fs/pstore",
            b"/fs/selinux",
            b"/fs/smackfs",
            b"/kernel/config",
            b"/kernel/debug",
            b"/kernel/security",
            b"/kernel/tracing",
        ],
    ),
];

/// A user namespace may mount a new proc or sysfs only if it sees a whole one already, and with no fewer restrictions
/// than that one (`mount_too_revealing` of the kernel's fs/namespace.c).
fn hidden(kind: &CStr, options: &Options) -> Option<String> {
    let (_, empty) = EMPTY.iter().find(|row| row.0 == kind)?;
    let name = kind.to_string_lossy();
    let mounts = mountinfo::read();
    let Some(outer) = mounts.iter().find(|mount| mount.kind == kind.to_bytes()) else {
        return Some(format!("no {name} is visible here, so the kernel does not mount a new one"));
    };
    let hides = |mount: &&Mount| {
        let inside = mount.target.strip_prefix(outer.target.as_slice()).unwrap_or_default();
        mountinfo::is_beneath(&mount.target, &outer.target)
            && !empty.iter().any(|empty| inside.starts_with(empty))
    };
    if let Some(over) = mounts.iter().find(hides) {
        let (outer, over) = (path(&outer.target), path(&over.target));
        return Some(format!(
            "{over} hides a part of {outer}, so the kernel does not mount a new {name}: bind {outer} instead, with `rbind`"
        ));
    }
    let missing = missing_words(outer, options);
    (!missing.is_empty()).then(|| {
        let (outer, missing) = (path(&outer.target), missing.join(","));
        format!("{outer} is {missing}, so a new {name} must be too: add `{missing}`")
    })
}

/// The restrictions of a mount that the options do not ask for.
fn missing_words(mount: &Mount, options: &Options) -> Vec<&'static str> {
    const WORDS: &[(&str, u64)] = &[
        ("ro", MOUNT_ATTR_RDONLY),
        ("noatime", MOUNT_ATTR_NOATIME),
        ("nodiratime", MOUNT_ATTR_NODIRATIME),
    ];
    let is_missing =
        |row: &&(&str, u64)| mount.is(row.0.as_bytes()) && options.top.set & row.1 == 0;
    WORDS.iter().filter(is_missing).map(|row| row.0).collect()
}

fn path(bytes: &[u8]) -> String {
    quote(OsStr::from_bytes(bytes))
}

/// A `uid=` or `gid=` that this user namespace has no number for.
fn unmapped(options: &Options) -> Option<String> {
    options.data.iter().find_map(|word| {
        let word = word.as_bytes();
        let (key, file) = match word {
            [b'u', ..] => (&b"uid="[..], "/proc/self/uid_map"),
            _ => (&b"gid="[..], "/proc/self/gid_map"),
        };
        let id = accounts::id(word.strip_prefix(key)?)?;
        let map = fs::read_to_string(file).ok()?;
        if id_map::holds(&map, id.into(), 1) {
            return None;
        }
        let word = String::from_utf8_lossy(word);
        Some(format!("{id} is not mapped in this user namespace: map it, or leave `{word}` out"))
    })
}

/// fsconfig(2) takes no longer values, and mount(2) no more of them.
fn too_long(options: &Options) -> Option<String> {
    let is_long = |word: &&OsString| {
        let value = word.as_bytes().splitn(2, |&byte| byte == b'=').nth(1);
        value.is_some_and(|value| value.len() > detached::LONGEST_VALUE)
    };
    let word = options.data.iter().find(is_long)?;
    let key = String::from_utf8_lossy(word.as_bytes().split(|&byte| byte == b'=').next()?);
    let (one, all) = (detached::LONGEST_VALUE, at_once::LONGEST_OPTIONS);
    Some(format!(
        "the kernel takes at most {one} bytes for `{key}`, or {all} for all options: a relative path may be shorter"
    ))
}

/// In a user namespace an overlay keeps its marks in `user.*` attributes, which the upper directory must take, and
/// which are not enough for everything.
fn overlay(kind: &CStr, options: &Options) -> Option<String> {
    if kind != c"overlay" || !in_user_namespace() {
        return None;
    }
    if let Some(lower) = lower_with_locked_mounts(options) {
        return Some(format!(
            "mounts beneath the lowerdir {} came from outside this user namespace, and an overlay would show the files that \
             they hide: name a directory without mounts beneath it",
            quote(lower)
        ));
    }
    let needs_more = |word: &&OsString| {
        [&b"redirect_dir="[..], b"metacopy=", b"verity="]
            .iter()
            .any(|key| word.as_bytes().starts_with(key))
    };
    Some(match options.data.iter().find(needs_more) {
        Some(word) => {
            format!("no user namespace may mount an overlay with {}: leave it out", quote(word))
        }
        None => "in a user namespace an overlay's upperdir and workdir must belong to a mapped user and lie on a file \
                 system with user.* attributes (ext4, xfs, btrfs, tmpfs since Linux 6.6, no overlay); add `userxattr`"
            .into(),
    })
}

/// A lower directory that may be copied only with the mounts beneath it.
fn lower_with_locked_mounts(options: &Options) -> Option<&OsStr> {
    let lower = |word: &&OsString| word.as_bytes().starts_with(b"lowerdir");
    let layers = options.data.iter().filter(lower).flat_map(|word| {
        let value = word.as_bytes().splitn(2, |&byte| byte == b'=').nth(1).unwrap_or_default();
        unquoted(value).split(|&byte| byte == b':').map(OsStr::from_bytes)
    });
    layers.into_iter().find(|layer| {
        let Ok(path) = CString::new(layer.as_bytes()) else { return false };
        detached::copy(&path, false, false).err() == Some(Errno::EINVAL)
            && detached::copy(&path, true, false).is_ok()
    })
}

/// The hint for a directory that could not be mounted alone.
pub fn subdirectory(errno: Errno) -> Option<String> {
    (errno == Errno::EINVAL)
        .then(|| "mounting a directory of a new file system needs Linux 6.15".into())
}

/// The hint for owners that could not be mapped.
pub fn idmap(map: &IdMap, errno: Errno) -> Option<String> {
    if let IdMap::Lines { users, groups } = map {
        let wrong = wrong_range(users, "users", "/proc/self/uid_map");
        if let Some(hint) = wrong.or_else(|| wrong_range(groups, "groups", "/proc/self/gid_map")) {
            return Some(hint);
        }
    }
    match (map, errno) {
        (IdMap::Lines { users, groups }, Errno::EINVAL)
            if users.is_empty() || groups.is_empty() =>
        {
            Some("the kernel requires a range of users and a range of groups".into())
        }
        (_, Errno::EINVAL) => Some(
            "this file system's owners cannot be mapped, or the map is the caller's own".into(),
        ),
        (_, Errno::EPERM) if may_mount() => Some(
            "only the user namespace that mounted a file system may map its owners, and only once"
                .into(),
        ),
        _ => None,
    }
}

/// The hint for a target that could not be made, since a symlink on the way leads nowhere.
pub fn dangling(target: &OsStr, errno: Errno) -> Option<String> {
    let is_dangling = |path: &&Path| path.is_symlink() && !path.exists();
    let link =
        Path::new(target).ancestors().filter(|_| errno == Errno::ENOENT).find(is_dangling)?;
    let text = fs::read_link(link).ok()?;
    Some(format!("{} is a symlink to {}, which does not exist", quote(link), quote(text)))
}

/// A range that the kernel takes for no user namespace beneath this one, whose own map is in the file `own`.
fn wrong_range(lines: &str, what: &str, own: &str) -> Option<String> {
    // The largest number means none.
    const NUMBERS: u64 = u32::MAX as u64;
    let own = fs::read_to_string(own).ok()?;
    let is_in_own = |first, count| id_map::holds(&own, first, count);
    lines.lines().find_map(|line| {
        let mut numbers = line.split(' ').filter_map(|number| number.parse::<u64>().ok());
        let (inner, outer, count) = (numbers.next()?, numbers.next()?, numbers.next()?);
        let range = format!("{inner}:{outer}:{count}");
        if count == 0 {
            return Some(format!("the range {range} of {what} is empty: its COUNT is at least 1"));
        }
        if inner.max(outer) + count > NUMBERS {
            return Some(format!("the range {range} of {what} goes beyond {}", NUMBERS - 1));
        }
        let last = outer + count - 1;
        (!is_in_own(outer, count)).then(|| match is_in_own(inner, count) {
            true => format!(
                "this user namespace has no {what} {outer} to {last}: INNER and OUTER may be swapped, \
                 {outer}:{inner}:{count}"
            ),
            false => format!(
                "this user namespace has no {what} {outer} to {last}: OUTER must be in /proc/self/{}",
                if what == "users" { "uid_map" } else { "gid_map" }
            ),
        })
    })
}

/// The hint for a node that could not be made.
pub fn node(node: &Node, errno: Errno) -> Option<String> {
    if errno != Errno::EPERM || !node.is_device() {
        return None;
    }
    let instead = "bind that of the host, such as `/dev/null TARGET none bind`";
    if in_user_namespace() {
        return Some(format!("a user namespace cannot make device nodes: {instead}"));
    }
    (!capability::is_effective(capability::MKNOD)).then(|| {
        format!("making a device node needs CAP_MKNOD, which this process lacks: {instead}")
    })
}

/// The hint for a mount that could not be copied.
pub fn copy(source: &CStr, recursive: bool, errno: Errno) -> Option<String> {
    if errno != Errno::EINVAL {
        return None;
    }
    if !recursive && detached::copy(source, true, false).is_ok() {
        return Some(
            "mounts beneath it came from outside this user namespace and cannot be left out: use --rbind"
                .into(),
        );
    }
    let mounts = mountinfo::read();
    let holder = holder(&mounts, &canonical(source)?, true)?;
    holder.says(b"unbindable").then(|| format!("{} is unbindable", path(&holder.target)))
}

fn canonical(path: &CStr) -> Option<Vec<u8>> {
    let path = fs::canonicalize(OsStr::from_bytes(path.to_bytes())).ok()?;
    Some(path.into_os_string().into_vec())
}

/// The mount that holds `path`: that which is mounted at `path` itself counts where `itself` says so.
fn holder<'a>(mounts: &'a [Mount], path: &[u8], itself: bool) -> Option<&'a Mount> {
    let holds = |mount: &&Mount| {
        itself && mount.target == path || mountinfo::is_beneath(path, &mount.target)
    };
    mounts.iter().filter(holds).max_by_key(|mount| mount.target.len())
}

/// The hint for a change of a path that is not a mount point.
pub fn no_mount(place: &OwnedFd, errno: Errno) -> Option<String> {
    let is_none = errno == Errno::EINVAL && !sys::location(place.as_fd()).ok()?.is_mount_root;
    is_none.then(|| {
        "it is not a mount point: bind it onto itself first, or name the mount that it is in".into()
    })
}

/// The hint for attributes that could not be changed.
pub fn change(mount: &OwnedFd, options: &Options, errno: Errno) -> Option<String> {
    match errno {
        Errno::EINVAL => no_mount(mount, errno),
        Errno::EPERM if may_mount() => {
            let clear = (options.top.clear & !options.top.set) | options.recursive.clear;
            let locked = statmount::attributes(mount).ok()? & clear;
            (locked != 0 || !options.recursive.is_none())
                .then(|| "an attribute was set outside this user namespace, and is locked".into())
        }
        _ => None,
    }
}

/// The hint for a tree that could not be attached.
pub fn attach(tree: &OwnedFd, target: &OwnedFd, beneath: bool, errno: Errno) -> Option<String> {
    let is_directory = |place| Some(is(&fstat(place).ok()?, SFlag::S_IFDIR));
    match errno {
        Errno::EINVAL | Errno::ENOTDIR if is_directory(tree)? != is_directory(target)? => {
            Some("a directory can only be mounted on a directory, and a file only on a file".into())
        }
        Errno::EINVAL if beneath && is_before((6, 5)) => {
            Some("mounting beneath another mount needs Linux 6.5".into())
        }
        Errno::EINVAL if beneath => Some("there is no mount to mount beneath".into()),
        _ => None,
    }
}

/// Whether the kernel is of a version before this one.
fn is_before(version: (u32, u32)) -> bool {
    let release = uname().ok().and_then(|names| names.release().to_str().map(str::to_owned));
    release.is_some_and(|release| {
        let mut numbers = release.split(['.', '-']).map_while(|number| number.parse().ok());
        let (major, minor) = (numbers.next(), numbers.next());
        major.zip(minor).is_some_and(|found| found < version)
    })
}

/// The hint for a mount that could not be moved.
pub fn move_tree(source: &CStr, tree: &OwnedFd, target: &OwnedFd, errno: Errno) -> Option<String> {
    if errno == Errno::ELOOP {
        let source = path(&canonical(source)?);
        let link = format!("/proc/self/fd/{}", target.as_raw_fd());
        let target = quote(fs::read_link(link).ok()?);
        return Some(format!(
            "{target} is inside the mount at {source}, which cannot be moved beneath itself"
        ));
    }
    if errno != Errno::EINVAL {
        return None;
    }
    if !sys::location(tree.as_fd()).ok()?.is_mount_root {
        return Some("the source is not a mount point".into());
    }
    let mounts = mountinfo::read();
    let parent = holder(&mounts, &canonical(source)?, false)?;
    parent.says(b"shared:").then(|| {
        let parent = path(&parent.target);
        format!("a mount cannot leave a shared parent: make {parent} private first")
    })
}
