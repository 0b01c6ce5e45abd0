//! Strings with a form of their own: versions, names and paths.

use crate::node::Node;

/// The kernel's limit for a host name (`__NEW_UTS_LEN`).
const NAME_LENGTH: usize = 64;

/// The kernel takes no longer path (PATH_MAX, with the NUL at its end).
const PATH_LENGTH: usize = 4095;

/// The version of the specification: SemVer, and compatible within the major version 1. Other runtimes start files of the
/// drafts before it, and read in them what 1.x knows.
pub fn version(node: Node) -> Option<String> {
    let version = node.text()?;
    if !is_semver(&version) {
        node.fault("must be a version as in Semantic Versioning 2.0.0");
    } else if version.starts_with("0.") {
        node.warn("is older than 1.0: properties that 1.x does not know are ignored");
    } else if !version.starts_with("1.") {
        node.fault("must be 1.x");
    }
    Some(version)
}

/// `MAJOR.MINOR.PATCH`, then `-` and `+` with identifiers between dots.
fn is_semver(text: &str) -> bool {
    let (text, build) = text.split_once('+').unwrap_or((text, "0"));
    let (core, release) = text.split_once('-').unwrap_or((text, "0"));
    let numbers: Vec<_> = core.split('.').collect();
    numbers.len() == 3
        && numbers.iter().all(|part| is_number(part))
        && [build, release].iter().all(|list| list.split('.').all(is_identifier))
}

fn is_number(part: &str) -> bool {
    let is_short = part == "0" || !part.starts_with('0');
    is_short && !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit())
}

fn is_identifier(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

pub fn host_name(node: Node) -> String {
    let name = node.text().unwrap_or_default();
    if name.len() > NAME_LENGTH {
        node.fault(format!("is longer than {NAME_LENGTH} bytes"));
    }
    name
}

/// A name without spaces, as the files of cgroups separate with them.
pub fn word(node: &Node) -> String {
    let word = node.text().unwrap_or_default();
    if !word.bytes().all(|byte| byte.is_ascii_graphic()) {
        node.fault("must not have spaces or control characters");
    }
    word
}

/// A string that becomes a path.
pub fn path(node: &Node) -> Option<String> {
    let path = node.text()?;
    if path.len() > PATH_LENGTH {
        node.fault(format!("is longer than {PATH_LENGTH} bytes"));
        return None;
    }
    Some(path)
}

/// The same place by an absolute name without empty parts and dots, as runc names it: a `..` takes away the part before
/// it, whether that is there or not.
pub fn simple(path: &str) -> String {
    let mut parts = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// Numbers of CPUs or of memory nodes, in the kernel's form (cpuset(7)): `0-3,7`. None where it is another thing.
pub fn numbers(node: &Node) -> Option<String> {
    let list = node.text()?;
    if !list.is_empty() && !list.split(',').all(is_range) {
        node.fault(format!("must be a list such as 0-3,7, not {}", common::quote(&list)));
        return None;
    }
    Some(list)
}

fn is_range(part: &str) -> bool {
    let number = |text: &str| match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text.parse::<u16>().ok(),
        false => None,
    };
    match part.split_once('-') {
        Some((first, last)) => {
            number(first).is_some_and(|first| number(last).is_some_and(|last| first <= last))
        }
        None => number(part).is_some(),
    }
}

/// A path from the root on; anything else is a fault.
pub fn absolute_path(node: &Node) -> Option<String> {
    let path = path(node)?;
    if !path.starts_with('/') {
        node.fault("must be an absolute path");
        return None;
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_place() {
        for name in ["/a/b", "a/b", "//a/./b/", "/a//b/.", "/../a/x/../b", "/a/b/none/.."] {
            assert_eq!(simple(name), "/a/b");
        }
        for name in ["/", "", ".", "/.././", "/tmp/..", "/a/../../.."] {
            assert_eq!(simple(name), "/");
        }
        assert_eq!(simple("/..a"), "/..a");
    }

    #[test]
    fn lists_of_numbers() {
        for list in ["0", "0-3", "0-3,7", "1,1", "65535"] {
            assert!(list.split(',').all(is_range), "{list}");
        }
        for list in
            ["", "all", "3-0", "-1", "1-", "0-3,", "+1", "file:/x", "1 ", "65536", "0-3:1/2"]
        {
            assert!(!list.split(',').all(is_range), "{list}");
        }
    }

    #[test]
    fn versions() {
        for version in ["1.0.0", "1.0.2-dev", "1.0.0-rc.1+b-1.2", "1.2.10", "0.3.0"] {
            assert!(is_semver(version), "{version}");
        }
        for version in [
            "",
            "1",
            "1.0",
            "1.0.0.0",
            "1.0.x",
            "v1.0.0",
            "1.0.0-",
            "1.0.0+",
            "01.0.0",
            "1.0.0-a..b",
        ] {
            assert!(!is_semver(version), "{version}");
        }
    }
}
