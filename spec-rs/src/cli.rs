//! Arguments in, an [`Action`] out.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use common::options::LongOptions;
use common::{Error, Result, quote, start};
use lexopt::prelude::*;

use crate::limits::OPTIONS;
use crate::model::{Owners, known_capability};
use crate::node::IDS;

pub const VERSION: &str = concat!("spec-rs ", env!("CARGO_PKG_VERSION"), "\n");

pub const HELP: &str = "\
Usage: spec-rs [options] [ID]
       spec-rs --exec --state DIR [options] [ARG...]
       spec-rs --update --state DIR [--resources FILE] [options]
       spec-rs --new [--rootless]
       spec-rs --features

Print the command line that makes the container of an OCI bundle, or one for a running container, or a new config.json.

Options:
  -b, --bundle DIR        the bundle: config.json and the root file system (default: .)
      --no-new-keyring    keep the session keyring of the caller
      --no-pivot          move the root mount instead of pivoting, as on an initial ramfs
      --systemd-cgroup    have systemd make the cgroup: linux.cgroupsPath is SLICE:PREFIX:NAME
      --mount DIR         one more mount, on DIR of the container; the next options belong to it
      --source SOURCE     the source of the mount
      --type TYPE         the type of file system (default: bind)
      --options LIST      the mount options
      --subdirectory DIR  mount only this directory of SOURCE, with no symbolic link out of it
      --owners WORD       show the owners as in the user namespace (map) or unchanged (keep), and
                          open SOURCE outside of it
      --tools DIR         the directory of the tools on the line (default: that of spec-rs)

The life of the container:
      --state DIR         write the first process to DIR/process
      --hold              stop before the command; the descriptors 9 and 6 start it
      --foreground        with --hold: wait for the container nevertheless
      --pid-file FILE     write the pid of the first process to FILE
      --console-socket PATH
                          with --hold: send the terminal over this socket
      --preserve-fds N    pass N descriptors, from 100 on, as 3, 4 and so on
      --listen-fds N      pass N more, and set LISTEN_FDS in the container
      --facts-fd N        write facts about the container to descriptor N, as shell assignments
      --config-fd N       write the configuration to descriptor N, as it was read
      --hooks-fd N        write the hooks to descriptor N, as calls of a shell function

A further process of the container of --state:
      --exec              print the line that executes ARG..., or the container's own command
      --process FILE      this process object instead of that of the configuration
  -e, --env NAME=VALUE    one more variable
      --cwd DIR           the working directory
  -u, --user UID[:GID]    the user, and the group
  -g, --additional-gids GID
                          one more supplementary group
  -t, --tty               a terminal
      --cap CAP           one more capability
      --no-new-privs      programs gain no privileges when they are executed
      --apparmor PROFILE  the AppArmor profile
      --process-label LABEL
                          the SELinux label
      --detach            start it in the background, stopped as with --hold

New limits of the container of --state:
      --update            print the line that sets them
      --resources FILE    the limits in this JSON object (linux.resources); - is standard input
      --memory SIZE       the memory, with a suffix such as M
      --memory-reservation SIZE
                          the memory that is reclaimed last
      --memory-swap SIZE  memory and swap together
      --cpu-share N       the share of CPU time
      --cpu-period US     the period of the quota
      --cpu-quota US      the CPU time in a period
      --cpu-burst US      the unused time of earlier periods that may be added
      --cpu-rt-period US  the period for real-time tasks
      --cpu-rt-runtime US
                          the CPU time of real-time tasks in a period
      --cpu-idle N        1: run only when no other task wants to
      --cpuset-cpus LIST  the CPUs
      --cpuset-mems LIST  the memory nodes
      --blkio-weight N    the weight of block I/O
      --pids-limit N      the number of tasks

      --new               print a new config.json, as 'runc spec' writes it
      --rootless          with --new: one for an ordinary user
      --features          print the supported parts of the specification, as JSON

  -h, --help              display this help
  -V, --version           display version
";

/// The long options: none of them is a classic's.
const LONG: LongOptions = LongOptions { classic: &[], help: HELP };

/// What the command line asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Action {
    Help,
    Version,
    New { rootless: bool },
    Features,
    Line(Box<Request>),
    Exec(Box<ExecRequest>),
    Update(Box<UpdateRequest>),
}

/// Which line is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub bundle: Option<OsString>,
    pub tools: Option<OsString>,
    pub no_pivot: bool,
    pub no_new_keyring: bool,
    pub systemd_cgroup: bool,
    pub state: Option<OsString>,
    pub hold: bool,
    pub foreground: bool,
    pub pid_file: Option<OsString>,
    pub console_socket: Option<OsString>,
    pub preserve_fds: u32,
    pub listen_fds: u32,
    pub outputs: Outputs,
    pub mounts: Vec<MoreMount>,
    /// The name of the container.
    pub id: Option<OsString>,
}

/// A mount after those of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MoreMount {
    pub destination: String,
    pub source: Option<String>,
    pub kind: Option<String>,
    pub options: Option<String>,
    pub subdirectory: Option<String>,
    pub owners: Option<Owners>,
}

/// The descriptors of what is written beside the line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    pub facts: Option<i32>,
    pub config: Option<i32>,
    pub hooks: Option<i32>,
}

/// Which process is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ExecRequest {
    pub state: OsString,
    pub tools: Option<OsString>,
    pub process: Option<OsString>,
    pub changes: Changes,
    pub detach: bool,
    pub pid_file: Option<PathBuf>,
    pub console_socket: Option<PathBuf>,
    pub preserve_fds: u32,
    /// Where what the caller may need to name is written.
    pub facts: Option<i32>,
}

/// Which limits are asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct UpdateRequest {
    pub state: OsString,
    pub tools: Option<OsString>,
    /// A file, or `-` for standard input.
    pub resources: Option<OsString>,
    /// Options and their values.
    pub values: Vec<(String, String)>,
}

/// What differs from the process of the configuration.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub arguments: Vec<Vec<u8>>,
    pub env: Vec<Vec<u8>>,
    pub cwd: Option<String>,
    pub user: Option<(i128, Option<i128>)>,
    pub groups: Vec<i128>,
    pub capabilities: Vec<&'static str>,
    pub terminal: Option<bool>,
    pub no_new_privileges: Option<bool>,
    pub apparmor: Option<String>,
    pub label: Option<String>,
}

/// # Errors
/// A usage error.
pub fn parse(mut parser: lexopt::Parser) -> Result<Action> {
    let (mut new, mut rootless, mut request) = (false, false, Request::default());
    while let Some(argument) = LONG.next(&mut parser)? {
        match argument {
            Long("exec") => return parse_exec(parser, &request),
            Long("update") => return parse_update(parser, &request),
            Short('h') | Long("help") => return Ok(Action::Help),
            Short('V') | Long("version") => return Ok(Action::Version),
            Short('b') | Long("bundle") => request.bundle = Some(path(&mut parser, "--bundle")?),
            Long("tools") => request.tools = Some(path(&mut parser, "--tools")?),
            Long("no-pivot") => request.no_pivot = true,
            Long("systemd-cgroup") => request.systemd_cgroup = true,
            Long("no-new-keyring") => request.no_new_keyring = true,
            Long("state") => request.state = Some(path(&mut parser, "--state")?),
            Long("foreground") => request.foreground = true,
            Long("hold") => request.hold = true,
            Long("pid-file") => request.pid_file = Some(path(&mut parser, "--pid-file")?),
            Long("console-socket") => {
                request.console_socket = Some(path(&mut parser, "--console-socket")?);
            }
            Long("preserve-fds") => request.preserve_fds = count(&mut parser)?,
            Long("listen-fds") => request.listen_fds = count(&mut parser)?,
            Long("mount") => {
                let destination = text(&mut parser)?;
                request.mounts.push(MoreMount { destination, ..MoreMount::default() });
            }
            Long("source") => mount(&mut request)?.source = Some(text(&mut parser)?),
            Long("type") => mount(&mut request)?.kind = Some(text(&mut parser)?),
            Long("options") => mount(&mut request)?.options = Some(text(&mut parser)?),
            Long("subdirectory") => {
                mount(&mut request)?.subdirectory = Some(subdirectory(&mut parser)?);
            }
            Long("owners") => mount(&mut request)?.owners = Some(owners(&mut parser)?),
            Long("facts-fd") => request.outputs.facts = Some(descriptor(&mut parser)?),
            Long("config-fd") => request.outputs.config = Some(descriptor(&mut parser)?),
            Long("hooks-fd") => request.outputs.hooks = Some(descriptor(&mut parser)?),
            Long("features") => {
                return match LONG.next(&mut parser)? {
                    None => Ok(Action::Features),
                    Some(argument) => Err(argument.unexpected().into()),
                };
            }
            Long("new") => new = true,
            Long("rootless") => rootless = true,
            Value(id) if request.id.is_none() => request.id = Some(id),
            Value(extra) => {
                return Err(Error::usage(format!("unexpected operand {}", quote(extra))));
            }
            Short('e' | 'u' | 'g' | 't') => {
                return Err(Error::usage("this option goes behind --exec"));
            }
            Long(name)
                if is_of_process(name) || OPTIONS.iter().any(|(option, ..)| *option == name) =>
            {
                return Err(Error::usage(format!("--{name} goes behind --exec or --update")));
            }
            argument => return Err(argument.unexpected().into()),
        }
    }
    match (new, rootless) {
        (true, _) if request != Request::default() => {
            Err(Error::usage("--new goes together with no option but --rootless"))
        }
        (true, rootless) => Ok(Action::New { rootless }),
        (false, true) => Err(Error::usage("--rootless needs --new")),
        (false, false) if request.hold && request.state.is_none() => {
            Err(Error::usage("--hold needs --state"))
        }
        (false, false) if request.foreground && !request.hold => {
            Err(Error::usage("--foreground needs --hold"))
        }
        (false, false)
            if request.console_socket.is_some() && (!request.hold || request.foreground) =>
        {
            Err(Error::usage("--console-socket needs --hold, without --foreground"))
        }
        (false, false) => Ok(Action::Line(Box::new(request))),
    }
}

/// The mount that an option is about.
fn mount(request: &mut Request) -> Result<&mut MoreMount> {
    request.mounts.last_mut().ok_or_else(|| Error::usage("this option goes behind --mount"))
}

/// bindmount-rs reads it between quotes.
fn subdirectory(parser: &mut lexopt::Parser) -> Result<String> {
    let text = text(parser)?;
    match text.contains('"') {
        true => Err(Error::usage(format!("--subdirectory: {} has a quote", quote(text)))),
        false => Ok(text),
    }
}

fn owners(parser: &mut lexopt::Parser) -> Result<Owners> {
    let text = text(parser)?;
    match text.as_str() {
        "map" => Ok(Owners::Map),
        "keep" => Ok(Owners::Keep),
        _ => Err(Error::usage(format!("--owners: {} is not map or keep", quote(text)))),
    }
}

/// The long options that `--exec` and `--update` alone have.
fn is_of_process(name: &str) -> bool {
    [
        "process",
        "env",
        "cwd",
        "user",
        "additional-gids",
        "tty",
        "cap",
        "no-new-privs",
        "apparmor",
        "process-label",
        "detach",
        "resources",
    ]
    .contains(&name)
}

/// The options after `--exec`. They end at the first operand; the words after it belong to the program.
fn parse_exec(mut parser: lexopt::Parser, before: &Request) -> Result<Action> {
    let mut request = ExecRequest {
        state: before.state.clone().unwrap_or_default(),
        tools: before.tools.clone(),
        ..ExecRequest::default()
    };
    if (Request { state: before.state.clone(), tools: before.tools.clone(), ..Request::default() })
        != *before
    {
        return Err(Error::usage("--exec goes before its options"));
    }
    let changes = &mut request.changes;
    while let Some(argument) = LONG.next(&mut parser)? {
        match argument {
            Short('h') | Long("help") => return Ok(Action::Help),
            Short('V') | Long("version") => return Ok(Action::Version),
            Long("state") => request.state = path(&mut parser, "--state")?,
            Long("tools") => request.tools = Some(path(&mut parser, "--tools")?),
            Long("process") => request.process = Some(path(&mut parser, "--process")?),
            Short('e') | Long("env") => changes.env.push(variable(&mut parser)?),
            Long("cwd") => changes.cwd = Some(directory(&mut parser)?),
            Short('u') | Long("user") => changes.user = Some(user(&mut parser)?),
            Short('g') | Long("additional-gids") => {
                changes.groups.push(number(&mut parser, "a group id", |id| IDS.contains(id))?);
            }
            Short('t') | Long("tty") => changes.terminal = Some(true),
            Long("cap") => changes.capabilities.extend(capability(&mut parser)?),
            Long("no-new-privs") => changes.no_new_privileges = Some(true),
            Long("apparmor") => changes.apparmor = Some(text(&mut parser)?),
            Long("process-label") => changes.label = Some(text(&mut parser)?),
            Long("detach") => request.detach = true,
            Long("pid-file") => request.pid_file = Some(path(&mut parser, "--pid-file")?.into()),
            Long("console-socket") => {
                request.console_socket = Some(path(&mut parser, "--console-socket")?.into());
            }
            Long("preserve-fds") => request.preserve_fds = count(&mut parser)?,
            Long("facts-fd") => request.facts = Some(descriptor(&mut parser)?),
            Value(word) => {
                let words = std::iter::once(word).chain(parser.raw_args()?);
                changes.arguments = words.map(OsString::into_vec).collect();
                break;
            }
            argument => return Err(argument.unexpected().into()),
        }
    }
    if request.state.is_empty() {
        return Err(Error::usage("--exec needs --state"));
    }
    if request.console_socket.is_some() && !request.detach {
        return Err(Error::usage("--console-socket needs --detach"));
    }
    Ok(Action::Exec(Box::new(request)))
}

/// The options after `--update`.
fn parse_update(mut parser: lexopt::Parser, before: &Request) -> Result<Action> {
    let (tools, state) = (before.tools.clone(), before.state.clone());
    let mut request = UpdateRequest { tools, ..UpdateRequest::default() };
    request.state = state.unwrap_or_default();
    while let Some(argument) = LONG.next(&mut parser)? {
        match argument {
            Short('h') | Long("help") => return Ok(Action::Help),
            Short('V') | Long("version") => return Ok(Action::Version),
            Long("state") => request.state = path(&mut parser, "--state")?,
            Long("tools") => request.tools = Some(path(&mut parser, "--tools")?),
            Long("resources") => request.resources = Some(path(&mut parser, "--resources")?),
            Long(name) if OPTIONS.iter().any(|(option, ..)| *option == name) => {
                let name = name.to_owned();
                request.values.push((name, text(&mut parser)?));
            }
            argument => return Err(argument.unexpected().into()),
        }
    }
    match request.state.is_empty() {
        true => Err(Error::usage("--update needs --state")),
        false => Ok(Action::Update(Box::new(request))),
    }
}

fn text(parser: &mut lexopt::Parser) -> Result<String> {
    let text = parser.value()?;
    text.into_string().map_err(|text| Error::usage(format!("{} is not UTF-8", quote(text))))
}

fn variable(parser: &mut lexopt::Parser) -> Result<Vec<u8>> {
    let text = parser.value()?;
    let bytes = text.as_bytes();
    match bytes.iter().position(|&byte| byte == b'=') {
        None | Some(0) => Err(Error::usage(format!("--env: {} is not NAME=VALUE", quote(&text)))),
        Some(_) => Ok(text.into_vec()),
    }
}

fn directory(parser: &mut lexopt::Parser) -> Result<String> {
    let path = text(parser)?;
    match path.starts_with('/') {
        true => Ok(path),
        false => Err(Error::usage(format!("--cwd {}: Cwd must be an absolute path", quote(path)))),
    }
}

fn user(parser: &mut lexopt::Parser) -> Result<(i128, Option<i128>)> {
    let text = text(parser)?;
    let id = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let id = is_number.then(|| text.parse().ok()).flatten();
        id.filter(|id| IDS.contains(id))
            .ok_or_else(|| Error::usage(format!("--user: {} is not an id", quote(text))))
    };
    match text.split_once(':') {
        None => Ok((id(&text)?, None)),
        Some((uid, gid)) => Ok((id(uid)?, Some(id(gid)?))),
    }
}

/// One that no kernel knows is left out with a warning, as in a configuration.
fn capability(parser: &mut lexopt::Parser) -> Result<Option<&'static str>> {
    let text = text(parser)?;
    let known = known_capability(&text);
    if known.is_none() {
        start::warn(&format!("warning: --cap is not a known capability: {}", quote(text)));
    }
    Ok(known)
}

/// So many descriptors as a process may have at most (sysctl fs.nr_open).
const MOST_DESCRIPTORS: u32 = 1 << 20;

fn count(parser: &mut lexopt::Parser) -> Result<u32> {
    number(parser, "a number of descriptors", |&count| count <= MOST_DESCRIPTORS)
}

fn descriptor(parser: &mut lexopt::Parser) -> Result<i32> {
    number(parser, "a file descriptor", |&fd| fd >= 0)
}

/// Digits alone.
fn number<T: std::str::FromStr>(
    parser: &mut lexopt::Parser,
    what: &str,
    is_right: impl Fn(&T) -> bool,
) -> Result<T> {
    let text = parser.value()?;
    let digits = text.to_str().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    digits
        .and_then(|digits| digits.parse().ok())
        .filter(is_right)
        .ok_or_else(|| Error::usage(format!("{} is not {what}", quote(&text))))
}

fn path(parser: &mut lexopt::Parser, option: &str) -> Result<OsString> {
    let path = parser.value()?;
    match path.is_empty() {
        true => Err(Error::usage(format!("option '{option}' needs a value"))),
        false => Ok(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Action> {
        parse(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn actions() {
        assert_eq!(parsed(&["--new"]).unwrap(), Action::New { rootless: false });
        assert_eq!(parsed(&["--rootless", "--new"]).unwrap(), Action::New { rootless: true });
        let request = Request {
            bundle: Some("b".into()),
            tools: Some("t".into()),
            no_pivot: true,
            no_new_keyring: true,
            systemd_cgroup: true,
            state: Some("s".into()),
            hold: true,
            foreground: false,
            pid_file: Some("p".into()),
            console_socket: Some("c".into()),
            preserve_fds: 2,
            listen_fds: 1,
            outputs: Outputs { facts: Some(3), config: Some(4), hooks: Some(5) },
            mounts: vec![
                MoreMount {
                    destination: "/a".into(),
                    source: Some("v".into()),
                    kind: None,
                    options: Some("rbind,ro".into()),
                    subdirectory: Some("a,b".into()),
                    owners: Some(Owners::Map),
                },
                MoreMount {
                    destination: "/t".into(),
                    kind: Some("tmpfs".into()),
                    ..MoreMount::default()
                },
            ],
            id: Some("x".into()),
        };
        let words = "-bb --tools=t --no-pivot --no-new-keyring --systemd-cgroup --state s --hold --pid-file=p --console-socket c \
             --preserve-fds 2 --listen-fds=1 --facts-fd 3 --config-fd 4 --hooks-fd 5 \
             --mount /a --source v --options=rbind,ro --subdirectory a,b --owners map --mount=/t --type tmpfs x";
        let words: Vec<_> = words.split_whitespace().collect();
        assert_eq!(parsed(&words).unwrap(), Action::Line(Box::new(request)));
        assert_eq!(parsed(&["-h", "--odd"]).unwrap(), Action::Help);
        assert_eq!(parsed(&[]).unwrap(), Action::Line(Box::default()));
    }

    #[test]
    fn usage_errors() {
        for words in [
            &["a", "b"][..],
            &["--rootless"],
            &["--new", "x"],
            &["--new", "--no-pivot"],
            &["--bundle="],
            &["-b"],
            &["--odd"],
            &["--hold"],
            &["--foreground", "--state=x"],
            &["--foreground", "--hold", "--state=x", "--console-socket=x"],
            &["--console-socket", "x"],
            &["--state="],
            &["--source", "x"],
            &["--mount", "/x", "--owners", "x"],
            &["--mount", "/x", "--subdirectory", "a\"b"],
            &["--new", "--mount", "/x"],
            &["--new", "--facts-fd", "3"],
            &["--facts-fd", "-1"],
            &["--facts-fd", "+1"],
            &["--facts-fd", ""],
            &["--preserve-fds", "1048577"],
        ] {
            assert_eq!(parsed(words).unwrap_err().kind(), common::Kind::Usage, "{words:?}");
        }
    }
}
