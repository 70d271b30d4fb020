//! `backup`: what a dump is, and how far it can be proven.

use jiff::Timestamp;
use serde_json::json;

use super::args::BackupOutput;
use super::exit::Exit;
use super::printer::Printer;
use super::status::zone;
use crate::model::dump::{DumpInventory, DumpVerification, ListedDump};
use crate::model::text::Text;
use crate::report;
use crate::report::line::Line;

/// Version of the JSON document.
const SCHEMA: u32 = 1;

/// Lists the dumps of `directory`. Exit codes: 0 listed, 1 one is damaged or a link misleads, 5 it cannot be read.
///
/// # Errors
/// When standard output cannot be written.
pub fn list(
    directory: &str,
    found: Result<DumpInventory, Text>,
    output: BackupOutput,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let Some(found) = readable(found, printer) else { return Ok(Exit::Unknown) };
    let document = json!({ "schema_version": SCHEMA, "directory": directory, "inventory": found });
    print(output, &document, printer, |printer| {
        #[expect(clippy::disallowed_methods, reason = "ages are told to whoever reads them now")]
        let table = report::dump_list::table(&found, Timestamp::now(), &zone());
        let mut lines = report::text::lines(&table, printer.width());
        lines.extend(report::dump_list::footer(&found));
        lines
    })?;
    let is_whole = found.defects.is_empty() && found.dumps.iter().all(ListedDump::is_readable);
    Ok(if is_whole { Exit::Done } else { Exit::Findings })
}

/// Shows what `path` is. Exit codes: 0 it is a dump, 1 it is none or damaged, 5 it cannot be read.
///
/// # Errors
/// When standard output cannot be written.
pub fn show(
    path: &str,
    found: Result<DumpVerification, Text>,
    output: BackupOutput,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    shown(path, found, output, printer, |found| {
        let mut lines = report::dump::description(&found.dump);
        if !found.is_proven() {
            lines.extend(report::dump::verification(found));
        }
        lines
    })
}

/// Shows how far `path` is proven. Exit codes: 0 it is whole as far as was read, 1 it is damaged or incomplete, 5 it cannot be read.
///
/// # Errors
/// When standard output cannot be written.
pub fn verify(
    path: &str,
    found: Result<DumpVerification, Text>,
    output: BackupOutput,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    shown(path, found, output, printer, report::dump::verification)
}

fn shown(
    path: &str,
    found: Result<DumpVerification, Text>,
    output: BackupOutput,
    printer: &mut Printer,
    lines: fn(&DumpVerification) -> Vec<Line>,
) -> anyhow::Result<Exit> {
    let Some(found) = readable(found, printer) else { return Ok(Exit::Unknown) };
    let document =
        json!({ "schema_version": SCHEMA, "path": path, "verified": found.is_proven(), "verification": found });
    print(output, &document, printer, |_| lines(&found))?;
    Ok(if found.is_proven() { Exit::Done } else { Exit::Findings })
}

/// What was found; `None`: it could not be read, which is said.
fn readable<Found>(found: Result<Found, Text>, printer: &mut Printer) -> Option<Found> {
    found.map_err(|error| printer.say(format!("pgctl-tui: {error}"))).ok()
}

fn print(
    output: BackupOutput,
    document: &serde_json::Value,
    printer: &mut Printer,
    lines: impl FnOnce(&Printer) -> Vec<Line>,
) -> anyhow::Result<()> {
    match output {
        BackupOutput::Json => printer.document(&serde_json::to_string_pretty(document)?)?,
        BackupOutput::Table => {
            for line in lines(printer) {
                printer.line(&line)?;
            }
        }
    }
    Ok(())
}
