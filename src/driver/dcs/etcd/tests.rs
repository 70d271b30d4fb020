use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rstest::rstest;
use serde_json::Value;

use super::check::{login, majority, space};
use super::content::content;
use super::member::member;
use super::{EtcdCheck, EtcdMemberHealth, EtcdRecord};
use crate::client::double::{refused, silent};
use crate::client::etcd::double::{Member, ServerMode, endpoints};
use crate::client::etcd::{Health, Key, Login, Majority, MemberStatus, OutsideKey, RaisedAlarm, Record, StoreMember};
use crate::driver::checklist::Checklist;
use crate::driver::port::{Check, Facts, Observe, PollPace};
use crate::model::checkup::{CheckAspect, CheckupVerdict};
use crate::model::dcs::{DcsAlarmKind, DcsMember, Quorum, RaftLeader};
use crate::model::lsn::{Lsn, SystemId};
use crate::model::moment::Moment;
use crate::model::record::ClusterRecord;
use crate::model::role::Role;
use crate::model::source::{FailureKind, Source, SourceKind};

const LEADER: (&str, &str) = ("/service/pg-ha/leader", "pg-0");

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/etcd-3.5")
}

/// A recorded answer, as the client would have it.
fn recorded(file: &Path) -> Record {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let answer: Value = serde_json::from_str(&text).expect("JSON");
    let number = |value: &Value, key: &str| value[key].as_i64().unwrap_or(0);
    let keys = answer["keys"].as_array().expect("keys").iter().map(|key| {
        let name = key["key"].as_str().expect("a name").strip_prefix("/service/pg-ha/").expect("the prefix");
        let value = key["value"].as_str().unwrap_or_default().into();
        let (create_revision, mod_revision) = (number(key, "create_revision"), number(key, "mod_revision"));
        (name.to_owned(), Key { value, create_revision, mod_revision, lease: number(key, "lease") })
    });
    let (keys, revision) = (keys.collect(), number(&answer["header"], "revision"));
    Record { keys, beside: OutsideKey::Absent, revision, endpoint: "etcd-1:2379".to_owned() }
}

fn made(keys: &[(&str, &str)]) -> ClusterRecord {
    let key = |value: &str| Key { value: value.into(), create_revision: 3, mod_revision: 5, lease: 7 };
    let keys: BTreeMap<_, _> = keys.iter().map(|(name, value)| ((*name).to_owned(), key(value))).collect();
    content(&Record { keys, revision: 9, ..Record::default() }, Some(Duration::from_secs(20)))
}

#[rstest]
#[case("healthy")]
#[case("paused")]
#[case("sync-mode")]
#[case("scheduled-switchover")]
#[case("nofailover-tag")]
#[case("pending-restart")]
#[case("after-switchover")]
#[case("leader-killed")]
fn the_record_of_a_real_cluster_is_understood(#[case] situation: &str) {
    let mut content = content(&recorded(&fixtures().join(situation).join("keys.json")), Some(Duration::from_secs(25)));
    assert_eq!(content.defects, Vec::<crate::model::text::Text>::new());
    // What the DCS view shows raw is tested below; here it would hide the rest.
    content.patroni_mut().keys.truncate(1);
    if let Some(config) = &mut content.patroni_mut().config {
        config.lines.truncate(3);
    }
    insta::with_settings!({ snapshot_suffix => situation }, { insta::assert_json_snapshot!(content) });
}

#[test]
fn every_recorded_situation_is_read_without_defect() {
    let mut seen = 0;
    for entry in fs::read_dir(fixtures()).expect("fixtures") {
        let directory = entry.expect("an entry").path();
        for file in ["keys.json", "keys.serializable.json"].map(|name| directory.join(name)) {
            if file.exists() {
                let record = recorded(&file);
                let content = content(&record, None);
                assert!(content.defects.is_empty(), "{}: {:?}", file.display(), content.defects);
                assert_eq!(content.keys().len(), record.keys.len());
                assert!(!content.members.is_empty() && content.config().is_some(), "{}", file.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 10, "only {seen} recorded situations");
}

#[test]
fn one_unreadable_value_hides_nothing_else() {
    let content = made(&[
        ("config", "{broken"),
        ("failover", "[1]"),
        ("failsafe", r#"{"a":"http://a:8008","b":[]}"#),
        ("history", r#"[[1,25,"x"],"odd"]"#),
        ("initialize", "soon"),
        ("leader", "pg-0"),
        ("members/pg-0", "not json"),
        ("members/pg-1", r#"{"role":"replica","state":"running","conn_url":"nonsense"}"#),
        ("status", r#"{"optime":"unknown","slots":{"a":5,"b":"x"}}"#),
        ("sync", "7"),
    ]);
    let reported: Vec<_> =
        content.defects.iter().map(|defect| defect.as_str().split(':').next().unwrap_or("")).collect();
    for key in
        ["config", "failover", "failsafe", "history", "initialize", "members/pg-0", "members/pg-1", "status", "sync"]
    {
        assert!(reported.contains(&key), "no defect of {key}: {reported:?}");
    }
    assert_eq!(content.leader.as_ref().map(|leader| leader.holder.as_str()), Some("pg-0"));
    assert_eq!(content.members.len(), 2);
    assert_eq!(content.members[1].role, Role::Replica);
    assert_eq!(content.patroni().unwrap().failsafe.len(), 1);
    assert_eq!(content.history.len(), 1);
    assert_eq!(content.status().cloned().map(|status| status.slots.len()), Some(1));
    assert_eq!(content.keys().len(), 10);
}

#[rstest]
#[case("{}")]
#[case("")]
#[case("  ")]
fn an_emptied_failover_key_orders_nothing(#[case] value: &str) {
    let content = made(&[("failover", value)]);
    assert_eq!((content.order, content.defects.len()), (None, 0));
}

#[test]
fn the_older_forms_of_keys_are_read() {
    let content = made(&[
        ("failover", "pg-0:pg-1"),
        ("initialize", ""),
        ("members/pg-0", r#"{"role":"master","state":"running","xlog_location":"33554432"}"#),
        ("optime/leader", "33554432"),
    ]);
    let failover = content.order.clone().expect("an order");
    assert_eq!(failover.candidate.expect("a candidate").as_str(), "pg-1");
    assert_eq!(content.system_id, None);
    assert_eq!(content.status().and_then(|status| status.optime), Some(Lsn(33_554_432)));
    assert_eq!(content.members[0].role, Role::Primary);
    assert_eq!(content.defects.len(), 0);
}

#[test]
fn a_leader_key_without_a_name_is_no_leader() {
    let content = made(&[("leader", " ")]);
    assert!(content.leader.is_none() && content.defects.len() == 1);
}

#[test]
fn secrets_do_not_reach_the_raw_keys() {
    let config = r#"{"postgresql":{"authentication":{"superuser":{"password":"s3cret"}}},
        "standby_cluster":{"primary_conninfo":"host=a password=s3cret"}}"#;
    let member = r#"{"conn_url":"postgres://u:s3cret@h:5432/db"}"#;
    let content = made(&[
        ("config", config),
        ("members/a", member),
        ("odd", "password=s3cret"),
        ("broken", "{\"password\":\"s3cret\""),
    ]);
    let shown = format!("{content:?}");
    assert!(!shown.contains("s3cret"), "{shown}");
    assert_eq!(content.members[0].postgres.as_ref().map(ToString::to_string).as_deref(), Some("h:5432"));
}

#[test]
fn escape_sequences_do_not_reach_the_screen() {
    let content =
        made(&[("leader", "pg\u{1b}]0;owned\u{7}-0"), ("members/\u{1b}[2Jx", "{}"), ("\u{9b}2Jodd", "\u{1b}[31m")]);
    assert_eq!(content.leader.clone().expect("a leader").holder.as_str(), "pg-0");
    assert!(!content.keys().iter().any(|key| format!("{}{}", key.name, key.value).contains('\u{1b}')));
}

#[test]
fn citus_groups_are_noticed_and_stated_not_to_be_followed() {
    let content = made(&[("0/leader", "a"), ("1/members/b", "{}"), ("10/config", "{}")]);
    assert!(content.leader.is_none() && content.members.is_empty());
    assert_eq!(content.defects, ["Citus groups 0, 1, 10 found here; groups are not monitored"]);
}

fn health(errors: &[&str]) -> Health {
    let store = |id, name: &str, learner| StoreMember { id, name: name.to_owned(), learner, client_urls: Vec::new() };
    let status = MemberStatus {
        version: "3.5.16".to_owned(),
        leader: 12,
        raft_index: 190,
        raft_applied: 190,
        db_size: 81_920,
        db_in_use: 0,
        db_quota: 0,
        learner: false,
        errors: errors.iter().map(ToString::to_string).collect(),
    };
    Health {
        id: 11,
        term: 3,
        revision: 142,
        status: Ok(status),
        alarms: Vec::new(),
        latency: Duration::from_millis(2),
        majority: Majority::Reached,
        login: Login::NotAsked,
        members: Some(vec![store(11, "etcd-1", false), store(12, "etcd-2", false), store(13, "", true)]),
    }
}

#[test]
fn a_members_word_becomes_the_models() {
    let member = member(&health(&["etcdserver: no leader"]));
    assert_eq!((member.name.as_str(), member.voters, member.alarms.len()), ("etcd-1", 2, 0));
    assert_eq!((member.db_in_use, member.db_quota), (None, None));
    assert!(!member.leads());
}

#[rstest]
#[case("memberID:11 alarm:NOSPACE ", DcsAlarmKind::NoSpace, "etcd-1", true)]
#[case("memberID:11 alarm:CORRUPT ", DcsAlarmKind::Corrupt, "etcd-1", true)]
#[case("memberID:12 alarm:NOSPACE ", DcsAlarmKind::NoSpace, "etcd-2", false)]
#[case("memberID:99 alarm:CORRUPT ", DcsAlarmKind::Corrupt, "63", false)]
#[case("memberID:11 alarm:MELTING ", DcsAlarmKind::Other("MELTING".into()), "etcd-1", true)]
#[case("etcdserver: something new", DcsAlarmKind::Other("etcdserver: something new".into()), "", false)]
fn alarms_are_read_from_the_status_answer(
    #[case] line: &str,
    #[case] kind: DcsAlarmKind,
    #[case] raised_by: &str,
    #[case] own: bool,
) {
    let alarms = member(&health(&[line])).alarms;
    let reported: Vec<_> = alarms.iter().map(|alarm| (&alarm.kind, alarm.raised_by.as_str(), alarm.own)).collect();
    assert_eq!(reported, [(&kind, raised_by, own)]);
}

/// Since etcd 3.5.28 the status is for root alone: everything else still tells of the member.
#[test]
fn a_refused_status_leaves_unknown_what_only_it_tells() {
    let refused = Health {
        status: Err("permission denied".to_owned()),
        alarms: vec![RaisedAlarm { member: 12, kind: "NOSPACE".to_owned() }],
        ..health(&[])
    };
    let reported = member(&refused);
    assert_eq!((reported.name.as_str(), reported.term, reported.quorum), ("etcd-1", Some(3), Quorum::Reached));
    assert_eq!((reported.leader, reported.db_size, reported.raft_behind()), (RaftLeader::Unknown, None, None));
    assert!(reported.version.is_empty() && reported.status_refused.is_some() && reported.learner == Some(false));
    assert_eq!((&reported.alarms[0].kind, reported.alarms[0].raised_by.as_str()), (&DcsAlarmKind::NoSpace, "etcd-2"));
    let lines = lines(|list| space(list, &reported));
    assert_eq!(lines[0].0, CheckupVerdict::Skipped, "{lines:?}");
}

#[tokio::test]
async fn a_member_that_keeps_its_status_from_us_is_not_silent() {
    let etcd = Member::start(&[LEADER]).await;
    etcd.keep_status_for_root();
    etcd.report_problem("memberID:11 alarm:NOSPACE ");
    let mut source = EtcdMemberHealth::each(&endpoints(&[&etcd.url]), Some(LEADER.0)).remove(0);
    for _ in 0..3 {
        let Ok(Facts::DcsMember(reported)) = source.observe(Moment::START).await else { panic!("it answers") };
        assert_eq!((reported.quorum, reported.id, reported.term), (Quorum::Reached, 11, Some(3)));
        assert!(reported.raises_alarm(), "by the alarm list: {reported:?}");
    }
    assert_eq!((etcd.statuses(), etcd.changes()), (1, vec!["alarm list"]), "seldom, since both cost the store");
}

async fn record(source: &mut EtcdRecord) -> Result<ClusterRecord, crate::model::source::SourceError> {
    match source.observe(Moment::START).await? {
        Facts::Record(content) => Ok(*content),
        other => panic!("not a record: {other:?}"),
    }
}

#[tokio::test]
async fn a_leader_change_arrives_as_it_happens() {
    let etcd = Member::start(&[LEADER, ("/service/pg-ha/initialize", "77")]).await;
    let mut source = EtcdRecord::new(endpoints(&[&etcd.url]), "service", "pg-ha");
    assert_eq!(source.source(), &Source::new(SourceKind::Etcd, ""));
    assert!(matches!(source.pace(), PollPace::Push(pace) if pace >= Duration::from_secs(1)));
    let first = record(&mut source).await.expect("a record");
    let leader = first.leader.expect("a leader");
    assert_eq!((leader.holder.as_str(), leader.lease_left), ("pg-0", Some(Duration::from_secs(25))));
    assert_eq!(first.system_id, Some(SystemId(77)));

    etcd.delete(LEADER.0);
    assert!(record(&mut source).await.expect("a record").leader.is_none());
    etcd.put(LEADER.0, "pg-1");
    let next = record(&mut source).await.expect("a record").leader.expect("a leader");
    assert_eq!(next.holder.as_str(), "pg-1");
    assert!(next.create_revision > leader.create_revision);
    assert_eq!(etcd.changes(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_store_without_the_scope_says_which_it_has() {
    let etcd = Member::start(&[LEADER, ("/prod/pg/config", "{}"), ("/prod/pg/members/a", "{}")]).await;
    let mut source = EtcdRecord::new(endpoints(&[&etcd.url]), "service", "pg");
    let error = record(&mut source).await.expect_err("no such scope");
    assert_eq!(error.failure_kind, FailureKind::NoSuchCluster);
    let text = error.to_string();
    for reported in ["nothing found under /service/pg/", "/prod/pg (1 member)", "/service/pg-ha (no members)"] {
        assert!(text.contains(reported), "{reported}: {text}");
    }
    assert_eq!(error.remedy(SourceKind::Etcd), "use --namespace /prod --scope pg", "the same scope elsewhere");
    // It is seen as soon as it appears.
    etcd.put("/service/pg/leader", "pg-0");
    assert!(record(&mut source).await.expect("a record").leader.is_some());
}

#[tokio::test]
async fn of_several_namespaces_with_the_scope_none_is_proposed_before_the_others() {
    let etcd = Member::start(&[LEADER, ("/prod/pg/members/a", "{}"), ("/stage/pg/members/a", "{}")]).await;
    let error =
        record(&mut EtcdRecord::new(endpoints(&[&etcd.url]), "service", "pg")).await.expect_err("no such scope");
    assert_eq!(error.remedy(SourceKind::Etcd), "use --namespace /prod or /stage --scope pg");
}

#[tokio::test]
async fn without_majority_the_record_fails_and_the_members_do_not() {
    let etcd = Member::start(&[LEADER]).await;
    etcd.set_mode(ServerMode::Leaderless);
    let (gone, frozen) = (refused(), silent());
    let settings = endpoints(&[&gone, &frozen, &etcd.url]);
    let error = record(&mut EtcdRecord::new(settings.clone(), "service", "pg-ha")).await.expect_err("no quorum");
    assert_eq!(error.failure_kind, FailureKind::NoQuorum);
    assert!(error.to_string().contains("/service/pg-ha/leader = pg-0"), "{error}");
    let mut outcomes = Vec::new();
    for mut source in EtcdMemberHealth::each(&settings, None) {
        assert_eq!(source.pace(), PollPace::Relaxed);
        outcomes.push(match source.observe(Moment::START).await {
            Ok(Facts::DcsMember(member)) => Ok(member.quorum),
            Ok(other) => panic!("not a member: {other:?}"),
            Err(error) => Err(error.failure_kind),
        });
    }
    assert_eq!(outcomes, [Err(FailureKind::Refused), Err(FailureKind::TimedOut), Ok(Quorum::Missing)]);
}

#[tokio::test]
async fn wrong_settings_are_an_error_of_the_source_not_of_the_program() {
    let mut settings = endpoints(&["https://127.0.0.1:1"]);
    settings.tls.ca = vec!["/no/such/ca.pem".into()];
    let error = record(&mut EtcdRecord::new(settings, "service", "pg")).await.expect_err("no such file");
    assert_eq!(error.failure_kind, FailureKind::Tls);
    assert!(error.to_string().contains("/no/such/ca.pem"), "{error}");
}

#[tokio::test]
async fn doctor_examines_everything_that_it_can() {
    let etcd = Member::start(&[LEADER]).await;
    etcd.report_problem("memberID:11 alarm:NOSPACE ");
    let settings = endpoints(&[&refused(), &etcd.url]);
    let mut checks = EtcdCheck::each(&settings, "service", Some("pg-ha"));
    let refused: Vec<_> = checks[0].check().await.iter().map(|line| (line.aspect, line.verdict)).collect();
    assert_eq!(refused, [(CheckAspect::Reach, CheckupVerdict::Fail)]);
    let lines = checks[1].check().await;
    let verdict = |aspect| lines.iter().find(|line| line.aspect == aspect).map(|line| line.verdict);
    assert_eq!(verdict(CheckAspect::Credentials), Some(CheckupVerdict::Warn));
    assert_eq!(verdict(CheckAspect::Reach), Some(CheckupVerdict::Pass));
    assert_eq!(verdict(CheckAspect::Version), Some(CheckupVerdict::Pass));
    assert_eq!(verdict(CheckAspect::Configuration), Some(CheckupVerdict::Fail));
    assert_eq!(verdict(CheckAspect::Identity), Some(CheckupVerdict::Pass));
    assert_eq!(etcd.changes(), Vec::<&str>::new());
}

#[tokio::test]
async fn doctor_tells_a_missing_scope_and_a_missing_right_apart() {
    let etcd = Member::start(&[LEADER]).await;
    let settings = endpoints(&[&etcd.url]);
    let last = async |scope| {
        let lines = EtcdCheck::each(&settings, "service", Some(scope))[0].check().await;
        lines.into_iter().next_back().map(|line| (line.aspect, line.verdict, line.text.to_string()))
    };
    let (aspect, verdict, text) = last("other").await.expect("a line");
    assert_eq!((aspect, verdict), (CheckAspect::Identity, CheckupVerdict::Fail));
    assert!(text.contains("/service/pg-ha"), "{text}");
    etcd.set_mode(ServerMode::Forbidding);
    let (aspect, verdict, _) = last("pg-ha").await.expect("a line");
    assert_eq!((aspect, verdict), (CheckAspect::Privileges, CheckupVerdict::Fail));
}

fn lines(examine: impl FnOnce(&mut Checklist)) -> Vec<(CheckupVerdict, String)> {
    let mut list = Checklist::new(Source::new(SourceKind::EtcdMember, "etcd-1"), "etcd-1".into());
    examine(&mut list);
    list.into_lines().into_iter().map(|line| (line.verdict, line.text.to_string())).collect()
}

#[rstest]
#[case(Login::NotAsked, false, CheckupVerdict::Warn)]
#[case(Login::NotAsked, true, CheckupVerdict::Pass)]
#[case(Login::NotEnabled, false, CheckupVerdict::Warn)]
#[case(Login::NotEnabled, true, CheckupVerdict::Warn)]
#[case(Login::Accepted, false, CheckupVerdict::Warn)]
#[case(Login::Accepted, true, CheckupVerdict::Pass)]
#[case(Login::Impossible, true, CheckupVerdict::Unknown)]
fn an_open_store_is_warned_about(#[case] state: Login, #[case] encrypted: bool, #[case] verdict: CheckupVerdict) {
    assert_eq!(lines(|list| login(list, state, encrypted))[0].0, verdict);
}

#[rstest]
#[case(100_000_000, None, CheckupVerdict::Pass, "4 % of the default quota")]
#[case(2_000_000_000, None, CheckupVerdict::Warn, "93 % of the default quota")]
#[case(2_000_000_000, Some(8_000_000_000), CheckupVerdict::Pass, "25 % of its quota")]
fn the_database_is_held_against_its_quota(
    #[case] size: u64,
    #[case] db_quota: Option<u64>,
    #[case] verdict: CheckupVerdict,
    #[case] words: &str,
) {
    let reported: DcsMember = DcsMember { db_size: Some(size), db_quota, ..member(&health(&[])) };
    let line = &lines(|list| space(list, &reported))[0];
    assert_eq!(line.0, verdict);
    assert!(line.1.contains(words), "{}", line.1);
}

#[rstest]
#[case(Quorum::Reached, CheckupVerdict::Pass)]
#[case(Quorum::Missing, CheckupVerdict::Fail)]
#[case(Quorum::Unknown, CheckupVerdict::Unknown)]
fn a_missing_majority_fails_the_check(#[case] quorum: Quorum, #[case] verdict: CheckupVerdict) {
    let reported = DcsMember { quorum, ..member(&health(&[])) };
    assert_eq!(lines(|list| majority(list, &reported))[0].0, verdict);
}
