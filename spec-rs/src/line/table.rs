//! The table of mounts, as bindmount-rs reads it. The comment after each line names the property that it comes from.

use super::Writer;
use crate::model::{Kind, Mount, Owners, Word};
use crate::print::{Chain, field};

/// A line.
#[derive(Debug)]
pub struct Entry {
    pub source: Vec<u8>,
    pub target: Vec<u8>,
    pub kind: String,
    pub options: String,
}

impl Entry {
    pub fn new(
        source: impl AsRef<[u8]>,
        target: impl AsRef<[u8]>,
        kind: &str,
        options: &[&str],
    ) -> Self {
        Self {
            source: source.as_ref().to_vec(),
            target: target.as_ref().to_vec(),
            kind: kind.to_owned(),
            options: options.join(","),
        }
    }
}

/// The lines so far.
#[derive(Debug, Default)]
pub struct Table {
    lines: Vec<Vec<u8>>,
}

impl Table {
    pub fn add(&mut self, origin: &str, entry: &Entry) {
        let fields = [&entry.source, &entry.target, entry.kind.as_bytes()].map(field);
        let mut line = fields.join(&b' ');
        if !entry.options.is_empty() {
            line.push(b' ');
            line.extend(field(entry.options.as_bytes()));
        }
        line.extend_from_slice(b" # ");
        line.extend_from_slice(origin.as_bytes());
        self.lines.push(line);
    }
}

/// What becomes of the container's /dev.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dev {
    /// Nothing is mounted there: the devices go into the root file system.
    OfRoot,
    /// A directory is bound there, and has the devices.
    Bound,
    /// A file system is mounted there, and gets the devices.
    New,
}

impl Writer<'_> {
    /// What is mounted on a place, and what is made there, comes before the place becomes read-only or is masked.
    pub(super) fn table(&self) -> Vec<Vec<u8>> {
        let linux = &self.config.linux;
        let mut table = Table::default();
        if self.dev() == Dev::OfRoot {
            self.add_devices(&mut table);
        }
        for mount in &self.config.mounts {
            self.add_mount(&mut table, mount);
        }
        self.add_more_devices(&mut table);
        for mount in &self.config.mounts {
            if is_new_dev(mount) && mount.options.read_only {
                table.add(&mount.path, &Entry::new("", "/dev", "none", &["remount", "bind", "ro"]));
            }
        }
        let cwd = &self.config.process.cwd;
        if cwd.contains(|c| c != '/') {
            table.add("process.cwd", &Entry::new("", cwd, "dir", &[]));
        }
        for (index, path) in linux.readonly_paths.iter().enumerate() {
            table.add(
                &format!("linux.readonlyPaths[{index}]"),
                &Entry::new("", path, "readonly", &[]),
            );
        }
        for (index, path) in linux.masked_paths.iter().enumerate() {
            table.add(&format!("linux.maskedPaths[{index}]"), &Entry::new("", path, "mask", &[]));
        }
        self.finish_root(&mut table);
        table.lines
    }

    fn finish_root(&self, table: &mut Table) {
        if self.config.root.readonly {
            table.add("root.readonly", &Entry::new("", "/", "none", &["remount", "bind", "ro"]));
        }
        // A slave is what the root is already.
        if let Some(word) = self.config.linux.rootfs_propagation
            && !matches!(word, "slave" | "rslave")
        {
            table.add("linux.rootfsPropagation", &Entry::new("", "/", "none", &[word]));
        }
    }

    fn dev(&self) -> Dev {
        let mut on_dev = self.config.mounts.iter().filter(|mount| is_on_dev(mount));
        match on_dev.next_back() {
            None => Dev::OfRoot,
            Some(mount) if mount.is_bind() => Dev::Bound,
            Some(_) => Dev::New,
        }
    }

    fn add_mount(&self, table: &mut Table, mount: &Mount) {
        match mount.kind.as_str() {
            _ if mount.options.remount => self.add_remount(table, mount),
            _ if mount.is_bind() => self.add_bind(table, mount),
            // By either name the machine's own hierarchy would be all cgroups, and writable.
            "cgroup" | "cgroup2" => self.add_cgroups(table, mount),
            _ => self.add_file_system(table, mount),
        }
    }

    /// The words that mean something to a bind. The file system's own are ignored there, as mount(2) does.
    pub(super) fn words_of_bind<'a>(&self, mount: &'a Mount) -> Vec<&'a str> {
        let mut words = Vec::new();
        for word in self.words(mount) {
            match word.is_data {
                false => words.push(word.text.as_str()),
                true => self.log.note(
                    format_args!("{}.options", mount.path),
                    format!(
                        "ignored, since a bind mount has no use for it: {}",
                        common::quote(&word.text)
                    ),
                ),
            }
        }
        words
    }

    /// Where the rule is to deny all devices, a word that would let them open again has no effect.
    fn words<'a>(&self, mount: &'a Mount) -> Vec<&'a Word> {
        let denies = self.keeps_devices_out();
        let is_denied = |word: &Word| denies && matches!(word.text.as_str(), "dev" | "rdev");
        let (denied, words): (Vec<_>, Vec<_>) =
            mount.options.words.iter().partition(|word| is_denied(word));
        for word in denied {
            let reason = "has no effect: linux.resources.devices denies all devices";
            self.log
                .note(format_args!("{}.options", mount.path), format!("'{}' {reason}", word.text));
        }
        words
    }

    fn add_remount(&self, table: &mut Table, mount: &Mount) {
        let mut options = vec!["remount", "bind"];
        options.extend(self.words_of_bind(mount));
        options.extend(mount.options.read_only.then_some("ro"));
        table.add(&mount.path, &Entry::new("", &mount.destination, "none", &options));
    }

    fn add_bind(&self, table: &mut Table, mount: &Mount) {
        if let Some(descriptor) = self.tree_descriptor(mount) {
            return self.add_tree(table, mount, descriptor);
        }
        let (source, options) = self.bind(mount);
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        table.add(&mount.path, &Entry::new(source, &mount.destination, "none", &options));
    }

    /// The source and the options of a bind.
    fn bind(&self, mount: &Mount) -> (String, Vec<String>) {
        let bind = mount.options.bind.unwrap_or("bind");
        let mut options = vec![bind];
        options.extend(self.words_of_bind(mount));
        options.extend(mount.options.read_only.then_some("ro"));
        let map = self.map_of_owners(mount, bind == "rbind");
        options.extend(map.as_deref());
        if self.keeps_devices_out() {
            options.extend(self.keep_devices_out(mount, bind));
        }
        // Between quotes a comma does not separate.
        let subdirectory =
            mount.subdirectory.as_ref().map(|path| format!("X-mount.subdir=\"{path}\""));
        options.extend(subdirectory.as_deref());
        // Else it may look like the name of a block device, LABEL=a.
        let source = match mount.source.contains('=') && !mount.source.starts_with('/') {
            true => format!("./{}", mount.source),
            false => mount.source.clone(),
        };
        (source, options.into_iter().map(str::to_owned).collect())
    }

    /// The descriptor on which a tree waits whose owners are mapped: only out here, before the user namespace, does the
    /// kernel map them (mount_setattr(2)).
    fn tree_descriptor(&self, mount: &Mount) -> Option<usize> {
        let mut trees = self.trees();
        trees.position(|other| std::ptr::eq(other, mount)).map(|index| FIRST_TREE + index)
    }

    fn trees(&self) -> impl Iterator<Item = &Mount> {
        let has_user = self.has(Kind::User);
        self.config.mounts.iter().filter(move |mount| {
            let waits = mount.is_mapped() || mount.owners.is_some() && self.machine.is_root();
            has_user && waits && mount.is_bind() && !mount.options.remount
        })
    }

    /// The words that leave the trees on their descriptors.
    pub(super) fn add_trees(&self, chain: &mut Chain) {
        for (index, mount) in self.trees().enumerate() {
            let (source, mut options) = self.bind(mount);
            options.retain(|word| !is_propagation(word));
            options.push(format!("X-mount.fd={}", FIRST_TREE + index));
            let source = match source.starts_with(['/', '.']) {
                true => source,
                false => format!("./{source}"),
            };
            let tool = self.tool("bindmount-rs");
            chain.program([
                &tool[..],
                b"--failure-status",
                b"1",
                b"-o",
                options.join(",").as_bytes(),
            ]);
            chain.options(self.removal_on_failure());
            chain.options([source.as_bytes(), b"none"]);
        }
    }

    fn add_tree(&self, table: &mut Table, mount: &Mount, descriptor: usize) {
        let mut options = vec!["bind", "X-mount.tree"];
        options.extend(self.words_of_bind(mount).into_iter().filter(|word| is_propagation(word)));
        let source = format!("/dev/fd/{descriptor}");
        table.add(&mount.path, &Entry::new(source, &mount.destination, "none", &options));
    }

    /// The option that maps owners: as the mount says, or else as the user namespace of the container does.
    fn map_of_owners(&self, mount: &Mount, is_recursive: bool) -> Option<String> {
        let is_asked = mount.owners == Some(Owners::Map);
        let can_map = self.has(Kind::User) && self.machine.is_root();
        if !(mount.is_mapped() || is_asked && can_map) {
            return None;
        }
        let linux = &self.config.linux;
        if self.has(Kind::User) && !(mount.is_bind() && self.machine.is_root()) {
            let reason =
                "maps owners, which a user namespace takes from root alone, and of a bind mount";
            self.log.fault(format_args!("{}.options", mount.path), reason);
        } else if mount.uid_mappings.is_empty() && !self.has(Kind::User) {
            let reason = "maps owners, but there are neither mappings nor a user namespace";
            self.log.fault(format_args!("{}.options", mount.path), reason);
        }
        let top = is_recursive && mount.options.idmap != Some("ridmap");
        let name = if top { "X-mount.idmap-top" } else { "X-mount.idmap" };
        if let (true, Some(path)) = (mount.uid_mappings.is_empty(), self.spaces.joined(Kind::User))
        {
            return Some(format!("{name}={path}"));
        }
        let (users, groups) = match mount.uid_mappings.is_empty() {
            true => (&linux.uid_mappings, &linux.gid_mappings),
            false => (&mount.uid_mappings, &mount.gid_mappings),
        };
        let ranges = [("u", users), ("g", groups)];
        let ranges: Vec<_> = ranges
            .iter()
            .flat_map(|(letter, mappings)| {
                mappings.iter().map(move |mapping| mapping.range(letter))
            })
            .collect();
        Some(format!("{name}={}", ranges.join(" ")))
    }

    /// What cannot be mounted in a user namespace, since another one that the container shares would be shown: that of
    /// the machine is bound instead, as crun does.
    fn substitute(&self, table: &mut Table, mount: &Mount) -> bool {
        let (source, kind) = match mount.kind.as_str() {
            "sysfs" => ("/sys", Kind::Network),
            "mqueue" => ("/dev/mqueue", Kind::Ipc),
            _ => return false,
        };
        let owns = self.has_new(kind) || self.spaces.joined(kind).is_some();
        if !self.has(Kind::User) || owns {
            return false;
        }
        let reason = format!(
            "is {source} of this machine: without a new {} namespace a user namespace takes no {}",
            kind.name(),
            mount.kind
        );
        self.log.warn(&mount.path, reason);
        let mut options = vec!["rbind"];
        options.extend(self.words_of_bind(mount));
        options.extend(mount.options.read_only.then_some("rro"));
        table.add(&mount.path, &Entry::new(source, &mount.destination, "none", &options));
        true
    }

    /// Whether it is the group of a devpts that the container's user namespace does not have.
    fn is_unmapped_group(&self, mount: &Mount, word: &Word) -> bool {
        let group = word.text.strip_prefix("gid=").and_then(|group| group.parse::<i128>().ok());
        let Some(group) = group.filter(|_| mount.kind == "devpts" && self.has_new(Kind::User))
        else {
            return false;
        };
        let mappings = &self.config.linux.gid_mappings;
        let is_unmapped = !mappings.iter().any(|mapping| mapping.has(group));
        if is_unmapped {
            let reason = format!("leaves out {}: the user namespace has no such group", word.text);
            self.log.warn(format_args!("{}.options", mount.path), reason);
        }
        is_unmapped
    }

    fn add_file_system(&self, table: &mut Table, mount: &Mount) {
        if self.substitute(table, mount) {
            return;
        }
        let is_new_dev = is_new_dev(mount);
        let words = self.words(mount).into_iter();
        let words = words.filter(|word| !self.is_unmapped_group(mount, word));
        let mut options: Vec<_> = words.map(|word| word.text.as_str()).collect();
        options.extend(mount.options.copy_up.then_some("tmpcopyup"));
        let map = self.map_of_owners(mount, false);
        options.extend(map.as_deref());
        if self.keeps_devices_out() && !is_without_nodes(&mount.kind) {
            options.push("nodev");
        }
        let label = format!("context=\"{}\"", self.config.linux.mount_label);
        if !self.config.linux.mount_label.is_empty() && takes_context(&mount.kind) {
            options.push(&label);
        }
        // /dev becomes read-only once its nodes are made.
        options.extend((mount.options.read_only && !is_new_dev).then_some("ro"));
        let source = match mount.source.as_str() {
            "" => &mount.kind,
            source => source,
        };
        table.add(&mount.path, &Entry::new(source, &mount.destination, &mount.kind, &options));
        // Before anything is mounted over one of them.
        if is_new_dev {
            self.add_devices(table);
        }
    }

    pub(super) fn has_bound_dev(&self) -> bool {
        self.dev() == Dev::Bound
    }

    pub(super) fn makes_nodes(&self) -> bool {
        self.dev() == Dev::New && !self.has(Kind::User) && self.machine.is_in_first_user_namespace
    }
}

/// The first of the descriptors with trees, above those of the texts and those that shells keep for themselves, from 10 on.
const FIRST_TREE: usize = 40;

/// What can be said only of a mount that is attached.
fn is_propagation(word: &str) -> bool {
    let word = word.strip_prefix('r').unwrap_or(word);
    matches!(word, "shared" | "slave" | "private" | "unbindable")
}

fn is_on_dev(mount: &Mount) -> bool {
    mount.destination == "/dev" && !mount.options.remount
}

fn is_new_dev(mount: &Mount) -> bool {
    is_on_dev(mount) && !mount.is_bind()
}

/// SELinux labels the files of a proc or sysfs by its policy alone, and those of a mqueue as runc leaves them.
fn takes_context(kind: &str) -> bool {
    !matches!(kind, "proc" | "sysfs" | "mqueue" | "cgroup" | "cgroup2")
}

/// What is empty, or holds nothing but what the kernel puts there.
fn is_without_nodes(kind: &str) -> bool {
    matches!(kind, "tmpfs" | "proc" | "sysfs" | "devpts" | "mqueue" | "cgroup" | "cgroup2")
}
