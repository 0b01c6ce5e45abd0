//! Several tools in one file: the next tool of a command line is then reached without execve(2).
//!
//! A static program takes half a millisecond to start on a virtual machine, nearly all of it in the C library, which
//! asks for the features of the processor. A container's command line has four tools and more, so that most of its
//! time would go there. Where COMMAND is the very file that this process executes, and execve(2) would leave the
//! credentials as they are, the tool goes on in this process instead. COMMAND of a container is always executed, and
//! so is a program that is carried into another root, which is protected from writing; but see [`hand_on_carried`].

use std::ffi::{CStr, CString, OsStr, c_int};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::exit;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::libc;
use nix::sys::stat::{FileStat, SFlag, fstat, stat};
use nix::unistd::{AccessFlags, faccessat, getresgid, getresuid};

use crate::error::{Error, Kind, Result};
use crate::start::{self, start};
use crate::sys::{self, Prctl};

/// A tool, as the file that holds it starts it.
#[derive(Clone, Copy, Debug)]
pub struct Tool {
    /// The name that it is called by.
    pub name: &'static str,
    /// Does the work, and gives the exit status.
    pub run: fn() -> Result<u8, Error>,
    /// The exit status of each kind of error.
    pub status: fn(Kind) -> u8,
    /// Whether the next tool may go on in this one's process. It may not after a tool that takes the credentials of a
    /// container, since those may let the container reach the process and its file.
    pub hands_on: bool,
}

/// The file that this process executes, and what is in it.
struct Toolbox {
    tools: &'static [Tool],
    file: FileStat,
}

static TOOLBOX: OnceLock<Toolbox> = OnceLock::new();
/// What is in it, also where the file is not known by its path.
static TOOLS: OnceLock<&[Tool]> = OnceLock::new();
/// How many tools have handed on. The stack grows with each.
static DEPTH: AtomicUsize = AtomicUsize::new(0);
const DEEPEST: usize = 16;
/// Whether the process stays closed to others until it executes a program.
static CLOSED: AtomicBool = AtomicBool::new(false);
/// Whether the process has entered a user namespace of others since it was executed.
static IS_AMONG_OTHERS: AtomicBool = AtomicBool::new(false);

/// Takes away what processes of a container may otherwise do with this one: trace it, and reach the machine's root and
/// program through its files in /proc (`PR_SET_DUMPABLE` of prctl(2)). The tools that it goes on as are closed too; execve(2)
/// opens it again.
///
/// # Errors
/// Those of prctl(2).
pub fn close_to_others() -> nix::Result<()> {
    CLOSED.store(true, Ordering::Relaxed);
    sys::prctl(Prctl::Dumpable(false)).map(drop)
}

/// Says that this process has entered a user namespace that holds other processes.
pub fn entered_user_namespace() {
    IS_AMONG_OTHERS.store(true, Ordering::Relaxed);
}

/// Starts the tool of `tools` that this process was called by the name of.
pub fn run(tools: &'static [Tool]) -> i32 {
    TOOLS.get_or_init(|| tools);
    let Some(tool) = find(tools, &start::name()) else { return list(tools) };
    if let Some(file) = own_file() {
        TOOLBOX.get_or_init(|| Toolbox { tools, file });
    }
    start(tool.run, tool.status)
}

/// Goes on as the tool that executing `path` with these arguments would give. Comes back where it is to be executed.
pub(crate) fn hand_on(path: &Path, argv: &[CString]) {
    let Some(toolbox) = TOOLBOX.get() else { return };
    let Some(tool) = argv.first().and_then(|name| find(toolbox.tools, file_name(name))) else {
        return;
    };
    if toolbox.is_file(path) {
        toolbox.become_tool(tool, argv);
    }
}

/// The same for a program that was opened before the root changed, in a process that is closed to a user namespace of
/// others. execve(2) would open it to those who have CAP_SYS_PTRACE there, while it has descriptors of the caller and no
/// system call filter. They cannot write to its file either, as long as it is closed.
pub(crate) fn hand_on_carried(file: BorrowedFd, argv: &[CString]) {
    let is_closed = CLOSED.load(Ordering::Relaxed) && IS_AMONG_OTHERS.load(Ordering::Relaxed);
    let Some(toolbox) = TOOLBOX.get().filter(|_| is_closed) else { return };
    let tool = argv.first().and_then(|name| find(toolbox.tools, file_name(name)));
    if let Some(tool) = tool.filter(|_| fstat(file).is_ok_and(|file| toolbox.is_same(&file))) {
        toolbox.become_tool(tool, argv);
    }
}

/// Goes on as the tool of this program that these arguments name, whatever stands at such a path: in the root of a
/// container that may be anything. Comes back where this program does not hold it.
///
/// It is for a tool that has changed no credentials since it was executed itself.
pub(crate) fn go_on(argv: &[CString]) {
    let tool = TOOLS
        .get()
        .zip(argv.first())
        .and_then(|(tools, name)| find(tools, OsStr::from_bytes(name.to_bytes())));
    let Some(tool) = tool.filter(|_| !sys::shares_memory()) else { return };
    do_what_execve_does(tool, argv);
    exit(start(tool.run, tool.status));
}

fn find(tools: &'static [Tool], name: &OsStr) -> Option<&'static Tool> {
    tools.iter().find(|tool| name == tool.name)
}

fn file_name(path: &CStr) -> &OsStr {
    Path::new(OsStr::from_bytes(path.to_bytes())).file_name().unwrap_or_default()
}

/// The path by which the kernel found it is still good, since nothing has been changed yet. A program that was carried
/// has the path of a descriptor, which may be anything in a container's root.
fn own_file() -> Option<FileStat> {
    let path = Path::new(OsStr::from_bytes(sys::program::executed_path()?.to_bytes()));
    if path.starts_with("/dev/fd") {
        return None;
    }
    stat(path).ok()
}

impl Toolbox {
    fn current_hands_on(&self) -> bool {
        find(self.tools, &start::name()).is_some_and(|tool| tool.hands_on)
    }

    /// A file on a mount without exec cannot be executed.
    fn is_file(&self, path: &Path) -> bool {
        stat(path).is_ok_and(|file| self.is_same(&file))
            && faccessat(AT_FDCWD, path, AccessFlags::X_OK, AtFlags::AT_EACCESS).is_ok()
    }

    /// A file with a set-user-ID bit changes credentials.
    fn is_same(&self, file: &FileStat) -> bool {
        const PRIVILEGED: SFlag = SFlag::from_bits_retain(libc::S_ISUID | libc::S_ISGID);
        (file.st_dev, file.st_ino) == (self.file.st_dev, self.file.st_ino)
            && !SFlag::from_bits_retain(file.st_mode).intersects(PRIVILEGED)
    }

    /// Returns if the tool has to be executed.
    fn become_tool(&self, tool: &Tool, argv: &[CString]) {
        if !self.current_hands_on()
            || sys::shares_memory()
            || DEPTH.fetch_add(1, Ordering::Relaxed) >= DEEPEST
            || !execve_keeps_credentials()
        {
            return;
        }
        do_what_execve_does(tool, argv);
        exit(start(tool.run, tool.status));
    }
}

/// Whether execve(2) of a file without privileges would leave the credentials as they are (capabilities(7),
/// "Transformation of capabilities during execve()").
fn execve_keeps_credentials() -> bool {
    let (Ok(user), Ok(group), Ok(sets)) = (getresuid(), getresgid(), sys::capget()) else {
        return false;
    };
    let expected = match user.effective.is_root() {
        true => bounding_set() | sets.inheritable,
        false => ambient_set(),
    };
    user.real == user.effective
        && user.saved == user.effective
        && group.real == group.effective
        && group.saved == group.effective
        && sys::prctl(Prctl::Securebits) == Ok(0)
        && sets.permitted == expected
        && sets.effective == expected
}

fn bounding_set() -> u64 {
    set_by(|capability| sys::prctl(Prctl::ReadBounding(capability)))
}

fn ambient_set() -> u64 {
    set_by(|capability| sys::prctl(Prctl::IsAmbient(capability)))
}

fn set_by(holds: impl Fn(u32) -> nix::Result<c_int>) -> u64 {
    let known = (0..64).map_while(|capability| Some((capability, holds(capability).ok()?)));
    known.fold(0, |set, (capability, held)| set | u64::from(held == 1) << capability)
}

/// What the next tool would find changed. No signal has a handler, and memory that is left is not much.
fn do_what_execve_does(tool: &Tool, argv: &[CString]) {
    sys::program::close_descriptors();
    // Since the file can be read; a change of credentials has taken it away (PR_SET_DUMPABLE of prctl(2)).
    if !CLOSED.load(Ordering::Relaxed) {
        let _ = sys::prctl(Prctl::Dumpable(true));
    }
    sys::program::set_name(tool.name);
    sys::program::replace_arguments(argv);
}

/// Of the file itself nothing else is asked than what is in it.
fn list(tools: &[Tool]) -> i32 {
    let names: String = tools.iter().map(|tool| format!("{}\n", tool.name)).collect();
    match start::print(&names) {
        Ok(_) if start::arguments().len() == 1 => 0,
        _ => 1,
    }
}
