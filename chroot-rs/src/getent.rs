//! What this system's name service knows beyond its files, asked through getent(1): a static
//! program has no NSS of its own.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use common::accounts::{Group, User, id};
use nix::unistd::Gid;

/// The user of this name, or of this number where the key is one.
pub fn user(key: &OsStr) -> Option<User> {
    User::parse(first_line(&ask("passwd", key)))
}

/// The number of the group of this name.
pub fn group(name: &OsStr) -> Option<Gid> {
    Group::parse(first_line(&ask("group", name))).map(|group| group.gid)
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
