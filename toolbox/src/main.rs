//! All tools in one file, which each is called from by a link of its name.

#![no_main]
#![forbid(unsafe_code)]

use common::{Tool, toolbox};

const TOOLS: &[Tool] = &[
    bindmount_rs::TOOL,
    cgexec_rs::TOOL,
    chroot_rs::TOOL,
    findmnt_rs::TOOL,
    kill_rs::TOOL,
    nsenter_rs::TOOL,
    pivot_root_rs::TOOL,
    pty_rs::TOOL,
    setpriv_rs::TOOL,
    spec_rs::TOOL,
    unshare_rs::TOOL,
];

common::main!(toolbox::run(TOOLS));
