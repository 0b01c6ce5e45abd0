//! Mount options: the words of `-o` and of a table's fourth field.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::idmap::IdMap;
use common::option_list::{self, name_and_value, unquoted};
use common::sys::flags::{
    MOUNT_ATTR_ATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR_NODEV, MOUNT_ATTR_NODIRATIME,
    MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MOUNT_ATTR_NOSYMFOLLOW, MOUNT_ATTR_RDONLY,
    MOUNT_ATTR_STRICTATIME,
};
use common::{Error, Result, quote};
use nix::mount::MsFlags;

/// The mode of a directory that is made for a mount.
pub const DIRECTORY_MODE: u32 = 0o755;

/// An option that is an attribute of the mount, not of the file system.
struct Attribute {
    name: &'static str,
    set: u64,
    clear: u64,
}

const fn attribute(name: &'static str, set: u64, clear: u64) -> Attribute {
    Attribute { name, set, clear }
}

/// The access times are one field of three values: to choose one the whole field is cleared first
/// (mount_setattr(2)), and relatime is its zero.
const ATTRIBUTES: &[Attribute] = &[
    attribute("ro", MOUNT_ATTR_RDONLY, 0),
    attribute("rw", 0, MOUNT_ATTR_RDONLY),
    attribute("nosuid", MOUNT_ATTR_NOSUID, 0),
    attribute("suid", 0, MOUNT_ATTR_NOSUID),
    attribute("nodev", MOUNT_ATTR_NODEV, 0),
    attribute("dev", 0, MOUNT_ATTR_NODEV),
    attribute("noexec", MOUNT_ATTR_NOEXEC, 0),
    attribute("exec", 0, MOUNT_ATTR_NOEXEC),
    attribute("nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0),
    attribute("symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW),
    attribute("nodiratime", MOUNT_ATTR_NODIRATIME, 0),
    attribute("diratime", 0, MOUNT_ATTR_NODIRATIME),
    attribute("noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR_ATIME),
    attribute("atime", 0, MOUNT_ATTR_ATIME),
    attribute("relatime", 0, MOUNT_ATTR_ATIME),
    attribute("norelatime", 0, MOUNT_ATTR_ATIME),
    attribute("strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR_ATIME),
    attribute("nostrictatime", 0, MOUNT_ATTR_ATIME),
];

/// Who may mount is decided by the kernel alone; what these words imply is kept (mount(8)).
const IMPLIED: &[(&str, u64)] = &[
    ("user", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
    ("users", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC),
    ("owner", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV),
    ("group", MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV),
];

const PROPAGATIONS: &[(&str, MsFlags)] = &[
    ("shared", MsFlags::MS_SHARED),
    ("slave", MsFlags::MS_SLAVE),
    ("private", MsFlags::MS_PRIVATE),
    ("unbindable", MsFlags::MS_UNBINDABLE),
];

/// Words for the superblock of a new file system, which are the kernel's own: the last of two holds there. Of
/// what is bound mount(2) leaves the superblock alone, whatever they say.
const SUPERBLOCK: &[&str] =
    &["async", "dirsync", "lazytime", "mand", "nolazytime", "nomand", "sync"];

/// Words for other programs, and words that say what is so anyway. Since Linux 6.1 a file system counts the
/// versions of its inodes where it can, and a new mount says nothing to the kernel's log that `silent` would
/// keep back.
const IGNORED: &[&str] = &[
    "default",
    "defaults",
    "auto",
    "nouser",
    "nousers",
    "noowner",
    "nogroup",
    "_netdev",
    "loud",
    "silent",
    "iversion",
    "noiversion",
];

/// Words that mean something to mount(8) and that cannot be done here.
const REFUSED: &[&str] = &["loop", "offset", "sizelimit", "encryption", "helper", "uhelper"];

/// What mount_setattr(2) is to set and to clear; it clears first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Change {
    pub set: u64,
    pub clear: u64,
}

impl Change {
    /// The change of a single word, after those before it.
    fn then(&mut self, set: u64, clear: u64) {
        self.set = self.set & !clear | set;
        self.clear |= clear;
    }

    pub fn is_none(self) -> bool {
        self == Self::default()
    }

    /// The change that takes this one back, for a mount that had these attributes before.
    pub fn back_to(self, had: u64) -> Self {
        let touched = self.set | self.clear;
        let atime = if touched & MOUNT_ATTR_ATIME == 0 { 0 } else { MOUNT_ATTR_ATIME };
        let clear = touched | atime;
        Self { set: had & clear, clear }
    }
}

/// What is done with a mount that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Bind,
    BindRecursive,
    Move,
}

/// What is made in the place of a missing target, by LXC's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Create {
    Directory,
    File,
}

/// Who else sees what is mounted beneath a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Propagation {
    pub kind: MsFlags,
    pub recursive: bool,
}

/// What the words of an option list mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    pub operation: Option<Operation>,
    pub remount: bool,
    /// A new tmpfs holds what the target held.
    pub copy_up: bool,
    /// For the mount itself: what the recursive words say is in here too.
    pub top: Change,
    /// For the mount and all beneath it.
    pub recursive: Change,
    pub propagation: Vec<Propagation>,
    /// Whether the superblock is to be read-only, which is the file system's own matter.
    pub superblock_read_only: Option<bool>,
    /// Whether that was said of the file system alone, by `ro=fs` or `rw=fs`.
    pub for_superblock: bool,
    /// What else its superblock is to be, word after word.
    pub superblock: Vec<&'static str>,
    /// The file system's own words, `key=value` or `key`.
    pub data: Vec<OsString>,
    /// Make a missing target with this mode.
    pub mkdir: Option<u32>,
    pub no_auto: bool,
    pub no_fail: bool,
    /// Pass over the line where it fails, as LXC does.
    pub optional: bool,
    /// What a missing target becomes, where that is not for the source to say.
    pub create: Option<Create>,
    /// Show other owners.
    pub idmap: Option<IdMap>,
    /// Of the top of a tree alone.
    pub idmap_top: bool,
    /// Leave the tree on this descriptor, and attach it nowhere.
    pub descriptor: Option<i32>,
    /// The source is a descriptor with such a tree.
    pub is_tree: bool,
    /// Mount this directory of a new file system, not its root.
    pub subdirectory: Option<OsString>,
    /// What the root of the mount is to be, once it is mounted: a name or a number.
    pub owner: Option<OsString>,
    pub group: Option<OsString>,
    pub mode: Option<u32>,
    /// A symlink that is the source, or the target, is itself what is meant.
    pub source_itself: bool,
    pub target_itself: bool,
}

impl Options {
    /// Adds the words of a comma-separated list, each after those before it.
    pub fn add(&mut self, list: &OsStr) -> Result<()> {
        // The options after it would be part of a value, and `nosuid` or `ro` among them lost.
        if list.as_bytes().iter().filter(|&&byte| byte == b'"').count() % 2 == 1 {
            return Err(Error::usage(format!("a double quote in {} is not closed", quote(list))));
        }
        option_list::options(list.as_bytes()).try_for_each(|word| self.word(word))
    }

    fn word(&mut self, word: &[u8]) -> Result<()> {
        let (name, value) = name_and_value(word);
        // All known names are UTF-8.
        let name = std::str::from_utf8(name).unwrap_or_default();
        match value {
            None if self.flag(name) => Ok(()),
            Some(value) if self.layer(name, value) => Ok(()),
            _ => self.setting(name, value, word),
        }
    }

    /// A word without a value; false where it is none that is known.
    fn flag(&mut self, name: &str) -> bool {
        match name {
            "bind" => self.operation = Some(Operation::Bind),
            "rbind" => self.operation = Some(Operation::BindRecursive),
            "move" => self.operation = Some(Operation::Move),
            "remount" => self.remount = true,
            "tmpcopyup" => self.copy_up = true,
            "noauto" => self.no_auto = true,
            "nofail" => self.no_fail = true,
            "optional" => self.optional = true,
            _ if IGNORED.contains(&name) => {}
            _ => {
                return self.attribute(name)
                    || self.propagation(name)
                    || self.implied(name)
                    || self.superblock(name);
            }
        }
        true
    }

    fn attribute(&mut self, name: &str) -> bool {
        if let Some(row) = find(name) {
            self.top.then(row.set, row.clear);
            if matches!(row.name, "ro" | "rw") {
                self.superblock_read_only = Some(row.name == "ro");
            }
            return true;
        }
        // The names of the OCI runtime specification: rro, rnosuid and so on.
        name.strip_prefix('r').is_some_and(|name| self.attribute_recursive(name))
    }

    fn attribute_recursive(&mut self, name: &str) -> bool {
        let Some(row) = find(name) else { return false };
        self.top.then(row.set, row.clear);
        self.recursive.then(row.set, row.clear);
        true
    }

    /// The mode of a file to make, which is the only word that it takes.
    pub fn data_mode(&self, default: u32) -> Result<u32> {
        self.data.iter().try_fold(default, |_, word| match word.as_bytes().strip_prefix(b"mode=") {
            Some(digits) => mode(Some(digits)),
            None => Err(Error::usage(format!("{} has no place here", quote(word)))),
        })
    }

    fn propagation(&mut self, name: &str) -> bool {
        let row = |name: &str| PROPAGATIONS.iter().find(|row| row.0 == name);
        let (found, recursive) = match row(name) {
            Some(found) => (Some(found), false),
            None => (name.strip_prefix('r').and_then(row), true),
        };
        let Some(&(_, kind)) = found else { return false };
        self.propagation.push(Propagation { kind, recursive });
        true
    }

    fn implied(&mut self, name: &str) -> bool {
        let Some(row) = IMPLIED.iter().find(|row| row.0 == name) else { return false };
        self.top.then(row.1, 0);
        true
    }

    fn superblock(&mut self, name: &str) -> bool {
        let Some(word) = SUPERBLOCK.iter().find(|word| **word == name) else { return false };
        self.superblock.push(word);
        true
    }

    /// An attribute with the layer it is for: `ro=recursive`, `ro=vfs`, `ro=fs`.
    fn layer(&mut self, name: &str, value: &[u8]) -> bool {
        match (name, value) {
            (_, b"recursive") => self.attribute_recursive(name),
            ("ro" | "rw", b"vfs") => {
                let superblock = self.superblock_read_only;
                self.attribute(name);
                self.superblock_read_only = superblock;
                true
            }
            ("ro" | "rw", b"fs") => {
                self.superblock_read_only = Some(name == "ro");
                self.for_superblock = true;
                true
            }
            _ => false,
        }
    }

    fn setting(&mut self, name: &str, value: Option<&[u8]>, word: &[u8]) -> Result<()> {
        let unsupported = || {
            let word = quote(OsStr::from_bytes(word));
            Error::usage(format!("the mount option {word} is not supported"))
        };
        let value = value.map(unquoted);
        if let Some(name) = name.strip_prefix("X-mount.").or(name.strip_prefix("x-mount.")) {
            return if self.userspace(name, value)? { Ok(()) } else { Err(unsupported()) };
        }
        match name {
            _ if REFUSED.contains(&name) => return Err(unsupported()),
            "create" => match value {
                Some(b"dir") => self.create = Some(Create::Directory),
                Some(b"file") => self.create = Some(Create::File),
                _ => return Err(unsupported()),
            },
            _ if name.starts_with("x-") || name.starts_with("X-") || name == "comment" => {}
            _ => self.data.push(OsString::from_vec(word.to_vec())),
        }
        Ok(())
    }

    /// An option of mount(8) itself, after `X-mount.`; false if it is unknown.
    fn userspace(&mut self, name: &str, value: Option<&[u8]>) -> Result<bool> {
        let text = value.map(|value| OsStr::from_bytes(value).to_owned());
        match (name, text) {
            ("mkdir", _) => self.mkdir = Some(mode(value)?),
            ("mode", Some(_)) => self.mode = Some(mode(value)?),
            ("owner", Some(owner)) => self.owner = Some(owner),
            ("group", Some(group)) => self.group = Some(group),
            ("subdir", Some(directory)) => self.subdirectory = Some(directory),
            ("idmap", Some(map)) => self.add_map(&map)?,
            ("idmap-top", Some(map)) => {
                self.idmap_top = true;
                self.add_map(&map)?;
            }
            ("noloop", None) => {}
            ("tree", None) => self.is_tree = true,
            ("fd", Some(number)) => self.descriptor = Some(descriptor(&number)?),
            ("nocanonicalize", which) => {
                let which = which.unwrap_or_default();
                self.source_itself |= which != "target";
                self.target_itself |= which != "source";
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn add_map(&mut self, map: &OsStr) -> Result<()> {
        let map = IdMap::parse(map)?;
        self.idmap = Some(match self.idmap.take() {
            Some(before) => before.join(map)?,
            None => map,
        });
        Ok(())
    }

    /// Whether it says anything of the mount's attributes.
    pub fn has_attributes(&self) -> bool {
        !self.top.is_none() || !self.recursive.is_none()
    }
}

fn find(name: &str) -> Option<&'static Attribute> {
    ATTRIBUTES.iter().find(|row| row.name == name)
}

fn descriptor(text: &OsStr) -> Result<i32> {
    let number = text.to_str().and_then(|text| text.parse().ok());
    number
        .filter(|&number| number > 2)
        .ok_or_else(|| Error::usage(format!("{} is not a descriptor above 2", quote(text))))
}

/// A mode in octal, as `X-mount.mkdir=` takes it.
pub fn mode(digits: Option<&[u8]>) -> Result<u32> {
    let Some(digits) = digits else { return Ok(DIRECTORY_MODE) };
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'));
    let mode = text.and_then(|text| u32::from_str_radix(text, 8).ok());
    mode.filter(|&mode| mode <= 0o7777).ok_or_else(|| {
        Error::usage(format!("{} is no mode in octal", quote(OsStr::from_bytes(digits))))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use common::arbitrary::Arbitrary;

    fn options(list: &str) -> Options {
        let mut options = Options::default();
        options.add(OsStr::new(list)).unwrap();
        options
    }

    fn refusal(list: &str) -> String {
        Options::default().add(OsStr::new(list)).unwrap_err().to_string()
    }

    #[test]
    fn every_attribute_is_for_the_top_or_for_all() {
        for row in ATTRIBUTES {
            let change = Change { set: row.set, clear: row.clear };
            let plain = options(row.name);
            assert_eq!((plain.top, plain.recursive), (change, Change::default()), "{}", row.name);
            for word in [format!("r{}", row.name), format!("{}=recursive", row.name)] {
                let all = options(&word);
                assert_eq!((all.top, all.recursive), (change, change), "{word}");
                assert_eq!(all.superblock_read_only, None, "{word}");
            }
            assert!(row.set & !ATTRIBUTE_BITS == 0 && row.set | row.clear != 0, "{}", row.name);
        }
    }

    const ATTRIBUTE_BITS: u64 = MOUNT_ATTR_RDONLY
        | MOUNT_ATTR_NOSUID
        | MOUNT_ATTR_NODEV
        | MOUNT_ATTR_NOEXEC
        | MOUNT_ATTR_ATIME
        | MOUNT_ATTR_NODIRATIME
        | MOUNT_ATTR_NOSYMFOLLOW;

    #[test]
    fn the_last_of_two_words_holds() {
        for row in ATTRIBUTES {
            for other in ATTRIBUTES.iter().filter(|other| other.clear & row.set != 0) {
                assert_eq!(options(&format!("{},{}", row.name, other.name)).top.set, other.set);
                let turned = options(&format!("{},{}", other.name, row.name)).top;
                assert_eq!(turned.set, row.set, "{},{}", other.name, row.name);
            }
        }
        let mixed = options("ro=recursive,rw");
        assert_eq!((mixed.top.set, mixed.recursive.set), (0, MOUNT_ATTR_RDONLY));
    }

    #[test]
    fn every_propagation_is_for_the_top_or_for_all() {
        for &(name, kind) in PROPAGATIONS {
            assert_eq!(options(name).propagation, [Propagation { kind, recursive: false }]);
            let all = options(&format!("r{name}")).propagation;
            assert_eq!(all, [Propagation { kind, recursive: true }]);
        }
        assert_eq!(options("private,rshared").propagation.len(), 2);
    }

    #[test]
    fn what_words_imply_can_be_taken_back() {
        for &(name, set) in IMPLIED {
            assert_eq!(options(name).top.set, set);
            let back = options(&format!("{name},suid")).top.set;
            assert_eq!(back, set & !MOUNT_ATTR_NOSUID);
        }
    }

    #[test]
    fn words_that_change_nothing_and_words_that_are_refused() {
        for name in IGNORED {
            assert_eq!(options(name), Options::default(), "{name}");
        }
        assert_eq!(options("x-systemd.automount,X-any,comment=x"), Options::default());
        for name in REFUSED {
            assert_eq!(refusal(name), format!("the mount option '{name}' is not supported"));
            assert_eq!(
                refusal(&format!("{name}=1")),
                format!("the mount option '{name}=1' is not supported")
            );
        }
        assert!(refusal("X-mount.nosuch").contains("'X-mount.nosuch' is not supported"));
        assert!(refusal("X-mount.mkdir=9").contains("'9' is no mode in octal"));
        assert!(refusal("X-mount.mode=17777").contains("is no mode in octal"));
        assert!(refusal("X-mount.idmap=1:2").contains("INNER:OUTER:COUNT"));
    }

    /// The words that the OCI runtime specification lists for `mounts[].options`, but for those that its reader
    /// must put in other words: `tmpcopyup`, `idmap` and `ridmap`.
    const OCI: &[&str] = &[
        "async",
        "atime",
        "bind",
        "defaults",
        "dev",
        "diratime",
        "dirsync",
        "exec",
        "iversion",
        "lazytime",
        "loud",
        "noatime",
        "nodev",
        "nodiratime",
        "noexec",
        "noiversion",
        "nolazytime",
        "norelatime",
        "nostrictatime",
        "nosuid",
        "private",
        "rbind",
        "relatime",
        "remount",
        "ro",
        "rprivate",
        "rshared",
        "rslave",
        "runbindable",
        "rw",
        "shared",
        "silent",
        "slave",
        "strictatime",
        "suid",
        "sync",
        "unbindable",
        "mand",
        "nomand",
        "nosymfollow",
        "symfollow",
        "ratime",
        "rdev",
        "rdiratime",
        "rexec",
        "rnoatime",
        "rnodiratime",
        "rnoexec",
        "rnorelatime",
        "rnostrictatime",
        "rnosuid",
        "rnosymfollow",
        "rrelatime",
        "rro",
        "rrw",
        "rstrictatime",
        "rsuid",
        "rsymfollow",
        "rnodev",
    ];

    #[test]
    fn every_word_of_the_oci_specification_is_known() {
        for word in OCI {
            let options = options(word);
            assert_eq!(options.data, [""; 0], "{word} would be given to the file system");
            let changes = options != Options::default();
            assert_eq!(changes, !IGNORED.contains(word), "{word}");
            let recursive = word.starts_with('r') && find(&word[1..]).is_some();
            assert_eq!(!options.recursive.is_none(), recursive, "{word}");
        }
    }

    #[test]
    fn words_for_the_superblock_stay_in_order() {
        for word in SUPERBLOCK {
            assert_eq!(options(word).superblock, [*word]);
        }
        assert_eq!(options("sync,ro,async").superblock, ["sync", "async"]);
    }

    #[test]
    fn read_only_has_two_layers() {
        let layers = |list| {
            let options = options(list);
            (options.top.set == MOUNT_ATTR_RDONLY, options.superblock_read_only)
        };
        assert_eq!(layers("ro"), (true, Some(true)));
        assert_eq!(layers("ro=vfs"), (true, None));
        assert_eq!(layers("ro=fs"), (false, Some(true)));
        assert_eq!(layers("ro,rw"), (false, Some(false)));
        assert!(options("ro=fs").for_superblock && !options("ro").for_superblock);
    }

    #[test]
    fn operations_and_settings() {
        assert_eq!(options("bind,rbind").operation, Some(Operation::BindRecursive));
        let all = options(
            "remount,noauto,nofail,X-mount.mkdir,X-mount.subdir=a/b,x-mount.owner=me,X-mount.mode=0700",
        );
        assert!(all.remount && all.no_auto && all.no_fail);
        assert_eq!((all.mkdir, all.mode), (Some(DIRECTORY_MODE), Some(0o700)));
        assert_eq!(all.subdirectory.as_deref(), Some(OsStr::new("a/b")));
        assert_eq!(all.owner.as_deref(), Some(OsStr::new("me")));
        let itself = options("X-mount.nocanonicalize=source");
        assert!(itself.source_itself && !itself.target_itself);
    }

    #[test]
    fn options_of_the_file_system() {
        assert_eq!(options("size=1m,mode=755").data, ["size=1m", "mode=755"]);
        assert_eq!(options(r#"a="b,c",,d=e\,f"#).data, [r#"a="b,c""#, r"d=e\,f"]);
    }

    #[test]
    fn a_change_is_taken_back() {
        let had = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NOATIME;
        let back = options("ro,suid,strictatime").top.back_to(had);
        assert_eq!(back.set, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOATIME);
        assert_eq!(back.clear, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_ATIME);
    }

    #[test]
    fn arbitrary_bytes_are_options_or_errors() {
        let mut arbitrary = Arbitrary::new();
        for _ in 0..20_000 {
            let list = arbitrary.text(&[
                b",",
                b"=",
                b"\"",
                b"\\",
                b":",
                b" ",
                b"r",
                b"ro",
                b"nosuid",
                b"recursive",
                b"vfs",
                b"shared",
                b"bind",
                b"X-mount.",
                b"mkdir",
                b"idmap",
                b"u:0:1:2",
                b"mode",
                b"/",
                b"\xff",
                b"\0",
            ]);
            let mut one = Options::default();
            let whole = one.add(OsStr::from_bytes(&list));

            let mut each = Options::default();
            let words: Vec<_> = option_list::options(&list).collect();
            assert!(words.iter().all(|word| !word.is_empty()));
            let by_word = words.iter().try_for_each(|word| each.word(word));
            match list.iter().filter(|&&byte| byte == b'"').count() % 2 {
                0 => assert_eq!((whole, one), (by_word, each)),
                _ => assert!(whole.is_err() && one == Options::default()),
            }
        }
    }
}
