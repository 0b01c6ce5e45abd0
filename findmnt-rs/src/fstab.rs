//! fstab(5).

use common::escape;

use crate::table::{Kind, Mount, Span, Table};

/// The lines that `text` holds, and the numbers of those that are none.
pub fn parse(text: Vec<u8>) -> (Table, Vec<usize>) {
    let mut table = Table::new(Kind::Fstab, text);
    let mut wrong = Vec::new();
    let (mut start, mut number) = (0, 0);
    while start < table.text.len() {
        let rest = &table.text[start..];
        let end = start + rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        number += 1;
        match line(&mut table.text, start, end) {
            Line::Mount(mount) => table.mounts.push(mount),
            Line::Nothing => {}
            Line::Wrong => wrong.push(number),
        }
        start = end + 1;
    }
    (table, wrong)
}

enum Line {
    Mount(Mount),
    Nothing,
    Wrong,
}

fn line(text: &mut [u8], start: usize, end: usize) -> Line {
    let words = words(&text[start..end], start);
    let &[source, target, fstype, ref rest @ ..] = &words[..] else {
        return if words.is_empty() { Line::Nothing } else { Line::Wrong };
    };
    let number = |at: usize| match rest.get(at) {
        Some(&(start, end)) => integer(&text[start..end]),
        None => Some(0),
    };
    let (Some(freq), Some(passno)) = (number(1), number(2)) else { return Line::Wrong };
    let options = rest.first().copied();
    let mut decode = |(start, end): (usize, usize)| {
        let length = escape::decode(&mut text[start..end]);
        Span::new(start, start + length)
    };
    Line::Mount(Mount {
        source: decode(source),
        target: decode(target),
        fstype: decode(fstype),
        vfs_options: options.map(decode).unwrap_or_default(),
        freq,
        passno,
        ..Mount::default()
    })
}

/// The places of the words of a line. A comment takes a whole line, or follows the last number.
fn words(line: &[u8], offset: usize) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(skip) = line[at..].iter().position(|&byte| !blank(byte)) {
        let start = at + skip;
        if line[start] == b'#' && (words.is_empty() || words.len() > 3) {
            break;
        }
        let length = line[start..].iter().position(|&byte| blank(byte));
        at = length.map_or(line.len(), |length| start + length);
        words.push((offset + start, offset + at));
    }
    words
}

fn blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

fn integer(digits: &[u8]) -> Option<i32> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::random::Random;

    #[test]
    fn lines() {
        let text = b"# comment\n\n  LABEL=r\t/ ext4 defaults 0 1 # end\n/s\\040x /d none bind\nproc /proc proc\r\n";
        let (table, wrong) = parse(text.to_vec());
        assert!(wrong.is_empty());
        let words: Vec<_> = table
            .mounts
            .iter()
            .map(|mount| [mount.source, mount.target, mount.fstype, mount.vfs_options])
            .map(|spans| spans.map(|span| std::str::from_utf8(table.word(span)).unwrap()))
            .collect();
        assert_eq!(words[0], ["LABEL=r", "/", "ext4", "defaults"]);
        assert_eq!(words[1], ["/s x", "/d", "none", "bind"]);
        assert_eq!(words[2], ["proc", "/proc", "proc", ""]);
        assert_eq!(table.mounts[0].passno, 1);
    }

    #[test]
    fn wrong_lines_are_counted() {
        let (table, wrong) = parse(b"a b c\nbad\na b c d x\na b c d 0 1x\n#\n".to_vec());
        assert_eq!((table.mounts.len(), &wrong[..]), (1, &[2, 3, 4][..]));
    }

    #[test]
    fn arbitrary_bytes() {
        let mut random = Random::new(4);
        for _ in 0..20_000 {
            let (table, _) = parse(random.bytes(60, b"a /b\t\n\\040 # 1 -1"));
            for mount in &table.mounts {
                assert!(!table.source(mount).is_empty());
            }
        }
    }
}
