//! The state directory of a container that is being created.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

use common::{Context, Error, Result, procfs};
use nix::unistd::{Pid, dup2_stderr};

/// The file that names the process that creates the container: its pid and its start time.
const CREATOR: &str = "creator";

/// A directory that belongs to one creator.
pub struct State {
    directory: PathBuf,
}

impl State {
    /// Makes the directory for the process `creator`, or takes the one that this process has made before. Only one process
    /// can make it: mkdir(2) fails if it exists. From here on standard error is its file `errors`.
    ///
    /// # Errors
    /// If it cannot be made, or belongs to another process. Then it is left as it was.
    pub fn claim(directory: PathBuf, creator: Pid) -> Result<Self> {
        let line = format!("{creator} {}\n", procfs::start_time(creator)?);
        let state = Self { directory };
        match DirBuilder::new().mode(0o700).create(&state.directory) {
            Ok(()) => state.begin(&line).inspect_err(|_| state.remove())?,
            Err(error) if error.kind() == ErrorKind::AlreadyExists && state.is_of(&line) => {}
            Err(error) => {
                return Err(Error::from_io("make the directory", &state.directory, &error));
            }
        }
        state.redirect_errors()?;
        Ok(state)
    }

    /// The creator is written first, so that others can tell whether it is alive.
    fn begin(&self, line: &str) -> Result<()> {
        self.write(CREATOR, line.as_bytes())
    }

    fn is_of(&self, line: &str) -> bool {
        fs::read(self.directory.join(CREATOR)).is_ok_and(|text| text == line.as_bytes())
    }

    fn remove(&self) {
        let _ = fs::remove_file(self.directory.join(CREATOR));
        let _ = fs::remove_dir(&self.directory);
    }

    fn redirect_errors(&self) -> Result<()> {
        let path = self.directory.join("errors");
        let file = File::create(&path).map_err(|error| Error::from_io("write", &path, &error))?;
        dup2_stderr(file).context("redirect standard error to", path)
    }

    /// # Errors
    /// Those of open(2) and write(2).
    pub fn write(&self, name: &str, text: &[u8]) -> Result<()> {
        let path = self.directory.join(name);
        let write = || -> io::Result<()> { File::create(&path)?.write_all(text) };
        write().map_err(|error| Error::from_io("write", &path, &error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_of_the_creator() {
        let directory = std::env::temp_dir().join(format!("spec-rs-state-{}", std::process::id()));
        let state = State { directory };
        fs::create_dir(&state.directory).unwrap();
        assert!(!state.is_of("1 2\n"));
        state.begin("1 2\n").unwrap();
        assert!(state.is_of("1 2\n"));
        assert!(!state.is_of("1 3\n"));
        assert!(State::claim(state.directory.clone(), Pid::this()).is_err());
        assert!(state.is_of("1 2\n"));
        state.remove();
        assert!(!state.directory.exists());
    }
}
