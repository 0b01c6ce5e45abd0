//! The table of a `/proc/PID/mountinfo`.

use common::escape::Word;
use common::mountinfo;

use crate::memory::{self, LARGE};
use crate::table::{Kind, Mount, Span, Table};

/// Hardly a line is shorter than this.
const SHORTEST_LINE: usize = 50;

/// The mounts that `text` describes. Lines of another form are skipped.
pub fn parse(text: Vec<u8>) -> Table {
    let count = text.len() / SHORTEST_LINE;
    let mut mounts =
        if text.len() < LARGE { Vec::with_capacity(count) } else { memory::large(count) };
    for line in mountinfo::mounts(&text) {
        mounts.push(mount(&text, &line));
    }
    let mut table = Table { mounts, plain: is_plain(&text), ..Table::new(Kind::Kernel, text) };
    if !table.plain && table.text.contains(&b'\\') {
        decode(&mut table);
    }
    table
}

#[inline(always)]
fn mount(text: &[u8], line: &mountinfo::Mount) -> Mount {
    let word = |word: Word| Span::of(text, word.0);
    Mount {
        id: line.id,
        parent: line.parent,
        major: line.major,
        minor: line.minor,
        root: word(line.root),
        target: word(line.point),
        vfs_options: word(line.options),
        optional: Span::of(text, line.optional),
        fstype: word(line.kind),
        source: word(line.source),
        fs_options: word(line.superblock),
        ..Mount::default()
    }
}

/// Decodes the escapes of all words where they stand.
fn decode(table: &mut Table) {
    let Table { text, mounts, .. } = table;
    for mount in mounts {
        let words = [
            &mut mount.root,
            &mut mount.target,
            &mut mount.vfs_options,
            &mut mount.fstype,
            &mut mount.source,
            &mut mount.fs_options,
        ];
        for word in words {
            word.decode(text);
        }
    }
}

/// Whether there is nothing but printable ASCII without a backslash in the lines.
fn is_plain(text: &[u8]) -> bool {
    let is_odd = |byte: u8| (!matches!(byte, b' '..=b'~') & (byte != b'\n')) | (byte == b'\\');
    // A vector instruction tests many bytes, but only where it need not stop within them.
    text.chunks(4096).all(|chunk| !chunk.iter().fold(false, |odd, &byte| odd | is_odd(byte)))
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
    fn plain_tables() {
        let plain = |target: &[u8]| {
            let text = [b"1 0 0:1 / ", target, b" rw - t s rw\n"].concat();
            parse(text).plain
        };
        assert!(plain(b"/a~!"));
        for target in [&br"/\040"[..], b"/\x01", b"/\x7f", b"/\xc3\xbc", b"/\t"] {
            assert!(!plain(target));
        }
    }
}
