//! Why a program could not be executed: read from its first bytes after the failure.

use std::ffi::OsStr;
use std::fs::{File, Metadata};
use std::io::ErrorKind;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};

use crate::error::quote;

/// How much of a file is read: program headers directly follow the ELF header.
const HEAD: usize = 4096;

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

/// As many interpreters as execve(2) goes through before it gives up.
const INTERPRETERS: usize = 5;

/// The hint for a program that stands at `path` and could not be executed; none where there is no
/// file, or nothing more to say than the errno does.
pub(crate) fn program(path: &Path, errno: Errno) -> Option<String> {
    through(path, errno, INTERPRETERS)
}

/// As [`program`], through at most `depth` files: what a file is interpreted by is executed too.
fn through(path: &Path, errno: Errno, depth: usize) -> Option<String> {
    let Ok(meta) = path.metadata() else { return dangling(path) };
    if meta.is_dir() {
        return Some(format!("{} is a directory", quote(path)));
    }
    if !meta.is_file() {
        return Some(format!("{} is no regular file", quote(path)));
    }
    if errno == Errno::EACCES {
        if let Some(hint) = not_executable(path, &meta) {
            return Some(hint);
        }
    }
    let head = head(&File::open(path).ok()?);
    let hint = match errno {
        Errno::ENOENT => missing_interpreter(path, &head),
        Errno::ENOEXEC => foreign_machine(path, &head),
        _ => None,
    };
    hint.or_else(|| {
        let interpreter = OsStr::from_bytes(interpreter(&head)?);
        through(Path::new(interpreter), errno, depth.checked_sub(1)?)
    })
}

/// A symlink of an image may name a path of the machine that the image was made on.
fn dangling(path: &Path) -> Option<String> {
    let text = path.read_link().ok()?;
    let missing = path.metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound);
    missing
        .then(|| format!("{} is a symlink to {}, which does not exist", quote(path), quote(text)))
}

fn not_executable(path: &Path, meta: &Metadata) -> Option<String> {
    if meta.mode() & 0o111 == 0 {
        return Some(format!("{} has no execute permission", quote(path)));
    }
    let noexec = statvfs(path).is_ok_and(|fs| fs.flags().contains(FsFlags::ST_NOEXEC));
    noexec.then(|| format!("{} is on a file system that is mounted noexec", quote(path)))
}

/// The hint for a program that was opened before the root changed, and is called `name`.
pub(crate) fn carried(program: BorrowedFd, name: &OsStr, errno: Errno) -> Option<String> {
    let head = head(&File::from(program.try_clone_to_owned().ok()?));
    match errno {
        Errno::ENOENT if head.starts_with(b"#!") => {
            Some("a script cannot be carried, only a program that is statically linked".into())
        }
        Errno::ENOENT => {
            let interpreter = elf_interpreter(&head).map_or_else(
                || "its interpreter".into(),
                |name| {
                    format!("the ELF interpreter of this one, {},", quote(OsStr::from_bytes(name)))
                },
            );
            Some(format!(
                "a carried program must be statically linked: {interpreter} is looked up in the new root"
            ))
        }
        Errno::ENOEXEC => foreign_machine(Path::new(name), &head),
        _ => None,
    }
}

fn head(file: &File) -> Vec<u8> {
    let mut head = vec![0; HEAD];
    let length = file.read_at(&mut head, 0).unwrap_or_default();
    head.truncate(length);
    head
}

/// Whether the file at `path` says what is to execute it: an ELF program, or a script with a `#!` line.
pub(crate) fn names_its_format(path: &Path) -> bool {
    let regular = path.metadata().is_ok_and(|meta| meta.is_file());
    let starts = |head: Vec<u8>| head.starts_with(ELF) || head.starts_with(b"#!");
    regular && File::open(path).is_ok_and(|file| starts(head(&file)))
}

fn missing_interpreter(path: &Path, head: &[u8]) -> Option<String> {
    let Some(name) = interpreter(head) else {
        let path = quote(path);
        return (!head.starts_with(ELF))
            .then(|| format!("{path} has no '#!' line, and there is no '/bin/sh' to run it"));
    };
    if let Some(name) = name.strip_suffix(b"\r") {
        let name = quote(OsStr::from_bytes(name));
        return Some(format!(
            "the first line of {} ends in a carriage return, so {name} followed by one is looked for",
            quote(path)
        ));
    }
    let what = match head.starts_with(ELF) {
        true => "its ELF interpreter",
        false => "the interpreter of its first line",
    };
    let interpreter = OsStr::from_bytes(name);
    (!Path::new(interpreter).exists())
        .then(|| format!("{} exists, but {what}, {}, does not", quote(path), quote(interpreter)))
}

/// The program that the kernel executes in place of this one.
fn interpreter(head: &[u8]) -> Option<&[u8]> {
    script_interpreter(head).or_else(|| elf_interpreter(head))
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
