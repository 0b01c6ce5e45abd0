//! The state of the process, in the words of util-linux's `setpriv`.

use std::fmt::Write;

use common::sys::Prctl;
use common::{Context, Result, print, sys};
use nix::sys::prctl::get_no_new_privs;
use nix::unistd::{getgroups, getresgid, getresuid};

use crate::capabilities::{self, known};
use crate::{death_signal, label, securebits};

/// Prints the capabilities of this kernel, a line each.
pub fn list_capabilities() -> Result<u8> {
    print(&known().map(|number| capabilities::name(number) + "\n").collect::<String>())
}

/// Prints the state of this process. Levels 2 and 3 show more.
pub fn dump(level: u32) -> Result<u8> {
    let mut text = String::new();
    identity(&mut text, level)?;
    capability_sets(&mut text, level)?;
    line(&mut text, "Securebits", &securebits::list(securebits::current()?));
    let signal = sys::parent_death_signal().step("read the parent-death signal")?;
    let signal = if signal == 0 { String::new() } else { death_signal::name(signal) };
    line(&mut text, "Parent death signal", &signal);
    for (name, label) in label::current() {
        line(&mut text, name, &label);
    }
    print(&text)
}

fn identity(text: &mut String, level: u32) -> Result<()> {
    let user = getresuid().step("read the user ids")?;
    let group = getresgid().step("read the group ids")?;
    let mut ids = vec![("uid", user.real.as_raw()), ("euid", user.effective.as_raw())];
    if level > 2 {
        ids.push(("suid", user.saved.as_raw()));
    }
    ids.extend([("gid", group.real.as_raw()), ("egid", group.effective.as_raw())]);
    if level > 2 {
        ids.push(("sgid", group.saved.as_raw()));
    }
    for (name, id) in ids {
        let _ = writeln!(text, "{name}: {id}");
    }

    let groups = getgroups().step("read the supplementary groups")?;
    let groups: Vec<_> = groups.iter().map(ToString::to_string).collect();
    line(text, "Supplementary groups", &groups.join(","));
    Ok(())
}

fn capability_sets(text: &mut String, level: u32) -> Result<()> {
    let no_new_privs = get_no_new_privs().step("read no_new_privs")?;
    line(text, "no_new_privs", if no_new_privs { "1" } else { "0" });

    let sets = sys::capget().step("read the capabilities")?;
    if level > 1 {
        line(text, "Effective capabilities", &capabilities::list(sets.effective));
        line(text, "Permitted capabilities", &capabilities::list(sets.permitted));
    }
    line(text, "Inheritable capabilities", &capabilities::list(sets.inheritable));
    line(text, "Ambient capabilities", &capabilities::list(known_where(is_ambient)));
    let bounding = known_where(|number| capabilities::is_bound(number) == Ok(true));
    line(text, "Capability bounding set", &capabilities::list(bounding));
    Ok(())
}

fn known_where(holds: impl Fn(u32) -> bool) -> u64 {
    known().filter(|&number| holds(number)).map(|number| 1 << number).sum()
}

fn is_ambient(number: u32) -> bool {
    sys::prctl(Prctl::IsAmbient(number)) == Ok(1)
}

fn line(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "{name}: {}", if value.is_empty() { "[none]" } else { value });
}
