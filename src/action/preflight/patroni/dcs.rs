//! The DCS: without its majority nothing that is ordered takes effect, or nobody can tell whether it did.

use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, fresh, pass, unknown, warn};
use crate::model::dcs::{DcsMember, Quorum, RaftLeader};
use crate::model::observed::Observed;

pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    let snapshot = context.snapshot;
    let members = &snapshot.dcs.members;
    if members.is_empty() {
        // Patroni's own word, by way of `/cluster`, is all there is.
        notes.push(unknown("dcs-quorum", "no DCS member is configured: its health is not checked"));
        return;
    }
    let known: Vec<Observed<&DcsMember>> =
        members.iter().filter_map(|reading| fresh(reading.fact(snapshot.now, Some))).collect();
    quorum(&known, members.len(), notes);
    alarms(&known, notes);
    agreement(&known, notes);
}

fn quorum(known: &[Observed<&DcsMember>], configured: usize, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "dcs-quorum";
    let received = format!("{} of {configured} members respond", known.len());
    let reached = known.iter().find(|member| member.value.quorum == Quorum::Reached);
    notes.push(match reached {
        Some(member) if known.len() < configured => warn(CHECK, format!("the DCS has quorum; {received}")).by(member),
        Some(member) => pass(CHECK, format!("the DCS has quorum; {received}")).by(member),
        None => match known.iter().find(|member| member.value.quorum == Quorum::Missing) {
            Some(member) => block(CHECK, format!("no quorum: {received}")).by(member),
            None => block(CHECK, format!("unknown whether the DCS has quorum: {received}")).overridable(),
        },
    });
}

fn alarms(known: &[Observed<&DcsMember>], notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "dcs-alarms";
    let raised = known.iter().find_map(|member| Some((member, member.value.alarms.first()?)));
    notes.push(match raised {
        Some((member, alarm)) => {
            let raised_by = if alarm.raised_by.is_empty() { &member.source.target } else { &alarm.raised_by };
            block(CHECK, format!("alarm {} on {raised_by}", alarm.kind)).by(member)
        }
        None if known.is_empty() => unknown(CHECK, "no DCS member responds"),
        None => pass(CHECK, "no alarm"),
    });
}

fn agreement(known: &[Observed<&DcsMember>], notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "dcs-agreement";
    let Some(first) = known.first() else {
        notes.push(unknown(CHECK, "no DCS member responds"));
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
                a.describe_term(),
                a.leader,
                other.source,
                b.describe_term(),
                b.leader
            );
            if serving(&other) { block(CHECK, text).by(other) } else { warn(CHECK, text).by(other) }
        }
        None if first.value.leader == RaftLeader::Nobody => block(CHECK, "no DCS member sees a raft leader").by(first),
        None if first.value.leader == RaftLeader::Unknown => {
            pass(CHECK, format!("all in term {}; the etcd leader is visible to root only", first.value.describe_term()))
                .by(first)
        }
        None => pass(CHECK, format!("all in term {} with one leader", first.value.describe_term())).by(first),
    });
}
