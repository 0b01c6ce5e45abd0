//! Why a step was refused: looked up after the failure, never before.

pub mod ids;
pub mod mounts;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use common::capability::{SYS_ADMIN, SYS_CHROOT, is_effective};
use common::cgroup::entry::Entry;
use common::{Error, Kind, capability, denied, procfs, quote, sys};
use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::{getegid, geteuid};

use crate::ids::{GROUPS, Range, USERS, id_map};
use crate::kind::kinds;

const PROC: &str = "/proc";

fn unshare(flags: CloneFlags, errno: Errno) -> Option<String> {
    match errno {
        Errno::EPERM if flags.contains(CloneFlags::CLONE_NEWUSER) => Some(no_user_namespace()),
        Errno::EPERM if !is_effective(SYS_ADMIN) => capability::hint(
            SYS_ADMIN,
            "these namespaces need CAP_SYS_ADMIN; with --map-root-user they are made in a user \
             namespace of one's own",
        ),
        Errno::ENOSYS | Errno::EPERM => seccomp_filter().or_else(procfs::missing),
        Errno::EACCES => denied::confined(errno, "`userns`"),
        Errno::ENOSPC | Errno::EUSERS => limit(Path::new(PROC), flags),
        Errno::EINVAL => unknown_kind(flags).or_else(|| second_pid_namespace(flags)),
        _ => None,
    }
}

fn no_user_namespace() -> String {
    if in_chroot() {
        return "'/' is not the root of a mount: this process is in a chroot, and the kernel makes no \
                user namespace there"
            .into();
    }
    let setting = || match is_effective(SYS_ADMIN) {
        true => None,
        false => forbidding_setting(Path::new(PROC)),
    };
    // A chroot to the root of a mount looks from the inside like none.
    setting().or_else(unmapped_caller)
        .or_else(seccomp_filter)
        .or_else(|| denied::confined(Errno::EPERM, "`userns`"))
        .unwrap_or_else(|| {
            let known = match procfs::is_mounted() {
                true => "nothing that can be read here forbids user namespaces",
                false => "proc is not mounted on /proc, so that nothing tells what forbids user namespaces",
            };
            format!("{known}; they are refused inside a chroot, and by a security module")
        })
}

fn second_pid_namespace(flags: CloneFlags) -> Option<String> {
    (flags.contains(CloneFlags::CLONE_NEWPID) && children_are_elsewhere()).then(|| {
        "this process has left its pid namespace already, but only its children are in the new one; a \
         child can make another"
            .into()
    })
}

/// unshare(2) that has failed.
pub fn not_unshared(flags: CloneFlags, errno: Errno) -> Error {
    Error::bare("unshare", errno).explain(|_| unshare(flags, errno))
}

/// As [`not_cloned`], where the child was to be born in a cgroup.
pub fn not_started(flags: CloneFlags, entry: Option<&Entry>, errno: Errno) -> Error {
    let of_the_cgroup = entry.and_then(|entry| entry.failure(errno));
    of_the_cgroup.unwrap_or_else(|| not_cloned(flags, errno))
}

/// clone(2) that has failed, with these namespaces to be made.
pub fn not_cloned(flags: CloneFlags, errno: Errno) -> Error {
    match errno {
        Errno::ENOMEM | Errno::EAGAIN => not_forked(errno),
        _ if flags.is_empty() => not_forked(errno),
        _ => not_unshared(flags, errno),
    }
}

/// fork(2) that has failed.
pub fn not_forked(errno: Errno) -> Error {
    Error::bare("fork", errno).explain(|_| fork(errno))
}

/// It says that there is no memory where there is no pid 1.
fn fork(errno: Errno) -> Option<String> {
    (errno == Errno::ENOMEM && children_are_elsewhere()).then(|| {
        "memory is not what is lacking: the pid namespace that this process's children belong to has \
         lost its pid 1; with --pid use --fork, so that COMMAND itself is that pid 1"
            .into()
    })
}

/// setgroups(2), setgid(2) and setuid(2) outside of a new user namespace.
pub fn owner(errno: Errno) -> Option<String> {
    (errno == Errno::EPERM).then(|| "that needs CAP_SETUID and CAP_SETGID".into())
}

/// sethostname(2) and setdomainname(2), in a new UTS namespace.
pub fn host_name(name: &OsStr, errno: Errno) -> Option<String> {
    const LONGEST: usize = 64;
    match errno {
        Errno::EINVAL if name.len() > LONGEST => {
            Some(format!("it has {} bytes, and the kernel takes {LONGEST} at most", name.len()))
        }
        Errno::EPERM => denied::has_filter().then(|| {
            "a seccomp filter is in force for this process: that of a systemd unit with ProtectHostname=yes forbids \
             host names, in new namespaces too"
                .into()
        }),
        _ => None,
    }
}

/// A write to timens_offsets.
pub fn clock(errno: Errno) -> Option<String> {
    match errno {
        Errno::ERANGE => {
            Some("the clock would show a time before its beginning, or overflow".into())
        }
        _ => procfs::not_mounted(),
    }
}

/// chroot(2).
pub fn root(errno: Errno) -> Option<String> {
    match errno {
        Errno::EPERM => lacks(SYS_CHROOT, "CAP_SYS_CHROOT"),
        _ => None,
    }
}

/// chdir(2).
pub fn directory(directory: &OsStr, errno: Errno) -> Option<String> {
    if errno != Errno::ENOENT || directory.as_bytes().starts_with(b"/") {
        return None;
    }
    let here = std::env::current_dir().ok()?;
    Some(format!("it is looked up from {}", quote(here)))
}

/// The working directory in a new root.
pub fn directory_in_root(errno: Errno) -> Option<String> {
    match errno {
        Errno::ENOENT => Some("it is looked up in the new root".into()),
        errno => denied::openat2_hint(errno),
    }
}

/// execve(2) of COMMAND.
pub fn command(error: &Error, changed_root: bool) -> Option<String> {
    (changed_root && error.kind() == Kind::CommandNotFound).then(|| {
        "it is looked up in the new root: 'chroot-rs --carry', instead of --root, executes a statically linked \
         program of the old one"
            .into()
    })
}

/// Whether `/` is not where a mount begins, as after chroot(2) to a plain directory.
fn in_chroot() -> bool {
    sys::path_mount(c"/", false).is_ok_and(|mount| !mount.is_mount_root)
}

/// A step that needs a capability over this process's user namespace.
fn lacks(number: u32, name: &str) -> Option<String> {
    let missing = "with --map-root-user a user namespace of one's own gives it";
    capability::hint(number, &format!("that needs {name}; {missing}"))
}

/// Settings that keep ordinary users from user namespaces: the value that does, and where it stands.
const SETTINGS: [(&str, &str, i64); 2] = [
    ("kernel.unprivileged_userns_clone", "sys/kernel/unprivileged_userns_clone", 0),
    (
        "kernel.apparmor_restrict_unprivileged_userns",
        "sys/kernel/apparmor_restrict_unprivileged_userns",
        1,
    ),
];

fn forbidding_setting(proc: &Path) -> Option<String> {
    let (name, _, value) =
        SETTINGS.iter().find(|(_, file, forbids)| number(&proc.join(file)) == Some(*forbids))?;
    Some(format!(
        "{name} is {value}, which forbids user namespaces to ordinary users: 'sysctl {name}={}' as root",
        1 - value
    ))
}

fn unmapped_caller() -> Option<String> {
    let own = [(USERS, geteuid().as_raw()), (GROUPS, getegid().as_raw())];
    let (sort, _) = own.into_iter().find(|(sort, id)| {
        let one = Range { inner: *id, outer: *id, count: 1 };
        !id_map(sort.map).iter().any(|there| there.holds_outer(&one))
    })?;
    Path::new("/proc/self/uid_map").exists().then(|| {
        format!("the caller's {} id is not mapped in the user namespace that it is in", sort.noun)
    })
}

fn seccomp_filter() -> Option<String> {
    denied::has_filter().then(|| {
        "a seccomp filter is in force for this process, which may refuse it: those of container engines allow new \
         namespaces only with CAP_SYS_ADMIN"
            .into()
    })
}

/// The limits that were reached, as far as they can be read: how many there are is not told.
fn limit(proc: &Path, flags: CloneFlags) -> Option<String> {
    let limits: Vec<_> = kinds(flags)
        .filter_map(|kind| {
            let file = format!("max_{}_namespaces", kind.name);
            let limit = number(&proc.join("sys/user").join(&file))?;
            Some((format!("user.{file}"), limit))
        })
        .collect();
    if let Some((name, _)) = limits.iter().find(|(_, limit)| *limit == 0) {
        return Some(format!("{name} is 0, which forbids them: 'sysctl {name}=N' as root"));
    }
    let all: Vec<_> = limits.iter().map(|(name, limit)| format!("{name} = {limit}")).collect();
    Some(format!(
        "no space is lacking, but a limit is reached, here or in a user namespace around: {}, or 32 levels of \
         nesting",
        all.join(", ")
    ))
}

fn unknown_kind(flags: CloneFlags) -> Option<String> {
    let kind = kinds(flags).find(|kind| !Path::new("/proc/self/ns").join(kind.name).exists())?;
    Path::new("/proc/self/ns")
        .exists()
        .then(|| format!("this kernel has no {} namespaces", kind.option))
}

/// Whether the children of this process are in another pid namespace than itself.
fn children_are_elsewhere() -> bool {
    let link = |name: &str| fs::read_link(Path::new("/proc/self/ns").join(name)).ok();
    link("pid_for_children").is_some_and(|children| Some(children) != link("pid"))
}

fn number(file: &Path) -> Option<i64> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// A stand-in for /proc with these files.
    fn proc(name: &str, files: &[(&str, &str)]) -> PathBuf {
        let directory = std::env::temp_dir().join(format!("{name}.{}", std::process::id()));
        for (file, text) in files {
            let path = directory.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        directory
    }

    #[test]
    fn limits_are_named() {
        let limits =
            [("sys/user/max_user_namespaces", "0\n"), ("sys/user/max_net_namespaces", "7\n")];
        let proc = proc("limits", &limits);
        let hint = |flags| limit(&proc, flags).unwrap();
        assert!(hint(CloneFlags::CLONE_NEWUSER).starts_with("user.max_user_namespaces is 0"));
        assert!(hint(CloneFlags::CLONE_NEWNET).contains("user.max_net_namespaces = 7"));
        fs::remove_dir_all(proc).unwrap();
    }

    #[test]
    fn settings_that_forbid() {
        for (name, file, value) in SETTINGS {
            let (forbids, allows) = (value.to_string(), (1 - value).to_string());
            for (text, hinted) in [(forbids, true), (allows, false)] {
                let proc = proc("settings", &[(file, &text)]);
                let hint = forbidding_setting(&proc);
                assert_eq!(hint.is_some_and(|hint| hint.starts_with(name)), hinted, "{name}");
                fs::remove_dir_all(proc).unwrap();
            }
        }
    }
}
