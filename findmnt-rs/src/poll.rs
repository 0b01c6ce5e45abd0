//! Waits for changes of the kernel's table: `--poll` and `--wait`.

use std::ffi::{CString, OsStr, OsString};
use std::fs::File;
use std::io::Seek;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use common::{Context, Error, Result, sys};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};

use crate::answer::Answer;
use crate::change::{ChangeKind, ChangeKinds};
use crate::columns::{Change, View};
use crate::load::{self, Origin};
use crate::mountinfo;
use crate::print::Printer;
use crate::request::Request;
use crate::table::{Mount, Table};
use crate::tags::Tags;
use crate::tree::Row;

/// Shows changes of the kernel's table. Ends after the first one with `--first-only`, and if there is none for
/// the time of `--timeout`.
///
/// # Errors
/// If the table cannot be read, or a change cannot be written.
pub fn poll(request: &Request, actions: ChangeKinds) -> Result<u8> {
    let mut watch = Watch::open(request)?;
    let poll = Poll { request, actions, tags: Tags::default() };
    let mut printer = Printer::new(request.look())?;
    let mut before = watch.read()?;
    let mut deadline = Deadline::after(request.timeout);
    while watch.wait(deadline)? {
        let now = watch.read()?;
        if poll.show(&before, &now, &mut printer)? {
            if request.selection.first {
                break;
            }
            deadline = Deadline::after(request.timeout);
        }
        before = now;
    }
    Ok(0)
}

struct Poll<'a> {
    request: &'a Request,
    actions: ChangeKinds,
    tags: Tags,
}

impl Poll<'_> {
    /// Shows the requested changes between two tables; returns whether there are any.
    fn show(&self, before: &Table, now: &Table, printer: &mut Printer) -> Result<bool> {
        let mut found = changes(before, now);
        if self.request.selection.backward {
            found.reverse();
        }
        found.retain(|found| self.actions.contain(found.action) && self.asked_for(found));
        if self.request.selection.first {
            found.truncate(1);
        }
        let changes: Vec<_> = found.iter().map(|found| found.change(before)).collect();
        let answers: Vec<_> = found
            .iter()
            .zip(&changes)
            .map(|(found, change)| {
                let view = self.view(found.table, Some(change));
                Answer { view, rows: vec![Row::flat(found.mount)] }
            })
            .collect();
        if !answers.is_empty() {
            printer.write(&answers)?;
        }
        Ok(!answers.is_empty())
    }

    fn view<'a>(&'a self, table: &'a Table, change: Option<&'a Change>) -> View<'a> {
        let mut view = View::new(table, self.request.style, &self.tags);
        view.change = change;
        view
    }

    fn asked_for(&self, found: &Found) -> bool {
        let mount = &found.table.mounts[found.mount];
        self.request.selection.accepts(&self.view(found.table, None), mount)
    }
}

/// A change of one mount: the table that shows the mount, its index there, and the mount before the change.
struct Found<'a> {
    action: ChangeKind,
    table: &'a Table,
    mount: usize,
    before: Option<&'a Mount>,
}

impl Found<'_> {
    fn change(&self, table: &Table) -> Change {
        let mut change = Change { action: self.action.word(), ..Change::default() };
        let Some(mount) = self.before else { return change };
        if matches!(self.action, ChangeKind::Move | ChangeKind::Unmount) {
            change.old_target = table.target(mount).to_vec();
        }
        if matches!(self.action, ChangeKind::Remount | ChangeKind::Unmount) {
            change.old_options = table.all_options(mount);
        }
        change
    }
}

/// The differences between two tables of the same namespace: first those of present mounts, then the mounts that
/// are gone.
///
/// Mounts are compared by id, so that a second mount with the same source and target is a change. If the kernel
/// has reused an id between two reads, the file system is a different one.
fn changes<'a>(before: &'a Table, now: &'a Table) -> Vec<Found<'a>> {
    let old_ids = by_id(before);
    let new_ids = by_id(now);
    let mut found = Vec::new();
    for (at, mount) in now.mounts.iter().enumerate() {
        let old = at_id(&old_ids, mount.id).map(|at| &before.mounts[at]);
        let old = old.filter(|old| same(before, old, now, mount));
        let mut add = |action| found.push(Found { action, table: now, mount: at, before: old });
        match old {
            None => add(ChangeKind::Mount),
            Some(old) => {
                if before.target(old) != now.target(mount) {
                    add(ChangeKind::Move);
                }
                if before.word(old.vfs_options) != now.word(mount.vfs_options)
                    || before.word(old.fs_options) != now.word(mount.fs_options)
                {
                    add(ChangeKind::Remount);
                }
            }
        }
    }
    for (at, mount) in before.mounts.iter().enumerate() {
        let new = at_id(&new_ids, mount.id).map(|at| &now.mounts[at]);
        if new.is_none_or(|new| !same(before, mount, now, new)) {
            let action = ChangeKind::Unmount;
            found.push(Found { action, table: before, mount: at, before: Some(mount) });
        }
    }
    found
}

fn by_id(table: &Table) -> Vec<(u32, usize)> {
    let mut ids: Vec<_> =
        table.mounts.iter().enumerate().map(|(at, mount)| (mount.id, at)).collect();
    ids.sort_unstable();
    ids
}

fn at_id(ids: &[(u32, usize)], id: u32) -> Option<usize> {
    let at = ids.binary_search_by_key(&id, |&(id, _)| id).ok()?;
    Some(ids[at].1)
}

/// Whether two mounts with the same id are the same mount.
fn same(before: &Table, old: &Mount, now: &Table, new: &Mount) -> bool {
    (old.major, old.minor) == (new.major, new.minor)
        && before.word(old.root) == now.word(new.root)
        && before.fstype(old) == now.fstype(new)
        && before.source(old) == now.source(new)
}

/// An open table of the kernel. poll(2) reports a change since it was last read.
struct Watch {
    file: File,
    path: OsString,
    task: u32,
}

impl Watch {
    fn open(request: &Request) -> Result<Self> {
        let (path, task) = match (&request.origin, &request.files[..]) {
            (Origin::Tasks(tasks), _) => (format!("/proc/{}/mountinfo", tasks[0]).into(), tasks[0]),
            (_, [file]) => (file.clone(), std::process::id()),
            _ => ("/proc/self/mountinfo".into(), std::process::id()),
        };
        let file = File::open(&path).map_err(|error| Error::from_io("open", &path, &error))?;
        Ok(Self { file, path, task })
    }

    fn read(&mut self) -> Result<Table> {
        self.file.rewind().map_err(|error| Error::from_io("read", &self.path, &error))?;
        let text = load::read_all(&mut self.file).context("read", &self.path)?;
        let mut table = mountinfo::parse(text);
        table.task = Some(self.task);
        load::name_root_device(&mut table);
        Ok(table)
    }

    /// Waits for a change since the file was opened or read; false if the time is over.
    fn wait(&self, deadline: Deadline) -> Result<bool> {
        loop {
            let mut files = [PollFd::new(self.file.as_fd(), PollFlags::POLLPRI)];
            match nix::poll::poll(&mut files, deadline.left()) {
                Ok(0) if deadline.is_over() => return Ok(false),
                Ok(0) | Err(Errno::EINTR) => {}
                Ok(_) => return Ok(true),
                Err(errno) => return Err(Error::new("poll", &self.path, errno)),
            }
        }
    }
}

/// The end of the wait, if it has one.
#[derive(Clone, Copy)]
struct Deadline(Option<Instant>);

impl Deadline {
    fn after(time: Option<Duration>) -> Self {
        Self(time.and_then(|time| Instant::now().checked_add(time)))
    }

    /// For poll(2), rounded up so that it does not return too early.
    fn left(self) -> PollTimeout {
        let Some(deadline) = self.0 else { return PollTimeout::NONE };
        let left = deadline.saturating_duration_since(Instant::now()).as_micros().div_ceil(1000);
        PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX)
    }

    fn is_over(self) -> bool {
        self.0.is_some_and(|deadline| deadline <= Instant::now())
    }
}

/// Waits until something is mounted on `target`; the status is 1 if the time is over before.
///
/// The table is opened before the first check. So a mount between the check and the wait is not missed.
///
/// # Errors
/// If the table or the target cannot be read.
pub fn wait(target: &OsStr, timeout: Option<Duration>) -> Result<u8> {
    let path = CString::new(target.as_bytes())
        .map_err(|_| Error::because("look at", target, "the path holds a NUL byte"))?;
    let watch = Watch::open(&Request::default())?;
    let deadline = Deadline::after(timeout);
    loop {
        match sys::path_mount(&path, false) {
            Ok(place) if place.is_mount_root => return Ok(0),
            Ok(_) | Err(Errno::ENOENT | Errno::ENOTDIR) => {}
            Err(errno) => return Err(Error::new("look at", target, errno)),
        }
        if !watch.wait(deadline)? {
            return Ok(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn between(before: &str, now: &str) -> Vec<(&'static str, String)> {
        let table = |text: &str| mountinfo::parse(text.as_bytes().to_vec());
        let (before, now) = (table(before), table(now));
        changes(&before, &now)
            .iter()
            .map(|found| {
                let target = found.table.target(&found.table.mounts[found.mount]);
                (found.action.word(), String::from_utf8_lossy(target).into_owned())
            })
            .collect()
    }

    const BEFORE: &str = "2 1 0:2 / /a rw - tmpfs x rw\n3 2 0:3 / /b rw - tmpfs x rw\n";

    #[test]
    fn every_kind_of_change() {
        for (now, want) in [
            (BEFORE, &[][..]),
            ("2 1 0:2 / /a rw - tmpfs x rw\n", &[("umount", "/b")]),
            ("3 2 0:3 / /c rw - tmpfs x rw\n", &[("move", "/c"), ("umount", "/a")]),
            (
                "2 1 0:2 / /a ro - tmpfs x rw\n3 2 0:3 / /c rw - tmpfs x ro\n",
                &[("remount", "/a"), ("move", "/c"), ("remount", "/c")],
            ),
            // The kernel has reused an id.
            (
                "2 1 0:2 / /a rw - tmpfs x rw\n3 2 0:9 / /b rw - tmpfs x rw\n",
                &[("mount", "/b"), ("umount", "/b")],
            ),
            (
                "2 1 0:2 /x /a rw - tmpfs x rw\n3 2 0:3 / /b rw - ramfs x rw\n",
                &[("mount", "/a"), ("mount", "/b"), ("umount", "/a"), ("umount", "/b")],
            ),
            (
                "2 1 0:2 / /a rw - tmpfs x rw\n3 2 0:3 / /b rw - tmpfs y rw\n",
                &[("mount", "/b"), ("umount", "/b")],
            ),
            // A second mount with the same source and target.
            (&format!("{BEFORE}4 3 0:3 / /b rw - tmpfs x rw\n"), &[("mount", "/b")]),
        ] {
            let got = between(BEFORE, now);
            let got: Vec<_> = got.iter().map(|(action, target)| (*action, &target[..])).collect();
            assert_eq!(got, want);
        }
    }
}
