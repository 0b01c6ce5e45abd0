//! The `\ooo` of the kernel's mount table and of fstab(5): a byte that would end the field, as getmntent(3)
//! writes it. Any other backslash stands for itself.

use std::borrow::Cow;

/// A word of such a file as it stands there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Word<'a>(pub &'a [u8]);

impl<'a> Word<'a> {
    /// The text of the word.
    #[must_use]
    pub fn decoded(self) -> Cow<'a, [u8]> {
        match self.0.contains(&b'\\') {
            true => decoded(self.0).into(),
            false => self.0.into(),
        }
    }
}

/// Decodes a field in place; gives the new length.
#[must_use]
pub fn decode(field: &mut [u8]) -> usize {
    let Some(first) = field.iter().position(|&byte| byte == b'\\') else { return field.len() };
    let (mut from, mut to) = (first, first);
    while from < field.len() {
        match octal(&field[from..]) {
            Some(byte) => {
                field[to] = byte;
                from += 4;
            }
            None => {
                field[to] = field[from];
                from += 1;
            }
        }
        to += 1;
    }
    to
}

/// A field, decoded.
#[must_use]
pub fn decoded(field: &[u8]) -> Vec<u8> {
    let mut text = field.to_vec();
    let length = decode(&mut text);
    text.truncate(length);
    text
}

/// A field, encoded: a byte that would end it, and the backslash.
#[must_use]
pub fn encoded(field: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(field.len());
    for &byte in field {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => text.extend(format!("\\{byte:03o}").bytes()),
            _ => text.push(byte),
        }
    }
    text
}

/// Whether a terminal would act on a character, or show other text than there is: control characters, marks of direction
/// ("Trojan Source", CVE-2021-42574), separators of lines and what has no width.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
}

fn octal(word: &[u8]) -> Option<u8> {
    let &[b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] = word else {
        return None;
    };
    Some((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_hide_something() {
        for c in
            "\x1b\x7f\u{9b}\u{61c}\u{200b}\u{200f}\u{2028}\u{202e}\u{2066}\u{2069}\u{feff}".chars()
        {
            assert!(is_hidden(c), "{c:?}");
        }
        assert!(!"a \u{e9}\u{a0}\u{2010}\u{4e2d}\u{1f600}".contains(is_hidden));
    }

    #[test]
    fn octal_escapes() {
        assert_eq!(encoded(b"/a b\t\n\\c\xff"), b"/a\\040b\\011\\012\\134c\xff");
        assert_eq!(decoded(br"/a\040b\011\012\134c"), b"/a b\t\n\\c");
        assert_eq!(decoded(br"\377"), b"\xff");
        for literal in [&br"\4"[..], br"\04", br"\400", br"\08\", br"\x41", b""] {
            assert_eq!(decoded(literal), literal);
        }
    }
}
