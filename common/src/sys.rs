//! The wall: system calls that `nix` lacks, each with its safety note. All unsafe code of the
//! workspace stands here.

use std::ffi::{CStr, CString, OsStr, OsString, c_int, c_uint, c_void};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::atomic::{AtomicPtr, Ordering};

use nix::errno::Errno;
use nix::unistd::ForkResult;

pub mod bpf;
mod clone;
mod descriptor;
pub mod inherited;
pub(crate) mod program;
pub mod pty;
pub mod seccomp;

pub(crate) use clone::shares_memory;
pub use clone::{clone_into, fork_into, fork_sibling, vfork, vfork_into};
pub use descriptor::{close_all_but, copy_from_number, hand_down};

/// What `main` was called with: null, or C strings up to a null pointer.
static ARGUMENTS: AtomicPtr<*const u8> = AtomicPtr::new(std::ptr::null_mut());

/// Keeps the `argv` of `main`, which is there as long as the process. For [`crate::main!`] alone.
pub fn keep_arguments(argv: *const *const u8) {
    ARGUMENTS.store(argv.cast_mut(), Ordering::Relaxed);
}

/// The arguments that were kept; none in a test, which has a `main` of its own.
pub(crate) fn arguments() -> Vec<OsString> {
    let mut next = ARGUMENTS.load(Ordering::Relaxed);
    let mut words = Vec::new();
    // SAFETY: the pointer is that of main, or null; the array ends with a null pointer, and nobody writes
    // to it.
    unsafe {
        while !next.is_null() && !(*next).is_null() {
            let word = CStr::from_ptr((*next).cast()).to_bytes();
            words.push(OsStr::from_bytes(word).to_owned());
            next = next.add(1);
        }
    }
    words
}

/// Makes sure that descriptors 0, 1 and 2 are taken, so that no file of ours is opened as one of
/// them and then written to as the standard error. What is opened here COMMAND does not get.
pub fn reserve_standard_streams() {
    // SAFETY: fcntl(F_GETFD) and open of a constant path touch no memory of ours.
    unsafe {
        for fd in 0..3 {
            if libc::fcntl(fd, libc::F_GETFD) == -1 {
                libc::open(c"/dev/null".as_ptr(), libc::O_RDWR | libc::O_CLOEXEC);
            }
        }
    }
}

/// fork(2). The tools have one thread, so the child may do all that the parent may.
///
/// # Errors
/// Those of fork(2).
pub fn fork() -> nix::Result<ForkResult> {
    // SAFETY: the tools never start a thread, so no lock is held by another one.
    unsafe { nix::unistd::fork() }
}

/// Closes a child's copy of a descriptor that belongs to the parent, with which it shares memory.
pub fn close_copy(fd: BorrowedFd) {
    let _ = nix::unistd::close(raw(fd));
}

fn check(result: libc::c_long) -> nix::Result<c_int> {
    Errno::result(result).map(|value| value as c_int)
}

fn descriptor(result: libc::c_long) -> nix::Result<OwnedFd> {
    // SAFETY: the call succeeded and gave a new descriptor that nobody else owns.
    check(result).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

fn raw(fd: BorrowedFd) -> c_int {
    fd.as_raw_fd()
}

/// Flags of open_tree(2), move_mount(2), mount_setattr(2) and the fs-context calls (linux/mount.h).
pub mod flags {
    use std::ffi::c_uint;

    /// open_tree(2): make a detached copy of the mount.
    pub const OPEN_TREE_CLONE: c_uint = 1;
    /// With the `*at` calls: all mounts beneath too.
    pub const AT_RECURSIVE: c_uint = 0x8000;
    /// move_mount(2): put the mount beneath the one that is there.
    pub const MOVE_MOUNT_BENEATH: c_uint = 0x200;

    /// Mount attributes.
    pub const MOUNT_ATTR_RDONLY: u64 = 0x1;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NOSUID: u64 = 0x2;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NODEV: u64 = 0x4;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NOEXEC: u64 = 0x8;
    /// The three-valued access time field: relatime is 0.
    pub const MOUNT_ATTR_ATIME: u64 = 0x70;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NOATIME: u64 = 0x10;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_STRICTATIME: u64 = 0x20;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NODIRATIME: u64 = 0x80;
    #[allow(missing_docs)]
    pub const MOUNT_ATTR_NOSYMFOLLOW: u64 = 0x20_0000;
}

/// `struct mount_attr` of mount_setattr(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct MountAttr {
    /// Attributes to set.
    pub set: u64,
    /// Attributes to clear.
    pub clear: u64,
    /// `MS_SHARED`, `MS_SLAVE`, `MS_PRIVATE`, `MS_UNBINDABLE`, or 0 for unchanged.
    pub propagation: u64,
    /// The descriptor of a user namespace, for an idmapped mount.
    pub userns_fd: u64,
}

/// open_tree(2): a descriptor for the mount at `path`, relative to `dir`; with `OPEN_TREE_CLONE` a detached
/// copy of it.
///
/// # Errors
/// Those of open_tree(2).
pub fn open_tree(dir: BorrowedFd, path: &CStr, flags: c_uint) -> nix::Result<OwnedFd> {
    const OPEN_TREE_CLOEXEC: c_uint = libc::O_CLOEXEC as c_uint;
    // SAFETY: path is a C string that outlives the call.
    descriptor(unsafe {
        libc::syscall(libc::SYS_open_tree, raw(dir), path.as_ptr(), flags | OPEN_TREE_CLOEXEC)
    })
}

/// move_mount(2) between two descriptors: attaches the mount `from` at the place `to`.
///
/// # Errors
/// Those of move_mount(2).
pub fn move_mount(from: BorrowedFd, to: BorrowedFd, flags: c_uint) -> nix::Result<()> {
    const EMPTY_PATHS: c_uint = 0x4 | 0x40;
    // SAFETY: both paths are constant C strings.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            raw(from),
            c"".as_ptr(),
            raw(to),
            c"".as_ptr(),
            flags | EMPTY_PATHS,
        )
    })
    .map(drop)
}

/// mount_setattr(2) on the mount that `mount` is open on.
///
/// # Errors
/// Those of mount_setattr(2).
pub fn mount_setattr(mount: BorrowedFd, flags: c_uint, attr: &MountAttr) -> nix::Result<()> {
    // SAFETY: attr is the kernel's first version of the struct, and its size is given.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            raw(mount),
            c"".as_ptr(),
            flags | libc::AT_EMPTY_PATH as c_uint,
            std::ptr::from_ref(attr),
            size_of::<MountAttr>(),
        )
    })
    .map(drop)
}

/// fsopen(2): a context in which a file system of the type `name` is configured.
///
/// # Errors
/// Those of fsopen(2); ENODEV for a type that the kernel does not have.
pub fn fsopen(name: &CStr) -> nix::Result<OwnedFd> {
    const FSOPEN_CLOEXEC: c_uint = 1;
    // SAFETY: name is a C string that outlives the call.
    descriptor(unsafe { libc::syscall(libc::SYS_fsopen, name.as_ptr(), FSOPEN_CLOEXEC) })
}

fn fsconfig(
    context: BorrowedFd,
    command: c_uint,
    key: *const c_void,
    value: *const c_void,
) -> nix::Result<()> {
    // SAFETY: key and value are null or C strings of the callers below that outlive the call.
    check(unsafe { libc::syscall(libc::SYS_fsconfig, raw(context), command, key, value, 0) })
        .map(drop)
}

/// fsconfig(2): sets the option `key` to a string, or as a flag where there is no value.
///
/// # Errors
/// Those of fsconfig(2).
pub fn fsconfig_set(context: BorrowedFd, key: &CStr, value: Option<&CStr>) -> nix::Result<()> {
    const SET_FLAG: c_uint = 0;
    const SET_STRING: c_uint = 1;
    match value {
        Some(value) => fsconfig(context, SET_STRING, key.as_ptr().cast(), value.as_ptr().cast()),
        None => fsconfig(context, SET_FLAG, key.as_ptr().cast(), std::ptr::null()),
    }
}

/// fsconfig(2): makes the superblock.
///
/// # Errors
/// Those of fsconfig(2), and whatever the file system's own set-up gives.
pub fn fsconfig_create(context: BorrowedFd) -> nix::Result<()> {
    const CMD_CREATE: c_uint = 6;
    fsconfig(context, CMD_CREATE, std::ptr::null(), std::ptr::null())
}

/// fsmount(2): a detached mount of the superblock that the context made.
///
/// # Errors
/// Those of fsmount(2).
pub fn fsmount(context: BorrowedFd, attributes: u64) -> nix::Result<OwnedFd> {
    const FSMOUNT_CLOEXEC: c_uint = 1;
    // SAFETY: no memory is passed.
    descriptor(unsafe {
        libc::syscall(libc::SYS_fsmount, raw(context), FSMOUNT_CLOEXEC, attributes)
    })
}

/// The three sets of capget(2), one bit a capability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapabilitySets {
    /// What the process may do now.
    pub effective: u64,
    /// What it may make effective.
    pub permitted: u64,
    /// What a program with file capabilities may inherit.
    pub inheritable: u64,
}

#[repr(C)]
struct CapabilityHeader {
    version: u32,
    pid: c_int,
}

#[derive(Clone, Copy, Default)]
#[repr(C)]
struct CapabilityData {
    effective: u32,
    permitted: u32,
    inheritable: u32,
}

/// `_LINUX_CAPABILITY_VERSION_3`: 64 capabilities in two structs.
const CAPABILITY_HEADER: CapabilityHeader = CapabilityHeader { version: 0x2008_0522, pid: 0 };

/// capget(2) of this process.
///
/// # Errors
/// Those of capget(2).
pub fn capget() -> nix::Result<CapabilitySets> {
    let mut header = CAPABILITY_HEADER;
    let mut data = [CapabilityData::default(); 2];
    // SAFETY: version 3 writes exactly two data structs.
    check(unsafe { libc::syscall(libc::SYS_capget, &raw mut header, data.as_mut_ptr()) })?;
    let join = |field: fn(&CapabilityData) -> u32| {
        u64::from(field(&data[0])) | u64::from(field(&data[1])) << 32
    };
    Ok(CapabilitySets {
        effective: join(|d| d.effective),
        permitted: join(|d| d.permitted),
        inheritable: join(|d| d.inheritable),
    })
}

/// capset(2) of this process.
///
/// # Errors
/// EPERM where a set would grow beyond what is permitted.
pub fn capset(sets: CapabilitySets) -> nix::Result<()> {
    let mut header = CAPABILITY_HEADER;
    let half = |shift: u32| CapabilityData {
        effective: (sets.effective >> shift) as u32,
        permitted: (sets.permitted >> shift) as u32,
        inheritable: (sets.inheritable >> shift) as u32,
    };
    let data = [half(0), half(32)];
    // SAFETY: version 3 reads exactly two data structs.
    check(unsafe { libc::syscall(libc::SYS_capset, &raw mut header, data.as_ptr()) }).map(drop)
}

/// prctl(2) with plain numbers for arguments, which is all of the calls on capabilities, securebits
/// and the parent-death signal.
///
/// # Errors
/// Those of the operation.
pub fn prctl(operation: c_int, arg2: libc::c_ulong, arg3: libc::c_ulong) -> nix::Result<c_int> {
    // SAFETY: callers pass operations whose arguments are numbers; the kernel checks them.
    Errno::result(unsafe { libc::prctl(operation, arg2, arg3, 0, 0) })
}

/// What a Landlock ruleset denies unless a rule allows it (`struct landlock_ruleset_attr`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct LandlockRuleset {
    /// `LANDLOCK_ACCESS_FS_*`.
    pub fs: u64,
    /// `LANDLOCK_ACCESS_NET_*`.
    pub net: u64,
    /// `LANDLOCK_SCOPE_*`.
    pub scoped: u64,
}

/// landlock_create_ruleset(2): the version of Landlock that the kernel has.
///
/// # Errors
/// ENOSYS where it was built, EOPNOTSUPP where it was started without Landlock.
pub fn landlock_version() -> nix::Result<u32> {
    landlock_facts(1)
}

/// landlock_create_ruleset(2): the errors that the kernel's Landlock no longer has, one a bit.
///
/// # Errors
/// EINVAL where the kernel cannot tell.
pub fn landlock_errata() -> nix::Result<u32> {
    landlock_facts(2)
}

fn landlock_facts(flag: c_uint) -> nix::Result<u32> {
    // SAFETY: with these flags the kernel reads no memory.
    check(unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<c_void>(), 0, flag)
    })
    .map(|fact| fact as u32)
}

/// landlock_create_ruleset(2).
///
/// # Errors
/// Those of landlock_create_ruleset(2); E2BIG for what the kernel does not have.
pub fn landlock_create_ruleset(handled: &LandlockRuleset) -> nix::Result<OwnedFd> {
    // SAFETY: the struct is the kernel's, and its size is given.
    descriptor(unsafe {
        libc::syscall(
            libc::SYS_landlock_create_ruleset,
            std::ptr::from_ref(handled),
            size_of::<LandlockRuleset>(),
            0,
        )
    })
}

/// landlock_add_rule(2): allows `access` to what is at `path` and beneath it.
///
/// # Errors
/// EINVAL where the ruleset does not handle the access, or the path has no such access.
pub fn landlock_allow_path(ruleset: BorrowedFd, access: u64, path: BorrowedFd) -> nix::Result<()> {
    #[repr(C, packed)]
    struct PathBeneath {
        access: u64,
        path: c_int,
    }
    landlock_add_rule(ruleset, 1, &PathBeneath { access, path: raw(path) })
}

/// landlock_add_rule(2): allows `access` to a port.
///
/// # Errors
/// EINVAL where the ruleset does not handle the access.
pub fn landlock_allow_port(ruleset: BorrowedFd, access: u64, port: u16) -> nix::Result<()> {
    #[repr(C)]
    struct NetPort {
        access: u64,
        port: u64,
    }
    landlock_add_rule(ruleset, 2, &NetPort { access, port: port.into() })
}

fn landlock_add_rule<T>(ruleset: BorrowedFd, kind: c_uint, rule: &T) -> nix::Result<()> {
    let rule = std::ptr::from_ref(rule);
    // SAFETY: the callers above pass the kernel's struct of that kind, which outlives the call.
    check(unsafe { libc::syscall(libc::SYS_landlock_add_rule, raw(ruleset), kind, rule, 0) })
        .map(drop)
}

/// landlock_restrict_self(2).
///
/// # Errors
/// EPERM without no_new_privs and CAP_SYS_ADMIN, E2BIG where too many rulesets are stacked.
pub fn landlock_restrict_self(ruleset: BorrowedFd) -> nix::Result<()> {
    // SAFETY: the call takes numbers.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, raw(ruleset), 0) }).map(drop)
}

/// The file descriptor `fd`, as a number from the command line, marked to be closed when COMMAND starts.
///
/// # Errors
/// EBADF where it is not open.
pub fn close_on_exec(fd: c_int) -> nix::Result<()> {
    // SAFETY: F_SETFD takes a number.
    Errno::result(unsafe { libc::fcntl(fd, libc::F_SETFD, libc::FD_CLOEXEC) }).map(drop)
}

/// Marks every descriptor but 0, 1 and 2 to be closed by execve(2): close_range(2) of Linux 5.11.
///
/// # Errors
/// ENOSYS or EINVAL before Linux 5.11.
pub fn close_extra_descriptors_on_exec() -> nix::Result<()> {
    // SAFETY: close_range takes numbers, and with this flag closes nothing that is in use.
    let result =
        unsafe { libc::syscall(libc::SYS_close_range, 3, c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    Errno::result(result).map(drop)
}

/// execveat(2) with `AT_EMPTY_PATH`: becomes the program that `program` is open on, with this process's
/// environment as it is. Comes back only with the reason why not.
pub fn exec_descriptor(program: BorrowedFd, argv: &[CString]) -> Errno {
    unsafe extern "C" {
        static environ: *const *const libc::c_char;
    }
    let mut pointers: Vec<_> = argv.iter().map(|word| word.as_ptr()).collect();
    pointers.push(std::ptr::null());
    // SAFETY: both arrays hold C strings up to a null pointer and outlive the call, and no other thread
    // changes the environment meanwhile.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            raw(program),
            c"".as_ptr(),
            pointers.as_ptr(),
            environ,
            libc::AT_EMPTY_PATH,
        );
    }
    Errno::last()
}

/// The working directory as a descriptor's place in the `*at` calls.
#[must_use]
pub fn cwd() -> BorrowedFd<'static> {
    nix::fcntl::AT_FDCWD.as_fd()
}

/// Marks a raw descriptor that the tool was started with as borrowed.
///
/// # Errors
/// EBADF where it is not open.
pub fn borrow<'a>(fd: c_int) -> nix::Result<BorrowedFd<'a>> {
    // SAFETY: F_GETFD takes no argument; the descriptor is open, and the tools close none that they
    // were started with.
    unsafe {
        Errno::result(libc::fcntl(fd, libc::F_GETFD))?;
        Ok(BorrowedFd::borrow_raw(fd))
    }
}

/// A time namespace, which the other crates do not know yet (linux/sched.h).
pub const CLONE_NEWTIME: c_int = 0x80;

/// What a process does on a signal that it does not handle: all of a disposition that execve(2) keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disposition {
    /// `SIG_DFL`.
    Default,
    /// `SIG_IGN`.
    Ignore,
}

/// sigaction(2): sets a signal's disposition and gives what it was. A tool installs no handlers, so
/// that "ignored" and "default" are all there can be.
///
/// # Errors
/// EINVAL for SIGKILL, SIGSTOP and numbers that are no signal.
pub fn set_disposition(signal: c_int, disposition: Disposition) -> nix::Result<Disposition> {
    let handler = match disposition {
        Disposition::Default => libc::SIG_DFL,
        Disposition::Ignore => libc::SIG_IGN,
    };
    // SAFETY: neither disposition runs code of ours.
    match unsafe { libc::signal(signal, handler) } {
        libc::SIG_ERR => Err(Errno::last()),
        libc::SIG_IGN => Ok(Disposition::Ignore),
        _ => Ok(Disposition::Default),
    }
}

/// Takes a signal, which may be a real-time one, out of this process's mask.
///
/// # Errors
/// EINVAL for a number that is no signal.
pub fn unblock(signal: c_int) -> nix::Result<()> {
    let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset makes the set, and sigprocmask reads it.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        Errno::result(libc::sigaddset(set.as_mut_ptr(), signal))?;
        Errno::result(libc::sigprocmask(libc::SIG_UNBLOCK, set.as_ptr(), std::ptr::null_mut()))
            .map(drop)
    }
}

/// setdomainname(2).
///
/// # Errors
/// Those of setdomainname(2).
pub fn setdomainname(name: &OsStr) -> nix::Result<()> {
    let (start, length) = (name.as_encoded_bytes().as_ptr(), name.len());
    // SAFETY: the name outlives the call, and its length is given.
    Errno::result(unsafe { libc::setdomainname(start.cast(), length) }).map(drop)
}

/// kill(2) with any signal, the real-time ones too.
///
/// # Errors
/// Those of kill(2).
pub fn kill(pid: nix::unistd::Pid, signal: c_int) -> nix::Result<()> {
    // SAFETY: kill takes numbers.
    Errno::result(unsafe { libc::kill(pid.as_raw(), signal) }).map(drop)
}

/// prctl(2) `PR_GET_PDEATHSIG`: the signal that this process gets when its parent ends, 0 for none.
///
/// # Errors
/// Those of prctl(2).
pub fn parent_death_signal() -> nix::Result<c_int> {
    let mut signal: c_int = 0;
    // SAFETY: the kernel writes one int, which outlives the call.
    Errno::result(unsafe { libc::prctl(libc::PR_GET_PDEATHSIG, &raw mut signal) })?;
    Ok(signal)
}

/// Sets a variable of this process's environment, which COMMAND inherits.
pub fn set_variable(name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) {
    // SAFETY: the tools never start a thread, so nobody reads the environment meanwhile.
    unsafe { std::env::set_var(name, value) }
}

/// Removes all variables of this process's environment but those that `keep` names; those without a
/// '=', too, which no name reaches.
pub fn clear_environment(keep: &[&str]) {
    let kept = |name| Some((name, std::env::var_os(name)?));
    let kept: Vec<_> = keep.iter().filter_map(kept).collect();
    // SAFETY: as in set_variable.
    unsafe { libc::clearenv() };
    for (name, value) in kept {
        set_variable(name, value);
    }
}

/// Brings up `lo` of this process's network namespace: `SIOCSIFFLAGS` of netdevice(7).
///
/// # Errors
/// EPERM without CAP_NET_ADMIN over the namespace, and those of socket(2).
pub fn bring_up_loopback() -> nix::Result<()> {
    const UP: libc::c_short = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
    // SAFETY: an ifreq of zeros is valid; the name stays terminated by the zeros behind it.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    request.ifr_name[0] = b'l' as libc::c_char;
    request.ifr_name[1] = b'o' as libc::c_char;
    request.ifr_ifru.ifru_flags = UP;
    // SAFETY: socket takes numbers.
    let socket = descriptor(
        unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) }.into(),
    )?;
    // SAFETY: the ioctl reads one ifreq, which outlives the call.
    Errno::result(unsafe {
        libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS as _, &raw const request)
    })
    .map(drop)
}

/// Whether the file `path` has the extended attribute `name` (getxattr(2)).
#[must_use]
pub fn has_attribute(path: &CStr, name: &CStr) -> bool {
    // SAFETY: both are C strings that outlive the call; a size of 0 asks for the length alone.
    unsafe { libc::getxattr(path.as_ptr(), name.as_ptr(), std::ptr::null_mut(), 0) >= 0 }
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit status.
    Exit(u8),
    /// By this signal, which may be a real-time one.
    Signal(c_int),
}

/// waitpid(2) for any child: which one has ended, and how; `None` where none has yet.
///
/// # Errors
/// ECHILD where there is no child.
pub fn reap() -> nix::Result<Option<(nix::unistd::Pid, End)>> {
    let reaped = waitpid(-1, libc::WNOHANG)?;
    Ok(reaped.map(|(pid, status)| (nix::unistd::Pid::from_raw(pid), end(status))))
}

/// Reaps the children that have ended, up to `child`, whose end is left to be waited for. A shell that wrote a long
/// here-document leaves its writer to the program that it becomes.
pub fn reap_others(child: nix::unistd::Pid) {
    while let Some(pid) = ended_child() {
        if pid == child.as_raw() || waitpid(pid, libc::WNOHANG).is_err() {
            return;
        }
    }
}

/// One that has ended, and is still to be waited for.
fn ended_child() -> Option<c_int> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: all bytes of this structure may be zero, and the kernel fills it in where a child has ended.
    let (result, pid) = unsafe {
        let mut info: libc::siginfo_t = std::mem::zeroed();
        (libc::waitid(libc::P_ALL, 0, &raw mut info, options), info.si_pid())
    };
    (result == 0 && pid != 0).then_some(pid)
}

/// How a child goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It has ended.
    Ended(End),
    /// It was stopped by a signal.
    Stopped,
}

/// waitpid(2) for the end or a stop of the child `pid`. With `block` it waits for that, without it gives
/// `None` where there was neither yet.
///
/// # Errors
/// ECHILD where there is no such child, EINTR.
pub fn wait_change(pid: nix::unistd::Pid, block: bool) -> nix::Result<Option<Change>> {
    let options = libc::WUNTRACED | if block { 0 } else { libc::WNOHANG };
    Ok(waitpid(pid.as_raw(), options)?.map(|(_, status)| match libc::WIFSTOPPED(status) {
        true => Change::Stopped,
        false => Change::Ended(end(status)),
    }))
}

/// Which child has changed, and its status in the kernel's form.
fn waitpid(pid: c_int, options: c_int) -> nix::Result<Option<(c_int, c_int)>> {
    let mut status = 0;
    // SAFETY: the kernel writes one int, which outlives the call.
    let pid = Errno::result(unsafe { libc::waitpid(pid, &raw mut status, options) })?;
    Ok((pid != 0).then_some((pid, status)))
}

fn end(status: c_int) -> End {
    match libc::WIFSIGNALED(status) {
        true => End::Signal(libc::WTERMSIG(status)),
        false => End::Exit(libc::WEXITSTATUS(status) as u8),
    }
}

/// pidfd_open(2): for a thread of its own (Linux 6.9).
pub const PIDFD_THREAD: c_int = libc::O_EXCL;

/// pidfd_open(2): a descriptor for the process `pid`, which stays that process's when it has ended.
///
/// # Errors
/// ESRCH where there is no such process; ENOENT, before Linux 6.15 EINVAL, where it is but a thread of
/// one.
pub fn pidfd_open(pid: nix::unistd::Pid, flags: c_int) -> nix::Result<OwnedFd> {
    // SAFETY: the call takes numbers and gives a new descriptor.
    descriptor(unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), flags) })
}

/// pidfd_send_signal(2): to the process that `process` is open on; 0 sends none.
///
/// # Errors
/// ESRCH where it has ended and was waited for, EPERM, EINVAL.
pub fn pidfd_send_signal(process: BorrowedFd, signal: c_int) -> nix::Result<()> {
    const NO_INFO: *const c_void = std::ptr::null();
    // SAFETY: without a siginfo_t the call takes numbers.
    check(unsafe { libc::syscall(libc::SYS_pidfd_send_signal, raw(process), signal, NO_INFO, 0) })
        .map(drop)
}

/// pidfd_getfd(2): a copy of the process's descriptor `fd`.
///
/// # Errors
/// EBADF where it is not open, EPERM where the process may not be traced.
pub fn pidfd_getfd(process: BorrowedFd, fd: c_int) -> nix::Result<OwnedFd> {
    // SAFETY: the call takes numbers and gives a new descriptor.
    descriptor(unsafe { libc::syscall(libc::SYS_pidfd_getfd, raw(process), fd, 0) })
}

/// The network namespace that a socket is in (`SIOCGSKNS` of linux/sockios.h).
///
/// # Errors
/// ENOTTY where it is no socket, EPERM without CAP_NET_ADMIN over the namespace.
pub fn socket_namespace(socket: BorrowedFd) -> nix::Result<OwnedFd> {
    const SIOCGSKNS: libc::c_ulong = 0x894c;
    // SAFETY: the request takes no argument and gives a new descriptor.
    descriptor(unsafe { libc::ioctl(raw(socket), SIOCGSKNS as _) }.into())
}

/// The `CLONE_NEW*` flag of the namespace that `file` is open on (ioctl_ns(2)).
///
/// # Errors
/// ENOTTY where it is no namespace.
pub fn namespace_type(file: BorrowedFd) -> nix::Result<c_int> {
    const NS_GET_NSTYPE: libc::c_ulong = 0xb703;
    // SAFETY: the request takes no argument.
    Errno::result(unsafe { libc::ioctl(raw(file), NS_GET_NSTYPE as _) })
}

/// What statmount(2) can be asked for (`STATMOUNT_*` of linux/mount.h).
#[allow(missing_docs)]
pub mod statmount {
    pub const SB_BASIC: u64 = 0x1;
    pub const MNT_BASIC: u64 = 0x2;
    pub const PROPAGATE_FROM: u64 = 0x4;
    pub const MNT_ROOT: u64 = 0x8;
    pub const MNT_POINT: u64 = 0x10;
    pub const FS_TYPE: u64 = 0x20;
    pub const MNT_NS_ID: u64 = 0x40;
    pub const MNT_OPTS: u64 = 0x80;
    pub const FS_SUBTYPE: u64 = 0x100;
    pub const SB_SOURCE: u64 = 0x200;
    pub const OPT_SEC_ARRAY: u64 = 0x800;
    pub const SUPPORTED_MASK: u64 = 0x1000;
    pub const MNT_UIDMAP: u64 = 0x2000;
    pub const MNT_GIDMAP: u64 = 0x4000;
}

/// `struct mnt_id_req` of statmount(2) and listmount(2), in its second version.
#[repr(C)]
struct MountIdRequest {
    size: u32,
    spare: u32,
    mount: u64,
    param: u64,
    namespace: u64,
}

impl MountIdRequest {
    /// A namespace of 0 is the caller's. The first version of the struct has no place for one, and is
    /// all that Linux 6.8 to 6.10 take.
    fn new(namespace: u64, mount: u64, param: u64) -> Self {
        let size = if namespace == 0 { 24 } else { 32 };
        Self { size, spare: 0, mount, param, namespace }
    }
}

/// statmount(2): writes `struct statmount` and its strings for the mount of this unique id.
///
/// # Errors
/// Those of statmount(2): EOVERFLOW where the buffer is too small, ENOENT where the mount is gone,
/// ENOSYS before Linux 6.8.
pub fn statmount(namespace: u64, mount: u64, mask: u64, buffer: &mut [u8]) -> nix::Result<()> {
    const SYS_STATMOUNT: libc::c_long = 457;
    let request = MountIdRequest::new(namespace, mount, mask);
    // SAFETY: the request is the kernel's struct with its size; the buffer's length is given.
    check(unsafe {
        libc::syscall(
            SYS_STATMOUNT,
            std::ptr::from_ref(&request),
            buffer.as_mut_ptr(),
            buffer.len(),
            0,
        )
    })
    .map(drop)
}

/// listmount(2): writes the unique ids of the mounts beneath `mount` (`u64::MAX` for the root) that
/// come after `last`; gives their number.
///
/// # Errors
/// Those of listmount(2); ENOSYS before Linux 6.8.
pub fn listmount(namespace: u64, mount: u64, last: u64, ids: &mut [u64]) -> nix::Result<usize> {
    const SYS_LISTMOUNT: libc::c_long = 458;
    let request = MountIdRequest::new(namespace, mount, last);
    // SAFETY: the request is the kernel's struct with its size; the array's length is given.
    let count = unsafe {
        libc::syscall(SYS_LISTMOUNT, std::ptr::from_ref(&request), ids.as_mut_ptr(), ids.len(), 0)
    };
    Errno::result(count).map(|count| count as usize)
}

/// The mount that a path is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathMount {
    /// Its id: that of statmount(2) or, where that was not asked for, the reusable one of mountinfo.
    pub id: u64,
    /// The path is the root of the mount.
    pub is_mount_root: bool,
}

/// statx(2): the mount that a path is on, without mounting what automounts there. With `unique` its id is
/// the one that statmount(2) takes.
///
/// # Errors
/// Those of statx(2); ENOSYS where the kernel does not tell: before Linux 5.8, for unique ids before 6.8.
pub fn path_mount(path: &CStr, unique: bool) -> nix::Result<PathMount> {
    let mask = if unique { STATX_MNT_ID_UNIQUE } else { libc::STATX_MNT_ID };
    let status = statx(cwd(), path, libc::AT_NO_AUTOMOUNT, mask)?;
    if status.stx_mask & mask == 0 {
        return Err(Errno::ENOSYS);
    }
    Ok(PathMount { id: status.stx_mnt_id, is_mount_root: is_mount_root(&status) })
}

/// The id of the mount namespace that a namespace file is open on.
///
/// # Errors
/// ENOTTY before Linux 6.11.
pub fn mount_namespace_id(namespace: BorrowedFd) -> nix::Result<u64> {
    const NS_GET_MNTNS_ID: libc::c_ulong = 0x8008_b705;
    let mut id = 0_u64;
    // SAFETY: the request writes one u64.
    check(unsafe {
        libc::c_long::from(libc::ioctl(raw(namespace), NS_GET_MNTNS_ID as _, &raw mut id))
    })?;
    Ok(id)
}

/// The width in columns of the terminal that `fd` is; none where it is no terminal.
#[must_use]
pub fn terminal_width(fd: BorrowedFd) -> Option<u16> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the request writes one struct winsize.
    let result = unsafe { libc::ioctl(raw(fd), libc::TIOCGWINSZ, &raw mut size) };
    (result == 0).then_some(size.ws_col)
}

/// Where a file is: the mount that it was opened through, and what it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The mount's id: unique while the machine runs where the kernel knows such ids (Linux 6.8), otherwise unique
    /// among the mounts that are there now.
    pub mount: u64,
    /// Its device, as one number.
    pub device: u64,
    /// Its inode on that device.
    pub inode: u64,
    /// Whether it is the root of the mount.
    pub is_mount_root: bool,
}

/// The location of what `file` is open on; `O_PATH` will do.
///
/// # Errors
/// Those of statx(2).
pub fn location(file: BorrowedFd) -> nix::Result<Location> {
    let flags = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC;
    let mask = libc::STATX_INO | libc::STATX_MNT_ID | STATX_MNT_ID_UNIQUE;
    let status = statx(file, c"", flags, mask)?;
    Ok(Location {
        mount: status.stx_mnt_id,
        device: u64::from(status.stx_dev_major) << 32 | u64::from(status.stx_dev_minor),
        inode: status.stx_ino,
        is_mount_root: is_mount_root(&status),
    })
}

/// The id that mountinfo gives the mount that `file` is open on; `O_PATH` will do.
///
/// # Errors
/// Those of statx(2).
pub fn mount_id(file: BorrowedFd) -> nix::Result<u64> {
    let flags = libc::AT_EMPTY_PATH | libc::AT_STATX_DONT_SYNC;
    Ok(statx(file, c"", flags, libc::STATX_MNT_ID)?.stx_mnt_id)
}

/// The id of statmount(2) instead of the reusable one of mountinfo (Linux 6.8).
const STATX_MNT_ID_UNIQUE: c_uint = 0x4000;

fn statx(
    directory: BorrowedFd,
    path: &CStr,
    flags: c_int,
    mask: c_uint,
) -> nix::Result<libc::statx> {
    let mut status = std::mem::MaybeUninit::<libc::statx>::zeroed();
    // SAFETY: path is a C string that outlives the call, and the kernel writes one struct statx.
    unsafe {
        Errno::result(libc::statx(
            raw(directory),
            path.as_ptr(),
            flags,
            mask,
            status.as_mut_ptr(),
        ))?;
        Ok(status.assume_init())
    }
}

fn is_mount_root(status: &libc::statx) -> bool {
    status.stx_attributes & libc::STATX_ATTR_MOUNT_ROOT as u64 != 0
}

/// The user namespace that owns the namespace `file` is open on (ioctl_ns(2)).
///
/// # Errors
/// EPERM where it is none that this process may see.
pub fn namespace_owner(file: BorrowedFd) -> nix::Result<OwnedFd> {
    const NS_GET_USERNS: libc::c_ulong = 0xb701;
    // SAFETY: the request takes no argument and gives a new descriptor.
    descriptor(unsafe { libc::ioctl(raw(file), NS_GET_USERNS as _) }.into())
}

/// move_mount(2) to a path: attaches the mount `from` at what `path` leads to from `dir`, symlinks followed.
///
/// # Errors
/// Those of move_mount(2).
pub fn move_mount_to(
    from: BorrowedFd,
    dir: BorrowedFd,
    path: &CStr,
    flags: c_uint,
) -> nix::Result<()> {
    const FROM_EMPTY_PATH: c_uint = 0x4;
    const TO_SYMLINKS: c_uint = 0x10;
    // SAFETY: the first path is a constant C string, the second one outlives the call.
    check(unsafe {
        libc::syscall(
            libc::SYS_move_mount,
            raw(from),
            c"".as_ptr(),
            raw(dir),
            path.as_ptr(),
            flags | FROM_EMPTY_PATH | TO_SYMLINKS,
        )
    })
    .map(drop)
}

/// A signal that was waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Its number.
    pub signal: c_int,
    /// Whether the kernel sent it, as a terminal's driver does to a whole process group, and not a
    /// process.
    pub from_kernel: bool,
}

/// sigwaitinfo(2): the next of these signals, all of which are blocked.
///
/// # Errors
/// EINTR.
pub fn wait_signal(signals: &nix::sys::signal::SigSet) -> nix::Result<Arrived> {
    let mut info = std::mem::MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the kernel writes one siginfo_t; of zeros it is valid too.
    unsafe {
        let signal = Errno::result(libc::sigwaitinfo(signals.as_ref(), info.as_mut_ptr()))?;
        Ok(Arrived { signal, from_kernel: info.assume_init().si_code == libc::SI_KERNEL })
    }
}

/// madvise(2): memory that is about to be filled is to be one of huge pages now, as far as it covers whole ones.
/// Nothing is lost where the kernel cannot (before Linux 6.1 it does not know the advice).
pub fn make_huge_pages<T>(memory: &mut [std::mem::MaybeUninit<T>]) {
    const PAGE: usize = 4096;
    const MADV_COLLAPSE: c_int = 25;
    let before = memory.as_mut_ptr().addr() % PAGE;
    let start = memory.as_mut_ptr().cast::<u8>().wrapping_sub(before);
    let length = before + size_of_val(memory);
    // SAFETY: the advice changes how pages are backed and not what they hold, whoever else uses the first and
    // the last of them.
    unsafe { libc::madvise(start.cast(), length, MADV_COLLAPSE) };
}
