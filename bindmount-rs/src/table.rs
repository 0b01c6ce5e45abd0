//! A table of mounts, with the texts of its fields.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use common::escape::Word;
use common::fstab::{self, Malformed};

/// One line of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The line's number, from 1.
    pub number: usize,
    pub source: OsString,
    pub target: OsString,
    pub kind: OsString,
    pub options: OsString,
    /// The text after a `#` that follows the fields.
    pub comment: Option<OsString>,
}

impl Entry {
    fn of(line: &fstab::Entry) -> Self {
        let text = |word: Word| OsString::from_vec(word.decoded().into_owned());
        Self {
            number: line.number,
            source: text(line.source),
            target: text(line.target),
            kind: text(line.kind),
            options: line.options.map_or("defaults".into(), text),
            comment: line.comment.map(|comment| OsString::from_vec(comment.to_vec())),
        }
    }
}

/// The entries of a table, in its order.
pub fn parse(text: &[u8]) -> impl Iterator<Item = Result<Entry, Malformed>> {
    fstab::entries(text).map(|line| line.map(|line| Entry::of(&line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_of_a_line() {
        let entries: Vec<_> = parse(b"/a\\040b /c none bind,ro 0 0 # dump\n/d /e tmpfs\n")
            .map(Result::unwrap)
            .collect();
        let texts = |entry: &Entry| {
            [&entry.source, &entry.target, &entry.kind, &entry.options].map(Clone::clone)
        };
        assert_eq!(texts(&entries[0]), ["/a b", "/c", "none", "bind,ro"]);
        assert_eq!(texts(&entries[1]), ["/d", "/e", "tmpfs", "defaults"]);
        assert_eq!((entries[0].comment.clone(), entries[1].number), (Some("dump".into()), 2));
    }
}
