//! `LABEL=`, `UUID=`, `PARTLABEL=`, `PARTUUID=` and `ID=`: found in udev's links in `/dev/disk`, or else by
//! blkid(8).

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::paths;

/// A name of a file system or a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    Label,
    Uuid,
    PartLabel,
    PartUuid,
    /// The name that udev makes for the hardware.
    Id,
}

/// Each tag's name and its directory.
const TAGS: &[(Tag, &str, &str)] = &[
    (Tag::Label, "LABEL", "/dev/disk/by-label"),
    (Tag::Uuid, "UUID", "/dev/disk/by-uuid"),
    (Tag::PartLabel, "PARTLABEL", "/dev/disk/by-partlabel"),
    (Tag::PartUuid, "PARTUUID", "/dev/disk/by-partuuid"),
    (Tag::Id, "ID", "/dev/disk/by-id"),
];

impl Tag {
    /// The tag and its value, without the quotes around it.
    pub fn parse(spec: &[u8]) -> Option<(Self, &[u8])> {
        let equals = spec.iter().position(|&byte| byte == b'=')?;
        let &(tag, ..) = TAGS.iter().find(|(_, name, _)| name.as_bytes() == &spec[..equals])?;
        Some((tag, unquoted(&spec[equals + 1..])))
    }

    fn name(self) -> &'static str {
        TAGS.iter().find(|(tag, ..)| *tag == self).map_or("", |&(_, name, _)| name)
    }

    fn directory(self) -> &'static str {
        TAGS.iter().find(|(tag, ..)| *tag == self).map_or("", |(.., directory)| directory)
    }
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [quote @ (b'"' | b'\''), inner @ .., last] if quote == last => inner,
        _ => value,
    }
}

/// A device, and the value of its tag.
type Link = (Vec<u8>, Vec<u8>);

/// The tags of devices, read when they are needed.
#[derive(Debug, Default)]
pub struct Tags {
    /// For each tag, the devices and values in `/dev/disk`.
    links: [OnceCell<Vec<Link>>; 5],
    /// The output of blkid(8), which runs at most once, and only if udev has no link.
    probed: OnceCell<Vec<u8>>,
}

impl Tags {
    /// The device with this tag.
    pub fn device(&self, tag: Tag, value: &[u8]) -> Option<Vec<u8>> {
        let link = Path::new(tag.directory()).join(OsStr::from_bytes(&encode(value)));
        let linked = fs::canonicalize(link).ok();
        linked.map(|device| device.into_os_string().into_vec()).or_else(|| {
            let (device, _) = self.probed(tag).into_iter().find(|(_, found)| found == value)?;
            Some(device)
        })
    }

    /// All devices with this tag: udev links to one of them, blkid(8) names the others.
    pub fn devices(&self, tag: Tag, value: &[u8]) -> Vec<Vec<u8>> {
        let mut devices: Vec<_> = self.device(tag, value).into_iter().collect();
        for (device, found) in self.probed(tag) {
            if found == value && !devices.contains(&device) {
                devices.push(device);
            }
        }
        devices
    }

    /// Every device with this tag, and its value, by blkid(8).
    fn probed(&self, tag: Tag) -> Vec<Link> {
        if tag == Tag::Id { Vec::new() } else { links(self.probed.get_or_init(probe), tag) }
    }

    /// The tag's value of this device.
    pub fn value(&self, tag: Tag, device: &[u8]) -> Option<Vec<u8>> {
        let device = paths::canonical(device);
        let value = |links: &[Link]| {
            links.iter().find(|(found, _)| *found == *device).map(|(_, value)| value.clone())
        };
        let links = self.links[tag as usize].get_or_init(|| read(tag));
        value(links).or_else(|| value(&self.probed(tag)))
    }
}

/// The output of `blkid -o export`, empty if the program is not installed. It is not searched in `$PATH`, which
/// another user may control.
fn probe() -> Vec<u8> {
    let run = |program| {
        let mut command = Command::new(program);
        command.args(["-o", "export"]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()
    };
    let output = ["/usr/sbin/blkid", "/sbin/blkid"].into_iter().find_map(run);
    output.map(|output| output.stdout).unwrap_or_default()
}

/// The devices with this tag in the output of `blkid -o export`: blocks of `NAME=value` lines that begin with
/// `DEVNAME`. Special characters of a shell have a backslash before them.
fn links(output: &[u8], tag: Tag) -> Vec<Link> {
    let (mut device, mut links) = (Vec::new(), Vec::new());
    for line in output.split(|&byte| byte == b'\n') {
        let Some(equals) = line.iter().position(|&byte| byte == b'=') else { continue };
        let value = without_backslashes(&line[equals + 1..]);
        match &line[..equals] {
            b"DEVNAME" => device = value,
            name if name == tag.name().as_bytes() => links.push((device.clone(), value)),
            _ => {}
        }
    }
    links
}

fn without_backslashes(value: &[u8]) -> Vec<u8> {
    let mut bytes = value.iter();
    let mut plain = Vec::new();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => plain.extend(bytes.next()),
            byte => plain.push(byte),
        }
    }
    plain
}

fn read(tag: Tag) -> Vec<Link> {
    let Ok(entries) = fs::read_dir(tag.directory()) else { return Vec::new() };
    let link = |entry: fs::DirEntry| {
        let device = fs::canonicalize(entry.path()).ok()?;
        Some((device.into_os_string().into_vec(), decode(entry.file_name().as_bytes())))
    };
    entries.filter_map(Result::ok).filter_map(link).collect()
}

/// The characters besides letters and digits that udev does not escape in the name of a link.
const PLAIN: &[u8] = b"#+-.:=@_";

/// The value as the name of udev's link: other characters become `\xNN`.
fn encode(value: &[u8]) -> Vec<u8> {
    let mut name = Vec::new();
    for &byte in value {
        if byte.is_ascii_alphanumeric() || PLAIN.contains(&byte) || byte >= 0x80 {
            name.push(byte);
        } else {
            name.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
    name
}

fn decode(name: &[u8]) -> Vec<u8> {
    let mut value = Vec::new();
    let mut rest = name;
    while let Some((&byte, after)) = rest.split_first() {
        match escaped(rest) {
            Some(decoded) => {
                value.push(decoded);
                rest = &rest[4..];
            }
            None => {
                value.push(byte);
                rest = after;
            }
        }
    }
    value
}

fn escaped(text: &[u8]) -> Option<u8> {
    let &[b'\\', b'x', high, low, ..] = text else { return None };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(high)? << 4 | digit(low)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications() {
        assert_eq!(Tag::parse(b"LABEL=root"), Some((Tag::Label, &b"root"[..])));
        assert_eq!(Tag::parse(b"UUID=\"1-2\""), Some((Tag::Uuid, &b"1-2"[..])));
        assert_eq!(Tag::parse(b"PARTUUID='"), Some((Tag::PartUuid, &b"'"[..])));
        for word in [&b"/dev/sda"[..], b"label=x", b"IDS=x", b""] {
            assert_eq!(Tag::parse(word), None);
        }
    }

    #[test]
    fn every_tag_has_its_index() {
        for (index, &(tag, name, directory)) in TAGS.iter().enumerate() {
            assert_eq!(tag as usize, index);
            assert_eq!(Tag::parse(format!("{name}=v").as_bytes()), Some((tag, &b"v"[..])));
            assert_eq!(tag.directory(), directory);
        }
    }

    #[test]
    fn names_of_links() {
        assert_eq!(encode("a b/ü".as_bytes()), "a\\x20b\\x2fü".as_bytes());
        assert_eq!(decode(br"a\x20b\x2fc\xzz\"), br"a b/c\xzz\");
    }

    #[test]
    fn output_of_blkid() {
        let output = b"DEVNAME=/dev/x\nLABEL=a\\ b\nUUID=1\n\nDEVNAME=/dev/y\nUUID=1\n\nbad";
        let link = |device: &str, value: &str| (device.into(), value.into());
        assert_eq!(links(output, Tag::Label), [link("/dev/x", "a b")]);
        assert_eq!(links(output, Tag::Uuid), [link("/dev/x", "1"), link("/dev/y", "1")]);
        assert_eq!(links(output, Tag::PartUuid), []);
    }
}
