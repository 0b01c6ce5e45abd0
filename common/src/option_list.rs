//! Lists of mount options, with commas between them, and the patterns of mount(8) for them and for types.

/// The options of a list. A comma in double quotes or after a backslash belongs to its option, as in libmount 2.42. Empty options are
/// skipped. A quote that is not closed reaches to the end.
pub fn options(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut before) = (false, 0);
    let separates = move |byte: &u8| {
        quoted ^= *byte == b'"';
        let separates = *byte == b',' && !quoted && before != b'\\';
        before = *byte;
        separates
    };
    list.split(separates).filter(|option| !option.is_empty())
}

/// An option's name and, after a `=`, its value.
#[must_use]
pub fn name_and_value(option: &[u8]) -> (&[u8], Option<&[u8]>) {
    match option.iter().position(|&byte| byte == b'=') {
        Some(at) => (&option[..at], Some(&option[at + 1..])),
        None => (option, None),
    }
}

/// A value without the double quotes around it, which protect its commas and blanks.
#[must_use]
pub fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

/// Whether a list satisfies every item of the pattern of `-O`: `name`, `name=value`, `noname` for an option that is not in the
/// list, and `+name` for a name that itself begins with `no`.
#[must_use]
pub fn selects_options(pattern: &[u8], list: &[u8]) -> bool {
    options(pattern).all(|item| match item {
        [b'+', item @ ..] => has(list, item),
        [b'n', b'o'] => false,
        [b'n', b'o', item @ ..] => !has(list, item),
        item => has(list, item),
    })
}

/// Whether the list has the option. The value counts only if the pattern has one.
fn has(list: &[u8], wanted: &[u8]) -> bool {
    let (wanted, wanted_value) = name_and_value(wanted);
    options(list).any(|option| {
        let (name, value) = name_and_value(option);
        name == wanted
            && wanted_value.is_none_or(|wanted| wanted.is_empty() || Some(wanted) == value)
    })
}

/// Whether a type is among those of the pattern of `-t`. `no` before the whole pattern excludes all of its types, `no` before one
/// type excludes that. The `no` of `none` is that prefix too. Upper and lower case are the same.
#[must_use]
pub fn selects_type(pattern: &[u8], kind: &[u8]) -> bool {
    let (pattern, excluding) = match pattern.strip_prefix(b"no") {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    for item in pattern.split(|&byte| byte == b',') {
        if item.strip_prefix(b"no").is_some_and(|item| item.eq_ignore_ascii_case(kind)) {
            return false;
        }
        if item.eq_ignore_ascii_case(kind) {
            return !excluding;
        }
    }
    excluding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators() {
        for (list, want) in [
            (&br#"a="b,c",,d=e\,f,g,"#[..], &[&br#"a="b,c""#[..], br"d=e\,f", b"g"][..]),
            (br#"a"b,c"d,e"#, &[br#"a"b,c"d"#, b"e"]),
            (br#"a="b,c"#, &[br#"a="b,c"#]),
            (b",,", &[]),
        ] {
            assert_eq!(options(list).collect::<Vec<_>>(), want);
        }
        assert_eq!(name_and_value(b"a=b=c"), (&b"a"[..], Some(&b"b=c"[..])));
        assert_eq!((unquoted(b"\"a,b\""), unquoted(b"\"")), (&b"a,b"[..], &b"\""[..]));
    }

    #[test]
    fn patterns_of_options() {
        for (list, pattern, result) in [
            ("rw,nosuid", "rw", true),
            ("rw,nosuid", "nosuid", true),
            ("rw,nosuid", "+nosuid", true),
            ("rw,nosuid", "suid", false),
            ("rw,relatime", "norelatime", false),
            ("bind", "bin", false),
            ("rw,size=4k", "size", true),
            ("rw,size=4k", "size=4k", true),
            ("rw,size=4k", "size=5k", false),
            ("rw,size=4k", "size=,rw=", true),
            ("rw", "norw=", false),
            ("rw", "nobind=", true),
            ("rw", "rw,ro", false),
            ("rw", "no", false),
            ("rw", "", true),
            ("rw,c=\"a,ro\"", "ro", false),
        ] {
            let got = selects_options(pattern.as_bytes(), list.as_bytes());
            assert_eq!(got, result, "{list} {pattern}");
        }
    }

    #[test]
    fn patterns_of_types() {
        for (kind, pattern, result) in [
            ("ext4", "ext4", true),
            ("ext4", "xfs,EXT4", true),
            ("EXT4", "ext4", true),
            ("ext4", "ext", false),
            ("ext4", "noext4", false),
            ("ext4", "noxfs,ext4", false),
            ("ext4", "noxfs,noext4", false),
            ("ext4", "noxfs", true),
            ("ext4", "xfs,noext4", false),
            ("none", "none", true),
            ("proc", "none", true),
            ("ne", "none", false),
            ("none", "nonone", false),
        ] {
            let got = selects_type(pattern.as_bytes(), kind.as_bytes());
            assert_eq!(got, result, "{kind} {pattern}");
        }
    }
}
