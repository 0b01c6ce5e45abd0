//! Nothing but the tool: see the library.

#![no_main]
#![forbid(unsafe_code)]

common::main!(tool cgexec_rs::TOOL);
