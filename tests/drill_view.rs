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
use pgctl::action::drill::{Means, Part, Scenario, Survey};
use pgctl::action::drill_report::{Figures, Gap, Phase, PhaseSeen, Report, SCHEMA, Stretch};
use pgctl::action::outcome::{Ending, Outcome};
use pgctl::action::permit::Confirmation;
use pgctl::action::plan::Plan;
use pgctl::action::record::{ActionId, Operator};
use pgctl::driver::ha::patroni_plan::PatroniManager;
use pgctl::model::lsn::Timeline;
use pgctl::model::name::ClusterName;
use pgctl::model::text::Text;
use pgctl::operate::desk::Desk;
use pgctl::operate::drill::DrillRules;
use pgctl::operate::hand::{Drills, Hand, Ledger, Listed, News};
use pgctl::operate::job::{JobState, Process, Remains};
use pgctl::operate::{Event, Progress, Request};
use pgctl::tui::options::{Hooks, Options};
use pgctl::wire::rehearsal;
use tokio::sync::{Semaphore, mpsc};

const SECOND: Duration = Duration::from_secs(1);
/// What the dialog says while nothing is known yet.
const ASKING: &str = "Asking what its plan needs to know";

/// Drills as a test says: its reports, and its answer when one is prepared, once the test lets it come.
struct DrillsDouble {
    reports: Mutex<Vec<Report>>,
    target: Option<Duration>,
    desk: Result<Desk, String>,
    go: Arc<Semaphore>,
}

impl Drills for DrillsDouble {
    fn reports(&self, _: &ClusterName) -> BoxFuture<'static, Result<Vec<Report>, String>> {
        std::future::ready(Ok(self.reports.lock().expect("reports").clone())).boxed()
    }

    fn target(&self, _: &ClusterName) -> Option<Duration> {
        self.target
    }

    fn prepare(&self, _: &ClusterName, _: Scenario) -> BoxFuture<'static, Result<Desk, String>> {
        let (go, desk) = (Arc::clone(&self.go), self.desk.clone());
        async move {
            go.acquire().await.expect("open").forget();
            desk
        }
        .boxed()
    }
}

/// Takes what is begun, and tells the news that a test gives it.
#[derive(Default)]
struct HandDouble {
    begun: Mutex<Vec<(Plan, Confirmation)>>,
    news: Mutex<Option<mpsc::UnboundedSender<Progress>>>,
    ended: Mutex<Vec<ActionId>>,
}

fn action() -> ActionId {
    ActionId("20261121-141000-000-4711".to_owned())
}

impl HandDouble {
    fn tell(&self, after: u64, event: Event) {
        let progress =
            Progress { at: Timestamp::default(), after: Some(SECOND * u32::try_from(after).expect("soon")), event };
        self.news.lock().expect("news").as_ref().expect("begun").send(progress).expect("somebody listens");
    }
}

impl Hand for HandDouble {
    fn begin(&self, plan: Plan, confirmation: Confirmation) -> BoxFuture<'static, Result<(ActionId, News), String>> {
        self.begun.lock().expect("begun").push((plan, confirmation));
        let (sender, news) = mpsc::unbounded_channel();
        *self.news.lock().expect("news") = Some(sender);
        std::future::ready(Ok((action(), news))).boxed()
    }

    fn ask_to_end(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        self.ended.lock().expect("ended").push(action.clone());
        std::future::ready(Ok(())).boxed()
    }

    fn acknowledge(&self, _: &ActionId) -> BoxFuture<'static, Result<(), String>> {
        std::future::ready(Ok(())).boxed()
    }

    fn strike(&self, _: &ActionId, _: Vec<usize>) -> BoxFuture<'static, Result<(), String>> {
        Box::pin(async { Ok(()) })
    }
}

/// Lists what a test says.
struct LedgerDouble(Vec<Listed>);

impl Ledger for LedgerDouble {
    fn list(&self) -> BoxFuture<'static, Result<Vec<Listed>, String>> {
        std::future::ready(Ok(self.0.clone())).boxed()
    }

    fn follow(&self, _: &ActionId) -> News {
        mpsc::unbounded_channel().1
    }
}

/// A console with its doubles.
struct Stage {
    world: World,
    console: Console,
    drills: Arc<DrillsDouble>,
    hand: Arc<HandDouble>,
}

impl Stage {
    async fn new(reports: Vec<Report>, survey: Survey) -> Self {
        let world = World::new().await;
        let desk = desk(&world, survey);
        Self::with(world, reports, Ok(desk), Options::default(), Vec::new()).await
    }

    async fn with(
        world: World,
        reports: Vec<Report>,
        desk: Result<Desk, String>,
        options: Options,
        listed: Vec<Listed>,
    ) -> Self {
        let go = Arc::new(Semaphore::new(0));
        let drills = Arc::new(DrillsDouble { reports: Mutex::new(reports), target: Some(SECOND * 30), desk, go });
        let hand = Arc::new(HandDouble::default());
        let hooks = Hooks {
            desks: world.hand.desks(),
            hand: Some(hand.clone()),
            ledger: Some(Arc::new(LedgerDouble(listed))),
            drills: Some(drills.clone()),
            ..Hooks::default()
        };
        let mut console = Console::new(&world, options, &hooks);
        console.start().await;
        Self { world, console, drills, hand }
    }

    /// Lets what is being prepared be answered.
    async fn answered(&mut self) {
        self.drills.go.add_permits(1);
        self.console.pass(2).await;
    }

    fn begun(&self) -> Vec<(Intent, Confirmation)> {
        let begun = self.hand.begun.lock().expect("begun");
        begun.iter().map(|(plan, confirmation)| (plan.intent.clone(), confirmation.clone())).collect()
    }
}

fn desk(world: &World, survey: Survey) -> Desk {
    let manager = PatroniManager { drill: Some(survey.clone()), ..rehearsal::manager(&world.cluster) };
    Desk::new(Arc::new(manager), Arc::new(DrillRules { survey }))
}

/// Nothing speaks against any drill but what the picture says.
fn sound() -> Survey {
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
            survey.means.insert((Part::Member(member.into()), kind), Ok(Means::Simulated));
        }
    }
    survey
}

/// A drill in which writes stood still for so many hundredths of a second.
fn report(name: &str, scenario: Scenario, at: &str, hundredths: u32) -> Report {
    let outage = Duration::from_millis(u64::from(hundredths) * 10);
    let gap = Gap { from: SECOND * 5, to: Some(SECOND * 5 + outage) };
    let stretch = |node: &str, from, to, timeline| Stretch {
        from,
        to,
        node: node.into(),
        timeline: Some(Timeline(timeline)),
        writes: 602,
    };
    Report {
        schema: SCHEMA,
        action: ActionId(name.to_owned()),
        cluster: ClusterName::new("prod-eu"),
        scenario,
        operator: Operator::default(),
        fault: "kill pg-0 (container lab-pg-0-1)".into(),
        at: at.parse().expect("a time"),
        broken: Some(SECOND * 5),
        mended: Some(SECOND * 5 + outage),
        cut_short: false,
        left: Vec::new(),
        lasted: SECOND * 60,
        figures: Figures {
            outage: Some(gap),
            interruptions: vec![gap],
            read_gap: Some(Gap { from: SECOND * 9, to: Some(SECOND * 9 + Duration::from_millis(800)) }),
            acknowledged: 1204,
            ambiguous: 3,
            ambiguous_kept: Some(1),
            lost: Some(0),
            reads: 480,
            stretches: vec![
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

fn past() -> Vec<Report> {
    vec![
        report("20260921-140000-000-1", Scenario::Kill, "2026-09-21T14:00:00Z", 2200),
        report("20260922-140000-000-2", Scenario::Switchover, "2026-09-22T14:00:00Z", 161),
        report("20261021-140000-000-3", Scenario::Kill, "2026-10-21T14:00:00Z", 2080),
        report("20261110-140000-000-4", Scenario::Kill, "2026-11-10T14:00:00Z", 3140),
    ]
}

#[tokio::test(start_paused = true)]
async fn without_any_drill_the_view_says_what_one_is_and_how_to_begin() {
    let mut stage = Stage::new(Vec::new(), sound()).await;
    for size in [(80, 24), (120, 40), (200, 60)] {
        stage.console.size = size;
        stage.console.press("19").await;
        stage.console.shows(&["switchover", "kill the leader", "router", "a b practise the selected one"]);
        stage.console.shows(&["No drill of prod-eu is on record.", "(RTO)", "(RPO)", "drills.enabled = true"]);
    }
    stage.console.keep("drill-empty");
    stage.console.press("<Enter>").await;
    stage.console.shows(&["no drill of this kind is on record", "WHAT IT DOES", "b practise it"]);
    stage.console.keep("drill-about");
}

#[tokio::test(start_paused = true)]
async fn what_earlier_drills_let_expect_is_seen_before_one_is_chosen_and_each_tells_its_story() {
    let mut stage = Stage::new(past(), sound()).await;
    stage.console.press("9").await;
    stage.console.shows(&["22.00 s", "31.40 s", "1.61 s", "30.00 s missed", "20261110-140000-000-4"]);
    stage.console.keep("drill");
    stage.console.size = (80, 24);
    stage.console.shows(&["MEDIAN", "22.00 s", "31.40 s", "WHEN", "2026-09-21 14:00:00", "a b practise"]);
    stage.console.size = (120, 40);
    // A scenario tells its newest drill, compared with those before, and what such a drill does.
    stage.console.press("jj<Enter>").await;
    stage.console.shows(&[
        "kill the leader on prod-eu",
        "20261110-140000-000-4",
        "RTO 31.40 s",
        "target 30.00 s missed",
    ]);
    stage.console.shows(&["leader key", "0 of 1,204 acknowledged rows (RPO 0)", "median 21.40 s of 2 drills"]);
    stage.console.shows(&["WHAT IT DOES", "SIGKILL", "▸ kill the leader"]);
    stage.console.shows(&["DRILLS OF THIS KIND", "20.80 s  30.00 s kept"]);
    stage.console.keep("drill-story");
    stage.console.press("y").await;
    assert!(
        stage.console.asked.iter().any(|asked| asked.starts_with("copy # Drill on prod-eu: kill the leader")),
        "{:?}",
        stage.console.asked
    );
    // A report tells its own, on any screen to its last line.
    stage.console.size = (80, 24);
    stage.console.press("<Esc><Tab>jj<Enter>").await;
    stage.console.shows(&["hand the lead over on prod-eu", "RTO 1.61 s"]);
    stage.console.press("<PageDown><PageDown>").await;
    stage.console.shows(&["undone"]);
    stage.console.press("<Esc>").await;
    stage.console.shows(&["Scenarios", "Reports"]);
    // The palette tells it, too.
    stage.console.press("1:drill ki").await;
    stage.console.shows(&["kill the leader: 22.00 s (median of 3)"]);
}

#[tokio::test(start_paused = true)]
async fn a_drill_that_was_cut_short_is_no_outage_to_expect() {
    let cut = report("20261111-140000-000-5", Scenario::Kill, "2026-11-11T14:00:00Z", 500);
    let mut reports = past();
    reports.push(Report { cut_short: true, target: None, ..cut });
    let mut stage = Stage::new(reports, sound()).await;
    stage.console.press("9").await;
    let row = |screen: &str, what: &str| {
        screen.lines().find(|line| line.contains(what)).map(str::to_owned).unwrap_or_default()
    };
    let screen = stage.console.text();
    let kill = row(&screen, "kill the leader");
    assert!(kill.contains("22.00 s") && kill.contains("cut short") && !kill.contains("5.00 s"), "{kill}");
    assert!(row(&screen, "20261111-140000-000-5").contains("cut short"), "{screen}");
    stage.console.press("jj<Enter>").await;
    stage.console.shows(&["cut short: the fault was taken back before its time"]);
}

#[tokio::test(start_paused = true)]
async fn a_drill_is_prepared_confirmed_watched_and_told() {
    let mut survey = sound();
    survey.earlier.insert(Scenario::Kill, vec![SECOND * 21, SECOND * 22, SECOND * 23]);
    let mut stage = Stage::new(past(), survey).await;
    stage.console.press("9jjab").await;
    assert_eq!(stage.console.asked, ["prepare kill"]);
    stage.console.shows(&["Drill on prod-eu: kill the leader", ASKING, "Esc leave"]);
    // Nothing can be confirmed that is not shown.
    stage.console.press("<Enter>prod-eu<Enter>y").await;
    stage.console.pass(20).await;
    stage.console.shows(&[ASKING, "2.0 s"]);
    stage.console.keep("drill-preparing");
    stage.answered().await;
    stage.console.hides(&[ASKING]);
    stage.console.shows(&["expected outage 22.0 s (median of 3 drills), target 30.0 s", "t: target 30.0 s", "CHECKS"]);
    // Whom Patroni chooses cannot be said here.
    stage.console.shows(&["can take over"]);
    stage.console.hides(&["name one"]);
    stage.console.keep("drill-dialog");
    // Checks go on being made by what was asked, picture by picture.
    stage.console.pass(30).await;
    stage.console.shows(&["CHECKS", "Enter to confirm"]);
    stage.console.press("t25s<Enter>").await;
    stage.console.shows(&["target 25.0 s"]);
    stage.console.press("d").await;
    stage.console.shows(&["dry run, nothing was sent"]);
    stage.console.press("<Enter>prod<Enter>").await;
    assert_eq!(stage.begun(), []);
    stage.console.press("prod-eu<Enter>").await;
    let begun = stage.begun();
    let [(Intent::Drill { scenario: Scenario::Kill, target }, confirmation)] = begun.as_slice() else {
        panic!("{begun:?}")
    };
    assert_eq!((*target, confirmation.typed.as_ref().map(Text::as_str)), (Some(SECOND * 25), Some("prod-eu")));

    stage.hand.tell(0, Event::Started);
    stage.hand.tell(0, Event::StepBegan { step: 1, words: "kill pg-0".into() });
    stage.console.pass(2).await;
    // Past its point of no return a drill can be ended all the same.
    stage.console.shows(&["x ask it to end", "x takes back at once what was broken"]);
    stage.console.press("<Esc>").await;
    stage.console.shows(&["running: kill the leader", "step 2 of"]);
    stage.console.keep("drill-running");
    stage.console.press("A<Esc>").await;
    stage
        .drills
        .reports
        .lock()
        .expect("reports")
        .push(Report { action: action(), ..report("", Scenario::Kill, "2026-11-21T14:10:00Z", 2140) });
    stage.hand.tell(60, Event::Ended { outcome: Outcome::new(Ending::Done, "drill on prod-eu: kill the leader") });
    stage.console.pass(2).await;
    stage.console.shows(&["21.40 s", "2026-11-21 14:10:00"]);
    stage.console.hides(&["running: kill the leader"]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_drill_leads_to_its_report() {
    let mut stage = Stage::new(past(), sound()).await;
    stage.console.press(":drill switchover<Enter>").await;
    stage.answered().await;
    stage.console.press("<Enter>prod-eu<Enter>").await;
    assert_eq!(stage.begun().len(), 1);
    stage.console.pass(1).await;
    stage
        .drills
        .reports
        .lock()
        .expect("reports")
        .push(Report { action: action(), ..report("", Scenario::Switchover, "2026-11-21T14:10:00Z", 150) });
    stage.hand.tell(9, Event::Ended { outcome: Outcome::new(Ending::Done, "drill on prod-eu: hand the lead over") });
    stage.console.pass(2).await;
    stage.console.shows(&["done: drill on prod-eu", "RTO 1.50 s", "0 of 1,204 rows lost", "Enter report"]);
    stage.console.keep("drill-ended");
    stage.console.press("<Enter>").await;
    stage.console.shows(&["hand the lead over on prod-eu", "median 1.61 s of 1 drill"]);
    stage.console.press("<Esc>").await;
    stage.console.shows(&["done: drill on prod-eu"]);
}

#[tokio::test(start_paused = true)]
async fn what_blocks_a_drill_is_in_sight_and_is_not_confirmed() {
    let mut stage = Stage::new(Vec::new(), Survey { opted_in: false, ..sound() }).await;
    stage.console.size = (80, 24);
    stage.console.press(":drill kill 45s<Enter>").await;
    stage.answered().await;
    stage.console.shows(&["It cannot be run:", "does not allow to break this cluster"]);
    stage.console.keep("drill-blocked");
    stage.console.press("<Enter>prod-eu<Enter>y").await;
    assert_eq!(stage.begun(), []);
    // What cannot even be planned says so in the same place.
    stage.console.press("<Esc><Esc>:drill dcs<Enter>").await;
    stage.answered().await;
    stage.console.shows(&["no plan can be made", "the members of the DCS are unknown"]);
    stage.console.press("<Enter>prod-eu<Enter>y").await;
    assert_eq!(stage.begun(), []);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_prepared_is_told_in_a_line_that_stays() {
    let world = World::new().await;
    let why = "the container engine at unix:///var/run/docker.sock does not answer".to_owned();
    let mut stage = Stage::with(world, Vec::new(), Err(why.clone()), Options::default(), Vec::new()).await;
    stage.console.press("9ab").await;
    stage.answered().await;
    stage.console.pass(100).await;
    stage.console.shows(&["It cannot be planned:", &why]);
    stage.console.keep("drill-unprepared");
    stage.console.press("<Enter>").await;
    stage.console.hides(&["It cannot be planned"]);
    assert_eq!(stage.begun(), []);
}

#[tokio::test(start_paused = true)]
async fn whoever_leaves_while_a_drill_is_prepared_is_not_followed_by_it() {
    let mut stage = Stage::new(Vec::new(), sound()).await;
    for keys in ["<Esc>", "2", "?<Esc><Esc>"] {
        stage.console.press("9ab").await;
        stage.console.shows(&[ASKING]);
        stage.console.press(keys).await;
        stage.answered().await;
        stage.console.hides(&[ASKING, "CHECKS"]);
    }
    // Who asks twice is answered once, by the second.
    stage.console.press("9ab<Esc>:drill kill<Enter>").await;
    stage.drills.go.add_permits(1);
    stage.answered().await;
    stage.console.shows(&["Drill on prod-eu: kill the leader", "CHECKS"]);
}

#[tokio::test(start_paused = true)]
async fn a_read_only_console_shows_everything_and_says_why_it_begins_nothing() {
    let world = World::new().await;
    let desk = desk(&world, sound());
    let options = Options { read_only: true, ..Options::default() };
    let mut stage = Stage::with(world, past(), Ok(desk), options, Vec::new()).await;
    stage.console.press("9").await;
    stage.console.shows(&["none can be begun here: this console is read-only", "22.00 s", "20261110-140000-000-4"]);
    stage.console.keep("drill-read-only");
    stage.console.press("jj<Enter>").await;
    stage.console.shows(&["RTO 31.40 s"]);
    for keys in ["b", "<Esc>ab", "<Esc>:drill kill<Enter>", ":drill<Enter>"] {
        stage.console.press(keys).await;
        stage.console.shows(&["this console is read-only"]);
        stage.console.hides(&[ASKING, "CHECKS"]);
    }
    assert_eq!((stage.begun(), stage.console.asked.len()), (Vec::new(), 0));
}

#[tokio::test(start_paused = true)]
async fn a_drill_of_another_console_is_marked() {
    let world = World::new().await;
    let desk = desk(&world, sound());
    let intent = Intent::Drill { scenario: Scenario::Kill, target: None };
    let plan = desk.draw_up(&world.handle.latest().snapshot, &intent).expect("a plan").plan;
    let operator = Operator { user: "anna".into(), host: "bastion".into(), ..Operator::default() };
    let request = Request { action: action(), plan, confirmation: Confirmation::default(), operator };
    let at: Timestamp = "2026-11-21T14:10:00Z".parse().expect("a time");
    let runs = JobState::Running(Some(Process::this("bastion")));
    let listed = vec![Listed { request, at, state: runs, acknowledged: false }];
    let mut stage = Stage::with(world, past(), Ok(desk), Options::default(), listed).await;
    stage.console.press("9").await;
    stage.console.shows(&["◐ kill", "running: kill the leader", "begun 14:10:00 by anna@bastion"]);
    assert_eq!(stage.world.handle.cluster, "prod-eu");
}

#[tokio::test(start_paused = true)]
async fn what_is_typed_behind_drill_is_understood_or_refused_with_what_there_is() {
    let mut stage = Stage::new(past(), sound()).await;
    stage.console.press(":drill quake<Enter>").await;
    stage.console.shows(&["no scenario is called quake; there is switchover, stop, kill"]);
    stage.console.press(":drill kill soon<Enter>").await;
    stage.console.shows(&["soon: behind the scenario write the longest outage wished for"]);
    assert_eq!(stage.console.asked.len(), 0);
    // Where nothing is selected, it is asked which.
    stage.console.press(":drill<Enter>").await;
    stage.console.shows(&[":drill", "hand the lead over: 1.61 s (median of 1)", "lose the router"]);
    stage.console.press("<Esc>9").await;
    stage.console.press(":drill 40s<Enter>").await;
    stage.answered().await;
    stage.console.shows(&["Drill on prod-eu: hand the lead over", "t: target 40.0 s"]);
}

#[tokio::test(start_paused = true)]
async fn of_a_drill_that_died_it_is_told_who_takes_back_what_it_broke() {
    let world = World::new().await;
    let desk = desk(&world, sound());
    let intent = Intent::Drill { scenario: Scenario::Kill, target: None };
    let plan = desk.draw_up(&world.handle.latest().snapshot, &intent).expect("a plan").plan;
    let owed = plan.steps.iter().enumerate().filter_map(|(at, step)| Some((at, step.undo.clone()?))).collect();
    let remains = Remains {
        process: Some(Process::this("bastion")),
        started: true,
        answered: vec![(1, "kill pg-0 (simulated)".into(), Some(true))],
        open: None,
        not_begun: Vec::new(),
        past_no_return: true,
        acted: true,
        told: Vec::new(),
        escorting: false,
        owed,
    };
    let operator = Operator { user: "anna".into(), host: "bastion".into(), ..Operator::default() };
    let request = Request { action: action(), plan, confirmation: Confirmation::default(), operator };
    let at: Timestamp = "2026-11-21T14:10:00Z".parse().expect("a time");
    let listed = vec![Listed { request, at, state: JobState::Died(Box::new(remains)), acknowledged: false }];
    let mut stage = Stage::with(world, past(), Ok(desk), Options::default(), listed).await;
    stage.console.shows(&["Died:", "start pg-0", "Its guard takes that back by itself", "pgctl-tui drill mend"]);
    stage.console.hides(&["u: plan how to take that back", "u take back"]);
    stage.console.press("n9").await;
    stage.console.hides(&["running: kill the leader"]);
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
    console.shows(&["kill the leader on prod-eu", "first write +", "(RPO 0)", "no drill of this kind"]);
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
    console.shows(&["No drill of prod-eu is on record."]);
    console.press(":drill stop 30s<Enter>").await;
    console.until("Enter to confirm").await;
    console.shows(&["stop pg-0 (simulated)", "0 block"]);
    console.press("<Enter>prod-eu<Enter>").await;
    console.until("done: drill on prod-eu: stop the leader").await;
    console.press("<Enter>").await;
    console.shows(&["stop the leader on prod-eu", "target 30.00 s kept", "(RPO 0)", "leader key gone"]);
    console.keep("drill-of-the-demo");
}
