//! The relay: one loop that waits for whatever can go on, and never for one side alone.

use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use common::process::end_by;
use common::sys::{self, Disposition, End};
use common::{Context, Error, Result};
use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::flow::{self, Flow, Taken};
use crate::inner::Inner;
use crate::job::Job;

/// How long others that still have the terminal open are listened to when COMMAND has ended, and how much
/// of what they write is taken: more than the kernel holds of a terminal's output, so that all that was
/// there is taken in any case.
const GRACE: Duration = Duration::from_millis(100);
const REST: usize = 64 * 1024;

/// How long COMMAND has to end of itself when its terminal is gone.
const HANG_UP: Duration = Duration::from_secs(1);

/// How often it is looked whether the caller's shell has put this job into the foreground: it says so only
/// to a job that was stopped.
const FOREGROUND: Duration = Duration::from_millis(200);

/// Standard input, output and error.
const FLOWS: usize = 3;

/// Both ends of each, and the signals.
const ENDS: usize = 2 * FLOWS + 1;

const BROKEN: PollFlags = PollFlags::POLLERR.union(PollFlags::POLLHUP);
const READABLE: PollFlags = PollFlags::POLLIN.union(BROKEN);
const WRITABLE: PollFlags = PollFlags::POLLOUT.union(BROKEN);

/// Why the relay ends before COMMAND does.
#[derive(Debug)]
enum Stop {
    /// The caller's terminal is gone.
    HungUp,
    /// Nobody reads standard output any more.
    BrokenPipe,
    /// Standard output cannot be written.
    Failed(Errno),
}

#[derive(Debug)]
pub struct Relay {
    job: Job,
    /// What is read from standard input comes first.
    flows: Vec<Flow>,
    /// None where COMMAND has pipes.
    inner: Option<Inner>,
    /// When COMMAND had ended, and how much was read since.
    last_words: Option<(Instant, usize)>,
}

impl Relay {
    /// For the terminal with this master.
    pub fn of_terminal(job: Job, master: OwnedFd) -> Result<Self> {
        let inner = Inner::new(master);
        let end = flow::End::inner(inner.master.clone())?;
        let flows = vec![
            Flow::new(flow::End::input()?, end.clone()),
            Flow::new(end, flow::End::output(1)?),
        ];
        Ok(Self { job, flows, inner: Some(inner), last_words: None })
    }

    /// For these flows, the first of which leads to COMMAND.
    pub fn of_pipes(job: Job, flows: Vec<Flow>) -> Self {
        Self { job, flows, inner: None, last_words: None }
    }

    /// Relays until COMMAND has ended, and ends as it ended.
    pub fn run(mut self) -> Result<u8> {
        loop {
            let ready = self.wait()?;
            if !ready[ENDS - 1].is_empty() && self.job.act_on_signals() {
                self.resize();
            }
            if let Err(stop) = self.go_on(&ready) {
                return self.stop(stop);
            }
            if let Some(end) = self.ended() {
                return Ok(self.job.end(end));
            }
        }
    }

    /// Waits until something can go on, and says what has happened at each end.
    fn wait(&self) -> Result<[PollFlags; ENDS]> {
        let signals = self.job.signals.as_fd();
        let mut ends = [(); ENDS].map(|()| PollFd::new(signals, PollFlags::empty()));
        ends[ENDS - 1].set_events(PollFlags::POLLIN);
        let reads_terminal = !self.job.outer.is_background();
        for (index, flow) in self.flows.iter().enumerate() {
            let may_read = index > 0 || reads_terminal || !flow.is_source_terminal();
            let events = [flow.source_events(may_read), flow.sink_events()];
            for (end, events) in ends[2 * index..].iter_mut().zip(events) {
                if let Some((fd, events)) = events {
                    *end = PollFd::new(fd, events);
                }
            }
        }
        match poll(&mut ends, self.timeout()) {
            Ok(_) => Ok(ends.map(|end| end.revents().unwrap_or(PollFlags::empty()))),
            Err(Errno::EINTR) => Ok([PollFlags::empty(); ENDS]),
            Err(errno) => Err(errno).step("wait for input"),
        }
    }

    fn timeout(&self) -> PollTimeout {
        let now = Instant::now();
        let grace = self.last_words.map(|(end, _)| end + GRACE);
        let look =
            self.inner.as_ref().and_then(Inner::next_look).filter(|_| self.flows[0].is_empty());
        let foreground = self.job.outer.is_background().then(|| now + FOREGROUND);
        let next = [grace, look, foreground].into_iter().flatten().min();
        next.map_or(PollTimeout::NONE, |next| {
            // Rounded up, so that the time has come afterwards.
            let wait = next.saturating_duration_since(now) + Duration::from_micros(999);
            PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX)
        })
    }

    fn go_on(&mut self, ready: &[PollFlags; ENDS]) -> Result<(), Stop> {
        self.check_foreground();
        self.check_end();
        for (index, ready) in ready[..2 * self.flows.len()].chunks_exact(2).enumerate() {
            self.watch(index, ready[0], ready[1])?;
            if ready[0].intersects(READABLE) && self.flows[index].has_room() {
                self.take(index)?;
            }
            if ready[1].intersects(WRITABLE) && !self.flows[index].is_empty() {
                self.put(index)?;
            }
        }
        self.end_input();
        self.end_output();
        Ok(())
    }

    fn check_foreground(&mut self) {
        if self.job.outer.is_background() {
            self.job.outer.claim();
            if !self.job.outer.is_background() {
                self.resize();
            }
        }
    }

    /// When COMMAND has ended, it needs no input, and its terminal is no longer kept open.
    fn check_end(&mut self) {
        if self.job.ended.is_some() && self.last_words.is_none() {
            self.last_words = Some((Instant::now(), 0));
            self.flows[0].close();
            if let Some(inner) = &mut self.inner {
                inner.let_go();
            }
        }
    }

    /// What happens at an end of the caller's whether or not something was to be read or written there.
    fn watch(&self, index: usize, source: PollFlags, sink: PollFlags) -> Result<(), Stop> {
        let flow = &self.flows[index];
        if flow.is_source_terminal() && source.intersects(BROKEN)
            || flow.is_sink_terminal() && sink.intersects(BROKEN)
        {
            return Err(Stop::HungUp);
        }
        match index > 0 && sink.intersects(BROKEN) {
            true => Err(Stop::BrokenPipe),
            false => Ok(()),
        }
    }

    fn take(&mut self, index: usize) -> Result<(), Stop> {
        let is_input = index == 0;
        let flow = &mut self.flows[index];
        match flow.take() {
            Taken::Bytes(count) => {
                if let Some((_, rest)) = &mut self.last_words {
                    *rest += count;
                }
            }
            Taken::Nothing => {}
            // The kernel lets no orphaned job read from the background.
            Taken::Failed(Errno::EIO) if is_input && flow.is_source_terminal() => {
                self.job.outer.claim();
            }
            Taken::End | Taken::Failed(_) if is_input => {
                flow.close_source();
                if let Some(inner) = &mut self.inner {
                    inner.end_input(flow.last());
                }
            }
            Taken::End | Taken::Failed(_) => self.source_ended(index),
        }
        Ok(())
    }

    /// A terminal that nobody has open may be opened again while COMMAND is there.
    fn source_ended(&mut self, index: usize) {
        let is_kept = match &mut self.inner {
            Some(inner) if self.last_words.is_none() => inner.keep_open().is_ok(),
            _ => false,
        };
        if !is_kept {
            self.flows[index].close_source();
        }
    }

    fn put(&mut self, index: usize) -> Result<(), Stop> {
        let is_terminal = self.flows[index].is_sink_terminal();
        let result = self.flows[index].put();
        match (result, index) {
            (Ok(()), _) => Ok(()),
            // The same at its other end: nobody has COMMAND's terminal, or standard input, open.
            (Err(_), 0) => {
                let is_kept = self.inner.as_mut().is_some_and(|inner| inner.keep_open().is_ok());
                if !is_kept {
                    self.flows[0].close();
                }
                Ok(())
            }
            (Err(Errno::EIO), _) if is_terminal => Err(Stop::HungUp),
            (Err(Errno::EPIPE), _) => Err(Stop::BrokenPipe),
            (Err(errno), _) => Err(Stop::Failed(errno)),
        }
    }

    /// Passes the end of standard input on when all before it has been.
    fn end_input(&mut self) {
        if self.flows[0].is_dry() {
            match &mut self.inner {
                Some(inner) => inner.look(Instant::now()),
                None => self.flows[0].close(),
            }
        }
    }

    /// Listens no longer to what others write when COMMAND has ended.
    fn end_output(&mut self) {
        let Some((end, rest)) = self.last_words else { return };
        let is_over = rest > REST || end.elapsed() >= GRACE;
        for flow in self.flows[1..].iter_mut().filter(|flow| is_over && flow.has_source()) {
            let is_drained = flow.has_room() && (rest > REST || flow.take() == Taken::Nothing);
            if is_drained {
                flow.close_source();
            }
        }
    }

    fn ended(&self) -> Option<End> {
        let is_over = self.flows[1..].iter().all(Flow::is_dry);
        self.job.ended.filter(|_| is_over && self.last_words.is_some())
    }

    fn resize(&self) {
        if let (Some(inner), Some(size)) = (&self.inner, self.job.outer.size()) {
            inner.resize(size);
        }
    }

    /// Hangs up on COMMAND, and ends it where it does not end of itself.
    fn stop(mut self, stop: Stop) -> Result<u8> {
        self.flows.clear();
        self.inner = None;
        let end = self.job.ended.or_else(|| self.see_off());
        let own = match stop {
            Stop::HungUp => libc::SIGHUP,
            Stop::BrokenPipe => libc::SIGPIPE,
            Stop::Failed(errno) => return Err(failed(errno)),
        };
        match (stop, end) {
            (Stop::HungUp, Some(end)) => Ok(self.job.end(end)),
            (Stop::BrokenPipe, _) if is_ignored(libc::SIGPIPE) => Err(failed(Errno::EPIPE)),
            _ => {
                self.job.outer.restore();
                Ok(end_by(own))
            }
        }
    }

    /// How COMMAND ended of itself.
    fn see_off(&mut self) -> Option<End> {
        self.job.hang_up();
        let end = Instant::now() + HANG_UP;
        while self.job.ended.is_none() {
            let rest = end.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                self.job.kill();
                return None;
            }
            let mut signals = [PollFd::new(self.job.signals.as_fd(), PollFlags::POLLIN)];
            let _ = poll(&mut signals, PollTimeout::try_from(rest).unwrap_or(PollTimeout::MAX));
            self.job.act_on_signals();
        }
        self.job.ended
    }
}

fn failed(errno: Errno) -> Error {
    Error::new("write", "standard output", errno)
}

/// Whether the caller had the signal ignored. It is held back, so that nothing happens meanwhile.
fn is_ignored(signal: i32) -> bool {
    sys::set_disposition(signal, Disposition::Default) == Ok(Disposition::Ignore)
}
