//! The command line, parsed into an [`Action`].

use std::ffi::{OsStr, OsString};
use std::str::FromStr;

use common::options::{LongOptions, refuse};
use common::sysctl::Sysctl;
use common::{Command, Error, Result, accounts, quote, seconds, signal};
use lexopt::prelude::*;
use nix::libc;
use nix::mount::MsFlags;
use nix::sched::CloneFlags;
use nix::sys::signal::Signal;

use crate::cgroups::Cgroups;
use crate::child::Watch;
use crate::child_info::ChildInfo;
use crate::idmap::{Block, Own, Request, SetGroups};
use crate::ids::Range;
use crate::kind::{KINDS, NEWTIME};
use crate::namespaces::Namespaces;
use crate::plan::{Owner, Plan};
use crate::setup::{BINFMT, Clocks, HostNames, PROPAGATIONS, Propagation, Setup};

pub const VERSION: &str = concat!("unshare-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: unshare-rs [options] [COMMAND [ARG...]]

Make new namespaces and become COMMAND inside them; without COMMAND, $SHELL or /bin/sh.

Namespaces; with =FILE they last, bound onto FILE:
  -m, --mount[=FILE]         new mount namespace
  -u, --uts[=FILE]           new UTS namespace (host name and domain name)
  -i, --ipc[=FILE]           new IPC namespace
  -n, --net[=FILE]           new network namespace
  -p, --pid[=FILE]           new pid namespace, which only children are in: see --fork
  -U, --user[=FILE]          new user namespace
  -C, --cgroup[=FILE]        new cgroup namespace
  -T, --time[=FILE]          new time namespace

Ids of the user namespace (all but --setgroups and --print-map imply --user):
  -r, --map-root-user        map the caller to root: --map-user 0 --map-group 0
  -c, --map-current-user     map the caller to itself
      --map-user ID          map the caller to the user ID, a number or a name
      --map-group ID         map the caller's group to the group ID
      --map-users BLOCK      map users: INNER:OUTER:COUNT, auto, subids or all
      --map-groups BLOCK     map groups in the same way
      --map-auto             map the caller's subordinate ids from 0 on
      --map-subids           map the caller's subordinate ids to themselves
      --owner UID:GID        make the namespace for another user
      --setgroups WORD       allow or deny setgroups(2)
      --print-map            print the maps that would be written, and make no namespace

The child (all imply --fork):
  -f, --fork                 run COMMAND as a child and end with its status
      --kill-child[=SIGNAL]  send SIGNAL, by default SIGKILL, to the child when this process dies
      --forward-signals      pass signals on to the child
      --foreground           lend the child the terminal, as a job of its own
      --new-session          give the child a session of its own, without a terminal
      --init                 run a pid 1 that reaps orphans, with COMMAND as its child (implies --pid)
      --reap                 kill all that COMMAND has started and left when it ends
      --detach               exit with status 0 when COMMAND has started
      --pid-file FILE        write the child's pid to FILE when its set-up is complete
      --process-file FILE    write a line with its pid and its start time to FILE
      --process-fd N         write the same to the descriptor N, with 'process' before it
      --info-fd N            write its pid and namespaces to the descriptor N as JSON
      --remove-cgroup        at the end, kill all processes in the cgroups of --into-cgroup, and remove them
      --remove DIR           remove the directory DIR and its contents at the end

Set-up:
      --into-cgroup PATH     put COMMAND into the cgroup PATH, or into those that the file PATH lists
      --monotonic SECONDS    offset the monotonic clock, with --time
      --boottime SECONDS     offset the boot-time clock, with --time
      --propagation HOW      the propagation of all mounts: private (default), shared, slave or unchanged
      --hostname NAME        set the host name (implies --uts)
      --domainname NAME      set the NIS domain name (implies --uts)
      --loopback             bring up lo (implies --net)
      --sysctl NAME=VALUE    set a kernel parameter in the new namespaces
  -R, --root DIR             change the root to DIR
  -w, --wd DIR               change the working directory to DIR
      --mount-proc[=DIR]     mount proc on DIR, by default /proc (implies --mount)
      --mount-binfmt[=DIR]   mount binfmt_misc on DIR (implies --mount and --user)
  -l, --load-interp LINE     register LINE with binfmt_misc (implies --mount-binfmt)
  -G, --setgid GID           set the group id and drop the supplementary groups
  -S, --setuid UID           set the user id
      --keep-caps            keep the user namespace's capabilities when COMMAND starts
      --clear-env            give COMMAND an empty environment
      --whitelist-env NAMES  give COMMAND these variables only, separated by commas

  -h, --help                 display this help
  -V, --version              display version
";

/// All long options: those of the classic may be shortened.
const LONG: LongOptions = LongOptions { classic: CLASSIC, help: HELP };

const CLASSIC: &[&str] = &[
    "help",
    "version",
    "mount",
    "uts",
    "ipc",
    "net",
    "pid",
    "user",
    "cgroup",
    "time",
    "fork",
    "kill-child",
    "forward-signals",
    "mount-proc",
    "mount-binfmt",
    "map-user",
    "map-users",
    "map-group",
    "map-groups",
    "map-root-user",
    "map-current-user",
    "map-auto",
    "map-subids",
    "owner",
    "propagation",
    "setgroups",
    "keep-caps",
    "setuid",
    "setgid",
    "root",
    "wd",
    "monotonic",
    "boottime",
    "load-interp",
    "clear-env",
    "whitelist-env",
];

/// The meaning of the command line.
#[derive(Debug)]
pub enum Action {
    Help,
    Version,
    PrintMap(Box<Plan>),
    Run(Box<Plan>),
}

/// The options that were parsed so far.
#[derive(Debug, Default)]
struct Options {
    namespaces: Namespaces,
    ids: Request,
    clocks: Clocks,
    propagation: Option<Propagation>,
    names: HostNames,
    loopback: bool,
    sysctls: Vec<Sysctl>,
    owner: Option<Owner>,
    print_map: bool,
    fork: bool,
    watch: Watch,
    info: ChildInfo,
    cgroups: Cgroups,
    remove: Option<OsString>,
    setup: Setup,
    environment: Option<Vec<String>>,
}

/// The letters of options other than namespaces.
const LETTERS: [(char, &str); 8] = [
    ('r', "map-root-user"),
    ('c', "map-current-user"),
    ('f', "fork"),
    ('R', "root"),
    ('w', "wd"),
    ('l', "load-interp"),
    ('S', "setuid"),
    ('G', "setgid"),
];

/// Options end at the first operand. The words after it belong to COMMAND.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let mut options = Options::default();
    let mut words = Vec::new();
    while let Some(argument) = LONG.next(&mut parser)? {
        match argument {
            Short('h') | Long("help") => return Ok(Action::Help),
            Short('V') | Long("version") => return Ok(Action::Version),
            Short(letter) => options.short(letter, &mut parser)?,
            Long(name) => {
                let name = name.to_owned();
                options.long(&name, &mut parser)?;
            }
            Value(word) => {
                words.push(word);
                words.extend(parser.raw_args()?);
                break;
            }
        }
    }
    options.finish(words)
}

/// The source of an option's value.
struct Values<'a> {
    parser: &'a mut lexopt::Parser,
    long: bool,
}

impl Values<'_> {
    fn required(&mut self) -> Result<OsString> {
        Ok(self.parser.value()?)
    }

    /// A letter takes no optional value: the next letters are options too.
    fn optional(&mut self) -> Option<OsString> {
        if self.long { self.parser.optional_value() } else { None }
    }

    fn id(&mut self) -> Result<u32> {
        let value = self.required()?;
        number(&value).filter(|id| *id != u32::MAX).ok_or_else(|| not_an_id("an id", &value))
    }

    fn descriptor(&mut self) -> Result<i32> {
        let value = self.required()?;
        number(&value).filter(|fd| *fd >= 0).ok_or_else(|| not_a("a descriptor", &value))
    }

    fn seconds(&mut self) -> Result<i128> {
        let value = self.required()?;
        let nanoseconds = value.to_str().and_then(seconds::parse);
        nanoseconds.ok_or_else(|| not_a("a number of seconds", &value))
    }
}

impl Options {
    fn short(&mut self, letter: char, parser: &mut lexopt::Parser) -> Result<()> {
        let letters = LETTERS.iter().copied();
        let kinds = KINDS.iter().map(|kind| (kind.letter, kind.option));
        let found = letters.chain(kinds).find(|(known, _)| *known == letter);
        match found {
            Some((_, name)) => self.option(name, &mut Values { parser, long: false }).map(drop),
            None => Err(Short(letter).unexpected().into()),
        }
    }

    fn long(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<()> {
        match self.option(name, &mut Values { parser, long: true })? {
            true => Ok(()),
            false => Err(Long(name).unexpected().into()),
        }
    }

    /// Takes the option `name`. False if it does not exist.
    fn option(&mut self, name: &str, values: &mut Values) -> Result<bool> {
        Ok(self.namespace(name, values)
            || self.own_id(name, values)?
            || self.id_block(name, values)?
            || self.child(name, values)?
            || self.namespace_setting(name, values)?
            || self.process_setting(name, values)?
            || self.file_system(name, values)?
            || self.environment(name, values)?)
    }

    fn namespace(&mut self, name: &str, values: &mut Values) -> bool {
        let Some(kind) = KINDS.iter().find(|kind| kind.option == name) else { return false };
        let Namespaces { flags, files } = &mut self.namespaces;
        *flags |= kind.flag;
        if let Some(file) = values.optional() {
            files.retain(|(other, _)| *other != kind);
            files.push((kind, file));
        }
        true
    }

    fn own_id(&mut self, name: &str, values: &mut Values) -> Result<bool> {
        let Request { users, groups, .. } = &mut self.ids;
        match name {
            "map-root-user" => (users.own, groups.own) = (Some(Own::Id(0)), Some(Own::Id(0))),
            "map-current-user" => (users.own, groups.own) = (Some(Own::Same), Some(Own::Same)),
            "map-user" => users.own = Some(own_id(values.required()?)?),
            "map-group" => groups.own = Some(own_id(values.required()?)?),
            _ => return Ok(false),
        }
        self.namespaces.flags |= CloneFlags::CLONE_NEWUSER;
        Ok(true)
    }

    fn id_block(&mut self, name: &str, values: &mut Values) -> Result<bool> {
        let Request { users, groups, .. } = &mut self.ids;
        let mut both = |block| {
            users.blocks.push(block);
            groups.blocks.push(block);
        };
        match name {
            "map-users" => users.blocks.push(block(&values.required()?)?),
            "map-groups" => groups.blocks.push(block(&values.required()?)?),
            "map-auto" => both(Block::Auto),
            "map-subids" => both(Block::Subordinate),
            "owner" => self.owner = Some(owner(&values.required()?)?),
            _ => return Ok(false),
        }
        self.namespaces.flags |= CloneFlags::CLONE_NEWUSER;
        Ok(true)
    }

    fn child(&mut self, name: &str, values: &mut Values) -> Result<bool> {
        match name {
            "fork" => {}
            "kill-child" => {
                let signal = values.optional().map_or(Ok(libc::SIGKILL), |s| signal_number(&s));
                self.watch.kill_child = Some(signal?);
            }
            "forward-signals" => self.watch.forward_signals = true,
            "foreground" => self.watch.foreground = true,
            "new-session" => self.watch.new_session = true,
            "init" => {
                self.watch.init = true;
                self.namespaces.flags |= CloneFlags::CLONE_NEWPID;
            }
            "reap" => {
                self.watch.reap = true;
                self.watch.forward_signals = true;
            }
            "detach" => self.watch.detach = true,
            "remove-cgroup" => {
                self.cgroups.remove = true;
                // A signal that ended this process would leave the cgroups behind.
                self.watch.forward_signals = true;
            }
            "remove" => {
                self.remove = Some(values.required()?);
                self.watch.forward_signals = true;
            }
            "pid-file" => self.info.files.pid_files.push(values.required()?),
            "process-file" => self.info.files.process_files.push(values.required()?),
            "process-fd" => self.info.files.process_descriptor = Some(values.descriptor()?),
            "info-fd" => self.info.descriptor = Some(values.descriptor()?),
            _ => return Ok(false),
        }
        self.fork = true;
        Ok(true)
    }

    fn namespace_setting(&mut self, name: &str, values: &mut Values) -> Result<bool> {
        match name {
            "setgroups" => self.ids.setgroups = Some(word(&SETGROUPS, &values.required()?)?),
            "propagation" => {
                self.propagation = Some(word(&PROPAGATIONS, &values.required()?)?);
            }
            "monotonic" => self.clocks.monotonic = Some(values.seconds()?),
            "boottime" => self.clocks.boottime = Some(values.seconds()?),
            "hostname" => {
                self.names.host = Some(values.required()?);
                self.namespaces.flags |= CloneFlags::CLONE_NEWUTS;
            }
            "domainname" => {
                self.names.domain = Some(values.required()?);
                self.namespaces.flags |= CloneFlags::CLONE_NEWUTS;
            }
            "loopback" => {
                self.loopback = true;
                self.namespaces.flags |= CloneFlags::CLONE_NEWNET;
            }
            "sysctl" => self.sysctls.push(Sysctl::parse(&values.required()?)?),
            "print-map" => self.print_map = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn process_setting(&mut self, name: &str, values: &mut Values) -> Result<bool> {
        match name {
            "into-cgroup" => self.cgroups.paths.push(values.required()?),
            "root" => self.setup.root = Some(values.required()?),
            "wd" => self.setup.directory = Some(values.required()?),
            "setuid" => self.setup.uid = Some(values.id()?),
            "setgid" => self.setup.gid = Some(values.id()?),
            "keep-caps" => self.setup.keep_capabilities = true,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn file_system(&mut self, name: &str, values: &mut Values) -> Result<bool> {
        let setup = &mut self.setup;
        match name {
            "mount-proc" => setup.proc = Some(values.optional().unwrap_or_else(|| PROC.into())),
            "mount-binfmt" => match values.optional() {
                Some(directory) => setup.binfmt = Some(directory),
                None => mount_own_binfmt(setup),
            },
            "load-interp" => {
                setup.interpreter = Some(values.required()?);
                if setup.binfmt.is_none() {
                    mount_own_binfmt(setup);
                }
            }
            _ => return Ok(false),
        }
        self.namespaces.flags |= CloneFlags::CLONE_NEWNS;
        if self.setup.binfmt.is_some() {
            self.namespaces.flags |= CloneFlags::CLONE_NEWUSER;
        }
        Ok(true)
    }

    fn environment(&mut self, name: &str, values: &mut Values) -> Result<bool> {
        let names = match name {
            "clear-env" => Vec::new(),
            "whitelist-env" => {
                let value = values.required()?;
                let text = value.to_str().ok_or_else(|| not_a("a list of names", &value))?;
                text.split(',').map(str::to_owned).collect()
            }
            _ => return Ok(false),
        };
        self.environment.get_or_insert_default().extend(names);
        Ok(true)
    }

    fn finish(mut self, words: Vec<OsString>) -> Result<Action> {
        self.check()?;
        let propagation = self.propagation.unwrap_or(PRIVATE);
        self.setup.propagates = propagation != PRIVATE;
        self.setup.keep_capabilities &= self.namespaces.has(CloneFlags::CLONE_NEWUSER);
        // Signals of the caller's terminal do not reach a child in another session.
        self.watch.forward_signals |= self.watch.new_session && !self.watch.detach;
        self.watch.gate =
            self.watch.detach || self.info.is_wanted() || self.namespaces.are_to_last();
        let action = if self.print_map { Action::PrintMap } else { Action::Run };
        Ok(action(Box::new(Plan {
            namespaces: self.namespaces,
            owner: self.owner,
            ids: self.ids,
            clocks: self.clocks,
            propagation,
            names: self.names,
            loopback: self.loopback,
            sysctls: self.sysctls,
            watch: self.fork.then_some(self.watch),
            info: self.info,
            cgroups: self.cgroups,
            remove: self.remove,
            setup: self.setup,
            environment: self.environment,
            command: Command::new(words),
        })))
    }

    /// Refuses options that exclude or need each other.
    fn check(&self) -> Result<()> {
        let own_group_alone = self.ids.groups.own.is_some() && self.ids.groups.blocks.is_empty();
        let lasting_pid = self.namespaces.has_file(CloneFlags::CLONE_NEWPID);
        refuse(&[
            (
                self.clocks.are_set() && !self.namespaces.has(NEWTIME),
                "--monotonic and --boottime need --time",
            ),
            (
                own_group_alone && self.ids.setgroups == Some(SetGroups::Allow),
                "--setgroups allow excludes a map of only the own group",
            ),
            (lasting_pid && !self.fork, "--pid=FILE needs --fork"),
            (
                self.watch.init
                    && self.watch.kill_child.is_some_and(|s| Signal::try_from(s).is_err()),
                "--init cannot pass a real-time signal of --kill-child on",
            ),
            (
                self.cgroups.remove && self.cgroups.paths.is_empty(),
                "--remove-cgroup needs --into-cgroup",
            ),
            (
                (self.cgroups.remove || self.remove.is_some()) && self.watch.detach,
                "--detach excludes --remove-cgroup and --remove: no parent would be left to remove them",
            ),
            (
                self.watch.detach
                    && (self.watch.kill_child.is_some()
                        || self.watch.forward_signals
                        || self.watch.foreground),
                "--detach excludes --kill-child, --forward-signals and --foreground: no parent is left",
            ),
            (
                self.watch.reap && (self.watch.detach || self.watch.foreground),
                "--reap excludes --detach and --foreground",
            ),
            (
                self.watch.new_session && self.watch.foreground,
                "--new-session excludes --foreground: another session cannot have the terminal",
            ),
        ])
    }
}

const PROC: &str = "/proc";

/// Without a directory, the kernel's own one in a new proc.
fn mount_own_binfmt(setup: &mut Setup) {
    setup.proc.get_or_insert_with(|| PROC.into());
    setup.binfmt = Some(BINFMT.into());
}

const PRIVATE: Propagation = Propagation::To(MsFlags::MS_PRIVATE);

const SETGROUPS: [(&str, SetGroups); 2] = [("allow", SetGroups::Allow), ("deny", SetGroups::Deny)];

fn word<T: Copy>(table: &[(&str, T)], value: &OsStr) -> Result<T> {
    table.iter().find(|(word, _)| value == *word).map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<_> = table.iter().map(|(word, _)| *word).collect();
        not_a(&format!("one of {}", words.join(", ")), value)
    })
}

fn not_a(what: &str, value: &OsStr) -> Error {
    Error::usage(format!("{} is not {what}", quote(value)))
}

fn not_an_id(what: &str, value: &OsStr) -> Error {
    not_a(what, value).explain(|_| accounts::beyond(value))
}

fn number<T: FromStr>(value: &OsStr) -> Option<T> {
    value.to_str()?.parse().ok()
}

/// A number or a name. Names are looked up later. The number 4294967295 is not an id.
fn own_id(value: OsString) -> Result<Own> {
    match number(&value) {
        Some(u32::MAX) => Err(not_an_id("an id or a name", &value)),
        Some(id) => Ok(Own::Id(id)),
        None => Ok(Own::Name(value)),
    }
}

/// INNER:OUTER:COUNT, or OUTER,INNER,COUNT in the form before util-linux 2.39.
fn block(value: &OsStr) -> Result<Block> {
    let range = match value.to_str() {
        Some("auto") => return Ok(Block::Auto),
        Some("subids") => return Ok(Block::Subordinate),
        Some("all") => return Ok(Block::All),
        Some(text) if text.contains(',') => {
            numbers(text, ',').map(|[outer, inner, count]| Range { inner, outer, count })
        }
        Some(text) => numbers(text, ':').map(|[inner, outer, count]| Range { inner, outer, count }),
        None => None,
    };
    range.filter(Range::is_possible).map(Block::Range).ok_or_else(|| {
        let error = not_a("INNER:OUTER:COUNT, auto, subids or all", value);
        error.explain(|_| range_beyond(value))
    })
}

/// The hint for three numbers that are not a range of ids.
fn range_beyond(value: &OsStr) -> Option<String> {
    let text = value.to_str()?;
    let numbers: Vec<_> = text.split([':', ',']).collect();
    let is_number =
        |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (numbers.len() == 3 && numbers.iter().all(is_number))
        .then(|| format!("COUNT is at least 1, and both ranges end before {}", u32::MAX))
}

fn owner(value: &OsStr) -> Result<Owner> {
    let (uid, gid) = value.to_str().and_then(|text| text.split_once(':')).unwrap_or_default();
    match [uid, gid].map(|id| accounts::id(id.as_bytes())) {
        [Some(uid), Some(gid)] => Ok(Owner { uid, gid }),
        _ => Err(not_a("UID:GID", value)
            .explain(|_| [uid, gid].into_iter().find_map(|id| accounts::beyond(id.as_ref())))),
    }
}

fn numbers(text: &str, separator: char) -> Option<[u32; 3]> {
    let numbers: Option<Vec<u32>> = text.split(separator).map(|word| word.parse().ok()).collect();
    numbers?.try_into().ok()
}

fn signal_number(value: &OsStr) -> Result<i32> {
    value.to_str().and_then(signal::number).ok_or_else(|| not_a("a signal", value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_classic_may_be_shortened() {
        for (typed, full) in [
            ("map-root", "map-root-user"),
            ("map-c", "map-current-user"),
            ("mount-p", "mount-proc"),
            ("kill", "kill-child"),
            ("prop", "propagation"),
            ("r", "root"),
            ("setu", "setuid"),
            ("wh", "whitelist-env"),
        ] {
            assert_eq!(LONG.full(typed), Ok(full));
        }
        for typed in ["map", "setg", "host", "new-s", "s", "w"] {
            assert!(LONG.full(typed).is_err(), "{typed}");
        }
    }

    fn plan(line: &str) -> Result<Plan> {
        match parse(lexopt::Parser::from_args(line.split_whitespace()))? {
            Action::Run(plan) => Ok(*plan),
            action => panic!("{action:?}"),
        }
    }

    #[test]
    fn letters_combine() {
        let plan = plan("-Umrpf --mount-proc sh -c").unwrap();
        let flags = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
        assert_eq!(plan.namespaces.flags, flags);
        assert_eq!(plan.ids.users.own, Some(Own::Id(0)));
        assert_eq!(plan.setup.proc, Some("/proc".into()));
        assert!(plan.watch.is_some());
    }

    #[test]
    fn options_stop_at_the_first_operand() {
        let plan = plan("-m sh -f --no-such-option").unwrap();
        assert!(plan.watch.is_none());
    }

    #[test]
    fn what_implies_what() {
        for line in ["-r", "-c", "--map-user 1", "--map-groups 0:0:1", "--map-auto"] {
            assert!(plan(line).unwrap().namespaces.has(CloneFlags::CLONE_NEWUSER), "{line}");
        }
        for line in [
            "--kill-child",
            "--kill-child=TERM",
            "--forward-signals",
            "--foreground",
            "--new-session",
            "--into-cgroup x --remove-cgroup",
            "--remove x",
            "--process-file x",
            "--process-fd 7",
        ] {
            assert!(plan(line).unwrap().watch.is_some(), "{line}");
        }
        for (line, forwards) in [
            ("--new-session", true),
            ("--new-session --detach", false),
            ("-f", false),
            ("--into-cgroup x -f", false),
        ] {
            assert_eq!(plan(line).unwrap().watch.unwrap().forward_signals, forwards, "{line}");
        }
        assert!(plan("--mount-proc=/x").unwrap().namespaces.has(CloneFlags::CLONE_NEWNS));
        assert!(plan("--hostname x").unwrap().namespaces.has(CloneFlags::CLONE_NEWUTS));
    }

    #[test]
    fn blocks() {
        let range = |inner, outer, count| Block::Range(Range { inner, outer, count });
        let block = |text: &str| block(OsStr::new(text)).ok();
        assert_eq!(block("0:1000:1"), Some(range(0, 1000, 1)));
        assert_eq!(block("1000,0,1"), Some(range(0, 1000, 1)));
        assert_eq!(block("auto"), Some(Block::Auto));
        for text in ["", "0", "0:0", "0:0:0", "0:0:1:1", "-1:0:1", "4294967295:0:2", "x:0:1"] {
            assert_eq!(block(text), None, "{text}");
        }
    }

    #[test]
    fn wrong_command_lines() {
        for line in [
            "-x",
            "--no-such-option",
            "--fork=x",
            "--root",
            "--propagation down",
            "--setgroups maybe",
            "--setuid root",
            "--setgid 4294967295",
            "--monotonic 1",
            "--time --boottime soon",
            "--kill-child=NOPE",
            "--map-users 1",
            "-r --setgroups allow",
            "--pid=file",
            "--detach --kill-child",
            "--detach --forward-signals",
            "--detach --foreground",
            "--reap --detach",
            "--reap --foreground",
            "--new-session --foreground",
            "--init --kill-child=RTMIN",
            "--owner 1000",
            "--owner 0:4294967295",
            "--info-fd -1",
            "--into-cgroup",
            "--remove-cgroup",
            "--into-cgroup x --remove-cgroup --detach",
            "--remove x --detach",
            "--remove",
            "--process-fd x",
        ] {
            assert_eq!(plan(line).unwrap_err().kind(), common::Kind::Usage, "{line}");
        }
    }
}
