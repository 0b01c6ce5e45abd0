//! A further process for a running container: its configuration, and what the caller changes of it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use common::{Error, Result};

use crate::bundle::{own_directory, write};
use crate::cli::{Changes, ExecRequest};
use crate::file::File;
use crate::json::Value;
use crate::line::{self, Setting, Target};
use crate::machine::Machine;
use crate::model::{self, Process};
use crate::node::{Log, Node};
use crate::print;

/// The command line; none where the process cannot be used, and all its faults were reported.
///
/// # Errors
/// Where the container's state cannot be read, or the file of the process.
pub fn line(request: ExecRequest) -> Result<Option<Vec<u8>>> {
    let here =
        env::current_dir().map_err(|e| Error::from_io("find", "the working directory", &e))?;
    let state = here.join(&request.state);
    let target = target(&state.join("process"))?;
    let (file, log) = (File::read(&state.join("config.json"))?, Log::default());
    let value = file.object()?;
    let mut config = model::read(Node::new(&value, &log));
    if !file.report(&Log::of_faults(&log), "") {
        return Ok(None);
    }
    let log = Log::default();
    let (file, above) = match &request.process {
        None => (file, ""),
        Some(path) => (File::read(&here.join(path))?, "process."),
    };
    if request.process.is_some() {
        let whole = Value::Object(vec![("process".to_owned(), file.object()?)]);
        config.process = model::read_process(Node::new(&whole, &log));
    }
    let setting = setting(&request, &here)?;
    if request.process.is_none() {
        // That of the first process says nothing of this one.
        config.process.terminal = false;
    }
    request.changes.apply(&mut config.process);
    config.process.demand(&log);
    let text = line::exec(&config, target, &setting, &Machine::without_cgroups(), &log);
    if let Some(descriptor) = request.facts {
        write(descriptor, &facts(&config.process))?;
    }
    Ok(file.report(&log, above).then_some(text))
}

/// What the caller may need to name in a message.
fn facts(process: &Process) -> Vec<u8> {
    let mut facts = Vec::new();
    print::assignment(&mut facts, "command", process.args.first().map_or(b"", Vec::as_slice));
    let terminal: &[u8] = if process.terminal { b"yes" } else { b"" };
    print::assignment(&mut facts, "terminal", terminal);
    facts
}

/// `PID START`
fn target(path: &Path) -> Result<Target> {
    let text = fs::read_to_string(path).map_err(|e| Error::from_io("read", path, &e))?;
    let numbers = text.split_once(' ').and_then(|(pid, start)| {
        Some(Target { pid: pid.parse().ok()?, start: start.trim_end().parse().ok()? })
    });
    numbers.ok_or_else(|| Error::because("use", path, "it does not hold PID START".to_owned()))
}

/// The absolute path of the directory of the tools.
///
/// # Errors
/// Where this program cannot find itself.
pub fn own_tools(tools: Option<&OsStr>, here: &Path) -> Result<Vec<u8>> {
    let tools = match tools {
        Some(tools) => here.join(tools),
        None => own_directory()?,
    };
    Ok(tools.into_os_string().into_vec())
}

fn setting(request: &ExecRequest, here: &Path) -> Result<Setting> {
    let absolute = |path: &PathBuf| here.join(path).into_os_string().into_vec();
    Ok(Setting {
        hold: request.detach,
        joins: true,
        pid_file: request.pid_file.as_ref().map(absolute),
        console_socket: request.console_socket.as_ref().map(absolute),
        preserve_fds: request.preserve_fds,
        failure: if request.detach { "1" } else { "255" },
        ..Setting::of_tools(own_tools(request.tools.as_deref(), here)?)
    })
}

impl Changes {
    /// As `runc exec` has it.
    fn apply(self, process: &mut Process) {
        if !self.arguments.is_empty() {
            process.args = self.arguments;
        }
        if let Some(cwd) = self.cwd {
            process.cwd = model::simple(&cwd);
        }
        process.env.extend(self.env);
        if let Some((uid, gid)) = self.user {
            process.user.uid = uid;
            process.user.gid = gid.unwrap_or(process.user.gid);
        }
        process.user.additional_gids.extend(self.groups);
        let sets = &mut process.capabilities;
        for set in [&mut sets.bounding, &mut sets.permitted, &mut sets.effective] {
            set.extend(self.capabilities.iter().map(|&name| name.to_owned()));
            set.sort_unstable();
            set.dedup();
        }
        process.terminal = self.terminal.unwrap_or(process.terminal);
        process.no_new_privileges = self.no_new_privileges.unwrap_or(process.no_new_privileges);
        process.apparmor_profile =
            self.apparmor.unwrap_or(std::mem::take(&mut process.apparmor_profile));
        process.selinux_label = self.label.unwrap_or(std::mem::take(&mut process.selinux_label));
    }
}
