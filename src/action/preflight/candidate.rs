//! One member as the new leader.

use super::super::note::{Note, Verdict};
use super::scene::{Purpose, Scene, block, fresh, pass, unknown, warn};
use super::{Candidate, Eligibility, candidate_data as data, candidate_stream as stream, kept_from_handover};
use crate::model::lsn::{Lsn, Timeline};
use crate::model::name::NodeName;
use crate::model::observed::{Observed, Reading};
use crate::model::snapshot::Snapshot;
use crate::model::view::MemberView;

/// Every check on the member called `name`.
pub(super) fn examine(scene: &Scene<'_>, name: &NodeName, purpose: Purpose, notes: &mut Vec<Note>) {
    let Some(view) = scene.view(name) else {
        notes.push(block("candidate-known", format!("there is no member {name}")).about(name));
        return;
    };
    let from = notes.len();
    known(scene, view, notes);
    reachable(scene, view, notes);
    state(view, notes);
    if purpose == Purpose::Switchover {
        stream::live(scene, view, notes);
    }
    stream::lag_bytes(scene, view, purpose, notes);
    stream::lag_time(scene, view, purpose, notes);
    data::timeline(scene, view, purpose, notes);
    data::system_id(scene, view, notes);
    tags(scene, view, notes);
    sync(scene, view, purpose, notes);
    watchdog(scene, view, notes);
    pending_restart(view, notes);
    stream::replay(scene, view, notes);
    data::connections(scene, view, notes);
    for note in notes.iter_mut().skip(from) {
        note.member = Some(name.clone());
    }
}

/// Whether whoever acts could have named the candidate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Choice {
    /// It can be named, and was not.
    Open,
    /// Patroni chooses in any case.
    Patroni,
}

/// Nobody is named, so Patroni chooses: somebody must be there to choose.
pub(super) fn any(scene: &Scene<'_>, choice: Choice, notes: &mut Vec<Note>) {
    const CHECK: &str = "candidates";
    let all = ranked(scene.snapshot);
    let eligible: Vec<&str> = all.iter().filter(|one| one.is_eligible()).map(|one| one.member.as_str()).collect();
    let is_unknown = all.iter().any(|one| one.eligibility() == Eligibility::Unknown);
    notes.push(if eligible.is_empty() {
        let why = |one: &Candidate| {
            let first = one.notes.iter().find(|note| note.verdict == Verdict::Block);
            first.map_or_else(|| one.member.to_string(), |note| note.text.to_string())
        };
        let reasons = all.iter().map(why).collect::<Vec<_>>().join("; ");
        let note = block(
            CHECK,
            if is_unknown {
                format!("whether anybody can take over is unknown: {reasons}")
            } else {
                format!("nobody can take over: {reasons}")
            },
        );
        // Where all that speaks against one of them may be overridden, so may this. Patroni chooses among its own.
        let may = |one: &Candidate| one.notes.iter().all(|note| note.verdict != Verdict::Block || note.can_override);
        if is_unknown || all.iter().any(may) { note.overridable() } else { note }
    } else if eligible.len() == all.len() {
        pass(CHECK, format!("{} can take over", eligible.join(", ")))
    } else {
        let text = format!("{} of {} can take over: {}", eligible.len(), all.len(), eligible.join(", "));
        warn(CHECK, if choice == Choice::Open { format!("{text}; name one") } else { text })
    });
}

pub(super) fn ranked(snapshot: &Snapshot) -> Vec<Candidate> {
    let scene = Scene::without_plan(snapshot);
    let leader = scene.leader().map(|leader| leader.value);
    let purpose = if leader.is_some() { Purpose::Switchover } else { Purpose::Failover };
    let mut all: Vec<Candidate> = snapshot
        .views()
        .filter(|view| leader.as_ref() != Some(view.name()))
        .map(|view| {
            let mut notes = Vec::new();
            examine(&scene, view.name(), purpose, &mut notes);
            if purpose == Purpose::Failover {
                nobody_ahead(&scene, view.name(), &mut notes);
            }
            Candidate { member: view.name().clone(), notes }
        })
        .collect();
    all.sort_by_cached_key(|one| {
        let view = scene.view(&one.member);
        let synchronous = view.is_some_and(|view| is_synchronous(&scene, &view).is_some_and(|sync| sync.value));
        let lag = view.and_then(|view| fresh(view.lag().bytes)).map_or(u64::MAX, |lag| lag.value);
        let warnings = one.notes.iter().filter(|note| note.verdict >= Verdict::Warn).count();
        (one.eligibility(), !synchronous, warnings, lag, one.member.clone())
    });
    all
}

fn known(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "candidate-known";
    let name = view.name();
    let record = fresh(scene.snapshot.recorded(|content| Some(content.member(name).map(|own| own.occurrences))));
    notes.push(match record {
        Some(fact) => match fact.value {
            Some(1) => pass(CHECK, format!("{name} is on record")).by(&fact),
            Some(times) if times > 1 => block(CHECK, format!("{name} is on record {times} times")).by(&fact),
            Some(_) | None => block(CHECK, format!("{name} is not on record")).by(&fact),
        },
        None => block(CHECK, format!("whether {name} is on record is unknown")).overridable(),
    });
    if scene.leader().is_some_and(|leader| leader.value == *name) {
        notes.push(block("candidate-not-leader", format!("{name} leads already")));
    }
}

fn reachable(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    let (name, now) = (view.name(), scene.snapshot.now);
    let why = |trouble: Option<String>| trouble.unwrap_or_else(|| "no answer yet".to_owned());
    notes.push(match &view.member.agent {
        None => unknown("candidate-rest", format!("no REST of {name} is configured")),
        Some(agent) => match fresh(agent.fact(now, |report| Some(report.name.clone()))) {
            Some(fact) if fact.value.as_ref().is_some_and(|own| own != name) => {
                let own = fact.value.clone().unwrap_or_default();
                block("candidate-rest", format!("the address of {name} leads to the agent of {own}")).by(&fact)
            }
            Some(fact) => pass("candidate-rest", format!("the agent of {name} answers")).by(&fact),
            None => {
                let trouble = why(agent.trouble(now).map(|(words, _)| words));
                silence("candidate-rest", &format!("the agent of {name}"), agent, &trouble)
            }
        },
    });
    notes.push(match &view.member.sql {
        None => unknown("candidate-sql", format!("no SQL of {name} is configured: nothing can prove its promotion")),
        Some(sql) => match fresh(sql.fact(now, |report| Some(report.in_recovery))) {
            Some(fact) if fact.value => pass("candidate-sql", format!("{name} is in recovery")).by(&fact),
            Some(fact) => block("candidate-sql", format!("{name} is not in recovery: it takes writes")).by(&fact),
            None => {
                let trouble = why(sql.trouble(now).map(|(words, _)| words));
                silence("candidate-sql", &format!("PostgreSQL of {name}"), sql, &trouble)
            }
        },
    });
    if scene.two_servers(view) {
        let text = format!("REST and SQL of {name} lead to two different servers");
        notes.push(block("candidate-same-server", text));
    }
}

/// What is not answered: of one that did before, that it is silent, which speaks against it; of one that never did, that
/// nobody here knows, for it may be out of reach from this host alone.
fn silence<T>(check: &str, who: &str, reading: &Reading<T>, trouble: &str) -> Note {
    if reading.last().is_some() {
        let note = block(check, format!("{who} does not answer: {trouble}")).overridable();
        return Note { source: Some(reading.source.clone()), ..note };
    }
    block(check, format!("what {who} says is unknown, it has not been reached from here: {trouble}")).overridable()
}

fn state(view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "candidate-state";
    let name = view.name();
    let recorded = || {
        let told = fresh(view.snapshot.recorded(|content| content.member(name).map(|own| own.state.clone())));
        told.map(|state| format!(", the record alone says {}", state.value)).unwrap_or_default()
    };
    notes.push(match fresh(view.state()) {
        Some(state) if state.value.is_up() => pass(CHECK, format!("{name} is {}", state.value)).by(&state),
        Some(state) => block(CHECK, format!("{name} is {}", state.value)).by(&state),
        None => block(CHECK, format!("the state of {name} is unknown{}", recorded())).overridable(),
    });
}

fn tags(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "candidate-tags";
    let name = view.name();
    notes.push(match fresh(view.tags()) {
        None => block(CHECK, format!("the tags of {name} are unknown: they may forbid it to lead")).overridable(),
        Some(tags) if tags.value.forbids_failover() => {
            let tag = tags.value.why_no_failover().unwrap_or_default();
            block(CHECK, format!("{name} is tagged {tag}")).by(&tags)
        }
        Some(tags) if tags.value.forbids_sync() && synchronous_mode(scene).is_some_and(|sync| sync.value) => {
            warn(CHECK, format!("{name} is tagged nosync: it is never synchronous")).by(&tags)
        }
        Some(tags) if tags.value.replicatefrom.is_some() => {
            warn(CHECK, format!("{name} is tagged replicatefrom: it is meant to cascade")).by(&tags)
        }
        Some(tags) => pass(CHECK, format!("no tag of {name} speaks against it")).by(&tags),
    });
}

pub(super) fn synchronous_mode(scene: &Scene<'_>) -> Option<Observed<bool>> {
    fresh(scene.snapshot.recorded(|content| content.config().map(|config| config.synchronous_mode)))
}

/// Whether the sync key lists the member, which is what Patroni goes by.
fn is_synchronous(scene: &Scene<'_>, view: &MemberView<'_>) -> Option<Observed<bool>> {
    let name = view.name();
    fresh(scene.snapshot.recorded(|content| Some(content.sync().is_some_and(|sync| sync.standbys.contains(name)))))
}

fn sync(scene: &Scene<'_>, view: MemberView<'_>, purpose: Purpose, notes: &mut Vec<Note>) {
    const CHECK: &str = "candidate-sync";
    let name = view.name();
    let (Some(mode), Some(listed)) = (synchronous_mode(scene), is_synchronous(scene, &view)) else {
        let text = format!("whether {name} must be synchronous, and is, is unknown");
        notes.push(match purpose {
            Purpose::Switchover => unknown(CHECK, text),
            Purpose::Failover => block(CHECK, text).overridable(),
        });
        return;
    };
    notes.push(match (mode.value, listed.value, purpose) {
        (false, _, _) => pass(CHECK, "synchronous mode is off").by(&mode),
        (true, true, _) => pass(CHECK, format!("{name} is synchronous")).by(&listed),
        (true, false, Purpose::Switchover) => {
            let why = kept_from_handover(scene.snapshot, name);
            block(CHECK, why.unwrap_or_else(|| format!("{name} is not synchronous"))).by(&listed)
        }
        (true, false, Purpose::Failover) => {
            block(CHECK, format!("{name} is not synchronous: acknowledged commits may be lost"))
                .by(&listed)
                .overridable()
        }
    });
}

fn watchdog(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "candidate-watchdog";
    let name = view.name();
    let agent = view.member.agent.as_ref();
    let failed = agent.and_then(|agent| fresh(agent.fact(scene.snapshot.now, |report| Some(report.watchdog_failed))));
    notes.push(match failed {
        None => unknown(CHECK, format!("the watchdog of {name} is not looked at")),
        Some(failed) if failed.value => {
            block(CHECK, format!("{name} could not arm its watchdog: Patroni does not promote it")).by(&failed)
        }
        Some(failed) => pass(CHECK, format!("{name} tells of no trouble with a watchdog")).by(&failed),
    });
}

fn pending_restart(view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "candidate-pending-restart";
    let name = view.name();
    notes.push(match fresh(view.pending_restart()) {
        None => unknown(CHECK, format!("whether {name} waits for a restart is unknown")),
        Some(pending) if pending.value => {
            let settings: Vec<String> = view.pending_settings().iter().map(ToString::to_string).collect();
            warn(CHECK, format!("{name} waits for a restart: {}", settings.join(", "))).by(&pending)
        }
        Some(pending) => pass(CHECK, format!("{name} waits for no restart")).by(&pending),
    });
}

/// Without a leader nobody compares: whoever holds WAL that the candidate lacks would lose it.
pub(super) fn nobody_ahead(scene: &Scene<'_>, name: &NodeName, notes: &mut Vec<Note>) {
    const CHECK: &str = "nobody-ahead";
    let place = |view: MemberView<'_>| {
        let (timeline, position) = (fresh(view.timeline()), fresh(view.position()));
        position.map(|position| (timeline.map(|timeline| timeline.value), position))
    };
    let Some((own_timeline, own)) = scene.view(name).and_then(place) else {
        notes.push(
            block(CHECK, format!("the WAL position of {name} is unknown: others may be ahead of it"))
                .about(name)
                .overridable(),
        );
        return;
    };
    let from = notes.len();
    let mut silent = Vec::new();
    for view in scene.snapshot.views().filter(|view| view.name() != name) {
        if !view.answers() {
            silent.push(view.name().as_str());
            continue;
        }
        let up = fresh(view.state()).is_none_or(|state| state.value.is_up());
        match place(view) {
            Some((timeline, position)) if is_ahead((timeline, position.value), (own_timeline, own.value)) => {
                let ahead = own.value.bytes_to(position.value);
                let text = format!("{} is ahead of {name}, by {}", view.name(), crate::model::units::bytes(ahead));
                notes.push(block(CHECK, text).about(view.name()).by(&position));
            }
            Some(_) => {}
            None if up => {
                let text = format!("the WAL position of {} is unknown: it may be ahead of {name}", view.name());
                notes.push(block(CHECK, text).about(view.name()).overridable());
            }
            None => silent.push(view.name().as_str()),
        }
    }
    if notes.len() > from {
        return;
    }
    notes.push(if silent.is_empty() {
        pass(CHECK, format!("no member is ahead of {name}")).about(name).by(&own)
    } else {
        let text = format!("nobody who answers is ahead of {name}; {} may be, and does not answer", silent.join(", "));
        warn(CHECK, text).about(name).by(&own)
    });
}

/// On a later timeline, or further on the same one. Where a timeline is unknown the position alone counts.
fn is_ahead(other: (Option<Timeline>, Lsn), own: (Option<Timeline>, Lsn)) -> bool {
    match (other.0, own.0) {
        (Some(other), Some(own)) if other != own => other > own,
        (Some(_) | None, Some(_) | None) => other.1 > own.1,
    }
}
