use super::super::test_support::{cascade, cut, fail, findings, healthy, seconds, split, waiting};
use super::*;
use crate::model::name::NodeName;
use crate::model::source::FailureKind;

fn rendered(groups: &[Group]) -> String {
    let mut lines = Vec::new();
    for group in groups {
        lines.push(group.title.to_string());
        for fact in &group.facts {
            let line = format!("  {:<24}{:<50}  {}", fact.label, fact.value, fact.origin());
            lines.push(line.trim_end().to_owned());
        }
    }
    lines.join("\n")
}

fn line<'a>(groups: &'a [Group], label: &str) -> &'a FactLine {
    groups.iter().flat_map(|group| &group.facts).find(|fact| fact.label == *label).unwrap()
}

#[test]
fn every_fact_of_a_member_has_its_source_and_age() {
    let snapshot = cascade();
    insta::assert_snapshot!(rendered(&member(&snapshot, &NodeName::new("pg-2"))), @r"
    Notes
                              cascades from pg-1
                              noloadbalance
    Role and state
      leader                  pg-0 holds the leader key                           etcd, 1 s ago
                              pg-0 is primary                                     REST pg-0, 1 s ago
                              pg-0 is not in recovery                             SQL pg-0, 1 s ago
      role                    replica                                             etcd, 1 s ago
                              replica                                             REST pg-2, 1 s ago
                              in recovery                                         SQL pg-2, 1 s ago
      state                   streaming                                           REST pg-2, 1 s ago
                              up                                                  SQL pg-2, 1 s ago
                              streaming                                           etcd, 1 s ago
      timeline                12                                                  SQL pg-2, 1 s ago
                              12                                                  REST pg-2, 1 s ago
                              12                                                  etcd, 1 s ago
      system identifier       7301234567890123456                                 etcd, 1 s ago
                              7301234567890123456                                 REST pg-2, 1 s ago
                              7301234567890123456                                 SQL pg-2, 1 s ago
      follows                 pg-1                                                SQL pg-1, 1 s ago
                              pg-1                                                SQL pg-2, 1 s ago
                              pg-1                                                REST pg-2, 1 s ago
      synchronous             async                                               SQL pg-1, 1 s ago
    WAL
      position                received 1/60000000, replayed 1/5FFE4000            SQL pg-2, 1 s ago
                              received 1/60000000, replayed 1/5FFE4000            REST pg-2, 1 s ago
                              1/5FFFF000 in the DCS                               etcd, 1 s ago
      replay lag              112 kB                                              SQL pg-2, 1 s ago
      lag trend               not observed long enough                            SQL pg-2, 1 s ago
      receive lag             0 B                                                 SQL pg-2, 1 s ago
      behind                  0.4 s                                               SQL pg-2, 1 s ago
      replay                  runs                                                SQL pg-2, 1 s ago
      receiver                streaming from 10.0.0.1:5432, slot pg_2             SQL pg-2, 1 s ago
    Server
      PostgreSQL              17.2                                                SQL pg-2, 1 s ago
                              17.2                                                REST pg-2, 1 s ago
      agent                   4.0.4                                               REST pg-2, 1 s ago
      uptime                  12d 4h                                              SQL pg-2, 1 s ago
      tags                    replicatefrom pg-1, noloadbalance                   REST pg-2, 1 s ago
      connections             83 of 200: 4 active, 77 idle, 2 idle in transaction, 1 blocked  SQL pg-2, 1 s ago
      archiver                on                                                  SQL pg-2, 1 s ago
    Addresses
      REST queried at         http://10.0.0.2:8008
      REST advertised         http://10.0.0.2:8008/patroni                        etcd, 1 s ago
      PostgreSQL queried at   10.0.0.2:5432
      PostgreSQL advertised   10.0.0.2:5432                                       etcd, 1 s ago
    Sources
      REST pg-2               responds in 4.0 ms                                  1 s ago
      SQL pg-2                responds in 4.0 ms                                  1 s ago
    ");
}

#[test]
fn sources_that_disagree_stand_side_by_side() {
    let snapshot = split();
    let groups = member(&snapshot, &NodeName::new("pg-0"));
    let leaders: Vec<_> = groups
        .iter()
        .find(|group| group.title == *"Role and state")
        .unwrap()
        .facts
        .iter()
        .take_while(|fact| fact.label != *"role")
        .map(|fact| (fact.value.to_string(), fact.origin(), fact.tone))
        .collect();
    let look = |value: &str, origin: &str| (value.to_owned(), origin.to_owned(), Tone::Warning);
    assert_eq!(
        leaders,
        [
            look("pg-1 holds the leader key", "etcd, 1 s ago"),
            look("pg-0 is primary", "REST pg-0, 1 s ago"),
            look("pg-0 is not in recovery", "SQL pg-0, 1 s ago"),
            look("pg-1 is primary", "REST pg-1, 1 s ago"),
            look("pg-1 is not in recovery", "SQL pg-1, 1 s ago"),
        ]
    );
}

#[test]
fn an_old_opinion_is_grey_and_no_disagreement() {
    let mut snapshot = split();
    cut(&mut snapshot, "pg-0", seconds(30));
    let groups = member(&snapshot, &NodeName::new("pg-1"));
    let role = line(&groups, "leader");
    assert_eq!((role.value.as_str(), role.tone), ("pg-1 holds the leader key", Tone::Plain));
    let sources = member(&snapshot, &NodeName::new("pg-0"));
    let rest = line(&sources, "REST pg-0");
    assert_eq!(rest.value, "timed out for 30.0 s");
}

#[test]
fn what_nobody_knows_is_a_question_mark() {
    let groups = member(&waiting(), &NodeName::new("pg-0"));
    assert_eq!(line(&groups, "role").value, "?");
    assert_eq!(line(&groups, "role").tone, Tone::Stale);
    assert!(member(&waiting(), &NodeName::new("pg-9")).is_empty());
}

#[test]
fn a_server_tells_of_its_pool_and_of_the_member_behind_it() {
    let groups = router_server(&split(), &"pg-router/primary/pg-0".into());
    insta::assert_snapshot!(rendered(&groups), @r"
    Status
      status                  UP                                                  HAProxy pg-router, 1 s ago
      check                   L7OK 200 in 3.0 ms                                  HAProxy pg-router, 1 s ago
      backend routes to       the leader
      clients connect to      10.0.0.9:5000
      member                  pg-0, by name only
      pg-0 is                 primary                                             SQL pg-0, 1 s ago
      and                     running                                             SQL pg-0, 1 s ago
      leader                  pg-1                                                etcd, 1 s ago
    Counters
      last change             2h 10m                                              HAProxy pg-router, 1 s ago
      total downtime          30.0 s                                              HAProxy pg-router, 1 s ago
      times down              1 time                                              HAProxy pg-router, 1 s ago
      failed checks while UP  0                                                   HAProxy pg-router, 1 s ago
      current sessions        83                                                  HAProxy pg-router, 1 s ago
      max sessions            120                                                 HAProxy pg-router, 1 s ago
      limit                   100                                                 HAProxy pg-router, 1 s ago
      total sessions          41,204                                              HAProxy pg-router, 1 s ago
      last session            1 s ago                                             HAProxy pg-router, 1 s ago
      session rate            412/s                                               HAProxy pg-router, 1 s ago
      max session rate        900/s                                               HAProxy pg-router, 1 s ago
      connect time            1.0 ms                                              HAProxy pg-router, 1 s ago
      waiting                 0                                                   HAProxy pg-router, 1 s ago
      max queue               3                                                   HAProxy pg-router, 1 s ago
      bytes in                5.0 GB                                              HAProxy pg-router, 1 s ago
      bytes out               7.0 GB                                              HAProxy pg-router, 1 s ago
      connection errors       2                                                   HAProxy pg-router, 1 s ago
      response errors         0                                                   HAProxy pg-router, 1 s ago
      retries                 0                                                   HAProxy pg-router, 1 s ago
      redispatches            0                                                   HAProxy pg-router, 1 s ago
      aborted by clients      0                                                   HAProxy pg-router, 1 s ago
      aborted by servers      0                                                   HAProxy pg-router, 1 s ago
      weight                  1                                                   HAProxy pg-router, 1 s ago
    Sources
      HAProxy pg-router       responds in 4.0 ms                                  1 s ago
    ");
    assert!(router_server(&split(), &"pg-router/primary/pg-9".into()).is_empty());
}

#[test]
fn a_dcs_member_stands_beside_the_others() {
    let mut snapshot = healthy();
    fail(&mut snapshot.dcs.members[2], FailureKind::Refused, seconds(38));
    insta::assert_snapshot!(rendered(&dcs_member(&snapshot, &"etcd-3:2379".into())), @r"
    Self-reported
      name                    etcd-3                                              etcd member etcd-3:2379, 39 s ago
      identifier              3                                                   etcd member etcd-3:2379, 39 s ago
      version                 3.5.16                                              etcd member etcd-3:2379, 39 s ago
      quorum                  ok (linearizable read succeeded)                    etcd member etcd-3:2379, 39 s ago
      raft                    term 7, index 9000, applied 9000                    etcd member etcd-3:2379, 39 s ago
      database                20.0 MB, 2.0 MB in use                              etcd member etcd-3:2379, 39 s ago
      latency                 1.2 ms                                              etcd member etcd-3:2379, 39 s ago
    Reported by all members
      leader                  etcd-1                                              etcd member etcd-1:2379, 1 s ago
                              etcd-1                                              etcd member etcd-2:2379, 1 s ago
                              etcd-1                                              etcd member etcd-3:2379, 39 s ago
      term                    7                                                   etcd member etcd-1:2379, 1 s ago
                              7                                                   etcd member etcd-2:2379, 1 s ago
                              7                                                   etcd member etcd-3:2379, 39 s ago
    Source
      etcd member etcd-3:2379 connection refused for 38.0 s                       39 s ago
                              at 10.0.0.9:8008
                              check that the service runs and that the port in the configuration is right
    ");
}

#[test]
fn a_finding_shows_all_its_evidence_and_the_advice() {
    let mut snapshot = healthy();
    snapshot.findings = findings();
    let id = super::super::findings::row_id(&snapshot.findings[0]);
    insta::assert_snapshot!(rendered(&finding(&snapshot, &id)), @r"
    Finding
      what                    pg-2 replay lag 1.2 GB
      severity                warning
      consequence             redundancy lost
      about                   pg-2
      since                   4 min ago
      rule                    replica-lags
    Evidence
                              pg_stat_replication on pg-0 says 1.2 GB             SQL pg-0, 1 s ago
                              pg-2 replayed 1/0                                   SQL pg-2, 1 s ago
    Advice
                              look for a long query on pg-2 that holds replay back
    ");
}
