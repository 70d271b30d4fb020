//! Archives of the real tools, and what damage does to them.

use std::io::Cursor;
use std::path::PathBuf;

use rstest::rstest;

use super::copy_data::{DataForm, read_data};
use super::custom::{UNKNOWN_WIDTHS, next_block};
use super::header::{ArchiveFormat, ArchiveVersion, Compression, read_header};
use super::primitives::{Offset, Primitives, Widths};
use super::toc::read_toc;

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/pg_dump").join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn custom(file: &[u8]) -> (super::header::Header, Vec<super::toc::TocEntry>, Primitives<Cursor<&[u8]>>) {
    let mut source = Primitives::new(Cursor::new(file), 0, UNKNOWN_WIDTHS);
    let header = read_header(&mut source).expect("a header");
    let entries = read_toc(&mut source, &header).expect("a table of contents");
    (header, entries, source)
}

#[rstest]
#[case("15/custom-gzip.dump", ArchiveVersion(1, 14), Compression::Gzip, "15.18")]
#[case("15/custom-none.dump", ArchiveVersion(1, 14), Compression::None, "15.18")]
#[case("17/custom-lz4.dump", ArchiveVersion(1, 16), Compression::Lz4, "17.12")]
#[case("17/custom-zstd.dump", ArchiveVersion(1, 16), Compression::Zstd, "17.12")]
#[case("18/custom-none.dump", ArchiveVersion(1, 16), Compression::None, "18.6")]
fn the_header_says_what_wrote_it_from_what(
    #[case] name: &str,
    #[case] version: ArchiveVersion,
    #[case] compression: Compression,
    #[case] server: &str,
) {
    let (header, _, _) = custom(&fixture(name));
    assert_eq!((header.version, header.compression, header.format), (version, compression, ArchiveFormat::Custom));
    assert_eq!(header.widths, Widths { int: 4, offset: 8 });
    assert_eq!(header.database.as_deref(), Some("bank"));
    for told in [&header.server_version, &header.dump_version] {
        assert!(told.as_ref().is_some_and(|told| told.starts_with(server)), "{told:?}");
    }
    assert_eq!((header.begun.year, header.begun.month), (2026, 12));
}

#[rstest]
fn the_table_of_contents_names_every_object(#[values("15", "17", "18")] major: &str) {
    let (_, entries, _) = custom(&fixture(&format!("{major}/custom-none.dump")));
    let of = |description: &str| -> Vec<&str> {
        entries.iter().filter(|entry| entry.description == description).map(|entry| entry.tag.as_str()).collect()
    };
    assert_eq!(of("EXTENSION"), ["pgcrypto"]);
    assert_eq!(of("TABLE"), ["accounts", "currencies", "empty", "scratch"]);
    // On the primary an unlogged table is dumped with its rows.
    assert_eq!(of("TABLE DATA"), ["accounts", "currencies", "empty", "scratch"]);
    assert_eq!(of("SEQUENCE SET"), ["accounts_id_seq"]);
    assert_eq!(of("MATERIALIZED VIEW DATA"), ["balances"]);
    let accounts = entries.iter().find(|entry| entry.description == "TABLE DATA" && entry.tag == "accounts").unwrap();
    assert!(accounts.is_copied && accounts.has_data, "{accounts:?}");
    assert_eq!((accounts.namespace.as_deref(), accounts.owner.as_deref()), (Some("public"), Some("postgres")));
    let granted = entries.iter().find(|entry| entry.description == "ACL").unwrap();
    assert!(granted.definition.as_ref().is_some_and(|sql| sql.contains("clerk")), "{granted:?}");
}

#[test]
fn an_archive_written_into_a_pipe_has_its_data_and_no_places_for_them() {
    let places = |name: &str| {
        let (_, entries, _) = custom(&fixture(name));
        let places = entries.iter().filter(|entry| entry.description == "TABLE DATA");
        places.map(|entry| matches!(entry.data, super::toc::EntryData::Block(Offset::At(_)))).collect::<Vec<_>>()
    };
    assert_eq!(places("17/custom-gzip.dump"), [true; 4]);
    assert_eq!(places("17/custom-piped.dump"), [false; 4]);
}

#[rstest]
#[case("plain-none.sql")]
#[case("plain-gzip.sql")]
#[case("tar.tar")]
fn another_kind_of_file_is_no_archive(#[case] name: &str) {
    let file = fixture(&format!("17/{name}"));
    let error = read_header(&mut Primitives::new(Cursor::new(file), 0, UNKNOWN_WIDTHS)).unwrap_err();
    assert_eq!(error.to_string(), "not an archive of pg_dump");
}

/// Wherever it ends, and whatever byte is another: an error or a list, and never more held than the file has.
#[test]
fn no_cut_and_no_changed_byte_is_more_than_an_error() {
    let file = fixture("17/custom-schema.dump");
    let read = |file: &[u8]| {
        let mut source = Primitives::new(Cursor::new(file), 0, UNKNOWN_WIDTHS);
        let header = read_header(&mut source)?;
        read_toc(&mut source, &header)
    };
    let whole = read(&file).expect("whole").len();
    for end in 0..file.len() {
        assert!(read(&file[..end]).is_err() || end == file.len(), "cut at {end}");
    }
    for place in 0..file.len() {
        let mut changed = file.clone();
        changed[place] ^= 0x81;
        if let Ok(entries) = read(&changed) {
            assert!(entries.len() <= whole, "byte {place}");
        }
    }
}

#[rstest]
fn every_row_of_every_table_is_counted(
    #[values(
        "15/custom-none",
        "15/custom-gzip",
        "17/custom-none",
        "17/custom-gzip",
        "17/custom-lz4",
        "17/custom-zstd",
        "17/custom-piped",
        "18/custom-zstd"
    )]
    name: &str,
) {
    let file = fixture(&format!("{name}.dump"));
    let summary = super::verify::custom(&mut Cursor::new(&file[..])).expect("readable");
    let rows = |table: &str| {
        let found = summary.parts.iter().find(|part| part.name == table).unwrap_or_else(|| panic!("no {table}"));
        assert_eq!(found.defect, None);
        found.rows
    };
    assert_eq!(
        [rows("accounts"), rows("currencies"), rows("empty"), rows("scratch")],
        [Some(400), Some(3), Some(0), Some(1)]
    );
    assert!(summary.is_whole(), "{summary:?}");
}

#[rstest]
#[case(DataForm::Copy, b"a\tb\nc\td\n\\.\n\n\n", Some(2), true)]
#[case(DataForm::Copy, b"\\.\n\n\n", Some(0), true)]
#[case(DataForm::Copy, b"a\tb\nc\t", Some(1), false)]
#[case(DataForm::Copy, b"a\tb\n", Some(1), false)]
#[case(DataForm::Copy, b"x\\.\n\n\n", Some(3), false)]
#[case(DataForm::Copy, b"", Some(0), false)]
#[case(DataForm::Statements, b"INSERT INTO a VALUES (1);\n\n\n", None, true)]
#[case(DataForm::Statements, b"INSERT INTO a VALUES (1);\n", None, false)]
#[case(DataForm::Raw, b"", None, true)]
fn data_are_complete_where_they_end_as_pg_dump_ends_them(
    #[case] form: DataForm,
    #[case] data: &[u8],
    #[case] rows: Option<u64>,
    #[case] is_complete: bool,
) {
    for size in [1, 3, 4096] {
        let read = read_data(&mut &*data, form, &mut vec![0; size]).unwrap();
        assert_eq!((read.rows, read.is_complete, read.bytes), (rows, is_complete, data.len() as u64));
    }
}

#[test]
fn behind_the_last_block_there_is_nothing() {
    let mut source = Primitives::new(Cursor::new(Vec::new()), 0, UNKNOWN_WIDTHS);
    assert_eq!(next_block(&mut source).unwrap(), None);
    let mut source = Primitives::new(Cursor::new(vec![7]), 0, UNKNOWN_WIDTHS);
    assert!(next_block(&mut source).unwrap_err().to_string().contains("kind of a block"));
}

const CUSTOM: [&str; 14] = [
    "15/custom-none",
    "15/custom-gzip",
    "15/custom-piped",
    "15/custom-inserts",
    "15/custom-data",
    "15/custom-schema",
    "17/custom-none",
    "17/custom-gzip",
    "17/custom-lz4",
    "17/custom-zstd",
    "17/custom-piped",
    "17/custom-inserts",
    "17/custom-schema",
    "18/custom-lz4",
];

fn on_disk(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().expect("a file");
    std::io::Write::write_all(&mut file, bytes).expect("written");
    file
}

#[test]
fn several_threads_read_the_same_as_one() {
    for name in CUSTOM {
        let bytes = fixture(&format!("{name}.dump"));
        let alone = super::verify::custom(&mut Cursor::new(&bytes[..])).expect("readable");
        assert!(alone.is_whole(), "{name}: {alone:?}");
        for threads in [1, 3] {
            let threads = std::num::NonZeroUsize::new(threads).expect("some");
            assert_eq!(super::verify::custom_file(&on_disk(&bytes), threads).expect("readable"), alone, "{name}");
        }
    }
}

#[test]
fn large_objects_are_counted_an_empty_one_too_and_inserts_are_no_rows() {
    let read = |name: &str| super::verify::custom(&mut Cursor::new(&fixture(name)[..])).expect("readable");
    for name in ["15/custom-gzip.dump", "17/custom-none.dump", "17/custom-lz4.dump", "17/custom-zstd.dump"] {
        let summary = read(name);
        let objects: Vec<_> = summary.parts.iter().filter_map(|part| part.large_objects).collect();
        assert_eq!(objects, [2], "{name}");
    }
    let inserts = read("17/custom-inserts.dump");
    assert!(inserts.parts.iter().all(|part| part.rows.is_none()) && !inserts.parts.is_empty(), "{inserts:?}");
}

/// The first byte that is missing is missed, wherever it is.
#[test]
fn a_cut_archive_is_never_whole() {
    for name in ["15/custom-gzip.dump", "17/custom-none.dump", "17/custom-lz4.dump", "17/custom-zstd.dump"] {
        let bytes = fixture(name);
        let ends = (0..bytes.len()).step_by(97).chain(bytes.len() - 40..bytes.len());
        for end in ends {
            for summary in [
                super::verify::custom(&mut Cursor::new(&bytes[..end])),
                super::verify::custom_file(&on_disk(&bytes[..end]), std::num::NonZeroUsize::MIN),
            ] {
                assert!(summary.is_err() || summary.is_ok_and(|summary| !summary.is_whole()), "{name} cut at {end}");
            }
        }
        let longer = [&bytes[..], b"\x01"].concat();
        assert!(
            !super::verify::custom(&mut Cursor::new(&longer[..])).expect("a list").is_whole(),
            "{name}: one byte more"
        );
        assert!(
            !super::verify::custom_file(&on_disk(&longer), std::num::NonZeroUsize::MIN).expect("a list").is_whole()
        );
    }
}

/// What gzip promises, and only that: of the other methods nobody can tell a changed value.
#[test]
fn a_changed_byte_of_gzip_is_found() {
    let bytes = fixture("17/custom-gzip.dump");
    let (_, entries, _) = custom(&bytes);
    let places = |description: &str| -> Vec<usize> {
        let places = entries.iter().filter(|entry| entry.description == description);
        let place = |entry: &super::toc::TocEntry| match entry.data {
            super::toc::EntryData::Block(Offset::At(at)) => usize::try_from(at).ok(),
            _ => None,
        };
        places.filter_map(place).collect()
    };
    // The number of a large object is written beside its data, and nothing proves it.
    let (begin, end) = (places("TABLE DATA").into_iter().min(), places("BLOBS").into_iter().min());
    let places = begin.expect("data")..end.expect("large objects");
    let whole = super::verify::custom(&mut Cursor::new(&bytes[..])).expect("a list");
    let (all, mut unnoticed) = (places.len(), 0);
    for place in places {
        let mut changed = bytes.clone();
        changed[place] ^= 0x01;
        let summary = super::verify::custom(&mut Cursor::new(&changed[..])).expect("a list");
        if summary.is_whole() {
            // Another way to write the same: a repetition that is found at two places.
            assert_eq!(summary, whole, "byte {place}");
            unnoticed += 1;
        }
    }
    assert!(unnoticed * 1_000 < all, "{unnoticed} of {all}");
}

fn directory(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/pg_dump").join(name)
}

fn rows(summary: &super::verify::DataSummary, table: &str) -> Option<u64> {
    summary.parts.iter().find(|part| part.name == table).and_then(|part| part.rows)
}

const TWO: std::num::NonZeroUsize = std::num::NonZeroUsize::MIN.saturating_add(1);

#[rstest]
fn every_row_of_a_directory_is_counted(
    #[values(
        "15/directory-none",
        "15/directory-gzip",
        "17/directory-none",
        "17/directory-gzip",
        "17/directory-lz4",
        "17/directory-zstd",
        "18/directory-zstd"
    )]
    name: &str,
) {
    let summary = super::verify::directory(&directory(name), TWO).expect("readable");
    assert!(summary.is_whole(), "{summary:?}");
    assert_eq!(["accounts", "currencies", "empty"].map(|table| rows(&summary, table)), [Some(400), Some(3), Some(0)]);
    assert_eq!(summary.parts.iter().filter_map(|part| part.large_objects).collect::<Vec<_>>(), [2]);
}

/// Of each of these, `pg_restore` says nothing.
#[rstest]
fn a_file_of_a_directory_that_is_gone_empty_or_cut_is_found(
    #[values("17/directory-none", "17/directory-gzip", "17/directory-lz4", "17/directory-zstd")] name: &str,
) {
    let home = tempfile::tempdir().expect("a directory");
    let names: Vec<_> =
        std::fs::read_dir(directory(name)).expect("there").map(|file| file.expect("one").path()).collect();
    let data = names.iter().filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains(".dat")));
    for damaged in data.filter(|path| !path.ends_with("toc.dat") && !path.to_string_lossy().contains("blob_4243")) {
        let bytes = std::fs::read(damaged).expect("readable");
        let is_table = !damaged.to_string_lossy().contains("blob_");
        for keep in [None, Some(0), Some(bytes.len() / 2), Some(bytes.len() - 1)] {
            // Of a large object nothing proves its end but the frame of what compressed it.
            let provable =
                is_table || keep.is_none() || (keep != Some(0) && !name.ends_with("none")) || name.ends_with("gzip");
            let copy = home.path().join("copy");
            std::fs::create_dir(&copy).expect("made");
            for path in &names {
                let to = copy.join(path.file_name().expect("a name"));
                match keep {
                    _ if path != damaged => std::fs::copy(path, to).map(drop),
                    Some(keep) => std::fs::write(to, &bytes[..keep]),
                    None => Ok(()),
                }
                .expect("written");
            }
            let summary = super::verify::directory(&copy, TWO).expect("a list");
            assert_eq!(summary.is_whole(), !provable, "{} cut to {keep:?}: {summary:?}", damaged.display());
            std::fs::remove_dir_all(&copy).expect("gone");
        }
    }
}

#[rstest]
fn every_row_of_a_tar_archive_is_counted_and_a_cut_one_is_never_whole(#[values("15", "17", "18")] major: &str) {
    let bytes = fixture(&format!("{major}/tar.tar"));
    let summary = super::verify::tar(&mut Cursor::new(&bytes[..])).expect("readable");
    assert!(summary.is_whole(), "{summary:?}");
    assert_eq!(["accounts", "currencies", "empty"].map(|table| rows(&summary, table)), [Some(400), Some(3), Some(0)]);
    // Behind the last table there is only a script that pg_restore does not read, and padding.
    let needed = bytes.windows(11).position(|bytes| bytes == b"restore.sql").expect("a script");
    for end in (0..needed).step_by(61) {
        let summary = super::verify::tar(&mut Cursor::new(&bytes[..end]));
        assert!(summary.is_err() || summary.is_ok_and(|summary| !summary.is_whole()), "cut at {end}");
    }
}

#[rstest]
#[case("custom-gzip.dump", "Custom", 400)]
#[case("directory-zstd", "Directory", 400)]
#[case("tar.tar", "Tar", 400)]
#[case("plain-none.sql", "Plain", 400)]
#[case("plain-gzip.sql", "Plain", 400)]
#[case("plain-lz4.sql", "Plain", 400)]
#[case("plain-zstd.sql", "Plain", 400)]
fn whatever_it_is_called_a_dump_is_read_to_its_end(#[case] name: &str, #[case] kind: &str, #[case] accounts: u64) {
    use super::read::{Contents, Depth, read};
    let (found, contents) = read(&directory(&format!("17/{name}")), Depth::Blocks, TWO).expect("readable");
    assert!(format!("{found:?}").contains(kind), "{found:?}");
    match contents {
        Contents::Archive(archive) => {
            let data = archive.data.expect("read");
            assert_eq!((rows(&data, "accounts"), data.is_whole()), (Some(accounts), true));
        }
        Contents::Plain(plain) => {
            let table = plain.tables.iter().find(|table| table.name == "public.accounts").expect("there");
            assert_eq!((table.rows, plain.is_complete), (accounts, true));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_cluster_of_databases_is_whole_by_the_end_of_all_of_them() {
    use super::plain::{PlainScope, read_plain};
    let text = fixture("17/cluster.sql");
    let whole = read_plain(&mut Cursor::new(&text[..])).expect("readable");
    assert_eq!((whole.scope, whole.is_complete), (Some(PlainScope::Cluster), true));
    let last = String::from_utf8_lossy(&text).rfind("-- PostgreSQL database dump complete").expect("of one database");
    let cut = read_plain(&mut Cursor::new(&text[..last + 40])).expect("readable");
    assert!(!cut.is_complete, "the end of one database is not that of all");
}
