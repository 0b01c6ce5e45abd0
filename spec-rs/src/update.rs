//! New limits for a container that is there: a part of `linux.resources`, from a file or from options.

use std::env;

use common::{Error, Result, quote};

use crate::cli::UpdateRequest;
use crate::exec::own_tools;
use crate::file::File;
use crate::json::Value;
use crate::limits::{Form, OPTIONS};
use crate::line::{self, Setting};
use crate::machine::Machine;
use crate::model;
use crate::node::{Log, Node};
use crate::print;

/// The command line; none where the limits cannot be used, and all faults were reported.
///
/// # Errors
/// Where the container's state cannot be read, or the file of the limits.
pub fn line(request: &UpdateRequest) -> Result<Option<Vec<u8>>> {
    let here =
        env::current_dir().map_err(|e| Error::from_io("find", "the working directory", &e))?;
    let facts = here.join(&request.state).join("facts");
    let facts = std::fs::read(&facts).map_err(|e| Error::from_io("read", &facts, &e))?;
    let file = match &request.resources {
        None => None,
        Some(path) if path == "-" => Some(File::of_standard_input()?),
        Some(path) => Some(File::read(&here.join(path))?),
    };
    let mut resources = match &file {
        None => Value::Object(Vec::new()),
        Some(file) => file.object()?,
    };
    for (option, value) in &request.values {
        set(&mut resources, option, value)?;
    }
    let nested = |name: &str, value| Value::Object(vec![(name.to_owned(), value)]);
    let whole = nested("linux", nested("resources", resources));
    let log = Log::default();
    let mut config = model::read_linux(Node::new(&whole, &log));
    let checks = &mut config.linux.resources.memory.check_before_update;
    *checks |= print::assigned(&facts, line::CHECK_MEMORY).is_some();
    let setting =
        Setting { updates: true, ..Setting::of_tools(own_tools(request.tools.as_deref(), &here)?) };
    let text = line::update(&config, &directories(&facts), &setting, &Machine::this(), &log);
    let is_right = match &file {
        Some(file) => file.report(&log, "linux.resources."),
        None => File::of_options().report(&log, "linux.resources."),
    };
    Ok(is_right.then_some(text))
}

/// The container's cgroups.
fn directories(facts: &[u8]) -> Vec<Vec<u8>> {
    let list = print::assigned(facts, line::CGROUPS).unwrap_or_default();
    let lines = list.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(<[u8]>::to_vec).collect()
}

/// Sets `object.member`, whatever it was before.
fn set(resources: &mut Value, option: &str, text: &str) -> Result<()> {
    let Some(&(_, object, member, form)) = OPTIONS.iter().find(|(name, ..)| *name == option) else {
        return Err(Error::usage(format!("unknown option '--{option}'")));
    };
    let value = match form {
        Form::Text => Value::Text(text.to_owned()),
        Form::Number => Value::Whole(whole(option, text, text.parse().ok())?),
        Form::Size => Value::Whole(whole(option, text, size(text))?),
    };
    let object = member_of(resources, object, || Value::Object(Vec::new()));
    *member_of(object, member, || Value::Null) = value;
    Ok(())
}

fn whole(option: &str, text: &str, number: Option<i128>) -> Result<i128> {
    number.ok_or_else(|| Error::usage(format!("invalid value {} of '--{option}'", quote(text))))
}

/// `64M`, `1GiB`, `100b`; -1 is no limit.
fn size(text: &str) -> Option<i128> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.to_ascii_lowercase();
    let unit = unit.strip_suffix("ib").or(unit.strip_suffix('b')).unwrap_or(&unit);
    let shift = ["", "k", "m", "g", "t", "p"].iter().position(|known| *known == unit)?;
    number.parse::<i128>().ok()?.checked_mul(1 << (10 * shift))
}

/// The member of an object, made where it is missing. A value that is not an object is replaced.
fn member_of<'a>(value: &'a mut Value, name: &str, new: fn() -> Value) -> &'a mut Value {
    if !matches!(value, Value::Object(_)) {
        *value = Value::Object(Vec::new());
    }
    let Value::Object(members) = value else { unreachable!("it is an object now") };
    let index = members.iter().position(|(other, _)| other == name).unwrap_or_else(|| {
        members.push((name.to_owned(), new()));
        members.len() - 1
    });
    &mut members[index].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        let sizes = ["1", "64M", "2g", "1KiB", "10b", "-1", "3tb"];
        let right = [1, 64 << 20, 2 << 30, 1024, 10, -1, 3 << 40];
        assert_eq!(sizes.map(size), right.map(Some));
        assert_eq!(["", "5x", "M", "1.5g", "1kbb"].map(size), [None; 5]);
    }

    #[test]
    fn options_win() {
        let mut value = Value::Object(vec![("pids".into(), Value::Null)]);
        set(&mut value, "pids-limit", "7").unwrap();
        set(&mut value, "pids-limit", "8").unwrap();
        set(&mut value, "cpuset-cpus", "0-1").unwrap();
        let object = |name: &str, member: &str, value| {
            (name.to_owned(), Value::Object(vec![(member.to_owned(), value)]))
        };
        assert_eq!(
            value,
            Value::Object(vec![
                object("pids", "limit", Value::Whole(8)),
                object("cpu", "cpus", Value::Text("0-1".into())),
            ])
        );
        assert!(set(&mut value, "pids-limit", "x").is_err());
    }
}
