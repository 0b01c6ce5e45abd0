//! `--reap`: ends all processes that COMMAND has started. Its orphans become children of this process, so that it finds
//! them in every session and process group.

use std::fs;
use std::path::Path;

use common::held::Held;
use common::sys::{self, End, Prctl};
use common::{Context, Error, Result};
use nix::errno::Errno;
use nix::libc;
use nix::unistd::{Pid, getpid};

use crate::init::reap;

/// From now on the orphans among the descendants of this process become its children, within its PID namespace
/// (`PR_SET_CHILD_SUBREAPER` of prctl(2)). Children do not inherit this.
pub fn adopt() -> Result<()> {
    sys::prctl(Prctl::ChildSubreaper).step("take in orphans").map(drop)
}

/// Waits until `child` has ended, or until this process gets SIGTERM, or SIGHUP for the end of its terminal. Then ends all
/// other processes.
pub fn wait(child: Pid, held: &Held) -> Result<End> {
    let end = reap(child, held, |signal| matches!(signal, libc::SIGHUP | libc::SIGTERM))?;
    end_all()?;
    Ok(end)
}

/// The children of a killed process become children of this one, and are killed in the next round.
fn end_all() -> Result<()> {
    loop {
        let children = children()?;
        if children.is_empty() {
            return Ok(());
        }
        for &child in &children {
            let _ = sys::kill(child, libc::SIGKILL);
        }
        for &child in &children {
            while let Err(Errno::EINTR) = sys::wait_change(child, true) {}
        }
    }
}

/// In a /proc of another PID namespace these numbers would be other processes.
fn children() -> Result<Vec<Pid>> {
    const CHILDREN: &str = "/proc/thread-self/children";
    if fs::read_link("/proc/self").ok().as_deref() != Some(Path::new(&getpid().to_string())) {
        let reason = "it is not there, or belongs to another PID namespace";
        return Err(Error::because("read", "/proc", reason));
    }
    let text =
        fs::read_to_string(CHILDREN).map_err(|error| Error::from_io("read", CHILDREN, &error))?;
    Ok(text.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect())
}
