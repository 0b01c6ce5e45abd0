//! `--fstab-output`: writes mounts as an fstab that makes them again, also in another directory.

use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;

use common::{Result, option_list, quote, start, sys};

use crate::answer::Answer;
use crate::columns;
use crate::output::Output;
use crate::request::Request;
use crate::select::shadowed;
use crate::table::{Kind, Mount, Table};
use crate::text;

/// Writes a line for every mount. For an fstab it is the line itself, for a mount of the kernel it is a bind of its
/// mountpoint. With `--submounts`, targets are relative to the matching mount.
///
/// # Errors
/// Those of write(2).
pub fn write(request: &Request, answers: &[Answer]) -> Result<()> {
    let mut out = Output::new()?;
    let relative = request.selection.submounts && !request.selection.is_all();
    let mut top: &[u8] = b"/";
    let own = request.is_own();
    for Answer { view, rows } in answers {
        let table = view.table;
        let hidden = if own { Vec::new() } else { shadowed(table) };
        for row in rows {
            let mount = &table.mounts[row.mount as usize];
            if table.kind == Kind::Fstab {
                original(&mut out.buffer, table, mount);
                continue;
            }
            if relative && row.depth == 0 {
                top = table.target(mount);
            }
            let is_hidden = hidden.get(row.mount as usize).is_some_and(|&hidden| hidden);
            let seen = if own { is_reachable(table, mount) } else { !is_hidden };
            if seen && is_bindable(table, mount) {
                bind(&mut out.buffer, table, mount, top);
            }
        }
    }
    out.flush()
}

fn original(out: &mut Vec<u8>, table: &Table, mount: &Mount) {
    for word in [mount.source, mount.target, mount.fstype] {
        text::fstab(out, table.word(word));
        out.push(b' ');
    }
    match table.word(mount.vfs_options) {
        b"" => out.extend_from_slice(b"defaults"),
        options => text::fstab(out, options),
    }
    out.extend_from_slice(format!(" {} {}\n", mount.freq, mount.passno).as_bytes());
}

fn bind(out: &mut Vec<u8>, table: &Table, mount: &Mount, top: &[u8]) {
    let target = table.target(mount);
    text::fstab(out, target);
    out.push(b' ');
    text::fstab(out, beneath(target, top));
    out.extend_from_slice(b" none bind");
    // The copy of an idmapped mount has the same map.
    let attributes = option_list::options(table.word(mount.vfs_options));
    for word in attributes.filter(|&word| word != b"idmapped") {
        out.push(b',');
        text::fstab(out, word);
    }
    out.push(b',');
    out.extend_from_slice(propagation(table, mount).as_bytes());
    out.extend_from_slice(b" 0 0\n");
}

/// The path relative to `top`.
fn beneath<'a>(path: &'a [u8], top: &[u8]) -> &'a [u8] {
    match path.strip_prefix(top) {
        Some(b"") => b"/",
        Some(rest) if rest.starts_with(b"/") => rest,
        _ => path,
    }
}

/// Every line has a propagation, because a mount on a shared mount becomes shared by itself. The copy of a shared
/// mount becomes its slave: if it were a peer, later mounts on the copy would also appear on the original.
fn propagation(table: &Table, mount: &Mount) -> &'static str {
    match &columns::propagation(table.word(mount.optional))[..] {
        ["shared", ..] | [_, "slave", ..] => "slave",
        _ => "private",
    }
}

/// Whether the path of the mountpoint leads to the mount, and not to one that hides it.
fn is_reachable(table: &Table, mount: &Mount) -> bool {
    let target = CString::new(table.target(mount)).unwrap_or_default();
    sys::path_mount(&target, false).is_ok_and(|place| place.id == u64::from(mount.id))
}

fn is_bindable(table: &Table, mount: &Mount) -> bool {
    let unbindable = columns::propagation(table.word(mount.optional)).contains(&"unbindable");
    if unbindable {
        let target = quote(OsStr::from_bytes(table.target(mount)));
        start::warn(&format!("{target} is unbindable, and left out"));
    }
    !unbindable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(mountinfo: &str, top: &str) -> String {
        let table = crate::mountinfo::parse(mountinfo.as_bytes().to_vec());
        let mut out = Vec::new();
        bind(&mut out, &table, &table.mounts[0], top.as_bytes());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_of_mounts() {
        for (optional, word) in [
            ("", "private"),
            ("shared:1 ", "slave"),
            ("master:1 ", "slave"),
            ("shared:2 master:1 ", "slave"),
        ] {
            let text = format!("2 1 0:2 /x /a\\040b/c ro,nosuid,idmapped {optional}- t s rw\n");
            assert_eq!(
                line(&text, "/a b"),
                format!("/a\\040b/c /c none bind,ro,nosuid,{word} 0 0\n")
            );
        }
    }

    #[test]
    fn paths_beneath_the_top() {
        for (path, top, want) in
            [("/a", "/a", "/"), ("/a/b", "/a", "/b"), ("/ab", "/a", "/ab"), ("/a", "/", "/a")]
        {
            assert_eq!(beneath(path.as_bytes(), top.as_bytes()), want.as_bytes());
        }
    }

    #[test]
    fn lines_of_an_fstab() {
        let (table, _) = crate::fstab::parse(b"LABEL=a /b\\040c ext4 ro 1 2\nx y z\n".to_vec());
        let mut out = Vec::new();
        table.mounts.iter().for_each(|mount| original(&mut out, &table, mount));
        assert_eq!(out, b"LABEL=a /b\\040c ext4 ro 1 2\nx y z defaults 0 0\n");
    }
}
