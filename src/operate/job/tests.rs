//! Jobs on real files, with processes that die.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::action::before::StateBefore;
use crate::action::generation::Generation;
use crate::action::outcome::OutcomeKind;
use crate::action::permit::WriteAccess;
use crate::action::record::{Entry, Record};
use crate::audit::{Journal, Sink};
use crate::driver::port::OrderControl;
use crate::operate::progress::Event;
use crate::operate::tests::fixture::{CHECKPOINT, DRAIN, RunnerFixture, SWITCH};
use crate::operate::tests::long_orders::Slow;
use crate::operate::undo::{UndoBook as _, UndoResult};

/// Tells a child process of these tests where its state is.
const CHILD: &str = "PGCTL_TEST_JOB";

/// Name of this host, as the program knows it.
pub(in crate::operate) fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned()
}

fn spec(fixture: &RunnerFixture) -> JobSpec {
    JobSpec {
        schema: SCHEMA,
        request: fixture.request(),
        at: "2026-11-21T14:02:07Z".parse().unwrap(),
        arguments: vec!["--config".into(), "/etc/c.toml".into()],
    }
}

fn made(state: &Path) -> Job {
    Jobs::below(state).create(&spec(&RunnerFixture::new())).unwrap()
}

/// Not a test of its own: the process of a job that is killed between the drain and its answer.
#[tokio::test]
#[ignore = "started by the tests below"]
async fn child_that_dies() {
    let Ok(state) = std::env::var(CHILD) else { return };
    let state = Path::new(&state);
    let job = Jobs::below(state).list().unwrap().remove(0);
    let _alive = job.take(&Process::this(&host())).unwrap();
    let request = job.spec().unwrap().request;
    let mut journal = Journal::at(state);
    let started = Entry::Started {
        operator: request.operator.clone(),
        hash: request.plan.hash(),
        plan: Box::new(request.plan.clone()),
        notes: Vec::new(),
        confirmation: request.confirmation.clone(),
        before: Box::new(StateBefore {
            generation: Generation::default(),
            members: std::collections::BTreeMap::default(),
        }),
    };
    let answered = Entry::StepEnded {
        step: 0,
        took: Duration::ZERO,
        reply: "CHECKPOINT".into(),
        accepted: Some(true),
        artefact: None,
    };
    let undo = request.plan.steps[1].undo.clone().unwrap();
    job.undo_file().record_pending_undo(1, &undo).await.unwrap();
    for entry in [started, Entry::StepBegan { step: 0 }, answered, Entry::StepBegan { step: 1 }] {
        let at = job.spec().unwrap().at;
        let record = Record {
            schema: crate::action::record::SCHEMA,
            action: job.action.clone(),
            at,
            cluster: request.plan.cluster.clone(),
            entry,
        };
        Sink::append(&mut journal, &record).await.unwrap();
    }
    let progress = crate::operate::Progress { at: job.spec().unwrap().at, after: None, event: Event::Started };
    job.progress_file().unwrap().append(&progress).unwrap();
    std::thread::sleep(Duration::from_secs(120));
}

#[expect(clippy::disallowed_methods, reason = "a process that dies is what is tested")]
fn child(state: &Path) -> Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "operate::job::tests::child_that_dies", "--ignored"])
        .env(CHILD, state)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_job_that_died_is_found_with_what_it_had_done_and_what_is_left() {
    let home = tempfile::tempdir().unwrap();
    let (job, journal) = (made(home.path()), Journal::at(home.path()));
    assert_eq!(job.state(&journal).unwrap(), JobState::Waiting);
    let mut process = child(home.path());
    let (news, mut reported) = mpsc::unbounded_channel();
    // Another process watches, as a second console would.
    let follows = job.follow(&journal, &news, Duration::from_secs(30));
    let kills = async {
        assert_eq!(reported.recv().await.map(|progress| progress.event), Some(Event::Started));
        let JobState::Running(Some(running)) = job.state(&journal).unwrap() else { panic!("it runs") };
        assert_eq!((running.pid, running.started.is_some()), (process.id(), true));
        process.kill().unwrap();
        process.wait().unwrap();
    };
    let (followed, ()) = tokio::join!(follows, kills);
    let FollowEnd::Died(leftovers) = followed.unwrap() else { panic!("it died") };
    assert_eq!(leftovers.answered, [(0, CHECKPOINT.into(), Some(true))]);
    assert_eq!(leftovers.open, Some((1, DRAIN.into())), "the request may have been sent");
    assert_eq!(leftovers.pending_undo.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1]);
    assert_eq!((leftovers.started, leftovers.past_no_return, leftovers.acted), (true, false, false));
    let outcome = super::store::died(&leftovers, &job.action);
    assert_eq!(outcome.ending, OutcomeKind::Failed, "a checkpoint and a drain are no switchover: {outcome:?}");
    let words = outcome.text.as_str();
    assert!(words.contains("before the point of no return: at most what prepares it was sent"), "{words}");
    let untouched = Leftovers { answered: Vec::new(), open: None, ..(*leftovers).clone() };
    assert!(super::store::died(&untouched, &job.action).text.as_str().ends_with("before anything was sent"));
    assert!(outcome.next.iter().any(|next| next.as_str().contains("pgctl-tui undo")), "{outcome:?}");
    assert_eq!(leftovers.not_begun.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!(leftovers.not_begun[1].1, SWITCH);
    let found = Jobs::below(home.path()).list().unwrap();
    assert_eq!(found, std::slice::from_ref(&job));
    assert!(matches!(job.take(&Process::this(&host())), Err(JobError::AlreadyRun { .. })), "never run again");
}

#[tokio::test(start_paused = true)]
async fn a_job_runs_to_its_end_and_anybody_can_read_it_afterwards() {
    let home = tempfile::tempdir().unwrap();
    let (fixture, journal) = (RunnerFixture::new(), Journal::at(home.path()));
    let job = Jobs::below(home.path()).create(&spec(&fixture)).unwrap();
    let tracker = tokio_util::task::TaskTracker::new();
    let conduct = |cancel| {
        let (fixture, job, tracker) = (fixture.clone(), job.clone(), tracker.clone());
        async move {
            let parts = fixture.parts(&tracker);
            job.conduct(&Process::this(&host()), &WriteAccess::granted(), parts, cancel).await
        }
    };
    let outcome = conduct(CancellationToken::new()).await.unwrap();
    assert_eq!(outcome.ending, OutcomeKind::Done);
    assert_eq!(job.state(&journal).unwrap(), JobState::Ended { outcome: outcome.clone(), pending_undo: Vec::new() });
    let (news, mut reported) = mpsc::unbounded_channel();
    let followed = job.follow(&journal, &news, Duration::ZERO).await.unwrap();
    assert_eq!(followed, FollowEnd::Ended(outcome));
    assert_eq!(reported.recv().await.map(|progress| progress.event), Some(Event::Looking { again: false }));
    let sent = fixture.sent();
    assert!(matches!(conduct(CancellationToken::new()).await, Err(JobError::AlreadyRun { .. })));
    assert_eq!(fixture.sent(), sent, "nothing is sent a second time");
}

#[tokio::test(start_paused = true)]
async fn whoever_follows_a_job_is_reported_how_far_an_order_has_come_and_what_it_made() {
    let home = tempfile::tempdir().unwrap();
    let (fixture, journal) = (RunnerFixture::new(), Journal::at(home.path()));
    for step in &mut fixture.world().plan.steps {
        step.deadline = Duration::from_secs(3600);
    }
    let job = Jobs::below(home.path()).create(&spec(&fixture)).unwrap();
    let tracker = tokio_util::task::TaskTracker::new();
    let mut parts = fixture.parts(&tracker);
    parts.act = Box::new(Slow { fixture: fixture.clone(), step: CHECKPOINT });
    let cancel = CancellationToken::new();
    job.conduct(&Process::this(&host()), &WriteAccess::granted(), parts, cancel).await.unwrap();
    let (news, mut reported) = mpsc::unbounded_channel();
    job.follow(&journal, &news, Duration::ZERO).await.unwrap();
    let (mut progressed, mut made) = (0, 0);
    while let Ok(progress) = reported.try_recv() {
        progressed += usize::from(matches!(progress.event, Event::Progressed { step: 0, .. }));
        made += usize::from(matches!(progress.event, Event::Made { step: 0, .. }));
    }
    assert!(progressed > 10, "{progressed}");
    assert_eq!(made, 1);
}

#[tokio::test(start_paused = true)]
async fn another_process_can_ask_a_job_to_end() {
    let home = tempfile::tempdir().unwrap();
    let fixture = RunnerFixture::new();
    let job = Jobs::below(home.path()).create(&spec(&fixture)).unwrap();
    job.ask_to_end().unwrap();
    let tracker = tokio_util::task::TaskTracker::new();
    let parts = fixture.parts(&tracker);
    let cancel = CancellationToken::new();
    let outcome = job.conduct(&Process::this(&host()), &WriteAccess::granted(), parts, cancel).await.unwrap();
    assert_eq!((outcome.ending, fixture.sent().len()), (OutcomeKind::Refused, 0));
}

#[tokio::test]
async fn what_is_pending_is_injected_out_when_it_is_settled() {
    let home = tempfile::tempdir().unwrap();
    let job = made(home.path());
    let undo = job.spec().unwrap().request.plan.steps[1].undo.clone().unwrap();
    let mut book = job.undo_file();
    for step in [1, 2, 3] {
        book.record_pending_undo(step, &undo).await.unwrap();
    }
    book.mark_done(2, UndoResult::Undone).await.unwrap();
    book.mark_done(3, UndoResult::NeverMade).await.unwrap();
    assert_eq!(job.pending_undo().unwrap(), [(1, undo)]);
}

#[tokio::test]
async fn a_job_that_no_process_takes_has_done_nothing_and_is_not_waited_for_for_ever() {
    let home = tempfile::tempdir().unwrap();
    let job = made(home.path());
    let (news, _told) = mpsc::unbounded_channel();
    let began = Instant::now();
    let followed = job.follow(&Journal::at(home.path()), &news, Duration::from_millis(150)).await.unwrap();
    assert_eq!(followed, FollowEnd::NeverStarted);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn its_files_are_private_and_its_name_routes_nowhere_else() {
    let home = tempfile::tempdir().unwrap();
    let job = made(home.path());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(job.directory()), mode(&job.directory().join(SPEC))), (0o700, 0o600));
    assert_eq!(job.spec().unwrap(), spec(&RunnerFixture::new()));
    let again = Jobs::below(home.path()).create(&spec(&RunnerFixture::new()));
    assert!(matches!(again, Err(JobError::Exists { .. })), "one action, one job");
    for name in ["../audit", "a/b", "", "."] {
        assert!(Jobs::below(home.path()).job(&ActionId(name.to_owned())).is_err(), "{name}");
    }
}

#[tokio::test]
async fn a_job_that_cannot_start_says_why() {
    use std::io::Write as _;
    let home = tempfile::tempdir().unwrap();
    let job = made(home.path());
    assert_eq!(job.diagnostics().unwrap(), [""; 0].map(crate::model::text::Text::new));
    let mut file = job.diagnostics_file().unwrap();
    let noise = "noise\n".repeat(100_000);
    file.write_all(format!("{noise}pgctl-tui: cluster x is not configured, password=hunter2\n").as_bytes()).unwrap();
    let mode = std::fs::metadata(job.directory().join("stderr")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let diagnostics = job.diagnostics().unwrap();
    assert!(diagnostics.len() <= 50, "{}", diagnostics.len());
    let last = diagnostics.last().unwrap().as_str();
    assert!(last.contains("cluster x is not configured") && !last.contains("hunter2"), "{last}");
    let outcome = super::store::never_started(Some(&job), &job.action);
    assert!(outcome.text.as_str().ends_with("cluster x is not configured, password=********"), "{outcome:?}");
    assert!(outcome.next.iter().any(|next| next.as_str().starts_with("pgctl-tui audit")), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn jobs_that_are_long_over_go_away_and_those_that_owe_something_stay() {
    let home = tempfile::tempdir().unwrap();
    let (jobs, journal) = (Jobs::below(home.path()), Journal::at(home.path()));
    let fixture = RunnerFixture::new();
    let named = |name: &str, at: &str| {
        let mut spec = spec(&fixture);
        spec.request.action = crate::action::record::ActionId(name.to_owned());
        spec.at = at.parse().unwrap();
        jobs.create(&spec).unwrap()
    };
    let old = "2026-01-01T00:00:00Z";
    let (waiting, has_pending_undo) = (named("20260101-1", old), named("20260101-2", old));
    let young = named("20261121-1", "2026-11-21T00:00:00Z");
    let undo = has_pending_undo.spec().unwrap().request.plan.steps[1].undo.clone().unwrap();
    has_pending_undo.undo_file().record_pending_undo(1, &undo).await.unwrap();
    assert_eq!(jobs.unsettled(&journal).unwrap(), [has_pending_undo.action.clone()].into());
    let before = "2026-08-01T00:00:00Z".parse().unwrap();
    assert_eq!(jobs.prune(&journal, before, 0).unwrap(), 0, "no more than asked for");
    assert_eq!(jobs.prune(&journal, before, 10).unwrap(), 1);
    assert!(!waiting.directory().exists());
    assert_eq!(jobs.list().unwrap(), [has_pending_undo, young]);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_over_is_read_once_and_not_each_time_it_is_listed() {
    use crate::operate::ports::JobStore as _;
    let home = tempfile::tempdir().unwrap();
    let job_store = FileJobStore::below(home.path());
    let fixture = RunnerFixture::new();
    let job = job_store.jobs().create(&spec(&fixture)).unwrap();
    let tracker = tokio_util::task::TaskTracker::new();
    let parts = fixture.parts(&tracker);
    job.conduct(&Process::this("bastion"), &WriteAccess::granted(), parts, CancellationToken::new()).await.unwrap();
    let listed = job_store.list().await.unwrap();
    assert!(matches!(listed[0].state, JobState::Ended { .. }), "{:?}", listed[0].state);
    // What is read no more may be gone.
    std::fs::remove_file(job.directory().join(super::files::PROGRESS)).unwrap();
    job.acknowledge().unwrap();
    let again = job_store.list().await.unwrap();
    assert_eq!(again[0].state, listed[0].state);
    assert!(again[0].acknowledged, "what may still change is looked at");
}

/// A console on another host of a shared home: its kernel knows nothing of the lock.
#[tokio::test]
async fn a_job_of_another_host_is_not_called_dead_while_it_shows_signs_of_life() {
    let home = tempfile::tempdir().unwrap();
    let (job, journal) = (made(home.path()), Journal::at(home.path()));
    let undo = job.spec().unwrap().request.plan.steps[1].undo.clone().unwrap();
    job.undo_file().record_pending_undo(1, &undo).await.unwrap();
    drop(job.take(&Process { pid: 1, started: None, host: "bastion-of-somebody-else".into() }).unwrap());
    let state = job.state(&journal).unwrap();
    assert!(matches!(&state, JobState::Elsewhere(process) if process.host == "bastion-of-somebody-else"), "{state:?}");
    assert_eq!(state.pending_undo(), [], "its own process takes it back");
    // Nothing was heard of it for long: that host, or container, is gone.
    let file = std::fs::File::options().write(true).open(job.directory().join("alive")).unwrap();
    let long_ago = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(3600);
    file.set_modified(long_ago).unwrap();
    drop(file);
    let state = job.state(&journal).unwrap();
    assert!(matches!(state, JobState::Died(_)), "{state:?}");
    assert_eq!(state.pending_undo().len(), 1);
}

/// What could not be taken back stays in sight, and is struck out by the action that does.
#[tokio::test(start_paused = true)]
async fn an_action_that_ended_with_something_left_is_listed_and_can_be_reverted() {
    let home = tempfile::tempdir().unwrap();
    let (fixture, journal) = (RunnerFixture::new(), Journal::at(home.path()));
    fixture.world().undo_replies =
        std::iter::repeat_with(crate::operate::tests::fixture::not_sent).take(1000).collect();
    let job = Jobs::below(home.path()).create(&spec(&fixture)).unwrap();
    let tracker = tokio_util::task::TaskTracker::new();
    let mut parts = fixture.parts(&tracker);
    parts.undo = Box::new(job.undo_file());
    let ended = job.conduct(&Process::this(&host()), &WriteAccess::granted(), parts, CancellationToken::new()).await;
    assert_eq!(ended.unwrap().ending, OutcomeKind::Unverified);
    let known = job.state(&journal).unwrap();
    let JobState::Ended { pending_undo, .. } = &known else { panic!("it has ended: {known:?}") };
    assert_eq!(pending_undo.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1]);
    let job_store = FileJobStore::below(home.path());
    let listed = crate::operate::ports::JobStore::list(&job_store).await.unwrap();
    assert!(listed[0].needs_attention(), "it is told at the next start");

    // The router is back.
    fixture.world().undo_replies.clear();
    let (step, order) = pending_undo[0].clone();
    let left = crate::action::intent::PendingUndo { step, order: order.clone() };
    let intent = crate::action::Intent::Undo { action: job.action.clone(), pending_undo: vec![left] };
    let step =
        crate::action::plan::Step { text: "end the drain".into(), order, undo: None, deadline: Duration::from_secs(5) };
    let plan = crate::action::plan::Plan { intent, steps: vec![step.clone()], ..fixture.world().plan.clone() };
    fixture.when("end the drain", crate::operate::tests::fixture::accepted(), None);
    let mut act = recording_undo(&plan, &job_store, Box::new(fixture.clone())).unwrap();
    let request = fixture.request();
    let permit =
        request.plan.permit(&[], &request.confirmation, &WriteAccess::granted(), crate::model::moment::Moment::START);
    let (permit, cancel) = (permit.unwrap(), CancellationToken::new());
    let control = OrderControl::unattended(&cancel);
    assert!(act.perform(&step, &permit, control).await.unwrap().is_accepted());
    assert_eq!(job.pending_undo().unwrap(), []);
    let again = act.perform(&step, &permit, control).await.unwrap();
    assert!(again.is_accepted() && again.text.as_str().contains("already"), "nothing is sent a second time: {again:?}");
    let listed = crate::operate::ports::JobStore::list(&job_store).await.unwrap();
    assert!(!listed[0].needs_attention(), "nobody is told again");
}

#[tokio::test]
async fn half_a_line_of_a_process_that_died_hides_nothing_of_what_is_pending() {
    use std::io::Write as _;
    let home = tempfile::tempdir().unwrap();
    let job = made(home.path());
    let undo = job.spec().unwrap().request.plan.steps[1].undo.clone().unwrap();
    let mut book = job.undo_file();
    book.record_pending_undo(1, &undo).await.unwrap();
    let mut file = std::fs::File::options().append(true).open(job.directory().join("undo.jsonl")).unwrap();
    file.write_all(b"{\"entry\":\"owed\",\"step\":2,\"ord").unwrap();
    assert_eq!(job.pending_undo().unwrap(), [(1, undo.clone())]);
    book.record_pending_undo(3, &undo).await.unwrap();
    assert_eq!(job.pending_undo().unwrap(), [(1, undo.clone()), (3, undo)]);
    book.mark_done(1, UndoResult::Undone).await.unwrap();
    assert_eq!(job.pending_undo().unwrap().len(), 1);
}
