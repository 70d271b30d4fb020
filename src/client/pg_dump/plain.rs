//! A dump as SQL text: which tables it has, how many rows each, and whether its end is there.
//!
//! A dump whose session was lost, or that was cut at the end of a line, is valid SQL: only the comment with which `pg_dump` ends
//! tells that it is whole.

use std::io::{self, BufRead};

const DATABASE: &str = "-- PostgreSQL database dump";
const CLUSTER: &str = "-- PostgreSQL database cluster dump";
const COMPLETE: &str = " complete";
const SERVER: &str = "-- Dumped from database version ";
const PROGRAM: &str = "-- Dumped by pg_dump version ";
const COPY: &str = "COPY ";
const FROM_STDIN: &str = " FROM stdin;";
const END_OF_ROWS: &str = "\\.";
/// What `pg_dump` writes behind the last comment since 2025, with a key.
const UNRESTRICT: &str = "\\unrestrict ";
/// Kept of a line: a statement's beginning. A row may be a gigabyte.
const MAX_LINE: usize = 4096;

/// What a text is a dump of.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PlainScope {
    /// One database: `pg_dump`.
    Database,
    /// Every database with roles and tablespaces: `pg_dumpall`.
    Cluster,
}

/// The rows of one table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlainTable {
    /// Name as the statement has it, with its schema.
    pub name: String,
    /// Rows.
    pub rows: u64,
    /// The end of its rows is there.
    pub is_complete: bool,
}

/// A dump as text, as read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PlainSummary {
    /// Of what it is a dump; `None`: it does not begin as one.
    pub scope: Option<PlainScope>,
    /// The server's version.
    pub server_version: Option<String>,
    /// The version of `pg_dump`.
    pub dump_version: Option<String>,
    /// Its tables that have rows for COPY, in the order of the text.
    pub tables: Vec<PlainTable>,
    /// Bytes, decompressed.
    pub bytes: u64,
    /// It ends as a whole one does.
    pub is_complete: bool,
}

/// Reads `source` to its end.
///
/// # Errors
/// Where it cannot be read or decompressed to its end.
pub fn read_plain(source: &mut dyn BufRead) -> io::Result<PlainSummary> {
    let mut summary = PlainSummary::default();
    let mut copying = false;
    let mut line = Vec::with_capacity(MAX_LINE);
    while let Some(length) = next_line(source, &mut line)? {
        summary.bytes += length;
        let text = String::from_utf8_lossy(&line);
        if copying {
            let Some(table) = summary.tables.last_mut() else { continue };
            if text == END_OF_ROWS {
                (table.is_complete, copying) = (true, false);
            } else {
                table.rows += 1;
            }
            continue;
        }
        summary.take(&text);
        if let Some(name) = copied_table(&text) {
            summary.tables.push(PlainTable { name: name.to_owned(), rows: 0, is_complete: false });
            copying = true;
        }
    }
    summary.is_complete &= !copying;
    Ok(summary)
}

impl PlainSummary {
    fn take(&mut self, line: &str) {
        if line.is_empty() || line == "--" || line.starts_with(UNRESTRICT) {
            return;
        }
        let ends = |beginning: &str| line.strip_prefix(beginning).is_some_and(|rest| rest == COMPLETE);
        self.is_complete = match self.scope {
            Some(PlainScope::Database) => ends(DATABASE),
            // Each of its databases has an end of its own.
            Some(PlainScope::Cluster) => ends(CLUSTER),
            None => false,
        };
        if self.scope.is_none() {
            self.scope = match line {
                DATABASE => Some(PlainScope::Database),
                CLUSTER => Some(PlainScope::Cluster),
                _ => None,
            };
        }
        let version = |beginning: &str| line.strip_prefix(beginning).map(str::to_owned);
        if self.server_version.is_none() {
            self.server_version = version(SERVER);
        }
        if self.dump_version.is_none() {
            self.dump_version = version(PROGRAM);
        }
    }
}

/// The table of a statement `COPY TABLE (COLUMNS) FROM stdin;`.
fn copied_table(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(COPY)?.strip_suffix(FROM_STDIN)?;
    Some(rest.split_once(" (").map_or(rest, |(name, _)| name))
}

/// Reads a line, of which the beginning is kept without its line feed; how long it was with it, or `None` at the end.
fn next_line(source: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<Option<u64>> {
    line.clear();
    let mut length = 0;
    loop {
        let available = source.fill_buf()?;
        if available.is_empty() {
            return Ok((length > 0).then_some(length));
        }
        let end = memchr::memchr(b'\n', available);
        let part = &available[..end.unwrap_or(available.len())];
        line.extend_from_slice(&part[..part.len().min(MAX_LINE.saturating_sub(line.len()))]);
        let used = end.map_or(available.len(), |end| end + 1);
        length += used as u64;
        source.consume(used);
        if end.is_some() {
            return Ok(Some(length));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn read(text: &str) -> PlainSummary {
        read_plain(&mut Cursor::new(text.as_bytes())).expect("readable")
    }

    const WHOLE: &str = "--\n-- PostgreSQL database dump\n--\n\n\\restrict key\n\n-- Dumped from database version 17.12\n\
         -- Dumped by pg_dump version 17.12\n\nCOPY public.\"a b\" (x, y) FROM stdin;\n1\t2\n3\t-- PostgreSQL database dump complete\n\
         \\.\n\n\n--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict key\n\n";

    #[test]
    fn a_text_is_whole_by_its_last_comment_alone() {
        let whole = read(WHOLE);
        assert_eq!((whole.scope, whole.is_complete), (Some(PlainScope::Database), true));
        let table = PlainTable { name: "public.\"a b\"".to_owned(), rows: 2, is_complete: true };
        assert_eq!((whole.tables, whole.dump_version.as_deref()), (vec![table], Some("17.12")));
        let end = WHOLE.rfind("-- PostgreSQL database dump complete").expect("there");
        for end in 0..end + 20 {
            assert!(!read(&WHOLE[..end]).is_complete, "cut at {end}");
        }
        assert!(!read(&format!("{WHOLE}INSERT INTO a VALUES (1);\n")).is_complete, "something follows");
        assert_eq!(read("SELECT 1;\n").scope, None);
    }

    #[test]
    fn a_line_of_any_length_is_a_row() {
        let text = WHOLE.replace("1\t2", &"x".repeat(100_000));
        assert_eq!(read(&text).tables[0].rows, 2);
    }
}
