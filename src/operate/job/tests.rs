//! Jobs on real files, with processes that die.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::action::before::Before;
use crate::action::generation::Generation;
use crate::action::outcome::Ending;
use crate::action::permit::WriteAccess;
use crate::action::record::{Entry, Record};
use crate::audit::{Journal, Sink};
use crate::operate::progress::Event;
use crate::operate::tests::stage::{CHECKPOINT, DRAIN, SWITCH, Stage};
use crate::operate::undo::{Settled, UndoBook as _};

/// Tells a child process of these tests where its state is.
const CHILD: &str = "PGCTL_TEST_JOB";

/// Name of this host, as the program knows it.
pub(in crate::operate) fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap().trim().to_owned()
}

fn spec(stage: &Stage) -> Spec {
    Spec {
        schema: SCHEMA,
        request: stage.request(),
        at: "2026-11-21T14:02:07Z".parse().unwrap(),
        arguments: vec!["--config".into(), "/etc/c.toml".into()],
    }
}

fn made(state: &Path) -> Job {
    Jobs::below(state).create(&spec(&Stage::new())).unwrap()
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
        before: Box::new(Before { generation: Generation::default(), members: std::collections::BTreeMap::default() }),
    };
    let answered = Entry::StepEnded { step: 0, took: Duration::ZERO, reply: "CHECKPOINT".into(), accepted: Some(true) };
    let undo = request.plan.steps[1].undo.clone().unwrap();
    job.undo_file().owe(1, &undo).await.unwrap();
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
    let (news, mut told) = mpsc::unbounded_channel();
    // Another process watches, as a second console would.
    let follows = job.follow(&journal, &news, Duration::from_secs(30));
    let kills = async {
        assert_eq!(told.recv().await.map(|progress| progress.event), Some(Event::Started));
        let JobState::Running(Some(running)) = job.state(&journal).unwrap() else { panic!("it runs") };
        assert_eq!((running.pid, running.started.is_some()), (process.id(), true));
        process.kill().unwrap();
        process.wait().unwrap();
    };
    let (followed, ()) = tokio::join!(follows, kills);
    let Followed::Died(remains) = followed.unwrap() else { panic!("it died") };
    assert_eq!(remains.answered, [(0, CHECKPOINT.into(), Some(true))]);
    assert_eq!(remains.open, Some((1, DRAIN.into())), "it may have been sent");
    assert_eq!(remains.owed.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1]);
    assert_eq!((remains.started, remains.past_no_return, remains.acted), (true, false, false));
    let outcome = super::ledger::died(&remains, &job.action);
    assert_eq!(outcome.ending, Ending::Failed, "a checkpoint and a drain are no switchover: {outcome:?}");
    assert!(outcome.next.iter().any(|next| next.as_str().contains("pgctl-tui undo")), "{outcome:?}");
    assert_eq!(remains.not_begun.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [2, 3, 4, 5]);
    assert_eq!(remains.not_begun[1].1, SWITCH);
    let found = Jobs::below(home.path()).list().unwrap();
    assert_eq!(found, std::slice::from_ref(&job));
    assert!(matches!(job.take(&Process::this(&host())), Err(JobError::AlreadyRun { .. })), "never run again");
}

#[tokio::test(start_paused = true)]
async fn a_job_runs_to_its_end_and_anybody_can_read_it_afterwards() {
    let home = tempfile::tempdir().unwrap();
    let (stage, journal) = (Stage::new(), Journal::at(home.path()));
    let job = Jobs::below(home.path()).create(&spec(&stage)).unwrap();
    let tracker = tokio_util::task::TaskTracker::new();
    let conduct = |cancel| {
        let (stage, job, tracker) = (stage.clone(), job.clone(), tracker.clone());
        async move {
            let parts = stage.parts(&tracker);
            job.conduct(&Process::this(&host()), &WriteAccess::granted(), parts, cancel).await
        }
    };
    let outcome = conduct(CancellationToken::new()).await.unwrap();
    assert_eq!(outcome.ending, Ending::Done);
    assert_eq!(job.state(&journal).unwrap(), JobState::Ended { outcome: outcome.clone(), owed: Vec::new() });
    let (news, mut told) = mpsc::unbounded_channel();
    let followed = job.follow(&journal, &news, Duration::ZERO).await.unwrap();
    assert_eq!(followed, Followed::Ended(outcome));
    assert_eq!(told.recv().await.map(|progress| progress.event), Some(Event::Looking { again: false }));
    let sent = stage.sent();
    assert!(matches!(conduct(CancellationToken::new()).await, Err(JobError::AlreadyRun { .. })));
    assert_eq!(stage.sent(), sent, "nothing is sent a second time");
}

#[tokio::test(start_paused = true)]
async fn another_process_can_ask_a_job_to_end() {
    let home = tempfile::tempdir().unwrap();
    let stage = Stage::new();
    let job = Jobs::below(home.path()).create(&spec(&stage)).unwrap();
    job.ask_to_end().unwrap();
    let tracker = tokio_util::task::TaskTracker::new();
    let parts = stage.parts(&tracker);
    let cancel = CancellationToken::new();
    let outcome = job.conduct(&Process::this(&host()), &WriteAccess::granted(), parts, cancel).await.unwrap();
    assert_eq!((outcome.ending, stage.sent().len()), (Ending::Refused, 0));
}

#[tokio::test]
async fn what_is_owed_is_struck_out_when_it_is_settled() {
    let home = tempfile::tempdir().unwrap();
    let job = made(home.path());
    let undo = job.spec().unwrap().request.plan.steps[1].undo.clone().unwrap();
    let mut book = job.undo_file();
    for step in [1, 2, 3] {
        book.owe(step, &undo).await.unwrap();
    }
    book.settle(2, Settled::Undone).await.unwrap();
    book.settle(3, Settled::NeverMade).await.unwrap();
    assert_eq!(job.owed().unwrap(), [(1, undo)]);
}

#[tokio::test]
async fn a_job_that_no_process_takes_has_done_nothing_and_is_not_waited_for_for_ever() {
    let home = tempfile::tempdir().unwrap();
    let job = made(home.path());
    let (news, _told) = mpsc::unbounded_channel();
    let began = Instant::now();
    let followed = job.follow(&Journal::at(home.path()), &news, Duration::from_millis(150)).await.unwrap();
    assert_eq!(followed, Followed::NeverBegan);
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn its_files_are_private_and_its_name_leads_nowhere_else() {
    let home = tempfile::tempdir().unwrap();
    let job = made(home.path());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(job.directory()), mode(&job.directory().join(SPEC))), (0o700, 0o600));
    assert_eq!(job.spec().unwrap(), spec(&Stage::new()));
    let again = Jobs::below(home.path()).create(&spec(&Stage::new()));
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
    assert_eq!(job.complaints().unwrap(), [""; 0].map(crate::model::text::Text::new));
    let mut file = job.complaints_file().unwrap();
    let noise = "noise\n".repeat(100_000);
    file.write_all(format!("{noise}pgctl-tui: no cluster x is configured, password=hunter2\n").as_bytes()).unwrap();
    let mode = std::fs::metadata(job.directory().join("stderr")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let complaints = job.complaints().unwrap();
    assert!(complaints.len() <= 50, "{}", complaints.len());
    let last = complaints.last().unwrap().as_str();
    assert!(last.contains("no cluster x is configured") && !last.contains("hunter2"), "{last}");
    let outcome = super::ledger::never_began(Some(&job), &job.action);
    assert!(outcome.text.as_str().ends_with("no cluster x is configured, password=********"), "{outcome:?}");
    assert!(outcome.next.iter().any(|next| next.as_str().starts_with("pgctl-tui audit")), "{outcome:?}");
}

#[tokio::test(start_paused = true)]
async fn jobs_that_are_long_over_go_away_and_those_that_owe_something_stay() {
    let home = tempfile::tempdir().unwrap();
    let (jobs, journal) = (Jobs::below(home.path()), Journal::at(home.path()));
    let stage = Stage::new();
    let named = |name: &str, at: &str| {
        let mut spec = spec(&stage);
        spec.request.action = crate::action::record::ActionId(name.to_owned());
        spec.at = at.parse().unwrap();
        jobs.create(&spec).unwrap()
    };
    let old = "2026-01-01T00:00:00Z";
    let (waiting, owing) = (named("20260101-1", old), named("20260101-2", old));
    let young = named("20261121-1", "2026-11-21T00:00:00Z");
    let undo = owing.spec().unwrap().request.plan.steps[1].undo.clone().unwrap();
    owing.undo_file().owe(1, &undo).await.unwrap();
    assert_eq!(jobs.unsettled(&journal).unwrap(), [owing.action.clone()].into());
    let before = "2026-08-01T00:00:00Z".parse().unwrap();
    assert_eq!(jobs.prune(&journal, before, 0).unwrap(), 0, "no more than asked for");
    assert_eq!(jobs.prune(&journal, before, 10).unwrap(), 1);
    assert!(!waiting.directory().exists());
    assert_eq!(jobs.list().unwrap(), [owing, young]);
}

#[tokio::test(start_paused = true)]
async fn a_job_that_is_over_is_read_once_and_not_each_time_it_is_listed() {
    use crate::operate::hand::Ledger as _;
    let home = tempfile::tempdir().unwrap();
    let ledger = JobLedger::below(home.path());
    let stage = Stage::new();
    let job = ledger.jobs().create(&spec(&stage)).unwrap();
    let tracker = tokio_util::task::TaskTracker::new();
    let parts = stage.parts(&tracker);
    job.conduct(&Process::this("bastion"), &WriteAccess::granted(), parts, CancellationToken::new()).await.unwrap();
    let listed = ledger.list().await.unwrap();
    assert!(matches!(listed[0].state, JobState::Ended { .. }), "{:?}", listed[0].state);
    // What is read no more may be gone.
    std::fs::remove_file(job.directory().join(super::files::PROGRESS)).unwrap();
    job.acknowledge().unwrap();
    let again = ledger.list().await.unwrap();
    assert_eq!(again[0].state, listed[0].state);
    assert!(again[0].acknowledged, "what may still change is looked at");
}

/// A console on another host of a shared home: its kernel knows nothing of the lock.
#[tokio::test]
async fn a_job_of_another_host_is_not_called_dead_while_it_shows_signs_of_life() {
    let home = tempfile::tempdir().unwrap();
    let (job, journal) = (made(home.path()), Journal::at(home.path()));
    let undo = job.spec().unwrap().request.plan.steps[1].undo.clone().unwrap();
    job.undo_file().owe(1, &undo).await.unwrap();
    drop(job.take(&Process { pid: 1, started: None, host: "bastion-of-somebody-else".into() }).unwrap());
    let state = job.state(&journal).unwrap();
    assert!(matches!(&state, JobState::Elsewhere(process) if process.host == "bastion-of-somebody-else"), "{state:?}");
    assert_eq!(state.owed(), [], "its own process takes it back");
    // Nothing was heard of it for long: that host, or container, is gone.
    let file = std::fs::File::options().write(true).open(job.directory().join("alive")).unwrap();
    let long_ago = file.metadata().unwrap().modified().unwrap() - Duration::from_secs(3600);
    file.set_modified(long_ago).unwrap();
    drop(file);
    let state = job.state(&journal).unwrap();
    assert!(matches!(state, JobState::Died(_)), "{state:?}");
    assert_eq!(state.owed().len(), 1);
}

/// What could not be taken back stays in sight, and is struck out by the action that does.
#[tokio::test(start_paused = true)]
async fn an_action_that_ended_with_something_left_is_listed_and_can_be_taken_back() {
    let home = tempfile::tempdir().unwrap();
    let (stage, journal) = (Stage::new(), Journal::at(home.path()));
    stage.world().undo_replies = std::iter::repeat_with(crate::operate::tests::stage::not_sent).take(1000).collect();
    let job = Jobs::below(home.path()).create(&spec(&stage)).unwrap();
    let tracker = tokio_util::task::TaskTracker::new();
    let mut parts = stage.parts(&tracker);
    parts.undo = Box::new(job.undo_file());
    let ended = job.conduct(&Process::this(&host()), &WriteAccess::granted(), parts, CancellationToken::new()).await;
    assert_eq!(ended.unwrap().ending, Ending::Unverified);
    let known = job.state(&journal).unwrap();
    let JobState::Ended { owed, .. } = &known else { panic!("it has ended: {known:?}") };
    assert_eq!(owed.iter().map(|(step, _)| *step).collect::<Vec<_>>(), [1]);
    let ledger = JobLedger::below(home.path());
    let listed = crate::operate::hand::Ledger::list(&ledger).await.unwrap();
    assert!(listed[0].wants_attention(), "it is told at the next start");

    // The router is back.
    stage.world().undo_replies.clear();
    let (step, order) = owed[0].clone();
    let left = crate::action::intent::Owed { step, order: order.clone() };
    let intent = crate::action::Intent::Undo { action: job.action.clone(), owed: vec![left] };
    let step = crate::action::plan::Step {
        words: "end the drain".into(),
        order,
        undo: None,
        deadline: Duration::from_secs(5),
    };
    let plan = crate::action::plan::Plan { intent, steps: vec![step.clone()], ..stage.world().plan.clone() };
    stage.when("end the drain", crate::operate::tests::stage::accepted(), None);
    let mut act = settling(&plan, &ledger, Box::new(stage.clone())).unwrap();
    let request = stage.request();
    let permit =
        request.plan.permit(&[], &request.confirmation, &WriteAccess::granted(), crate::model::moment::Moment::START);
    let permit = permit.unwrap();
    assert!(act.perform(&step, &permit).await.unwrap().is_accepted());
    assert_eq!(job.owed().unwrap(), []);
    let again = act.perform(&step, &permit).await.unwrap();
    assert!(
        again.is_accepted() && again.words.as_str().contains("already"),
        "nothing is sent a second time: {again:?}"
    );
    let listed = crate::operate::hand::Ledger::list(&ledger).await.unwrap();
    assert!(!listed[0].wants_attention(), "nobody is told again");
}

#[tokio::test]
async fn half_a_line_of_a_process_that_died_hides_nothing_of_what_is_owed() {
    use std::io::Write as _;
    let home = tempfile::tempdir().unwrap();
    let job = made(home.path());
    let undo = job.spec().unwrap().request.plan.steps[1].undo.clone().unwrap();
    let mut book = job.undo_file();
    book.owe(1, &undo).await.unwrap();
    let mut file = std::fs::File::options().append(true).open(job.directory().join("undo.jsonl")).unwrap();
    file.write_all(b"{\"entry\":\"owed\",\"step\":2,\"ord").unwrap();
    assert_eq!(job.owed().unwrap(), [(1, undo.clone())]);
    book.owe(3, &undo).await.unwrap();
    assert_eq!(job.owed().unwrap(), [(1, undo.clone()), (3, undo)]);
    book.settle(1, Settled::Undone).await.unwrap();
    assert_eq!(job.owed().unwrap().len(), 1);
}
