//! Carrying out a drill: its own orders here, every other one by the cluster's own actor.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::phases;
use super::probing::{self, SharedProbeLog, WRITE_INTERVAL};
use super::repair::repair;
use super::store::Reports;
use crate::action::before::StateBefore;
use crate::action::drill::{DrillRequest, Fault, Scenario};
use crate::action::drill_report::{DrillReport, Figures, Phase, PhaseSeen, ProbeLog, SCHEMA, evaluate};
use crate::action::order::Order;
use crate::action::permit::Permit;
use crate::action::plan::Step;
use crate::action::record::{ActionId, Operator};
use crate::driver::port::drill::{InjectFaults, Probe};
use crate::driver::port::{Act, NotPerformed, OrderControl, Reply, ReplyVerdict};
use crate::model::name::ClusterName;
use crate::model::snapshot::Snapshot;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;
use crate::model::units;
use crate::observe::picture::{Handle, Order as ObserverRequest};

/// How long writes must go through before anything is broken.
const STEADY_PERIOD: Duration = Duration::from_secs(2);
/// How long that may take.
const READY_TIMEOUT: Duration = Duration::from_secs(25);
/// A stretch of so many steps without a row is an outage that has an end worth telling.
const MIN_MISSED_WRITES: u32 = 5;
/// How long the end waits for writes to go through again before it looks for the rows.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(60);
/// How long the end looks for the rows: its deadline leaves room for dropping the schema.
const ROW_SEARCH_LIMIT: Duration = Duration::from_secs(20);
/// How long dropping the probe's schema is tried again before the step counts as failed.
const CLEANUP_LIMIT: Duration = Duration::from_secs(15);
/// Pause between two looks at the log.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

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
    fault_injector: Box<dyn InjectFaults>,
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
    notes: SharedProbeLog,
    at: Timestamp,
    synchronous_commit: Text,
    stop: CancellationToken,
    /// Tells when the probe has ended; `None`: it has.
    probing: Option<oneshot::Receiver<()>>,
    tasks: TaskTracker,
    /// It was ended, and whether writes went through again by then.
    was_whole: Option<bool>,
}

impl Running {
    /// Ends the probe once writes go through again, or do not for long. May be called again. Returns whether they did.
    async fn finish(&mut self, handle: &Handle) -> bool {
        if let Some(was_whole) = self.was_whole {
            return was_whole;
        }
        let is_whole = steady(handle, &self.notes, STEADY_PERIOD, SETTLE_TIMEOUT).await;
        self.stop.cancel();
        if let Some(probing) = &mut self.probing {
            // An error: its thread is gone, and with it whatever it had under way.
            let _ = probing.await;
        }
        self.probing = None;
        self.tasks.wait().await;
        let now = handle.clock.now();
        self.notes.with(|log| log.ended = now);
        self.was_whole = Some(is_whole);
        is_whole
    }
}

impl DrillAct {
    /// The actor of `drill`; what is not peculiar to drills goes to `inner`.
    pub fn new(
        drill: Drill,
        inner: Box<dyn Act>,
        fault_injector: Box<dyn InjectFaults>,
        probe: Arc<dyn Probe>,
        handle: Handle,
        reports: Reports,
    ) -> Self {
        Self {
            drill,
            inner,
            fault_injector,
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
        let environment = self.probe.environment().await.map_err(not_sent)?;
        if let Some(name) = environment.publications.first() {
            let words = format!("publication {name} would replicate the rows of the probe");
            return Err(refused(&self.drill.cluster, words));
        }
        let snapshot = self.handle.latest().snapshot.clone();
        let Some(before) = StateBefore::of(&snapshot) else {
            return Err(refused(&self.drill.cluster, "the DCS state is stale".to_owned()));
        };
        self.probe.create_schema().await.map_err(NotPerformed::NoAnswer)?;
        let clock = self.handle.clock;
        let at = wall(&snapshot, &self.handle);
        let notes =
            SharedProbeLog::new(ProbeLog { began: clock.now(), interval: WRITE_INTERVAL, ..ProbeLog::default() });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let started = probing::start(Arc::clone(&self.probe), clock, notes.clone(), stop.clone(), &tasks);
        let probing = started.map_err(|error| {
            // The schema is made, so that its undo is owed.
            let words = format!("the probe cannot start: {error}");
            NotPerformed::NoAnswer(SourceError::new(FailureKind::Unsupported, self.drill.cluster.as_str(), words))
        })?;
        let handle = self.handle.clone();
        tasks.spawn(phases::watch(handle, self.drill.scenario, before, notes.clone(), stop.clone()));
        tasks.close();
        let ready = steady(&self.handle, &notes, STEADY_PERIOD, READY_TIMEOUT).await;
        self.running = Some(Running {
            notes,
            at,
            synchronous_commit: environment.synchronous_commit,
            stop,
            probing: Some(probing),
            tasks,
            was_whole: None,
        });
        if ready {
            return Ok(accepted("writes succeed"));
        }
        let words = "writes through the router are not acknowledged steadily: no fault is injected";
        // The schema is made and the probe runs: both are to be taken back.
        Ok(Reply::in_doubt(words))
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

    /// The fault counts from here on, although it is not accepted yet: what takes its time works before it is answered.
    async fn inject_fault(&mut self, fault: &Fault, permit: &Permit) -> Result<Reply, NotPerformed> {
        self.fault = Text::redacted(fault.describe());
        self.standing.push(fault.clone());
        self.mark_broken();
        let outcome = self.fault_injector.inject(fault, permit).await;
        if matches!(
            &outcome,
            Ok(Reply { verdict: ReplyVerdict::RefusedNothingBegun, .. }) | Err(NotPerformed::NotSent(_))
        ) {
            self.standing.retain(|standing| standing != fault);
            self.unmark_broken();
        }
        self.handle.order(ObserverRequest::PollNow);
        outcome
    }

    /// Nothing was broken after all.
    fn unmark_broken(&mut self) {
        self.fault = Text::default();
        if let Some(running) = &self.running {
            running.notes.with(|log| {
                log.broken = None;
                log.phases.clear();
            });
        }
    }

    async fn repair(&mut self, fault: &Fault) -> Result<Reply, NotPerformed> {
        let now = self.handle.clock.now();
        if let Some(running) = &self.running {
            running.notes.with(|log| {
                if log.broken.is_some() {
                    log.repaired.get_or_insert(now);
                }
            });
        }
        let reply = repair(&mut *self.fault_injector, &self.handle, fault).await?;
        if reply.is_accepted() {
            self.standing.retain(|standing| standing != fault);
        }
        Ok(reply)
    }

    /// The report is on disk before anybody is asked anything more, and the probe is kept until then: whatever this waits
    /// for in vain, the undo of the first step comes here again.
    async fn end(&mut self) -> Result<Reply, NotPerformed> {
        let mut words = Vec::new();
        if let Some(running) = &mut self.running {
            let is_whole = running.finish(&self.handle).await;
            words = self.write_down(None);
            let kept = if is_whole {
                until_answered(ROW_SEARCH_LIMIT, || self.probe.stored_rows())
                    .await
                    .map_err(|failure| failure.map_or_else(|| "timed out".to_owned(), |error| error.to_string()))
            } else {
                Err("writes fail".to_owned())
            };
            match kept {
                Ok(kept) => words = self.write_down(Some(&kept)),
                Err(why) => words.push(format!("the remaining rows could not be read: {why}")),
            }
            self.running = None;
        }
        match until_answered(CLEANUP_LIMIT, || self.probe.clear()).await {
            Ok(()) => words.push("schema dropped".to_owned()),
            Err(failure) => {
                let failure = failure.unwrap_or_else(|| {
                    SourceError::new(
                        FailureKind::TimedOut,
                        self.drill.cluster.as_str(),
                        "dropping the schema of the probe",
                    )
                });
                return Err(NotPerformed::NoAnswer(failure));
            }
        }
        Ok(accepted(words.join("; ")))
    }

    /// Keeps the report, with what is lost where that is known, and says so.
    fn write_down(&self, kept: Option<&BTreeSet<u64>>) -> Vec<String> {
        let Some(running) = &self.running else { return Vec::new() };
        let report = running.notes.with(|log| self.report(running, log, evaluate(log, kept)));
        let place = match self.reports.store(&report) {
            Ok(path) => format!("report {}", path.display()),
            Err(error) => error.to_string(),
        };
        vec![headline(&report), place]
    }

    fn report(&self, running: &Running, log: &ProbeLog, figures: Figures) -> DrillReport {
        let broken = log.broken;
        let mut phases: Vec<PhaseSeen> = Vec::new();
        let since = |at| broken.map(|broken| crate::model::moment::Moment::since(at, broken)).unwrap_or_default();
        phases.extend(log.phases.iter().map(|(phase, at)| PhaseSeen { phase: *phase, after: since(*at) }));
        // Between any two rows there is some time: where nothing was noticed, no row is the first after anything.
        let noticed = figures
            .outage
            .filter(|gap| gap.length().is_some_and(|length| length >= WRITE_INTERVAL * MIN_MISSED_WRITES));
        if let (Some(to), Some(broken)) = (noticed.and_then(|gap| gap.to), broken) {
            phases.push(PhaseSeen { phase: Phase::FirstWrite, after: to.saturating_sub(broken.since(log.began)) });
        }
        phases.sort_by_key(|seen| seen.after);
        DrillReport {
            schema: SCHEMA,
            action: self.drill.action.clone(),
            cluster: self.drill.cluster.clone(),
            scenario: self.drill.scenario,
            operator: self.drill.operator.clone(),
            fault: self.fault.clone(),
            at: running.at,
            broken: broken.map(|at| at.since(log.began)),
            repaired: log.repaired.filter(|_| self.standing.is_empty()).map(|at| at.since(log.began)),
            cut_short: self.cut_short,
            left: self.standing.iter().map(|fault| Text::redacted(fault.repaired())).collect(),
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
            DrillRequest::Break { fault } => self.inject_fault(fault, permit).await,
            DrillRequest::Mend { fault } => self.repair(fault).await,
            DrillRequest::Hold { time } => {
                sleep(*time).await;
                Ok(accepted("timed out"))
            }
            DrillRequest::Recovered { quiet } => {
                let Some(running) = &self.running else { return Ok(accepted("no probe is running")) };
                // The deadline is the runner's.
                while !running.notes.is_steady(self.handle.clock.now(), *quiet) {
                    sleep(POLL_INTERVAL).await;
                }
                Ok(accepted("writes succeed"))
            }
        }
    }
}

/// Asks again until there is an answer: right behind a fault a single connection may still meet the node that is going, or
/// a router that has just turned away.
///
/// # Errors
/// The last failure, if one came before `limit`.
async fn until_answered<'a, T>(
    limit: Duration,
    ask: impl Fn() -> BoxFuture<'a, Result<T, SourceError>>,
) -> Result<T, Option<SourceError>> {
    let mut last = None;
    let asked = timeout(limit, async {
        loop {
            match ask().await {
                Ok(answer) => return answer,
                Err(failure) => last = Some(failure),
            }
            sleep(POLL_INTERVAL).await;
        }
    });
    asked.await.map_err(|_| last)
}

/// Waits until rows are acknowledged for `quiet`; `false`: not within `at_most`.
async fn steady(handle: &Handle, notes: &SharedProbeLog, quiet: Duration, at_most: Duration) -> bool {
    let end = Instant::now() + at_most;
    while Instant::now() < end {
        if notes.is_steady(handle.clock.now(), quiet) {
            return true;
        }
        sleep(POLL_INTERVAL).await;
    }
    false
}

fn accepted(words: impl AsRef<str>) -> Reply {
    Reply::accepted(words)
}

fn refused(cluster: &ClusterName, words: String) -> NotPerformed {
    NotPerformed::NotSent(SourceError::new(FailureKind::Unsupported, cluster.as_str(), words))
}

/// The wall clock, carried on from the newest picture.
fn wall(snapshot: &Snapshot, handle: &Handle) -> Timestamp {
    let since = SignedDuration::try_from(handle.clock.now().since(snapshot.now)).unwrap_or_default();
    snapshot.wall.checked_add(since).unwrap_or(snapshot.wall)
}

/// RTO and RPO in one line.
fn headline(report: &DrillReport) -> String {
    let figures = &report.figures;
    let outage = match (figures.rto(), figures.outage) {
        (Some(rto), _) => format!("RTO {}", units::precise(rto)),
        (None, Some(_)) => "RTO unknown: writes did not recover".to_owned(),
        (None, None) => "RTO not measured".to_owned(),
    };
    let lost = figures.lost.map_or_else(|| "unknown".to_owned(), |lost| lost.to_string());
    format!("{outage}; lost {lost} of {} acknowledged rows", units::exact(figures.acknowledged))
}

impl Act for DrillAct {
    fn prepare<'a>(&'a mut self, steps: &'a [Step]) -> BoxFuture<'a, ()> {
        self.inner.prepare(steps)
    }

    fn perform<'a>(
        &'a mut self,
        step: &'a Step,
        permit: &'a Permit,
        control: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            match &step.order {
                Order::Drill { request } => self.drill(request, permit).await,
                other => {
                    let has_handover = other.effect().hands_over_now();
                    if has_handover {
                        self.fault = step.text.clone();
                        self.mark_broken();
                    }
                    let outcome = self.inner.perform(step, permit, control).await;
                    if has_handover && matches!(outcome, Err(NotPerformed::NotSent(_))) {
                        self.unmark_broken();
                    }
                    outcome
                }
            }
        }
        .boxed()
    }

    fn undo<'a>(
        &'a mut self,
        order: &'a Order,
        permit: &'a Permit,
        control: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            match order {
                Order::Drill { request } => {
                    // Its end is a step of its own where it was gone through; what was finished comes again unfinished.
                    let is_early = self.running.as_ref().is_some_and(|running| running.was_whole.is_none());
                    // What was never broken is mended too, and nothing is cut short by that.
                    self.cut_short |= matches!(request, DrillRequest::Mend { fault } if self.standing.contains(fault));
                    self.cut_short |= matches!(request, DrillRequest::End) && is_early;
                    self.drill(request, permit).await
                }
                other => self.inner.undo(other, permit, control).await,
            }
        }
        .boxed()
    }
}
