//! The hooks, as a shell text: a call of the function `hook` for each. Whoever reads the text defines the function.

use super::{ENVIRONMENT, Writer};
use crate::model::Hook;
use crate::print::{self, Document};

impl Writer<'_> {
    /// `hook KIND INDEX TIMEOUT PATH ARGV0 ARG...`, with the environment as a here-document, in the order in which they
    /// run. No line of the text is `go`, whatever an argument holds.
    pub(super) fn hooks(&self) -> Vec<u8> {
        let mut out = print::NEWLINE.to_vec();
        let hooks = &self.config.hooks;
        for kind in hooks.kinds() {
            for (index, hook) in hooks.of(kind).enumerate() {
                add(&mut out, index, hook);
            }
        }
        out
    }

    /// A line alone runs none.
    pub(super) fn demand_hooks(&self) {
        if self.setting.runs_hooks {
            return;
        }
        for kind in self.config.hooks.kinds() {
            let reason = "is not kept by the line alone: runsh runs hooks, or who asks for them by --hooks-fd";
            self.log.fault(format_args!("hooks.{kind}"), reason);
        }
    }
}

fn add(out: &mut Vec<u8>, index: usize, hook: &Hook) {
    let (index, timeout) = (index.to_string(), hook.timeout.unwrap_or_default().to_string());
    let mut words = vec![b"hook", hook.kind.as_bytes(), index.as_bytes(), timeout.as_bytes()];
    words.push(hook.path.as_bytes());
    words.extend(hook.arguments.iter().map(String::as_bytes));
    let lines = hook.env.iter().map(|line| print::variable(line.as_bytes())).collect();
    print::call(out, &words, &Document { descriptor: ENVIRONMENT, name: "env", lines });
}
