use super::super::test_support::{bare, fail, healthy, rendered, rows, seconds, split};
use super::*;
use crate::model::source::FailureKind;

fn tone(table: &Table, id: &str) -> Tone {
    table.rows.iter().find(|row| row.id == *id).unwrap().cells[2].tone
}

#[test]
fn a_replica_that_is_down_in_the_write_pool_is_as_it_should_be() {
    let snapshot = healthy();
    let table = servers(&snapshot, &snapshot.routers[0]);
    insta::assert_snapshot!(rendered(&table), @r"
    BACKEND   SERVER      STATUS    CHECK      CHECK ms     SINCE  SESSIONS       MAX     LIMIT        RATE     QUEUE    ERRORS        IN       OUT  ADDRESS             AGE  NOTES
    primary   pg-0        UP        L7OK 200     3.0 ms    2h 10m        83       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago
    primary   pg-1        DOWN      L7STS 503    3.0 ms    2h 10m         0       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago  normal for a replica
    primary   pg-2        DOWN      L7STS 503    3.0 ms    2h 10m         0       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago  normal for a replica
    replicas  pg-0        DOWN      L7STS 503    3.0 ms    2h 10m         0       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago  normal for the leader
    replicas  pg-1        UP        L7OK 200     3.0 ms    2h 10m        83       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago
    replicas  pg-2        UP        L7OK 200     3.0 ms    2h 10m        83       120       100       412/s         0         2    5.0 GB    7.0 GB  –               1 s ago
    ");
    assert_eq!(tone(&table, "pg-router/primary/pg-1"), Tone::Dim);
    assert_eq!(tone(&table, "pg-router/replicas/pg-0"), Tone::Dim);
}

#[test]
fn writes_that_reach_another_than_the_leader_are_flagged() {
    let snapshot = split();
    let table = servers(&snapshot, &snapshot.routers[0]);
    assert_eq!(tone(&table, "pg-router/primary/pg-0"), Tone::Critical);
    assert_eq!(tone(&table, "pg-router/primary/pg-1"), Tone::Critical);
    let notes: Vec<_> = table.rows.iter().take(2).map(|row| row.cells[16].text.as_str()).collect();
    assert_eq!(notes, ["receives writes, but pg-1 is the leader", "the leader receives no writes"]);
}

#[test]
fn an_old_answer_of_the_router_accuses_nobody() {
    let mut snapshot = split();
    fail(snapshot.routers[0].http.as_mut().unwrap(), FailureKind::TimedOut, seconds(9));
    let table = servers(&snapshot, &snapshot.routers[0]);
    assert_eq!(tone(&table, "pg-router/primary/pg-0"), Tone::Stale);
}

#[test]
fn frontends_and_backends_tell_sessions_and_who_is_up() {
    let snapshot = healthy();
    insta::assert_snapshot!(rendered(&frontends(&snapshot, &snapshot.routers[0])), @r"
    FRONTEND    STATUS    SESSIONS       MAX     LIMIT     TOTAL        RATE        IN       OUT
    primary     OPEN            83       120       100    41,204       412/s    5.0 GB    7.0 GB
    replicas    OPEN            83       120       100    41,204       412/s    5.0 GB    7.0 GB
    ");
    insta::assert_snapshot!(rendered(&backends(&snapshot, &snapshot.routers[0])), @r"
    BACKEND     ROUTES TO  STATUS    SERVERS UP  SESSIONS       MAX     LIMIT        RATE     QUEUE    ERRORS     SINCE
    primary     leader     UP        pg-0              83       120       100       412/s         0         2    2h 10m
    replicas    replicas   UP        pg-1, pg-2        83       120       100       412/s         0         2    2h 10m
    ");
    insta::assert_snapshot!(headline(&snapshot, &snapshot.routers[0]).text(), @"pg-router   HAProxy ● 1 s ago   HAProxy 3.0.11, up 1d 1h, 203 of 2,000 connections, 97 % idle");
}

#[test]
fn a_write_pool_without_or_with_two_servers_needs_an_operator() {
    let mut snapshot = healthy();
    let up = |snapshot: &Snapshot| backends(snapshot, &snapshot.routers[0]).rows[0].cells[3].clone();
    rows(&mut snapshot, |rows| rows[2].status = ProxyStatus::Up);
    assert_eq!((up(&snapshot).text.as_str(), up(&snapshot).tone), ("pg-0, pg-1", Tone::Critical));
    rows(&mut snapshot, |rows| {
        rows[1].status = ProxyStatus::Down;
        rows[2].status = ProxyStatus::Down;
    });
    assert_eq!((up(&snapshot).text.as_str(), up(&snapshot).tone), ("none", Tone::Critical));
}

#[test]
fn without_an_answer_the_table_says_what_is_wrong_and_what_repairs_it() {
    let mut snapshot = healthy();
    let http = snapshot.routers[0].http.as_mut().unwrap();
    http.answer = None;
    fail(http, FailureKind::Refused, seconds(3));
    let empty = servers(&snapshot, &snapshot.routers[0]).empty;
    assert_eq!(empty.reason, "pg-router: 10.0.0.9:8008: connection refused");
    assert_eq!(empty.hint, FailureKind::Refused.remedy());
    assert_eq!(all_servers(&bare()).empty.reason, "no router is configured for this cluster");
}
