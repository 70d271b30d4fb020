//! Streams, seen from both sides.

use std::time::Duration;

use super::Telling;
use super::evidence::Scene;
use crate::model::lsn::Timeline;
use crate::model::name::NodeName;
use crate::model::units;

pub(super) fn streaming(scene: &Scene<'_>, member: &NodeName) -> Telling {
    let Some(leader) = leader(scene) else { return Telling::not_yet("no leader is known since") };
    match stream(scene, member, &leader) {
        Ok(words) => Telling::reached(words),
        Err(telling) => telling,
    }
}

/// Never so little behind that it would be none while the leader writes: less than this counts as caught up.
const CAUGHT_UP: Duration = Duration::from_secs(1);

pub(super) fn caught_up(scene: &Scene<'_>, member: &NodeName) -> Telling {
    let Some(leader) = leader(scene) else { return Telling::not_yet("no leader is known since") };
    let streams = match stream(scene, member, &leader) {
        Ok(words) => words,
        Err(telling) => return telling,
    };
    let row = scene.snapshot.members.iter().filter(|other| other.name != *member).find_map(|other| {
        let sql = scene.sql(&other.name).ok()?;
        sql.value.downstream.iter().find(|row| row.application.as_str() == member.as_str())
    });
    let (bytes, time) = row.map_or((None, None), |row| (row.replay_lag, row.replay_time));
    match (bytes, time) {
        (Some(0), _) => Telling::reached(format!("{streams}, nothing behind")),
        (_, Some(time)) if time < CAUGHT_UP => Telling::reached(format!("{streams}, {} behind", units::latency(time))),
        (Some(bytes), _) => Telling::not_yet(format!("{member} is {} behind", units::bytes(bytes))),
        (None, _) => Telling::not_yet(format!("how far {member} is behind is unknown")),
    }
}

pub(super) fn all_streaming(scene: &Scene<'_>) -> Telling {
    let (Some(leader), Some(record)) = (leader(scene), scene.record()) else {
        return Telling::not_yet("no leader is known since");
    };
    let standbys: Vec<_> = scene
        .snapshot
        .views()
        .filter(|view| *view.name() != leader.0 && !view.tags().is_some_and(|tags| tags.value.nostream))
        // One that is off the record is no standby by now, and may never come back.
        .filter(|view| record.value.member(view.name()).is_some())
        .collect();
    if standbys.is_empty() {
        return Telling::not_yet("there is no standby");
    }
    let mut seen = Vec::with_capacity(standbys.len());
    for view in &standbys {
        match stream(scene, view.name(), &leader) {
            Ok(words) => seen.push(words),
            // One that cannot follow rules nothing out for the others; it is named, and the rest is not told.
            Err(telling) => return Telling::not_yet(telling.words().as_str()),
        }
    }
    Telling::reached(seen.join("; "))
}

/// The leader by the record, and its timeline by its own SQL.
fn leader(scene: &Scene<'_>) -> Option<(NodeName, Timeline)> {
    let holder = scene.record()?.value.leader.as_ref()?.holder.clone();
    let sql = scene.sql(&holder).ok()?;
    Some((holder, sql.value.timeline?))
}

fn stream(scene: &Scene<'_>, member: &NodeName, leader: &(NodeName, Timeline)) -> Result<String, Telling> {
    let (holder, timeline) = leader;
    let own = scene.sql(member).map_err(super::evidence::Doubt::told)?;
    if *member == *holder {
        return Err(Telling::contradicted(format!("{member} leads: it streams from nobody")));
    }
    if !own.value.in_recovery {
        return Err(Telling::contradicted(format!("{member} is not in recovery, and {holder} holds the lock")));
    }
    if let Some(agent) = scene.agent(member)
        && !agent.value.state.is_up()
    {
        return Err(Telling::not_yet(format!("{}: {}", agent.source, agent.value.state)));
    }
    let receiver = own.value.receiver.as_ref().filter(|receiver| receiver.status == "streaming");
    let Some(receiver) = receiver else {
        return Err(Telling::not_yet(format!("{member} has no streaming WAL receiver")));
    };
    if receiver.timeline != Some(*timeline) {
        let own = receiver.timeline.map_or_else(|| "an unknown timeline".to_owned(), |own| format!("timeline {own}"));
        return Err(Telling::not_yet(format!("{member} streams {own}, the leader is on {timeline}")));
    }
    let view = scene.member(member).map(|member| scene.snapshot.view(member));
    if let Some(silent) = view.and_then(|view| view.stands_still()) {
        let silent = units::duration(silent);
        return Err(Telling::not_yet(format!("the WAL receiver of {member} has given no sign of life for {silent}")));
    }
    let server = scene.snapshot.members.iter().filter(|other| other.name != *member).find_map(|other| {
        let sql = scene.sql(&other.name).ok()?;
        let streams = |state: &crate::model::text::Text| *state == "streaming";
        let row = sql.value.downstream.iter().find(|row| row.application.as_str() == member.as_str())?;
        row.state.as_ref().is_some_and(streams).then_some(&other.name)
    });
    let Some(server) = server else {
        return Err(Telling::not_yet(format!("no node lists {member} as streaming since")));
    };
    Ok(format!("SQL {member}: receives timeline {timeline}; SQL {server}: streaming to {member}"))
}
