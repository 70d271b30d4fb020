//! The cluster in one line: what every view's header says.

use std::collections::BTreeSet;
use std::time::Duration;

use super::line::{Line, Span};
use super::routing;
use super::table::{NONE, Tone, UNKNOWN};
use super::tones;
use super::topology::{self, share};
use super::units;
use crate::model::dcs::{Quorum, RaftLeader};
use crate::model::finding::Severity;
use crate::model::member::{Member, Presence};
use crate::model::moment::{Began, Moment};
use crate::model::name::{ClusterName, NodeName};
use crate::model::observed::{Freshness, Observed};
use crate::model::patroni_record::DynamicConfig;
use crate::model::role::SyncState;
use crate::model::router::PoolPurpose;
use crate::model::snapshot::{Snapshot, StackKind, Wellbeing};
use crate::model::text::Text;
use crate::model::view::MemberView;

/// Findings by severity.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Act now.
    pub critical: usize,
    /// Look today.
    pub warning: usize,
    /// Worth knowing.
    pub note: usize,
}

/// What a header tells. Every span is a whole phrase in its tone; unknown is said as `?`.
#[derive(Clone, PartialEq, Debug)]
pub struct Summary {
    /// Name of the cluster.
    pub cluster: ClusterName,
    /// Its colour, as the configuration names it.
    pub colour: Option<Text>,
    /// It is not a real one.
    pub simulated: bool,
    /// How it does.
    pub wellbeing: Wellbeing,
    /// Name of the leader, `no leader`, `no primary` where without a record nobody takes writes, `pg-0?` where only an old
    /// record tells, or `?`.
    pub leader: Span,
    /// Timeline, or `?`.
    pub timeline: Span,
    /// Synchronous standbys that stream, of all: `1/1`; `none`, where nobody is one, or `?`. All are those that the record
    /// lists and those that commits wait for. `None` where synchronous mode is off or unknown.
    pub sync: Option<Span>,
    /// Members in order of those expected: `3/3`.
    pub members: Span,
    /// DCS members that answer of those configured: `2/3`; `None` where no DCS member is configured. Its tone tells
    /// whether those are in order.
    pub dcs: Option<Span>,
    /// `PAUSED`, or `pause ?` where nobody can tell; `None`: not paused.
    pub paused: Option<Span>,
    /// Who acts on the cluster at present, from whichever console: `switchover by alice@bastion`. `None`: nobody.
    pub operation: Option<Span>,
    /// How long it is paused: `12 min`, or `over 12 min` where nobody here saw it begin. Empty: that is not known, or
    /// says nothing yet.
    pub paused_for: String,
    /// Who paused it; `None`: that is not known.
    pub paused_by: Option<Text>,
    /// The switchover that waits for its time: `switchover in 57 min (pg-0 → pg-1)`.
    pub scheduled: Option<Span>,
    /// `READ-ONLY` or `READ-WRITE`: what this console may do.
    pub access: Span,
    /// Actions need a reason.
    pub protected: bool,
    /// Title of the worst finding that nobody has acknowledged.
    pub worst: Option<Span>,
    /// How many others stand beside it that are worth a look.
    pub more: usize,
    /// Why the cluster is worth a look although nothing is told yet, dim: a finding in the making with the time it has
    /// lasted, or the members out of order. `None`: nothing of the kind.
    pub making: Option<Span>,
    /// Whether what is in the making is worse than all that is found.
    pub making_is_worse: bool,
    /// The first of the findings that somebody has acknowledged, with who, why and until when, dim.
    pub acknowledged: Option<Span>,
    /// Sessions that wait for another's lock for longer than a moment: `5 blocked`. `None`: none that is known of.
    pub blocked: Option<Span>,
    /// Findings by severity, those left aside that somebody has acknowledged.
    pub counts: Counts,
    /// Age of the picture: of the oldest answer among the sources that answer in time. `None`: none does.
    pub age: Option<Duration>,
    /// The age in words, `1 s ago` or `nothing seen`.
    pub age_text: Span,
    /// Sources that do not answer in time, those still waiting for their first answer aside.
    pub silent: usize,
    /// Sources in all.
    pub sources: usize,
    /// Largest replay lag in bytes among members; `?` where there are replicas and none is known.
    pub lag: Span,
    /// Sessions through the write pools of all routers, `None` where no router tells.
    pub write_sessions: Option<u64>,
    /// Sessions through the read pools.
    pub read_sessions: Option<u64>,
}

/// The summary of a picture, seen at `now`.
pub fn summary(snapshot: &Snapshot, now: Moment) -> Summary {
    let identity = &snapshot.identity;
    let sources = snapshot.sources();
    let age = snapshot.age(now);
    let open = || snapshot.findings.iter().filter(|finding| finding.acknowledged.is_none());
    let count = |severity| open().filter(|finding| finding.severity == severity).count();
    let silent = sources.iter().filter(|status| matches!(status.freshness, Freshness::Stale | Freshness::Lost)).count();
    let waiting = sources.iter().all(|status| status.freshness == Freshness::Waiting);
    let age_text = match age {
        // A frozen or stuck picture grows old as a whole.
        Some(age) if age > OLD => Span::new(units::age(age), Tone::Look),
        Some(age) => Span::new(units::age(age), Tone::Dim),
        None if waiting && !sources.is_empty() => Span::new("waiting", Tone::Stale),
        None => Span::new("nothing seen", Tone::Stale),
    };
    Summary {
        cluster: identity.name.clone(),
        colour: identity.colour.clone(),
        simulated: identity.kind == StackKind::Simulated,
        wellbeing: snapshot.wellbeing(),
        leader: leader(snapshot),
        timeline: told(snapshot.timeline(), |timeline| Span::new(timeline.to_string(), Tone::Plain)),
        sync: sync(snapshot),
        members: members(snapshot),
        dcs: dcs(snapshot),
        paused: paused(snapshot),
        operation: operation(snapshot),
        paused_for: snapshot.paused_since.map(|began| lasts(began, snapshot)).unwrap_or_default(),
        paused_by: snapshot.paused_by.clone(),
        scheduled: scheduled(snapshot),
        access: if identity.read_only {
            Span::new("READ-ONLY", Tone::Dim)
        } else {
            Span::new("READ-WRITE", Tone::Plain)
        },
        protected: identity.protected,
        worst: snapshot.worst().map(|worst| Span::new(worst.title.clone(), tones::severity(worst.severity))),
        more: open().skip(1).filter(|finding| finding.severity >= Severity::Warning).count(),
        making: making(snapshot),
        making_is_worse: snapshot.worst_settling().is_some_and(|settling| {
            let first = snapshot.ranked_findings().into_iter().next();
            first.is_some_and(|(first, _)| std::ptr::eq(first, settling))
        }),
        acknowledged: acknowledged(snapshot),
        blocked: blocked(snapshot),
        counts: Counts {
            critical: count(Severity::Critical),
            warning: count(Severity::Warning),
            note: count(Severity::Note),
        },
        age,
        age_text,
        silent,
        sources: sources.len(),
        lag: lag(snapshot),
        write_sessions: routing::sessions(snapshot, PoolPurpose::Write),
        read_sessions: routing::sessions(snapshot, PoolPurpose::Read),
    }
}

/// What is in the making, or out of order without a finding.
fn making(snapshot: &Snapshot) -> Option<Span> {
    if let Some(finding) = snapshot.worst_settling() {
        let lasts = finding.since.map(|since| snapshot.now.since(since).as_secs()).unwrap_or_default();
        return Some(Span::new(format!("{} (settling {lasts} s)", finding.title), Tone::Dim));
    }
    let names: Vec<&str> = snapshot.out_of_order().map(|view| view.name().as_str()).collect();
    (!names.is_empty()).then(|| Span::new(format!("not in order: {} (no finding yet)", names.join(", ")), Tone::Dim))
}

fn acknowledged(snapshot: &Snapshot) -> Option<Span> {
    let mut known = snapshot.findings.iter().filter(|finding| finding.acknowledged.is_some());
    let first = known.next()?;
    let more = known.count();
    let more = if more > 0 { format!(", +{more} more") } else { String::new() };
    let words = super::findings::acknowledged_words(snapshot, first)?;
    Some(Span::new(format!("{}: {words}{more}", first.title), Tone::Dim))
}

fn blocked(snapshot: &Snapshot) -> Option<Span> {
    let fresh = snapshot.members.iter().filter_map(|member| member.sql.as_ref()?.fresh(snapshot.now));
    let count: usize = fresh.map(|report| report.blocked().count()).sum();
    (count > 0).then(|| Span::new(format!("{count} blocked"), Tone::Look))
}

/// What stands for the leader where the record says that nobody holds the lock.
pub const NO_LEADER: &str = "no leader";

/// What stands for the leader where no record is to be had and every member that answers is in recovery.
pub const NO_PRIMARY: &str = "no primary";

/// A picture older than this is worth a look: at every usual interval its sources would be stale by now.
const OLD: Duration = Duration::from_secs(30);

fn told<T>(fact: Option<Observed<T>>, draw: impl FnOnce(T) -> Span) -> Span {
    let Some(fact) = fact else { return Span::new(UNKNOWN, Tone::Stale) };
    let span = draw(fact.value);
    if fact.fresh { span } else { Span { tone: Tone::Stale, ..span } }
}

fn leader(snapshot: &Snapshot) -> Span {
    match snapshot.leader() {
        None if snapshot.keeps_a_fresh_record() => Span::new(NO_LEADER, Tone::Act),
        None | Some(_) if snapshot.nobody_writes() => Span::new(NO_PRIMARY, Tone::Act),
        // Another may take writes too.
        _ if snapshot.doubt().is_some() => Span::new(UNKNOWN, Tone::Act),
        // Who led when the record could last be read, and may not any more.
        Some(leader) if !leader.fresh => Span::new(format!("{}?", leader.value), Tone::Stale),
        leader => told(leader, |leader| Span::new(leader.text().clone(), Tone::Strong)),
    }
}

fn sync(snapshot: &Snapshot) -> Option<Span> {
    // A cluster that follows another has no commits of its own to wait for.
    let is_on = |config: &DynamicConfig| config.synchronous_mode && !config.standby_cluster;
    let mode = snapshot.recorded(|content| content.config().map(is_on))?;
    if !mode.value {
        return None;
    }
    let key = snapshot.recorded(|content| content.sync().cloned());
    let Some(key) = key else { return Some(Span::new(UNKNOWN, Tone::Stale)) };
    let streams = |name: &NodeName| {
        let view = snapshot.view(snapshot.member(name)?);
        // Whoever takes writes is nobody's standby any more.
        let told = || view.streams().filter(|streams| streams.fresh).map(|streams| streams.value);
        if view.follows() { told() } else { Some(false) }
    };
    let mut standbys: BTreeSet<&NodeName> = key.value.standbys.iter().collect();
    // Whom the table of members calls synchronous is counted too: the header tells no other truth.
    let is_one = |view: &MemberView<'_>| {
        let state = topology::sync_state(*view).filter(|state| state.fresh);
        view.follows() && state.is_some_and(|state| matches!(state.value, SyncState::Sync | SyncState::Quorum))
    };
    standbys.extend(snapshot.views().filter(is_one).map(|view| &view.member.name));
    let all: Vec<Option<bool>> = standbys.into_iter().map(streams).collect();
    let streaming = all.iter().filter(|streams| **streams == Some(true)).count();
    let (text, tone) = match all.len() {
        // Synchronous mode is on and nobody is synchronous: commits are not replicated, or wait.
        0 => ("none".to_owned(), Tone::Look),
        whole if all.contains(&None) => (format!("{}?", share(streaming, whole).0), Tone::Stale),
        whole => share(streaming, whole),
    };
    Some(told(Some(key), |_| Span::new(text, tone)))
}

/// Members that lead or stream, of those expected. Those of which it is not known are neither: `2/3?`.
fn members(snapshot: &Snapshot) -> Span {
    // One that is configured is expected, whether or not the DCS knows it.
    let is_expected =
        |member: &&Member| !matches!(member.presence, Presence::Missing { .. }) || member.named_by.is_some();
    let expected = snapshot.members.iter().filter(is_expected);
    let states: Vec<_> = expected.map(|member| snapshot.view(member).in_order()).collect();
    if states.is_empty() || states.iter().all(Option::is_none) {
        return Span::new(UNKNOWN, Tone::Stale);
    }
    let well = states.iter().filter(|state| **state == Some(true)).count();
    let (text, tone) = share(well, states.len());
    match (states.contains(&None), states.contains(&Some(false))) {
        (true, ill) => Span::new(format!("{text}?"), if ill { tone } else { Tone::Stale }),
        (false, _) => Span::new(text, tone),
    }
}

fn dcs(snapshot: &Snapshot) -> Option<Span> {
    let all = &snapshot.dcs.members;
    if all.is_empty() {
        return None;
    }
    let well = |member: &crate::model::dcs::DcsMember| {
        member.leader != RaftLeader::Nobody && member.quorum != Quorum::Missing && !member.raises_alarm()
    };
    if all.iter().all(|reading| reading.freshness(snapshot.now) == Freshness::Waiting) {
        return Some(Span::new(UNKNOWN, Tone::Stale));
    }
    let answering: Vec<_> = all.iter().filter_map(|reading| reading.fresh(snapshot.now)).collect();
    let (text, tone) = share(answering.len(), all.len());
    let in_order = answering.iter().filter(|member| well(member)).count();
    Some(Span::new(text, tones::worst([tone, share(in_order, all.len()).1])))
}

fn paused(snapshot: &Snapshot) -> Option<Span> {
    match snapshot.paused() {
        None => Some(Span::new("pause ?", Tone::Stale)),
        Some(paused) if !paused.value => None,
        paused => Some(told(paused, |_| Span::new("PAUSED", Tone::Look))),
    }
}

/// Told by how far away it is: a time of day would need a zone, and may be of another day.
fn scheduled(snapshot: &Snapshot) -> Option<Span> {
    let order = snapshot.recorded(|content| content.order.clone().filter(|key| key.scheduled_at.is_some()))?;
    let at: Option<jiff::Timestamp> = order.value.scheduled_at.as_ref().and_then(|at| at.as_str().parse().ok());
    let when = match at.map(|at| Duration::try_from(at.duration_since(snapshot.wall))) {
        Some(Ok(left)) => format!("in {}", units::duration(left)),
        Some(Err(_)) => "due".to_owned(),
        None => "scheduled".to_owned(),
    };
    Some(told(Some(order), |key| {
        let who = match (&key.leader, &key.candidate) {
            (Some(from), Some(to)) => format!(" ({from} → {to})"),
            (Some(from), None) => format!(" (from {from})"),
            (None, Some(to)) => format!(" (to {to})"),
            (None, None) => String::new(),
        };
        Span::new(format!("switchover {when}{who}"), Tone::Look)
    }))
}

fn operation(snapshot: &Snapshot) -> Option<Span> {
    let lock = snapshot.recorded(|content| content.lock.clone())?;
    Some(told(Some(lock), |lock| Span::new(lock.words(), Tone::Look)))
}

/// How long something lasts, in whole seconds at first: tenths would flicker.
fn lasts(began: Began, snapshot: &Snapshot) -> String {
    let now = snapshot.now;
    let words = |span: Duration| match span.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        _ => units::duration(span),
    };
    match began {
        Began::At(at) => words(now.since(at)),
        Began::Before(at) if now.since(at) < Duration::from_secs(1) => String::new(),
        Began::Before(at) => format!("over {}", words(now.since(at))),
        // Where the wall clock was set back since, nothing is known of the span.
        Began::OnRecord(at) => {
            Duration::try_from(snapshot.wall.duration_since(at)).map_or_else(|_| String::new(), words)
        }
    }
}

/// Largest replay lag in bytes among the replicas; a fresh one before a stale one.
pub(in crate::report) fn worst_lag(snapshot: &Snapshot) -> Option<Observed<u64>> {
    let lags = snapshot.views().filter_map(|view| view.lag().bytes);
    lags.reduce(|worst, next| if (next.fresh, next.value) > (worst.fresh, worst.value) { next } else { worst })
}

fn lag(snapshot: &Snapshot) -> Span {
    if !snapshot.members.is_empty() && !snapshot.views().any(|view| view.follows()) {
        return Span::new(NONE, Tone::Dim);
    }
    let span = told(worst_lag(snapshot), |lag| {
        Span::new(units::bytes(lag), tones::limits(&snapshot.thresholds.lag_bytes, lag))
    });
    // The largest of those that are known; another that answers may be further behind.
    let untold =
        |view: crate::model::view::MemberView<'_>| view.follows() && view.answers() && view.lag().bytes.is_none();
    let more = snapshot.views().any(untold) && span.text != *UNKNOWN;
    if more { Span { text: Text::new(format!("{}?", span.text)), ..span } } else { span }
}

impl Counts {
    /// `1 critical, 2 warnings`; notes only where there is nothing worse; empty where there is nothing.
    pub fn words(&self) -> String {
        let critical = (self.critical > 0).then(|| format!("{} critical", self.critical));
        let warning = (self.warning > 0).then(|| units::plural(self.warning, "warning"));
        let note = (self.critical + self.warning == 0 && self.note > 0).then(|| units::plural(self.note, "note"));
        [critical, warning, note].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Tone of the worst.
    pub fn tone(&self) -> Tone {
        match (self.critical, self.warning) {
            (0, 0) if self.note > 0 => Tone::Plain,
            (0, 0) => Tone::Well,
            (0, _) => Tone::Look,
            _ => Tone::Act,
        }
    }
}

impl Summary {
    /// The pause with how long it lasts and whose it is, as far as that is known: `PAUSED 12 min by alice@bastion`.
    pub fn pause(&self) -> Option<Span> {
        let paused = self.paused.as_ref()?;
        let lasts = if self.paused_for.is_empty() { String::new() } else { format!(" {}", self.paused_for) };
        let by = self.paused_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        Some(Span::new(format!("{}{lasts}{by}", paused.text), paused.tone))
    }

    /// The findings in a phrase, from the counts in `words`.
    pub fn findings(&self, words: String) -> Span {
        match self.wellbeing {
            Wellbeing::Unknown if self.age.is_some() => Span::new("not all asked yet", Tone::Stale),
            Wellbeing::Unknown => Span::new("nothing known", Tone::Stale),
            Wellbeing::Look if self.counts.critical + self.counts.warning == 0 => {
                // A finding that is held back until it has lasted.
                Span::new("no finding yet", Tone::Look)
            }
            Wellbeing::Well if words.is_empty() && self.acknowledged.is_some() => {
                Span::new("all acknowledged", Tone::Plain)
            }
            Wellbeing::Well | Wellbeing::Look | Wellbeing::Act if words.is_empty() => {
                Span::new("no findings", Tone::Well)
            }
            Wellbeing::Well | Wellbeing::Look | Wellbeing::Act => Span::new(words, self.counts.tone()),
        }
    }

    /// What stands at the side of the name, in its fixed order: what a tired reader must know first, and last what is as it
    /// always is.
    fn slots(&self) -> Vec<(&'static str, Span)> {
        let label = if self.leader.text == NO_LEADER || self.leader.text == NO_PRIMARY { "" } else { "leader " };
        let silent =
            (self.silent > 0).then(|| Span::new(units::plural(self.silent, "source") + " silent", Tone::Stale));
        let slots = [
            (label, Some(self.leader.clone())),
            ("members ", Some(self.members.clone())),
            ("", Some(self.findings(self.counts.words()))),
            ("", self.pause()),
            ("", self.operation.clone()),
            ("", self.scheduled.clone()),
            ("", self.blocked.clone()),
            ("", silent),
            ("sync ", self.sync.clone()),
            ("DCS ", self.dcs.clone()),
            ("timeline ", Some(self.timeline.clone())),
        ];
        slots.into_iter().filter_map(|(label, span)| Some((label, span?))).collect()
    }

    /// `leader pg-0 · members 3/3 · 2 warnings · PAUSED · sync 1/1 · DCS 3/3 · timeline 12`: the middle of the header.
    pub fn line(&self) -> Line {
        self.within(usize::MAX)
    }

    /// The same in `room` columns: in the same words and order, what does not fit is dropped from the right.
    pub fn within(&self, room: usize) -> Line {
        /// Columns of a slot that are worth having.
        const LEAST: usize = 12;
        let mut line = Line::new();
        for (place, (label, span)) in self.slots().into_iter().enumerate() {
            let mut slot = Line::new();
            if place > 0 {
                slot.push(" · ", Tone::Dim);
            }
            slot.push(label, Tone::Dim);
            let before = line.width() + slot.width();
            slot.push(span.text.as_str(), span.tone);
            if line.width() + slot.width() <= room {
                line.append(slot);
                continue;
            }
            // The beginning of a long one tells more than nothing.
            if before + LEAST <= room {
                slot.spans.pop();
                slot.push(super::fit::cut(span.text.as_str(), room - before), span.tone);
                line.append(slot);
            }
            break;
        }
        line
    }

    /// What the headline says: the worst finding and how many there are beside it, else what is in the making, else what
    /// somebody has acknowledged.
    pub fn headline(&self) -> Option<Line> {
        // A warning that has stood for days must not keep what is worse from the one line that everybody reads.
        if let (true, Some(making)) = (self.making_is_worse, &self.making) {
            let found = self.more + usize::from(self.worst.is_some());
            let tone = if found > 0 { Tone::Look } else { making.tone };
            let mut line = Line::new().with(making.text.as_str(), tone);
            if found > 0 {
                line.push(format!("  +{found} more"), Tone::Dim);
            }
            return Some(line);
        }
        if let Some(worst) = &self.worst {
            let mut line = Line::new().with(worst.text.as_str(), worst.tone);
            if self.more > 0 {
                line.push(format!("  +{} more", self.more), Tone::Dim);
            }
            return Some(line);
        }
        let quiet = self.making.as_ref().or(self.acknowledged.as_ref())?;
        Some(Line::new().with(quiet.text.as_str(), quiet.tone))
    }
}

#[cfg(test)]
mod tests {
    use unicode_width::UnicodeWidthStr;

    use super::super::test_support::*;
    use super::*;

    fn line(snapshot: &Snapshot) -> String {
        summary(snapshot, snapshot.now).line().text()
    }

    #[test]
    fn the_header_tells_whether_to_worry() {
        insta::assert_snapshot!(line(&healthy()), @"leader pg-0 · members 3/3 · no findings · sync 1/1 · DCS 3/3 · timeline 12");
        insta::assert_snapshot!(line(&leaderless()), @"no leader · members 2/3 · no finding yet · 2 sources silent · sync 0/1 · DCS 3/3 · timeline ?");
        insta::assert_snapshot!(line(&split()), @"leader pg-1 · members 2/3 · no finding yet · sync 0/1 · DCS 3/3 · timeline 13");
        insta::assert_snapshot!(line(&waiting()), @"leader ? · members ? · nothing known · pause ? · timeline ?");
        insta::assert_snapshot!(line(&bare()), @"leader ? · members ? · nothing known · pause ? · timeline ?");
    }

    #[test]
    fn the_header_counts_whom_the_table_calls_synchronous_and_says_none_where_nobody_is() {
        let mut snapshot = healthy();
        record(&mut snapshot, |content| content.patroni_mut().sync.as_mut().expect("a key").standbys.clear());
        let column: Vec<_> = snapshot.views().filter_map(topology::sync_state).map(|state| state.value).collect();
        assert!(column.contains(&SyncState::Sync), "{column:?}");
        assert!(line(&snapshot).contains(" · sync 1/1 · "), "{}", line(&snapshot));
        for name in ["pg-0", "pg-1", "pg-2"] {
            sql(&mut snapshot, name, |report| {
                report.downstream.iter_mut().for_each(|row| row.sync = Some(SyncState::Async));
            });
        }
        assert!(line(&snapshot).contains(" · sync none · "), "{}", line(&snapshot));
        record(&mut snapshot, |content| content.patroni_mut().sync = None);
        assert!(line(&snapshot).contains(" · sync ? · "), "{}", line(&snapshot));
        record(&mut snapshot, |content| {
            content.patroni_mut().config.as_mut().expect("a configuration").standby_cluster = true;
        });
        assert!(!line(&snapshot).contains("sync"), "commits are made elsewhere: {}", line(&snapshot));
    }

    #[test]
    fn a_pause_is_told_and_one_that_nobody_can_tell_is_unknown() {
        let mut snapshot = healthy();
        assert_eq!(summary(&snapshot, now()).paused, None);
        record(&mut snapshot, |content| content.paused = true);
        assert_eq!(summary(&snapshot, now()).paused, Some(Span::new("PAUSED", Tone::Look)));
        assert!(line(&snapshot).contains(" · PAUSED · "), "nobody knows since when: {}", line(&snapshot));
        for (began, ago, words) in [
            (Began::At as fn(Moment) -> Began, 5, "PAUSED 5 s"),
            (Began::At, 725, "PAUSED 12 min"),
            (Began::Before, 0, "PAUSED"),
            (Began::Before, 725, "PAUSED over 12 min"),
        ] {
            snapshot.paused_since = Some(began(now() - seconds(ago)));
            assert_eq!(summary(&snapshot, now()).pause(), Some(Span::new(words, Tone::Look)));
        }
        assert_eq!(summary(&bare(), now()).paused, Some(Span::new("pause ?", Tone::Stale)));
    }

    #[test]
    fn a_pause_tells_whose_it_is_where_that_was_seen() {
        let mut snapshot = healthy();
        record(&mut snapshot, |content| content.paused = true);
        snapshot.paused_since = Some(Began::At(now() - seconds(725)));
        snapshot.paused_by = Some("alice@bastion".into());
        assert!(line(&snapshot).contains(" · PAUSED 12 min by alice@bastion · "), "{}", line(&snapshot));
    }

    #[test]
    fn a_scheduled_switchover_is_told_with_the_time_left() {
        let mut snapshot = healthy();
        let later = (snapshot.wall + jiff::SignedDuration::from_secs(3420)).to_string();
        for (from, to, at, words) in [
            (Some("pg-0"), Some("pg-1"), later.as_str(), "switchover in 57 min (pg-0 → pg-1)"),
            (Some("pg-0"), None, later.as_str(), "switchover in 57 min (from pg-0)"),
            (Some("pg-0"), Some("pg-1"), "2026-01-01T00:00:00+01:00", "switchover due (pg-0 → pg-1)"),
            (Some("pg-0"), Some("pg-1"), "soon", "switchover scheduled (pg-0 → pg-1)"),
        ] {
            record(&mut snapshot, |content| {
                content.order = Some(crate::model::record::PendingOrder {
                    leader: from.map(Into::into),
                    candidate: to.map(Into::into),
                    scheduled_at: Some(at.into()),
                });
            });
            assert!(line(&snapshot).contains(&format!(" · {words} · ")), "{}", line(&snapshot));
        }
    }

    #[test]
    fn who_acts_is_told_to_every_console_and_not_as_live_once_the_record_is_old() {
        let mut snapshot = healthy();
        assert_eq!(summary(&snapshot, now()).operation, None);
        record(&mut snapshot, |content| content.lock = Some(operation_lock()));
        let told = line(&snapshot);
        assert!(told.contains(" · switchover by alice@bastion: maintenance · "), "{told}");
        dcs_lost(&mut snapshot, seconds(20));
        assert_eq!(summary(&snapshot, now()).operation.map(|span| span.tone), Some(Tone::Stale));
    }

    #[test]
    fn without_the_dcs_nothing_it_said_looks_live() {
        let mut snapshot = healthy();
        dcs_lost(&mut snapshot, seconds(20));
        let summary = summary(&snapshot, now());
        assert_eq!(summary.dcs, Some(Span::new("0/3", Tone::Act)));
        assert_eq!(summary.sync.map(|sync| sync.tone), Some(Tone::Stale));
        assert_eq!(summary.leader, Span::new("pg-0", Tone::Strong), "the one node that takes writes");
        assert_eq!(summary.silent, 4);
    }

    #[test]
    fn the_picture_grows_old_with_the_clock_of_who_looks() {
        let snapshot = healthy();
        let later = summary(&snapshot, now() + seconds(60));
        assert_eq!(later.age_text, Span::new("1 min ago", Tone::Look));
        assert_eq!(summary(&bare(), now()).age_text.text, "nothing seen");
        assert_eq!(summary(&waiting(), now()).age_text.text, "waiting");
    }

    #[test]
    fn lag_and_sessions_serve_the_wall() {
        let healthy = summary(&healthy(), now());
        assert_eq!(healthy.lag, Span::new("112 kB", Tone::Plain));
        assert_eq!((healthy.write_sessions, healthy.read_sessions), (Some(83), Some(83)));
        let bare = summary(&bare(), now());
        assert_eq!((bare.write_sessions, bare.lag.text.as_str()), (None, UNKNOWN));
    }

    #[test]
    fn the_words_are_the_same_at_every_width_and_what_does_not_fit_goes_from_the_right() {
        let mut snapshot = healthy();
        record(&mut snapshot, |content| content.lock = Some(operation_lock()));
        cut(&mut snapshot, "pg-2", seconds(38));
        let summary = summary(&snapshot, now());
        let whole = summary.line().text();
        for room in [30, 60, 78, 118, 198] {
            let narrow = summary.within(room).text();
            assert!(narrow.width() <= room, "{narrow}");
            assert!(whole.starts_with(narrow.trim_end_matches('…')), "{narrow} is no beginning of {whole}");
        }
        let narrow = summary.within(78).text();
        assert!(narrow.contains(" · switchover by alice@bastion"), "who acts has a place: {narrow}");
    }

    #[test]
    fn the_headline_tells_how_many_more_there_are_and_leaves_out_what_is_acknowledged() {
        let mut snapshot = healthy();
        snapshot.findings = findings();
        let first = snapshot.findings[0].clone();
        snapshot.findings.insert(1, crate::model::finding::Finding { code: "other", ..first.clone() });
        let headline = |snapshot: &Snapshot| summary(snapshot, now()).headline().map(|line| line.text());
        assert_eq!(headline(&snapshot).as_deref(), Some("pg-2 is 1.2 GB behind  +1 more"));
        acknowledge(&mut snapshot, |_| true);
        assert_eq!(
            headline(&snapshot).as_deref(),
            Some("pg-2 is 1.2 GB behind: acknowledged by alice@bastion, 2h 0m left: maintenance window, +2 more")
        );
        assert_eq!(snapshot.wellbeing(), Wellbeing::Well);
    }

    #[test]
    fn a_finding_in_the_making_is_told_as_such_and_the_cluster_is_not_called_well() {
        let mut snapshot = healthy();
        snapshot.settling =
            vec![crate::model::finding::Finding { since: Some(now() - seconds(3)), ..findings()[0].clone() }];
        assert_eq!(snapshot.wellbeing(), Wellbeing::Look);
        let headline = summary(&snapshot, now()).headline().unwrap();
        assert_eq!(headline, Line::new().with("pg-2 is 1.2 GB behind (settling 3 s)", Tone::Dim));
    }

    #[test]
    fn what_is_worse_than_all_that_is_found_is_the_headline_while_it_settles() {
        use crate::model::finding::{Finding, Severity};
        let mut snapshot = healthy();
        let title = "pool primary leads nowhere: clients cannot write";
        let of = |severity: Severity, title: &str| Finding { severity, title: title.into(), ..findings()[0].clone() };
        snapshot.findings = vec![of(Severity::Warning, "maintenance mode is on")];
        snapshot.settling = vec![Finding { since: Some(now() - seconds(2)), ..of(Severity::Critical, title) }];
        let headline = |snapshot: &Snapshot| summary(snapshot, now()).headline().map(|line| line.text());
        assert_eq!(headline(&snapshot), Some(format!("{title} (settling 2 s)  +1 more")));
        snapshot.settling[0].severity = Severity::Warning;
        assert_eq!(headline(&snapshot).as_deref(), Some("maintenance mode is on"), "no more urgent than what stands");
    }
}
