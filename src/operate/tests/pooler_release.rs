//! Paused poolers beside doubles of everything that an escort looks at: their clients go on by proof, soon where nothing comes
//! of the handover, and after a while in any case; and a pause that does not come about ends the action before it is one.

use std::sync::Mutex;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rstest::rstest;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

use super::fixture::*;
use crate::action::evaluation::ReplyStatus;
use crate::action::order::{Order, RouterRequest};
use crate::action::outcome::OutcomeKind;
use crate::action::permit::{Confirmation, Permit, WriteAccess};
use crate::action::plan::Step;
use crate::action::pooler_release::{PAUSE_LIMIT, PoolerRelease, PoolerTarget, PoolerWay};
use crate::action::router_handover::{LeadAnswer, LeadOrder, LeadRecord, RouterHandover, RouterRoute};
use crate::driver::port::{LeadWatcher, NotPerformed, Reply, StillAllowed};
use crate::model::agent::Address;
use crate::model::lsn::{SystemId, Timeline};
use crate::model::moment::Moment;
use crate::model::name::{NodeName, PoolerName, RouterName};
use crate::model::pooler::{PoolerDatabase, PoolerReport};
use crate::model::router::{ProxyKind, ProxyRow, ProxyStatus};
use crate::model::snapshot::Snapshot;
use crate::model::source::{FailureKind, SourceError};
use crate::model::test_support::{healthy, member};
use crate::model::text::Text;
use crate::observe::picture::Clock;
use crate::operate::router_handover::HandoverContext;

/// A cluster whose lead goes from pg-0 to pg-1, at times of the virtual clock.
struct Wires {
    began: Instant,
    /// When pg-0 is gone; `None`: it stays.
    leaves: Option<u64>,
    /// When pg-1 leads; `None`: nobody does.
    promoted: Option<u64>,
    /// When the router's own checks have followed.
    routed: u64,
    /// How often the pooler's file is refused while RELOAD is answered.
    refusals: Mutex<u8>,
    pointed: Mutex<&'static str>,
    log: Mutex<Vec<(String, u64)>>,
}

impl Wires {
    fn new(leaves: Option<u64>, promoted: Option<u64>) -> Self {
        Self {
            began: Instant::now(),
            leaves,
            promoted,
            routed: 0,
            refusals: Mutex::new(0),
            pointed: Mutex::new("10.7.0.20"),
            log: Mutex::default(),
        }
    }

    fn after(&self, moment: Option<u64>) -> bool {
        moment.is_some_and(|moment| self.began.elapsed() >= SECOND * u32::try_from(moment).expect("small"))
    }

    fn note(&self, line: impl Into<String>) {
        self.log.lock().expect("nobody panicked").push((line.into(), self.began.elapsed().as_secs()));
    }

    fn log(&self) -> Vec<(String, u64)> {
        self.log.lock().expect("nobody panicked").clone()
    }
}

impl LeadWatcher for Wires {
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>> {
        let holder: Option<NodeName> = if self.after(self.promoted) {
            Some("pg-1".into())
        } else if self.after(self.leaves) {
            None
        } else {
            Some("pg-0".into())
        };
        // The order stays on record until it is carried out.
        let is_ordered = self.leaves.is_some() && !self.after(self.promoted);
        let order = LeadOrder { from: Some("pg-0".into()), to: Some("pg-1".into()), revision: 11 };
        async move { Ok(LeadRecord { holder, order: is_ordered.then_some(order) }) }.boxed()
    }

    fn postgres<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<LeadAnswer, SourceError>> {
        let is_new = *member == NodeName::new("pg-1");
        let writes = if is_new { self.after(self.promoted) } else { !self.after(self.leaves) };
        let timeline = writes.then_some(Timeline(if is_new { 13 } else { 12 }));
        let answer = LeadAnswer { in_recovery: !writes, system_id: Some(SystemId(7)), timeline };
        async move { Ok(answer) }.boxed()
    }

    fn is_primary<'a>(&'a self, _: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>> {
        async { Ok(true) }.boxed()
    }

    fn servers<'a>(&'a self, _: &'a RouterName, _: &'a Text) -> BoxFuture<'a, Result<Vec<ProxyRow>, SourceError>> {
        let row = |server: &str, up| {
            let status = if up { ProxyStatus::Up } else { ProxyStatus::Down };
            ProxyRow::of("primary", server, ProxyKind::Server, status)
        };
        let routed = self.after(Some(self.routed));
        let rows = vec![row("a", !routed), row("b", routed)];
        async move { Ok(rows) }.boxed()
    }

    fn update_router<'a>(
        &'a self,
        _: &'a RouterName,
        _: &'a RouterRequest,
        _: &'a Permit,
        _: StillAllowed<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        panic!("no router is told")
    }

    fn pooler<'a>(&'a self, _: &'a PoolerName) -> BoxFuture<'a, Result<PoolerReport, SourceError>> {
        let host = *self.pointed.lock().expect("nobody panicked");
        let database = PoolerDatabase { host: Some(host.into()), port: Some(5432), ..PoolerDatabase::named("app") };
        let report = PoolerReport { databases: vec![database], servers: Some(Vec::new()), ..PoolerReport::default() };
        async move { Ok(report) }.boxed()
    }

    fn repoint<'a>(
        &'a self,
        _: &'a PoolerName,
        target: &'a PoolerTarget,
        _: &'a Permit,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            self.note(format!("point at {}", target.member));
            sleep(SECOND / 2).await;
            let mut refusals = self.refusals.lock().expect("nobody panicked");
            if *refusals > 0 {
                *refusals -= 1;
            } else {
                let host = if target.member == NodeName::new("pg-1") { "10.7.0.21" } else { "10.7.0.20" };
                *self.pointed.lock().expect("nobody panicked") = host;
            }
            Ok(Reply::accepted("RELOAD"))
        }
        .boxed()
    }

    fn resume<'a>(
        &'a self,
        _: &'a PoolerName,
        _: &'a [Text],
        _: &'a Permit,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        self.note("resume");
        async { Ok(Reply::accepted("RESUME")) }.boxed()
    }
}

fn cluster() -> Snapshot {
    let mut snapshot = healthy();
    for (number, name) in ["pg-0", "pg-1", "pg-2"].into_iter().enumerate() {
        let host = Text::new(format!("10.7.0.{}", 20 + number));
        member(&mut snapshot, name).postgres_address = Some(Address { host, port: 5432 });
    }
    snapshot
}

fn by_router() -> PoolerWay {
    let servers = [("pg-0".into(), "a".into()), ("pg-1".into(), "b".into())].into();
    PoolerWay::Router(vec![RouterRoute { router: "edge".into(), backend: "primary".into(), servers }])
}

fn straight() -> PoolerWay {
    let target = |name: &str, host: &str| PoolerTarget { member: name.into(), host: host.into(), port: 5432 };
    let targets = [("pg-0", "10.7.0.20"), ("pg-1", "10.7.0.21")];
    PoolerWay::Repointed(targets.into_iter().map(|(name, host)| (name.into(), target(name, host))).collect())
}

/// What was done, and when; how the escort ended.
async fn released(wires: &Wires, way: PoolerWay, reply: ReplyStatus) -> (Vec<(String, u64)>, bool) {
    let (_said, reply) = watch::channel(Some(reply));
    released_beside(wires, way, reply, "pg-1").await
}

/// The same beside an answer that is still out.
async fn released_beside(
    wires: &Wires,
    way: PoolerWay,
    reply: watch::Receiver<Option<ReplyStatus>>,
    to: &str,
) -> (Vec<(String, u64)>, bool) {
    let fixture = RunnerFixture::new();
    let mut plan = fixture.request().plan;
    plan.generation.timeline = Some(Timeline(12));
    let confirmation =
        Confirmation { plan: Some(plan.hash()), typed: Some("prod-eu".into()), ..Confirmation::default() };
    let permit = plan.permit(&[], &confirmation, &WriteAccess::granted(), Moment::START).expect("confirmed");
    let release = PoolerRelease { pooler: "edge".into(), databases: vec!["app".into()], way };
    let router_handover = RouterHandover {
        from: Some("pg-0".into()),
        to: Some(to.into()),
        routes: Vec::new(),
        poolers: vec![release],
        at_most: SECOND * 60,
    };
    let (news, _told) = mpsc::unbounded_channel();
    let clock = Clock::start();
    let handover_context = HandoverContext {
        lead_watcher: wires,
        router_handover: &router_handover,
        permit: &permit,
        clock,
        reply,
        news,
        snapshot: std::sync::Arc::new(cluster()),
        paused_since: Some(clock.now()),
    };
    let report = timeout(SECOND * 90, handover_context.run()).await.expect("it ends for sure");
    (wires.log(), report.settled)
}

fn at(what: &str, seconds: u64) -> (String, u64) {
    (what.to_owned(), seconds)
}

#[tokio::test(start_paused = true)]
async fn clients_behind_a_router_go_on_once_it_reads_back_the_proven_leader_alone() {
    let wires = Wires { routed: 6, ..Wires::new(Some(1), Some(3)) };
    let done = released(&wires, by_router(), ReplyStatus::Accepted("200".into())).await;
    assert_eq!(done, (vec![at("resume", 6)], true));
}

#[tokio::test(start_paused = true)]
async fn a_pooler_without_a_router_is_pointed_while_nothing_flows_and_goes_on_by_proof() {
    let wires = Wires::new(Some(1), Some(3));
    let done = released(&wires, straight(), ReplyStatus::Accepted("200".into())).await;
    assert_eq!(done, (vec![at("point at pg-1", 1), at("resume", 3)], true));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_refused_although_reload_was_answered_lets_nobody_on() {
    let wires = Wires { refusals: Mutex::new(1), ..Wires::new(Some(1), Some(3)) };
    let (log, settled) = released(&wires, straight(), ReplyStatus::Accepted("200".into())).await;
    assert_eq!(log, vec![at("point at pg-1", 1), at("point at pg-1", 3), at("resume", 3)]);
    assert!(settled);
}

#[rstest]
#[case::behind_a_router(by_router())]
#[case::straight(straight())]
#[tokio::test(start_paused = true)]
async fn where_nothing_comes_of_the_handover_clients_go_on_at_once(#[case] way: PoolerWay) {
    let wires = Wires { routed: 1000, ..Wires::new(None, None) };
    let done = released(&wires, way, ReplyStatus::Refused("412".into())).await;
    assert_eq!(done, (vec![at("resume", 0)], true), "they lead where they led");
}

#[tokio::test(start_paused = true)]
async fn a_pause_ends_although_nobody_comes_to_lead() {
    let wires = Wires::new(Some(1), None);
    let (log, _) = released(&wires, by_router(), ReplyStatus::NoAnswer("".into())).await;
    assert_eq!(log, vec![at("resume", PAUSE_LIMIT.as_secs())]);
}

/// The leader is restarted in its place: the answer comes when that is over.
#[rstest]
#[case::behind_a_router(by_router())]
#[case::straight(straight())]
#[tokio::test(start_paused = true)]
async fn clients_of_a_leader_that_restarts_go_on_when_it_is_proven_again(#[case] way: PoolerWay) {
    let wires = Wires { routed: 1000, ..Wires::new(None, None) };
    let (said, reply) = watch::channel(None);
    let answer = async {
        sleep(SECOND * 4).await;
        said.send_replace(Some(ReplyStatus::Accepted("200".into())));
        std::future::pending::<()>().await;
    };
    let releasing = released_beside(&wires, way, reply, "pg-0");
    tokio::select! {
        biased;
        done = releasing => assert_eq!(done, (vec![at("resume", 4)], true)),
        () = answer => {}
    }
}

const PAUSE_ONE: &str = "PAUSE app of one";
const PAUSE_TWO: &str = "PAUSE app of two";

/// The usual plan with two pauses in the place of its drain.
fn pausing(fixture: &RunnerFixture) {
    let mut world = fixture.world();
    let step = |words: &str, pooler: &str| Step {
        text: words.into(),
        order: Order::pause_pooler(&pooler.into(), &"app".into()),
        undo: Some(Order::resume_pooler(&pooler.into(), &"app".into())),
        deadline: SECOND * 5,
    };
    world.plan.steps.splice(1..2, [step(PAUSE_ONE, "one"), step(PAUSE_TWO, "two")]);
    world.plan.no_return = 4;
}

#[rstest]
#[case::still_in_use(Ok(Reply::in_doubt("2 of its servers still have a client")), 2)]
#[case::no_answer(Err(NotPerformed::NoAnswer(SourceError::new(FailureKind::TimedOut, "two:6432", ""))), 2)]
#[case::paused_by_somebody_else(Ok(Reply::refused("paused already, by somebody else")), 1)]
#[tokio::test(start_paused = true)]
async fn a_pause_that_does_not_come_about_ends_the_action_and_resumes_what_was_paused(
    #[case] second: Result<Reply, NotPerformed>,
    #[case] resumed: usize,
) {
    let fixture = RunnerFixture::new();
    pausing(&fixture);
    fixture.when(PAUSE_ONE, accepted(), None);
    fixture.when(PAUSE_TWO, second, None);
    let outcome = fixture.run().await;
    assert_ne!(outcome.ending, OutcomeKind::Done, "{outcome:?}");
    assert!(!fixture.sent().contains(&SWITCH.to_owned()), "nobody was asked to step down: {:?}", fixture.sent());
    let undone = fixture.with("undone: ");
    assert_eq!(undone.len(), resumed, "a pause of somebody else's stays: {undone:?}");
    assert!(undone.last().is_some_and(|last| last.contains("one")), "{undone:?}");
}

#[tokio::test(start_paused = true)]
async fn poolers_that_were_paused_for_long_are_resumed_and_nobody_is_asked_to_step_down() {
    let fixture = RunnerFixture::new();
    pausing(&fixture);
    fixture.when(PAUSE_ONE, accepted(), None);
    fixture.when(PAUSE_TWO, accepted(), None);
    {
        let mut world = fixture.world();
        world.plan.steps[2].deadline = PAUSE_LIMIT;
        world.effects.get_mut(PAUSE_TWO).expect("an effect").takes = PAUSE_LIMIT / 2;
    }
    let outcome = fixture.run().await;
    assert_ne!(outcome.ending, OutcomeKind::Done, "{outcome:?}");
    assert!(outcome.text.as_str().contains("paused for too long"), "{}", outcome.text);
    assert!(!fixture.sent().contains(&SWITCH.to_owned()), "{:?}", fixture.sent());
    assert_eq!(fixture.with("undone: ").len(), 2);
}
