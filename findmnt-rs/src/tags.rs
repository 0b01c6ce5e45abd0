//! `LABEL=`, `UUID=`, `PARTLABEL=` and `PARTUUID=`: what udev's links in `/dev/disk` say of devices.

use std::cell::OnceCell;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::paths;

/// A name of a file system or a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    Label,
    Uuid,
    PartLabel,
    PartUuid,
}

/// Each tag's name and its directory.
const TAGS: &[(Tag, &str, &str)] = &[
    (Tag::Label, "LABEL", "/dev/disk/by-label"),
    (Tag::Uuid, "UUID", "/dev/disk/by-uuid"),
    (Tag::PartLabel, "PARTLABEL", "/dev/disk/by-partlabel"),
    (Tag::PartUuid, "PARTUUID", "/dev/disk/by-partuuid"),
];

impl Tag {
    /// The tag and its value, without the quotes around it.
    pub fn parse(spec: &[u8]) -> Option<(Self, &[u8])> {
        let equals = spec.iter().position(|&byte| byte == b'=')?;
        let &(tag, ..) = TAGS.iter().find(|(_, name, _)| name.as_bytes() == &spec[..equals])?;
        Some((tag, unquoted(&spec[equals + 1..])))
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

/// A device, and the value that a link to it is named by.
type Link = (Vec<u8>, Vec<u8>);

/// What was read of `/dev/disk`: for each tag every device and its value.
#[derive(Debug, Default)]
pub struct Tags {
    links: [OnceCell<Vec<Link>>; 4],
}

impl Tags {
    /// The device with this tag.
    pub fn device(&self, tag: Tag, value: &[u8]) -> Option<Vec<u8>> {
        let link = Path::new(tag.directory()).join(OsStr::from_bytes(&encode(value)));
        fs::canonicalize(link).ok().map(|device| device.into_os_string().into_vec())
    }

    /// The tag's value of this device.
    pub fn value(&self, tag: Tag, device: &[u8]) -> Option<Vec<u8>> {
        let links = self.links[tag as usize].get_or_init(|| read(tag));
        if links.is_empty() {
            return None;
        }
        let device = paths::canonical(device);
        let (_, value) = links.iter().find(|(found, _)| *found == *device)?;
        Some(value.clone())
    }
}

fn read(tag: Tag) -> Vec<Link> {
    let Ok(entries) = fs::read_dir(tag.directory()) else { return Vec::new() };
    let link = |entry: fs::DirEntry| {
        let device = fs::canonicalize(entry.path()).ok()?;
        Some((device.into_os_string().into_vec(), decode(entry.file_name().as_bytes())))
    };
    entries.filter_map(Result::ok).filter_map(link).collect()
}

/// The characters besides letters and digits that udev leaves as they are in a link's name.
const PLAIN: &[u8] = b"#+-.:=@_";

/// The value as the name of udev's link: what is not plain becomes `\xNN`.
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
        for word in [&b"/dev/sda"[..], b"label=x", b"ID=x", b""] {
            assert_eq!(Tag::parse(word), None);
        }
    }

    #[test]
    fn every_tag_has_its_place() {
        for (place, &(tag, name, directory)) in TAGS.iter().enumerate() {
            assert_eq!(tag as usize, place);
            assert_eq!(Tag::parse(format!("{name}=v").as_bytes()), Some((tag, &b"v"[..])));
            assert_eq!(tag.directory(), directory);
        }
    }

    #[test]
    fn names_of_links() {
        assert_eq!(encode("a b/ü".as_bytes()), "a\\x20b\\x2fü".as_bytes());
        assert_eq!(decode(br"a\x20b\x2fc\xzz\"), br"a b/c\xzz\");
    }
}
