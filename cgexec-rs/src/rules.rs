//! Device rules as a text, and what they come to: what the kernel's own device controller keeps (security/device_cgroup.c).

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use common::{Error, Result, quote};

/// What a process may do with a device, as bits (linux/bpf.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access(pub u8);

const ACCESS: [(u8, Access); 3] = [(b'r', Access(2)), (b'w', Access(4)), (b'm', Access(1))];

impl Access {
    pub const ALL: Self = Self(7);

    fn parse(word: &[u8]) -> Option<Self> {
        let bit = |letter: &u8| ACCESS.iter().find(|(one, _)| one == letter).map(|(_, bit)| bit.0);
        let bits = word.iter().try_fold(0, |bits, letter| Some(bits | bit(letter)?))?;
        (bits != 0).then_some(Self(bits))
    }

    fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let letters = ACCESS.iter().filter(|(_, bit)| self.overlaps(*bit));
        letters.map(|(letter, _)| char::from(*letter)).try_for_each(|letter| write!(f, "{letter}"))
    }
}

/// Devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Block,
    Character,
}

/// Some devices of a kind; without a number all numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Devices {
    pub kind: Kind,
    pub major: Option<u32>,
    pub minor: Option<u32>,
}

impl Devices {
    /// Whether all of `other` are among these.
    fn contains(self, other: Self) -> bool {
        let all = |ours: Option<u32>, theirs| ours.is_none() || ours == theirs;
        self.kind == other.kind && all(self.major, other.major) && all(self.minor, other.minor)
    }

    /// Whether some are the same.
    fn overlaps(self, other: Self) -> bool {
        let some = |a: Option<u32>, b: Option<u32>| a.is_none() || b.is_none() || a == b;
        self.kind == other.kind && some(self.major, other.major) && some(self.minor, other.minor)
    }
}

impl fmt::Display for Devices {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let kind = match self.kind {
            Kind::Block => 'b',
            Kind::Character => 'c',
        };
        let number = |number: Option<u32>| number.map_or_else(|| "*".into(), |n| n.to_string());
        write!(f, "{kind} {}:{}", number(self.major), number(self.minor))
    }
}

/// An exception to the default.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exception {
    pub devices: Devices,
    pub access: Access,
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{} {}", self.devices, self.access)
    }
}

/// What all rules come to: by default everything is allowed or denied, with exceptions.
///
/// As in the kernel, an access must be allowed as a whole by one exception, and is denied where one denies a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub allows: bool,
    pub exceptions: Vec<Exception>,
    /// Whether a rule said what the default is. If not, a cgroup has that of the one above it.
    pub is_default_given: bool,
}

/// A line of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Rule {
    allows: bool,
    /// None for every device.
    devices: [Option<Devices>; 2],
    access: Access,
}

impl Policy {
    /// Reads rules, one a line: `allow c 1:3 rwm`, `deny a *:* rwm`. What follows a `#` is a comment.
    pub fn parse(text: &[u8], file: &OsStr) -> Result<Self> {
        let mut policy = Self { allows: true, exceptions: Vec::new(), is_default_given: false };
        for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
            let wrong = |reason: &str| {
                let line = quote(OsStr::from_bytes(line));
                let step = format!("take the rule {line} of line {} of", index + 1);
                Error::because(step, file, reason)
            };
            let words = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            let words: Vec<_> =
                words.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
            if words.is_empty() {
                continue;
            }
            let rule = Rule::parse(&words)
                .ok_or_else(|| wrong("it is not of the form 'allow|deny a|b|c MAJOR:MINOR rwm'"))?;
            policy.take(&rule).map_err(|reason| wrong(&reason))?;
        }
        Ok(policy)
    }

    fn take(&mut self, rule: &Rule) -> Result<(), String> {
        let [Some(_), _] = rule.devices else {
            (self.allows, self.is_default_given) = (rule.allows, true);
            self.exceptions.clear();
            return Ok(());
        };
        for devices in rule.devices.into_iter().flatten() {
            let exception = Exception { devices, access: rule.access };
            match rule.allows == self.allows {
                true => self.take_away(exception)?,
                false => self.add(exception),
            }
        }
        Ok(())
    }

    fn add(&mut self, new: Exception) {
        match self.exceptions.iter_mut().find(|old| old.devices == new.devices) {
            Some(old) => old.access.0 |= new.access.0,
            None => self.exceptions.push(new),
        }
    }

    /// The kernel keeps no order among exceptions, so that none can be made to one of them.
    fn take_away(&mut self, rule: Exception) -> Result<(), String> {
        let is_touched = |old: &&mut Exception| {
            old.devices.overlaps(rule.devices) && old.access.overlaps(rule.access)
        };
        for old in self.exceptions.iter_mut().filter(is_touched) {
            if !rule.devices.contains(old.devices) {
                return Err(format!("it would make a hole in the wider rule for '{old}'"));
            }
            old.access.0 &= !rule.access.0;
        }
        self.exceptions.retain(|exception| exception.access.0 != 0);
        Ok(())
    }
}

impl Rule {
    fn parse(words: &[&[u8]]) -> Option<Self> {
        let (verb, kind, numbers, access) = match *words {
            [verb, b"a"] => (verb, &b"a"[..], &b"*:*"[..], &b"rwm"[..]),
            [verb, kind, numbers, access] => (verb, kind, numbers, access),
            _ => return None,
        };
        let allows = match verb {
            b"allow" => true,
            b"deny" => false,
            _ => return None,
        };
        let access = Access::parse(access)?;
        let colon = numbers.iter().position(|&byte| byte == b':')?;
        let (major, minor) = (number(&numbers[..colon])?, number(&numbers[colon + 1..])?);
        let of = |kind| Some(Devices { kind, major, minor });
        let devices = match kind {
            b"a" if (major, minor, access) == (None, None, Access::ALL) => [None, None],
            b"a" => [of(Kind::Block), of(Kind::Character)],
            b"b" => [of(Kind::Block), None],
            b"c" => [of(Kind::Character), None],
            _ => return None,
        };
        Some(Self { allows, devices, access })
    }
}

/// A number, or none for all of them.
fn number(word: &[u8]) -> Option<Option<u32>> {
    if word == b"*" {
        return Some(None);
    }
    let is_decimal = !word.is_empty() && word.iter().all(u8::is_ascii_digit);
    is_decimal.then(|| std::str::from_utf8(word).ok()?.parse().ok()).flatten().map(Some)
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// One access to one device.
    #[derive(Clone, Copy, Debug)]
    pub struct Request {
        pub kind: Kind,
        pub major: u32,
        pub minor: u32,
        pub access: Access,
    }

    /// The rules, word by word: the last one that says something of a device and an access counts; an access must be
    /// allowed as a whole. This knows nothing of defaults and exceptions.
    fn reference(rules: &str, request: Request) -> bool {
        let Request { kind, major, minor, access } = request;
        let one = Devices { kind, major: Some(major), minor: Some(minor) };
        [1, 2, 4].into_iter().filter(|bit| access.0 & bit != 0).all(|bit| {
            let mut allowed = true;
            for line in rules.lines() {
                let words: Vec<_> = line.split(' ').map(str::as_bytes).collect();
                let rule = Rule::parse(&words).unwrap();
                let all = rule.devices == [None, None];
                let says = rule.devices.iter().flatten().any(|devices| devices.contains(one));
                if (all || says) && rule.access.0 & bit != 0 {
                    allowed = rule.allows;
                }
            }
            allowed
        })
    }

    /// As the kernel decides (devcgroup_legacy_check_permission).
    pub fn allows(policy: &Policy, request: Request) -> bool {
        let Request { kind, major, minor, access } = request;
        let one = Devices { kind, major: Some(major), minor: Some(minor) };
        let mut of_it = policy.exceptions.iter().filter(|e| e.devices.contains(one));
        match policy.allows {
            true => !of_it.any(|exception| exception.access.overlaps(access)),
            false => of_it.any(|exception| access.0 & !exception.access.0 == 0),
        }
    }

    pub fn requests() -> impl Iterator<Item = Request> {
        let kinds = [Kind::Block, Kind::Character];
        kinds.into_iter().flat_map(|kind| {
            (0..36).flat_map(move |n| {
                let (major, minor) = (n / 6, n % 6);
                (1..8).map(move |bits| Request { kind, major, minor, access: Access(bits) })
            })
        })
    }

    /// Random rules over few devices, so that many touch the same one.
    pub fn random_rules(seed: u64) -> String {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = |below: u64| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state % below
        };
        let mut text = String::new();
        for _ in 0..next(9) {
            let verb = ["allow", "deny"][next(2) as usize];
            let kind = ["a", "b", "c", "c"][next(4) as usize];
            let mut number = || match next(7) {
                6 => "*".to_owned(),
                n => n.to_string(),
            };
            let (major, minor) = (number(), number());
            let access = ["r", "w", "m", "rw", "rm", "wm", "rwm", "rwm"][next(8) as usize];
            text += &format!("{verb} {kind} {major}:{minor} {access}\n");
        }
        match next(3) {
            0 => format!("deny a *:* rwm\n{text}"),
            1 => format!("allow a *:* rwm\n{text}"),
            _ => text,
        }
    }

    pub fn policy(text: &str) -> Result<Policy> {
        Policy::parse(text.as_bytes(), OsStr::new("rules"))
    }

    #[test]
    fn what_a_policy_denies_and_allows_is_what_the_last_rule_says() {
        let (mut taken, mut stricter) = (0, 0);
        for seed in 1..600 {
            let text = random_rules(seed);
            let Ok(policy) = policy(&text) else { continue };
            taken += 1;
            for request in requests() {
                let (got, want) = (allows(&policy, request), reference(&text, request));
                // Two rules that allow a half each allow the whole by the letter, and not in the kernel.
                let is_stricter = !got && want && !policy.allows;
                stricter += usize::from(is_stricter);
                assert!(got == want || is_stricter, "{text}{request:?}: {got}, {want}");
                if request.access.0.count_ones() == 1 {
                    assert_eq!(got, want, "{text}{request:?}");
                }
            }
        }
        assert!(taken > 300 && stricter > 0, "{taken} {stricter}");
    }

    #[test]
    fn texts() {
        let text =
            "\n# all\ndeny a # property\n\tallow  c 1:3 mr\nallow c 5:* rwm\nallow b *:* m\n";
        let none = policy("").unwrap();
        let policy = policy(text).unwrap();
        assert!(!policy.allows && policy.is_default_given);
        let exceptions: Vec<_> = policy.exceptions.iter().map(ToString::to_string).collect();
        assert_eq!(exceptions, ["c 1:3 rm", "c 5:* rwm", "b *:* m"]);
        assert!(none.allows && !none.is_default_given && none.exceptions.is_empty());
    }

    #[test]
    fn all_devices_with_a_number_are_two_kinds() {
        let policy = policy("deny a\nallow a 7:* r").unwrap();
        let exceptions: Vec<_> = policy.exceptions.iter().map(ToString::to_string).collect();
        assert_eq!(exceptions, ["b 7:* r", "c 7:* r"]);
    }

    #[test]
    fn texts_that_are_refused() {
        for text in [
            "x",
            "allow",
            "allow c",
            "allow b",
            "permit c 1:3 rwm",
            "allow x 1:3 rwm",
            "allow c 1 rwm",
            "allow c 1:3",
            "allow c 1:3 rwx",
            "allow c 1:3 rwm x",
            "allow c -1:3 rwm",
            "allow c 1:4294967296 rwm",
            "allow c +1:3 r",
            "allow c : r",
            "allow c 1:3 \u{e4}",
            "deny a\nallow c *:* rwm\ndeny c 1:3 r",
            "allow a\ndeny c 1:* r\nallow c *:3 r",
        ] {
            let error = policy(text).expect_err(text);
            assert!(error.to_string().starts_with("cannot take the rule '"), "{error}");
        }
    }
}
