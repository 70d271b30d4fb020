//! Against the lab's three etcd members (`PGCTL_LAB=1`, after `dev/lab up`; ports as the lab has them). Reads only.

use std::env;
use std::time::{Duration, Instant};

use pgctl::config::endpoint::{EtcdEndpoints, Timeouts, TlsSettings};
use pgctl::driver::dcs::etcd::{EtcdCheck, EtcdMemberHealth, EtcdRecord, find_scopes};
use pgctl::driver::port::{Check, Facts, Observe};
use pgctl::model::checkup::{CheckAspect, CheckupVerdict};
use pgctl::model::dcs::{Quorum, RaftLeader};
use pgctl::model::moment::Moment;
use pgctl::model::record::ClusterRecord;
use pgctl::model::source::{FailureKind, SourceError};

fn or(name: &str, usual: &str) -> String {
    env::var(name).ok().filter(|value| !value.is_empty()).unwrap_or_else(|| usual.to_owned())
}

fn lab(before: &[&str]) -> EtcdEndpoints {
    assert_eq!(env::var("PGCTL_LAB").as_deref(), Ok("1"), "start the lab and set PGCTL_LAB=1");
    let ports = [("LAB_ETCD_1_PORT", "2379"), ("LAB_ETCD_2_PORT", "22379"), ("LAB_ETCD_3_PORT", "32379")];
    let members = ports.map(|(name, usual)| format!("http://127.0.0.1:{}", or(name, usual)));
    let urls = before.iter().map(ToString::to_string).chain(members).collect();
    EtcdEndpoints { urls, login: None, tls: TlsSettings::default(), timeouts: Timeouts::default() }
}

fn source(endpoints: EtcdEndpoints) -> EtcdRecord {
    EtcdRecord::new(endpoints, &or("LAB_NAMESPACE", "/service/"), &or("LAB_SCOPE", "pg-ha"))
}

#[expect(clippy::panic, reason = "a helper of tests")]
async fn record(source: &mut EtcdRecord) -> Result<ClusterRecord, SourceError> {
    match source.observe(Moment::START).await? {
        Facts::Record(content) => Ok(*content),
        other => panic!("not a record: {other:?}"),
    }
}

#[tokio::test]
#[ignore = "needs the lab"]
async fn the_labs_record_is_complete_and_confirmed_while_nothing_changes() {
    let mut source = source(lab(&[]));
    let first = record(&mut source).await.expect("a record");
    let leader = first.leader.as_ref().expect("a leader");
    assert!(first.member(&leader.holder).is_some(), "the leader is no member");
    assert_eq!(first.members.len(), 3);
    assert!(
        first.system_id.is_some() && first.patroni().expect("Patroni's").config.is_some() && first.defects.is_empty(),
        "{first:?}"
    );
    let began = Instant::now();
    let next = record(&mut source).await.expect("a record");
    assert!(began.elapsed() < Duration::from_secs(4));
    assert!(next.revision >= first.revision);
}

#[tokio::test]
#[ignore = "needs the lab"]
async fn endpoints_that_refuse_do_not_delay_the_start() {
    let began = Instant::now();
    record(&mut source(lab(&["http://127.0.0.1:1", "http://127.0.0.1:2"]))).await.expect("a record");
    assert!(began.elapsed() < Duration::from_millis(500), "took {:?}", began.elapsed());
}

#[tokio::test]
#[ignore = "needs the lab"]
async fn every_member_tells_the_same_leader_and_reaches_the_majority() {
    let mut leaders = Vec::new();
    for mut source in EtcdMemberHealth::each(&lab(&[]), None) {
        let Ok(Facts::DcsMember(member)) = source.observe(Moment::START).await else { panic!("no member") };
        assert_eq!((member.quorum, member.voters, member.alarms.len()), (Quorum::Reached, 3, 0));
        assert!(member.version.as_str().starts_with("3.") && member.db_size > Some(0) && !member.name.is_empty());
        leaders.push(member.leader);
    }
    assert!(
        leaders.len() == 3 && leaders[0] != RaftLeader::Nobody && leaders.iter().all(|leader| *leader == leaders[0]),
        "{leaders:?}"
    );
}

#[tokio::test]
#[ignore = "needs the lab"]
async fn a_wrong_scope_is_answered_with_the_right_ones() {
    let scope = or("LAB_SCOPE", "pg-ha");
    let mut wrong = EtcdRecord::new(lab(&[]), "/elsewhere/", "nothing");
    let error = record(&mut wrong).await.expect_err("no such scope");
    assert_eq!(error.failure_kind, FailureKind::NoSuchCluster);
    assert!(error.to_string().contains(&scope), "{error}");
    let found = find_scopes(&lab(&[]), "/service/").await.expect("scopes");
    assert!(found.iter().any(|found| found.scope == scope && found.members.len() == 3), "{found:?}");
}

#[tokio::test]
#[ignore = "needs the lab"]
async fn doctor_warns_that_the_lab_is_open_to_anybody() {
    for mut check in EtcdCheck::each(&lab(&[]), &or("LAB_NAMESPACE", "/service/"), Some(&or("LAB_SCOPE", "pg-ha"))) {
        let lines = check.check().await;
        let verdict = |aspect| lines.iter().find(|line| line.aspect == aspect).map(|line| line.verdict);
        assert_eq!(verdict(CheckAspect::Reach), Some(CheckupVerdict::Pass), "{lines:?}");
        assert_eq!(verdict(CheckAspect::Identity), Some(CheckupVerdict::Pass), "{lines:?}");
        assert_eq!(verdict(CheckAspect::Credentials), Some(CheckupVerdict::Warn), "{lines:?}");
    }
}
