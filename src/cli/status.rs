//! `status`: the picture once, or again and again, as text or as a document.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::future::join_all;
use jiff::tz::TimeZone;

use super::args::Output;
use super::exit::Exit;
use super::printer::{Printer, is_closed};
use crate::model::observed::Freshness;
use crate::model::snapshot::{ClusterHealth, Snapshot};
use crate::observe::once::settled;
use crate::observe::picture::{Handle, Order, Picture};
use crate::report;
use crate::report::line::Line;
use crate::report::table::Tone;

/// How to show it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Form.
    pub output: Output,
    /// Version of the JSON schema.
    pub schema: u8,
    /// Judge by the exit code.
    pub check: bool,
    /// Print again at every interval.
    pub watch: Option<Duration>,
    /// PostgreSQL itself was asked only where its agent did not vouch for it.
    pub glance: bool,
    /// Longest wait for the first picture.
    pub timeout: Duration,
}

/// Shows every cluster in `handles`.
///
/// # Errors
/// When standard output cannot be written.
pub async fn run(mut handles: Vec<Handle>, options: &Options, printer: &mut Printer) -> anyhow::Result<Exit> {
    let pictures = join_all(handles.iter_mut().map(|handle| settled(handle, options.timeout))).await;
    let mut exit = judged(&pictures, options);
    if !is_read(show(&pictures, options, printer))? {
        return Ok(exit);
    }
    // Whoever goes on looking can wait for a disagreement to last before it is called one.
    for handle in &handles {
        handle.order(Order::Settle);
    }
    while let Some(interval) = options.watch {
        tokio::select! {
            () = tokio::time::sleep(interval) => {}
            _ = tokio::signal::ctrl_c() => break,
        }
        let pictures: Vec<Arc<Picture>> = handles.iter().map(Handle::latest).collect();
        if options.output == Output::Table {
            printer.document("")?;
        }
        exit = judged(&pictures, options);
        if !is_read(show(&pictures, options, printer))? {
            break;
        }
    }
    Ok(exit)
}

fn judged(pictures: &[Arc<Picture>], options: &Options) -> Exit {
    let snapshots: Vec<&Snapshot> = pictures.iter().map(|picture| &*picture.snapshot).collect();
    judge(&snapshots, options.check)
}

/// Whether somebody still reads. The reader of a pipe that has gone changes nothing of what was found.
fn is_read(shown: anyhow::Result<()>) -> anyhow::Result<bool> {
    match shown {
        Ok(()) => Ok(true),
        Err(error) if is_closed(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn show(pictures: &[Arc<Picture>], options: &Options, printer: &mut Printer) -> anyhow::Result<()> {
    let snapshots: Vec<&Snapshot> = pictures.iter().map(|picture| &*picture.snapshot).collect();
    match options.output {
        Output::Table => table(&snapshots, options.glance, printer)?,
        Output::Json => {
            let document = report::document::status(snapshots.iter().copied());
            // While watching, one line a document, so that a reader knows where each ends.
            let text = if options.schema == 1 {
                report::document::json_of_schema_one(&snapshots, options.watch.is_none())
            } else if options.watch.is_some() {
                serde_json::to_string(&document)
            } else {
                report::document::json(&document)
            };
            printer.document(&text.context("the status cannot be written as JSON")?)?;
        }
        Output::Csv => {
            let tables: Vec<_> =
                snapshots.iter().map(|snapshot| (&snapshot.identity.name, report::topology::table(snapshot))).collect();
            let text = report::csv::write_clusters(tables).context("the members cannot be written as CSV")?;
            printer.document(&text)?;
        }
        Output::Prometheus => printer.document(&report::prometheus::exposition(snapshots.iter().copied()))?,
    }
    Ok(())
}

fn table(snapshots: &[&Snapshot], glance: bool, printer: &mut Printer) -> anyhow::Result<()> {
    // Where there are no agents to vouch for a server, SQL is asked in any case.
    let glance = glance && snapshots.iter().any(|snapshot| snapshot.identity.traits.agents);
    if let [one] = snapshots {
        return cluster(one, glance, printer);
    }
    let fleet = report::clusters::table(snapshots.iter().copied());
    for line in report::text::lines(&fleet, printer.width()) {
        printer.line(&line)?;
    }
    printer.line(&Line::new())?;
    printer.line(&report::clusters::totals(snapshots.iter().map(|snapshot| snapshot.cluster_health())))?;
    if glance {
        printer.line(&Line::new())?;
        printer.line(&Line::new().dim(GLANCE_HELP))?;
    }
    Ok(())
}

/// What a glance leaves out: "no findings" must not claim more than was looked at.
const GLANCE_HELP: &str = "SQL      not queried where Patroni reports OK: --full also queries SQL (slots, archiver, sessions, XID wraparound)";

fn cluster(snapshot: &Snapshot, glance: bool, printer: &mut Printer) -> anyhow::Result<()> {
    let summary = report::summary::summary(snapshot, snapshot.now);
    printer.line(&summary.line())?;
    printer.line(&Line::new())?;
    for line in report::text::lines(&report::topology::table(snapshot), printer.width()) {
        printer.line(&line)?;
    }
    printer.line(&Line::new())?;
    for line in report::topology::footer_lines(snapshot) {
        printer.line(&line)?;
    }
    if glance {
        printer.line(&Line::new().dim(GLANCE_HELP))?;
    }
    let found = report::findings::table(snapshot);
    if !found.rows.is_empty() {
        printer.line(&Line::new())?;
        for line in report::text::lines(&found, printer.width()) {
            printer.line(&line)?;
        }
    } else if let Some(making) = &summary.making {
        printer.line(&Line::new())?;
        printer.line(&Line::new().with(making.text.as_str(), making.tone))?;
    }
    silent(snapshot, printer)
}

/// Sources that said nothing, each with its reason: a partial picture must say that it is one.
fn silent(snapshot: &Snapshot, printer: &mut Printer) -> anyhow::Result<()> {
    let silent = |freshness| matches!(freshness, Freshness::Lost | Freshness::Stale | Freshness::Waiting);
    for status in snapshot.sources().into_iter().filter(|status| silent(status.freshness)) {
        let place = status.describe_endpoint();
        let failure_kind = status.failure_kind.unwrap_or_else(|| "no response yet".to_owned());
        let remedy = status.remedy.map_or_else(String::new, |remedy| format!(" → {remedy}"));
        let line = Line::new().with(format!("{place}: {failure_kind}{remedy}"), Tone::Stale);
        printer.line(&line)?;
    }
    Ok(())
}

/// The exit code: 5 where nothing at all is known of some cluster, whatever else answers; with `check`, 1 from a warning on,
/// also one in the making, and 5 where part of what tells of its health has not answered: only who has looked says 0. What
/// somebody has acknowledged does not count.
fn judge(snapshots: &[&Snapshot], check: bool) -> Exit {
    if snapshots.iter().any(|snapshot| !snapshot.sees_anything() || !snapshot.knows_the_cluster()) {
        return Exit::Unknown;
    }
    if !check {
        return Exit::Done;
    }
    match snapshots.iter().map(|snapshot| snapshot.cluster_health()).max() {
        Some(ClusterHealth::Critical) => Exit::Findings,
        _ if snapshots.iter().any(|snapshot| snapshot.cluster_health() == ClusterHealth::Warning) => Exit::Findings,
        Some(ClusterHealth::Unknown) => Exit::Unknown,
        Some(ClusterHealth::Warning | ClusterHealth::Ok) | None => Exit::Done,
    }
}

/// The zone times are shown in.
pub fn zone() -> TimeZone {
    TimeZone::system()
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::report::test_support::healthy;

    #[test]
    fn a_reader_who_has_gone_changes_nothing_of_what_was_found() {
        let failed = |kind: io::ErrorKind| is_read(Err(io::Error::from(kind).into()));
        assert!(is_read(Ok(())).unwrap());
        assert!(!failed(io::ErrorKind::BrokenPipe).unwrap());
        assert!(failed(io::ErrorKind::StorageFull).is_err());
    }

    #[test]
    fn a_store_and_a_router_that_answer_are_no_picture_of_this_cluster() {
        assert_eq!(judge(&[&healthy()], false), Exit::Done);
        let mut snapshot = healthy();
        snapshot.members.clear();
        snapshot.records.clear();
        assert_ne!(snapshot.cluster_health(), ClusterHealth::Unknown, "something answers");
        assert_eq!(judge(&[&snapshot], false), Exit::Unknown);
    }

    #[test]
    fn only_who_has_looked_at_everything_says_that_all_is_healthy() {
        use crate::model::observed::Reading;
        use crate::model::source::{Source, SourceKind};
        use crate::report::test_support::{acknowledge, findings};
        let mut not_reasked = healthy();
        let source = Source::new(SourceKind::Sql, "pg-2");
        not_reasked.members[2].sql = Some(Reading::not_attempted(source, Duration::from_secs(4), not_reasked.now));
        assert_eq!((judge(&[&not_reasked], false), judge(&[&not_reasked], true)), (Exit::Done, Exit::Unknown));
        let mut making = healthy();
        making.pending_findings = findings();
        assert_eq!((judge(&[&making], false), judge(&[&making], true)), (Exit::Done, Exit::Findings));
        let mut known = healthy();
        known.findings = findings();
        assert_eq!(judge(&[&known], true), Exit::Findings);
        acknowledge(&mut known, |_| true);
        assert_eq!(judge(&[&known], true), Exit::Done);
    }
}
