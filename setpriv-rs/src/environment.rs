//! The environment of COMMAND.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{CString, OsStr, OsString, c_int};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use common::accounts::{self, Host, User};
use common::{Context, Error, Result, escape, input, quote, sys};
use nix::unistd::Uid;

use crate::descriptor;

const PATH_OF_ROOT: &str = "/usr/local/sbin:/usr/local/bin:/sbin:/bin:/usr/sbin:/usr/bin";
const PATH_OF_USERS: &str = "/usr/local/bin:/bin:/usr/bin";

/// The limit for a descriptor's text: ten times what execve(2) accepts.
const SIZE_LIMIT: usize = 64 << 20;

/// A name and its value.
type Assignment = (OsString, OsString);

/// The options about variables.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Environment {
    pub base: Base,
    pub set: Vec<Source>,
    pub home: Home,
}

/// Whether HOME is set to the user's home directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Home {
    /// No.
    #[default]
    Keep,
    /// If it is unset or empty.
    Missing,
    /// Always.
    Always,
}

impl Home {
    /// The value of the option.
    pub fn parse(word: Option<&OsStr>) -> Result<Self> {
        match word {
            None => Ok(Self::Missing),
            Some(word) if word == "always" => Ok(Self::Always),
            Some(word) => Err(Error::usage(format!("{} is not 'always'", quote(word)))),
        }
    }
}

/// The source of variables.
#[derive(Debug, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Assignment(Assignment),
    /// The lines of a descriptor.
    Descriptor(c_int),
}

/// The variables before the options that set one by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Base {
    /// The variables of the caller.
    #[default]
    Keep,
    /// No variables.
    Clear,
    /// TERM, and the variables of a login as that user.
    Reset,
}

/// The variables to set.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Variables {
    base: Base,
    set: Vec<Assignment>,
}

impl Source {
    /// The descriptor of this number.
    pub fn descriptor(text: &OsStr) -> Result<Self> {
        descriptor::number(text).map(Self::Descriptor)
    }
}

impl Environment {
    /// `NAME=VALUE`, split at the first '='.
    pub fn assignment(text: &OsStr) -> Result<Assignment> {
        split(text.as_bytes())
            .ok_or_else(|| Error::usage(format!("{} is not NAME=VALUE", quote(text))))
    }

    /// All variables that options set by name, in their order.
    pub fn assigned(&self) -> Result<Vec<Assignment>> {
        let mut set = Vec::new();
        for source in &self.set {
            match source {
                Source::Assignment(assignment) => set.push(assignment.clone()),
                Source::Descriptor(number) => read(*number, &mut set)?,
            }
        }
        Ok(set)
    }

    /// The variables of the user `uid`, then the `assigned` ones.
    pub fn variables(
        &self,
        assigned: Vec<Assignment>,
        uid: Uid,
        names: &mut Host,
    ) -> Result<Variables> {
        let mut set = match self.base {
            Base::Reset => login(uid, names.user_of(uid)?, &accounts::text("etc/login.defs")),
            Base::Keep | Base::Clear => vec![],
        };
        set.extend(assigned);
        let wanted = match self.home {
            Home::Keep => false,
            Home::Missing => !self.has_home(&set),
            Home::Always => true,
        };
        if wanted {
            set.push(("HOME".into(), home(uid, names)?));
        }
        Ok(Variables { base: self.base, set })
    }

    /// Whether HOME will be set and not empty.
    fn has_home(&self, set: &[Assignment]) -> bool {
        match set.iter().rfind(|(name, _)| name == "HOME") {
            Some((_, value)) => !value.is_empty(),
            None => {
                let kept = self.base == Base::Keep;
                kept && env::var_os("HOME").is_some_and(|home| !home.is_empty())
            }
        }
    }
}

impl Variables {
    /// Sets them. A variable replaces the first one with its name, or is appended.
    pub fn set(self) {
        if self.base == Base::Keep && self.set.is_empty() {
            return;
        }
        let mut entries = match self.base {
            Base::Keep => sys::environment(),
            Base::Clear => vec![],
            Base::Reset => {
                env::var_os("TERM").map(|term| entry("TERM", term)).into_iter().collect()
            }
        };
        let mut places = BTreeMap::new();
        for (place, entry) in entries.iter().enumerate() {
            if let Some((name, _)) = split(entry.as_bytes()) {
                places.entry(name).or_insert(place);
            }
        }
        for (name, value) in self.set {
            let entry = entry(&name, value);
            match places.get(&name) {
                Some(&place) => entries[place] = entry,
                None => {
                    places.insert(name, entries.len());
                    entries.push(entry);
                }
            }
        }
        sys::replace_environment(entries);
    }
}

/// Names and values contain no NUL: arguments cannot, and `read` refuses it.
fn entry(name: impl AsRef<OsStr>, value: OsString) -> CString {
    let mut entry = name.as_ref().as_bytes().to_vec();
    entry.push(b'=');
    entry.extend(value.into_vec());
    CString::new(entry).unwrap_or_default()
}

/// Reads `NAME=VALUE` lines, with escapes as in fstab(5), up to the end. COMMAND does not inherit the descriptor, unless it
/// is a standard stream.
///
/// Errors name the number of a line, and do not show its text: it may be a secret.
fn read(number: c_int, set: &mut Vec<Assignment>) -> Result<()> {
    const STEP: &str = "read the variables of the descriptor";
    let object = number.to_string();
    let text = input::contents_of(number, SIZE_LIMIT).context(STEP, &object)?;
    for (line, text) in text.split(|&byte| byte == b'\n').enumerate() {
        if text.is_empty() {
            continue;
        }
        let wrong = |what: &str| Error::because(STEP, &object, format!("line {} {what}", line + 1));
        let text = escape::decoded(text);
        if text.contains(&0) {
            return Err(wrong("holds a NUL"));
        }
        set.push(split(&text).ok_or_else(|| wrong("is not NAME=VALUE"))?);
    }
    input::keep_from_command(number).context(STEP, &object)
}

/// The parts before and after the first '='. None without a name.
fn split(text: &[u8]) -> Option<Assignment> {
    match text.iter().position(|&byte| byte == b'=') {
        None | Some(0) => None,
        Some(at) => Some((os(&text[..at]), os(&text[at + 1..]))),
    }
}

fn os(bytes: &[u8]) -> OsString {
    OsStr::from_bytes(bytes).to_owned()
}

fn home(uid: Uid, names: &mut Host) -> Result<OsString> {
    let home = names.user_of(uid)?.map(|user| user.home).filter(|home| !home.is_empty());
    Ok(home.unwrap_or_else(|| "/".into()))
}

/// The search path of a login (login.defs(5)): the value may begin with `PATH=`.
fn search_path(uid: Uid, settings: &[u8]) -> OsString {
    let (names, default): (&[&str], _) = match uid.is_root() {
        true => (&["ENV_ROOTPATH", "ENV_SUPATH"], PATH_OF_ROOT),
        false => (&["ENV_PATH"], PATH_OF_USERS),
    };
    let value = names.iter().find_map(|name| setting(settings, name.as_bytes()));
    value.map_or_else(|| default.into(), |value| os(value.strip_prefix(b"PATH=").unwrap_or(value)))
}

/// The last value of a name in login.defs(5).
fn setting<'a>(settings: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let lines = settings.split(|&byte| byte == b'\n').rev().map(<[u8]>::trim_ascii);
    let mut values = lines.filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        let value = rest.trim_ascii_start();
        let quoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        (value.len() < rest.len() && !value.is_empty()).then(|| quoted.unwrap_or(value))
    });
    values.find(|value| !value.is_empty())
}

/// The variables of a login. A user without an account only gets PATH.
fn login(uid: Uid, user: Option<User>, settings: &[u8]) -> Vec<Assignment> {
    let mut set = vec![("PATH".into(), search_path(uid, settings))];
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
            let set: Vec<_> = values.iter().map(|value| ("HOME".into(), value.into())).collect();
            Environment { base: Base::Clear, set: vec![], home: Home::Missing }.has_home(&set)
        };
        assert!(home(&["", "/a"]));
        assert!(!home(&["/a", ""]));
        assert!(!home(&[]));
    }

    #[test]
    fn the_variables_of_a_login() {
        let user = User::parse(b"ann:x:7:8::/home/ann:").unwrap();
        let set = login(user.uid, Some(user), b"");
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
        assert_eq!(login(0.into(), None, b""), [("PATH".into(), PATH_OF_ROOT.into())]);
    }

    #[test]
    fn the_search_path_of_a_login() {
        let settings = b"# ENV_PATH /no\nENV_SUPATH\tPATH=/sbin:/bin\nENV_PATHS /no\n ENV_PATH  PATH=/bin \nENV_PATH\n";
        for (uid, settings, path) in [
            (0, &settings[..], "/sbin:/bin"),
            (7, settings, "/bin"),
            (0, b"ENV_ROOTPATH /r\nENV_SUPATH /s", "/r"),
            (7, b"ENV_SUPATH /s", PATH_OF_USERS),
            (7, b"ENV_PATH \"/quoted\"", "/quoted"),
        ] {
            assert_eq!(search_path(uid.into(), settings), path);
        }
    }
}
