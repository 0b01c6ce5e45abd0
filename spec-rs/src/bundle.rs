//! A bundle: its configuration, and the facts that it is measured against.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use common::{Context, Error, Result, quote, sys};
use nix::errno::Errno;

use crate::cli::{Outputs, Request};
use crate::file::File;
use crate::line::{self, Setting};
use crate::machine::Machine;
use crate::model::{self, Root};
use crate::more;
use crate::node::{Log, Node};

/// Where it is, and what is asked for.
pub struct Bundle {
    /// The caller's working directory, from which all paths are.
    here: PathBuf,
    directory: PathBuf,
    config: PathBuf,
    tools: PathBuf,
    request: Request,
}

impl Bundle {
    /// Both directories become absolute.
    ///
    /// # Errors
    /// Where the working directory cannot be told, or the program's own path.
    pub fn find(request: Request) -> Result<Self> {
        let here =
            env::current_dir().map_err(|e| Error::from_io("find", "the working directory", &e))?;
        let directory = match &request.bundle {
            Some(bundle) => here.join(bundle),
            None => here.clone(),
        };
        let tools = match &request.tools {
            Some(tools) => here.join(tools),
            None => own_directory()?,
        };
        Ok(Self { config: directory.join("config.json"), here, directory, tools, request })
    }

    /// The command line; none where the configuration cannot be used, and all its faults were reported. What else is asked
    /// for is written before.
    ///
    /// # Errors
    /// Where there is no configuration to read, or a descriptor to write to.
    pub fn line(self) -> Result<Option<Vec<u8>>> {
        let file = File::read(&self.config)?;
        let (value, log) = (file.object()?, Log::default());
        let mut config = model::read(Node::new(&value, &log));
        config.mounts.extend(more::mounts(&self.request.mounts, &log));
        self.check_root(&config.root, &log);
        let texts = line::write(&config, &self.setting(), &Machine::this(), &log);
        if !file.report(&log, "") {
            return Ok(None);
        }
        let Outputs { facts, config, hooks } = self.request.outputs;
        for (descriptor, text) in
            [(facts, &texts.facts), (config, &file.bytes), (hooks, &texts.hooks)]
        {
            if let Some(descriptor) = descriptor {
                write(descriptor, text)?;
            }
        }
        Ok(Some(texts.line))
    }

    /// A directory must exist there. Were it this machine's own root, directories would be made in it.
    fn check_root(&self, root: &Root, log: &Log) {
        if root.path.is_empty() {
            return;
        }
        match fs::metadata(self.directory.join(&root.path)) {
            Err(error) => {
                let errno = error.raw_os_error().map_or(Errno::EINVAL, Errno::from_raw);
                log.fault("root.path", format!("{}: {}", quote(&root.path), errno.desc()));
            }
            Ok(status) if !status.is_dir() => {
                log.fault("root.path", format!("{}: Not a directory", quote(&root.path)));
            }
            Ok(status) => {
                let is_own = fs::metadata("/")
                    .is_ok_and(|own| (own.dev(), own.ino()) == (status.dev(), status.ino()));
                if is_own {
                    log.fault(
                        "root.path",
                        format!("{} is the root of this machine", quote(&root.path)),
                    );
                }
            }
        }
    }

    fn setting(&self) -> Setting {
        let request = &self.request;
        let absolute = |path: &Option<OsString>| {
            path.as_ref().map(|path| self.here.join(path).into_os_string().into_vec())
        };
        Setting {
            state: absolute(&request.state),
            hold: request.hold,
            foreground: request.foreground,
            pid_file: absolute(&request.pid_file),
            console_socket: absolute(&request.console_socket),
            preserve_fds: request.preserve_fds,
            listen_fds: request.listen_fds,
            listen_names: env::var_os("LISTEN_FDNAMES").map(OsString::into_vec),
            runs_hooks: request.outputs.hooks.is_some(),
            directory: self.directory.as_os_str().as_bytes().to_vec(),
            pivot: !self.request.no_pivot,
            new_keyring: !self.request.no_new_keyring,
            systemd_cgroup: self.request.systemd_cgroup,
            id: self.request.id.as_deref().map(|id| id.as_bytes().to_vec()),
            ..Setting::of_tools(self.tools.as_os_str().as_bytes().to_vec())
        }
    }
}

pub fn write(descriptor: i32, text: &[u8]) -> Result<()> {
    let name = descriptor.to_string();
    let file = sys::borrow(descriptor).context("use the descriptor", &name)?;
    let copy =
        file.try_clone_to_owned().map_err(|e| Error::from_io("use the descriptor", &name, &e))?;
    fs::File::from(copy)
        .write_all(text)
        .map_err(|e| Error::from_io("write to the descriptor", &name, &e))
}

/// The tools stand beside this program.
pub fn own_directory() -> Result<PathBuf> {
    let own = env::current_exe().map_err(|e| Error::from_io("find", "the tools", &e))?;
    Ok(own.parent().map_or_else(|| OsString::from("/").into(), PathBuf::from))
}
