//! Mounts that are not attached yet: copies of a tree, and new file systems.

use std::ffi::{CStr, CString, OsStr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::Error;
use common::denied::Call;
use common::directory::open_in_root;
use common::sys::flags::{AT_RECURSIVE, OPEN_TREE_CLONE};
use common::sys::{self, MountAttr};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag};
use nix::unistd::read;

use crate::options::{Change, Options, Propagation};
use crate::{at_once, statmount};
use common::option_list::unquoted;

/// With [`sys::open_tree`]: the descriptor itself, not a path beneath it.
const ITSELF: u32 = AtFlags::AT_EMPTY_PATH.bits() as u32;

/// Whether a value of these options is longer than fsconfig(2) takes.
pub fn has_long_value(options: &Options) -> bool {
    options.data.iter().any(|word| {
        let word = word.as_bytes();
        let value = word.iter().position(|&byte| byte == b'=').map(|at| unquoted(&word[at + 1..]));
        value.is_some_and(|value| value.len() > LONGEST_VALUE)
    })
}

/// The longest value that fsconfig(2) takes, its NUL not counted.
pub const LONGEST_VALUE: usize = 255;

/// A copy of the tree at `path`, or at the symlink that `path` is, where `itself` says so.
pub fn copy(path: &CStr, recursive: bool, itself: bool) -> nix::Result<OwnedFd> {
    let nofollow = if itself { AtFlags::AT_SYMLINK_NOFOLLOW.bits() as u32 } else { 0 };
    sys::open_tree(sys::cwd(), path, clone_flags(recursive) | nofollow)
}

/// A copy of the tree that `place` is open on.
pub fn copy_of(place: BorrowedFd, recursive: bool) -> nix::Result<OwnedFd> {
    sys::open_tree(place, c"", ITSELF | clone_flags(recursive))
}

fn clone_flags(recursive: bool) -> u32 {
    if recursive { OPEN_TREE_CLONE | AT_RECURSIVE } else { OPEN_TREE_CLONE }
}

/// Sets and clears attributes: first what holds for the whole tree, then what holds for its top.
pub fn change(tree: BorrowedFd, options: &Options) -> nix::Result<()> {
    if !options.recursive.is_none() {
        set(tree, AT_RECURSIVE, options.recursive)?;
    }
    if options.top != options.recursive {
        set(tree, 0, options.top)?;
    }
    Ok(())
}

pub fn set(tree: BorrowedFd, flags: u32, change: Change) -> nix::Result<()> {
    let attr = MountAttr { set: change.set, clear: change.clear, ..MountAttr::default() };
    match sys::mount_setattr(tree, flags, &attr) {
        // Of a mount that is not attached mount(2) changes nothing.
        Err(errno) if flags == 0 && at_once::is_refused(Call::MountSetattr, errno) => {
            let before = tree.try_clone_to_owned().map_err(|_| errno)?;
            let before = statmount::all_attributes(&before)?;
            at_once::change(tree, before, change).map_err(|_| errno)
        }
        result => result,
    }
}

/// Changes who else sees what is mounted beneath an attached mount, one change after the other.
pub fn propagate(mount: BorrowedFd, changes: &[Propagation]) -> nix::Result<()> {
    changes.iter().try_for_each(|change| {
        let flags = if change.recursive { AT_RECURSIVE } else { 0 };
        let attr = MountAttr { propagation: change.kind.bits(), ..MountAttr::default() };
        match sys::mount_setattr(mount, flags, &attr) {
            Err(errno) if at_once::is_refused(Call::MountSetattr, errno) => {
                at_once::propagate(mount, change.kind, change.recursive).map_err(
                    |other| match other {
                        Errno::EPERM | Errno::ENOSYS => errno,
                        other => other,
                    },
                )
            }
            result => result,
        }
    })
}

const SET_OPTION: &str = "set the option";

/// How often a cgroup hierarchy is asked for whose namesake is about to vanish.
const TRIES: usize = 64;

/// Why a file system was not made.
#[derive(Debug)]
pub struct Failure {
    pub error: Error,
    /// What the kernel gave, also where the error shows its words instead.
    pub errno: Errno,
    /// Whether the kernel has said which of the options it does not take.
    pub is_said: bool,
}

/// A new file system of the type `kind`.
pub fn file_system(kind: &CStr, source: &CStr, options: &Options) -> Result<OwnedFd, Failure> {
    for _ in 1..TRIES {
        match new_file_system(kind, source, options) {
            // While a hierarchy of that name is being destroyed the kernel waits, and starts the call anew. For
            // mount(2) that is enough; of a context it then says that it is in use.
            Err(Failure { errno: Errno::EBUSY, .. }) if kind == c"cgroup" => {}
            result => return result,
        }
    }
    new_file_system(kind, source, options)
}

fn new_file_system(kind: &CStr, source: &CStr, options: &Options) -> Result<OwnedFd, Failure> {
    let name = OsStr::from_bytes(kind.to_bytes());
    let context = sys::fsopen(kind).map_err(|errno| {
        let error = Error::new("open a file system of the type", name, errno);
        Failure { error, errno, is_said: false }
    })?;
    let failed = |step: &str, object: &OsStr, errno: Errno| match read_log(&context) {
        Some(reason) => {
            let is_said = step == SET_OPTION;
            Failure { error: Error::because(step, object, reason), errno, is_said }
        }
        None => Failure { error: Error::new(step, object, errno), errno, is_said: false },
    };

    configure(&context, kind, source, options, failed)?;
    sys::fsconfig_create(context.as_fd())
        .map_err(|errno| failed("make a file system of the type", name, errno))?;
    sys::fsmount(context.as_fd(), options.top.set)
        .map_err(|errno| failed("mount a file system of the type", name, errno))
}

/// A copy of only one directory of a tree. Of a file system that is not attached that needs Linux 6.15.
pub fn subdirectory(tree: &OwnedFd, path: &OsStr, recursive: bool) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    copy_of(open_in_root(tree, path, flags)?.as_fd(), recursive)
}

fn configure<E>(
    context: &OwnedFd,
    kind: &CStr,
    source: &CStr,
    options: &Options,
    failed: impl Fn(&str, &OsStr, Errno) -> E,
) -> Result<(), E> {
    // A context without a source is shown as `none`.
    if source != c"none" {
        sys::fsconfig_set(context.as_fd(), c"source", Some(source)).map_err(|errno| {
            failed("use the source", OsStr::from_bytes(source.to_bytes()), errno)
        })?;
    }
    if options.superblock_read_only == Some(true) {
        sys::fsconfig_set(context.as_fd(), c"ro", None)
            .map_err(|errno| failed(SET_OPTION, OsStr::new("ro"), errno))?;
    }
    for word in &options.superblock {
        sys::fsconfig_set(context.as_fd(), &c_string(word.as_bytes()).unwrap_or_default(), None)
            .map_err(|errno| failed(SET_OPTION, OsStr::new(word), errno))?;
    }
    options.data.iter().try_for_each(|word| {
        set_word(context.as_fd(), kind, word).map_err(|errno| failed(SET_OPTION, word, errno))
    })
}

fn set_word(context: BorrowedFd, kind: &CStr, word: &OsStr) -> nix::Result<()> {
    let word = word.as_bytes();
    let Some(equals) = word.iter().position(|&byte| byte == b'=') else {
        return sys::fsconfig_set(context, &c_string(word)?, None);
    };
    let (key, value) = (&word[..equals], unquoted(&word[equals + 1..]));
    if kind == c"overlay" && key == b"lowerdir" && must_be_split(value) {
        return set_layers(context, value);
    }
    sys::fsconfig_set(context, &c_string(key)?, Some(&c_string(value)?))
}

/// Whether layers are too long for one value, and can be set one by one: a backslash escapes a colon only in the
/// one value, and two colons have a meaning of their own there.
fn must_be_split(layers: &[u8]) -> bool {
    let has_colons = layers.windows(2).any(|pair| pair == b"::");
    layers.len() > LONGEST_VALUE && !layers.contains(&b'\\') && !has_colons
}

/// The layers of an overlay one by one, since all together are longer than a value may be (Linux 6.8).
fn set_layers(context: BorrowedFd, layers: &[u8]) -> nix::Result<()> {
    layers
        .split(|&byte| byte == b':')
        .try_for_each(|layer| sys::fsconfig_set(context, c"lowerdir+", Some(&c_string(layer)?)))
}

fn c_string(bytes: &[u8]) -> nix::Result<CString> {
    CString::new(bytes).map_err(|_| Errno::EINVAL)
}

/// What the file system wrote into its context: errors and warnings, each after `e ` or `w `.
fn read_log(context: &OwnedFd) -> Option<String> {
    let mut messages = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(length @ 1..) = read(context, &mut buffer) {
        let message = String::from_utf8_lossy(&buffer[..length]);
        if let Some(text) = message.strip_prefix("e ").or_else(|| message.strip_prefix("w ")) {
            messages.push(text.trim_end().to_owned());
        }
    }
    (!messages.is_empty()).then(|| messages.join("; "))
}
