//! `audit`: what was done, by whom, and how it ended, as the journal has it.

use jiff::{SignedDuration, Timestamp};

use super::args::{self, AuditEnding, AuditOutput};
use super::exit::Exit;
use super::printer::Printer;
use super::status::zone;
use crate::action::account::{Account, accounts};
use crate::action::outcome::Ending;
use crate::action::record::{ActionId, Record};
use crate::audit::{Filter, Reading};
use crate::operate::job::{JobError, JobLedger, line};
use crate::report;
use crate::report::line::Line;
use crate::report::table::Tone;

/// The youngest records that may be forgotten.
const SHORTEST: SignedDuration = SignedDuration::from_hours(24);

/// The filter that was typed; `None`: its time is neither a span nor a time.
pub fn filter(typed: &args::Audit, cluster: Option<&str>) -> Option<Filter> {
    #[expect(clippy::disallowed_methods, reason = "a span before now is typed here")]
    let now = Timestamp::now();
    let since = match &typed.since {
        Some(text) => Some(since(text, now)?),
        None => None,
    };
    let ending = typed.ending.map(|ending| match ending {
        AuditEnding::Done => Ending::Done,
        AuditEnding::Refused => Ending::Refused,
        AuditEnding::Failed => Ending::Failed,
        AuditEnding::Unverified => Ending::Unverified,
        AuditEnding::Unknown => Ending::Unknown,
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
pub fn prune(ledger: &JobLedger, typed: &args::AuditPrune, printer: &mut Printer) -> anyhow::Result<Exit> {
    let Some(older) = span(&typed.older).filter(|older| *older >= SHORTEST) else {
        printer.say(format!("pgctl-tui: --older {}: write a span of a day or more, such as 90d", typed.older));
        return Ok(Exit::Usage);
    };
    #[expect(clippy::disallowed_methods, reason = "a span before now is typed here")]
    let before = Timestamp::now().checked_sub(older)?;
    let (jobs, journal) = (ledger.jobs(), ledger.journal());
    let told_by = |error: JobError| anyhow::anyhow!(line(&error));
    let open = jobs.unsettled(&journal).map_err(told_by)?;
    let pruned = journal.prune(before, &open, typed.dry_run).map_err(|error| anyhow::anyhow!(error.line()))?;
    let word = if typed.dry_run { "would be forgotten" } else { "forgotten" };
    let size = report::units::bytes(pruned.bytes);
    let mut told = vec![format!("{} records ({size}) {word}", pruned.records)];
    if !typed.dry_run {
        let removed = jobs.prune(&journal, before, usize::MAX).map_err(told_by)?;
        told.push(format!("the files of {removed} actions too"));
    }
    if !open.is_empty() {
        told.push(format!("{} actions are still open and stay", open.len()));
    }
    printer.line(&Line::new().plain(told.join("; ")))?;
    Ok(Exit::Done)
}

/// Shows the actions that `filter` accepts, newest first; the whole story where one action was asked for and found.
/// Exit code 0: shown, also where there is nothing to show.
///
/// # Errors
/// When the journal cannot be read, or standard output not be written.
pub fn run(ledger: &JobLedger, filter: &Filter, output: AuditOutput, printer: &mut Printer) -> anyhow::Result<Exit> {
    let journal = ledger.journal();
    let reading = journal.read().map_err(|error| anyhow::anyhow!(error.line()))?;
    for defect in &reading.defects {
        printer.say(format!("{}:{}: not a record: {}", defect.path.display(), defect.line, defect.text));
    }
    let wanted: Vec<Account> =
        accounts(&reading.records).into_iter().filter(|account| filter.accepts(account)).collect();
    match (output, wanted.as_slice()) {
        (AuditOutput::Json, _) => printer.document(&document(&reading, &wanted)?)?,
        (AuditOutput::Table, [one]) if filter.action.is_some() => {
            for line in report::journal::story(one, &zone()) {
                printer.line(&line)?;
            }
            complaints(ledger, &one.action, printer)?;
        }
        // One that could not start has written nothing into the journal.
        (AuditOutput::Table, []) if complains(ledger, filter, printer)? => {}
        (AuditOutput::Table, _) => {
            for line in report::text::lines(&report::journal::table(&wanted, &zone()), printer.width()) {
                printer.line(&line)?;
            }
        }
    }
    Ok(Exit::Done)
}

/// What the process of `action` complained of. Whether it did.
fn complaints(ledger: &JobLedger, action: &ActionId, printer: &mut Printer) -> anyhow::Result<bool> {
    let complaints = ledger.jobs().job(action).and_then(|job| job.complaints()).unwrap_or_default();
    for (index, complaint) in complaints.iter().enumerate() {
        let lead = if index == 0 { "its process said  " } else { "                  " };
        printer.line(&Line::new().dim(lead).with(complaint.as_str(), Tone::Look))?;
    }
    Ok(!complaints.is_empty())
}

/// The same of the one job whose name begins as was typed. Whether there was one with complaints.
fn complains(ledger: &JobLedger, filter: &Filter, printer: &mut Printer) -> anyhow::Result<bool> {
    let Some(typed) = &filter.action else { return Ok(false) };
    let jobs = ledger.jobs().list().map_err(|error| anyhow::anyhow!(line(&error)))?;
    let mut fitting = jobs.iter().filter(|job| job.action.0.starts_with(typed.as_str()));
    let (Some(job), None) = (fitting.next(), fitting.next()) else { return Ok(false) };
    if job.complaints().is_ok_and(|complaints| complaints.is_empty()) {
        return Ok(false);
    }
    printer.line(&Line::new().plain(format!("{}   its process did not begin: nothing was sent", job.action)))?;
    complaints(ledger, &job.action, printer)
}

/// Every record of every action in `wanted`, as it stands in the journal, and the lines that are no records.
fn document(reading: &Reading, wanted: &[Account]) -> Result<String, serde_json::Error> {
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
        let told = |text| since(text, now).map(|at| at.to_string());
        assert_eq!(told("2h").as_deref(), Some("2026-11-21T12:00:00Z"));
        assert_eq!(told("7d").as_deref(), Some("2026-11-14T14:00:00Z"));
        assert_eq!(told("2026-11-01T00:00:00+01:00").as_deref(), Some("2026-10-31T23:00:00Z"));
        assert_eq!(told("yesterday"), None);
    }
    #[test]
    fn what_is_old_is_forgotten_and_only_where_the_span_is_long_enough() {
        let home = tempfile::tempdir().unwrap();
        let ledger = JobLedger::below(home.path());
        let mut printer = Printer::new();
        let mut prune = |older: &str| {
            prune(&ledger, &args::AuditPrune { older: older.to_owned(), dry_run: false }, &mut printer).unwrap()
        };
        assert_eq!(prune("90d"), Exit::Done, "nothing was written yet");
        for wrong in ["1h", "90", "soon"] {
            assert_eq!(prune(wrong), Exit::Usage, "{wrong}");
        }
    }
}
