//! The verbs that act, as an operator types them, on the lab (`PGCTL_LAB=1`, after `dev/lab up`): what they say, how they
//! exit, and whether the cluster and the journal agree. Each test leaves the lab as it was, but for who leads.
#![expect(
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "helpers of tests fail as tests do, and run the program"
)]

#[expect(dead_code, clippy::panic, reason = "each test binary uses a part of it")]
#[path = "support/lab.rs"]
mod lab;

use lab::Lab;
use serde_json::Value;

/// Exit code, standard output and standard error of a verb, with nobody at the terminal.
fn act(lab: &Lab, arguments: &[&str]) -> (i32, String, String) {
    lab.act(arguments)
}

/// The leader as Patroni's own tool has it.
fn leader_by_patronictl() -> String {
    let list: Value = serde_json::from_str(&Lab::patronictl(&["list", "-f", "json"])).expect("JSON");
    let members = list.as_array().expect("members");
    let leads = members.iter().find(|member| member["Role"] == "Leader").expect("a leader");
    leads["Member"].as_str().expect("a name").to_owned()
}

fn replica_by_patronictl() -> String {
    let list: Value = serde_json::from_str(&Lab::patronictl(&["list", "-f", "json"])).expect("JSON");
    let members = list.as_array().expect("members");
    let replica = members.iter().find(|member| member["Role"] == "Replica").expect("a replica");
    replica["Member"].as_str().expect("a name").to_owned()
}

#[test]
#[ignore = "needs the lab"]
fn a_pause_is_refused_without_a_yes_done_with_one_and_refused_again() {
    let lab = Lab::new();
    let (code, _, error) = act(&lab, &["pause"]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("--yes"), "{error}");
    assert_eq!(lab.status()["paused"]["value"], false, "a refusal sends nothing");
    let (code, reported, error) = act(&lab, &["--read-only", "pause", "--yes"]);
    assert_eq!((code, lab.status()["paused"]["value"].as_bool()), (3, Some(false)), "{reported}{error}");
    let (code, reported, error) = act(&lab, &["pause", "--yes", "--reason", "live test"]);
    assert_eq!(code, 0, "{reported}{error}");
    assert_eq!(lab.status()["paused"]["value"], true);
    let (code, _, error) = act(&lab, &["pause", "--yes"]);
    assert_eq!(code, 3, "{error}");
    let (code, reported, error) = act(&lab, &["resume", "--yes"]);
    assert_eq!(code, 0, "{reported}{error}");
    assert_eq!(lab.status()["paused"]["value"], false);
    let (code, journal, error) = act(&lab, &["audit"]);
    assert_eq!(code, 0, "{error}");
    for words in ["pause lab", "resume lab", "done"] {
        assert!(journal.contains(words), "{words} in {journal}");
    }
}

#[test]
#[ignore = "needs the lab"]
fn a_switchover_wants_the_clusters_name_and_ends_when_everybody_agrees() {
    let lab = Lab::new();
    let (before, candidate) = (leader_by_patronictl(), replica_by_patronictl());
    let (code, _, error) = act(&lab, &["switchover", &candidate, "--yes"]);
    assert_eq!(code, 3, "{error}");
    assert!(error.contains("--confirm lab"), "{error}");
    let (code, _, error) = act(&lab, &["switchover", &before, "--confirm", "lab"]);
    assert_eq!(code, 3, "{error}");
    assert_eq!(leader_by_patronictl(), before, "nothing was sent so far");
    let (code, plan, error) = act(&lab, &["switchover", &candidate, "--dry-run", "--output", "json"]);
    assert_eq!(code, 0, "{error}");
    let plan: Value = serde_json::from_str(&plan).expect("a plan");
    assert!(plan["hash"].as_str().is_some_and(|hash| hash.len() == 64), "{plan}");
    let (code, reported, error) = act(&lab, &["switchover", &candidate, "--confirm", "lab"]);
    assert_eq!(code, 0, "{reported}{error}");
    for words in
        ["POST http://", "Successfully switched over", &format!("{candidate} promoted"), "router follows", "done"]
    {
        assert!(reported.contains(words), "{words} in {reported}");
    }
    assert_eq!(leader_by_patronictl(), candidate);
    let (code, _, error) = act(&lab, &["failover", &before, "--confirm", &before]);
    assert_eq!(code, 3, "a leader lives: {error}");
    let (code, _, error) = act(&lab, &["reinit", &candidate, "--confirm", &candidate]);
    assert_eq!(code, 3, "it leads: {error}");
    let (code, reported, error) = act(&lab, &["reinit", &before, "--confirm", &before]);
    assert_eq!(code, 0, "{reported}{error}");
}

#[test]
#[ignore = "needs the lab"]
fn a_reload_is_seen_to_have_happened() {
    let lab = Lab::new();
    let (code, reported, error) = act(&lab, &["reload", "--all", "--yes"]);
    assert_eq!(code, 0, "{reported}{error}");
    assert!(reported.contains("reloaded"), "{reported}");
}

/// Lets the console act on the router and over SQL too.
fn act_everywhere(lab: &Lab) {
    let config = std::fs::read_to_string(lab.config()).expect("a configuration");
    let port = std::env::var("LAB_ROUTER_RUNTIME_PORT").unwrap_or_else(|_| "9999".to_owned());
    let mut lines: Vec<String> = Vec::new();
    for line in config.lines() {
        lines.push(line.to_owned());
        if line.starts_with("runtime = ") && !config.contains("\nacting = { runtime") {
            lines.push(format!("acting = {{ runtime = \"tcp:127.0.0.1:{port}\" }}"));
        }
        if line.starts_with("[clusters.lab.postgres]") && !config.contains("\n[clusters.lab.postgres.acting]") {
            lines.push("acting = { user = \"postgres\", password_env = \"LAB_SUPERUSER_PASSWORD\" }".to_owned());
        }
        if line.starts_with("[clusters.lab.etcd]") {
            lines.push("write_config = true".to_owned());
        }
    }
    std::fs::write(lab.config(), lines.join("\n")).expect("written");
}

#[test]
#[ignore = "needs the lab"]
fn the_configuration_is_changed_in_etcd_itself_where_that_is_allowed() {
    let lab = Lab::new();
    act_everywhere(&lab);
    let (code, reported, error) = act(&lab, &["configure", "maximum_lag_on_failover=2097152", "--confirm", "lab"]);
    assert_eq!(code, 0, "{reported}{error}");
    assert!(reported.contains("if still at revision"), "{reported}");
    assert!(Lab::patronictl(&["show-config"]).contains("2097152"));
    let (code, reported, error) = act(&lab, &["configure", "maximum_lag_on_failover=1048576", "--confirm", "lab"]);
    assert_eq!(code, 0, "{reported}{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs the lab"]
async fn a_statement_is_cancelled_and_a_session_ended_by_its_process_id() {
    let lab = Lab::new();
    act_everywhere(&lab);
    let leader = leader_by_patronictl();
    let number: u16 = leader.trim_start_matches("pg-").parse().expect("a number");
    let port =
        std::env::var(format!("LAB_PG_{number}_PORT")).map_or(5432 + number, |port| port.parse().expect("a port"));
    let mut config = tokio_postgres::Config::new();
    config.host("127.0.0.1").port(port).user("postgres").dbname("postgres").password("lab-superuser");
    let (client, connection) = config.connect(tokio_postgres::NoTls).await.expect("a session");
    drop(tokio::spawn(connection));
    let row = client.query_one("SELECT pg_backend_pid()", &[]).await.expect("a row");
    let pid = row.get::<_, i32>(0).to_string();
    let (code, _, error) = act(&lab, &["session", "cancel", &leader, &pid, "--yes"]);
    assert_eq!(code, 3, "it is idle: {error}");
    for (how, left) in [("cancel", true), ("terminate", false)] {
        let sleep = client.simple_query("SELECT pg_sleep(60)");
        let end = async {
            let verb = ["session", how, &leader, &pid, "--yes"].map(str::to_owned);
            let lab = &lab;
            tokio::task::block_in_place(|| act(lab, &verb.each_ref().map(String::as_str)))
        };
        let (slept, (code, reported, error)) = futures::future::join(sleep, end).await;
        assert_eq!(code, 0, "{reported}{error}");
        assert!(slept.is_err() && reported.contains("ended"), "{reported}");
        assert_eq!(client.simple_query("SELECT 1").await.is_ok(), left, "{reported}");
    }
}

#[test]
#[ignore = "needs the lab"]
fn a_replica_is_drained_restarted_and_led_to_again() {
    let lab = Lab::new();
    act_everywhere(&lab);
    let (leader, replica) = (leader_by_patronictl(), replica_by_patronictl());
    let (code, _, error) = act(&lab, &["drain", &leader, "--yes"]);
    assert_eq!(code, 3, "it leads: {error}");
    assert!(error.contains("switch over first"), "{error}");
    let (code, reported, error) = act(&lab, &["drain", &replica, "--then", "restart", "--yes"]);
    assert_eq!(code, 0, "{reported}{error}");
    for words in ["state drain", "no sessions left", "restarted", "caught up", "accepts sessions"] {
        assert!(reported.contains(words), "{words} in {reported}");
    }
    let (code, reported, error) = act(&lab, &["drain", &replica, "--yes"]);
    assert_eq!(code, 0, "{reported}{error}");
    let (code, _, error) = act(&lab, &["drain", &replica, "--yes"]);
    assert_eq!(code, 3, "it is drained already: {error}");
    let (code, reported, error) = act(&lab, &["undrain", &replica, "--yes"]);
    assert_eq!(code, 0, "{reported}{error}");
    let (code, _, error) = act(&lab, &["undrain", &replica, "--yes"]);
    assert_eq!(code, 3, "nothing is drained any more: {error}");
}
