//! What fuzzing has found, and what real servers say, given once more to every parser of outside bytes.

#![expect(clippy::expect_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use pgctl::wire::outside::PARSERS;
use proptest::prelude::*;

/// Files of `directory`, and those below it.
fn files(directory: &Path) -> Vec<Vec<u8>> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let each = entries.map(|entry| entry.expect("an entry").path());
    each.flat_map(|path| if path.is_dir() { files(&path) } else { vec![std::fs::read(&path).expect("a file")] })
        .collect()
}

#[test]
fn what_was_found_once_is_taken_ever_after() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz");
    for parser in PARSERS {
        let corpus = files(&corpora.join(parser.name));
        assert!(!corpus.is_empty(), "{} has no corpus", parser.name);
        for bytes in corpus {
            (parser.feed)(&bytes);
            // Cut anywhere, as a connection that ends.
            for end in [1, bytes.len() / 3, bytes.len() / 2, bytes.len().saturating_sub(1)] {
                (parser.feed)(&bytes[..end.min(bytes.len())]);
            }
        }
    }
}

#[test]
fn every_fuzz_target_is_a_parser_and_every_parser_a_target() {
    let targets = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/targets");
    let mut named: Vec<String> = std::fs::read_dir(targets)
        .expect("targets")
        .map(|entry| entry.expect("an entry").path().file_stem().expect("a name").to_string_lossy().replace('_', "-"))
        .collect();
    named.sort();
    let mut parsers: Vec<&str> = PARSERS.iter().map(|parser| parser.name).collect();
    parsers.sort_unstable();
    assert_eq!(named, parsers);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_a_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        for parser in PARSERS {
            (parser.feed)(&bytes);
        }
    }
}
