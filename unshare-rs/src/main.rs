//! The tool by itself. The code is in the library.

#![no_main]
#![forbid(unsafe_code)]

common::main!(tool unshare_rs::TOOL);
