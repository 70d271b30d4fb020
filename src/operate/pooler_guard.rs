//! The guard of a job that pauses poolers: a process of its own that lets their clients on where the job cannot. It looks at
//! the job's book and at nothing else of the cluster; it needs neither lock nor permit, and no picture.
//!
//! A debt is paid as soon as the job is over, however that came about, and a while after it was written down in any case: the
//! job may hang, or what it waits for may be slow.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use tokio::time::{Instant, sleep, timeout};

use super::job::{Job, JobError, JobState};
use super::undo::{UndoBook as _, UndoResult};
use crate::action::order::Order;
use crate::action::pooler_release::PAUSE_LIMIT;
use crate::audit::Journal;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::name::PoolerName;
use crate::model::text::Text;

/// How long clients are held on after a job has died in the middle of a handover. A pooler that is resumed while nobody leads
/// fails to log in, and waits 15 s by default (`server_login_retry`) before it tries again.
const HANDING_OVER: Duration = Duration::from_secs(6);
/// How often the guard looks after its job.
const POLL_INTERVAL: Duration = Duration::from_millis(200);
/// Longest wait for one pooler in one attempt.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(3);
/// Pause between two attempts, which grows up to the other.
const RETRY_INTERVALS: (Duration, Duration) = (Duration::from_millis(300), Duration::from_secs(5));
/// How long it is tried quickly: after that the pooler is gone rather than slow.
const HASTE: Duration = Duration::from_secs(60);
/// How long the process of a job may take to begin.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// How long it is tried at all. What is left then stays in the book, where every console finds it.
const GIVE_UP: Duration = Duration::from_secs(6 * 3600);

/// Lets the clients of poolers on.
pub trait ResumePoolers: Send + Sync {
    /// Lets the clients of `database` on. Accepted is what reads back as flowing.
    ///
    /// # Errors
    /// When there is no reply.
    fn resume<'a>(&'a self, pooler: &'a PoolerName, database: &'a Text) -> BoxFuture<'a, Result<Reply, NotPerformed>>;
}

/// How it stands with the job that is guarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GuardedState {
    /// No process has taken it yet.
    Waiting,
    /// It runs, as far as anybody can tell.
    Running,
    /// Its process is gone after the leader was asked to step down: the cluster goes on by itself.
    HandingOver,
    /// It is over, or its process is gone.
    Over,
}

/// The job that is guarded.
pub trait GuardedJob: Send {
    /// How it stands, and what its book has as owed.
    ///
    /// # Errors
    /// When its files cannot be read.
    fn look(&mut self) -> Result<(GuardedState, Vec<(usize, Order)>), JobError>;

    /// Strikes `step` out of its book.
    fn settle(&mut self, step: usize) -> BoxFuture<'_, Result<(), String>>;
}

/// A job on disk.
pub struct JobOnDisk {
    job: Job,
    journal: Journal,
}

impl JobOnDisk {
    /// `job`, whose records are in `journal`.
    pub fn new(job: Job, journal: Journal) -> Self {
        Self { job, journal }
    }
}

impl GuardedJob for JobOnDisk {
    fn look(&mut self) -> Result<(GuardedState, Vec<(usize, Order)>), JobError> {
        let state = match self.job.state(&self.journal)? {
            JobState::Waiting => GuardedState::Waiting,
            JobState::Running(_) | JobState::Elsewhere(_) => GuardedState::Running,
            JobState::Died(leftovers) if leftovers.past_no_return => GuardedState::HandingOver,
            JobState::Ended { .. } | JobState::Died(_) => GuardedState::Over,
        };
        Ok((state, self.job.pending_undo()?))
    }

    fn settle(&mut self, step: usize) -> BoxFuture<'_, Result<(), String>> {
        let mut book = self.job.undo_file();
        Box::pin(async move { book.mark_done(step, UndoResult::Undone).await.map_err(|error| error.line()) })
    }
}

/// What a guard has done when its job is over.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct GuardReport {
    /// Steps whose pause it has ended, with the pooler's words.
    pub resumed: Vec<(usize, Text)>,
    /// What it could not.
    pub left: Vec<Text>,
}

/// Stands guard over `job` until it is over and none of its pauses is left.
pub async fn guard_poolers(job: &mut dyn GuardedJob, poolers: &dyn ResumePoolers) -> GuardReport {
    let began = Instant::now();
    let mut known: BTreeMap<usize, Instant> = BTreeMap::new();
    let mut report = GuardReport::default();
    let mut died: Option<Instant> = None;
    let mut pause = RETRY_INTERVALS.0;
    loop {
        // Files that cannot be read now may be read in a moment; meanwhile what is known to be owed stays so.
        let Ok((state, owed)) = job.look() else {
            sleep(POLL_INTERVAL).await;
            continue;
        };
        let now = Instant::now();
        known.retain(|step, _| owed.iter().any(|(known, _)| known == step));
        let is_over = match state {
            GuardedState::Over => true,
            GuardedState::HandingOver => now.duration_since(*died.get_or_insert(now)) >= HANDING_OVER,
            GuardedState::Waiting | GuardedState::Running => false,
        };
        let mut due = Vec::new();
        let mut is_owed = false;
        for (step, order) in &owed {
            let Some((pooler, database)) = order.resumes() else { continue };
            let since = *known.entry(*step).or_insert(now);
            is_owed = true;
            if is_over || now.duration_since(since) >= PAUSE_LIMIT {
                due.push((*step, pooler.clone(), database.clone()));
            }
        }
        if due.is_empty() {
            match state {
                GuardedState::Over | GuardedState::HandingOver if !is_owed => return report,
                GuardedState::Waiting if began.elapsed() >= START_TIMEOUT => return report,
                GuardedState::Waiting | GuardedState::Running | GuardedState::HandingOver | GuardedState::Over => {
                    sleep(POLL_INTERVAL).await;
                }
            }
            continue;
        }
        report.left.clear();
        let attempts = due.iter().map(|(step, pooler, database)| async move {
            let reply = timeout(ATTEMPT_TIMEOUT, poolers.resume(pooler, database)).await;
            (*step, pooler, database, reply)
        });
        for (step, pooler, database, reply) in join_all(attempts).await {
            let why = match reply {
                Ok(Ok(reply)) if reply.is_accepted() => match job.settle(step).await {
                    Ok(()) => {
                        report.resumed.push((step, Text::redacted(format!("{database} of {pooler}: {}", reply.text))));
                        continue;
                    }
                    Err(why) => why,
                },
                Ok(Ok(reply)) => reply.text.to_string(),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "no response in time".to_owned(),
            };
            report.left.push(Text::redacted(format!("{database} of {pooler}: {why}")));
        }
        if report.left.is_empty() {
            pause = RETRY_INTERVALS.0;
            continue;
        }
        if began.elapsed() >= GIVE_UP {
            return report;
        }
        sleep(pause).await;
        let longest =
            if known.values().any(|since| since.elapsed() < HASTE) { RETRY_INTERVALS.0 } else { RETRY_INTERVALS.1 };
        pause = (pause * 2).min(longest);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicU32, Ordering};

    use rstest::rstest;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A job that writes its debts and ends at times of the virtual clock.
    struct Plan {
        began: Instant,
        /// When each debt is written down.
        owes: Vec<(usize, Duration, Order)>,
        /// When the job pays a debt itself.
        pays: Vec<(usize, Duration)>,
        /// When it is over; `None`: it hangs.
        over: Option<Duration>,
        /// It dies in the middle of a handover.
        hands_over: bool,
        settled: Vec<usize>,
    }

    impl Plan {
        fn new(over: Option<Duration>) -> Self {
            let order = Order::resume_pooler(&"edge".into(), &"app".into());
            Self {
                began: Instant::now(),
                owes: vec![(2, SECOND, order)],
                pays: Vec::new(),
                over,
                hands_over: false,
                settled: Vec::new(),
            }
        }
    }

    impl GuardedJob for Plan {
        fn look(&mut self) -> Result<(GuardedState, Vec<(usize, Order)>), JobError> {
            let now = self.began.elapsed();
            let is_paid = |step: usize| {
                self.settled.contains(&step) || self.pays.iter().any(|(known, at)| *known == step && now >= *at)
            };
            let owed = self.owes.iter().filter(|(step, at, _)| now >= *at && !is_paid(*step));
            let owed = owed.map(|(step, _, order)| (*step, order.clone())).collect();
            let over = self.over.is_some_and(|over| now >= over);
            let end = if self.hands_over { GuardedState::HandingOver } else { GuardedState::Over };
            Ok((if over { end } else { GuardedState::Running }, owed))
        }

        fn settle(&mut self, step: usize) -> BoxFuture<'_, Result<(), String>> {
            self.settled.push(step);
            Box::pin(async { Ok(()) })
        }
    }

    /// A pooler that takes orders from some attempt on.
    struct Pooler {
        began: Instant,
        fails: AtomicU32,
        resumed: Mutex<Vec<(String, Duration)>>,
    }

    impl Pooler {
        fn new(fails: u32) -> Self {
            Self { began: Instant::now(), fails: AtomicU32::new(fails), resumed: Mutex::default() }
        }

        fn resumed(&self) -> Vec<(String, Duration)> {
            self.resumed.lock().expect("nobody panicked").clone()
        }
    }

    impl ResumePoolers for Pooler {
        fn resume<'a>(
            &'a self,
            pooler: &'a PoolerName,
            database: &'a Text,
        ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
            Box::pin(async move {
                if pooler.as_str() == "hangs" {
                    std::future::pending::<()>().await;
                }
                if self.fails.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
                    return Ok(Reply::in_doubt("still paused"));
                }
                let place = format!("{database} of {pooler}");
                self.resumed.lock().expect("nobody panicked").push((place, self.began.elapsed()));
                Ok(Reply::accepted("RESUME"))
            })
        }
    }

    #[rstest]
    #[case::right_away(0, SECOND * 3)]
    #[case::after_some_refusals(5, SECOND * 6)]
    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_soon_after_its_job_has_died(#[case] fails: u32, #[case] within: Duration) {
        let (mut job, pooler) = (Plan::new(Some(SECOND * 2)), Pooler::new(fails));
        let report = guard_poolers(&mut job, &pooler).await;
        let [(place, at)] = pooler.resumed().try_into().expect("once");
        assert!(place == "app of edge" && at <= within, "{place} after {at:?}");
        assert_eq!((job.settled, report.left), (vec![2], Vec::new()), "struck out");
    }

    #[rstest]
    #[case::early(2, SECOND * 8)]
    #[case::late(17, SECOND * 19)]
    #[tokio::test(start_paused = true)]
    async fn clients_are_held_while_the_cluster_hands_over_without_the_job(#[case] died: u32, #[case] ends: Duration) {
        let mut job = Plan { hands_over: true, ..Plan::new(Some(SECOND * died)) };
        let pooler = Pooler::new(0);
        guard_poolers(&mut job, &pooler).await;
        let [(_, at)] = pooler.resumed().try_into().expect("once");
        assert!(at >= ends && at <= ends + SECOND, "{at:?}");
        assert!(at <= SECOND * (died + 10), "within 10 s of its death");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_ends_within_20_seconds_although_its_job_hangs() {
        let (mut job, pooler) = (Plan::new(None), Pooler::new(2));
        let _ = timeout(SECOND * 60, guard_poolers(&mut job, &pooler)).await.expect_err("it stays on guard");
        let [(_, at)] = pooler.resumed().try_into().expect("once");
        let paused_for = at.saturating_sub(SECOND);
        assert!(paused_for >= PAUSE_LIMIT && paused_for <= SECOND * 20, "{paused_for:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_pays_by_itself_is_left_alone_and_so_are_other_debts() {
        let mut job = Plan::new(Some(SECOND * 30));
        job.pays.push((2, SECOND * 4));
        let checkpoint = Order::Await { milestone: crate::action::milestone::Milestone::AllStreaming, at_most: SECOND };
        job.owes.push((0, SECOND, checkpoint));
        let pooler = Pooler::new(0);
        let report = guard_poolers(&mut job, &pooler).await;
        assert_eq!((pooler.resumed(), report), (Vec::new(), GuardReport::default()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pooler_that_hangs_keeps_no_other_from_being_resumed() {
        let mut job = Plan::new(Some(SECOND * 2));
        job.owes.push((1, SECOND, Order::resume_pooler(&"hangs".into(), &"app".into())));
        let pooler = Pooler::new(0);
        let _ = timeout(SECOND * 60, guard_poolers(&mut job, &pooler)).await.expect_err("one is left");
        let [(place, at)] = pooler.resumed().try_into().expect("once");
        assert!(place == "app of edge" && at <= SECOND * 3, "{place} after {at:?}");
        assert_eq!(job.settled, vec![2], "after the first attempt at the other");
    }
}
