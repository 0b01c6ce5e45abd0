//! Which types of file systems are on a disk, on a network, or on neither.

/// The types that are neither on a disk nor on a network, sorted by name.
const PSEUDO: &[&str] = &[
    "anon_inodefs",
    "apparmorfs",
    "autofs",
    "bdev",
    "binder",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "cpuset",
    "debugfs",
    "devfs",
    "devpts",
    "devtmpfs",
    "dlmfs",
    "dmabuf",
    "drm",
    "efivarfs",
    "fuse",
    "fuse.archivemount",
    "fuse.avfsd",
    "fuse.dumpfs",
    "fuse.encfs",
    "fuse.gvfs-fuse-daemon",
    "fuse.gvfsd-fuse",
    "fuse.kio-fuse",
    "fuse.lxcfs",
    "fuse.portal",
    "fuse.rofiles-fuse",
    "fuse.vmware-vmblock",
    "fuse.xwmfs",
    "fusectl",
    "hugetlbfs",
    "ipathfs",
    "mqueue",
    "nfsd",
    "none",
    "nsfs",
    "overlay",
    "pidfs",
    "pipefs",
    "proc",
    "pstore",
    "ramfs",
    "resctrl",
    "rootfs",
    "rpc_pipefs",
    "securityfs",
    "selinuxfs",
    "smackfs",
    "sockfs",
    "spufs",
    "sysfs",
    "tmpfs",
    "tracefs",
    "vboxsf",
    "virtiofs",
];

/// Whether the type is neither on a disk nor on a network.
pub fn is_pseudo(fstype: &[u8]) -> bool {
    PSEUDO.binary_search_by(|known| known.as_bytes().cmp(fstype)).is_ok()
}

/// The types that are on a network. Names that begin with `nfs` are not listed here.
const NETWORK: &[&str] =
    &["9p", "afs", "cifs", "fuse.curlftpfs", "fuse.sshfs", "glusterfs", "ncpfs", "smb3", "smbfs"];

/// Whether the type is on a network.
pub fn is_network(fstype: &[u8]) -> bool {
    fstype.starts_with(b"nfs") || NETWORK.iter().any(|known| known.as_bytes() == fstype)
}

/// Whether a server answers requests of this type of file system. A server may be dead or never answer.
pub fn has_server(fstype: &[u8]) -> bool {
    fstype.starts_with(b"fuse") || fstype == b"virtiofs" || is_network(fstype)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pseudo_types_are_sorted() {
        assert!(PSEUDO.is_sorted());
        assert!(PSEUDO.iter().all(|fstype| is_pseudo(fstype.as_bytes())));
        assert!(!is_pseudo(b"ext4") && !is_pseudo(b"fuse.sshfs"));
    }

    #[test]
    fn network_types() {
        assert!(is_network(b"nfs4") && is_network(b"fuse.sshfs") && !is_network(b"ext4"));
        assert!(NETWORK.iter().all(|fstype| is_network(fstype.as_bytes())));
    }
}
