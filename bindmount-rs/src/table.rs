//! A table of mounts: the text of fstab(5), in lines and fields.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use common::escape;

/// One line of a table, its escapes resolved.
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

/// A line that is not an entry: its number and the error.
#[derive(Debug, PartialEq, Eq)]
pub struct Malformed {
    pub number: usize,
    pub reason: &'static str,
}

/// The entries of a table, in its order.
pub fn parse(text: &[u8]) -> impl Iterator<Item = Result<Entry, Malformed>> {
    text.split(|&byte| byte == b'\n').enumerate().filter_map(|(index, line)| {
        let number = index + 1;
        entry(number, line).map_err(|reason| Malformed { number, reason }).transpose()
    })
}

/// The fields after the type may be missing; the last two are for dump(8) and fsck(8), and only looked at.
fn entry(number: usize, line: &[u8]) -> Result<Option<Entry>, &'static str> {
    let (source, rest) = match field(line) {
        None | Some(([b'#', ..], _)) => return Ok(None),
        Some(source) => source,
    };
    let (target, rest) = field(rest).ok_or("the target is missing")?;
    let (kind, rest) = field(rest).ok_or("the type is missing")?;
    let (rest, comment) = split_comment(rest);
    let (options, rest) = field(rest).unwrap_or((b"defaults", b""));
    numbers(rest)?;
    Ok(Some(Entry {
        number,
        source: unescape(source)?,
        target: unescape(target)?,
        kind: unescape(kind)?,
        options: unescape(options)?,
        comment,
    }))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// The next field, and the rest of the line.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = line.iter().position(|&byte| !is_blank(byte))?;
    let rest = &line[start..];
    let end = rest.iter().position(|&byte| is_blank(byte)).unwrap_or(rest.len());
    Some(rest.split_at(end))
}

/// The fields that are left, and the text after a `#` that starts one, unless it is empty.
fn split_comment(rest: &[u8]) -> (&[u8], Option<OsString>) {
    let starts = |pair: &[u8]| is_blank(pair[0]) && pair[1] == b'#';
    let Some(at) = rest.windows(2).position(starts) else { return (rest, None) };
    let text = rest[at + 2..].trim_ascii();
    (&rest[..at], (!text.is_empty()).then(|| OsStr::from_bytes(text).to_owned()))
}

/// Dump frequency and fsck pass. Fields after them are not looked at, as in mount(8).
fn numbers(rest: &[u8]) -> Result<(), &'static str> {
    let is_number = |field: &[u8]| {
        let digits = field.strip_prefix(b"-").or(field.strip_prefix(b"+")).unwrap_or(field);
        !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
    };
    let mut fields = rest.split(|&byte| is_blank(byte)).filter(|field| !field.is_empty());
    match fields.by_ref().take(2).all(is_number) {
        true => Ok(()),
        false => Err(
            "the fifth and the sixth field are numbers (a space within a field is written \\040)",
        ),
    }
}

/// A field without its escapes.
pub fn unescape(field: &[u8]) -> Result<OsString, &'static str> {
    let text = escape::decoded(field);
    if text.contains(&0) {
        return Err("a field holds a NUL byte");
    }
    Ok(OsString::from_vec(text))
}

/// Whether a type is selected by the list of `-t`, as mount(8) reads it: `a,b`, or all but those of `noa,b`, which
/// may be written `noa,nob`. Upper and lower case are the same. The `no` of `none` is that prefix too.
pub fn selected(list: &OsStr, kind: &OsStr) -> bool {
    let (list, negative) = match list.as_bytes().strip_prefix(b"no") {
        Some(rest) => (rest, true),
        None => (list.as_bytes(), false),
    };
    let is_kind = |name: &[u8]| name.eq_ignore_ascii_case(kind.as_bytes());
    for name in list.split(|&byte| byte == b',') {
        if name.strip_prefix(b"no").is_some_and(is_kind) {
            return false;
        }
        if is_kind(name) {
            return !negative;
        }
    }
    negative
}

/// Whether a line's options are as the list of `-O` wants them: each word of it there, with its value where it gives
/// one, or, after `no`, not there. After `+` a word stands for itself. An empty value counts as none.
pub fn has_options(wanted: &OsStr, options: &OsStr) -> bool {
    let holds = |word: &[u8]| {
        let word = word.strip_suffix(b"=").unwrap_or(word);
        options.as_bytes().split(|&byte| byte == b',').any(|option| {
            let name = option.split(|&byte| byte == b'=').next();
            option == word || name == Some(word)
        })
    };
    let words = wanted.as_bytes().split(|&byte| byte == b',').filter(|word| !word.is_empty());
    words.into_iter().all(|word| match (word.strip_prefix(b"+"), word.strip_prefix(b"no")) {
        (Some(word), _) => holds(word),
        (None, Some(word)) => !holds(word),
        (None, None) => holds(word),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::arbitrary::Arbitrary;

    fn entries(text: &[u8]) -> Vec<Entry> {
        parse(text).map(Result::unwrap).collect()
    }

    fn reason(text: &[u8]) -> (usize, &'static str) {
        let malformed = parse(text).find_map(Result::err).unwrap();
        (malformed.number, malformed.reason)
    }

    #[test]
    fn fields_and_their_escapes() {
        let entries = entries(
            b"# none\n\n \t# none\n/a\\040b\t/c\\011\\134 none  bind,ro 0 0 # dump\r\n/d /e tmpfs",
        );
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].number, entries[1].number), (4, 5));
        assert_eq!(entries[0].source, "/a b");
        assert_eq!(entries[0].target, "/c\t\\");
        assert_eq!(entries[0].options, "bind,ro");
        assert_eq!(entries[1].options, "defaults");
        assert_eq!(entries[0].comment.as_deref(), Some(OsStr::new("dump")));
        assert_eq!(entries[1].comment, None);
    }

    #[test]
    fn a_comment_may_follow_the_type() {
        for (line, options, comment) in [
            ("s t mask # a[2] b", "defaults", Some("a[2] b")),
            ("s t mask #a", "defaults", Some("a")),
            ("s t mask o#x 0 #\tb ", "o#x", Some("b")),
            ("s t mask o # # c", "o", Some("# c")),
            ("s t mask o #", "o", None),
            ("#s t mask # x", "", None),
        ] {
            let found = parse(line.as_bytes()).next().map(Result::unwrap).unwrap_or_default();
            assert_eq!(found.options, options, "{line}");
            assert_eq!(found.comment.as_deref(), comment.map(OsStr::new), "{line}");
        }
    }

    #[test]
    fn a_backslash_that_starts_no_octal_number_is_one() {
        assert_eq!(unescape(b"\\04\\9\\400\\").unwrap(), "\\04\\9\\400\\");
        assert_eq!(unescape(b"\\377").unwrap().as_bytes(), [255]);
    }

    #[test]
    fn what_is_no_entry() {
        assert_eq!(reason(b"\n/a"), (2, "the target is missing"));
        assert_eq!(reason(b"/a /b"), (1, "the type is missing"));
        assert!(reason(b"/a /b none bind 0 x").1.starts_with("the fifth and the sixth field"));
        assert_eq!(entries(b"/a /b none bind -1 +2 x 8").len(), 1);
        assert!(reason(b"/a /b none bind 0 -").1.starts_with("the fifth"));
        assert_eq!(reason(b"/a\\000 /b none").1, "a field holds a NUL byte");
        assert_eq!(reason(b"/a\0 /b none").1, "a field holds a NUL byte");
    }

    #[test]
    fn lists_of_types() {
        let is = |list, kind| selected(OsStr::new(list), OsStr::new(kind));
        assert!(is("proc,tmpfs", "tmpfs") && !is("proc,tmpfs", "sysfs") && !is("tmp", "tmpfs"));
        assert!(is("noproc,tmpfs", "sysfs") && !is("noproc,tmpfs", "tmpfs"));
        assert!(is("TMPFS", "tmpfs") && !is("noTMPFS", "tmpfs") && is("tmpfs", "TMPFS"));
        assert!(!is("noproc,notmpfs", "tmpfs") && is("noproc,notmpfs", "sysfs"));
        assert!(is("none", "none") && is("none", "proc") && !is("none", "ne"));
        assert!(!is("nonone", "none") && is("nonone", "proc"));
    }

    #[test]
    fn lists_of_options() {
        let has = |wanted, options| has_options(OsStr::new(wanted), OsStr::new(options));
        assert!(has("_netdev", "bind,_netdev") && !has("_netdev", "bind") && !has("bin", "bind"));
        assert!(has("no_netdev", "bind") && !has("no_netdev", "bind,_netdev"));
        assert!(has("+noauto", "noauto") && !has("noauto", "auto") && has("noauto", "noauto"));
        assert!(has("mode,size=1m", "size=1m,mode=7") && !has("size=2m", "size=1m"));
        assert!(has("", "bind") && has("bind,no_netdev", "bind"));
        assert!(has("bind=", "bind") && !has("bind=", "ro") && has("size=", "size=1m"));
        assert!(!has("nobind=", "bind") && has("nobind=", "ro"));
    }

    #[test]
    fn arbitrary_bytes_are_entries_or_errors() {
        let mut arbitrary = Arbitrary::new();
        for _ in 0..20_000 {
            let text = arbitrary.text(&[
                b" ", b"\t", b"\n", b"\r", b"#", b"\\", b"\\040", b"\\777", b"\\000", b"/a",
                b"none", b"0", b",", b"=", b"\xff",
            ]);
            let mut last = 0;
            for item in parse(&text) {
                let number = match &item {
                    Ok(entry) => {
                        for field in [&entry.source, &entry.target, &entry.kind, &entry.options] {
                            assert!(!field.is_empty() && !field.as_bytes().contains(&0));
                        }
                        entry.number
                    }
                    Err(malformed) => malformed.number,
                };
                assert!(number > last);
                last = number;
            }
            assert!(last <= text.iter().filter(|&&byte| byte == b'\n').count() + 1);
        }
    }

    #[test]
    fn arbitrary_names_come_through_their_escapes() {
        let escape = |name: &[u8]| -> Vec<u8> {
            name.iter().flat_map(|byte| format!("\\{byte:03o}").into_bytes()).collect()
        };
        let mut arbitrary = Arbitrary::new();
        for _ in 0..2_000 {
            let mut name = arbitrary.text(&[b" ", b"\n", b"\\", b"a", b"\xff"]);
            name.retain(|&byte| byte != 0);
            assert_eq!(unescape(&escape(&name)).unwrap().as_bytes(), name);
        }
    }
}
