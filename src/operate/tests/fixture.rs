//! Doubles of everything the runner works with. One log tells the order of all effects.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::action::before::StateBefore;
use crate::action::capability::Capabilities;
use crate::action::drill::DrillRequest;
use crate::action::evaluation::{Attempt, Judgement, MilestoneStatus, ReplyStatus, RunStage as StepsOutcome};
use crate::action::expectation::Expectation;
use crate::action::generation::Generation;
use crate::action::inspected::Inspected;
use crate::action::intent::{Intent, LeadIntent, ServerState};
use crate::action::milestone::Milestone;
use crate::action::note::CheckNote;
use crate::action::order::{AgentRequest, Order, RouterRequest, SqlRequest};
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::action::permit::{Confirmation, Permit, WriteAccess};
use crate::action::plan::{Confirm, Danger, Infeasible, Plan, Step};
use crate::action::record::{ActionId, Entry, Operator, Record};
use crate::action::router_handover::{LeadAnswer, LeadRecord};
use crate::action::work::Artefact;
use crate::audit::{JournalError, Sink};
use crate::driver::port::{Act, LeadWatcher, Lock, LockClaim, LockError, NotPerformed, OrderControl, Planner, Reply};
use crate::model::lsn::SystemId;
use crate::model::moment::Moment;
use crate::model::name::{ClusterName, NodeName, RouterName};
use crate::model::observed::Reading;
use crate::model::record::{ClusterRecord, Counter, Lead};
use crate::model::router::ProxyRow;
use crate::model::snapshot::Snapshot;
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
use crate::model::test_support::identity;
use crate::model::text::Text;
use crate::model::thresholds::Thresholds;
use crate::observe::picture::{Clock, Handle, Picture};
use crate::operate::judge::Judge;
use crate::operate::progress::Progress;
use crate::operate::runner::{Limits, Request, RunnerParts, run};
use crate::operate::undo::{UndoBook, UndoResult};

pub(in crate::operate) const SECOND: Duration = Duration::from_secs(1);
pub(in crate::operate) const CHECKPOINT: &str = "CHECKPOINT on pg-0";
pub(in crate::operate) const DRAIN: &str = "drain pg-0";
pub(in crate::operate) const CALM: &str = "wait for lag 0";
pub(in crate::operate) const SWITCH: &str = "POST /switchover";
pub(in crate::operate) const PROMOTED: &str = "wait for pg-1";
pub(in crate::operate) const RESTART: &str = "POST /restart to pg-1";
pub(in crate::operate) const RESTARTED: &str = "wait for pg-1 to restart";
pub(in crate::operate) const RESTART_NEXT: &str = "POST /restart to pg-2";
pub(in crate::operate) const HEALTH_UP_ORDER: &str = "health up pg-1";

/// Nobody asked anything besides pictures.
static NOTHING_ASKED: Inspected = Inspected { drill: None, pooler_traffic: None, own_pauses: Vec::new() };

type ClusterChange = Box<dyn FnOnce(&mut World) + Send>;

/// What happens when a step is sent.
pub(in crate::operate) struct Effect {
    pub(in crate::operate) takes: Duration,
    /// What it brings about comes at once, however long the answer takes.
    pub(in crate::operate) at_once: bool,
    pub(in crate::operate) reply: Result<Reply, NotPerformed>,
    pub(in crate::operate) then: Option<ClusterChange>,
}

/// The world behind the doubles.
pub(in crate::operate) struct World {
    pub(in crate::operate) log: Vec<String>,
    pub(in crate::operate) leader: Option<&'static str>,
    pub(in crate::operate) revision: i64,
    pub(in crate::operate) is_read: bool,
    pub(in crate::operate) shown: BTreeSet<String>,
    pub(in crate::operate) notes: Vec<CheckNote>,
    pub(in crate::operate) plan: Plan,
    pub(in crate::operate) effects: BTreeMap<&'static str, Effect>,
    pub(in crate::operate) on_lock: Option<ClusterChange>,
    pub(in crate::operate) taken: Option<LockClaim>,
    pub(in crate::operate) is_lock_lost: bool,
    pub(in crate::operate) lock_silent: bool,
    /// Members of which the lock was told that they may take their part along.
    pub(in crate::operate) may_go: BTreeSet<NodeName>,
    /// The kind of record from which on the disk is full.
    pub(in crate::operate) full_at: Option<&'static str>,
    /// It is proven that the decisive step did nothing.
    pub(in crate::operate) is_disproven: bool,
    pub(in crate::operate) undo_replies: Vec<Result<Reply, NotPerformed>>,
}

#[derive(Clone)]
pub(in crate::operate) struct RunnerFixture(pub(in crate::operate) Arc<Mutex<World>>);

#[expect(clippy::unnecessary_wraps, reason = "a reply, as the port gives it")]
pub(in crate::operate) fn accepted() -> Result<Reply, NotPerformed> {
    Ok(Reply::accepted("200 OK"))
}

#[expect(clippy::unnecessary_wraps, reason = "a reply, as the port gives it")]
pub(in crate::operate) fn refused() -> Result<Reply, NotPerformed> {
    Ok(Reply::in_doubt("503 Switchover failed"))
}

#[expect(clippy::unnecessary_wraps, reason = "a reply, as the port gives it")]
pub(in crate::operate) fn refused_outright() -> Result<Reply, NotPerformed> {
    Ok(Reply::refused("401 no auth header received"))
}

pub(in crate::operate) fn no_answer() -> Result<Reply, NotPerformed> {
    Err(NotPerformed::NoAnswer(SourceError::new(FailureKind::TimedOut, "pg-0:8008", "")))
}

pub(in crate::operate) fn not_sent() -> Result<Reply, NotPerformed> {
    Err(NotPerformed::NotSent(SourceError::new(FailureKind::Refused, "pg-0:8008", "")))
}

fn node(name: &str) -> NodeName {
    NodeName::new(name)
}

fn server(state: ServerState) -> Order {
    let request = RouterRequest::State { backend: "primary".into(), server: "pg-0".into(), state };
    Order::Router { router: RouterName::new("r"), request }
}

pub(in crate::operate) fn promoted() -> Milestone {
    Milestone::Promoted { member: Some(node("pg-1")) }
}

/// Two restarts, one after the other.
pub(in crate::operate) fn restarts() -> Plan {
    let restart =
        |name: &str| Order::agent(node(name), AgentRequest::Restart { role: None, only_pending: false, at: None });
    let first = Milestone::Restarted { member: node("pg-1") };
    Plan {
        steps: vec![
            step(RESTART, restart("pg-1")),
            step(RESTARTED, Order::Await { milestone: first.clone(), at_most: SECOND * 20 }),
            step(RESTART_NEXT, restart("pg-2")),
        ],
        no_return: 2,
        expectation: Expectation::of([first], SECOND * 30),
        ..plan()
    }
}

fn step(words: &str, order: Order) -> Step {
    Step { text: words.into(), order, undo: None, deadline: SECOND * 5 }
}

fn plan() -> Plan {
    let switchover = AgentRequest::Switchover { leader: node("pg-0"), candidate: Some(node("pg-1")), at: None };
    let up = RouterRequest::Health { backend: "primary".into(), server: "pg-1".into(), up: true };
    let checkpoint = Order::Sql { member: node("pg-0"), system_id: None, request: SqlRequest::Checkpoint };
    let calm = Milestone::Streaming { member: node("pg-1") };
    let drain = Step { undo: Some(server(ServerState::Ready)), ..step(DRAIN, server(ServerState::Drain)) };
    Plan {
        cluster: ClusterName::new("prod-eu"),
        intent: Intent::Lead(LeadIntent::Switchover {
            candidate: Some(node("pg-1")),
            at: None,
            swift: true,
            through_poolers: None,
        }),
        title: "switch over prod-eu from pg-0 to pg-1".into(),
        generation: Generation {
            leader: Some(node("pg-0")),
            system_id: Some(SystemId(7)),
            ..Generation::default().counting(Counter::Lead, 40)
        },
        danger: Danger::Disruptive,
        confirm: Confirm::Type("prod-eu".into()),
        needs_reason: false,
        checks: Vec::new(),
        steps: vec![
            step(CHECKPOINT, checkpoint),
            drain,
            step(CALM, Order::Await { milestone: calm, at_most: SECOND * 10 }),
            step(SWITCH, Order::agent(node("pg-0"), switchover)),
            step(PROMOTED, Order::Await { milestone: promoted(), at_most: SECOND * 20 }),
            step(HEALTH_UP_ORDER, Order::Router { router: RouterName::new("r"), request: up }),
        ],
        no_return: 3,
        impact: Vec::new(),
        equivalent: Vec::new(),
        expectation: Expectation::of([promoted()], SECOND * 30).then(Milestone::AllStreaming),
    }
}

impl RunnerFixture {
    /// A world in which everything goes well.
    pub(in crate::operate) fn new() -> Self {
        let effect = |takes, then: Option<ClusterChange>| Effect { takes, at_once: false, reply: accepted(), then };
        let calm = Milestone::Streaming { member: node("pg-1") }.describe();
        let ha_operations: ClusterChange = Box::new(|world| {
            world.leader = Some("pg-1");
            world.revision = 50;
            world.shown.insert(promoted().describe());
        });
        let effects = [
            (CHECKPOINT, effect(SECOND, None)),
            (DRAIN, effect(Duration::ZERO, None)),
            (SWITCH, effect(SECOND * 2, Some(ha_operations))),
            (HEALTH_UP_ORDER, effect(Duration::ZERO, None)),
        ];
        Self(Arc::new(Mutex::new(World {
            log: Vec::new(),
            leader: Some("pg-0"),
            revision: 40,
            is_read: true,
            shown: BTreeSet::from([calm]),
            notes: Vec::new(),
            plan: plan(),
            effects: effects.into(),
            on_lock: None,
            taken: None,
            is_lock_lost: false,
            lock_silent: false,
            full_at: None,
            is_disproven: false,
            may_go: BTreeSet::new(),
            undo_replies: Vec::new(),
        })))
    }

    pub(in crate::operate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what sending `words` brings about.
    pub(in crate::operate) fn when(
        &self,
        words: &'static str,
        reply: Result<Reply, NotPerformed>,
        then: Option<ClusterChange>,
    ) {
        self.world().effects.insert(words, Effect { takes: SECOND * 2, at_once: false, reply, then });
    }

    /// Has `words` passed on at once and never answered.
    pub(in crate::operate) fn hangs(&self, words: &'static str, then: ClusterChange) {
        let effect = Effect { takes: SECOND * 3600, at_once: true, reply: accepted(), then: Some(then) };
        self.world().effects.insert(words, effect);
    }

    pub(in crate::operate) fn log(&self, line: impl Into<String>) {
        self.world().log.push(line.into());
    }

    /// Steps that reached the far end, in order.
    pub(in crate::operate) fn sent(&self) -> Vec<String> {
        self.with("sent: ")
    }

    /// Lines of the log that begin with `prefix`, without it.
    pub(in crate::operate) fn with(&self, prefix: &str) -> Vec<String> {
        self.world().log.iter().filter_map(|line| line.strip_prefix(prefix)).map(str::to_owned).collect()
    }

    fn snapshot(&self, now: Moment, last: &mut Option<Reading<ClusterRecord>>) -> Snapshot {
        let wall: Timestamp = "2026-11-21T14:02:07Z".parse().expect("a time");
        let wall = wall + jiff::SignedDuration::try_from(now.since_start()).expect("a span");
        let mut snapshot = Snapshot::empty(identity(), Thresholds::default(), now, wall);
        let world = self.world();
        let mut reading = last
            .take()
            .unwrap_or_else(|| Reading::not_attempted(Source::new(SourceKind::Etcd, ""), SECOND * 30, Moment::START));
        if world.is_read {
            let leader = world.leader.map(|leader| Lead {
                holder: node(leader),
                create_revision: world.revision,
                mod_revision: world.revision,
                lease_left: None,
            });
            let content = ClusterRecord { leader, system_id: Some(SystemId(7)), ..ClusterRecord::default() };
            reading.take(now, Duration::from_millis(1), Ok(Arc::new(content)));
        }
        *last = Some(reading.clone());
        snapshot.records.push(reading);
        snapshot
    }

    /// An observer that publishes the world ten times a second.
    fn observe(&self, tracker: &TaskTracker) -> Handle {
        let clock = Clock::start();
        let mut last = None;
        let picture = |snapshot| {
            Arc::new(Picture { snapshot: Arc::new(snapshot), events: Arc::default(), series: Arc::default() })
        };
        let (publish, pictures) = watch::channel(picture(self.snapshot(clock.now(), &mut last)));
        let (orders, mut queue) = mpsc::channel(16);
        let fixture = self.clone();
        tracker.spawn(async move {
            while !publish.is_closed() {
                while queue.try_recv().is_ok() {}
                tokio::time::sleep(Duration::from_millis(100)).await;
                let snapshot = fixture.snapshot(clock.now(), &mut last);
                publish.send_replace(picture(snapshot));
            }
        });
        Handle { cluster: ClusterName::new("prod-eu"), clock, pictures, orders }
    }

    pub(in crate::operate) fn request(&self) -> Request {
        let plan = self.world().plan.clone();
        let confirmation =
            Confirmation { plan: Some(plan.hash()), typed: Some("prod-eu".into()), ..Confirmation::default() };
        Request { action: ActionId("a1".into()), plan, confirmation, operator: Operator::default() }
    }

    /// Runs the plan to its end.
    pub(in crate::operate) async fn run(&self) -> Outcome {
        self.run_as(&self.request(), CancellationToken::new()).await.0
    }

    pub(in crate::operate) fn parts(&self, tracker: &TaskTracker) -> RunnerParts<'_> {
        RunnerParts {
            handle: self.observe(tracker),
            planner: self,
            inspected: &NOTHING_ASKED,
            judge: self,
            act: Box::new(self.clone()),
            lead_watcher: Arc::new(NoLeadWatcher),
            lock: Box::new(self.clone()),
            sink: Box::new(self.clone()),
            undo: Box::new(self.clone()),
            limits: Limits::default(),
        }
    }

    pub(in crate::operate) async fn run_as(
        &self,
        request: &Request,
        cancel: CancellationToken,
    ) -> (Outcome, Vec<Progress>) {
        let tracker = TaskTracker::new();
        let parts = self.parts(&tracker);
        let (progress, mut reported) = mpsc::unbounded_channel();
        let outcome = run(request, &WriteAccess::granted(), parts, progress, cancel).await;
        let mut all = Vec::new();
        while let Ok(progress) = reported.try_recv() {
            all.push(progress);
        }
        (outcome, all)
    }
}

/// Nobody to go along: no plan of these tests wants it.
pub(in crate::operate) struct NoLeadWatcher;

impl LeadWatcher for NoLeadWatcher {
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>> {
        panic!("no escort is planned")
    }

    fn postgres<'a>(&'a self, _member: &'a NodeName) -> BoxFuture<'a, Result<LeadAnswer, SourceError>> {
        panic!("no escort is planned")
    }

    fn is_primary<'a>(&'a self, _member: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>> {
        panic!("no escort is planned")
    }

    fn servers<'a>(
        &'a self,
        _router: &'a RouterName,
        _backend: &'a Text,
    ) -> BoxFuture<'a, Result<Vec<ProxyRow>, SourceError>> {
        panic!("no escort is planned")
    }

    fn update_router<'a>(
        &'a self,
        _router: &'a RouterName,
        _request: &'a RouterRequest,
        _permit: &'a Permit,
        _still: crate::driver::port::StillAllowed<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        panic!("no escort is planned")
    }
}

impl Planner for RunnerFixture {
    fn capabilities(&self) -> &'static Capabilities {
        &Capabilities { called: "fixture", rows: &[] }
    }

    fn plan(&self, _: &Snapshot, _: &Inspected, _: &Intent) -> Result<Plan, Infeasible> {
        Ok(self.world().plan.clone())
    }
}

impl Judge for RunnerFixture {
    fn examine(&self, _: &Snapshot, _: &Inspected, _: &Plan) -> Vec<CheckNote> {
        self.log("examined");
        self.world().notes.clone()
    }

    fn evaluate(
        &self,
        milestone: &Milestone,
        _snapshot: &Snapshot,
        _before: &StateBefore,
        _since: Moment,
    ) -> MilestoneStatus {
        if self.world().shown.contains(&milestone.describe()) {
            MilestoneStatus::Reached { evidence: "etcd: seen".into() }
        } else {
            MilestoneStatus::NotYet { why: "not seen".into() }
        }
    }

    fn judge(&self, plan: &Plan, before: &StateBefore, attempt: &Attempt, snapshot: &Snapshot) -> Judgement {
        let milestone_statuses: Vec<MilestoneStatus> = plan
            .expectation
            .sequence
            .iter()
            .map(|expected| self.evaluate(&expected.milestone, snapshot, before, attempt.since))
            .collect();
        let decided = milestone_statuses.first().is_some_and(MilestoneStatus::is_reached);
        let unanswered = attempt.replies.iter().any(|reply| matches!(reply.received, ReplyStatus::NoAnswer(_)));
        let is_disproven = self.world().is_disproven;
        let outcome = match attempt.stage {
            StepsOutcome::Watching | StepsOutcome::Overdue if decided => {
                Some(Outcome::new(OutcomeKind::Done, "pg-1 leads"))
            }
            StepsOutcome::Watching | StepsOutcome::Overdue if is_disproven => {
                Some(Outcome::new(OutcomeKind::Failed, "pg-0 still leads, and no order waits"))
            }
            StepsOutcome::Sending | StepsOutcome::Waiting | StepsOutcome::Watching => None,
            StepsOutcome::Overdue => {
                Some(Outcome::new(if unanswered { OutcomeKind::Unknown } else { OutcomeKind::Unverified }, "not seen"))
            }
        };
        Judgement { milestone_statuses, decided, quiet_since: None, outcome }
    }
}

impl Act for RunnerFixture {
    fn perform<'a>(
        &'a mut self,
        step: &'a Step,
        _: &'a Permit,
        _: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            self.log(format!("sent: {}", step.text));
            let effect = self.world().effects.remove(step.text.as_str());
            let Some(mut effect) = effect else { panic!("{} was sent again", step.text) };
            if let Some(then) = effect.then.take_if(|_| effect.at_once) {
                then(&mut self.world());
            }
            tokio::time::sleep(effect.takes).await;
            if let Some(then) = effect.then {
                then(&mut self.world());
            }
            effect.reply
        }
        .boxed()
    }

    fn undo<'a>(
        &'a mut self,
        order: &'a Order,
        _permit: &'a Permit,
        _: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            let words = match order {
                Order::Router { request: RouterRequest::State { server, state, .. }, .. } => {
                    format!("{server} {}", state.as_str())
                }
                Order::Drill { request: DrillRequest::Mend { fault } } => fault.repaired(),
                Order::Pooler { pooler, .. } => format!("{pooler} resumed"),
                other => panic!("no undo of the plan: {other:?}"),
            };
            self.log(format!("undone: {words}"));
            self.world().undo_replies.pop().unwrap_or_else(accepted)
        }
        .boxed()
    }
}

impl Lock for RunnerFixture {
    fn holder(&mut self) -> BoxFuture<'_, Result<Option<LockClaim>, LockError>> {
        let taken = self.world().taken.clone();
        async move { Ok(taken) }.boxed()
    }

    fn acquire<'a>(&'a mut self, claim: &'a LockClaim) -> BoxFuture<'a, Result<tokio::time::Instant, LockError>> {
        let mut world = self.world();
        let answer = match world.taken.clone() {
            Some(other) => Err(LockError::Taken { claim: Box::new(other), left: Some(SECOND * 9) }),
            None => Ok(tokio::time::Instant::now()),
        };
        if answer.is_ok() {
            world.log.push(format!("locked for {}", claim.verb));
        }
        if let Some(change) = world.on_lock.take() {
            change(&mut world);
        }
        std::future::ready(answer).boxed()
    }

    fn renew(&mut self) -> BoxFuture<'_, Result<tokio::time::Instant, LockError>> {
        let world = self.world();
        let answer = if world.is_lock_lost {
            Err(LockError::Lost)
        } else if world.lock_silent {
            Err(LockError::Unavailable(SourceError::new(FailureKind::TimedOut, "etcd", "")))
        } else {
            Ok(tokio::time::Instant::now())
        };
        std::future::ready(answer).boxed()
    }

    fn release(&mut self) -> BoxFuture<'_, Result<(), LockError>> {
        self.log("released");
        std::future::ready(Ok(())).boxed()
    }

    fn expect_loss(&mut self, members: &BTreeSet<NodeName>) {
        self.world().may_go.clone_from(members);
    }
}

impl Sink for RunnerFixture {
    fn append<'a>(&'a mut self, record: &'a Record) -> BoxFuture<'a, Result<(), JournalError>> {
        let kind = match &record.entry {
            Entry::Refused { .. } => "refused".to_owned(),
            Entry::Started { .. } => "started".to_owned(),
            Entry::StepBegan { step } => format!("began {step}"),
            Entry::StepEnded { step, artefact, .. } => format!("ended {step}{}", leaving(artefact.as_ref())),
            Entry::Reached { milestone, .. } => format!("reached {milestone}"),
            Entry::Reported { step, .. } => format!("told by {step}"),
            Entry::Undone { step, artefact, .. } => format!("undone {step}{}", leaving(artefact.as_ref())),
            Entry::Ended { outcome, .. } => format!("ended as {}", outcome.ending.as_str()),
        };
        let mut world = self.world();
        if world.full_at.is_some_and(|from| from == kind || from == "full") {
            world.full_at = Some("full");
            let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return std::future::ready(Err(JournalError::Full { path: "audit.jsonl".into(), source })).boxed();
        }
        world.log.push(format!("journal: {kind}"));
        std::future::ready(Ok(())).boxed()
    }
}

fn leaving(artefact: Option<&Artefact>) -> String {
    artefact.map(|artefact| format!(", leaving {}", artefact.name)).unwrap_or_default()
}

impl UndoBook for RunnerFixture {
    fn record_pending_undo<'a>(
        &'a mut self,
        step: usize,
        _order: &'a Order,
    ) -> BoxFuture<'a, Result<(), JournalError>> {
        self.log(format!("owed {step}"));
        std::future::ready(Ok(())).boxed()
    }

    fn mark_done(&mut self, step: usize, how: UndoResult) -> BoxFuture<'_, Result<(), JournalError>> {
        self.log(format!("settled {step} {how:?}"));
        std::future::ready(Ok(())).boxed()
    }
}

/// A claim of somebody else.
pub(in crate::operate) fn claim_of(user: &str) -> LockClaim {
    LockClaim {
        action: ActionId("b7".into()),
        verb: "reinit".into(),
        operator: Operator { user: user.into(), host: "bastion-2".into(), ..Operator::default() },
        reason: None,
        since: "2026-11-21T13:58:00Z".parse().expect("a time"),
    }
}

/// A check that blocks.
pub(in crate::operate) fn block(text: &str) -> CheckNote {
    CheckNote::new("lag", crate::action::note::CheckVerdict::Block, text)
}

/// What must be typed, typed wrongly.
pub(in crate::operate) fn mistyped(request: Request) -> Request {
    let confirmation = Confirmation { typed: Some(Text::new("prod-us")), ..request.confirmation };
    Request { confirmation, ..request }
}
