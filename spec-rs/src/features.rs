//! What of the specification is supported, as its features.md has it for `runsh features`.

use crate::model::{self, KINDS};
use seccomp::Architecture;

/// One JSON object, from the tables by which a configuration is read.
pub fn text() -> String {
    let namespaces = KINDS.iter().map(|(name, ..)| (*name).to_owned());
    let capabilities = common::capability::NAMES.iter();
    let capabilities = capabilities.map(|name| format!("CAP_{}", name.to_ascii_uppercase()));
    let architectures = Architecture::ALL.iter();
    let architectures =
        architectures.map(|(name, _)| format!("SCMP_ARCH_{}", name.to_ascii_uppercase()));
    format!(
        r#"{{
  "ociVersionMin": "1.0.0",
  "ociVersionMax": "1.3.0",
  "hooks": {hooks},
  "mountOptions": {options},
  "linux": {{
    "namespaces": {namespaces},
    "capabilities": {capabilities},
    "cgroup": {{"v1": true, "v2": true, "systemd": true, "systemdUser": true, "rdma": true}},
    "seccomp": {{
      "enabled": true,
      "actions": {actions},
      "operators": {operators},
      "archs": {architectures},
      "knownFlags": {flags},
      "supportedFlags": {flags}
    }},
    "apparmor": {{"enabled": true}},
    "selinux": {{"enabled": true}},
    "intelRdt": {{"enabled": false}},
    "memoryPolicy": {{}},
    "netDevices": {{"enabled": true}},
    "mountExtensions": {{"idmap": {{"enabled": true}}}}
  }}
}}
"#,
        hooks = list(model::HOOKS.iter().map(|&name| name.to_owned())),
        options = list(model::mount_options().map(str::to_owned)),
        namespaces = list(namespaces),
        capabilities = list(capabilities),
        actions = list(model::actions().map(str::to_owned)),
        operators = list(model::OPERATORS.iter().map(|name| format!("SCMP_CMP_{name}"))),
        architectures = list(architectures),
        flags = list(model::FLAGS.iter().map(|(name, _)| (*name).to_owned())),
    )
}

/// A sorted JSON array of strings, which need no escape.
fn list(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<_> = names.map(|name| format!("\"{name}\"")).collect();
    names.sort_unstable();
    format!("[{}]", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{self, Value};

    #[test]
    fn it_is_json() {
        let Ok(Value::Object(members)) = json::parse(text().as_bytes()) else {
            panic!("no object")
        };
        let names: Vec<_> = members.iter().map(|(name, _)| &name[..]).collect();
        assert_eq!(names, ["ociVersionMin", "ociVersionMax", "hooks", "mountOptions", "linux"]);
        for part in
            ["\"rro\"", "\"idmap\"", "\"SCMP_ACT_ERRNO\"", "\"CAP_SYS_ADMIN\"", "\"poststop\""]
        {
            assert!(text().contains(part), "{part}");
        }
    }
}
