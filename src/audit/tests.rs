//! The journal on real files, with real processes.

use crate::model::record::Counter;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rstest::rstest;

use super::*;
use crate::action::Generation;
use crate::action::account::action_histories;
use crate::action::expectation::Expectation;
use crate::action::intent::{Intent, LeadIntent};
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::action::permit::Confirmation;
use crate::action::plan::{Confirm, Danger, Plan};
use crate::action::record::{ActionId, Entry, Operator, Record, SCHEMA};
use crate::model::name::ClusterName;

/// Tells a child process of these tests where to write, and how it is called.
const CHILD: &str = "PGCTL_TEST_JOURNAL";

fn record(action: &str, entry: Entry) -> Record {
    Record {
        schema: SCHEMA,
        action: ActionId(action.to_owned()),
        at: "2026-11-21T14:02:07Z".parse().unwrap(),
        cluster: ClusterName::new("prod-eu"),
        entry,
    }
}

fn step(action: &str, step: usize) -> Record {
    record(action, Entry::StepBegan { step })
}

fn plan() -> Box<Plan> {
    Box::new(Plan {
        cluster: ClusterName::new("prod-eu"),
        intent: Intent::Lead(LeadIntent::Pause),
        title: "pause prod-eu".into(),
        generation: Generation::default().counting(Counter::Lead, 41),
        danger: Danger::Reversible,
        confirm: Confirm::Yes,
        needs_reason: false,
        checks: Vec::new(),
        steps: Vec::new(),
        no_return: 0,
        impact: Vec::new(),
        equivalent: Vec::new(),
        expectation: Expectation::of([], Duration::from_secs(9)),
    })
}

fn operator_called(name: &str) -> Operator {
    Operator { user: name.into(), host: "bastion".into(), ..Operator::default() }
}

fn steps(reading: &Reading, action: &str) -> Vec<usize> {
    let of = |record: &Record| match &record.entry {
        Entry::StepBegan { step } if record.action.0 == action => Some(*step),
        _ => None,
    };
    reading.records.iter().filter_map(of).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Not a test of its own: the process that others start, to have several that write.
#[test]
#[ignore = "started by the tests below"]
fn child_that_writes() {
    let Ok(reported) = std::env::var(CHILD) else { return };
    let (directory, rest) = reported.split_once('|').unwrap();
    let (name, count) = rest.split_once('|').unwrap();
    let journal = Journal::at(directory).rotated_at(64 << 10);
    for index in 0..count.parse().unwrap() {
        journal.append(&step(name, index)).unwrap();
    }
}

#[expect(clippy::disallowed_methods, reason = "several processes are what is tested")]
fn child(directory: &Path, name: &str, count: usize) -> Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "audit::tests::child_that_writes", "--ignored"])
        .env(CHILD, format!("{}|{name}|{count}", directory.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn two_processes_that_append_lose_nothing_while_files_are_put_aside() {
    let home = tempfile::tempdir().unwrap();
    let mut children = [child(home.path(), "a", 1000), child(home.path(), "b", 1000)];
    for child in &mut children {
        assert!(child.wait().unwrap().success());
    }
    let reading = Journal::at(home.path()).read().unwrap();
    assert_eq!(reading.defects, []);
    assert_eq!((steps(&reading, "a"), steps(&reading, "b")), ((0..1000).collect(), (0..1000).collect()));
    let aside = fs::read_dir(home.path()).unwrap().count();
    assert!(aside > 3, "rotation was meant to take part: {aside} files");
}

#[test]
fn a_process_killed_while_it_appends_leaves_a_readable_journal() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::at(home.path());
    let mut writer = child(home.path(), "a", 1_000_000);
    let began = Instant::now();
    while journal.read().map_or(0, |reading| reading.records.len()) < 20 {
        assert!(began.elapsed() < Duration::from_secs(30), "the child writes nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    writer.kill().unwrap();
    writer.wait().unwrap();
    let before = journal.read().unwrap();
    assert_eq!(before.defects, []);
    assert_eq!(steps(&before, "a"), (0..before.records.len()).collect::<Vec<_>>());
    // Neither the dead process's lock nor its half line is in the way of the next.
    journal.append(&step("b", 7)).unwrap();
    assert_eq!(steps(&journal.read().unwrap(), "b"), [7]);
}

#[test]
fn half_a_line_is_passed_over_and_never_joined_with_the_next() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::at(home.path());
    journal.append(&step("a", 1)).unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(journal.path()).unwrap();
    file.write_all(br#"{"schema":1,"action":"a","at":"#).unwrap();
    assert_eq!(steps(&journal.read().unwrap(), "a"), [1]);
    assert_eq!(journal.read().unwrap().defects, [], "it may be under way");
    journal.append(&step("a", 2)).unwrap();
    let reading = journal.read().unwrap();
    assert_eq!(steps(&reading, "a"), [1, 2]);
    assert_eq!(reading.defects.iter().map(|defect| defect.line).collect::<Vec<_>>(), [2], "now it is known to be lost");
}

#[test]
fn a_record_of_a_newer_form_is_reported_and_not_guessed_at() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::at(home.path());
    journal.append(&Record { schema: SCHEMA + 1, ..step("a", 1) }).unwrap();
    journal.append(&step("a", 2)).unwrap();
    let reading = journal.read().unwrap();
    assert_eq!(steps(&reading, "a"), [2]);
    assert!(reading.defects[0].text.contains("format 2"), "{:?}", reading.defects);
}

#[test]
fn it_is_private_also_where_the_directory_was_there_before() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("state/pgctl-tui");
    fs::create_dir_all(&directory).unwrap();
    fs::set_permissions(&directory, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(directory.join("audit.jsonl"), "").unwrap();
    fs::set_permissions(directory.join("audit.jsonl"), fs::Permissions::from_mode(0o644)).unwrap();
    let journal = Journal::at(&directory);
    journal.append(&step("a", 1)).unwrap();
    assert_eq!((mode(&directory), mode(&journal.path())), (0o700, 0o600));
    let new = Journal::at(home.path().join("new/pgctl-tui"));
    new.append(&step("a", 1)).unwrap();
    assert_eq!((mode(new.directory()), mode(&new.path())), (0o700, 0o600));
}

#[test]
fn a_full_disk_and_a_place_that_takes_nothing_are_distinguished() {
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("/dev/full", home.path().join("audit.jsonl")).unwrap();
    let full = Journal::at(home.path()).append(&step("a", 1)).unwrap_err();
    assert!(matches!(full, JournalError::Full { .. }), "{}", full.line());
    fs::write(home.path().join("file"), "").unwrap();
    let nowhere = Journal::at(home.path().join("file/state")).append(&step("a", 1)).unwrap_err();
    assert!(matches!(nowhere, JournalError::Directory { .. }), "{}", nowhere.line());
    fs::create_dir_all(home.path().join("odd/audit.jsonl")).unwrap();
    let odd = Journal::at(home.path().join("odd")).append(&step("a", 1)).unwrap_err();
    assert!(matches!(odd, JournalError::Open { .. }), "{}", odd.line());
}

#[test]
fn a_journal_that_was_never_written_is_empty() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(Journal::at(home.path().join("nothing")).read().unwrap(), Reading::default());
    assert_eq!(Journal::at(home.path()).read().unwrap(), Reading::default());
}

/// Three actions: done by anna behind sudo, refused to bob, and one of bob's that never ended.
fn written() -> Vec<Record> {
    let started = |name: &str, operator: Operator| {
        record(
            name,
            Entry::Started {
                operator,
                hash: plan().hash(),
                plan: plan(),
                notes: Vec::new(),
                confirmation: Confirmation::default(),
                before: Box::new(crate::action::before::StateBefore {
                    generation: Generation::default(),
                    members: BTreeMap::default(),
                }),
            },
        )
    };
    let anna = Operator { behind_sudo: Some("anna".into()), ..operator_called("root") };
    let done =
        Entry::Ended { outcome: Outcome::new(OutcomeKind::Done, "paused"), after: Duration::from_secs(2), left: None };
    let refused = Entry::Refused { operator: operator_called("bob"), plan: plan(), why: "no leader".into() };
    let mut late = step("open", 0);
    late.at = "2026-11-22T00:00:00Z".parse().unwrap();
    vec![
        started("done", anna),
        started("open", operator_called("bob")),
        record("done", done),
        record("no", refused),
        late,
    ]
}

#[rstest]
#[case::all(Filter::default(), "done open no")]
#[case::operator(Filter { operator: Some("anna".into()), ..Filter::default() }, "done")]
#[case::sudo(Filter { operator: Some("root".into()), ..Filter::default() }, "done")]
#[case::ending(Filter { ending: Some(OutcomeKind::Refused), ..Filter::default() }, "no")]
#[case::unended(Filter { unended: true, ..Filter::default() }, "open")]
#[case::since(Filter { since: Some("2026-11-21T20:00:00Z".parse().unwrap()), ..Filter::default() }, "open")]
#[case::action(Filter { action: Some("do".into()), ..Filter::default() }, "done")]
#[case::verb(Filter { verb: Some("failover".into()), ..Filter::default() }, "")]
#[case::cluster(Filter { cluster: Some("prod-us".into()), ..Filter::default() }, "")]
fn actions_are_found_by_what_they_were(#[case] filter: Filter, #[case] found: &str) {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::at(home.path());
    for record in written() {
        journal.append(&record).unwrap();
    }
    let reading = journal.read().unwrap();
    assert_eq!(reading.records, written(), "what was written is what is read");
    let histories = action_histories(&reading.records);
    let names: Vec<&str> =
        histories.iter().filter(|account| filter.accepts(account)).map(|a| a.action.0.as_str()).collect();
    assert_eq!(names.join(" "), found);
}

fn at(day: &str, action: &str, entry: Entry) -> Record {
    Record { at: format!("2026-{day}T12:00:00Z").parse().unwrap(), ..record(action, entry) }
}

#[test]
fn reading_from_the_end_goes_no_further_than_is_asked_for() {
    let home = tempfile::tempdir().unwrap();
    // A file for each record.
    let journal = Journal::at(home.path()).rotated_at(1);
    for number in 0..5 {
        journal.append(&step("a", number)).unwrap();
    }
    let mut seen = Vec::new();
    journal
        .newest_first(|record| {
            let Entry::StepBegan { step } = record.entry else { panic!("{record:?}") };
            seen.push(step);
            if step == 3 { std::ops::ControlFlow::Break(()) } else { std::ops::ControlFlow::Continue(()) }
        })
        .unwrap();
    assert_eq!(seen, [4, 3]);
}

#[test]
fn the_records_of_one_action_are_found_without_reading_what_is_older_than_it() {
    let home = tempfile::tempdir().unwrap();
    let journal = Journal::at(home.path());
    let started = written().remove(1).entry;
    let records = [
        at("01-01", "mine", Entry::StepBegan { step: 9 }),
        at("11-20", "mine", started),
        at("11-20", "other", Entry::StepBegan { step: 0 }),
        at("11-21", "mine", Entry::StepBegan { step: 0 }),
    ];
    for record in &records {
        journal.append(record).unwrap();
    }
    let mine = |asked: &str| journal.records_of(&ActionId("mine".to_owned()), asked.parse().unwrap()).unwrap();
    assert_eq!(mine("2026-11-20T11:59:00Z"), [records[1].clone(), records[3].clone()]);
    assert_eq!(mine("2026-12-24T00:00:00Z"), [], "far older than what was asked for");
}

#[test]
fn what_is_old_is_forgotten_but_for_what_is_still_open() {
    let home = tempfile::tempdir().unwrap();
    // Three records a file or so.
    let journal = Journal::at(home.path()).rotated_at(500);
    let days = ["01-01", "01-02", "01-03", "02-01", "06-01", "11-01", "11-02"];
    for (number, day) in days.iter().enumerate() {
        let action = if number == 1 { "open" } else { "over" };
        journal.append(&at(day, action, Entry::StepBegan { step: number })).unwrap();
    }
    fs::OpenOptions::new().append(true).open(journal.path()).unwrap().write_all(b"no record\n").unwrap();
    let (before, open) = ("2026-10-01T00:00:00Z".parse().unwrap(), [ActionId("open".to_owned())].into());
    let steps = || -> Vec<usize> {
        let records = journal.read().unwrap().records;
        records.iter().map(|r| if let Entry::StepBegan { step } = r.entry { step } else { 99 }).collect()
    };
    let reported = journal.prune(before, &open, true).unwrap();
    assert_eq!((reported.records, steps().len()), (4, 7), "it was only told");
    assert_eq!(journal.prune(before, &open, false).unwrap(), reported);
    assert_eq!(steps(), [1, 5, 6]);
    assert_eq!(journal.read().unwrap().defects.len(), 1, "what is no record is not for us to judge");
    for entry in fs::read_dir(home.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.file_name());
        assert!(!entry.file_name().to_string_lossy().ends_with(".new"));
    }
    journal.append(&at("11-03", "over", Entry::StepBegan { step: 7 })).unwrap();
    assert_eq!(steps(), [1, 5, 6, 7], "and is written on");
}
