//! The lines of fstab(5), as libmount 2.42 reads them, and comments after the fields.

use crate::escape::Word;

/// A line that names a mount. Its words borrow from the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// The number of the line, from 1.
    pub number: usize,
    #[allow(missing_docs)]
    pub source: Word<'a>,
    #[allow(missing_docs)]
    pub target: Word<'a>,
    /// The type of the file system.
    pub kind: Word<'a>,
    /// A list of options. The field may be missing.
    pub options: Option<Word<'a>>,
    /// For dump(8): the days between two dumps.
    pub frequency: i32,
    /// For fsck(8): the order of the checks.
    pub pass: i32,
    /// The text after a `#` that starts a field after the type. libmount knows no such comment: it takes `#` for the options
    /// or refuses the line, and ignores it only after the numbers.
    pub comment: Option<&'a [u8]>,
}

/// A line with an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// The number of the line, from 1.
    pub number: usize,
    #[allow(missing_docs)]
    pub reason: &'static str,
}

/// The entries of a table, in its order.
pub fn entries(text: &[u8]) -> impl Iterator<Item = Result<Entry<'_>, Malformed>> {
    text.split(|&byte| byte == b'\n').enumerate().filter_map(|(index, line)| {
        let number = index + 1;
        entry(number, line).map_err(|reason| Malformed { number, reason }).transpose()
    })
}

fn entry(number: usize, line: &[u8]) -> Result<Option<Entry<'_>>, &'static str> {
    // A carriage return is a part of its field anywhere else.
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (source, rest) = match field(line) {
        None | Some(([b'#', ..], _)) => return Ok(None),
        Some(source) => source,
    };
    let (target, rest) = field(rest).ok_or("the target is missing")?;
    let (kind, rest) = field(rest).ok_or("the type is missing")?;
    let (rest, comment) = split_comment(rest);
    let (options, rest) = field(rest).map_or((None, rest), |(word, rest)| (Some(word), rest));
    let (frequency, rest) = integer(rest)?;
    let (pass, _) = integer(rest)?;
    Ok(Some(Entry {
        number,
        source: word(source)?,
        target: word(target)?,
        kind: word(kind)?,
        options: options.map(word).transpose()?,
        frequency,
        pass,
        comment,
    }))
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The next field, and the rest of the line.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let start = line.iter().position(|&byte| !is_blank(byte))?;
    let rest = &line[start..];
    let end = rest.iter().position(|&byte| is_blank(byte)).unwrap_or(rest.len());
    Some(rest.split_at(end))
}

/// The fields before a comment, and its text, unless that is empty.
fn split_comment(rest: &[u8]) -> (&[u8], Option<&[u8]>) {
    let starts = |pair: &[u8]| is_blank(pair[0]) && pair[1] == b'#';
    let Some(at) = rest.windows(2).position(starts) else { return (rest, None) };
    let text = rest[at + 2..].trim_ascii();
    (&rest[..at], (!text.is_empty()).then_some(text))
}

/// The next field as an int, 0 if it is missing, and the rest of the line. A large number loses its upper bits, as in libmount.
fn integer(rest: &[u8]) -> Result<(i32, &[u8]), &'static str> {
    let Some((text, rest)) = field(rest) else { return Ok((0, rest)) };
    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(
            "the fifth and the sixth field are numbers (a space within a field is written \\040)",
        );
    }
    let limit = if text[0] == b'-' { i64::MIN } else { i64::MAX };
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    Ok((number.unwrap_or(limit) as i32, rest))
}

/// For libmount a field would end at a NUL byte: it would mount elsewhere than the line says.
fn word(field: &[u8]) -> Result<Word<'_>, &'static str> {
    match Word(field).decoded().contains(&0) {
        true => Err("a field holds a NUL byte"),
        false => Ok(Word(field)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arbitrary::Arbitrary;
    use crate::escape;

    /// The fields of the first line, with `|` between them, or the reason why it has none.
    fn fields(line: &str) -> String {
        match entries(line.as_bytes()).next() {
            None => "nothing".into(),
            Some(Err(malformed)) => malformed.reason.into(),
            Some(Ok(entry)) => {
                let text = |word: Word| String::from_utf8_lossy(&word.decoded()).into_owned();
                let options = entry.options.map_or("-".into(), text);
                let words = [text(entry.source), text(entry.target), text(entry.kind), options];
                let comment =
                    entry.comment.map(|text| format!("|{}", String::from_utf8_lossy(text)));
                let numbers = format!("{} {}", entry.frequency, entry.pass);
                format!("{}|{numbers}{}", words.join("|"), comment.unwrap_or_default())
            }
        }
    }

    /// The answers are those of `findmnt --tab-file`, except for comments and NUL bytes.
    #[test]
    fn lines() {
        const NUMBERS: &str =
            "the fifth and the sixth field are numbers (a space within a field is written \\040)";
        for (line, want) in [
            ("a /b c d 3 1", "a|/b|c|d|3 1"),
            ("a /b c d 3", "a|/b|c|d|3 0"),
            ("a /b c d", "a|/b|c|d|0 0"),
            (" \ta  /b\t\tc ", "a|/b|c|-|0 0"),
            ("a /b", "the type is missing"),
            ("a", "the target is missing"),
            ("", "nothing"),
            (" \t", "nothing"),
            (" # a b c", "nothing"),
            ("#a b c", "nothing"),
            ("a #b c#c d", "a|#b|c#c|d|0 0"),
            ("/a\\040b /c\\011\\134 c d", "/a b|/c\t\\|c|d|0 0"),
            ("\\04\\9\\400\\ /b c", "\\04\\9\\400\\|/b|c|-|0 0"),
            // Numbers are those of strtol(3), cut to an int; fields after them are ignored.
            ("a /b c d -1 +2 x", "a|/b|c|d|-1 2"),
            ("a /b c d 99999999999 2", "a|/b|c|d|1215752191 2"),
            ("a /b c d 99999999999999999999", "a|/b|c|d|-1 0"),
            ("a /b c d x", NUMBERS),
            ("a /b c d 0 1x", NUMBERS),
            ("a /b c d 0 -", NUMBERS),
            // One carriage return ends a line; others are a part of their field.
            ("a /b c\r", "a|/b|c|-|0 0"),
            ("a /b c d\r\r", "a|/b|c|d\r|0 0"),
            ("a\r /b c \rd", "a\r|/b|c|\rd|0 0"),
            ("a /b c d 0\r 1", NUMBERS),
            ("\r", "nothing"),
            // Comments.
            ("s t mask # a[2] b", "s|t|mask|-|0 0|a[2] b"),
            ("s t mask #a", "s|t|mask|-|0 0|a"),
            ("s t mask o#x 0 #\tb \r", "s|t|mask|o#x|0 0|b"),
            ("s t mask o # # c", "s|t|mask|o|0 0|# c"),
            ("s t mask o 0 1 #", "s|t|mask|o|0 1"),
            ("a\\000 /b c", "a field holds a NUL byte"),
            ("a /b\0 c", "a field holds a NUL byte"),
        ] {
            assert_eq!(fields(line), want, "{line:?}");
        }
    }

    #[test]
    fn lines_are_counted() {
        let text = b"# none\n\nbad\na b c\nworse\n/d /e tmpfs";
        let numbers: Vec<_> = entries(text)
            .map(|entry| entry.map(|entry| entry.number).map_err(|malformed| malformed.number))
            .collect();
        assert_eq!(numbers, [Err(3), Ok(4), Err(5), Ok(6)]);
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
            for item in entries(&text) {
                let number = match &item {
                    Ok(entry) => {
                        let options = entry.options.unwrap_or(entry.kind);
                        for field in [entry.source, entry.target, entry.kind, options] {
                            let decoded = field.decoded();
                            assert!(!decoded.is_empty() && !decoded.contains(&0));
                            assert!(!field.0.iter().any(|&byte| is_blank(byte) || byte == b'\n'));
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
    fn arbitrary_names_come_back() {
        let mut arbitrary = Arbitrary::new();
        for _ in 0..2_000 {
            let mut name = arbitrary.text(&[b" ", b"\n", b"\\", b"#", b"a", b"\xff"]);
            name.retain(|&byte| byte != 0);
            let line = [b"s /", &escape::encoded(&name)[..], b" t\n"].concat();
            let target = entries(&line).next().unwrap().unwrap().target;
            assert_eq!(target.decoded()[1..], name);
        }
    }
}
