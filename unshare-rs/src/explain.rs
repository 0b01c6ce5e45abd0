//! Why a step was refused: looked up after the failure, never before.

use std::ffi::{CString, OsStr, OsString};
use std::fs;
use std::os::fd::AsFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::{quote, sys};
use nix::errno::Errno;
use nix::libc;
use nix::sched::CloneFlags;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::{getegid, geteuid};

use crate::idmap::{GROUPS, Range, Sort, USERS, Writer, id_map};
use crate::namespaces::{Kind, kinds};

/// Capabilities' numbers (linux/capability.h).
const CAP_SYS_CHROOT: u32 = 18;
const CAP_SYS_ADMIN: u32 = 21;
const CAP_SETFCAP: u32 = 31;

/// The most lines that the kernel takes in a map (user_namespaces(7)).
const MAP_LINES: usize = 340;

/// Ids below may be those of accounts (SUB_UID_MIN of login.defs(5)), and are nobody's to grant.
const FIRST_SUBORDINATE: u32 = 100_000;

const PROC: &str = "/proc";

/// unshare(2).
pub fn unshare(flags: CloneFlags, errno: Errno) -> Option<String> {
    match errno {
        Errno::EPERM if flags.contains(CloneFlags::CLONE_NEWUSER) => in_chroot()
            .then(|| {
                "'/' is not the root of a mount: this process is in a chroot, and the kernel makes \
                 no user namespace there"
                    .into()
            })
            .or_else(|| forbidding_setting(Path::new(PROC)))
            .or_else(unmapped_caller)
            .or_else(|| seccomp_filter(Path::new(PROC)))
            // A chroot to the root of a mount looks from the inside like none.
            .or_else(|| {
                Some(
                    "nothing that can be read here forbids user namespaces; they are refused inside a \
                     chroot, and by a security module"
                        .into(),
                )
            }),
        Errno::EPERM if !has_capability(CAP_SYS_ADMIN) => Some(
            "these namespaces need CAP_SYS_ADMIN; with --map-root-user they are made in a user \
             namespace of one's own"
                .into(),
        ),
        Errno::EPERM | Errno::ENOSYS => seccomp_filter(Path::new(PROC)),
        Errno::ENOSPC | Errno::EUSERS => limit(Path::new(PROC), flags),
        Errno::EINVAL => unknown_kind(flags).or_else(|| {
            (flags.contains(CloneFlags::CLONE_NEWPID) && children_are_elsewhere()).then(|| {
                "this process has left its pid namespace already, but only its children are in the \
                 new one; a child can make another"
                    .into()
            })
        }),
        _ => None,
    }
}

/// fork(2), which says that there is no memory where there is no pid 1.
pub fn fork(errno: Errno) -> Option<String> {
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

/// mount(2) of a propagation onto `/`.
pub fn propagation(errno: Errno) -> Option<String> {
    (errno == Errno::EINVAL && in_chroot()).then(|| {
        "'/' is not the root of a mount, as in a chroot, and has no propagation; use \
         --propagation unchanged"
            .into()
    })
}

/// mount(2) of proc.
pub fn proc(errno: Errno) -> Option<String> {
    if errno != Errno::EPERM {
        return None;
    }
    if is_foreign("/proc/self/ns/pid") == Some(true) {
        return Some(
            "proc shows a pid namespace, and only who owns that may mount it: use --pid --fork too"
                .into(),
        );
    }
    let table = fs::read("/proc/self/mountinfo").unwrap_or_default();
    hidden_proc(&table)
}

/// Whether a user namespace around this process's owns the namespace that `file` is.
fn is_foreign(file: &str) -> Option<bool> {
    let file = fs::File::open(file).ok()?;
    Some(sys::namespace_owner(file.as_fd()).err() == Some(Errno::EPERM))
}

/// A user namespace gets no proc that would show more than the one that can be seen (mount_too_revealing
/// of fs/namespace.c).
fn hidden_proc(table: &[u8]) -> Option<String> {
    let points: Vec<_> = table
        .split(|&byte| byte == b'\n')
        .filter_map(|line| line.split(|&byte| byte == b' ').nth(4))
        .collect();
    if !points.contains(&&b"/proc"[..]) {
        return Some("no proc can be seen here, and the kernel mounts none that shows more".into());
    }
    let over: Vec<_> = points.into_iter().filter(|point| point.starts_with(b"/proc/")).collect();
    let first = quote(OsStr::from_bytes(over.first()?));
    let more = match over.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "{first}{more} hides a part of the /proc that can be seen here, and the kernel mounts none that \
         shows more"
    ))
}

/// mount(2) of binfmt_misc.
pub fn binfmt(errno: Errno) -> Option<String> {
    match errno {
        Errno::ENODEV => {
            Some("the kernel has no binfmt_misc: 'modprobe binfmt_misc' as root".into())
        }
        Errno::EPERM => {
            Some("a user namespace has a binfmt_misc of its own since Linux 6.7".into())
        }
        _ => None,
    }
}

/// mount(2) of a namespace onto a file.
pub fn bind(kind: &Kind, file: &OsStr, errno: Errno) -> Option<String> {
    match errno {
        Errno::ENOENT if !Path::new(file).exists() => {
            Some(format!("{} has to be there before, as an empty file", quote(file)))
        }
        Errno::EPERM => Some("that needs CAP_SYS_ADMIN in the caller's mount namespace".into()),
        Errno::EINVAL if kind.flag == CloneFlags::CLONE_NEWNS => {
            let table = fs::read("/proc/self/mountinfo").ok()?;
            let path = fs::canonicalize(file).ok()?;
            match shared_mount(&table, &path) {
                Some(mount) => Some(format!(
                    "the mount {} is shared, and a mount namespace is not bound where others would get \
                     it: use a file on a private mount ('mount --make-private')",
                    quote(mount)
                )),
                // mnt_ns_loop of fs/namespace.c compares ids, which each CPU hands out from its own stock.
                None => Some(
                    "the kernel binds a mount namespace only inside one with a lower id, and ids \
                     depend on the CPU: make both on the same one ('taskset -c 0')"
                        .into(),
                ),
            }
        }
        _ => None,
    }
}

/// The mount that holds `path`, where it is shared (proc_pid_mountinfo(5)).
fn shared_mount(table: &[u8], path: &Path) -> Option<PathBuf> {
    let mut found = None;
    for line in table.split(|&byte| byte == b'\n') {
        let mut fields = line.split(|&byte| byte == b' ');
        let Some(point) = fields.nth(4).map(unescape) else { continue };
        let shared = fields
            .skip(1)
            .take_while(|field| *field != b"-")
            .any(|field| field.starts_with(b"shared:"));
        let longest =
            found.as_ref().is_none_or(|(best, _): &(PathBuf, bool)| point.starts_with(best));
        if path.starts_with(&point) && longest {
            found = Some((point, shared));
        }
    }
    found.filter(|(_, shared)| *shared).map(|(point, _)| point)
}

/// The kernel writes a space, a tab, a newline and a backslash as `\ooo`.
fn unescape(field: &[u8]) -> PathBuf {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        let digits =
            tail.get(..3).filter(|_| byte == b'\\').and_then(|d| std::str::from_utf8(d).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(escaped) => {
                bytes.push(escaped);
                rest = &tail[3..];
            }
            None => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    OsString::from_vec(bytes).into()
}

/// setgroups(2).
pub fn setgroups(errno: Errno) -> Option<String> {
    if errno != Errno::EPERM {
        return None;
    }
    match fs::read_to_string("/proc/self/setgroups").ok()?.trim() {
        "deny" => Some(
            "setgroups(2) is denied in this user namespace, as it has to be where the own group \
             alone is mapped; a --map-groups of more leaves it allowed"
                .into(),
        ),
        _ if id_map("gid_map").is_empty() => {
            Some("this user namespace has no groups yet: map some with --map-groups".into())
        }
        _ => None,
    }
}

/// A file of /proc.
pub fn no_proc() -> Option<String> {
    (!Path::new("/proc/self").exists()).then(|| "no proc is mounted on /proc".into())
}

/// A write to setgroups.
pub fn setgroups_word(errno: Errno) -> Option<String> {
    match errno {
        Errno::EACCES => Some("that needs a user namespace of one's own: --user".into()),
        Errno::EPERM => Some(
            "it is taken only before the groups of a user namespace are mapped, and no more after a \
             \"deny\" in the namespace or one around it"
                .into(),
        ),
        _ => None,
    }
}

/// setuid(2) and setgid(2).
pub fn id(noun: &str, errno: Errno) -> Option<String> {
    (errno == Errno::EINVAL)
        .then(|| format!("the user namespace has no such {noun}: map it with --map-{noun}s"))
}

/// A write to timens_offsets.
pub fn clock(errno: Errno) -> Option<String> {
    (errno == Errno::ERANGE)
        .then(|| "the clock would show a time before its beginning, or overflow".into())
}

/// chroot(2).
pub fn root(errno: Errno) -> Option<String> {
    (errno == Errno::EPERM && !has_capability(CAP_SYS_CHROOT)).then(|| {
        "that needs CAP_SYS_CHROOT; with --map-root-user a user namespace of one's own gives it"
            .into()
    })
}

/// chdir(2), and its like in a new root.
pub fn directory(directory: &OsStr, new_root: bool, errno: Errno) -> Option<String> {
    match errno {
        Errno::ENOENT if new_root => Some("it is looked up in the new root".into()),
        Errno::ENOENT if !directory.as_bytes().starts_with(b"/") => {
            let here = std::env::current_dir().ok()?;
            Some(format!("it is looked up from {}", quote(here)))
        }
        _ => None,
    }
}

/// A write to a map, by the process inside or one outside.
pub fn map(sort: &Sort, ranges: &[Range], writer: Writer, errno: Errno) -> Option<String> {
    match errno {
        Errno::EINVAL if ranges.len() > MAP_LINES => {
            Some(format!("the kernel takes no more than {MAP_LINES} blocks"))
        }
        Errno::EINVAL => overlap(ranges),
        Errno::EPERM if writer == Writer::Inside => setgroups_allowed(sort)
            .or_else(|| forbidding_setting(Path::new(PROC)))
            .or_else(|| seccomp_filter(Path::new(PROC))),
        Errno::EPERM => missing_outside(sort, ranges).or_else(|| root_without_setfcap(ranges)),
        _ => None,
    }
}

fn overlap(ranges: &[Range]) -> Option<String> {
    let meet = |a: u32, a_count: u32, b: u32, b_count: u32| {
        u64::from(a) < u64::from(b) + u64::from(b_count)
            && u64::from(b) < u64::from(a) + u64::from(a_count)
    };
    ranges.iter().enumerate().find_map(|(index, a)| {
        let b = ranges[index + 1..].iter().find(|b| {
            meet(a.inner, a.count, b.inner, b.count) || meet(a.outer, a.count, b.outer, b.count)
        })?;
        Some(format!("the blocks {a} and {b} overlap"))
    })
}

fn setgroups_allowed(sort: &Sort) -> Option<String> {
    let allowed = fs::read_to_string("/proc/self/setgroups").ok()?.trim() == "allow";
    (*sort != USERS && allowed).then(|| {
        "an ordinary user maps a group only where setgroups(2) is denied: --setgroups deny".into()
    })
}

fn missing_outside(sort: &Sort, ranges: &[Range]) -> Option<String> {
    let there = id_map(sort.map);
    let range = ranges.iter().find(|range| !there.iter().any(|there| there.holds_outer(range)))?;
    Some(format!("not all of the {}s that {range} maps exist in this user namespace", sort.noun))
}

fn root_without_setfcap(ranges: &[Range]) -> Option<String> {
    (ranges.iter().any(|range| range.outer == 0) && !has_capability(CAP_SETFCAP))
        .then(|| "to map the root outside, CAP_SETFCAP is needed too".into())
}

/// newuidmap or newgidmap could not be executed.
pub fn no_helper(sort: &Sort, errno: Errno) -> Option<String> {
    (errno == Errno::ENOENT).then(|| {
        format!(
            "{} writes maps of more than the own id for ordinary users; it comes with the package \
             'uidmap' or 'shadow'",
            sort.helper
        )
    })
}

/// newuidmap or newgidmap wrote no map.
pub fn helper(sort: &Sort, ranges: &[Range], name: &OsStr, own: &[Range]) -> Option<String> {
    powerless(sort).or_else(|| {
        let range = ranges.iter().find(|range| {
            !own.iter().any(|own| own.holds_outer(range)) && range.outer != geteuid().as_raw()
        })?;
        let refused =
            format!("{} grants no range that holds {range} to {}", sort.ranges, quote(name));
        if range.outer < FIRST_SUBORDINATE {
            return Some(refused);
        }
        let (first, last) = (range.outer, range.outer + (range.count - 1));
        Some(format!(
            "{refused}: as root 'usermod --add-sub{}s {first}-{last} {}'",
            sort.short,
            name.to_string_lossy()
        ))
    })
}

/// Why a program that should gain a privilege does not.
fn powerless(sort: &Sort) -> Option<String> {
    if sys::prctl(libc::PR_GET_NO_NEW_PRIVS, 0, 0) == Ok(1) {
        return Some(format!("no_new_privs is set, so that {} gains no privilege", sort.helper));
    }
    let search = std::env::var_os("PATH")?;
    let path = std::env::split_paths(&search)
        .map(|directory| directory.join(sort.helper))
        .find(|path| path.is_file())?;
    let set_user_id = path.metadata().ok()?.permissions().mode() & 0o4000 != 0;
    let name = CString::new(path.as_os_str().as_bytes()).ok()?;
    if !set_user_id && !sys::has_attribute(&name, c"security.capability") {
        return Some(format!(
            "{} is neither set-user-ID root nor has it the file capability cap_set{}: 'chmod u+s' as root",
            quote(&path),
            sort.short
        ));
    }
    let nosuid = statvfs(&path).ok()?.flags().contains(FsFlags::ST_NOSUID);
    nosuid.then(|| format!("{} is on a mount with the option nosuid", quote(&path)))
}

/// Whether `/` is not where a mount begins, as after chroot(2) to a plain directory.
fn in_chroot() -> bool {
    sys::is_mount_root(c"/") == Ok(false)
}

fn has_capability(number: u32) -> bool {
    sys::capget().is_ok_and(|sets| sets.effective >> number & 1 == 1)
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
    let (name, _, value) = SETTINGS.iter().find(|(_, file, forbids)| {
        number(&proc.join(file)) == Some(*forbids) && !has_capability(CAP_SYS_ADMIN)
    })?;
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

fn seccomp_filter(proc: &Path) -> Option<String> {
    let status = fs::read_to_string(proc.join("self/status")).ok()?;
    status
        .lines()
        .any(|line| line.split_whitespace().eq(["Seccomp:", "2"]))
        .then(|| "a seccomp filter is in force for this process".into())
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
            for (text, hinted) in [(forbids, !has_capability(CAP_SYS_ADMIN)), (allows, false)] {
                let proc = proc("settings", &[(file, &text)]);
                let hint = forbidding_setting(&proc);
                assert_eq!(hint.is_some_and(|hint| hint.starts_with(name)), hinted, "{name}");
                fs::remove_dir_all(proc).unwrap();
            }
        }
    }

    #[test]
    fn a_seccomp_filter_is_seen() {
        let filter = |mode: &str| {
            let proc =
                proc("seccomp", &[("self/status", &format!("Name:\tx\nSeccomp:\t{mode}\n"))]);
            let hint = seccomp_filter(&proc);
            fs::remove_dir_all(proc).unwrap();
            hint.is_some()
        };
        assert!(filter("2") && !filter("0"));
    }

    #[test]
    fn what_hides_proc() {
        let line = |point: &str| format!("30 20 0:5 / {point} rw - proc proc rw\n");
        let hint = |points: &[&str]| {
            let table: String = points.iter().map(|point| line(point)).collect();
            hidden_proc(table.as_bytes())
        };
        assert!(hint(&["/"]).unwrap().starts_with("no proc"));
        assert_eq!(hint(&["/", "/proc", "/procession"]), None);
        let hint = hint(&["/proc", "/proc/kcore", "/proc/keys"]).unwrap();
        assert!(hint.starts_with("'/proc/kcore' and 1 more"));
    }

    #[test]
    fn the_mount_that_holds_a_file() {
        let table = b"1 0 8:1 / / rw shared:1 - ext4 x rw\n2 1 0:5 / /a\\040b rw - tmpfs t rw\n";
        let find = |path: &str| shared_mount(table, Path::new(path));
        assert_eq!(find("/c/d"), Some("/".into()));
        assert_eq!(find("/a b/c"), None);
        assert_eq!(find("/a bc"), Some("/".into()));
    }

    #[test]
    fn blocks_that_overlap() {
        let range = |inner, outer, count| Range { inner, outer, count };
        assert_eq!(overlap(&[range(0, 0, 5), range(5, 5, 5)]), None);
        assert!(overlap(&[range(0, 0, 5), range(4, 50, 5)]).is_some());
        assert!(overlap(&[range(0, 0, 5), range(50, 4, 5)]).is_some());
        assert_eq!(overlap(&[range(0, 0, u32::MAX)]), None);
    }
}
