//! New namespaces: making them, and binding them onto files to make them last.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use common::{Context, Hint, Result, sys};
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, CpuSet, sched_getaffinity, sched_setaffinity, unshare};
use nix::sys::stat::Mode;
use nix::unistd::Pid;

use crate::explain;
use crate::kind::Kind;

/// The namespaces to make, and the files to bind some of them onto.
#[derive(Debug)]
pub struct Namespaces {
    pub flags: CloneFlags,
    pub files: Vec<(&'static Kind, OsString)>,
}

impl Default for Namespaces {
    fn default() -> Self {
        Self { flags: CloneFlags::empty(), files: Vec::new() }
    }
}

impl Namespaces {
    pub fn has(&self, flag: CloneFlags) -> bool {
        self.flags.contains(flag)
    }

    /// Whether the namespace of this kind is bound onto a file.
    pub fn has_file(&self, flag: CloneFlags) -> bool {
        self.files.iter().any(|(kind, _)| kind.flag == flag)
    }

    pub fn are_to_last(&self) -> bool {
        !self.files.is_empty()
    }

    /// Leaves the caller's namespaces. The next child is the first process of a new pid namespace.
    pub fn unshare(&self) -> Result<()> {
        if self.flags.is_empty() {
            return Ok(());
        }
        let outside = self.has_file(CloneFlags::CLONE_NEWNS).then(mount_namespace_id).flatten();
        unshare(self.flags).map_err(|errno| explain::not_unshared(self.flags, errno))?;
        outside.map_or(Ok(()), |id| outnumber(id).step("unshare"))
    }

    /// Opens the namespaces to bind, of the process with the number `number` in /proc.
    pub fn open(&self, number: Pid) -> Result<Vec<OwnedFd>> {
        let open = |kind: &Kind| {
            let namespace = format!("/proc/{number}/ns/{}", kind.file);
            open(namespace.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
        };
        self.files.iter().map(|(kind, file)| not_bound(open(kind), kind, file)).collect()
    }

    /// Binds them onto their files: all of them, or after an error none.
    pub fn bind(&self, namespaces: &[OwnedFd]) -> Result<()> {
        for (index, ((kind, file), namespace)) in self.files.iter().zip(namespaces).enumerate() {
            not_bound(bind(namespace, file), kind, file)
                .inspect_err(|_| unbind(&self.files[..index]))?;
        }
        Ok(())
    }

    pub fn unbind(&self) {
        unbind(&self.files);
    }
}

/// The id of this process's mount namespace. None if the kernel does not support it.
fn mount_namespace_id() -> Option<u64> {
    let namespace = File::open("/proc/self/ns/mnt").ok()?;
    sys::mount_namespace_id(namespace.as_fd()).ok()
}

/// Makes the mount namespace again until its id is higher than the one outside. Otherwise the kernel does not bind it there
/// (mnt_ns_loop of fs/namespace.c). Each CPU assigns ids from a range of its own: on the CPU that assigned the id outside,
/// the next id is higher.
fn outnumber(outside: u64) -> nix::Result<()> {
    let own = Pid::from_raw(0);
    let is_higher = || mount_namespace_id().is_none_or(|id| id > outside);
    if is_higher() {
        return Ok(());
    }
    let allowed = sched_getaffinity(own)?;
    for cpu in 0..CpuSet::count() {
        let mut one = CpuSet::new();
        one.set(cpu)?;
        if sched_setaffinity(own, &one).is_ok() {
            unshare(CloneFlags::CLONE_NEWNS)?;
            if is_higher() {
                break;
            }
        }
    }
    sched_setaffinity(own, &allowed)
}

fn bind(namespace: &OwnedFd, file: &OsString) -> nix::Result<()> {
    let namespace = format!("/proc/self/fd/{}", namespace.as_raw_fd());
    let bind = MsFlags::MS_BIND;
    mount(Some(namespace.as_str()), file.as_os_str(), None::<&str>, bind, None::<&str>)
}

fn not_bound<T>(bound: nix::Result<T>, kind: &Kind, file: &OsString) -> Result<T> {
    bound
        .context(&format!("bind the {} namespace onto", kind.option), file)
        .hint(|e| explain::mounts::bind(kind, file, e.errno()?))
}

/// Reports no failure, since it runs after another one.
fn unbind(files: &[(&Kind, OsString)]) {
    for (_, file) in files.iter().rev() {
        let _ = umount2(file.as_os_str(), MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW);
    }
}
