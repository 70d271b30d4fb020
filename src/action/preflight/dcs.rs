//! The DCS: without its majority nothing that is ordered takes effect, or nobody can tell whether it did.

use super::super::note::Note;
use super::scene::{Scene, block, fresh, pass, unknown, warn};
use crate::model::dcs::{DcsMember, Quorum, RaftLeader};
use crate::model::observed::Observed;

pub(super) fn examine(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    let snapshot = scene.snapshot;
    let members = &snapshot.dcs.members;
    if members.is_empty() {
        // Patroni's own word, by way of `/cluster`, is all there is.
        notes.push(unknown("dcs-quorum", "no DCS member is configured: its health is not looked at"));
        return;
    }
    let known: Vec<Observed<&DcsMember>> =
        members.iter().filter_map(|reading| fresh(reading.fact(snapshot.now, Some))).collect();
    quorum(&known, members.len(), notes);
    alarms(&known, notes);
    agreement(&known, notes);
}

fn quorum(known: &[Observed<&DcsMember>], configured: usize, notes: &mut Vec<Note>) {
    const CHECK: &str = "dcs-quorum";
    let heard = format!("{} of {configured} members answer", known.len());
    let reached = known.iter().find(|member| member.value.quorum == Quorum::Reached);
    notes.push(match reached {
        Some(member) if known.len() < configured => warn(CHECK, format!("the majority is reached; {heard}")).by(member),
        Some(member) => pass(CHECK, format!("the majority is reached; {heard}")).by(member),
        None => match known.iter().find(|member| member.value.quorum == Quorum::Missing) {
            Some(member) => block(CHECK, format!("no majority: {heard}")).by(member),
            None => block(CHECK, format!("whether the majority is reached is unknown: {heard}")).overridable(),
        },
    });
}

fn alarms(known: &[Observed<&DcsMember>], notes: &mut Vec<Note>) {
    const CHECK: &str = "dcs-alarms";
    let raised = known.iter().find_map(|member| Some((member, member.value.alarms.first()?)));
    notes.push(match raised {
        Some((member, alarm)) => {
            let raised_by = if alarm.raised_by.is_empty() { &member.source.target } else { &alarm.raised_by };
            block(CHECK, format!("alarm {} on {raised_by}", alarm.kind)).by(member)
        }
        None if known.is_empty() => unknown(CHECK, "no DCS member answers"),
        None => pass(CHECK, "no alarm"),
    });
}

fn agreement(known: &[Observed<&DcsMember>], notes: &mut Vec<Note>) {
    const CHECK: &str = "dcs-agreement";
    let Some(first) = known.first() else {
        notes.push(unknown(CHECK, "no DCS member answers"));
        return;
    };
    // One that has lost the majority and says so is only a lost member; two that both serve are two clusters.
    let serving = |member: &&Observed<&DcsMember>| member.value.quorum != Quorum::Missing;
    let first = known.iter().find(serving).unwrap_or(first);
    let differs = |member: &&Observed<&DcsMember>| {
        let (a, b) = (member.value.leader, first.value.leader);
        let leaders_known = a != RaftLeader::Unknown && b != RaftLeader::Unknown;
        let terms = member.value.term.zip(first.value.term);
        (leaders_known && a != b) || terms.is_some_and(|(a, b)| a != b)
    };
    let other = known.iter().filter(serving).find(differs).or_else(|| known.iter().find(differs));
    notes.push(match other {
        Some(other) => {
            let (a, b) = (first.value, other.value);
            let text = format!(
                "{} is in term {} with leader {}, {} in term {} with leader {}",
                first.source,
                a.term_words(),
                a.leader,
                other.source,
                b.term_words(),
                b.leader
            );
            if serving(&other) { block(CHECK, text).by(other) } else { warn(CHECK, text).by(other) }
        }
        None if first.value.leader == RaftLeader::Nobody => {
            block(CHECK, "no DCS member sees a leader of the DCS").by(first)
        }
        None if first.value.leader == RaftLeader::Unknown => {
            pass(CHECK, format!("all in term {}; who leads etcd is told to root alone", first.value.term_words()))
                .by(first)
        }
        None => pass(CHECK, format!("all in term {} with one leader", first.value.term_words())).by(first),
    });
}
