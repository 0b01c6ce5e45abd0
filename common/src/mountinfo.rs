//! The kernel's table of mounts, `/proc/PID/mountinfo` (proc_pid_mountinfo(5)): one mount on each line.

use crate::escape::Word;

/// One line of the table. Its words borrow from the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mount<'a> {
    /// The kernel uses it again once the mount is gone.
    pub id: u32,
    /// The id of the mount that this one is mounted on.
    pub parent: u32,
    /// With `minor`, the device number of the file system.
    pub major: u32,
    #[allow(missing_docs)]
    pub minor: u32,
    /// The directory or file of the file system that is mounted.
    pub root: Word<'a>,
    /// The path of the mount, seen from the root directory of the process.
    pub point: Word<'a>,
    /// The options of the mount itself.
    pub options: Word<'a>,
    /// Words such as `shared:1` and `unbindable`, with single blanks between them.
    pub optional: &'a [u8],
    /// The type of the file system.
    pub kind: Word<'a>,
    /// May be empty.
    pub source: Word<'a>,
    /// The options of the superblock.
    pub superblock: Word<'a>,
}

impl Mount<'_> {
    /// Whether one of the optional fields starts with `word`.
    #[must_use]
    pub fn says(&self, word: &[u8]) -> bool {
        self.optional.split(|&byte| byte == b' ').any(|field| field.starts_with(word))
    }
}

/// The mounts of a table, in its order. Lines of another form are skipped.
#[inline(always)]
#[must_use]
pub fn mounts(text: &[u8]) -> Mounts<'_> {
    Mounts { text, at: 0, line_is_over: false }
}

/// See [`mounts`]. Words are separated by single blanks: the source may be empty.
#[derive(Clone, Debug)]
pub struct Mounts<'a> {
    text: &'a [u8],
    at: usize,
    line_is_over: bool,
}

impl<'a> Iterator for Mounts<'a> {
    type Item = Mount<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<Mount<'a>> {
        while self.at < self.text.len() {
            let mount = self.mount();
            self.end_line();
            if mount.is_some() {
                return mount;
            }
        }
        None
    }
}

impl<'a> Mounts<'a> {
    #[inline(always)]
    fn mount(&mut self) -> Option<Mount<'a>> {
        let (id, parent) = (self.number_before(b' ')?, self.number_before(b' ')?);
        let (major, minor) = (self.number_before(b':')?, self.number_before(b' ')?);
        Some(Mount {
            id,
            parent,
            major,
            minor,
            root: Word(self.word()?),
            point: Word(self.word()?),
            options: Word(self.word()?),
            optional: self.optional()?,
            kind: Word(self.word()?),
            source: Word(self.word()?),
            superblock: Word(self.word().unwrap_or_default()),
        })
    }

    #[inline(always)]
    fn word(&mut self) -> Option<&'a [u8]> {
        if self.line_is_over {
            return None;
        }
        let start = self.at;
        let end = word_end(self.text, start);
        self.line_is_over = self.text.get(end) != Some(&b' ');
        self.at = end + 1;
        self.text.get(start..end)
    }

    #[inline(always)]
    fn end_line(&mut self) {
        while !self.line_is_over {
            let end = word_end(self.text, self.at);
            self.line_is_over = self.text.get(end) != Some(&b' ');
            self.at = end + 1;
        }
        self.line_is_over = false;
    }

    /// A decimal number that `end` follows.
    #[inline(always)]
    fn number_before(&mut self, end: u8) -> Option<u32> {
        let first = self.at;
        let mut value = 0_u32;
        while let Some(&byte) = self.text.get(self.at) {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                let is_number = self.at > first && byte == end;
                // The search for the end of the line skips other words, but must see the newline.
                self.at += usize::from(byte != b'\n');
                return is_number.then_some(value);
            }
            value = value.checked_mul(10)?.checked_add(digit.into())?;
            self.at += 1;
        }
        None
    }

    /// The optional fields, up to the separator `-`.
    #[inline(always)]
    fn optional(&mut self) -> Option<&'a [u8]> {
        let first = self.at;
        loop {
            let start = self.at;
            if self.word()? == b"-" {
                return self.text.get(first..start.saturating_sub(1).max(first));
            }
        }
    }
}

/// The end of the word at `start`: a blank, a newline or the end of the text. Half of the time of the parser would be spent
/// on single bytes.
#[inline(always)]
fn word_end(text: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk()) {
        match separators(u64::from_le_bytes(*block)) {
            0 => at += 8,
            found => return at + (found.trailing_zeros() / 8) as usize,
        }
    }
    let rest = text.get(at..).unwrap_or_default();
    let length = rest.iter().position(|&byte| byte == b' ' || byte == b'\n');
    length.map_or(text.len(), |length| at + length)
}

/// Marks the first blank or newline among eight bytes. Marks after the first may be wrong.
#[inline(always)]
fn separators(block: u64) -> u64 {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    const HIGHEST_BITS: u64 = ONES << 7;
    // A byte of zero borrows from its highest bit.
    let zeros = |block: u64| block.wrapping_sub(ONES) & !block & HIGHEST_BITS;
    zeros(block ^ (ONES * u64::from(b' '))) | zeros(block ^ (ONES * u64::from(b'\n')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::Arbitrary;
    use crate::escape;

    fn only(text: &[u8]) -> Mount<'_> {
        let all: Vec<_> = mounts(text).collect();
        assert_eq!(all.len(), 1);
        all[0]
    }

    #[test]
    fn every_field() {
        let mount = only(
            b"31 30 8:2 /a\\040b /mnt/\\134x rw,noatime shared:3 master:5 - fuse.sshfs u@h:/x ro,y\n",
        );
        assert_eq!((mount.id, mount.parent, mount.major, mount.minor), (31, 30, 8, 2));
        assert_eq!(*mount.root.decoded(), b"/a b"[..]);
        assert_eq!(*mount.point.decoded(), b"/mnt/\\x"[..]);
        assert_eq!(mount.options.0, b"rw,noatime");
        assert_eq!(mount.optional, b"shared:3 master:5");
        assert!(mount.says(b"shared:") && mount.says(b"master:5") && !mount.says(b"unbindable"));
        assert_eq!((mount.kind.0, mount.source.0), (&b"fuse.sshfs"[..], &b"u@h:/x"[..]));
        assert_eq!(mount.superblock.0, b"ro,y");
    }

    #[test]
    fn empty_fields() {
        let mount = only(b"1 0 0:1 / / rw - tmpfs  rw");
        assert_eq!((mount.optional, mount.source.0), (&b""[..], &b""[..]));
        assert_eq!((mount.kind.0, mount.superblock.0), (&b"tmpfs"[..], &b"rw"[..]));
        assert!(!mount.says(b"shared:"));
        assert_eq!(only(b"1 0 0:1 / / rw - tmpfs x").superblock.0, b"");
    }

    #[test]
    fn lines_of_another_form_are_skipped() {
        let text = b"\n1\n1 x 0:1 / / rw - t s o\n1 0 01 / / rw - t s o\n1 0 0:1 / / rw t s o\n\
            99999999999 0 0:1 / / rw - t s o\n1 2 3 4 5 6 7\n 7 0 0:1 / / rw - t s o\n7 0 0:1 / / rw - t s o\n";
        assert_eq!(only(text).id, 7);
    }

    #[test]
    fn control_characters_end_nothing() {
        let text = b"1 0 0:1 / /a\x01\tb rw - t s rw\n2 1 0:2 / /c\r rw - t\x02 s rw";
        let points: Vec<_> = mounts(text).map(|mount| mount.point.0).collect();
        assert_eq!(points, [&b"/a\x01\tb"[..], b"/c\r"]);
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

    /// As seq_escape(3) of the kernel writes names: any name comes back as it was.
    #[test]
    fn arbitrary_names_come_back() {
        let mut arbitrary = Arbitrary::new();
        let (mut names, mut text) = (Vec::new(), Vec::new());
        for id in 0..2_000 {
            let name = arbitrary.text(&[b" ", b"\t", b"\n", b"\\", b"\\040", b"-", b" - ", b"a"]);
            let word = escape::encoded(&name);
            text.extend(format!("{id} 1 0:{id} / ").bytes());
            let optional = [&b""[..], b"shared:1 ", b"shared:1 master:2 "][arbitrary.below(3)];
            text.extend([&word[..], b" rw ", optional, b"- t ", &word, b" rw\n"].concat());
            names.push(name);
        }
        let found: Vec<_> = mounts(&text).collect();
        assert_eq!(found.len(), names.len());
        for (id, (mount, name)) in found.iter().zip(&names).enumerate() {
            assert_eq!((mount.id, mount.minor), (id as u32, id as u32));
            assert_eq!(*mount.point.decoded(), name[..]);
            assert_eq!(*mount.source.decoded(), name[..]);
        }
    }

    /// No word reaches beyond its line, and all that is found is what the simplest reader finds.
    #[test]
    fn arbitrary_bytes() {
        let mut arbitrary = Arbitrary::new();
        let mut count = 0;
        for _ in 0..50_000 {
            let text = arbitrary.text(&[
                b"1 0 0:1 / / rw - t s rw\n",
                b"12 3 4:5",
                b" ",
                b" ",
                b"/",
                b" - ",
                b"-",
                b"\n",
                b"\\040",
                b"1 1 0:1 / / rw",
                b" t s o",
                b":",
                b"4294967296",
            ]);
            let found: Vec<_> = mounts(&text).collect();
            assert_eq!(
                found,
                text.split(|&byte| byte == b'\n').filter_map(simple).collect::<Vec<_>>()
            );
            count += found.len();
        }
        assert!(count > 10_000, "{count}");
    }

    fn simple(line: &[u8]) -> Option<Mount<'_>> {
        let number = |word: &[u8]| {
            let is_number = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
            std::str::from_utf8(word).ok()?.parse().ok().filter(|_| is_number)
        };
        let words: Vec<_> = line.split(|&byte| byte == b' ').collect();
        let dash = words.iter().skip(6).position(|word| *word == b"-")? + 6;
        let colon = words[2].iter().position(|&byte| byte == b':')?;
        let first = words[..6].iter().map(|word| word.len() + 1).sum::<usize>();
        let length = words[6..dash].iter().map(|word| word.len() + 1).sum::<usize>();
        Some(Mount {
            id: number(words[0])?,
            parent: number(words[1])?,
            major: number(&words[2][..colon])?,
            minor: number(&words[2][colon + 1..])?,
            root: Word(words[3]),
            point: Word(words[4]),
            options: Word(words[5]),
            optional: &line[first..first + length.saturating_sub(1)],
            kind: Word(words.get(dash + 1)?),
            source: Word(words.get(dash + 2)?),
            superblock: Word(words.get(dash + 3).unwrap_or(&&b""[..])),
        })
    }
}
