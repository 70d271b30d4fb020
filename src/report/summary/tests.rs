//! The header, from whole pictures.

use unicode_width::UnicodeWidthStr;

use super::super::line::Line;
use super::super::table::UNKNOWN;
use super::super::test_support::*;
use super::super::topology;
use super::*;
use crate::model::moment::StartTime;
use crate::model::role::SyncState;

fn line(snapshot: &Snapshot) -> String {
    summary(snapshot, snapshot.now).line().text()
}

#[test]
fn the_header_tells_whether_to_worry() {
    insta::assert_snapshot!(line(&healthy()), @"leader pg-0 · members 3/3 · no findings · sync 1/1 · DCS 3/3 · timeline 12");
    insta::assert_snapshot!(line(&leaderless()), @"no leader · members 2/3 · no finding yet · 2 sources unreachable · sync 0/1 · DCS 3/3 · timeline ?");
    insta::assert_snapshot!(line(&split()), @"leader pg-1 · members 2/3 · no finding yet · sync 0/1 · DCS 3/3 · timeline 13");
    insta::assert_snapshot!(line(&waiting()), @"leader ? · members ? · no data · pause ? · timeline ?");
    insta::assert_snapshot!(line(&bare()), @"leader ? · members ? · no data · pause ? · timeline ?");
}

#[test]
fn the_header_counts_whom_the_table_calls_synchronous_and_says_none_where_nobody_is() {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| content.patroni_mut().sync.as_mut().expect("a key").standbys.clear());
    let column: Vec<_> = snapshot.views().filter_map(topology::sync_state).map(|state| state.value).collect();
    assert!(column.contains(&SyncState::Sync), "{column:?}");
    assert!(line(&snapshot).contains(" · sync 1/1 · "), "{}", line(&snapshot));
    for name in ["pg-0", "pg-1", "pg-2"] {
        sql(&mut snapshot, name, |report| {
            report.downstream.iter_mut().for_each(|row| row.sync = Some(SyncState::Async));
        });
    }
    assert!(line(&snapshot).contains(" · sync none · "), "{}", line(&snapshot));
    record(&mut snapshot, |content| content.patroni_mut().sync = None);
    assert!(line(&snapshot).contains(" · sync ? · "), "{}", line(&snapshot));
    record(&mut snapshot, |content| {
        content.patroni_mut().config.as_mut().expect("a configuration").standby_cluster = true;
    });
    assert!(!line(&snapshot).contains("sync"), "commits are made elsewhere: {}", line(&snapshot));
}

#[test]
fn a_pause_is_reported_and_one_that_nobody_can_tell_is_unknown() {
    let mut snapshot = healthy();
    assert_eq!(summary(&snapshot, now()).paused, None);
    record(&mut snapshot, |content| content.paused = true);
    assert_eq!(summary(&snapshot, now()).paused, Some(Span::new("PAUSED", Tone::Warning)));
    assert!(line(&snapshot).contains(" · PAUSED · "), "nobody knows since when: {}", line(&snapshot));
    for (began, ago, words) in [
        (StartTime::At as fn(Moment) -> StartTime, 5, "PAUSED 5 s"),
        (StartTime::At, 725, "PAUSED 12 min"),
        (StartTime::Before, 0, "PAUSED"),
        (StartTime::Before, 725, "PAUSED over 12 min"),
    ] {
        snapshot.paused_since = Some(began(now() - seconds(ago)));
        assert_eq!(summary(&snapshot, now()).pause(), Some(Span::new(words, Tone::Warning)));
    }
    assert_eq!(summary(&bare(), now()).paused, Some(Span::new("pause ?", Tone::Stale)));
}

#[test]
fn a_pause_tells_whose_it_is_where_that_was_seen() {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| content.paused = true);
    snapshot.paused_since = Some(StartTime::At(now() - seconds(725)));
    snapshot.paused_by = Some("alice@bastion".into());
    assert!(line(&snapshot).contains(" · PAUSED 12 min by alice@bastion · "), "{}", line(&snapshot));
}

#[test]
fn a_scheduled_switchover_is_reported_with_the_time_left() {
    let mut snapshot = healthy();
    let later = (snapshot.wall + jiff::SignedDuration::from_secs(3420)).to_string();
    for (from, to, at, words) in [
        (Some("pg-0"), Some("pg-1"), later.as_str(), "switchover in 57 min (pg-0 → pg-1)"),
        (Some("pg-0"), None, later.as_str(), "switchover in 57 min (from pg-0)"),
        (Some("pg-0"), Some("pg-1"), "2026-01-01T00:00:00+01:00", "switchover due (pg-0 → pg-1)"),
        (Some("pg-0"), Some("pg-1"), "soon", "switchover scheduled (pg-0 → pg-1)"),
    ] {
        record(&mut snapshot, |content| {
            content.order = Some(crate::model::record::PendingOrder {
                leader: from.map(Into::into),
                candidate: to.map(Into::into),
                scheduled_at: Some(at.into()),
            });
        });
        assert!(line(&snapshot).contains(&format!(" · {words} · ")), "{}", line(&snapshot));
    }
}

#[test]
fn who_acts_is_reported_to_every_console_and_not_as_live_once_the_record_is_old() {
    let mut snapshot = healthy();
    assert_eq!(summary(&snapshot, now()).operation, None);
    record(&mut snapshot, |content| content.lock = Some(operation_lock()));
    let reported = line(&snapshot);
    assert!(reported.contains(" · switchover by alice@bastion: maintenance · "), "{reported}");
    dcs_lost(&mut snapshot, seconds(20));
    assert_eq!(summary(&snapshot, now()).operation.map(|span| span.tone), Some(Tone::Stale));
}

#[test]
fn without_the_dcs_nothing_it_stated_looks_live() {
    let mut snapshot = healthy();
    dcs_lost(&mut snapshot, seconds(20));
    let summary = summary(&snapshot, now());
    assert_eq!(summary.dcs, Some(Span::new("0/3", Tone::Critical)));
    assert_eq!(summary.sync.map(|sync| sync.tone), Some(Tone::Stale));
    assert_eq!(summary.leader, Span::new("pg-0", Tone::Strong), "the one node that accepts writes");
    assert_eq!(summary.silent, 4);
}

#[test]
fn the_picture_grows_old_with_the_clock_of_who_looks() {
    let snapshot = healthy();
    let later = summary(&snapshot, now() + seconds(60));
    assert_eq!(later.age_text, Span::new("1 min ago", Tone::Warning));
    assert_eq!(summary(&bare(), now()).age_text.text, "no data");
    assert_eq!(summary(&waiting(), now()).age_text.text, "waiting");
}

#[test]
fn lag_and_sessions_serve_the_wall() {
    let healthy = summary(&healthy(), now());
    assert_eq!(healthy.lag, Span::new("112 kB", Tone::Plain));
    assert_eq!((healthy.write_sessions, healthy.read_sessions), (Some(83), Some(83)));
    let bare = summary(&bare(), now());
    assert_eq!((bare.write_sessions, bare.lag.text.as_str()), (None, UNKNOWN));
}

#[test]
fn the_words_are_the_same_at_every_width_and_what_does_not_fit_goes_from_the_right() {
    let mut snapshot = healthy();
    record(&mut snapshot, |content| content.lock = Some(operation_lock()));
    cut(&mut snapshot, "pg-2", seconds(38));
    let summary = summary(&snapshot, now());
    let whole = summary.line().text();
    for room in [30, 60, 78, 118, 198] {
        let narrow = summary.within(room).text();
        assert!(narrow.width() <= room, "{narrow}");
        assert!(whole.starts_with(narrow.trim_end_matches('…')), "{narrow} is no beginning of {whole}");
    }
    let narrow = summary.within(78).text();
    assert!(narrow.contains(" · switchover by alice@bastion"), "who acts has a place: {narrow}");
}

#[test]
fn the_headline_tells_how_many_more_there_are_and_leaves_out_what_is_acknowledged() {
    let mut snapshot = healthy();
    snapshot.findings = findings();
    let first = snapshot.findings[0].clone();
    snapshot.findings.insert(1, crate::model::finding::Finding { code: "other", ..first.clone() });
    let headline = |snapshot: &Snapshot| summary(snapshot, now()).headline().map(|line| line.text());
    assert_eq!(headline(&snapshot).as_deref(), Some("pg-2 replay lag 1.2 GB  +1 more"));
    acknowledge(&mut snapshot, |_| true);
    assert_eq!(
        headline(&snapshot).as_deref(),
        Some("pg-2 replay lag 1.2 GB: acknowledged by alice@bastion, 2h 0m left: maintenance window, +2 more")
    );
    assert_eq!(snapshot.cluster_health(), ClusterHealth::Ok);
}

#[test]
fn a_finding_in_the_making_is_reported_as_such_and_the_cluster_is_not_called_healthy() {
    let mut snapshot = healthy();
    snapshot.pending_findings =
        vec![crate::model::finding::Finding { since: Some(now() - seconds(3)), ..findings()[0].clone() }];
    assert_eq!(snapshot.cluster_health(), ClusterHealth::Warning);
    let headline = summary(&snapshot, now()).headline().unwrap();
    assert_eq!(headline, Line::new().with("pg-2 replay lag 1.2 GB (pending 3 s)", Tone::Dim));
}

#[test]
fn what_is_worse_than_all_that_is_found_is_the_headline_while_it_settles() {
    use crate::model::finding::{Finding, Severity};
    let mut snapshot = healthy();
    let title = "pool primary has no server UP: clients cannot write";
    let of = |severity: Severity, title: &str| Finding { severity, title: title.into(), ..findings()[0].clone() };
    snapshot.findings = vec![of(Severity::Warning, "maintenance mode is on")];
    snapshot.pending_findings = vec![Finding { since: Some(now() - seconds(2)), ..of(Severity::Critical, title) }];
    let headline = |snapshot: &Snapshot| summary(snapshot, now()).headline().map(|line| line.text());
    assert_eq!(headline(&snapshot), Some(format!("{title} (pending 2 s)  +1 more")));
    snapshot.pending_findings[0].severity = Severity::Warning;
    assert_eq!(headline(&snapshot).as_deref(), Some("maintenance mode is on"), "no more urgent than what stands");
}
