//! Gives fuzzed bytes to the parsers of outside bytes. Built by `cargo fuzz`, through `dev/fuzz`, alone.

pub use libfuzzer_sys::fuzz_target;
pub use pgctl::wire::outside::parser;

/// The fuzz target of the parser called `$name`.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        $crate::fuzz_target!(|bytes: &[u8]| {
            let parser = $crate::parser($name).expect("a parser of this name");
            (parser.feed)(bytes);
        });
    };
}
