//! The pivot itself: pivot_root(2) and what must come before and after it.

use std::ffi::OsString;

use common::{Command, Context, Result, directory};
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, fchdir, pivot_root};

/// One change of root, and what becomes of the process after it.
#[derive(Debug)]
pub struct Pivot {
    pub new_root: OsString,
    pub put_old: OsString,
    pub detach: bool,
    pub carry: bool,
    pub directory: Option<OsString>,
    pub command: Option<Command>,
}

impl Pivot {
    /// Changes the root and becomes the command, where there is one.
    pub fn run(self) -> Result<u8> {
        let command = match self.command {
            Some(command) if self.carry => Some(command.carry()?),
            command => command,
        };

        if self.detach {
            pivot_and_detach(&self.new_root, &self.put_old)?;
        } else {
            pivot(&self.new_root, &self.put_old)?;
        }

        let Some(command) = command else { return Ok(0) };
        directory::enter(self.directory.unwrap_or_else(|| "/".into()))?;
        Err(command.exec())
    }
}

fn pivot(new_root: &OsString, put_old: &OsString) -> Result<()> {
    pivot_root(new_root.as_os_str(), put_old.as_os_str()).context("pivot the root to", new_root)
}

/// PUT_OLD `.` stacks the old root on the new one's own root directory (pivot_root(2), NOTES), so
/// that the new root needs no directory for it.
fn pivot_and_detach(new_root: &OsString, put_old: &OsString) -> Result<()> {
    let old_root = open("/", OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty())
        .context("open", "/")?;

    if put_old == "." {
        chdir(new_root.as_os_str()).context("enter the directory", new_root)?;
        pivot_root(".", ".").context("pivot the root to", new_root)?;
    } else {
        pivot(new_root, put_old)?;
    }

    fchdir(&old_root).step("enter the old root")?;
    // Its mounts may be peers of the host's: an unmount must not reach those.
    let slave = MsFlags::MS_SLAVE | MsFlags::MS_REC;
    mount(None::<&str>, ".", None::<&str>, slave, None::<&str>)
        .step("cut the old root's propagation")?;
    umount2(".", MntFlags::MNT_DETACH).step("unmount the old root")?;
    chdir("/").step("enter the new root")
}
