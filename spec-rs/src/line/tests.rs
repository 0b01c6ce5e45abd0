//! The text for made-up machines, as it was read and found right; and what no bytes may do.

use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

use common::cgroup::Cgroups;

use super::{Setting, write};
use crate::json::{self, Value};
use crate::machine::{Found, Machine};
use crate::model::{self, KINDS, Kind};
use crate::new;
use crate::node::{Fault, Log, Node};
use crate::print;

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
        found_controllers: Vec::from(
            ["cpuset", "cpu", "io", "memory", "hugetlb", "pids", "rdma"].map(String::from),
        )
        .into(),
        // A system gives no user a cgroup but below user.slice.
        may_make_cgroup: match uid {
            0 => |_| true,
            _ => |_| false,
        },
        may_rule_devices: uid == 0,
        is_in_first_user_namespace: true,
        user_manager: (uid != 0).then_some(uid),
        controllers_of: |directory| {
            let is_user = directory.ends_with(b"/user-1000.slice/user@1000.service");
            let all =
                ["cpu", "memory", "pids", "cpuset", "io", "hugetlb", "rdma"].map(String::from);
            all[..if is_user { 3 } else { 7 }].to_vec()
        },
        has_bfq: || false,
        has_kcore: || false,
        has_huge_pages: |kib| kib == 2048,
        device: |path| (path == "/dev/fuse").then(|| "c 10:229".into()),
        hard_limit: |_| u64::MAX,
        may_raise_limits: true,
        oom_score_adj: || 0,
        nice: || 0,
        lowest_nice: || -20,
        has_default_personality: || true,
        has_all_cpus: || true,
        has_namespaces: |kind| kind != Kind::Time,
        has_apparmor: || false,
        has_selinux: || false,
        now: || Duration::new(1_795_667_696, 120_000_000),
        namespace,
    }
}

/// `/ns/TYPE`; `/own/TYPE` is the caller's.
fn namespace(path: &str) -> Result<Found, String> {
    let (directory, name) = path.trim_start_matches('/').split_once('/').unwrap_or_default();
    let row = KINDS.iter().find(|(known, ..)| *known == name);
    let (_, kind, _) = row.ok_or_else(|| format!("'{path}' is not a namespace"))?;
    Ok(Found { kind: *kind, is_own: directory == "own" })
}

fn setting() -> Setting {
    Setting {
        directory: b"/srv/it's".into(),
        id: Some(b"box".into()),
        ..Setting::of_tools(b"/opt".into())
    }
}

fn line(config: &[u8], setting: &Setting, machine: &Machine) -> Result<String, Vec<Fault>> {
    let value = json::parse(config).unwrap();
    let log = Log::default();
    let text = write(&model::read(Node::new(&value, &log)), setting, machine, &log).line;
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

#[test]
fn dev_core_is_a_link_where_the_kernel_shows_its_memory() {
    let with = |has_kcore| {
        let machine = Machine { has_kcore, ..machine(0, &[VERSION_2]) };
        line(new::config(false, &machine).as_bytes(), &setting(), &machine).unwrap()
    };
    assert!(with(|| true).contains("/proc/kcore /dev/core symlink"));
    assert!(!with(|| false).contains("/dev/core"));
}

const EVERYTHING: &[u8] = include_bytes!("../../tests/everything.json");

#[test]
fn every_property_that_is_read() {
    golden("everything", &line(EVERYTHING, &setting(), &machine(0, &[VERSION_2])).unwrap());
    let setting = Setting { pivot: false, new_keyring: false, ..setting() };
    golden("no-pivot", &line(EVERYTHING, &setting, &machine(1000, &[VERSION_1])).unwrap());
}

/// With hooks of all kinds, whose values no shell may see more in.
fn hostile() -> Value {
    let hook = r#"[{"path": "/bin/a b", "args": ["\u0027\ngo\n$(x)", "", "=", "go", "\u001b[1m\u00e9\\"],
      "env": ["A=\nenv\ngo!\\", "B=$HOME `x`"], "timeout": 5}, {"path": "/x"}]"#;
    let mut config =
        with(&["annotations"], r#"{"b": "<it's>\n$(x)\u001b\u0301", "a": "\"\u2028"}"#);
    let kinds =
        ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
    let hooks = kinds.map(|kind| format!(r#""{kind}": {hook}"#)).join(",");
    if let Value::Object(members) = &mut config {
        members.push(("hooks".into(), json::parse(format!("{{{hooks}}}").as_bytes()).unwrap()));
    }
    config
}

fn held() -> Setting {
    Setting {
        state: Some(b"/run/it's".into()),
        hold: true,
        pid_file: Some(b"/p q".into()),
        console_socket: Some(b"/s".into()),
        preserve_fds: 2,
        listen_fds: 1,
        listen_names: Some(b"a:b\\".into()),
        directory: b"/srv/\xff\n'$(x)".into(),
        ..setting()
    }
}

#[test]
fn a_line_that_is_held_and_its_facts_and_hooks() {
    let log = Log::default();
    let config = hostile();
    let texts =
        write(&model::read(Node::new(&config, &log)), &held(), &machine(0, &[VERSION_2]), &log);
    assert_eq!(log.faults(), []);
    let [line, facts, hooks] =
        [texts.line, texts.facts, texts.hooks].map(|text| String::from_utf8(text).unwrap());
    golden("held", &line);
    golden("facts", &facts);
    golden("hooks", &hooks);
    assert!(hooks.lines().all(|line| line != "go"));
    assert_eq!(print::assigned(facts.as_bytes(), "bundle").unwrap(), held().directory);
}

/// The words of a line that is held, and with its state alone.
#[test]
fn who_keeps_the_life() {
    let config = with(&["process", "terminal"], "false");
    let text = |config: &Value, setting: &Setting, machine: &Machine| {
        let log = Log::default();
        let text = write(&model::read(Node::new(config, &log)), setting, machine, &log).line;
        assert_eq!(log.faults(), []);
        String::from_utf8(text).unwrap()
    };
    let alone = Setting { hold: false, console_socket: None, ..held() };
    let machine = machine(0, &[VERSION_2]);
    let line = text(&config, &alone, &machine);
    for part in [
        "--into-cgroup /dev/fd/6 --remove-cgroup",
        "--fork --kill-child --forward-signals",
        "--process-file '/run/it'\\''s/process' --pid-file '/p q'",
        "--remove '/run/it'\\''s'",
        "--pdeathsig keep",
        "--pass-fds 100:3",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!line.contains("gate") && !line.contains("created"), "{line}");
    // The supervisor of a line that is held in the foreground removes the cgroup, but not the state.
    let foreground = Setting { foreground: true, console_socket: None, ..held() };
    let line = text(&config, &foreground, &machine);
    for part in [
        "--into-cgroup /dev/fd/8 --remove-cgroup",
        "--fork --kill-child --forward-signals",
        "--pdeathsig keep",
        "--gate-fds 9,6 --stderr-fd 5 --pass-fds",
        "--pipes",
        "[ -t 0 ] || [ -t 1 ] || [ -t 5 ]",
        "5>&2' sh\nfi",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    assert!(!line.contains("--remove '") && !line.contains("--detach \\"), "{line}");
    let terminal = with(&["process", "terminal"], "true");
    let line = text(&terminal, &foreground, &machine);
    for part in ["--receive 5", "--send 5", "--keep-stderr", "--stderr-fd 1"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let hold = Setting { console_socket: None, ..held() };
    let line = text(&config, &hold, &machine);
    for part in [
        "--fork --detach --new-session",
        "--into-cgroup /dev/fd/8 \\",
        "--pdeathsig clear",
        "--gate-fds 9,6 --stderr-fd 5 --pass-fds 100:3",
        "[ -t 5 ]",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    for part in ["--remove", "--kill-child", "--forward-signals", "pty-rs", "created"] {
        assert!(!line.contains(part), "{part}: {line}");
    }
}

/// In a user namespace that was joined nobody may write the file.
#[test]
fn the_first_process_is_noted_by_the_word_that_starts_it() {
    let user = r#"{"type": "user", "path": "/ns/user"}"#;
    let net = r#"{"type": "network", "path": "/ns/network"}"#;
    let mount = r#"{"type": "mount"}"#;
    for (namespaces, count, want) in [
        (&[mount, r#"{"type": "pid"}"#][..], 1, "--process-file"),
        (&[user, mount], 1, "--process-file"),
        (&[user, mount, r#"{"type": "pid"}"#], 2, "--process-fd 6"),
        (&[net, mount, r#"{"type": "pid"}"#], 1, "--process-file"),
    ] {
        let mut config = with(&["process", "terminal"], "false");
        if let Value::Object(members) = &mut config {
            members.retain(|(name, _)| name != "hostname");
        }
        let list = format!("[{}]", namespaces.join(","));
        set(&mut config, &["linux", "namespaces"], &list);
        let log = Log::default();
        let setting = Setting { console_socket: None, ..held() };
        let texts = write(
            &model::read(Node::new(&config, &log)),
            &setting,
            &machine(0, &[VERSION_2]),
            &log,
        );
        assert_eq!(log.faults(), []);
        let line = String::from_utf8(texts.line).unwrap();
        assert_eq!(line.matches("--fork --detach").count(), count, "{line}");
        assert_eq!(line.matches("--process-f").count(), 1);
        let behind = line.split(want).nth(1).unwrap();
        let forks = behind.matches("--fork").count();
        assert_eq!(forks, 0, "{line}");
    }
}

#[test]
fn a_life_that_cannot_be_kept_is_refused() {
    let terminal = |on: bool| with(&["process", "terminal"], if on { "true" } else { "false" });
    let faults = |config: &Value, setting: &Setting| {
        let log = Log::default();
        write(&model::read(Node::new(config, &log)), setting, &machine(0, &[VERSION_2]), &log);
        log.faults()
            .iter()
            .map(|fault| format!("{}: {}", fault.path, fault.reason))
            .collect::<Vec<_>>()
    };
    let no_socket = Setting { console_socket: None, ..held() };
    assert!(faults(&terminal(true), &no_socket)[0].starts_with("process.terminal: needs a socket"));
    assert!(faults(&terminal(false), &held())[0].starts_with("process.terminal: is not set"));
    assert!(faults(&terminal(true), &held()).is_empty());
    let no_hooks = Setting { runs_hooks: false, ..held() };
    let found = faults(&hostile(), &no_hooks);
    assert_eq!(found.len(), 6);
    assert!(found[0].starts_with("hooks.prestart: is not kept by the line alone"), "{found:?}");
    for (hook, path) in [
        (r#"{"path": "x"}"#, "hooks.poststop[0].path: must be an absolute path"),
        (r#"{"path": ""}"#, "hooks.poststop[0].path: must be an absolute path"),
        (r#"{"args": ["x"]}"#, "hooks.poststop[0].path: is missing"),
        (
            r#"{"path": "/x", "timeout": 0}"#,
            "hooks.poststop[0].timeout: must be a whole number from 1",
        ),
        (
            r#"{"path": "/x", "timeout": -1}"#,
            "hooks.poststop[0].timeout: must be a whole number from 1",
        ),
        (
            r#"{"path": "/x", "timeout": 1.5}"#,
            "hooks.poststop[0].timeout: must be a whole number from 1",
        ),
        (r#"{"path": "/x", "env": ["A"]}"#, "hooks.poststop[0].env[0]: must be NAME=VALUE"),
        (r#"{"path": "/x", "args": [5]}"#, "hooks.poststop[0].args[0]: must be a string"),
        (r#"{"path": "/x\u0000"}"#, "hooks.poststop[0].path: holds a NUL character"),
        ("5", "hooks.poststop[0]: must be an object"),
    ] {
        let found = faults(&with(&["hooks", "poststop"], &format!("[{hook}]")), &held());
        assert!(found.iter().any(|fault| fault.starts_with(path)), "{hook}: {found:?}");
    }
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
    set(&mut config, path, value);
    config
}

fn set(config: &mut Value, path: &[&str], value: &str) {
    let mut place = config;
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
}

fn outcome(config: &Value, machine: &Machine) -> (Vec<Fault>, Vec<String>, String) {
    let log = Log::default();
    let text = write(&model::read(Node::new(config, &log)), &setting(), machine, &log).line;
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

/// `FILE=VALUE` of all limits.
fn files(resources: &str, machine: &Machine) -> Result<Vec<String>, Vec<String>> {
    let (faults, _, text) = outcome(&with(&["linux", "resources"], resources), machine);
    let set = text.split("--set ").skip(1);
    let words = set.map(|rest| match rest.strip_prefix('\'') {
        Some(quoted) => quoted.split('\'').next().unwrap_or_default(),
        None => rest.split_whitespace().next().unwrap_or_default(),
    });
    match faults.is_empty() {
        true => Ok(words.map(str::to_owned).collect()),
        false => Err(faults
            .into_iter()
            .map(|fault| format!("{}: {}", fault.path, fault.reason))
            .collect()),
    }
}

const CONTROLLERS: &[u8] = b"40 23 0:40 / /c/all rw - cgroup cgroup rw,cpu,cpuset,memory,pids,blkio,hugetlb,rdma,net_cls,net_prio
";
const ALL: &[u8] = b"9:cpu,cpuset,memory,pids,blkio,hugetlb,rdma,net_cls,net_prio:/\n0::/\n";

/// A machine with all controllers on one version.
fn version(one: bool) -> Machine {
    let mounts = if one { CONTROLLERS } else { VERSION_2 };
    Machine { cgroups: Cgroups::parse(ALL, mounts), ..machine(0, &[]) }
}

#[test]
fn limits_become_files_of_either_version() {
    for (resources, one, two) in [
        (r#"{"pids": {"limit": 20}}"#, &["pids.max=20"][..], &["pids.max=20"][..]),
        (r#"{"pids": {"limit": 0}}"#, &["pids.max=0"], &["pids.max=1"]),
        (r#"{"memory": {"limit": 64}}"#, &["memory.limit_in_bytes=64"], &["memory.max=64"]),
        (
            r#"{"memory": {"swap": 96, "limit": 64}}"#,
            &["memory.limit_in_bytes=64", "memory.memsw.limit_in_bytes=96"],
            &["memory.max=64", "memory.swap.max=32"],
        ),
        (
            r#"{"memory": {"swap": 64, "limit": 64}}"#,
            &["memory.limit_in_bytes=64", "memory.memsw.limit_in_bytes=64"],
            &["memory.max=64", "memory.swap.max=0"],
        ),
        (r#"{"memory": {"reservation": 5}}"#, &["memory.soft_limit_in_bytes=5"], &["memory.low=5"]),
        (
            r#"{"memory": {"swappiness": 0, "disableOOMKiller": true}}"#,
            &["memory.swappiness=0", "memory.oom_control=1"],
            &[],
        ),
        (
            r#"{"memory": {"kernel": 5, "kernelTCP": 5, "useHierarchy": true, "checkBeforeUpdate": true}}"#,
            &[],
            &[],
        ),
        (r#"{"cpu": {"shares": 1024}}"#, &["cpu.shares=1024"], &["cpu.weight=100"]),
        (
            r#"{"cpu": {"quota": 5000, "period": 20000, "burst": 100, "idle": 1}}"#,
            &[
                "cpu.cfs_period_us=20000",
                "cpu.cfs_quota_us=5000",
                "cpu.cfs_burst_us=100",
                "cpu.idle=1",
            ],
            &["cpu.max=5000 20000", "cpu.max.burst=100", "cpu.idle=1"],
        ),
        (r#"{"cpu": {"period": 20000}}"#, &["cpu.cfs_period_us=20000"], &["cpu.max=max 20000"]),
        (
            r#"{"cpu": {"cpus": "0-1", "mems": "0"}}"#,
            &["cpuset.cpus=0-1", "cpuset.mems=0"],
            &["cpuset.cpus=0-1", "cpuset.mems=0"],
        ),
        (
            r#"{"blockIO": {"throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 5}],
              "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 6}]}}"#,
            &["blkio.throttle.read_bps_device=8:0 5", "blkio.throttle.write_iops_device=8:16 6"],
            &["io.max=8:0 rbps=5", "io.max=8:16 wiops=6"],
        ),
        (
            r#"{"blockIO": {"throttleWriteBpsDevice": [{"major": 8, "minor": 0, "rate": 5}],
              "throttleReadIOPSDevice": [{"major": 8, "minor": 16, "rate": 6}, {"major": 8, "minor": 1, "rate": 0}]}}"#,
            &["blkio.throttle.write_bps_device=8:0 5", "blkio.throttle.read_iops_device=8:16 6"],
            &["io.max=8:0 wbps=5", "io.max=8:16 riops=6"],
        ),
        (
            r#"{"hugepageLimits": [{"pageSize": "2MB", "limit": 9}]}"#,
            &["hugetlb.2MB.limit_in_bytes=9", "hugetlb.2MB.rsvd.limit_in_bytes=9"],
            &["hugetlb.2MB.max=9", "hugetlb.2MB.rsvd.max=9"],
        ),
        (
            r#"{"rdma": {"mlx5_1": {"hcaHandles": 3, "hcaObjects": 10}}}"#,
            &["rdma.max=mlx5_1 hca_handle=3 hca_object=10"],
            &["rdma.max=mlx5_1 hca_handle=3 hca_object=10"],
        ),
    ] {
        for (machine, want) in [(version(true), one), (version(false), two)] {
            assert_eq!(
                files(resources, &machine),
                Ok(want.iter().map(|&w| w.to_owned()).collect()),
                "{resources}"
            );
        }
    }
}

#[test]
fn limits_of_one_version_alone() {
    let set = |resources: &str, one: bool| files(resources, &version(one));
    for (resources, want) in [
        (
            r#"{"network": {"classID": 5, "priorities": [{"name": "eth0", "priority": 6}]}}"#,
            &["net_cls.classid=5", "net_prio.ifpriomap=eth0 6"][..],
        ),
        (
            r#"{"cpu": {"realtimePeriod": 9, "realtimeRuntime": 5}}"#,
            &["cpu.rt_period_us=9", "cpu.rt_runtime_us=5"],
        ),
    ] {
        assert_eq!(set(resources, true).unwrap(), want);
        assert_eq!(set(resources, false).unwrap_err().len(), 2, "{resources}");
    }
    let unified = r#"{"unified": {"memory.high": "5", "io.max": "8:0 rbps=1\n8:1 wbps=2", "cgroup.max.depth": "3"}}"#;
    assert_eq!(
        set(unified, false).unwrap(),
        ["memory.high=5", "io.max=8:0 rbps=1", "io.max=8:1 wbps=2", "cgroup.max.depth=3"]
    );
    assert_eq!(set(unified, true).unwrap_err().len(), 3);
    let hybrid = Machine {
        cgroups: Cgroups::parse(ALL, &[CONTROLLERS, HYBRID].concat()),
        ..machine(0, &[])
    };
    let faults = files(unified, &hybrid).unwrap_err();
    assert!(faults[0].contains("the controller 'memory' is of version 1 here"), "{faults:?}");
}

#[test]
fn weights_of_block_devices_take_what_the_kernel_has() {
    let resources =
        r#"{"blockIO": {"weight": 500, "weightDevice": [{"major": 8, "minor": 0, "weight": 10}]}}"#;
    let with_bfq = |one| files(resources, &Machine { has_bfq: || true, ..version(one) });
    assert_eq!(with_bfq(true).unwrap(), ["blkio.bfq.weight=500", "blkio.bfq.weight_device=8:0 10"]);
    assert_eq!(with_bfq(false).unwrap(), ["io.bfq.weight=500", "io.bfq.weight=8:0 10"]);
    assert_eq!(files(resources, &version(false)).unwrap(), ["io.weight=4950", "io.weight=8:0 1"]);
    assert_eq!(files(resources, &version(true)).unwrap_err().len(), 2);
}

#[test]
fn limits_out_of_range_are_faults() {
    for (resources, path) in [
        (r#"{"memory": {"swap": 5}}"#, "memory.swap: needs"),
        (r#"{"memory": {"swap": 5, "limit": 6}}"#, "memory.swap: must not be below"),
        (r#"{"memory": {"limit": -2}}"#, "memory.limit: must be"),
        (r#"{"memory": {"swappiness": 101}}"#, "memory.swappiness: must be"),
        (r#"{"cpu": {"shares": 1}}"#, "cpu.shares: must be"),
        (r#"{"cpu": {"shares": 262145}}"#, "cpu.shares: must be"),
        (r#"{"cpu": {"quota": 5, "burst": 6}}"#, "cpu.burst: must not be above"),
        (r#"{"cpu": {"cpus": "0 1"}}"#, "cpu.cpus: must be"),
        (r#"{"cpu": {"idle": 2}}"#, "cpu.idle: must be"),
        (r#"{"blockIO": {"weight": 9}}"#, "blockIO.weight: must be"),
        (r#"{"blockIO": {"weight": 1001}}"#, "blockIO.weight: must be"),
        (
            r#"{"blockIO": {"weightDevice": [{"major": 8, "minor": 0}]}}"#,
            "blockIO.weightDevice[0].weight: is missing",
        ),
        (
            r#"{"blockIO": {"throttleReadBpsDevice": [{"major": 8, "rate": 1}]}}"#,
            "blockIO.throttleReadBpsDevice[0].minor: is missing",
        ),
        (
            r#"{"hugepageLimits": [{"pageSize": "2M", "limit": 1}]}"#,
            "hugepageLimits[0].pageSize: must be",
        ),
        (
            r#"{"hugepageLimits": [{"pageSize": "1GB", "limit": 1}]}"#,
            "hugepageLimits[0].pageSize: is not a size",
        ),
        (r#"{"rdma": {"a b": {"hcaHandles": 3}}}"#, "rdma[\"a b\"]: must be named"),
        (r#"{"rdma": {"a": {}}}"#, "rdma.a: must have"),
        (r#"{"unified": {"cgroup.procs": "1"}}"#, "unified[\"cgroup.procs\"]: is not supported"),
        (r#"{"unified": {"../x.y": "1"}}"#, "unified[\"../x.y\"]: must be named"),
        (r#"{"unified": {"misc.max": "1"}}"#, "unified[\"misc.max\"]: cannot be kept"),
        (r#"{"devices": [{"allow": true, "access": "rx"}]}"#, "devices[0].access: must be"),
        (
            r#"{"devices": [{"allow": true, "type": "c", "major": 4096}]}"#,
            "devices[0].major: must be",
        ),
    ] {
        let faults = files(resources, &version(false)).unwrap_err();
        assert!(
            faults.iter().any(|fault| fault.starts_with(&format!("linux.resources.{path}"))),
            "{resources}: {faults:?}"
        );
    }
}

#[test]
fn a_caller_without_a_cgroup() {
    let user = machine(1000, &[VERSION_2]);
    let faults = files(r#"{"pids": {"limit": 5}, "memory": {"limit": 5}}"#, &user).unwrap_err();
    assert_eq!(faults.len(), 2);
    assert!(
        faults[0].contains("pids.limit: cannot be kept") && faults[0].contains("Delegate=yes"),
        "{faults:?}"
    );
    let (faults, _, text) = outcome(&with(&["linux", "cgroupsPath"], r#""/x""#), &user);
    assert!(!text.contains("cgexec-rs"));
    // The rule to deny all devices of a new configuration is kept by its mounts.
    assert_eq!(faults, []);
    let log = Log::default();
    let config = with(&["linux", "cgroupsPath"], r#""/x""#);
    write(&model::read(Node::new(&config, &log)), &setting(), &user, &log);
    assert_eq!(log.warnings().len(), 1);
}

/// The word after -g.
fn target(path: &str, setting: &Setting) -> Result<String, Vec<Fault>> {
    let config = with(&["linux", "cgroupsPath"], &format!("{path:?}"));
    let log = Log::default();
    let text =
        write(&model::read(Node::new(&config, &log)), setting, &machine(0, &[VERSION_2]), &log)
            .line;
    let text = String::from_utf8(text).unwrap();
    let word = text.split(" -g ").nth(1).unwrap().lines().next().unwrap();
    if log.faults().is_empty() {
        Ok(word.trim_end_matches(" \\").to_owned())
    } else {
        Err(log.faults())
    }
}

#[test]
fn no_cgroups_path_leads_out() {
    for (path, want) in [
        ("/a/b", "'*:/a/b'"),
        ("/a/../../b/.", "'*:/b'"),
        ("a", "'*:./a'"),
        ("../../a", "'*:./a'"),
        ("", "'*:./runsh-box'"),
    ] {
        assert_eq!(target(path, &setting()).unwrap(), want, "{path}");
    }
    for path in ["/", "..", "/a/..", ".", "a\nb"] {
        assert_eq!(target(path, &setting()).unwrap_err()[0].path, "linux.cgroupsPath", "{path}");
    }
    assert_eq!(target("", &Setting { id: None, ..setting() }).unwrap(), "'*:./runsh-it_s'");
    assert_eq!(
        target("", &Setting { id: Some(b"../../x".into()), ..setting() }).unwrap(),
        "'*:./runsh-.._.._x'"
    );
}

#[test]
fn network_devices() {
    let config = with(&["linux", "netDevices"], r#"{"eth7": {"name": "eth0"}, "eth8": {}}"#);
    let log = Log::default();
    let text =
        write(&model::read(Node::new(&config, &log)), &setting(), &machine(0, &[VERSION_2]), &log);
    assert_eq!(log.faults(), []);
    golden("net-devices", &String::from_utf8(text.line).unwrap());
}

#[test]
fn a_scope_of_systemd() {
    let systemd = || Setting { systemd_cgroup: true, ..setting() };
    let config = with(&["linux", "cgroupsPath"], r#""machine-a.slice:docker:1""#);
    let text = |config: &Value, machine: &Machine| {
        let log = Log::default();
        let text = write(&model::read(Node::new(config, &log)), &systemd(), machine, &log).line;
        (log.faults(), String::from_utf8(text).unwrap())
    };
    let (faults, line) = text(&config, &machine(0, &[VERSION_2]));
    assert_eq!(faults, []);
    golden("systemd", &line);
    for path in [
        "a",
        "a.slice:b",
        "a.slice:b:c:d",
        "a:b:c",
        "a.slice:b:c/d",
        "a.slice:b:",
        "a.slice:b:c.slice",
        "-a.slice:b:c",
        "a--b.slice:b:c",
    ] {
        let config = with(&["linux", "cgroupsPath"], &format!("{path:?}"));
        let (faults, _) = text(&config, &machine(0, &[VERSION_2]));
        assert_eq!(faults[0].path, "linux.cgroupsPath", "{path}");
    }
    assert_eq!(text(&config, &machine(0, &[VERSION_1])).0[0].path, "linux.cgroupsPath");
}

/// Root of a user namespace, as rootless Podman's runtime is, has the user's systemd too.
#[test]
fn a_scope_of_a_user() {
    let user = Machine { may_make_cgroup: |_| true, ..machine(1000, &[VERSION_2]) };
    let mapped = Machine {
        user_manager: Some(1000),
        is_in_first_user_namespace: false,
        ..machine(0, &[VERSION_2])
    };
    let setting = Setting { systemd_cgroup: true, ..setting() };
    let config = json::parse(new::config(true, &user).as_bytes()).unwrap();
    let limits = with(&["linux", "resources"], r#"{"pids": {"limit": 7}, "cpu": {"cpus": "0"}}"#);
    for machine in [&user, &mapped] {
        let log = Log::default();
        let texts = write(&model::read(Node::new(&config, &log)), &setting, machine, &log);
        assert_eq!(log.faults(), []);
        let line = String::from_utf8(texts.line).unwrap();
        let call = " runsh-box.scope fail ";
        for part in ["busctl --user call ", call, " Slice s user.slice ", "=/run/user/1000"] {
            assert!(line.contains(part), "{part} in {line}");
        }
        let facts = String::from_utf8(texts.facts).unwrap();
        let scope = "user@1000.service/user.slice/runsh-box.scope/container\n";
        assert!(facts.contains(scope), "{facts}");

        let log = Log::default();
        write(&model::read(Node::new(&limits, &log)), &setting, machine, &log);
        let faults = log.faults();
        let paths: Vec<_> = faults.iter().map(|fault| &fault.path[..]).collect();
        assert!(paths.contains(&"linux.resources.cpu.cpus"), "{paths:?}");
        assert!(!paths.contains(&"linux.resources.pids.limit"), "{paths:?}");
    }
}

/// The lines of the device rules.
fn rules(linux: &str, machine: &Machine) -> Vec<String> {
    let text = outcome(&with(&["linux"], linux), machine).2;
    let lines = text.lines().skip_while(|line| !line.contains("8<<'devices'"));
    let lines = lines.skip_while(|line| !line.starts_with("deny") && !line.starts_with("allow"));
    lines.take_while(|line| *line != "devices").map(str::to_owned).collect()
}

#[test]
fn device_rules() {
    let root = machine(0, &[VERSION_2]);
    let default = rules("{}", &root);
    assert_eq!(default.len(), 11);
    assert_eq!(
        default[..2],
        ["deny a *:* rwm # default devices", "allow c *:* m # default devices"]
    );
    let own = rules(
        r#"{"devices": [{"path": "/dev/null", "type": "c", "major": 1, "minor": 3}],
          "resources": {"devices": [{"allow": false}, {"allow": true, "major": 10, "minor": 200, "access": "wr"},
          {"allow": true, "type": "b", "major": -1, "access": "m"}]}}"#,
        &root,
    );
    assert_eq!(
        own[1..5],
        [
            "deny a *:* rwm # linux.resources.devices[0]",
            "allow c 10:200 rw # linux.resources.devices[1]",
            "allow b 10:200 rw # linux.resources.devices[1]",
            "allow b *:* m # linux.resources.devices[2]",
        ]
    );
    assert!(own.iter().all(|rule| !rule.contains("1:3")));
    let all = r#"{"resources": {"devices": [{"allow": false}, {"allow": true, "access": "rwm"}]}}"#;
    assert!(rules(all, &root).is_empty());
    assert!(rules("{}", &machine(1000, &[VERSION_2])).is_empty());
}

#[test]
fn more_devices() {
    let device = |json: &str, uid: u32, user: bool| {
        let mut config = with(&["linux", "devices"], json);
        if user {
            let mappings = r#"[{"containerID": 0, "hostID": 1000, "size": 1}]"#;
            config = with(
                &["linux"],
                &format!(
                    r#"{{"devices": {json}, "uidMappings": {mappings}, "gidMappings": {mappings},
              "namespaces": [{{"type": "mount"}}, {{"type": "user"}}]}}"#
                ),
            );
            if let Value::Object(members) = &mut config {
                members.retain(|(name, _)| name != "hostname");
            }
        }
        let (faults, _, text) = outcome(&config, &machine(uid, &[VERSION_2]));
        let lines = text.lines().filter(|line| line.ends_with("# linux.devices[0]"));
        (faults.len(), lines.map(str::to_owned).collect::<Vec<_>>().join("\n"))
    };
    let fuse = r#"[{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": 8630, "gid": 5}]"#;
    assert_eq!(
        device(fuse, 0, false),
        (0, "10:229 /dev/fuse char mode=666,gid=5 # linux.devices[0]".into())
    );
    assert_eq!(
        device(fuse, 1000, true),
        (0, "/dev/fuse /dev/fuse none bind,ro,nosuid,noexec # linux.devices[0]".into())
    );
    let mapped = Machine { is_in_first_user_namespace: false, ..machine(0, &[VERSION_2]) };
    let (_, _, text) = outcome(&with(&["linux", "devices"], fuse), &mapped);
    assert!(text.contains("/dev/fuse /dev/fuse none bind,ro,nosuid,noexec # linux.devices[0]"));
    assert!(text.contains("/dev/null /dev/null none bind,ro,nosuid,noexec # default devices"));
    let fifo = r#"[{"path": "/dev/x/../f", "type": "p"}]"#;
    assert_eq!(
        device(fifo, 1000, true),
        (0, "none /dev/f fifo mode=666 # linux.devices[0]".into())
    );
    // Another device has that name, or none has.
    assert_eq!(device(&fuse.replace("229", "230"), 1000, true).0, 1);
    assert_eq!(device(&fuse.replace("fuse", "none"), 1000, true).0, 1);
    assert_eq!(device(r#"[{"path": "x", "type": "z"}]"#, 0, false).0, 4);
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
        ("process.ioPriority", "{}"),
        ("process.execCPUAffinity", r#"{"initial": "0"}"#),
        ("linux.memoryPolicy", "{}"),
        ("linux.memoryPolicy", r#"{"mode": "MPOL_DEFAULT", "nodes": ""}"#),
        ("linux.personality", r#"{"domain": ""}"#),
        ("linux.mountLabel", r#""""#),
        ("process.commandLine", r#""x""#),
        ("linux.resources.blockIO", r#"{"weight": 0, "weightDevice": []}"#),
        ("linux.resources.memory", r#"{"limit": -1, "swap": -1, "disableOOMKiller": false}"#),
        ("linux.resources.cpu", r#"{"shares": 0, "quota": -1, "cpus": ""}"#),
        ("linux.resources.pids", r#"{"limit": -1}"#),
        ("linux.resources.unified", "{}"),
        ("linux.personality", r#"{"domain": "LINUX", "flags": []}"#),
        ("linux.seccomp", "{}"),
        ("linux.seccomp", r#"{"architectures": ["SCMP_ARCH_X86"], "listenerPath": ""}"#),
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
        ("linux.seccomp.listenerPath", r#""/run/x""#),
        ("linux.seccomp.listenerMetadata", r#""x""#),
        ("linux.seccomp.defaultAction", r#""SCMP_ACT_NOTIFY""#),
        ("linux.resources.blockIO.leafWeight", "10"),
        ("vm", r#"{"kernel": {"path": "/x"}}"#),
    ] {
        let names: Vec<_> = path.split('.').collect();
        let (faults, ..) = outcome(&with(&names, value), &machine(0, &[VERSION_2]));
        let want = path.replace(".0.", "[0].");
        assert!(faults.len() == 1 && faults[0].path == want, "{path}: {faults:?}");
        assert!(faults[0].reason.contains("not supported"), "{path}: {faults:?}");
    }
}

#[test]
fn faults_of_seccomp_are_named() {
    let rule = |rest: &str| {
        format!(
            r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{{"names": ["execve", "capset"], "action": "SCMP_ACT_ALLOW"}}, {{{rest}}}]}}"#
        )
    };
    let read = r#""names": ["read"], "action": "#;
    let argument = |rest: &str| rule(&format!(r#"{read} "SCMP_ACT_ALLOW", "args": [{{{rest}}}]"#));
    for (value, path, reason) in [
        (r#"{"syscalls": [{"names": ["read"], "action": "SCMP_ACT_ALLOW"}]}"#.into(), "defaultAction", "is missing"),
        (r#"{"defaultAction": "x"}"#.into(), "defaultAction", "must be SCMP_ACT_"),
        (r#"{"defaultAction": "SCMP_ACT_ALLOW", "defaultErrnoRet": 1}"#.into(), "defaultErrnoRet", "is not for SCMP_ACT_ALLOW"),
        (r#"{"defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]}"#.into(), "flags[0]", "is not supported"),
        (r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_x86"]}"#.into(), "architectures[0]", "is not an architecture: 'SCMP_ARCH_x86'"),
        (r#"{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["X86"]}"#.into(), "architectures[0]", "is not an architecture"),
        (rule(r#""action": "SCMP_ACT_ALLOW""#), "syscalls[1].names", "is missing"),
        (rule(r#""names": ["", "read"], "action": "SCMP_ACT_ALLOW""#), "syscalls[1].names[0]", "must be a name"),
        (rule(r#""names": ["read"]"#), "syscalls[1].action", "is missing"),
        (rule(&format!(r#"{read} "SCMP_ACT_NOTIFY""#)), "syscalls[1].action", "is not supported: SCMP_ACT_NOTIFY"),
        (rule(&format!(r#"{read} "SCMP_ACT_ERRNO", "errnoRet": 4096"#)), "syscalls[1].errnoRet", "from 0 to 4095"),
        (rule(&format!(r#"{read} "SCMP_ACT_TRACE", "errnoRet": 65536"#)), "syscalls[1].errnoRet", "from 0 to 65535"),
        (rule(&format!(r#"{read} "SCMP_ACT_KILL", "errnoRet": 0"#)), "syscalls[1].errnoRet", "is not for SCMP_ACT_KILL"),
        (argument(r#""value": 1, "op": "SCMP_CMP_EQ""#), "syscalls[1].args[0].index", "is missing"),
        (argument(r#""index": 6, "value": 1, "op": "SCMP_CMP_EQ""#), "syscalls[1].args[0].index", "from 0 to 5"),
        (argument(r#""index": 0, "op": "SCMP_CMP_EQ""#), "syscalls[1].args[0].value", "is missing"),
        (argument(r#""index": 0, "value": 1, "op": "EQ""#), "syscalls[1].args[0].op", "must be SCMP_CMP_"),
        (argument(r#""index": 0, "value": 1, "valueTwo": 2, "op": "SCMP_CMP_EQ""#), "syscalls[1].args[0].valueTwo", "is for SCMP_CMP_MASKED_EQ"),
        (r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_KILL"}]}"#.into(), "", "denies execve(2)"),
    ] {
        let config = with(&["linux", "seccomp"], &value);
        let (faults, ..) = outcome(&config, &machine(0, &[VERSION_2]));
        let want = format!("linux.seccomp.{path}");
        let is_there = faults.iter().any(|fault| {
            fault.path == want.trim_end_matches('.') && fault.reason.contains(reason)
        });
        assert!(is_there && faults.len() == 1, "{value}: {faults:?}");
    }
}

/// What drops the capabilities after the rules are loaded is needed only where they are loaded that early.
#[test]
fn rules_that_deny_capset() {
    let seccomp = r#"{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["capset"], "action": "SCMP_ACT_ERRNO"}]}"#;
    for (no_new_privileges, faults) in [("true", 0), ("false", 1)] {
        let mut config = with(&["linux", "seccomp"], seccomp);
        let Value::Object(members) = &mut config else { panic!() };
        let (_, Value::Object(process)) =
            &mut members.iter_mut().find(|(name, _)| name == "process").unwrap()
        else {
            panic!()
        };
        process.retain(|(name, _)| name != "noNewPrivileges");
        process
            .push(("noNewPrivileges".into(), json::parse(no_new_privileges.as_bytes()).unwrap()));
        assert_eq!(outcome(&config, &machine(0, &[VERSION_2])).0.len(), faults);
    }
}

/// The rules of the text, in the order in which they count.
#[test]
fn the_order_of_rules() {
    let rule = |name: &str, action: &str, arguments: &[(u8, &str, u64)]| {
        let arguments: Vec<_> = arguments
            .iter()
            .map(|(index, operator, value)| {
                format!(r#"{{"index": {index}, "op": "SCMP_CMP_{operator}", "value": {value}}}"#)
            })
            .collect();
        format!(
            r#"{{"names": ["{name}"], "action": "SCMP_ACT_{action}", "args": [{}]}}"#,
            arguments.join(",")
        )
    };
    let rules = [
        rule("mount", "ERRNO", &[]),
        rule("socket", "ALLOW", &[(0, "GT", 2)]),
        rule("socket", "ALLOW", &[(0, "GT", 5)]),
        rule("socket", "TRAP", &[(0, "EQ", 1), (2, "EQ", 9)]),
        rule("socket", "LOG", &[(0, "EQ", 1)]),
        rule("socket", "KILL", &[(0, "LT", 9)]),
        rule("socket", "KILL", &[(1, "GE", 1), (1, "LE", 7)]),
        rule("mount", "ALLOW", &[]),
        rule("execve", "ALLOW", &[]),
    ];
    let seccomp =
        format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{}]}}"#, rules.join(","));
    let (faults, _, text) =
        outcome(&with(&["linux", "seccomp"], &seccomp), &machine(0, &[VERSION_2]));
    assert_eq!(faults, []);
    let lines: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once(" # linux.seccomp.syscalls"))
        .map(|(rule, _)| rule)
        .collect();
    assert_eq!(
        lines,
        [
            "allow mount",
            "allow execve",
            "kill_thread socket if arg1 <= 7",
            "kill_thread socket if arg1 >= 1",
            "trap socket if arg0 == 1 and arg2 == 9",
            "log socket if arg0 == 1",
            "kill_thread socket if arg0 < 9",
            "allow socket if arg0 > 5",
            "allow socket if arg0 > 2",
            "errno EPERM mount",
        ]
    );
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

/// Each property that a program of the machine acts on, and what it is told.
#[test]
fn the_classics_and_their_arguments() {
    for (path, value, want) in [
        ("process.scheduler", r#"{"policy": "SCHED_OTHER"}"#, "chrt --other 0"),
        (
            "process.scheduler",
            r#"{"policy": "SCHED_BATCH", "nice": 7}"#,
            "nice -n 7 \\\nchrt --batch 0",
        ),
        ("process.scheduler", r#"{"policy": "SCHED_IDLE", "nice": 7}"#, "chrt --idle 0"),
        ("process.scheduler", r#"{"policy": "SCHED_FIFO", "priority": 99}"#, "chrt --fifo 99"),
        ("process.scheduler", r#"{"policy": "SCHED_RR", "priority": 1}"#, "chrt --rr 1"),
        (
            "process.ioPriority",
            r#"{"class": "IOPRIO_CLASS_RT", "priority": 4}"#,
            "ionice -c 1 -n 4",
        ),
        ("process.ioPriority", r#"{"class": "IOPRIO_CLASS_BE"}"#, "ionice -c 2 -n 0"),
        ("process.ioPriority", r#"{"class": "IOPRIO_CLASS_IDLE", "priority": 4}"#, "ionice -c 3"),
        ("linux.personality", r#"{"domain": "LINUX32"}"#, "setarch linux32"),
        ("linux.memoryPolicy", r#"{"mode": "MPOL_LOCAL"}"#, "numactl --localalloc"),
        (
            "linux.memoryPolicy",
            r#"{"mode": "MPOL_BIND", "nodes": "0-1,3"}"#,
            "numactl --membind=0-1,3",
        ),
        (
            "linux.memoryPolicy",
            r#"{"mode": "MPOL_BIND", "nodes": "0", "flags": ["MPOL_F_NUMA_BALANCING"]}"#,
            "numactl --balancing --membind=0",
        ),
        (
            "linux.memoryPolicy",
            r#"{"mode": "MPOL_INTERLEAVE", "nodes": "0"}"#,
            "numactl --interleave=0",
        ),
        ("linux.memoryPolicy", r#"{"mode": "MPOL_PREFERRED"}"#, "numactl --localalloc"),
        (
            "linux.memoryPolicy",
            r#"{"mode": "MPOL_PREFERRED", "nodes": "1"}"#,
            "numactl --preferred=1",
        ),
        (
            "linux.memoryPolicy",
            r#"{"mode": "MPOL_PREFERRED_MANY", "nodes": "0,1"}"#,
            "numactl --preferred-many=0,1",
        ),
    ] {
        let path: Vec<_> = path.split('.').collect();
        let (faults, _, text) = outcome(&with(&path, value), &machine(0, &[VERSION_2]));
        assert_eq!(faults, [], "{value}");
        assert!(text.contains(&format!("\n{want} \\\n/opt/cgexec-rs")), "{value}: {text}");
        let program = want.split(' ').next().unwrap();
        let check = format!("command -v {program} >/dev/null || fail 'find {program}'\n");
        assert!(text.contains(&check), "{value}");
    }
}

/// A policy that ends with a fork is set after the last one.
#[test]
fn a_policy_that_no_child_inherits() {
    for (value, want) in [
        (
            r#"{"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 2000000}"#,
            "chrt --deadline --sched-runtime 1000000 --sched-deadline 2000000 --sched-period 2000000 0",
        ),
        (
            r#"{"policy": "SCHED_FIFO", "priority": 5, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}"#,
            "chrt --fifo --reset-on-fork 5",
        ),
    ] {
        let config = with(&["process", "scheduler"], value);
        let (faults, _, text) = outcome(&config, &machine(0, &[VERSION_2]));
        assert_eq!(faults, []);
        assert!(text.contains(&format!("runc \\\n{want} \\\n/opt/bindmount-rs")), "{text}");

        let mut config = config;
        add_namespace(&mut config, r#"{"type": "user"}"#);
        let (faults, ..) = outcome(&config, &machine(0, &[VERSION_2]));
        assert!(faults.iter().any(|fault| fault.path == "process.scheduler"), "{faults:?}");
    }
}

fn add_namespace(config: &mut Value, namespace: &str) {
    let mut place = config;
    for name in ["linux", "namespaces"] {
        let Value::Object(members) = place else { panic!("{name}") };
        place = &mut members.iter_mut().find(|(other, _)| other == name).unwrap().1;
    }
    let Value::Array(namespaces) = place else { panic!("namespaces") };
    let namespace = json::parse(namespace.as_bytes()).unwrap();
    namespaces.retain(|other| kind_of(other) != kind_of(&namespace));
    namespaces.push(namespace);
}

fn kind_of(namespace: &Value) -> Option<&Value> {
    let Value::Object(members) = namespace else { return None };
    members.iter().find(|(name, _)| name == "type").map(|(_, kind)| kind)
}

#[test]
fn what_the_machine_adds_to_the_classics() {
    let config = with(&["process", "scheduler"], r#"{"policy": "SCHED_OTHER", "nice": 3}"#);
    let user = Machine { nice: || 5, lowest_nice: || 20, ..machine(1000, &[VERSION_2]) };
    let (faults, _, text) = outcome(&config, &user);
    assert_eq!(faults[0].path, "process.scheduler.nice");
    assert!(text.contains("\nnice -n -2 \\\n"), "{text}");
    let user = Machine { lowest_nice: || 0, ..user };
    assert_eq!(outcome(&config, &user).0, []);
    let config = with(&["linux", "personality"], r#"{"domain": "LINUX"}"#);
    let bound = Machine { has_all_cpus: || false, ..machine(0, &[VERSION_2]) };
    let cpus = with(&["linux", "resources"], r#"{"cpu": {"cpus": "0-1"}}"#);
    assert!(outcome(&cpus, &bound).2.contains("\ntaskset -c 0-1 \\\n"));
    assert!(!outcome(&cpus, &machine(0, &[VERSION_2])).2.contains("taskset"));
    assert!(!outcome(&with(&["linux", "resources"], "{}"), &bound).2.contains("taskset"));
    let odd = Machine { has_default_personality: || false, ..machine(0, &[VERSION_2]) };
    assert!(outcome(&config, &odd).2.contains("\nsetarch linux64 \\\n"));
}

#[test]
fn labels_where_the_kernel_has_them() {
    let none = machine(0, &[VERSION_2]);
    let both = Machine { has_apparmor: || true, has_selinux: || true, ..machine(0, &[VERSION_2]) };
    for (path, value, want) in [
        ("process.apparmorProfile", r#""it's""#, "--apparmor-profile 'it'\\''s'"),
        ("process.selinuxLabel", r#""a:b:c:s0:c1,c2""#, "--selinux-label a:b:c:s0:c1,c2"),
        ("linux.mountLabel", r#""a:b:c:s0:c1,c2""#, r#"size=65536k,context="a:b:c:s0:c1,c2" #"#),
    ] {
        let names: Vec<_> = path.split('.').collect();
        let config = with(&names, value);
        let (faults, ..) = outcome(&config, &none);
        assert!(faults.len() == 1 && faults[0].path == path, "{faults:?}");
        assert!(faults[0].reason.contains("does not run on this machine"), "{faults:?}");
        let (faults, _, text) = outcome(&config, &both);
        assert_eq!(faults, []);
        assert!(text.contains(want), "{text}");
        assert!(!text.contains("/proc proc context"), "{text}");
    }
    let config = with(&["process", "apparmorProfile"], r#""unconfined""#);
    assert!(outcome(&config, &both).2.contains("--apparmor-profile unconfined"));
    let config = with(&["linux", "mountLabel"], r#""a\",bind""#);
    assert_eq!(outcome(&config, &both).0[0].path, "linux.mountLabel");
}

/// Values of a known property that no program can keep, each named.
#[test]
fn what_the_classics_cannot_do_is_refused() {
    for (path, value, at, reason) in [
        ("process.scheduler", r#"{"nice": 5}"#, ".policy", "is missing"),
        ("process.scheduler", r#"{"policy": "SCHED_ISO"}"#, ".policy", "not supported"),
        ("process.scheduler", r#"{"policy": "-o"}"#, ".policy", "is not a scheduling policy: '-o'"),
        ("process.scheduler", r#"{"policy": "SCHED_FIFO"}"#, ".priority", "must be from 1 to 99"),
        (
            "process.scheduler",
            r#"{"policy": "SCHED_OTHER", "priority": 1}"#,
            ".priority",
            "must be",
        ),
        ("process.scheduler", r#"{"policy": "SCHED_OTHER", "nice": 20}"#, ".nice", "must be from"),
        (
            "process.scheduler",
            r#"{"policy": "SCHED_OTHER", "runtime": 1}"#,
            "",
            "only SCHED_DEADLINE",
        ),
        ("process.scheduler", r#"{"policy": "SCHED_DEADLINE"}"#, "", "must have a runtime"),
        (
            "process.scheduler",
            r#"{"policy": "SCHED_OTHER", "flags": ["SCHED_FLAG_RECLAIM"]}"#,
            ".flags[0]",
            "is not supported: 'SCHED_FLAG_RECLAIM'",
        ),
        (
            "process.scheduler",
            r#"{"policy": "SCHED_RR", "priority": 1, "flags": ["x"]}"#,
            ".flags[0]",
            "is not a flag",
        ),
        ("process.ioPriority", r#"{"priority": 1}"#, ".class", "is missing"),
        ("process.ioPriority", r#"{"class": "x"}"#, ".class", "is not a class"),
        (
            "process.ioPriority",
            r#"{"class": "IOPRIO_CLASS_BE", "priority": 8}"#,
            ".priority",
            "0 to 7",
        ),
        ("process.execCPUAffinity", r#"{"initial": "all"}"#, ".initial", "must be a list such as"),
        ("linux.personality", r#"{"domain": "LINUX64"}"#, ".domain", "must be LINUX or LINUX32"),
        (
            "linux.personality",
            r#"{"domain": "LINUX", "flags": ["x"]}"#,
            ".flags",
            "is not supported",
        ),
        ("linux.memoryPolicy", r#"{"nodes": "0"}"#, ".mode", "is missing"),
        (
            "linux.memoryPolicy",
            r#"{"mode": "MPOL_WEIGHTED_INTERLEAVE"}"#,
            ".mode",
            "is not supported",
        ),
        ("linux.memoryPolicy", r#"{"mode": "x"}"#, ".mode", "is not a memory policy: 'x'"),
        ("linux.memoryPolicy", r#"{"mode": "MPOL_BIND"}"#, ".nodes", "must name a node"),
        (
            "linux.memoryPolicy",
            r#"{"mode": "MPOL_LOCAL", "nodes": "0"}"#,
            ".nodes",
            "must be empty",
        ),
        (
            "linux.memoryPolicy",
            r#"{"mode": "MPOL_PREFERRED", "nodes": "0-1"}"#,
            ".nodes",
            "not supported",
        ),
        (
            "linux.memoryPolicy",
            r#"{"mode": "MPOL_BIND", "nodes": "file:/x"}"#,
            ".nodes",
            "must be a list",
        ),
        (
            "linux.memoryPolicy",
            r#"{"mode": "MPOL_LOCAL", "flags": ["MPOL_F_NUMA_BALANCING"]}"#,
            ".flags",
            "only MPOL_BIND",
        ),
        (
            "linux.memoryPolicy",
            r#"{"mode": "MPOL_LOCAL", "flags": ["MPOL_F_STATIC_NODES"]}"#,
            ".flags[0]",
            "is not supported",
        ),
    ] {
        let names: Vec<_> = path.split('.').collect();
        let (faults, ..) = outcome(&with(&names, value), &machine(0, &[VERSION_2]));
        let found =
            |fault: &Fault| fault.path == format!("{path}{at}") && fault.reason.contains(reason);
        assert!(faults.iter().any(found), "{value}: {faults:?}");
    }
}

const USER: &str = r#"{"type": "user"}"#;

const ENTRY: &str = " --into-cgroup /dev/fd/6 --remove-cgroup";

/// The words between the umask and the root, with their options, but for those of the cgroup.
fn words_of_namespaces(config: &Value, machine: &Machine) -> Vec<String> {
    let all = words_before_root(config, machine);
    // It is made by the word before the process that removes it, so that none is left where another one fails.
    let made = all.iter().position(|word| word.starts_with("/opt/cgexec-rs")).unwrap();
    let entered = all.iter().position(|word| word.contains(ENTRY));
    assert_eq!(entered, Some(made + 1));
    let words = all.iter().enumerate().filter(|(at, _)| *at != made);
    words.map(|(_, word)| word.replace(ENTRY, "")).collect()
}

fn words_before_root(config: &Value, machine: &Machine) -> Vec<String> {
    let (faults, _, text) = outcome(config, machine);
    assert_eq!(faults, []);
    let (_, text) = text.split_once("\nexec \\\n").unwrap();
    let joined = text.replace(" \\\n  ", " ");
    let lines = joined.lines().skip(1).map(|line| line.trim_end_matches(" \\").to_owned());
    lines
        .take_while(|line| {
            !line.starts_with("/opt/bindmount-rs --f") && !line.starts_with("/opt/setpriv-rs")
        })
        .collect()
}

fn with_namespaces(namespaces: &[&str]) -> Value {
    let mut config = with(&["process", "terminal"], "true");
    namespaces.iter().for_each(|namespace| add_namespace(&mut config, namespace));
    config
}

/// Each of the shapes that joins give the line.
#[test]
fn namespaces_that_are_joined() {
    let net = r#"{"type": "network", "path": "/ns/network"}"#;
    let pid = r#"{"type": "pid", "path": "/ns/pid"}"#;
    let root = machine(0, &[VERSION_2]);
    let child = "--fork --kill-child --forward-signals --new-session";
    let new = "--propagation slave --hostname runc";

    assert_eq!(
        words_of_namespaces(&with_namespaces(&[net]), &root),
        [
            format!("/opt/unshare-rs --mount --pid --ipc --uts --cgroup {child} {new}"),
            "/opt/nsenter-rs --net=/ns/network".into(),
        ]
    );
    assert_eq!(
        words_of_namespaces(&with_namespaces(&[pid, net]), &root),
        [
            "/opt/nsenter-rs --no-fork --pid=/ns/pid".into(),
            format!("/opt/unshare-rs --mount --ipc --uts --cgroup {child} {new}"),
            "/opt/nsenter-rs --net=/ns/network".into(),
        ]
    );
    // The user namespace that is joined comes first, and new ones belong to it.
    let user = r#"{"type": "user", "path": "/ns/user"}"#;
    assert_eq!(
        words_of_namespaces(&with_namespaces(&[net, user]), &root),
        [
            format!("/opt/unshare-rs {child}"),
            "/opt/nsenter-rs --user=/ns/user --net=/ns/network".into(),
            format!(
                "/opt/unshare-rs --mount --pid --ipc --uts --cgroup --fork --kill-child --forward-signals {new}"
            ),
        ]
    );
    assert_eq!(
        words_of_namespaces(&with_namespaces(&[pid, user]), &root),
        [
            format!("/opt/unshare-rs {child}"),
            "/opt/nsenter-rs --no-fork --user=/ns/user --pid=/ns/pid".into(),
            "/opt/unshare-rs --mount --net --ipc --uts --cgroup --fork --kill-child --forward-signals --propagation slave --loopback --hostname runc".to_string(),
        ]
    );
    // A new one takes away the power to join others.
    let mut config = with_namespaces(&[net, USER]);
    add_maps(&mut config);
    assert_eq!(
        words_of_namespaces(&config, &root),
        [
            format!("/opt/unshare-rs {child}"),
            "/opt/nsenter-rs --net=/ns/network".into(),
            format!(
                "/opt/unshare-rs --user --mount --pid --ipc --uts --cgroup --map-users 0:5:9 --map-groups 0:5:9 --setuid 0 --setgid 0 --fork --kill-child --forward-signals {new}"
            ),
        ]
    );
}

fn add_maps(config: &mut Value) {
    let Value::Object(members) = config else { panic!() };
    let linux = &mut members.iter_mut().find(|(name, _)| name == "linux").unwrap().1;
    let Value::Object(linux) = linux else { panic!() };
    for name in ["uidMappings", "gidMappings"] {
        let maps = json::parse(br#"[{"containerID": 0, "hostID": 5, "size": 9}]"#).unwrap();
        linux.push((name.to_owned(), maps));
    }
}

/// The names of a UTS namespace that is joined are set in it, and its parameters by the word that enters the last one.
#[test]
fn parameters_are_set_in_the_last_namespace() {
    let uts = r#"{"type": "uts", "path": "/ns/uts"}"#;
    let mut config =
        with(&["linux", "sysctl"], r#"{"kernel/shmmax": "1 2", "net.x.eth0/1.y": "1"}"#);
    let root = machine(0, &[VERSION_2]);
    let words = words_of_namespaces(&config, &root);
    let parameters = "--sysctl 'kernel/shmmax=1 2' --sysctl net.x.eth0/1.y=1";
    assert!(words[0].ends_with(&format!("--hostname runc {parameters}")), "{words:?}");
    add_namespace(&mut config, uts);
    let words = words_of_namespaces(&config, &root);
    assert!(!words[0].contains("hostname"), "{words:?}");
    assert_eq!(
        words[1],
        format!("/opt/nsenter-rs --uts=/ns/uts --sysctl kernel.hostname=runc {parameters}")
    );
}

#[test]
fn parameters_of_the_machine_are_refused() {
    for (name, namespace, reason) in [
        ("net.ipv4.ip_forward", Some("network"), "without a new network namespace"),
        ("net/ipv4/ip_forward", Some("network"), "without a new network namespace"),
        ("kernel.sem", Some("ipc"), "without a new ipc namespace"),
        ("fs.mqueue.msg_max", Some("ipc"), "without a new ipc namespace"),
        ("kernel.domainname", Some("uts"), "without a new uts namespace"),
        ("kernel.hostname", None, "the property hostname is for that"),
        ("kernel.core_pattern", None, "of no namespace"),
        ("kernel.domainname2", None, "of no namespace"),
        ("fs.mqueue2", None, "of no namespace"),
        ("vm.swappiness", None, "of no namespace"),
        ("net", None, "of no namespace"),
        ("net/../kernel/core_pattern", None, "is not the name of a kernel parameter"),
        ("net.//.kernel.core_pattern", None, "is not the name of a kernel parameter"),
        ("net.ipv4.x=y", None, "is not the name of a kernel parameter"),
    ] {
        let mut config = with(&["linux", "sysctl"], &format!(r#"{{"{name}": "1"}}"#));
        let of_it = |config: &Value| {
            let (faults, ..) = outcome(config, &machine(0, &[VERSION_2]));
            let path = format!(r#"linux.sysctl["{name}"]"#);
            let path = if name == "net" { "linux.sysctl.net".into() } else { path };
            faults.into_iter().find(|fault| fault.path == path).map(|fault| fault.reason)
        };
        if let Some(namespace) = namespace {
            assert_eq!(of_it(&config), None, "{name}");
            let joined = format!(r#"{{"type": "{namespace}", "path": "/ns/{namespace}"}}"#);
            add_namespace(&mut config, &joined);
            assert_eq!(of_it(&config), None, "{name}");
            let own = format!(r#"{{"type": "{namespace}", "path": "/own/{namespace}"}}"#);
            add_namespace(&mut config, &own);
        }
        assert!(of_it(&config).is_some_and(|found| found.contains(reason)), "{name}");
    }
}

#[test]
fn paths_of_namespaces_that_are_refused() {
    for (namespace, at, reason) in [
        (r#"{"type": "network", "path": "/x"}"#, "path", "'/x' is not a namespace"),
        (r#"{"type": "network", "path": "ns/network"}"#, "path", "must be an absolute path"),
        (
            r#"{"type": "network", "path": "/ns/ipc"}"#,
            "path",
            "is a namespace of another type: '/ns/ipc' is ipc",
        ),
    ] {
        let config = with_namespaces(&[namespace]);
        let (faults, ..) = outcome(&config, &machine(0, &[VERSION_2]));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert_eq!(
            (faults[0].path.as_str(), faults[0].reason.as_str()),
            (format!("linux.namespaces[5].{at}").as_str(), reason)
        );
    }
    let mount = r#"{"type": "mount", "path": "/ns/mount"}"#;
    let mut config = with_namespaces(&[mount, USER]);
    add_maps(&mut config);
    let (faults, ..) = outcome(&config, &machine(0, &[VERSION_2]));
    assert!(faults.iter().any(|fault| fault.path == "linux.namespaces[5].path"), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.path == "mounts"), "{faults:?}");
}

/// The line of the table that comes from `mounts[at]`, and the warnings.
fn mounted(at: usize, config: &Value, machine: &Machine) -> (String, Vec<Fault>) {
    let log = Log::default();
    let text = write(&model::read(Node::new(config, &log)), &setting(), machine, &log).line;
    assert_eq!(log.faults(), []);
    let text = String::from_utf8(text).unwrap();
    let end = format!(" # mounts[{at}]");
    let line = text.lines().find_map(|line| line.strip_suffix(&end));
    (line.unwrap_or_default().to_owned(), log.warnings())
}

#[test]
fn mounts_with_mapped_owners() {
    const MAPS: &str = r#""uidMappings": [{"containerID": 0, "hostID": 5, "size": 2}, {"containerID": 9, "hostID": 9, "size": 1}],
        "gidMappings": [{"containerID": 0, "hostID": 7, "size": 3}]"#;
    let range = "u:0:5:2\\040u:9:9:1\\040g:0:7:3";
    let root = machine(0, &[VERSION_2]);
    for (options, want) in [
        (r#""bind""#, "bind,X-mount.idmap="),
        (r#""bind", "idmap""#, "bind,X-mount.idmap="),
        (r#""rbind", "idmap""#, "rbind,X-mount.idmap-top="),
        (r#""rbind", "ridmap", "ro""#, "rbind,ro,X-mount.idmap="),
    ] {
        let mount =
            format!(r#"{{"destination": "/x", "source": "/s", "options": [{options}], {MAPS}}}"#);
        let config = replace_rule(with(&["mounts", "3"], &mount));
        assert_eq!(mounted(3, &config, &root).0, format!("/s /x none {want}{range}"));
        // In a user namespace the tree is made before it begins.
        let mut config = config;
        add_namespace(&mut config, USER);
        add_maps(&mut config);
        assert_eq!(mounted(3, &config, &root).0, "/dev/fd/40 /x none bind,X-mount.tree");
        let (_, _, text) = outcome(&config, &root);
        let range = range.replace("\\040", " ");
        let word = format!(
            "/opt/bindmount-rs --failure-status 1 -o '{want}{range},X-mount.fd=40' \\\n  /s none \\\n/opt/cgexec-rs"
        );
        assert!(text.contains(&word), "{text}");
        let (faults, ..) = outcome(&config, &machine(1000, &[VERSION_2]));
        assert!(faults.iter().any(|fault| fault.path == "mounts[3].options"), "{faults:?}");
    }
}

#[test]
fn what_a_user_namespace_does_not_mount_is_the_machines() {
    let user = machine(1000, &[VERSION_2]);
    let rootless = |namespaces: &[&str]| {
        let mut config = with(
            &["linux", "namespaces"],
            r#"[{"type": "mount"}, {"type": "pid"}, {"type": "uts"}]"#,
        );
        config = replace_rule(config);
        add_namespace(&mut config, USER);
        namespaces.iter().for_each(|namespace| add_namespace(&mut config, namespace));
        add_maps(&mut config);
        config
    };
    let config = rootless(&[]);
    let (line, warnings) = mounted(1 + 4, &config, &user);
    assert_eq!(line, "/sys /sys none rbind,nosuid,noexec,nodev,rro");
    assert_eq!(
        mounted(4, &config, &user).0,
        "/dev/mqueue /dev/mqueue none rbind,nosuid,noexec,nodev"
    );
    let paths: Vec<_> = warnings.iter().map(|warning| warning.path.as_str()).collect();
    assert_eq!(paths, ["mounts[4]", "mounts[5]"]);
    let config = rootless(&[r#"{"type": "network"}"#, r#"{"type": "ipc"}"#]);
    assert_eq!(
        mounted(5, &config, &user),
        ("sysfs /sys sysfs nosuid,noexec,nodev,ro".into(), vec![])
    );
}

#[test]
fn the_group_of_a_devpts_that_is_not_mapped() {
    let config = new::config(true, &machine(1000, &[VERSION_2]));
    let config = config.replace(r#""mode=0620""#, r#""mode=0620", "gid=5""#);
    let config = json::parse(config.as_bytes()).unwrap();
    let (line, warnings) = mounted(2, &config, &machine(1000, &[VERSION_2]));
    assert!(line.ends_with(",mode=0620"), "{line}");
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].path, "mounts[2].options");
}

#[test]
fn owners_are_mapped_as_the_user_namespace_does() {
    let mount =
        r#"{"destination": "/x", "source": "s", "options": ["rbind", "ridmap", "rprivate"]}"#;
    let config = replace_rule(with(&["mounts", "3"], mount));
    let root = machine(0, &[VERSION_2]);
    let mut new = config.clone();
    add_namespace(&mut new, USER);
    add_maps(&mut new);
    let text = outcome(&new, &root).2;
    assert!(
        text.contains("-o 'rbind,X-mount.idmap=u:0:5:9 g:0:5:9,X-mount.fd=40' \\\n  ./s none"),
        "{text}"
    );
    assert_eq!(mounted(3, &new, &root).0, "/dev/fd/40 /x none bind,X-mount.tree,rprivate");
    let mut joined = config;
    add_namespace(&mut joined, r#"{"type": "user", "path": "/ns/user"}"#);
    let text = outcome(&joined, &root).2;
    assert!(text.contains("-o rbind,X-mount.idmap=/ns/user,X-mount.fd=40 \\\n"), "{text}");
}
