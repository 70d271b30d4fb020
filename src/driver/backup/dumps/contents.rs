//! From a table of contents to what a dump has and what it lacks.

use std::collections::{BTreeMap, BTreeSet};

use super::grantees::grantees;
use crate::client::pg_dump::toc::{Section, TocEntry};
use crate::model::dump::{ContentsScope, DumpContents, DumpTable};
use crate::model::text::Text;

/// What `entries` announce.
pub(super) fn contents(entries: &[TocEntry]) -> DumpContents {
    let of = |description: &'static str| entries.iter().filter(move |entry| entry.description == description);
    let names = |description| of(description).map(|entry| Text::new(&entry.tag)).collect::<Vec<_>>();
    let tables = tables(entries);
    DumpContents {
        scope: scope(&tables, entries),
        entries: entries.len() as u64,
        extensions: names("EXTENSION"),
        roles: roles(entries),
        tablespaces: distinct(entries.iter().filter_map(|entry| entry.tablespace.as_deref())),
        sequence_values: of("SEQUENCE SET").count() as u64,
        indexes_and_constraints: entries.iter().filter(|entry| is_index_or_constraint(entry)).count() as u64,
        materialized_views: of("MATERIALIZED VIEW").count() as u64,
        has_large_objects: entries.iter().any(|entry| matches!(entry.description.as_str(), "BLOBS" | "BLOB DATA")),
        publications: names("PUBLICATION"),
        subscriptions: names("SUBSCRIPTION"),
        tables,
    }
}

fn is_index_or_constraint(entry: &TocEntry) -> bool {
    matches!(entry.description.as_str(), "INDEX" | "CONSTRAINT" | "FK CONSTRAINT" | "CHECK CONSTRAINT")
}

fn tables(entries: &[TocEntry]) -> Vec<DumpTable> {
    let mut tables: BTreeMap<(&str, &str), DumpTable> = BTreeMap::new();
    for entry in entries {
        let is_definition = entry.description == "TABLE";
        if !is_definition && entry.description != "TABLE DATA" {
            continue;
        }
        let schema = entry.namespace.as_deref().unwrap_or_default();
        let table = tables.entry((schema, &entry.tag)).or_insert_with(|| DumpTable {
            schema: Text::new(schema),
            name: Text::new(&entry.tag),
            has_definition: false,
            has_rows: false,
        });
        table.has_definition |= is_definition;
        table.has_rows |= !is_definition && entry.has_data;
    }
    tables.into_values().collect()
}

/// A partitioned table has no rows of its own, so that one without them is no proof of anything: its partitions are tables too.
fn scope(tables: &[DumpTable], entries: &[TocEntry]) -> ContentsScope {
    let defines = |entry: &&TocEntry| {
        let of_the_whole = matches!(
            entry.description.as_str(),
            "ENCODING" | "STDSTRINGS" | "SEARCHPATH" | "DATABASE" | "DATABASE PROPERTIES" | "BLOB METADATA"
        );
        matches!(entry.section, Section::PreData | Section::PostData) && !of_the_whole
    };
    let has_definitions = entries.iter().any(|entry| defines(&entry));
    let has_data = entries.iter().any(|entry| entry.section == Section::Data);
    match (has_definitions, has_data) {
        (true, false) if !tables.is_empty() => ContentsScope::SchemaOnly,
        (false, true) => ContentsScope::DataOnly,
        _ if tables.iter().any(|table| table.has_definition && !table.has_rows) => ContentsScope::SomeRows,
        _ => ContentsScope::Whole,
    }
}

fn roles(entries: &[TocEntry]) -> Vec<Text> {
    let owners = entries.iter().filter_map(|entry| entry.owner.clone());
    let rights = entries.iter().filter(|entry| matches!(entry.description.as_str(), "ACL" | "DEFAULT ACL"));
    let granted = rights.filter_map(|entry| entry.definition.as_deref()).flat_map(grantees);
    let roles: Vec<String> = owners.chain(granted).collect();
    distinct(roles.iter().map(String::as_str))
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<Text> {
    let names: BTreeSet<&str> = names.collect();
    names.into_iter().map(Text::new).collect()
}
