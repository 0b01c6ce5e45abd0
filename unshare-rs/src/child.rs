//! The child that becomes COMMAND, and the parent that waits for it and ends as it ended.

use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::exit;

use common::process::end_by;
use common::sys::{self, Change, End};
use common::{Context, Error, Result};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::libc;
use nix::unistd::{ForkResult, Pid, pipe2, read};

use crate::explain;
use crate::init;
use crate::outside::Stop;
use crate::signals::{Event, Held, hand_on};
use crate::terminal;

/// What the child says to its parent: that its set-up is complete, and that COMMAND did not start
/// after all. Where COMMAND starts, the stream ends.
const READY: u8 = b'r';
const FAILED: u8 = b'f';
/// What the parent answers to the first.
const GO: u8 = b'g';

/// How COMMAND's process is watched.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// The signal that the child gets when the parent dies.
    pub kill_child: Option<i32>,
    pub forward_signals: bool,
    /// Whether the child gets the terminal, where it is the caller's to lend.
    pub foreground: bool,
    /// Whether the parent leaves once COMMAND has started.
    pub detach: bool,
    /// Whether COMMAND is the child of a pid 1 that does nothing else.
    pub init: bool,
    /// Whether the child waits, when all is set up, for the parent's word.
    pub gate: bool,
}

impl Watch {
    /// Starts the child, which does `work` and ends with the status that this gives, unless it becomes COMMAND.
    /// Signals are held in the parent from before the fork on, so that none is lost until it waits.
    pub fn start(&self, work: impl Fn(Tie) -> u8) -> Result<Child> {
        let life = self.kill_child.map(|_| Life::new()).transpose()?;
        let held = match self.forward_signals {
            true => Held::for_handing_on(None)?,
            false => Held::for_waiting()?,
        };
        let foreground = self.foreground && terminal::is_ours();
        let begin = |channel, report| {
            held.restore();
            let life = life.as_ref().map(Life::childs_end);
            work(Tie { life, kill_child: self.kill_child, foreground, channel, report })
        };
        let Family { pid, channel, verdict } = match self.gate || self.init {
            true => self.fork(begin),
            false => self.vfork(begin),
        }?;
        let held = self.forward_signals.then_some(held);
        Ok(Child {
            pid,
            channel,
            verdict,
            is_job: foreground,
            has_terminal: foreground,
            held,
            _life: life,
        })
    }

    /// For a child that the parent does not talk to before COMMAND runs.
    fn vfork(&self, begin: impl Fn(Stream, Stream) -> u8) -> Result<Family> {
        match sys::vfork(|| begin(None, None)) {
            Ok(pid) => Ok(Family { pid, channel: None, verdict: None }),
            // Memory cannot be shared across time namespaces.
            Err(Errno::EINVAL) => self.fork(begin),
            Err(errno) => Err(not_forked(errno)),
        }
    }

    fn fork(&self, begin: impl Fn(Stream, Stream) -> u8) -> Result<Family> {
        let (channel, childs_channel) = pair(self.gate)?;
        let (verdict, report) = pair(self.init)?;
        match sys::fork().map_err(not_forked)? {
            ForkResult::Parent { child } => Ok(Family { pid: child, channel, verdict }),
            ForkResult::Child => {
                drop((channel, verdict));
                exit(begin(childs_channel, report).into())
            }
        }
    }
}

fn not_forked(errno: Errno) -> Error {
    Error::bare("fork", errno).explain(|_| explain::fork(errno))
}

type Stream = Option<UnixStream>;

fn pair(wanted: bool) -> Result<(Stream, Stream)> {
    if !wanted {
        return Ok((None, None));
    }
    let (one, other) =
        UnixStream::pair().map_err(|e| Error::from_io("make", "a socket pair", &e))?;
    Ok((Some(one), Some(other)))
}

/// A child that was started, and the parent's ends of the streams between them.
struct Family {
    pid: Pid,
    channel: Stream,
    verdict: Stream,
}

/// A pipe that nobody writes to. The kernel closes the parent's end of it before it looks for children to
/// send the parent-death signal to, so that one of the two cannot be missed.
#[derive(Debug)]
struct Life {
    childs: OwnedFd,
    parents: OwnedFd,
}

impl Life {
    fn new() -> Result<Self> {
        let (childs, parents) =
            pipe2(OFlag::O_CLOEXEC | OFlag::O_NONBLOCK).context("make", "a pipe")?;
        Ok(Self { childs, parents })
    }

    /// For the child: the parent's end is open in the parent alone from here on.
    fn childs_end(&self) -> BorrowedFd<'_> {
        sys::close_copy(self.parents.as_fd());
        self.childs.as_fd()
    }
}

/// The child, as its parent sees it.
#[derive(Debug)]
pub struct Child {
    pub pid: Pid,
    channel: Stream,
    verdict: Stream,
    /// Whether it is a job of its own, and whether it has the terminal now.
    is_job: bool,
    has_terminal: bool,
    /// The signals to hand on, where there are any.
    held: Option<Held>,
    _life: Option<Life>,
}

impl Child {
    /// Waits until the child's set-up is complete, and says whether it is: if not, the child has said
    /// why and ends.
    pub fn is_ready(&mut self) -> bool {
        self.hears() == Some(READY)
    }

    /// Lets the child become COMMAND, and says whether it did.
    pub fn go(&mut self) -> bool {
        let told = self.channel.as_mut().is_some_and(|channel| channel.write_all(&[GO]).is_ok());
        told && self.hears().is_none()
    }

    /// Lets the child, which waits for the word to go on, end instead.
    pub fn dismiss(mut self) {
        self.channel = None;
        let _ = self.wait();
    }

    fn hears(&mut self) -> Option<u8> {
        let mut byte = [0];
        self.channel.as_mut()?.read_exact(&mut byte).ok().map(|()| byte[0])
    }

    /// Waits for the child's end, and ends in the same way: by the same signal, or with the status
    /// that is returned.
    pub fn wait(mut self) -> Result<u8> {
        loop {
            match self.next_change() {
                Ok(Some(Change::Ended(end))) => {
                    self.take_terminal_back();
                    return Ok(match end {
                        End::Exit(status) => self.verdict_on(status),
                        End::Signal(signal) => end_by(signal),
                    });
                }
                Ok(Some(Change::Stopped)) => self.stop_too(),
                Ok(None) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).step("wait for the child"),
            }
        }
    }

    fn next_change(&self) -> nix::Result<Option<Change>> {
        let Some(held) = &self.held else { return sys::wait_change(self.pid, true) };
        match held.next()? {
            Event::ChildChanged => sys::wait_change(self.pid, false),
            Event::Signal(arrived) => {
                hand_on(arrived, self.pid);
                Ok(None)
            }
        }
    }

    /// As a job of its own the child is stopped alone; then so are this process and all that the caller
    /// sees as one job, until the caller goes on with them.
    fn stop_too(&mut self) {
        if !self.is_job {
            return;
        }
        self.take_terminal_back();
        let _ = sys::kill(Pid::from_raw(0), libc::SIGTSTP);
        self.has_terminal = terminal::is_ours() && terminal::give_to(self.pid).is_ok();
        let _ = sys::kill(Pid::from_raw(-self.pid.as_raw()), libc::SIGCONT);
    }

    /// This can fail only where the terminal is gone.
    fn take_terminal_back(&mut self) {
        if self.has_terminal {
            let _ = terminal::take_back();
        }
        self.has_terminal = false;
    }

    /// A pid 1 cannot end by a signal as its COMMAND did, so it tells which one it was.
    fn verdict_on(&mut self, status: u8) -> u8 {
        let mut byte = [0];
        match self.verdict.as_mut().map(|verdict| verdict.read_exact(&mut byte)) {
            Some(Ok(())) => end_by(byte[0].into()),
            _ => status,
        }
    }
}

/// The parent, as the child sees it.
#[derive(Debug, Default)]
pub struct Tie<'a> {
    life: Option<BorrowedFd<'a>>,
    kill_child: Option<i32>,
    foreground: bool,
    channel: Stream,
    report: Stream,
}

impl Tie<'_> {
    /// Makes the child a job of its own, where that is asked for.
    pub fn take_terminal(&self) -> Result<()> {
        match self.foreground {
            true => terminal::take().step("take the terminal"),
            false => Ok(()),
        }
    }

    /// Arms the parent-death signal. This comes after all changes of credentials, since the kernel
    /// disarms it at each (prctl(2), PR_SET_PDEATHSIG).
    pub fn arm(&self) -> Result<(), Stop> {
        let (Some(signal), Some(life)) = (self.kill_child, self.life) else { return Ok(()) };
        sys::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong, 0)
            .step("arm the parent-death signal")?;
        // A parent that died before that sends nothing.
        match read(life, &mut [0]) {
            Ok(_) => Err(Stop::Said(end_by(signal))),
            Err(_) => Ok(()),
        }
    }

    /// Puts a pid 1 between the parent and COMMAND: gives its status there, and none in the process
    /// that becomes COMMAND.
    pub fn become_init(&mut self) -> Result<Option<u8>> {
        let held = Held::for_handing_on(self.kill_child)?;
        match sys::fork().map_err(not_forked)? {
            ForkResult::Parent { child } => {
                self.channel = None;
                init::run(child, &held, self.report.take()).map(Some)
            }
            ForkResult::Child => {
                self.report = None;
                held.restore();
                Ok(None)
            }
        }
    }

    /// Tells the parent that all is set up, and waits for its word.
    pub fn pass_gate(&mut self) -> Result<(), Stop> {
        let Some(channel) = &mut self.channel else { return Ok(()) };
        let mut byte = [READY];
        let passed = channel.write_all(&byte).and_then(|()| channel.read_exact(&mut byte));
        passed.map_err(|_| Stop::Said(1))
    }

    /// Tells the parent that COMMAND did not start.
    pub fn fail(&mut self) {
        if let Some(channel) = &mut self.channel {
            let _ = channel.write_all(&[FAILED]);
        }
    }
}
