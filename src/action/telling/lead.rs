//! Who leads: the old leader steps down, the new one is promoted.

use super::Telling;
use super::evidence::{Said, Scene};
use crate::model::name::NodeName;
use crate::model::observed::Reading;
use crate::model::record::{ClusterRecord, Counter, Lead};
use crate::model::source::Trouble;

/// Whether the lock was taken anew since the action began. A source without revisions only tells another holder.
pub(super) fn taken_anew(scene: &Scene<'_>, key: &Lead) -> bool {
    let was = &scene.before.generation;
    if key.create_revision == 0 || was.count(Counter::Lead) == 0 {
        was.leader.as_ref() != Some(&key.holder)
    } else {
        key.create_revision > was.count(Counter::Lead)
    }
}

pub(super) fn stepped_down(scene: &Scene<'_>, member: &NodeName) -> Telling {
    let Some(record) = scene.record() else { return Telling::not_yet("the record has not been heard since") };
    if let Some(key) = &record.value.leader
        && key.holder == *member
    {
        return if taken_anew(scene, key) {
            Telling::contradicted(format!("{member} lost the leader lock and took it again"))
        } else {
            Telling::not_yet(format!("{member} holds the leader lock"))
        };
    }
    let lock = lock(&record);
    match scene.sql(member) {
        Ok(sql) if sql.value.in_recovery => Telling::reached(format!("{}: in recovery; {lock}", sql.source)),
        Ok(sql) => Telling::not_yet(format!("{}: still not in recovery; {lock}", sql.source)),
        Err(doubt) => {
            let refused = scene.member(member).and_then(|member| member.sql.as_ref()).and_then(|sql| gone(scene, sql));
            match refused {
                // A port that is forwarded takes the connection and closes it, whoever listens behind it or does not.
                None => match ended(scene, member) {
                    Some(word) => Telling::reached(format!("{word}; {lock}")),
                    None => doubt.told(),
                },
                // A firewall may refuse in the name of a server that runs: then its agent says that it does.
                Some(how) if runs_as_primary(scene, member) => Telling::not_yet(format!(
                    "SQL {member}: {how}, and yet its agent says that it runs as primary; {lock}"
                )),
                Some(how) => Telling::reached(format!("SQL {member}: {how}; {lock}")),
            }
        }
    }
}

/// Whether the agent of `member` has said since that its PostgreSQL is up and takes writes.
fn runs_as_primary(scene: &Scene<'_>, member: &NodeName) -> bool {
    scene.agent(member).is_some_and(|agent| agent.value.state.is_up() && agent.value.role.is_writable())
}

/// The word of the agent of `member`, asked since, that its PostgreSQL does not run. An agent that is another member's or
/// another cluster's says nothing of it.
fn ended(scene: &Scene<'_>, member: &NodeName) -> Option<String> {
    let agent = scene.agent(member)?;
    let another = agent.value.name.as_ref().is_some_and(|own| own != member);
    let ids = agent.value.system_id.zip(scene.before.generation.system_id);
    let foreign = ids.is_some_and(|(own, cluster)| own != cluster);
    let ended = agent.value.state.has_ended() && !another && !foreign;
    ended.then(|| format!("{}: PostgreSQL is {}", agent.source, agent.value.state))
}

/// In which words PostgreSQL has said since that it is gone. Silence is no such word: a server that was cut off runs on.
fn gone<T>(scene: &Scene<'_>, reading: &Reading<T>) -> Option<String> {
    let failure = reading.failure.as_ref().filter(|failure| failure.at > scene.since)?;
    match failure.error.trouble {
        Trouble::Refused | Trouble::NotReady => Some(failure.error.brief()),
        Trouble::TimedOut
        | Trouble::Name
        | Trouble::Unreachable
        | Trouble::Tls
        | Trouble::Credentials
        | Trouble::Withheld
        | Trouble::Permission
        | Trouble::Closed
        | Trouble::UnexpectedAnswer
        | Trouble::NoSuchCluster
        | Trouble::TooLarge
        | Trouble::NoQuorum
        | Trouble::Unasked
        | Trouble::SlotsTaken
        | Trouble::ConnectionLimit
        | Trouble::Unsupported => None,
    }
}

fn lock(record: &Said<'_, ClusterRecord>) -> String {
    let holder = record.value.leader.as_ref().map_or("nobody", |key| key.holder.as_str());
    format!("{}: {holder} holds the lock", record.source)
}

pub(super) fn promoted(scene: &Scene<'_>, wanted: Option<&NodeName>) -> Telling {
    let Some(record) = scene.record() else { return Telling::not_yet("the record has not been heard since") };
    let Some(key) = &record.value.leader else { return Telling::not_yet("nobody holds the leader lock") };
    let holder = &key.holder;
    let was = &scene.before.generation;
    if !taken_anew(scene, key) {
        return Telling::not_yet(format!("{holder} holds the leader lock as before"));
    }
    if was.leader.as_ref() == Some(holder) {
        return Telling::contradicted(format!("{holder} lost the leader lock and took it again"));
    }
    let sql = match scene.sql(holder) {
        Ok(sql) => sql,
        Err(doubt) => return doubt.told(),
    };
    if sql.value.in_recovery {
        return Telling::not_yet(format!("{holder} holds the leader lock and is still in recovery"));
    }
    let (Some(old), Some(new)) = (was.timeline, sql.value.timeline) else {
        return Telling::not_yet(format!("the timeline of {holder} cannot be compared with the one before"));
    };
    if new <= old {
        return Telling::not_yet(format!("{holder} is on timeline {new}, as before"));
    }
    if was.system_id.is_some() && sql.value.system_id.is_none() {
        return Telling::not_yet(format!("{} does not tell its system identifier", sql.source));
    }
    if let Some(wanted) = wanted.filter(|wanted| *wanted != holder) {
        return Telling::contradicted(format!("{holder} was promoted instead of {wanted}, timeline {new}"));
    }
    Telling::reached(format!(
        "{}: not in recovery, timeline {old} → {new}; {}, revision {}",
        sql.source,
        lock(&record),
        key.create_revision
    ))
}
