//! The observer against sources that do as they are told, on paused time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::cluster::{ClusterSetup, start};
use super::picture::{Handle, Order, Picture};
use crate::driver::port::{Facts, MemberAddress, NodeSources, Observe, PollPace};
use crate::model::agent::{AgentReport, Registration, Tags};
use crate::model::event::EventKind;
use crate::model::member::Presence;
use crate::model::moment::{Moment, StartTime};
use crate::model::name::NodeName;
use crate::model::observed::Freshness;
use crate::model::record::{ClusterRecord, Lead};
use crate::model::role::{MemberState, Role};
use crate::model::snapshot::{Identity, Snapshot};
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
use crate::model::test_support::identity;
use crate::model::text::Text;
use crate::model::thresholds::Thresholds;

const SECOND: Duration = Duration::from_secs(1);

/// What the scripted sources say, changed by the test while they run.
#[derive(Default)]
struct Script {
    record: ClusterRecord,
    agents: BTreeMap<NodeName, ScriptedAnswer>,
    asked: BTreeMap<Source, u32>,
    /// How often the next answer was to hold everything.
    demanded: BTreeMap<Source, u32>,
}

#[derive(Clone)]
enum ScriptedAnswer {
    Role(Role),
    Report(Box<AgentReport>),
    Refuse,
    Hang,
}

type Shared = Arc<Mutex<Script>>;

struct Scripted {
    source: Source,
    pace: PollPace,
    script: Shared,
}

impl Observe for Scripted {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        self.source.target.clone()
    }

    fn pace(&self) -> PollPace {
        self.pace
    }

    fn demand_all(&mut self) {
        *self.script.lock().unwrap().demanded.entry(self.source.clone()).or_default() += 1;
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        let mut script = self.script.lock().unwrap();
        *script.asked.entry(self.source.clone()).or_default() += 1;
        if self.source.kind == SourceKind::Etcd {
            let record = script.record.clone();
            return async move { Ok(Facts::Record(Box::new(record))) }.boxed();
        }
        let name = NodeName::new(self.source.target.as_str());
        if self.source.kind == SourceKind::Sql {
            return async { Err(SourceError::new(FailureKind::Refused, "h:5432", "")) }.boxed();
        }
        match script.agents.get(&name).cloned().unwrap_or(ScriptedAnswer::Refuse) {
            ScriptedAnswer::Role(role) => async move { Ok(Facts::Agent(Box::new(agent(role)))) }.boxed(),
            ScriptedAnswer::Report(report) => async move { Ok(Facts::Agent(report)) }.boxed(),
            ScriptedAnswer::Refuse => async { Err(SourceError::new(FailureKind::Refused, "h:1", "")) }.boxed(),
            ScriptedAnswer::Hang => futures::future::pending().boxed(),
        }
    }
}

/// With `true`, SQL is held back as a second opinion.
struct Nodes(Shared, bool);

impl NodeSources for Nodes {
    fn member_address(&self, member: &NodeName, _registration: Option<&Registration>) -> MemberAddress {
        MemberAddress { name: member.clone(), agent_url: None, postgres: None, exporter_url: None }
    }

    fn sources(&self, member_address: &MemberAddress) -> Vec<Box<dyn Observe>> {
        let source = Source::new(SourceKind::PatroniRest, member_address.name.as_str());
        vec![Box::new(Scripted { source, pace: PollPace::Each, script: Arc::clone(&self.0) })]
    }

    fn second_opinions(&self, member_address: &MemberAddress) -> Vec<Box<dyn Observe>> {
        let source = Source::new(SourceKind::Sql, member_address.name.as_str());
        let held = Scripted { source, pace: PollPace::Each, script: Arc::clone(&self.0) };
        if self.1 { vec![Box::new(held)] } else { Vec::new() }
    }
}

fn agent(role: Role) -> AgentReport {
    AgentReport::of(MemberState::Running, role)
}

fn registration(name: &str) -> Registration {
    Registration { state: MemberState::Running, ..Registration::new(name.into(), Role::Replica) }
}

fn record(leader: &str, members: &[&str]) -> ClusterRecord {
    let leader = Lead { holder: leader.into(), create_revision: 1, mod_revision: 1, lease_left: None };
    let members = members.iter().map(|name| registration(name)).collect();
    ClusterRecord { leader: Some(leader), members, ..ClusterRecord::default() }
}

struct ObserverFixture {
    script: Shared,
    handle: Handle,
    _tracker: TaskTracker,
}

impl ObserverFixture {
    /// A cluster of pg-0 (leader) and pg-1.
    fn set() -> Self {
        Self::with(false)
    }

    fn with(speed_up: bool) -> Self {
        Self::prepared(speed_up, false, |_| {})
    }

    fn prepared(speed_up: bool, second_opinions: bool, prepare: impl FnOnce(&mut Script)) -> Self {
        let script = Shared::default();
        {
            let mut script = script.lock().unwrap();
            script.record = record("pg-0", &["pg-0", "pg-1"]);
            script.agents.insert("pg-0".into(), ScriptedAnswer::Role(Role::Primary));
            script.agents.insert("pg-1".into(), ScriptedAnswer::Role(Role::Replica));
            prepare(&mut script);
        }
        let source = Source::new(SourceKind::Etcd, "");
        let identity = Identity { name: "c".into(), ..identity() };
        let tracker = TaskTracker::new();
        let stack = ClusterSetup {
            identity,
            thresholds: Thresholds::default(),
            speed_up,
            attentive: false,
            interval: SECOND,
            deadline: SECOND * 2,
            sources: vec![Box::new(Scripted { source, pace: PollPace::Each, script: Arc::clone(&script) })],
            nodes: Box::new(Nodes(Arc::clone(&script), second_opinions)),
            configured: Vec::new(),
            namespace_is_assumed: false,
            routers: Vec::new(),
            gather: Duration::from_millis(100),
        };
        let handle = start(stack, &tracker, &CancellationToken::new());
        Self { script, handle, _tracker: tracker }
    }

    fn say(&self, name: &str, saying: ScriptedAnswer) {
        self.script.lock().unwrap().agents.insert(name.into(), saying);
    }

    fn asked(&self, kind: SourceKind, target: &str) -> u32 {
        self.script.lock().unwrap().asked.get(&Source::new(kind, target)).copied().unwrap_or(0)
    }

    fn demanded(&self, kind: SourceKind, target: &str) -> u32 {
        self.script.lock().unwrap().demanded.get(&Source::new(kind, target)).copied().unwrap_or(0)
    }

    /// Waits until a picture is as `wanted` says, at most `longest` of the paused clock; returns it and the time taken.
    async fn until(&mut self, longest: Duration, wanted: impl Fn(&Snapshot) -> bool) -> (Arc<Picture>, Duration) {
        let began = tokio::time::Instant::now();
        let pictures = &mut self.handle.pictures;
        let found = tokio::time::timeout(longest, pictures.wait_for(|picture| wanted(&picture.snapshot))).await;
        let picture = found.expect("in time").expect("an observer").clone();
        (picture, began.elapsed())
    }
}

fn freshness(snapshot: &Snapshot, name: &str) -> Option<Freshness> {
    snapshot.member(&name.into())?.agent.as_ref().map(|agent| agent.freshness(snapshot.now))
}

#[tokio::test(start_paused = true)]
async fn members_on_record_are_followed_by_themselves() {
    let mut fixture = ObserverFixture::set();
    let both_fresh =
        |snapshot: &Snapshot| ["pg-0", "pg-1"].iter().all(|name| freshness(snapshot, name) == Some(Freshness::Fresh));
    let (picture, took) = fixture.until(SECOND, both_fresh).await;
    assert!(took < Duration::from_millis(250), "the first whole picture took {took:?}");
    assert_eq!(picture.snapshot.leader().map(|leader| leader.value), Some("pg-0".into()));
    assert!(picture.events.is_empty(), "what is there from the beginning is no event: {:?}", picture.events);
}

#[tokio::test(start_paused = true)]
async fn a_hung_node_goes_grey_within_two_seconds_and_delays_nobody() {
    let mut fixture = ObserverFixture::set();
    fixture.until(SECOND, |snapshot| freshness(snapshot, "pg-1") == Some(Freshness::Fresh)).await;
    fixture.say("pg-1", ScriptedAnswer::Hang);
    let (_, took) = fixture.until(SECOND * 5, |snapshot| freshness(snapshot, "pg-1") == Some(Freshness::Stale)).await;
    assert!(took <= SECOND * 2, "grey after {took:?}");
    let before = fixture.asked(SourceKind::PatroniRest, "pg-0");
    tokio::time::sleep(SECOND * 10).await;
    let after = fixture.asked(SourceKind::PatroniRest, "pg-0");
    assert!((9..=11).contains(&(after - before)), "the other node was asked {} times in 10 s", after - before);
    assert_eq!(freshness(&fixture.handle.latest().snapshot, "pg-0"), Some(Freshness::Fresh));
}

#[tokio::test(start_paused = true)]
async fn a_refused_node_is_asked_less_often_and_its_return_is_seen_within_two_seconds() {
    let mut fixture = ObserverFixture::set();
    fixture.say("pg-1", ScriptedAnswer::Refuse);
    tokio::time::sleep(SECOND * 60).await;
    let asked = fixture.asked(SourceKind::PatroniRest, "pg-1");
    assert!(asked <= 45, "asked {asked} times in a minute");
    fixture.say("pg-1", ScriptedAnswer::Role(Role::Replica));
    let (picture, took) = fixture.until(SECOND * 10, |s| freshness(s, "pg-1") == Some(Freshness::Fresh)).await;
    assert!(took < SECOND * 2, "{took:?}");
    assert!(picture.events.iter().any(|event| event.kind == EventKind::Source && event.text == "up again"));
}

#[tokio::test(start_paused = true)]
async fn poll_now_asks_at_once() {
    let mut fixture = ObserverFixture::set();
    fixture.until(SECOND, |snapshot| freshness(snapshot, "pg-1") == Some(Freshness::Fresh)).await;
    fixture.say("pg-1", ScriptedAnswer::Refuse);
    tokio::time::sleep(SECOND * 30).await;
    let before = fixture.asked(SourceKind::PatroniRest, "pg-1");
    fixture.handle.order(Order::PollNow);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(fixture.asked(SourceKind::PatroniRest, "pg-1"), before + 1);
}

#[tokio::test(start_paused = true)]
async fn everything_is_asked_again_by_poll_now_and_while_anybody_acts_on_the_cluster() {
    let mut fixture = ObserverFixture::set();
    fixture.until(SECOND, |snapshot| freshness(snapshot, "pg-1") == Some(Freshness::Fresh)).await;
    tokio::time::sleep(SECOND * 30).await;
    let demanded = |fixture: &ObserverFixture| fixture.demanded(SourceKind::PatroniRest, "pg-1");
    assert_eq!(demanded(&fixture), 0, "nobody asked for it");
    fixture.handle.order(Order::PollNow);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(demanded(&fixture), 1);
    let lock = crate::model::record::OperationLock {
        holder: "alice@bastion".into(),
        verb: "switchover".into(),
        since: None,
        reason: None,
        action: "a1".into(),
    };
    fixture.script.lock().unwrap().record.lock = Some(lock);
    tokio::time::sleep(SECOND * 10).await;
    assert!((9..=11).contains(&demanded(&fixture)), "{}", demanded(&fixture));
    fixture.script.lock().unwrap().record.lock = None;
    tokio::time::sleep(SECOND * 2).await;
    let after = demanded(&fixture);
    tokio::time::sleep(SECOND * 10).await;
    assert_eq!(demanded(&fixture), after, "nobody acts any more");
}

#[tokio::test(start_paused = true)]
async fn a_leader_change_is_published_without_gathering_and_is_an_event_with_its_source() {
    let mut fixture = ObserverFixture::set();
    fixture.until(SECOND, |snapshot| freshness(snapshot, "pg-1") == Some(Freshness::Fresh)).await;
    fixture.script.lock().unwrap().record = record("pg-1", &["pg-0", "pg-1"]);
    fixture.handle.order(Order::PollNow);
    let led = |snapshot: &Snapshot| snapshot.leader().is_some_and(|leader| leader.value == "pg-1");
    let (picture, took) = fixture.until(SECOND, led).await;
    assert!(took < Duration::from_millis(20), "{took:?}");
    let event = picture.events.iter().find(|event| event.kind == EventKind::Leader).expect("an event");
    assert_eq!(event.text, "leader pg-0 → pg-1");
    assert_eq!(event.source.as_ref().map(|source| source.kind), Some(SourceKind::Etcd));
}

#[tokio::test(start_paused = true)]
async fn changed_tags_are_reported_with_what_they_are_and_were() {
    let mut fixture = ObserverFixture::set();
    fixture.until(SECOND, |snapshot| freshness(snapshot, "pg-1") == Some(Freshness::Fresh)).await;
    let tagged = AgentReport { tags: Tags { nofailover: true, ..Tags::default() }, ..agent(Role::Replica) };
    fixture.say("pg-1", ScriptedAnswer::Report(Box::new(tagged)));
    tokio::time::sleep(SECOND * 3).await;
    let events = fixture.handle.latest().events.clone();
    assert!(events.iter().any(|event| event.text == "pg-1 tags: nofailover (before: none)"), "{events:?}");
}

#[tokio::test(start_paused = true)]
async fn a_disagreement_is_a_finding_only_once_it_has_lasted() {
    let mut fixture = ObserverFixture::set();
    fixture.until(SECOND, |snapshot| freshness(snapshot, "pg-1") == Some(Freshness::Fresh)).await;
    tokio::time::sleep(SECOND * 3).await;
    fixture.say("pg-1", ScriptedAnswer::Role(Role::Primary));
    let split = |snapshot: &Snapshot| snapshot.findings.iter().any(|finding| finding.code == "several-primaries");
    let (picture, took) = fixture.until(SECOND * 20, split).await;
    let settle = picture.snapshot.thresholds.settle;
    assert!(took >= settle && took <= settle + SECOND * 2, "{took:?}");
    assert!(picture.events.iter().any(|event| event.text.as_str().contains("split brain")));
}

#[tokio::test(start_paused = true)]
async fn a_split_brain_that_is_there_at_the_beginning_is_reported_at_once() {
    let mut fixture = ObserverFixture::prepared(false, false, |script| {
        script.agents.insert("pg-1".into(), ScriptedAnswer::Role(Role::Primary));
    });
    let split = |snapshot: &Snapshot| snapshot.findings.iter().any(|finding| finding.code == "several-primaries");
    let (_, took) = fixture.until(SECOND * 20, split).await;
    assert!(took < SECOND * 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_single_picture_tells_a_disagreement_without_waiting_for_it_to_last() {
    let mut fixture = ObserverFixture::with(true);
    fixture.say("pg-1", ScriptedAnswer::Role(Role::Primary));
    let picture = super::once::settled(&mut fixture.handle, SECOND * 3).await;
    let split = |snapshot: &Snapshot| snapshot.findings.iter().any(|finding| finding.code == "several-primaries");
    assert!(split(&picture.snapshot));

    // Whoever goes on looking waits, as a console does.
    fixture.say("pg-1", ScriptedAnswer::Role(Role::Replica));
    fixture.until(SECOND * 3, |snapshot| !split(snapshot)).await;
    fixture.handle.order(Order::Settle);
    tokio::time::sleep(SECOND).await;
    fixture.say("pg-1", ScriptedAnswer::Role(Role::Primary));
    let (picture, took) = fixture.until(SECOND * 20, split).await;
    let settle = Thresholds::default().settle;
    assert_eq!(picture.snapshot.thresholds.settle, settle);
    assert!(took >= settle && took <= settle + SECOND * 2, "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_vanished_member_stays_as_missing_until_it_is_dismissed() {
    let mut fixture = ObserverFixture::set();
    fixture.until(SECOND, |snapshot| freshness(snapshot, "pg-1") == Some(Freshness::Fresh)).await;
    fixture.handle.order(Order::Dismiss("pg-1".into()));
    tokio::time::sleep(SECOND).await;
    assert!(fixture.handle.latest().snapshot.member(&"pg-1".into()).is_some(), "a present member is not dismissed");

    fixture.script.lock().unwrap().record = record("pg-0", &["pg-0"]);
    let missing = |snapshot: &Snapshot| {
        snapshot.member(&"pg-1".into()).is_some_and(|member| matches!(member.presence, Presence::Missing { .. }))
    };
    let (picture, _) = fixture.until(SECOND * 3, missing).await;
    assert!(picture.snapshot.findings.iter().any(|finding| finding.code == "member-missing"));
    fixture.handle.order(Order::Dismiss("pg-1".into()));
    fixture.until(SECOND, |snapshot| snapshot.member(&"pg-1".into()).is_none()).await;
    let asked = fixture.asked(SourceKind::PatroniRest, "pg-1");
    tokio::time::sleep(SECOND * 5).await;
    assert_eq!(fixture.asked(SourceKind::PatroniRest, "pg-1"), asked, "nobody asks a dismissed member");
}

#[tokio::test(start_paused = true)]
async fn another_interval_counts_at_once_for_asking_and_for_staleness() {
    let mut fixture = ObserverFixture::set();
    fixture.until(SECOND, |snapshot| freshness(snapshot, "pg-1") == Some(Freshness::Fresh)).await;
    fixture.handle.order(Order::SetInterval(SECOND * 10));
    tokio::time::sleep(SECOND * 2).await;
    let before = fixture.asked(SourceKind::PatroniRest, "pg-0");
    tokio::time::sleep(SECOND * 40).await;
    assert!((4..=5).contains(&(fixture.asked(SourceKind::PatroniRest, "pg-0") - before)));
    assert_eq!(freshness(&fixture.handle.latest().snapshot, "pg-0"), Some(Freshness::Fresh));
}

#[tokio::test(start_paused = true)]
async fn a_second_opinion_is_sought_only_where_the_agent_does_not_vouch() {
    let mut fixture = ObserverFixture::prepared(true, true, |script| {
        script.agents.insert("pg-1".into(), ScriptedAnswer::Refuse);
    });
    let both = |snapshot: &Snapshot| {
        freshness(snapshot, "pg-0") == Some(Freshness::Fresh)
            && snapshot.member(&"pg-1".into()).is_some_and(|member| member.sql.is_some())
    };
    let (picture, took) = fixture.until(SECOND, both).await;
    assert!(took < Duration::from_millis(250), "a refusal is no reason to be patient: {took:?}");
    tokio::time::sleep(SECOND).await;
    assert!(picture.snapshot.member(&"pg-0".into()).is_some_and(|member| member.sql.is_none()));
    assert_eq!(fixture.asked(SourceKind::Sql, "pg-0"), 0, "Patroni vouched for it");
    assert!(fixture.asked(SourceKind::Sql, "pg-1") > 0);
}

/// Members of which SQL is asked where `pg-1` says `report`, and the record that `holder` holds the lock.
async fn doubted(report: AgentReport, holder: &str) -> Vec<&'static str> {
    let mut fixture = ObserverFixture::prepared(true, true, |script| {
        script.agents.insert("pg-1".into(), ScriptedAnswer::Report(Box::new(report)));
        script.record = record(holder, &["pg-0", "pg-1"]);
    });
    super::once::settled(&mut fixture.handle, SECOND * 3).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    ["pg-0", "pg-1"].into_iter().filter(|name| fixture.asked(SourceKind::Sql, name) > 0).collect()
}

#[tokio::test(start_paused = true)]
async fn an_agent_vouches_for_a_replica_only_if_it_says_that_it_streams() {
    let replica = |replication_state| AgentReport { replication_state, ..agent(Role::Replica) };
    assert!(doubted(replica(Some(MemberState::Streaming)), "pg-0").await.is_empty());
    for not_streaming in [None, Some(MemberState::InArchiveRecovery), Some(MemberState::Unknown("odd".into()))] {
        assert_eq!(doubted(replica(not_streaming.clone()), "pg-0").await, ["pg-1"], "{not_streaming:?}");
    }
    assert_eq!(doubted(agent(Role::Demoted), "pg-0").await, ["pg-1"], "a role that cannot be well");
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_says_another_thing_than_the_lock_vouches_for_nothing() {
    assert_eq!(doubted(agent(Role::Primary), "pg-0").await, ["pg-1"], "a primary without the lock");
    let streaming = AgentReport { replication_state: Some(MemberState::Streaming), ..agent(Role::Replica) };
    assert_eq!(doubted(streaming, "pg-1").await, ["pg-0", "pg-1"], "a holder that is a replica");
}

#[tokio::test(start_paused = true)]
async fn a_second_opinion_does_not_wait_for_a_hung_agent() {
    let mut fixture = ObserverFixture::prepared(true, true, |script| {
        script.agents.insert("pg-1".into(), ScriptedAnswer::Hang);
    });
    let settled = super::once::settled(&mut fixture.handle, SECOND * 3).await;
    let member = settled.snapshot.member(&"pg-1".into()).expect("on record");
    let sql = member.sql.as_ref().expect("asked although the agent said nothing");
    assert_eq!(sql.freshness(settled.snapshot.now), Freshness::Lost);
    assert!(fixture.asked(SourceKind::Sql, "pg-0") == 0);
}

#[tokio::test(start_paused = true)]
async fn the_operation_lock_is_an_event_when_it_is_taken_and_when_it_is_released() {
    let mut fixture = ObserverFixture::set();
    fixture.until(SECOND * 3, Snapshot::record_is_fresh).await;
    let lock = crate::model::record::OperationLock {
        holder: "alice@bastion".into(),
        verb: "switchover".into(),
        since: None,
        reason: None,
        action: "a-1".into(),
    };
    fixture.script.lock().unwrap().record.lock = Some(lock);
    fixture
        .until(SECOND * 3, |snapshot| {
            snapshot.record().and_then(|record| record.last()).is_some_and(|c| c.lock.is_some())
        })
        .await;
    fixture.script.lock().unwrap().record.lock = None;
    fixture
        .until(SECOND * 3, |snapshot| {
            snapshot.record().and_then(|record| record.last()).is_some_and(|c| c.lock.is_none())
        })
        .await;
    let picture = fixture.handle.latest();
    let reported: Vec<_> = picture.events.iter().map(|event| event.text.as_str()).collect();
    assert!(reported.contains(&"operation lock acquired: switchover by alice@bastion"), "{reported:?}");
    assert!(reported.contains(&"operation lock released: switchover by alice@bastion"), "{reported:?}");
}

#[tokio::test(start_paused = true)]
async fn a_pause_is_reported_with_the_moment_it_was_seen_to_begin() {
    let mut fixture = ObserverFixture::set();
    let paused = |snapshot: &Snapshot| snapshot.paused().is_some_and(|paused| paused.value);
    fixture.until(SECOND, |snapshot| freshness(snapshot, "pg-1") == Some(Freshness::Fresh)).await;
    assert_eq!(fixture.handle.latest().snapshot.paused_since, None);
    tokio::time::sleep(SECOND * 10).await;
    fixture.script.lock().unwrap().record.paused = true;
    let (picture, _) = fixture.until(SECOND * 3, paused).await;
    let began = picture.snapshot.record().and_then(|record| record.answer.as_ref()).map(|answer| answer.at);
    assert_eq!(picture.snapshot.paused_since, began.map(StartTime::At));
    tokio::time::sleep(SECOND * 600).await;
    assert_eq!(fixture.handle.latest().snapshot.paused_since, began.map(StartTime::At));
    fixture.script.lock().unwrap().record.paused = false;
    let (picture, _) = fixture.until(SECOND * 3, |snapshot| !paused(snapshot)).await;
    assert_eq!(picture.snapshot.paused_since, None);
}
