//! The Drill view by rows of keys, on a simulated cluster whose drills, hand and ledger are doubles: what is shown, how one
//! is begun, and every way in which it must not come to that.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

#[expect(dead_code, reason = "each test binary uses a part of it")]
#[path = "support/console.rs"]
mod console;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use console::{Console, World};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use jiff::Timestamp;
use pgctl::action::Intent;
use pgctl::action::drill::{ClusterPart, InjectionMethod, Scenario, Survey};
use pgctl::action::drill_report::{DrillReport, Figures, Phase, PhaseSeen, SCHEMA, ServiceGap, ServingPeriod};
use pgctl::action::inspected::Inspected;
use pgctl::action::outcome::{Outcome, OutcomeKind};
use pgctl::action::permit::Confirmation;
use pgctl::action::plan::{Infeasible, Plan};
use pgctl::action::record::{ActionId, Operator};
use pgctl::driver::port::Inspect;
use pgctl::model::lsn::Timeline;
use pgctl::model::name::ClusterName;
use pgctl::model::snapshot::Snapshot;
use pgctl::model::text::Text;
use pgctl::operate::job::{JobState, Leftovers, Process};
use pgctl::operate::plan_service::PlanService;
use pgctl::operate::ports::{Drills, JobLauncher, JobStore, JobSummary, JobUpdates};
use pgctl::operate::{Event, Progress, Request};
use pgctl::tui::options::{Hooks, Options};
use pgctl::wire::rehearsal;
use tokio::sync::{Semaphore, mpsc};

const SECOND: Duration = Duration::from_secs(1);
/// What the dialog says while nothing is known yet.
const ASKING: &str = "Collecting what the plan needs";

/// Drills as a test says.
struct DrillsDouble {
    reports: Mutex<Vec<DrillReport>>,
    target: Option<Duration>,
}

impl Drills for DrillsDouble {
    fn reports(&self, _: &ClusterName) -> BoxFuture<'static, Result<Vec<DrillReport>, String>> {
        std::future::ready(Ok(self.reports.lock().expect("reports").clone())).boxed()
    }

    fn target(&self, _: &ClusterName) -> Option<Duration> {
        self.target
    }
}

/// Its answer when one is prepared, once the test lets it come.
struct InspectDouble {
    answer: Result<Inspected, String>,
    go: Arc<Semaphore>,
}

impl Inspect for InspectDouble {
    fn asks(&self, intent: &Intent) -> bool {
        matches!(intent, Intent::Drill { .. })
    }

    fn inspect<'a>(&'a self, _: &'a Snapshot, _: &'a Intent) -> BoxFuture<'a, Result<Inspected, Infeasible>> {
        async move {
            self.go.acquire().await.expect("open").forget();
            self.answer.clone().map_err(Infeasible::because)
        }
        .boxed()
    }
}

/// Takes what is begun, and tells the news that a test gives it.
#[derive(Default)]
struct JobLauncherDouble {
    begun: Mutex<Vec<(Plan, Confirmation)>>,
    updates: Mutex<Option<mpsc::UnboundedSender<Progress>>>,
    ended: Mutex<Vec<ActionId>>,
}

fn action() -> ActionId {
    ActionId("20261121-141000-000-4711".to_owned())
}

impl JobLauncherDouble {
    fn evaluate(&self, after: u64, event: Event) {
        let progress =
            Progress { at: Timestamp::default(), after: Some(SECOND * u32::try_from(after).expect("soon")), event };
        self.updates.lock().expect("news").as_ref().expect("begun").send(progress).expect("somebody listens");
    }
}

impl JobLauncher for JobLauncherDouble {
    fn begin(
        &self,
        plan: Plan,
        confirmation: Confirmation,
    ) -> BoxFuture<'static, Result<(ActionId, JobUpdates), String>> {
        self.begun.lock().expect("begun").push((plan, confirmation));
        let (sender, updates) = mpsc::unbounded_channel();
        *self.updates.lock().expect("news") = Some(sender);
        std::future::ready(Ok((action(), updates))).boxed()
    }

    fn ask_to_end(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        self.ended.lock().expect("ended").push(action.clone());
        std::future::ready(Ok(())).boxed()
    }

    fn acknowledge(&self, _: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        std::future::ready(Ok(())).boxed()
    }

    fn mark_reverted(&self, _: &ActionId, _: Vec<usize>) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// Lists what a test says.
struct JobStoreDouble(Vec<JobSummary>);

impl JobStore for JobStoreDouble {
    fn list(&self) -> BoxFuture<'static, Result<Vec<JobSummary>, String>> {
        std::future::ready(Ok(self.0.clone())).boxed()
    }

    fn follow(&self, _: &ActionId) -> JobUpdates {
        mpsc::unbounded_channel().1
    }
}

/// A console with its doubles.
struct Fixture {
    world: World,
    console: Console,
    drills: Arc<DrillsDouble>,
    go: Arc<Semaphore>,
    launcher: Arc<JobLauncherDouble>,
}

impl Fixture {
    async fn new(reports: Vec<DrillReport>, survey: Survey) -> Self {
        let answer = Ok(Inspected { drill: Some(survey), ..Inspected::default() });
        Self::with(World::new().await, reports, answer, Options::default(), Vec::new()).await
    }

    async fn with(
        world: World,
        reports: Vec<DrillReport>,
        answer: Result<Inspected, String>,
        options: Options,
        listed: Vec<JobSummary>,
    ) -> Self {
        let go = Arc::new(Semaphore::new(0));
        let drills = Arc::new(DrillsDouble { reports: Mutex::new(reports), target: Some(SECOND * 30) });
        let plan_service = rehearsal::plan_service().asking(Arc::new(InspectDouble { answer, go: go.clone() }));
        let launcher = Arc::new(JobLauncherDouble::default());
        let hooks = Hooks {
            plan_services: [(world.cluster.name().clone(), plan_service)].into(),
            launcher: Some(launcher.clone()),
            job_store: Some(Arc::new(JobStoreDouble(listed))),
            drills: Some(drills.clone()),
            ..Hooks::default()
        };
        let mut console = Console::new(&world, options, &hooks);
        console.start().await;
        Self { world, console, drills, go, launcher }
    }

    /// Lets what is being prepared be answered.
    async fn answered(&mut self) {
        self.go.add_permits(1);
        self.console.pass(2).await;
    }

    fn begun(&self) -> Vec<(Intent, Confirmation)> {
        let begun = self.launcher.begun.lock().expect("begun");
        begun.iter().map(|(plan, confirmation)| (plan.intent.clone(), confirmation.clone())).collect()
    }
}

fn plan_service(survey: Survey) -> PlanService {
    rehearsal::plan_service().knowing(Inspected { drill: Some(survey), ..Inspected::default() })
}

/// Nothing speaks against any drill but what the picture says.
fn is_usable() -> Survey {
    let mut survey = Survey {
        opted_in: true,
        others: Some(Ok(Vec::new())),
        publications: Some(Ok(Vec::new())),
        watchdog: Some(false),
        write_address: Some(Ok("127.0.0.1:5000".into())),
        hold: SECOND * 30,
        ..Survey::default()
    };
    for member in ["pg-0", "pg-1", "pg-2"] {
        for kind in Survey::KINDS {
            survey.injection_methods.insert((ClusterPart::Member(member.into()), kind), Ok(InjectionMethod::Simulated));
        }
    }
    survey
}

/// The same as an answer.
fn known() -> Inspected {
    Inspected { drill: Some(is_usable()), ..Inspected::default() }
}

/// A drill in which writes stood still for so many hundredths of a second.
fn report(name: &str, scenario: Scenario, at: &str, hundredths: u32) -> DrillReport {
    let outage = Duration::from_millis(u64::from(hundredths) * 10);
    let gap = ServiceGap { from: SECOND * 5, to: Some(SECOND * 5 + outage) };
    let stretch = |node: &str, from, to, timeline| ServingPeriod {
        from,
        to,
        node: node.into(),
        timeline: Some(Timeline(timeline)),
        writes: 602,
    };
    DrillReport {
        schema: SCHEMA,
        action: ActionId(name.to_owned()),
        cluster: ClusterName::new("prod-eu"),
        scenario,
        operator: Operator::default(),
        fault: "kill pg-0 (container lab-pg-0-1)".into(),
        at: at.parse().expect("a time"),
        broken: Some(SECOND * 5),
        repaired: Some(SECOND * 5 + outage),
        cut_short: false,
        left: Vec::new(),
        lasted: SECOND * 60,
        figures: Figures {
            outage: Some(gap),
            interruptions: vec![gap],
            read_gap: Some(ServiceGap { from: SECOND * 9, to: Some(SECOND * 9 + Duration::from_millis(800)) }),
            acknowledged: 1204,
            ambiguous: 3,
            ambiguous_kept: Some(1),
            lost: Some(0),
            reads: 480,
            serving_periods: vec![
                stretch("pg-0", Duration::ZERO, SECOND * 5, 12),
                stretch("pg-1", SECOND * 5 + outage, SECOND * 60, 13),
            ],
            clock_error: Duration::from_millis(2),
            interval: Duration::from_millis(50),
            ..Figures::default()
        },
        phases: vec![
            PhaseSeen { phase: Phase::KeyReleased, after: SECOND * 16 },
            PhaseSeen { phase: Phase::Promoted, after: SECOND * 18 },
            PhaseSeen { phase: Phase::RouterUp, after: SECOND * 20 },
            PhaseSeen { phase: Phase::FirstWrite, after: outage },
            PhaseSeen { phase: Phase::OldLeaderBack, after: SECOND * 39 },
        ],
        synchronous_commit: "on".into(),
        target: Some(SECOND * 30),
    }
}

fn past() -> Vec<DrillReport> {
    vec![
        report("20260921-140000-000-1", Scenario::Kill, "2026-09-21T14:00:00Z", 2200),
        report("20260922-140000-000-2", Scenario::Switchover, "2026-09-22T14:00:00Z", 161),
        report("20261021-140000-000-3", Scenario::Kill, "2026-10-21T14:00:00Z", 2080),
        report("20261110-140000-000-4", Scenario::Kill, "2026-11-10T14:00:00Z", 3140),
    ]
}

#[tokio::test(start_paused = true)]
async fn without_any_drill_the_view_says_what_one_is_and_how_to_begin() {
    let mut fixture = Fixture::new(Vec::new(), is_usable()).await;
    for size in [(80, 24), (120, 40), (200, 60)] {
        fixture.console.size = size;
        fixture.console.press("19").await;
        fixture.console.shows(&["switchover", "kill the leader", "router", "a b start the selected one"]);
        fixture.console.shows(&["No drills recorded for prod-eu.", "(RTO)", "(RPO)", "drills.enabled = true"]);
    }
    fixture.console.keep("drill-empty");
    fixture.console.press("<Enter>").await;
    fixture.console.shows(&["no drill of this scenario recorded", "WHAT IT DOES", "b run again"]);
    fixture.console.keep("drill-about");
}

#[tokio::test(start_paused = true)]
async fn what_earlier_drills_let_expect_is_seen_before_one_is_chosen_and_each_tells_its_story() {
    let mut fixture = Fixture::new(past(), is_usable()).await;
    fixture.console.press("9").await;
    fixture.console.shows(&["22.00 s", "31.40 s", "1.61 s", "30.00 s missed", "20261110-140000-000-4"]);
    fixture.console.keep("drill");
    fixture.console.size = (80, 24);
    fixture.console.shows(&["MEDIAN", "22.00 s", "31.40 s", "WHEN", "2026-09-21 14:00:00", "a b start"]);
    fixture.console.size = (120, 40);
    // A scenario tells its newest drill, compared with those before, and what such a drill does.
    fixture.console.press("jj<Enter>").await;
    fixture.console.shows(&[
        "kill the leader on prod-eu",
        "20261110-140000-000-4",
        "RTO 31.40 s",
        "target 30.00 s missed",
    ]);
    fixture.console.shows(&["leader key", "0 of 1,204 acknowledged rows (RPO 0)", "median 21.40 s of 2 drills"]);
    fixture.console.shows(&["WHAT IT DOES", "SIGKILL", "▸ kill the leader"]);
    fixture.console.shows(&["DRILLS OF THIS SCENARIO", "20.80 s  30.00 s met"]);
    fixture.console.keep("drill-story");
    fixture.console.press("y").await;
    assert!(
        fixture.console.asked.iter().any(|asked| asked.starts_with("copy # Drill on prod-eu: kill the leader")),
        "{:?}",
        fixture.console.asked
    );
    // A report tells its own, on any screen to its last line.
    fixture.console.size = (80, 24);
    fixture.console.press("<Esc><Tab>jj<Enter>").await;
    fixture.console.shows(&["switchover on prod-eu", "RTO 1.61 s"]);
    fixture.console.press("<PageDown><PageDown>").await;
    fixture.console.shows(&["reverted"]);
    fixture.console.press("<Esc>").await;
    fixture.console.shows(&["Scenarios", "Reports"]);
    // The palette tells it, too.
    fixture.console.press("1:drill ki").await;
    fixture.console.shows(&["kill the leader: 22.00 s (median of 3)"]);
}

#[tokio::test(start_paused = true)]
async fn a_drill_that_was_cut_short_is_no_outage_to_expect() {
    let cut = report("20261111-140000-000-5", Scenario::Kill, "2026-11-11T14:00:00Z", 500);
    let mut reports = past();
    reports.push(DrillReport { cut_short: true, target: None, ..cut });
    let mut fixture = Fixture::new(reports, is_usable()).await;
    fixture.console.press("9").await;
    let row = |screen: &str, what: &str| {
        screen.lines().find(|line| line.contains(what)).map(str::to_owned).unwrap_or_default()
    };
    let screen = fixture.console.text();
    let kill = row(&screen, "kill the leader");
    assert!(kill.contains("22.00 s") && kill.contains("aborted") && !kill.contains("5.00 s"), "{kill}");
    assert!(row(&screen, "20261111-140000-000-5").contains("aborted"), "{screen}");
    fixture.console.press("jj<Enter>").await;
    fixture.console.shows(&["aborted: the fault was reverted early"]);
}

#[tokio::test(start_paused = true)]
async fn a_drill_is_prepared_confirmed_watched_and_reported() {
    let mut survey = is_usable();
    survey.earlier.insert(Scenario::Kill, vec![SECOND * 21, SECOND * 22, SECOND * 23]);
    let mut fixture = Fixture::new(past(), survey).await;
    fixture.console.press("9jjab").await;
    assert_eq!(fixture.console.asked, ["prepare kill"]);
    fixture.console.shows(&["Drill on prod-eu: kill the leader", ASKING, "Esc leave"]);
    // Nothing can be confirmed that is not shown.
    fixture.console.press("<Enter>prod-eu<Enter>y").await;
    fixture.console.pass(20).await;
    fixture.console.shows(&[ASKING, "2.0 s"]);
    fixture.console.keep("drill-preparing");
    fixture.answered().await;
    fixture.console.hides(&[ASKING]);
    fixture.console.shows(&[
        "expected downtime 22.0 s (median of 3 drills), target 30.0 s",
        "t: target 30.0 s",
        "CHECKS",
    ]);
    // Whom Patroni chooses cannot be said here.
    fixture.console.shows(&["can be promoted"]);
    fixture.console.hides(&["name one"]);
    fixture.console.keep("drill-dialog");
    // Checks go on being made by what was asked, picture by picture.
    fixture.console.pass(30).await;
    fixture.console.shows(&["CHECKS", "Enter to confirm"]);
    fixture.console.press("t25s<Enter>").await;
    fixture.console.shows(&["target 25.0 s"]);
    fixture.console.press("d").await;
    fixture.console.shows(&["dry run, nothing sent"]);
    fixture.console.press("<Enter>prod<Enter>").await;
    assert_eq!(fixture.begun(), []);
    fixture.console.press("prod-eu<Enter>").await;
    let begun = fixture.begun();
    let [(Intent::Drill { scenario: Scenario::Kill, target }, confirmation)] = begun.as_slice() else {
        panic!("{begun:?}")
    };
    assert_eq!((*target, confirmation.typed.as_ref().map(Text::as_str)), (Some(SECOND * 25), Some("prod-eu")));

    fixture.launcher.evaluate(0, Event::Started);
    fixture.launcher.evaluate(0, Event::StepBegan { step: 1, text: "kill pg-0".into() });
    fixture.console.pass(2).await;
    // Past its point of no return a drill can be ended all the same.
    fixture.console.shows(&["x cancel", "x: revert the fault now"]);
    fixture.console.press("<Esc>").await;
    fixture.console.shows(&["running: kill the leader", "step 2 of"]);
    fixture.console.keep("drill-running");
    fixture.console.press("A<Esc>").await;
    fixture
        .drills
        .reports
        .lock()
        .expect("reports")
        .push(DrillReport { action: action(), ..report("", Scenario::Kill, "2026-11-21T14:10:00Z", 2140) });
    fixture
        .launcher
        .evaluate(60, Event::Ended { outcome: Outcome::new(OutcomeKind::Done, "drill on prod-eu: kill the leader") });
    fixture.console.pass(2).await;
    fixture.console.shows(&["21.40 s", "2026-11-21 14:10:00"]);
    fixture.console.hides(&["running: kill the leader"]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_drill_leads_to_its_report() {
    let mut fixture = Fixture::new(past(), is_usable()).await;
    fixture.console.press(":drill switchover<Enter>").await;
    fixture.answered().await;
    fixture.console.press("<Enter>prod-eu<Enter>").await;
    assert_eq!(fixture.begun().len(), 1);
    fixture.console.pass(1).await;
    fixture
        .drills
        .reports
        .lock()
        .expect("reports")
        .push(DrillReport { action: action(), ..report("", Scenario::Switchover, "2026-11-21T14:10:00Z", 150) });
    fixture
        .launcher
        .evaluate(9, Event::Ended { outcome: Outcome::new(OutcomeKind::Done, "drill on prod-eu: switchover") });
    fixture.console.pass(2).await;
    fixture.console.shows(&["done: drill on prod-eu", "RTO 1.50 s", "0 of 1,204 rows lost", "Enter report"]);
    fixture.console.keep("drill-ended");
    fixture.console.press("<Enter>").await;
    fixture.console.shows(&["switchover on prod-eu", "median 1.61 s of 1 drill"]);
    fixture.console.press("<Esc>").await;
    fixture.console.shows(&["done: drill on prod-eu"]);
}

#[tokio::test(start_paused = true)]
async fn what_blocks_a_drill_is_in_sight_and_is_not_confirmed() {
    let mut fixture = Fixture::new(Vec::new(), Survey { opted_in: false, ..is_usable() }).await;
    fixture.console.size = (80, 24);
    fixture.console.press(":drill kill 45s<Enter>").await;
    fixture.answered().await;
    fixture.console.shows(&["Cannot run:", "does not allow fault injection in this cluster"]);
    fixture.console.keep("drill-blocked");
    fixture.console.press("<Enter>prod-eu<Enter>y").await;
    assert_eq!(fixture.begun(), []);
    // What cannot even be planned says so in the same place.
    fixture.console.press("<Esc><Esc>:drill dcs<Enter>").await;
    fixture.answered().await;
    fixture.console.shows(&["planning failed", "the members of the DCS are unknown"]);
    fixture.console.press("<Enter>prod-eu<Enter>y").await;
    assert_eq!(fixture.begun(), []);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_prepared_is_reported_in_a_line_that_stays() {
    let world = World::new().await;
    let why = "the container engine at unix:///var/run/docker.sock is unreachable".to_owned();
    let mut fixture = Fixture::with(world, Vec::new(), Err(why.clone()), Options::default(), Vec::new()).await;
    fixture.console.press("9ab").await;
    fixture.answered().await;
    fixture.console.pass(100).await;
    fixture.console.shows(&["Planning failed:", &why]);
    fixture.console.keep("drill-unprepared");
    fixture.console.press("<Enter>").await;
    fixture.console.hides(&["Planning failed"]);
    assert_eq!(fixture.begun(), []);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_while_a_drill_is_prepared_is_not_followed_by_it() {
    let mut fixture = Fixture::new(Vec::new(), is_usable()).await;
    for keys in ["<Esc>", "2", "?<Esc><Esc>"] {
        fixture.console.press("9ab").await;
        fixture.console.shows(&[ASKING]);
        fixture.console.press(keys).await;
        fixture.answered().await;
        fixture.console.hides(&[ASKING, "CHECKS"]);
    }
    // Who asks twice is answered once, by the second.
    fixture.console.press("9ab<Esc>:drill kill<Enter>").await;
    fixture.go.add_permits(1);
    fixture.answered().await;
    fixture.console.shows(&["Drill on prod-eu: kill the leader", "CHECKS"]);
}

#[tokio::test(start_paused = true)]
async fn a_read_only_console_shows_everything_and_says_why_it_begins_nothing() {
    let world = World::new().await;
    let options = Options { read_only: true, ..Options::default() };
    let mut fixture = Fixture::with(world, past(), Ok(known()), options, Vec::new()).await;
    fixture.console.press("9").await;
    fixture.console.shows(&[
        "drills are not available here: this console is read-only",
        "22.00 s",
        "20261110-140000-000-4",
    ]);
    fixture.console.keep("drill-read-only");
    fixture.console.press("jj<Enter>").await;
    fixture.console.shows(&["RTO 31.40 s"]);
    for keys in ["b", "<Esc>ab", "<Esc>:drill kill<Enter>", ":drill<Enter>"] {
        fixture.console.press(keys).await;
        fixture.console.shows(&["this console is read-only"]);
        fixture.console.hides(&[ASKING, "CHECKS"]);
    }
    assert_eq!((fixture.begun(), fixture.console.asked.len()), (Vec::new(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_drill_of_another_console_is_marked() {
    let world = World::new().await;
    let plan_service = plan_service(is_usable());
    let intent = Intent::Drill { scenario: Scenario::Kill, target: None };
    let plan = plan_service.make_plan(&world.handle.latest().snapshot, &intent).expect("a plan").plan;
    let operator = Operator { user: "anna".into(), host: "bastion".into(), ..Operator::default() };
    let request = Request { action: action(), plan, confirmation: Confirmation::default(), operator };
    let at: Timestamp = "2026-11-21T14:10:00Z".parse().expect("a time");
    let runs = JobState::Running(Some(Process::this("bastion")));
    let listed = vec![JobSummary { request, at, state: runs, acknowledged: false }];
    let mut fixture = Fixture::with(world, past(), Ok(known()), Options::default(), listed).await;
    fixture.console.press("9").await;
    fixture.console.shows(&["◐ kill", "running: kill the leader", "started 14:10:00 by anna@bastion"]);
    assert_eq!(fixture.world.handle.cluster, "prod-eu");
}

#[tokio::test(start_paused = true)]
async fn what_is_typed_behind_drill_is_understood_or_refused_with_what_there_is() {
    let mut fixture = Fixture::new(past(), is_usable()).await;
    fixture.console.press(":drill quake<Enter>").await;
    fixture.console.shows(&["no scenario quake; available: switchover, stop, kill"]);
    fixture.console.press(":drill kill soon<Enter>").await;
    fixture.console.shows(&["soon: after the scenario give the RTO target"]);
    assert_eq!(fixture.console.asked.len(), 0);
    // Where nothing is selected, it is asked which.
    fixture.console.press(":drill<Enter>").await;
    fixture.console.shows(&[":drill", "switchover: 1.61 s (median of 1)", "lose the router"]);
    fixture.console.press("<Esc>9").await;
    fixture.console.press(":drill 40s<Enter>").await;
    fixture.answered().await;
    fixture.console.shows(&["Drill on prod-eu: switchover", "t: target 40.0 s"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_drill_that_died_it_is_reported_who_reverts_what_it_broke() {
    let world = World::new().await;
    let plan_service = plan_service(is_usable());
    let intent = Intent::Drill { scenario: Scenario::Kill, target: None };
    let plan = plan_service.make_plan(&world.handle.latest().snapshot, &intent).expect("a plan").plan;
    let pending_undo = plan.steps.iter().enumerate().filter_map(|(at, step)| Some((at, step.undo.clone()?))).collect();
    let leftovers = Leftovers {
        process: Some(Process::this("bastion")),
        started: true,
        answered: vec![(1, "kill pg-0 (simulated)".into(), Some(true))],
        open: None,
        not_begun: Vec::new(),
        past_no_return: true,
        acted: true,
        reported: Vec::new(),
        router_handover: false,
        pending_undo,
    };
    let operator = Operator { user: "anna".into(), host: "bastion".into(), ..Operator::default() };
    let request = Request { action: action(), plan, confirmation: Confirmation::default(), operator };
    let at: Timestamp = "2026-11-21T14:10:00Z".parse().expect("a time");
    let listed = vec![JobSummary { request, at, state: JobState::Died(Box::new(leftovers)), acknowledged: false }];
    let mut fixture = Fixture::with(world, past(), Ok(known()), Options::default(), listed).await;
    fixture.console.shows(&["Died:", "start pg-0", "Its guard process reverts it", "pgctl-tui drill revert"]);
    fixture.console.hides(&["u: undo", "u undo"]);
    fixture.console.press("n9").await;
    fixture.console.hides(&["running: kill the leader"]);
}

#[tokio::test(start_paused = true)]
async fn a_whole_drill_by_keys_on_the_simulated_cluster() {
    let world = World::new().await;
    let mut console = world.console();
    console.start().await;
    console.press("9jja").await;
    console.shows(&["Act on prod-eu / drill kill", "b  drill"]);
    console.press("b").await;
    console.until("CHECKS").await;
    console.press("<Enter>prod-eu<Enter>").await;
    console.until("kill pg-0").await;
    console.press("<Esc>").await;
    console.until("running: kill the leader").await;
    console.press("A<Enter>").await;
    console.until("done: drill on prod-eu: kill the leader").await;
    console.until("Enter report").await;
    console.press("<Enter>").await;
    console.shows(&["kill the leader on prod-eu", "first write +", "(RPO 0)", "no previous drill of this scenario"]);
    console.keep("drill-simulated");
    console.press("<Esc><Esc><Esc>").await;
    console.shows(&["Reports 1"]);
    console.hides(&["running: kill the leader"]);
}

#[tokio::test(start_paused = true)]
async fn in_the_demo_a_drill_goes_all_the_way_from_the_key_to_its_report() {
    let world = World::new().await;
    let mut console = world.console();
    console.start().await;
    console.press("9").await;
    console.shows(&["No drills recorded for prod-eu."]);
    console.press(":drill stop 30s<Enter>").await;
    console.until("Enter to confirm").await;
    console.shows(&["stop pg-0 (simulated)", "0 block"]);
    console.press("<Enter>prod-eu<Enter>").await;
    console.until("done: drill on prod-eu: stop the leader").await;
    console.press("<Enter>").await;
    console.shows(&["stop the leader on prod-eu", "target 30.00 s met", "(RPO 0)", "leader key deleted"]);
    console.keep("drill-of-the-demo");
}
