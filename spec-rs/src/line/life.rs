//! Who keeps the container's life: a supervisor that ends with it, or a state directory beside a process that is held
//! before its command and let go later.

use super::{RULES, Writer, digit};
use crate::line::classics::Classic;
use crate::model::Kind;
use crate::print::{self, Chain, Script};

/// The descriptors of a line that is held: the standard error of the command, where its word tells how far it is, and
/// where it reads what to do next.
const ERRORS: u8 = 5;
const TOLD: u8 = 6;
const GO: u8 = 9;

/// The list of cgroups, where nobody is told anything.
const LIST: u8 = 6;

/// The hooks that run before the root changes.
const EARLY: [&str; 3] = ["prestart", "createRuntime", "createContainer"];

/// What the word that waits for the early hooks does: it evaluates what it reads, in the namespaces of the container, and
/// becomes the rest.
const WAIT: &str = "\
LC_ALL=C
echo created >&6 || exit 1
text=
while IFS= read -r line <&9; do
  [ \"$line\" != go ] || {
    eval \"$text\" || exit 1
    exec \"$@\"
  }
  text=\"$text$line
\"
done
exit 1";

const SUPERVISION: [&str; 3] = ["--fork", "--kill-child", "--forward-signals"];

impl Writer<'_> {
    /// Whether nothing of this line waits for the container.
    pub(super) fn is_left(&self) -> bool {
        self.setting.hold && !self.setting.foreground
    }

    /// How unshare-rs treats a child that is not the last one, or is.
    pub(super) fn supervision(&self) -> &'static [&'static str] {
        match self.is_left() {
            true => &["--fork", "--detach"],
            false => &SUPERVISION,
        }
    }

    /// The options of the unshare-rs that starts the first process. In a user namespace that was joined nobody may write
    /// to the state.
    pub(super) fn records(&self, is_in_joined_user_namespace: bool) -> Vec<Vec<u8>> {
        let mut options = Vec::new();
        if let Some(state) = &self.setting.state {
            match is_in_joined_user_namespace && self.setting.hold {
                true => options.extend([b"--process-fd".to_vec(), digit(TOLD).to_vec()]),
                false => {
                    let file = [state, &b"/process"[..]].concat();
                    options.extend([b"--process-file".to_vec(), file]);
                }
            }
        }
        if let Some(file) = &self.setting.pid_file {
            options.extend([b"--pid-file".to_vec(), file.clone()]);
        }
        options
    }

    /// The state of a container that is not held ends with its supervisor.
    pub(super) fn removal(&self) -> Vec<Vec<u8>> {
        match &self.setting.state {
            Some(state) if !self.setting.hold => vec![b"--remove".to_vec(), state.clone()],
            _ => Vec::new(),
        }
    }

    /// The option by which a word before that supervisor removes the state if it fails itself.
    pub(super) fn removal_on_failure(&self) -> Vec<Vec<u8>> {
        match &self.setting.state {
            Some(state) if !self.setting.hold => {
                vec![b"--remove-on-failure".to_vec(), state.clone()]
            }
            _ => Vec::new(),
        }
    }

    /// Hooks run while all namespaces and mounts are there, and the machine's root still is.
    pub(super) fn waits_for_hooks(&self) -> bool {
        let mut kinds = self.config.hooks.kinds();
        self.setting.hold && kinds.any(|kind| EARLY.contains(&kind))
    }

    /// The list of cgroups travels on a descriptor that is free by then: that of the device rules, where the line is
    /// held.
    pub(super) fn list_descriptor(&self) -> u8 {
        if self.setting.hold { RULES } else { LIST }
    }

    pub(super) fn add_wait(&self, chain: &mut Chain) {
        if self.waits_for_hooks() {
            chain.program(["/bin/sh", "-c", WAIT, "sh"]);
        }
    }

    /// Programs of the machine that run in the namespaces of other containers, before the root has changed: a process there
    /// that has CAP_SYS_PTRACE could trace them, and use the machine's root.
    pub(super) fn demand_own_programs(&self, late: &[Classic]) {
        let joins = |kind| self.spaces.joined(kind).is_some();
        if joins(Kind::User) && joins(Kind::Pid) && (self.waits_for_hooks() || !late.is_empty()) {
            let reason = "a user and a PID namespace cannot both be joined here: hooks, a policy or CPUs are set by programs \
                          of this machine, which processes there could trace";
            self.log.fault("linux.namespaces", reason);
        }
    }

    /// Where nobody waits, nobody relays a terminal either.
    pub(super) fn demand_life(&self, has_devpts: bool) {
        let has_socket = self.setting.console_socket.is_some();
        match (self.config.process.terminal, self.is_left()) {
            (true, true) if !has_socket => {
                let reason =
                    "needs a socket that takes it (--console-socket), since nobody relays it";
                self.log.fault("process.terminal", reason);
            }
            (true, true) if !has_devpts => {
                self.log.fault("process.terminal", "needs a new mount namespace");
            }
            (false, _) if has_socket => {
                let reason =
                    "is not set: a socket that takes a terminal (--console-socket) is of no use";
                self.log.fault("process.terminal", reason);
            }
            _ => {}
        }
    }

    /// Nobody could relay what is read and written on the caller's terminal.
    pub(super) fn refuse_terminal(&self, script: &mut Script) {
        script.line(format!("if [ -t 0 ] || [ -t 1 ] || [ -t {ERRORS} ]; then").as_bytes());
        script.line(b"fail \"give the container this terminal, which it would hold when the caller is gone: \\");
        script.line(b"redirect standard input, output and error\"");
        script.line(b"fi");
    }

    /// The descriptor that becomes the standard error of a command without a terminal.
    pub(super) fn errors(&self) -> u8 {
        if self.setting.hold { ERRORS } else { 2 }
    }

    /// pty-rs relays the standard error of the command too, which a shell puts where the last word looks for it.
    pub(super) fn guard_errors(&self, script: &mut Script) {
        if self.setting.hold {
            script.line(format!("if [ -t {ERRORS} ]; then").as_bytes());
            script.line(format!("exec 2>&{ERRORS}").as_bytes());
            script
                .line(format!("set -- \"$@\" /bin/sh -c 'exec \"$@\" {ERRORS}>&2' sh").as_bytes());
            script.line(b"fi");
        }
    }

    /// The Korn shells close descriptors above 2 that they have opened where they execute a program, but for those that
    /// its own line redirects.
    pub(super) fn handed_on(&self) -> &'static str {
        match self.setting.hold {
            true => " 5>&5 6>&6 9<&9",
            false => "",
        }
    }

    /// The last word waits until the container is started.
    pub(super) fn gate(&self) -> Vec<String> {
        if !self.setting.hold {
            return Vec::new();
        }
        let errors = if self.config.process.terminal { 1 } else { ERRORS };
        vec![
            "--gate-fds".to_owned(),
            format!("{GO},{TOLD}"),
            "--stderr-fd".to_owned(),
            errors.to_string(),
        ]
    }

    /// The descriptors that the caller hands on.
    pub(super) fn passed(&self) -> Vec<String> {
        let count = self.setting.preserve_fds.saturating_add(self.setting.listen_fds);
        match count {
            0 => Vec::new(),
            count => vec!["--pass-fds".to_owned(), format!("100:{count}")],
        }
    }

    /// What sd_listen_fds(3) reads, for the first process.
    pub(super) fn listening(&self) -> Vec<Vec<u8>> {
        if self.setting.listen_fds == 0 {
            return Vec::new();
        }
        let count = format!("LISTEN_FDS={}", self.setting.listen_fds).into_bytes();
        let names = self.setting.listen_names.as_deref();
        let names = names.map(|names| print::variable(&[b"LISTEN_FDNAMES=", names].concat()));
        [count, b"LISTEN_PID=1".to_vec()].into_iter().chain(names).collect()
    }
}
