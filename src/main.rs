//! The binary. See the library for everything.

fn main() {}
