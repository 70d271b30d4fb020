//! The rooms of the house and who may go where. Reads the sources, not the binary: a rule that is broken is named with
//! file, line, what was found and which rule it breaks. The table is the one of ARCHITECTURE.md.

#[path = "architecture/reading.rs"]
mod reading;
#[path = "architecture/rules.rs"]
mod rules;
#[path = "architecture/samples.rs"]
mod samples;

use std::path::Path;

#[test]
fn every_source_file_keeps_to_its_room() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let sources = reading::sources(&root).expect("src can be read");
    assert!(sources.len() > 10, "found only {} source files under {}", sources.len(), root.display());
    let violations = rules::violations(&sources);
    let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{} violations:\n{}", lines.len(), lines.join("\n"));
}
