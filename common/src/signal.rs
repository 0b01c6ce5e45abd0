//! Signals by name and number.

use std::ffi::c_int;

use nix::sys::signal::Signal;

use crate::accounts;

/// Names that signal(7) gives as another's.
const ALIASES: [(&str, Signal); 3] =
    [("CLD", Signal::SIGCHLD), ("IOT", Signal::SIGABRT), ("POLL", Signal::SIGIO)];

/// The real-time signals as glibc counts them, and so every shell: the first two are its own. Another C
/// library keeps others for itself.
const RTMIN: c_int = 34;
const RTMAX: c_int = 64;

/// The number of a signal: a name with or without `SIG`, in any case, `RTMIN+N`, `RTMAX-N`, or a
/// number.
#[must_use]
pub fn number(text: &str) -> Option<c_int> {
    let upper = text.to_ascii_uppercase();
    let short = upper.strip_prefix("SIG").unwrap_or(&upper);
    if let Some(signal) = named(short) {
        return Some(signal as c_int);
    }
    let number = match short {
        "RTMIN" => RTMIN,
        "RTMAX" => RTMAX,
        _ => match (short.strip_prefix("RTMIN+"), short.strip_prefix("RTMAX-")) {
            (Some(above), _) => RTMIN.checked_add(decimal(above)?)?,
            (_, Some(below)) => RTMAX.checked_sub(decimal(below)?)?,
            _ => decimal(short)?,
        },
    };
    (1..=RTMAX).contains(&number).then_some(number)
}

fn named(short: &str) -> Option<Signal> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == short);
    alias.map(|(_, signal)| *signal).or_else(|| format!("SIG{short}").parse().ok())
}

fn decimal(digits: &str) -> Option<c_int> {
    accounts::id(digits.as_bytes())?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_by_name_and_number() {
        let table = [
            ("KILL", 9),
            ("SIGKILL", 9),
            ("sigkill", 9),
            ("Hup", 1),
            ("15", 15),
            ("RTMIN", 34),
            ("SIGRTMIN+1", 35),
            ("RTMAX-2", 62),
            ("RTMAX", 64),
        ];
        let aliases = ALIASES.iter().map(|(alias, signal)| (*alias, *signal as c_int));
        for (text, signal) in table.into_iter().chain(aliases) {
            assert_eq!(number(text), Some(signal), "{text}");
        }
    }

    #[test]
    fn no_signals() {
        for text in ["", "SIG", "0", "65", "-1", "+1", "FOO", "RTMIN+99", "RTMAX-99", "RTMIN+-1"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
