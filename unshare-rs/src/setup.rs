//! What the process changes about itself inside the new namespaces, in the classic's order.

use std::ffi::{OsStr, OsString};
use std::fs;

use common::{Context, Error, Result, sys};
use nix::errno::Errno;
use nix::libc;
use nix::mount::{MsFlags, mount};
use nix::unistd::{Gid, Uid, chdir, chroot, setgid, setgroups, sethostname, setuid};

/// The propagation of every mount of a new mount namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Propagation {
    Unchanged,
    To(MsFlags),
}

pub const PROPAGATIONS: [(&str, Propagation); 4] = [
    ("private", Propagation::To(MsFlags::MS_PRIVATE)),
    ("shared", Propagation::To(MsFlags::MS_SHARED)),
    ("slave", Propagation::To(MsFlags::MS_SLAVE)),
    ("unchanged", Propagation::Unchanged),
];

impl Propagation {
    pub fn apply(self) -> Result<()> {
        match self {
            Self::Unchanged => Ok(()),
            Self::To(flag) => propagate("/", flag).context("change the propagation of", "/"),
        }
    }
}

fn propagate(target: impl AsRef<OsStr>, flag: MsFlags) -> nix::Result<()> {
    mount(None::<&str>, target.as_ref(), None::<&str>, flag | MsFlags::MS_REC, None::<&str>)
}

/// The names of a UTS namespace.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Names {
    pub host: Option<OsString>,
    pub domain: Option<OsString>,
}

impl Names {
    pub fn set(&self) -> Result<()> {
        if let Some(name) = &self.host {
            sethostname(name).context("set the host name", name)?;
        }
        if let Some(name) = &self.domain {
            sys::setdomainname(name).context("set the domain name", name)?;
        }
        Ok(())
    }
}

/// The clocks of a time namespace, in seconds from those outside.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    pub monotonic: Option<i64>,
    pub boottime: Option<i64>,
}

impl Clocks {
    /// Sets them off. The kernel takes this only while no process is in the namespace (time_namespaces(7)).
    pub fn set(&self) -> Result<()> {
        const FILE: &str = "/proc/self/timens_offsets";
        let clocks = [("monotonic", self.monotonic), ("boottime", self.boottime)];
        for (clock, offset) in clocks {
            let Some(offset) = offset else { continue };
            fs::write(FILE, format!("{clock} {offset} 0\n"))
                .map_err(|e| Error::from_io(format!("set the {clock} clock by"), FILE, &e))?;
        }
        Ok(())
    }
}

/// The rest: what COMMAND's own process is given.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Setup {
    pub root: Option<OsString>,
    pub directory: Option<OsString>,
    pub proc: Option<OsString>,
    /// Whether what is mounted could reach other namespaces.
    pub proc_propagates: bool,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub keep_capabilities: bool,
}

impl Setup {
    pub fn apply(&self) -> Result<()> {
        self.change_root()?;
        if let Some(target) = &self.proc {
            self.mount_proc(target)?;
        }
        self.change_ids()?;
        if self.keep_capabilities {
            keep_capabilities().step("keep the capabilities")?;
        }
        Ok(())
    }

    fn change_root(&self) -> Result<()> {
        if let Some(root) = &self.root {
            chroot(root.as_os_str()).context("change the root to", root)?;
            if self.directory.is_none() {
                chdir("/").context("enter the directory", "/")?;
            }
        }
        match &self.directory {
            Some(directory) => {
                chdir(directory.as_os_str()).context("enter the directory", directory)
            }
            None => Ok(()),
        }
    }

    /// Mounts proc. Where mounts still propagate, the old proc is cut off first, so that the new one
    /// is not put over the host's; EINVAL says that there is no mount to cut off.
    fn mount_proc(&self, target: &OsString) -> Result<()> {
        if self.proc_propagates {
            match propagate(target, MsFlags::MS_PRIVATE) {
                Ok(()) | Err(Errno::EINVAL) => {}
                Err(errno) => return Err(errno).context("cut the propagation of", target),
            }
        }
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("proc"), target.as_os_str(), Some("proc"), flags, None::<&str>)
            .context("mount proc on", target)
    }

    fn change_ids(&self) -> Result<()> {
        if let Some(gid) = self.gid {
            setgroups(&[]).step("drop the supplementary groups")?;
            setgid(Gid::from_raw(gid)).context("set the group id", gid.to_string())?;
        }
        if let Some(uid) = self.uid {
            if self.keep_capabilities {
                sys::prctl(libc::PR_SET_KEEPCAPS, 1, 0).step("keep the capabilities")?;
            }
            setuid(Uid::from_raw(uid)).context("set the user id", uid.to_string())?;
        }
        Ok(())
    }
}

/// Makes every permitted capability inheritable and ambient, so that execve(2) keeps it
/// (capabilities(7)).
fn keep_capabilities() -> nix::Result<()> {
    let mut sets = sys::capget()?;
    sets.inheritable = sets.permitted;
    sets.effective = sets.permitted;
    sys::capset(sets)?;
    for capability in (0..64).filter(|bit| sets.permitted >> bit & 1 == 1) {
        let raise = libc::PR_CAP_AMBIENT_RAISE as libc::c_ulong;
        match sys::prctl(libc::PR_CAP_AMBIENT, raise, capability) {
            // A bit that the kernel has no capability for.
            Ok(_) | Err(Errno::EINVAL) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
