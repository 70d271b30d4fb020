//! What changed between two snapshots, as events. Pure.
//!
//! Only what an operator would want to have been told: numbers that move all the time are no events. A value that
//! became unknown is no change of the value; that its source went silent is an event of its own.

use jiff::Timestamp;

use crate::model::dcs::DcsMember;
use crate::model::event::{Event, EventKind};
use crate::model::finding::{Finding, Severity, Subject};
use crate::model::inventory::{Place, Standing};
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
        snapshot.recorded(|content| Some(content.leader.as_ref().map(|leader| leader.holder.clone())))
    };
    if let Some((old, new)) = moved(held(before), held(after)) {
        let (severity, text) = match (&old, &new.value) {
            (Some(old), Some(new)) => (Severity::Warning, format!("leader {old} → {new}")),
            (None, Some(new)) => (Severity::Warning, format!("{new} took the leader lock")),
            (Some(old), None) => (Severity::Critical, format!("{old} lost the leader lock: no leader")),
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
    let config = |snapshot: &Snapshot| snapshot.recorded(|content| content.config().map(|config| config.lines.clone()));
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
    let order = |snapshot: &Snapshot| snapshot.recorded(|content| Some(content.order.clone()));
    if let Some((old, new)) = moved(order(before), order(after)) {
        let text = match (&old, &new.value) {
            (_, Some(order)) => {
                let to = order.candidate.as_ref().map_or_else(|| "any".to_owned(), ToString::to_string);
                match &order.scheduled_at {
                    Some(at) => format!("switchover to {to} scheduled for {at}"),
                    None => format!("order to make {to} the leader"),
                }
            }
            (_, None) => "failover key cleared".to_owned(),
        };
        changes.push(EventKind::Configuration, Severity::Note, Subject::Cluster, text, Some(new.source));
    }
    lock(before, after, changes);
    let sync = |snapshot: &Snapshot| {
        snapshot.recorded(|content| Some(content.sync().map(|sync| sync.standbys.clone()).unwrap_or_default()))
    };
    if let Some((_, new)) = moved(sync(before), sync(after)) {
        let names: Vec<String> = new.value.iter().map(ToString::to_string).collect();
        let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
        let text = format!("synchronous standbys: {names}");
        changes.push(EventKind::Replication, Severity::Note, Subject::Cluster, text, Some(new.source));
    }
    dcs_leader(before, after, changes);
}

fn lock(before: &Snapshot, after: &Snapshot, changes: &mut Changes) {
    let lock = |snapshot: &Snapshot| snapshot.recorded(|content| Some(content.lock.clone()));
    let Some((old, new)) = moved(lock(before), lock(after)) else { return };
    let source = Some(new.source.clone());
    let text = match (&old, &new.value) {
        (_, Some(lock)) => format!("operation lock taken: {}", lock.words()),
        (Some(lock), None) => format!("operation lock given back: {}", lock.words()),
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
                let text = format!("{} vanished from the DCS", member.name);
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
            let text = format!("{} is at {is} now, by the record; before: {was}", member.name);
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
            let text = if new.value { "waits for a restart" } else { "no longer waits for a restart" };
            let text = format!("{} {text}", member.name);
            changes.push(EventKind::Node, Severity::Note, subject(), text, Some(new.source));
        }
        if let Some((old, new)) = moved(was.tags(), is.tags()) {
            let text = format!("{}'s tags: {} (before: {old})", member.name, new.value);
            changes.push(EventKind::Node, Severity::Note, subject(), text, Some(new.source));
        }
        if let Some((old, new)) = moved(was.upstream(), is.upstream()) {
            let text = format!("{} follows {} instead of {old}", member.name, new.value);
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
        return (format!("{} dismissed", gone.name), Subject::Node(gone.name.clone()));
    };
    let place = after.places.iter().find(|place| place.label == gone.name || gone.name == *place.at());
    let at = place.map_or_else(|| gone.name.to_string(), Place::at);
    match place.map(|place| &place.standing) {
        Some(Standing::Member(name)) => (format!("{at} ({named_by}) is {name}"), Subject::Node(name.clone())),
        Some(Standing::Stranger(_)) => (format!("{at} ({named_by}) is of another cluster"), Subject::Cluster),
        Some(Standing::Unknown) | None => (format!("{at} ({named_by}) is not followed any more"), Subject::Cluster),
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
            let text = format!("{}/{} {} → {}", row.proxy, row.server, old.status.word(), row.status.word());
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
                (format!("silent: {}", now.trouble.as_deref().unwrap_or("no answer")), Severity::Warning)
            }
            (Freshness::Stale | Freshness::Lost, Freshness::Fresh) => ("answers again".to_owned(), Severity::Note),
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
        let text = format!("worse: {}", worse.title);
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
        let text = format!("over: {}", ended.title);
        changes.push(EventKind::Finding, Severity::Note, ended.subject.clone(), text, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inventory::Origin;
    use crate::model::test_support;

    /// A row that was made for a configured place bears the place's label until it is known who is there.
    #[test]
    fn a_place_that_turns_out_to_be_a_member_is_not_called_dismissed() {
        let after = |standing: Option<Standing>| {
            let mut after = test_support::healthy();
            let url = Some("http://127.0.0.1:8008".into());
            let place = |standing| Place { standing, ..Place::new("node-0".into(), Origin::PatroniUrls, url, None) };
            after.places = standing.map(place).into_iter().collect();
            after
        };
        let before = |named_by: Option<&str>| {
            let mut before = test_support::healthy();
            before.members.push(Member { named_by: named_by.map(Text::new), ..Member::new("node-0".into()) });
            before
        };
        let told = |named_by, standing| {
            let events = between(&before(named_by), &after(standing), 0);
            assert_eq!(events.len(), 1, "{events:?}");
            events[0].text.to_string()
        };
        let by = Some("patroni.urls");
        assert_eq!(told(by, Some(Standing::Member("pg-0".into()))), "http://127.0.0.1:8008 (patroni.urls) is pg-0");
        assert_eq!(told(by, Some(Standing::Unknown)), "http://127.0.0.1:8008 (patroni.urls) is not followed any more");
        assert_eq!(told(by, None), "node-0 (patroni.urls) is not followed any more");
        assert_eq!(told(None, None), "node-0 dismissed", "one that only the DCS had known");
    }

    #[test]
    fn a_member_that_the_record_leads_elsewhere_is_told() {
        let before = test_support::healthy();
        let mut after = before.clone();
        let host = after.members[1].postgres_address.as_ref().map(|address| address.host.to_string());
        after.members[1].postgres_address.as_mut().expect("an address").host = Text::new("203.0.113.9");
        let events = between(&before, &after, 0);
        let told = events.iter().find(|event| event.kind == EventKind::Membership).expect("an event");
        assert_eq!((told.severity, events.len()), (Severity::Warning, 1), "{events:?}");
        let text = told.text.as_str();
        assert!(text.contains("is at 203.0.113.9") && text.contains(&host.expect("an address")), "{text}");
        assert_eq!(between(&before, &before, 0), [], "nothing moved");
    }
}
