//! The tool by itself. The code is in the library.

#![no_main]
#![forbid(unsafe_code)]

common::main!(tool nsenter_rs::TOOL);
