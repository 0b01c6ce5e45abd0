//! setpriv-rs: user, groups, capabilities and the environment, and at last the command.

use super::{ENVIRONMENT, SECCOMP, Writer, digit};
use crate::model::Kind;
use crate::print::{self, Chain, Document};

impl Writer<'_> {
    pub(super) fn add_privileges(&self, chain: &mut Chain) {
        // After pty-rs --own it is a name, and no path.
        let is_own = self.setting.joins && self.config.process.terminal && self.has(Kind::Mount);
        let tool = if is_own { b"setpriv-rs".to_vec() } else { self.tool("setpriv-rs") };
        chain.program([&tool[..], b"--failure-status", self.setting.failure.as_bytes()]);
        chain.options(self.ids());
        self.add_capabilities(chain);
        chain.options(self.labels());
        chain.options(self.rest());
        chain.options(self.gate().into_iter().chain(self.passed()));
        let arguments = self.config.process.args.iter().map(Vec::as_slice);
        chain.program(std::iter::once(&b"--"[..]).chain(arguments));
    }

    fn ids(&self) -> Vec<String> {
        let user = &self.config.process.user;
        let groups = match (self.keeps_groups(), user.additional_gids.as_slice()) {
            (true, _) => vec!["--keep-groups".to_owned()],
            (false, []) => vec!["--clear-groups".to_owned()],
            (false, groups) => {
                let list: Vec<_> = groups.iter().map(i128::to_string).collect();
                vec!["--groups".to_owned(), list.join(",")]
            }
        };
        let mut options =
            vec!["--reuid".into(), user.uid.to_string(), "--regid".into(), user.gid.to_string()];
        options.extend(groups);
        options
    }

    fn add_capabilities(&self, chain: &mut Chain) {
        let sets = &self.config.process.capabilities;
        // The kernel raises no other (capabilities(7)).
        let raisable: Vec<_> = sets
            .ambient
            .iter()
            .filter(|name| sets.permitted.contains(name) && sets.inheritable.contains(name))
            .cloned()
            .collect();
        chain.options(["--lenient-caps"]);
        for (option, set) in [
            ("--bounding-set", &sets.bounding),
            ("--permitted-caps", &sets.permitted),
            ("--effective-caps", &sets.effective),
            ("--inh-caps", &sets.inheritable),
            ("--ambient-caps", &raisable),
        ] {
            let names: String = set.iter().map(|name| format!(",+{name}")).collect();
            chain.options([option.to_owned(), format!("-all{names}")]);
        }
    }

    /// A caller may be confined, so that "unconfined" says something where AppArmor runs.
    fn labels(&self) -> Vec<String> {
        let process = &self.config.process;
        let apparmor = match process.apparmor_profile.as_str() {
            "unconfined" if !(self.machine.has_apparmor)() => "",
            profile => profile,
        };
        let mut options = Vec::new();
        for (option, label) in
            [("--apparmor-profile", apparmor), ("--selinux-label", &process.selinux_label)]
        {
            if !label.is_empty() {
                options.extend([option.to_owned(), label.to_owned()]);
            }
        }
        options
    }

    fn rest(&self) -> Vec<Vec<u8>> {
        let mut options: Vec<&[u8]> = Vec::new();
        if self.config.process.no_new_privileges {
            options.push(b"--no-new-privs");
        }
        // A change of user would take away what --kill-child has set; a process that has joined goes with its parent.
        let signal: &[u8] = match (self.is_left(), self.setting.joins) {
            (true, _) => b"clear",
            (false, true) => b"KILL",
            (false, false) => b"keep",
        };
        options.extend([&b"--pdeathsig"[..], signal, b"--default-signals"]);
        if self.setting.new_keyring {
            options.push(b"--new-keyring");
        }
        let descriptor = digit(ENVIRONMENT);
        options.extend([&b"--close-fds"[..], b"--clear-env", b"--env-fd", &descriptor]);
        let rules = format!("/dev/fd/{SECCOMP}");
        if self.config.linux.seccomp.is_some() {
            options.extend([&b"--seccomp-rules"[..], rules.as_bytes()]);
        }
        if self.lacks_home() {
            options.push(b"--set-home");
        }
        options.into_iter().map(<[u8]>::to_vec).collect()
    }

    /// Whether HOME comes from the container's /etc/passwd, as runc has it: it is not set, or at last to nothing.
    fn lacks_home(&self) -> bool {
        let mut values =
            self.config.process.env.iter().filter_map(|line| line.strip_prefix(b"HOME="));
        values.next_back().is_none_or(<[u8]>::is_empty)
    }

    pub(super) fn environment(&self) -> Document {
        let lines = self.config.process.env.iter().map(|line| print::variable(line));
        let mut lines: Vec<_> = lines.collect();
        lines.extend(self.listening());
        Document { descriptor: ENVIRONMENT, name: "env", lines }
    }
}
