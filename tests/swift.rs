//! A swift switchover on the simulated cluster, through the same runner and the same ports as on a real one: what the
//! router is told, when, by which proof, and what is left of it when something goes wrong half-way.
#![expect(clippy::expect_used, clippy::panic, reason = "helpers of tests fail as tests do")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use pgctl::action::Intent;
use pgctl::action::inspected::Inspected;
use pgctl::action::intent::{LeadIntent, RouterIntent, ServerState};
use pgctl::action::order::{Order, RouterRequest};
use pgctl::action::outcome::{Outcome, OutcomeKind};
use pgctl::action::permit::{Confirmation, WriteAccess};
use pgctl::action::plan::{Confirm, Plan};
use pgctl::action::record::{ActionId, Entry, Operator, Record};
use pgctl::action::router_handover::RouterUpdate;
use pgctl::audit::{JournalError, Sink};
use pgctl::driver::ha::patroni::plan::PatroniManager;
use pgctl::driver::ha::sim::{ApiDefect, Fault, Scenario, SimulatedCluster, Ticking};
use pgctl::driver::plan::ActingAccess;
use pgctl::driver::port::{LeadWatcher as _, Planner as _};
use pgctl::model::moment::Moment;
use pgctl::model::name::{NodeName, RouterName};
use pgctl::model::observed::Reading;
use pgctl::model::router::RuntimeLevel;
use pgctl::model::snapshot::Snapshot;
use pgctl::model::source::{Source, SourceKind};
use pgctl::model::thresholds::Thresholds;
use pgctl::observe::cluster::{ClusterSetup, start};
use pgctl::observe::picture::Handle;
use pgctl::operate::undo::{UndoBook, UndoResult};
use pgctl::operate::{Event, Limits, Progress, Request, Rules, RunnerParts, run};
use rstest::rstest;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

const ROUTER: &str = "pg-router";

fn pg(number: u8) -> NodeName {
    NodeName::new(format!("pg-{number}"))
}

/// A journal in memory.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<Record>>>);

impl Sink for Memory {
    fn append<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), JournalError>> {
        self.0.lock().expect("a lock").push(record.clone());
        std::future::ready(Ok(())).boxed()
    }
}

/// Nothing is owed: what routers are told is proven anew, not taken back.
struct NoPendingUndo;

impl UndoBook for NoPendingUndo {
    fn record_pending_undo<'a>(
        &'a mut self,
        step: usize,
        _order: &'a Order,
    ) -> BoxFuture<'a, Result<(), JournalError>> {
        panic!("step {step} owes an undo")
    }

    fn mark_done(&mut self, _step: usize, _how: UndoResult) -> BoxFuture<'_, Result<(), JournalError>> {
        std::future::ready(Ok(())).boxed()
    }
}

/// A cluster of four that is observed, and whoever acts on it.
struct SwiftFixture {
    cluster: SimulatedCluster,
    handle: Handle,
    clock: Ticking,
    manager: PatroniManager,
    journal: Memory,
    _tracker: TaskTracker,
    _ends: CancellationToken,
}

/// What came of it.
struct SwiftResult {
    outcome: Outcome,
    updates: Vec<Progress>,
    /// Everything the router was told, in order.
    reported: Vec<RouterUpdate>,
}

impl SwiftResult {
    fn describe(&self) -> Vec<String> {
        let word = |reported: &RouterUpdate| format!("{} {}", reported.server, if reported.up { "up" } else { "down" });
        self.reported.iter().filter(|reported| reported.accepted == Some(true)).map(word).collect()
    }

    fn at(&self, wanted: impl Fn(&Event) -> bool) -> Duration {
        let found = self.updates.iter().find(|progress| wanted(&progress.event));
        found.and_then(|progress| progress.after).expect("the event, after the first step")
    }
}

impl SwiftFixture {
    async fn begin() -> Self {
        let epoch: Timestamp = "2026-11-21T14:00:00Z".parse().expect("a time");
        let cluster = SimulatedCluster::new("prod-eu", 7, Scenario::Calm, epoch);
        let stack = ClusterSetup {
            identity: cluster.identity(),
            thresholds: Thresholds::default(),
            interval: Duration::from_secs(1),
            deadline: Duration::from_secs(2),
            sources: cluster.sources(),
            nodes: cluster.node_sources(),
            configured: cluster.member_addresses().into_iter().map(|member_address| member_address.name).collect(),
            namespace_is_assumed: false,
            routers: cluster.routers(),
            speed_up: false,
            attentive: false,
            gather: Duration::from_millis(50),
        };
        let (tracker, ends) = (TaskTracker::new(), CancellationToken::new());
        let handle = start(stack, &tracker, &ends);
        let of_handle = handle.clock;
        let clock: Ticking = Arc::new(move || of_handle.now());
        sleep(Duration::from_secs(5)).await;
        let manager = PatroniManager {
            acting_access: ActingAccess {
                sql: Some(("operator".into(), "postgres".into())),
                runtimes: [(RouterName::new(ROUTER), "tcp-connect:pg-router:7001".into())].into(),
                ..ActingAccess::default()
            },
            rest_user: None,
            reads_etcd: true,
            config_prefix: None,
        };
        Self { cluster, handle, clock, manager, journal: Memory::default(), _tracker: tracker, _ends: ends }
    }

    fn now(&self) -> Moment {
        (self.clock)()
    }

    fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.handle.pictures.borrow().snapshot)
    }

    fn inject(&self, fault: Fault) {
        let now = self.now();
        let mut world = self.cluster.world().lock().expect("a world");
        world.schedule(now, fault);
    }

    fn switchover() -> Intent {
        Intent::Lead(LeadIntent::Switchover { candidate: Some(pg(1)), at: None, swift: true, through_poolers: None })
    }

    fn plan(&self, intent: &Intent) -> Plan {
        self.manager.plan(&self.snapshot(), &Inspected::default(), intent).unwrap_or_else(|why| panic!("{why}"))
    }

    async fn order(&self, request: RouterRequest) {
        let permit = {
            let plan = self.plan(&Intent::Lead(LeadIntent::Pause));
            let confirmation = Confirmation { plan: Some(plan.hash()), ..Confirmation::default() };
            plan.permit(&[], &confirmation, &WriteAccess::granted(), self.now()).expect("a permit")
        };
        let actor = self.cluster.actor(&WriteAccess::granted(), Arc::clone(&self.clock));
        actor.update_router(&RouterName::new(ROUTER), &request, &permit, &|| true).await.expect("an answer");
    }

    /// Runs `intent`, and does `meddle` once `when` says so of a piece of news.
    async fn course<F: Future<Output = ()>>(
        &self,
        intent: &Intent,
        when: impl Fn(&Event) -> bool,
        meddle: impl FnOnce(CancellationToken) -> F,
    ) -> SwiftResult {
        let plan = self.plan(intent);
        let typed = match &plan.confirm {
            Confirm::Type(name) => Some(name.clone()),
            Confirm::Yes => None,
        };
        let overridden = vec!["router-candidate".into()];
        let confirmation = Confirmation { plan: Some(plan.hash()), typed, reason: Some("a test".into()), overridden };
        let request = Request { action: ActionId("a1".into()), plan, confirmation, operator: Operator::default() };
        let access = WriteAccess::granted();
        let actor = || self.cluster.actor(&access, Arc::clone(&self.clock));
        let parts = RunnerParts {
            handle: self.handle.clone(),
            planner: &self.manager,
            inspected: &Inspected::default(),
            judge: &Rules,
            act: Box::new(actor()),
            lead_watcher: Arc::new(actor()),
            lock: Box::new(self.cluster.lock(Arc::clone(&self.clock))),
            sink: Box::new(self.journal.clone()),
            undo: Box::new(NoPendingUndo),
            limits: Limits::default(),
        };
        let (progress, mut updates) = mpsc::unbounded_channel::<Progress>();
        let cancel = CancellationToken::new();
        let watching = async {
            let mut all = Vec::new();
            let mut meddle = Some(meddle);
            while let Some(progress) = updates.recv().await {
                if when(&progress.event)
                    && let Some(meddle) = meddle.take()
                {
                    meddle(cancel.clone()).await;
                }
                all.push(progress);
            }
            all
        };
        let running = run(&request, &access, parts, progress, cancel.clone());
        let (outcome, updates) = timeout(Duration::from_secs(400), async { tokio::join!(running, watching) })
            .await
            .expect("it ends for sure");
        let reported = updates.iter().filter_map(|progress| match &progress.event {
            Event::Reported { reported, .. } => Some(reported.clone()),
            _ => None,
        });
        let reported = reported.collect();
        SwiftResult { outcome, updates, reported }
    }

    async fn run(&self, intent: &Intent) -> SwiftResult {
        self.course(intent, |_| false, async |_| {}).await
    }

    /// Servers of the write pool that take traffic now.
    fn up(&self) -> Vec<String> {
        let actor = self.cluster.actor(&WriteAccess::granted(), Arc::clone(&self.clock));
        let rows = actor.servers(&RouterName::new(ROUTER), &"primary".into()).now_or_never().expect("at once");
        let rows = rows.expect("the router answers");
        rows.iter().filter(|row| row.status.takes_traffic()).map(|row| row.server.to_string()).collect()
    }
}

fn tells(server: &'static str, up: bool) -> impl Fn(&Event) -> bool {
    move |event| matches!(event, Event::Reported { reported, .. } if reported.server == *server && reported.up == up)
}

#[tokio::test(start_paused = true)]
async fn the_router_is_reported_by_proof_and_follows_at_once() {
    let fixture = SwiftFixture::begin().await;
    let course = fixture.run(&SwiftFixture::switchover()).await;
    assert_eq!(course.outcome.ending, OutcomeKind::Done, "{:?}", course.outcome);
    let text = course.outcome.text.as_str();
    assert!(text.contains(" · in ") && text.contains(" · writes were down <= ") && text.contains("(router "), "{text}");
    assert_eq!(course.describe(), ["pg-0 down", "pg-1 up"]);
    assert_eq!(fixture.up(), ["pg-1"]);
    assert!(course.reported[0].why.as_str().contains("shutting down"), "{}", course.reported[0].why);
    let promoted =
        course.at(|event| matches!(event, Event::Reached { milestone, .. } if milestone.describe() == "pg-1 promoted"));
    let up = course.at(tells("pg-1", true));
    // The picture is a second old at most; HAProxy's own two checks would have taken 3 to 6 s.
    assert!(up < promoted + Duration::from_millis(200), "told {up:?}, seen {promoted:?}");
    let entries: Vec<Record> = fixture.journal.0.lock().expect("a lock").clone();
    let reported = entries.iter().filter(|record| matches!(record.entry, Entry::Reported { .. })).count();
    assert_eq!(reported, 2, "the journal has both");
    let begun = entries.iter().position(|record| matches!(record.entry, Entry::StepBegan { step: 3 }));
    let asked = entries.iter().position(|record| matches!(record.entry, Entry::StepBegan { step: 2 }));
    assert!(begun < asked, "what will be told is on disk before anything can happen");
}

/// An API that hangs, says 503 or dies has switched over all the same: what is seen counts, not what is said.
#[rstest]
#[case(ApiDefect::Hangs)]
#[case(ApiDefect::Alarms)]
#[case(ApiDefect::Dies)]
#[tokio::test(start_paused = true)]
async fn whatever_the_api_says_the_router_follows_what_happens(#[case] defect: ApiDefect) {
    let fixture = SwiftFixture::begin().await;
    fixture.inject(Fault::AgentApi { node: pg(0), defect });
    sleep(Duration::from_secs(2)).await;
    let course = fixture.run(&SwiftFixture::switchover()).await;
    assert_eq!(course.outcome.ending, OutcomeKind::Done, "{:?}", course.outcome);
    assert_eq!(course.describe(), ["pg-0 down", "pg-1 up"]);
    assert_eq!(fixture.up(), ["pg-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_switchover_tells_the_router_nothing() {
    let fixture = SwiftFixture::begin().await;
    fixture.inject(Fault::AgentApi { node: pg(0), defect: ApiDefect::Refuses });
    sleep(Duration::from_secs(2)).await;
    let course = fixture.run(&SwiftFixture::switchover()).await;
    assert_eq!(course.outcome.ending, OutcomeKind::Failed, "{:?}", course.outcome);
    assert_eq!(course.reported, []);
    assert_eq!(fixture.up(), ["pg-0"]);
}

#[tokio::test(start_paused = true)]
async fn a_candidate_that_is_not_promoted_is_never_set_up() {
    let fixture = SwiftFixture::begin().await;
    fixture.inject(Fault::PromotionFails(pg(1)));
    let course = fixture.run(&SwiftFixture::switchover()).await;
    assert_ne!(course.outcome.ending, OutcomeKind::Done);
    assert_eq!(course.describe()[0], "pg-0 down");
    assert!(!course.describe().contains(&"pg-1 up".to_owned()), "{:?}", course.describe());
    // Whoever leads in its stead is proven and told, the old leader among them.
    let leader = fixture.snapshot().leader().expect("somebody leads").value;
    assert_eq!(fixture.up(), [leader.as_str()]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_somebody_puts_into_maintenance_meanwhile_is_left_to_them_and_stated() {
    let fixture = SwiftFixture::begin().await;
    let course = Box::pin(fixture.course(&SwiftFixture::switchover(), tells("pg-0", false), async |_| {
        let request =
            RouterRequest::State { backend: "primary".into(), server: "pg-1".into(), state: ServerState::Maintenance };
        fixture.order(request).await;
    }))
    .await;
    assert_eq!(course.describe(), ["pg-0 down"]);
    let left = course.outcome.next.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(left.contains("pg-1 is in maintenance (manually set)"), "{left}");
    assert_eq!(course.outcome.ending, OutcomeKind::Unverified, "nobody can write through it: {:?}", course.outcome);
    assert_eq!(fixture.up(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_router_that_dies_meanwhile_is_reported_and_holds_nothing_up() {
    let fixture = SwiftFixture::begin().await;
    let course = fixture
        .course(&SwiftFixture::switchover(), tells("pg-0", false), async |_| fixture.inject(Fault::RouterDown))
        .await;
    let left = course.outcome.next.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(left.contains("it could not be updated"), "{left}");
    assert_eq!(course.outcome.ending, OutcomeKind::Done, "the switchover itself is: {:?}", course.outcome);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_after_the_point_of_no_return_does_not_leave_the_router_half_reported() {
    let fixture = SwiftFixture::begin().await;
    let course =
        fixture.course(&SwiftFixture::switchover(), tells("pg-0", false), async |cancel| cancel.cancel()).await;
    assert_eq!(course.describe(), ["pg-0 down", "pg-1 up"]);
    assert_eq!(fixture.up(), ["pg-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_falls_after_it_was_set_up_is_set_down_at_once() {
    let fixture = SwiftFixture::begin().await;
    let fell = Arc::new(Mutex::new(None));
    let course = fixture
        .course(&SwiftFixture::switchover(), tells("pg-1", true), async |_| {
            fixture.inject(Fault::CrashPostgres(pg(1)));
            *fell.lock().expect("a lock") = Some(fixture.now());
        })
        .await;
    assert_eq!(course.describe()[..3], ["pg-0 down", "pg-1 up", "pg-1 down"]);
    let (up, down) = (course.at(tells("pg-1", true)), course.at(tells("pg-1", false)));
    assert!(down < up + Duration::from_millis(700), "told up after {up:?}, down after {down:?}");
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_process_left_at_the_router_heals_by_itself_and_settle_heals_it_at_once() {
    for settles in [false, true] {
        let fixture = SwiftFixture::begin().await;
        // As a job leaves it that dies between the two: the leader's server down, nobody to tell it up.
        fixture.order(RouterRequest::Health { backend: "primary".into(), server: "pg-0".into(), up: false }).await;
        assert_eq!(fixture.up(), [""; 0]);
        if settles {
            sleep(Duration::from_millis(1200)).await;
            let course = fixture.run(&Intent::Router(RouterIntent::Settle)).await;
            assert_eq!(course.outcome.ending, OutcomeKind::Done, "{:?}", course.outcome);
            assert_eq!(course.describe(), ["pg-0 up"]);
        } else {
            sleep(Duration::from_secs(7)).await;
        }
        assert_eq!(fixture.up(), ["pg-0"]);
    }
}

#[tokio::test(start_paused = true)]
async fn settle_takes_a_wrong_server_out_before_anything_else() {
    let fixture = SwiftFixture::begin().await;
    fixture.order(RouterRequest::Health { backend: "primary".into(), server: "pg-2".into(), up: true }).await;
    assert_eq!(fixture.up(), ["pg-0", "pg-2"]);
    sleep(Duration::from_millis(1200)).await;
    let course = fixture.run(&Intent::Router(RouterIntent::Settle)).await;
    assert_eq!(course.describe(), ["pg-2 down"]);
    assert_eq!(fixture.up(), ["pg-0"]);
    let whys: Vec<&str> = course.reported.iter().map(|reported| reported.why.as_str()).collect();
    assert_eq!(whys, ["pg-0 is verified as the leader"]);
}

/// Each condition, and that without it the switchover is an ordinary one that says why.
#[tokio::test(start_paused = true)]
async fn without_a_condition_the_switchover_is_an_ordinary_one_and_says_which() {
    type Edit = fn(&mut Snapshot, &mut PatroniManager);
    fn rows(snapshot: &mut Snapshot, edit: impl Fn(&mut pgctl::model::router::ProxyRow)) {
        let reading = snapshot.routers[0].runtime.as_mut().expect("a runtime API");
        let answer = reading.answer.as_mut().expect("an answer");
        let mut report = (*answer.value).clone();
        report.rows.iter_mut().filter(|row| row.proxy == *"primary" && row.server == *"pg-1").for_each(edit);
        answer.value = Arc::new(report);
    }
    fn own_address(snapshot: &mut Snapshot, address: Option<pgctl::model::agent::Address>) {
        let member = snapshot.members.iter_mut().find(|member| member.name == pg(1)).expect("a member");
        let answer = member.sql.as_mut().and_then(|sql| sql.answer.as_mut()).expect("an answer");
        let mut report = (*answer.value).clone();
        report.address = address;
        answer.value = Arc::new(report);
    }
    fn level(snapshot: &mut Snapshot, level: Option<RuntimeLevel>) {
        let source = Source::new(SourceKind::RouterActing, "pg-router");
        let mut reading = Reading::not_attempted(source, Duration::from_secs(30), snapshot.now);
        if let Some(level) = level {
            reading.take(snapshot.now, Duration::ZERO, Ok(Arc::new(level)));
        }
        snapshot.routers[0].acting = Some(reading);
    }
    let cases: [(&str, Edit); 12] = [
        ("acting.runtime", |_, manager| manager.acting_access.runtimes.clear()),
        ("is at level operator, and needs admin", |snapshot, _| level(snapshot, Some(RuntimeLevel::Operator))),
        ("for acting is unreachable", |snapshot, _| level(snapshot, None)),
        ("set etcd.endpoints", |_, manager| manager.reads_etcd = false),
        ("set write_backends", |snapshot, _| snapshot.routers[0].write_backends.clear()),
        ("which is pg-1 by name only", |snapshot, _| own_address(snapshot, None)),
        ("is pg-1 by FQDN, pg-2 by the address of PostgreSQL", |snapshot, _| {
            rows(snapshot, |row| (row.fqdn, row.port) = (Some("pg-1".into()), Some(5432)));
            let other = snapshot.routers[0].runtime.as_ref().and_then(|reading| reading.last()).expect("an answer");
            let wanted = |row: &&pgctl::model::router::ProxyRow| row.server == *"pg-2" && row.address.is_some();
            let address = other.rows.iter().find(wanted).and_then(|row| row.address.clone());
            rows(snapshot, |row| row.address.clone_from(&address));
        }),
        ("is in maintenance", |snapshot, _| {
            rows(snapshot, |row| {
                row.admin_state.as_mut().expect("control").admin_state = pgctl::model::router::AdminState::Maintenance;
            });
        }),
        ("is draining", |snapshot, _| {
            rows(snapshot, |row| {
                row.admin_state.as_mut().expect("control").admin_state = pgctl::model::router::AdminState::Drain;
            });
        }),
        ("has no health check", |snapshot, _| {
            rows(snapshot, |row| {
                row.admin_state.as_mut().expect("control").check = pgctl::model::router::CheckState::Off;
            });
        }),
        ("agent check", |snapshot, _| {
            rows(snapshot, |row| row.admin_state.as_mut().expect("control").has_agent_check = true);
        }),
        ("(track)", |snapshot, _| rows(snapshot, |row| row.tracks = Some("replicas/pg-1".into()))),
    ];
    let fixture = SwiftFixture::begin().await;
    for (words, edit) in cases {
        let (mut snapshot, mut manager) = ((*fixture.snapshot()).clone(), fixture.manager.clone());
        edit(&mut snapshot, &mut manager);
        let plan = manager.plan(&snapshot, &Inspected::default(), &SwiftFixture::switchover()).expect("a plan");
        assert!(!plan.steps.iter().any(|step| matches!(step.order, Order::RouterHandover(_))), "{words}");
        let said = plan.impact.iter().find(|line| line.as_str().starts_with("not swift")).expect("the reason");
        assert!(said.as_str().contains(words), "{said}");
    }
    let plan = fixture.manager.plan(
        &fixture.snapshot(),
        &Inspected::default(),
        &Intent::Lead(LeadIntent::Switchover { candidate: Some(pg(1)), at: None, swift: false, through_poolers: None }),
    );
    assert_eq!(plan.expect("a plan").steps.len(), 1, "--no-swift leaves everything out");
    let impact = fixture.plan(&SwiftFixture::switchover()).impact;
    assert!(impact.iter().any(|line| line.as_str().contains("own health checks stay on")));
    let known =
        "in primary of pg-router pg-0 is pg-0, pg-1 is pg-1, pg-2 is pg-2, pg-3 is pg-3 by the address of PostgreSQL";
    assert!(impact.iter().any(|line| line.as_str() == known), "{impact:?}");
}
