//! The caller's terminal, lent to the child.

use std::io::{IsTerminal, stdin, stdout};

use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::unistd::{Pid, getpgrp, getpid, setpgid, tcgetpgrp, tcsetpgrp};

/// Whether the caller may lend the terminal: it is both standard input and output, so that no other process of a pipeline
/// reads from it, and the caller is in its foreground.
pub fn is_ours() -> bool {
    tcgetpgrp(stdin()) == Ok(getpgrp()) && stdout().is_terminal()
}

/// Makes this process the leader of a process group of its own, in the terminal's foreground.
pub fn take() -> nix::Result<()> {
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    give_to(getpid())
}

pub fn take_back() -> nix::Result<()> {
    give_to(getpgrp())
}

/// In the background, tcsetpgrp(3) would stop this process with SIGTTOU.
pub fn give_to(group: Pid) -> nix::Result<()> {
    let mask = SigSet::from(Signal::SIGTTOU).thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let given = tcsetpgrp(stdin(), group);
    mask.thread_set_mask()?;
    given
}
