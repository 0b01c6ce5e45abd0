//! The cgroup as a scope of systemd, which a shell asks for with busctl. The line moves to one sub-cgroup of it, the
//! container is in another one: systemd leaves them alone, and removes the scope once the supervisor has ended.

use super::Writer;
use super::place::{Group, LEAF, Place, Version, default_name};
use crate::print::Script;

const PATH: &str = "linux.cgroupsPath";

/// `SLICE:PREFIX:NAME`, as Docker, Podman and Kubernetes write it.
struct Scope {
    slice: String,
    unit: String,
}

impl<'a> Writer<'a> {
    pub(super) fn place_of_scope(&self) -> Place<'a> {
        let cgroups = &self.machine.cgroups;
        let Some(unified) = cgroups.unified.as_ref().filter(|_| cgroups.is_version_2()) else {
            self.log
                .fault(PATH, "cannot be kept: --systemd-cgroup needs cgroups of version 2 alone");
            return Place::default();
        };
        let Some(scope) = self.scope() else {
            let reason = "must be SLICE:PREFIX:NAME with names that systemd takes, such as system.slice:runsh:box";
            self.log.fault(PATH, reason);
            return Place::default();
        };
        let Scope { slice, unit } = &scope;
        let slice = path_of_slice(slice);
        let name = format!("{}{slice}/{unit}/{LEAF}", self.manager()).into_bytes();
        Place {
            groups: vec![Group {
                hierarchy: unified,
                version: Version::Two,
                name,
                has_leaf: false,
            }],
        }
    }

    /// The cgroup of the systemd that is asked.
    fn manager(&self) -> String {
        let uid = self.machine.user_manager;
        uid.map_or_else(String::new, |uid| {
            format!("/user.slice/user-{uid}.slice/user@{uid}.service")
        })
    }

    /// The controllers that the container's cgroup can have in version 2, or has where its limits change.
    pub(super) fn controllers(&self) -> Vec<String> {
        let unified = self.machine.cgroups.unified.as_ref();
        let directory = match (self.place.unified(), unified, self.machine.user_manager) {
            (Some(group), ..) if self.setting.updates => group.directory(),
            (_, Some(unified), Some(_)) if self.setting.systemd_cgroup => {
                [&unified.point[..], self.manager().as_bytes()].concat()
            }
            _ => return self.machine.controllers().to_vec(),
        };
        (self.machine.controllers_of)(&directory)
    }

    fn scope(&self) -> Option<Scope> {
        let path = match self.config.linux.cgroups_path.as_str() {
            "" => format!(":runsh:{}", default_name(self.setting)),
            path => path.to_owned(),
        };
        let [slice, prefix, name] = path.split(':').collect::<Vec<_>>().try_into().ok()?;
        let slice = match (slice, self.machine.user_manager) {
            ("", None) => "system.slice",
            ("", Some(_)) => "user.slice",
            (slice, _) => slice,
        };
        let unit = match prefix {
            "" => format!("{name}.scope"),
            prefix => format!("{prefix}-{name}.scope"),
        };
        let is_valid =
            is_slice(slice) && is_name(&unit) && !name.is_empty() && !name.ends_with(".slice");
        is_valid.then(|| Scope { slice: slice.to_owned(), unit })
    }

    /// systemd answers before the process is in the scope. `$$` would be the shell that the text is pasted into.
    pub(super) fn start_scope(&self, script: &mut Script) {
        let Some(scope) = self.scope().filter(|_| self.setting.systemd_cgroup) else { return };
        let point = self.machine.cgroups.unified.as_ref().map(|unified| &unified.point[..]);
        script.line(b"pid=$(exec sh -c 'echo $PPID')");
        self.call_systemd(script, &scope);
        let unit = &scope.unit;
        script.line(b"tries=0");
        script.line(format!("until grep -q '/{unit}$' \"/proc/$pid/cgroup\"; do").as_bytes());
        script.line(format!("[ \"$((tries += 1))\" -le 500 ] || fail 'enter {unit}'").as_bytes());
        script.line(b"sleep 0.01");
        script.line(b"done");
        script.words(&[b"cd", point.unwrap_or_default()]);
        script.line(b"cd \".$(sed -n 's/^0:://p' \"/proc/$pid/cgroup\")\" && mkdir supervisor &&");
        script.line(b"echo \"$pid\" >supervisor/cgroup.procs || fail 'divide the scope'");
        script.step(&[b"cd", &self.setting.directory], "enter the directory of the bundle");
    }

    /// A scope of this name may be about to go, or have been left behind as failed: then it is tried again. The limits are
    /// those of the container's own cgroup, so that of systemd's own for tasks is lifted; and a scope without the usual
    /// dependencies is left to its engine when the machine goes down. Engines take "no such file" for a command that is missing:
    /// the reason why there is no bus is not given.
    fn call_systemd(&self, script: &mut Script, scope: &Scope) {
        let Scope { slice, unit } = scope;
        let (option, hint) = match self.machine.user_manager {
            None => ("", "install dbus, or leave out --systemd-cgroup".to_owned()),
            Some(uid) => (
                "--user ",
                format!(
                    "the user needs a session or 'loginctl enable-linger', and XDG_RUNTIME_DIR=/run/user/{uid}"
                ),
            ),
        };
        script.line(
            format!(
                "systemd() {{\nbusctl {option}call org.freedesktop.systemd1 /org/freedesktop/systemd1 \\\n  \
                 org.freedesktop.systemd1.Manager \"$@\" 2>&1\n}}\n\
                 tries=0\n\
                 until said=$(systemd StartTransientUnit 'ssa(sv)a(sa(sv))' {unit} fail 6 \\\n  \
                 PIDs au 1 \"$pid\" Slice s {slice} Delegate b true CollectMode s inactive-or-failed \\\n  \
                 DefaultDependencies b false TasksMax t {} 0); do",
                u64::MAX
            )
            .as_bytes(),
        );
        script.line(
            format!("case $said in\n*' bus'*) fail \"start {unit}: no bus leads to systemd\nhint: {hint}\" ;;\nesac")
                .as_bytes(),
        );
        script.line(
            format!("[ \"$((tries += 1))\" -lt 10 ] || fail \"start {unit}: $said\"").as_bytes(),
        );
        script.line(format!("systemd ResetFailedUnit s {unit} >/dev/null || :").as_bytes());
        script.line(b"sleep 0.05");
        script.line(b"done");
    }
}

/// What systemd takes, without the characters that a shell would see more in.
fn is_name(unit: &str) -> bool {
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    unit.len() <= 255 && !unit.starts_with('-') && unit.bytes().all(is_of_name)
}

/// Each `-` in the name of a slice is a step down.
fn is_slice(slice: &str) -> bool {
    let Some(name) = slice.strip_suffix(".slice") else { return false };
    name == "-" || is_name(slice) && name.split('-').all(|part| !part.is_empty())
}

/// `a-b.slice` is in `a.slice`.
fn path_of_slice(slice: &str) -> String {
    let name = slice.strip_suffix(".slice").unwrap_or(slice);
    if name == "-" {
        return String::new();
    }
    let ends = name.match_indices('-').map(|(at, _)| at).chain([name.len()]);
    ends.map(|end| format!("/{}.slice", &name[..end])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices() {
        assert_eq!(path_of_slice("system.slice"), "/system.slice");
        assert_eq!(path_of_slice("a-b-c.slice"), "/a.slice/a-b.slice/a-b-c.slice");
        assert_eq!(path_of_slice("-.slice"), "");
        for slice in ["a.slice", "a-b.slice", "-.slice"] {
            assert!(is_slice(slice), "{slice}");
        }
        for slice in
            ["", ".slice", "a", "-a.slice", "a-.slice", "a--b.slice", "a/b.slice", "a b.slice"]
        {
            assert!(!is_slice(slice), "{slice}");
        }
    }
}
