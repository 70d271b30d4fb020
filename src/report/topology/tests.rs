use super::super::test_support::*;
use super::*;
use crate::model::agent::{PendingSetting, Tags};
use crate::model::member::Member;
use crate::model::name::NodeName;
use crate::model::router::ProxyStatus;
use crate::model::source::FailureKind;
use crate::report::line::Line;

fn ids(table: &Table) -> Vec<&str> {
    table.rows.iter().map(|row| row.id.as_str()).collect()
}

fn cell<'a>(table: &'a Table, row: &str, key: &str) -> &'a Cell {
    let column = table.columns.iter().position(|column| column.key == key).unwrap();
    &table.rows.iter().find(|known| known.id == *row).unwrap().cells[column]
}

#[test]
fn a_healthy_cluster_reads_from_the_leader_down() {
    insta::assert_snapshot!(rendered(&table(&healthy())), @r"
    MEMBER        ROLE     STATE        TL       LAG  LAG TIME  SYNC     UPTIME  ROUTER      NOTES
    ● pg-0        leader   running      12         –         –  –        12d 4h  primary ▲
    ├─● pg-1      replica  streaming    12     48 kB     0.2 s  sync     12d 4h  replicas ▲
    └─● pg-2      replica  streaming    12    112 kB     0.4 s  async    12d 4h  replicas ▲
    ");
}

#[test]
fn a_cascade_hangs_below_its_upstream_and_says_so() {
    insta::assert_snapshot!(rendered(&table(&cascade())), @r"
    MEMBER        ROLE     STATE        TL       LAG  LAG TIME  SYNC     UPTIME  ROUTER      NOTES
    ● pg-0        leader   running      12         –         –  –        12d 4h  primary ▲
    └─● pg-1      replica  streaming    12     48 kB     0.2 s  sync     12d 4h  replicas ▲
      └─● pg-2    replica  streaming    12    112 kB     0.4 s  async    12d 4h  replicas ▲  cascades from pg-1, noloadbalance
    ");
}

#[test]
fn a_cut_node_keeps_its_last_values_in_grey_and_says_what_fails() {
    let mut snapshot = healthy();
    cut(&mut snapshot, "pg-2", seconds(38));
    let table = table(&snapshot);
    insta::assert_snapshot!(rendered(&table), @r"
    MEMBER        ROLE     STATE          TL       LAG  LAG TIME  SYNC     UPTIME  ROUTER      NOTES
    ● pg-0        leader   running        12         –         –  –        12d 4h  primary ▲
    └─● pg-1      replica  streaming      12     48 kB     0.2 s  sync     12d 4h  replicas ▲
    ○ pg-2        replica  unreachable    12    112 kB     0.4 s  async    12d 4h  replicas ▲  REST, SQL: timed out for 38.0 s, last seen streaming
    ");
    assert_eq!(cell(&table, "pg-2", "lag-seconds").tone, Tone::Stale);
    // Values are grey; that it does not answer is seen from across the room.
    assert_eq!(cell(&table, "pg-2", "state").tone, Tone::Warning);
    assert_eq!(cell(&table, "pg-2", "member").mark, Some(Mark::Absent));
    // Nor is the holder of the leader key any fainter, nor anybody once most are gone.
    cut(&mut snapshot, "pg-0", seconds(38));
    let table = super::table(&snapshot);
    assert_eq!(cell(&table, "pg-0", "state").tone, Tone::Critical);
    assert_eq!(cell(&table, "pg-2", "state").tone, Tone::Critical);
    assert_eq!(cell(&table, "pg-2", "member").mark, Some(Mark::Failed));
}

#[test]
fn a_node_that_never_answered_is_all_question_marks() {
    let mut snapshot = healthy();
    let mut pg_4 = Member::new(NodeName::new("pg-4"));
    let source = crate::model::source::Source::new(crate::model::source::SourceKind::PatroniRest, "pg-4");
    let mut reading = crate::model::observed::Reading::not_attempted(source, seconds(3), NOW);
    fail(&mut reading, FailureKind::Refused, seconds(38));
    pg_4.agent = Some(reading);
    snapshot.members.push(pg_4);
    let text = rendered(&table(&snapshot));
    let line = text.lines().find(|line| line.contains("pg-4")).unwrap();
    insta::assert_snapshot!(line, @"○ pg-4        ?        unreachable     ?         ?         ?  ?             ?  –           REST: connection refused for 38.0 s");
}

#[test]
fn without_a_leader_no_replica_pretends_to_follow_one() {
    insta::assert_snapshot!(rendered(&table(&leaderless())), @r"
    MEMBER        ROLE     STATE          TL       LAG  LAG TIME  SYNC     UPTIME  ROUTER      NOTES
    ◐ pg-1        replica  running        12         ?     0.2 s  sync     12d 4h  replicas ▲  not streaming
    ◐ pg-2        replica  running        12         ?     0.4 s  async    12d 4h  replicas ▲  not streaming
    ○ pg-0        primary  unreachable    12         –         –  –        12d 4h  primary ▲   pg-router routes writes here, no leader, REST, SQL: timed out for 41.0 s, last seen running
    ");
}

#[test]
fn two_writable_nodes_are_both_shown_as_such_and_the_router_is_reported_on() {
    let table = table(&split());
    insta::assert_snapshot!(rendered(&table), @r"
    MEMBER        ROLE     STATE        TL       LAG  LAG TIME  SYNC     UPTIME  ROUTER                NOTES
    ✖ pg-1        leader   running      13         –         –  –        12d 4h  replicas ▲ primary ▼  pg-router routes no writes here (primary)
    ✖ pg-0        primary  running      12         –         –  –        12d 4h  primary ▲             accepts writes without the leader key, pg-router routes writes here, the leader is pg-1
    └─● pg-2      replica  streaming    12    116 kB     0.4 s  async    12d 4h  replicas ▲            cascades from pg-0
    ");
    assert_eq!(cell(&table, "pg-0", "role").tone, Tone::Warning, "the finding on it has not settled");
    assert_eq!(cell(&table, "pg-0", "router").tone, Tone::Critical);
    assert_eq!(cell(&table, "pg-0", "member").mark, Some(Mark::Failed));
}

#[test]
fn without_the_dcs_the_nodes_own_word_stands() {
    let mut snapshot = healthy();
    dcs_lost(&mut snapshot, seconds(20));
    insta::assert_snapshot!(rendered(&table(&snapshot)), @r"
    MEMBER        ROLE     STATE        TL       LAG  LAG TIME  SYNC     UPTIME  ROUTER      NOTES
    ◐ pg-0        primary  running      12         –         –  –        12d 4h  primary ▲
    ├─● pg-1      replica  streaming    12     48 kB     0.2 s  sync     12d 4h  replicas ▲
    └─● pg-2      replica  streaming    12    112 kB     0.4 s  async    12d 4h  replicas ▲
    ");
}

#[test]
fn a_member_gone_from_the_record_stays_and_says_since_when() {
    let mut snapshot = healthy();
    missing(&mut snapshot, "pg-2");
    let text = rendered(&table(&snapshot));
    let line = text.lines().find(|line| line.contains("pg-2")).unwrap();
    insta::assert_snapshot!(line, @"○ pg-2        replica  gone         12    112 kB     0.4 s  async    12d 4h  replicas ▲  not in the DCS for 2 min, REST, SQL: timed out for 2 min, last seen streaming");
}

#[test]
fn the_first_second_waits_and_an_empty_cluster_says_what_it_lacks() {
    insta::assert_snapshot!(rendered(&table(&waiting())), @r"
    MEMBER        ROLE     STATE        TL       LAG  LAG TIME  SYNC     UPTIME  ROUTER      NOTES
    ◌ pg-0        ?        waiting       ?         ?         ?  ?             ?  –
    ");
    insta::assert_snapshot!(rendered(&table(&bare())), @r"
    no source is configured for this cluster
    run `pgctl-tui init` to write a configuration
    ");
    let mut snapshot = healthy();
    snapshot.members.clear();
    record(&mut snapshot, |content| content.members.clear());
    insta::assert_snapshot!(rendered(&table(&snapshot)), @r"
    the DCS is up, but has no member of this cluster
    check scope and namespace in the configuration; pgctl-tui doctor has details
    ");
    dcs_lost(&mut snapshot, seconds(9));
    insta::assert_snapshot!(rendered(&table(&snapshot)), @r"
    no member is known: etcd at 10.0.0.9:8008: no quorum
    restore a majority of the DCS members
    ");
}

#[test]
fn notes_tell_what_waits_what_is_paused_and_how_it_is_tagged() {
    let mut snapshot = healthy();
    agent(&mut snapshot, "pg-2", |report| {
        report.pending_restart = true;
        let setting =
            PendingSetting { name: "max_connections".into(), old: Some("100".into()), new: Some("200".into()) };
        report.pending_settings = vec![setting];
        report.tags = Tags { nofailover: true, clonefrom: true, failover_priority: Some(0), ..Tags::default() };
    });
    sql(&mut snapshot, "pg-2", |report| {
        if let Some(replay) = &mut report.replay {
            replay.paused = true;
            replay.delay = seconds(3600);
        }
    });
    let notes: Vec<_> = notes(snapshot.view(&snapshot.members[2])).iter().map(|note| note.text.to_string()).collect();
    assert_eq!(
        notes,
        [
            "pending restart: max_connections 100→200",
            "replay paused",
            "replay delayed by 1h 0m",
            "nofailover",
            "clonefrom",
            "failover priority 0"
        ]
    );
}

#[test]
fn a_streaming_replica_that_the_router_leaves_out_is_worth_a_look_unless_it_is_tagged_so() {
    let mut snapshot = healthy();
    let down = |rows: &mut Vec<crate::model::router::ProxyRow>| {
        for row in rows.iter_mut().filter(|row| row.server == *"pg-2") {
            row.status = ProxyStatus::Down;
        }
    };
    rows(&mut snapshot, down);
    let shown = table(&snapshot);
    assert_eq!(cell(&shown, "pg-2", "router").text, "replicas ▼");
    assert_eq!(cell(&shown, "pg-2", "router").tone, Tone::Warning);
    assert!(cell(&shown, "pg-2", "notes").text.as_str().contains("routes no reads here"));
    agent(&mut snapshot, "pg-2", |report| report.tags = Tags { noloadbalance: true, ..Tags::default() });
    let shown = table(&snapshot);
    assert_eq!(cell(&shown, "pg-2", "router").tone, Tone::Dim);
    assert_eq!(cell(&shown, "pg-2", "notes").text, "noloadbalance");
}

#[test]
fn two_nodes_that_follow_each_other_are_both_shown_once() {
    let mut snapshot = leaderless();
    let row = |name| served(name, SyncState::Async, 0, 0);
    sql(&mut snapshot, "pg-1", |report| report.downstream = vec![row("pg-2")]);
    sql(&mut snapshot, "pg-2", |report| report.downstream = vec![row("pg-1")]);
    let mut shown = ids(&table(&snapshot)).iter().map(ToString::to_string).collect::<Vec<_>>();
    shown.sort();
    assert_eq!(shown, ["pg-0", "pg-1", "pg-2"]);
}

#[test]
fn lag_sorts_by_bytes_with_the_unknown_last_and_leaves_the_tree() {
    let mut table = table(&healthy());
    table.sort(4, crate::report::table::Direction::Descending);
    assert_eq!(ids(&table), ["pg-2", "pg-1", "pg-0"]);
    assert!(table.rows.iter().all(|row| row.cells[0].lead.is_empty()));
}

#[test]
fn the_footer_tells_of_dcs_router_and_backups() {
    let text = |snapshot: &Snapshot| footer_lines(snapshot).iter().map(Line::text).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(text(&healthy()), @r"
    DCS      etcd-1 ● leader term 7 · etcd-2 ● 1.2 ms · etcd-3 ● 1.2 ms   leader key pg-0, lease 17 s left
    ROUTER   pg-router ● 1 s ago     primary → pg-0  83 sessions  412/s     replicas → pg-1, pg-2  83 sessions
    BACKUPS  no backup source is configured for this cluster
    ");
    let mut snapshot = healthy();
    fail(&mut snapshot.dcs.members[2], FailureKind::Refused, seconds(38));
    fail(snapshot.routers[0].http.as_mut().unwrap(), FailureKind::TimedOut, seconds(12));
    insta::assert_snapshot!(text(&snapshot), @r"
    DCS      etcd-1 ● leader term 7 · etcd-2 ● 1.2 ms · etcd-3 ○ connection refused for 38.0 s   leader key pg-0, lease 17 s left
    ROUTER   pg-router ○ timed out for 12.0 s     primary → pg-0  83 sessions     replicas → pg-1, pg-2  83 sessions
    BACKUPS  no backup source is configured for this cluster
    ");
    dcs_lost(&mut snapshot, seconds(20));
    insta::assert_snapshot!(text(&snapshot), @r"
    DCS      leader key pg-0 (21 s ago)   etcd-1 ○ connection refused for 20.0 s · etcd-2 ○ connection refused for 20.0 s · etcd-3 ○ connection refused for 38.0 s
    ROUTER   pg-router ○ timed out for 12.0 s     primary → pg-0  83 sessions     replicas → pg-1, pg-2  83 sessions
    BACKUPS  no backup source is configured for this cluster
    ");
    insta::assert_snapshot!(text(&bare()), @r"
    DCS      not configured
    ROUTER   not configured
    BACKUPS  no backup source is configured for this cluster
    ");
}

#[test]
fn a_primary_that_holds_no_lock_because_there_is_none_is_called_primary_and_is_healthy() {
    let mut snapshot = plain();
    by_nodes(&mut snapshot, Ok("pg-0"));
    assert_eq!(cell(&table(&snapshot), "pg-0", "role").text, "primary");
    let doubt = "pg-0 accepts writes, and it is unknown whether pg-2 does too";
    by_nodes(&mut snapshot, Err(doubt));
    cut(&mut snapshot, "pg-2", seconds(38));
    let table = table(&snapshot);
    assert_eq!(cell(&table, "pg-0", "role").tone, Tone::Strong);
    assert_eq!(cell(&table, "pg-0", "member").mark, Some(Mark::Ok));
}

#[test]
fn no_server_of_a_router_is_in_the_wrong_place_where_nobody_can_be_named_as_the_leader() {
    let mut snapshot = plain();
    snapshot.routers = healthy().routers;
    by_nodes(&mut snapshot, Err("pg-0, pg-1 all accept writes"));
    sql(&mut snapshot, "pg-1", |report| report.in_recovery = false);
    let notes = |name: &str| cell(&table(&snapshot), name, "notes").text.clone();
    assert_eq!((notes("pg-0").as_str(), notes("pg-1").as_str()), ("", ""));
}
