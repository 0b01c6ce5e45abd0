//! Names of users and groups: in the plain passwd(5) and group(5) files of a root that is not trusted ([`Accounts`]),
//! and those of the machine ([`Host`]).
//!
//! For a container's root NSS is never asked: it would load whatever library the files of that root name.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{Gid, Uid};

use crate::directory::open_in_root;
use crate::error::{Context, Error, Result};
use crate::getent;

pub use crate::account::{Group, User, beyond, id, number};

/// A larger file is refused: it would hold a million accounts.
const SIZE_LIMIT: u64 = 64 << 20;

const PASSWD: &str = "etc/passwd";
const GROUP: &str = "etc/group";

/// The accounts of one root. A file is read when it is first asked, and once; where it is missing,
/// the root has no such names.
#[derive(Debug)]
pub struct Accounts<F = OwnedFd> {
    root: F,
    passwd: Option<Vec<u8>>,
    group: Option<Vec<u8>>,
}

impl Accounts {
    /// The accounts of the root directory `path`.
    ///
    /// # Errors
    /// When it cannot be opened as a directory.
    pub fn of(path: impl AsRef<OsStr>) -> Result<Self> {
        let path = path.as_ref();
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        open(path, flags, Mode::empty()).context("open", path).map(Self::beneath)
    }
}

impl<F: AsFd> Accounts<F> {
    /// The accounts of the root directory that `root` is open on (`O_PATH` will do).
    #[must_use]
    pub fn beneath(root: F) -> Self {
        Self { root, passwd: None, group: None }
    }

    /// The user of this name.
    ///
    /// # Errors
    /// When the file is there and cannot be read, is not a regular file, or is larger than 64 MiB.
    pub fn user(&mut self, name: impl AsRef<OsStr>) -> Result<Option<User>> {
        let name = name.as_ref();
        Ok(users(self.passwd()?).find(|user| user.name == name))
    }

    /// The first user of this number.
    ///
    /// # Errors
    /// As [`Accounts::user`].
    pub fn user_of(&mut self, uid: Uid) -> Result<Option<User>> {
        Ok(users(self.passwd()?).find(|user| user.uid == uid))
    }

    /// The number of the group of this name.
    ///
    /// # Errors
    /// As [`Accounts::user`].
    pub fn group(&mut self, name: impl AsRef<OsStr>) -> Result<Option<Gid>> {
        let name = name.as_ref();
        Ok(groups(self.groups_text()?).find(|group| group.name == name).map(|group| group.gid))
    }

    /// The groups that list `user` as a member, in the file's order. The user's own group of
    /// passwd(5) is among them only where it lists the user too.
    ///
    /// # Errors
    /// As [`Accounts::user`].
    pub fn groups_of(&mut self, user: impl AsRef<OsStr>) -> Result<Vec<Gid>> {
        let user = user.as_ref();
        let groups = groups(self.groups_text()?);
        Ok(groups.filter(|group| group.has(user)).map(|group| group.gid).collect())
    }

    fn passwd(&mut self) -> Result<&[u8]> {
        load(&mut self.passwd, &self.root, PASSWD)
    }

    fn groups_text(&mut self) -> Result<&[u8]> {
        load(&mut self.group, &self.root, GROUP)
    }
}

/// The accounts of the root that this process is in: those of its plain files first, then, where it is the machine's
/// own root, those that only NSS knows. It is opened when a name is first looked up.
#[derive(Debug, Default)]
pub struct Host(Option<Accounts>);

impl Host {
    /// The user of this name.
    ///
    /// # Errors
    /// As [`Accounts::user`].
    pub fn user(&mut self, name: impl AsRef<OsStr>) -> Result<Option<User>> {
        let name = name.as_ref();
        Ok(self.files()?.user(name)?.or_else(|| getent::user(name)))
    }

    /// The user of this number.
    ///
    /// # Errors
    /// As [`Accounts::user`].
    pub fn user_of(&mut self, uid: Uid) -> Result<Option<User>> {
        Ok(self.files()?.user_of(uid)?.or_else(|| getent::user_of(uid)))
    }

    /// The number of the group of this name.
    ///
    /// # Errors
    /// As [`Accounts::user`].
    pub fn group(&mut self, name: impl AsRef<OsStr>) -> Result<Option<Gid>> {
        let name = name.as_ref();
        Ok(self.files()?.group(name)?.or_else(|| getent::group(name)))
    }

    /// The groups that list `user` as a member: in the files for a user who is there, else all that NSS knows.
    ///
    /// # Errors
    /// As [`Accounts::user`].
    pub fn groups_of(&mut self, user: impl AsRef<OsStr>) -> Result<Vec<Gid>> {
        let user = user.as_ref();
        let files = self.files()?;
        match files.user(user)? {
            Some(_) => files.groups_of(user),
            None => Ok(getent::groups_of(user)),
        }
    }

    fn files(&mut self) -> Result<&mut Accounts> {
        let accounts = match self.0.take() {
            Some(accounts) => accounts,
            None => Accounts::of("/")?,
        };
        Ok(self.0.insert(accounts))
    }
}

fn load<'a>(text: &'a mut Option<Vec<u8>>, root: impl AsFd, path: &str) -> Result<&'a [u8]> {
    if text.is_none() {
        *text = Some(read(root, path)?);
    }
    Ok(text.as_deref().unwrap_or_default())
}

/// The text of a plain file of the root that this process is in, such as `etc/login.defs`; empty where it cannot be
/// read.
#[must_use]
pub fn text(path: &str) -> Vec<u8> {
    let read = || read(Accounts::of("/").ok()?.root, path).ok();
    read().unwrap_or_default()
}

/// The whole file at `path` inside `root`.
///
/// What it is is found out before it is opened: to open a FIFO is to wait, and to open a device may be
/// to act (a watchdog restarts the machine). Of a file that claims to be empty, as those of proc(5) do,
/// nothing is read, and of any other one no more than its size.
fn read(root: impl AsFd, path: &str) -> Result<Vec<u8>> {
    let failed = |errno| Error::new("open", path, errno);
    let size = match open_in_root(&root, path, OFlag::O_PATH | OFlag::O_CLOEXEC) {
        Ok(place) => regular_size(&place, path)?,
        Err(Errno::ENOENT | Errno::ENOTDIR) => return Ok(Vec::new()),
        Err(errno) => return Err(failed(errno)),
    };
    if size == 0 {
        return Ok(Vec::new());
    }

    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    let file = open_in_root(&root, path, flags).map_err(failed)?;
    let size = regular_size(&file, path)?;
    let mut text = Vec::with_capacity(size as usize + 1);
    File::from(file)
        .take(size)
        .read_to_end(&mut text)
        .map_err(|error| Error::from_io("read", path, &error))?;
    Ok(text)
}

fn regular_size(file: &OwnedFd, path: &str) -> Result<u64> {
    let status = fstat(file).context("read", path)?;
    if SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT != SFlag::S_IFREG {
        return Err(Error::because("read", path, "not a regular file"));
    }
    match status.st_size as u64 {
        size if size > SIZE_LIMIT => Err(Error::new("read", path, Errno::EFBIG)),
        size => Ok(size),
    }
}

fn users(text: &[u8]) -> impl Iterator<Item = User> {
    text.split(|&byte| byte == b'\n').filter_map(User::parse)
}

fn groups(text: &[u8]) -> impl Iterator<Item = Group<'_>> {
    text.split(|&byte| byte == b'\n').filter_map(Group::parse)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;

    use super::*;

    struct Root(PathBuf);

    impl Root {
        fn new(test: &str) -> Self {
            let path = std::env::temp_dir().join(format!("accounts-{}-{test}", std::process::id()));
            fs::create_dir_all(path.join("etc")).unwrap();
            Self(path)
        }

        fn holding(test: &str, passwd: &[u8], group: &[u8]) -> Self {
            let root = Self::new(test);
            fs::write(root.0.join(PASSWD), passwd).unwrap();
            fs::write(root.0.join(GROUP), group).unwrap();
            root
        }

        fn accounts(&self) -> Accounts {
            Accounts::of(&self.0).unwrap()
        }

        fn uid(&self, name: &str) -> Option<u32> {
            self.accounts().user(name).unwrap().map(|user| user.uid.as_raw())
        }
    }

    impl Drop for Root {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn users_and_groups_are_found() {
        let root = Root::holding(
            "found",
            b"root:x:0:0::/root:/bin/sh\nann:x:7:8:Ann,,:/home/ann:/bin/ash\nbare:x:9:9",
            b"one:x:1:ann,bob\ntwo:x:2:bob\nthree:x:3:x,ann\nempty:x:4:\nshort:x:5",
        );
        let mut accounts = root.accounts();
        let ann = accounts.user("ann").unwrap().unwrap();
        assert_eq!((ann.uid.as_raw(), ann.gid.as_raw()), (7, 8));
        assert_eq!(
            (ann.home.as_bytes(), ann.shell.as_bytes()),
            (&b"/home/ann"[..], &b"/bin/ash"[..])
        );
        assert_eq!(accounts.user_of(7.into()).unwrap(), Some(ann));
        assert_eq!(accounts.user("bare").unwrap().unwrap().home, "");
        assert_eq!(accounts.user("an").unwrap(), None);
        assert_eq!(accounts.group("short").unwrap(), Some(5.into()));
        assert_eq!(accounts.group("nine").unwrap(), None);
        assert_eq!(accounts.groups_of("ann").unwrap(), [1.into(), 3.into()]);
        assert_eq!(accounts.groups_of("").unwrap(), [4.into(), 5.into()]);
    }

    #[test]
    fn what_is_no_line_of_the_file_is_passed_over() {
        let root = Root::holding(
            "malformed",
            b"a\na:x\na:x:1\n:x:1:1::/:\na:x:-1:1::/:\na:x:+1:1::/:\na:x: 1:1::/:\na:x::1::/:\n\
              a:x:4294967295:1::/:\na:x:4294967296:1::/:\na:x:1:99999999999999999999::/:\n\
              #a:x:1:1::/:\n\n\xff\xfe:x:3:3::/:\na:x:2:2::/:",
            b"",
        );
        assert_eq!(root.uid("a"), Some(2));
        let bytes = OsStr::from_bytes(b"\xff\xfe");
        assert!(root.accounts().user(bytes).unwrap().is_some());
    }

    #[test]
    fn numbers() {
        assert_eq!(number(b"+5"), Some(5));
        assert_eq!(number(b" 5"), Some(5));
        let wrong = ["", "+", "5 ", "-1", "++5", "0x5", "4294967295", "4294967296", "five"];
        for text in wrong {
            assert_eq!(number(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn missing_files_hold_no_names() {
        let root = Root::new("missing");
        assert_eq!(root.uid("root"), None);
        assert!(root.accounts().groups_of("root").unwrap().is_empty());
        fs::remove_dir(root.0.join("etc")).unwrap();
        fs::write(root.0.join("etc"), "").unwrap();
        assert_eq!(root.uid("root"), None);
    }

    #[test]
    fn a_huge_line_costs_no_more_than_its_length() {
        let mut text = vec![b'a'; 20 << 20];
        text.extend(b"\nann:x:7:7::/:");
        let root = Root::holding("line", &text, &[b':'; 1 << 20]);
        assert_eq!(root.uid("ann"), Some(7));
        assert!(root.accounts().groups_of("").unwrap().is_empty());
    }

    #[test]
    fn a_huge_file_is_refused() {
        let root = Root::new("huge");
        File::create(root.0.join(PASSWD)).unwrap().set_len(1 << 40).unwrap();
        let error = root.accounts().user("ann").unwrap_err();
        assert_eq!(error.errno(), Some(Errno::EFBIG));
    }

    #[test]
    fn only_a_regular_file_is_read() {
        let root = Root::new("fifo");
        let passwd = root.0.join(PASSWD);
        nix::unistd::mkfifo(&passwd, Mode::S_IRWXU).unwrap();
        let message = root.accounts().user("ann").unwrap_err().to_string();
        assert_eq!(message, "cannot read 'etc/passwd': not a regular file");

        fs::remove_file(&passwd).unwrap();
        fs::create_dir(&passwd).unwrap();
        assert_eq!(root.accounts().user("ann").unwrap_err().to_string(), message);
    }

    #[test]
    fn links_stay_inside_the_root() {
        let root = Root::new("links");
        let passwd = root.0.join(PASSWD);
        symlink("/../../../etc/passwd-of-the-root", &passwd).unwrap();
        fs::write(root.0.join("etc/passwd-of-the-root"), "ann:x:7:7::/:").unwrap();
        assert_eq!(root.uid("ann"), Some(7));

        fs::remove_file(&passwd).unwrap();
        symlink("/etc/passwd", &passwd).unwrap();
        assert_eq!(root.accounts().user("root").unwrap_err().errno(), Some(Errno::ELOOP));
    }

    #[test]
    fn a_file_without_a_size_is_not_read() {
        // Its text would be "0 0 4294967295" or the like.
        let proc = open("/proc", OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty()).unwrap();
        assert!(read(proc, "self/uid_map").unwrap().is_empty());
    }

    #[test]
    fn a_nul_is_a_byte_like_others() {
        let root = Root::holding("nul", b"a\0b:x:5:5::/:\nann\0:x:6:6::/:\nann:x:7:7::/:", b"");
        assert_eq!(root.uid("ann"), Some(7));
        assert_eq!(root.uid("a\0b"), Some(5));
    }
}
