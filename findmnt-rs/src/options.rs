//! Lists of mount options: two lists as one, and the sort of each option.

use common::option_list::{name_and_value, options};

/// Writes the options of mount and file system as one list: `ro` where either says so, and the rest of
/// both after it.
pub fn merge(out: &mut Vec<u8>, vfs: &[u8], fs: &[u8]) {
    if fs.is_empty() || vfs == fs {
        return out.extend_from_slice(vfs);
    }
    if vfs.is_empty() {
        return out.extend_from_slice(fs);
    }
    let (vfs_mode, vfs_rest) = mode(vfs);
    let (fs_mode, fs_rest) = mode(fs);
    let read_only = vfs_mode == Some(false) || fs_mode == Some(false);
    out.extend_from_slice(if read_only { b"ro" } else { b"rw" });
    for rest in [vfs_rest, fs_rest] {
        if !rest.is_empty() {
            out.push(b',');
            out.extend_from_slice(rest);
        }
    }
}

/// Whether the list begins with `rw` or `ro`, and what follows that.
fn mode(list: &[u8]) -> (Option<bool>, &[u8]) {
    let (writable, rest) = match list {
        [b'r', b'w', rest @ ..] => (true, rest),
        [b'r', b'o', rest @ ..] => (false, rest),
        _ => return (None, list),
    };
    match rest {
        [] => (Some(writable), rest),
        [b',', rest @ ..] => (Some(writable), rest),
        _ => (None, list),
    }
}

/// Who an option speaks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    Vfs,
    Fs,
    User,
    /// `defaults`, which asks for nothing.
    Nobody,
}

/// The options that the VFS knows, with and without `no`.
const VFS: &[&str] = &[
    "ro",
    "rw",
    "exec",
    "noexec",
    "suid",
    "nosuid",
    "dev",
    "nodev",
    "sync",
    "async",
    "dirsync",
    "remount",
    "bind",
    "rbind",
    "silent",
    "loud",
    "mand",
    "nomand",
    "atime",
    "noatime",
    "iversion",
    "noiversion",
    "diratime",
    "nodiratime",
    "relatime",
    "norelatime",
    "strictatime",
    "nostrictatime",
    "lazytime",
    "nolazytime",
    "symfollow",
    "nosymfollow",
    "unbindable",
    "runbindable",
    "private",
    "rprivate",
    "slave",
    "rslave",
    "shared",
    "rshared",
];

/// The options that only mount(8) itself knows.
const USER: &[&str] = &[
    "auto",
    "noauto",
    "user",
    "nouser",
    "users",
    "nousers",
    "owner",
    "noowner",
    "group",
    "nogroup",
    "_netdev",
    "comment",
    "loop",
    "offset",
    "sizelimit",
    "encryption",
    "nofail",
    "uhelper",
    "helper",
];

/// Who the option speaks to.
pub fn sort(option: &[u8]) -> Sort {
    let (name, _) = name_and_value(option);
    let known = |list: &[&str]| list.iter().any(|known| known.as_bytes() == name);
    if name == b"defaults" {
        Sort::Nobody
    } else if known(VFS) {
        Sort::Vfs
    } else if known(USER) || name.starts_with(b"x-") || name.starts_with(b"X-") {
        Sort::User
    } else {
        Sort::Fs
    }
}

/// The options of one sort, as a list.
pub fn of_sort(list: &[u8], wanted: Sort) -> Vec<u8> {
    let wanted: Vec<_> = options(list).filter(|option| sort(option) == wanted).collect();
    wanted.join(&b","[..])
}

/// The flags of the VFS, each as the word for its being off and on.
const FLAGS: &[(&str, &str)] = &[
    ("rw", "ro"),
    ("exec", "noexec"),
    ("suid", "nosuid"),
    ("dev", "nodev"),
    ("async", "sync"),
    ("", "dirsync"),
    ("", "bind"),
    ("", "rbind"),
    ("loud", "silent"),
    ("nomand", "mand"),
    ("atime", "noatime"),
    ("noiversion", "iversion"),
    ("diratime", "nodiratime"),
    ("norelatime", "relatime"),
    ("nostrictatime", "strictatime"),
    ("nolazytime", "lazytime"),
    ("symfollow", "nosymfollow"),
];

/// Every flag of the VFS with the value that the list gives it: the last word on a flag holds.
pub fn all_vfs(list: &[u8]) -> Vec<u8> {
    let mut on = [false; FLAGS.len()];
    for option in options(list) {
        for (flag, &(clear, set)) in on.iter_mut().zip(FLAGS) {
            if option == set.as_bytes() {
                *flag = true;
            } else if option == clear.as_bytes() {
                *flag = false;
            }
        }
    }
    let words: Vec<_> = on
        .iter()
        .zip(FLAGS)
        .map(|(&on, &(clear, set))| if on { set } else { clear })
        .filter(|word| !word.is_empty())
        .collect();
    words.join(",").into_bytes()
}

/// The value that the option has in the list, empty where it has none; none where it is not in it.
pub fn value<'a>(list: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut named = options(list).map(name_and_value);
    named.find(|(name, _)| *name == wanted).map(|(_, value)| value.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(vfs: &str, fs: &str) -> String {
        let mut out = Vec::new();
        merge(&mut out, vfs.as_bytes(), fs.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn options_of_mount_and_file_system_together() {
        for (vfs, fs, all) in [
            ("rw,nosuid", "rw,size=1k", "rw,nosuid,size=1k"),
            ("rw,nosuid", "ro", "ro,nosuid"),
            ("ro", "rw", "ro"),
            ("rw", "rw", "rw"),
            ("rw", "", "rw"),
            ("", "rw,a", "rw,a"),
            ("rw,ro,dev", "rw,x,ro", "rw,ro,dev,x,ro"),
            ("rw", "rwx", "rw,rwx"),
        ] {
            assert_eq!(merged(vfs, fs), all);
        }
    }

    #[test]
    fn sorts() {
        let list = b"defaults,ro,x-foo,user=a,uid=1,nosuid,sw";
        assert_eq!(of_sort(list, Sort::Vfs), b"ro,nosuid");
        assert_eq!(of_sort(list, Sort::User), b"x-foo,user=a");
        assert_eq!(of_sort(list, Sort::Fs), b"uid=1,sw");
    }

    #[test]
    fn every_flag_has_a_word_for_on() {
        for (_, on) in FLAGS {
            assert_eq!(sort(on.as_bytes()), Sort::Vfs);
        }
        assert!(all_vfs(b"ro,rw,noexec").starts_with(b"rw,noexec,suid"));
    }
}
