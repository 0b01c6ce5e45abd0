//! The variables that come with a user.

use std::env;
use std::ffi::OsString;

use common::accounts::User;
use common::{Result, sys};
use nix::unistd::Uid;

use crate::identity::Names;

const PATH_OF_ROOT: &str = "/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin";
const PATH_OF_USERS: &str = "/usr/local/bin:/bin:/usr/bin";

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Environment {
    /// It stays.
    #[default]
    Keep,
    /// HOME is set where it is unset or empty.
    SetHome,
    /// Nothing stays but TERM, and the user's variables are set.
    Reset,
}

/// What is to be set.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Variables {
    clear: bool,
    set: Vec<(&'static str, OsString)>,
}

impl Environment {
    /// The variables of the user `uid`.
    pub fn variables(self, uid: Uid, names: &mut Names) -> Result<Variables> {
        match self {
            Self::Keep => Ok(Variables::default()),
            Self::SetHome if env::var_os("HOME").is_some_and(|home| !home.is_empty()) => {
                Ok(Variables::default())
            }
            Self::SetHome => Ok(Variables { clear: false, set: vec![("HOME", home(uid, names)?)] }),
            Self::Reset => Ok(Variables { clear: true, set: login(uid, names.user_of(uid)?) }),
        }
    }
}

impl Variables {
    /// Sets them.
    pub fn set(self) {
        if self.clear {
            sys::clear_environment(&["TERM"]);
        }
        for (name, value) in self.set {
            sys::set_variable(name, value);
        }
    }
}

fn home(uid: Uid, names: &mut Names) -> Result<OsString> {
    let home = names.user_of(uid)?.map(|user| user.home).filter(|home| !home.is_empty());
    Ok(home.unwrap_or_else(|| "/".into()))
}

/// A user that the file does not know gets a search path and nothing else.
fn login(uid: Uid, user: Option<User>) -> Vec<(&'static str, OsString)> {
    let path = if uid.is_root() { PATH_OF_ROOT } else { PATH_OF_USERS };
    let mut set = vec![("PATH", path.into())];
    if let Some(user) = user {
        let shell = Some(user.shell).filter(|shell| !shell.is_empty());
        set.push(("HOME", user.home));
        set.push(("SHELL", shell.unwrap_or_else(|| "/bin/sh".into())));
        set.push(("USER", user.name.clone()));
        set.push(("LOGNAME", user.name));
    }
    set
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_a_login() {
        let user = User::parse(b"ann:x:7:8::/home/ann:").unwrap();
        let set = login(user.uid, Some(user));
        let text: Vec<_> =
            set.iter().map(|(name, value)| format!("{name}={}", value.display())).collect();
        let want = [
            "PATH=/usr/local/bin:/bin:/usr/bin",
            "HOME=/home/ann",
            "SHELL=/bin/sh",
            "USER=ann",
            "LOGNAME=ann",
        ];
        assert_eq!(text, want);
        assert_eq!(login(0.into(), None), [("PATH", PATH_OF_ROOT.into())]);
    }
}
