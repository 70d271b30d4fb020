//! Single nodes: silent, off the record, named twice, waiting for a restart, without their watchdog.

use super::finding_draft::FindingDraft;
use crate::model::finding::{Severity, Subject};
use crate::model::identity::IdentityDoubt;
use crate::model::moment::Moment;
use crate::model::observed::{Freshness, Reading};
use crate::model::role::MemberState;
use crate::model::snapshot::Snapshot;
use crate::model::source::FailureKind;
use crate::model::view::MemberView;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    for view in snapshot.views() {
        silence(snapshot, &view, drafts);
        one_server(snapshot, &view, drafts);
        named(snapshot, &view, drafts);
        state(&view, drafts);
        exporter(snapshot, &view, drafts);
        unreachable(&view, drafts);
        agent(snapshot, &view, drafts);
    }
    versions(snapshot, drafts);
}

fn is_silent<T>(reading: Option<&Reading<T>>, snapshot: &Snapshot) -> bool {
    reading.is_some_and(|reading| matches!(reading.freshness(snapshot.now), Freshness::Stale | Freshness::Lost))
}

pub(super) fn with_trouble<T>(draft: FindingDraft, reading: Option<&Reading<T>>, snapshot: &Snapshot) -> FindingDraft {
    let Some(reading) = reading else { return draft };
    let Some((words, _)) = reading.failure_kind(snapshot.now) else { return draft };
    draft.evidence(words, Some(reading.source.clone()), reading.failure.as_ref().map(|failure| failure.at))
}

pub(super) fn remedy<T>(reading: Option<&Reading<T>>) -> Option<&str> {
    reading.and_then(Reading::remedy)
}

/// A node of which no wire answers, or of which one of two does not; and one whose answer is a refusal.
fn silence(snapshot: &Snapshot, view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let (agent, sql) = (view.member.agent.as_ref(), view.member.sql.as_ref());
    if agent.is_none() && sql.is_none() {
        let title = format!("{} has no address: it advertises none, and none is configured", view.name());
        let subject = Subject::Node(view.name().clone());
        drafts.push(
            FindingDraft::new(Severity::Warning, "node-without-address", subject, title)
                .advise(format!("set [clusters.NAME.nodes.{}] rest and postgres in the configuration", view.name())),
        );
        return;
    }
    let leads = snapshot.leader().is_some_and(|leader| leader.value == *view.name());
    let subject = || Subject::Node(view.name().clone());
    for (wire, what, code) in [
        (ConnectionState::of(agent, snapshot), "the agent of", "agent-refuses"),
        (ConnectionState::of(sql, snapshot), "PostgreSQL on", "postgres-refuses"),
    ] {
        let Some(words) = wire.describe() else { continue };
        let title = wire.title(view).unwrap_or_else(|| format!("{what} {} {words}", view.name()));
        // Clients of a server without a free slot are refused as this console is.
        let full = matches!(wire, ConnectionState::Refuses(FailureKind::SlotsTaken));
        let severity = if full && leads { Severity::Critical } else { Severity::Warning };
        let code = if full { "connection-slots-taken" } else { code };
        let draft = FindingDraft::new(severity, code, subject(), title);
        let (draft, advice) = match code {
            "agent-refuses" => (with_trouble(draft, agent, snapshot), remedy(agent)),
            _ => (with_trouble(draft, sql, snapshot), remedy(sql)),
        };
        drafts.push(draft.advise(advice.unwrap_or("check the addresses of the node")));
    }
    // What may be lost with the leader is everything that clients write.
    let rank = if leads { Severity::Critical } else { Severity::Warning };
    let draft = match (ConnectionState::of(agent, snapshot), ConnectionState::of(sql, snapshot)) {
        (
            ConnectionState::Silent(_),
            ConnectionState::Silent(_) | ConnectionState::NotAttempted(_) | ConnectionState::Unconfigured,
        )
        | (ConnectionState::NotAttempted(_) | ConnectionState::Unconfigured, ConnectionState::Silent(_)) => {
            // Of one that the DCS does not have either, that it is silent is a part of that finding.
            if view.is_missing() && !leads {
                return;
            }
            let who = if leads { "the leader " } else { "" };
            FindingDraft::new(rank, "node-silent", subject(), format!("{who}{} is unreachable", view.name()))
        }
        (ConnectionState::Silent(since), ConnectionState::Speaks | ConnectionState::Refuses(_)) => {
            // An answer from before this silence does not tell that PostgreSQL outlived it.
            let other = sql.is_some_and(|sql| sql.answered_since(since, snapshot.now));
            let other = if other { ", its PostgreSQL is up" } else { "" };
            let title = format!("the agent of {} is unreachable{other}", view.name());
            // The router's checks go to the agent: clients lose the node although it is well, and a leader whose agent is
            // gone loses its lock with the next ttl.
            FindingDraft::new(rank, "agent-silent", subject(), title)
        }
        (ConnectionState::Speaks | ConnectionState::Refuses(_), ConnectionState::Silent(since)) => {
            let other = agent.is_some_and(|agent| agent.answered_since(since, snapshot.now));
            let other = if other { ", its agent is up" } else { "" };
            let title = format!("PostgreSQL on {} is unreachable{other}", view.name());
            FindingDraft::new(rank, "postgres-silent", subject(), title)
        }
        (
            ConnectionState::Speaks
            | ConnectionState::Refuses(_)
            | ConnectionState::NotAttempted(_)
            | ConnectionState::Unconfigured,
            ConnectionState::Speaks
            | ConnectionState::Refuses(_)
            | ConnectionState::NotAttempted(_)
            | ConnectionState::Unconfigured,
        ) => return,
    };
    let draft = with_trouble(with_trouble(draft, agent, snapshot), sql, snapshot);
    let advice = remedy(agent).or_else(|| remedy(sql)).unwrap_or("check the host and the network to it");
    drafts.push(draft.advise(advice));
}

/// How one wire to a node stands.
#[derive(Clone, Copy)]
enum ConnectionState {
    /// It answers, or is still within its first seconds.
    Speaks,
    /// Somebody is there, and does not tell what is asked.
    Refuses(FailureKind),
    /// Nobody answers, since then.
    Silent(Moment),
    /// Nothing is configured to ask it.
    Unconfigured,
    /// What is needed to ask cannot be had here: that says nothing of the node.
    NotAttempted(FailureKind),
}

impl ConnectionState {
    fn of<T>(reading: Option<&Reading<T>>, snapshot: &Snapshot) -> Self {
        let Some(reading) = reading else { return Self::Unconfigured };
        let Some(since) = reading.silent_since(snapshot.now) else { return Self::Speaks };
        match reading.failure.as_ref().map(|failure| failure.error.failure_kind) {
            Some(failure_kind @ (FailureKind::NotAttempted | FailureKind::TooManyOpenFiles)) => {
                Self::NotAttempted(failure_kind)
            }
            Some(failure_kind) if failure_kind.is_an_answer() => Self::Refuses(failure_kind),
            Some(_) | None => Self::Silent(since),
        }
    }

    /// What is to be said instead, where the trouble is the node's and not the wire's.
    fn title(self, view: &MemberView<'_>) -> Option<String> {
        let full = matches!(self, Self::Refuses(FailureKind::SlotsTaken));
        full.then(|| format!("{} has no free connection slots: new clients are rejected", view.name()))
    }

    /// What is to be said of a wire that is neither silent nor well.
    fn describe(self) -> Option<String> {
        match self {
            Self::Refuses(FailureKind::Credentials) => Some("rejects the login of this console".to_owned()),
            Self::Refuses(FailureKind::Withheld) => {
                Some("gets no password: the identity of the server is not verified".to_owned())
            }
            Self::Refuses(FailureKind::ConnectionLimit) => {
                Some("rejects this console's role: its connection limit is reached".to_owned())
            }
            Self::Refuses(FailureKind::NotReady) => Some("is not ready to accept connections".to_owned()),
            Self::Refuses(failure_kind) => {
                Some(format!("responds, but the response is unusable: {}", failure_kind.describe()))
            }
            Self::NotAttempted(FailureKind::TooManyOpenFiles) => {
                Some("was not queried: this host has too many open files".to_owned())
            }
            Self::NotAttempted(_) => Some("was not queried: no password is available".to_owned()),
            Self::Speaks | Self::Silent(_) | Self::Unconfigured => None,
        }
    }
}

/// REST and SQL of one member must speak of one server, and no two members' SQL of the same: a wrong port or tunnel makes
/// every number a lie.
fn one_server(snapshot: &Snapshot, view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let subject = || Subject::Node(view.name().clone());
    if let Some((agent, sql)) = view.two_servers() {
        let title = format!("REST and SQL addresses of {} belong to different servers", view.name());
        drafts.push(
            FindingDraft::new(Severity::Critical, "two-servers-as-one", subject(), title)
                .because(&agent, &agent.value)
                .because(&sql, &sql.value)
                .settling()
                .advise("correct the addresses of the node or the address map; until then trust neither"),
        );
    }
    let Some(IdentityDoubt::SharedWith(other)) = view.doubt() else { return };
    let recorded = snapshot.from_record(|content| Some(content.member(view.name()).is_some()));
    let foreign = recorded.filter(|recorded| recorded.fresh && !recorded.value);
    let which = if foreign.is_some() { format!(": {} is not a member", view.name()) } else { String::new() };
    let title = format!("{other} and {} are the same server{which}", view.name());
    let mut draft = FindingDraft::new(Severity::Critical, "entries-share-server", subject(), title);
    let started = view.member.sql.as_ref().and_then(|sql| sql.fact(snapshot.now, |r| Some(r.postmaster_started)));
    if let Some(started) = started {
        draft = draft.because(&started, format!("postmaster started {}, same as {other}", started.value));
    }
    if let Some(foreign) = &foreign {
        draft = draft.because(foreign, format!("{} is not in the DCS", view.name()));
    }
    drafts.push(
        draft.advise(format!(
            "correct or remove [clusters.NAME.nodes.{}]: actions would hit the wrong node",
            view.name()
        )),
    );
}

fn named(snapshot: &Snapshot, view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let subject = || Subject::Node(view.name().clone());
    let twice = snapshot.from_record(|content| {
        content.member(view.name()).filter(|member| member.occurrences > 1).map(|member| member.occurrences)
    });
    if let Some(times) = twice {
        let title = format!("the member name {} occurs {} times in the DCS", view.name(), times.value);
        drafts.push(
            FindingDraft::new(Severity::Critical, "name-repeated", subject(), title)
                .because(&times, "member list")
                .advise("two nodes with the same name overwrite each other's keys: rename one and restart its Patroni"),
        );
    }
    let foreign = view.member.agent.as_ref().and_then(|agent| {
        let named = agent.fact(snapshot.now, |report| report.name.clone())?;
        (named.fresh && named.value != *view.name()).then_some(named)
    });
    if let Some(named) = foreign {
        let title = format!("the address of {} is that of {}", view.name(), named.value);
        drafts.push(
            FindingDraft::new(Severity::Critical, "address-leads-elsewhere", subject(), title)
                .because(&named, format!("the agent at this address reports the name {}", named.value))
                .advise("correct the address of the node or the address map: actions would hit the wrong node"),
        );
    }
}

/// A member that is on record without the address of its agent: half of what could be known of it is not asked for.
fn unreachable(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let snapshot = view.snapshot;
    // Where nobody manages the nodes there are no agents.
    if view.member.agent.is_some() || !snapshot.identity.traits.agents {
        return;
    }
    let silent = snapshot
        .from_record(|content| content.member(view.name()).filter(|record| record.api_url.is_none()).map(|_| ()));
    let Some(silent) = silent.filter(|silent| silent.fresh) else { return };
    let title = format!("{} has no api_url in the DCS: its agent cannot be queried", view.name());
    drafts.push(
        FindingDraft::new(Severity::Note, "no-agent-address", Subject::Node(view.name().clone()), title)
            .because(&silent, "member key without api_url")
            .settling()
            .advise("check restapi.connect_address of that node, or set its `rest` in the configuration"),
    );
}

/// The exporter beside the node: others watch through it, so its silence leaves their dashboards blind.
fn exporter(snapshot: &Snapshot, view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let Some(reading) = view.member.exporter.as_ref() else { return };
    let subject = || Subject::Node(view.name().clone());
    if is_silent(Some(reading), snapshot) {
        let title = format!("the exporter of {} is unreachable", view.name());
        let draft = FindingDraft::new(Severity::Note, "exporter-silent", subject(), title);
        let advice = remedy(Some(reading)).unwrap_or("check that it is running");
        drafts.push(with_trouble(draft, Some(reading), snapshot).advise(advice));
    } else if let Some(down) = reading.fact(snapshot.now, |report| (report.up == Some(false)).then_some(())) {
        let title = format!("the exporter of {} cannot connect to its PostgreSQL", view.name());
        drafts.push(
            FindingDraft::new(Severity::Note, "exporter-blind", subject(), title)
                .because(&down, "pg_up 0")
                .advise("check the login and the connection string of the exporter"),
        );
    }
}

fn state(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let Some(state) = view.state().filter(|state| state.fresh) else { return };
    let leads = view.snapshot.leader().is_some_and(|leader| leader.value == *view.name());
    let (severity, code, advice) = match &state.value {
        // A standby that reads from the archive is told by replication's own rules.
        MemberState::Running | MemberState::Streaming | MemberState::InArchiveRecovery => return,
        // One rule for all of them: a server that dies at every start goes round these states, and its trouble must
        // not begin anew each time.
        MemberState::Starting | MemberState::Restarting | MemberState::Stopping => {
            (Severity::Warning, "postgres-not-running", "wait; if it persists, check the PostgreSQL log")
        }
        MemberState::CreatingReplica | MemberState::Bootstrapping => {
            (Severity::Note, "copy-running", "wait until the base backup completes")
        }
        MemberState::Stopped | MemberState::Crashed | MemberState::Failed(_) => {
            let severity = if leads { Severity::Critical } else { Severity::Warning };
            (
                severity,
                "postgres-not-running",
                "check the PostgreSQL log on the node; Patroni restarts it unless paused",
            )
        }
        MemberState::Unknown(_) => (Severity::Warning, "state-unknown", "check the Patroni log of the node"),
    };
    let title = format!("PostgreSQL on {}: {}", view.name(), state.value);
    let draft = FindingDraft::new(severity, code, Subject::Node(view.name().clone()), title);
    drafts.push(draft.because(&state, format!("state {}", state.value)).settling().advise(advice));
}

fn agent(snapshot: &Snapshot, view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    let subject = || Subject::Node(view.name().clone());
    pending_restart(view, drafts);
    let Some(reading) = view.member.agent.as_ref() else { return };
    if let Some(flag) = reading.fact(snapshot.now, |report| report.watchdog_failed.then_some(())).filter(|f| f.fresh) {
        let title = format!("the watchdog of {} could not be activated", view.name());
        drafts.push(
            FindingDraft::new(Severity::Warning, "watchdog-failed", subject(), title)
                .because(&flag, "watchdog_failed")
                .advise("fix the watchdog device or its permissions: without it a hung leader is not fenced"),
        );
    }
    if let Some(flag) = reading.fact(snapshot.now, |report| report.failsafe_active.then_some(())).filter(|f| f.fresh) {
        let title = format!("{} runs in failsafe mode: it cannot reach the DCS", view.name());
        drafts.push(
            FindingDraft::new(Severity::Critical, "failsafe-active", subject(), title)
                .because(&flag, "failsafe_mode_is_active")
                .advise("restore the DCS; until then the loss of any member demotes the leader"),
        );
    }
}

/// Both sides are told: Patroni learns of a setting that was changed beside it at its next reload, and does not restart the
/// node for it before.
fn pending_restart(view: &MemberView<'_>, drafts: &mut Vec<FindingDraft>) {
    if view.pending_restart().is_none_or(|pending| !pending.value) {
        return;
    }
    let settings = view.pending_settings();
    let names: Vec<&str> = settings.iter().map(crate::model::text::Text::as_str).collect();
    let reason = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    let title = format!("{} pending restart{reason}", view.name());
    let mut draft = FindingDraft::new(Severity::Warning, "pending-restart", Subject::Node(view.name().clone()), title);
    let (agent, sql) = (view.pending_by_agent(), view.pending_by_sql());
    let alone = sql.as_ref().is_some_and(|sql| sql.fresh && sql.value)
        && agent.as_ref().is_some_and(|agent| agent.fresh && !agent.value);
    if let Some(agent) = &agent {
        let words = if agent.value { "pending restart" } else { "not yet known to Patroni: run `reload`" };
        draft = draft.because(agent, words);
    }
    if let Some(sql) = &sql {
        let by_sql = view.member.sql.as_ref().and_then(|reading| reading.last()).map(|report| &report.pending_restart);
        let names: Vec<&str> = by_sql.into_iter().flatten().map(crate::model::text::Text::as_str).collect();
        let words =
            if sql.value { format!("pg_settings: {}", names.join(", ")) } else { "pg_settings: none".to_owned() };
        draft = draft.because(sql, words);
    }
    drafts.push(draft.advise(if alone {
        "reload it so that Patroni sets pending_restart; then restart it at a quiet time, replicas first"
    } else {
        "restart it at a quiet time, replicas first"
    }));
}

/// Agents of different versions: fine while upgrading, worth knowing otherwise.
fn versions(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let version = |view: MemberView<'_>| {
        view.member.agent.as_ref().and_then(|agent| {
            let version = agent.fresh(snapshot.now)?.agent_version.clone()?;
            Some((view.name().clone(), version))
        })
    };
    let versions: Vec<_> = snapshot.views().filter_map(version).collect();
    let Some((_, first)) = versions.first() else { return };
    if versions.iter().all(|(_, version)| version == first) {
        return;
    }
    let listed: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    drafts.push(
        FindingDraft::new(
            Severity::Note,
            "versions-mixed",
            Subject::Cluster,
            "the members run different versions of Patroni",
        )
        .since_all(listed.join(", "))
        .advise("finish the upgrade"),
    );
}
