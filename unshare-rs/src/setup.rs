//! The set-up inside the new namespaces, in the order of util-linux's `unshare`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use common::process::keep_capabilities;
use common::seconds::{self, NANOSECONDS};
use common::sys::Prctl;
use common::{Context, Error, Hint, Result, directory, sys};
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::unistd::{Gid, Uid, chdir, chroot, setgid, setgroups, sethostname, setuid};

use crate::explain;
use crate::ids::{GROUPS, USERS};

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
            Self::To(flag) => {
                propagate("/", flag).context("change the propagation of", "/").map_err(|error| {
                    error.explain(|error| explain::mounts::propagation(error.errno()?))
                })
            }
        }
    }
}

fn propagate(target: impl AsRef<OsStr>, flag: MsFlags) -> nix::Result<()> {
    mount(None::<&str>, target.as_ref(), None::<&str>, flag | MsFlags::MS_REC, None::<&str>)
}

/// The names of a UTS namespace.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct HostNames {
    pub host: Option<OsString>,
    pub domain: Option<OsString>,
}

impl HostNames {
    pub fn set(&self) -> Result<()> {
        if let Some(name) = &self.host {
            sethostname(name)
                .context("set the host name", name)
                .hint(|error| explain::host_name(name, error.errno()?))?;
        }
        if let Some(name) = &self.domain {
            sys::setdomainname(name)
                .context("set the domain name", name)
                .hint(|error| explain::host_name(name, error.errno()?))?;
        }
        Ok(())
    }
}

/// The offsets of the clocks of a time namespace, in nanoseconds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Clocks {
    pub monotonic: Option<i128>,
    pub boottime: Option<i128>,
}

impl Clocks {
    pub fn are_set(&self) -> bool {
        *self != Self::default()
    }

    /// Sets the offsets for the children of the process `pid`. The kernel accepts them only while no process is in the
    /// namespace (time_namespaces(7)).
    pub fn set(&self, pid: &str) -> Result<()> {
        for (clock, offset) in [("monotonic", self.monotonic), ("boottime", self.boottime)] {
            let Some(offset) = offset else { continue };
            let file = format!("/proc/{pid}/timens_offsets");
            // The kernel adds the nanoseconds also to negative seconds.
            let (seconds, part) = (offset.div_euclid(NANOSECONDS), offset.rem_euclid(NANOSECONDS));
            fs::write(file, format!("{clock} {seconds} {part}\n")).map_err(|e| {
                Error::from_io(format!("offset the {clock} clock by"), seconds::text(offset), &e)
                    .explain(|error| explain::clock(error.errno()?))
            })?;
        }
        Ok(())
    }
}

/// The set-up of COMMAND's own process.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Setup {
    pub root: Option<OsString>,
    pub directory: Option<OsString>,
    pub proc: Option<OsString>,
    /// Whether mounts may propagate to other namespaces.
    pub propagates: bool,
    pub binfmt: Option<OsString>,
    pub interpreter: Option<OsString>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
    pub keep_capabilities: bool,
}

/// The kernel's own directory for it.
pub const BINFMT: &str = "/proc/sys/fs/binfmt_misc";

impl Setup {
    pub fn apply(&self) -> Result<()> {
        let early = self.interpreter.as_ref().filter(|line| self.root.is_some() && is_fixed(line));
        if let Some(line) = early {
            // With the flag F the kernel opens the interpreter now, by its path in the old root.
            mount_binfmt(OsStr::new(BINFMT))?;
            register(OsStr::new(BINFMT), line)?;
        }
        self.change_root()?;
        self.mount_proc()?;
        self.mount_binfmt(early.is_some())?;
        self.change_ids()
    }

    fn change_root(&self) -> Result<()> {
        match (&self.root, self.directory.as_deref()) {
            (None, None) => Ok(()),
            (None, Some(directory)) => chdir(directory)
                .context("enter the directory", directory)
                .hint(|e| explain::directory(directory, e.errno()?)),
            (Some(root), directory) => {
                chroot(root.as_os_str())
                    .context("change the root to", root)
                    .hint(|error| explain::root(error.errno()?))?;
                directory::enter(directory.unwrap_or(OsStr::new("/"))).map_err(|error| {
                    error.explain(|error| explain::directory_in_root(error.errno()?))
                })
            }
        }
    }

    /// Mounts proc. If mounts propagate, the old proc is made private first: otherwise the new one would cover the host's
    /// too. EINVAL means that the directory is not a mount.
    fn mount_proc(&self) -> Result<()> {
        let Some(target) = &self.proc else { return Ok(()) };
        if self.propagates && self.root.is_none() {
            match propagate(target, MsFlags::MS_PRIVATE) {
                Ok(()) | Err(Errno::EINVAL) => {}
                Err(errno) => return Err(errno).context("cut the propagation of", target),
            }
        }
        mount_new("proc", target).hint(|error| explain::mounts::proc(error.errno()?))
    }

    fn mount_binfmt(&self, registered: bool) -> Result<()> {
        let Some(target) = &self.binfmt else { return Ok(()) };
        mount_binfmt(target)?;
        match &self.interpreter {
            Some(line) if !registered => register(target, line),
            _ => Ok(()),
        }
    }

    fn change_ids(&self) -> Result<()> {
        self.gid.map_or(Ok(()), set_group)?;
        if self.uid.is_some() && self.keep_capabilities {
            sys::prctl(Prctl::KeepCapabilities).step("keep the capabilities")?;
        }
        self.uid.map_or(Ok(()), set_user)?;
        match self.keep_capabilities {
            true => keep_capabilities().step("keep the capabilities"),
            false => Ok(()),
        }
    }
}

fn set_group(gid: u32) -> Result<()> {
    setgroups(&[])
        .step("drop the supplementary groups")
        .hint(|error| explain::ids::setgroups(error.errno()?))?;
    setgid(Gid::from_raw(gid))
        .context("set the group id", gid.to_string())
        .hint(|error| explain::ids::id(&GROUPS, error.errno()?))
}

fn set_user(uid: u32) -> Result<()> {
    setuid(Uid::from_raw(uid))
        .context("set the user id", uid.to_string())
        .hint(|error| explain::ids::id(&USERS, error.errno()?))
}

fn mount_new(kind: &str, target: &OsStr) -> Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(kind), target, Some(kind), flags, None::<&str>)
        .context(&format!("mount {kind} on"), target)
}

fn mount_binfmt(target: &OsStr) -> Result<()> {
    mount_new("binfmt_misc", target).hint(|error| explain::mounts::binfmt(error.errno()?))
}

/// Registers a definition with a mounted binfmt_misc.
fn register(target: &OsStr, line: &OsString) -> Result<()> {
    fs::write(Path::new(target).join("register"), line.as_bytes())
        .map_err(|e| Error::from_io("register the interpreter", line, &e))
}

/// Whether a definition has the flag F. It is `:NAME:TYPE:OFFSET:MAGIC:MASK:INTERPRETER:FLAGS`; its first character is the
/// separator.
fn is_fixed(line: &OsString) -> bool {
    let line = line.as_bytes();
    let Some(separator) = line.first() else { return false };
    line.split(|byte| byte == separator).nth(7).is_some_and(|flags| flags.contains(&b'F'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_of_a_fixed_interpreter() {
        for line in [":a:M::x::/bin/i:F", ":a:M::x::/bin/i:OCF", ",a,M,,x,,/bin/i,F"] {
            assert!(is_fixed(&line.into()), "{line}");
        }
        for line in ["", ":F:M::F::/F:", ":a:M::x::/bin/i:OC"] {
            assert!(!is_fixed(&line.into()), "{line}");
        }
    }
}
