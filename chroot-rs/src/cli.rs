//! Arguments in, an [`Action`] out.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use common::options::LongOptions;
use common::process::failure_status;
use common::{Command, Error, Result, directory, quote};
use lexopt::prelude::*;

use crate::chroot::{Chroot, Start};
use crate::identity::{Request, UserSpec, split_groups};

pub const VERSION: &str = concat!("chroot-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: chroot-rs [options] NEWROOT [COMMAND [ARG...]]

Make NEWROOT the root directory, then become COMMAND (by default \"$SHELL\" -i, else /bin/sh -i).

Options:
      --carry             open COMMAND before the root changes, so that it need not be in NEWROOT
      --failure-status N  exit with N, not 125, when this program itself fails
      --groups=LIST       the supplementary groups: names or numbers separated by commas, '' for none
      --skip-chdir        stay in the working directory; NEWROOT must be '/'
      --userspec=SPEC     become USER, USER:GROUP or :GROUP: names or numbers; after a '+' only numbers
      --wd DIR            start COMMAND in DIR of the new root
  -h, --help              display this help
  -V, --version           display version
";

/// The long options, and those of the classic among them.
const LONG: LongOptions = LongOptions { classic: CLASSIC, help: HELP };

const CLASSIC: &[&str] = &["groups", "userspec", "skip-chdir", "help", "version"];

/// What the command line asks for.
#[derive(Debug)]
pub enum Action {
    Help,
    Version,
    Chroot(Chroot),
}

/// Options stop at the first operand: all that follows NEWROOT belongs to COMMAND.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let mut status = None;
    read(&mut parser, &mut status).map_err(|error| error.with_failure_status(status))
}

fn read(parser: &mut lexopt::Parser, status: &mut Option<u8>) -> Result<Action> {
    let (mut carry, mut skip_chdir, mut start_in) = (false, false, None);
    let mut request = Request::default();
    let new_root = loop {
        match LONG.next(parser)? {
            Some(Long("carry")) => carry = true,
            Some(Long("failure-status")) => *status = Some(failure_status(&parser.value()?)?),
            Some(Long("groups")) => request.groups = Some(groups(&parser.value()?)?),
            Some(Long("skip-chdir")) => skip_chdir = true,
            Some(Long("userspec")) => request.user = UserSpec::parse(&parser.value()?),
            Some(Long("wd")) => start_in = Some(directory::absolute(parser.value()?)?),
            Some(Short('h') | Long("help")) => return Ok(Action::Help),
            Some(Short('V') | Long("version")) => return Ok(Action::Version),
            Some(Value(operand)) => break operand,
            Some(option) => return Err(option.unexpected().into()),
            None => return Err(Error::usage("missing operand: NEWROOT")),
        }
    };

    let start = start(skip_chdir, start_in, &new_root)?;
    let command = Command::new(parser.raw_args()?.collect());
    let failure_status = *status;
    Ok(Action::Chroot(Chroot { new_root, request, start, carry, failure_status, command }))
}

fn groups(list: &OsStr) -> Result<Vec<OsString>> {
    split_groups(list)
        .ok_or_else(|| Error::usage(format!("--groups: {} names no group", quote(list))))
}

fn start(skip_chdir: bool, directory: Option<OsString>, new_root: &OsStr) -> Result<Start> {
    match (skip_chdir, directory) {
        (true, Some(_)) => Err(Error::usage("--skip-chdir and --wd exclude each other")),
        (true, None) if !is_root(new_root) => {
            Err(Error::usage("option --skip-chdir only permitted if NEWROOT is old '/'"))
        }
        (true, None) => Ok(Start::Here),
        (false, Some(directory)) => Ok(Start::Directory(directory)),
        (false, None) => Ok(Start::Root),
    }
}

/// By its path, as GNU's does it: another mount of the root directory is not the old `/`.
fn is_root(path: &OsStr) -> bool {
    Path::new(path).canonicalize().is_ok_and(|path| path == Path::new("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_classic_may_be_shortened() {
        for (typed, full) in
            [("user", "userspec"), ("g", "groups"), ("skip", "skip-chdir"), ("he", "help")]
        {
            assert_eq!(LONG.full(typed), Ok(full));
        }
        for typed in ["carr", "w", "failure"] {
            assert!(LONG.full(typed).is_err(), "{typed}");
        }
    }

    fn chroot(arguments: &[&str]) -> Result<Chroot> {
        match parse(lexopt::Parser::from_args(arguments))? {
            Action::Chroot(chroot) => Ok(chroot),
            action => panic!("{action:?}"),
        }
    }

    #[test]
    fn options_stop_at_the_first_operand() {
        let chroot = chroot(&["--carry", "new", "--skip-chdir", "--groups=,"]).unwrap();
        assert!(chroot.carry && chroot.request.groups.is_none());
        assert!(matches!(chroot.start, Start::Root));
    }

    #[test]
    fn the_last_one_wins() {
        let chroot = chroot(&["--groups=5", "--groups=", "--userspec=a:b", "--userspec=:c", "/"]);
        let request = chroot.unwrap().request;
        assert_eq!(request.groups, Some(vec![]));
        let user = request.user.unwrap();
        assert_eq!((user.user, user.group), (None, Some("c".into())));
    }

    #[test]
    fn staying_needs_the_old_root() {
        for root in ["/", "//", "/..", "/etc/.."] {
            assert!(matches!(chroot(&["--skip-chdir", root]).unwrap().start, Start::Here));
        }
        assert!(chroot(&["--skip-chdir", "/etc"]).is_err());
    }

    #[test]
    fn a_status_counts_for_what_is_wrong_behind_it() {
        assert_eq!(chroot(&["--failure-status", "7", "/"]).unwrap().failure_status, Some(7));
        let status = |arguments: &[&str]| chroot(arguments).unwrap_err().status();
        assert_eq!(status(&["--failure-status=7", "-x"]), Some(7));
        assert_eq!(status(&["-x", "--failure-status=7"]), None);
        for wrong in ["0", "256", "-1", "+", "", "x"] {
            let error = chroot(&["--failure-status", wrong, "/"]).unwrap_err();
            assert!(error.to_string().contains("is not an exit status from 1 to 255"), "{wrong}");
        }
    }

    #[test]
    fn wrong_command_lines() {
        for arguments in [
            &[][..],
            &["-x"],
            &["--groups"],
            &["--groups=,", "/"],
            &["--carry=x", "/"],
            &["--wd", "etc", "/"],
            &["--wd", "", "/"],
            &["--wd", "/", "--skip-chdir", "/"],
            &["--skip-chdir", "/no/such"],
        ] {
            assert_eq!(chroot(arguments).unwrap_err().kind(), common::Kind::Usage);
        }
    }
}
