//! Descriptors of the caller.

use std::ffi::{OsStr, c_int};
use std::os::unix::ffi::OsStrExt;

use common::input::keep_from_command;
use common::{Command, Context, Error, Result, accounts, quote, sys};

/// The number of a descriptor.
pub fn number(text: &OsStr) -> Result<c_int> {
    let number = accounts::id(text.as_bytes()).and_then(|number| number.try_into().ok());
    number.ok_or_else(|| Error::usage(format!("{} is not a descriptor number", quote(text))))
}

/// The command, with the open file `number` as its program.
pub fn carry(command: Command, number: c_int) -> Result<Command> {
    let failed = "execute the descriptor";
    let program = sys::borrow(number).context(failed, number.to_string())?;
    let program = program
        .try_clone_to_owned()
        .map_err(|error| Error::from_io(failed, number.to_string(), &error))?;
    keep_from_command(number).context(failed, number.to_string())?;
    command.carry_file(program)
}
