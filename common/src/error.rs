//! One error type: the step that failed, the object it failed on, and why.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io;
use std::os::unix::ffi::OsStrExt;

use nix::errno::Errno;

use crate::escape;

/// What a tool's functions give back.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What sort of failure it was; each tool maps this to its exit status in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The command line was wrong; nothing was done.
    Usage,
    /// A step of the tool's own work failed.
    Failed,
    /// COMMAND was not found.
    CommandNotFound,
    /// COMMAND was found and could not be run.
    CommandNotRunnable,
}

/// Why a step failed.
#[derive(Debug, PartialEq, Eq)]
enum Cause {
    Errno(Errno),
    Reason(String),
}

/// A failure: `cannot <step> '<object>': <reason>`, with a hint where the cause was found out.
#[derive(Debug, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    /// `None` for a usage error, whose cause is the whole message.
    step: Option<(String, Option<OsString>)>,
    cause: Cause,
    hint: Option<String>,
    status: Option<u8>,
}

impl Error {
    /// A step that failed on an object with an errno.
    pub fn new(step: impl Into<String>, object: impl AsRef<OsStr>, errno: Errno) -> Self {
        Self::build(step.into(), Some(object.as_ref()), Cause::Errno(errno))
    }

    /// A step that failed with an errno and has no object.
    pub fn bare(step: impl Into<String>, errno: Errno) -> Self {
        Self::build(step.into(), None, Cause::Errno(errno))
    }

    /// A step that failed for a reason other than an errno.
    pub fn because(
        step: impl Into<String>,
        object: impl AsRef<OsStr>,
        reason: impl Into<String>,
    ) -> Self {
        Self::build(step.into(), Some(object.as_ref()), Cause::Reason(reason.into()))
    }

    /// A step that failed with an error of `std::io`.
    pub fn from_io(step: impl Into<String>, object: impl AsRef<OsStr>, error: &io::Error) -> Self {
        match error.raw_os_error() {
            Some(raw) => Self::new(step, object, Errno::from_raw(raw)),
            None => Self::because(step, object, error.to_string()),
        }
    }

    /// A wrong command line: the message alone, followed by the way to `--help`.
    pub fn usage(message: impl Into<String>) -> Self {
        Self {
            kind: Kind::Usage,
            step: None,
            cause: Cause::Reason(message.into()),
            hint: None,
            status: None,
        }
    }

    fn build(step: String, object: Option<&OsStr>, cause: Cause) -> Self {
        let step = Some((step, object.map(OsStr::to_owned)));
        Self { kind: Kind::Failed, step, cause, hint: None, status: None }
    }

    /// The same failure as another kind.
    #[must_use]
    pub fn with_kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The same failure with a line that names the cause and the way out.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// The same failure with this exit status, where there is one and the failure is the tool's own: that COMMAND
    /// was not found or could not be run keeps its status.
    #[must_use]
    pub fn with_failure_status(self, status: Option<u8>) -> Self {
        match self.kind {
            Kind::Usage | Kind::Failed => Self { status: status.or(self.status), ..self },
            Kind::CommandNotFound | Kind::CommandNotRunnable => self,
        }
    }

    /// Looks for a hint now that the step has failed, unless there is one already.
    #[must_use]
    pub fn explain(mut self, find: impl FnOnce(&Self) -> Option<String>) -> Self {
        if self.hint.is_none() {
            self.hint = find(&self);
        }
        self
    }

    /// What sort of failure it was.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The exit status that was asked for, where it is another one than the kind's.
    #[must_use]
    pub fn status(&self) -> Option<u8> {
        self.status
    }

    /// What the step failed on.
    #[must_use]
    pub fn object(&self) -> Option<&OsStr> {
        self.step.as_ref()?.1.as_deref()
    }

    /// The errno, where the kernel gave one.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self.cause {
            Cause::Errno(errno) => Some(errno),
            Cause::Reason(_) => None,
        }
    }

    /// The hint, where there is one.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let reason = match &self.cause {
            Cause::Errno(errno) => errno.desc(),
            Cause::Reason(reason) => reason,
        };
        match &self.step {
            None => f.write_str(reason),
            Some((step, None)) => write!(f, "cannot {step}: {reason}"),
            Some((step, Some(object))) => write!(f, "cannot {step} {}: {reason}", quote(object)),
        }
    }
}

impl std::error::Error for Error {}

impl From<lexopt::Error> for Error {
    fn from(error: lexopt::Error) -> Self {
        Self::usage(error.to_string())
    }
}

/// Adds a hint to a failure.
pub trait Hint: Sized {
    /// Looks for a hint after a failure, unless there is one already ([`Error::explain`]).
    ///
    /// # Errors
    /// The same failure.
    fn hint(self, find: impl FnOnce(&Error) -> Option<String>) -> Self;
}

impl<T> Hint for Result<T> {
    fn hint(self, find: impl FnOnce(&Error) -> Option<String>) -> Self {
        self.map_err(|error| error.explain(find))
    }
}

/// Adds the step and the object to a bare errno.
pub trait Context<T> {
    /// `cannot <step> '<object>': <errno>`.
    ///
    /// # Errors
    /// The errno, with its step and object.
    fn context(self, step: &str, object: impl AsRef<OsStr>) -> Result<T>;

    /// `cannot <step>: <errno>`.
    ///
    /// # Errors
    /// The errno, with its step.
    fn step(self, step: &str) -> Result<T>;
}

impl<T> Context<T> for nix::Result<T> {
    fn context(self, step: &str, object: impl AsRef<OsStr>) -> Result<T> {
        self.map_err(|errno| Error::new(step, object, errno))
    }

    fn step(self, step: &str) -> Result<T> {
        self.map_err(|errno| Error::bare(step, errno))
    }
}

/// An object's name in single quotes, as [`shown`] writes it.
#[must_use]
pub fn quote(object: impl AsRef<OsStr>) -> String {
    format!("'{}'", shown(object))
}

/// A text on one line and harmless to a terminal, whatever bytes it holds: characters that hide something and bytes
/// that are not UTF-8 are written as `\ooo`.
#[must_use]
pub fn shown(object: impl AsRef<OsStr>) -> String {
    let mut text = String::new();
    for chunk in object.as_ref().as_bytes().utf8_chunks() {
        for c in chunk.valid().chars() {
            if escape::is_hidden(c) {
                let mut buffer = [0; 4];
                octal(&mut text, c.encode_utf8(&mut buffer).as_bytes());
            } else {
                text.push(c);
            }
        }
        octal(&mut text, chunk.invalid());
    }
    text
}

fn octal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        *text += &format!("\\{byte:03o}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_whatever_the_bytes() {
        let name = OsStr::from_bytes(b"a b\n\xff\x1b[1m\xc2\x9b\xc3\xa9");
        assert_eq!(quote(name), r"'a b\012\377\033[1m\302\233é'");
        assert_eq!(shown("a\tb\\"), r"a\011b\");
    }

    #[test]
    fn messages() {
        let error = Error::new("bind", "a", Errno::ENOENT);
        assert_eq!(error.to_string(), "cannot bind 'a': No such file or directory");
        assert_eq!(error.errno(), Some(Errno::ENOENT));

        let error = Error::bare("unshare", Errno::EPERM);
        assert_eq!(error.to_string(), "cannot unshare: Operation not permitted");

        let error = Error::usage("missing operand");
        assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Usage, "missing operand"));
    }

    #[test]
    fn a_status_of_the_tools_own_failures() {
        let status = |kind| {
            let error = Error::bare("act", Errno::EPERM).with_kind(kind);
            error.with_failure_status(Some(1)).with_failure_status(None).status()
        };
        assert_eq!((status(Kind::Usage), status(Kind::Failed)), (Some(1), Some(1)));
        let command = (status(Kind::CommandNotFound), status(Kind::CommandNotRunnable));
        assert_eq!(command, (None, None));
    }

    #[test]
    fn the_first_hint_stays() {
        let error = Error::bare("unshare", Errno::EPERM).with_hint("one");
        assert_eq!(error.explain(|_| Some("two".into())).hint(), Some("one"));
    }
}
