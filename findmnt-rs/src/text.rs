//! Writes arbitrary bytes safely in each form of output, and computes their width on a terminal.

use unicode_width::UnicodeWidthChar;

const HEX: &[u8; 16] = b"0123456789abcdef";

fn hex(out: &mut Vec<u8>, byte: u8) {
    out.extend([b'\\', b'x', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

/// Writes `word` for a table and returns its width. Bytes that cannot be shown become `\xNN`, and so does a
/// backslash before an `x`.
pub fn table(out: &mut Vec<u8>, word: &[u8], utf8: bool) -> usize {
    if is_plain(word) {
        out.extend_from_slice(word);
        return word.len();
    }
    let start = out.len();
    let mut hidden = 0;
    for chunk in word.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(c) = rest.chars().next() {
            let (this, after) = rest.split_at(c.len_utf8());
            hidden += show(out, c, this, utf8, after.starts_with('x'));
            rest = after;
        }
        chunk.invalid().iter().for_each(|&byte| hex(out, byte));
    }
    out.len() - start - hidden
}

/// Whether the word is printable ASCII without a backslash, which is written unchanged. The loop does not stop
/// early, so that the compiler can use vector instructions.
pub fn is_plain(word: &[u8]) -> bool {
    let is_odd = |byte: u8| !matches!(byte, b' '..=b'~') | (byte == b'\\');
    !word.iter().fold(false, |odd, &byte| odd | is_odd(byte))
}

/// Writes one character; returns the number of its bytes minus its width.
fn show(out: &mut Vec<u8>, c: char, bytes: &str, utf8: bool, before_x: bool) -> usize {
    let visible = !c.is_control() && (c.is_ascii() || utf8) && !(c == '\\' && before_x);
    if !visible {
        bytes.bytes().for_each(|byte| hex(out, byte));
        return 0;
    }
    out.extend_from_slice(bytes.as_bytes());
    bytes.len() - c.width().unwrap_or(0)
}

/// The longest beginning of the text that is at most `limit` columns wide, and its width.
pub fn cut(text: &[u8], limit: usize) -> (&[u8], usize) {
    let (mut bytes, mut columns) = (0, 0);
    for c in std::str::from_utf8(text).unwrap_or_default().chars() {
        let width = c.width().unwrap_or(0);
        if columns + width > limit {
            break;
        }
        bytes += c.len_utf8();
        columns += width;
    }
    (&text[..bytes], columns)
}

/// Writes `word` as one word of a line: blanks and bytes that are not printable ASCII are escaped.
pub fn raw(out: &mut Vec<u8>, word: &[u8]) {
    for &byte in word {
        match byte {
            b'\\' => hex(out, byte),
            b'!'..=b'~' => out.push(byte),
            _ => hex(out, byte),
        }
    }
}

/// Writes `word` for use in double quotes of a shell.
pub fn quoted(out: &mut Vec<u8>, word: &[u8]) {
    for &byte in word {
        match byte {
            b'"' | b'\\' | b'`' | b'$' => hex(out, byte),
            b' '..=b'~' => out.push(byte),
            _ => hex(out, byte),
        }
    }
}

/// Writes `word` as a JSON string. Bytes that are not UTF-8 become the text `\xNN`, because JSON cannot
/// express them.
pub fn json(out: &mut Vec<u8>, word: &[u8]) {
    out.push(b'"');
    for chunk in word.utf8_chunks() {
        chunk.valid().chars().for_each(|c| json_character(out, c));
        for &byte in chunk.invalid() {
            out.push(b'\\');
            hex(out, byte);
        }
    }
    out.push(b'"');
}

/// Writes one character. All control characters are escaped, also those that JSON allows, because the output
/// may go to a terminal.
fn json_character(out: &mut Vec<u8>, c: char) {
    let short = match c {
        '"' | '\\' => c as u8,
        '\x08' => b'b',
        '\t' => b't',
        '\n' => b'n',
        '\x0c' => b'f',
        '\r' => b'r',
        c if c.is_control() => {
            let byte = c as u8;
            out.extend_from_slice(b"\\u00");
            return out.extend([HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
        c => return out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
    };
    out.extend([b'\\', short]);
}

/// Writes `word` as a word of fstab(5) that is harmless to a terminal: control characters are escaped too, and
/// so are bytes that are not UTF-8, which a terminal may take for control characters.
pub fn fstab(out: &mut Vec<u8>, word: &[u8]) {
    let octal = |out: &mut Vec<u8>, byte: u8| {
        out.extend([b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]);
    };
    for chunk in word.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            match c {
                ' ' | '\\' | '#' => octal(out, bytes[0]),
                c if c.is_control() => bytes.iter().for_each(|&byte| octal(out, byte)),
                _ => out.extend_from_slice(bytes),
            }
        }
        chunk.invalid().iter().for_each(|&byte| octal(out, byte));
    }
}

/// Writes a path as a link to itself, for terminals (OSC 8).
pub fn link(out: &mut Vec<u8>, host: &[u8], path: &[u8]) {
    out.extend_from_slice(b"\x1b]8;;file://");
    uri(out, host);
    uri(out, path);
    out.extend_from_slice(b"\x1b\\");
    out.extend_from_slice(path);
    out.extend_from_slice(b"\x1b]8;;\x1b\\");
}

/// Writes bytes as a part of a URI.
fn uri(out: &mut Vec<u8>, path: &[u8]) {
    for &byte in path {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => out.push(byte),
            byte if byte.is_ascii_alphanumeric() => out.push(byte),
            byte => {
                let digit = |value: u8| HEX[usize::from(value)].to_ascii_uppercase();
                out.extend([b'%', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

/// Writes a number in decimal.
pub fn number(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            return out.extend_from_slice(&digits[at..]);
        }
    }
}

/// Writes a size in units of a power of 1024, with at most one digit after the point.
pub fn size(out: &mut Vec<u8>, bytes: u64) {
    let power = (bytes.max(1).ilog2() / 10) as usize;
    let unit = 1_u64 << (10 * power);
    let (mut whole, rest) = (bytes / unit, u128::from(bytes % unit));
    let mut tenths = ((rest * 1000 / u128::from(unit) + 50) / 100) as u8;
    if tenths == 10 {
        (whole, tenths) = (whole + 1, 0);
    }
    number(out, whole);
    if tenths > 0 {
        out.extend([b'.', b'0' + tenths]);
    }
    if bytes > 0 {
        out.push(b"BKMGTPE"[power]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The width of text that [`table`] wrote.
    fn width(text: &[u8]) -> usize {
        let text = std::str::from_utf8(text).unwrap();
        text.chars().filter_map(UnicodeWidthChar::width).sum()
    }

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn tables() {
        for (word, utf8, text, columns) in [
            (&b"/a b"[..], true, "/a b", 4),
            (b"a\\b\tc\n", true, "a\\b\\x09c\\x0a", 12),
            (b"\\x41", true, "\\x5cx41", 7),
            ("日本ü".as_bytes(), true, "日本ü", 5),
            ("ü".as_bytes(), false, "\\xc3\\xbc", 8),
            (b"\xff\xfe\\", true, "\\xff\\xfe\\", 9),
            ("\u{85}".as_bytes(), true, "\\xc2\\x85", 8),
        ] {
            let mut out = Vec::new();
            let got = table(&mut out, word, utf8);
            assert_eq!((std::str::from_utf8(&out).unwrap(), got), (text, columns));
            assert_eq!(width(&out), columns);
        }
    }

    #[test]
    fn cuts_never_split_a_character() {
        assert_eq!(cut("日本".as_bytes(), 3), ("日".as_bytes(), 2));
        assert_eq!(cut(b"abc", 9), (&b"abc"[..], 3));
    }

    #[test]
    fn words_and_strings() {
        let word = b"a b\\\"$`\x01\xff\n";
        assert_eq!(written(|out| raw(out, word)), "a\\x20b\\x5c\"$`\\x01\\xff\\x0a");
        assert_eq!(written(|out| quoted(out, word)), "a b\\x5c\\x22\\x24\\x60\\x01\\xff\\x0a");
        assert_eq!(written(|out| json(out, word)), "\"a b\\\\\\\"$`\\u0001\\\\xff\\n\"");
        assert_eq!(written(|out| fstab(out, b"a b\t\\#")), "a\\040b\\011\\134\\043");
        let hostile = b"\x1b[1m\xc2\x9b\xff\x7f\xc3\xa9";
        assert_eq!(written(|out| fstab(out, hostile)), "\\033[1m\\302\\233\\377\\177\u{e9}");
        assert_eq!(written(|out| json(out, hostile)), "\"\\u001b[1m\\u009b\\\\xff\\u007f\u{e9}\"");
    }

    #[test]
    fn links() {
        let link = written(|out| link(out, b"host", b"/a b"));
        assert_eq!(link, "\x1b]8;;file://host/a%20b\x1b\\/a b\x1b]8;;\x1b\\");
    }

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0"),
            (1, "1B"),
            (1023, "1023B"),
            (1024, "1K"),
            (1536, "1.5K"),
            (85_255_348_224, "79.4G"),
            (1_048_575, "1024K"),
            (u64::MAX, "16E"),
        ] {
            assert_eq!(written(|out| size(out, bytes)), text);
        }
    }

    #[test]
    fn arbitrary_bytes() {
        let mut random = crate::table::random::Random::new(2);
        for _ in 0..20_000 {
            let word = random.bytes(12, b"\\x41 \xc3\xbc\xe6\x97\xa5\"\n");
            for utf8 in [false, true] {
                let mut out = Vec::new();
                let columns = table(&mut out, &word, utf8);
                assert_eq!(width(&out), columns);
                assert!(
                    std::str::from_utf8(&out).is_ok_and(|text| !text.contains(char::is_control))
                );
            }
            let json = written(|out| json(out, &word));
            assert!(!json.contains(char::is_control));
            let escaped = written(|out| fstab(out, &word));
            assert!(!escaped.contains(char::is_control));
            assert_eq!(common::escape::decoded(escaped.as_bytes()), word);
        }
    }
}
