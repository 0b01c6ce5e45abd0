//! The label of COMMAND from a security module.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use common::sys::Prctl;
use common::{Error, Hint, Result, denied, procfs, sys};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::read;

/// Files of this process in proc(5).
const EXEC: &str = "attr/exec";
const CURRENT: &str = "attr/current";

/// A label is no longer than a page.
const PAGE: usize = 4096;

/// A security module.
#[derive(Debug)]
struct Module {
    name: &'static str,
    /// The name of its labels in messages.
    label: &'static str,
    /// The text before the label in the file.
    prefix: &'static str,
    /// The directory that exists if the module runs.
    directory: &'static str,
}

const SELINUX: Module =
    Module { name: "SELinux", label: "SELinux label", prefix: "", directory: "/sys/fs/selinux" };

const APPARMOR: Module = Module {
    name: "AppArmor",
    label: "AppArmor profile",
    prefix: "exec ",
    directory: "/sys/kernel/security/apparmor",
};

/// The requested labels.
#[derive(Debug, Default)]
pub struct Labels {
    pub selinux: Option<OsString>,
    pub apparmor: Option<OsString>,
}

impl Labels {
    /// Sets the labels for the next execve(2). After a change of user this process could not open the file.
    pub fn set(&self) -> Result<()> {
        let wanted = [(SELINUX, &self.selinux), (APPARMOR, &self.apparmor)];
        for (module, label) in wanted {
            if let Some(label) = label {
                module.set(label)?;
            }
        }
        Ok(())
    }
}

impl Module {
    fn set(&self, label: &OsString) -> Result<()> {
        let text = [self.prefix.as_bytes(), label.as_bytes()].concat();
        let file = procfs::open_own(EXEC, OFlag::O_WRONLY);
        let set = file.and_then(|file| {
            File::from(file)
                .write_all(&text)
                .map_err(|error| Error::from_io(format!("set the {}", self.label), label, &error))
        });
        set.hint(|error| self.explain(error.errno()))
    }

    /// A container's root may lack the directory of a module that runs, so an answer of the module itself comes first.
    fn explain(&self, errno: Option<Errno>) -> Option<String> {
        // Without an errno the error names the reason itself: the file is not the kernel's.
        let errno = errno?;
        let of_apparmor = match self.prefix == APPARMOR.prefix {
            true => explain_apparmor(errno),
            false => None,
        };
        of_apparmor.or_else(|| {
            (!self.runs())
                .then(|| format!("{} is not running: {} does not exist", self.name, self.directory))
        })
    }

    fn runs(&self) -> bool {
        Path::new(self.directory).exists()
    }
}

/// aa_change_profile(2), ERRORS.
fn explain_apparmor(errno: Errno) -> Option<String> {
    match errno {
        Errno::ENOENT => Some("no profile of this name is loaded: see apparmor_parser(8)".into()),
        Errno::EPERM if sys::prctl(Prctl::NoNewPrivs) == Ok(1) => Some(
            "no_new_privs is set: the new profile must not allow more than the present one".into(),
        ),
        Errno::EACCES | Errno::EPERM => denied::confined(errno, "`change_profile`"),
        _ => None,
    }
}

/// The names and labels of this process.
pub fn current() -> Vec<(&'static str, String)> {
    let running = [SELINUX, APPARMOR].into_iter().filter(Module::runs);
    let text = |bytes: &[u8]| {
        let end = bytes.iter().rposition(|byte| !b"\n\0".contains(byte)).map_or(0, |at| at + 1);
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    let label = |module: Module| {
        let mut label = [0; PAGE];
        let file = procfs::open_own(CURRENT, OFlag::O_RDONLY).ok()?;
        let length = read(file, &mut label).ok()?;
        Some((module.label, text(&label[..length])))
    };
    running.filter_map(label).collect()
}
