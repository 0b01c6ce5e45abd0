//! The kernel's mounts one by one: listmount(2) names them, statmount(2) describes each.

use common::escape;
use common::sys::{self, flags, statmount as mask};
use nix::errno::Errno;

use crate::columns::UNIQUE;
use crate::table::{Extra, Kind, Mount, Table};

/// listmount(2): the root of the caller.
pub const ROOT: u64 = u64::MAX;

/// The fixed part of `struct statmount`, in bytes; strings follow it.
const FIXED: usize = 512;

/// Asks the kernel for mounts of one namespace and collects them in a table.
pub struct Reader {
    /// The namespace's id, 0 for our own.
    namespace: u64,
    mask: u64,
    /// Nothing but the ids is needed, which listmount(2) tells.
    ids_alone: bool,
    /// Mounts are taken with what the kernel tells of them, all that is needed or not.
    partial: bool,
    buffer: Vec<u8>,
    pub table: Table,
}

impl Reader {
    pub fn new(namespace: u64, needs: u64) -> Self {
        let mask = needs & !UNIQUE | mask::MNT_BASIC | mask::SUPPORTED_MASK;
        let table = Table::new(Kind::Kernel, Vec::new());
        let (ids_alone, partial) = (needs == UNIQUE, false);
        Self { namespace, mask, ids_alone, partial, buffer: vec![0; 4096], table }
    }

    /// Takes what the kernel tells, and leaves out the rest of what is needed.
    pub fn partial(namespace: u64, needs: u64) -> Self {
        Self { partial: true, ids_alone: false, ..Self::new(namespace, needs) }
    }

    /// Adds the mount of this unique id to the table.
    ///
    /// # Errors
    /// ENOENT where it is gone; ENOSYS where the kernel cannot tell all that is needed: before
    /// Linux 6.8 nothing, before 6.11 no options, before 6.13 no sources, before 6.15 no maps.
    pub fn mount(&mut self, id: u64) -> nix::Result<()> {
        while let Err(errno) = sys::statmount(self.namespace, id, self.mask, &mut self.buffer) {
            if errno != Errno::EOVERFLOW || self.buffer.len() > 1 << 24 {
                return Err(errno);
            }
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
        let reply = Reply { buffer: &self.buffer };
        if !self.partial && self.mask & !reply.supported() != 0 {
            return Err(Errno::ENOSYS);
        }
        let mount = reply.mount(&mut self.table);
        self.table.mounts.push(mount);
        Ok(())
    }

    fn mount_or_id(&mut self, id: u64) -> nix::Result<()> {
        if !self.ids_alone {
            return self.mount(id);
        }
        self.table.extras.push(Extra { unique_id: id, ..Extra::default() });
        let extra = self.table.extras.len() as u32;
        self.table.mounts.push(Mount { extra, ..Mount::default() });
        Ok(())
    }

    /// Adds every mount beneath the one of this unique id. A mount that vanishes meanwhile is left out.
    ///
    /// # Errors
    /// Those of listmount(2) and statmount(2).
    pub fn beneath(&mut self, id: u64) -> nix::Result<()> {
        let mut ids = [0; 1024];
        let mut last = 0;
        loop {
            let count = sys::listmount(self.namespace, id, last, &mut ids)?;
            for &id in &ids[..count] {
                match self.mount_or_id(id) {
                    Err(Errno::ENOENT) => {}
                    result => result?,
                }
            }
            if count < ids.len() {
                return Ok(());
            }
            last = ids[count - 1];
        }
    }
}

/// A mount as statmount(2) wrote it.
struct Reply<'a> {
    buffer: &'a [u8],
}

/// What the first kernel with statmount(2) tells.
const LINUX_6_8: u64 = mask::SB_BASIC
    | mask::MNT_BASIC
    | mask::PROPAGATE_FROM
    | mask::MNT_ROOT
    | mask::MNT_POINT
    | mask::FS_TYPE;

/// What the first one with sources tells.
const LINUX_6_13: u64 = LINUX_6_8
    | mask::MNT_NS_ID
    | mask::MNT_OPTS
    | mask::FS_SUBTYPE
    | mask::SB_SOURCE
    | mask::OPT_SEC_ARRAY;

/// Where the fields of `struct statmount` stand, in bytes.
mod field {
    pub const MNT_OPTS: usize = 4;
    pub const MASK: usize = 8;
    pub const DEV_MAJOR: usize = 16;
    pub const DEV_MINOR: usize = 20;
    pub const SB_FLAGS: usize = 32;
    pub const FS_TYPE: usize = 36;
    pub const ID: usize = 40;
    pub const PARENT: usize = 48;
    pub const ID_OLD: usize = 56;
    pub const PARENT_OLD: usize = 60;
    pub const ATTRIBUTES: usize = 64;
    pub const PROPAGATION: usize = 72;
    pub const PEER_GROUP: usize = 80;
    pub const MASTER: usize = 88;
    pub const PROPAGATE_FROM: usize = 96;
    pub const ROOT: usize = 104;
    pub const POINT: usize = 108;
    pub const NAMESPACE: usize = 112;
    pub const FS_SUBTYPE: usize = 120;
    pub const SOURCE: usize = 124;
    pub const SECURITY_COUNT: usize = 136;
    pub const SECURITY: usize = 140;
    pub const SUPPORTED: usize = 144;
    pub const UIDMAP_COUNT: usize = 152;
    pub const UIDMAP: usize = 156;
    pub const GIDMAP_COUNT: usize = 160;
    pub const GIDMAP: usize = 164;
}

impl<'a> Reply<'a> {
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        let bytes = self.buffer.get(at..at + N).and_then(|bytes| bytes.try_into().ok());
        bytes.unwrap_or([0; N])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_ne_bytes(self.bytes(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_ne_bytes(self.bytes(at))
    }

    fn has(&self, bit: u64) -> bool {
        self.u64(field::MASK) & bit != 0
    }

    /// What this kernel can be asked for. The answered mask does not tell all: the bit of an empty string is
    /// not set. Only Linux 6.15 says it by itself; before that, what came together is known together.
    fn supported(&self) -> u64 {
        if self.has(mask::SUPPORTED_MASK) {
            return self.u64(field::SUPPORTED);
        }
        let together = if self.has(mask::SB_SOURCE) { LINUX_6_13 } else { LINUX_6_8 };
        together | self.u64(field::MASK) | mask::SUPPORTED_MASK
    }

    /// The strings from the offset at `at` on.
    fn strings(&self, bit: u64, at: usize) -> impl Iterator<Item = &'a [u8]> {
        let start = FIXED + self.u32(at) as usize;
        let bytes = self.buffer.get(start..).filter(|_| self.has(bit)).unwrap_or_default();
        bytes.split(|&byte| byte == 0)
    }

    fn string(&self, bit: u64, at: usize) -> &'a [u8] {
        self.strings(bit, at).next().unwrap_or_default()
    }

    fn list(&self, bit: u64, count: usize, at: usize) -> Vec<&'a [u8]> {
        self.strings(bit, at).take(self.u32(count) as usize).collect()
    }

    /// The mount, its words put into the table's text.
    fn mount(&self, table: &mut Table) -> Mount {
        let extra = self.extra(table);
        table.extras.push(extra);
        let fstype = match self.string(mask::FS_SUBTYPE, field::FS_SUBTYPE) {
            b"" => table.append(self.string(mask::FS_TYPE, field::FS_TYPE)),
            subtype => {
                let fstype = self.string(mask::FS_TYPE, field::FS_TYPE);
                table.append(&[fstype, b".", subtype].concat())
            }
        };
        Mount {
            id: self.u32(field::ID_OLD),
            parent: self.u32(field::PARENT_OLD),
            major: self.u32(field::DEV_MAJOR),
            minor: self.u32(field::DEV_MINOR),
            root: table.append(self.string(mask::MNT_ROOT, field::ROOT)),
            target: table.append(self.string(mask::MNT_POINT, field::POINT)),
            source: table.append(self.string(mask::SB_SOURCE, field::SOURCE)),
            fstype,
            vfs_options: table.append(&vfs_options(self.u64(field::ATTRIBUTES))),
            fs_options: table.append(&self.fs_options()),
            optional: table.append(&optional(&extra, self.u64(field::PROPAGATION))),
            extra: table.extras.len() as u32,
            ..Mount::default()
        }
    }

    fn extra(&self, table: &mut Table) -> Extra {
        let mut map = |bit, count, at| {
            let lines: Vec<_> = self.list(bit, count, at);
            table.append(&lines.join(&b","[..]))
        };
        Extra {
            uid_map: map(mask::MNT_UIDMAP, field::UIDMAP_COUNT, field::UIDMAP),
            gid_map: map(mask::MNT_GIDMAP, field::GIDMAP_COUNT, field::GIDMAP),
            unique_id: self.u64(field::ID),
            unique_parent: self.u64(field::PARENT),
            namespace: self.u64(field::NAMESPACE),
            peer_group: self.u64(field::PEER_GROUP),
            master: self.u64(field::MASTER),
            propagate_from: self.u64(field::PROPAGATE_FROM),
            sb_flags: self.u32(field::SB_FLAGS),
        }
    }

    /// The options of the file system as mountinfo lists them: flags of the superblock, of the security
    /// module, and its own.
    fn fs_options(&self) -> Vec<u8> {
        let flags = self.u32(field::SB_FLAGS);
        let mut list = if flags & 1 == 0 { b"rw".to_vec() } else { b"ro".to_vec() };
        let mut add = |option: &[u8]| {
            list.push(b',');
            list.extend_from_slice(option);
        };
        for &(flag, word) in SHOWN_SUPERBLOCK_FLAGS {
            if flags & flag != 0 {
                add(word.as_bytes());
            }
        }
        self.list(mask::OPT_SEC_ARRAY, field::SECURITY_COUNT, field::SECURITY)
            .into_iter()
            .for_each(&mut add);
        let own = self.string(mask::MNT_OPTS, field::MNT_OPTS);
        if !own.is_empty() {
            add(&escape::decoded(own));
        }
        list
    }
}

/// The flags of a superblock that mountinfo shows besides `ro`, in its order.
const SHOWN_SUPERBLOCK_FLAGS: &[(u32, &str)] =
    &[(1 << 4, "sync"), (1 << 7, "dirsync"), (1 << 6, "mand"), (1 << 25, "lazytime")];

/// The attributes of a mount (`MOUNT_ATTR_*`) that mountinfo shows besides `ro`, in its order.
const SHOWN_ATTRIBUTES: &[(u64, u64, &str)] = &[
    (flags::MOUNT_ATTR_NOSUID, flags::MOUNT_ATTR_NOSUID, "nosuid"),
    (flags::MOUNT_ATTR_NODEV, flags::MOUNT_ATTR_NODEV, "nodev"),
    (flags::MOUNT_ATTR_NOEXEC, flags::MOUNT_ATTR_NOEXEC, "noexec"),
    (flags::MOUNT_ATTR_ATIME, flags::MOUNT_ATTR_NOATIME, "noatime"),
    (flags::MOUNT_ATTR_NODIRATIME, flags::MOUNT_ATTR_NODIRATIME, "nodiratime"),
    (flags::MOUNT_ATTR_ATIME, 0, "relatime"),
    (flags::MOUNT_ATTR_NOSYMFOLLOW, flags::MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow"),
    (MOUNT_ATTR_IDMAP, MOUNT_ATTR_IDMAP, "idmapped"),
];

const MOUNT_ATTR_IDMAP: u64 = 0x10_0000;

fn vfs_options(attributes: u64) -> Vec<u8> {
    let read_only = attributes & flags::MOUNT_ATTR_RDONLY != 0;
    let mut list = if read_only { b"ro".to_vec() } else { b"rw".to_vec() };
    for &(field, value, word) in SHOWN_ATTRIBUTES {
        if attributes & field == value {
            list.push(b',');
            list.extend_from_slice(word.as_bytes());
        }
    }
    list
}

/// mountinfo's optional fields. The origin of propagation is among them only where it is not the master.
fn optional(extra: &Extra, propagation: u64) -> Vec<u8> {
    const UNBINDABLE: u64 = 1 << 17;
    const SLAVE: u64 = 1 << 19;
    const SHARED: u64 = 1 << 20;
    let mut fields = Vec::new();
    if propagation & SHARED != 0 {
        fields.push(format!("shared:{}", extra.peer_group));
    }
    if propagation & SLAVE != 0 {
        fields.push(format!("master:{}", extra.master));
        if extra.propagate_from != 0 && extra.propagate_from != extra.master {
            fields.push(format!("propagate_from:{}", extra.propagate_from));
        }
    }
    if propagation & UNBINDABLE != 0 {
        fields.push("unbindable".to_owned());
    }
    fields.join(" ").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::random::Random;

    #[test]
    fn attributes_as_mountinfo_shows_them() {
        let shown = |attributes| String::from_utf8(vfs_options(attributes)).unwrap();
        assert_eq!(shown(0), "rw,relatime");
        assert_eq!(shown(0x20), "rw");
        assert_eq!(
            shown(0x1 | 0x2 | 0x4 | 0x8 | 0x10 | 0x80),
            "ro,nosuid,nodev,noexec,noatime,nodiratime"
        );
        assert_eq!(shown(0x20_0000 | 0x10_0000 | 0x20), "rw,nosymfollow,idmapped");
    }

    #[test]
    fn propagation_as_mountinfo_shows_it() {
        let extra = Extra { peer_group: 3, master: 5, propagate_from: 5, ..Extra::default() };
        assert_eq!(optional(&extra, 1 << 20 | 1 << 19), b"shared:3 master:5");
        let extra = Extra { propagate_from: 2, ..extra };
        assert_eq!(optional(&extra, 1 << 19 | 1 << 17), b"master:5 propagate_from:2 unbindable");
        assert_eq!(optional(&extra, 1 << 18), b"");
    }

    #[test]
    fn what_older_kernels_tell() {
        let supported = |answered: u64, says: Option<u64>| {
            let mut buffer = vec![0; FIXED];
            let answered = answered | says.map_or(0, |_| mask::SUPPORTED_MASK);
            buffer[field::MASK..][..8].copy_from_slice(&answered.to_ne_bytes());
            buffer[field::SUPPORTED..][..8].copy_from_slice(&says.unwrap_or(0).to_ne_bytes());
            Reply { buffer: &buffer }.supported()
        };
        assert_eq!(supported(0x3f, Some(0x7fff)), 0x7fff);
        assert_eq!(supported(0x3f, None) & mask::SB_SOURCE, 0);
        assert_eq!(supported(0x3f, None) & mask::MNT_POINT, mask::MNT_POINT);
        let with_sources = supported(0x3f | mask::SB_SOURCE, None);
        assert_eq!(with_sources & mask::FS_SUBTYPE, mask::FS_SUBTYPE);
        assert_eq!(with_sources & mask::MNT_UIDMAP, 0);
    }

    #[test]
    fn arbitrary_replies() {
        let mut random = Random::new(3);
        for _ in 0..2_000 {
            let buffer = random.bytes(700, b"\0\0\0\x01\x02ab\xff");
            let mut table = Table::new(Kind::Kernel, Vec::new());
            let mount = Reply { buffer: &buffer }.mount(&mut table);
            let _ = table.word(mount.fs_options);
        }
    }
}
