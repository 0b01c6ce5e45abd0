//! The `\ooo` of the kernel's mount table and of fstab(5): a byte that would end the field, as getmntent(3)
//! writes it. Any other backslash stands for itself.

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
    fn octal_escapes() {
        assert_eq!(decoded(br"/a\040b\011\012\134c"), b"/a b\t\n\\c");
        assert_eq!(decoded(br"\377"), b"\xff");
        for literal in [&br"\4"[..], br"\04", br"\400", br"\08\", br"\x41", b""] {
            assert_eq!(decoded(literal), literal);
        }
    }
}
