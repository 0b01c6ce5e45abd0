//! Where a value stands in the file, as a person writes it: `mounts[3].options[1]`.

use std::fmt;

/// A path, as a chain from the value up to the root.
#[derive(Clone, Copy, Debug)]
pub enum Path<'a> {
    Root,
    Member(&'a Path<'a>, &'a str),
    Element(&'a Path<'a>, usize),
    /// Any element, in the list of all properties.
    Any(&'a Path<'a>),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Member(Self::Root, name) if is_plain(name) => f.write_str(name),
            Self::Member(parent, name) if is_plain(name) => write!(f, "{parent}.{name}"),
            Self::Member(parent, name) => write!(f, "{parent}[{name:?}]"),
            Self::Element(parent, index) => write!(f, "{parent}[{index}]"),
            Self::Any(parent) => write!(f, "{parent}[]"),
        }
    }
}

/// Whether a name needs no quotes. With quotes its control characters are escaped.
fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_as_a_person_writes_them() {
        let mounts = Path::Member(&Path::Root, "mounts");
        let mount = Path::Element(&mounts, 3);
        assert_eq!(Path::Member(&mount, "type").to_string(), "mounts[3].type");
        assert_eq!(Path::Any(&mounts).to_string(), "mounts[]");
        let odd = Path::Member(&mounts, "a.b\x1b\"");
        assert_eq!(odd.to_string(), r#"mounts["a.b\u{1b}\""]"#);
        assert_eq!(Path::Member(&Path::Root, "a b").to_string(), r#"["a b"]"#);
    }
}
