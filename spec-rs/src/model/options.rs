//! `mounts[].options[]`: the words of mount(8) that the specification knows, and the data of file systems.

use crate::node::Node;

/// What the options of a mount ask for.
#[derive(Debug, Default)]
pub struct Options {
    /// `bind` or `rbind`, the last of them.
    pub bind: Option<&'static str>,
    pub remount: bool,
    pub read_only: bool,
    pub copy_up: bool,
    /// Whether owners are mapped, by `idmap`, or by `ridmap` in all that is beneath too.
    pub idmap: Option<&'static str>,
    /// All other words, in their order.
    pub words: Vec<Word>,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Word {
    pub text: String,
    /// Whether it is for the file system, and not for a mount of it.
    pub is_data: bool,
}

/// mount(2) takes at most a page of options.
const LENGTH: usize = 4095;

/// The words that change the mount itself: attributes, which have a recursive form too, and propagation.
const OF_MOUNTS: &[&str] = &[
    "atime",
    "defaults",
    "dev",
    "diratime",
    "exec",
    "noatime",
    "nodev",
    "nodiratime",
    "noexec",
    "norelatime",
    "nostrictatime",
    "nosuid",
    "nosymfollow",
    "private",
    "ratime",
    "rdev",
    "rdiratime",
    "relatime",
    "rexec",
    "rnoatime",
    "rnodev",
    "rnodiratime",
    "rnoexec",
    "rnorelatime",
    "rnostrictatime",
    "rnosuid",
    "rnosymfollow",
    "rprivate",
    "rrelatime",
    "rro",
    "rrw",
    "rshared",
    "rslave",
    "rstrictatime",
    "rsuid",
    "rsymfollow",
    "runbindable",
    "shared",
    "slave",
    "strictatime",
    "suid",
    "symfollow",
    "unbindable",
];

/// The words that change the file system. mount(2) looks at none of them when it binds.
const OF_FILE_SYSTEMS: &[&str] = &[
    "async",
    "dirsync",
    "iversion",
    "lazytime",
    "loud",
    "mand",
    "noiversion",
    "nolazytime",
    "nomand",
    "silent",
    "sync",
];

/// Words to which fstab(5), and so bindmount-rs, gives a meaning of its own. The specification has none for them.
const OF_FSTAB: &[&str] = &[
    "_netdev",
    "auto",
    "copy",
    "encryption",
    "group",
    "helper",
    "loop",
    "move",
    "noauto",
    "nocopy",
    "nofail",
    "nogroup",
    "noowner",
    "nouser",
    "nousers",
    "offset",
    "owner",
    "sizelimit",
    "uhelper",
    "user",
    "users",
];

/// The words that are read here.
const OWN: [&str; 8] = ["bind", "rbind", "remount", "ro", "rw", "tmpcopyup", "idmap", "ridmap"];

/// All words of the specification.
pub fn known() -> impl Iterator<Item = &'static str> {
    [OF_MOUNTS, OF_FILE_SYSTEMS, &OWN].into_iter().flatten().copied()
}

pub fn read(node: Node) -> Options {
    let mut options = Options::default();
    let mut length = 0;
    node.each(|node| {
        let Some(text) = node.text() else { return };
        length += text.len() + 1;
        if text.contains('"') || text.ends_with('\\') || text.contains("\\,") {
            // Between quotes, or after a backslash, a comma does not separate: the words that follow would be lost.
            node.fault(format!("has a quote, or a backslash at its end: {}", common::quote(text)));
            return;
        }
        for word in text.split(',').filter(|word| !word.is_empty()) {
            options.add(word, &node);
        }
    });
    if length > LENGTH {
        node.fault(format!("is longer than {LENGTH} bytes"));
    }
    options
}

impl Options {
    fn add(&mut self, word: &str, node: &Node) {
        match word {
            "bind" => self.bind = Some("bind"),
            "rbind" => self.bind = Some("rbind"),
            "remount" => self.remount = true,
            "ro" => self.read_only = true,
            "rw" => self.read_only = false,
            "tmpcopyup" => self.copy_up = true,
            "idmap" => self.idmap = Some("idmap"),
            "ridmap" => self.idmap = Some("ridmap"),
            _ if is_of_fstab(word) => {
                let word = common::quote(word);
                node.fault(format!("is a word of fstab(5), not of the specification: {word}"));
            }
            _ => {
                let is_data = !OF_MOUNTS.contains(&word);
                self.words.push(Word { text: word.to_owned(), is_data });
            }
        }
    }
}

/// `X-*` and `x-*` are for programs of user space (mount(8)).
fn is_of_fstab(word: &str) -> bool {
    let name = word.split('=').next().unwrap_or(word);
    OF_FSTAB.contains(&name) || word.starts_with("X-") || word.starts_with("x-")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of the specification, one a line.
    const WORDS: &str = include_str!("../../tests/mount-options");

    #[test]
    fn every_word_of_the_specification_is_known() {
        let ours = ["bind", "rbind", "remount", "ro", "rw", "tmpcopyup", "idmap", "ridmap"];
        let mut count = 0;
        for word in WORDS.lines() {
            let lists: [&[&str]; 3] = [OF_MOUNTS, OF_FILE_SYSTEMS, &ours];
            let found = lists.iter().filter(|list| list.contains(&word)).count();
            assert_eq!(found, 1, "{word}");
            assert!(!OF_FSTAB.contains(&word), "{word}");
            count += 1;
        }
        let known = OF_MOUNTS.len() + OF_FILE_SYSTEMS.len() + ours.len();
        assert_eq!(count, known);
    }
}
