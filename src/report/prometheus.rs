//! The picture in Prometheus' text format. What is unknown has no sample, and neither has what a silent source said
//! last: neither is ever written as 0.

mod poolers;

use std::fmt::Write as _;
use std::time::Duration;

use super::routing;
use crate::model::dcs::{Quorum, RaftLeader};
use crate::model::finding::{Finding, Severity};
use crate::model::observed::{Freshness, Observed};
use crate::model::snapshot::{ClusterHealth, Snapshot};
use crate::model::view::MemberView;

/// Metrics of these clusters. All are gauges; times are in seconds, sizes in bytes.
pub fn exposition<'a>(snapshots: impl IntoIterator<Item = &'a Snapshot>) -> String {
    let mut page = Page::default();
    for snapshot in snapshots {
        let mut scope = Scope { page: &mut page, cluster: snapshot.identity.name.as_str() };
        cluster(&mut scope, snapshot);
        for view in snapshot.views() {
            member(&mut scope, view);
        }
        dcs(&mut scope, snapshot);
        routers(&mut scope, snapshot);
        poolers::poolers(&mut scope, snapshot);
        sources(&mut scope, snapshot);
    }
    page.text()
}

/// Samples by metric: the format wants all samples of a metric together.
#[derive(Default)]
struct Page {
    metrics: Vec<(&'static str, &'static str, Vec<String>)>,
}

impl Page {
    fn text(&self) -> String {
        let mut text = String::new();
        for (name, help, samples) in &self.metrics {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge");
            for sample in samples {
                text.push_str(sample);
                text.push('\n');
            }
        }
        text
    }
}

/// The samples of one cluster.
struct Scope<'a> {
    page: &'a mut Page,
    cluster: &'a str,
}

impl Scope<'_> {
    /// One sample; nothing where the value is not known.
    fn gauge(&mut self, name: &'static str, help: &'static str, labels: &[(&str, &str)], value: Option<f64>) {
        let Some(value) = value else { return };
        let mut sample = format!("{name}{{cluster=\"{}\"", escaped(self.cluster));
        for (label, content) in labels {
            let _ = write!(sample, ",{label}=\"{}\"", escaped(content));
        }
        let _ = write!(sample, "}} {value}");
        match self.page.metrics.iter_mut().find(|(known, _, _)| *known == name) {
            Some((_, _, samples)) => samples.push(sample),
            None => self.page.metrics.push((name, help, vec![sample])),
        }
    }
}

/// A label's value as the format wants it.
fn escaped(content: &str) -> String {
    content.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn flag(value: bool) -> f64 {
    if value { 1.0 } else { 0.0 }
}

/// The value while its source answers in time.
fn fresh<T>(fact: Option<Observed<T>>) -> Option<T> {
    fact.filter(|fact| fact.fresh).map(|fact| fact.value)
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

fn cluster(scope: &mut Scope<'_>, snapshot: &Snapshot) {
    let states = [
        (ClusterHealth::Ok, "ok"),
        (ClusterHealth::Warning, "warning"),
        (ClusterHealth::Critical, "critical"),
        (ClusterHealth::Unknown, "unknown"),
    ];
    let cluster_health = snapshot.cluster_health();
    for (state, word) in states {
        let help = "1 for the current health state of the cluster, 0 for the others.";
        scope.gauge("pgctl_cluster_health", help, &[("state", word)], Some(flag(state == cluster_health)));
    }
    let age = snapshot.age(snapshot.now).map(seconds);
    scope.gauge("pgctl_cluster_age_seconds", "Age of the oldest response still in use.", &[], age);
    let leader = snapshot.undoubted_leader().filter(|leader| leader.fresh);
    // Without a fresh record and without a fresh claim nobody knows whether there is a leader, unless all are in recovery.
    let known = leader.is_some() || snapshot.is_known_leaderless();
    let has = known.then(|| flag(leader.is_some()));
    scope.gauge("pgctl_cluster_has_leader", "1 if there is a leader.", &[], has);
    if let Some(leader) = leader {
        let labels = [("member", leader.value.as_str())];
        scope.gauge("pgctl_cluster_leader_info", "The leader, as a label.", &labels, Some(1.0));
    }
    let timeline = fresh(snapshot.timeline()).map(|timeline| f64::from(timeline.0));
    scope.gauge("pgctl_cluster_timeline", "Timeline of the leader.", &[], timeline);
    scope.gauge("pgctl_cluster_paused", "1 in maintenance mode.", &[], fresh(snapshot.paused()).map(flag));
    if !snapshot.sees_anything() {
        return;
    }
    for severity in [Severity::Critical, Severity::Warning, Severity::Note] {
        let stands = |finding: &&Finding| finding.severity == severity && finding.acknowledged.is_none();
        let count = snapshot.findings.iter().filter(stands).count();
        let labels = [("severity", severity.as_str())];
        scope.gauge("pgctl_findings", "Findings by severity, without those acknowledged.", &labels, Some(count as f64));
    }
    let standing = snapshot
        .findings
        .iter()
        .map(|finding| (finding, if finding.acknowledged.is_some() { "acknowledged" } else { "active" }));
    for (finding, state) in standing.chain(snapshot.pending_findings.iter().map(|finding| (finding, "pending"))) {
        let subject = finding.subject.to_string();
        let labels = [
            ("code", finding.code),
            ("severity", finding.severity.as_str()),
            ("consequence", finding.consequence.as_str()),
            ("subject", subject.as_str()),
            ("part", finding.part.as_str()),
            ("state", state),
        ];
        scope.gauge("pgctl_finding_info", "1 for each finding, as labels.", &labels, Some(1.0));
    }
}

fn member(scope: &mut Scope<'_>, view: MemberView<'_>) {
    let labels = [("member", view.name().as_str())];
    let waiting = view.is_waiting() && !view.answers();
    let up = (!waiting).then(|| flag(view.answers()));
    scope.gauge("pgctl_member_up", "1 if the node responds on any interface.", &labels, up);
    if let Some(role) = fresh(view.role()) {
        let role = role.to_string();
        let labels = [labels[0], ("role", role.as_str())];
        scope.gauge("pgctl_member_role_info", "Role of the member, as a label.", &labels, Some(1.0));
    }
    if let Some(state) = fresh(view.state()) {
        let state = state.to_string();
        let labels = [labels[0], ("state", state.as_str())];
        scope.gauge("pgctl_member_state_info", "State of the member's PostgreSQL, as a label.", &labels, Some(1.0));
    }
    let timeline = fresh(view.timeline()).map(|timeline| f64::from(timeline.0));
    scope.gauge("pgctl_member_timeline", "Timeline of the member.", &labels, timeline);
    // What is left on record of a silent member is older than the record.
    if view.answers() && view.follows() {
        let lag = view.lag();
        let bytes = fresh(lag.bytes).map(|bytes| bytes as f64);
        scope.gauge("pgctl_member_lag_bytes", "WAL not yet replayed.", &labels, bytes);
        let receive = fresh(lag.receive_bytes).map(|bytes| bytes as f64);
        scope.gauge("pgctl_member_receive_lag_bytes", "WAL not yet received.", &labels, receive);
        scope.gauge("pgctl_member_lag_seconds", "Replay lag as time.", &labels, fresh(lag.time).map(seconds));
    }
    scope.gauge(
        "pgctl_member_uptime_seconds",
        "Time since PostgreSQL started.",
        &labels,
        fresh(view.uptime()).map(seconds),
    );
    let pending = fresh(view.pending_restart()).map(flag);
    scope.gauge("pgctl_member_pending_restart", "1 if a restart is pending.", &labels, pending);
    let Some(report) = view.member.sql.as_ref().and_then(|sql| sql.fresh(view.snapshot.now)) else { return };
    let (used, max) = (report.connections.used.map(f64::from), f64::from(report.connections.max));
    scope.gauge("pgctl_member_connections", "Client backends.", &labels, used);
    let blocked = report.connections.doing.as_ref().map(|doing| f64::from(doing.blocked));
    scope.gauge("pgctl_member_blocked_sessions", "Client backends waiting for a lock.", &labels, blocked);
    scope.gauge("pgctl_member_connections_max", "The setting max_connections.", &labels, Some(max));
    let streams = view.follows().then(|| fresh(view.streams()).map(flag)).flatten();
    scope.gauge("pgctl_member_streaming", "1 if the standby receives WAL by streaming.", &labels, streams);
    for slot in &report.slots {
        let labels = [labels[0], ("slot", slot.name.as_str())];
        let retained = slot.retained_bytes.map(|bytes| bytes as f64);
        scope.gauge("pgctl_slot_retained_bytes", "WAL retained by a replication slot.", &labels, retained);
        scope.gauge("pgctl_slot_active", "1 if the replication slot is active.", &labels, Some(flag(slot.active)));
    }
}

fn dcs(scope: &mut Scope<'_>, snapshot: &Snapshot) {
    let now = snapshot.now;
    for reading in &snapshot.dcs.members {
        let labels = [("endpoint", reading.source.target.as_str())];
        let waiting = reading.freshness(now) == Freshness::Waiting;
        let up = (!waiting).then(|| flag(reading.is_fresh(now)));
        scope.gauge("pgctl_dcs_member_up", "1 if the DCS member responds.", &labels, up);
        let Some(member) = reading.fresh(now) else { continue };
        let leads = (member.leader != RaftLeader::Unknown).then(|| flag(member.leads()));
        let size = member.db_size.map(|size| size as f64);
        scope.gauge("pgctl_dcs_member_is_leader", "1 if it is the raft leader.", &labels, leads);
        scope.gauge("pgctl_dcs_member_term", "Raft term.", &labels, member.term.map(|term| term as f64));
        scope.gauge("pgctl_dcs_member_size_bytes", "Size of its database.", &labels, size);
        let latency = Some(seconds(member.latency));
        scope.gauge("pgctl_dcs_member_latency_seconds", "Latency of a status request.", &labels, latency);
        let quorum = match member.quorum {
            Quorum::Reached => Some(1.0),
            Quorum::Missing => Some(0.0),
            Quorum::Unknown => None,
        };
        scope.gauge("pgctl_dcs_member_quorum", "1 if it has quorum.", &labels, quorum);
    }
}

fn routers(scope: &mut Scope<'_>, snapshot: &Snapshot) {
    for server in routing::servers(snapshot) {
        if !server.reading.is_fresh(snapshot.now) {
            continue;
        }
        let row = server.row;
        let labels =
            [("router", server.router.name.as_str()), ("backend", row.proxy.as_str()), ("server", row.server.as_str())];
        let up = Some(flag(row.takes_traffic()));
        scope.gauge("pgctl_router_server_up", "1 if the router sends new connections there.", &labels, up);
        let sessions = row.sessions.map(|sessions| sessions as f64);
        scope.gauge("pgctl_router_server_sessions", "Current sessions.", &labels, sessions);
    }
}

fn sources(scope: &mut Scope<'_>, snapshot: &Snapshot) {
    for status in snapshot.sources() {
        let labels = [("kind", status.source.kind.as_str()), ("target", status.source.target.as_str())];
        let up = (status.freshness != Freshness::Waiting).then(|| flag(status.freshness == Freshness::Fresh));
        scope.gauge("pgctl_source_up", "1 if the source responds.", &labels, up);
        let age = status.age.map(seconds);
        scope.gauge("pgctl_source_age_seconds", "Time since the last successful response of the source.", &labels, age);
    }
}

#[cfg(test)]
mod tests {
    use super::super::test_support::{
        bare, by_nodes, cut, dcs_lost, healthy, leaderless, plain, seconds, sql, waiting,
    };
    use super::*;
    use crate::model::name::ClusterName;

    fn lines<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
        text.lines().filter(|line| line.starts_with(&format!("{name}{{"))).collect()
    }

    #[test]
    fn a_replica_has_a_lag_and_a_leader_has_none() {
        let text = exposition([&healthy()]);
        assert_eq!(
            lines(&text, "pgctl_member_lag_bytes"),
            [
                "pgctl_member_lag_bytes{cluster=\"prod-eu\",member=\"pg-1\"} 49152",
                "pgctl_member_lag_bytes{cluster=\"prod-eu\",member=\"pg-2\"} 114688"
            ]
        );
        let leader = "pgctl_cluster_leader_info{cluster=\"prod-eu\",member=\"pg-0\"} 1";
        assert_eq!(lines(&text, "pgctl_cluster_leader_info"), [leader]);
    }

    #[test]
    fn a_cluster_without_a_dcs_has_no_leader_once_every_node_says_so() {
        let mut snapshot = plain();
        by_nodes(&mut snapshot, Err("every node is in recovery"));
        sql(&mut snapshot, "pg-0", |report| report.in_recovery = true);
        let has_leader = |snapshot: &Snapshot| lines(&exposition([snapshot]), "pgctl_cluster_has_leader").join(" ");
        assert_eq!(has_leader(&snapshot), "pgctl_cluster_has_leader{cluster=\"prod-eu\"} 0");
        cut(&mut snapshot, "pg-0", seconds(38));
        assert_eq!(has_leader(&snapshot), "", "the silent one may write");
    }

    #[test]
    fn what_is_not_known_has_no_sample() {
        let mut snapshot = healthy();
        cut(&mut snapshot, "pg-2", seconds(38));
        let text = exposition([&snapshot]);
        assert_eq!(lines(&text, "pgctl_member_lag_bytes").len(), 1);
        assert!(text.contains("pgctl_member_up{cluster=\"prod-eu\",member=\"pg-2\"} 0"));
        let text = exposition([&waiting()]);
        assert!(lines(&text, "pgctl_member_up").is_empty());
        assert!(lines(&text, "pgctl_cluster_has_leader").is_empty());
        assert!(lines(&text, "pgctl_findings").is_empty(), "nothing seen is not nothing found");
    }

    #[test]
    fn no_leader_is_0_only_where_the_record_says_so() {
        let has = |snapshot: &Snapshot| lines(&exposition([snapshot]), "pgctl_cluster_has_leader").join("");
        assert_eq!(has(&leaderless()), "pgctl_cluster_has_leader{cluster=\"prod-eu\"} 0");
        let mut lost = leaderless();
        dcs_lost(&mut lost, seconds(9));
        assert_eq!(has(&lost), "");
    }

    #[test]
    fn samples_of_a_metric_stand_together_under_one_head() {
        let mut other = healthy();
        other.identity.name = ClusterName::new("say \"hi\" \\ there");
        let text = exposition([&healthy(), &other, &bare()]);
        let mut seen = std::collections::BTreeSet::new();
        let mut last = "";
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let name = line.split('{').next().unwrap();
            assert!(name == last || seen.insert(name), "{name} in two places");
            last = name;
            assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
        }
        assert!(text.contains(r#"cluster="say \"hi\" \\ there""#), "{text}");
        assert_eq!(text.matches("# TYPE pgctl_member_up gauge").count(), 1);
    }

    #[test]
    fn every_metric_is_in_the_manual() {
        let manual = include_str!("../../docs/status-schema.md");
        let mut snapshot = healthy();
        snapshot.poolers = vec![crate::model::pooler::test_support::pooler()];
        let text = exposition([&snapshot]);
        assert!(text.contains(
            "pgctl_pooler_pool_servers{cluster=\"prod-eu\",pooler=\"edge\",database=\"shop\",user=\"app\"} 6"
        ));
        for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
            assert!(manual.contains(&format!("`{name}`")), "{name} is not described");
        }
    }

    #[test]
    fn the_alert_rules_ask_for_metrics_and_labels_that_there_are() {
        let rules = include_str!("../../share/prometheus-rules.yml");
        let _valid: serde_json::Value = serde_saphyr::from_str(rules).expect("YAML");
        let mut snapshot = healthy();
        snapshot.findings = super::super::test_support::findings();
        let text = exposition([&snapshot]);
        let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        let asked: Vec<&str> = rules
            .lines()
            .filter_map(|line| line.trim_start().strip_prefix("expr: "))
            .flat_map(|line| line.split(word).filter(|word| word.starts_with("pgctl_")))
            .collect();
        assert!(asked.len() > 10, "{asked:?}");
        for name in asked {
            assert!(text.contains(&format!("# TYPE {name} gauge")), "{name} is not among what is written");
        }
        for label in rules.split("$labels.").skip(1).filter_map(|rest| rest.split(word).next()) {
            assert!(text.contains(&format!("{label}=\"")), "no sample has the label {label}");
        }
        let alerts = rules.lines().filter(|line| line.trim_start().starts_with("- alert: ")).count();
        assert_eq!(rules.lines().filter(|line| line.trim_start().starts_with("expr: ")).count(), alerts);
    }

    #[test]
    fn a_finding_has_its_consequence_and_its_state_as_labels() {
        let mut snapshot = healthy();
        snapshot.findings = super::super::test_support::findings();
        super::super::test_support::acknowledge(&mut snapshot, |finding| finding.code == "replica-lags");
        let text = exposition([&snapshot]);
        assert_eq!(
            lines(&text, "pgctl_finding_info")[1],
            "pgctl_finding_info{cluster=\"prod-eu\",code=\"replica-lags\",severity=\"warning\",\
             consequence=\"redundancy-lost\",subject=\"pg-2\",part=\"\",state=\"acknowledged\"} 1"
        );
        assert!(text.contains("pgctl_findings{cluster=\"prod-eu\",severity=\"warning\"} 0"));
    }
}
