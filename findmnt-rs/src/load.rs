//! Reads tables from the kernel and from files.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

use common::sys::{self, statmount as mask};
use common::{Context, Error, Result, escape, start};
use nix::errno::Errno;
use nix::time::ClockId;

use crate::columns::ONLY_STATMOUNT;
use crate::memory::{self, LARGE};
use crate::statmount::{self, Reader};
use crate::table::{Kind, Span, Table};
use crate::{fstab, mountinfo};

/// A method to read the kernel's mounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Mountinfo,
    Listmount,
}

/// The table to read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// The kernel's table, by the given method or else the cheapest one.
    #[default]
    Kernel,
    /// The kernel's table with the options of user space.
    Mtab,
    Fstab,
    /// The kernel's tables of these threads.
    Tasks(Vec<u32>),
}

/// A request for tables.
#[derive(Clone, Debug, Default)]
pub struct Load {
    pub origin: Origin,
    pub files: Vec<OsString>,
    pub method: Option<Method>,
    /// The fields of each mount that are needed, as a mask of statmount(2).
    pub needs: u64,
}

impl Load {
    /// Reads every table.
    ///
    /// # Errors
    /// If a table cannot be read.
    pub fn tables(&self) -> Result<Vec<Loaded>> {
        let mut tables = self.raw_tables()?;
        tables.iter_mut().for_each(|loaded| name_root_device(&mut loaded.table));
        Ok(tables)
    }

    fn raw_tables(&self) -> Result<Vec<Loaded>> {
        match &self.origin {
            Origin::Tasks(tasks) => {
                tasks.iter().map(|&task| self.task(task).map(Loaded::from)).collect()
            }
            _ if !self.files.is_empty() => self.files.iter().map(|file| self.file(file)).collect(),
            Origin::Kernel => Ok(vec![self.own()?.into()]),
            Origin::Mtab => Ok(vec![mtab()?.into()]),
            Origin::Fstab => Ok(vec![self.file(&fstab_path())?]),
        }
    }

    fn file(&self, path: &OsStr) -> Result<Loaded> {
        let text = read(path)?;
        if self.origin != Origin::Fstab && is_mountinfo(&text) {
            return Ok(mountinfo::parse(text).into());
        }
        let (table, wrong) = fstab::parse(text);
        for line in &wrong {
            let name = path.to_string_lossy();
            start::warn(&format!("{name}: parse error at line {line} -- ignored"));
        }
        Ok(Loaded { table, wrong: wrong.len() })
    }

    /// The mounts of our own namespace.
    fn own(&self) -> Result<Table> {
        self.kernel("/proc/self/mountinfo", || Ok(0)).map(own)
    }

    fn task(&self, task: u32) -> Result<Table> {
        let path = format!("/proc/{task}/mountinfo");
        let mut table = self.kernel(&path, || namespace_id(task))?;
        table.task = Some(task);
        Ok(table)
    }

    /// The mounts of a namespace, by the requested method or else the cheapest one.
    fn kernel(&self, mountinfo: &str, namespace: impl Fn() -> Result<u64>) -> Result<Table> {
        if self.wants_statmount() {
            match namespace().and_then(|id| self.list_or_complete(id, mountinfo)) {
                Ok(table) => return Ok(table),
                Err(error) if self.method.is_some() => return Err(error),
                Err(_) => {}
            }
        }
        let failed = |errno| Error::new("read", mountinfo, errno);
        let mut file = open(mountinfo.as_ref())?;
        let mut text = Vec::with_capacity(FIRST_SIZE);
        if self.method.is_none() && !read_while_fast(&mut file, &mut text).map_err(failed)? {
            if let Ok(table) = namespace().and_then(|id| self.list(id)) {
                return Ok(table);
            }
        }
        read_rest(&mut file, &mut text).map_err(failed)?;
        Ok(mountinfo::parse(text))
    }

    fn wants_statmount(&self) -> bool {
        match self.method {
            Some(method) => method == Method::Listmount,
            None => self.needs & ONLY_STATMOUNT != 0,
        }
    }

    /// The mounts of a namespace by listmount(2).
    fn list(&self, namespace: u64) -> Result<Table> {
        listed(Reader::new(namespace, self.needs))
    }

    /// The mounts of a namespace by listmount(2). If statmount(2) lacks a field, the field is read from mountinfo.
    fn list_or_complete(&self, namespace: u64, mountinfo: &str) -> Result<Table> {
        match self.list(namespace) {
            Err(error) if error.errno() == Some(Errno::ENOSYS) => {
                complete(namespace, self.needs, mountinfo)
            }
            result => result,
        }
    }
}

fn listed(mut reader: Reader) -> Result<Table> {
    reader.beneath(statmount::ROOT).step("list the mounts").map_err(|error| {
        match error.errno() {
            Some(Errno::ENOSYS) => error.with_hint(
                "listmount(2) is in Linux 6.8 and later; '--kernel=mountinfo' shows the same mounts",
            ),
            _ => error,
        }
    })?;
    Ok(reader.table)
}

/// The mounts of mountinfo, with the fields that only statmount(2) has.
fn complete(namespace: u64, needs: u64, mountinfo: &str) -> Result<Table> {
    let needs = needs & ONLY_STATMOUNT | mask::MNT_BASIC | mask::SB_BASIC;
    let known = listed(Reader::partial(namespace, needs))?;
    let mut table = mountinfo::parse(read(mountinfo.as_ref())?);
    table.take_extras(&known);
    Ok(table)
}

/// The id of a thread's mount namespace.
fn namespace_id(task: u32) -> Result<u64> {
    const STEP: &str = "find the id of the mount namespace";
    let path = format!("/proc/{task}/ns/mnt");
    let file = open(path.as_ref())?;
    sys::mount_namespace_id(file.as_fd()).map_err(|errno| match errno {
        Errno::ENOTTY => Error::because(STEP, &path, "the kernel does not report it").with_hint(
            "Linux 6.11 and later report it; '--kernel=mountinfo' shows the same mounts",
        ),
        errno => Error::new(STEP, &path, errno),
    })
}

/// A table, and the number of lines of its file that could not be parsed.
pub struct Loaded {
    pub table: Table,
    pub wrong: usize,
}

impl From<Table> for Loaded {
    fn from(table: Table) -> Self {
        Self { table, wrong: 0 }
    }
}

fn own(mut table: Table) -> Table {
    table.task = Some(std::process::id());
    table
}

/// A table of one mount, the one with this unique id.
///
/// # Errors
/// Those of [`Reader::mount`].
pub fn one(id: u64, needs: u64) -> nix::Result<Table> {
    let mut reader = Reader::new(0, needs);
    reader.mount(id)?;
    name_root_device(&mut reader.table);
    Ok(own(reader.table))
}

/// Replaces the source `/dev/root`, which does not exist: the kernel shows it for a root that it mounted without
/// an initramfs. The device number identifies the device.
pub fn name_root_device(table: &mut Table) {
    for at in 0..table.mounts.len() {
        let mount = table.mounts[at];
        if table.kind == Kind::Kernel
            && table.source(&mount) == b"/dev/root"
            && let Some(device) = block_device(mount.major, mount.minor)
        {
            table.plain &= device.iter().all(u8::is_ascii_graphic) && !device.contains(&b'\\');
            table.mounts[at].source = table.append(&device);
        }
    }
}

/// The path of a block device; none if the kernel does not know the device.
fn block_device(major: u32, minor: u32) -> Option<Vec<u8>> {
    let link = std::fs::read_link(format!("/sys/dev/block/{major}:{minor}")).ok()?;
    let name = link.file_name()?.as_bytes();
    // A slash in a device's name is an exclamation mark in sysfs.
    let name = name.iter().map(|&byte| if byte == b'!' { b'/' } else { byte });
    Some(b"/dev/".iter().copied().chain(name).collect())
}

/// A line of mountinfo begins with two numbers; a line of an fstab does not.
fn is_mountinfo(text: &[u8]) -> bool {
    let line = text.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ');
    let mut number = || words.next().is_some_and(|word| mountinfo::decimal(word).is_some());
    number() && number()
}

fn fstab_path() -> OsString {
    env::var_os("LIBMOUNT_FSTAB").unwrap_or_else(|| "/etc/fstab".into())
}

/// The kernel's table with the options of user space. `$LIBMOUNT_MTAB` names another file.
fn mtab() -> Result<Table> {
    if let Some(path) = env::var_os("LIBMOUNT_MTAB") {
        let load = Load { origin: Origin::Mtab, ..Load::default() };
        return load.file(&path).map(|loaded| loaded.table);
    }
    let mut table = own(mountinfo::parse(read(OsStr::new("/proc/self/mountinfo"))?));
    if let Ok(text) = std::fs::read("/run/mount/utab") {
        add_user_options(&mut table, &text);
    }
    Ok(table)
}

/// Adds the options that libmount has recorded: lines of `NAME=VALUE` words with the escapes of an fstab.
fn add_user_options(table: &mut Table, utab: &[u8]) {
    for line in utab.split(|&byte| byte == b'\n') {
        let value = |name: &[u8]| {
            let word = line.split(|&byte| byte == b' ').find_map(|word| word.strip_prefix(name))?;
            Some(escape::decoded(word))
        };
        let (Some(target), Some(options)) = (value(b"TARGET="), value(b"OPTS=")) else { continue };
        let span = table.append(&options);
        let root = value(b"ROOT=");
        set_user_options(table, &target, root.as_deref(), span);
    }
}

fn set_user_options(table: &mut Table, target: &[u8], root: Option<&[u8]>, options: Span) {
    let noted = table.mounts.iter().rposition(|mount| {
        table.target(mount) == target && root.is_none_or(|root| table.word(mount.root) == root)
    });
    if let Some(at) = noted {
        table.mounts[at].user_options = options;
    }
}

/// Reads a whole file.
///
/// # Errors
/// Those of open(2) and read(2).
pub fn read(path: &OsStr) -> Result<Vec<u8>> {
    read_all(&mut open(path)?).map_err(|errno| Error::new("read", path, errno))
}

fn open(path: &OsStr) -> Result<File> {
    File::open(path).map_err(|error| Error::from_io("open", path, &error))
}

/// The first capacity of the buffer: fstat(2) reports no size for the kernel's tables.
const FIRST_SIZE: usize = 64 << 10;

/// Reads the rest of a file.
///
/// # Errors
/// Those of read(2).
pub fn read_all(file: &mut File) -> nix::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(FIRST_SIZE);
    read_rest(file, &mut text).map(|()| text)
}

fn read_rest(file: &mut File, text: &mut Vec<u8>) -> nix::Result<()> {
    file.read_to_end(text).map(drop).map_err(|error| errno(&error))
}

fn errno(error: &std::io::Error) -> Errno {
    Errno::from_raw(error.raw_os_error().unwrap_or(0))
}

/// Reads mountinfo to its end, or returns false as soon as statmount(2) would be faster.
///
/// For each slave mount, the kernel searches all peers of its master, in all namespaces, for one that the reader
/// sees. The time grows with the square of the number of peers. Ordinary tables take 10 to 30 nanoseconds a byte,
/// and statmount(2) up to 60.
fn read_while_fast(file: &mut File, text: &mut Vec<u8>) -> nix::Result<bool> {
    const NANOSECONDS_A_BYTE: usize = 150;
    // The kernel returns at most this much in one read.
    const PAGE: usize = 4 << 10;
    let start = cpu_time()?;
    let (mut check_at, mut is_large) = (PAGE, false);
    loop {
        let length = text.len();
        text.resize(length + PAGE, 0);
        let count = file.read(&mut text[length..]).map_err(|error| errno(&error))?;
        text.truncate(length + count);
        if count == 0 {
            return Ok(true);
        }
        if text.len() > 2 * LARGE && !is_large {
            is_large = true;
            let small = std::mem::replace(text, memory::large(text.len()));
            text.extend_from_slice(&small);
        }
        if text.len() >= check_at {
            check_at = 2 * text.len();
            let allowed = Duration::from_nanos((text.len() * NANOSECONDS_A_BYTE) as u64);
            if cpu_time()? > start + allowed {
                return Ok(false);
            }
        }
    }
}

/// The processor time of this process.
fn cpu_time() -> nix::Result<Duration> {
    nix::time::clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).map(Duration::from)
}

/// An empty table of the kernel.
pub fn nothing() -> Table {
    Table::new(Kind::Kernel, Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mountinfo_and_fstab_are_recognized() {
        assert!(is_mountinfo(b"22 1 8:1 / / rw - ext4 x rw\n"));
        assert!(
            !is_mountinfo(b"/dev/sda1 / ext4\n") && !is_mountinfo(b"") && !is_mountinfo(b"1 x")
        );
    }

    #[test]
    fn user_options_go_to_the_topmost_mount() {
        let text =
            b"1 0 0:1 / /a rw - t s rw\n2 1 0:1 / /a\\040b rw - t s rw\n3 1 0:1 / /a rw - t s rw\n";
        let mut table = mountinfo::parse(text.to_vec());
        add_user_options(
            &mut table,
            b"SRC=s TARGET=/a ROOT=/ OPTS=x-y,user=z\nTARGET=/a\\040b OPTS=u\nbad",
        );
        let options = |at: usize| table.word(table.mounts[at].user_options).to_vec();
        assert_eq!(
            (options(0), options(1), options(2)),
            (b"".to_vec(), b"u".to_vec(), b"x-y,user=z".to_vec())
        );
    }

    #[test]
    fn fields_that_statmount_lacks_come_from_mountinfo() {
        let complete = |needs| complete(0, needs, "/proc/self/mountinfo");
        let Ok(table) = complete(ONLY_STATMOUNT) else { return };
        let root = table.mounts.iter().find(|mount| table.target(mount) == b"/").unwrap();
        assert!(!table.source(root).is_empty());
        assert_ne!(table.extra(root).unwrap().unique_id, 0);
    }
}
