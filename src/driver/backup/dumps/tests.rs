//! What is said of dumps of the real pg_dump.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use rstest::rstest;

use super::verify;
use crate::model::dump::{ContentProof, ContentsScope, DumpDepth, DumpFormat, DumpVerification};

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/pg_dump").join(name)
}

fn read(name: &str, depth: DumpDepth) -> DumpVerification {
    verify(&fixture(name), depth, NonZeroUsize::MIN).expect("readable")
}

#[rstest]
#[case("17/custom-none.dump", ContentsScope::Whole)]
#[case("17/directory-zstd", ContentsScope::Whole)]
#[case("15/tar.tar", ContentsScope::Whole)]
#[case("17/custom-schema.dump", ContentsScope::SchemaOnly)]
#[case("17/custom-data.dump", ContentsScope::DataOnly)]
fn the_table_of_contents_tells_how_much_of_a_database_it_is(#[case] name: &str, #[case] scope: ContentsScope) {
    let contents = read(name, DumpDepth::Header).dump.contents.expect("an archive");
    assert_eq!(contents.scope, scope);
}

#[test]
fn what_a_restore_needs_beside_the_dump_is_known_before_it() {
    let found = read("17/custom-gzip.dump", DumpDepth::Header);
    let contents = found.dump.contents.as_ref().expect("an archive");
    assert_eq!(contents.roles, ["clerk", "postgres"].map(crate::model::text::Text::new));
    assert_eq!((contents.extensions.len(), contents.publications.len(), contents.has_large_objects), (1, 1, true));
    assert_eq!((found.dump.format, found.content), (DumpFormat::Custom, ContentProof::NotRead));
    assert!(found.is_proven() && found.tables.is_empty() && found.dump.size.is_some_and(|size| size > 10_000));
    let public = read("17/custom-public.dump", DumpDepth::Header).dump.contents.expect("an archive");
    assert!(public.extensions.is_empty() && !public.has_large_objects, "of a dump of one schema both are left out");
}

#[rstest]
#[case("17/custom-gzip.dump", ContentProof::Checksums)]
#[case("17/custom-zstd.dump", ContentProof::None)]
#[case("17/custom-lz4.dump", ContentProof::None)]
#[case("17/directory-none", ContentProof::None)]
#[case("17/plain-gzip.sql", ContentProof::Checksums)]
fn the_content_is_proven_no_further_than_checksums_go(#[case] name: &str, #[case] content: ContentProof) {
    let found = read(name, DumpDepth::Blocks);
    assert_eq!((found.content, found.is_proven()), (content, true), "{:?}", found.defects);
    let rows: u64 = found.tables.iter().filter_map(|table| table.rows).sum();
    assert_eq!(rows, 404, "{:?}", found.tables);
}

#[test]
fn what_is_no_dump_is_called_what_it_is() {
    let home = tempfile::tempdir().expect("a directory");
    let defect = |name: &str, bytes: &[u8]| {
        let path = home.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let found = verify(&path, DumpDepth::Blocks, NonZeroUsize::MIN).expect("readable");
        found.defects.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    };
    assert_eq!(defect("empty.sql.gz", b""), "there is nothing in it");
    // What a backup container leaves of a run that failed at once passes every test of gzip.
    assert_eq!(defect("failed.sql.gz", &std::fs::read(fixture("empty.gz")).expect("there")), "there is nothing in it");
    assert_eq!(defect("notes.txt", b"to do"), "it is no dump of pg_dump");
    let whole = std::fs::read(fixture("17/plain-none.sql")).expect("there");
    assert!(defect("cut.sql", &whole[..whole.len() / 2]).contains("incomplete"));
    let archive = std::fs::read(fixture("17/custom-zstd.dump")).expect("there");
    assert!(defect("cut.dump", &archive[..archive.len() / 2]).contains("accounts: "));
    assert!(defect("newer.dump", b"PGDMP\x01\x21\x00\x04\x08\x01").contains("version 1.33 is not supported"));
    assert!(verify(&home.path().join("missing"), DumpDepth::Header, NonZeroUsize::MIN).is_err());
}
