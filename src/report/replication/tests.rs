use super::super::test_support::*;
use super::*;
use crate::model::name::NodeName;
use crate::model::postgres::WalStatus;
use crate::model::source::FailureKind;
use crate::model::trend::Trend;

#[test]
fn standbys_are_shown_as_their_upstream_sees_them() {
    insta::assert_snapshot!(rendered(&standbys(&cascade())), @r"
    STANDBY       UPSTREAM  STATE      SYNC      WRITE     FLUSH    REPLAY        TREND  WRITE LAG  FLUSH LAG  REPLAY LAG  LAST REPLY  ADDRESS             AGE
    pg-1          pg-0      streaming  sync      12 kB     24 kB     48 kB            ?      0.2 s      0.2 s       0.2 s       0.2 s  10.0.0.1        1 s ago
    pg-2          pg-1      streaming  async     16 kB     32 kB     64 kB            –      0.2 s      0.2 s       0.2 s       0.2 s  10.0.0.2        1 s ago
    ");
}

#[test]
fn a_standby_tells_where_its_lag_is_going() {
    let mut snapshot = healthy();
    let mut text = |rate| {
        for row in ["pg-1", "pg-2"] {
            member(&mut snapshot, row).lag_trend = Some(Trend { rate, over: seconds(30) });
        }
        let table = standbys(&snapshot);
        let column = table.columns.iter().position(|column| column.title == "TREND").unwrap();
        table.rows[1].cells[column].text.to_string()
    };
    let mb = f64::from(1 << 20);
    assert_eq!(text(8.0 * mb), "+8.0 MB/s");
    assert_eq!(text(-3.0 * mb), "-3.0 MB/s");
    assert_eq!(text(10.0), "steady");
}

#[test]
fn an_idle_standby_has_no_time_behind_and_a_blind_role_no_numbers() {
    let mut snapshot = healthy();
    sql(&mut snapshot, "pg-0", |report| {
        let idle = &mut report.downstream[0];
        (idle.replay_lag_bytes, idle.replay_lag) = (Some(0), None);
        let blind = &mut report.downstream[1];
        (blind.state, blind.replay_lag_bytes, blind.replay_lag, blind.address) = (None, None, None, None);
    });
    insta::assert_snapshot!(rendered(&standbys(&snapshot)), @r"
    STANDBY       UPSTREAM  STATE      SYNC      WRITE     FLUSH    REPLAY        TREND  WRITE LAG  FLUSH LAG  REPLAY LAG  LAST REPLY  ADDRESS             AGE
    pg-1          pg-0      streaming  sync      12 kB     24 kB       0 B            ?      0.2 s      0.2 s           –       0.2 s  10.0.0.1        1 s ago
    pg-2          pg-0      ?          async     28 kB     56 kB         ?            ?      0.4 s      0.4 s           ?       0.4 s  ?               1 s ago
    ");
}

#[test]
fn an_unused_member_slot_is_normal_on_a_standby_and_not_on_the_primary() {
    let mut snapshot = healthy();
    sql(&mut snapshot, "pg-1", |report| report.slots = vec![slot("pg_0", false), slot("pg_2", false)]);
    sql(&mut snapshot, "pg-0", |report| {
        let mut lost = slot("old_standby", false);
        (lost.wal_status, lost.retained_bytes, lost.safe_wal_size) =
            (Some(WalStatus::Lost), Some(21 << 30), Some(-1024));
        report.slots.push(lost);
    });
    insta::assert_snapshot!(rendered(&slots(&snapshot)), @r"
    NODE      SLOT          TYPE      ACTIVE  WAL         RETAINED   SAFE WAL  INACTIVE  DATABASE           AGE  NOTES
    pg-0      pg_1          physical  yes     reserved       48 kB          –         –  –              1 s ago
    pg-0      pg_2          physical  yes     reserved       48 kB          –         –  –              1 s ago
    pg-0      old_standby   physical  no      lost         21.0 GB      -1 kB    2h 10m  –              1 s ago  retains WAL, no consumer
    pg-1      pg_0          physical  no      reserved       48 kB          –    2h 10m  –              1 s ago  slot of another member, normal on a standby
    pg-1      pg_2          physical  no      reserved       48 kB          –    2h 10m  –              1 s ago  slot of another member, normal on a standby
    ");
    let table = slots(&snapshot);
    let tone = |id: &str| table.rows.iter().find(|row| row.id == *id).unwrap().cells[3].tone;
    assert_eq!(tone("pg-1/pg_2"), Tone::Dim);
    assert_eq!(tone("pg-0/old_standby"), Tone::Warning);
}

#[test]
fn a_slot_of_a_member_that_follows_another_is_a_spare_and_one_of_a_member_that_is_cut_off_is_not() {
    let mut snapshot = cascade();
    sql(&mut snapshot, "pg-0", |report| {
        report.slots = vec![slot("pg_1", true), slot("pg_2", false)];
    });
    let note = |snapshot: &Snapshot, at: usize| slots(snapshot).rows[at].cells[10].clone();
    assert_eq!(
        (note(&snapshot, 1).text.as_str(), note(&snapshot, 1).tone),
        ("unused: pg-2 streams from pg-1", Tone::Dim)
    );
    cut(&mut snapshot, "pg-1", seconds(30));
    sql(&mut snapshot, "pg-0", |report| report.slots[0].active = false);
    assert_eq!(
        (note(&snapshot, 0).text.as_str(), note(&snapshot, 0).tone),
        ("pg-1 does not stream from this node", Tone::Warning)
    );
}

#[test]
fn receivers_name_the_member_they_follow() {
    let mut snapshot = cascade();
    insta::assert_snapshot!(rendered(&receivers(&snapshot)), @r"
    NODE      RECEIVER   UPSTREAM              TL  SLOT             LATEST END  LAST MSG  REPLAY             AGE
    pg-1      streaming  pg-0 10.0.0.0:5432    12  pg_1             1/60000000     0.3 s  running        1 s ago
    pg-2      streaming  pg-1 10.0.0.1:5432    12  pg_2             1/60000000     0.3 s  running        1 s ago
    ");
    sql(&mut snapshot, "pg-1", |report| report.receiver = None);
    cut(&mut snapshot, "pg-2", seconds(40));
    insta::assert_snapshot!(rendered(&receivers(&snapshot)), @r"
    NODE      RECEIVER   UPSTREAM              TL  SLOT             LATEST END  LAST MSG  REPLAY             AGE
    pg-1      none       –                      –  –                         –         –  running        1 s ago
    pg-2      streaming  pg-1 10.0.0.1:5432    12  pg_2             1/60000000     0.3 s  running       41 s ago
    ");
}

#[test]
fn archivers_tell_of_failures() {
    let mut snapshot = healthy();
    sql(&mut snapshot, "pg-0", |report| {
        if let Some(archiver) = &mut report.archiver {
            archiver.failing = true;
            archiver.failed_count = 1204;
            archiver.last_failed = Some("0000000C0000000100000061".into());
            archiver.last_failed_at = Some(wall());
            archiver.ready = Some(14);
        }
    });
    insta::assert_snapshot!(rendered(&archivers(&snapshot)), @r"
    NODE      ARCHIVER  LAST ARCHIVED                     WHEN  LAST FAILED                       WHEN  FAILURES     READY           AGE
    pg-0      failing   0000000C0000000100000060       3 s ago  0000000C0000000100000061       1 s ago     1,204        14       1 s ago
    pg-1      standby   0000000C0000000100000060       3 s ago  –                                    –         0         0       1 s ago
    pg-2      standby   0000000C0000000100000060       3 s ago  –                                    –         0         0       1 s ago
    ");
}

#[test]
fn the_newest_timeline_comes_first_and_old_records_lack_their_time() {
    insta::assert_snapshot!(rendered(&history(&healthy(), &TimeZone::UTC)), @r"
    TL           ENDED AT  WHEN                 NEW LEADER  REASON
    11         1/500000A0  2026-11-09 09:58:00  pg-0        no recovery target specified
    10         1/200000A0  ?                    ?           no recovery target specified
    ");
}

#[test]
fn an_empty_table_says_whether_nobody_asks_nobody_answers_or_nothing_is_there() {
    let reason = |snapshot: &Snapshot| slots(snapshot).empty.reason.to_string();
    assert_eq!(reason(&bare()), "no PostgreSQL login is configured");
    assert_eq!(reason(&waiting()), "waiting for the first responses");
    let mut refused = waiting();
    fail(refused.members[0].sql.as_mut().unwrap(), FailureKind::Credentials, seconds(2));
    assert_eq!(reason(&refused), "no node is reachable over SQL: 10.0.0.9:8008: authentication failed");
    let mut none = healthy();
    none.members.retain(|member| member.name == NodeName::new("pg-1"));
    assert_eq!(reason(&none), "no reachable node has a replication slot");
}
