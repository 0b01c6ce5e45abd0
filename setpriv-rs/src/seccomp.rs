//! A seccomp filter: which system calls the command may make (seccomp(2)).

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;

use common::{Context, Error, Result, sys};
use nix::errno::Errno;
use nix::libc::sock_filter;

/// The most instructions that the kernel takes (`BPF_MAXINSNS`).
const LIMIT: usize = 4096;

/// The size of an instruction: `struct sock_filter` of linux/filter.h.
const INSTRUCTION: usize = 8;

/// A filter in classic BPF, read from a file.
#[derive(Debug)]
pub struct Filter {
    path: OsString,
    program: Vec<sock_filter>,
}

impl Filter {
    /// Reads the file, which may be a pipe.
    pub fn read(path: &OsStr) -> Result<Self> {
        let failed = |error| Error::from_io("read the seccomp filter", path, &error);
        let mut code = Vec::new();
        let most = (LIMIT * INSTRUCTION) as u64 + 1;
        File::open(path).and_then(|file| file.take(most).read_to_end(&mut code)).map_err(failed)?;
        match program(&code) {
            Ok(program) => Ok(Self { path: path.into(), program }),
            Err(reason) => Err(Error::because("read the seccomp filter", path, reason)),
        }
    }

    /// From here on the process makes only the system calls that the filter lets through.
    pub fn load(&self) -> Result<()> {
        sys::load_seccomp_filter(&self.program)
            .context("load the seccomp filter", &self.path)
            .map_err(|error| error.explain(explain))
    }
}

fn program(code: &[u8]) -> Result<Vec<sock_filter>, String> {
    if code.len() > LIMIT * INSTRUCTION {
        return Err(format!("it has more than {LIMIT} instructions"));
    }
    if code.is_empty() || code.len() % INSTRUCTION != 0 {
        return Err(format!(
            "its size is no multiple of {INSTRUCTION}, as that of a BPF program is"
        ));
    }
    Ok(code.chunks_exact(INSTRUCTION).map(instruction).collect())
}

fn instruction(bytes: &[u8]) -> sock_filter {
    sock_filter {
        code: u16::from_ne_bytes([bytes[0], bytes[1]]),
        jt: bytes[2],
        jf: bytes[3],
        k: u32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
    }
}

fn explain(error: &Error) -> Option<String> {
    match error.errno()? {
        Errno::ENOSYS => Some("this kernel was built without seccomp filters".into()),
        Errno::EINVAL => Some("the kernel's checker refuses this BPF program".into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs() {
        let allow = [6_u16.to_ne_bytes(), [0, 0]].concat();
        let allow = [allow, 0x7fff_0000_u32.to_ne_bytes().to_vec()].concat();
        let program = program(&allow).unwrap();
        assert_eq!((program.len(), program[0].code, program[0].k), (1, 6, 0x7fff_0000));
    }

    #[test]
    fn no_programs() {
        for length in [0, 1, 7, 9, (LIMIT + 1) * INSTRUCTION] {
            assert!(program(&vec![0; length]).is_err(), "{length}");
        }
    }
}
