//! Why an id, or a map of ids, was refused.

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use common::capability::{SETFCAP, is_effective};
use common::sys::Prctl;
use common::{quote, sys};
use nix::errno::Errno;
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::unistd::geteuid;

use super::{PROC, forbidding_setting, lacks, seccomp_filter};
use crate::ids::{GROUPS, Range, Sort, USERS, Writer, id_map};

/// The most lines that the kernel takes in a map (user_namespaces(7)).
const MAP_LINES: usize = 340;

/// Ids below may be those of accounts (SUB_UID_MIN of login.defs(5)), and are nobody's to grant.
const FIRST_SUBORDINATE: u32 = 100_000;

/// setgroups(2).
pub fn setgroups(errno: Errno) -> Option<String> {
    if errno != Errno::EPERM {
        return None;
    }
    match fs::read_to_string("/proc/self/setgroups").ok()?.trim() {
        "deny" => Some(
            "setgroups(2) is denied in this user namespace, as it has to be where the own group \
             alone is mapped; a --map-groups of more leaves it allowed"
                .into(),
        ),
        _ if id_map("gid_map").is_empty() => {
            Some("this user namespace has no groups yet: map some with --map-groups".into())
        }
        _ => lacks(GROUPS.capability, "CAP_SETGID"),
    }
}

/// A write to setgroups.
pub fn setgroups_word(errno: Errno) -> Option<String> {
    match errno {
        Errno::EACCES => Some("that needs a user namespace of one's own: --user".into()),
        Errno::EPERM => Some(
            "it is taken only before the groups of a user namespace are mapped, and no more after a \
             \"deny\" in the namespace or one around it"
                .into(),
        ),
        _ => None,
    }
}

/// setuid(2) and setgid(2).
pub fn id(sort: &Sort, errno: Errno) -> Option<String> {
    let noun = sort.noun;
    match errno {
        Errno::EINVAL => {
            Some(format!("the user namespace has no such {noun}: map it with --map-{noun}s"))
        }
        Errno::EPERM => lacks(sort.capability, &format!("CAP_SET{}", sort.short.to_uppercase())),
        _ => None,
    }
}

/// A write to a map, by the process inside or one outside.
pub fn map(sort: &Sort, ranges: &[Range], writer: Writer, errno: Errno) -> Option<String> {
    match errno {
        Errno::EINVAL if ranges.len() > MAP_LINES => {
            Some(format!("the kernel takes no more than {MAP_LINES} blocks"))
        }
        Errno::EINVAL => overlap(ranges),
        Errno::EPERM if writer == Writer::Inside => setgroups_allowed(sort)
            .or_else(|| forbidding_setting(Path::new(PROC)))
            .or_else(seccomp_filter),
        Errno::EPERM => missing_outside(sort, ranges).or_else(|| root_without_setfcap(ranges)),
        _ => None,
    }
}

fn overlap(ranges: &[Range]) -> Option<String> {
    let meet = |a: u32, a_count: u32, b: u32, b_count: u32| {
        u64::from(a) < u64::from(b) + u64::from(b_count)
            && u64::from(b) < u64::from(a) + u64::from(a_count)
    };
    ranges.iter().enumerate().find_map(|(index, a)| {
        let b = ranges[index + 1..].iter().find(|b| {
            meet(a.inner, a.count, b.inner, b.count) || meet(a.outer, a.count, b.outer, b.count)
        })?;
        Some(format!("the blocks {a} and {b} overlap"))
    })
}

fn setgroups_allowed(sort: &Sort) -> Option<String> {
    let allowed = fs::read_to_string("/proc/self/setgroups").ok()?.trim() == "allow";
    (*sort != USERS && allowed).then(|| {
        "an ordinary user maps a group only where setgroups(2) is denied: --setgroups deny".into()
    })
}

fn missing_outside(sort: &Sort, ranges: &[Range]) -> Option<String> {
    let there = id_map(sort.map);
    let range = ranges.iter().find(|range| !there.iter().any(|there| there.holds_outer(range)))?;
    let missing =
        format!("not all of the {}s that {range} maps exist in this user namespace", sort.noun);
    let swapped = Range { inner: range.outer, outer: range.inner, count: range.count };
    Some(match there.iter().any(|there| there.holds_outer(&swapped)) {
        true => format!("{missing}; the first number is the one inside: did you mean {swapped}?"),
        false => missing,
    })
}

fn root_without_setfcap(ranges: &[Range]) -> Option<String> {
    (ranges.iter().any(|range| range.outer == 0) && !is_effective(SETFCAP))
        .then(|| "to map the root outside, CAP_SETFCAP is needed too".into())
}

/// newuidmap or newgidmap could not be executed.
pub fn no_helper(sort: &Sort, errno: Errno) -> Option<String> {
    (errno == Errno::ENOENT).then(|| {
        format!(
            "{} writes maps of more than the own id for ordinary users; it comes with the package \
             'uidmap' or 'shadow'",
            sort.helper
        )
    })
}

/// newuidmap or newgidmap wrote no map.
pub fn helper(sort: &Sort, ranges: &[Range], name: &OsStr, own: &[Range]) -> Option<String> {
    powerless(sort).or_else(|| unreadable(sort)).or_else(|| {
        let range = ranges.iter().find(|range| {
            !own.iter().any(|own| own.holds_outer(range)) && range.outer != geteuid().as_raw()
        })?;
        let refused =
            format!("{} grants no range that holds {range} to {}", sort.ranges, quote(name));
        if range.outer < FIRST_SUBORDINATE {
            return Some(refused);
        }
        let (first, last) = (range.outer, range.outer + (range.count - 1));
        Some(format!(
            "{refused}: as root 'usermod --add-sub{}s {first}-{last} {}'",
            sort.short,
            name.to_string_lossy()
        ))
    })
}

/// The programs take no link for the file, and no line that ends in a carriage return, and do not say so.
fn unreadable(sort: &Sort) -> Option<String> {
    let path = Path::new(sort.ranges);
    if path.is_symlink() {
        return Some(format!(
            "{} is a symbolic link, which {} does not follow",
            sort.ranges, sort.helper
        ));
    }
    let text = fs::read(path).ok()?;
    text.contains(&b'\r').then(|| {
        format!(
            "lines of {} end in a carriage return, which {} does not take",
            sort.ranges, sort.helper
        )
    })
}

/// Why a program that should gain a privilege does not.
fn powerless(sort: &Sort) -> Option<String> {
    if sys::prctl(Prctl::NoNewPrivs) == Ok(1) {
        return Some(format!("no_new_privs is set, so that {} gains no privilege", sort.helper));
    }
    let search = std::env::var_os("PATH")?;
    let path = std::env::split_paths(&search)
        .map(|directory| directory.join(sort.helper))
        .find(|path| path.is_file())?;
    let set_user_id = path.metadata().ok()?.permissions().mode() & 0o4000 != 0;
    let name = CString::new(path.as_os_str().as_bytes()).ok()?;
    if !set_user_id && !sys::has_attribute(&name, c"security.capability") {
        return Some(format!(
            "{} is neither set-user-ID root nor has it the file capability cap_set{}: 'chmod u+s' as root",
            quote(&path),
            sort.short
        ));
    }
    let nosuid = statvfs(&path).ok()?.flags().contains(FsFlags::ST_NOSUID);
    nosuid.then(|| format!("{} is on a mount with the option nosuid", quote(&path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_that_overlap() {
        let range = |inner, outer, count| Range { inner, outer, count };
        assert_eq!(overlap(&[range(0, 0, 5), range(5, 5, 5)]), None);
        assert!(overlap(&[range(0, 0, 5), range(4, 50, 5)]).is_some());
        assert!(overlap(&[range(0, 0, 5), range(50, 4, 5)]).is_some());
        assert_eq!(overlap(&[range(0, 0, u32::MAX)]), None);
    }
}
