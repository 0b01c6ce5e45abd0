//! The hierarchies of cgroups, and where the caller's own cgroups are found in them; below, what is done with one.

pub mod entry;
pub mod group;
pub mod list;
pub mod remove;
mod tree;

use std::ffi::OsStr;

use crate::{escape, input};

/// The hierarchies that are mounted, without their doubles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cgroups {
    /// Those of version 1, in the order of the mount table.
    pub hierarchies: Vec<Hierarchy>,
    /// That of version 2.
    pub unified: Option<Hierarchy>,
}

/// A hierarchy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hierarchy {
    /// The last part of its mount point, such as `cpu,cpuacct`.
    pub name: Vec<u8>,
    /// As in /proc/self/cgroup: `cpu,cpuacct`, or `name=systemd`; nothing in version 2.
    pub controllers: Vec<u8>,
    /// Its mount point.
    pub point: Vec<u8>,
    /// The caller's own cgroup.
    pub own: Vec<u8>,
}

/// A line of /proc/self/mountinfo (proc_pid_mountinfo(5)).
struct Mount<'a> {
    root: &'a [u8],
    point: &'a [u8],
    kind: &'a [u8],
    superblock: &'a [u8],
}

impl Cgroups {
    /// Those of this process. A file that cannot be read says nothing.
    #[must_use]
    pub fn of_this_process() -> Self {
        let read = |path| input::read(OsStr::new(path)).unwrap_or_default();
        Self::parse(&read("/proc/self/cgroup"), &read("/proc/self/mountinfo"))
    }

    /// From /proc/self/cgroup (cgroups(7)) and /proc/self/mountinfo.
    #[must_use]
    pub fn parse(groups: &[u8], mountinfo: &[u8]) -> Self {
        let groups: Vec<_> = groups.split(|&b| b == b'\n').filter_map(group).collect();
        let mut cgroups = Self::default();
        for mount in mountinfo.split(|&b| b == b'\n').filter_map(Mount::parse) {
            match mount.kind {
                b"cgroup" => cgroups.add(&mount, &groups),
                b"cgroup2" if cgroups.unified.is_none() => {
                    let own = groups.iter().find(|(controllers, _)| controllers.is_empty());
                    cgroups.unified = own.map(|(_, path)| mount.hierarchy(b"", path));
                }
                _ => {}
            }
        }
        cgroups
    }

    /// Whether there are cgroups of version 2 and no other.
    #[must_use]
    pub fn is_version_2(&self) -> bool {
        self.unified.is_some() && self.hierarchies.is_empty()
    }

    /// The controllers of a hierarchy are among the options of its superblock.
    fn add(&mut self, mount: &Mount, groups: &[(&[u8], &[u8])]) {
        let of_mount = |controllers: &[u8]| {
            let mut of_superblock = mount.superblock.split(|&b| b == b',');
            let mut wanted = controllers.split(|&b| b == b',');
            wanted.all(|controller| of_superblock.any(|option| option == controller))
        };
        let group = groups.iter().find(|(list, _)| !list.is_empty() && of_mount(list));
        let Some((controllers, path)) = group else { return };
        if self.hierarchies.iter().any(|other| other.controllers == *controllers) {
            return;
        }
        self.hierarchies.push(mount.hierarchy(controllers, path));
    }
}

/// `ID:CONTROLLERS:PATH`
fn group(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = line.splitn(3, |&b| b == b':').skip(1);
    Some((fields.next()?, fields.next()?))
}

impl<'a> Mount<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let mut fields = line.split(|&b| b == b' ').skip(3);
        let (root, point) = (fields.next()?, fields.next()?);
        let mut fields = fields.skip_while(|field| *field != b"-").skip(1);
        let kind = fields.next()?;
        Some(Self { root, point, kind, superblock: fields.nth(1)? })
    }

    fn hierarchy(&self, controllers: &[u8], path: &[u8]) -> Hierarchy {
        let name = self.point.rsplit(|&b| b == b'/').next().unwrap_or_default();
        Hierarchy {
            name: escape::decoded(name),
            controllers: controllers.to_vec(),
            point: escape::decoded(self.point),
            own: self.own(path),
        }
    }

    /// Where the cgroup `path` is found; the root of the mount may be below that of the hierarchy.
    fn own(&self, path: &[u8]) -> Vec<u8> {
        let root = escape::decoded(self.root);
        let mut own = escape::decoded(self.point);
        let below = match root.as_slice() {
            b"/" => path,
            root => path
                .strip_prefix(root)
                .filter(|below| below.is_empty() || below.starts_with(b"/"))
                .unwrap_or(path),
        };
        if below != b"/" {
            own.extend_from_slice(below);
        }
        own
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HYBRID: &[u8] = b"24 1 0:22 / /sys/fs/cgroup rw - tmpfs tmpfs rw
25 24 0:23 / /sys/fs/cgroup/unified rw,nosuid shared:9 - cgroup2 cgroup2 rw
26 24 0:24 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
27 24 0:25 /a\\040b /sys/fs/cgroup/systemd rw - cgroup systemd rw,name=systemd
28 24 0:24 / /mnt/cpu rw - cgroup cgroup rw,cpu,cpuacct
29 24 0:26 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
";

    #[test]
    fn a_hybrid_tree() {
        let groups = b"3:cpu,cpuacct:/x y\n2:name=systemd:/a b/c\n1:pids:/\n0::/z\n";
        let cgroups = Cgroups::parse(groups, HYBRID);
        let own = |index: usize| String::from_utf8(cgroups.hierarchies[index].own.clone()).unwrap();
        assert_eq!(cgroups.hierarchies.len(), 3);
        assert_eq!(cgroups.hierarchies[0].name, b"cpu,cpuacct");
        assert_eq!(own(0), "/sys/fs/cgroup/cpu,cpuacct/x y");
        assert_eq!(own(1), "/sys/fs/cgroup/systemd/c");
        assert_eq!(own(2), "/sys/fs/cgroup/pids");
        assert_eq!(cgroups.hierarchies[1].point, b"/sys/fs/cgroup/systemd");
        let unified = cgroups.unified.unwrap();
        assert_eq!(unified.own, b"/sys/fs/cgroup/unified/z");
        assert_eq!(
            (unified.point, unified.controllers),
            (b"/sys/fs/cgroup/unified".into(), vec![])
        );
    }

    #[test]
    fn a_mount_of_a_part() {
        let groups = b"2:name=systemd:/a bc\n";
        let cgroups = Cgroups::parse(groups, HYBRID);
        assert_eq!(cgroups.hierarchies[0].own, b"/sys/fs/cgroup/systemd/a bc");
    }

    #[test]
    fn version_2_alone_and_nothing() {
        let mountinfo = b"24 1 0:22 /../.. /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
        let cgroups = Cgroups::parse(b"0::/user.slice\n", mountinfo);
        assert!(cgroups.is_version_2());
        assert_eq!(cgroups.unified.unwrap().own, b"/sys/fs/cgroup/user.slice");
        assert_eq!(Cgroups::parse(b"0::/\n", b"x\n\n1 2 3\n"), Cgroups::default());
    }
}
