//! `/proc/PID/mountinfo`, as proc_pid_mountinfo(5) describes it.

use crate::table::{Kind, Mount, Span, Table, unescape};

/// The mounts that `text` describes. A line that is none is passed over.
pub fn parse(text: Vec<u8>) -> Table {
    let mut table = Table::new(Kind::Kernel, text);
    table.mounts.reserve(table.text.len() / 80);
    let mut start = 0;
    while start < table.text.len() {
        let rest = &table.text[start..];
        let end = start + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let mut words = Words { text: &mut table.text[..end], at: start };
        table.mounts.extend(mount(&mut words));
        start = end + 1;
    }
    table
}

/// The words of a line, separated by single spaces: an empty source is a word too.
struct Words<'a> {
    text: &'a mut [u8],
    at: usize,
}

impl Words<'_> {
    fn next(&mut self) -> Option<(usize, usize)> {
        let rest = self.text.get(self.at..)?;
        let end = self.at + rest.iter().position(|&byte| byte == b' ').unwrap_or(rest.len());
        let start = std::mem::replace(&mut self.at, end + 1);
        Some((start, end))
    }

    /// The next word, its escapes decoded where it stands.
    fn decoded(&mut self) -> Option<Span> {
        let (start, end) = self.next()?;
        let length = unescape(&mut self.text[start..end]);
        Some(Span::new(start, start + length))
    }

    fn number(&mut self) -> Option<u32> {
        let (start, end) = self.next()?;
        decimal(&self.text[start..end])
    }

    fn device(&mut self) -> Option<(u32, u32)> {
        let (start, end) = self.next()?;
        device(&self.text[start..end])
    }

    /// The optional fields, up to the separator.
    fn optional(&mut self) -> Option<Span> {
        let start = self.at;
        loop {
            let (word, end) = self.next()?;
            if &self.text[word..end] == b"-" {
                return Some(Span::new(start, word.saturating_sub(1).max(start)));
            }
        }
    }
}

fn mount(words: &mut Words) -> Option<Mount> {
    let (id, parent) = (words.number()?, words.number()?);
    let (major, minor) = words.device()?;
    Some(Mount {
        id,
        parent,
        major,
        minor,
        root: words.decoded()?,
        target: words.decoded()?,
        vfs_options: words.decoded()?,
        optional: words.optional()?,
        fstype: words.decoded()?,
        source: words.decoded()?,
        fs_options: words.decoded().unwrap_or_default(),
        ..Mount::default()
    })
}

/// A decimal number of nothing but digits.
pub fn decimal(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u32, |value, &byte| {
        let digit = byte.checked_sub(b'0').filter(|&digit| digit < 10)?;
        value.checked_mul(10)?.checked_add(digit.into())
    })
}

/// `major:minor`.
pub fn device(word: &[u8]) -> Option<(u32, u32)> {
    let colon = word.iter().position(|&byte| byte == b':')?;
    Some((decimal(&word[..colon])?, decimal(&word[colon + 1..])?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::random::Random;

    #[test]
    fn every_field() {
        let table = parse(
            b"31 30 8:2 /a\\040b /mnt/\\134x rw,noatime shared:3 master:5 - fuse.sshfs u@h:/x ro,y\n"
                .to_vec(),
        );
        let [mount] = &table.mounts[..] else { panic!() };
        assert_eq!((mount.id, mount.parent, mount.major, mount.minor), (31, 30, 8, 2));
        let words = [
            mount.root,
            mount.target,
            mount.vfs_options,
            mount.optional,
            mount.fstype,
            mount.source,
        ];
        let words = words.map(|span| String::from_utf8_lossy(table.word(span)).into_owned());
        assert_eq!(
            words,
            ["/a b", "/mnt/\\x", "rw,noatime", "shared:3 master:5", "fuse.sshfs", "u@h:/x"]
        );
        assert_eq!(table.word(mount.fs_options), b"ro,y");
    }

    #[test]
    fn a_source_may_be_empty() {
        let table =
            parse(b"1 0 0:1 / / rw - tmpfs  rw\n2 1 0:1 / / rw shared:1 - tmpfs x rw".to_vec());
        assert_eq!(table.source(&table.mounts[0]), b"");
        assert_eq!(table.word(table.mounts[0].optional), b"");
        assert_eq!(table.word(table.mounts[0].fs_options), b"rw");
        assert_eq!(table.word(table.mounts[1].optional), b"shared:1");
    }

    #[test]
    fn what_is_no_mount_is_passed_over() {
        let text = b"\n1\n1 x 0:1 / / rw - t s o\n1 0 01 / / rw - t s o\n1 0 0:1 / / rw t s o\n\
            99999999999 0 0:1 / / rw - t s o\n7 0 0:1 / / rw - t s o\n";
        let ids: Vec<_> = parse(text.to_vec()).mounts.iter().map(|mount| mount.id).collect();
        assert_eq!(ids, [7]);
    }

    #[test]
    fn arbitrary_bytes() {
        let mut random = Random::new(1);
        for _ in 0..20_000 {
            let text = random.bytes(80, b"0123 4567 89:/ - \\134\n\n ,rw-");
            let table = parse(text);
            for mount in &table.mounts {
                for span in
                    [mount.root, mount.target, mount.source, mount.optional, mount.fs_options]
                {
                    let _ = table.word(span);
                }
            }
        }
    }
}
