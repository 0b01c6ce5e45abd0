//! The label that a security module gives the command when it is executed.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use common::{Error, Result};

const EXEC: &str = "/proc/self/attr/exec";
const CURRENT: &str = "/proc/self/attr/current";

/// A security module.
#[derive(Debug)]
struct Module {
    name: &'static str,
    /// What its label is called.
    label: &'static str,
    /// What stands before the label where it is written.
    prefix: &'static str,
    /// The directory that is there where the module runs.
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

/// What is asked for.
#[derive(Debug, Default)]
pub struct Labels {
    pub selinux: Option<OsString>,
    pub apparmor: Option<OsString>,
}

impl Labels {
    /// Asks for the labels of the next execve(2). A change of user comes later: it closes the file to
    /// this process.
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
        fs::write(EXEC, text).map_err(|error| {
            Error::from_io(format!("set the {}", self.label), label, &error)
                .explain(|_| self.explain())
        })
    }

    fn explain(&self) -> Option<String> {
        if !self.runs() {
            return Some(format!("{} is not running: there is no {}", self.name, self.directory));
        }
        (!Path::new(EXEC).exists()).then(|| format!("there is no {EXEC}"))
    }

    fn runs(&self) -> bool {
        Path::new(self.directory).exists()
    }
}

/// The labels of this process, each with what it is called.
pub fn current() -> Vec<(&'static str, String)> {
    let running = [SELINUX, APPARMOR].into_iter().filter(Module::runs);
    let read = |module: Module| Some((module.label, fs::read(CURRENT).ok()?));
    let text = |bytes: Vec<u8>| {
        let end = bytes.iter().rposition(|byte| !b"\n\0".contains(byte)).map_or(0, |at| at + 1);
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    };
    running.filter_map(read).map(|(label, bytes)| (label, text(bytes))).collect()
}
