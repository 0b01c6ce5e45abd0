//! User, group and supplementary groups.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;

use common::accounts::{self, Host};
use common::capability::{self, SETGID, SETUID};
use common::{Context, Error, Hint, Result, denied, procfs, quote};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{Gid, Uid, getgroups, getresuid, getuid, setgroups, setresgid, setresuid};

/// For setresuid(2) and setresgid(2): do not change the id.
const UNCHANGED: u32 = u32::MAX;

/// The requested names or numbers, as they were typed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Request {
    pub ruid: Option<OsString>,
    pub euid: Option<OsString>,
    pub rgid: Option<OsString>,
    pub egid: Option<OsString>,
    pub groups: Option<Groups>,
}

/// The change of the supplementary groups.
#[derive(Debug, PartialEq, Eq)]
pub enum Groups {
    /// Keep them.
    Keep,
    /// Remove them.
    Clear,
    /// The groups that list the user in the group file, and the user's own group.
    Init,
    /// These names or numbers.
    List(Vec<OsString>),
}

fn uid(names: &mut Host, user: &OsStr) -> Result<Uid> {
    if let Some(uid) = accounts::id(user.as_encoded_bytes()) {
        return Ok(uid.into());
    }
    let found = names.user(user)?.map(|user| user.uid);
    let found = found.or_else(|| accounts::number(user.as_encoded_bytes()).map(Uid::from_raw));
    found.ok_or_else(|| {
        let error = Error::usage(format!("no user {} in /etc/passwd", quote(user)));
        error.explain(|_| accounts::beyond(user))
    })
}

fn gid(names: &mut Host, group: &OsStr) -> Result<Gid> {
    if let Some(gid) = accounts::id(group.as_encoded_bytes()) {
        return Ok(gid.into());
    }
    let found = names.group(group)?;
    let found = found.or_else(|| accounts::number(group.as_encoded_bytes()).map(Gid::from_raw));
    found.ok_or_else(|| {
        let error = Error::usage(format!("no group {} in /etc/group", quote(group)));
        error.explain(|_| accounts::beyond(group))
    })
}

/// The groups of a login as the user `uid`.
fn groups_of(names: &mut Host, uid: Uid) -> Result<Vec<Gid>> {
    let user = names.user_of(uid)?.ok_or_else(|| {
        Error::usage(format!("--init-groups: no user of the number {uid} in /etc/passwd"))
    })?;
    let mut groups = names.groups_of(&user.name)?;
    groups.retain(|gid| *gid != user.gid);
    groups.insert(0, user.gid);
    Ok(groups)
}

/// The requested ids, as numbers.
#[derive(Debug, Default)]
pub struct Identity {
    ruid: Option<Uid>,
    euid: Option<Uid>,
    rgid: Option<Gid>,
    egid: Option<Gid>,
    groups: Option<Vec<Gid>>,
}

impl Request {
    /// Looks up all names.
    pub fn resolve(&self, names: &mut Host) -> Result<Identity> {
        let mut user =
            |name: &Option<OsString>| name.as_ref().map(|name| uid(names, name)).transpose();
        let (ruid, euid) = (user(&self.ruid)?, user(&self.euid)?);
        let mut group =
            |name: &Option<OsString>| name.as_ref().map(|name| gid(names, name)).transpose();
        let (rgid, egid) = (group(&self.rgid)?, group(&self.egid)?);

        let groups = match &self.groups {
            None | Some(Groups::Keep) => None,
            Some(Groups::Clear) => Some(Vec::new()),
            Some(Groups::Init) => Some(groups_of(names, ruid.unwrap_or_else(getuid))?),
            Some(Groups::List(list)) => {
                Some(list.iter().map(|group| gid(names, group)).collect::<Result<_>>()?)
            }
        };
        Ok(Identity { ruid, euid, rgid, egid, groups })
    }
}

impl Identity {
    /// The real user of COMMAND.
    pub fn user(&self) -> Uid {
        self.ruid.unwrap_or_else(getuid)
    }

    /// Whether the user ids change: then the kernel may clear capabilities and the parent-death signal.
    pub fn changes_user(&self) -> Result<bool> {
        if self.ruid.is_none() && self.euid.is_none() {
            return Ok(false);
        }
        let now = getresuid().step("read the user ids")?;
        let effective = self.euid.unwrap_or(now.effective);
        let saved = self.euid.unwrap_or(now.saved);
        let real = self.ruid.unwrap_or(now.real);
        Ok((real, effective, saved) != (now.real, now.effective, now.saved))
    }

    /// Sets the supplementary groups and the group ids. A change of user would take away the capability for this.
    pub fn set_groups(&self) -> Result<()> {
        if let Some(groups) = &self.groups {
            replace_groups(groups)?;
        }
        if self.rgid.is_some() || self.egid.is_some() {
            let raw = |gid: Option<Gid>| gid.unwrap_or(UNCHANGED.into());
            setresgid(raw(self.rgid), raw(self.egid), raw(self.egid)).map_err(|errno| {
                failed("group", self.egid.or(self.rgid).map(Gid::as_raw), errno)
            })?;
        }
        Ok(())
    }

    /// Sets the user ids. The saved one follows the effective one: COMMAND cannot change back.
    pub fn set_user(&self) -> Result<()> {
        let raw = |uid: Option<Uid>| uid.unwrap_or(UNCHANGED.into());
        setresuid(raw(self.ruid), raw(self.euid), raw(self.euid))
            .map_err(|errno| failed("user", self.euid.or(self.ruid).map(Uid::as_raw), errno))
    }
}

/// Needs no privilege if the groups do not change.
fn replace_groups(groups: &[Gid]) -> Result<()> {
    match setgroups(groups) {
        Err(Errno::EPERM) if getgroups().is_ok_and(|now| sorted(&now) == sorted(groups)) => Ok(()),
        result => result.step("set the supplementary groups").hint(explain_groups),
    }
}

/// The kernel sorts them.
fn sorted(groups: &[Gid]) -> Vec<u32> {
    let mut numbers: Vec<_> = groups.iter().map(|gid| gid.as_raw()).collect();
    numbers.sort_unstable();
    numbers
}

fn explain_groups(error: &Error) -> Option<String> {
    match error.errno()? {
        Errno::EPERM if setgroups_is_denied() => Some(
            "setgroups is denied in this user namespace: --keep-groups leaves the groups as they are"
                .into(),
        ),
        Errno::EPERM => capability::hint(SETGID, "this needs the capability setgid")
            .or_else(|| denied::filter_of("setgroups(2)")),
        Errno::EINVAL => Some("a group has no mapping in this user namespace".into()),
        _ => None,
    }
}

fn setgroups_is_denied() -> bool {
    let mut word = [0; 4];
    procfs::open_own("setgroups", OFlag::O_RDONLY)
        .is_ok_and(|file| File::from(file).read_exact(&mut word).is_ok() && word == *b"deny")
}

fn failed(what: &str, id: Option<u32>, errno: Errno) -> Error {
    let object = id.map(|id| id.to_string()).unwrap_or_default();
    let capability = if what == "user" { (SETUID, "setuid") } else { (SETGID, "setgid") };
    Error::new(format!("become the {what}"), object, errno).explain(|_| match errno {
        Errno::EPERM => {
            let (number, name) = capability;
            capability::hint(number, &format!("this needs the capability {name}"))
                .or_else(|| denied::filter_of(&format!("setres{}(2)", &name[3..])))
        }
        Errno::EINVAL => Some(format!("the {what} has no mapping in this user namespace")),
        _ => None,
    })
}
