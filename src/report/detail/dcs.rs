//! Detail of a DCS member.

use super::super::dcs::alarm_text;
use super::super::table::Tone;
use super::super::units;
use super::Group;
use super::opinions::{Collector, opinion_of, says_as};
use crate::model::dcs::{DcsMember, Quorum, RaftLeader};
use crate::model::moment::Moment;
use crate::model::observed::{Observed, Reading};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// Everything known of the DCS member at `endpoint`.
pub fn dcs_member(snapshot: &Snapshot, endpoint: &Text) -> Vec<Group> {
    let now = snapshot.now;
    let Some(reading) = snapshot.dcs.members.iter().find(|reading| reading.source.target == *endpoint) else {
        return Vec::new();
    };
    let mut own = Collector::new("Self-reported", now);
    let part = Part { reading, now };
    own.push_fact("name", part.of(|member| Some(&member.name)), ToString::to_string);
    own.push_fact("identifier", part.of(|member| Some(member.id)), |id| format!("{id:x}"));
    own.push_fact(
        "version",
        part.of(|member| Some(&member.version).filter(|reported| !reported.is_empty())),
        ToString::to_string,
    );
    own.push_if_known("quorum", part.of(|member| Some(member.quorum)), |quorum| match quorum {
        Quorum::Reached => ("ok (linearizable read succeeded)".to_owned(), Tone::Ok),
        Quorum::Missing => ("no quorum: linearizable read failed".to_owned(), Tone::Critical),
        Quorum::Unknown => ("not checked, or not permitted".to_owned(), Tone::Stale),
    });
    own.push_fact("raft", part.of(Some), |member| {
        let number = |number: Option<u64>| number.map_or_else(|| "?".to_owned(), |number| number.to_string());
        format!(
            "term {}, index {}, applied {}",
            number(member.term),
            number(member.raft_index),
            number(member.raft_applied)
        )
    });
    own.push_fact("database", part.of(Some), |member| {
        let used = member.db_in_use.map(|used| format!(", {} in use", units::bytes(used))).unwrap_or_default();
        let quota = member.db_quota.map(|quota| format!(", quota {}", units::bytes(quota))).unwrap_or_default();
        let size = member.db_size.map_or_else(|| "?".to_owned(), units::bytes);
        format!("{size}{used}{quota}")
    });
    own.push_if_known("status", part.of(|member| member.status_refused.as_ref()), |why| {
        (format!("requires the root user since etcd 3.5.28 ({why}): version, leader and size unknown"), Tone::Stale)
    });
    own.push_if_known("alarms", part.of(|member| (!member.alarms.is_empty()).then_some(&member.alarms)), |alarms| {
        (alarms.iter().map(alarm_text).collect::<Vec<_>>().join(", "), Tone::Critical)
    });
    own.push_fact("latency", part.of(|member| Some(member.latency)), |took| units::latency(*took));

    let mut all = Collector::new("Reported by all members", now);
    let ids = || snapshot.dcs.members.iter();
    all.push_opinions(
        "leader",
        ids().map(|reading| {
            let fact = reading.fact(now, |member| Some(member.leader));
            says_as(fact, |id| leader_name(snapshot, *id), ToString::to_string)
        }),
    );
    all.push_opinions("term", ids().map(|reading| opinion_of(reading.fact(now, |member| member.term))));

    let mut source = Collector::new("Source", now);
    source.push_reading(reading);
    [own.into_group(), all.into_group(), source.into_group()].into_iter().flatten().collect()
}

/// Parts of what the member said.
struct Part<'a> {
    reading: &'a Reading<DcsMember>,
    now: Moment,
}

impl<'a> Part<'a> {
    fn of<U>(&self, pick: impl FnOnce(&'a DcsMember) -> Option<U>) -> Option<Observed<U>> {
        self.reading.fact(self.now, pick)
    }
}

fn leader_name(snapshot: &Snapshot, leader: RaftLeader) -> String {
    let RaftLeader::Known(id) = leader else { return leader.to_string() };
    let known = snapshot.dcs.members.iter().filter_map(|reading| reading.last()).find(|member| member.id == id);
    known.map(|member| member.name.to_string()).filter(|name| !name.is_empty()).unwrap_or_else(|| format!("{id:x}"))
}
