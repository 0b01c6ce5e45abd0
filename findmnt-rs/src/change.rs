//! The kinds of changes that `--poll` shows.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use common::{Error, Result};

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Mount,
    Unmount,
    Move,
    Remount,
}

/// The word for each kind of change.
const KINDS: [(&str, ChangeKind); 4] = [
    ("mount", ChangeKind::Mount),
    ("umount", ChangeKind::Unmount),
    ("move", ChangeKind::Move),
    ("remount", ChangeKind::Remount),
];

impl ChangeKind {
    pub fn word(self) -> &'static str {
        KINDS[self as usize].0
    }
}

/// The kinds of changes to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangeKinds([bool; 4]);

impl ChangeKinds {
    /// Reads a comma-separated list. Without a list all kinds are shown.
    ///
    /// # Errors
    /// If a word is unknown.
    pub fn parse(list: Option<&OsStr>) -> Result<Self> {
        let Some(list) = list else { return Ok(Self([true; 4])) };
        let mut actions = [false; 4];
        for word in list.as_bytes().split(|&byte| byte == b',') {
            let named =
                |(name, _): &&(&str, ChangeKind)| name.as_bytes().eq_ignore_ascii_case(word);
            let Some((_, action)) = KINDS.iter().find(named) else {
                let word = String::from_utf8_lossy(word);
                return Err(Error::usage(format!("unknown action: {word}")));
            };
            actions[*action as usize] = true;
        }
        Ok(Self(actions))
    }

    pub fn contain(self, action: ChangeKind) -> bool {
        self.0[action as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_actions() {
        let parse = |list: &str| ChangeKinds::parse(Some(OsStr::new(list)));
        for &(word, action) in &KINDS {
            assert_eq!(action.word(), word);
            assert!(parse(word).unwrap().contain(action));
        }
        assert_eq!(parse("Mount,UMOUNT").unwrap(), ChangeKinds([true, true, false, false]));
        assert_eq!(parse("mount,x").unwrap_err().to_string(), "unknown action: x");
        assert!(ChangeKinds::parse(None).unwrap().contain(ChangeKind::Move));
    }
}
