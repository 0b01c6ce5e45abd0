//! bpf(2): programs that decide on access to devices.

use std::ffi::{c_int, c_long, c_uint};
use std::os::fd::{BorrowedFd, OwnedFd};

use nix::errno::Errno;

use super::{descriptor, raw};

/// `struct bpf_insn` (linux/bpf.h); the destination is the lower register of the pair on a little-endian machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
#[allow(missing_docs)]
pub struct Instruction {
    pub code: u8,
    /// The source in the upper four bits, the destination in the lower four.
    pub registers: u8,
    pub offset: i16,
    pub value: i32,
}

/// Of `union bpf_attr`, for `BPF_PROG_LOAD`, as far as Linux 4.15 has it.
#[repr(C)]
#[derive(Default)]
struct Load {
    kind: u32,
    count: u32,
    instructions: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log: u64,
    kernel_version: u32,
    flags: u32,
}

/// Of `union bpf_attr`, for `BPF_PROG_ATTACH`.
#[repr(C)]
struct Attach {
    target: u32,
    program: u32,
    kind: u32,
    flags: u32,
}

fn bpf<T>(command: c_int, attributes: &T) -> c_long {
    // SAFETY: the callers below pass the structure of their command, whose size is given and whose pointers are to
    // memory that outlives the call.
    unsafe {
        libc::syscall(
            libc::SYS_bpf,
            command,
            std::ptr::from_ref(attributes),
            size_of::<T>() as c_uint,
        )
    }
}

/// Loads a program of the type `BPF_PROG_TYPE_CGROUP_DEVICE`.
///
/// # Errors
/// EPERM without CAP_BPF or CAP_SYS_ADMIN over the machine, EINVAL or EACCES for a program that the kernel does not take,
/// E2BIG where it is too long.
pub fn load_device_program(program: &[Instruction]) -> nix::Result<OwnedFd> {
    const PROG_LOAD: c_int = 5;
    const TYPE_CGROUP_DEVICE: u32 = 15;
    // On a big-endian machine the two registers of an instruction stand the other way round.
    let turn = |one: &Instruction| match cfg!(target_endian = "big") {
        true => Instruction { registers: one.registers.rotate_left(4), ..*one },
        false => *one,
    };
    let program: Vec<_> = program.iter().map(turn).collect();
    let load = Load {
        kind: TYPE_CGROUP_DEVICE,
        count: program.len().try_into().map_err(|_| Errno::E2BIG)?,
        instructions: program.as_ptr().addr() as u64,
        license: c"MIT".as_ptr().addr() as u64,
        ..Load::default()
    };
    // SAFETY: this command gives a new descriptor.
    unsafe { descriptor(bpf(PROG_LOAD, &load)) }
}

/// Attaches the program to the cgroup of version 2, beside others that are there.
///
/// # Errors
/// EPERM where a program above it does not allow others, E2BIG where it has 64 already.
pub fn attach_device_program(program: BorrowedFd, cgroup: BorrowedFd) -> nix::Result<()> {
    const PROG_ATTACH: c_int = 8;
    const CGROUP_DEVICE: u32 = 6;
    const ALLOW_MULTI: u32 = 2;
    let attributes = Attach {
        target: raw(cgroup) as u32,
        program: raw(program) as u32,
        kind: CGROUP_DEVICE,
        flags: ALLOW_MULTI,
    };
    Errno::result(bpf(PROG_ATTACH, &attributes)).map(drop)
}
