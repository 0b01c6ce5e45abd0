//! From names to numbers: the new root's own files first, then this system's.

use std::ffi::{OsStr, OsString};
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;

use common::accounts::{self, Accounts, Host, User};
use common::{Error, Result, start};
use nix::unistd::{Gid, Uid};

use crate::identity::{Identity, Request, UserSpec};

/// Where names are looked up: in the plain files of the new root, and then on this machine.
pub struct Names<'a> {
    inside: Accounts<BorrowedFd<'a>>,
    outside: Host,
}

/// A user, and the side that has it: only that side is asked for the groups.
struct Known {
    user: User,
    side: Side,
}

impl Known {
    fn inside(user: User) -> Self {
        Self { user, side: Side::Inside }
    }

    fn outside(user: User) -> Self {
        Self { user, side: Side::Outside }
    }
}

enum Side {
    Inside,
    Outside,
}

impl<'a> Names<'a> {
    /// The names of the root directory that the descriptor is open on, and of the present one.
    pub fn new(inside: BorrowedFd<'a>) -> Self {
        Self { inside: Accounts::beneath(inside), outside: Host::default() }
    }

    /// The numbers after the names of a request.
    pub fn identity(&mut self, request: &Request) -> Result<Identity> {
        let Some(names) = &request.groups else {
            return self.user_and_group(request.user.as_ref(), true);
        };
        let groups = names.iter().map(|name| self.group(name)).collect::<Result<_>>()?;
        let identity = self.user_and_group(request.user.as_ref(), false)?;
        Ok(Identity { groups: Some(groups), ..identity })
    }

    /// With `listed` a user gets the groups that list it. A group alone leaves the supplementary groups as they are.
    fn user_and_group(&mut self, spec: Option<&UserSpec>, listed: bool) -> Result<Identity> {
        let Some(spec) = spec else { return Ok(Identity::default()) };
        let Some(name) = &spec.user else {
            let gid = spec.group.as_deref().map(|name| self.group(name)).transpose()?;
            return Ok(Identity { gid, ..Identity::default() });
        };
        let account_matters = listed || spec.group.is_none();
        if let Some((uid, known)) = self.user(name, account_matters)? {
            return self.user_in_group(uid, known, spec, listed);
        }
        let dotted = spec.dotted.as_deref().ok_or_else(|| unknown("user", name))?;
        let identity = self.user_and_group(Some(dotted), listed)?;
        start::warn("warning: '.' should be ':'");
        Ok(identity)
    }

    fn user_in_group(
        &mut self,
        uid: Uid,
        known: Option<Known>,
        spec: &UserSpec,
        listed: bool,
    ) -> Result<Identity> {
        let gid = match (&spec.group, &known) {
            (Some(name), _) => self.group(name)?,
            (None, Some(known)) => known.user.gid,
            (None, None) => return Err(no_group(uid)),
        };
        let groups = match known {
            Some(known) if listed => self.groups_of(&known, gid)?,
            _ => Vec::new(),
        };
        Ok(Identity { uid: Some(uid), gid: Some(gid), groups: Some(groups) })
    }

    /// A name counts before a number, except a number after a `+`; its user is looked up
    /// only if it matters.
    fn user(
        &mut self,
        text: &OsStr,
        account_matters: bool,
    ) -> Result<Option<(Uid, Option<Known>)>> {
        let with_uid = |known: Known| (known.user.uid, Some(known));
        if !is_marked(text) {
            let found = match self.inside.user(text)? {
                Some(user) => Some(Known::inside(user)),
                None => self.outside.user(text)?.map(Known::outside),
            };
            if let Some(known) = found {
                return Ok(Some(with_uid(known)));
            }
        }
        let Some(uid) = accounts::number(text.as_bytes()).map(Uid::from_raw) else {
            return Ok(None);
        };
        Ok(Some((uid, if account_matters { self.account(uid)? } else { None })))
    }

    fn account(&mut self, uid: Uid) -> Result<Option<Known>> {
        if let Some(user) = self.inside.user_of(uid)? {
            return Ok(Some(Known::inside(user)));
        }
        Ok(self.outside.user_of(uid)?.map(Known::outside))
    }

    fn group(&mut self, text: &OsStr) -> Result<Gid> {
        let found = match is_marked(text) {
            true => None,
            false => match self.inside.group(text)? {
                None => self.outside.group(text)?,
                found => found,
            },
        };
        found
            .or_else(|| accounts::number(text.as_bytes()).map(Gid::from_raw))
            .ok_or_else(|| unknown("group", text))
    }

    /// As initgroups(3): the effective group first, and each group once.
    fn groups_of(&mut self, known: &Known, gid: Gid) -> Result<Vec<Gid>> {
        let name = &known.user.name;
        let listed = match known.side {
            Side::Inside => self.inside.groups_of(name)?,
            Side::Outside => self.outside.groups_of(name)?,
        };
        let mut groups = vec![gid];
        groups.extend(listed.into_iter().filter(|&listed| listed != gid));
        Ok(groups)
    }
}

/// Whether a `+` says that the text is a number and no name.
fn is_marked(text: &OsStr) -> bool {
    text.as_bytes().starts_with(b"+")
}

fn unknown(what: &str, name: &OsStr) -> Error {
    let reason = "neither the new root nor this system has this name";
    Error::because(format!("find the {what}"), name, reason).explain(|_| accounts::beyond(name))
}

fn no_group(uid: Uid) -> Error {
    let name = OsString::from(uid.to_string());
    Error::because("find the group of the user", name, "no account has this number")
        .with_hint(format!("name the group too, as in --userspec={uid}:{uid}"))
}
