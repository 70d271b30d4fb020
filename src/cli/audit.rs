//! `audit`: what was done, by whom, and how it ended, as the journal has it.

use jiff::{SignedDuration, Timestamp};

use super::args::{self, AuditEnding, AuditOutput};
use super::exit::Exit;
use super::printer::Printer;
use super::status::zone;
use crate::action::account::{ActionHistory, action_histories};
use crate::action::outcome::OutcomeKind;
use crate::action::record::{ActionId, Record};
use crate::audit::{Filter, Reading};
use crate::operate::job::{FileJobStore, JobError, line};
use crate::report;
use crate::report::line::Line;
use crate::report::table::Tone;

/// The youngest records that may be forgotten.
const MIN_AGE: SignedDuration = SignedDuration::from_hours(24);

/// The filter that was typed; `None`: its time is neither a span nor a time.
pub fn filter(typed: &args::Audit, cluster: Option<&str>) -> Option<Filter> {
    #[expect(clippy::disallowed_methods, reason = "a span before now is typed here")]
    let now = Timestamp::now();
    let since = match &typed.since {
        Some(text) => Some(since(text, now)?),
        None => None,
    };
    let ending = typed.ending.map(|ending| match ending {
        AuditEnding::Done => OutcomeKind::Done,
        AuditEnding::Refused => OutcomeKind::Refused,
        AuditEnding::Failed => OutcomeKind::Failed,
        AuditEnding::Unverified => OutcomeKind::Unverified,
        AuditEnding::Unknown => OutcomeKind::Unknown,
    });
    Some(Filter {
        cluster: cluster.map(str::to_owned),
        verb: typed.verb.clone(),
        since,
        action: typed.action.clone(),
        operator: typed.operator.clone(),
        ending,
        unended: typed.unended,
    })
}

/// A time, or a span before `now`.
fn since(text: &str, now: Timestamp) -> Option<Timestamp> {
    if let Ok(at) = text.parse() {
        return Some(at);
    }
    now.checked_sub(span(text)?).ok()
}

/// A span, also in days.
fn span(text: &str) -> Option<SignedDuration> {
    match text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok()) {
        Some(days) => Some(SignedDuration::from_hours(24 * i64::from(days))),
        None => SignedDuration::try_from(crate::config::duration(text).ok()?).ok(),
    }
}

/// Forgets what is older than asked for. Exit code 0: forgotten, also where there was nothing.
///
/// # Errors
/// When the span is none or too short, or the files cannot be read or written.
pub fn prune(job_store: &FileJobStore, typed: &args::AuditPrune, printer: &mut Printer) -> anyhow::Result<Exit> {
    let Some(older) = span(&typed.older).filter(|older| *older >= MIN_AGE) else {
        printer.say(format!("pgctl-tui: --older {}: use a duration of a day or more, such as 90d", typed.older));
        return Ok(Exit::Usage);
    };
    #[expect(clippy::disallowed_methods, reason = "a span before now is typed here")]
    let before = Timestamp::now().checked_sub(older)?;
    let (jobs, journal) = (job_store.jobs(), job_store.journal());
    let reported_by = |error: JobError| anyhow::anyhow!(line(&error));
    let open = jobs.unsettled(&journal).map_err(reported_by)?;
    let pruned = journal.prune(before, &open, typed.dry_run).map_err(|error| anyhow::anyhow!(error.line()))?;
    let word = if typed.dry_run { "would be removed" } else { "removed" };
    let size = report::units::bytes(pruned.bytes);
    let mut reported = vec![format!("{} ({size}) {word}", report::units::plural(pruned.records, "record"))];
    if !typed.dry_run {
        let removed = jobs.prune(&journal, before, usize::MAX).map_err(reported_by)?;
        reported.push(format!("and the files of {}", report::units::plural(removed, "action")));
    }
    if !open.is_empty() {
        reported.push(format!("{} still open and kept", report::units::plural(open.len(), "action")));
    }
    printer.line(&Line::new().plain(reported.join("; ")))?;
    Ok(Exit::Done)
}

/// Shows the actions that `filter` accepts, newest first; the whole story where one action was asked for and found.
/// Exit code 0: shown, also where there is nothing to show.
///
/// # Errors
/// When the journal cannot be read, or standard output not be written.
pub fn run(
    job_store: &FileJobStore,
    filter: &Filter,
    output: AuditOutput,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let journal = job_store.journal();
    let reading = journal.read().map_err(|error| anyhow::anyhow!(error.line()))?;
    for defect in &reading.defects {
        printer.say(format!("{}:{}: not a record: {}", defect.path.display(), defect.line, defect.text));
    }
    let wanted: Vec<ActionHistory> =
        action_histories(&reading.records).into_iter().filter(|account| filter.accepts(account)).collect();
    match (output, wanted.as_slice()) {
        (AuditOutput::Json, _) => printer.document(&document(&reading, &wanted)?)?,
        (AuditOutput::Table, [one]) if filter.action.is_some() => {
            for line in report::journal::story(one, &zone()) {
                printer.line(&line)?;
            }
            diagnostics(job_store, &one.action, printer)?;
        }
        // One that could not start has written nothing into the journal.
        (AuditOutput::Table, []) if is_reported(job_store, filter, printer)? => {}
        (AuditOutput::Table, _) => {
            for line in report::text::lines(&report::journal::table(&wanted, &zone()), printer.width()) {
                printer.line(&line)?;
            }
        }
    }
    Ok(Exit::Done)
}

/// What the process of `action` complained of. Whether it did.
fn diagnostics(job_store: &FileJobStore, action: &ActionId, printer: &mut Printer) -> anyhow::Result<bool> {
    let diagnostics = job_store.jobs().job(action).and_then(|job| job.diagnostics()).unwrap_or_default();
    for (index, complaint) in diagnostics.iter().enumerate() {
        let lead = if index == 0 { "process output  " } else { "                  " };
        printer.line(&Line::new().dim(lead).with(complaint.as_str(), Tone::Warning))?;
    }
    Ok(!diagnostics.is_empty())
}

/// The same of the one job whose name begins as was typed. Whether there was one with complaints.
fn is_reported(job_store: &FileJobStore, filter: &Filter, printer: &mut Printer) -> anyhow::Result<bool> {
    let Some(typed) = &filter.action else { return Ok(false) };
    let jobs = job_store.jobs().list().map_err(|error| anyhow::anyhow!(line(&error)))?;
    let mut fitting = jobs.iter().filter(|job| job.action.0.starts_with(typed.as_str()));
    let (Some(job), None) = (fitting.next(), fitting.next()) else { return Ok(false) };
    if job.diagnostics().is_ok_and(|diagnostics| diagnostics.is_empty()) {
        return Ok(false);
    }
    printer.line(&Line::new().plain(format!("{}   its process did not start: nothing was sent", job.action)))?;
    diagnostics(job_store, &job.action, printer)
}

/// Every record of every action in `wanted`, as it stands in the journal, and the lines that are no records.
fn document(reading: &Reading, wanted: &[ActionHistory]) -> Result<String, serde_json::Error> {
    let actions: Vec<_> = wanted
        .iter()
        .map(|account| {
            let records: Vec<&Record> = reading.records.iter().filter(|r| r.action == account.action).collect();
            serde_json::json!({ "action": account.action, "ending": account.ending(), "records": records })
        })
        .collect();
    let defects: Vec<_> = reading
        .defects
        .iter()
        .map(|defect| serde_json::json!({ "file": defect.path, "line": defect.line, "text": defect.text }))
        .collect();
    let document = serde_json::json!({ "schema_version": 1, "actions": actions, "defects": defects });
    serde_json::to_string_pretty(&document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_may_be_typed_as_such_or_as_a_span_before_now() {
        let now: Timestamp = "2026-11-21T14:00:00Z".parse().unwrap();
        let reported = |text| since(text, now).map(|at| at.to_string());
        assert_eq!(reported("2h").as_deref(), Some("2026-11-21T12:00:00Z"));
        assert_eq!(reported("7d").as_deref(), Some("2026-11-14T14:00:00Z"));
        assert_eq!(reported("2026-11-01T00:00:00+01:00").as_deref(), Some("2026-10-31T23:00:00Z"));
        assert_eq!(reported("yesterday"), None);
    }
    #[test]
    fn what_is_old_is_forgotten_and_only_where_the_span_is_long_enough() {
        let home = tempfile::tempdir().unwrap();
        let job_store = FileJobStore::below(home.path());
        let mut printer = Printer::new();
        let mut prune = |older: &str| {
            prune(&job_store, &args::AuditPrune { older: older.to_owned(), dry_run: false }, &mut printer).unwrap()
        };
        assert_eq!(prune("90d"), Exit::Done, "nothing was written yet");
        for wrong in ["1h", "90", "soon"] {
            assert_eq!(prune(wrong), Exit::Usage, "{wrong}");
        }
    }
}
