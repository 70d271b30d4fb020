//! Topology: the members as a tree, leader first, each below the node it follows; and one line each on DCS, routers and
//! backups.

mod footer;
mod notes;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

pub use footer::footer_lines;
pub use notes::notes;
pub(in crate::report) use notes::tag_text;

use super::cells;
use super::routing::{self, RoutingAnomaly};
use super::symbol::{DOWN, Mark, UP};
use super::table::{Cell, Column, Row, Table, Tone};
use super::tones;
use super::units::{self, BYTES_WIDTH, DURATION_WIDTH};
use crate::model::finding::{Severity, Subject};
use crate::model::observed::Observed;
use crate::model::role::{Role, SyncState};
use crate::model::router::PoolPurpose;
use crate::model::snapshot::Snapshot;
use crate::model::view::MemberView;

/// Columns of [`table`]. Rows are named by their member.
pub const COLUMNS: &[Column] = &[
    Column::text("member", "MEMBER", 0, 12, 40),
    Column::text("role", "ROLE", 0, 7, 14),
    Column::text("state", "STATE", 0, 9, 16),
    Column::numbers("timeline", "TL", 0, 4),
    Column::numbers("lag-bytes", "LAG", 0, BYTES_WIDTH),
    Column::numbers("lag-seconds", "LAG TIME", 1, DURATION_WIDTH),
    Column::text("sync", "SYNC", 1, 5, 9),
    Column::numbers("uptime-seconds", "UPTIME", 3, DURATION_WIDTH),
    Column::text("router", "ROUTER", 2, 10, 24),
    Column::text("notes", "NOTES", 0, 13, 0),
];

/// Place of the state among [`COLUMNS`].
const STATE: usize = 2;

/// The members in tree order.
pub fn table(snapshot: &Snapshot) -> Table {
    let mut table = empty(snapshot);
    table.rows = tree::grow(snapshot).into_iter().map(|leaf| row(leaf.view, &leaf.branches)).collect();
    table
}

/// The table without members: before the first answers, or of a cluster that has none.
fn empty(snapshot: &Snapshot) -> Table {
    let sources = snapshot.sources();
    if sources.is_empty() {
        return Table::new(
            COLUMNS,
            "no source is configured for this cluster",
            "run `pgctl-tui init` to write a configuration",
        );
    }
    if snapshot.keeps_a_fresh_record() {
        let hint = "check scope and namespace in the configuration; pgctl-tui doctor has details";
        return Table::new(COLUMNS, "the DCS is up, but has no member of this cluster", hint);
    }
    let failure_kind = sources.iter().find_map(|status| Some((status, status.failure_kind.as_ref()?)));
    match failure_kind {
        Some((status, failure_kind)) => {
            let hint = status.remedy.as_deref().unwrap_or("pgctl-tui doctor checks every endpoint");
            Table::new(COLUMNS, format!("no member is known: {}: {failure_kind}", status.describe_endpoint()), hint)
        }
        None => Table::new(COLUMNS, "waiting for the first responses", ""),
    }
}

fn row(view: MemberView<'_>, branches: &str) -> Row {
    let role = view.role();
    let leads = role.as_ref().is_some_and(|role| role.value.leads());
    let follows = view.follows();
    let notes = notes(view);
    let thresholds = &view.snapshot.thresholds;
    let lag = view.lag();
    let name = view.name().text().clone();
    let name_tone = if leads { Tone::Strong } else { Tone::Plain };
    let mut cells = vec![
        Cell::text(name.clone(), name_tone).led(branches).marked(mark(view)),
        role_cell(view, role.as_ref()),
        state_cell(view),
        timeline_cell(view),
        cells::or_none(follows, || {
            cells::fact_cell(lag.bytes, |bytes| cells::bytes(Some(bytes), tones::limits(&thresholds.lag_bytes, bytes)))
        }),
        cells::or_none(follows, || {
            let beyond = |time: std::time::Duration| time.saturating_sub(lag.delay);
            cells::fact_cell(lag.time, |time| {
                cells::span(Some(time), tones::limits(&thresholds.lag_time, beyond(time)))
            })
        }),
        cells::or_none(follows, || sync_cell(view)),
        cells::fact_cell(view.uptime(), |uptime| cells::span(Some(uptime), Tone::Plain)),
    ];
    // What the record or an upstream still says of a silent node is no older than its source, but the node may have
    // changed since: its numbers are not to be taken for live ones.
    if !view.answers() {
        let silence = cells[STATE].tone;
        for cell in &mut cells {
            cell.tone = Tone::Stale;
        }
        // Values are old and grey; that it does not answer is neither.
        cells[STATE].tone = silence;
    }
    cells.extend([router_cell(view), notes_cell(&notes)]);
    Row { id: name, cells }
}

/// The state of a member in one symbol.
pub fn mark(view: MemberView<'_>) -> Mark {
    if !view.answers() {
        return match silence(view) {
            Tone::Critical => Mark::Failed,
            Tone::Warning => Mark::Absent,
            _ => Mark::Waiting,
        };
    }
    let snapshot = view.snapshot;
    let about = |severity| {
        let me = Subject::Node(view.name().clone());
        snapshot.findings.iter().any(|finding| finding.severity == severity && finding.subject == me)
    };
    let state = view.state().map_or(Tone::Plain, |state| tones::state(&state.value, !streams_by_design(view)));
    let role = role_cell(view, view.role().as_ref()).tone;
    let lag = view.lag();
    let excess = lag.excess();
    let lags = [
        lag.bytes.map(|lag| tones::limits(&snapshot.thresholds.lag_bytes, lag.value)),
        excess.map(|lag| tones::limits(&snapshot.thresholds.lag_time, lag.value)),
    ];
    let notes = notes(view).into_iter().map(|note| note.tone);
    let tone = tones::worst([state, role].into_iter().chain(notes).chain(lags.into_iter().flatten()));
    if about(Severity::Critical) || tone == Tone::Critical {
        Mark::Failed
    } else if about(Severity::Warning) || matches!(tone, Tone::Warning | Tone::Stale) {
        Mark::Warning
    } else {
        Mark::Ok
    }
}

/// Whether the member leads, or takes writes without the lock: the router's pool of writes is for it.
fn leads(view: MemberView<'_>) -> bool {
    view.role().is_some_and(|role| role.value.leads() || role.value == Role::Primary)
}

/// Whether running alone is too little for the member: it is to stream.
fn streams_by_design(view: MemberView<'_>) -> bool {
    let unfed = view.role().is_some_and(|role| role.value == Role::StandbyLeader) && view.snapshot.is_fed_by_archive();
    view.follows() && !view.is_archive_fed() && !unfed
}

/// Whether it is a finding that the member takes writes beside the leader. A leader that has just come back, or just
/// handed over, says so for a moment.
fn has_finding(view: MemberView<'_>) -> bool {
    let me = Subject::Node(view.name().clone());
    view.snapshot.findings.iter().any(|finding| {
        (finding.code == "primary-without-lock" && finding.subject == me) || finding.code == "several-primaries"
    })
}

fn role_cell(view: MemberView<'_>, role: Option<&Observed<Role>>) -> Cell {
    cells::fact_cell(role.cloned(), |role| {
        let tone = match role {
            Role::Leader | Role::StandbyLeader => Tone::Strong,
            // Takes writes without the lock: whether that is a split brain or a DCS nobody reaches.
            Role::Primary if view.snapshot.record_is_fresh() && has_finding(view) => Tone::Critical,
            // Where there is no lock, a primary has none.
            Role::Primary if !view.snapshot.identity.traits.has_dcs() => Tone::Strong,
            Role::Primary | Role::Demoted => Tone::Warning,
            Role::Replica | Role::Uninitialized => Tone::Plain,
            Role::Unknown(_) => Tone::Stale,
        };
        // Whoever leads without holding a lock is called what PostgreSQL calls it.
        let is_unlocked = role == Role::Leader && !view.snapshot.identity.traits.has_dcs();
        Cell::text(if is_unlocked { Role::Primary.to_string() } else { role.to_string() }, tone)
    })
}

fn state_cell(view: MemberView<'_>) -> Cell {
    if view.answers() {
        let running_is_well = !streams_by_design(view);
        return cells::fact_cell(view.state(), |state| {
            Cell::text(state.to_string(), tones::state(&state, running_is_well))
        });
    }
    let word = match (view.is_waiting(), view.is_missing()) {
        (true, _) => "waiting",
        (false, true) => "gone",
        (false, false) => "unreachable",
    };
    Cell::text(word, silence(view))
}

/// What the silence of a member means: it is worth a look, and worse where it holds the leader key or most members are
/// silent. Not while it is in its first seconds.
fn silence(view: MemberView<'_>) -> Tone {
    if view.is_waiting() {
        return Tone::Stale;
    }
    let snapshot = view.snapshot;
    let holds = snapshot.leader().is_some_and(|leader| leader.value == *view.name());
    let gone = snapshot.views().filter(MemberView::is_silent).count();
    if holds || gone * 2 > snapshot.members.len() { Tone::Critical } else { Tone::Warning }
}

fn timeline_cell(view: MemberView<'_>) -> Cell {
    let leads_with = view.snapshot.timeline().map(|timeline| timeline.value);
    cells::fact_cell(view.timeline(), |timeline| {
        let tone = if leads_with.is_none_or(|leader| leader == timeline) { Tone::Plain } else { Tone::Warning };
        Cell::number(f64::from(timeline.0), timeline.to_string(), tone)
    })
}

/// Synchronous state of a standby. One that streams, and whose agent names none, is asynchronous; of one that is not known
/// to stream nothing is known, nor of one whose agent is too old to tell.
pub(in crate::report) fn sync_state(view: MemberView<'_>) -> Option<Observed<SyncState>> {
    view.sync().or_else(|| {
        // What a silent one last said stays, in grey.
        let (answers, streams) = (view.answers(), view.streams().is_some_and(|streams| streams.value));
        let agent = view.member.agent.as_ref()?;
        agent.fact(view.snapshot.now, |report| {
            let tells =
                report.is_at_least((3, 0, 4)) && (if answers { streams } else { report.streams() == Some(true) });
            (report.role == Role::Replica && report.state.is_up() && tells).then_some(SyncState::Async)
        })
    })
}

fn sync_cell(view: MemberView<'_>) -> Cell {
    // What commits wait for is decided where they are made: in the cluster that this one follows.
    if view.role().is_some_and(|role| role.value == Role::StandbyLeader) {
        return Cell::none();
    }
    cells::fact_cell(sync_state(view), |sync| {
        let tone = if sync == SyncState::Async { Tone::Dim } else { Tone::Plain };
        Cell::text(sync.as_str(), tone)
    })
}

/// The pools that send traffic here, and those that should but do not. That a replica is down in the write pool goes
/// without saying.
fn router_cell(view: MemberView<'_>) -> Cell {
    let snapshot = view.snapshot;
    if snapshot.routers.is_empty() {
        return Cell::none();
    }
    let writes = leads(view);
    let mut pools = BTreeSet::new();
    let mut tones = Vec::new();
    for server in routing::servers(snapshot) {
        if snapshot.member_of(server.row).is_none_or(|member| member.name != *view.name()) {
            continue;
        }
        let up = server.row.takes_traffic();
        let wanted = match server.purpose {
            PoolPurpose::Write => writes,
            PoolPurpose::Read => !writes,
            PoolPurpose::Any | PoolPurpose::Unknown => false,
        };
        let tells = matches!(server.purpose, PoolPurpose::Write | PoolPurpose::Read);
        let shown = wanted || (up && tells);
        if !shown {
            continue;
        }
        pools.insert((!up, server.row.proxy.clone()));
        tones.push(match routing::routing_anomaly(snapshot, &server) {
            Some(RoutingAnomaly::WritesElsewhere { .. } | RoutingAnomaly::LeaderIsDown) => Tone::Critical,
            Some(RoutingAnomaly::ReplicaIsDown) => Tone::Warning,
            None if !server.reading.is_fresh(snapshot.now) => Tone::Stale,
            None if up => Tone::Ok,
            None => Tone::Dim,
        });
    }
    if pools.is_empty() {
        let reported = snapshot
            .routers
            .iter()
            .any(|router| router.reading(snapshot.now).is_some_and(|reading| reading.answer.is_some()));
        return if reported { Cell::none() } else { Cell::unknown() };
    }
    let words: Vec<_> = pools.iter().map(|(down, pool)| format!("{pool} {}", if *down { DOWN } else { UP })).collect();
    Cell::text(words.join(" "), tones::worst(tones))
}

fn notes_cell(notes: &[super::line::Span]) -> Cell {
    if notes.is_empty() {
        return Cell::text("", Tone::Plain);
    }
    let words: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    Cell::text(words.join(", "), tones::worst(notes.iter().map(|note| note.tone)))
}

/// A share such as `2/3`, toned by what is missing.
pub(in crate::report) fn share(part: usize, whole: usize) -> (String, Tone) {
    let tone = match part {
        _ if whole == 0 => Tone::Stale,
        0 => Tone::Critical,
        part if part < whole => Tone::Warning,
        _ => Tone::Ok,
    };
    (format!("{part}/{whole}"), tone)
}

/// How old what a reading says is, in words: `1 s ago`, or its trouble.
pub(in crate::report) fn reported_at<T>(
    reading: &crate::model::observed::Reading<T>,
    now: crate::model::moment::Moment,
) -> (Mark, String) {
    use crate::model::observed::Freshness;
    match reading.freshness(now) {
        Freshness::Fresh => (Mark::Ok, reading.age(now).map(units::age).unwrap_or_default()),
        Freshness::Waiting => (Mark::Waiting, "waiting".to_owned()),
        Freshness::Stale | Freshness::Lost => {
            let (_, lasts) = reading.failure_kind(now).unwrap_or_default();
            let words = reading.failure.as_ref().map_or("unreachable", |failure| failure.error.failure_kind.describe());
            (Mark::Silent, format!("{words} for {}", units::duration(lasts)))
        }
    }
}
