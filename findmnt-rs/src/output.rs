//! Standard output.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use common::{Error, Result};

/// A buffer for standard output.
///
/// Rust's `Stdout` is line-buffered: it would make one system call for each mount.
pub struct Output {
    pub buffer: Vec<u8>,
    file: File,
}

/// The buffer is written when it holds this many bytes. A larger one would only use more memory.
const CHUNK: usize = 32 << 10;

impl Output {
    /// # Errors
    /// When standard output is closed.
    pub fn new() -> Result<Self> {
        let file = io::stdout().as_fd().try_clone_to_owned().map_err(|error| failed(&error))?;
        Ok(Self { buffer: Vec::new(), file: file.into() })
    }

    /// Writes the buffer if it is full.
    ///
    /// # Errors
    /// Those of write(2).
    pub fn advance(&mut self) -> Result<()> {
        if self.buffer.len() < CHUNK { Ok(()) } else { self.flush() }
    }

    /// Writes the buffer.
    ///
    /// # Errors
    /// Those of write(2).
    pub fn flush(&mut self) -> Result<()> {
        self.file.write_all(&self.buffer).map_err(|error| failed(&error))?;
        self.buffer.clear();
        Ok(())
    }
}

fn failed(error: &io::Error) -> Error {
    Error::from_io("write", "standard output", error)
}

/// Writes `count` blanks.
pub fn blanks(out: &mut Vec<u8>, count: usize) {
    const SOME: &[u8; 64] = &[b' '; 64];
    match SOME.get(..count) {
        Some(blanks) => out.extend_from_slice(blanks),
        None => out.resize(out.len() + count, b' '),
    }
}
