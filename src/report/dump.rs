//! A dump in lines: what it is, what is inside, and how far it has been proven.

use super::line::Line;
use super::table::Tone;
use super::units;
use crate::model::dump::{
    ContentProof, ContentsScope, DumpCompression, DumpContents, DumpDepth, DumpDescription, DumpVerification,
};
use crate::model::text::Text;

/// Width of the labels.
const LABEL: usize = 16;
/// Names of one kind that are shown at most.
const MAX_NAMES: usize = 12;

/// What a dump is and what is inside.
pub fn description(dump: &DumpDescription) -> Vec<Line> {
    let mut lines = vec![labelled("format", &format(dump))];
    let size = dump.size.map(units::bytes);
    let told = [
        ("size", size.as_deref()),
        ("database", dump.database.as_ref().map(Text::as_str)),
        ("server", dump.server_version.as_ref().map(Text::as_str)),
        ("pg_dump", dump.dump_version.as_ref().map(Text::as_str)),
    ];
    lines.extend(told.into_iter().filter_map(|(label, value)| Some(labelled(label, value?))));
    if let Some(begun) = dump.begun {
        lines.push(labelled(
            "started",
            &format!("{} {} by the clock of the dumping machine (time zone unknown)", begun.date(), begun.time()),
        ));
    }
    if let Some(contents) = &dump.contents {
        lines.extend(inside(contents));
    }
    lines
}

fn format(dump: &DumpDescription) -> String {
    let told = [
        Some(dump.format.as_str().to_owned()),
        (dump.compression != DumpCompression::None).then(|| format!(", compressed with {}", dump.compression.as_str())),
        (dump.wrapped_in != DumpCompression::None).then(|| format!(", in a {} file", dump.wrapped_in.as_str())),
        dump.archive_version.as_ref().map(|version| format!(" (archive version {version})")),
    ];
    told.into_iter().flatten().collect()
}

fn inside(contents: &DumpContents) -> Vec<Line> {
    let defined = contents.tables.iter().filter(|table| table.has_definition).count();
    let with_rows = contents.tables.iter().filter(|table| table.has_rows).count();
    let scope = match contents.scope {
        ContentsScope::Whole => "definitions and data",
        ContentsScope::SchemaOnly => "schema only: it contains no rows",
        ContentsScope::DataOnly => "data only: it contains no definitions",
        ContentsScope::SomeRows => "definitions, and data of some tables only",
    };
    let tone = if contents.scope == ContentsScope::Whole { Tone::Plain } else { Tone::Warning };
    let mut lines = vec![
        Line::new().dim(format!("{:<LABEL$}", "contents")).with(scope, tone),
        labelled(
            "tables",
            &format!("{defined} defined, {with_rows} with data; sequence values: {}", contents.sequence_values),
        ),
        labelled(
            "other objects",
            &format!(
                "indexes and constraints: {}; materialized views: {}; {}",
                contents.indexes_and_constraints,
                contents.materialized_views,
                if contents.has_large_objects { "large objects" } else { "no large objects" }
            ),
        ),
    ];
    if contents.scope == ContentsScope::SomeRows {
        let without: Vec<String> =
            contents.tables_without_rows().map(|table| format!("{}.{}", table.schema, table.name)).collect();
        lines.push(labelled("without data", &listed(without.iter().map(String::as_str))));
    }
    let named = [
        ("extensions", &contents.extensions),
        ("needs roles", &contents.roles),
        ("tablespaces", &contents.tablespaces),
        ("publications", &contents.publications),
        ("subscriptions", &contents.subscriptions),
    ];
    let named = named.into_iter().filter(|(_, names)| !names.is_empty());
    lines.extend(named.map(|(label, names)| labelled(label, &listed(names.iter().map(Text::as_str)))));
    lines
}

/// How far a dump has been proven. The words say no more than was read.
pub fn verification(found: &DumpVerification) -> Vec<Line> {
    let mut lines = Vec::new();
    if found.is_proven() {
        let words = match found.depth {
            DumpDepth::Header => "header and table of contents are readable; the data were not read",
            DumpDepth::Blocks => "all data were read to their end",
        };
        lines.push(labelled_in("verified", words, Tone::Ok));
    } else {
        lines.push(labelled_in("verified", "damaged or incomplete", Tone::Critical));
        let shown = found.defects.iter().take(MAX_NAMES);
        lines.extend(shown.map(|defect| Line::new().with(format!("{:LABEL$}{defect}", ""), Tone::Critical)));
        let more = found.defects.len().saturating_sub(MAX_NAMES);
        if more > 0 {
            lines.push(Line::new().dim(format!("{:LABEL$}and {more} more", "")));
        }
    }
    if found.depth == DumpDepth::Blocks {
        let rows: u64 = found.tables.iter().filter_map(|table| table.rows).sum();
        let objects = found.large_objects.map_or_else(String::new, |objects| format!(", {objects} large objects"));
        let bytes = found.bytes.map_or_else(String::new, |bytes| format!(", {} uncompressed", units::bytes(bytes)));
        let words = format!("{} rows in {} tables{objects}{bytes}", units::count(rows), found.tables.len());
        lines.push(labelled("read", &words));
    }
    let content = match found.content {
        ContentProof::NotRead => "not read",
        ContentProof::Checksums => {
            "the checksums of gzip match; that no row is missing cannot be verified without a manifest"
        }
        ContentProof::None => "cannot be verified: this format has no checksums, and there is no manifest",
    };
    lines.push(labelled("content", content));
    lines
}

fn labelled(label: &str, value: &str) -> Line {
    Line::new().dim(format!("{label:<LABEL$}")).plain(value)
}

fn labelled_in(label: &str, value: &str, tone: Tone) -> Line {
    Line::new().dim(format!("{label:<LABEL$}")).with(value, tone)
}

fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let all = names.len();
    let shown: Vec<&str> = names.take(MAX_NAMES).collect();
    let more = all.saturating_sub(MAX_NAMES);
    if more > 0 { format!("{} and {more} more", shown.join(", ")) } else { shown.join(", ") }
}
