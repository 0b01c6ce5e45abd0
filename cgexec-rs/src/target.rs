//! Which cgroup is meant: `CONTROLLERS:PATH`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use common::{Error, Result, quote};

/// A cgroup in one or more hierarchies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub controllers: Controllers,
    pub path: Path,
}

/// The hierarchies, by their controllers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Controllers {
    /// All that there are.
    Any,
    /// Those that have these. None are the hierarchy of version 2 alone, as in /proc/self/cgroup.
    Of(Vec<Vec<u8>>),
}

/// A path in a hierarchy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// Whether it begins at the caller's own cgroup.
    pub is_relative: bool,
    pub names: Vec<OsString>,
}

impl Target {
    /// `CONTROLLERS:PATH`; a path alone is that of all hierarchies.
    pub fn parse(text: &OsStr) -> Result<Self> {
        let bytes = text.as_bytes();
        let (controllers, path) = match bytes.iter().position(|&byte| byte == b':') {
            Some(colon) => (Controllers::parse(&bytes[..colon]), &bytes[colon + 1..]),
            None => (Controllers::Any, bytes),
        };
        if path.is_empty() {
            return Err(Error::usage(format!("{} is not CONTROLLERS:PATH", quote(text))));
        }
        Ok(Self { controllers, path: Path::parse(path)? })
    }
}

impl Controllers {
    fn parse(list: &[u8]) -> Self {
        let names = list.split(|&byte| byte == b',').filter(|name| !name.is_empty());
        match list {
            b"*" => Self::Any,
            _ => Self::Of(names.map(<[u8]>::to_vec).collect()),
        }
    }
}

impl Path {
    /// No name leads up, so that the path stays in its hierarchy.
    pub fn parse(text: &[u8]) -> Result<Self> {
        let names = text.split(|&byte| byte == b'/').filter(|name| !matches!(*name, b"" | b"."));
        let names: Vec<_> = names.map(|name| OsStr::from_bytes(name).to_owned()).collect();
        let shown = quote(OsStr::from_bytes(text));
        if names.iter().any(|name| name == "..") {
            return Err(Error::usage(format!("the path {shown} leads up by a '..'")));
        }
        if text.contains(&b'\n') {
            return Err(Error::usage(format!("the path {shown} holds a newline")));
        }
        let is_relative = text.starts_with(b"./");
        if is_relative && names.is_empty() {
            return Err(Error::usage(format!("the path {shown} names no cgroup")));
        }
        Ok(Self { is_relative, names })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(text: &str) -> Target {
        Target::parse(OsStr::new(text)).unwrap()
    }

    #[test]
    fn controllers_and_path() {
        let of =
            |names: &[&[u8]]| Controllers::Of(names.iter().map(|name| name.to_vec()).collect());
        for (text, controllers, is_relative, names) in [
            ("*:/a/b", Controllers::Any, false, vec!["a", "b"]),
            ("cpu,memory:a", of(&[b"cpu", b"memory"]), false, vec!["a"]),
            ("name=systemd:a:b", of(&[b"name=systemd"]), false, vec!["a:b"]),
            (":a", of(&[]), false, vec!["a"]),
            ("cpu:/", of(&[b"cpu"]), false, vec![]),
            ("box", Controllers::Any, false, vec!["box"]),
            ("./box//x/./", Controllers::Any, true, vec!["box", "x"]),
            ("*:./...", Controllers::Any, true, vec!["..."]),
        ] {
            let names = names.into_iter().map(OsString::from).collect();
            let want = Target { controllers, path: Path { is_relative, names } };
            assert_eq!(target(text), want, "{text}");
        }
    }

    #[test]
    fn paths_that_are_refused() {
        for text in ["", "cpu:", "*:..", "*:a/../b", "../a", "*:./..", "*:./", "*:a\nb", "*:/.."] {
            assert!(Target::parse(OsStr::new(text)).is_err(), "{text:?}");
        }
    }
}
