//! Poll mode: what changes in the kernel's table.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use common::{Error, Result};

/// The sorts of changes that are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actions([bool; 4]);

/// The words for the sorts of changes.
pub const ACTIONS: [&str; 4] = ["mount", "umount", "move", "remount"];

impl Actions {
    /// The sorts of a comma-separated list; all where there is none.
    ///
    /// # Errors
    /// Where a word is no sort.
    pub fn parse(list: Option<&OsStr>) -> Result<Self> {
        let Some(list) = list else { return Ok(Self([true; 4])) };
        let mut actions = [false; 4];
        for word in list.as_bytes().split(|&byte| byte == b',') {
            let Some(at) = ACTIONS.iter().position(|action| action.as_bytes() == word) else {
                let word = String::from_utf8_lossy(word);
                return Err(Error::usage(format!("unknown action: {word}")));
            };
            actions[at] = true;
        }
        Ok(Self(actions))
    }
}
