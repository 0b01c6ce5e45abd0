//! The tool alone: see the library.

#![no_main]
#![forbid(unsafe_code)]

common::main!(tool findmnt_rs::TOOL);
