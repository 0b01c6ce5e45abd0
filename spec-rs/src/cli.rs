//! Arguments in, an [`Action`] out.

use std::ffi::OsString;

use common::{Error, Result, quote};
use lexopt::prelude::*;

pub const VERSION: &str = concat!("spec-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: spec-rs [options] [ID]
       spec-rs --new [--rootless]

Print the command line that makes the container of an OCI bundle, or a new config.json.

Options:
  -b, --bundle DIR      the bundle: config.json and the root file system (default: .)
      --no-new-keyring  leave the container the caller's session keyring
      --no-pivot        move the root mount instead of pivoting, as on an initial ramfs
      --systemd-cgroup  have systemd make the cgroup: linux.cgroupsPath is SLICE:PREFIX:NAME
      --tools DIR       the directory of the tools on the line (default: that of spec-rs)

      --new             print a new config.json, as 'runc spec' writes it
      --rootless        with --new: one for an ordinary user

  -h, --help            display this help
  -V, --version         display version
";

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    Help,
    Version,
    New { rootless: bool },
    Line(Request),
}

/// Which line is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub bundle: Option<OsString>,
    pub tools: Option<OsString>,
    pub no_pivot: bool,
    pub no_new_keyring: bool,
    pub systemd_cgroup: bool,
    /// The name of the container.
    pub id: Option<OsString>,
}

/// # Errors
/// A usage error.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let (mut new, mut rootless, mut request) = (false, false, Request::default());
    while let Some(argument) = parser.next()? {
        match argument {
            Short('h') | Long("help") => return Ok(Action::Help),
            Short('V') | Long("version") => return Ok(Action::Version),
            Short('b') | Long("bundle") => request.bundle = Some(path(&mut parser, "--bundle")?),
            Long("tools") => request.tools = Some(path(&mut parser, "--tools")?),
            Long("no-pivot") => request.no_pivot = true,
            Long("systemd-cgroup") => request.systemd_cgroup = true,
            Long("no-new-keyring") => request.no_new_keyring = true,
            Long("new") => new = true,
            Long("rootless") => rootless = true,
            Value(id) if request.id.is_none() => request.id = Some(id),
            Value(extra) => {
                return Err(Error::usage(format!("unexpected operand {}", quote(extra))));
            }
            argument => return Err(argument.unexpected().into()),
        }
    }
    match (new, rootless) {
        (true, _) if request != Request::default() => {
            Err(Error::usage("--new goes together with no option but --rootless"))
        }
        (true, rootless) => Ok(Action::New { rootless }),
        (false, true) => Err(Error::usage("--rootless needs --new")),
        (false, false) => Ok(Action::Line(request)),
    }
}

fn path(parser: &mut lexopt::Parser, option: &str) -> Result<OsString> {
    let path = parser.value()?;
    match path.is_empty() {
        true => Err(Error::usage(format!("option '{option}' needs a value"))),
        false => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Action> {
        parse(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn actions() {
        assert_eq!(parsed(&["--new"]).unwrap(), Action::New { rootless: false });
        assert_eq!(parsed(&["--rootless", "--new"]).unwrap(), Action::New { rootless: true });
        let request = Request {
            bundle: Some("b".into()),
            tools: Some("t".into()),
            no_pivot: true,
            no_new_keyring: true,
            systemd_cgroup: true,
            id: Some("x".into()),
        };
        let words = ["-bb", "--tools=t", "--no-pivot", "--no-new-keyring", "--systemd-cgroup", "x"];
        assert_eq!(parsed(&words).unwrap(), Action::Line(request));
        assert_eq!(parsed(&["-h", "--odd"]).unwrap(), Action::Help);
        assert_eq!(parsed(&[]).unwrap(), Action::Line(Request::default()));
    }

    #[test]
    fn usage_errors() {
        for words in [
            &["a", "b"][..],
            &["--rootless"],
            &["--new", "x"],
            &["--new", "--no-pivot"],
            &["--bundle="],
            &["-b"],
            &["--odd"],
        ] {
            assert_eq!(parsed(words).unwrap_err().kind(), common::Kind::Usage, "{words:?}");
        }
    }
}
