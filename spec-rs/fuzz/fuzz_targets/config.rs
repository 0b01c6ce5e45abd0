//! Any bytes as a config.json: an error, or a text without control characters, and never a panic.

#![no_main]
#![allow(dead_code)]

#[path = "../../src/cgroups.rs"]
mod cgroups;
#[path = "../../src/json.rs"]
mod json;
#[path = "../../src/line/mod.rs"]
mod line;
#[path = "../../src/machine.rs"]
mod machine;
#[path = "../../src/model/mod.rs"]
mod model;
#[path = "../../src/node.rs"]
mod node;
#[path = "../../src/path.rs"]
mod path;
#[path = "../../src/print.rs"]
mod print;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(value) = json::parse(bytes) else { return };
    let log = node::Log::default();
    let config = model::read(node::Node::new(&value, &log));
    let setting = line::Setting {
        directory: b"/bundle".to_vec(),
        tools: b"/tools".to_vec(),
        pivot: bytes.len() % 2 == 0,
        new_keyring: true,
    };
    let text = line::write(&config, &setting, &machine::Machine::this(true, true), &log);
    let text = String::from_utf8(text).expect("the text is UTF-8");
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()));
    for fault in log.faults() {
        assert!(!fault.path.chars().chain(fault.reason.chars()).any(char::is_control));
    }
});
