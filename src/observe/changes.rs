//! What changed between two snapshots, as events. Pure.
//!
//! Only what an operator would want to have been told: numbers that move all the time are no events. A value that
//! became unknown is no change of the value; that its source went silent is an event of its own.

mod poolers;

use jiff::Timestamp;

use crate::model::dcs::DcsMember;
use crate::model::event::{Event, EventKind};
use crate::model::finding::{Finding, Severity, Subject};
use crate::model::inventory::{ConfiguredNode, NodeMatch};
use crate::model::member::{Member, Presence};
use crate::model::moment::Moment;
use crate::model::observed::{Freshness, Observed};
use crate::model::role::MemberState;
use crate::model::router::{ProxyKind, ProxyStatus};
use crate::model::snapshot::Snapshot;
use crate::model::source::Source;
use crate::model::text::Text;

/// Events that lead from `before` to `after`. `seen` is the number of the last event before them.
pub fn between(before: &Snapshot, after: &Snapshot, seen: u64) -> Vec<Event> {
    let mut changes = Changes { at: after.now, wall: after.wall, seen, events: Vec::new() };
    leader(before, after, &mut changes);
    record(before, after, &mut changes);
    members(before, after, &mut changes);
    routers(before, after, &mut changes);
    poolers::poolers(before, after, &mut changes);
    sources(before, after, &mut changes);
    findings(&before.findings, &after.findings, &mut changes);
    changes.events
}

struct Changes {
    at: Moment,
    wall: Timestamp,
    seen: u64,
    events: Vec<Event>,
}

impl Changes {
    fn push(&mut self, kind: EventKind, severity: Severity, subject: Subject, text: String, source: Option<Source>) {
        let (at, wall) = (self.at, self.wall);
        self.seen += 1;
        let number = self.seen;
        self.events.push(Event { number, at, wall, kind, severity, subject, text: Text::new(text), source });
    }
}

/// Both values where both are fresh and differ; the first sighting of a value is no change.
fn moved<T: PartialEq>(before: Option<Observed<T>>, after: Option<Observed<T>>) -> Option<(T, Observed<T>)> {
    let (before, after) = (before?, after?);
    (after.fresh && before.value != after.value).then_some((before.value, after))
}

fn leader(before: &Snapshot, after: &Snapshot, changes: &mut Changes) {
    let held = |snapshot: &Snapshot| {
        snapshot.from_record(|content| Some(content.leader.as_ref().map(|leader| leader.holder.clone())))
    };
    let locks = after.identity.traits.has_dcs();
    if let Some((old, new)) = moved(held(before), held(after)) {
        let (severity, text) = match (&old, &new.value) {
            (Some(old), Some(new)) => (Severity::Warning, format!("leader {old} → {new}")),
            (None, Some(new)) if locks => (Severity::Warning, format!("{new} acquired the leader key")),
            (None, Some(new)) => (Severity::Warning, format!("{new} is the only node that accepts writes")),
            (Some(old), None) if locks => (Severity::Critical, format!("{old} lost the leader key: no leader")),
            (Some(old), None) => {
                let doubt = after.doubt().map(|doubt| format!(": {}", doubt.value)).unwrap_or_default();
                (Severity::Critical, format!("unknown whether {old} is still the leader{doubt}"))
            }
            (None, None) => return,
        };
        changes.push(EventKind::Leader, severity, Subject::Cluster, text, Some(new.source));
    }
    if let Some((old, new)) = moved(before.timeline(), after.timeline()) {
        let text = format!("timeline {old} → {}", new.value);
        changes.push(EventKind::Leader, Severity::Note, Subject::Cluster, text, Some(new.source));
    }
}

fn record(before: &Snapshot, after: &Snapshot, changes: &mut Changes) {
    if let Some((_, new)) = moved(before.paused(), after.paused()) {
        let (severity, text) = if new.value {
            (Severity::Warning, "maintenance mode on".to_owned())
        } else {
            (Severity::Note, "maintenance mode off".to_owned())
        };
        changes.push(EventKind::Configuration, severity, Subject::Cluster, text, Some(new.source));
    }
    let config =
        |snapshot: &Snapshot| snapshot.from_record(|content| content.config().map(|config| config.lines.clone()));
    if let Some((old, new)) = moved(config(before), config(after)) {
        let mut lines: Vec<&str> = new
            .value
            .iter()
            .filter(|line| !old.contains(line))
            .map(|line| line.as_str().trim().trim_end_matches(','))
            .collect();
        lines.truncate(3);
        let text = if lines.is_empty() {
            "configuration changed: lines removed".to_owned()
        } else {
            format!("configuration changed: {}", lines.join(" · "))
        };
        changes.push(EventKind::Configuration, Severity::Note, Subject::Cluster, text, Some(new.source));
    }
    let order = |snapshot: &Snapshot| snapshot.from_record(|content| Some(content.order.clone()));
    if let Some((old, new)) = moved(order(before), order(after)) {
        let text = match (&old, &new.value) {
            (_, Some(order)) => {
                let to = order.candidate.as_ref().map_or_else(|| "the best candidate".to_owned(), ToString::to_string);
                match (&order.scheduled_at, &order.leader) {
                    (Some(at), _) => format!("switchover to {to} scheduled for {at}"),
                    (None, Some(leader)) => format!("switchover from {leader} to {to} requested"),
                    (None, None) => format!("failover to {to} requested"),
                }
            }
            (_, None) => "failover key cleared".to_owned(),
        };
        changes.push(EventKind::Configuration, Severity::Note, Subject::Cluster, text, Some(new.source));
    }
    lock(before, after, changes);
    let sync = |snapshot: &Snapshot| {
        snapshot.from_record(|content| Some(content.sync().map(|sync| sync.standbys.clone()).unwrap_or_default()))
    };
    if let Some((_, new)) = moved(sync(before), sync(after)) {
        let names: Vec<String> = new.value.iter().map(ToString::to_string).collect();
        let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let text = format!("synchronous standbys: {names}");
        changes.push(EventKind::Replication, Severity::Note, Subject::Cluster, text, Some(new.source));
    }
    dcs_leader(before, after, changes);
}

fn lock(before: &Snapshot, after: &Snapshot, changes: &mut Changes) {
    // With the record's source and age also where nobody holds it.
    let lock = |snapshot: &Snapshot| {
        let held = snapshot.operation_lock().map(|lock| lock.map(Some));
        held.or_else(|| snapshot.from_record(|content| Some(content.lock.clone())))
    };
    let Some((old, new)) = moved(lock(before), lock(after)) else { return };
    let source = Some(new.source.clone());
    let text = match (&old, &new.value) {
        (_, Some(lock)) => format!("operation lock acquired: {}", lock.describe()),
        (Some(lock), None) => format!("operation lock released: {}", lock.describe()),
        (None, None) => return,
    };
    changes.push(EventKind::Dcs, Severity::Note, Subject::Cluster, text, source);
}

fn dcs_leader(before: &Snapshot, after: &Snapshot, changes: &mut Changes) {
    let leader = |snapshot: &Snapshot| {
        let leads =
            snapshot.dcs.members.iter().filter(|member| member.fresh(snapshot.now).is_some_and(DcsMember::leads));
        leads.map(|member| (member.source.clone(), member.last().and_then(|m| m.term))).next()
    };
    if let (Some((old, _)), Some((new, term))) = (leader(before), leader(after))
        && old != new
    {
        let term = term.map_or_else(String::new, |term| format!(", term {term}"));
        let text = format!("DCS leader {} → {}{term}", old.target, new.target);
        changes.push(EventKind::Dcs, Severity::Note, Subject::Cluster, text, Some(new));
    }
}

fn members(before: &Snapshot, after: &Snapshot, changes: &mut Changes) {
    for member in &after.members {
        let subject = || Subject::Node(member.name.clone());
        let Some(old) = before.member(&member.name) else {
            // The first picture has no past: its members did not appear, they were there.
            if !before.members.is_empty() && member.presence == Presence::Present {
                let text = format!("{} joined", member.name);
                changes.push(EventKind::Membership, Severity::Note, subject(), text, None);
            }
            continue;
        };
        match (old.presence, member.presence) {
            (Presence::Present, Presence::Missing { .. }) => {
                let text = format!("{} disappeared from the DCS", member.name);
                changes.push(EventKind::Membership, Severity::Warning, subject(), text, None);
            }
            (Presence::Missing { .. }, Presence::Present) => {
                let text = format!("{} is back in the DCS", member.name);
                changes.push(EventKind::Membership, Severity::Note, subject(), text, None);
            }
            _ => {}
        }
        if let (Some(was), Some(is)) = (&old.postgres_address, &member.postgres_address)
            && was.host != is.host
        {
            // Logins go there from now on: whoever can write the record can say so.
            let text = format!("{}: address in the DCS changed from {was} to {is}", member.name);
            changes.push(EventKind::Membership, Severity::Warning, subject(), text, None);
        }
        let (was, is) = (before.view(old), after.view(member));
        if let Some((old, new)) = moved(was.role(), is.role()) {
            let severity = match old.is_writable() {
                true if after.nobody_writes() => Severity::Critical,
                true => Severity::Warning,
                false => Severity::Note,
            };
            let text = format!("{} {old} → {}", member.name, new.value);
            changes.push(EventKind::Node, severity, subject(), text, Some(new.source));
        }
        if let Some((old, new)) = moved(was.state(), is.state()) {
            let down = matches!(new.value, MemberState::Stopped | MemberState::Crashed | MemberState::Failed(_));
            let severity = if down { Severity::Warning } else { Severity::Note };
            let text = format!("{} {old} → {}", member.name, new.value);
            changes.push(EventKind::Node, severity, subject(), text, Some(new.source));
        }
        if let Some((_, new)) = moved(was.pending_restart(), is.pending_restart()) {
            let text = if new.value { "pending restart" } else { "no longer pending restart" };
            let text = format!("{} {text}", member.name);
            changes.push(EventKind::Node, Severity::Note, subject(), text, Some(new.source));
        }
        if let Some((old, new)) = moved(was.tags(), is.tags()) {
            let text = format!("{} tags: {} (before: {old})", member.name, new.value);
            changes.push(EventKind::Node, Severity::Note, subject(), text, Some(new.source));
        }
        if let Some((old, new)) = moved(was.upstream(), is.upstream()) {
            let text = format!("{} streams from {} (before: {old})", member.name, new.value);
            changes.push(EventKind::Replication, Severity::Note, subject(), text, Some(new.source));
        }
    }
    for gone in before.members.iter().filter(|member| after.member(&member.name).is_none()) {
        let (text, subject) = left(gone, after);
        changes.push(EventKind::Membership, Severity::Note, subject, text, None);
    }
}

/// What became of a row that is gone. One that was made for a place of the configuration bore the place's label until it was
/// known who is there, and nobody dismissed it.
fn left(gone: &Member, after: &Snapshot) -> (String, Subject) {
    let Some(named_by) = &gone.named_by else {
        return (format!("{} forgotten", gone.name), Subject::Node(gone.name.clone()));
    };
    let place =
        after.configured_nodes.iter().find(|place| place.label == gone.name || gone.name == *place.describe_address());
    let at = place.map_or_else(|| gone.name.to_string(), ConfiguredNode::describe_address);
    match place.map(|place| &place.node_match) {
        Some(NodeMatch::Member(name)) => (format!("{at} ({named_by}) is {name}"), Subject::Node(name.clone())),
        Some(NodeMatch::Foreign(_)) => (format!("{at} ({named_by}) belongs to another cluster"), Subject::Cluster),
        Some(NodeMatch::Unknown) | None => (format!("{at} ({named_by}) is no longer monitored"), Subject::Cluster),
    }
}

fn routers(before: &Snapshot, after: &Snapshot, changes: &mut Changes) {
    for router in &after.routers {
        let Some(old) = before.routers.iter().find(|old| old.name == router.name) else { continue };
        let (Some(was), Some(is)) = (old.reading(before.now), router.reading(after.now)) else { continue };
        let (Some(was), Some(report)) = (was.last(), is.fresh(after.now)) else { continue };
        for row in report.rows.iter().filter(|row| matches!(row.kind, ProxyKind::Server | ProxyKind::Backend)) {
            let same = |old: &&crate::model::router::ProxyRow| old.proxy == row.proxy && old.server == row.server;
            let Some(old) = was.rows.iter().find(same) else { continue };
            if coarse(&old.status) == coarse(&row.status) {
                continue;
            }
            let text = format!("{}/{} {} → {}", row.proxy, row.server, old.status.as_str(), row.status.as_str());
            let subject = Subject::Router(router.name.clone());
            changes.push(EventKind::Router, Severity::Note, subject, text, Some(is.source.clone()));
        }
    }
}

/// Statuses without the count of checks on the way: `UP 2/3` is still up.
fn coarse(status: &ProxyStatus) -> ProxyStatus {
    match status {
        ProxyStatus::GoingDown(_) => ProxyStatus::Up,
        ProxyStatus::GoingUp(_) => ProxyStatus::Down,
        ProxyStatus::DrainGoingDown(_) => ProxyStatus::Drain,
        ProxyStatus::NoLoadBalancingGoingDown(_) => ProxyStatus::NoLoadBalancing,
        other => other.clone(),
    }
}

fn sources(before: &Snapshot, after: &Snapshot, changes: &mut Changes) {
    let old = before.sources();
    for now in after.sources() {
        let Some(was) = old.iter().find(|was| was.source == now.source) else { continue };
        let (text, severity) = match (was.freshness, now.freshness) {
            (Freshness::Fresh | Freshness::Waiting, Freshness::Stale | Freshness::Lost) => {
                (format!("unreachable: {}", now.failure_kind.as_deref().unwrap_or("no response")), Severity::Warning)
            }
            (Freshness::Stale | Freshness::Lost, Freshness::Fresh) => ("up again".to_owned(), Severity::Note),
            _ => continue,
        };
        let source = now.source;
        changes.push(EventKind::Source, severity, Subject::Source(source.clone()), text, Some(source));
    }
}

fn findings(before: &[Finding], after: &[Finding], changes: &mut Changes) {
    // From the least to the worst: what came last stands first where events are read.
    for begun in after.iter().rev().filter(|new| !before.iter().any(|old| old.same_as(new))) {
        changes.push(EventKind::Finding, begun.severity, begun.subject.clone(), begun.title.to_string(), None);
    }
    let grown = |new: &&Finding| before.iter().any(|old| old.same_as(new) && old.severity < new.severity);
    for worse in after.iter().rev().filter(grown) {
        let text = format!("escalated: {}", worse.title);
        changes.push(EventKind::Finding, worse.severity, worse.subject.clone(), text, None);
    }
    for known in after.iter().filter(|new| new.acknowledged.is_some()) {
        let was = before.iter().find(|old| old.same_as(known));
        let (Some(acknowledged), Some(_)) = (&known.acknowledged, was.filter(|old| old.acknowledged.is_none())) else {
            continue;
        };
        let text = format!("acknowledged by {}: {} ({})", acknowledged.by, known.title, acknowledged.reason);
        changes.push(EventKind::Finding, Severity::Note, known.subject.clone(), text, None);
    }
    for ended in before.iter().filter(|old| !after.iter().any(|new| new.same_as(old))) {
        let text = format!("resolved: {}", ended.title);
        changes.push(EventKind::Finding, Severity::Note, ended.subject.clone(), text, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inventory::Origin;
    use crate::model::test_support;

    #[test]
    fn where_there_is_no_lock_a_change_of_leader_speaks_of_none() {
        let reported = |before: Result<&str, &str>, after: Result<&str, &str>| {
            let (mut old, mut new) = (test_support::plain(), test_support::plain());
            test_support::by_nodes(&mut old, before);
            test_support::by_nodes(&mut new, after);
            let events = between(&old, &new, 0);
            events.iter().find(|event| event.kind == EventKind::Leader).map(|event| event.text.to_string())
        };
        let doubt = "pg-0, pg-1 all accept writes";
        let gone = format!("unknown whether pg-0 is still the leader: {doubt}");
        assert_eq!(reported(Ok("pg-0"), Err(doubt)), Some(gone));
        assert_eq!(reported(Err(doubt), Ok("pg-1")).as_deref(), Some("pg-1 is the only node that accepts writes"));
        assert_eq!(reported(Ok("pg-0"), Ok("pg-1")).as_deref(), Some("leader pg-0 → pg-1"));
    }

    /// A row that was made for a configured place bears the place's label until it is known who is there.
    #[test]
    fn a_place_that_turns_out_to_be_a_member_is_not_called_dismissed() {
        let after = |standing: Option<NodeMatch>| {
            let mut after = test_support::healthy();
            let url = Some("http://127.0.0.1:8008".into());
            let place = |standing| ConfiguredNode {
                node_match: standing,
                ..ConfiguredNode::new("node-0".into(), Origin::PatroniUrls, url, None)
            };
            after.configured_nodes = standing.map(place).into_iter().collect();
            after
        };
        let before = |named_by: Option<&str>| {
            let mut before = test_support::healthy();
            before.members.push(Member { named_by: named_by.map(Text::new), ..Member::new("node-0".into()) });
            before
        };
        let reported = |named_by, standing| {
            let events = between(&before(named_by), &after(standing), 0);
            assert_eq!(events.len(), 1, "{events:?}");
            events[0].text.to_string()
        };
        let by = Some("patroni.urls");
        assert_eq!(
            reported(by, Some(NodeMatch::Member("pg-0".into()))),
            "http://127.0.0.1:8008 (patroni.urls) is pg-0"
        );
        assert_eq!(
            reported(by, Some(NodeMatch::Unknown)),
            "http://127.0.0.1:8008 (patroni.urls) is no longer monitored"
        );
        assert_eq!(reported(by, None), "node-0 (patroni.urls) is no longer monitored");
        assert_eq!(reported(None, None), "node-0 forgotten", "one that only the DCS had known");
    }

    #[test]
    fn a_member_that_the_record_leads_elsewhere_is_reported() {
        let before = test_support::healthy();
        let mut after = before.clone();
        let host = after.members[1].postgres_address.as_ref().map(|address| address.host.to_string());
        after.members[1].postgres_address.as_mut().expect("an address").host = Text::new("203.0.113.9");
        let events = between(&before, &after, 0);
        let reported = events.iter().find(|event| event.kind == EventKind::Membership).expect("an event");
        assert_eq!((reported.severity, events.len()), (Severity::Warning, 1), "{events:?}");
        let text = reported.text.as_str();
        assert!(text.contains("to 203.0.113.9") && text.contains(&host.expect("an address")), "{text}");
        assert_eq!(between(&before, &before, 0), [], "nothing moved");
    }
}
