//! From the configuration to the command line. Each part of the line is a file; what goes together is checked first.

mod cgroup;
mod classics;
mod demands;
mod devices;
mod exec;
pub mod facts;
mod hooks;
mod life;
mod limits;
mod namespaces;
mod net_devices;
mod place;
mod privileges;
mod resources;
mod root;
mod rules;
mod scope;
mod seccomp;
mod spaces;
mod table;
#[cfg(test)]
mod tests;
mod update;

use self::classics::Classic;
use self::limits::Limits;
use self::spaces::Spaces;
use crate::machine::Machine;
use crate::model::{Config, Kind, Resources};
use crate::node::Log;
use crate::print::{Chain, Document, Script};

pub use exec::{Target, exec};
pub use facts::{CGROUPS, CHECK_MEMORY};
use place::Place;
pub use update::update;

/// What the line depends on besides the configuration and the machine.
#[derive(Debug)]
pub struct Setting {
    /// The bundle and the tools, by absolute paths.
    pub directory: Vec<u8>,
    pub tools: Vec<u8>,
    /// Whether the root is changed by pivot_root(2).
    pub pivot: bool,
    pub new_keyring: bool,
    /// Whether systemd makes the cgroup, as a scope.
    pub systemd_cgroup: bool,
    /// The directory of the container's state.
    pub state: Option<Vec<u8>>,
    /// Whether it stops before its command, and is let go later.
    pub hold: bool,
    /// Whether there is a supervisor all the same.
    pub foreground: bool,
    pub pid_file: Option<Vec<u8>>,
    /// The socket that takes the terminal.
    pub console_socket: Option<Vec<u8>>,
    /// How many descriptors from 100 on are handed on, and how many before them are told of in LISTEN_FDS.
    pub preserve_fds: u32,
    pub listen_fds: u32,
    /// LISTEN_FDNAMES
    pub listen_names: Option<Vec<u8>>,
    /// Whether limits that stand are changed: a limit of -1 lifts what was set before.
    pub updates: bool,
    /// Whether the process joins a container that is there.
    pub joins: bool,
    /// Whether the caller runs the hooks.
    pub runs_hooks: bool,
    /// The exit status where the line itself fails.
    pub failure: &'static str,
    /// The name of the container.
    pub id: Option<Vec<u8>>,
}

impl Setting {
    /// What holds where nothing else is said.
    pub fn of_tools(tools: Vec<u8>) -> Self {
        Self {
            directory: Vec::new(),
            tools,
            pivot: true,
            new_keyring: true,
            systemd_cgroup: false,
            state: None,
            hold: false,
            foreground: false,
            pid_file: None,
            console_socket: None,
            preserve_fds: 0,
            listen_fds: 0,
            listen_names: None,
            updates: false,
            joins: false,
            runs_hooks: true,
            failure: "1",
            id: None,
        }
    }
}

/// The descriptors of the texts and of the socket on which the terminal is handed over.
const TABLE: u8 = 3;
const ENVIRONMENT: u8 = 4;
const TERMINAL: u8 = 5;
const SECCOMP: u8 = 7;
const RULES: u8 = 8;

/// What is written.
#[derive(Debug)]
pub struct Texts {
    pub line: Vec<u8>,
    pub facts: Vec<u8>,
    pub hooks: Vec<u8>,
}

/// All that a part of the line is written from.
struct Writer<'a> {
    config: &'a Config,
    setting: &'a Setting,
    machine: &'a Machine,
    log: &'a Log,
    place: Place<'a>,
    spaces: Spaces,
}

/// The command line, and what is known of the container. They are of use only where no fault is in the log.
pub fn write(config: &Config, setting: &Setting, machine: &Machine, log: &Log) -> Texts {
    let spaces = Spaces::of(&config.linux.namespaces, machine, log);
    let mut writer = Writer { config, setting, machine, log, place: Place::default(), spaces };
    writer.place = writer.find_place();
    let files = writer.files();
    let rules = writer.rules();
    for controller in writer.closed_controllers(&files, &rules) {
        writer.place.add_leaf(&controller);
    }
    let line = writer.text(&files.files, rules);
    Texts { line, facts: writer.facts(), hooks: writer.hooks() }
}

impl Writer<'_> {
    fn text(&self, files: &[String], rules: Vec<Vec<u8>>) -> Vec<u8> {
        self.demand();
        let table = self.has_new(Kind::Mount).then(|| self.table());
        let limits = self.limits();

        let mut script = Script::new(self.setting.failure);
        self.comment(&mut script);
        script.step(&[b"cd", &self.setting.directory], "enter the directory of the bundle");
        self.start_scope(&mut script);
        // Before the limits, since yash cannot redirect any more below 100 descriptors.
        let (early, late) = (self.early_classics(&limits.words), self.late_classics());
        find(early.iter().chain(&late), &mut script);
        self.demand_own_programs(&late);
        self.open_network(&mut script);
        self.set_limits(&limits, &mut script);
        let before = [self.handed_on(), self.guard_terminal(&mut script)].concat();

        let chain = self.chain(&early, &late, files, !rules.is_empty());
        let mut documents = Vec::new();
        if let Some(table) = table {
            documents.push(Document { descriptor: TABLE, name: "mounts", lines: table });
        }
        documents.push(self.environment());
        documents.extend(self.seccomp());
        if !rules.is_empty() {
            documents.push(Document { descriptor: RULES, name: "devices", lines: rules });
        }
        script.become_chain(&before, &chain, &documents)
    }

    fn set_limits(&self, limits: &Limits, script: &mut Script) {
        for (step, name) in &limits.steps {
            let words: Vec<_> = step.iter().map(String::as_bytes).collect();
            script.step(&words, format_args!("set {name}"));
        }
        let umask = format!("{:04o}", self.config.process.user.umask);
        script.words(&[b"umask", umask.as_bytes()]);
    }

    fn chain(
        &self,
        early: &[Classic],
        late: &[Classic],
        files: &[String],
        has_rules: bool,
    ) -> Chain {
        let mut chain = Chain::default();
        self.add_relay(&mut chain, self.has_new(Kind::Mount));
        early.iter().for_each(|classic| chain.program(&classic.words));
        self.add_trees(&mut chain);
        self.join_pid_namespace(&mut chain);
        self.add_cgroup(&mut chain, files, has_rules);
        self.add_namespaces(&mut chain);
        late.iter().for_each(|classic| chain.program(&classic.words));
        self.add_root(&mut chain);
        self.add_privileges(&mut chain);
        chain
    }

    /// What the configuration holds and the line does not.
    fn comment(&self, script: &mut Script) {
        const SHOWN: usize = 20;
        let unknown = self.log.unknown();
        for path in unknown.iter().take(SHOWN) {
            script.comment(&format!("ignored, since the specification does not know it: {path}"));
        }
        if unknown.len() > SHOWN {
            script.comment(&format!("ignored as well: {} more", unknown.len() - SHOWN));
        }
        for note in self.log.notes() {
            script.comment(&format!("{}: {}", note.path, note.reason));
        }
    }

    /// Without a terminal of its own the container gets none of the caller's either: pty-rs, put before the line,
    /// hands on what is read and written there.
    fn guard_terminal(&self, script: &mut Script) -> &'static str {
        if self.config.process.terminal {
            return "";
        }
        if self.is_left() {
            self.refuse_terminal(script);
            return "";
        }
        script.line(b"set --");
        let errors = self.errors();
        script.line(format!("if [ -t 0 ] || [ -t 1 ] || [ -t {errors} ]; then").as_bytes());
        let relay = [self.relay(), vec![b"--pipes".to_vec(), b"--".to_vec()]].concat();
        let words: Vec<_> =
            [&b"set"[..], b"--"].into_iter().chain(relay.iter().map(Vec::as_slice)).collect();
        script.words(&words);
        script.line(b"fi");
        self.guard_errors(script);
        " \"$@\""
    }

    /// The terminal is made out of the container's own devpts and handed to a relay out here. Without a mount
    /// namespace the container has no devpts of its own.
    fn add_relay(&self, chain: &mut Chain, has_devpts: bool) {
        if !self.config.process.terminal {
            return;
        }
        let tool = self.tool("pty-rs");
        if let Some(socket) = &self.setting.console_socket {
            let descriptor = digit(TERMINAL);
            return chain.program([
                &tool[..],
                b"--failure-status",
                self.setting.failure.as_bytes(),
                b"--connect",
                &descriptor,
                b"--console-socket",
                socket,
                b"--",
            ]);
        }
        let mut words = self.relay();
        if has_devpts {
            words.extend([b"--receive".to_vec(), digit(TERMINAL).to_vec()]);
        }
        words.push(b"--".to_vec());
        chain.program(words);
    }

    /// pty-rs as the first word of the line.
    fn relay(&self) -> Vec<Vec<u8>> {
        let status = self.setting.failure.as_bytes().to_vec();
        let words = vec![self.tool("pty-rs"), b"--failure-status".to_vec(), status];
        [words, self.removal_on_failure()].concat()
    }

    fn resources(&self) -> &Resources {
        &self.config.linux.resources
    }

    fn has_new(&self, kind: Kind) -> bool {
        self.spaces.has_new(kind)
    }

    /// Whether the container has another one than the caller, new or joined.
    fn has(&self, kind: Kind) -> bool {
        self.spaces.has(kind)
    }

    fn tool(&self, name: &str) -> Vec<u8> {
        [&self.setting.tools, &b"/"[..], name.as_bytes()].concat()
    }
}

/// A first word that is missing would end some shells with 127, as if it were the container's command. One that the kernel may
/// refuse is tried before: its own message names no property, and after it nobody would remove the state.
fn find<'a>(classics: impl Iterator<Item = &'a Classic>, script: &mut Script) {
    for Classic { words, doubtful } in classics {
        let Some(program) = words.first() else { continue };
        script.line(format!("command -v {program} >/dev/null || fail 'find {program}'").as_bytes());
        if let Some(property) = doubtful {
            let words = words.iter().map(String::as_bytes).chain([&b"true"[..]]);
            script.step(&words.collect::<Vec<_>>(), format_args!("set {property}"));
        }
    }
}

fn digit(descriptor: u8) -> [u8; 1] {
    [b'0' + descriptor]
}
