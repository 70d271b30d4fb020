//! The menu of actions: whom it is about, what it offers first, and what it says where nothing is selected.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on ends")]

#[path = "support/console.rs"]
#[expect(dead_code, reason = "it serves other tests too")]
mod console;

use console::{Console, World, epoch};
use pgctl::driver::ha::sim::{Fault, Scenario, SimulatedCluster};
use pgctl::model::name::NodeName;

/// The lines of the dialog on the screen.
fn dialog(console: &mut Console) -> Vec<String> {
    let screen = console.text();
    let inside = screen.lines().skip_while(|line| !line.contains('┌')).take_while(|line| !line.contains('└'));
    inside.map(|line| line.trim_matches(|c| " │┌┐─".contains(c)).to_owned()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_server_of_a_router_is_known_with_the_member_behind_it() {
    let world = World::new().await;
    let mut console = world.console();
    console.press("3j").await;
    let screen = console.text();
    assert!(screen.contains("replicas") || screen.contains("primary"), "{screen}");
    console.press("a").await;
    console.keep("menu-server");
    let lines = dialog(&mut console);
    assert!(lines[0].starts_with("Act on prod-eu / ") && lines[0].contains("/pg-"), "{lines:?}");
    // Its own actions first, those of its member behind them.
    let place = |word: &str| lines.iter().position(|line| line.contains(word));
    assert!(place("server-").expect("a server's own") < place("reload").expect("its member's"), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("select a")), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_finding_carries_what_repairs_it_as_the_first_entry() {
    let world = World::new().await;
    let mut console = world.console();
    console.press(":pause<Enter><Enter>y").await;
    console.until("done: ").await;
    console.press("<Esc>8").await;
    console.until(" 1 warning").await;
    console.press("a").await;
    let lines = dialog(&mut console);
    assert!(lines[1].starts_with("for: "), "{lines:?}");
    assert!(lines[2].contains("resume") && lines[2].contains("prod-eu"), "{lines:?}");
    console.keep("menu-finding");
    console.press("<Enter>").await;
    // Until the lock of the pause has gone.
    console.until("Enter confirm").await;
    console.shows(&["Resume"]);
}

/// A slot that keeps WAL is no reason to change who leads.
#[tokio::test(start_paused = true)]
async fn a_finding_that_no_action_repairs_offers_none_first_and_says_what_does() {
    let world = World::new().await;
    world.inject(Fault::AbandonSlot { retained: 11 << 30 });
    let mut console = world.console();
    console.press("8").await;
    console.until("retains").await;
    console.press("a").await;
    console.keep("menu-elsewhere");
    let lines = dialog(&mut console);
    assert!(lines[1].starts_with("for: slot "), "{lines:?}");
    assert!(lines[2].starts_with("no action fixes this: restart its consumer"), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains("switch over from")), "{lines:?}");
    console.press("<Enter>").await;
    console.shows(&["ALSO, ON pg-0", "switch over from pg-0"]);
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_selected_the_cluster_is_named_and_nothing_asks_to_select() {
    let world = World::new().await;
    for view in ["0", "4", "5", "7", "8", "9", ":sources<Enter>", ":poolers<Enter>"] {
        let mut console = world.console();
        console.press(&format!("{view}a")).await;
        let lines = dialog(&mut console);
        assert!(lines[0].starts_with("Act on prod-eu"), "{view}: {lines:?}");
        assert!(lines.iter().all(|line| !line.contains("select a")), "{view}: {lines:?}");
        // What is selected there is a drill, or a pooler, and the rest is behind it.
        if !["9", ":poolers<Enter>"].contains(&view) {
            assert!(lines.iter().any(|line| line.contains("switch over from pg-0 to pg-1 (")), "{view}: {lines:?}");
        }
        console.press("<Tab>").await;
        let lines = dialog(&mut console);
        assert!(lines.iter().all(|line| !line.contains("select a")), "{view}: {lines:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_entry_names_whom_it_is_about() {
    let world = World::new().await;
    let mut console = world.console();
    console.press("1ja").await;
    console.keep("menu-member");
    console.shows(&[
        "Act on prod-eu / pg-1",
        "switch over from pg-0 to pg-1 (",
        "reload the configuration files of pg-1",
    ]);
    console.press("<Esc>6a").await;
    console.keep("menu-session");
    console.shows(&["/ session ", "terminate session "]);
}

/// Whom one would act on must be known; a command without a name keeps asking, with the names that there are.
#[tokio::test(start_paused = true)]
async fn a_command_that_lacks_a_name_stays_open_and_lists_what_may_be_meant() {
    let world = World::new().await;
    let mut console = world.console();
    console.press("0:restart<Enter>").await;
    console.shows(&[":restart", "pg-0", "pg-1", "pg-2", "restart PostgreSQL on pg-1 ("]);
    console.hides(&["✖"]);
    console.press("pg-2<Enter>").await;
    console.shows(&["Restart", "pg-2", "CHECKS"]);
    console.press("<Esc>:server-drain<Enter>").await;
    console.shows(&[":server-drain", "pg-router/"]);
    console.press("<Esc>:end-session<Enter>").await;
    console.shows(&[":end-session", "terminate session "]);
    console.press("<Esc>1j:restart<Enter>").await;
    console.shows(&["CHECKS", "pg-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_without_a_leader_is_offered_its_best_candidate() {
    let world = World::new().await;
    for node in ["pg-0", "pg-1", "pg-2", "pg-3"] {
        world.inject(Fault::FreezeNode(NodeName::new(node)));
    }
    let mut console = world.console();
    console.pass(100).await;
    console.press("0a<Tab>").await;
    console.keep("menu-leaderless");
    let lines = dialog(&mut console);
    assert!(lines.iter().all(|line| !line.contains("select a")), "{lines:?}");
}

/// What a stack lacks is told as that, whatever is selected, and before anybody is asked to select or to type anything.
#[tokio::test(start_paused = true)]
async fn a_verb_that_the_stack_lacks_is_listed_with_the_reason_and_what_to_do_instead() {
    let cluster = SimulatedCluster::plain("prod-eu", 3, Scenario::Calm, epoch());
    // Nobody but the configuration names the members of such a cluster.
    let configured = cluster.member_addresses().into_iter().map(|member_address| member_address.name).collect();
    let world = World::around(cluster, |stack| stack.configured = configured).await;
    let mut console = world.console();
    console.size = (240, 70);
    for (typed, reason) in [
        ("drill", "drills need automatic failover"),
        ("configure", "plain streaming replication has no shared configuration: use ALTER SYSTEM on each node"),
        ("end-session", "run SELECT pg_terminate_backend(PID)"),
        ("restart", "use pg_ctl restart or restart the container, standbys first"),
    ] {
        console.press(&format!("0:{typed}")).await;
        console.shows(&[reason]);
        console.press("<Esc><Esc><Esc>").await;
    }
    console.press("1ja<Tab>").await;
    console.shows(&["NOT AVAILABLE NOW", "stop the standby, empty its data directory", "ALTER SYSTEM"]);
}
