//! Mounts that the caller adds to those of the configuration.

use crate::cli::MoreMount;
use crate::json::Value;
use crate::model::{self, Mount};
use crate::node::{Log, Node};
use crate::path::Path;

/// Faults name it as they name a property of the configuration.
const OPTION: Path = Path::Member(&Path::Root, "--mount");

/// The same checks hold as for the mounts of the configuration. What lies beneath another one is mounted after it.
pub fn mounts(given: &[MoreMount], log: &Log) -> Vec<Mount> {
    let value = Value::Array(given.iter().map(object).collect());
    let mut mounts = model::read_mounts(Node::of_option(&value, &OPTION, log));
    for (mount, given) in mounts.iter_mut().zip(given) {
        mount.subdirectory.clone_from(&given.subdirectory);
        mount.owners = given.owners;
    }
    refuse_twins(&mounts, log);
    mounts
        .sort_by_key(|mount| mount.destination.split('/').filter(|name| !name.is_empty()).count());
    mounts
}

/// One of two mounts on the same place would be hidden.
fn refuse_twins(mounts: &[Mount], log: &Log) {
    for (index, mount) in mounts.iter().enumerate() {
        let is_twin = |other: &&Mount| other.destination == mount.destination;
        if let Some(other) = mounts[..index].iter().find(is_twin) {
            let reason =
                format!("is that of {} too: {}", other.path, common::quote(&mount.destination));
            log.fault(format_args!("{}.destination", mount.path), reason);
        }
    }
}

fn object(mount: &MoreMount) -> Value {
    let member = |name: &str, text: &str| (name.to_owned(), Value::Text(text.to_owned()));
    let mut members = vec![
        member("destination", &mount.destination),
        member("type", mount.kind.as_deref().unwrap_or("bind")),
    ];
    members.extend(mount.source.as_deref().map(|source| member("source", source)));
    let options = mount.options.iter().map(|list| Value::Text(list.clone())).collect();
    members.push(("options".to_owned(), Value::Array(options)));
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(destination: &str, options: &str) -> MoreMount {
        let (source, options) = (Some("/s".to_owned()), Some(options.to_owned()));
        MoreMount { destination: destination.to_owned(), source, options, ..MoreMount::default() }
    }

    #[test]
    fn what_lies_beneath_another_comes_after_it() {
        let log = Log::default();
        let found = mounts(&[mount("/a/b/c", "ro"), mount("/x", ""), mount("//a/./b", "")], &log);
        let paths: Vec<_> = found.iter().map(|mount| mount.destination.as_str()).collect();
        assert_eq!(paths, ["/x", "/a/b", "/a/b/c"]);
        assert!(found[2].options.read_only && log.faults().is_empty());
    }

    #[test]
    fn faults_name_the_option() {
        let log = Log::default();
        mounts(&[mount("/a", "nofail"), mount("a", ""), mount("/a/", ""), mount("/", "")], &log);
        let faults: Vec<_> = log.faults().into_iter().map(|fault| fault.path).collect();
        for path in ["--mount[0].options[0]", "--mount[2].destination", "--mount[3].destination"] {
            assert!(faults.iter().any(|fault| fault == path), "{path}: {faults:?}");
        }
    }
}
