//! Nothing but the tool: see the library.

#![no_main]
#![forbid(unsafe_code)]

common::main!(tool kill_rs::TOOL);
