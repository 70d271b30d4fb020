//! Carrying out a drill: its own orders here, every other one by the cluster's own actor.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::mend::mend;
use super::phases;
use super::probing::{self, Notes, STEP};
use super::store::Reports;
use crate::action::before::Before;
use crate::action::drill::{DrillRequest, Fault, Scenario};
use crate::action::drill_report::{Figures, Log, Phase, PhaseSeen, Report, SCHEMA, evaluate};
use crate::action::order::{AgentRequest, Order};
use crate::action::permit::Permit;
use crate::action::plan::Step;
use crate::action::record::{ActionId, Operator};
use crate::driver::port::drill::{Break, Probe};
use crate::driver::port::{Act, NotPerformed, Reply};
use crate::model::name::ClusterName;
use crate::model::snapshot::Snapshot;
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;
use crate::model::units;
use crate::observe::picture::{Handle, Order as Ask};

/// How long writes must go through before anything is broken.
const STEADY: Duration = Duration::from_secs(2);
/// How long that may take.
const READY: Duration = Duration::from_secs(25);
/// How long the end waits for writes to go through again before it looks for the rows.
const SETTLED: Duration = Duration::from_secs(60);
/// Pause between two looks at the log.
const LOOK: Duration = Duration::from_millis(50);

/// Which drill is run.
#[derive(Clone, Debug)]
pub struct Drill {
    /// Its action.
    pub action: ActionId,
    /// Its cluster.
    pub cluster: ClusterName,
    /// Its scenario.
    pub scenario: Scenario,
    /// Who runs it.
    pub operator: Operator,
    /// The longest outage wished for.
    pub target: Option<Duration>,
}

/// The actor of one drill.
pub struct DrillAct {
    drill: Drill,
    inner: Box<dyn Act>,
    breaker: Box<dyn Break>,
    probe: Arc<dyn Probe>,
    handle: Handle,
    reports: Reports,
    running: Option<Running>,
    /// Faults that stand.
    standing: Vec<Fault>,
    /// What was done, in words.
    fault: Text,
    /// A fault was taken back before its step.
    cut_short: bool,
}

/// The probe while it runs.
struct Running {
    notes: Notes,
    at: Timestamp,
    synchronous_commit: Text,
    stop: CancellationToken,
    /// Tells when the probe has ended.
    probing: oneshot::Receiver<()>,
    tasks: TaskTracker,
}

impl DrillAct {
    /// The actor of `drill`; what is not peculiar to drills goes to `inner`.
    pub fn new(
        drill: Drill,
        inner: Box<dyn Act>,
        breaker: Box<dyn Break>,
        probe: Arc<dyn Probe>,
        handle: Handle,
        reports: Reports,
    ) -> Self {
        Self {
            drill,
            inner,
            breaker,
            probe,
            handle,
            reports,
            running: None,
            standing: Vec::new(),
            fault: Text::default(),
            cut_short: false,
        }
    }

    async fn begin(&mut self) -> Result<Reply, NotPerformed> {
        let not_sent = NotPerformed::NotSent;
        let ground = self.probe.survey().await.map_err(not_sent)?;
        if let Some(name) = ground.publications.first() {
            let words = format!("publication {name} would ship the probe's rows");
            return Err(refused(&self.drill.cluster, words));
        }
        let snapshot = self.handle.latest().snapshot.clone();
        let Some(before) = Before::of(&snapshot) else {
            return Err(refused(&self.drill.cluster, "no record of the cluster is fresh".to_owned()));
        };
        self.probe.make().await.map_err(NotPerformed::NoAnswer)?;
        let clock = self.handle.clock;
        let notes = Notes::new(Log { began: clock.now(), interval: STEP, ..Log::default() });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let started = probing::start(Arc::clone(&self.probe), clock, notes.clone(), stop.clone());
        let probing = started.map_err(|error| {
            // The schema is made, so that its undo is owed.
            let words = format!("the probe cannot begin: {error}");
            NotPerformed::NoAnswer(SourceError::new(Trouble::Unsupported, self.drill.cluster.as_str(), words))
        })?;
        let handle = self.handle.clone();
        tasks.spawn(phases::watch(handle, self.drill.scenario, before, notes.clone(), stop.clone()));
        tasks.close();
        let ready = steady(&self.handle, &notes, STEADY, READY).await;
        self.running = Some(Running {
            notes,
            at: wall(&snapshot, &self.handle),
            synchronous_commit: ground.synchronous_commit,
            stop,
            probing,
            tasks,
        });
        if ready {
            return Ok(accepted("writes go through"));
        }
        let words = "writes through the router are not acknowledged steadily: nothing is broken on top of that";
        Ok(Reply { accepted: false, words: Text::new(words) })
    }

    fn mark_broken(&self) {
        let now = self.handle.clock.now();
        let snapshot = self.handle.latest().snapshot.clone();
        let replicas =
            snapshot.views().filter(|view| view.streams().is_some_and(|streams| streams.fresh && streams.value));
        let had_replicas = replicas.count() > 0;
        if let Some(running) = &self.running {
            running.notes.with(|log| {
                log.broken.get_or_insert(now);
                log.had_replicas |= had_replicas;
            });
        }
    }

    async fn break_it(&mut self, fault: &Fault, permit: &Permit) -> Result<Reply, NotPerformed> {
        self.fault = Text::redacted(fault.words());
        self.standing.push(fault.clone());
        self.mark_broken();
        let outcome = self.breaker.make(fault, permit).await;
        self.handle.order(Ask::PollNow);
        outcome
    }

    async fn mend(&mut self, fault: &Fault) -> Result<Reply, NotPerformed> {
        let now = self.handle.clock.now();
        if let Some(running) = &self.running {
            running.notes.with(|log| {
                log.mended.get_or_insert(now);
            });
        }
        let reply = mend(&mut *self.breaker, &self.handle, fault).await?;
        if reply.accepted {
            self.standing.retain(|standing| standing != fault);
        }
        Ok(reply)
    }

    async fn end(&mut self) -> Result<Reply, NotPerformed> {
        let mut words = Vec::new();
        if let Some(mut running) = self.running.take() {
            let is_whole = steady(&self.handle, &running.notes, STEADY, SETTLED).await;
            running.stop.cancel();
            // An error: its thread is gone, and with it whatever it had under way.
            let _ = (&mut running.probing).await;
            running.tasks.wait().await;
            let now = self.handle.clock.now();
            running.notes.with(|log| log.ended = now);
            let kept = if is_whole {
                self.probe.kept().await.map_err(|error| error.to_string())
            } else {
                Err("writes do not go through".to_owned())
            };
            let log = running.notes.with(std::mem::take);
            let report = self.report(&running, &log, evaluate(&log, kept.as_ref().ok()));
            words.push(headline(&report));
            if let Err(why) = kept {
                words.push(format!("which rows are left could not be seen: {why}"));
            }
            match self.reports.keep(&report) {
                Ok(path) => words.push(format!("report {}", path.display())),
                Err(error) => words.push(error.to_string()),
            }
        }
        self.probe.clear().await.map_err(NotPerformed::NoAnswer)?;
        words.push("schema dropped".to_owned());
        Ok(accepted(words.join("; ")))
    }

    fn report(&self, running: &Running, log: &Log, figures: Figures) -> Report {
        let broken = log.broken;
        let mut phases: Vec<PhaseSeen> = Vec::new();
        let since = |at| broken.map(|broken| crate::model::moment::Moment::since(at, broken)).unwrap_or_default();
        phases.extend(log.phases.iter().map(|(phase, at)| PhaseSeen { phase: *phase, after: since(*at) }));
        if let (Some(to), Some(broken)) = (figures.outage.and_then(|gap| gap.to), broken) {
            phases.push(PhaseSeen { phase: Phase::FirstWrite, after: to.saturating_sub(broken.since(log.began)) });
        }
        phases.sort_by_key(|seen| seen.after);
        Report {
            schema: SCHEMA,
            action: self.drill.action.clone(),
            cluster: self.drill.cluster.clone(),
            scenario: self.drill.scenario,
            operator: self.drill.operator.clone(),
            fault: self.fault.clone(),
            at: running.at,
            broken: broken.map(|at| at.since(log.began)),
            mended: log.mended.map(|at| at.since(log.began)),
            cut_short: self.cut_short,
            left: self.standing.iter().map(|fault| Text::redacted(fault.mended())).collect(),
            lasted: log.ended.since(log.began),
            figures,
            phases,
            synchronous_commit: running.synchronous_commit.clone(),
            target: self.drill.target,
        }
    }

    async fn drill(&mut self, request: &DrillRequest, permit: &Permit) -> Result<Reply, NotPerformed> {
        match request {
            DrillRequest::Begin => self.begin().await,
            DrillRequest::End => self.end().await,
            DrillRequest::Break { fault } => self.break_it(fault, permit).await,
            DrillRequest::Mend { fault } => self.mend(fault).await,
            DrillRequest::Hold { time } => {
                sleep(*time).await;
                Ok(accepted("the time is over"))
            }
            DrillRequest::Recovered { quiet } => {
                let Some(running) = &self.running else { return Ok(accepted("no probe runs")) };
                // The deadline is the runner's.
                while !running.notes.is_steady(self.handle.clock.now(), *quiet) {
                    sleep(LOOK).await;
                }
                Ok(accepted("writes go through"))
            }
        }
    }
}

/// Waits until rows are acknowledged for `quiet`; `false`: not within `at_most`.
async fn steady(handle: &Handle, notes: &Notes, quiet: Duration, at_most: Duration) -> bool {
    let end = Instant::now() + at_most;
    while Instant::now() < end {
        if notes.is_steady(handle.clock.now(), quiet) {
            return true;
        }
        sleep(LOOK).await;
    }
    false
}

fn accepted(words: impl AsRef<str>) -> Reply {
    Reply { accepted: true, words: Text::redacted(words) }
}

fn refused(cluster: &ClusterName, words: String) -> NotPerformed {
    NotPerformed::NotSent(SourceError::new(Trouble::Unsupported, cluster.as_str(), words))
}

/// The wall clock, carried on from the newest picture.
fn wall(snapshot: &Snapshot, handle: &Handle) -> Timestamp {
    let since = SignedDuration::try_from(handle.clock.now().since(snapshot.now)).unwrap_or_default();
    snapshot.wall.checked_add(since).unwrap_or(snapshot.wall)
}

/// RTO and RPO in one line.
fn headline(report: &Report) -> String {
    let figures = &report.figures;
    let outage = match (figures.rto(), figures.outage) {
        (Some(rto), _) => format!("RTO {}", units::latency(rto)),
        (None, Some(_)) => "RTO unknown: writes did not come back".to_owned(),
        (None, None) => "RTO not measured".to_owned(),
    };
    let lost = figures.lost.map_or_else(|| "unknown".to_owned(), |lost| lost.to_string());
    format!("{outage}; lost {lost} of {} acknowledged rows", units::exact(figures.acknowledged))
}

impl Act for DrillAct {
    fn perform<'a>(&'a mut self, step: &'a Step, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            match &step.order {
                Order::Drill { request } => self.drill(request, permit).await,
                other => {
                    if let Order::Agent { request: AgentRequest::Switchover { at: None, .. }, .. } = other {
                        self.fault = step.words.clone();
                        self.mark_broken();
                    }
                    self.inner.perform(step, permit).await
                }
            }
        }
        .boxed()
    }

    fn undo<'a>(&'a mut self, order: &'a Order, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            match order {
                Order::Drill { request } => {
                    self.cut_short |= matches!(request, DrillRequest::Mend { .. });
                    self.drill(request, permit).await
                }
                other => self.inner.undo(other, permit).await,
            }
        }
        .boxed()
    }
}
