//! A file with JSON, and what is wrong with it.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use common::{Error, Result, quote, start};
use nix::errno::Errno;
use nix::libc::O_NONBLOCK;

use crate::json::{self, Value};
use crate::node::Log;

/// A file that was read.
pub struct File {
    path: PathBuf,
    pub bytes: Vec<u8>,
}

impl File {
    /// # Errors
    /// If it is not a regular file, or cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        // A FIFO is not waited for.
        let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path);
        let mut file = file.map_err(|e| unreadable(path, &e))?;
        let status = file.metadata().map_err(|e| unreadable(path, &e))?;
        if !status.is_file() {
            return Err(unusable(path, "it is not a regular file".into()));
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|e| unreadable(path, &e))?;
        Ok(Self { path: path.to_owned(), bytes })
    }

    /// # Errors
    /// Where standard input cannot be read.
    pub fn of_standard_input() -> Result<Self> {
        let (path, mut bytes) = (PathBuf::from("-"), Vec::new());
        io::stdin().lock().read_to_end(&mut bytes).map_err(|e| unreadable(&path, &e))?;
        Ok(Self { path, bytes })
    }

    /// What was given without a file.
    pub fn of_options() -> Self {
        Self { path: PathBuf::from("the options"), bytes: Vec::new() }
    }

    /// # Errors
    /// Where it holds no object.
    pub fn object(&self) -> Result<Value> {
        let value = json::parse(&self.bytes).map_err(|reason| unusable(&self.path, reason))?;
        match value {
            Value::Object(_) => Ok(value),
            _ => Err(unusable(&self.path, "it is not a JSON object".into())),
        }
    }

    /// Says what is wrong with it, and whether nothing is. `above` is the path of its object in a whole configuration.
    pub fn report(&self, log: &Log, above: &str) -> bool {
        let short = |path: &str| path.strip_prefix(above).unwrap_or(path).to_owned();
        for warning in log.warnings() {
            start::warn(&format!("warning: {} {}", short(&warning.path), warning.reason));
        }
        for fault in log.faults() {
            let file = quote(&self.path);
            start::warn(&format!("cannot use {file}: {}: {}", short(&fault.path), fault.reason));
        }
        log.faults().is_empty()
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    match error.raw_os_error() {
        Some(raw) => unusable(path, Errno::from_raw(raw).desc().to_owned()),
        None => unusable(path, error.to_string()),
    }
}

fn unusable(path: &Path, reason: String) -> Error {
    Error::because("use", path, reason)
}
