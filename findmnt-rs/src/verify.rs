//! Checks the content of a table: order, targets, sources, options, types.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use common::Result;
use nix::errno::Errno;
use nix::sys::utsname::uname;

use crate::columns::{Style, View};
use crate::load::{Loaded, Origin};
use crate::options::{self, Sort};
use crate::output::Output;
use crate::paths;
use crate::probe;
use crate::request::Request;
use crate::table::{Kind, Mount, Table};
use crate::tags::{Tag, Tags};
use crate::types::{is_network, is_pseudo};

/// Checks the requested tables; the status is 1 if one has an error.
///
/// # Errors
/// If a table cannot be read, or the report cannot be written.
pub fn verify(request: &Request) -> Result<u8> {
    let mut out = Output::new()?;
    let tags = Tags::default();
    let types = Types::read();
    let (mut sums, mut wrong_lines) = (Sums::default(), 0);
    for Loaded { table, wrong } in request.load()? {
        wrong_lines += wrong;
        let view = View::new(&table, Style::default(), &tags);
        let rows = request.selection.rows(&view, false);
        let order = request.selection.is_all().then(|| Order::new(&table));
        for row in rows {
            let mount = &table.mounts[row.mount as usize];
            let report = Report::new(&mut out.buffer, &mut sums, table.target(mount), request);
            let mut line =
                Line { table: &table, mount, tags: &tags, types: &types, report, no_fsck: false };
            line.check(order.as_ref(), row.mount);
        }
    }
    if request.origin == Origin::Fstab && request.files.is_empty() && is_stale() {
        sums.warnings += 1;
        out.buffer.extend_from_slice(STALE.as_bytes());
    }
    summary(&mut out, &sums, wrong_lines)?;
    Ok(u8::from(sums.errors + wrong_lines > 0))
}

#[derive(Default)]
struct Sums {
    errors: usize,
    warnings: usize,
}

fn summary(out: &mut Output, sums: &Sums, wrong_lines: usize) -> Result<()> {
    let &Sums { errors, warnings } = sums;
    if errors + warnings + wrong_lines == 0 {
        out.buffer.extend_from_slice(b"Success, no errors or warnings detected\n");
        return out.flush();
    }
    out.flush()?;
    let plural = |count| if count == 1 { "" } else { "s" };
    let text = format!(
        "\n{wrong_lines} parse error{}, {errors} error{}, {warnings} warning{}\n",
        plural(wrong_lines),
        plural(errors),
        plural(warnings)
    );
    let _ = io::stderr().lock().write_all(text.as_bytes());
    Ok(())
}

const STALE: &str = "   [W] your fstab has been modified, but systemd still uses the old version;\n       \
                     use 'systemctl daemon-reload' to reload\n";

/// Whether the fstab is newer than the units that systemd has made from it.
fn is_stale() -> bool {
    let time = |path| fs::metadata(path).map(|meta| (meta.mtime(), meta.mtime_nsec())).ok();
    let loaded = time("/run/systemd/systemd-units-load");
    loaded.zip(time("/etc/fstab")).is_some_and(|(loaded, changed)| loaded < changed)
}

/// The report on one line: first its target, then each finding.
struct Report<'a> {
    out: &'a mut Vec<u8>,
    sums: &'a mut Sums,
    target: &'a [u8],
    verbose: bool,
    begun: bool,
}

impl<'a> Report<'a> {
    fn new(out: &'a mut Vec<u8>, sums: &'a mut Sums, target: &'a [u8], request: &Request) -> Self {
        Self { out, sums, target, verbose: request.verbose, begun: false }
    }

    fn error(&mut self, message: &str) {
        self.sums.errors += 1;
        self.say('E', message);
    }

    fn warn(&mut self, message: &str) {
        self.sums.warnings += 1;
        self.say('W', message);
    }

    fn fine(&mut self, message: &str) {
        if self.verbose {
            self.say(' ', message);
        }
    }

    /// Reports an error or a warning.
    fn error_if(&mut self, is_error: bool, error: &str, warning: &str) {
        if is_error { self.error(error) } else { self.warn(warning) }
    }

    fn say(&mut self, mark: char, message: &str) {
        if !std::mem::replace(&mut self.begun, true) {
            crate::text::table(self.out, self.target, true);
            self.out.push(b'\n');
        }
        self.out.extend_from_slice(format!("   [{mark}] ").as_bytes());
        crate::text::table(self.out, message.as_bytes(), true);
        self.out.push(b'\n');
    }
}

/// The lines of each target.
struct Order {
    targets: Vec<Vec<u8>>,
    places: HashMap<Vec<u8>, Vec<u32>>,
}

impl Order {
    fn new(table: &Table) -> Self {
        let target = |mount| paths::canonical(table.target(mount)).into_owned();
        let targets: Vec<_> = table.mounts.iter().map(target).collect();
        let mut places: HashMap<_, Vec<u32>> = HashMap::new();
        for (at, target) in targets.iter().enumerate() {
            places.entry(target.clone()).or_default().push(at as u32);
        }
        Self { targets, places }
    }

    /// The later lines with the same target as line `at`, or a directory above it.
    fn later(&self, at: u32) -> Vec<u32> {
        let above =
            std::iter::successors(Some(&self.targets[at as usize][..]), |path| paths::parent(path));
        let places = above.filter_map(|path| self.places.get(path)).flatten();
        let mut later: Vec<_> = places.copied().filter(|&other| other > at).collect();
        later.sort_unstable();
        later
    }
}

/// The types of file systems that the kernel supports, or has a module for.
struct Types(HashSet<Vec<u8>>);

impl Types {
    fn read() -> Self {
        let mut types = HashSet::new();
        let listed = fs::read("/proc/filesystems").unwrap_or_default();
        let last_word = |line: &[u8]| line.rsplit(|&byte| byte == b'\t').next().map(<[u8]>::to_vec);
        types.extend(listed.split(|&byte| byte == b'\n').filter_map(last_word));
        if let Ok(system) = uname() {
            let path = Path::new("/lib/modules").join(system.release()).join("modules.dep");
            let modules = fs::read(path).unwrap_or_default();
            types.extend(modules.split(|&byte| byte == b'\n').filter_map(module));
        }
        Self(types)
    }

    fn has(&self, fstype: &[u8]) -> bool {
        self.0.contains(fstype)
    }
}

/// The type of `kernel/fs/ext4/ext4.ko.xz: …`.
fn module(line: &[u8]) -> Option<Vec<u8>> {
    let path = line.split(|&byte| byte == b':').next()?;
    let path = path.strip_prefix(b"kernel/fs/").filter(|path| !path.starts_with(b"nls/"))?;
    let name = path.rsplit(|&byte| byte == b'/').next()?;
    let end = name.windows(3).position(|part| part == b".ko")?;
    Some(name[..end].to_vec())
}

/// The check of one line of a table.
struct Line<'a> {
    table: &'a Table,
    mount: &'a Mount,
    tags: &'a Tags,
    types: &'a Types,
    report: Report<'a>,
    no_fsck: bool,
}

impl Line<'_> {
    fn check(&mut self, order: Option<&Order>, at: u32) {
        if let Some(order) = order {
            self.order(order, at);
        }
        if self.fstype() == b"swap" {
            self.swap_area();
        } else {
            self.target();
            self.options();
        }
        if self.source() {
            self.file_system();
        }
        self.pass_number();
    }

    fn fstype(&self) -> &[u8] {
        self.table.fstype(self.mount)
    }

    /// The option's value, empty if it has none; none if the line lacks the option.
    fn option(&self, name: &[u8]) -> Option<&[u8]> {
        options::value(self.table.word(self.mount.vfs_options), name)
    }

    /// Whether the line is mounted at boot, so that a failure stops the boot.
    fn is_required(&self) -> bool {
        self.option(b"noauto").is_none()
    }

    fn is_checked(&self) -> bool {
        !is_pseudo(self.fstype()) && !is_network(self.fstype())
    }

    fn order(&mut self, order: &Order, at: u32) {
        let target = &order.targets[at as usize];
        for later in order.later(at) {
            let other = &order.targets[later as usize];
            if other == target {
                self.report.warn("target specified more than once");
            } else if self.table.kind == Kind::Fstab {
                let message =
                    format!("wrong order: {} specified before {}", shown(target), shown(other));
                self.report.error(&message);
            }
        }
    }

    fn target(&mut self) {
        let target = self.table.target(self.mount);
        let real = paths::canonical(target);
        if *real != *target {
            self.report.warn(&format!("non-canonical target path (real: {})", shown(&real)));
        }
        match look(&real) {
            Err(reason) => self.report.error_if(
                self.is_required(),
                &format!("unreachable on boot required target: {reason}"),
                &format!("unreachable target: {reason}"),
            ),
            // In the kernel's table, a bind of a file has no option `bind`.
            Ok(meta)
                if !meta.is_dir()
                    && self.option(b"bind").is_none()
                    && self.table.kind == Kind::Fstab =>
            {
                self.report.error("target is not a directory");
            }
            Ok(_) => self.report.fine("target exists"),
        }
    }

    fn options(&mut self) {
        let all = self.table.word(self.mount.vfs_options);
        let sorted = |sort| options::of_sort(all, sort);
        let (vfs, fs, user) = match self.table.kind {
            Kind::Fstab => (sorted(Sort::Vfs), sorted(Sort::Fs), sorted(Sort::User)),
            Kind::Kernel => (all.to_vec(), self.table.word(self.mount.fs_options).to_vec(), vec![]),
        };
        for (name, list) in [("VFS options", vfs), ("FS options", fs), ("userspace options", user)]
        {
            if !list.is_empty() {
                self.report.fine(&format!("{name}: {}", shown(&list)));
            }
        }
    }

    fn swap_area(&mut self) {
        let policy = self.option(b"discard").unwrap_or_default();
        if !matches!(policy, b"" | b"once" | b"pages") {
            let message = format!("unsupported swaparea discard policy: {}", shown(policy));
            self.report.error(&message);
        }
        let priority = self.option(b"pri").unwrap_or_default();
        let digits = priority.strip_prefix(b"-").unwrap_or(priority);
        if !digits.iter().all(u8::is_ascii_digit) {
            self.report.error("failed to parse swaparea priority option");
        }
    }

    /// Checks the source; false if it cannot be checked further.
    fn source(&mut self) -> bool {
        let source = self.table.source(self.mount);
        let path = match Tag::parse(source) {
            Some((tag, value)) => match self.tags.device(tag, value) {
                Some(device) => {
                    let message = format!("{} translated to {}", shown(source), shown(&device));
                    self.report.fine(&message);
                    device
                }
                None => {
                    self.report.error_if(
                        self.is_required(),
                        &format!("unreachable on boot required source: {}", shown(source)),
                        &format!("unreachable: {}", shown(source)),
                    );
                    return false;
                }
            },
            None if is_unknown_tag(source) && look(source).is_err() => {
                self.report.error(&format!("unsupported source tag: {}", shown(source)));
                return true;
            }
            None => source.to_vec(),
        };
        self.source_path(&path);
        true
    }

    fn source_path(&mut self, path: &[u8]) {
        let name = shown(path);
        let is_bind = self.option(b"bind").is_some();
        if !self.is_checked() {
            return self.report.fine(&format!("do not check {name} source (pseudo/net)"));
        }
        match look(path).map(|meta| meta.file_type()) {
            Err(reason) => self.report.warn(&format!("unreachable source: {name}: {reason}")),
            Ok(kind) if (kind.is_dir() || kind.is_file()) && !is_bind => {
                let message =
                    format!("non-bind mount source {name} is a directory or regular file");
                self.report.warn(&message);
            }
            Ok(kind) if !kind.is_block_device() && !is_bind => {
                self.report.warn(&format!("source {name} is not a block device"));
            }
            Ok(_) => self.report.fine(&format!("source {name} exists")),
        }
    }

    fn file_system(&mut self) {
        let source = self.table.source(self.mount);
        let device = match Tag::parse(source) {
            Some((tag, value)) => self.tags.device(tag, value).unwrap_or_default(),
            None => paths::canonical(source).into_owned(),
        };
        let name = shown(&device);
        if !self.is_checked() {
            return self.report.fine(&format!("do not check {name} FS type (pseudo/net)"));
        }
        let fstype = self.fstype().to_vec();
        if matches!(&fstype[..], b"xfs" | b"btrfs") {
            self.no_fsck = true;
        }
        if !matches!(&fstype[..], b"auto" | b"swap") && !self.types.has(&fstype) {
            let message = format!("{} seems unsupported by the current kernel", shown(&fstype));
            self.report.warn(&message);
        }
        self.on_disk(&device, &fstype);
    }

    /// Checks the type of the file system on the device.
    fn on_disk(&mut self, device: &[u8], fstype: &[u8]) {
        let real = match probe::file_system(OsStr::from_bytes(device)) {
            Ok(real) => real,
            Err(errno) => {
                let reason =
                    if errno == Errno::UnknownErrno { "reason unknown" } else { errno.desc() };
                let message = format!("cannot detect on-disk filesystem type ({reason})");
                return self.report.error_if(fstype == b"auto", &message, &message);
            }
        };
        self.no_fsck = matches!(real, "xfs" | "btrfs");
        if fstype != b"auto" && fstype != real.as_bytes() {
            let message = format!("{} does not match with on-disk {real}", shown(fstype));
            self.report.error(&message);
        } else if real != "swap" && !self.types.has(real.as_bytes()) {
            let message = format!("on-disk {real} seems unsupported by the current kernel");
            self.report.error(&message);
        } else {
            self.report.fine(&format!("FS type is {real}"));
        }
    }

    fn pass_number(&mut self) {
        let number = self.mount.passno;
        if self.table.target(self.mount) == b"/" && number != 1 && !self.no_fsck {
            let message = format!("recommended root FS passno is 1 (current is {number})");
            self.report.warn(&message);
        }
    }
}

fn look(path: &[u8]) -> Result<Metadata, &'static str> {
    fs::metadata(OsStr::from_bytes(path))
        .map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)).desc())
}

/// A word of the form `NAME=value`.
fn is_unknown_tag(source: &[u8]) -> bool {
    let name = source.split(|&byte| byte == b'=').next().unwrap_or_default();
    name.len() < source.len() && !name.is_empty() && name.iter().all(u8::is_ascii_alphanumeric)
}

fn shown(word: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_of_file_systems() {
        assert_eq!(module(b"kernel/fs/ext4/ext4.ko.xz: kernel/x.ko"), Some(b"ext4".to_vec()));
        assert_eq!(module(b"kernel/fs/nls/nls_ascii.ko:"), None);
        assert_eq!(module(b"kernel/net/9p.ko:"), None);
        assert_eq!(module(b""), None);
    }

    #[test]
    fn tags_of_others() {
        assert!(is_unknown_tag(b"FOO=bar") && is_unknown_tag(b"ID=x"));
        assert!(!is_unknown_tag(b"/dev/a=b") && !is_unknown_tag(b"=x") && !is_unknown_tag(b"foo"));
    }

    #[test]
    fn later_lines_of_directories_above() {
        let text = b"a /nosuch/a/b t\nb /nosuch/c t\nc /nosuch/a t\nd /nosuch/a/b t\ne / t\n";
        let (table, _) = crate::fstab::parse(text.to_vec());
        let order = Order::new(&table);
        assert_eq!(order.later(0), [2, 3, 4]);
        assert_eq!(order.later(1), [4]);
        assert!(order.later(4).is_empty());
    }
}
