//! `audit`: what was done, by whom, and how it ended, as the journal has it.

use jiff::Timestamp;

use super::args::{self, AuditEnding, AuditOutput};
use super::exit::Exit;
use super::printer::Printer;
use super::status::zone;
use crate::action::account::{Account, accounts};
use crate::action::outcome::Ending;
use crate::action::record::Record;
use crate::audit::{Filter, Journal, Reading};
use crate::report;

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
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    let span = match days {
        Some(days) => jiff::SignedDuration::from_hours(24 * i64::from(days)),
        None => jiff::SignedDuration::try_from(crate::config::duration(text).ok()?).ok()?,
    };
    now.checked_sub(span).ok()
}

/// Shows the actions that `filter` accepts, newest first; the whole story where one action was asked for and found.
/// Exit code 0: shown, also where there is nothing to show.
///
/// # Errors
/// When the journal cannot be read, or standard output not be written.
pub fn run(journal: &Journal, filter: &Filter, output: AuditOutput, printer: &mut Printer) -> anyhow::Result<Exit> {
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
        }
        (AuditOutput::Table, _) => {
            for line in report::text::lines(&report::journal::table(&wanted, &zone()), printer.width()) {
                printer.line(&line)?;
            }
        }
    }
    Ok(Exit::Done)
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
}
