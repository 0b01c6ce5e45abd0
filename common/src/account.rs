//! An account: a line of passwd(5) or group(5), and the numbers in it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use nix::unistd::{Gid, Uid};

/// A line of passwd(5).
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct User {
    pub name: OsString,
    pub uid: Uid,
    pub gid: Gid,
    pub home: OsString,
    pub shell: OsString,
}

impl User {
    /// The user that a line describes; none where it is no line of passwd(5). A uid or gid of
    /// 2^32 - 1 is none: to the kernel it means "unchanged".
    #[must_use]
    pub fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let uid = id(fields.nth(1)?)?;
        let gid = id(fields.next()?)?;
        let mut text = |skip| os_string(fields.nth(skip).unwrap_or_default());
        Some(Self {
            name: os_string(name),
            uid: uid.into(),
            gid: gid.into(),
            home: text(1),
            shell: text(0),
        })
    }
}

/// A line of group(5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group<'a> {
    /// The group's name.
    pub name: &'a OsStr,
    /// Its number.
    pub gid: Gid,
    members: &'a [u8],
}

impl<'a> Group<'a> {
    /// The group that a line describes; none where it is no line of group(5).
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|&byte| byte == b':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        let gid = id(fields.nth(1)?)?;
        let members = fields.next().unwrap_or_default();
        Some(Self { name: OsStr::from_bytes(name), gid: gid.into(), members })
    }

    /// Whether the line lists `user` among the group's members.
    #[must_use]
    pub fn has(&self, user: &OsStr) -> bool {
        self.members.split(|&byte| byte == b',').any(|member| member == user.as_bytes())
    }
}

/// A uid or gid: decimal digits only, and no number that the kernel takes for "unchanged".
#[must_use]
pub fn id(digits: &[u8]) -> Option<u32> {
    if !digits.first()?.is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok().filter(|&id| id != u32::MAX)
}

/// As [`id`], after blanks or a `+` as strtoul(3) takes them.
#[must_use]
pub fn number(text: &[u8]) -> Option<u32> {
    let text = text.trim_ascii_start();
    id(text.strip_prefix(b"+").unwrap_or(text))
}

/// What is said of a text that is a number, and none of a user or group.
#[must_use]
pub fn beyond(text: &OsStr) -> Option<String> {
    let text = text.as_bytes();
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    (is_number && id(digits).is_none()).then(|| format!("IDs go from 0 to {}", u32::MAX - 1))
}

fn os_string(bytes: &[u8]) -> OsString {
    OsStr::from_bytes(bytes).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_beyond_the_last_id() {
        let is_beyond = |text: &str| beyond(OsStr::new(text)).is_some();
        for text in ["4294967295", "+4294967296", "99999999999999999999999"] {
            assert!(is_beyond(text), "{text}");
        }
        for text in ["", "+", "0", "4294967294", "+0", "-1", "x", "4294967295x"] {
            assert!(!is_beyond(text), "{text}");
        }
    }
}
