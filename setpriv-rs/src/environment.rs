//! The variables that come with a user.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use common::accounts::User;
use common::{Error, Result, quote, sys};
use nix::unistd::Uid;

use crate::identity::Names;

const PATH_OF_ROOT: &str = "/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin";
const PATH_OF_USERS: &str = "/usr/local/bin:/bin:/usr/bin";

/// What is asked for: what stays, what is set, and whether HOME is then there in any case.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Environment {
    pub base: Base,
    pub set: Vec<(OsString, OsString)>,
    pub home: bool,
}

/// What the variables are before any is set by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// Those of the caller.
    #[default]
    Keep,
    /// None.
    Clear,
    /// TERM, and those of the user.
    Reset,
}

/// What is to be set.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Variables {
    base: Base,
    set: Vec<(OsString, OsString)>,
}

impl Environment {
    /// `NAME=VALUE`, split at the first '='.
    pub fn assignment(text: &OsStr) -> Result<(OsString, OsString)> {
        let bytes = text.as_bytes();
        match bytes.iter().position(|&byte| byte == b'=') {
            None | Some(0) => Err(Error::usage(format!("{} is not NAME=VALUE", quote(text)))),
            Some(at) => Ok((os(&bytes[..at]), os(&bytes[at + 1..]))),
        }
    }

    /// The variables of the user `uid`.
    pub fn variables(&self, uid: Uid, names: &mut Names) -> Result<Variables> {
        let mut set = match self.base {
            Base::Reset => login(uid, names.user_of(uid)?),
            Base::Keep | Base::Clear => vec![],
        };
        set.extend_from_slice(&self.set);
        if self.home && !self.has_home() {
            set.push(("HOME".into(), home(uid, names)?));
        }
        Ok(Variables { base: self.base, set })
    }

    /// Whether HOME will be there, and not empty.
    fn has_home(&self) -> bool {
        match self.set.iter().rfind(|(name, _)| name == "HOME") {
            Some((_, value)) => !value.is_empty(),
            None => {
                let kept = self.base == Base::Keep;
                kept && env::var_os("HOME").is_some_and(|home| !home.is_empty())
            }
        }
    }
}

impl Variables {
    /// Sets them.
    pub fn set(self) {
        match self.base {
            Base::Keep => {}
            Base::Clear => sys::clear_environment(&[]),
            Base::Reset => sys::clear_environment(&["TERM"]),
        }
        for (name, value) in self.set {
            sys::set_variable(name, value);
        }
    }
}

fn os(bytes: &[u8]) -> OsString {
    OsStr::from_bytes(bytes).to_owned()
}

fn home(uid: Uid, names: &mut Names) -> Result<OsString> {
    let home = names.user_of(uid)?.map(|user| user.home).filter(|home| !home.is_empty());
    Ok(home.unwrap_or_else(|| "/".into()))
}

/// A user that the file does not know gets a search path and nothing else.
fn login(uid: Uid, user: Option<User>) -> Vec<(OsString, OsString)> {
    let path = if uid.is_root() { PATH_OF_ROOT } else { PATH_OF_USERS };
    let mut set = vec![("PATH".into(), path.into())];
    if let Some(user) = user {
        let shell = Some(user.shell).filter(|shell| !shell.is_empty());
        set.push(("HOME".into(), user.home));
        set.push(("SHELL".into(), shell.unwrap_or_else(|| "/bin/sh".into())));
        set.push(("USER".into(), user.name.clone()));
        set.push(("LOGNAME".into(), user.name));
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments() {
        let split = |text: &str| Environment::assignment(text.as_ref());
        assert_eq!(split("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert_eq!(split("A="), Ok(("A".into(), "".into())));
        assert_eq!(split("A").unwrap_err().to_string(), "'A' is not NAME=VALUE");
        assert!(split("=b").is_err() && split("").is_err());
    }

    #[test]
    fn home_is_the_last_one_that_is_set() {
        let home = |values: &[&str]| {
            let set = values.iter().map(|value| ("HOME".into(), value.into())).collect();
            Environment { base: Base::Clear, set, home: true }.has_home()
        };
        assert!(home(&["", "/a"]));
        assert!(!home(&["/a", ""]));
        assert!(!home(&[]));
    }

    #[test]
    fn the_variables_of_a_login() {
        let user = User::parse(b"ann:x:7:8::/home/ann:").unwrap();
        let set = login(user.uid, Some(user));
        let text: Vec<_> = set
            .iter()
            .map(|(name, value)| format!("{}={}", name.display(), value.display()))
            .collect();
        let want = [
            "PATH=/usr/local/bin:/bin:/usr/bin",
            "HOME=/home/ann",
            "SHELL=/bin/sh",
            "USER=ann",
            "LOGNAME=ann",
        ];
        assert_eq!(text, want);
        assert_eq!(login(0.into(), None), [("PATH".into(), PATH_OF_ROOT.into())]);
    }
}
