//! What the picture must not say: troubles that were told of real clusters and were none, or were others. Each test
//! takes a calm simulated cluster, changes what its sources say as it was then, and looks at what is told of it.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "shared with the other tests of findings")]
#[path = "support/fixture.rs"]
mod fixture;

use std::sync::Arc;
use std::time::Duration;

use fixture::Fixture;
use jiff::SignedDuration;
use pgctl::driver::ha::sim::Scenario;
use pgctl::health;
use pgctl::model::agent::{AgentReport, Position};
use pgctl::model::dcs::Quorum;
use pgctl::model::finding::{Finding, Severity, Subject};
use pgctl::model::lsn::{Lsn, Timeline};
use pgctl::model::member::Member;
use pgctl::model::moment::Moment;
use pgctl::model::observed::Reading;
use pgctl::model::postgres::SqlReport;
use pgctl::model::record::{ClusterRecord, HistoryEntry};
use pgctl::model::role::{MemberState, Role};
use pgctl::model::snapshot::{ClusterHealth, Snapshot};
use pgctl::model::source::{FailureKind, Source, SourceError, SourceKind};
use pgctl::observe::changes;
use pgctl::observe::histories::Histories;
use pgctl::report::summary::summary;
use pgctl::report::table::{Table, Tone};
use pgctl::report::{replication, topology};

const SECOND: Duration = Duration::from_secs(1);

/// pg-0 leads, pg-1 and pg-2 follow it; pg-3 is left out.
fn calm() -> Snapshot {
    let mut snapshot = Fixture::new(Scenario::Calm).pass(60);
    snapshot.members.retain(|member| member.name != "pg-3");
    record(&mut snapshot, |content| content.members.retain(|member| member.name != "pg-3"));
    assert_eq!(reported(&snapshot), Vec::<String>::new());
    snapshot
}

fn change<T: Clone>(reading: &mut Reading<T>, edit: impl FnOnce(&mut T)) {
    edit(Arc::make_mut(&mut reading.answer.as_mut().expect("an answer").value));
}

fn record(snapshot: &mut Snapshot, edit: impl Fn(&mut ClusterRecord)) {
    for reading in &mut snapshot.records {
        change(reading, &edit);
    }
}

fn member<'a>(snapshot: &'a mut Snapshot, name: &str) -> &'a mut Member {
    snapshot.members.iter_mut().find(|member| member.name == name).expect("a member")
}

fn sql(snapshot: &mut Snapshot, name: &str, edit: impl FnOnce(&mut SqlReport)) {
    change(member(snapshot, name).sql.as_mut().expect("asked"), edit);
}

fn agent(snapshot: &mut Snapshot, name: &str, edit: impl FnOnce(&mut AgentReport)) {
    change(member(snapshot, name).agent.as_mut().expect("asked"), edit);
}

fn fail<T>(reading: &mut Reading<T>, failure_kind: FailureKind, at: Moment) {
    reading.take(at, SECOND, Err(SourceError::new(failure_kind, "10.0.0.9:8008", "")));
}

/// Every wire to the node fails, and has done so for three seconds.
fn silence(snapshot: &mut Snapshot, name: &str, failure_kind: FailureKind) {
    let at = snapshot.now - SECOND * 3;
    let member = member(snapshot, name);
    fail(member.agent.as_mut().expect("asked"), failure_kind, at);
    fail(member.sql.as_mut().expect("asked"), failure_kind, at);
}

/// The standby lost its stream.
fn unstream(snapshot: &mut Snapshot, name: &str) {
    sql(snapshot, name, |report| report.receiver = None);
    agent(snapshot, name, |report| {
        report.state = MemberState::Running;
        report.replication_state = None;
    });
}

fn findings(snapshot: &Snapshot) -> Vec<Finding> {
    health::examine(snapshot).into_iter().map(|draft| draft.finding).collect()
}

/// Codes found, notes left aside.
fn reported(snapshot: &Snapshot) -> Vec<String> {
    let worth = findings(snapshot).into_iter().filter(|finding| finding.severity > Severity::Note);
    worth.map(|finding| format!("{} {}", finding.code, finding.subject)).collect()
}

fn finding(snapshot: &Snapshot, code: &str) -> Finding {
    let all = findings(snapshot);
    all.iter().find(|finding| finding.code == code).cloned().unwrap_or_else(|| panic!("no {code} among {all:#?}"))
}

fn has(snapshot: &Snapshot, code: &str) -> bool {
    findings(snapshot).iter().any(|finding| finding.code == code)
}

/// What is drawn in the row and column, with its tone.
fn cell(table: &Table, row: &str, column: &str) -> (String, Tone) {
    let at = table.columns.iter().position(|known| known.key == column).expect("a column");
    let row = table.rows.iter().find(|known| known.id == *row).unwrap_or_else(|| panic!("no row {row}"));
    (row.cells[at].text.to_string(), row.cells[at].tone)
}

/// The next poll: pg-2 has received all but replayed `left` bytes less, and the last commit that it replayed is so old.
fn replays(snapshot: &mut Snapshot, later: u32, left: u64, last_commit: Duration) {
    let now = snapshot.now + SECOND * later;
    snapshot.now = now;
    for member in &mut snapshot.members {
        if let Some(answer) = member.sql.as_mut().and_then(|sql| sql.answer.as_mut()) {
            answer.at = now;
        }
    }
    sql(snapshot, "pg-2", |report| {
        report.position = Position::Replaying {
            received: Some(Lsn(1 << 30)),
            replayed: Some(Lsn((1 << 30) - left)),
            replayed_at: None,
            paused: None,
        };
        report.receiver.as_mut().expect("it streams").latest_end = Some(Lsn(1 << 30));
        let replay = report.replay.as_mut().expect("a standby");
        replay.lag = Some(if left == 0 { Duration::ZERO } else { last_commit });
    });
    sql(snapshot, "pg-0", |report| {
        report.position = Position::Writing { at: Lsn(1 << 30) };
        for row in report.downstream.iter_mut().filter(|row| row.application == "pg-2") {
            (row.replay_lag_bytes, row.replay_lag) = (Some(left), None);
        }
    });
}

fn time_behind(snapshot: &Snapshot) -> Option<Duration> {
    let member = snapshot.member(&"pg-2".into()).expect("a member");
    snapshot.view(member).lag().time.map(|time| time.value)
}

#[test]
fn the_age_of_the_last_commit_is_not_taken_for_time_behind_after_idleness() {
    let mut histories = Histories::default();
    let mut snapshot = calm();
    for _ in 0..30 {
        replays(&mut snapshot, 1, 0, Duration::ZERO);
        histories.take(&mut snapshot);
    }
    replays(&mut snapshot, 5, 464, SECOND * 1200);
    histories.take(&mut snapshot);
    assert!(!has(&snapshot, "lag"), "{:?}", finding(&snapshot, "lag").title);
    assert_eq!(time_behind(&snapshot), Some(SECOND * 5), "not longer than since it was seen to have replayed all");
    // It does not get on: that is told with the time that it lasts.
    replays(&mut snapshot, 60, 464, SECOND * 1260);
    histories.take(&mut snapshot);
    assert_eq!(finding(&snapshot, "lag").severity, Severity::Warning);
}

#[test]
fn one_look_at_a_replica_that_is_behind_does_not_tell_for_how_long() {
    let mut snapshot = calm();
    replays(&mut snapshot, 1, 464, SECOND * 1200);
    Histories::default().take(&mut snapshot);
    assert!(!has(&snapshot, "lag"), "{:?}", finding(&snapshot, "lag").title);
    assert_eq!(time_behind(&snapshot), None);
}

#[test]
fn what_the_upstream_measured_counts_and_a_delay_on_purpose_does_not() {
    let mut snapshot = calm();
    replays(&mut snapshot, 1, 464, SECOND * 1200);
    let measured = |snapshot: &mut Snapshot, seconds: u32| {
        sql(snapshot, "pg-0", |report| {
            for row in report.downstream.iter_mut().filter(|row| row.application == "pg-2") {
                row.replay_lag = Some(SECOND * seconds);
            }
        });
    };
    measured(&mut snapshot, 40);
    assert_eq!(time_behind(&snapshot), Some(SECOND * 40));
    assert_eq!(finding(&snapshot, "lag").severity, Severity::Warning);
    sql(&mut snapshot, "pg-2", |report| report.replay.as_mut().expect("a standby").delay = SECOND * 3600);
    measured(&mut snapshot, 3610);
    assert!(!has(&snapshot, "lag"));
    measured(&mut snapshot, 3660);
    let late = finding(&snapshot, "lag");
    assert_eq!(late.severity, Severity::Warning);
    assert!(late.advice.as_str().contains("recovery_min_apply_delay"), "{}", late.advice);
    let lag = health::examine(&snapshot).into_iter().find(|draft| draft.finding.code == "lag").expect("a draft");
    assert!(lag.settles, "a lag is told once it has lasted");
}

#[test]
fn a_dead_leader_is_the_finding_and_not_that_its_replicas_lost_their_stream() {
    let mut snapshot = calm();
    silence(&mut snapshot, "pg-0", FailureKind::Refused);
    for name in ["pg-1", "pg-2"] {
        unstream(&mut snapshot, name);
    }
    let reported = reported(&snapshot);
    assert!(reported.contains(&"node-silent pg-0".to_owned()), "{reported:?}");
    assert!(!has(&snapshot, "not-streaming") && !has(&snapshot, "no-successor"), "{reported:?}");
    assert_eq!(summary(&snapshot, snapshot.now).members.text, "2/3");
    // Tags forbid whatever the leader does.
    for name in ["pg-1", "pg-2"] {
        agent(&mut snapshot, name, |report| report.tags.nofailover = true);
    }
    assert_eq!(finding(&snapshot, "no-successor").severity, Severity::Critical);
}

#[test]
fn replicas_that_stopped_far_behind_a_dead_leader_cannot_take_over() {
    let mut snapshot = calm();
    silence(&mut snapshot, "pg-0", FailureKind::Refused);
    sql(&mut snapshot, "pg-0", |report| report.downstream.clear());
    for name in ["pg-1", "pg-2"] {
        unstream(&mut snapshot, name);
        sql(&mut snapshot, name, |report| {
            let start = Some(Lsn(1));
            report.position = Position::Replaying { received: start, replayed: start, replayed_at: None, paused: None };
        });
    }
    assert_eq!(finding(&snapshot, "no-successor").severity, Severity::Critical);
}

#[test]
fn that_no_node_can_be_asked_from_here_does_not_tell_that_none_could_take_over() {
    let mut snapshot = calm();
    for name in ["pg-0", "pg-1", "pg-2"] {
        let now = snapshot.now;
        let member = member(&mut snapshot, name);
        for kind in [SourceKind::PatroniRest, SourceKind::Sql] {
            let (source, long) = (Source::new(kind, name), SECOND * 3);
            match kind {
                SourceKind::Sql => member.sql = Some(Reading::not_attempted(source, long, Moment::START)),
                _ => member.agent = Some(Reading::not_attempted(source, long, Moment::START)),
            }
        }
        fail(member.agent.as_mut().expect("asked"), FailureKind::Name, now);
        fail(member.sql.as_mut().expect("asked"), FailureKind::Name, now);
    }
    assert!(!has(&snapshot, "no-successor"));
    let unknown = finding(&snapshot, "successor-unknown");
    assert_eq!(unknown.severity, Severity::Note);
    assert!(unknown.title.as_str().contains("unknown"), "{}", unknown.title);
}

#[test]
fn two_entries_that_lead_to_one_server_are_no_split_brain() {
    let mut snapshot = calm();
    let mut twin = member(&mut snapshot, "pg-0").clone();
    twin.name = "pg-x".into();
    let now = snapshot.now;
    let source = Source::new(SourceKind::PatroniRest, "pg-x");
    let mut refused = Reading::not_attempted(source, SECOND * 3, Moment::START);
    refused.take(
        now,
        SECOND,
        Err(SourceError::new(FailureKind::UnexpectedAnswer, "http://h:8008", "is the agent of pg-0, not of pg-x")),
    );
    twin.agent = Some(refused);
    twin.sql.as_mut().expect("asked").source = Source::new(SourceKind::Sql, "pg-x");
    snapshot.members.push(twin);
    let found = findings(&snapshot);
    for code in ["several-primaries", "primary-without-lock", "two-servers-as-one"] {
        assert!(!has(&snapshot, code), "{code}: {found:#?}");
    }
    let shared = finding(&snapshot, "entries-share-server");
    assert_eq!((shared.severity, &shared.subject), (Severity::Critical, &Subject::Node("pg-x".into())));
    assert_eq!(found.iter().filter(|finding| finding.severity == Severity::Critical).count(), 1, "{found:#?}");
    assert!(
        shared.title.as_str().contains("pg-0") && shared.title.as_str().contains("are the same server"),
        "{}",
        shared.title
    );
}

#[test]
fn swapped_sql_ports_are_the_finding_and_accuse_nobody() {
    let mut snapshot = calm();
    let of = |snapshot: &mut Snapshot, name: &str| {
        member(snapshot, name).sql.as_ref().and_then(|sql| sql.answer.clone()).expect("an answer")
    };
    let (first, second) = (of(&mut snapshot, "pg-0"), of(&mut snapshot, "pg-1"));
    member(&mut snapshot, "pg-0").sql.as_mut().expect("asked").answer = Some(second);
    member(&mut snapshot, "pg-1").sql.as_mut().expect("asked").answer = Some(first);
    let critical: Vec<_> =
        findings(&snapshot).into_iter().filter(|finding| finding.severity == Severity::Critical).collect();
    assert_eq!(critical.len(), 2, "{critical:#?}");
    assert!(critical.iter().all(|finding| finding.code == "two-servers-as-one"), "{critical:#?}");
}

fn without_record(snapshot: &mut Snapshot) {
    let at = snapshot.now - SECOND * 20;
    for reading in &mut snapshot.records {
        fail(reading, FailureKind::NoQuorum, at);
    }
}

fn demote(snapshot: &mut Snapshot, name: &str) {
    sql(snapshot, name, |report| {
        report.in_recovery = true;
        let Position::Writing { at } = report.position else { return };
        report.position =
            Position::Replaying { received: Some(at), replayed: Some(at), replayed_at: None, paused: None };
    });
    agent(snapshot, name, |report| report.role = Role::Replica);
}

#[test]
fn that_nobody_writes_names_whoever_is_in_recovery_and_whoever_is_unreachable() {
    let mut snapshot = calm();
    without_record(&mut snapshot);
    demote(&mut snapshot, "pg-0");
    silence(&mut snapshot, "pg-2", FailureKind::Refused);
    let title = finding(&snapshot, "nobody-writes").title.to_string();
    assert_eq!(title, "no primary, writes fail: pg-0, pg-1 are in recovery, pg-2 is unreachable");
}

#[test]
fn a_demoted_leader_without_a_record_means_that_nobody_takes_writes() {
    let mut snapshot = calm();
    without_record(&mut snapshot);
    assert!(!has(&snapshot, "nobody-writes"), "the leader still says that it accepts writes");
    let before = snapshot.clone();
    demote(&mut snapshot, "pg-0");
    let events = changes::between(&before, &snapshot, 0);
    let stepped = events.iter().find(|event| event.text.as_str() == "pg-0 primary → replica").expect("an event");
    assert_eq!(stepped.severity, Severity::Critical, "it leaves nobody writing");
    let nobody = finding(&snapshot, "nobody-writes");
    assert_eq!(nobody.severity, Severity::Critical);
    assert!(nobody.title.as_str().starts_with("no primary, writes fail: "), "{}", nobody.title);
    let header = summary(&snapshot, snapshot.now);
    assert_eq!((header.leader.text.as_str(), header.leader.tone), ("no primary", Tone::Critical));
    assert!(header.line().text().starts_with("no primary · "), "{}", header.line().text());
}

#[test]
fn a_leader_that_is_only_on_an_old_record_is_not_shown_as_the_leader() {
    let mut snapshot = calm();
    without_record(&mut snapshot);
    silence(&mut snapshot, "pg-0", FailureKind::TimedOut);
    let header = summary(&snapshot, snapshot.now);
    assert_eq!((header.leader.text.as_str(), header.leader.tone), ("pg-0?", Tone::Stale));
    assert!(!has(&snapshot, "nobody-writes"), "two replicas stream from it");
}

#[test]
fn an_old_answer_does_not_vouch_for_the_other_wire() {
    let mut snapshot = calm();
    let now = snapshot.now;
    let both = |snapshot: &mut Snapshot, answered: Duration| {
        let router = &mut snapshot.routers[0];
        let failed = now - SECOND;
        fail(router.http.as_mut().expect("asked"), FailureKind::TimedOut, failed);
        router.runtime.as_mut().expect("asked").answer.as_mut().expect("an answer").at = now - answered;
        let member = member(snapshot, "pg-2");
        fail(member.sql.as_mut().expect("asked"), FailureKind::TimedOut, failed);
        member.agent.as_mut().expect("asked").answer.as_mut().expect("an answer").at = now - answered;
    };
    both(&mut snapshot, Duration::from_millis(1500));
    for code in ["router-half-silent", "postgres-silent"] {
        let title = finding(&snapshot, code).title;
        assert!(title.as_str().ends_with("is unreachable"), "{title}");
    }
    both(&mut snapshot, Duration::from_millis(500));
    for code in ["router-half-silent", "postgres-silent"] {
        let title = finding(&snapshot, code).title;
        assert!(title.as_str().ends_with(" is up"), "{title}");
    }
}

#[test]
fn a_refused_password_is_an_answer_and_a_missing_one_is_no_question() {
    let mut snapshot = calm();
    let now = snapshot.now;
    fail(member(&mut snapshot, "pg-0").sql.as_mut().expect("asked"), FailureKind::Credentials, now);
    let refused = finding(&snapshot, "postgres-refuses").title;
    assert_eq!(refused.as_str(), "PostgreSQL on pg-0 rejects the login of this console");
    assert!(!has(&snapshot, "postgres-silent"));
    // Nor is a node silent whose PostgreSQL refuses: it was there to refuse.
    fail(member(&mut snapshot, "pg-0").agent.as_mut().expect("asked"), FailureKind::TimedOut, now);
    assert!(!has(&snapshot, "node-silent"));
    // A password that cannot be had asks nobody: that tells nothing of whether the node is there.
    fail(member(&mut snapshot, "pg-0").sql.as_mut().expect("asked"), FailureKind::NotAttempted, now);
    assert!(finding(&snapshot, "postgres-refuses").title.as_str().starts_with("PostgreSQL on pg-0 was not queried"));
    assert_eq!(finding(&snapshot, "node-silent").severity, Severity::Critical);
}

#[test]
fn a_console_out_of_open_files_says_so_of_itself_and_nothing_of_those_it_could_not_ask() {
    let mut snapshot = calm();
    let now = snapshot.now - SECOND * 3;
    let kind = FailureKind::TooManyOpenFiles;
    let pg_0 = member(&mut snapshot, "pg-0");
    fail(pg_0.sql.as_mut().expect("asked"), kind, now);
    fail(pg_0.agent.as_mut().expect("asked"), kind, now);
    fail(&mut snapshot.dcs.members[0], kind, now);
    for router in &mut snapshot.routers {
        for reading in [&mut router.http, &mut router.runtime].into_iter().flatten() {
            fail(reading, kind, now);
        }
    }
    assert!(!has(&snapshot, "node-silent"));
    for code in ["postgres-refuses", "agent-refuses", "dcs-member-silent", "router-silent"] {
        let found = finding(&snapshot, code);
        assert!(found.title.as_str().contains("too many open files"), "{}", found.title);
        assert!(!found.title.as_str().contains("is up"), "{}", found.title);
        assert_eq!(found.severity, Severity::Warning, "{}", found.title);
        assert!(found.advice.as_str().contains("LimitNOFILE"), "{}", found.advice);
    }
}

#[test]
fn with_two_of_three_gone_there_is_no_one_more_loss() {
    let mut snapshot = calm();
    let now = snapshot.now;
    for reading in snapshot.dcs.members.iter_mut().skip(1) {
        fail(reading, FailureKind::Refused, now - SECOND);
    }
    change(&mut snapshot.dcs.members[0], |member| member.quorum = Quorum::Reached);
    let titles: Vec<_> =
        findings(&snapshot).into_iter().filter(|finding| finding.code == "dcs-member-silent").collect();
    assert_eq!(titles.len(), 2);
    assert!(!titles.iter().any(|finding| finding.title.as_str().contains("one more is lost")), "{titles:#?}");
}

#[test]
fn members_that_all_answer_and_reach_no_quorum_are_not_reported_as_too_few() {
    let mut snapshot = calm();
    for reading in &mut snapshot.dcs.members {
        change(reading, |member| member.quorum = Quorum::Missing);
    }
    let title = finding(&snapshot, "dcs-no-quorum").title;
    assert_eq!(title.as_str(), "the DCS has no quorum: its members cannot reach each other");
}

#[test]
fn the_header_does_not_contradict_the_findings() {
    // As many DCS members as the finding says answer.
    let mut snapshot = calm();
    let now = snapshot.now;
    for reading in snapshot.dcs.members.iter_mut().skip(1) {
        fail(reading, FailureKind::Refused, now - SECOND);
    }
    change(&mut snapshot.dcs.members[0], |member| member.quorum = Quorum::Missing);
    assert!(finding(&snapshot, "dcs-no-quorum").title.as_str().contains("1 of 3 members respond"));
    let dcs = summary(&snapshot, now).dcs.expect("a DCS");
    assert_eq!((dcs.text.as_str(), dcs.tone), ("1/3", Tone::Critical));

    // A note that is headlined is counted.
    let mut snapshot = calm();
    sql(&mut snapshot, "pg-2", |report| report.replay.as_mut().expect("a standby").delay = SECOND * 600);
    snapshot.findings = findings(&snapshot);
    let header = summary(&snapshot, now);
    assert!(header.worst.is_some() && header.line().text().contains(" · 1 note · "), "{}", header.line().text());
}

#[test]
fn a_cluster_with_a_member_out_of_order_is_not_green_while_the_finding_settles() {
    let mut snapshot = calm();
    assert_eq!(snapshot.cluster_health(), ClusterHealth::Ok);
    unstream(&mut snapshot, "pg-2");
    assert_eq!(summary(&snapshot, snapshot.now).members.text, "2/3");
    assert_eq!(snapshot.cluster_health(), ClusterHealth::Warning);
    assert!(!pgctl::report::findings::table(&snapshot).empty.reason.as_str().contains("no problems detected"));
}

#[test]
fn a_returned_leader_is_accused_once_the_finding_is_there() {
    let mut snapshot = calm();
    record(&mut snapshot, |content| {
        content.leader.as_mut().expect("a leader").holder = "pg-1".into();
    });
    let mark = |snapshot: &Snapshot| {
        let member = snapshot.member(&"pg-0".into()).expect("a member");
        let notes = topology::notes(snapshot.view(member));
        let note = notes.iter().find(|note| note.text.as_str().contains("accepts writes without")).expect("a note");
        (note.tone, cell(&topology::table(snapshot), "pg-0", "role").1)
    };
    assert_eq!(mark(&snapshot), (Tone::Warning, Tone::Warning));
    snapshot.findings = findings(&snapshot);
    assert_eq!(mark(&snapshot), (Tone::Critical, Tone::Critical));
}

#[test]
fn a_timeline_on_record_does_not_outlive_the_failover() {
    let old = |snapshot: &mut Snapshot| {
        let known = snapshot.timeline().expect("a timeline").value;
        let now_at = Timeline(known.0 + 1);
        sql(snapshot, "pg-0", |report| report.timeline = Some(now_at));
        agent(snapshot, "pg-0", |report| report.timeline = Some(now_at));
        known
    };
    // The node answers and tells no timeline: what the record keeps of it is from before.
    let mut snapshot = calm();
    old(&mut snapshot);
    sql(&mut snapshot, "pg-2", |report| report.timeline = None);
    agent(&mut snapshot, "pg-2", |report| report.timeline = None);
    assert!(!findings(&snapshot).iter().any(|finding| finding.title.as_str().starts_with("pg-2 is on timeline")));

    // The node tells the old one: within two loops of the change that is how a failover goes.
    for (ago, expected) in [(12, false), (60, true)] {
        let mut snapshot = calm();
        let ended = old(&mut snapshot);
        let at = snapshot.wall - SignedDuration::from_secs(ago);
        record(&mut snapshot, |content| {
            content.history.push(HistoryEntry {
                timeline: ended,
                lsn: Lsn(1),
                reason: "no recovery target specified".into(),
                at: Some(at),
                new_leader: Some("pg-0".into()),
            });
        });
        assert_eq!(has(&snapshot, "timeline-differs"), expected, "{ago} s after");
    }
}

#[test]
fn a_frozen_standby_does_not_look_as_if_it_streamed() {
    let mut snapshot = calm();
    let streams = |snapshot: &Snapshot| cell(&replication::standbys(snapshot), "pg-0/pg-2", "state").1;
    assert_eq!(streams(&snapshot), Tone::Ok);
    sql(&mut snapshot, "pg-0", |report| {
        for row in report.downstream.iter_mut().filter(|row| row.application == "pg-2") {
            row.reply_age = Some(Duration::from_millis(59_900));
        }
    });
    assert_eq!(streams(&snapshot), Tone::Warning);
    assert_eq!(cell(&replication::standbys(&snapshot), "pg-0/pg-2", "reply-age-seconds").1, Tone::Warning);
    let mut snapshot = calm();
    silence(&mut snapshot, "pg-2", FailureKind::TimedOut);
    assert_eq!(streams(&snapshot), Tone::Warning, "its upstream has not noticed yet");
}

#[test]
fn a_node_that_never_answered_keeps_its_rows() {
    let mut snapshot = calm();
    silence(&mut snapshot, "pg-2", FailureKind::TimedOut);
    member(&mut snapshot, "pg-2").sql.as_mut().expect("asked").answer = None;
    assert_eq!(cell(&replication::receivers(&snapshot), "pg-2", "status").0, "?");
    assert_eq!(cell(&replication::archivers(&snapshot), "pg-2", "state").0, "?");
    assert_eq!(cell(&replication::slots(&snapshot), "pg-2", "slot").0, "?");
}
