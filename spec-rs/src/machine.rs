//! The facts of the machine on which the line depends, read once, so that tests can make up a machine.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::capability::{SYS_ADMIN, SYS_NICE, SYS_RESOURCE};
use common::cgroup::Cgroups;
use common::id_map::{self, is_of_first_user_namespace};
use common::{quote, sys};
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open};
use nix::libc::{self, c_int};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{Mode, fstat, major, minor, stat};
use nix::sys::statfs::{NSFS_MAGIC, fstatfs};
use nix::unistd::{AccessFlags, Uid, faccessat, getegid, geteuid};

use crate::model::{Kind, Limit};

/// An unknown value counts as no limit.
pub type HardLimit = fn(&Limit) -> u64;

/// What the line depends on.
#[derive(Debug)]
pub struct Machine {
    pub uid: u32,
    pub gid: u32,
    pub cgroups: Cgroups,
    /// The controllers that a cgroup of version 2 can have, once they were asked for.
    pub found_controllers: OnceCell<Vec<String>>,
    /// Whether the caller may make the cgroup of this directory.
    pub may_make_cgroup: fn(&[u8]) -> bool,
    /// Whether the caller may set device rules.
    pub may_rule_devices: bool,
    /// The kernel lets nobody make a device elsewhere: root of another user namespace, as rootless Podman's runtime is, binds
    /// those of the machine.
    pub is_in_first_user_namespace: bool,
    /// The user whose instance of systemd starts scopes, as the first user namespace knows them; none, where it is that of
    /// the system.
    pub user_manager: Option<u32>,
    /// The controllers that a cgroup of version 2 below this one can have.
    pub controllers_of: fn(&[u8]) -> Vec<String>,
    /// Whether the kernel has the scheduler of block devices that knows weights (BFQ).
    pub has_bfq: fn() -> bool,
    /// Whether proc shows the memory of the kernel (CONFIG_PROC_KCORE).
    pub has_kcore: fn() -> bool,
    /// Whether the kernel has huge pages of so many KiB.
    pub has_huge_pages: fn(u64) -> bool,
    /// The device of this path: its type and numbers.
    pub device: fn(&str) -> Option<String>,
    /// The caller's own hard limit.
    pub hard_limit: HardLimit,
    /// Whether the caller may raise one (CAP_SYS_RESOURCE).
    pub may_raise_limits: bool,
    /// What follows is asked for where the configuration says something of it.
    pub oom_score_adj: fn() -> i128,
    pub nice: fn() -> i128,
    /// The lowest value that the caller may choose.
    pub lowest_nice: fn() -> i128,
    /// Whether the caller's personality is that of every process.
    pub has_default_personality: fn() -> bool,
    /// Whether the caller may run on every CPU.
    pub has_all_cpus: fn() -> bool,
    /// The namespace that a file is, or why it is none.
    pub namespace: fn(&str) -> Result<Found, String>,
    /// Whether the kernel has namespaces of a type.
    pub has_namespaces: fn(Kind) -> bool,
    pub has_apparmor: fn() -> bool,
    pub has_selinux: fn() -> bool,
    /// The time since 1970.
    pub now: fn() -> Duration,
}

/// A namespace.
#[derive(Debug)]
pub struct Found {
    pub kind: Kind,
    /// Whether the caller is in it.
    pub is_own: bool,
}

impl Machine {
    /// This machine. What is a function is asked only where it is needed.
    pub fn this() -> Self {
        Self::with(Cgroups::of_this_process())
    }

    /// This machine, where nothing depends on its cgroups.
    pub fn without_cgroups() -> Self {
        Self::with(Cgroups::default())
    }

    fn with(cgroups: Cgroups) -> Self {
        let capabilities = sys::capget().map_or(0, |sets| sets.effective);
        let has = |capability: u32| capabilities & 1 << capability != 0;
        let uid = geteuid().as_raw();
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        let is_in_first_user_namespace = is_of_first_user_namespace(&map);
        Self {
            uid,
            gid: getegid().as_raw(),
            found_controllers: OnceCell::new(),
            may_make_cgroup,
            // The kernel asks for these capabilities over the first user namespace.
            may_rule_devices: has(SYS_ADMIN) && is_in_first_user_namespace,
            is_in_first_user_namespace,
            user_manager: (uid != 0 || !is_in_first_user_namespace && !owns_machine(uid))
                .then(|| outside(&map, uid)),
            controllers_of,
            has_bfq,
            has_kcore,
            has_huge_pages,
            device,
            hard_limit: |limit| getrlimit(limit.resource).map_or(u64::MAX, |(_, hard)| hard),
            may_raise_limits: has(SYS_RESOURCE) && is_in_first_user_namespace,
            oom_score_adj,
            nice,
            lowest_nice,
            has_default_personality,
            has_all_cpus,
            namespace,
            has_namespaces: |kind| own_namespace(kind).exists(),
            has_apparmor: || read("/sys/module/apparmor/parameters/enabled").starts_with(b"Y"),
            has_selinux: || Path::new("/sys/fs/selinux/enforce").exists(),
            now: || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(),
            cgroups,
        }
    }

    pub fn controllers(&self) -> &[String] {
        self.found_controllers.get_or_init(|| controllers(&self.cgroups))
    }

    pub fn is_root(&self) -> bool {
        Uid::from_raw(self.uid).is_root()
    }
}

/// Root can enable all; the caller's own cgroup has those that the cgroups beside it have.
fn controllers(cgroups: &Cgroups) -> Vec<String> {
    let Some(unified) = &cgroups.unified else { return Vec::new() };
    controllers_of(if geteuid().is_root() { &unified.point } else { &unified.own })
}

fn controllers_of(directory: &[u8]) -> Vec<String> {
    let file = Path::new(OsStr::from_bytes(directory)).join("cgroup.controllers");
    let text = fs::read_to_string(file).unwrap_or_default();
    text.split_whitespace().map(str::to_owned).collect()
}

/// In a cgroup, and out of the caller's own, a process is moved by who may write to the cgroup that both are in.
fn may_make_cgroup(directory: &[u8]) -> bool {
    let mut above = Path::new(OsStr::from_bytes(directory)).ancestors();
    let may_write =
        |path: &Path| faccessat(sys::cwd(), path, AccessFlags::W_OK, AtFlags::AT_EACCESS);
    above.find_map(|path| match may_write(path) {
        Err(Errno::ENOENT) => None,
        may => Some(may.is_ok() && may_write(&path.join("cgroup.procs")).is_ok()),
    }) == Some(true)
}

/// Whether the root of this user namespace is the one of a whole system in a container, with a systemd of its own. The machine's
/// root is nobody in the user namespace of an ordinary user, as rootless Podman's is.
fn owns_machine(uid: u32) -> bool {
    fs::metadata("/").is_ok_and(|status| status.uid() == uid)
}

/// The ID that an ID of this user namespace has in the one around it; one that the map lacks stays.
fn outside(map: &str, id: u32) -> u32 {
    id_map::outside(map, id).unwrap_or(id)
}

fn has_kcore() -> bool {
    fs::exists("/proc/kcore").unwrap_or_default()
}

/// Each device names the schedulers that it may have.
fn has_bfq() -> bool {
    let devices = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let schedulers =
        |device: fs::DirEntry| fs::read_to_string(device.path().join("queue/scheduler"));
    fs::exists("/sys/module/bfq").unwrap_or_default()
        || devices.flat_map(schedulers).any(|list| list.contains("bfq"))
}

fn has_huge_pages(kib: u64) -> bool {
    fs::exists(format!("/sys/kernel/mm/hugepages/hugepages-{kib}kB")).unwrap_or_default()
}

/// `c 1:3`
fn device(path: &str) -> Option<String> {
    let status = fs::symlink_metadata(path).ok()?;
    let kind = match status.file_type() {
        kind if kind.is_char_device() => 'c',
        kind if kind.is_block_device() => 'b',
        _ => return None,
    };
    Some(format!("{kind} {}:{}", major(status.rdev()), minor(status.rdev())))
}

fn is_capable(capability: u32) -> bool {
    sys::capget().is_ok_and(|sets| sets.effective & 1 << capability != 0)
}

fn oom_score_adj() -> i128 {
    let text = fs::read_to_string("/proc/self/oom_score_adj").unwrap_or_default();
    text.trim().parse().unwrap_or_default()
}

/// The field after the name, which may hold blanks and brackets (proc_pid_stat(5)).
fn nice() -> i128 {
    let stat = read("/proc/self/stat");
    let fields = stat.rsplit(|&b| b == b')').next().unwrap_or_default();
    let nice =
        fields.split(|&b| b == b' ').nth(17).and_then(|field| std::str::from_utf8(field).ok());
    nice.and_then(|nice| nice.parse().ok()).unwrap_or_default()
}

/// getrlimit(2), RLIMIT_NICE
fn lowest_nice() -> i128 {
    match is_capable(SYS_NICE) {
        true => -20,
        false => getrlimit(Resource::RLIMIT_NICE).map_or(20, |(soft, _)| 20 - i128::from(soft)),
    }
}

/// In hexadecimal. What cannot be read is taken for the default.
fn has_default_personality() -> bool {
    read("/proc/self/personality").iter().all(|&b| b == b'0' || b == b'\n')
}

fn has_all_cpus() -> bool {
    let status = read("/proc/self/status");
    let mut lines = status.split(|&byte| byte == b'\n');
    let own = lines.find_map(|line| line.strip_prefix(b"Cpus_allowed_list:"));
    own.unwrap_or_default().trim_ascii() == read("/sys/devices/system/cpu/online").trim_ascii()
}

/// Each type with its flag and its file in proc(5).
const NAMESPACES: &[(Kind, c_int, &str)] = &[
    (Kind::User, libc::CLONE_NEWUSER, "user"),
    (Kind::Mount, libc::CLONE_NEWNS, "mnt"),
    (Kind::Pid, libc::CLONE_NEWPID, "pid"),
    (Kind::Network, libc::CLONE_NEWNET, "net"),
    (Kind::Ipc, libc::CLONE_NEWIPC, "ipc"),
    (Kind::Uts, libc::CLONE_NEWUTS, "uts"),
    (Kind::Cgroup, libc::CLONE_NEWCGROUP, "cgroup"),
    (Kind::Time, sys::CLONE_NEWTIME, "time"),
];

fn own_namespace(kind: Kind) -> PathBuf {
    let row = NAMESPACES.iter().find(|(other, ..)| *other == kind);
    format!("/proc/self/ns/{}", row.map_or("", |(.., name)| name)).into()
}

/// What is not of the file system of namespaces is not opened: it may be a FIFO, or a device.
fn namespace(path: &str) -> Result<Found, String> {
    let failed = |errno: Errno| format!("{}: {}", quote(path), errno.desc());
    let flags = OFlag::O_PATH | OFlag::O_CLOEXEC;
    let place = open(path, flags, Mode::empty()).map_err(failed)?;
    let is_one = fstatfs(&place).is_ok_and(|fs| fs.filesystem_type() == NSFS_MAGIC);
    if !is_one {
        return Err(format!("{} is not a namespace", quote(path)));
    }
    let link = format!("/proc/self/fd/{}", place.as_raw_fd());
    let file = open(link.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty());
    let file = file.map_err(failed)?;
    let flag = sys::namespace_type(file.as_fd()).map_err(failed)?;
    let row = NAMESPACES.iter().find(|(_, other, _)| *other == flag);
    let (kind, _, name) = row.ok_or_else(|| format!("{} is of an unknown type", quote(path)))?;
    let own = stat(format!("/proc/self/ns/{name}").as_str()).map_err(failed)?;
    let found = fstat(&file).map_err(failed)?;
    let is_own = (own.st_dev, own.st_ino) == (found.st_dev, found.st_ino);
    Ok(Found { kind: *kind, is_own })
}

/// What cannot be read is not there.
fn read(path: &str) -> Vec<u8> {
    fs::read(path).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_outside_a_user_namespace() {
        const FIRST: &str = "         0          0 4294967295\n";
        const PODMAN: &str = "         0       1000          1\n         1     100000      65536\n";
        for (map, id, want) in [
            (FIRST, 0, 0),
            (FIRST, 1000, 1000),
            (PODMAN, 0, 1000),
            (PODMAN, 1, 100_000),
            (PODMAN, 65_536, 165_535),
            (PODMAN, 65_537, 65_537),
            ("", 7, 7),
        ] {
            assert_eq!(outside(map, id), want, "{id} of {map}");
        }
        assert!(is_of_first_user_namespace(FIRST) && !is_of_first_user_namespace(PODMAN));
    }
}
