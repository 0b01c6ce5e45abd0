//! A process that keeps a scope alive until another one has joined it: systemd makes none without a process, and removes it
//! with the last one.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::exit;

use common::{Context, Error, Result, sys};
use nix::libc::SIGKILL;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid, chdir, getpid, setsid};

/// In milliseconds, between two looks at the cgroup.
const PAUSE: u8 = 3;

/// The process, as the one that started it sees it.
#[derive(Debug)]
pub struct Placeholder {
    pub pid: Pid,
    line: UnixStream,
}

impl Placeholder {
    /// Starts it as nobody's child: COMMAND is not to find a child that it knows nothing of.
    pub fn start() -> Result<Self> {
        let failed = |e| Error::from_io("make", "a socket pair", &e);
        let (mut line, theirs) = UnixStream::pair().map_err(failed)?;
        let caller = sys::pidfd_open(getpid(), 0).step("watch this process")?;
        match sys::fork().step("fork")? {
            ForkResult::Child => exit(leave(&caller, theirs)),
            ForkResult::Parent { child } => {
                drop(theirs);
                let _ = waitpid(child, None);
            }
        }
        let mut number = [0; 4];
        line.read_exact(&mut number).map_err(|e| Error::from_io("start", "a placeholder", &e))?;
        Ok(Self { pid: Pid::from_raw(i32::from_ne_bytes(number)), line })
    }

    /// Tells it which cgroup it is in. From now on it leaves when another process is there, or the caller has ended.
    pub fn settle(&mut self, directory: &[u8]) -> Result<()> {
        self.line
            .write_all(directory)
            .and_then(|()| self.line.shutdown(std::net::Shutdown::Write))
            .map_err(|e| Error::from_io("settle", "the placeholder", &e))
    }

    /// Where a later step fails.
    pub fn end(&self) {
        let _ = sys::kill(self.pid, SIGKILL);
    }
}

fn leave(caller: &OwnedFd, mut line: UnixStream) -> i32 {
    match sys::fork() {
        Ok(ForkResult::Child) => {
            let _ = line.write_all(&getpid().as_raw().to_ne_bytes());
            hold(caller, line);
            0
        }
        _ => 0,
    }
}

/// Holds nothing of the caller's meanwhile: a reader of one of its pipes would wait.
fn hold(caller: &OwnedFd, mut line: UnixStream) {
    let _ = setsid();
    let _ = chdir("/");
    close_all_but(&[caller.as_raw_fd(), line.as_raw_fd()]);
    let mut directory = String::new();
    if line.read_to_string(&mut directory).is_err() || directory.is_empty() {
        return;
    }
    drop(line);
    let list = Path::new(&directory).join("cgroup.procs");
    while !has_ended(caller.as_fd()) && is_alone(&list) {}
}

fn close_all_but(kept: &[i32]) {
    let numbers = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<i32> =
        numbers.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|number| !kept.contains(number)) {
        let _ = sys::borrow(number).map(sys::close_copy);
    }
}

/// Waits a little for it.
fn has_ended(process: BorrowedFd) -> bool {
    let mut wanted = [PollFd::new(process, PollFlags::POLLIN)];
    poll(&mut wanted, PollTimeout::from(PAUSE)).is_ok_and(|count| count > 0)
}

fn is_alone(list: &Path) -> bool {
    let mut text = String::new();
    File::open(list).and_then(|mut file| file.read_to_string(&mut text)).is_ok()
        && text.lines().count() <= 1
}
