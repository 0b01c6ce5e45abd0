//! A cgroup that systemd makes: that of a transient scope, asked for through busctl(1).

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use common::held::Held;
use common::{Error, Result, quote, shown};
use nix::unistd::{Pid, geteuid};

use crate::property::property;
use crate::setting::Setting;

/// Which unit is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// None for the default one.
    slice: Option<String>,
    unit: String,
}

/// A job of a busy service manager takes its time.
const PATIENCE: Duration = Duration::from_secs(25);
/// As long as a unit of this name is being removed, it is in the way.
const REMOVAL: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(2);

const SYSTEM_BUS: &str = "/run/dbus/system_bus_socket";

impl Scope {
    /// `SLICE:PREFIX:NAME`, as runc takes it: the unit is PREFIX-NAME.scope.
    pub fn parse(text: &OsStr) -> Result<Self> {
        let wrong = |reason: &str| Error::usage(format!("--systemd: {} {reason}", quote(text)));
        let words: Option<Vec<_>> = text.to_str().map(|text| text.split(':').collect());
        let Some(&[slice, prefix, name]) = words.as_deref() else {
            return Err(wrong("is not SLICE:PREFIX:NAME"));
        };
        if !slice.is_empty() && !slice.strip_suffix(".slice").is_some_and(is_name) {
            return Err(wrong("has no name of a slice before its first ':'"));
        }
        if !is_name(name) || !(prefix.is_empty() || is_name(prefix)) {
            return Err(wrong("has no name of a unit"));
        }
        let unit = match prefix {
            "" => format!("{name}.scope"),
            prefix => format!("{prefix}-{name}.scope"),
        };
        match unit.len() > 255 {
            true => Err(wrong("is too long")),
            false => Ok(Self { slice: (!slice.is_empty()).then(|| slice.into()), unit }),
        }
    }

    /// Has the scope started with this process in it, and gives the path of its cgroup in the hierarchy of systemd.
    pub fn start(&self, first: Pid, settings: &[Setting]) -> Result<Vec<u8>> {
        find_bus()?;
        let begin = Instant::now();
        while let Err(reason) = self.call_start(first, settings) {
            let is_left_over = reason.contains("already") && begin.elapsed() < REMOVAL;
            if !is_left_over {
                return Err(Error::because("start the unit", &self.unit, shown(&reason)));
            }
            // One that has failed stays until it is told to go.
            let _ = call("ResetFailedUnit", &["s", &self.unit]);
            sleep(PAUSE * 10);
        }
        self.wait(first)
    }

    fn call_start(&self, first: Pid, settings: &[Setting]) -> Result<(), String> {
        let (first, description) = (first.to_string(), format!("cgexec-rs {}", self.unit));
        let default = if geteuid().is_root() { "system.slice" } else { "user.slice" };
        let slice = self.slice.as_deref().unwrap_or(default);
        let mut properties: Vec<[String; 3]> = settings.iter().filter_map(property).collect();
        let fixed = [
            ["Description", "s", &description],
            ["Slice", "s", slice],
            ["Delegate", "b", "true"],
            ["CollectMode", "s", "inactive-or-failed"],
        ];
        properties.extend(fixed.map(|words| words.map(str::to_owned)));
        let count = (properties.len() + 1).to_string();
        let mut words = vec!["ssa(sv)a(sa(sv))", &self.unit, "fail", &count];
        words.extend(properties.iter().flatten().map(String::as_str));
        words.extend(["PIDs", "au", "1", &first, "0"]);
        call("StartTransientUnit", &words)
    }

    /// The call only queues a job. It is done when the process is in the unit.
    fn wait(&self, first: Pid) -> Result<Vec<u8>> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            let groups = fs::read(format!("/proc/{first}/cgroup")).unwrap_or_default();
            if let Some(path) = path_in(&groups, &self.unit) {
                return Ok(path.to_vec());
            }
            sleep(PAUSE);
        }
        Err(Error::because("start the unit", &self.unit, "systemd has not put a process into it"))
    }
}

/// What systemd takes for a part of a unit's name (unit_name_is_valid), less what it escapes.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
}

/// The path of the unit in the hierarchy of systemd: of its name, or of version 2.
fn path_in<'a>(groups: &'a [u8], unit: &str) -> Option<&'a [u8]> {
    let of = |list: &[u8]| {
        let lines = groups.split(|&byte| byte == b'\n');
        let mut paths = lines.filter_map(|line| {
            let mut fields = line.splitn(3, |&byte| byte == b':').skip(1);
            (fields.next()? == list).then(|| fields.next())?
        });
        paths.find(|path| path.ends_with(format!("/{unit}").as_bytes()))
    };
    of(b"name=systemd").or_else(|| of(b""))
}

/// An ordinary user's service manager is on the session bus.
fn find_bus() -> Result<()> {
    if geteuid().is_root() {
        let is_there = env::var_os("DBUS_SYSTEM_BUS_ADDRESS").is_some()
            || fs::exists(SYSTEM_BUS).unwrap_or(false);
        return match is_there {
            true => Ok(()),
            false => {
                Err(Error::because("reach", "the system bus", format!("'{SYSTEM_BUS}' is missing"))
                    .with_hint("--systemd needs systemd to run this machine; -g does without"))
            }
        };
    }
    if env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some() {
        return Ok(());
    }
    let reason = match env::var("XDG_RUNTIME_DIR") {
        Ok(directory) if fs::exists(format!("{directory}/bus")).unwrap_or(false) => return Ok(()),
        Ok(directory) => format!("'{directory}/bus' is missing"),
        Err(_) => "neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set".into(),
    };
    let hint = format!(
        "a user who is logged in has one, and after 'loginctl enable-linger' every user; then set \
         XDG_RUNTIME_DIR=/run/user/{}",
        geteuid()
    );
    Err(Error::because("reach", "the session bus", reason).with_hint(hint))
}

/// Calls a method of the service manager; the error is what busctl says of it.
fn call(method: &str, words: &[&str]) -> Result<(), String> {
    // A caller that ignores SIGCHLD leaves no status to be waited for.
    let held = Held::none().map_err(|error| error.to_string())?;
    let bus = if geteuid().is_root() { "--system" } else { "--user" };
    let output = Command::new("busctl")
        .args([bus, "--quiet", "--", "call", "org.freedesktop.systemd1"])
        .args(["/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", method])
        .args(words)
        .stdin(Stdio::null())
        .output();
    held.restore();
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Err(Error::from_io("execute", "busctl", &error).to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_units() {
        let unit = |text: &str| Scope::parse(OsStr::new(text)).unwrap();
        assert_eq!(unit("a-b.slice:docker:1f").unit, "docker-1f.scope");
        assert_eq!(unit("a-b.slice:docker:1f").slice.as_deref(), Some("a-b.slice"));
        assert_eq!(unit("::x").unit, "x.scope");
        assert_eq!(unit("::x").slice, None);
        for text in [
            "",
            "a",
            "a:b",
            "a.slice:b",
            "a:b:c",
            "a.slice:b:c:d",
            "a.slice:b:",
            "::",
            ".slice:b:c",
            "a.slice:b:c/d",
            "a/b.slice:c:d",
            "../a.slice:b:c",
            "::..",
            ":b c:d",
            ":\u{e4}:d",
            "::-\n",
        ] {
            assert!(Scope::parse(OsStr::new(text)).is_err(), "{text:?}");
        }
        assert!(Scope::parse(OsStr::new(&format!("::{}", "x".repeat(250)))).is_err());
    }

    #[test]
    fn the_cgroup_of_a_unit() {
        let path = |groups: &'static str| path_in(groups.as_bytes(), "a.scope");
        assert_eq!(path("0::/system.slice/a.scope\n"), Some(&b"/system.slice/a.scope"[..]));
        assert_eq!(path("1:name=systemd:/s/a.scope\n0::/\n"), Some(&b"/s/a.scope"[..]));
        assert_eq!(path("2:pids:/s/a.scope\n0::/s/ba.scope\n"), None);
    }
}
