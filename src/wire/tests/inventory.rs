//! What is configured and what the DCS has: nodes that it has forgotten, addresses of another cluster, an etcd that is gone.

use super::*;
use crate::health::readiness::{Condition, unmet};
use crate::model::finding::{Finding, Severity};
use crate::model::inventory::WrongCluster;
use crate::model::member::Presence;
use crate::observe::once;

const OTHER: &str = "1234567890123456789";

/// An agent that tells who it is.
fn agent_of(scope: &str, name: &str, role: &str, state: &str, system: &str) -> String {
    let body = json!({"state": state, "role": role, "timeline": 1, "database_system_identifier": system,
        "xlog": {"location": 1000, "received_location": 1000, "replayed_location": 1000},
        "replication_state": "streaming", "patroni": {"version": "4.1.5", "scope": scope, "name": name}});
    double::answering(http("200 OK", body.to_string()))
}

fn ours(name: &str, role: &str) -> String {
    agent_of("pg-ha", name, role, "running", SYSTEM)
}

/// A store with pg-0, which leads, and pg-1.
async fn store(pg_0: &str, pg_1: &str) -> Etcd {
    Etcd::start(&[
        ("/service/pg-ha/leader", "pg-0"),
        ("/service/pg-ha/initialize", SYSTEM),
        ("/service/pg-ha/members/pg-0", &on_record("primary", pg_0)),
        ("/service/pg-ha/members/pg-1", &on_record("replica", pg_1)),
    ])
    .await
}

/// A configuration with agents at `urls` and, unless empty, an etcd; `lines` stand in the cluster's own table.
fn configuration(urls: &[&str], etcd: &str, lines: &str) -> String {
    let urls: Vec<String> = urls.iter().map(|url| format!("\"http://{url}\"")).collect();
    let etcd = if etcd.is_empty() { String::new() } else { format!("[clusters.c.etcd]\nendpoints = [\"{etcd}\"]\n") };
    format!(
        "interval = \"300ms\"\n[timeouts]\nconnect = \"500ms\"\nrequest = \"500ms\"\n[clusters.c]\n{lines}\n\
         [clusters.c.patroni]\nmetrics = false\nurls = [{}]\n{etcd}",
        urls.join(", ")
    )
}

/// One picture, as `status --check` takes it.
async fn once(text: &str) -> Arc<Snapshot> {
    let cluster = Arc::new(settings(text).clusters.remove(0));
    let stack = AssembledStack::of(&cluster, None).observed(true, Purpose::Once);
    let mut handle = start(stack, &TaskTracker::new(), &CancellationToken::new());
    once::settled(&mut handle, Duration::from_secs(8)).await.snapshot.clone()
}

#[track_caller]
fn finding<'a>(snapshot: &'a Snapshot, code: &str) -> &'a Finding {
    let codes: Vec<_> =
        snapshot.findings.iter().map(|finding| format!("{}: {}", finding.code, finding.title)).collect();
    snapshot.findings.iter().find(|finding| finding.code == code).unwrap_or_else(|| panic!("no {code}: {codes:#?}"))
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.members.iter().map(|member| member.name.as_str()).collect()
}

#[tokio::test]
async fn urls_of_members_by_another_address_add_nothing() {
    // The same agents at other ports, as behind a tunnel.
    let (pg_0, pg_1) = (ours("pg-0", "primary"), ours("pg-1", "replica"));
    let etcd = store(&pg_0, &pg_1).await;
    let urls = [ours("pg-0", "primary"), ours("pg-1", "replica"), pg_1.clone()];
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let snapshot = once(&configuration(&urls, &etcd.url, "scope = \"pg-ha\"")).await;
    assert_eq!(names(&snapshot), ["pg-0", "pg-1"]);
    let failures: Vec<_> = snapshot.findings.iter().filter(|f| f.severity > Severity::Note).collect();
    assert!(failures.iter().all(|finding| finding.code.contains("take")), "{failures:#?}");
    assert_eq!(snapshot.wrong_cluster(), None);
}

#[tokio::test]
async fn a_configured_node_that_the_dcs_has_forgotten_is_missing_and_a_second_primary_if_it_writes() {
    let (pg_0, pg_1) = (ours("pg-0", "primary"), ours("pg-1", "replica"));
    let etcd = store(&pg_0, &pg_1).await;
    let text = |forgotten: &str| {
        configuration(&[&pg_0, &pg_1, forgotten], &etcd.url, "scope = \"pg-ha\"\nnamespace = \"/service\"")
    };
    let writes = once(&text(&ours("pg-9", "primary"))).await;
    let split = finding(&writes, "several-primaries");
    assert!(split.title.as_str().contains("pg-0") && split.title.as_str().contains("pg-9"), "{}", split.title);
    assert_eq!(split.severity, Severity::Critical);
    assert!(unmet(&writes, &Condition::Ready).iter().any(|reason| reason.contains("split brain")));
    let missing = finding(&writes, "member-missing");
    assert_eq!(missing.title.as_str(), "pg-9 is up, but not in the DCS");
    assert!(missing.evidence[0].text.as_str().contains("patroni.urls"), "{:?}", missing.evidence);
    let document = serde_json::to_value(report::document::status([&*writes])).expect("JSON");
    let member = &document["clusters"][0]["members"][2];
    assert_eq!((&member["name"], &member["in_dcs"]), (&json!("pg-9"), &json!(false)));
    assert!(member["missing_for_seconds"].is_number());
    assert!(
        report::prometheus::exposition([&*writes]).contains("pgctl_cluster_health{cluster=\"c\",state=\"critical\"} 1")
    );

    // Stopped, it says "primary" and writes nothing.
    let stopped = once(&text(&agent_of("pg-ha", "pg-9", "primary", "stopped", SYSTEM))).await;
    assert!(stopped.findings.iter().all(|finding| finding.code != "several-primaries"), "{:#?}", stopped.findings);

    // Silent, it is missing, called by its address.
    let silent = double::silent();
    let snapshot = once(&text(&silent)).await;
    let missing = finding(&snapshot, "member-missing");
    assert!(missing.title.as_str().contains(&silent), "{}", missing.title);
    // One cause, one finding.
    let about: Vec<_> = snapshot.findings.iter().filter(|finding| finding.subject == missing.subject).collect();
    assert_eq!(about.len(), 1, "{about:#?}");
    let evidence: Vec<_> = missing.evidence.iter().map(|evidence| evidence.text.as_str()).collect();
    assert!(evidence.iter().any(|text| text.contains("timed out")), "{evidence:?}");
    assert!(!unmet(&snapshot, &Condition::Ready).is_empty());
}

#[tokio::test]
async fn a_scope_or_namespace_that_the_store_does_not_have_is_reported_with_those_that_it_has() {
    let (pg_0, pg_1) = (ours("pg-0", "primary"), ours("pg-1", "replica"));
    let etcd = store(&pg_0, &pg_1).await;
    for (lines, wanted) in [
        ("scope = \"pg-hx\"", "nothing found under /service/pg-hx/"),
        ("scope = \"pg-ha\"\nnamespace = \"/prod\"", "nothing found under /prod/pg-ha/"),
    ] {
        let snapshot = once(&configuration(&[], &etcd.url, lines)).await;
        let silent = finding(&snapshot, "record-silent");
        let title = silent.title.as_str();
        assert!(title.starts_with(&format!("etcd responds, but {wanted}")), "{title}");
        assert!(
            title.contains("/service/pg-ha") && !title.contains("cannot be read") && !title.contains("old"),
            "{title}"
        );
        let advice = silent.advice.as_str();
        assert!(advice.contains("--namespace") && advice.contains("--scope"), "{advice}");
    }
}

#[tokio::test]
async fn a_node_of_the_configuration_is_no_registration() {
    let (pg_0, pg_1) = (ours("pg-0", "primary"), ours("pg-1", "replica"));
    let etcd = store(&pg_0, &pg_1).await;
    let mut text = configuration(&[&pg_0], &etcd.url, "scope = \"pg-ha\"");
    text += "[clusters.c.nodes.pg-2]\n";
    text += format!("rest = \"http://{}\"\n", double::refused()).as_str();
    let snapshot = once(&text).await;
    assert_eq!(names(&snapshot), ["pg-0", "pg-1", "pg-2"]);
    let pg_2 = snapshot.member(&"pg-2".into()).expect("a row");
    assert!(matches!(pg_2.presence, Presence::Missing { .. }), "{:?}", pg_2.presence);
    assert_eq!(finding(&snapshot, "member-missing").subject.to_string(), "pg-2");
}

#[tokio::test]
async fn without_etcd_the_configured_nodes_are_shown_by_what_they_say_themselves() {
    let (pg_0, pg_1) = (ours("pg-0", "primary"), ours("pg-1", "replica"));
    for scope in ["scope = \"pg-ha\"", ""] {
        let etcd = format!("http://{}", double::refused());
        let snapshot = once(&configuration(&[&pg_0, &pg_1], &etcd, scope)).await;
        assert_eq!(names(&snapshot), ["pg-0", "pg-1"], "{scope}");
        assert!(snapshot.members.iter().all(|member| member.presence == Presence::Unconfirmed));
        assert_eq!(snapshot.leader().map(|leader| leader.value.to_string()).as_deref(), Some("pg-0"));
        assert!(snapshot.knows_the_cluster(), "the exit code tells a picture");
        assert_eq!(finding(&snapshot, "record-silent").severity, Severity::Critical);
        let document = serde_json::to_value(report::document::status([&*snapshot])).expect("JSON");
        assert_eq!(document["clusters"][0]["members"][0]["in_dcs"], json!(null), "unknown is not yes");
    }
}

#[tokio::test]
async fn agents_of_two_clusters_make_no_split_brain() {
    // Without etcd one agent's `/cluster` tells the record.
    let record = json!({"scope": "pg-ha", "members": [{"name": "pg-0", "role": "leader", "state": "running",
        "timeline": 1, "host": "h", "port": 5432}]});
    let own = json!({"state": "running", "role": "primary", "timeline": 1, "database_system_identifier": SYSTEM,
        "patroni": {"version": "4.1.5", "scope": "pg-ha", "name": "pg-0"}});
    let a = double::answering_by(move |request| match request.split(' ').nth(1) {
        Some("/cluster") => http("200 OK", record.to_string()),
        Some("/patroni") => http("200 OK", own.to_string()),
        _ => http("404 Not Found", ""),
    });
    for (scope, name, words) in [
        ("v6", "db-0", "belongs to scope v6, the others to pg-ha: ignored"),
        // Two groups of a Citus cluster: one scope, another system.
        ("pg-ha", "worker-0", "belongs to a different cluster: ignored"),
    ] {
        let b = agent_of(scope, name, "primary", "running", OTHER);
        let snapshot = once(&configuration(&[&a, &b], "", "")).await;
        assert_eq!(names(&snapshot), ["pg-0"], "{scope}");
        assert!(snapshot.findings.iter().all(|finding| finding.code != "several-primaries"));
        let title = finding(&snapshot, "foreign-address").title.to_string();
        assert!(title.contains(&b) && title.contains(words), "{title}");
    }
}

/// An agent that also tells the record of its scope, with members whose advertised names do not resolve here.
fn relaying(scope: &'static str, name: &'static str, role: &'static str, system: &'static str) -> String {
    let member = |name: &str, role: &str| {
        json!({"name": name, "role": role, "state": "running", "timeline": 1, "host": format!("{name}.invalid"),
            "port": 5432, "api_url": format!("http://{name}.invalid:8008/patroni")})
    };
    let record = json!({"scope": scope, "members": [member("pg-0", "leader"), member("pg-1", "replica")]});
    let own = json!({"state": "running", "role": role, "timeline": 1, "database_system_identifier": system,
        "xlog": {"location": 1000, "received_location": 1000, "replayed_location": 1000},
        "patroni": {"version": "4.1.5", "scope": scope, "name": name}});
    double::answering_by(move |request| match request.split(' ').nth(1) {
        Some("/cluster") => http("200 OK", record.to_string()),
        Some("/patroni") => http("200 OK", own.to_string()),
        _ => http("404 Not Found", ""),
    })
}

#[tokio::test]
async fn without_etcd_the_scope_that_counts_is_the_configured_one_else_that_of_most_urls_else_the_first() {
    let foreign = || relaying("v6", "pg-0", "primary", OTHER);
    let (a, b) = (relaying("pg-ha", "pg-0", "primary", SYSTEM), relaying("pg-ha", "pg-1", "replica", SYSTEM));
    let (gone, odd) = (double::refused(), foreign());
    for (urls, lines, scope) in [
        (vec![&odd, &a, &b], "", "pg-ha"),
        (vec![&a, &odd], "", "pg-ha"),
        (vec![&b, &odd], "", "pg-ha"),
        (vec![&gone, &b, &odd], "", "pg-ha"),
        (vec![&odd, &a], "scope = \"pg-ha\"", "pg-ha"),
        (vec![&a, &b, &odd], "scope = \"v6\"", "v6"),
    ] {
        let urls: Vec<&str> = urls.into_iter().map(String::as_str).collect();
        let text = configuration(&urls, "", lines);
        let mut cluster = settings(&text).clusters.remove(0);
        // As `--patroni URL` makes it.
        cluster.is_from_flags = true;
        let stack = AssembledStack::of(&Arc::new(cluster), None).observed(true, Purpose::Once);
        let mut handle = start(stack, &TaskTracker::new(), &CancellationToken::new());
        let snapshot = once::settled(&mut handle, Duration::from_secs(8)).await.snapshot.clone();
        let reported: Vec<String> =
            snapshot.findings.iter().map(|finding| format!("{}: {}", finding.code, finding.title)).collect();
        assert_eq!(
            snapshot.identity.scope.as_ref().map(crate::model::text::Text::as_str),
            Some(scope),
            "{reported:#?}"
        );
        // Whoever does not answer may be anybody, and has a row; a stranger has none.
        let members: Vec<_> = names(&snapshot).into_iter().filter(|name| *name != gone).collect();
        assert_eq!(members, ["pg-0", "pg-1"], "{urls:?} {lines}: {reported:#?}");
        assert_eq!(snapshot.wrong_cluster(), None);
        for finding in &reported {
            let is_wrong =
                ["wrong-cluster", "several-primaries", "the DCS has"].iter().any(|word| finding.contains(word));
            assert!(!is_wrong, "{urls:?} {lines}: {finding}");
        }
        let foreign: Vec<_> = snapshot.findings.iter().filter(|finding| finding.code == "foreign-address").collect();
        let foreign_nodes: Vec<&str> =
            urls.iter().copied().filter(|url| (*url == odd.as_str()) != (scope == "v6") && *url != gone).collect();
        assert_eq!(foreign.len(), foreign_nodes.len(), "{reported:#?}");
        let other = if scope == "v6" { "pg-ha" } else { "v6" };
        let words = format!("belongs to scope {other}, the others to {scope}: ignored");
        assert!(foreign.iter().all(|finding| finding.title.as_str().contains(&words)), "{reported:#?}");
        // The one that answers is a member like any other, whatever name it advertises.
        let pg_0 = snapshot.member(&"pg-0".into()).expect("a member");
        let answers = snapshot.view(pg_0).answers();
        assert_eq!(answers, urls.contains(&a.as_str()) && scope == "pg-ha" || scope == "v6", "{urls:?}: {reported:#?}");
    }
}

#[tokio::test]
async fn urls_of_another_namespace_than_the_record_are_reported_loudly_and_where_it_is() {
    let (pg_0, pg_1) = (ours("pg-0", "primary"), ours("pg-1", "replica"));
    let etcd = store(&pg_0, &pg_1).await;
    etcd.put("/stage/pg-ha/initialize", OTHER);
    etcd.put("/stage/pg-ha/members/vega", &on_record("primary", ""));
    let vega = agent_of("pg-ha", "vega", "primary", "running", OTHER);
    let snapshot = once(&configuration(&[&vega], &etcd.url, "")).await;
    assert_eq!(snapshot.wrong_cluster(), Some(WrongCluster::UrlsPointElsewhere));
    let wrong = finding(&snapshot, "wrong-cluster");
    assert_eq!(wrong.severity, Severity::Critical);
    let advice = wrong.advice.as_str();
    assert!(advice.contains("etcd has /stage/pg-ha with this system identifier"), "{advice}");
    assert!(snapshot.findings.iter().all(|finding| finding.code != "several-primaries"));
    // Store and agent are well, each for itself.
    let lines = examined(&configuration(&[&vega], &etcd.url, "")).await;
    let reported = |line: &&CheckLine| line.text.as_str().contains("belong to another cluster than the one in the DCS");
    assert_eq!(lines.iter().find(reported).map(|line| line.verdict), Some(CheckupVerdict::Fail), "{lines:#?}");
}

#[tokio::test]
async fn a_namespace_that_nobody_wrote_is_not_assumed_in_silence() {
    let (pg_0, pg_1) = (ours("pg-0", "primary"), ours("pg-1", "replica"));
    let etcd = store(&pg_0, &pg_1).await;
    etcd.put("/stage/pg-ha/initialize", OTHER);
    let alone = |lines: &str| {
        format!(
            "[clusters.c]\n{lines}\n[clusters.c.etcd]\nendpoints = [\"{}\"]\n[clusters.c.patroni]\nmetrics = false\nurls = []\n",
            etcd.url
        )
    };
    let snapshot = once(&alone("scope = \"pg-ha\"")).await;
    let title = finding(&snapshot, "namespace-ambiguous").title.to_string();
    assert!(title.contains("/service/") && title.contains("/stage/"), "{title}");
    assert!(snapshot.wrong_cluster().is_some(), "no action is possible");
    let lines = examined(&alone("scope = \"pg-ha\"")).await;
    let warned = |line: &CheckLine| line.verdict == CheckupVerdict::Warn && line.text.as_str().contains("/stage/");
    assert!(lines.iter().any(warned), "{lines:#?}");
    let written = once(&alone("scope = \"pg-ha\"\nnamespace = \"/service\"")).await;
    assert_eq!(written.wrong_cluster(), None);
}

#[tokio::test]
async fn a_scope_that_differs_in_case_is_proposed_and_all_are_named() {
    let etcd =
        Etcd::start(&[("/db/PG-Ha/leader", "z"), ("/service/a/leader", "x"), ("/service/pg-ha/leader", "y")]).await;
    let text = configuration(&[], &etcd.url, "scope = \"PG-HA\"");
    let snapshot = once(&text).await;
    let line = line(&snapshot, &Source::new(SourceKind::Etcd, ""));
    for word in ["/service/a", "/service/pg-ha", "/db/PG-Ha", "use --namespace /service --scope pg-ha"] {
        assert!(line.contains(word), "{word} is not in: {line}");
    }
}

#[tokio::test]
async fn a_citus_cluster_is_refused_with_its_groups_and_followed_by_one_of_them() {
    let coordinator = agent_of("shop", "c-0", "primary", "running", SYSTEM);
    let etcd = Etcd::start(&[
        ("/service/shop/0/leader", "c-0"),
        ("/service/shop/0/initialize", SYSTEM),
        ("/service/shop/0/members/c-0", &on_record("primary", &coordinator)),
        ("/service/shop/1/leader", "w-0"),
        ("/service/shop/1/initialize", OTHER),
    ])
    .await;
    let whole = once(&configuration(&[], &etcd.url, "scope = \"shop\"")).await;
    let refused = line(&whole, &Source::new(SourceKind::Etcd, ""));
    for word in ["shop/0", "shop/1", "scope = \"shop/0\""] {
        assert!(refused.contains(word), "{word} is not in: {refused}");
    }
    assert!(whole.findings.iter().all(|finding| finding.code != "no-leader"), "{:#?}", whole.findings);
    let group = once(&configuration(&[&coordinator], &etcd.url, "scope = \"shop/0\"")).await;
    assert_eq!(names(&group), ["c-0"]);
    assert_eq!(group.leader().map(|leader| leader.value.to_string()).as_deref(), Some("c-0"));
    assert_eq!(group.wrong_cluster(), None, "the agent leaves out its group");
}

#[tokio::test]
async fn a_console_starts_although_one_cluster_cannot_tell_its_scope() {
    let (pg_0, pg_1) = (ours("pg-0", "primary"), ours("pg-1", "replica"));
    let etcd = store(&pg_0, &pg_1).await;
    let several = Etcd::start(&[("/service/a/leader", "x"), ("/service/b/leader", "y")]).await;
    let text = format!(
        "{}[clusters.bad.patroni]\nmetrics = false\nurls = [\"http://{}\"]\n[clusters.bad.etcd]\nendpoints = [\"{}\"]\n",
        configuration(&[&pg_0], &etcd.url, ""),
        double::silent(),
        several.url
    );
    let began = std::time::Instant::now();
    let observers = super::super::Observers::start(&settings(&text), true, Purpose::Stay);
    assert!(began.elapsed() < Duration::from_millis(250), "the first frame waited {:?}", began.elapsed());
    let mut pictures: Vec<_> = observers.handles.iter().map(|handle| handle.pictures.clone()).collect();
    let wait = Duration::from_secs(10);
    for (index, wanted) in [(0, "record-silent"), (1, "")] {
        let reported = |picture: &Arc<crate::observe::picture::Picture>| {
            let snapshot = &picture.snapshot;
            if wanted.is_empty() {
                snapshot.leader().is_some()
            } else {
                snapshot.findings.iter().any(|f| f.code == wanted)
            }
        };
        let seen = tokio::time::timeout(wait, pictures[index].wait_for(reported)).await;
        assert!(seen.is_ok(), "{}: {wanted}", observers.handles[index].cluster);
    }
    let bad = pictures[0].borrow().snapshot.clone();
    let reported = line(&bad, &Source::new(SourceKind::Etcd, ""));
    assert!(reported.contains("etcd has several clusters") && reported.contains("a, b"), "{reported}");
    let good = pictures[1].borrow().snapshot.clone();
    assert_eq!(good.identity.scope.as_ref().map(crate::model::text::Text::as_str), Some("pg-ha"), "learnt on the way");
}

#[tokio::test]
async fn no_more_members_are_followed_than_a_cluster_can_have() {
    let etcd = Etcd::start(&[("/service/pg-ha/leader", "pg-099"), ("/service/pg-ha/initialize", SYSTEM)]).await;
    for number in 0..100 {
        etcd.put(&format!("/service/pg-ha/members/pg-{number:03}"), &on_record("replica", &double_port()));
    }
    let snapshot = once(&configuration(&[], &etcd.url, "scope = \"pg-ha\"\nnamespace = \"/service\"")).await;
    assert_eq!(snapshot.members.len(), crate::model::member::MAX_FOLLOWED);
    assert!(snapshot.member(&"pg-099".into()).is_some(), "the leader is among them");
    let title = finding(&snapshot, "members-not-followed").title.to_string();
    assert!(title.starts_with("36 members"), "{title}");
}

/// An address where nothing listens, without a port of its own for each.
fn double_port() -> String {
    "127.0.0.1:1".to_owned()
}
