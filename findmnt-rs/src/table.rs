//! A table of mounts, whatever it was read from: one text and, a mount, the places of its words in it.

use common::escape;

use crate::options;

/// The place of a word in [`Table::text`]: half as large as a slice, and it lives as long as the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    end: u32,
}

impl Span {
    pub fn new(start: usize, end: usize) -> Self {
        Self { start: start as u32, end: end as u32 }
    }

    /// The place of `word`, a part of `text`.
    #[inline(always)]
    pub fn of(text: &[u8], word: &[u8]) -> Self {
        let start = word.as_ptr().addr() - text.as_ptr().addr();
        Self::new(start, start + word.len())
    }

    /// Decodes the escapes of the word where it stands in `text`.
    pub fn decode(&mut self, text: &mut [u8]) {
        let word = &mut text[self.start as usize..self.end as usize];
        self.end = self.start + escape::decode(word) as u32;
    }
}

/// What the words of a table mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The kernel's mounts: with ids and parents, and with the options of mount and file system apart.
    Kernel,
    /// The lines of an fstab(5): one list of options, no tree.
    Fstab,
}

/// One mount, or one line of an fstab.
#[derive(Clone, Copy, Debug, Default)]
pub struct Mount {
    /// The reusable id that mountinfo shows.
    pub id: u32,
    pub parent: u32,
    pub major: u32,
    pub minor: u32,
    /// What of the file system is mounted.
    pub root: Span,
    pub target: Span,
    pub source: Span,
    pub fstype: Span,
    /// The options of the mount; in an fstab all options.
    pub vfs_options: Span,
    /// The options of the file system.
    pub fs_options: Span,
    /// mountinfo's optional fields, or what stands for them.
    pub optional: Span,
    /// Options that only user space knows.
    pub user_options: Span,
    pub freq: i32,
    pub passno: i32,
    /// The place in [`Table::extras`] plus one; 0 for none.
    pub extra: u32,
}

/// What only statmount(2) tells of a mount.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extra {
    pub unique_id: u64,
    pub unique_parent: u64,
    pub namespace: u64,
    pub peer_group: u64,
    pub master: u64,
    pub propagate_from: u64,
    pub sb_flags: u32,
    pub uid_map: Span,
    pub gid_map: Span,
}

/// Mounts in the order of their source.
#[derive(Debug)]
pub struct Table {
    pub kind: Kind,
    pub text: Vec<u8>,
    /// There is nothing in the text but printable ASCII without a backslash: no word needs a look at its
    /// characters before it is shown.
    pub plain: bool,
    pub mounts: Vec<Mount>,
    pub extras: Vec<Extra>,
    /// The thread whose mount namespace it is, where it is a running one's.
    pub task: Option<u32>,
}

impl Table {
    pub fn new(kind: Kind, text: Vec<u8>) -> Self {
        Self { kind, text, plain: false, mounts: Vec::new(), extras: Vec::new(), task: None }
    }

    /// The word at `span`.
    pub fn word(&self, span: Span) -> &[u8] {
        &self.text[span.start as usize..span.end as usize]
    }

    /// Puts a word that the source did not hold as such after the text.
    pub fn append(&mut self, word: &[u8]) -> Span {
        let start = self.text.len();
        self.text.extend_from_slice(word);
        Span::new(start, self.text.len())
    }

    /// Adds to each mount what `known` tells of the one with the same id, except for words.
    pub fn take_extras(&mut self, known: &Self) {
        let mut ids: Vec<_> = known.mounts.iter().map(|mount| (mount.id, mount.extra)).collect();
        ids.sort_unstable();
        for mount in &mut self.mounts {
            if let Ok(at) = ids.binary_search_by_key(&mount.id, |&(id, _)| id) {
                mount.extra = ids[at].1;
            }
        }
        let words = (Span::default(), Span::default());
        let without = |&extra: &Extra| Extra { uid_map: words.0, gid_map: words.1, ..extra };
        self.extras = known.extras.iter().map(without).collect();
    }

    pub fn target(&self, mount: &Mount) -> &[u8] {
        self.word(mount.target)
    }

    pub fn source(&self, mount: &Mount) -> &[u8] {
        self.word(mount.source)
    }

    pub fn fstype(&self, mount: &Mount) -> &[u8] {
        self.word(mount.fstype)
    }

    /// Writes all options of the mount, of its file system and of user space, as one list.
    pub fn write_options(&self, out: &mut Vec<u8>, mount: &Mount) {
        options::merge(out, self.word(mount.vfs_options), self.word(mount.fs_options));
        let user = self.word(mount.user_options);
        if !user.is_empty() {
            out.push(b',');
            out.extend_from_slice(user);
        }
    }

    /// Whether there are any options to write.
    pub fn has_options(&self, mount: &Mount) -> bool {
        [mount.vfs_options, mount.fs_options].iter().any(|&list| !self.word(list).is_empty())
    }

    /// All options of the mount as one list.
    pub fn all_options(&self, mount: &Mount) -> Vec<u8> {
        let mut list = Vec::new();
        self.write_options(&mut list, mount);
        list
    }

    pub fn extra(&self, mount: &Mount) -> Option<&Extra> {
        self.extras.get((mount.extra as usize).checked_sub(1)?)
    }

    /// Whether the mounts have parents.
    pub fn is_tree(&self) -> bool {
        self.kind == Kind::Kernel
    }
}

#[cfg(test)]
pub mod random {
    //! Arbitrary bytes for property tests: xorshift, the same on every run.

    pub struct Random(u64);

    impl Random {
        pub fn new(seed: u64) -> Self {
            Self(seed | 1)
        }

        pub fn next(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0
        }

        pub fn below(&mut self, limit: usize) -> usize {
            (self.next() % limit as u64) as usize
        }

        /// Up to `limit` bytes, most of them from `alphabet`, so that the parsers get deep.
        pub fn bytes(&mut self, limit: usize, alphabet: &[u8]) -> Vec<u8> {
            (0..self.below(limit + 1))
                .map(|_| match self.below(16) {
                    0 => self.next() as u8,
                    _ => alphabet[self.below(alphabet.len())],
                })
                .collect()
        }
    }
}
