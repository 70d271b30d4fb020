//! What the manual says must be so.

use std::path::Path;

use pgctl::config::{Environment, from_text};

/// Every TOML block of the manual loads as it stands.
#[test]
fn the_examples_of_the_manual_are_valid_configurations() {
    for (name, text) in
        [("configuration.md", include_str!("../docs/configuration.md")), ("README.md", include_str!("../README.md"))]
    {
        let mut blocks = 0;
        for block in text.split("```toml\n").skip(1) {
            let block = block.split("```").next().expect("a block");
            let settings = from_text(block, Path::new(name), &Environment::default());
            if name == "README.md" {
                // A fragment: what is in it must be right, though it names no endpoint.
                assert!(settings.is_ok() || settings.is_err_and(|error| !error.to_string().contains("unknown")));
            } else {
                let settings = settings.expect(name);
                assert!(settings.warnings.is_empty(), "{:?}", settings.warnings);
                assert_eq!(settings.clusters.len(), 1);
            }
            blocks += 1;
        }
        assert!(blocks > 0, "{name} has no example");
    }
}
