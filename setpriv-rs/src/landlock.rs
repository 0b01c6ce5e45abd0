//! Landlock: restrictions on files, ports and signals (landlock(7)).

use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use common::sys::{self, LandlockRuleset};
use common::{Context, Error, Hint, Kind, Result, quote};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;

/// The name of a right, and the first version of Landlock with it. The index in the table is the bit (linux/landlock.h).
type Right = (&'static str, u32);

const FS: [Right; 17] = [
    ("execute", 1),
    ("write-file", 1),
    ("read-file", 1),
    ("read-dir", 1),
    ("remove-dir", 1),
    ("remove-file", 1),
    ("make-char", 1),
    ("make-dir", 1),
    ("make-reg", 1),
    ("make-sock", 1),
    ("make-fifo", 1),
    ("make-block", 1),
    ("make-sym", 1),
    ("refer", 2),
    ("truncate", 3),
    ("ioctl-dev", 5),
    ("resolve-unix", 9),
];

const NET: [Right; 4] =
    [("bind-tcp", 4), ("connect-tcp", 4), ("bind-udp", 10), ("connect-send-udp", 10)];

const SCOPE: [Right; 2] = [("abstract-unix-socket", 6), ("signal", 6)];

/// The types of access, and their rights.
const TYPES: [(&str, &[Right]); 3] = [("fs", &FS), ("net", &NET), ("scope", &SCOPE)];

/// A list of what this kernel's Landlock supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// Everything.
    Support,
    /// The types of access.
    Access,
    /// The rights of the type in this row of the table.
    Rights(usize),
}

impl List {
    /// The rights of a type.
    pub fn rights(kind: &OsStr) -> Result<Self> {
        let row = TYPES.iter().position(|(name, _)| kind == *name);
        row.map(Self::Rights)
            .ok_or_else(|| Error::usage(format!("{} is not fs, net or scope", quote(kind))))
    }

    /// The text, in the words of util-linux's `setpriv`.
    pub fn text(self) -> Result<String> {
        let version = version().map_err(|error| error.with_kind(Kind::Usage))?;
        let names = |row: usize| known(TYPES[row].1, version).map(|name| format!("{name}\n"));
        Ok(match self {
            Self::Support => support(version, sys::landlock_errata().unwrap_or_default()),
            Self::Access => accesses(version).map(|(kind, _)| format!("{kind}\n")).collect(),
            Self::Rights(row) => names(row).collect(),
        })
    }
}

fn support(version: u32, errata: u32) -> String {
    let errata = (0..u32::BITS).filter(|place| errata >> place & 1 == 1).map(|place| place + 1);
    let errata: String = errata.map(|number| format!(" {number}")).collect();
    let kinds: String = accesses(version).map(|(kind, _)| format!(" {kind}")).collect();
    let mut text = format!("ABI version: {version}\nABI errata:{errata}\naccess:{kinds}\n");
    for (kind, table) in accesses(version) {
        let names: String = known(table, version).map(|name| format!(" {name}")).collect();
        text += &match *kind {
            "fs" => format!("fs rights:{names}\nfs rules: path-beneath\n"),
            "net" => format!("net rights:{names}\nnet rules: net-port\n"),
            kind => format!("{kind} restrictions:{names}\n"),
        };
    }
    text
}

/// The types with at least one right in this version.
fn accesses(version: u32) -> impl Iterator<Item = &'static (&'static str, &'static [Right])> {
    TYPES.iter().filter(move |(_, table)| known(table, version).next().is_some())
}

fn known(table: &'static [Right], version: u32) -> impl Iterator<Item = &'static str> {
    table.iter().filter(move |(_, since)| *since <= version).map(|(name, _)| *name)
}

fn version() -> Result<u32> {
    sys::landlock_version().step("use Landlock").hint(explain_version)
}

/// The requested rights of one type.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Rights {
    /// Whether all rights of the kernel are requested.
    all: bool,
    named: u64,
}

/// The restricted rights, and the exceptions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Landlock {
    fs: Rights,
    net: Rights,
    scope: Rights,
    rules: Vec<Rule>,
}

/// An exception. Without named rights it allows all restricted rights.
#[derive(Debug, PartialEq, Eq)]
enum Rule {
    PathBeneath { rights: u64, path: OsString },
    Port { rights: u64, port: u16 },
}

impl Landlock {
    /// Adds an ACCESS: `fs`, `net` or `scope`, alone or with `:RIGHT,...`.
    pub fn restrict(&mut self, access: &OsStr) -> Result<()> {
        let text = access.to_str().ok_or_else(|| wrong("access", access))?;
        let (kind, list) = text.split_once(':').unwrap_or((text, ""));
        let (rights, table) = match kind {
            "fs" => (&mut self.fs, &FS[..]),
            "net" => (&mut self.net, &NET[..]),
            "scope" => (&mut self.scope, &SCOPE[..]),
            _ => return Err(wrong("access", access)),
        };
        rights.all |= list.is_empty();
        rights.named |= parse(table, list)?;
        Ok(())
    }

    /// Adds a RULE: `path-beneath:[RIGHT,...]:PATH` or `net-port:[RIGHT,...]:PORT`.
    pub fn allow(&mut self, rule: &OsStr) -> Result<()> {
        let mut parts = rule.as_bytes().splitn(3, |&byte| byte == b':');
        let (kind, list, value) = (parts.next(), parts.next(), parts.next());
        let list = list.and_then(|list| std::str::from_utf8(list).ok());
        let (Some(list), Some(value)) = (list, value) else { return Err(wrong("rule", rule)) };
        self.rules.push(match kind {
            Some(b"path-beneath") => {
                let path = OsStr::from_bytes(value).into();
                Rule::PathBeneath { rights: parse(&FS, list)?, path }
            }
            Some(b"net-port") => Rule::Port { rights: parse(&NET, list)?, port: port(value)? },
            _ => return Err(wrong("rule", rule)),
        });
        Ok(())
    }

    /// Fails if a rule allows what nothing restricts.
    pub fn check(&self) -> Result<()> {
        let needs = |rights: Rights, kind, access| match rights == Rights::default() {
            true => Err(Error::usage(format!(
                "a --landlock-rule of the type {kind} needs --landlock-access {access}"
            ))),
            false => Ok(()),
        };
        self.rules.iter().try_for_each(|rule| match rule {
            Rule::PathBeneath { .. } => needs(self.fs, "path-beneath", "fs"),
            Rule::Port { .. } => needs(self.net, "net-port", "net"),
        })
    }

    /// The hint if Landlock does not allow to execute COMMAND.
    pub fn explain_exec(&self, error: &Error) -> Option<String> {
        let restricted = self.fs.all || self.fs.named & 1 != 0;
        (restricted && error.errno() == Some(Errno::EACCES)).then(|| {
            "--landlock-access denies this: --landlock-rule path-beneath:execute,read-file:DIR allows programs and \
             libraries in DIR"
                .into()
        })
    }

    /// Whether nothing is restricted.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The ruleset, with all paths opened. None if nothing is restricted.
    pub fn ruleset(&self) -> Result<Option<OwnedFd>> {
        if self.is_empty() {
            return Ok(None);
        }
        let version = version()?;
        let handled = LandlockRuleset {
            fs: self.fs.handled(&FS, version)?,
            net: self.net.handled(&NET, version)?,
            scoped: self.scope.handled(&SCOPE, version)?,
        };
        let ruleset = sys::landlock_create_ruleset(&handled).step("make the Landlock ruleset")?;
        for rule in &self.rules {
            rule.add(&ruleset, &handled)?;
        }
        Ok(Some(ruleset))
    }
}

/// From now on the process is restricted.
pub fn enforce(ruleset: &OwnedFd) -> Result<()> {
    sys::landlock_restrict_self(ruleset.as_fd()).step("enforce the Landlock ruleset")
}

impl Rights {
    /// The bits. Fails if the kernel does not have a named right.
    fn handled(self, table: &[Right], version: u32) -> Result<u64> {
        let bits = |has: &dyn Fn(u32) -> bool| {
            let rights = table.iter().enumerate().filter(|(_, (_, since))| has(*since));
            rights.fold(0, |bits, (place, _)| bits | 1 << place)
        };
        let known: u64 = bits(&|since| since <= version);
        let lacking = self.named & !known;
        if lacking != 0 {
            let (name, since) = table[lacking.trailing_zeros() as usize];
            return Err(Error::usage(format!(
                "this kernel has no Landlock right '{name}': it has version {version} of Landlock, and \
                 the right came with version {since}"
            )));
        }
        if self.all && known == 0 {
            return Err(Error::usage(format!(
                "this kernel can only restrict files: it has version {version} of Landlock"
            )));
        }
        Ok(if self.all { known } else { self.named })
    }
}

impl Rule {
    fn add(&self, ruleset: &OwnedFd, handled: &LandlockRuleset) -> Result<()> {
        let or_all = |rights, all| if rights == 0 { all } else { rights };
        match self {
            Self::PathBeneath { rights, path } => {
                let place = open(path.as_os_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
                    .context("allow access to", path)?;
                let rights = or_all(*rights, handled.fs);
                sys::landlock_allow_path(ruleset.as_fd(), rights, place.as_fd())
                    .context("allow access to", path)
                    .hint(|error| explain(error, rights, handled.fs))
            }
            Self::Port { rights, port } => {
                let rights = or_all(*rights, handled.net);
                sys::landlock_allow_port(ruleset.as_fd(), rights, *port)
                    .context("allow the port", port.to_string())
                    .hint(|error| explain(error, rights, handled.net))
            }
        }
    }
}

fn parse(table: &[Right], list: &str) -> Result<u64> {
    if list.is_empty() {
        return Ok(0);
    }
    list.split(',').try_fold(0, |bits, name| {
        let place = place(table, name);
        place.map(|place| bits | 1 << place).ok_or_else(|| {
            let known: Vec<_> = table.iter().map(|(known, _)| *known).collect();
            let known = known.join(", ");
            Error::usage(format!("unknown Landlock right '{name}': it may be {known}"))
        })
    })
}

/// As in util-linux's `setpriv`, a right of files may be shortened: it is the first one with this beginning.
fn place(table: &[Right], name: &str) -> Option<usize> {
    let exact = table.iter().position(|(known, _)| *known == name);
    let shortened = || table.iter().position(|(known, _)| known.starts_with(name));
    exact.or_else(|| if name.is_empty() || *table != FS { None } else { shortened() })
}

fn port(digits: &[u8]) -> Result<u16> {
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    number.ok_or_else(|| {
        Error::usage(format!("{} is not a port number", quote(OsStr::from_bytes(digits))))
    })
}

fn wrong(what: &str, text: &OsStr) -> Error {
    let forms = match what {
        "access" => "TYPE[:RIGHT,...] with the type fs, net or scope",
        _ => "path-beneath:[RIGHT,...]:PATH or net-port:[RIGHT,...]:PORT",
    };
    Error::usage(format!("{} is not a Landlock {what}, which is {forms}", quote(text)))
}

/// landlock_create_ruleset(2): ENOSYS if the kernel was built without Landlock, EOPNOTSUPP if it was started without it.
fn explain_version(error: &Error) -> Option<String> {
    match error.errno()? {
        Errno::ENOSYS => Some("this kernel was built without Landlock".into()),
        Errno::EOPNOTSUPP => {
            Some("this kernel was started without Landlock: add landlock to its option lsm=".into())
        }
        _ => None,
    }
}

/// landlock_add_rule(2) gives EINVAL for a right that the ruleset does not restrict, and for a right of directories on
/// another file.
fn explain(error: &Error, rights: u64, handled: u64) -> Option<String> {
    (error.errno()? == Errno::EINVAL).then(|| match rights & !handled {
        0 => "it is not a directory, and can only have the rights execute, write-file, read-file, truncate, ioctl-dev \
              and resolve-unix: name some of these"
            .into(),
        _ => "a rule can only allow what --landlock-access restricts".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restricted(accesses: &[&str]) -> Result<Landlock> {
        let mut landlock = Landlock::default();
        accesses.iter().try_for_each(|access| landlock.restrict(OsStr::new(access)))?;
        Ok(landlock)
    }

    #[test]
    fn every_right_stands_at_its_bit() {
        for (kind, table) in [("fs", &FS[..]), ("net", &NET[..]), ("scope", &SCOPE[..])] {
            for (place, (name, since)) in table.iter().enumerate() {
                assert_eq!(parse(table, name), Ok(1 << place));
                assert!(restricted(&[&format!("{kind}:{name}")]).is_ok());
                let rights = Rights { all: false, named: 1 << place };
                assert_eq!(rights.handled(table, *since), Ok(1 << place));
                assert!(rights.handled(table, since - 1).unwrap_err().to_string().contains(name));
            }
        }
        assert_eq!(parse(&FS, "truncate"), Ok(1 << 14));
    }

    #[test]
    fn rights_of_files_may_be_shortened() {
        for (short, name) in [
            ("exec", "execute"),
            ("read", "read-file"),
            ("read-d", "read-dir"),
            ("make", "make-char"),
        ] {
            assert_eq!(parse(&FS, short), parse(&FS, name), "{short}");
        }
        for (table, wrong) in [(&NET[..], "bind"), (&SCOPE, "sig"), (&FS, "xe"), (&FS, "exec,")] {
            assert!(parse(table, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_a_version_has() {
        assert_eq!(
            support(7, 0b101),
            "ABI version: 7\nABI errata: 1 3\naccess: fs net scope\n\
             fs rights: execute write-file read-file read-dir remove-dir remove-file make-char make-dir \
             make-reg make-sock make-fifo make-block make-sym refer truncate ioctl-dev\n\
             fs rules: path-beneath\nnet rights: bind-tcp connect-tcp\nnet rules: net-port\n\
             scope restrictions: abstract-unix-socket signal\n"
        );
        assert!(support(3, 0).starts_with("ABI version: 3\nABI errata:\naccess: fs\nfs rights:"));
        assert!(support(3, 0).ends_with("truncate\nfs rules: path-beneath\n"));
        assert_eq!(List::rights(OsStr::new("net")), Ok(List::Rights(1)));
        assert!(List::rights(OsStr::new("files")).is_err());
    }

    #[test]
    fn all_is_what_the_kernel_has() {
        let all = Rights { all: true, named: 0 };
        assert_eq!(all.handled(&FS, 1), Ok((1 << 13) - 1));
        assert_eq!(all.handled(&FS, 7), Ok((1 << 16) - 1));
        assert_eq!(all.handled(&NET, 7), Ok(3));
        assert!(all.handled(&NET, 3).is_err());
    }

    #[test]
    fn accesses_add_up() {
        let landlock = restricted(&["fs:read-file", "fs:read-dir,refer", "scope"]).unwrap();
        assert_eq!(landlock.fs, Rights { all: false, named: 1 << 2 | 1 << 3 | 1 << 13 });
        assert_eq!(landlock.scope, Rights { all: true, named: 0 });
        for wrong in ["", "files", "fs:nosuch", "fs:read-file,", "net:read-file", "scope:x"] {
            assert!(restricted(&[wrong]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rules() {
        let mut landlock = restricted(&["fs", "net"]).unwrap();
        for rule in ["path-beneath:read-file:/a:b", "path-beneath::/", "net-port:bind-tcp:80"] {
            landlock.allow(OsStr::new(rule)).unwrap();
        }
        assert_eq!(landlock.rules[0], Rule::PathBeneath { rights: 1 << 2, path: "/a:b".into() });
        assert_eq!(landlock.rules[1], Rule::PathBeneath { rights: 0, path: "/".into() });
        assert_eq!(landlock.rules[2], Rule::Port { rights: 1, port: 80 });
        assert!(landlock.check().is_ok());
        for wrong in ["", "x::/", "path-beneath:/", "net-port::x", "net-port::65536", "net-port::"]
        {
            assert!(landlock.allow(OsStr::new(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rule_needs_its_restriction() {
        let mut landlock = restricted(&["scope"]).unwrap();
        landlock.allow(OsStr::new("net-port::80")).unwrap();
        assert!(landlock.check().unwrap_err().to_string().contains("--landlock-access net"));
    }
}
