//! The DCS: quorum, silent members, alarms, size, members that disagree, values nobody can read.

use std::collections::{BTreeMap, BTreeSet};

use super::finding_draft::FindingDraft;
use crate::model::dcs::{DcsAlarmKind, DcsMember, Quorum, RaftLeader};
use crate::model::finding::{Severity, Subject};
use crate::model::observed::{Freshness, Observed, Reading};
use crate::model::record::ClusterRecord;
use crate::model::snapshot::Snapshot;
use crate::model::source::{FailureKind, SourceKind};
use crate::model::text::Text;

pub(super) fn examine(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    quorum(snapshot, drafts);
    record(snapshot, drafts);
    alarms(snapshot, drafts);
    for member in &snapshot.dcs.members {
        state(snapshot, member, drafts);
    }
    terms(snapshot, drafts);
}

/// How a member is called: by its own name where it told one.
fn name(member: &Reading<DcsMember>) -> Text {
    member
        .last()
        .map(|member| member.name.clone())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| member.source.target.clone())
}

/// What keeps it silent, as far as that is the member's and not this host's.
fn silence(member: &Reading<DcsMember>) -> &'static str {
    match member.failure.as_ref().map(|failure| failure.error.failure_kind) {
        Some(FailureKind::TooManyOpenFiles) => "was not queried: this host has too many open files",
        Some(_) | None => "is unreachable",
    }
}

fn is_silent(member: &Reading<DcsMember>, snapshot: &Snapshot) -> bool {
    matches!(member.freshness(snapshot.now), Freshness::Stale | Freshness::Lost)
}

/// Whether the member answered, and only kept from us what was asked.
fn refuses(member: &Reading<DcsMember>) -> bool {
    let failure_kind = member.failure.as_ref().map(|failure| failure.error.failure_kind);
    matches!(failure_kind, Some(FailureKind::Credentials | FailureKind::Permission))
}

fn quorum(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let members = &snapshot.dcs.members;
    if members.is_empty() {
        return;
    }
    let silent: Vec<_> = members.iter().filter(|member| is_silent(member, snapshot)).collect();
    let known = |pick: fn(&DcsMember) -> u32| members.iter().filter_map(|m| m.fresh(snapshot.now)).map(pick).max();
    let voters = known(|member| member.voters).filter(|voters| *voters > 0).unwrap_or(members.len() as u32);
    let without = members.iter().filter_map(|m| m.fact(snapshot.now, |member| Some(member.quorum)));
    let lost: Vec<_> = without.filter(|quorum| quorum.fresh && quorum.value == Quorum::Missing).collect();
    let reached =
        members.iter().filter_map(|member| member.fresh(snapshot.now)).any(|member| member.quorum == Quorum::Reached);
    let answering = members.iter().filter(|member| member.is_fresh(snapshot.now)).count() as u32;
    if !lost.is_empty() && !reached {
        let title = if answering > voters / 2 {
            // Alive, and cut off from each other; or those that died have not been asked again yet.
            "the DCS has no quorum: its members cannot reach each other".to_owned()
        } else {
            format!("the DCS has no quorum: {answering} of {voters} members respond")
        };
        let mut draft = FindingDraft::new(Severity::Critical, "dcs-no-quorum", Subject::Cluster, title);
        for quorum in &lost {
            draft = draft.because(quorum, "up, but a linearizable read fails");
        }
        for member in &silent {
            draft = with_trouble(draft, member, snapshot);
        }
        drafts.push(draft.advise(
            "restore a majority of the members: until then Patroni demotes the leader, unless failsafe mode is on",
        ));
    }
    // The last loss that can be borne: with more of them gone it is stopped already, or they are only not seen from here.
    let borne = silent.iter().filter(|member| !refuses(member)).count() as u32 == voters.saturating_sub(1) / 2;
    let since = silent.iter().filter_map(|member| member.silent_since(snapshot.now)).max();
    let reached_since = members.iter().any(|member| {
        let reached = member.fresh(snapshot.now).is_some_and(|member| member.quorum == Quorum::Reached);
        reached && since.is_some_and(|since| member.answered_since(since, snapshot.now))
    });
    for member in &silent {
        let consequence = if reached_since && borne { "; if one more is lost, failover is impossible" } else { "" };
        let (code, what) = if refuses(member) {
            ("dcs-member-refuses", "rejects the login".to_owned())
        } else {
            ("dcs-member-silent", format!("{}{consequence}", silence(member)))
        };
        let title = format!("{} {what}", name(member));
        let draft = FindingDraft::new(Severity::Warning, code, Subject::DcsMember(member.source.target.clone()), title);
        let advice = member.remedy().unwrap_or("check the host");
        drafts.push(with_trouble(draft, member, snapshot).advise(advice));
    }
}

fn with_trouble(draft: FindingDraft, member: &Reading<DcsMember>, snapshot: &Snapshot) -> FindingDraft {
    let Some((words, _)) = member.failure_kind(snapshot.now) else { return draft };
    let at = member.failure.as_ref().map(|failure| failure.at);
    draft.evidence(words, Some(member.source.clone()), at)
}

/// The cluster's own keys: whether they can be read, and what in them could not.
fn record(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    for reading in &snapshot.records {
        let subject = Subject::Source(reading.source.clone());
        if let Some((words, _)) = reading.failure_kind(snapshot.now) {
            let failure_kind = reading.failure.as_ref().map(|failure| failure.error.failure_kind);
            // Without a majority the members say so themselves; the record is only the consequence.
            if failure_kind == Some(FailureKind::NoQuorum) && !snapshot.dcs.members.is_empty() {
                continue;
            }
            let title = match (failure_kind, &reading.failure) {
                // It was read, and what it says is that it does not have this cluster.
                (Some(FailureKind::NoSuchCluster), Some(failure)) => not_found(reading, failure.error.detail.as_str()),
                _ => format!("{} cannot be read: the DCS state shown is stale or missing", reading.source),
            };
            let severity = if reading.source.kind == SourceKind::Etcd { Severity::Critical } else { Severity::Warning };
            let advice = reading.remedy().unwrap_or("check the DCS");
            drafts.push(
                FindingDraft::new(severity, "record-silent", subject, title)
                    .evidence(words, Some(reading.source.clone()), reading.failure.as_ref().map(|failure| failure.at))
                    .advise(advice),
            );
            continue;
        }
        let Some(content) = reading.fresh(snapshot.now) else { continue };
        if let Some(first) = content.defects.first() {
            let place = match reading.source.kind {
                SourceKind::PatroniCluster => "of the DCS state reported by Patroni",
                _ => "in the DCS",
            };
            let title =
                format!("{} {place}: {first}", crate::model::units::plural(content.defects.len(), "invalid value"));
            let mut draft = FindingDraft::new(Severity::Warning, "record-defect", subject, title);
            let at = reading.answer.as_ref().map(|answer| answer.at);
            for defect in content.defects.iter().take(8) {
                draft = draft.evidence(defect.as_str(), Some(reading.source.clone()), at);
            }
            drafts.push(draft.advise("check the keys in view 4: they were written manually or by a newer version"));
        }
    }
}

/// The title for a DCS that answers and lacks the cluster, with what it has instead.
fn not_found(reading: &Reading<ClusterRecord>, detail: &str) -> String {
    const MAX_LENGTH: usize = 200;
    let mut words: String = detail.chars().take(MAX_LENGTH).collect();
    if words.len() < detail.len() {
        words.truncate(words.rfind(", ").unwrap_or(words.len()));
        words.push_str(", and more");
    }
    let old = if reading.answer.is_some() { ": the DCS state shown is stale" } else { "" };
    format!("{} responds, but {words}{old}", reading.source)
}

/// Alarms of the DCS: every member tells those of all, and each kind is one finding.
fn alarms(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let mut kinds: BTreeMap<&DcsAlarmKind, Vec<(&Text, Observed<()>)>> = BTreeMap::new();
    for reading in &snapshot.dcs.members {
        let Some((member, fact)) = reading.fresh(snapshot.now).zip(reading.fact(snapshot.now, |_| Some(()))) else {
            continue;
        };
        for alarm in &member.alarms {
            let raised_by = if alarm.raised_by.is_empty() { &reading.source.target } else { &alarm.raised_by };
            let known = kinds.entry(&alarm.kind).or_default();
            if !known.iter().any(|(other, _)| *other == raised_by) {
                known.push((raised_by, fact.clone()));
            }
        }
    }
    for (kind, raised) in kinds {
        let names: Vec<&str> = raised.iter().map(|(name, _)| name.as_str()).collect();
        let names = names.join(", ");
        let (title, advice) = match kind {
            DcsAlarmKind::NoSpace => (
                format!("etcd alarm NOSPACE ({names}): the leader stays, but failover and switchover are impossible"),
                "compact and defragment etcd, raise the quota, then disarm the alarm",
            ),
            DcsAlarmKind::Corrupt => (
                format!("etcd alarm CORRUPT: the data of {names} differs from that of the other members"),
                "replace that etcd member",
            ),
            DcsAlarmKind::Other(words) => (format!("etcd alarm on {names}: {words}"), "check the log of etcd"),
        };
        let mut draft = FindingDraft::new(Severity::Critical, "dcs-alarm", Subject::Cluster, title)
            .part(&Text::new(kind.to_string()));
        for (name, fact) in &raised {
            draft = draft.because(fact, format!("{kind} on {name}"));
        }
        drafts.push(draft.advise(advice));
    }
}

fn state(snapshot: &Snapshot, reading: &Reading<DcsMember>, drafts: &mut Vec<FindingDraft>) {
    let (Some(member), Some(fact)) = (reading.fresh(snapshot.now), reading.fact(snapshot.now, |_| Some(()))) else {
        return;
    };
    let subject = || Subject::DcsMember(reading.source.target.clone());
    if let (Some(used), Some(quota), Some(size)) = (member.quota_used(), member.db_quota, member.db_size)
        && let Some(severity) = snapshot.thresholds.dcs_quota_percent.judge(used)
    {
        let title = format!("{} uses {used} % of its database quota", name(reading));
        drafts.push(
            FindingDraft::new(severity, "dcs-quota", subject(), title)
                .because(&fact, format!("{size} of {quota} bytes"))
                .advise("compact and defragment it, or raise the quota"),
        );
    }
    if member.learner == Some(true) {
        let title = format!("{} is an etcd learner: it has no vote", name(reading));
        drafts.push(FindingDraft::new(Severity::Note, "dcs-learner", subject(), title).because(&fact, "is_learner"));
    }
}

/// Members that see different leaders or terms belong to different clusters, or are cut off from each other.
fn terms(snapshot: &Snapshot, drafts: &mut Vec<FindingDraft>) {
    let fresh: Vec<_> =
        snapshot.dcs.members.iter().filter_map(|reading| Some((reading, reading.fresh(snapshot.now)?))).collect();
    // A login that is not told who leads knows no difference.
    let leaders: BTreeSet<RaftLeader> =
        fresh.iter().map(|(_, member)| member.leader).filter(|leader| *leader != RaftLeader::Unknown).collect();
    let terms: BTreeSet<u64> = fresh.iter().filter_map(|(_, member)| member.term).collect();
    if leaders.len() < 2 && terms.len() < 2 {
        return;
    }
    let title = "the DCS members disagree about their leader or term";
    let mut draft = FindingDraft::new(Severity::Warning, "dcs-terms-differ", Subject::Cluster, title);
    for (reading, member) in &fresh {
        if let Some(fact) = reading.fact(snapshot.now, |_| Some(())) {
            draft = draft.because(&fact, format!("term {}, leader {}", member.describe_term(), member.leader));
        }
    }
    drafts.push(
        draft.settling().advise("check that all endpoints belong to one etcd cluster, and the network between them"),
    );
}
