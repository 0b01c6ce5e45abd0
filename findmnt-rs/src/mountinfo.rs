//! `/proc/PID/mountinfo`, as proc_pid_mountinfo(5) describes it.

use std::ops::Range;

use crate::memory::{self, LARGE};
use common::escape;

use crate::table::{Kind, Mount, Span, Table};

/// Hardly a line is shorter than this.
const SHORTEST_LINE: usize = 50;

/// The mounts that `text` describes. A line that is none is passed over.
pub fn parse(text: Vec<u8>) -> Table {
    let mut table = Table::new(Kind::Kernel, text);
    let count = table.text.len() / SHORTEST_LINE;
    table.mounts =
        if table.text.len() < LARGE { Vec::with_capacity(count) } else { memory::large(count) };
    table.plain = is_plain(&table.text);
    let escaped = !table.plain;
    let mut words = Words { text: &mut table.text, escaped, at: 0, line_is_over: false };
    while words.at < words.text.len() {
        table.mounts.extend(mount(&mut words));
        words.next_line();
    }
    table
}

/// Whether there is nothing but printable ASCII without a backslash in the lines.
fn is_plain(text: &[u8]) -> bool {
    let is_odd = |byte: u8| (!matches!(byte, b' '..=b'~') & (byte != b'\n')) | (byte == b'\\');
    // A vector instruction tests many bytes, but only where it need not stop within them.
    text.chunks(4096).all(|chunk| !chunk.iter().fold(false, |odd, &byte| odd | is_odd(byte)))
}

/// The words of a line, separated by single spaces: an empty source is a word too.
struct Words<'a> {
    text: &'a mut [u8],
    /// There may be escapes.
    escaped: bool,
    at: usize,
    line_is_over: bool,
}

impl Words<'_> {
    /// The place of the next word.
    #[inline(always)]
    fn next(&mut self) -> Option<Range<usize>> {
        if self.line_is_over {
            return None;
        }
        let start = self.at;
        let end = word_end(self.text, start);
        self.line_is_over = self.text.get(end) != Some(&b' ');
        self.at = end + 1;
        Some(start..end)
    }

    fn next_line(&mut self) {
        while self.next().is_some() {}
        self.line_is_over = false;
    }

    /// The next word, its escapes decoded where it stands.
    #[inline(always)]
    fn decoded(&mut self) -> Option<Span> {
        let Range { start, mut end } = self.next()?;
        if self.escaped {
            end = start + escape::decode(&mut self.text[start..end]);
        }
        Some(Span::new(start, end))
    }

    /// The digits that come next, and what ends them.
    #[inline(always)]
    fn digits(&mut self) -> Option<(u32, u8)> {
        let first = self.at;
        let mut value = 0_u32;
        while let Some(&byte) = self.text.get(self.at) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                let any = self.at > first;
                // Other words are skipped by the search for the end of the line.
                self.at += usize::from(byte != b'\n');
                return any.then_some((value, byte));
            }
            value = value.checked_mul(10)?.checked_add(digit.into())?;
            self.at += 1;
        }
        None
    }

    fn number_before(&mut self, end: u8) -> Option<u32> {
        let (number, byte) = self.digits()?;
        (byte == end).then_some(number)
    }

    /// The optional fields, up to the separator.
    fn optional(&mut self) -> Option<Span> {
        let first = self.at;
        loop {
            let word = self.next()?;
            if &self.text[word.clone()] == b"-" {
                return Some(Span::new(first, word.start.saturating_sub(1).max(first)));
            }
        }
    }
}

fn mount(words: &mut Words) -> Option<Mount> {
    let (id, parent) = (words.number_before(b' ')?, words.number_before(b' ')?);
    let (major, minor) = (words.number_before(b':')?, words.number_before(b' ')?);
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

/// The end of the word at `start`: at a blank, at the end of the line or of the text. Half of the parser's
/// time would go into looking at single bytes.
#[inline(always)]
fn word_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        match separators(u64::from_le_bytes(*block)) {
            0 => at += 8,
            found => return at + (found.trailing_zeros() / 8) as usize,
        }
    }
    let rest = text[at..].iter().position(|&byte| byte == b' ' || byte == b'\n');
    rest.map_or(text.len(), |length| at + length)
}

/// A mark at the first of eight bytes that is a blank or a newline; marks after it may be wrong.
#[inline(always)]
fn separators(block: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST_BITS: u64 = ONES << 7;
    // A byte of zero borrows from its highest bit.
    let zeros = |block: u64| block.wrapping_sub(ONES) & !block & HIGHEST_BITS;
    zeros(block ^ (ONES * u64::from(b' '))) | zeros(block ^ (ONES * u64::from(b'\n')))
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
    fn words_end_at_blanks_and_newlines_wherever_they_stand() {
        for byte in 0..=u8::MAX {
            for length in 1..20 {
                for at in 0..length {
                    let mut text = vec![b'!'; length];
                    text[at] = byte;
                    let want = if matches!(byte, b' ' | b'\n') { at } else { length };
                    assert_eq!(word_end(&text, 0), want, "{byte} {at}");
                }
            }
        }
    }

    #[test]
    fn control_characters_end_nothing() {
        let table =
            parse(b"1 0 0:1 / /a\x01\tb rw - t s rw\n2 1 0:2 / /c rw - t\x02 s rw".to_vec());
        let targets: Vec<_> = table.mounts.iter().map(|mount| table.target(mount)).collect();
        assert_eq!(targets, [&b"/a\x01\tb"[..], b"/c"]);
        assert_eq!(table.fstype(&table.mounts[1]), b"t\x02");
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
