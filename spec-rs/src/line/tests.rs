//! The text for made-up machines, as it was read and found right; and what no bytes may do.

use std::path::PathBuf;
use std::{env, fs};

use common::cgroup::Cgroups;

use super::{Setting, write};
use crate::json::{self, Value};
use crate::machine::Machine;
use crate::model;
use crate::new;
use crate::node::{Fault, Log, Node};

const VERSION_1: &[u8] =
    b"30 23 0:26 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
31 23 0:27 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids
32 23 0:28 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd
";
const VERSION_2: &[u8] = b"33 23 0:29 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw,nsdelegate\n";
const HYBRID: &[u8] = b"33 23 0:29 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
const GROUPS: &[u8] =
    b"3:cpu,cpuacct:/x\n2:pids:/\n1:name=systemd:/user.slice\n0::/user.slice/a b\n";

fn machine(uid: u32, mounts: &[&[u8]]) -> Machine {
    Machine {
        uid,
        gid: uid,
        cgroups: Cgroups::parse(GROUPS, &mounts.concat()),
        hard_limit: |_| u64::MAX,
        may_raise_limits: true,
    }
}

fn setting() -> Setting {
    Setting {
        directory: b"/srv/it's".into(),
        tools: b"/opt".into(),
        pivot: true,
        new_keyring: true,
    }
}

fn line(config: &[u8], setting: &Setting, machine: &Machine) -> Result<String, Vec<Fault>> {
    let value = json::parse(config).unwrap();
    let log = Log::default();
    let text = write(&model::read(Node::new(&value, &log)), setting, machine, &log);
    match log.faults() {
        faults if faults.is_empty() => Ok(String::from_utf8(text).unwrap()),
        faults => Err(faults),
    }
}

/// With UPDATE_GOLDEN set the file is written instead.
fn golden(name: &str, text: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&file).unwrap(), "{name}");
}

#[test]
fn a_new_configuration_on_every_machine() {
    for (name, rootless, machine) in [
        ("version-1", false, machine(0, &[VERSION_1])),
        ("version-2", false, machine(0, &[VERSION_2])),
        ("hybrid", false, machine(0, &[VERSION_1, HYBRID])),
        ("rootless", true, machine(1000, &[VERSION_2])),
    ] {
        let config = new::config(rootless, &machine);
        golden(name, &line(config.as_bytes(), &setting(), &machine).unwrap());
    }
}

const EVERYTHING: &[u8] = include_bytes!("../../tests/everything.json");

#[test]
fn every_property_that_is_read() {
    golden("everything", &line(EVERYTHING, &setting(), &machine(0, &[VERSION_2])).unwrap());
    let setting = Setting { pivot: false, new_keyring: false, ..setting() };
    golden("no-pivot", &line(EVERYTHING, &setting, &machine(1000, &[VERSION_1])).unwrap());
}

#[test]
fn a_root_that_is_moved_is_closed() {
    let bounding = ["process", "capabilities", "bounding"];
    let config = with(&bounding, r#"["CAP_SYS_ADMIN"]"#);
    let config = replace_rule(config);
    for (pivot, faults) in [(true, 0), (false, 1)] {
        let log = Log::default();
        let setting = Setting { pivot, ..setting() };
        write(&model::read(Node::new(&config, &log)), &setting, &machine(0, &[VERSION_2]), &log);
        assert_eq!(log.faults().len(), faults);
        assert!(log.faults().iter().all(|fault| fault.path == "process.capabilities.bounding"));
    }
}

/// Without the rule that denies all devices.
fn replace_rule(mut config: Value) -> Value {
    if let Value::Object(members) = &mut config
        && let Some((_, Value::Object(linux))) =
            members.iter_mut().find(|(name, _)| name == "linux")
    {
        linux.retain(|(name, _)| name != "resources");
    }
    config
}

/// A configuration with the value at `path` replaced.
fn with(path: &[&str], value: &str) -> Value {
    let mut config = json::parse(new::config(false, &machine(0, &[VERSION_2])).as_bytes()).unwrap();
    let mut place = &mut config;
    for name in path {
        place = match place {
            Value::Object(members) => {
                if !members.iter().any(|(other, _)| other == name) {
                    members.push(((*name).to_owned(), Value::Object(Vec::new())));
                }
                &mut members.iter_mut().find(|(other, _)| other == name).unwrap().1
            }
            Value::Array(array) => &mut array[name.parse::<usize>().unwrap()],
            _ => panic!("{path:?}"),
        };
    }
    *place = json::parse(value.as_bytes()).unwrap();
    config
}

fn outcome(config: &Value, machine: &Machine) -> (Vec<Fault>, Vec<String>, String) {
    let log = Log::default();
    let text = write(&model::read(Node::new(config, &log)), &setting(), machine, &log);
    (log.faults(), log.unknown(), String::from_utf8(text).unwrap())
}

#[test]
fn all_faults_are_found_in_one_go() {
    let config = br#"{"ociVersion": "2.0.0", "root": {"path": 5}, "process": {"args": ["a", 1], "cwd": "x",
      "user": {"uid": -1, "uid": 4294967295}}, "hostname": "a", "linux": {"maskedPaths": ["", "a"]}}"#;
    let faults = line(config, &setting(), &machine(0, &[])).unwrap_err();
    let paths: Vec<_> = faults.iter().map(|fault| fault.path.as_str()).collect();
    for path in [
        "process.user.uid",
        "ociVersion",
        "root.path",
        "process.args[1]",
        "process.cwd",
        "hostname",
        "linux.maskedPaths[0]",
        "linux.maskedPaths[1]",
    ] {
        assert!(paths.contains(&path), "{path}: {paths:?}");
    }
    assert_eq!(paths.iter().filter(|path| **path == "process.user.uid").count(), 3);
}

#[test]
fn limits_that_cannot_be_set_are_named() {
    let config =
        with(&["process", "rlimits", "0"], r#"{"type": "RLIMIT_NPROC", "soft": 5, "hard": 6}"#);
    let machine =
        Machine { hard_limit: |_| 5, may_raise_limits: false, ..machine(0, &[VERSION_2]) };
    let (faults, ..) = outcome(&config, &machine);
    assert_eq!(faults[0].path, "process.rlimits[0]");
    let (faults, ..) = outcome(&config, &Machine { hard_limit: |_| 6, ..machine });
    assert_eq!(faults, []);
}

#[test]
fn values_that_ask_for_nothing_change_nothing() {
    let machine = machine(0, &[VERSION_2]);
    let plain = outcome(&with(&["vm"], "null"), &machine).2;
    for (path, value) in [
        ("process.apparmorProfile", r#""unconfined""#),
        ("process.selinuxLabel", r#""""#),
        ("process.scheduler", "{}"),
        ("process.execCPUAffinity", r#"{"initial": "0"}"#),
        ("process.commandLine", r#""x""#),
        ("linux.resources.blockIO", r#"{"weight": 0, "weightDevice": []}"#),
        ("linux.resources.memory", r#"{"limit": -1, "swap": -1, "disableOOMKiller": false}"#),
        ("linux.resources.cpu", r#"{"shares": 0, "quota": -1, "cpus": ""}"#),
        ("linux.resources.pids", r#"{"limit": -1}"#),
        ("linux.resources.unified", "{}"),
        ("linux.personality", r#"{"domain": "LINUX", "flags": []}"#),
        ("linux.seccomp", "{}"),
        ("linux.seccomp", r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}"#),
        ("linux.seccomp", "null"),
        ("linux.devices", "[]"),
        ("linux.sysctl", "{}"),
        ("linux.cgroupsPath", r#""""#),
        ("linux.rootfsPropagation", r#""rslave""#),
        ("hooks", r#"{"poststop": []}"#),
        ("hooks", "null"),
        ("vm", "{}"),
        ("windows", r#"{"layerFolders": []}"#),
    ] {
        let path: Vec<_> = path.split('.').collect();
        let (faults, unknown, text) = outcome(&with(&path, value), &machine);
        assert_eq!((faults, unknown, text.as_str()), (vec![], vec![], plain.as_str()), "{path:?}");
    }
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    for (path, value) in [
        ("process.apparmorProfile", r#""x""#),
        ("process.scheduler", r#"{"policy": "SCHED_OTHER"}"#),
        ("process.ioPriority", r#"{"class": "IOPRIO_CLASS_BE"}"#),
        ("linux.resources.memory.limit", "0"),
        ("linux.resources.memory.swappiness", "0"),
        ("linux.resources.cpu.shares", "2"),
        ("linux.resources.pids.limit", "0"),
        ("linux.resources.unified", r#"{"a": "b"}"#),
        ("linux.personality.domain", r#""LINUX32""#),
        ("linux.seccomp", r#"{"defaultAction": "SCMP_ACT_ERRNO"}"#),
        ("linux.namespaces.0.path", r#""/proc/1/ns/pid""#),
        ("linux.devices", r#"[{"path": "/dev/x"}]"#),
        ("linux.sysctl", r#"{"net.ipv4.ip_forward": "1"}"#),
        ("linux.cgroupsPath", r#""/x""#),
        ("linux.mountLabel", r#""x""#),
        ("hooks.prestart", r#"[{"path": "/x"}]"#),
        ("vm", r#"{"kernel": {"path": "/x"}}"#),
        ("mounts.0.uidMappings", r#"[{"containerID": 0, "hostID": 0, "size": 1}]"#),
    ] {
        let names: Vec<_> = path.split('.').collect();
        let (faults, ..) = outcome(&with(&names, value), &machine(0, &[VERSION_2]));
        let want = path.replace(".0.", "[0].");
        assert!(faults.len() == 1 && faults[0].path == want, "{path}: {faults:?}");
        assert!(faults[0].reason.contains("not supported"), "{path}: {faults:?}");
    }
}

/// Unknown properties are ignored at any depth, and named in the text.
#[test]
fn unknown_properties_are_ignored_and_named() {
    let config = with(&["linux", "resources", "memory", "it's\u{1b}"], "5");
    let (faults, unknown, text) = outcome(&config, &machine(0, &[VERSION_2]));
    assert_eq!(faults, []);
    assert_eq!(unknown, [r#"linux.resources.memory["it's\u{1b}"]"#]);
    assert!(text.contains("does not know it: linux.resources.memory["), "{text}");
    assert!(!text.contains('\u{1b}'));
}

/// Each value of the configurations, replaced by each of these: accepted, or refused with a path, and never a panic.
#[test]
fn a_thousand_mutations() {
    let words = [
        "null",
        "true",
        "-1",
        "0",
        "1.5",
        "4294967296",
        "18446744073709551615",
        "1e300",
        r#""""#,
        r#""x""#,
        r#""\u0000""#,
        r#""/..\u001b\n'""#,
        "[]",
        "[null]",
        r#"["x", "/y"]"#,
        "{}",
        r#"{"x": 1, "x": 2}"#,
        "[{}]",
        r#"[[[[]]]]"#,
    ];
    let mut count = 0;
    for source in [EVERYTHING, new::config(true, &machine(1000, &[VERSION_1])).as_bytes()] {
        let config = json::parse(source).unwrap();
        let mut places = Vec::new();
        collect(&config, &mut Vec::new(), &mut places);
        for place in &places {
            for word in words {
                let mut mutant = config.clone();
                replace(&mut mutant, place, json::parse(word.as_bytes()).unwrap());
                let (faults, _, text) = outcome(&mutant, &machine(1000, &[VERSION_1]));
                for fault in &faults {
                    assert!(!fault.path.is_empty() && !fault.reason.is_empty(), "{place:?} {word}");
                }
                assert!(faults.is_empty() || faults.iter().all(|f| !f.path.contains('\u{1b}')));
                assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{place:?} {word}");
                count += 1;
            }
        }
    }
    assert!(count > 1000, "{count}");
}

/// The places of all values, as the index at each depth.
fn collect(value: &Value, place: &mut Vec<usize>, places: &mut Vec<Vec<usize>>) {
    let below: Vec<&Value> = match value {
        Value::Array(array) => array.iter().collect(),
        Value::Object(members) => members.iter().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    };
    for (index, value) in below.into_iter().enumerate() {
        place.push(index);
        places.push(place.clone());
        collect(value, place, places);
        place.pop();
    }
}

fn replace(value: &mut Value, place: &[usize], with: Value) {
    let Some((index, rest)) = place.split_first() else {
        *value = with;
        return;
    };
    match value {
        Value::Array(array) => replace(&mut array[*index], rest, with),
        Value::Object(members) => replace(&mut members[*index].1, rest, with),
        _ => unreachable!("a place without a value"),
    }
}

/// Bytes that are cut, doubled and exchanged: an error or a text, and never a panic.
#[test]
fn arbitrary_bytes() {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let pieces: [&[u8]; 12] = [
        b"{", b"}", b"[", b"]", b"\"", b":", b",", b"null", b"\\u0000", b"-1", b"\xff", b"\\ud800",
    ];
    for _ in 0..5_000 {
        let mut bytes = EVERYTHING.to_vec();
        for _ in 0..=random(4) {
            let at = random(bytes.len());
            let piece = pieces[random(pieces.len())];
            match random(3) {
                0 => drop(bytes.splice(at..at, piece.iter().copied())),
                1 => drop(bytes.drain(at..(at + random(40)).min(bytes.len()))),
                _ => bytes[at] = random(256) as u8,
            }
        }
        if let Ok(value) = json::parse(&bytes) {
            let log = Log::default();
            write(&model::read(Node::new(&value, &log)), &setting(), &machine(0, &[HYBRID]), &log);
        }
    }
}
