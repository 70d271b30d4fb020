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
use crate::driver::port::{Act, NotPerformed, Reply, ReplyVerdict};
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
/// A stretch of so many steps without a row is an outage that has an end worth telling.
const NOTICED: u32 = 5;
/// How long the end waits for writes to go through again before it looks for the rows.
const SETTLED: Duration = Duration::from_secs(60);
/// How long the end looks for the rows: its deadline leaves room for dropping the schema.
const LOOKED_FOR: Duration = Duration::from_secs(20);
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
        let is_whole = steady(handle, &self.notes, STEADY, SETTLED).await;
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
        let at = wall(&snapshot, &self.handle);
        let notes = Notes::new(Log { began: clock.now(), interval: STEP, ..Log::default() });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let started = probing::start(Arc::clone(&self.probe), clock, notes.clone(), stop.clone(), &tasks);
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
            at,
            synchronous_commit: ground.synchronous_commit,
            stop,
            probing: Some(probing),
            tasks,
            was_whole: None,
        });
        if ready {
            return Ok(accepted("writes go through"));
        }
        let words = "writes through the router are not acknowledged steadily: nothing is broken on top of that";
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
    async fn break_it(&mut self, fault: &Fault, permit: &Permit) -> Result<Reply, NotPerformed> {
        self.fault = Text::redacted(fault.words());
        self.standing.push(fault.clone());
        self.mark_broken();
        let outcome = self.breaker.make(fault, permit).await;
        if matches!(
            &outcome,
            Ok(Reply { verdict: ReplyVerdict::RefusedNothingBegun, .. }) | Err(NotPerformed::NotSent(_))
        ) {
            self.standing.retain(|standing| standing != fault);
            self.unmark_broken();
        }
        self.handle.order(Ask::PollNow);
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

    async fn mend(&mut self, fault: &Fault) -> Result<Reply, NotPerformed> {
        let now = self.handle.clock.now();
        if let Some(running) = &self.running {
            running.notes.with(|log| {
                if log.broken.is_some() {
                    log.mended.get_or_insert(now);
                }
            });
        }
        let reply = mend(&mut *self.breaker, &self.handle, fault).await?;
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
                match timeout(LOOKED_FOR, self.probe.kept()).await {
                    Ok(kept) => kept.map_err(|error| error.to_string()),
                    Err(_) => Err("no answer in time".to_owned()),
                }
            } else {
                Err("writes do not go through".to_owned())
            };
            match kept {
                Ok(kept) => words = self.write_down(Some(&kept)),
                Err(why) => words.push(format!("which rows are left could not be seen: {why}")),
            }
            self.running = None;
        }
        self.probe.clear().await.map_err(NotPerformed::NoAnswer)?;
        words.push("schema dropped".to_owned());
        Ok(accepted(words.join("; ")))
    }

    /// Keeps the report, with what is lost where that is known, and says so.
    fn write_down(&self, kept: Option<&BTreeSet<u64>>) -> Vec<String> {
        let Some(running) = &self.running else { return Vec::new() };
        let report = running.notes.with(|log| self.report(running, log, evaluate(log, kept)));
        let place = match self.reports.keep(&report) {
            Ok(path) => format!("report {}", path.display()),
            Err(error) => error.to_string(),
        };
        vec![headline(&report), place]
    }

    fn report(&self, running: &Running, log: &Log, figures: Figures) -> Report {
        let broken = log.broken;
        let mut phases: Vec<PhaseSeen> = Vec::new();
        let since = |at| broken.map(|broken| crate::model::moment::Moment::since(at, broken)).unwrap_or_default();
        phases.extend(log.phases.iter().map(|(phase, at)| PhaseSeen { phase: *phase, after: since(*at) }));
        // Between any two rows there is some time: where nothing was noticed, no row is the first after anything.
        let noticed = figures.outage.filter(|gap| gap.length().is_some_and(|length| length >= STEP * NOTICED));
        if let (Some(to), Some(broken)) = (noticed.and_then(|gap| gap.to), broken) {
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
            mended: log.mended.filter(|_| self.standing.is_empty()).map(|at| at.since(log.began)),
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
    Reply::accepted(words)
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
        (Some(rto), _) => format!("RTO {}", units::precise(rto)),
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
                    let hands_over =
                        matches!(other, Order::Agent { request: AgentRequest::Switchover { at: None, .. }, .. });
                    if hands_over {
                        self.fault = step.words.clone();
                        self.mark_broken();
                    }
                    let outcome = self.inner.perform(step, permit).await;
                    if hands_over && matches!(outcome, Err(NotPerformed::NotSent(_))) {
                        self.unmark_broken();
                    }
                    outcome
                }
            }
        }
        .boxed()
    }

    fn undo<'a>(&'a mut self, order: &'a Order, permit: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
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
                other => self.inner.undo(other, permit).await,
            }
        }
        .boxed()
    }
}
