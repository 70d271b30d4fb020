//! Actions of the journal: a line each, and the story of one.

use std::time::Duration;

use jiff::tz::TimeZone;

use super::line::Line;
use super::table::{Cell, Column, Row, SortKey, Table, Tone};
use super::units::{self, DATE_TIME_WIDTH};
use crate::action::account::{Account, StepFate};
use crate::action::note::Verdict;
use crate::action::outcome::Ending;
use crate::model::text::Text;

/// Columns of [`table`]. Rows are named by the action.
pub const COLUMNS: &[Column] = &[
    Column::words("at", "WHEN", 0, DATE_TIME_WIDTH, DATE_TIME_WIDTH),
    Column::words("cluster", "CLUSTER", 1, 7, 20),
    Column::words("what", "WHAT", 0, 20, 0),
    Column::words("by", "BY", 1, 8, 24),
    Column::words("ending", "ENDING", 0, 8, 16),
    Column::words("took", "TOOK", 2, 5, 8),
    Column::words("action", "ACTION", 1, 8, 32),
];

/// What is said of an action without an end.
const OPEN: &str = "no end on record";

/// Actions, newest first. `accounts` is oldest first, as the journal has it; times are written in `zone`.
pub fn table(accounts: &[Account], zone: &TimeZone) -> Table {
    let mut table = Table::new(COLUMNS, "no such action is on record", "");
    table.rows = accounts.iter().rev().map(|account| row(account, zone)).collect();
    table
}

fn row(account: &Account, zone: &TimeZone) -> Row {
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

fn ending(account: &Account) -> (&'static str, Tone) {
    match account.ending() {
        Some(ending @ Ending::Done) => (ending.word(), Tone::Well),
        Some(ending @ Ending::Refused) => (ending.word(), Tone::Dim),
        Some(ending @ (Ending::Failed | Ending::Unverified)) => (ending.word(), Tone::Look),
        Some(ending @ Ending::Unknown) => (ending.word(), Tone::Act),
        None => (OPEN, Tone::Act),
    }
}

fn seconds(span: Duration) -> String {
    format!("{:.2} s", span.as_secs_f64())
}

/// Everything the journal has of one action.
pub fn story(account: &Account, zone: &TimeZone) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut fact =
        |name: &str, text: String, tone| lines.push(Line::new().dim(format!("{name:<10} ")).with(text, tone));
    let title = account.plan.as_ref().map_or_else(|| "?".to_owned(), |plan| plan.title.to_string());
    fact("action", account.action.to_string(), Tone::Dim);
    fact("what", title, Tone::Strong);
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
            fact("overridden", check.to_string(), Tone::Look);
        }
    }
    for note in account.notes.iter().filter(|note| note.verdict != Verdict::Pass) {
        let tone = if note.verdict == Verdict::Unknown { Tone::Stale } else { Tone::Look };
        fact(note.verdict.word(), note.text.to_string(), tone);
    }
    for (index, fate) in &account.steps {
        let words = account.plan.as_ref().and_then(|plan| plan.steps.get(*index)).map(|step| step.words.as_str());
        let words = words.unwrap_or("?");
        let (text, tone) = match fate {
            StepFate::Begun => (format!("{words}: no answer on record; it may have been sent"), Tone::Act),
            StepFate::Ended { took, reply, accepted } => {
                let tone = if *accepted == Some(true) { Tone::Plain } else { Tone::Look };
                (format!("{words}: {reply} ({})", seconds(*took)), tone)
            }
        };
        fact(&format!("step {}", index + 1), text, tone);
    }
    for (after, milestone) in &account.reached {
        fact(&seconds(*after), milestone.to_string(), Tone::Well);
    }
    for told in &account.told {
        let tone = if told.accepted == Some(true) { Tone::Plain } else { Tone::Look };
        fact("told", format!("{}: {} ({})", told.words(), told.reply, told.why), tone);
    }
    for (index, accepted) in &account.undone {
        let (word, tone) = match accepted {
            Some(true) => ("taken back", Tone::Plain),
            Some(false) => ("not taken back", Tone::Act),
            None => ("no answer to its undo", Tone::Act),
        };
        fact("undo", format!("step {}: {word}", index + 1), tone);
    }
    let (word, tone) = ending(account);
    let told = account.outcome.as_ref().map(|(outcome, _)| outcome);
    fact("ending", told.map_or_else(|| word.to_owned(), |outcome| format!("{word}: {}", outcome.text)), tone);
    for next in told.iter().flat_map(|outcome| &outcome.next) {
        fact("next", next.to_string(), Tone::Look);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::test_support::drawn;
    use super::*;
    use crate::action::account::accounts;
    use crate::action::expectation::Expectation;
    use crate::action::generation::Generation;
    use crate::action::intent::{Intent, Target};
    use crate::action::order::{AgentRequest, Order};
    use crate::action::outcome::Outcome;
    use crate::action::plan::{Confirm, Danger, Plan, Step};
    use crate::action::record::{ActionId, Entry, Operator, Record, SCHEMA};
    use crate::model::name::{ClusterName, NodeName};

    fn plan() -> Box<Plan> {
        let order = Order::Agent { member: NodeName::new("pg-1"), request: AgentRequest::Reload };
        let step = Step { words: "POST pg-1 /reload".into(), order, undo: None, deadline: Duration::from_secs(5) };
        Box::new(Plan {
            cluster: ClusterName::new("prod-eu"),
            intent: Intent::Reload { target: Target::All },
            title: "reload pg-1 of prod-eu".into(),
            generation: Generation::default(),
            danger: Danger::Reversible,
            confirm: Confirm::Yes,
            wants_reason: false,
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
        let refused = Entry::Refused { operator: operator.clone(), plan: plan(), why: "pg-1 does not answer".into() };
        let started = |action| {
            let entry = Entry::Started {
                operator: operator.clone(),
                plan: plan(),
                hash: plan().hash(),
                notes: Vec::new(),
                confirmation: crate::action::permit::Confirmation::default(),
                before: Box::new(crate::action::before::Before {
                    generation: Generation::default(),
                    members: std::collections::BTreeMap::default(),
                }),
            };
            record(action, 8, entry)
        };
        let took = Duration::from_millis(120);
        let ended = Entry::StepEnded { step: 0, took, reply: "202 reload scheduled".into(), accepted: Some(true) };
        let outcome = Outcome::new(Ending::Done, "pg-1 has read its configuration");
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
        insta::assert_snapshot!(drawn(&table(&accounts(&records()), &TimeZone::UTC)), @r"
        WHEN                 CLUSTER  WHAT                    BY            ENDING            TOOK    ACTION
        2026-11-21 14:02:08  prod-eu  reload pg-1 of prod-eu  anna@bastion  no end on record  –       c3
        2026-11-21 14:02:08  prod-eu  reload pg-1 of prod-eu  anna@bastion  done              1.41 s  b2
        2026-11-21 14:02:01  prod-eu  reload pg-1 of prod-eu  anna@bastion  refused           –       a1
        ");
    }

    #[test]
    fn the_story_tells_who_and_what_was_answered_and_what_was_not() {
        let told = |index: usize| {
            let lines = story(&accounts(&records())[index], &TimeZone::UTC);
            lines.iter().map(Line::text).collect::<Vec<_>>().join("\n")
        };
        let done = told(1);
        assert!(done.contains("by         anna@bastion as root from 10.1.2.3, process 4711"), "{done}");
        assert!(done.contains("step 1     POST pg-1 /reload: 202 reload scheduled (0.12 s)"), "{done}");
        assert!(done.contains("ending     done: pg-1 has read its configuration"), "{done}");
        let open = told(2);
        assert!(open.contains("it may have been sent") && open.contains("ending     no end on record"), "{open}");
    }
}
