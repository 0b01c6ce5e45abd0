//! What the machine's name service knows beyond its files, asked through getent(1): a static program has no NSS of
//! its own.
//!
//! Where the root directory is not the machine's, its getent is a program of a container's, and is not executed.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use crate::account::{Group, User, id};
use crate::procfs;
use nix::unistd::{Gid, Uid};

/// The user of this name.
pub fn user(name: &OsStr) -> Option<User> {
    is_name(name).then(|| User::parse(first_line(&ask("passwd", name)))).flatten()
}

/// The user of this number.
pub fn user_of(uid: Uid) -> Option<User> {
    let answer = ask("passwd", uid.to_string().as_ref());
    User::parse(first_line(&answer)).filter(|user| user.uid == uid)
}

/// The number of the group of this name.
pub fn group(name: &OsStr) -> Option<Gid> {
    let parse = |answer: Vec<u8>| Group::parse(first_line(&answer)).map(|group| group.gid);
    is_name(name).then(|| parse(ask("group", name))).flatten()
}

/// getent takes what strtoul(3) reads to its end for a number, and cuts it to 32 bits: 4294967296
/// would be root.
fn is_name(key: &OsStr) -> bool {
    let key = key.as_bytes().trim_ascii_start();
    !key.iter().all(|byte| byte.is_ascii_digit() || b"+-".contains(byte))
}

/// The groups that list the user: `NAME GID...`.
pub fn groups_of(name: &OsStr) -> Vec<Gid> {
    let answer = ask("initgroups", name);
    let gids = answer.strip_prefix(name.as_bytes()).unwrap_or_default();
    gids.split(u8::is_ascii_whitespace).filter_map(id).map(Gid::from_raw).collect()
}

/// The answer; nothing where there is none, or no getent.
///
/// The status is not asked for: where the caller ignores SIGCHLD, it is gone.
fn ask(database: &str, key: &OsStr) -> Vec<u8> {
    let mut answer = Vec::new();
    if !procfs::parent_has_same_root() {
        return answer;
    }
    let child = Command::new("getent")
        .args([OsStr::new(database), OsStr::new("--"), key])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut child) = child {
        if let Some(mut out) = child.stdout.take() {
            let _ = out.read_to_end(&mut answer);
        }
        let _ = child.wait();
    }
    answer
}

fn first_line(answer: &[u8]) -> &[u8] {
    answer.split(|&byte| byte == b'\n').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_no_names() {
        for key in ["", "0", " 4294967296", "+0", "-1", "+", "\t12"] {
            assert!(!is_name(OsStr::new(key)), "{key:?}");
        }
        for key in ["ann", "0day", "1 a", "DOMAIN\\ann", "--help"] {
            assert!(is_name(OsStr::new(key)), "{key:?}");
        }
    }
}
