//! The user and the groups of COMMAND: the request, and the numbers that it becomes.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use common::capability::{self, SETGID, SETUID, is_effective};
use common::{Context, Error, Hint, Result};
use nix::errno::Errno;
use nix::unistd::{Gid, Uid, setgid, setgroups, setuid};

/// What `--userspec` and `--groups` ask for.
#[derive(Debug, Default)]
pub struct Request {
    pub user: Option<UserSpec>,
    pub groups: Option<Vec<OsString>>,
}

impl Request {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.user.is_none() && self.groups.is_none()
    }
}

/// `USER`, `USER:`, `USER:GROUP`, `:GROUP`, each a name or a number.
#[derive(Debug, PartialEq, Eq)]
pub struct UserSpec {
    pub user: Option<OsString>,
    pub group: Option<OsString>,
    /// Without a colon: the same text split at its first dot, the old separator. It counts
    /// when no user has the whole text for a name.
    pub dotted: Option<Box<UserSpec>>,
}

impl UserSpec {
    /// Parses SPEC; none if it is empty. A colon at its end is ignored.
    pub fn parse(spec: &OsStr) -> Option<Self> {
        let spec = spec.as_bytes();
        let spec = spec.strip_suffix(b":").unwrap_or(spec);
        if let Some(at) = position(spec, b':') {
            return Self::part(spec, at);
        }
        let user = text(spec)?;
        let dotted = position(spec, b'.')
            .map(|at| {
                Self::part(spec, at).unwrap_or(Self { user: None, group: None, dotted: None })
            })
            .map(Box::new);
        Some(Self { user: Some(user), group: None, dotted })
    }

    fn part(spec: &[u8], at: usize) -> Option<Self> {
        let (user, group) = (text(&spec[..at]), text(&spec[at + 1..]));
        (user.is_some() || group.is_some()).then_some(Self { user, group, dotted: None })
    }
}

/// The names of a list between commas: none for the empty list, and no list where only commas are.
pub fn split_groups(list: &OsStr) -> Option<Vec<OsString>> {
    let names: Vec<_> = list.as_bytes().split(|&byte| byte == b',').filter_map(text).collect();
    (list.is_empty() || !names.is_empty()).then_some(names)
}

/// The numbers to take on; what is `None` stays as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Identity {
    pub uid: Option<Uid>,
    pub gid: Option<Gid>,
    pub groups: Option<Vec<Gid>>,
}

impl Identity {
    /// Sets the numbers. The user comes last: after that the process may not change its groups.
    pub fn assume(&self) -> Result<()> {
        if let Some(groups) = &self.groups {
            setgroups(groups)
                .step("set the supplementary groups")
                .hint(|error| explain_groups(error, groups))?;
        }
        if let Some(gid) = self.gid {
            setgid(gid)
                .context("set the group", gid.to_string())
                .hint(|error| explain(error, SETGID))?;
        }
        if let Some(uid) = self.uid {
            setuid(uid)
                .context("set the user", uid.to_string())
                .hint(|error| explain(error, SETUID))?;
        }
        Ok(())
    }
}

/// A process with the capability gets EPERM from setgroups(2) only if the user namespace denies the call, and EINVAL
/// for a list this short only if a group is not mapped (kernel/groups.c).
fn explain_groups(error: &Error, groups: &[Gid]) -> Option<String> {
    const NGROUPS_MAX: usize = 65536;
    match error.errno()? {
        Errno::EPERM if is_effective(SETGID) => Some(
            "setgroups(2) is denied in this user namespace, because an ordinary user wrote its group map: \
             make it with 'unshare-rs --map-auto', or omit --groups and the user of --userspec"
                .into(),
        ),
        Errno::EINVAL if groups.len() > NGROUPS_MAX => {
            Some(format!("at most {NGROUPS_MAX} groups are allowed"))
        }
        _ => explain(error, SETGID),
    }
}

/// The only reason for EINVAL of setuid(2) and setgid(2) is a number without a mapping.
fn explain(error: &Error, number: u32) -> Option<String> {
    match error.errno()? {
        Errno::EINVAL => Some(
            "the number is not mapped in this user namespace; see /proc/self/uid_map and \
             /proc/self/gid_map, and 'unshare-rs --map-auto'"
                .into(),
        ),
        Errno::EPERM => {
            let name = if number == SETUID { "CAP_SETUID" } else { "CAP_SETGID" };
            capability::hint(number, &format!("this needs the capability {name}"))
        }
        _ => None,
    }
}

fn position(bytes: &[u8], separator: u8) -> Option<usize> {
    bytes.iter().position(|&byte| byte == separator)
}

fn text(bytes: &[u8]) -> Option<OsString> {
    (!bytes.is_empty()).then(|| OsStr::from_bytes(bytes).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(user: &str, group: &str) -> UserSpec {
        UserSpec { user: text(user.as_bytes()), group: text(group.as_bytes()), dotted: None }
    }

    #[test]
    fn forms_of_a_user() {
        for (text, user, group) in [
            ("u", "u", ""),
            ("u:", "u", ""),
            ("u::", "u", ""),
            ("u:g", "u", "g"),
            ("u:g:", "u", "g"),
            (":g", "", "g"),
            ("a:b:c", "a", "b:c"),
        ] {
            assert_eq!(UserSpec::parse(OsStr::new(text)), Some(spec(user, group)), "{text}");
        }
        for nothing in ["", ":", "::"] {
            assert_eq!(UserSpec::parse(OsStr::new(nothing)), None);
        }
    }

    #[test]
    fn the_separator_of_old() {
        for (text, user, group) in [
            ("a.b", "a", "b"),
            ("a.b.c", "a", "b.c"),
            ("a.", "a", ""),
            (".b", "", "b"),
            (".", "", ""),
        ] {
            let parsed = UserSpec::parse(OsStr::new(text)).unwrap();
            assert_eq!(parsed.user.unwrap(), text);
            assert_eq!(*parsed.dotted.unwrap(), spec(user, group), "{text}");
        }
        assert_eq!(UserSpec::parse(OsStr::new("a.b:c")).unwrap().dotted, None);
    }

    #[test]
    fn lists_of_groups() {
        let split = |list| split_groups(OsStr::new(list));
        assert_eq!(split(""), Some(vec![]));
        assert_eq!(split(",5,,+6,"), Some(vec!["5".into(), "+6".into()]));
        assert_eq!(split(","), None);
        assert_eq!(split(",,"), None);
    }
}
