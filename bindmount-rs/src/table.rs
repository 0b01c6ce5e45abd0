//! A table of mounts: the text of fstab(5), in lines and fields.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;

/// One line of a table, its escapes resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The line's number, from 1.
    pub number: usize,
    pub source: OsString,
    pub target: OsString,
    pub kind: OsString,
    pub options: OsString,
}

/// A line that is no entry: its number and what is wrong with it.
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
    let mut fields =
        line.split(|byte| matches!(byte, b' ' | b'\t' | b'\r')).filter(|field| !field.is_empty());
    let source = match fields.next() {
        None | Some([b'#', ..]) => return Ok(None),
        Some(source) => source,
    };
    let target = fields.next().ok_or("the target is missing")?;
    let kind = fields.next().ok_or("the type is missing")?;
    let options = fields.next().unwrap_or(b"defaults");
    numbers(fields)?;
    Ok(Some(Entry {
        number,
        source: unescape(source)?,
        target: unescape(target)?,
        kind: unescape(kind)?,
        options: unescape(options)?,
    }))
}

/// Dump frequency and fsck pass; a comment may stand behind the fields.
fn numbers<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Result<(), &'static str> {
    for (index, field) in fields.enumerate() {
        if field[0] == b'#' {
            break;
        }
        if index == 2 {
            return Err("there are more than six fields (a space within one is written \\040)");
        }
        if !field.iter().all(u8::is_ascii_digit) {
            return Err("the fifth and the sixth field are numbers");
        }
    }
    Ok(())
}

/// Resolves `\ooo`, as getmntent(3) writes a byte that would end the field. Any other backslash stands
/// for itself.
pub fn unescape(field: &[u8]) -> Result<OsString, &'static str> {
    let mut text = Vec::with_capacity(field.len());
    let mut rest = field;
    while let [first, tail @ ..] = rest {
        match rest {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..] => {
                text.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = tail;
            }
            _ => {
                text.push(*first);
                rest = tail;
            }
        }
    }
    if text.contains(&0) {
        return Err("a field holds a NUL byte");
    }
    Ok(OsString::from_vec(text))
}

/// Whether a type is named by the list of `-t`: `a,b`, or all but those of `noa,b`.
pub fn selected(list: &OsStr, kind: &OsStr) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let list = list.as_bytes();
    let (list, negative) = match list.strip_prefix(b"no") {
        Some(rest) if !rest.is_empty() && list != b"none" => (rest, true),
        _ => (list, false),
    };
    let named = list.split(|&byte| byte == b',').any(|name| name == kind.as_bytes());
    named != negative
}
