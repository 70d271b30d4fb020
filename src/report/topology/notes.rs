//! What is worth saying of a member beside its numbers, most pressing first.

use std::time::Duration;

use super::super::line::Span;
use super::super::routing::{self, RoutingAnomaly};
use super::super::table::Tone;
use super::super::units;
use super::has_finding;
use crate::model::agent::Tags;
use crate::model::identity::IdentityDoubt;
use crate::model::member::Presence;
use crate::model::moment::Moment;
use crate::model::observed::Reading;
use crate::model::role::{MemberState, Role};
use crate::model::view::MemberView;

/// Notes on a member, most pressing first, each a phrase.
pub fn notes(view: MemberView<'_>) -> Vec<Span> {
    let mut notes = Vec::new();
    presence(view, &mut notes);
    roles(view, &mut notes);
    routers(view, &mut notes);
    failures(view, &mut notes);
    agent(view, &mut notes);
    replay(view, &mut notes);
    position(view, &mut notes);
    if let Some(tags) = view.tags() {
        let tone = if tags.fresh { Tone::Plain } else { Tone::Stale };
        // An agent on its way out publishes tags for its last loop (Patroni 4.1), which nobody has configured.
        let leaving =
            view.state().is_some_and(|state| matches!(state.value, MemberState::Stopping | MemberState::Stopped));
        let words = tag_text(&if leaving { without_parting(tags.value) } else { tags.value });
        notes.extend(words.into_iter().map(|word| Span::new(word, tone)));
    }
    notes
}

/// The tags without those that Patroni 4.1 publishes while it goes down: `nosync` with `sync_priority` 0.
fn without_parting(tags: Tags) -> Tags {
    if tags.nosync && tags.sync_priority == Some(0) {
        Tags { nosync: false, sync_priority: None, ..tags }
    } else {
        tags
    }
}

fn presence(view: MemberView<'_>, notes: &mut Vec<Span>) {
    if let Presence::Missing { since } = view.member.presence {
        let span = units::duration(view.snapshot.now.since(since));
        notes.push(Span::new(format!("not in the DCS for {span}"), Tone::Warning));
    }
    let twice = view.snapshot.from_record(|content| content.member(view.name()).map(|known| known.occurrences));
    if let Some(times) = twice.filter(|times| times.value > 1) {
        notes.push(Span::new(format!("{} times in the DCS", times.value), Tone::Warning));
    }
}

/// Where record, agent and PostgreSQL tell different roles, and the record does not explain it.
fn roles(view: MemberView<'_>, notes: &mut Vec<Span>) {
    let fresh = |role: &crate::model::observed::Observed<Role>| role.fresh;
    match view.doubt() {
        // What it says is of another server.
        Some(IdentityDoubt::Elsewhere(other)) => {
            return notes.push(Span::new(format!("its address is that of {other}"), Tone::Critical));
        }
        Some(IdentityDoubt::SharedWith(other)) => {
            return notes.push(Span::new(format!("same server as {other}"), Tone::Critical));
        }
        Some(IdentityDoubt::TwoServers) => {
            return notes.push(Span::new("REST and SQL are different servers", Tone::Warning));
        }
        None => {}
    }
    let Some(sql) = view.sql_role().filter(fresh) else { return };
    let writes = sql.value == Role::Primary;
    if let Some(record) = view.recorded_role().filter(fresh) {
        match (&record.value, writes) {
            (Role::Leader, false) => {
                notes.push(Span::new("holds the leader key, but is in recovery", Tone::Critical));
            }
            (Role::Leader, true) | (_, false) => {}
            (_, true) if !view.snapshot.identity.traits.has_dcs() => {
                if has_finding(view) {
                    notes.push(Span::new("accepts writes, but is not the only one", Tone::Critical));
                }
            }
            (_, true) => {
                let tone = if has_finding(view) { Tone::Critical } else { Tone::Warning };
                notes.push(Span::new("accepts writes without the leader key", tone));
            }
        }
    }
    if let Some(agent) = view.agent_role().filter(fresh)
        && agent.value.is_writable() != writes
        && !matches!(agent.value, Role::Unknown(_))
    {
        notes.push(Span::new(format!("REST says {}, SQL says {}", agent.value, sql.value), Tone::Warning));
    }
}

fn routers(view: MemberView<'_>, notes: &mut Vec<Span>) {
    for server in routing::servers(view.snapshot) {
        if view.snapshot.member_of(server.row).is_none_or(|member| member.name != *view.name()) {
            continue;
        }
        let (router, pool) = (&server.router.name, &server.row.proxy);
        let note = match routing::routing_anomaly(view.snapshot, &server) {
            Some(RoutingAnomaly::WritesElsewhere { leader: Some(leader) }) => {
                Span::new(format!("{router} routes writes here, the leader is {leader}"), Tone::Critical)
            }
            Some(RoutingAnomaly::WritesElsewhere { leader: None }) => {
                Span::new(format!("{router} routes writes here, no leader"), Tone::Critical)
            }
            Some(RoutingAnomaly::LeaderIsDown) => {
                Span::new(format!("{router} routes no writes here ({pool})"), Tone::Critical)
            }
            Some(RoutingAnomaly::ReplicaIsDown) => {
                Span::new(format!("{router} routes no reads here ({pool})"), Tone::Warning)
            }
            None => continue,
        };
        notes.push(note);
    }
}

/// Troubles of the member's own wires; wires that fail in the same way share a phrase.
fn failures(view: MemberView<'_>, notes: &mut Vec<Span>) {
    let now = view.snapshot.now;
    let member = view.member;
    let all = [
        member.agent.as_ref().and_then(|reading| failure_kind(reading, now)),
        member.sql.as_ref().and_then(|reading| failure_kind(reading, now)),
        member.agent_metrics.as_ref().and_then(|reading| failure_kind(reading, now)),
        member.exporter.as_ref().and_then(|reading| failure_kind(reading, now)),
    ];
    let mut groups: Vec<(Vec<&str>, &str, Duration)> = Vec::new();
    for (wire, words, lasts) in all.into_iter().flatten() {
        match groups.iter_mut().find(|(_, known, _)| *known == words) {
            Some((wires, _, longest)) => {
                wires.push(wire);
                *longest = lasts.max(*longest);
            }
            None => groups.push((vec![wire], words, lasts)),
        }
    }
    for (wires, words, lasts) in groups {
        notes.push(Span::new(format!("{}: {words} for {}", wires.join(", "), units::duration(lasts)), Tone::Stale));
    }
    if view.answers() || view.is_waiting() {
        return;
    }
    if member.agent.is_none() && member.sql.is_none() {
        notes.push(Span::new("no source configured", Tone::Stale));
    }
    match view.state() {
        Some(state) if state.fresh => notes.push(Span::new(format!("{} in the DCS", state.value), Tone::Stale)),
        Some(state) => notes.push(Span::new(format!("last seen {}", state.value), Tone::Stale)),
        None => {}
    }
}

/// Wire, trouble and how long it lasts.
fn failure_kind<T>(reading: &Reading<T>, now: Moment) -> Option<(&'static str, &'static str, Duration)> {
    let (_, lasts) = reading.failure_kind(now)?;
    let words = reading.failure.as_ref().map_or("unreachable", |failure| failure.error.failure_kind.describe());
    Some((reading.source.kind.as_str(), words, lasts))
}

fn agent(view: MemberView<'_>, notes: &mut Vec<Span>) {
    if let Some(report) = view.member.agent.as_ref().and_then(|reading| reading.fresh(view.snapshot.now)) {
        if report.failsafe_active {
            notes.push(Span::new("failsafe mode keeps it primary", Tone::Warning));
        }
        if report.watchdog_failed {
            notes.push(Span::new("watchdog not active", Tone::Warning));
        }
    }
    if let Some(pending) = view.pending_restart().filter(|pending| pending.value) {
        let settings = view.pending_settings();
        let list: Vec<_> = settings.iter().map(ToString::to_string).collect();
        let words =
            if list.is_empty() { "pending restart".into() } else { format!("pending restart: {}", list.join(", ")) };
        notes.push(Span::new(words, if pending.fresh { Tone::Warning } else { Tone::Stale }));
    }
    let by_agent = view.member.agent.as_ref().and_then(|reading| reading.last()?.scheduled_restart.clone());
    let by_record = || {
        let record = view.snapshot.from_record(|content| content.member(view.name())?.scheduled_restart.clone());
        record.map(|record| record.value)
    };
    if let Some(restart) = by_agent.or_else(by_record) {
        let conditions: Vec<_> = restart.conditions.iter().map(ToString::to_string).collect();
        let when = if conditions.is_empty() { String::new() } else { format!(" if {}", conditions.join(", ")) };
        notes.push(Span::new(format!("restart scheduled {}{when}", restart.at), Tone::Warning));
    }
}

fn replay(view: MemberView<'_>, notes: &mut Vec<Span>) {
    let runs = view.state().is_some_and(|state| state.fresh && state.value.is_up());
    let fed = view.role().is_some_and(|role| role.value == Role::StandbyLeader) && view.snapshot.is_fed_by_archive();
    if runs && view.follows() && !view.is_archive_fed() && !fed {
        match view.streams().filter(|streams| streams.fresh) {
            Some(streams) if streams.value => {}
            Some(_) => notes.push(Span::new("not streaming", Tone::Warning)),
            None => notes.push(Span::new("streaming ?", Tone::Stale)),
        }
    }
    if view.replay_paused().is_some_and(|paused| paused.fresh && paused.value) {
        notes.push(Span::new("replay paused", Tone::Warning));
    }
    let Some(report) = view.member.sql.as_ref().and_then(|reading| reading.fresh(view.snapshot.now)) else { return };
    if let Some(replay) = report.replay.filter(|replay| !replay.delay.is_zero()) {
        notes.push(Span::new(format!("replay delayed by {}", units::duration(replay.delay)), Tone::Plain));
    }
    for backup in &report.base_backups {
        let done = backup.total.and_then(|total| units::percent(backup.streamed, total));
        let done = done.unwrap_or_else(|| units::bytes(backup.streamed));
        notes.push(Span::new(format!("base backup running, {done}"), Tone::Plain));
    }
}

fn position(view: MemberView<'_>, notes: &mut Vec<Span>) {
    let Some(upstream) = view.upstream().filter(|upstream| upstream.fresh && view.answers()) else { return };
    if view.snapshot.leader().is_some_and(|leader| leader.value != upstream.value) {
        notes.push(Span::new(format!("cascades from {}", upstream.value), Tone::Plain));
    }
}

/// The tags in words. `replicatefrom` is left to the tree.
pub(in crate::report) fn tag_text(tags: &Tags) -> Vec<String> {
    let Tags { failover_priority, sync_priority, other, .. } = tags;
    let mut words = tags.flags();
    words.extend(failover_priority.map(|rank| format!("failover priority {rank}")));
    words.extend(sync_priority.map(|rank| format!("sync priority {rank}")));
    words.extend(other.iter().map(|(name, value)| format!("{name}={value}")));
    words
}
