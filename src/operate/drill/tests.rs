//! Faults are always taken back: by their own step, by the end of the drill however it comes, or from the book.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use rstest::rstest;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::*;
use crate::action::Intent;
use crate::action::drill::{ClusterPart, DrillRequest, Fault, FaultKind, InjectionMethod, Scenario, Survey};
use crate::action::drill_report::{DrillReport, Figures, SCHEMA, ServiceGap, past};
use crate::action::note::CheckVerdict;
use crate::action::order::Order;
use crate::action::outcome::OutcomeKind;
use crate::action::permit::Permit;
use crate::action::plan::Step;
use crate::action::preflight::surveyed;
use crate::action::record::{ActionId, Operator};
use crate::audit::Journal;
use crate::driver::port::drill::InjectFaults;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::name::{ClusterName, RouterName};
use crate::model::text::Text;
use crate::operate::job::{FileJobStore, JobSpec, Jobs};
use crate::operate::ports::JobStore as _;
use crate::operate::tests::fixture::{
    RunnerFixture, SECOND, accepted, no_answer, not_sent, promoted, refused, refused_outright,
};
use crate::operate::undo::UndoBook as _;

pub(super) fn fault() -> Fault {
    let means = InjectionMethod::Container { id: Text::new("0123"), name: Text::new("lab_r_1"), port: None };
    let part = ClusterPart::Router(RouterName::new("r"));
    Fault { kind: FaultKind::Kill, parts: vec![(part, means)], expires: SECOND }
}

pub(super) fn order(request: DrillRequest) -> Order {
    Order::Drill { request }
}

/// Break, wait, mend, and something after it.
pub(super) fn fixture() -> RunnerFixture {
    let fixture = RunnerFixture::new();
    let step = |words: &str, order: Order, undo: Option<Order>| Step {
        text: Text::new(words),
        order,
        undo,
        deadline: SECOND * 5,
    };
    let repair = || order(DrillRequest::Mend { fault: fault() });
    {
        let mut world = fixture.world();
        world.plan.intent = Intent::Drill { scenario: Scenario::Router, target: None };
        world.plan.steps = vec![
            step("break", order(DrillRequest::Break { fault: fault() }), Some(repair())),
            step("wait", Order::Await { milestone: promoted(), at_most: SECOND * 20 }, None),
            step("mend", repair(), None),
        ];
        world.plan.no_return = 0;
    }
    fixture.when(
        "break",
        accepted(),
        Some(Box::new(|world| {
            world.shown.insert(promoted().describe());
        })),
    );
    fixture.when("mend", accepted(), None);
    fixture
}

#[tokio::test(start_paused = true)]
async fn the_step_that_repairs_pays_what_was_pending_for_the_fault() {
    let fixture = fixture();
    assert_eq!(fixture.run().await.ending, OutcomeKind::Done);
    assert_eq!(fixture.sent(), ["break", "mend"]);
    assert_eq!(fixture.with("owed "), ["0"]);
    assert_eq!(fixture.with("settled "), ["0 Undone"]);
    assert_eq!(fixture.with("undone: "), [""; 0], "it is not mended twice");
}

#[tokio::test(start_paused = true)]
async fn a_drill_that_is_cut_short_takes_its_fault_back_at_once() {
    let fixture = fixture();
    fixture.when("break", accepted(), None);
    let cancel = CancellationToken::new();
    let request = fixture.request();
    let cancels = async {
        tokio::time::sleep(SECOND * 3).await;
        cancel.cancel();
    };
    let ((outcome, reported), ()) = tokio::join!(fixture.run_as(&request, cancel.clone()), cancels);
    assert_eq!(fixture.with("undone: "), ["start r (container lab_r_1)"]);
    assert!(outcome.next.iter().any(|next| next.as_str().contains("aborted")), "{outcome:?}");
    let after = reported.last().and_then(|progress| progress.after).expect("steps had begun");
    assert!(after < SECOND * 5, "it did not wait to the end: {after:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_awaited_in_vain_leaves_no_fault_standing() {
    let fixture = fixture();
    fixture.when("break", accepted(), None);
    fixture.run().await;
    assert_eq!(
        (fixture.sent(), fixture.with("undone: ")),
        (vec!["break".to_owned()], vec!["start r (container lab_r_1)".to_owned()])
    );
}

/// A refusal of a fault proves little: one of its parts may be hit. Mending what is whole does no harm.
#[rstest]
#[case::not_sent(not_sent(), false)]
#[case::refused(refused_outright(), true)]
#[case::in_doubt(refused(), true)]
#[case::no_answer(no_answer(), true)]
#[tokio::test(start_paused = true)]
async fn a_fault_that_was_not_set_is_not_awaited_and_is_repaired_unless_nothing_was_ever_sent(
    #[case] reply: Result<Reply, NotPerformed>,
    #[case] is_mended: bool,
) {
    let fixture = fixture();
    fixture.when("break", reply, None);
    let outcome = fixture.run().await;
    assert_ne!(outcome.ending, OutcomeKind::Done);
    assert_eq!((fixture.sent().len(), fixture.with("undone: ").len()), (1, usize::from(is_mended)));
    let settled = if is_mended { "0 Undone" } else { "0 NeverMade" };
    assert_eq!(fixture.with("settled "), [settled]);
}

#[tokio::test(start_paused = true)]
async fn a_container_that_is_no_longer_the_one_that_was_confirmed_is_not_touched() {
    let fixture = fixture();
    let confirmed = fixture.request();
    // The job asks for the means anew, and its planner pins what it finds.
    let mut other = fault();
    other.parts[0].1 = InjectionMethod::Container { id: Text::new("4567"), name: Text::new("lab_r_1"), port: None };
    {
        let mut world = fixture.world();
        world.plan.steps[0].order = order(DrillRequest::Break { fault: other.clone() });
        world.plan.steps[0].undo = Some(order(DrillRequest::Mend { fault: other.clone() }));
        world.plan.steps[2].order = order(DrillRequest::Mend { fault: other });
        assert_ne!(world.plan.hash(), confirmed.plan.hash());
    }
    let (outcome, _) = fixture.run_as(&confirmed, CancellationToken::new()).await;
    assert_eq!((outcome.ending, fixture.sent()), (OutcomeKind::Refused, Vec::new()));
    assert!(outcome.text.as_str().contains("requires a different plan"), "{}", outcome.text);
}

/// Mends, after so many failures.
struct Repairer(Arc<Mutex<(u32, Vec<String>)>>);

impl InjectFaults for Repairer {
    fn inject<'a>(&'a mut self, _: &'a Fault, _: &'a Permit) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async { not_sent() }.boxed()
    }

    fn repair<'a>(&'a mut self, fault: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async move {
            let mut state = self.0.lock().expect("nobody panicked");
            state.1.push(fault.repaired());
            if state.0 > 0 {
                state.0 -= 1;
                return not_sent();
            }
            accepted()
        }
        .boxed()
    }

    fn admit<'a>(&'a mut self, _: &'a Fault) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        async { accepted() }.boxed()
    }
}

#[rstest]
#[case::at_once(0, true)]
#[case::after_minutes_of_failures(50, true)]
#[case::never(99, false)]
#[tokio::test(start_paused = true)]
async fn what_a_dead_job_owes_is_reverted_from_its_book(#[case] failures: u32, #[case] paid: bool) {
    let home = tempfile::tempdir().expect("a directory");
    let (jobs, mut journal) = (Jobs::below(home.path()), Journal::at(home.path().to_owned()));
    let fixture = fixture();
    let at = "2026-11-21T14:02:07Z".parse().expect("a time");
    let spec = JobSpec { schema: crate::operate::job::SCHEMA, request: fixture.request(), at, arguments: Vec::new() };
    let job = jobs.create(&spec).expect("a job");
    // Its process took it, set the fault, and was killed.
    drop(job.take(&crate::operate::job::Process::this(&crate::operate::job::tests::host())).expect("taken"));
    job.undo_file().record_pending_undo(0, &order(DrillRequest::Mend { fault: fault() })).await.expect("on disk");

    let mut news = FileJobStore::below(home.path()).follow(&job.action);
    let reported = news.recv().await.map(|progress| format!("{:?}", progress.event)).unwrap_or_default();
    assert!(reported.contains("drill revert") && !reported.contains("pgctl-tui undo"), "{reported}");

    let found = pending_repairs(&jobs, &journal).expect("readable");
    assert_eq!(found.iter().flat_map(PendingRepair::describe).collect::<Vec<_>>(), ["start r (container lab_r_1)"]);
    let repaired = Arc::new(Mutex::new((failures, Vec::new())));
    let mut fault_injector = Repairer(Arc::clone(&repaired));
    let tracker = TaskTracker::new();
    let handle = fixture.parts(&tracker).handle;
    let left = repair_all(&found[0], &job, &handle, &mut fault_injector, None, &mut journal).await;
    assert_eq!(left.is_empty(), paid, "{left:?}");
    assert_eq!(
        pending_repairs(&jobs, &journal).expect("readable").is_empty(),
        paid,
        "paid once, and still owed where it was not"
    );
    let reported = repaired.lock().expect("nobody panicked").1.len();
    assert_eq!(reported, usize::try_from(failures.min(59)).expect("few") + 1, "tried for minutes");
}

#[test]
fn a_report_is_kept_for_its_owner_alone_and_found_by_the_beginning_of_its_name() {
    let home = tempfile::tempdir().expect("a directory");
    let reports = Reports::below(home.path());
    let report = |action: &str, at: &str| DrillReport {
        schema: SCHEMA,
        action: ActionId(action.to_owned()),
        cluster: ClusterName::new("lab"),
        scenario: Scenario::Kill,
        operator: Operator::default(),
        fault: Text::new("kill pg-0"),
        at: at.parse().expect("a time"),
        broken: Some(SECOND),
        repaired: None,
        cut_short: false,
        left: Vec::new(),
        lasted: SECOND * 60,
        figures: Figures {
            outage: Some(ServiceGap { from: SECOND, to: Some(SECOND * 22) }),
            lost: Some(0),
            ..Figures::default()
        },
        phases: Vec::new(),
        synchronous_commit: Text::new("on"),
        target: Some(SECOND * 21),
    };
    let (new, old) = (report("2026-b", "2026-11-21T14:00:00Z"), report("2026-a", "2026-11-20T14:00:00Z"));
    let path = reports.store(&new).expect("kept");
    reports.store(&old).expect("kept");
    assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
    let (all, defects) = reports.list(None).expect("readable");
    assert_eq!((&all, defects.len()), (&vec![old, new.clone()], 0));
    assert_eq!(reports.find("2026-b").expect("readable"), Some(new.clone()));
    assert_eq!(reports.find("2026").expect("readable"), None, "two begin so");
    assert_eq!((new.meets_target(), past(&all, Scenario::Kill).map(|past| past.drills)), (Some(true), Some(2)));
    let cut = [new.clone(), DrillReport { cut_short: true, ..new.clone() }];
    assert_eq!((cut[1].meets_target(), past(&cut, Scenario::Kill).map(|past| past.drills)), (None, Some(1)));
    let before = "2026-11-21T00:00:00Z".parse().expect("a time");
    assert_eq!(reports.prune(before, 0).expect("readable"), 0, "no more than asked for");
    assert_eq!(reports.prune(before, 9).expect("readable"), 1);
    assert_eq!(reports.list(None).expect("readable").0, std::slice::from_ref(&new), "the younger one stays");
    reports.store(&all[0]).expect("kept");
    std::fs::write(&path, "{\"schema\": 99}").expect("written");
    let (all, defects) = reports.list(None).expect("readable");
    assert_eq!((all.len(), defects.len()), (1, 1), "one that cannot be read hides no other");
}

fn is_usable() -> Survey {
    Survey {
        opted_in: true,
        others: Some(Ok(Vec::new())),
        publications: Some(Ok(Vec::new())),
        watchdog: Some(false),
        firewall: Some(true),
        write_address: Some(Ok(Text::new("127.0.0.1:5000"))),
        ..Survey::default()
    }
}

#[rstest]
#[case::kill(Scenario::Kill, |_: &mut Survey| {}, None)]
#[case::no_opt_in(Scenario::Kill, |s: &mut Survey| s.opted_in = false, Some("drill-opt-in"))]
#[case::no_opt_in_for_a_switchover(Scenario::Switchover, |s: &mut Survey| s.opted_in = false, None)]
#[case::shared_dcs(Scenario::Dcs, |s: &mut Survey| s.others = Some(Ok(vec!["/service/b".into()])), Some("drill-dcs-shared"))]
#[case::unreadable_dcs(Scenario::Dcs, |s: &mut Survey| s.others = Some(Err("denied".into())), Some("drill-dcs-shared"))]
#[case::unasked_dcs(Scenario::Dcs, |s: &mut Survey| s.others = None, Some("drill-dcs-shared"))]
#[case::shared_dcs_and_a_kill(Scenario::Kill, |s: &mut Survey| s.others = None, None)]
#[case::publication(Scenario::Kill, |s: &mut Survey| s.publications = Some(Ok(vec!["all".into()])), Some("probe-publication"))]
#[case::unknown_publication(Scenario::Kill, |s: &mut Survey| s.publications = None, Some("probe-publication"))]
#[case::watchdog(Scenario::Freeze, |s: &mut Survey| s.watchdog = Some(true), Some("drill-watchdog"))]
#[case::unknown_watchdog(Scenario::Freeze, |s: &mut Survey| s.watchdog = None, Some("drill-watchdog"))]
#[case::watchdog_and_a_kill(Scenario::Kill, |s: &mut Survey| s.watchdog = Some(true), None)]
#[case::no_way_to_write(Scenario::Kill, |s: &mut Survey| s.write_address = None, Some("probe-address"))]
fn a_drill_that_would_hit_others_or_measure_nothing_is_blocked(
    #[case] scenario: Scenario,
    #[case] change: fn(&mut Survey),
    #[case] expected: Option<&str>,
) {
    let mut survey = is_usable();
    change(&mut survey);
    let notes = surveyed(&survey, scenario);
    let blocks: Vec<&str> =
        notes.iter().filter(|note| note.verdict == CheckVerdict::Block).map(|note| note.check.as_str()).collect();
    assert_eq!(blocks, expected.into_iter().collect::<Vec<_>>());
}
