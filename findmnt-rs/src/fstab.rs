//! The table of an fstab(5).

use common::escape::Word;
use common::fstab::{self, Entry, Malformed};

use crate::table::{Kind, Mount, Span, Table};

/// The lines that `text` holds, and the numbers of those with an error.
pub fn parse(text: Vec<u8>) -> (Table, Vec<usize>) {
    let (mut mounts, mut wrong) = (Vec::new(), Vec::new());
    for entry in fstab::entries(&text) {
        match entry {
            Ok(entry) => mounts.push(mount(&text, &entry)),
            Err(Malformed { number, .. }) => wrong.push(number),
        }
    }
    let mut table = Table { mounts, ..Table::new(Kind::Fstab, text) };
    decode(&mut table);
    (table, wrong)
}

fn mount(text: &[u8], entry: &Entry) -> Mount {
    let word = |word: Word| Span::of(text, word.0);
    Mount {
        source: word(entry.source),
        target: word(entry.target),
        fstype: word(entry.kind),
        vfs_options: entry.options.map(word).unwrap_or_default(),
        freq: entry.frequency,
        passno: entry.pass,
        ..Mount::default()
    }
}

/// Decodes the escapes of all words where they stand.
fn decode(table: &mut Table) {
    let Table { text, mounts, .. } = table;
    for mount in mounts {
        let Mount { source, target, fstype, vfs_options, .. } = mount;
        for word in [source, target, fstype, vfs_options] {
            word.decode(text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
