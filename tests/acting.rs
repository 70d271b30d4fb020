//! Acting from the console, by rows of keys, on a simulated cluster: through the dialog to the outcome, and every way in
//! which it must not come to that.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

#[path = "support/console.rs"]
mod console;

use std::collections::BTreeMap;
use std::time::Duration;

use console::{Console, World};
use jiff::Timestamp;
use pgctl::action::Intent;
use pgctl::action::before::StateBefore;
use pgctl::action::generation::Generation;
use pgctl::action::intent::{RouterIntent, ServerState};
use pgctl::action::order::{Order, RouterRequest};
use pgctl::action::permit::Confirmation;
use pgctl::action::record::{ActionId, Entry, Operator, Record};
use pgctl::action::verb::Subject;
use pgctl::driver::ha::sim::Fault;
use pgctl::driver::port::{Lock as _, LockClaim};
use pgctl::model::name::NodeName;
use pgctl::operate::Request;
use pgctl::operate::job::{JobSpec, JobState, Process, SCHEMA};
use pgctl::operate::ports::JobStore as _;
use pgctl::operate::undo::UndoBook as _;
use pgctl::tui::command::{Argument, Command};
use pgctl::tui::options::{Hooks, Options};
use pgctl::wire::rehearsal;

fn begun(console: &Console) -> Vec<&String> {
    console.asked.iter().filter(|asked| asked.starts_with("begin")).collect()
}

#[tokio::test(start_paused = true)]
async fn a_switchover_goes_through_the_dialog_to_its_outcome_and_stays_readable() {
    let world = World::new().await;
    let mut console = world.console();
    console.press("a").await;
    console.keep("menu");
    // Of the leader: what fits it, and the rest one key away, with the reasons.
    console.shows(&["Act on prod-eu / pg-0", "switch over from pg-0 to pg-1 (sync, ", "more"]);
    console.hides(&["select a", "failover"]);
    console.press("<Tab>").await;
    console.keep("menu-whole");
    console.shows(&["NOT AVAILABLE NOW", "failover", "pg-0 is already the leader"]);
    console.press("s").await;
    console.shows(&["Switch over prod-eu from pg-0 to pg-1", "CHECKS", "0 block", "──▶", "Enter to confirm"]);
    console.keep("switchover");
    console.press("c").await;
    console.keep("switchover-checks");
    console.press("<PageDown><PageDown><PageDown>").await;
    console.shows(&["STEPS", "same as   patronictl switchover prod-eu --leader pg-0 --candidate pg-1"]);
    console.keep("switchover-steps");
    console.press("y").await;
    assert!(console.asked.iter().any(|asked| asked.starts_with("copy patronictl switchover prod-eu")));
    console.press("<Enter>prod").await;
    console.shows(&["Type prod-eu to run it: prod"]);
    console.keep("switchover-typing");
    console.press("<Enter>").await;
    console.shows(&["that is not prod-eu: nothing was started"]);
    assert!(begun(&console).is_empty());
    console.press("prod-eu<Enter>").await;
    assert_eq!(begun(&console).len(), 1);
    console.until("operation lock acquired").await;
    console.until("✓    0.0 s requested").await;
    console.keep("running");
    console.press("<Esc>").await;
    console.moment().await;
    console.shows(&["switchover prod-eu:", "press A"]);
    console.keep("background");
    // How far it has got is told where it is watched: from the list nothing is ended unseen.
    console.press("Ax").await;
    console.until("done: switch over prod-eu from pg-0 to pg-1").await;
    console.shows(&["pg-0 stepped down", "pg-1 promoted", "router follows", "STEPS AND RESPONSES"]);
    console.keep("done");
    console.press("<Esc><Esc>").await;
    console.until("leader pg-1").await;
    console.press("A").await;
    console.shows(&["done", "switch over prod-eu from pg-0 to pg-1"]);
    console.keep("actions");
    // Another console of the same user watches what this one began.
    let mut second = world.console();
    second.press("A<Enter>").await;
    second.until("done: switch over prod-eu from pg-0 to pg-1").await;
    second.shows(&["started by"]);
}

#[tokio::test(start_paused = true)]
async fn a_read_only_console_does_nothing_by_key_menu_or_palette_and_says_why() {
    let world = World::new().await;
    for (options, hooks) in [
        (Options { read_only: true, ..Options::default() }, Hooks::default()),
        (Options { read_only: true, ..Options::default() }, world.hooks()),
        (Options::default(), Hooks::default()),
    ] {
        let why = if options.read_only { "read-only" } else { "not available in this console" };
        let mut console = Console::new(&world, options, &hooks);
        console.press("a").await;
        console.shows(&[why]);
        console.press("s<Enter>prod-eu<Enter>").await;
        for (_, spec) in Command::menu() {
            let argument = match spec.argument {
                Argument::Subject(
                    Subject::Candidate | Subject::Successor | Subject::Member | Subject::Members | Subject::Drained,
                ) => " pg-1",
                Argument::Subject(Subject::Changes) => " ttl=40",
                Argument::Subject(Subject::Server) => " primary/pg-0",
                Argument::Subject(Subject::Session) => " pg-0/4711",
                _ => "",
            };
            console.press(&format!(":{}{argument}<Enter><Enter>y", spec.name)).await;
            console.hides(&["CHECKS", "Type prod-eu", "Run it?"]);
            console.press("<Esc><Esc>").await;
        }
        console.press(":undo<Enter>").await;
        console.shows(&[why]);
        console.press(":switchover").await;
        console.shows(&[why]);
        console.press("<Esc>").await;
        assert!(console.asked.iter().all(|asked| !asked.starts_with("begin") && !asked.starts_with("edit")));
    }
    let wall = Options { wall: true, ..Options::default() };
    let mut console = Console::new(&world, wall, &world.hooks());
    console.press("as<Enter>prod-eu<Enter>:pause<Enter>A").await;
    assert!(console.asked.is_empty(), "{:?}", console.asked);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_is_read_only_or_a_picture_that_stands_still_is_not_acted_on() {
    let world = World::with(|stack| stack.identity.read_only = true).await;
    let mut console = world.console();
    console.press(":pause<Enter>").await;
    console.shows(&["the configuration has this cluster read-only"]);
    let world = World::new().await;
    let mut console = world.console();
    console.press("<Space>:pause<Enter>").await;
    console.shows(&["the display is frozen"]);
    console.press("<Space>:pause<Enter>").await;
    console.shows(&["Enter to confirm"]);
}

#[tokio::test(start_paused = true)]
async fn what_was_typed_is_discarded_when_the_plan_moves() {
    let world = World::new().await;
    let mut console = world.console();
    console.press(":switchover pg-1<Enter><Enter>prod-e").await;
    console.shows(&["Type prod-eu to run it: prod-e"]);
    console.pass(30).await;
    console.shows(&["Type prod-eu to run it: prod-e"]);
    world.inject(Fault::KillNode(NodeName::new("pg-0")));
    console.until("your input was discarded").await;
    console.keep("moved");
    console.hides(&["prod-e▏", "Type prod-eu to run it"]);
    console.press("u<Enter>").await;
    assert!(begun(&console).is_empty(), "{:?}", console.asked);
}

#[tokio::test(start_paused = true)]
async fn a_confirmation_that_was_left_alone_confirms_nothing() {
    let world = World::new().await;
    let mut console = world.console();
    console.press(":switchover pg-1<Enter><Enter>prod-eu").await;
    console.pass(620).await;
    console.shows(&["no input for a minute"]);
    console.press("<Enter><Enter>").await;
    assert!(begun(&console).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_blocks_cannot_be_confirmed_and_the_block_stays_in_sight_at_80x24() {
    let world = World::new().await;
    let mut console = world.console();
    console.size = (80, 24);
    console.press(":failover pg-2<Enter>").await;
    console.shows(&["pg-0 is the leader and reachable, so a switchover would be needed; pg-2 is"]);
    // What was told goes with the next key, and what a dialog asks stays in sight with its keys.
    console.press(":switchover pg-1<Enter>").await;
    console.shows(&["Enter to confirm", "Enter confirm  Esc leave  d dry run"]);
    console.hides(&["pg-0 is the leader and reachable"]);
    console.press("<Esc>af").await;
    console.shows(&["✖ pg-0 is already the leader: nothing to do", "Enter open"]);
    console.press("<Esc>").await;
    world.inject(Fault::FreezeNode(NodeName::new("pg-1")));
    console.pass(40).await;
    console.press(":switchover pg-1<Enter>").await;
    console.shows(&["Cannot run:", "✖"]);
    console.keep("blocked");
    console.press("<PageDown><PageDown><Up>").await;
    console.shows(&["Cannot run:", "✖"]);
    console.press("<Enter>prod-eu<Enter>y").await;
    assert!(begun(&console).is_empty());
    console.press("d").await;
    console.shows(&["dry run, nothing sent: the action would be refused"]);
}

#[tokio::test(start_paused = true)]
async fn the_question_stays_in_sight_at_every_size() {
    let world = World::new().await;
    let mut console = world.console();
    console.press(":switchover pg-1<Enter><Enter>prod-").await;
    for size in [(120, 40), (80, 24), (60, 16), (200, 60), (80, 24)] {
        console.size = size;
        console.shows(&["Type prod-eu to run it: prod-"]);
    }
    for width in (40..90).step_by(7) {
        for height in 8..26 {
            console.size = (width, height);
            console.text();
        }
    }
    console.size = (80, 24);
    console.press("eu<Enter>").await;
    assert_eq!(begun(&console).len(), 1);
    console.until("done: switch over").await;
}

#[tokio::test(start_paused = true)]
async fn an_override_is_chosen_manually_asks_for_a_reason_and_lands_in_the_journal() {
    let world = World::new().await;
    // One check that blocks and may be overridden: the last server that takes writes.
    let mut console = world.console();
    console.press(":server-maint primary/pg-0<Enter>").await;
    console.shows(&["Cannot run: 1 check blocks", "o: override"]);
    console.press("<Enter>").await;
    assert!(begun(&console).is_empty());
    console.press("o").await;
    console.hides(&["Cannot run"]);
    console.press("<Enter>").await;
    console.shows(&["Reason (for the journal):"]);
    console.press("<Enter>").await;
    console.shows(&["a reason is required"]);
    console.press("the host is replaced<Enter>").await;
    console.keep("override");
    console.shows(&["Type prod-eu to run it"]);
    console.press("prod-eu<Enter>").await;
    console.until("done: set primary/pg-0").await;
    let listed = world.launcher.job_store().list().await.expect("a list");
    let confirmation = &listed[0].request.confirmation;
    assert_eq!(confirmation.reason.as_ref().map(pgctl::model::text::Text::as_str), Some("the host is replaced"));
    assert_eq!(confirmation.overridden.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_protected_cluster_asks_why() {
    let world = World::with(|stack| stack.identity.protected = true).await;
    let mut console = world.console();
    console.press(":pause<Enter><Enter>").await;
    console.shows(&["Reason (for the journal):"]);
    console.press("storage is moved<Enter>").await;
    console.shows(&["Run it?"]);
    console.press("n").await;
    assert!(begun(&console).is_empty());
    console.press("<Enter>").await;
    console.press("y").await;
    assert_eq!(begun(&console).len(), 1);
    console.until("done: ").await;
}

#[tokio::test(start_paused = true)]
async fn two_consoles_have_one_lock_and_the_second_is_reported_who_holds_it() {
    let world = World::new().await;
    let clock = world.handle.clock;
    let mut lock = world.cluster.lock(std::sync::Arc::new(move || clock.now()));
    let operator = Operator { user: "anna".into(), host: "bastion".into(), ..Operator::default() };
    let claim = LockClaim {
        action: ActionId("20261121-140207-000-1".to_owned()),
        verb: "reinit".into(),
        operator,
        reason: None,
        since: Timestamp::UNIX_EPOCH,
    };
    let mut console = world.console();
    console.press(":switchover pg-1<Enter>").await;
    console.shows(&["Enter to confirm"]);
    lock.acquire(&claim).await.expect("free");
    console.until("the operation lock is held: reinit by anna@bastion").await;
    console.keep("locked");
    console.press("<Enter>prod-eu<Enter>").await;
    assert!(begun(&console).is_empty());
    lock.release().await.expect("given back");
    console.until("Enter to confirm").await;
}

#[tokio::test(start_paused = true)]
async fn an_action_can_be_asked_to_end_before_the_point_of_no_return() {
    let world = World::new().await;
    let mut console = world.console();
    console.press(":switchover pg-1<Enter><Enter>prod-eu<Enter>x").await;
    console.shows(&["cancellation requested"]);
    console.until("cancelled").await;
    console.shows(&["leader pg-0"]);
}

#[tokio::test(start_paused = true)]
async fn a_time_and_the_other_options_make_another_plan() {
    let world = World::new().await;
    let mut console = world.console();
    console.press(":switchover pg-1<Enter>t").await;
    console.press("+2h<Enter>").await;
    console.shows(&["OPTIONS", "Enter to confirm"]);
    console.hides(&["t: when now"]);
    console.press("t<Enter>").await;
    console.shows(&["t: when now", "s: swift on"]);
    console.press("t").await;
    console.press("soon<Enter>").await;
    console.shows(&["a time needs a time zone"]);
    console.press("s").await;
    console.shows(&["s: swift off"]);
    console.press("<Tab>").await;
    console.hides(&["from pg-0 to pg-1"]);
    console.press("<Shift-Tab>").await;
    console.shows(&["from pg-0 to pg-1"]);
    console.press("<Esc>:reinit pg-2<Enter>").await;
    console.shows(&["l: clone from chosen by Patroni"]);
    console.press("lg").await;
    console.shows(&["l: clone from the leader", "g: cancel a running reinit first on"]);
    console.keep("reinit");
}

#[tokio::test(start_paused = true)]
async fn the_configuration_is_changed_by_a_line_or_in_the_editor_and_shown_as_a_difference() {
    let world = World::new().await;
    let mut console = world.console();
    console.press("ac").await;
    console.press("ttl=40<Enter>").await;
    console.shows(&["CHANGES", "- ttl: 30", "+ ttl: 40"]);
    console.keep("configure");
    // The editor goes on from what was typed, and what is edited is still compared with what is on record.
    console.press("e").await;
    let text = console.in_editor();
    assert!(text.contains("\"ttl\": 40"), "{text}");
    console.edited(&text.replace("\"ttl\": 40", "\"ttl\": 41")).await;
    console.shows(&["- ttl: 30", "+ ttl: 41"]);
    console.press("e").await;
    let text = console.in_editor();
    console.edited(&text.replace("\"ttl\": 41", "\"ttl\": 30")).await;
    console.shows(&["nothing was changed"]);
    console.hides(&["CHANGES"]);
    console.press("ae").await;
    let text = console.in_editor();
    assert!(text.contains("\"ttl\": 30"), "{text}");
    console.edited(&text.replace("\"ttl\": 30", "\"ttl\": 45")).await;
    console.shows(&["- ttl: 30", "+ ttl: 45"]);
    console.press("<Enter>prod-eu<Enter>").await;
    console.until("done: ").await;
    console.press("<Esc>:edit-config<Enter>").await;
    console.edited("{ \"ttl\": 50, }").await;
    console.shows(&["your input is not a JSON object", "edit-config opens it again"]);
    console.press("ae").await;
    assert_eq!(console.in_editor(), "{ \"ttl\": 50, }", "what was written is not lost");
}

#[tokio::test(start_paused = true)]
async fn a_member_and_a_session_are_taken_from_the_selected_row() {
    let world = World::new().await;
    let mut console = world.console();
    console.press("1jj").await;
    let node = console.text();
    console.press("ar").await;
    console.shows(&["restart"]);
    console.hides(&["planning failed"]);
    assert!(node.contains("pg-"));
    console.press("<Esc>6").await;
    console.press("at").await;
    console.shows(&["terminate", "Enter to confirm"]);
    console.press("<Esc>3").await;
    console.press("ad").await;
    console.shows(&["drain"]);
    console.press("<Esc><Esc>:restart nowhere<Enter>").await;
    console.shows(&["nowhere is not a member"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_is_drained_for_a_restart_or_left_so_and_reverted_by_keys() {
    let world = World::new().await;
    let mut console = world.console();
    console.press("1jaD").await;
    console.shows(&["Drain pg-1 of prod-eu", "n: then leave it drained", "t: max wait 1 min", "Enter to confirm"]);
    console.press("n").await;
    console.shows(&["Drain pg-1, then restart", "n: then restart it, then undrain", "reverted at the end"]);
    console.press("n").await;
    console.shows(&["n: then reinit it, then undrain"]);
    console.press("n").await;
    console.press("tsoon<Enter>").await;
    console.shows(&["`soon` is not a duration"]);
    console.press("t20s<Enter>").await;
    console.shows(&["t: max wait 20.0 s"]);
    console.keep("drain");
    console.press("<Enter>y").await;
    console.until("done: drain pg-1 of prod-eu").await;
    console.press("<Esc>:drain pg-1<Enter>").await;
    console.shows(&["no router routes sessions to pg-1: nothing to drain"]);
    console.press(":undrain pg-1<Enter>").await;
    console.until("Enter to confirm").await;
    console.press("<Enter>y").await;
    console.until("done: undrain pg-1 of prod-eu").await;
    console.press("<Esc>:drain pg-2 restart 2m<Enter>").await;
    console.shows(&["Drain pg-2, then restart", "t: max wait 2 min"]);
    console.until("Enter to confirm").await;
    console.press("<Enter>").await;
    console.keep("drain-asked");
    console.press("y").await;
    console.until("done: drain pg-2, then restart").await;
    console.keep("drain-done");
    console.press("<Esc>:drain pg-2 restrat<Enter>").await;
    console.shows(&["restrat: after the node give restart or reinit, and the max wait, such as 90s"]);
    console.press(":drain pg-0<Enter>").await;
    console.shows(&["pg-0 is the leader, draining it would stop all writes"]);
}

#[tokio::test(start_paused = true)]
async fn routers_are_settled_by_keys() {
    let world = World::new().await;
    let mut console = world.console();
    console.press("aS").await;
    console.shows(&["Enter to confirm", "pg-0"]);
    console.keep("settle");
    console.press("<Enter>y").await;
    console.until("done: ").await;
}

#[tokio::test(start_paused = true)]
async fn a_pooler_is_paused_by_keys_and_stays_so_until_it_is_resumed() {
    let world = World::new().await;
    let mut console = world.console();
    console.press(":poolers<Enter>").await;
    console.press("a").await;
    console.shows(&["Act on prod-eu / pgbouncer", "pooler-pause", "pooler-reconnect", "pooler-kill"]);
    console.press("<Esc>:pooler-pause pgbouncer/orders<Enter>").await;
    console.until("Enter to confirm").await;
    console.shows(&["Pause orders of pgbouncer", "query_wait_timeout", "4 checks passed", "stays, can be undone"]);
    console.press("<Enter>y").await;
    console.until("done: pause orders of pgbouncer").await;
    console.shows(&["it stays so until it is reverted", "pooler resume pgbouncer --database orders"]);
    console.press("<Esc>:pooler-pause pgbouncer<Enter>").await;
    console.until("already, by another user").await;
    console.press("<Esc>:undo<Enter>").await;
    console.until("Enter to confirm").await;
    console.press("<Enter>y").await;
    console.until("done: undo what").await;
    console.press("<Esc>:pooler-resume pgbouncer<Enter>").await;
    console.until("pgbouncer is not paused: nothing to do").await;
    // By the verb as well, which settles what the book of the action says.
    console.press(":pooler-kill pgbouncer<Enter>").await;
    console.until("Enter to confirm").await;
    console.shows(&["all clients of orders of pgbouncer are disconnected at once"]);
    console.press("<Enter>prod-eu<Enter>").await;
    console.until("done: drop all clients of orders of pgbouncer").await;
    console.press("<Esc>:pooler-resume pgbouncer/orders<Enter>").await;
    console.until("Enter to confirm").await;
    console.press("<Enter>y").await;
    console.until("done: resume orders of pgbouncer").await;
    console.press("<Esc>:undo<Enter>").await;
    console.shows(&["no action has left anything to undo"]);
}

/// A job that has drained a server, and died before it could take that back.
async fn dead_job(world: &World) -> ActionId {
    let plan_service = rehearsal::plan_service();
    let intent = Intent::Router(RouterIntent::Server {
        router: "pg-router".into(),
        backend: "replicas".into(),
        server: "pg-1".into(),
        state: ServerState::Drain,
    });
    let mut plan = plan_service.make_plan(&world.handle.latest().snapshot, &intent).expect("a plan").plan;
    let request = RouterRequest::State { backend: "replicas".into(), server: "pg-1".into(), state: ServerState::Ready };
    let undo = Order::Router { router: "pg-router".into(), request };
    plan.steps[0].undo = Some(undo.clone());
    let action = ActionId("20261121-140207-000-4711".to_owned());
    let operator = Operator { user: "anna".into(), host: "bastion".into(), ..Operator::default() };
    let confirmation = Confirmation { plan: Some(plan.hash()), ..Confirmation::default() };
    let request = Request { action: action.clone(), plan: plan.clone(), confirmation, operator: operator.clone() };
    let job_store = world.launcher.job_store();
    let at = world.handle.latest().snapshot.wall;
    let spec = JobSpec { schema: SCHEMA, request: request.clone(), at, arguments: Vec::new() };
    let job = job_store.jobs().create(&spec).expect("a job");
    let alive = job.take(&Process::this("bastion")).expect("taken");
    job.undo_file().record_pending_undo(0, &undo).await.expect("written");
    let started = Entry::Started {
        operator,
        hash: plan.hash(),
        plan: Box::new(plan.clone()),
        notes: Vec::new(),
        confirmation: request.confirmation,
        before: Box::new(StateBefore { generation: Generation::default(), members: BTreeMap::default() }),
    };
    let ended = Entry::StepEnded {
        step: 0,
        took: Duration::ZERO,
        reply: "drained".into(),
        accepted: Some(true),
        artefact: None,
    };
    for entry in [started, Entry::StepBegan { step: 0 }, ended] {
        let record = Record {
            schema: pgctl::action::record::SCHEMA,
            action: action.clone(),
            at,
            cluster: "prod-eu".into(),
            entry,
        };
        job_store.journal().append(&record).expect("written");
    }
    // The lock goes with its holder, and nothing was heard of it for an hour: also from another host it is gone.
    drop(alive);
    let file = std::fs::File::options().write(true).open(job.directory().join("alive")).expect("there");
    let written = file.metadata().and_then(|metadata| metadata.modified()).expect("a time");
    file.set_modified(written - Duration::from_secs(3600)).expect("set");
    action
}

#[tokio::test(start_paused = true)]
async fn an_action_that_died_is_reported_at_the_start_and_what_it_left_is_reverted() {
    let world = World::new().await;
    let action = dead_job(&world).await;
    let drained = world.hooks();
    let mut console = Console::new(&world, Options::default(), &drained);
    // What the dead job had done stands in the world.
    console.press(":server-drain replicas/pg-1<Enter><Enter>y").await;
    console.until("done: ").await;
    let mut console = world.console();
    console.start().await;
    console.until("Died:").await;
    console.shows(&["COMPLETED STEPS", "TO BE REVERTED", "pg-router: set server replicas/pg-1 state ready"]);
    console.shows(&["THE CLUSTER NOW", "u: undo", "u undo"]);
    console.keep("died");
    console.press("u").await;
    console.until("Enter to confirm").await;
    console.shows(&["Undo what 20261121-140207-000-4711 left in prod-eu"]);
    console.keep("undo");
    console.press("<Enter>y").await;
    console.until("done: undo what").await;
    let job_store = world.launcher.job_store();
    let listed = job_store.list().await.expect("a list");
    let dead = listed.iter().find(|one| *one.action() == action).expect("the dead one");
    assert!(
        matches!(&dead.state, JobState::Died(leftovers) if leftovers.pending_undo.is_empty()),
        "its book is settled: {dead:?}"
    );
    // What was taken back is no news any more; the list still has it.
    assert!(dead.acknowledged, "whoever took it back knows");
    let mut after = world.console();
    after.start().await;
    after.hides(&["Died:", "an action died"]);
    after.press("A<End><Enter>").await;
    after.shows(&["Died:", "No temporary changes are left"]);
    after.hides(&["u undo"]);
    after.press("<Esc><Esc>").await;
    after.press(":undo<Enter>").await;
    after.shows(&["no action has left anything"]);
}

/// What it owed was taken back by another hand: nobody is asked to do it again, and its book says so.
#[tokio::test(start_paused = true)]
async fn what_an_action_left_and_another_operator_took_back_is_injected_and_not_offered() {
    let world = World::new().await;
    let action = dead_job(&world).await;
    let mut console = world.console();
    console.start().await;
    console.pass(100).await;
    console.hides(&["Died:", "an action died", "undo"]);
    let job_store = world.launcher.job_store();
    let listed = job_store.list().await.expect("a list");
    let dead = listed.iter().find(|one| *one.action() == action).expect("the dead one");
    assert!(
        matches!(&dead.state, JobState::Died(leftovers) if leftovers.pending_undo.is_empty()),
        "its book is settled: {dead:?}"
    );
    assert!(dead.acknowledged, "nobody is told of it any more");
    console.press(":undo<Enter>").await;
    console.shows(&["no action has left anything"]);
}

/// The dialog is open while another hand takes back what it tells of.
#[tokio::test(start_paused = true)]
async fn what_is_reverted_while_it_is_offered_is_offered_no_more() {
    let world = World::new().await;
    dead_job(&world).await;
    let mut other = world.console();
    other.press(":server-drain replicas/pg-1<Enter><Enter>y").await;
    other.until("done: ").await;
    let mut console = world.console();
    console.start().await;
    console.until("u undo").await;
    other.press("<Esc>:undrain pg-1<Enter>").await;
    // Until the lock of the drain has gone.
    other.until("Enter to confirm").await;
    other.press("<Enter>y").await;
    other.until("done: ").await;
    console.until("No temporary changes are left").await;
    console.hides(&["u undo"]);
    let mut later = world.console();
    later.start().await;
    later.pass(100).await;
    later.hides(&["Died:", "an action died"]);
}

/// A console that hears nothing of the router tells by the book alone.
#[tokio::test(start_paused = true)]
async fn what_nobody_tells_of_is_reported_by_the_book() {
    let world = World::new().await;
    dead_job(&world).await;
    world.inject(Fault::RouterDown);
    tokio::time::sleep(Duration::from_secs(8)).await;
    let mut console = world.console();
    console.start().await;
    console.hides(&["Died:"]);
    console.until("TO BE REVERTED").await;
}

/// The row of keys below promises commands; one that opens by itself must not swallow the first letter of one.
#[tokio::test(start_paused = true)]
async fn a_command_can_be_typed_over_a_dialog_that_only_tells() {
    let world = World::new().await;
    let mut console = world.console();
    console.press("A:pause").await;
    console.shows(&["maintenance mode on: no automatic failover"]);
    console.press("<Enter>").await;
    console.shows(&["Enter to confirm"]);
}
