//! The child that becomes COMMAND, and the parent that waits for it and ends as it ended.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use common::sys::{self, Arrived, Disposition, End};
use common::{Context, Error, Result};
use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::{ForkResult, Pid, getpgid, getpgrp, getpid};

use crate::explain;
use crate::outside::Stop;

/// What `--forward-signals` hands on, and the pid 1 of `--init`.
const FORWARDED: [Signal; 7] = [
    Signal::SIGHUP,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGTERM,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGWINCH,
];

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
    /// Whether the parent leaves once COMMAND has started.
    pub detach: bool,
    /// Whether COMMAND is the child of a pid 1 that does nothing else.
    pub init: bool,
    /// Whether the child waits, when all is set up, for the parent's word.
    pub gate: bool,
}

/// Which of the two a process is after the fork.
#[derive(Debug)]
pub enum Side {
    Parent(Box<Child>),
    Child(Tie),
}

impl Watch {
    /// Forks. Signals are held in the parent from here on, so that none is lost between the fork and
    /// the wait.
    pub fn fork(&self) -> Result<Side> {
        let (up, down) = pair(self.gate || self.kill_child.is_some())?;
        let (verdict, report) = pair(self.init)?;
        let held = match self.forward_signals {
            true => Held::forwarded()?,
            false => Held::new(&[Signal::SIGINT, Signal::SIGTERM])?,
        };
        match fork()? {
            ForkResult::Parent { child } => {
                let held = self.forward_signals.then_some(held);
                Ok(Side::Parent(Box::new(Child { pid: child, channel: up, verdict, held })))
            }
            ForkResult::Child => {
                held.restore()?;
                let Self { kill_child, gate, .. } = *self;
                Ok(Side::Child(Tie { channel: down, report, kill_child, gate }))
            }
        }
    }
}

fn fork() -> Result<ForkResult> {
    sys::fork().step("fork").map_err(|error| error.explain(|error| explain::fork(error.errno()?)))
}

fn pair(wanted: bool) -> Result<(Option<UnixStream>, Option<UnixStream>)> {
    if !wanted {
        return Ok((None, None));
    }
    let (one, other) =
        UnixStream::pair().map_err(|e| Error::from_io("make", "a socket pair", &e))?;
    Ok((Some(one), Some(other)))
}

/// Signals that are held back, and what the caller had, to be given to COMMAND unchanged.
#[derive(Debug)]
struct Held {
    signals: SigSet,
    mask: SigSet,
    sigchld: Disposition,
}

impl Held {
    /// Where SIGCHLD is ignored the kernel keeps no status for wait(2), so it is not.
    fn new(signals: &[Signal]) -> Result<Self> {
        let sigchld =
            sys::set_disposition(libc::SIGCHLD, Disposition::Default).step("reset SIGCHLD")?;
        let signals: SigSet = signals.iter().copied().collect();
        let mask = signals.thread_swap_mask(SigmaskHow::SIG_BLOCK).step("hold signals")?;
        Ok(Self { signals, mask, sigchld })
    }

    /// The signals that are handed on, and SIGCHLD, which a blocked process is not woken by otherwise.
    fn forwarded() -> Result<Self> {
        let mut signals = FORWARDED.to_vec();
        signals.push(Signal::SIGCHLD);
        Self::new(&signals)
    }

    fn next(&self) -> nix::Result<Event> {
        let arrived = sys::wait_signal(&self.signals)?;
        Ok(match arrived.signal {
            libc::SIGCHLD => Event::ChildEnded,
            _ => Event::Signal(arrived),
        })
    }

    fn restore(&self) -> Result<()> {
        if self.sigchld == Disposition::Ignore {
            sys::set_disposition(libc::SIGCHLD, self.sigchld).step("restore SIGCHLD")?;
        }
        self.mask.thread_set_mask().step("restore the signal mask")
    }
}

/// What a held signal says.
enum Event {
    /// Some child has, or has stopped or gone on.
    ChildEnded,
    Signal(Arrived),
}

/// Sends the child a signal that came in. What a terminal sends reaches the whole process group,
/// and a second time would not be what the user typed. Where the child has ended, so will this process.
fn hand_on(arrived: Arrived, child: Pid) {
    let has_it = arrived.from_kernel && getpgid(Some(child)) == Ok(getpgrp());
    if !has_it {
        let _ = sys::kill(child, arrived.signal);
    }
}

/// The child, as its parent sees it.
#[derive(Debug)]
pub struct Child {
    pub pid: Pid,
    channel: Option<UnixStream>,
    verdict: Option<UnixStream>,
    /// The signals to hand on, where there are any.
    held: Option<Held>,
}

impl Child {
    /// Waits until the child's set-up is complete, and says whether it is: if not, the child has said
    /// why and ends.
    pub fn is_ready(&mut self) -> bool {
        self.hears() == Some(READY)
    }

    /// Lets the child become COMMAND, and says whether it did.
    pub fn start(&mut self) -> bool {
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
            match self.next_end() {
                Ok(Some((_, End::Exit(status)))) => return Ok(self.verdict_on(status)),
                Ok(Some((_, End::Signal(signal)))) => return Ok(end_by(signal)),
                Ok(None) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno).step("wait for the child"),
            }
        }
    }

    fn next_end(&self) -> nix::Result<Option<(Pid, End)>> {
        let Some(held) = &self.held else { return sys::wait(Some(self.pid), true) };
        match held.next()? {
            Event::ChildEnded => sys::wait(Some(self.pid), false),
            Event::Signal(arrived) => {
                hand_on(arrived, self.pid);
                Ok(None)
            }
        }
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
pub struct Tie {
    channel: Option<UnixStream>,
    report: Option<UnixStream>,
    kill_child: Option<i32>,
    gate: bool,
}

impl Tie {
    /// Arms the parent-death signal. This comes after all changes of credentials, since the kernel
    /// disarms it at each (prctl(2), PR_SET_PDEATHSIG).
    pub fn arm(&self) -> Result<()> {
        let Some(signal) = self.kill_child else { return Ok(()) };
        sys::prctl(libc::PR_SET_PDEATHSIG, signal as libc::c_ulong, 0)
            .step("arm the parent-death signal")?;
        // A parent that died before that sends nothing, but its end of the stream is closed.
        if self.channel.as_ref().is_some_and(is_closed) {
            end_by(signal);
        }
        Ok(())
    }

    /// Puts a pid 1 between the parent and COMMAND: gives its status there, and none in the process
    /// that becomes COMMAND.
    pub fn become_init(&mut self) -> Result<Option<u8>> {
        let held = Held::forwarded()?;
        match fork()? {
            ForkResult::Parent { child } => {
                self.channel = None;
                reap(child, &held, self.report.take()).map(Some)
            }
            ForkResult::Child => {
                self.report = None;
                held.restore().map(|()| None)
            }
        }
    }

    /// Tells the parent that all is set up, and waits for its word.
    pub fn pass_gate(&mut self) -> Result<(), Stop> {
        let Some(channel) = self.channel.as_mut().filter(|_| self.gate) else { return Ok(()) };
        let mut byte = [READY];
        let passed = channel.write_all(&byte).and_then(|()| channel.read_exact(&mut byte));
        passed.map_err(|_| Stop::Said(1))
    }

    /// Tells the parent that COMMAND did not start.
    pub fn fail(&mut self) {
        if let Some(channel) = self.channel.as_mut().filter(|_| self.gate) {
            let _ = channel.write_all(&[FAILED]);
        }
    }
}

/// Whether the other end of a stream on which nothing is sent has been closed.
fn is_closed(mut stream: &UnixStream) -> bool {
    let read = stream.set_nonblocking(true).and_then(|()| stream.read(&mut [0]));
    let open = read.is_err_and(|e| e.kind() == ErrorKind::WouldBlock);
    let _ = stream.set_nonblocking(false);
    !open
}

/// The work of a pid 1: waits for every process that the kernel hands to it, and hands on signals,
/// until `child` has ended.
fn reap(child: Pid, held: &Held, report: Option<UnixStream>) -> Result<u8> {
    let end = loop {
        match held.next() {
            Ok(Event::ChildEnded) => {
                if let Some(end) = reap_until(child) {
                    break end;
                }
            }
            Ok(Event::Signal(arrived)) => hand_on(arrived, child),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno).step("wait for a signal"),
        }
    };
    match end {
        End::Exit(status) => Ok(status),
        End::Signal(signal) => {
            let _ = report.map(|mut report| report.write_all(&[signal as u8]));
            Ok((128 + signal) as u8)
        }
    }
}

/// Waits for all that have ended, and says how `child` ended where it is among them.
fn reap_until(child: Pid) -> Option<End> {
    while let Ok(Some((pid, end))) = sys::wait(None, false) {
        if pid == child {
            return Some(end);
        }
    }
    None
}

/// Ends this process by a signal, as its child was, without a second core dump. Comes back with the
/// shell's status for it where the kernel does not let the signal through, as for the pid 1 of a namespace.
fn end_by(signal: i32) -> u8 {
    let _ = sys::prctl(libc::PR_SET_DUMPABLE, 0, 0);
    let _ = sys::set_disposition(signal, Disposition::Default);
    if let Ok(signal) = Signal::try_from(signal) {
        let _ = SigSet::from(signal).thread_unblock();
    }
    let _ = sys::kill(getpid(), signal);
    (128 + signal) as u8
}
