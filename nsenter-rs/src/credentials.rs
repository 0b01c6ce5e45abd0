//! The user and groups of COMMAND in the entered namespaces.

use common::process::keep_capabilities;
use common::sys::Prctl;
use common::{Context, Error, Hint, Result, sys};
use nix::errno::Errno;
use nix::unistd::{Gid, Uid, getgroups, setgid, setgroups, setuid};

use crate::target::Process;

/// A user or group id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    /// This number.
    Number(u32),
    /// The id of the target.
    Follow,
}

/// The requested ids. `None` changes nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    pub uid: Option<Id>,
    pub gid: Option<Id>,
    /// Whether the capabilities outlive execve(2).
    pub keep_capabilities: bool,
}

impl Credentials {
    /// The ids after entering a user namespace: by default its root.
    pub fn or_root(self) -> Self {
        let root = Some(Id::Number(0));
        Self { uid: self.uid.or(root), gid: self.gid.or(root), ..self }
    }

    /// Sets the ids. It is an error if the supplementary groups can be dropped neither here nor, as `groups_dropped` tells,
    /// before the user namespace was entered.
    pub fn assume(&self, process: Option<&Process>, groups_dropped: bool) -> Result<()> {
        let follows = [self.uid, self.gid].contains(&Some(Id::Follow));
        let owner = process.filter(|_| follows).map(Process::owner).transpose()?;
        let number = |id, followed: Option<u32>| match id {
            Id::Number(number) => number,
            Id::Follow => followed.unwrap_or_default(),
        };
        if let Some(gid) = self.gid {
            drop_groups(groups_dropped)?;
            let gid = number(gid, owner.map(|owner| owner.st_gid));
            setgid(Gid::from_raw(gid))
                .context("set the group", gid.to_string())
                .hint(|error| explain(error, "group"))?;
        }
        if let Some(uid) = self.uid {
            if self.keep_capabilities {
                sys::prctl(Prctl::KeepCapabilities).step("keep the capabilities")?;
            }
            let uid = number(uid, owner.map(|owner| owner.st_uid));
            setuid(Uid::from_raw(uid))
                .context("set the user", uid.to_string())
                .hint(|error| explain(error, "user"))?;
        }
        match self.keep_capabilities {
            true => keep_capabilities().step("keep the capabilities"),
            false => Ok(()),
        }
    }
}

fn drop_groups(dropped: bool) -> Result<()> {
    match setgroups(&[]) {
        Err(_) if dropped || getgroups().is_ok_and(|groups| groups.is_empty()) => Ok(()),
        result => result.step("drop the supplementary groups").hint(explain_groups),
    }
}

fn explain_groups(error: &Error) -> Option<String> {
    (error.errno() == Some(Errno::EPERM)).then(|| {
        "setgroups(2) is denied in that user namespace, or this process has no CAP_SETGID in it: \
         --preserve-credentials leaves user and groups as they are"
            .into()
    })
}

fn explain(error: &Error, what: &str) -> Option<String> {
    (error.errno() == Some(Errno::EINVAL))
        .then(|| format!("the {what} has no mapping in the user namespace"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_where_nothing_else_is_asked_for() {
        let root = Some(Id::Number(0));
        let credentials = Credentials { uid: Some(Id::Follow), ..Credentials::default() };
        let credentials = credentials.or_root();
        assert_eq!((credentials.uid, credentials.gid), (Some(Id::Follow), root));
    }
}
