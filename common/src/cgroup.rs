//! The hierarchies of cgroups, and where the caller's own cgroups are found in them; below, what is done with one.

pub mod entry;
pub mod group;
pub mod list;
pub mod remove;
mod tree;

use std::ffi::OsStr;

use crate::input;
use crate::mountinfo::{self, Mount};

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
        let groups: Vec<_> = lines(groups).collect();
        let mut cgroups = Self::default();
        for mount in mountinfo::mounts(mountinfo) {
            match mount.kind.0 {
                b"cgroup" => cgroups.add(&mount, &groups),
                b"cgroup2" if cgroups.unified.is_none() => {
                    let own = groups.iter().find(|line| line.controllers.is_empty());
                    cgroups.unified = own.map(|line| hierarchy(&mount, *line));
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
    fn add(&mut self, mount: &Mount, groups: &[Line]) {
        let of_mount = |controllers: &[u8]| {
            let mut of_superblock = mount.superblock.0.split(|&b| b == b',');
            let mut wanted = controllers.split(|&b| b == b',');
            wanted.all(|controller| of_superblock.any(|option| option == controller))
        };
        let is_its = |line: &&Line| !line.controllers.is_empty() && of_mount(line.controllers);
        let Some(line) = groups.iter().find(is_its) else { return };
        if self.hierarchies.iter().any(|other| other.controllers == line.controllers) {
            return;
        }
        self.hierarchies.push(hierarchy(mount, *line));
    }
}

/// A line of /proc/PID/cgroup (cgroups(7)): `ID:CONTROLLERS:PATH`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// As in [`Hierarchy::controllers`].
    pub controllers: &'a [u8],
    /// The path of the cgroup, seen from the root of the cgroup namespace.
    pub path: &'a [u8],
}

/// The lines of /proc/PID/cgroup.
pub fn lines(text: &[u8]) -> impl Iterator<Item = Line<'_>> {
    text.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut fields = line.splitn(3, |&byte| byte == b':').skip(1);
        Some(Line { controllers: fields.next()?, path: fields.next()? })
    })
}

fn hierarchy(mount: &Mount, line: Line) -> Hierarchy {
    let point = mount.point.decoded();
    let name = point.rsplit(|&b| b == b'/').next().unwrap_or_default();
    Hierarchy {
        name: name.to_vec(),
        controllers: line.controllers.to_vec(),
        own: own(mount, line.path),
        point: point.into_owned(),
    }
}

/// The directory of the cgroup `path`. The root of the mount may be below that of the hierarchy.
fn own(mount: &Mount, path: &[u8]) -> Vec<u8> {
    let root = mount.root.decoded();
    let mut own = mount.point.decoded().into_owned();
    let below = match &*root {
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
    fn lines_of_both_versions() {
        let text = b"2:name=systemd:/a:b\n1:cpu,cpuacct:/\n0::/x y\n";
        let found: Vec<_> = lines(text).map(|line| (line.controllers, line.path)).collect();
        let expected: [(&[u8], &[u8]); 3] =
            [(b"name=systemd", b"/a:b"), (b"cpu,cpuacct", b"/"), (b"", b"/x y")];
        assert_eq!(found, expected);
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
