//! A seccomp filter: it limits the system calls of COMMAND (seccomp(2)).

use std::ffi::{OsStr, OsString};

use common::{Context, Error, Hint, Result, input, sys};
use nix::errno::Errno;
use nix::libc::{SECCOMP_FILTER_FLAG_SPEC_ALLOW, sock_filter};
use seccomp::{Instruction, LIMIT, text};

/// The size of an instruction: `struct sock_filter` of linux/filter.h.
const INSTRUCTION: usize = 8;

/// The limit for the text of rules.
const SIZE_LIMIT: usize = 1 << 20;

/// A file of either kind.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// A program in classic BPF.
    Program(OsString),
    /// A text.
    Rules(OsString),
}

/// A filter that can be loaded.
#[derive(Debug)]
pub struct Filter {
    path: OsString,
    /// Its kind in messages.
    name: &'static str,
    program: Vec<sock_filter>,
    flags: u32,
    /// Whether it denies capset(2).
    denies_capset: bool,
}

impl Source {
    /// Whether it sets no_new_privs, as `--seccomp-filter` of util-linux does.
    pub fn needs_no_new_privs(&self) -> bool {
        matches!(self, Self::Program(_))
    }

    /// Reads the file, which may be a pipe.
    pub fn read(&self) -> Result<Filter> {
        match self {
            Self::Program(path) => Filter::of_program(path),
            Self::Rules(path) => Filter::of_rules(path),
        }
    }
}

impl Filter {
    fn of_program(path: &OsStr) -> Result<Self> {
        let failed = |reason| Error::because("read the seccomp filter", path, reason);
        let code = match input::contents(path, LIMIT * INSTRUCTION) {
            Err(Errno::EFBIG) => {
                return Err(failed(format!("it has more than {LIMIT} instructions")));
            }
            code => code.context("read the seccomp filter", path)?,
        };
        Ok(Self {
            path: path.into(),
            name: "filter",
            program: program(&code).map_err(failed)?,
            // As in util-linux's `setpriv`.
            flags: SECCOMP_FILTER_FLAG_SPEC_ALLOW as u32,
            denies_capset: false,
        })
    }

    fn of_rules(path: &OsStr) -> Result<Self> {
        const STEP: &str = "read the seccomp rules";
        let failed = |reason| Error::because(STEP, path, reason);
        let text = input::contents(path, SIZE_LIMIT).context(STEP, path)?;
        let text = String::from_utf8(text).map_err(|_| failed("they are not UTF-8".into()))?;
        let rules = text::parse(&text).map_err(|fault| failed(fault.to_string()))?;
        let program = rules.compile().map_err(|error| failed(error.to_string()))?;
        let denies = |name| rules.outcome(name).is_some_and(seccomp::Action::denies);
        if denies("execve") {
            return Err(failed("they do not allow execve(2), which starts COMMAND".into()));
        }
        Ok(Self {
            path: path.into(),
            name: "rules",
            program: program.into_iter().map(kernels).collect(),
            flags: rules.flags.iter().fold(0, |flags, flag| flags | flag.value()),
            denies_capset: denies("capset"),
        })
    }

    /// Fails if CAP_SYS_ADMIN, kept only to load the filter, could not be dropped after it.
    pub fn check_capset(&self) -> Result<()> {
        match self.denies_capset {
            false => Ok(()),
            true => Err(Error::because(
                self.step(),
                &self.path,
                "they do not allow capset(2), which drops CAP_SYS_ADMIN after it",
            )
            .with_hint("with --no-new-privs they are loaded last")),
        }
    }

    /// From now on the process can only make the system calls that the filter allows.
    pub fn load(&self) -> Result<()> {
        sys::seccomp::load_filter(&self.program, self.flags)
            .context(&self.step(), &self.path)
            .hint(explain)
    }

    fn step(&self) -> String {
        format!("load the seccomp {}", self.name)
    }
}

fn program(code: &[u8]) -> Result<Vec<sock_filter>, String> {
    if code.is_empty() || code.len() % INSTRUCTION != 0 {
        return Err(format!(
            "its size is not a multiple of {INSTRUCTION}, the size of a BPF instruction"
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

fn kernels(Instruction { code, jt, jf, k }: Instruction) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

fn explain(error: &Error) -> Option<String> {
    match error.errno()? {
        Errno::ENOSYS => Some("this kernel was built without seccomp filters".into()),
        Errno::EINVAL => Some("the kernel's checker refuses this BPF program".into()),
        Errno::EACCES => Some("this needs --no-new-privs, or the capability sys_admin".into()),
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
        for length in [0, 1, 7, 9] {
            assert!(program(&vec![0; length]).is_err(), "{length}");
        }
    }
}
