//! The observer of one cluster: starts a task for each source, follows members that come and go, and publishes the
//! picture. It alone owns the state; everything else only sends it messages.

mod follow;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::appointment::Appointment;
use super::authority::Authority;
use super::changes;
use super::deferred::DeferredSources;
use super::findings::FindingMemory;
use super::histories::Histories;
use super::inventory::Inventory;
use super::merge::{Merge, Observation};
use super::pause::PauseMemory;
use super::picture::{Clock, Handle, Order, Picture};
use super::task::{TaskContext, drive, stale_after};
use crate::driver::port::{Facts, MemberAddress, NodeSources, Observe, PollPace};
use crate::health;
use crate::model::acknowledgement::Acknowledgement;
use crate::model::event::Event;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::observed::Freshness;
use crate::model::record::ClusterRecord;
use crate::model::router::Router;
use crate::model::snapshot::{Identity, Snapshot};
use crate::model::source::{Source, SourceKind};
use crate::model::stack::RecordKeeper;
use crate::model::text::Text;
use crate::model::thresholds::Thresholds;

/// How long a picture waits that would only show what is shown already, a little younger.
const HEARTBEAT: Duration = Duration::from_millis(800);

/// How long the record may take before places are followed that it may have under another name.
const RECORD_TIMEOUT: Duration = Duration::from_millis(250);

/// How long the agent of a place may take to say whose it is before its server is asked as well.
const AGENT_TIMEOUT: Duration = Duration::from_millis(250);

/// Events kept.
const MAX_EVENTS: usize = 2_000;

/// A cluster as the composition root puts it together: who it is, and what to ask.
pub struct ClusterSetup {
    /// Who it is.
    pub identity: Identity,
    /// Limits.
    pub thresholds: Thresholds,
    /// Whether disagreements are told at once, without waiting for them to last, until [`Order::Settle`].
    pub speed_up: bool,
    /// Something is to be done to the cluster: every answer holds everything, also what is else asked for now and then.
    pub attentive: bool,
    /// Refresh interval.
    pub interval: Duration,
    /// Time allowed for one attempt at a polled source.
    pub deadline: Duration,
    /// Sources that do not depend on members.
    pub sources: Vec<Box<dyn Observe>>,
    /// Makes sources for members.
    pub nodes: Box<dyn NodeSources>,
    /// Members configured by hand: asked from the beginning. That they are configured does not put them into the DCS.
    pub configured: Vec<NodeName>,
    /// Nobody configured the namespace that is followed in the DCS.
    pub namespace_is_assumed: bool,
    /// Routers, for their names and purposes.
    pub routers: Vec<Router>,
    /// How long to wait for more answers before a picture is published.
    pub gather: Duration,
}

/// Starts observing. The observer ends when `cancel` is cancelled or every clone of the handle is gone; its tasks
/// belong to `tracker`.
pub fn start(stack: ClusterSetup, tracker: &TaskTracker, cancel: &CancellationToken) -> Handle {
    let clock = Clock::start();
    let now = clock.now();
    let settle = stack.thresholds.settle;
    let thresholds = if stack.speed_up {
        Thresholds { settle: Duration::ZERO, ..stack.thresholds.clone() }
    } else {
        stack.thresholds.clone()
    };
    let mut merge = Merge::new(stack.identity.clone(), thresholds, now, wall());
    if stack.namespace_is_assumed {
        merge.assume_namespace();
    }
    for router in stack.routers {
        merge.add_router(router);
    }
    let first =
        Picture { snapshot: Arc::new(merge.snapshot(now, wall())), events: Arc::default(), series: Arc::default() };
    let (publish, pictures) = watch::channel(Arc::new(first));
    let (orders, order_queue) = mpsc::channel(16);
    let (observations, observation_queue) = mpsc::channel(256);
    let cancel = cancel.child_token();
    let around = TaskContext {
        clock,
        interval: watch::Sender::new(stack.interval).subscribe(),
        nudge: watch::Sender::new(0).subscribe(),
        attentive: watch::Sender::new(stack.attentive).subscribe(),
        deadline: stack.deadline,
        phase: phase(&stack.identity),
        observations,
        cancel: cancel.clone(),
    };
    let handle = Handle { cluster: stack.identity.name, clock, pictures, orders };
    let record_due = Instant::now() + RECORD_TIMEOUT;
    let mut observer = Observer {
        clock,
        interval: watch::Sender::new(stack.interval),
        nudge: watch::Sender::new(0),
        attentive: watch::Sender::new(stack.attentive),
        acts: stack.attentive,
        around,
        tracker: tracker.clone(),
        merge,
        nodes: stack.nodes,
        followed: BTreeMap::new(),
        inventory: Inventory::default(),
        record_due: Some(record_due),
        held_sql: BTreeMap::new(),
        reached: BTreeMap::new(),
        asks_clusters: false,
        paces: Vec::new(),
        deferred: DeferredSources::default(),
        memory: FindingMemory::default(),
        acknowledged: Vec::new(),
        authority: Authority::default(),
        pause: PauseMemory::default(),
        appointment: Appointment::default(),
        histories: Histories::default(),
        events: Arc::default(),
        publish,
        gather: stack.gather,
        settle,
    };
    observer.around.interval = observer.interval.subscribe();
    observer.around.nudge = observer.nudge.subscribe();
    observer.around.attentive = observer.attentive.subscribe();
    for source in stack.sources {
        let pace = observer.ask(source, &cancel);
        observer.paces.push(pace);
    }
    for name in &stack.configured {
        observer.follow(name, None);
    }
    observer.inventory.set(observer.nodes.configured_nodes(&[]));
    observer.reconcile();
    let run = async move {
        observer.run(observation_queue, order_queue, &cancel).await;
        cancel.cancel();
    };
    tracker.spawn(run);
    handle
}

/// The wall clock. Only the observer reads it, for stamps; ages never depend on it.
#[expect(clippy::disallowed_methods, reason = "the observer is where time enters the model")]
fn wall() -> Timestamp {
    Timestamp::now()
}

/// Where in its turn a cluster asks: anywhere, but always at the same place.
fn phase(identity: &Identity) -> f64 {
    let mut hasher = DefaultHasher::new();
    identity.name.hash(&mut hasher);
    f64::from(u16::try_from(hasher.finish() % 1_000).unwrap_or_default()) / 1_000.0
}

struct Observer {
    clock: Clock,
    interval: watch::Sender<Duration>,
    nudge: watch::Sender<u64>,
    /// Whether every answer is to hold everything.
    attentive: watch::Sender<bool>,
    /// This process does something to the cluster.
    acts: bool,
    around: TaskContext,
    tracker: TaskTracker,
    merge: Merge,
    nodes: Box<dyn NodeSources>,
    inventory: Inventory,
    /// When places are followed although no record has come; `None`: they are.
    record_due: Option<Instant>,
    /// Servers of places, to be asked once their agents have spoken, or have not by then.
    held_sql: BTreeMap<NodeName, Instant>,
    /// Members whose agents are reached at a configured URL instead of where they advertise themselves.
    reached: BTreeMap<NodeName, Text>,
    /// The store is asked which clusters it has.
    asks_clusters: bool,
    /// Members whose sources run.
    followed: BTreeMap<NodeName, MemberTasks>,
    /// Sources that belong to no member.
    paces: Vec<(Source, PollPace)>,
    deferred: DeferredSources,
    memory: FindingMemory,
    /// What somebody knows of, of this cluster.
    acknowledged: Vec<Arc<Acknowledgement>>,
    authority: Authority,
    pause: PauseMemory,
    appointment: Appointment,
    histories: Histories,
    events: Arc<Vec<Event>>,
    publish: watch::Sender<Arc<Picture>>,
    gather: Duration,
    /// How long a disagreement lasts before it is told, once nobody is in a hurry.
    settle: Duration,
}

/// How soon an observation should be on screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum PublishPriority {
    /// At once.
    Now,
    /// With what else comes within the time for gathering.
    WithTheRest,
    /// It only confirms what is shown: with the next picture.
    WithTheNext,
}

/// A member whose sources run.
struct MemberTasks {
    /// What they were started for.
    member_address: MemberAddress,
    /// It is a place whose name may not be known: whoever is there may answer.
    is_probed: bool,
    cancel: CancellationToken,
    /// Each with its pace, to tell its staleness anew when the interval changes. They go with the member.
    paces: Vec<(Source, PollPace)>,
}

impl Observer {
    async fn run(
        &mut self,
        mut observations: mpsc::Receiver<Observation>,
        mut orders: mpsc::Receiver<Order>,
        cancel: &CancellationToken,
    ) {
        let mut due: Option<Instant> = None;
        // What only confirms may wait for its picture; what goes stale in the meantime may not.
        let mut change = self.next_change();
        loop {
            let wake = due.into_iter().chain(change).min();
            let wake = wake.unwrap_or_else(|| Instant::now() + Duration::from_secs(60));
            let time_limit = self.time_limit_ends();
            tokio::select! {
                biased;
                () = cancel.cancelled() => return,
                // Every handle gone: nobody looks any more.
                () = self.publish.closed() => return,
                order = orders.recv() => match order {
                    Some(order) => {
                        self.obey(order);
                        due = Some(Instant::now());
                    }
                    None => return,
                },
                Some(observation) = observations.recv() => {
                    let at = Instant::now() + match self.take(observation) {
                        PublishPriority::Now => Duration::ZERO,
                        PublishPriority::WithTheRest => self.gather,
                        PublishPriority::WithTheNext => self.gather.max(HEARTBEAT),
                    };
                    due = Some(due.map_or(at, |due| due.min(at)));
                }
                () = sleep_until(time_limit.unwrap_or(wake)), if time_limit.is_some() => {
                    for (sources, cancel) in self.deferred.overdue() {
                        self.ask_all(sources, &cancel);
                    }
                    self.record_due.take_if(|due| *due <= Instant::now());
                    self.ask_held_sql();
                    self.reconcile();
                    due.get_or_insert_with(Instant::now);
                }
                () = sleep_until(wake) => {
                    due = None;
                    self.publish_picture();
                    change = self.next_change();
                }
            }
        }
    }

    /// Takes in an observation, and tells how soon what it changes should be on screen.
    fn take(&mut self, observation: Observation) -> PublishPriority {
        let record = match &observation.outcome {
            Ok(Facts::Record(record)) => Some(&**record),
            Ok(_) | Err(_) => self.merge.fresh_record(self.clock.now()),
        };
        for (sources, cancel) in self.deferred.next_message(&observation, record) {
            self.ask_all(sources, &cancel);
        }
        let kind = observation.source.kind;
        let Ok(Facts::Record(record)) = &observation.outcome else {
            // What one source of a node or a router has lost the others may have lost too, which have paces of their own.
            let fails = observation.outcome.is_err() && self.merge.answered(&observation.source);
            let confirms = self.merge.is_confirmed_by(&observation);
            let name = NodeName::new(observation.source.target.as_str());
            self.merge.take(observation);
            if fails {
                self.nudge.send_modify(|count| *count += 1);
            }
            if confirms {
                // Of a router its numbers are news, though nothing follows from them for who is who.
                return match kind {
                    SourceKind::RouterHttp | SourceKind::RouterRuntime => PublishPriority::WithTheRest,
                    _ => PublishPriority::WithTheNext,
                };
            }
            match kind {
                SourceKind::Etcd | SourceKind::PatroniCluster => {
                    self.record_due = None;
                    self.reconcile();
                }
                SourceKind::PatroniRest => {
                    self.held_sql.entry(name).and_modify(|due| *due = Instant::now());
                    self.reconcile();
                    self.ask_held_sql();
                }
                SourceKind::Sql if self.inventory.is_row(&name) => self.reconcile(),
                SourceKind::RouterHttp | SourceKind::RouterRuntime => {
                    self.inventory.receive_routers(self.merge.picture());
                    self.reconcile();
                }
                SourceKind::Sql
                | SourceKind::Nodes
                | SourceKind::PatroniMetrics
                | SourceKind::EtcdMember
                | SourceKind::EtcdClusters
                | SourceKind::RouterActing
                | SourceKind::Exporter
                | SourceKind::Pooler
                | SourceKind::Backup
                | SourceKind::Runtime => {}
            }
            return PublishPriority::WithTheRest;
        };
        let holder = |record: &ClusterRecord| record.leader.as_ref().map(|leader| leader.holder.clone());
        let publish_priority = match self.merge.fresh_record(self.clock.now()) {
            Some(before) if holder(before) != holder(record) => PublishPriority::Now,
            Some(before) if before.says_the_same_as(record) => PublishPriority::WithTheNext,
            Some(_) => PublishPriority::WithTheRest,
            None => PublishPriority::Now,
        };
        // Whoever holds the operation lock does something to the cluster.
        let attentive = self.acts || record.lock.is_some();
        self.merge.take(observation);
        self.record_due = None;
        self.attentive.send_if_modified(|before| std::mem::replace(before, attentive) != attentive);
        if publish_priority != PublishPriority::WithTheNext {
            self.follow_record();
        }
        publish_priority
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::PollNow => self.nudge.send_modify(|count| *count += 1),
            Order::SetInterval(interval) => {
                self.interval.send_replace(interval);
                let of_members = self.followed.values().flat_map(|followed| &followed.paces);
                for (source, pace) in self.paces.iter().chain(of_members) {
                    self.merge.repace(source, stale_after(*pace, interval, self.around.deadline));
                }
            }
            Order::Settle => self.merge.settle_after(self.settle),
            Order::Remember(pause) => self.pause.remember(pause),
            Order::Acknowledged(known) => {
                let name = &self.publish.borrow().snapshot.identity.name;
                self.acknowledged = known.iter().filter(|one| one.cluster == *name).cloned().collect();
            }
            Order::Dismiss(name) => {
                let gone = self.merge.members().iter().any(|member| {
                    member.name == name && matches!(member.presence, crate::model::member::Presence::Missing { .. })
                });
                // What the configuration names would come back at once.
                if gone && !self.inventory.names(&name) {
                    self.drop_row(&name);
                }
            }
        }
    }

    fn ask_all(&mut self, sources: Vec<Box<dyn Observe>>, cancel: &CancellationToken) -> Vec<(Source, PollPace)> {
        sources.into_iter().map(|source| self.ask(source, cancel)).collect()
    }

    fn ask(&mut self, source: Box<dyn Observe>, cancel: &CancellationToken) -> (Source, PollPace) {
        let pace = source.pace();
        let stale = stale_after(pace, *self.interval.borrow(), self.around.deadline);
        self.merge.announce(source.source(), stale, self.clock.now());
        let name = source.source().clone();
        let around = TaskContext { cancel: cancel.clone(), ..self.around.clone() };
        self.tracker.spawn(drive(source, around));
        (name, pace)
    }

    /// When the picture changes by the passing of time alone: a reading goes stale, or a disagreement has settled.
    fn next_change(&self) -> Option<Instant> {
        let now = self.clock.now();
        let snapshot = self.publish.borrow().snapshot.clone();
        let stale = snapshot.sources().into_iter().filter_map(|status| {
            let counts = matches!(status.freshness, Freshness::Fresh | Freshness::Waiting);
            counts.then_some(status.stale_at + Duration::from_millis(5))
        });
        let settling = self.memory.next_due(snapshot.thresholds.settle, now);
        let next: Moment = stale.chain(settling).filter(|at| *at > now).min()?;
        Some(Instant::now() + next.since(now))
    }

    fn publish_picture(&mut self) {
        let now = self.clock.now();
        let mut snapshot: Snapshot = self.merge.snapshot(now, wall());
        if snapshot.identity.traits.record == RecordKeeper::Nodes {
            snapshot.records = vec![self.authority.record(&snapshot)];
        }
        self.histories.take(&mut snapshot);
        snapshot.paused_since = self.pause.take(&snapshot);
        snapshot.paused_by = snapshot.paused_since.and_then(|_| self.pause.by().cloned());
        snapshot.missed_switchover = self.appointment.take(&snapshot);
        snapshot.finish();
        let drafts = health::examine(&snapshot);
        let settled = self.memory.settle(drafts, snapshot.thresholds.settle, now);
        let settled = settled.noting(&self.acknowledged, snapshot.wall);
        (snapshot.findings, snapshot.pending_findings) = (settled.findings, settled.settling);
        let seen = self.events.last().map_or(0, |event| event.number);
        let events = changes::between(&self.publish.borrow().snapshot, &snapshot, seen);
        if !events.is_empty() {
            let log = Arc::make_mut(&mut self.events);
            log.extend(events);
            let excess = log.len().saturating_sub(MAX_EVENTS);
            log.drain(..excess);
        }
        let picture =
            Picture { snapshot: Arc::new(snapshot), events: Arc::clone(&self.events), series: self.histories.series() };
        self.publish.send_replace(Arc::new(picture));
    }
}
