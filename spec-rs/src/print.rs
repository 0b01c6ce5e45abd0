//! The text: the only module that quotes. It is POSIX shell, and safe to handle: it can be pasted into an
//! interactive shell, and holds no control character but newlines.

use std::fmt;

use common::escape::is_hidden;

/// The words of one line each; the tool first, its options on lines of their own.
#[derive(Debug, Default)]
pub struct Chain {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    indent: bool,
    words: Vec<Vec<u8>>,
}

impl Chain {
    /// A line that begins with a program.
    pub fn program<T: AsRef<[u8]>>(&mut self, words: impl IntoIterator<Item = T>) {
        self.push(false, words);
    }

    /// A line of options, where there are any.
    pub fn options<T: AsRef<[u8]>>(&mut self, words: impl IntoIterator<Item = T>) {
        self.push(true, words);
    }

    fn push<T: AsRef<[u8]>>(&mut self, indent: bool, words: impl IntoIterator<Item = T>) {
        let words: Vec<_> = words.into_iter().map(|word| word.as_ref().to_vec()).collect();
        if !words.is_empty() {
            self.lines.push(Line { indent, words });
        }
    }
}

/// A text that travels on a descriptor, as a here-document. No line of it is the one that ends it.
#[derive(Debug)]
pub struct Document {
    pub descriptor: u8,
    pub name: &'static str,
    pub lines: Vec<Vec<u8>>,
}

/// The whole text.
#[derive(Debug, Default)]
pub struct Script {
    out: Vec<u8>,
}

impl Script {
    /// The text is a subshell, so that it neither ends nor changes the shell that it is pasted into. What cannot be
    /// done ends it with the status 1.
    pub fn new() -> Self {
        let mut script = Self::default();
        script.line(b"(");
        script.line(br#"fail() { printf '%s\n' "runsh: cannot $1" >&2; exit 1; }"#);
        script
    }

    /// A line of shell as it stands.
    pub fn line(&mut self, line: &[u8]) {
        self.out.extend_from_slice(line);
        self.out.push(b'\n');
    }

    /// A comment. It is a command without effect, since not every interactive shell knows comments.
    pub fn comment(&mut self, text: &str) {
        self.words(&[b":", text.as_bytes()]);
    }

    /// A command, and what could not be done where it fails.
    pub fn step(&mut self, words: &[&[u8]], step: impl fmt::Display) {
        self.join(words);
        self.out.extend_from_slice(b" || fail ");
        word(&mut self.out, step.to_string().as_bytes());
        self.out.push(b'\n');
    }

    pub fn words(&mut self, words: &[&[u8]]) {
        self.join(words);
        self.out.push(b'\n');
    }

    /// The line that the text becomes. `before` is as it stands.
    pub fn become_chain(mut self, before: &str, chain: &Chain, documents: &[Document]) -> Vec<u8> {
        self.out.extend_from_slice(b"exec");
        self.out.extend_from_slice(before.as_bytes());
        for line in &chain.lines {
            self.out.extend_from_slice(if line.indent { b" \\\n  " } else { b" \\\n" });
            let words: Vec<_> = line.words.iter().map(Vec::as_slice).collect();
            self.join(&words);
        }
        for Document { descriptor, name, .. } in documents {
            self.out.extend_from_slice(format!(" {descriptor}<<'{name}'").as_bytes());
        }
        self.out.push(b'\n');
        for document in documents {
            document.lines.iter().for_each(|line| self.line(line));
            self.line(document.name.as_bytes());
        }
        self.line(b")");
        self.out
    }

    fn join(&mut self, words: &[&[u8]]) {
        for (index, text) in words.iter().enumerate() {
            if index > 0 {
                self.out.push(b' ');
            }
            word(&mut self.out, text);
        }
    }
}

/// Writes `text` as one word of shell. Control characters would reach the terminal of whoever reads the text, or, as
/// tabs do, act on the shell that it is pasted into: printf writes them.
fn word(out: &mut Vec<u8>, text: &[u8]) {
    if !text.is_empty() && text[0] != b'=' && text.iter().all(|&byte| is_plain(byte)) {
        return out.extend_from_slice(text);
    }
    if text.is_empty() {
        return out.extend_from_slice(b"''");
    }
    for chunk in chunks(text) {
        match chunk {
            Chunk::Plain(text) => {
                out.push(b'\'');
                for &byte in text {
                    match byte {
                        b'\'' => out.extend_from_slice(br"'\''"),
                        byte => out.push(byte),
                    }
                }
                out.push(b'\'');
            }
            Chunk::Control(bytes) => {
                out.extend_from_slice(br#""$(printf '"#);
                bytes.iter().for_each(|&byte| octal(out, byte));
                out.extend_from_slice(br#"')""#);
            }
        }
    }
}

/// What no shell sees more in than the character. A `=` at the start is special in zsh.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_/.,:=+@%-".contains(&byte)
}

/// A part of a word.
enum Chunk<'a> {
    /// Text that may be shown, and newlines.
    Plain(&'a [u8]),
    /// Characters that hide something, and bytes that are not UTF-8.
    Control(&'a [u8]),
}

fn chunks(text: &[u8]) -> Vec<Chunk<'_>> {
    let mut chunks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let control = shown(rest) == 0;
        let mut length = 0;
        while length < rest.len() {
            match shown(&rest[length..]) {
                0 if control => length += 1,
                shown if shown > 0 && !control => length += shown,
                _ => break,
            }
        }
        let (chunk, after) = rest.split_at(length);
        chunks.push(if control { Chunk::Control(chunk) } else { Chunk::Plain(chunk) });
        rest = after;
    }
    chunks
}

/// How many bytes the character at the start of `text` has, where it may be shown as it is; 0 where not.
fn shown(text: &[u8]) -> usize {
    let head = &text[..text.len().min(4)];
    let chunk = head.utf8_chunks().next().map(|chunk| chunk.valid());
    match chunk.and_then(|valid| valid.chars().next()) {
        Some('\n') => 1,
        Some(c) if !is_hidden(c) => c.len_utf8(),
        _ => 0,
    }
}

fn octal(out: &mut Vec<u8>, byte: u8) {
    out.extend_from_slice(format!("\\{byte:03o}").as_bytes());
}

/// A field of fstab(5); `none` where it is empty. An exclamation mark would be expanded by an interactive shell,
/// and the mark of a comment would begin one.
pub fn field(text: &[u8]) -> Vec<u8> {
    match text {
        [] => b"none".to_vec(),
        text => escaped(text, |c| matches!(c, ' ' | '#')),
    }
}

/// `NAME=VALUE` as a line of setpriv-rs's --env-fd.
pub fn variable(text: &[u8]) -> Vec<u8> {
    escaped(text, |_| false)
}

fn escaped(text: &[u8], is_special: impl Fn(char) -> bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer).as_bytes();
            match c {
                '\\' | '!' => octal(&mut out, bytes[0]),
                _ if is_hidden(c) || is_special(c) => {
                    bytes.iter().for_each(|&byte| octal(&mut out, byte));
                }
                _ => out.extend_from_slice(bytes),
            }
        }
        chunk.invalid().iter().for_each(|&byte| octal(&mut out, byte));
    }
    out
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    fn quoted(text: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        word(&mut out, text);
        out
    }

    #[test]
    fn words() {
        for (text, want) in [
            (&b"a-Z_0/.,:=+@%"[..], "a-Z_0/.,:=+@%"),
            (b"", "''"),
            (b"=a", "'=a'"),
            (b"a b", "'a b'"),
            (b"it's", r"'it'\''s'"),
            (b"\x1b[1m\n", "\"$(printf '\\033')\"'[1m\n'"),
            (b"\t", "\"$(printf '\\011')\""),
            (b"\xe2\x80\xaea", "\"$(printf '\\342\\200\\256')\"'a'"),
            (b"\xc2\x9b\xff\xc3\xa9", "\"$(printf '\\302\\233\\377')\"'\u{e9}'"),
        ] {
            assert_eq!(String::from_utf8(quoted(text)).unwrap(), want);
        }
    }

    /// Whatever the bytes, a shell reads the word as they were, and a terminal sees none of the control characters.
    #[test]
    fn a_shell_gives_every_byte_back() {
        let all: Vec<u8> = (1..=255).collect();
        let mut text = Vec::new();
        for sample in [&all[..], b"\n\n", b"a\n", b"\x1b\n\x1b", b"'\\''\"$(x)`y`!~*"] {
            text.extend_from_slice(b"printf %s ");
            word(&mut text, sample);
            text.push(b'\n');
        }
        assert!(text.iter().all(|&byte| byte == b'\n' || byte >= b' ' && byte != 0x7f));
        let output = Command::new("sh")
            .arg("-c")
            .arg(std::ffi::OsStr::new(std::str::from_utf8(&text).unwrap()))
            .output()
            .unwrap();
        let want = [&all[..], b"\n\n", b"a\n", b"\x1b\n\x1b", b"'\\''\"$(x)`y`!~*"].concat();
        assert_eq!(output.stdout, want);
    }

    #[test]
    fn fields_and_variables() {
        assert_eq!(field(b""), b"none");
        assert_eq!(
            field(b"/a b\t\n\\#!\xff\xc3\xa9\x1b"),
            b"/a\\040b\\011\\012\\134\\043\\041\\377\xc3\xa9\\033"
        );
        assert_eq!(variable(b"A=b c#\n!\\012"), b"A=b c#\\012\\041\\134012");
    }
}
