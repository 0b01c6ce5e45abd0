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
    /// done ends it with `status`.
    pub fn new(status: &str) -> Self {
        let mut script = Self::default();
        script.line(b"(");
        let print = r#"printf '%s\n' "runsh: cannot $1" >&2"#;
        script.line(format!("fail() {{ {print}; exit {status}; }}").as_bytes());
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

/// Assigns $newline, which [`call`] uses.
pub const NEWLINE: &[u8] = b"newline='\n'\n";

/// `NAME=WORD`, a line of its own, or several where the word has newlines.
pub fn assignment(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
    word(out, value);
    out.push(b'\n');
}

/// The value of the assignment of `name` in `text`, whose lines are those of [`assignment`]; none where there is none.
pub fn assigned(text: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut rest = text;
    while let Some(equals) = rest.iter().position(|&byte| byte == b'=') {
        let (found, value) = (&rest[..equals], &rest[equals + 1..]);
        let (value, after) = unquoted(value)?;
        if found == name.as_bytes() {
            return Some(value);
        }
        rest = after;
    }
    None
}

/// The word at the start of `text`, as [`word`] has written it, and the text after its line.
fn unquoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    const PRINTF: &[u8] = br#""$(printf '"#;
    let (mut word, mut rest) = (Vec::new(), text);
    let until = |rest: &[u8]| rest.iter().position(|&byte| byte == b'\'');
    loop {
        match rest {
            [b'\n', after @ ..] => return Some((word, after)),
            [b'\'', inner @ ..] => {
                let end = until(inner)?;
                word.extend_from_slice(&inner[..end]);
                rest = &inner[end + 1..];
            }
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                rest = after;
            }
            [b'"', ..] => {
                let inner = rest.strip_prefix(PRINTF)?;
                let end = until(inner)?;
                word.extend(common::escape::decoded(&inner[..end]));
                rest = inner[end + 1..].strip_prefix(b")\"")?;
            }
            [byte, after @ ..] => {
                word.push(*byte);
                rest = after;
            }
            [] => return None,
        }
    }
}

/// A command with a here-document. Its words hold no newline, so that a reader of lines finds each.
pub fn call(out: &mut Vec<u8>, words: &[&[u8]], document: &Document) {
    for (index, text) in words.iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            if index > 0 {
                out.extend_from_slice(br#""$newline""#);
            }
            if !line.is_empty() || text.is_empty() {
                word(out, line);
            }
        }
    }
    let Document { descriptor, name, lines } = document;
    out.extend_from_slice(format!(" {descriptor}<<'{name}'\n").as_bytes());
    for line in lines.iter().map(Vec::as_slice).chain([name.as_bytes()]) {
        out.extend_from_slice(line);
        out.push(b'\n');
    }
}

/// Writes `text` as one word of shell. Control characters would reach the terminal of the reader, or, as
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

    const SAMPLES: &[&[u8]] = &[
        b"",
        b"a",
        b"=",
        b"a b",
        b"\n\n",
        b"a\ngo\n",
        b"'\\''\"$(x)`y`!~*",
        b"\x1b\n\xff'",
        b"'",
        b"\\033",
    ];

    #[test]
    fn an_assignment_is_read_as_it_was_written() {
        let all: Vec<u8> = (1..=255).collect();
        let mut text = Vec::new();
        for (index, sample) in SAMPLES.iter().chain(&[&all[..]]).enumerate() {
            assignment(&mut text, &format!("v{index}"), sample);
        }
        for (index, sample) in SAMPLES.iter().chain(&[&all[..]]).enumerate() {
            assert_eq!(assigned(&text, &format!("v{index}")).as_deref(), Some(*sample));
        }
        assert_eq!(assigned(&text, "v"), None);
        assert_eq!(assigned(b"v='a", "v"), None);
    }

    /// Each shell that there is: dash, bash and busybox as a rule.
    fn shells() -> impl Iterator<Item = Command> {
        [
            &["dash"][..],
            &["bash", "--posix"],
            &["busybox", "sh"],
            &["mksh"],
            &["yash"],
            &["zsh", "--emulate", "sh"],
        ]
        .into_iter()
        .filter_map(|words| {
            let mut shell = Command::new(words[0]);
            shell.args(&words[1..]).env("LC_ALL", "C");
            Command::new(words[0]).arg("--help").output().ok().map(|_| shell)
        })
    }

    /// What the shells print of `text` on their standard output.
    fn run(text: &[u8]) -> Vec<(String, Vec<u8>)> {
        let name = format!("spec-rs-{}-{:?}", std::process::id(), std::thread::current().id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, text).unwrap();
        let outputs = shells().map(|mut shell| {
            let output = shell.arg(&file).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell:?}");
            (format!("{shell:?}"), output.stdout)
        });
        let outputs = outputs.collect();
        std::fs::remove_file(file).unwrap();
        outputs
    }

    #[test]
    fn shells_assign_the_bytes_as_they_were() {
        let all: Vec<u8> = (1..=255).collect();
        for sample in SAMPLES.iter().chain(&[&all[..]]) {
            let mut text = Vec::new();
            assignment(&mut text, "v", sample);
            text.extend_from_slice(b"printf %s \"$v\"\n");
            for (shell, output) in run(&text) {
                // yash reads characters of its locale, and ends at other bytes.
                assert!(output == *sample || shell.contains("yash"), "{shell} {sample:?}");
            }
        }
    }

    #[test]
    fn shells_call_with_the_words_and_the_document() {
        let document = Document { descriptor: 4, name: "env", lines: vec![b"A=$b 'c".into()] };
        let mut text =
            b"hook() { for word; do printf '<%s>' \"$word\"; done; cat <&4; }\n".to_vec();
        text.extend_from_slice(NEWLINE);
        let words: Vec<_> = [&b"hook"[..]].into_iter().chain(SAMPLES.iter().copied()).collect();
        let start = text.len();
        call(&mut text, &words, &document);
        assert_eq!(text[start..].split(|&byte| byte == b'\n').count(), 4);
        let mut want = Vec::new();
        for sample in SAMPLES {
            want.extend([&b"<"[..], sample, b">"].concat());
        }
        want.extend_from_slice(b"A=$b 'c\n");
        for (shell, output) in run(&text) {
            assert!(output == want || shell.contains("yash"), "{shell}");
        }
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
