//! Why a program could not be executed: read from its first bytes after the failure.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

use crate::error::quote;

/// How much of a file is read: program headers stand right behind the ELF header.
const HEAD: u64 = 4096;

/// The first bytes of an ELF file.
const ELF: &[u8; 4] = b"\x7fELF";

/// `e_machine` of the architectures that a container image is likely to be for (elf.h).
const MACHINES: &[(u16, &str)] = &[
    (3, "x86"),
    (8, "mips"),
    (20, "powerpc"),
    (21, "powerpc64"),
    (22, "s390"),
    (40, "arm"),
    (62, "x86_64"),
    (183, "aarch64"),
    (243, "riscv"),
    (258, "loongarch"),
];

/// The hint for a program that stands at `path` and could not be executed; none where there is no
/// file, or nothing more to say than the errno does.
pub(crate) fn program(path: &Path, errno: Errno) -> Option<String> {
    let meta = path.metadata().ok()?;
    if meta.is_dir() {
        return Some(format!("{} is a directory", quote(path)));
    }
    if !meta.is_file() {
        return Some(format!("{} is no regular file", quote(path)));
    }
    let mut head = Vec::new();
    File::open(path).ok()?.take(HEAD).read_to_end(&mut head).ok()?;
    match errno {
        Errno::ENOENT => missing_interpreter(path, &head),
        Errno::ENOEXEC => foreign_machine(path, &head),
        _ => None,
    }
}

/// The hint for a program that was opened before the root changed.
pub(crate) fn carried(errno: Errno) -> Option<String> {
    (errno == Errno::ENOENT).then(|| {
        "a carried program must be statically linked and no script: its interpreter is looked up in \
         the new root"
            .into()
    })
}

/// Whether the regular file at `path` is an ELF program.
pub(crate) fn is_elf(path: &Path) -> bool {
    let mut magic = [0; 4];
    let regular = path.metadata().is_ok_and(|meta| meta.is_file());
    regular && File::open(path).and_then(|mut f| f.read_exact(&mut magic)).is_ok() && magic == *ELF
}

fn missing_interpreter(path: &Path, head: &[u8]) -> Option<String> {
    let (interpreter, what) = match script_interpreter(head) {
        Some(name) => (name, "the interpreter of its first line"),
        None if head.starts_with(ELF) => (elf_interpreter(head)?, "its ELF interpreter"),
        None => {
            let path = quote(path);
            return Some(format!("{path} has no '#!' line, and there is no '/bin/sh' to run it"));
        }
    };
    if let Some(name) = interpreter.strip_suffix(b"\r") {
        let name = quote(OsStr::from_bytes(name));
        return Some(format!(
            "the first line of {} ends in a carriage return, so {name} followed by one is looked for",
            quote(path)
        ));
    }
    let interpreter = OsStr::from_bytes(interpreter);
    (!Path::new(interpreter).exists())
        .then(|| format!("{} exists, but {what}, {}, does not", quote(path), quote(interpreter)))
}

fn script_interpreter(head: &[u8]) -> Option<&[u8]> {
    let line = head.strip_prefix(b"#!")?.split(|&b| b == b'\n').next()?;
    line.trim_ascii_start().split(|b| b" \t".contains(b)).next()
}

/// The string that the PT_INTERP program header points at (elf(5)).
fn elf_interpreter(head: &[u8]) -> Option<&[u8]> {
    const PT_INTERP: u64 = 3;
    let elf = Elf::new(head)?;
    let (table, size, count) = match elf.wide {
        true => (elf.int(32, 8)?, elf.int(54, 2)?, elf.int(56, 2)?),
        false => (elf.int(28, 4)?, elf.int(42, 2)?, elf.int(44, 2)?),
    };
    for index in 0..count {
        let header = usize::try_from(table.checked_add(index * size)?).ok()?;
        if elf.int(header, 4)? != PT_INTERP {
            continue;
        }
        let offset = match elf.wide {
            true => elf.int(header.checked_add(8)?, 8)?,
            false => elf.int(header.checked_add(4)?, 4)?,
        };
        return head.get(usize::try_from(offset).ok()?..)?.split(|&b| b == 0).next();
    }
    None
}

fn foreign_machine(path: &Path, head: &[u8]) -> Option<String> {
    let machine = u16::try_from(Elf::new(head)?.int(18, 2)?).ok()?;
    let name = MACHINES.iter().find(|(number, _)| *number == machine).map(|(_, name)| *name);
    let ours = std::env::consts::ARCH;
    (name != Some(ours)).then(|| match name {
        Some(name) => format!("{} is a program for {name}, this is {ours}", quote(path)),
        None => format!("{} is a program for ELF machine {machine}, this is {ours}", quote(path)),
    })
}

/// An ELF file's head, read in its own byte order.
struct Elf<'a> {
    head: &'a [u8],
    wide: bool,
    big: bool,
}

impl<'a> Elf<'a> {
    fn new(head: &'a [u8]) -> Option<Self> {
        let ident = head.strip_prefix(ELF)?;
        Some(Self { head, wide: *ident.first()? == 2, big: *ident.get(1)? == 2 })
    }

    fn int(&self, at: usize, width: usize) -> Option<u64> {
        let bytes = self.head.get(at..at.checked_add(width)?)?;
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Some(if self.big { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpreter_lines() {
        assert_eq!(script_interpreter(b"#! /bin/sh -e\nx"), Some(&b"/bin/sh"[..]));
        assert_eq!(script_interpreter(b"#!/bin/sh\r\nx"), Some(&b"/bin/sh\r"[..]));
        assert_eq!(script_interpreter(b"echo"), None);
    }

    #[test]
    fn a_fifo_is_not_waited_for() {
        let path = std::env::temp_dir().join(format!("explain-{}", std::process::id()));
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let hint = program(&path, Errno::EACCES);
        std::fs::remove_file(&path).unwrap();
        assert!(hint.unwrap().ends_with("is no regular file"));
    }

    #[test]
    fn elf_heads_of_any_length_do_not_panic() {
        let mut head = b"\x7fELF\x02\x01\x01".to_vec();
        head.resize(64, 0xff);
        for end in 0..head.len() {
            let _ = elf_interpreter(&head[..end]);
            let _ = foreign_machine(Path::new("x"), &head[..end]);
        }
    }

    #[test]
    fn a_foreign_machine_is_named() {
        let mut head = b"\x7fELF\x02\x01\x01".to_vec();
        head.resize(64, 0);
        head[18] = 243;
        assert!(foreign_machine(Path::new("x"), &head).unwrap().contains("riscv"));
    }
}
