//! A limit: `NAME=VALUE`, where NAME is a file of the cgroup.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use common::{Error, Result, quote, shown};

/// What is written to a file of the cgroup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// `CONTROLLER.FILE`.
    pub name: String,
    pub value: Vec<u8>,
}

/// Files of cgroups themselves that limit something. The others would end, hold or move processes, or hand on the cgroup.
const OF_CGROUPS: [&str; 3] = ["cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"];

/// Other names that are refused, by their beginning, and why.
const REFUSED: [(&str, &str); 3] = [
    ("cgroup.", "this file is not a limit"),
    ("devices.", "device rules go by --device-rules"),
    ("freezer.", "COMMAND would not start"),
];

/// Files whose numbers of bytes the kernel takes without a suffix; it reads those of memory and hugetlb itself.
const BYTES: [&str; 3] =
    ["io.max", "blkio.throttle.read_bps_device", "blkio.throttle.write_bps_device"];

const SUFFIXES: [(u8, u32); 4] = [(b'K', 10), (b'M', 20), (b'G', 30), (b'T', 40)];

impl Setting {
    /// The name comes from a bundle, which may be hostile: it must not lead to a file that is not of the cgroup, nor to
    /// one that does more than to set a limit.
    pub fn parse(text: &OsStr) -> Result<Self> {
        let mut parts = text.as_bytes().splitn(2, |&byte| byte == b'=');
        let (Some(name), Some(value)) = (parts.next(), parts.next()) else {
            return Err(Error::usage(format!("{} is not NAME=VALUE", quote(text))));
        };
        let refused = |reason: &str| {
            Error::usage(format!("cannot set {}: {reason}", quote(OsStr::from_bytes(name))))
        };
        let name = std::str::from_utf8(name).map_err(|_| refused("it is not a name"))?;
        if !is_name(name) {
            return Err(refused("it is not a name of the form CONTROLLER.FILE"));
        }
        let because = REFUSED.iter().find(|(start, _)| name.starts_with(start));
        match because.filter(|_| !OF_CGROUPS.contains(&name)) {
            Some((_, reason)) => Err(refused(reason)),
            None => Ok(Self { name: name.into(), value: value_of(name, value) }),
        }
    }

    pub fn controller(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }

    /// Whether the file is one of every cgroup of version 2, which takes no controller.
    pub fn is_of_cgroups(&self) -> bool {
        OF_CGROUPS.contains(&self.name.as_str())
    }

    pub fn shown(&self) -> String {
        format!("{}={}", self.name, shown(OsStr::from_bytes(&self.value)))
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.split('.').all(|part| !part.is_empty())
        && name.contains('.')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Each number of bytes is the last thing of its word: `8:0 1M`, `8:0 rbps=1M wiops=max`.
fn value_of(name: &str, value: &[u8]) -> Vec<u8> {
    if !BYTES.contains(&name) {
        return value.to_vec();
    }
    let words: Vec<_> = value.split(|&byte| byte == b' ').map(expand).collect();
    words.join(&b' ')
}

fn expand(word: &[u8]) -> Vec<u8> {
    let bytes = |digits: &[u8], shift: u32| {
        let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        number.checked_mul(1 << shift)
    };
    let start = word.iter().position(|&byte| byte == b'=').map_or(0, |equals| equals + 1);
    let expanded = word[start..].split_last().and_then(|(last, digits)| {
        let (_, shift) =
            SUFFIXES.iter().find(|(suffix, _)| *suffix == last.to_ascii_uppercase())?;
        bytes(digits, *shift)
    });
    match expanded {
        Some(number) => [&word[..start], number.to_string().as_bytes()].concat(),
        None => word.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(text: &str) -> Result<Setting> {
        Setting::parse(OsStr::new(text))
    }

    #[test]
    fn names_and_values() {
        for (text, controller, name, value) in [
            ("pids.max=20", "pids", "pids.max", "20"),
            ("memory.max=64M", "memory", "memory.max", "64M"),
            ("cpu.max=1 2=3", "cpu", "cpu.max", "1 2=3"),
            ("cpuset.cpus=", "cpuset", "cpuset.cpus", ""),
            ("hugetlb.2MB.limit_in_bytes=4M", "hugetlb", "hugetlb.2MB.limit_in_bytes", "4M"),
            (
                "io.max=8:0 rbps=2K wiops=7 wbps=1G",
                "io",
                "io.max",
                "8:0 rbps=2048 wiops=7 wbps=1073741824",
            ),
            ("io.max=8:0 rbps=max", "io", "io.max", "8:0 rbps=max"),
            (
                "blkio.throttle.read_bps_device=8:0 1m",
                "blkio",
                "blkio.throttle.read_bps_device",
                "8:0 1048576",
            ),
            (
                "blkio.throttle.write_bps_device=8:0 2T",
                "blkio",
                "blkio.throttle.write_bps_device",
                "8:0 2199023255552",
            ),
            (
                "blkio.throttle.write_bps_device=8:0 99999999999T",
                "blkio",
                "blkio.throttle.write_bps_device",
                "8:0 99999999999T",
            ),
            ("cgroup.max.depth=3", "cgroup", "cgroup.max.depth", "3"),
        ] {
            let setting = setting(text).unwrap();
            let got = (setting.controller(), setting.name.as_str(), setting.value.as_slice());
            assert_eq!(got, (controller, name, value.as_bytes()), "{text}");
        }
    }

    #[test]
    fn names_that_are_refused() {
        for name in [
            "",
            "tasks",
            "release_agent",
            "notify_on_release",
            "cgroup.procs",
            "cgroup.threads",
            "cgroup.kill",
            "cgroup.type",
            "cgroup.freeze",
            "cgroup.subtree_control",
            "cgroup.event_control",
            "cgroup.clone_children",
            "cgroup.sane_behavior",
            "cgroup.max.depth.x",
            "devices.allow",
            "devices.deny",
            "freezer.state",
            "../pids.max",
            "a/pids.max",
            "/etc/x.y",
            ".",
            "..",
            "...",
            "pids.",
            ".max",
            "pids..max",
            "pids.max\n",
            "pids max.x",
            "pids.m\u{e4}x",
        ] {
            assert!(setting(&format!("{name}=1")).is_err(), "{name:?}");
        }
        assert!(setting("pids.max").is_err());
    }
}
