//! The signals as they are listed.

use common::{Error, Result, signal};
use nix::sys::signal::Signal;

/// The first and the last real-time signal by name.
const REAL_TIME: [&str; 2] = ["RTMIN", "RTMAX"];

/// The name of a signal without `SIG`.
fn name(number: i32) -> String {
    if let Ok(signal) = Signal::try_from(number) {
        return signal.as_str()[3..].to_owned();
    }
    let first = signal::number(REAL_TIME[0]).unwrap_or(number);
    match number - first {
        0 => REAL_TIME[0].to_owned(),
        above => format!("{}+{above}", REAL_TIME[0]),
    }
}

fn all() -> impl Iterator<Item = i32> {
    let real_time = REAL_TIME.iter().filter_map(|name| signal::number(name));
    Signal::iterator().map(|signal| signal as i32).chain(real_time)
}

/// The names of all signals on one line.
pub fn list() -> String {
    let names: Vec<_> = all().map(name).collect();
    names.join(" ") + "\n"
}

/// Their numbers and names in columns.
pub fn table() -> String {
    const COLUMNS: usize = 7;
    let cells: Vec<_> = all().map(|number| format!("{number:2} {:<8}", name(number))).collect();
    let line = |cells: &[String]| cells.join(" ").trim_end().to_owned() + "\n";
    cells.chunks(COLUMNS).map(line).collect()
}

/// The name of a number, which may be the status of a process that a signal has ended; the number of a name.
pub fn convert(text: &str) -> Result<String> {
    const STATUS: u8 = 0x7f;
    let unknown = || Error::usage(format!("unknown signal '{text}'"));
    let number = match text.parse::<u8>() {
        Ok(number) => i32::from(number & STATUS),
        Err(_) => return signal::number(text).map(|n| format!("{n}\n")).ok_or_else(unknown),
    };
    let known = signal::number(&number.to_string()).ok_or_else(unknown)?;
    Ok(format!("{}\n", name(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        let converted = |text| convert(text).unwrap();
        assert_eq!((converted("9"), converted("137")), ("KILL\n".into(), "KILL\n".into()));
        assert_eq!((converted("TERM"), converted("sigterm")), ("15\n".into(), "15\n".into()));
        assert_eq!((converted("34"), converted("35")), ("RTMIN\n".into(), "RTMIN+1\n".into()));
        for wrong in ["", "0", "128", "65", "300", "FOO"] {
            assert!(convert(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_name_is_listed_once() {
        let list = list();
        let names: Vec<_> = list.split_ascii_whitespace().collect();
        assert_eq!(names.len(), 33);
        for name in names {
            let number = signal::number(name).unwrap();
            assert_eq!(table().matches(&format!("{number:2} {name}")).count(), 1, "{name}");
        }
    }
}
