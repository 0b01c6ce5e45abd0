//! Limits that systemd has properties for (systemd.resource-control(5)): it would put its own values in their place when
//! it next looks at the unit.

use crate::setting::Setting;

/// Files whose value is one number.
const NUMBERS: [(&str, &str); 8] = [
    ("pids.max", "TasksMax"),
    ("memory.max", "MemoryMax"),
    ("memory.high", "MemoryHigh"),
    ("memory.low", "MemoryLow"),
    ("memory.min", "MemoryMin"),
    ("memory.swap.max", "MemorySwapMax"),
    ("memory.limit_in_bytes", "MemoryLimit"),
    ("cpu.weight", "CPUWeight"),
];

const SUFFIXES: [(char, u32); 4] = [('k', 10), ('m', 20), ('g', 30), ('t', 40)];

/// The words of a property: its name, type and value. A value that is not understood is the kernel's to refuse.
pub fn property(setting: &Setting) -> Option<[String; 3]> {
    let value = std::str::from_utf8(&setting.value).ok()?;
    let (name, number) = match setting.name.as_str() {
        "cpu.max" => ("CPUQuotaPerSecUSec", quota(value)?),
        file => (NUMBERS.iter().find(|(known, _)| *known == file)?.1, number(value)?),
    };
    Some([name.into(), "t".into(), number.to_string()])
}

fn number(text: &str) -> Option<u64> {
    if matches!(text, "max" | "-1") {
        return Some(u64::MAX);
    }
    let lower = text.to_ascii_lowercase();
    let suffix =
        SUFFIXES.iter().find_map(|(suffix, shift)| Some((lower.strip_suffix(*suffix)?, shift)));
    match suffix {
        Some((digits, shift)) => digits.parse::<u64>().ok()?.checked_mul(1 << shift),
        None => lower.parse().ok(),
    }
}

/// `QUOTA [PERIOD]` in microseconds: that of a second.
fn quota(text: &str) -> Option<u64> {
    let mut words = text.split_whitespace();
    let quota = words.next()?;
    let period: u64 = words.next().map_or(Some(100_000), |period| period.parse().ok())?;
    match quota {
        "max" => Some(u64::MAX),
        quota => quota.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_div(period),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn properties() {
        for (setting, want) in [
            ("pids.max=20", Some("TasksMax t 20")),
            ("pids.max=max", Some("TasksMax t 18446744073709551615")),
            ("memory.max=64M", Some("MemoryMax t 67108864")),
            ("memory.limit_in_bytes=-1", Some("MemoryLimit t 18446744073709551615")),
            ("cpu.max=50000 100000", Some("CPUQuotaPerSecUSec t 500000")),
            ("cpu.max=50000", Some("CPUQuotaPerSecUSec t 500000")),
            ("cpu.max=max 100000", Some("CPUQuotaPerSecUSec t 18446744073709551615")),
            ("cpu.max=1 0", None),
            ("cpu.weight=x", None),
            ("memory.max=99999999999T", None),
            ("io.max=8:0 rbps=1", None),
        ] {
            let got = property(&Setting::parse(OsStr::new(setting)).unwrap());
            assert_eq!(got.map(|words| words.join(" ")).as_deref(), want, "{setting}");
        }
    }
}
