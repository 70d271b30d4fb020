//! What is worth saying of a member beside its numbers, most pressing first.

use std::time::Duration;

use super::super::line::Span;
use super::super::routing::{self, Oddity};
use super::super::table::Tone;
use super::super::units;
use super::is_accused;
use crate::model::agent::Tags;
use crate::model::identity::Doubt;
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
    troubles(view, &mut notes);
    agent(view, &mut notes);
    replay(view, &mut notes);
    position(view, &mut notes);
    if let Some(tags) = view.tags() {
        let tone = if tags.fresh { Tone::Plain } else { Tone::Stale };
        // An agent on its way out publishes tags for its last loop (Patroni 4.1), which nobody has configured.
        let leaving =
            view.state().is_some_and(|state| matches!(state.value, MemberState::Stopping | MemberState::Stopped));
        let words = tag_words(&if leaving { without_parting(tags.value) } else { tags.value });
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
        notes.push(Span::new(format!("not in the DCS for {span}"), Tone::Look));
    }
    let twice = view.snapshot.recorded(|content| content.member(view.name()).map(|known| known.occurrences));
    if let Some(times) = twice.filter(|times| times.value > 1) {
        notes.push(Span::new(format!("on record {} times", times.value), Tone::Look));
    }
}

/// Where record, agent and PostgreSQL tell different roles, and the record does not explain it.
fn roles(view: MemberView<'_>, notes: &mut Vec<Span>) {
    let fresh = |role: &crate::model::observed::Observed<Role>| role.fresh;
    match view.doubt() {
        // What it says is of another server.
        Some(Doubt::Elsewhere(other)) => {
            return notes.push(Span::new(format!("its address leads to {other}"), Tone::Act));
        }
        Some(Doubt::SharedWith(other)) => {
            return notes.push(Span::new(format!("leads to the server of {other}"), Tone::Act));
        }
        Some(Doubt::TwoServers) => {
            return notes.push(Span::new("REST and SQL are different servers", Tone::Look));
        }
        None => {}
    }
    let Some(sql) = view.sql_role().filter(fresh) else { return };
    let writes = sql.value == Role::Primary;
    if let Some(record) = view.recorded_role().filter(fresh) {
        match (&record.value, writes) {
            (Role::Leader, false) => {
                notes.push(Span::new("holds the leader lock, but is in recovery", Tone::Act));
            }
            (Role::Leader, true) | (_, false) => {}
            (_, true) => {
                let tone = if is_accused(view) { Tone::Act } else { Tone::Look };
                notes.push(Span::new("takes writes without the leader lock", tone));
            }
        }
    }
    if let Some(agent) = view.agent_role().filter(fresh)
        && agent.value.is_writable() != writes
        && !matches!(agent.value, Role::Unknown(_))
    {
        notes.push(Span::new(format!("REST says {}, SQL says {}", agent.value, sql.value), Tone::Look));
    }
}

fn routers(view: MemberView<'_>, notes: &mut Vec<Span>) {
    for server in routing::servers(view.snapshot) {
        if view.snapshot.member_of(server.row).is_none_or(|member| member.name != *view.name()) {
            continue;
        }
        let (router, pool) = (&server.router.name, &server.row.proxy);
        let note = match routing::oddity(view.snapshot, &server) {
            Some(Oddity::WritesElsewhere { leader: Some(leader) }) => {
                Span::new(format!("{router} sends writes here, the leader is {leader}"), Tone::Act)
            }
            Some(Oddity::WritesElsewhere { leader: None }) => {
                Span::new(format!("{router} sends writes here, nobody leads"), Tone::Act)
            }
            Some(Oddity::LeaderIsDown) => Span::new(format!("{router} sends it no writes ({pool})"), Tone::Act),
            Some(Oddity::ReplicaIsDown) => Span::new(format!("{router} sends it no reads ({pool})"), Tone::Look),
            None => continue,
        };
        notes.push(note);
    }
}

/// Troubles of the member's own wires; wires that fail in the same way share a phrase.
fn troubles(view: MemberView<'_>, notes: &mut Vec<Span>) {
    let now = view.snapshot.now;
    let member = view.member;
    let all = [
        member.agent.as_ref().and_then(|reading| trouble(reading, now)),
        member.sql.as_ref().and_then(|reading| trouble(reading, now)),
        member.agent_metrics.as_ref().and_then(|reading| trouble(reading, now)),
        member.exporter.as_ref().and_then(|reading| trouble(reading, now)),
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
        notes.push(Span::new("nothing is configured to ask it", Tone::Stale));
    }
    match view.state() {
        Some(state) if state.fresh => notes.push(Span::new(format!("on record as {}", state.value), Tone::Stale)),
        Some(state) => notes.push(Span::new(format!("last seen {}", state.value), Tone::Stale)),
        None => {}
    }
}

/// Wire, trouble and how long it lasts.
fn trouble<T>(reading: &Reading<T>, now: Moment) -> Option<(&'static str, &'static str, Duration)> {
    let (_, lasts) = reading.trouble(now)?;
    let words = reading.failure.as_ref().map_or("no answer", |failure| failure.error.trouble.words());
    Some((reading.source.kind.word(), words, lasts))
}

fn agent(view: MemberView<'_>, notes: &mut Vec<Span>) {
    if let Some(report) = view.member.agent.as_ref().and_then(|reading| reading.fresh(view.snapshot.now)) {
        if report.failsafe_active {
            notes.push(Span::new("failsafe mode keeps it primary", Tone::Look));
        }
        if report.watchdog_failed {
            notes.push(Span::new("watchdog not armed", Tone::Look));
        }
    }
    if let Some(pending) = view.pending_restart().filter(|pending| pending.value) {
        let settings = view.pending_settings();
        let list: Vec<_> = settings.iter().map(ToString::to_string).collect();
        let words =
            if list.is_empty() { "pending restart".into() } else { format!("pending restart: {}", list.join(", ")) };
        notes.push(Span::new(words, if pending.fresh { Tone::Look } else { Tone::Stale }));
    }
    let by_agent = view.member.agent.as_ref().and_then(|reading| reading.last()?.scheduled_restart.clone());
    let by_record = || {
        let record = view.snapshot.recorded(|content| content.member(view.name())?.scheduled_restart.clone());
        record.map(|record| record.value)
    };
    if let Some(restart) = by_agent.or_else(by_record) {
        let conditions: Vec<_> = restart.conditions.iter().map(ToString::to_string).collect();
        let when = if conditions.is_empty() { String::new() } else { format!(" if {}", conditions.join(", ")) };
        notes.push(Span::new(format!("restart scheduled {}{when}", restart.at), Tone::Look));
    }
}

fn replay(view: MemberView<'_>, notes: &mut Vec<Span>) {
    let runs = view.state().is_some_and(|state| state.fresh && state.value.is_up());
    let fed = view.role().is_some_and(|role| role.value == Role::StandbyLeader) && view.snapshot.is_fed_by_archive();
    if runs && view.follows() && !view.is_archive_fed() && !fed {
        match view.streams().filter(|streams| streams.fresh) {
            Some(streams) if streams.value => {}
            Some(_) => notes.push(Span::new("does not stream", Tone::Look)),
            None => notes.push(Span::new("streams ?", Tone::Stale)),
        }
    }
    if view.replay_paused().is_some_and(|paused| paused.fresh && paused.value) {
        notes.push(Span::new("replay paused", Tone::Look));
    }
    let Some(report) = view.member.sql.as_ref().and_then(|reading| reading.fresh(view.snapshot.now)) else { return };
    if let Some(replay) = report.replay.filter(|replay| !replay.delay.is_zero()) {
        notes.push(Span::new(format!("replay delayed by {}", units::duration(replay.delay)), Tone::Plain));
    }
    for backup in &report.base_backups {
        let done = backup.total.and_then(|total| units::percent(backup.streamed, total));
        let done = done.unwrap_or_else(|| units::bytes(backup.streamed));
        notes.push(Span::new(format!("base backup runs, {done}"), Tone::Plain));
    }
}

fn position(view: MemberView<'_>, notes: &mut Vec<Span>) {
    let Some(upstream) = view.upstream().filter(|upstream| upstream.fresh && view.answers()) else { return };
    if view.snapshot.leader().is_some_and(|leader| leader.value != upstream.value) {
        notes.push(Span::new(format!("cascades from {}", upstream.value), Tone::Plain));
    }
}

/// The tags in words. `replicatefrom` is left to the tree.
pub(in crate::report) fn tag_words(tags: &Tags) -> Vec<String> {
    let Tags { failover_priority, sync_priority, other, .. } = tags;
    let mut words = tags.flags();
    words.extend(failover_priority.map(|rank| format!("failover priority {rank}")));
    words.extend(sync_priority.map(|rank| format!("sync priority {rank}")));
    words.extend(other.iter().map(|(name, value)| format!("{name}={value}")));
    words
}
