//! Subordinate ids: the ranges that an ordinary user may map (subuid(5)), and the programs that write such maps.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use common::accounts::Host;
use common::{Error, Result, quote};
use nix::unistd::{Pid, Uid, geteuid};

use crate::explain;
use crate::ids::{Map, Range, Sort};

/// The first range of the caller in `/etc/subuid` or `/etc/subgid`, mapped to itself.
pub fn first(sort: &Sort) -> Result<Range> {
    let name = user_name(geteuid())?;
    let ranges = all(sort, &name)?;
    ranges.first().copied().ok_or_else(|| {
        let reason = format!("it has no range for the user {}", quote(&name));
        let name = name.to_string_lossy();
        let hint =
            format!("'usermod --add-sub{}s 100000-165535 {name}' as root adds one", sort.short);
        Error::because(format!("map {}s as in", sort.noun), sort.ranges, reason).with_hint(hint)
    })
}

/// All ranges of the caller. The file for groups names users too.
fn all(sort: &Sort, name: &OsStr) -> Result<Vec<Range>> {
    let text = fs::read(sort.ranges).or_else(|e| match e.kind() {
        io::ErrorKind::NotFound => Ok(Vec::new()),
        _ => Err(Error::from_io("read", sort.ranges, &e)),
    })?;
    Ok(ranges_of(&text, name, geteuid()))
}

fn user_name(uid: Uid) -> Result<OsString> {
    let user = Host::default().user_of(uid)?;
    Ok(user.map_or_else(|| uid.to_string().into(), |user| user.name))
}

/// The lines `USER:START:COUNT` of a user. USER is a name or a number.
fn ranges_of(text: &[u8], name: &OsStr, uid: Uid) -> Vec<Range> {
    let number = uid.to_string();
    let range = |line: &[u8]| {
        let mut fields = line.split(|&byte| byte == b':');
        let user = fields.next()?;
        if user != name.as_bytes() && user != number.as_bytes() {
            return None;
        }
        let mut id = || std::str::from_utf8(fields.next()?.trim_ascii()).ok()?.parse().ok();
        let (start, count) = (id()?, id()?);
        Some(Range { inner: start, outer: start, count }).filter(Range::is_possible)
    };
    text.split(|&byte| byte == b'\n').filter_map(range).collect()
}

/// newuidmap PID INNER OUTER COUNT...
pub fn write(map: &Map, pid: Pid) -> Result<()> {
    let helper = map.sort.helper;
    let numbers = map.ranges.iter().flat_map(|range| [range.inner, range.outer, range.count]);
    let output = Command::new(helper)
        .arg(pid.to_string())
        .args(numbers.map(|number| number.to_string()))
        .output()
        .map_err(|e| {
            let error = Error::from_io("execute", helper, &e);
            error.explain(|error| explain::ids::no_helper(map.sort, error.errno()?))
        })?;
    // Another program with this name may succeed and write nothing.
    let written =
        fs::read(format!("/proc/{pid}/{}", map.sort.map)).map_or(true, |text| !text.is_empty());
    let reason = match output.status.success() {
        true if written => return Ok(()),
        true => "it succeeded, but wrote nothing".into(),
        false => said(helper, &output.stderr),
    };
    let error = Error::because(format!("write {} by", map.sort.map), helper, reason);
    let name = user_name(geteuid())?;
    let own = all(map.sort, &name)?;
    Err(error.explain(|_| explain::ids::helper(map.sort, &map.ranges, &name, &own)))
}

/// The first line of a helper's message, without its name.
fn said(helper: &str, stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let line = text.lines().next().unwrap_or_default();
    let line = line.strip_prefix(helper).unwrap_or(line).trim_start_matches([':', ' ']);
    if line.is_empty() { "it failed without a message".into() } else { line.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_of_a_user() {
        let text = b"# x\nroot:1:1\nme:x:5\nme:100000:65536\n1000:7:8\nme:5:0\n";
        let range = |start, count| Range { inner: start, outer: start, count };
        let find = |name: &str, uid| ranges_of(text, name.as_ref(), Uid::from_raw(uid));
        assert_eq!(find("me", 1), [range(100_000, 65536)]);
        assert_eq!(find("me", 1000), [range(100_000, 65536), range(7, 8)]);
        assert_eq!(find("other", 1), []);
    }
}
