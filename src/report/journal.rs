//! Actions of the journal: a line each, and the story of one.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::line::Line;
use super::table::{Cell, Column, Row, SortKey, Table, Tone};
use super::units::{self, DATE_TIME_WIDTH};
use crate::action::account::{ActionHistory, StepResult};
use crate::action::note::CheckVerdict;
use crate::action::outcome::OutcomeKind;
use crate::model::text::Text;

/// Columns of [`table`]. Rows are named by the action.
pub const COLUMNS: &[Column] = &[
    Column::text("at", "WHEN", 0, DATE_TIME_WIDTH, DATE_TIME_WIDTH),
    Column::text("cluster", "CLUSTER", 1, 7, 20),
    Column::text("action", "ACTION", 0, 20, 0),
    Column::text("by", "OPERATOR", 1, 8, 24),
    Column::text("outcome", "OUTCOME", 0, 8, 16),
    Column::text("took", "DURATION", 2, 5, 8),
    Column::text("id", "ID", 1, 8, 32),
];

/// What is said of an action without an end.
const OPEN: &str = "not recorded";

/// Actions, newest first. `accounts` is oldest first, as the journal has it; times are written in `zone`.
pub fn table(accounts: &[ActionHistory], zone: &TimeZone) -> Table {
    let mut table = Table::new(COLUMNS, "no such action in the journal", "");
    table.rows = accounts.iter().rev().map(|account| row(account, zone)).collect();
    table
}

fn row(account: &ActionHistory, zone: &TimeZone) -> Row {
    let at = Cell {
        key: SortKey::Number(account.first.as_second() as f64),
        ..Cell::text(units::date_time(account.first, zone), Tone::Dim)
    };
    let what = account.plan.as_ref().map(|plan| plan.title.clone());
    let by = account.operator.as_ref().map(|operator| Text::new(operator.to_string()));
    let (word, tone) = ending(account);
    let took = account.outcome.as_ref().map(|(_, took)| *took).filter(|took| !took.is_zero());
    let cells = vec![
        at,
        Cell::text(account.cluster.as_str(), Tone::Plain),
        what.map_or_else(Cell::unknown, |what| Cell::text(what, Tone::Plain)),
        by.map_or_else(Cell::unknown, |by| Cell::text(by, Tone::Plain)),
        Cell::text(word, tone),
        took.map_or_else(Cell::none, |took| Cell::number(took.as_secs_f64(), seconds(took), Tone::Dim)),
        Cell::text(account.action.0.as_str(), Tone::Dim),
    ];
    Row { id: Text::new(&account.action.0), cells }
}

fn ending(account: &ActionHistory) -> (&'static str, Tone) {
    match account.ending() {
        Some(ending @ OutcomeKind::Done) => (ending.as_str(), Tone::Ok),
        Some(ending @ OutcomeKind::Refused) => (ending.as_str(), Tone::Dim),
        Some(ending @ (OutcomeKind::Failed | OutcomeKind::Unverified)) => (ending.as_str(), Tone::Warning),
        Some(ending @ OutcomeKind::Unknown) => (ending.as_str(), Tone::Critical),
        None => (OPEN, Tone::Critical),
    }
}

fn seconds(span: Duration) -> String {
    format!("{:.2} s", span.as_secs_f64())
}

/// Everything the journal has of one action.
pub fn story(account: &ActionHistory, zone: &TimeZone) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut fact =
        |name: &str, text: String, tone| lines.push(Line::new().dim(format!("{name:<10} ")).with(text, tone));
    let title = account.plan.as_ref().map_or_else(|| "?".to_owned(), |plan| plan.title.to_string());
    fact("id", account.action.to_string(), Tone::Dim);
    fact("action", title, Tone::Strong);
    fact("cluster", account.cluster.to_string(), Tone::Plain);
    fact("when", units::date_time(account.first, zone), Tone::Plain);
    if let Some(who) = &account.operator {
        let from = who.from.as_ref().map_or_else(String::new, |from| format!(" from {from}"));
        let account = if who.behind_sudo.is_some() { format!(" as {}", who.user) } else { String::new() };
        fact("by", format!("{who}{account}{from}, process {}", who.pid), Tone::Plain);
    }
    if let Some(confirmation) = &account.confirmation {
        if let Some(reason) = &confirmation.reason {
            fact("reason", reason.to_string(), Tone::Plain);
        }
        for check in &confirmation.overridden {
            fact("overridden", check.to_string(), Tone::Warning);
        }
    }
    for note in account.notes.iter().filter(|note| note.verdict != CheckVerdict::Pass) {
        let tone = if note.verdict == CheckVerdict::Unknown { Tone::Stale } else { Tone::Warning };
        fact(note.verdict.as_str(), note.text.to_string(), tone);
    }
    for (index, step_result) in &account.steps {
        let words = account.plan.as_ref().and_then(|plan| plan.steps.get(*index)).map(|step| step.text.as_str());
        let words = words.unwrap_or("?");
        let (text, tone) = match step_result {
            StepResult::Begun => {
                (format!("{words}: no response recorded; the request may have been sent"), Tone::Critical)
            }
            StepResult::Ended { took, reply, accepted } => {
                let tone = if *accepted == Some(true) { Tone::Plain } else { Tone::Warning };
                (format!("{words}: {reply} ({})", seconds(*took)), tone)
            }
        };
        fact(&format!("step {}", index + 1), text, tone);
    }
    for (after, milestone) in &account.reached {
        fact(&seconds(*after), milestone.to_string(), Tone::Ok);
    }
    for reported in &account.reported {
        let tone = if reported.accepted == Some(true) { Tone::Plain } else { Tone::Warning };
        fact("sent", format!("{}: {} ({})", reported.describe(), reported.reply, reported.why), tone);
    }
    for (index, accepted) in &account.reverted_steps {
        let tone = if *accepted == Some(true) { Tone::Plain } else { Tone::Critical };
        fact("revert", format!("step {}: {}", index + 1, revert_result(*accepted)), tone);
    }
    for (index, artefact) in &account.artefacts {
        fact("created", format!("step {}: {}", index + 1, artefact.describe()), Tone::Plain);
    }
    let (word, tone) = ending(account);
    let reported = account.outcome.as_ref().map(|(outcome, _)| outcome);
    fact("outcome", reported.map_or_else(|| word.to_owned(), |outcome| format!("{word}: {}", outcome.text)), tone);
    for next in reported.iter().flat_map(|outcome| &outcome.next) {
        fact("next", next.to_string(), Tone::Warning);
    }
    lines
}

/// What became of the undo of a step, by whether it was accepted (`None`: no answer).
pub fn revert_result(accepted: Option<bool>) -> &'static str {
    match accepted {
        Some(true) => "reverted",
        Some(false) => "not reverted",
        None => "no response to the revert",
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::rendered;
    use super::*;
    use crate::action::account::action_histories;
    use crate::action::expectation::Expectation;
    use crate::action::generation::Generation;
    use crate::action::intent::NodeIntent;
    use crate::action::intent::{Intent, Target};
    use crate::action::order::{AgentRequest, Order};
    use crate::action::outcome::Outcome;
    use crate::action::plan::{Confirm, Danger, Plan, Step};
    use crate::action::record::{ActionId, Entry, Operator, Record, SCHEMA};
    use crate::model::name::{ClusterName, NodeName};

    fn plan() -> Box<Plan> {
        let order = Order::agent(NodeName::new("pg-1"), AgentRequest::Reload);
        let step = Step { text: "POST pg-1 /reload".into(), order, undo: None, deadline: Duration::from_secs(5) };
        Box::new(Plan {
            cluster: ClusterName::new("prod-eu"),
            intent: Intent::Node(NodeIntent::Reload { target: Target::All }),
            title: "reload pg-1 of prod-eu".into(),
            generation: Generation::default(),
            danger: Danger::Reversible,
            confirm: Confirm::Yes,
            needs_reason: false,
            checks: Vec::new(),
            steps: vec![step],
            no_return: 0,
            impact: Vec::new(),
            equivalent: Vec::new(),
            expectation: Expectation::of([], Duration::from_secs(9)),
        })
    }

    fn records() -> Vec<Record> {
        let record = |action: &str, second: u32, entry| Record {
            schema: SCHEMA,
            action: ActionId(action.to_owned()),
            at: format!("2026-11-21T14:02:{second:02}Z").parse().unwrap(),
            cluster: ClusterName::new("prod-eu"),
            entry,
        };
        let operator = Operator {
            user: "root".into(),
            behind_sudo: Some("anna".into()),
            from: Some("10.1.2.3".into()),
            host: "bastion".into(),
            pid: 4711,
        };
        let refused = Entry::Refused { operator: operator.clone(), plan: plan(), why: "pg-1 is unreachable".into() };
        let started = |action| {
            let entry = Entry::Started {
                operator: operator.clone(),
                plan: plan(),
                hash: plan().hash(),
                notes: Vec::new(),
                confirmation: crate::action::permit::Confirmation::default(),
                before: Box::new(crate::action::before::StateBefore {
                    generation: Generation::default(),
                    members: std::collections::BTreeMap::default(),
                }),
            };
            record(action, 8, entry)
        };
        let took = Duration::from_millis(120);
        let ended = Entry::StepEnded {
            step: 0,
            took,
            reply: "202 reload scheduled".into(),
            accepted: Some(true),
            artefact: None,
        };
        let outcome = Outcome::new(OutcomeKind::Done, "pg-1 has read its configuration");
        vec![
            record("a1", 1, refused),
            started("b2"),
            record("b2", 9, Entry::StepBegan { step: 0 }),
            record("b2", 9, ended),
            record("b2", 9, Entry::Ended { outcome, after: Duration::from_millis(1_410), left: None }),
            started("c3"),
            record("c3", 10, Entry::StepBegan { step: 0 }),
        ]
    }

    #[test]
    fn the_newest_action_comes_first_and_one_without_an_end_says_so() {
        insta::assert_snapshot!(rendered(&table(&action_histories(&records()), &TimeZone::UTC)), @r"
        WHEN                 CLUSTER  ACTION                  OPERATOR      OUTCOME       DURATION  ID
        2026-11-21 14:02:08  prod-eu  reload pg-1 of prod-eu  anna@bastion  not recorded  –         c3
        2026-11-21 14:02:08  prod-eu  reload pg-1 of prod-eu  anna@bastion  done          1.41 s    b2
        2026-11-21 14:02:01  prod-eu  reload pg-1 of prod-eu  anna@bastion  refused       –         a1
        ");
    }

    #[test]
    fn what_an_action_has_made_is_named_whatever_its_end() {
        let mut records = records();
        let made = |name: &str, size| Some(crate::action::work::Artefact { name: name.into(), size });
        let dumped = |artefact| Entry::StepEnded {
            step: 0,
            took: Duration::from_secs(61),
            reply: "done".into(),
            accepted: Some(true),
            artefact,
        };
        records.retain(|record| record.action.0 == "c3");
        records.push(Record { entry: dumped(made("/backups/app.dump", Some(2_000_000))), ..records[0].clone() });
        let undone =
            Entry::Undone { step: 0, reply: "kept".into(), accepted: Some(true), artefact: made("/backups/old", None) };
        records.push(Record { entry: undone, ..records[0].clone() });
        let lines: Vec<String> = story(&action_histories(&records)[0], &TimeZone::UTC).iter().map(Line::text).collect();
        let created: Vec<&String> = lines.iter().filter(|line| line.starts_with("created")).collect();
        assert_eq!(created, ["created    step 1: /backups/app.dump, 1.9 MB", "created    step 1: /backups/old"]);
    }

    #[test]
    fn the_story_tells_who_and_what_was_answered_and_what_was_not() {
        let reported = |index: usize| {
            let lines = story(&action_histories(&records())[index], &TimeZone::UTC);
            lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
        };
        let done = reported(1);
        assert!(done.contains("by         anna@bastion as root from 10.1.2.3, process 4711"), "{done}");
        assert!(done.contains("step 1     POST pg-1 /reload: 202 reload scheduled (0.12 s)"), "{done}");
        assert!(done.contains("outcome    done: pg-1 has read its configuration"), "{done}");
        let open = reported(2);
        assert!(open.contains("the request may have been sent") && open.contains("outcome    not recorded"), "{open}");
    }
}
