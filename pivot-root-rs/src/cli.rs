//! Arguments in, an [`Action`] out.

use common::options::LongOptions;
use common::{Command, Error, Result, directory};
use lexopt::prelude::*;

use crate::pivot::{Pivot, Start};

pub const VERSION: &str = concat!("pivot-root-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: pivot-root-rs [options] NEW_ROOT PUT_OLD [[--] COMMAND [ARG...]]

Make NEW_ROOT the root of the mount namespace and put the old root at PUT_OLD, then become COMMAND.

Options:
      --carry       open COMMAND before the root changes, so that it need not be in NEW_ROOT
      --detach      unmount the old root; PUT_OLD may be '.', which needs no directory
      --private     first make all mounts of the namespace private
      --self-bind   make NEW_ROOT a mount point by binding it onto itself
      --own         COMMAND is a tool of this program: no path is looked up for it
      --wd DIR      start COMMAND in DIR of the new root; of several DIR in the first that is there
  -h, --help        display this help
  -V, --version     display version
";

/// The long options, and those of the classic among them.
const LONG: LongOptions = LongOptions { classic: CLASSIC, help: HELP };

const CLASSIC: &[&str] = &["help", "version"];

/// What the command line asks for.
#[derive(Debug)]
pub enum Action {
    Help,
    Version,
    Pivot(Pivot),
}

/// Options stop at the first operand: all that follows PUT_OLD belongs to COMMAND.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let (mut carry, mut own, mut start_in) = (false, false, Vec::new());
    let mut pivot = Pivot::default();
    pivot.new_root = loop {
        match LONG.next(&mut parser)? {
            Some(Long("carry")) => carry = true,
            Some(Long("detach")) => pivot.detach = true,
            Some(Long("own")) => own = true,
            Some(Long("private")) => pivot.private = true,
            Some(Long("self-bind")) => pivot.self_bind = true,
            Some(Long("wd")) => start_in.push(directory::absolute(parser.value()?)?),
            Some(Short('h') | Long("help")) => return Ok(Action::Help),
            Some(Short('V') | Long("version")) => return Ok(Action::Version),
            Some(Value(operand)) => break operand,
            Some(option) => return Err(option.unexpected().into()),
            None => return Err(Error::usage("missing operand: NEW_ROOT")),
        }
    };

    let mut operands = parser.raw_args()?;
    pivot.put_old = operands.next().ok_or_else(|| Error::usage("missing operand: PUT_OLD"))?;
    let mut words = operands.peekable();
    words.next_if(|word| word == "--");
    pivot.start = match Command::new(words.collect()) {
        Some(_) if carry && own => {
            return Err(Error::usage("--carry and --own exclude each other"));
        }
        Some(command) => Some(Start { command, carry, own, directories: start_in }),
        None if carry || own || !start_in.is_empty() => {
            return Err(Error::usage("--carry, --own and --wd need a COMMAND"));
        }
        None => None,
    };
    Ok(Action::Pivot(pivot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_classic_may_be_shortened() {
        for (typed, full) in [("he", "help"), ("vers", "version")] {
            assert_eq!(LONG.full(typed), Ok(full));
        }
        for typed in ["carr", "det", "self"] {
            assert!(LONG.full(typed).is_err(), "{typed}");
        }
    }

    fn pivot(arguments: &[&str]) -> Result<Pivot> {
        match parse(lexopt::Parser::from_args(arguments))? {
            Action::Pivot(pivot) => Ok(pivot),
            action => panic!("{action:?}"),
        }
    }

    #[test]
    fn options_stop_at_the_first_operand() {
        let pivot = pivot(&["--detach", "new", ".", "sh", "--carry"]).unwrap();
        assert!(pivot.detach && !pivot.start.unwrap().carry);
    }

    #[test]
    fn two_dashes_stand_before_the_command() {
        for arguments in [&["new", ".", "--", "sh"][..], &["--", "new", ".", "sh", "--"]] {
            assert!(pivot(arguments).unwrap().start.is_some());
        }
        assert!(pivot(&["new", ".", "--"]).unwrap().start.is_none());
    }

    #[test]
    fn the_classic_form() {
        let pivot = pivot(&["new", "new/old"]).unwrap();
        assert!(!pivot.detach && !pivot.private && !pivot.self_bind && pivot.start.is_none());
        assert_eq!(pivot.put_old, "new/old");
    }

    #[test]
    fn wrong_command_lines() {
        for arguments in [
            &[][..],
            &["new"],
            &["-x"],
            &["--wd"],
            &["--wd", "/", "new", "."],
            &["--carry", "new", "."],
            &["--wd", "etc", "new", ".", "sh"],
            &["--detach=x", "new", "."],
            &["--own", "new", "."],
            &["--own", "--carry", "new", ".", "sh"],
        ] {
            assert_eq!(pivot(arguments).unwrap_err().kind(), common::Kind::Usage);
        }
    }
}
