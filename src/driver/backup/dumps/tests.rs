//! What is said of dumps of the real `pg_dump`.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use rstest::rstest;

use super::verify;
use crate::model::dump::{ContentProof, ContentsScope, DirectoryDefect, DumpDepth, DumpFormat, DumpVerification};
use crate::model::text::Text;

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
    assert_eq!(contents.roles, ["clerk", "postgres"].map(Text::new));
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

/// The layout of postgres-backup-local, with what goes wrong in it.
fn backups() -> tempfile::TempDir {
    let home = tempfile::tempdir().expect("a directory");
    let at = |path: &str| home.path().join(path);
    for directory in ["last", "daily", "weekly", "monthly"] {
        std::fs::create_dir(at(directory)).expect("made");
    }
    let second = |path: &str, second: u64| {
        let file = std::fs::File::options().write(true).open(at(path)).expect("there");
        let time = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_796_000_000 + second);
        file.set_modified(time).expect("set");
    };
    let dump = |from: &str, path: &str, at_second: u64| {
        std::fs::copy(fixture(from), at(path)).expect("copied");
        second(path, at_second);
    };
    dump("17/plain-gzip.sql", "last/bank-20261130-020000.sql.gz", 1);
    // An archive under the name of a text.
    dump("17/custom-gzip.dump", "last/bank-20261201-020000.sql.gz", 2);
    std::fs::hard_link(at("last/bank-20261201-020000.sql.gz"), at("daily/bank-20261201.sql.gz")).expect("linked");
    std::fs::hard_link(at("last/bank-20261201-020000.sql.gz"), at("monthly/bank-202612.sql.gz")).expect("linked");
    dump("empty.gz", "last/bank-test-20261201-020000.sql.gz", 3);
    std::fs::write(at("notes.txt"), "to do").expect("written");
    std::os::unix::fs::symlink("bank-20261130-020000.sql.gz", at("last/bank-latest.sql.gz")).expect("linked");
    std::os::unix::fs::symlink("bank-20261201.sql.gz", at("daily/bank-latest.sql.gz")).expect("linked");
    std::os::unix::fs::symlink("bank-202649.sql.gz", at("weekly/bank-latest.sql.gz")).expect("linked");
    home
}

#[test]
fn dumps_are_listed_once_by_what_is_in_them_and_links_that_mislead_are_named() {
    let home = backups();
    let found = super::inventory(home.path(), NonZeroUsize::MIN).expect("readable");
    let listed: Vec<_> = found.dumps.iter().map(|dump| (dump.path.as_str(), dump.is_readable())).collect();
    let expected = [
        ("last/bank-test-20261201-020000.sql.gz", false),
        ("last/bank-20261201-020000.sql.gz", true),
        ("last/bank-20261130-020000.sql.gz", true),
    ];
    assert_eq!(listed, expected, "what is no dump by name or content is none");
    let [broken, newest, older] = found.dumps.as_slice() else { panic!("{found:?}") };
    assert_eq!((newest.dump.format, older.dump.format), (DumpFormat::Custom, DumpFormat::Plain));
    assert!(older.dump.server_version.as_ref().is_some_and(|version| version.as_str().starts_with("17.12")));
    assert_eq!(newest.other_names, ["daily/bank-20261201.sql.gz", "monthly/bank-202612.sql.gz"].map(Text::new));
    assert_eq!(broken.database.as_ref().map(Text::as_str), Some("bank-test"));
    assert_eq!(found.bytes(), [newest, older, broken].iter().filter_map(|dump| dump.dump.size).sum::<u64>());
    let mut defects: Vec<_> = found.defects.iter().map(DirectoryDefect::describe).collect();
    defects.sort();
    assert_eq!(
        defects,
        [
            "last/bank-latest.sql.gz points to last/bank-20261130-020000.sql.gz, but the newest readable dump is \
             last/bank-20261201-020000.sql.gz",
            "weekly/bank-latest.sql.gz is a broken link",
        ]
    );
}

#[test]
fn a_directory_dump_is_one_dump_and_a_directory_that_cannot_be_read_is_said() {
    let home = tempfile::tempdir().expect("a directory");
    let to = home.path().join("bank-20261201-020000.sql.gz");
    std::fs::create_dir(&to).expect("made");
    for file in std::fs::read_dir(fixture("17/directory-zstd")).expect("there") {
        let file = file.expect("one");
        std::fs::copy(file.path(), to.join(file.file_name())).expect("copied");
    }
    let found = super::inventory(home.path(), NonZeroUsize::MIN).expect("readable");
    let [dump] = found.dumps.as_slice() else { panic!("{found:?}") };
    assert_eq!((dump.dump.format, dump.database.as_ref().map(Text::as_str)), (DumpFormat::Directory, Some("bank")));
    let error = super::inventory(&home.path().join("missing"), NonZeroUsize::MIN).expect_err("gone");
    assert!(error.as_str().ends_with("No such file or directory"), "{error}");
}
