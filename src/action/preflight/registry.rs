//! Every check by its name. A plan names those that it needs ([`Plan::checks`](crate::action::plan::Plan)); whoever plans
//! chooses them.

use super::common::{
    archive, candidate, candidate_data, candidate_stream, cluster, drill, identity, leader, parameters, pooler,
    poolers, restarts, router, session, standbys, swift, undo,
};
use super::context::CheckContext;
use super::{common, patroni};
use crate::action::note::CheckNote;
use crate::model::snapshot::Snapshot;
use crate::model::stack::Promoter;

/// A check, or several that belong together.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CheckId {
    /// The configuration itself says that nothing may be done.
    ReadOnly,
    /// The cluster is the one that is meant.
    RightCluster,
    /// The record is heard.
    Record,
    /// Somebody leads, by the record and by their own word.
    Leader,
    /// No two take writes.
    Primaries,
    /// Everybody names the same leader.
    Agreement,
    /// The member who is to lead is there, and on record.
    CandidateKnown,
    /// It answers.
    CandidateReachable,
    /// It is up.
    CandidateState,
    /// It streams from the leader.
    CandidateStreams,
    /// It is not far behind, by bytes and by time.
    CandidateLag,
    /// It is on the leader's timeline.
    CandidateTimeline,
    /// It is of the same system.
    CandidateSystem,
    /// It waits for no restart.
    CandidatePendingRestart,
    /// It replays.
    CandidateReplay,
    /// It takes as many connections as the leader.
    CandidateConnections,
    /// Nobody is named, and somebody could lead.
    SomebodyCanLead,
    /// Nobody holds WAL that the one who is to lead lacks.
    NobodyAhead,
    /// What a stop of the leader cuts, delays or loses.
    LeaderStops,
    /// Nothing waits for the leader's archiver.
    LeaderArchiver,
    /// The leader has connections left.
    LeaderConnections,
    /// No base backup runs on the leader.
    LeaderBaseBackup,
    /// What a lost leader had not archived.
    LostArchive,
    /// The other standbys stream.
    StandbysThatStay,
    /// The member that is copied anew may be thrown away.
    Copy,
    /// Members can be restarted.
    Restarts,
    /// The servers take the parameters that are set.
    Parameters,
    /// Routers see who is to lead.
    RoutersSee,
    /// The server of a router that is set.
    RouterServer,
    /// Every server that is drained.
    Drained,
    /// Every server that is taken back from its drain.
    Undrained,
    /// Routers that are told allow it.
    RoutersAllow,
    /// What telling routers alongside wants.
    Swift,
    /// Poolers that are paused can be, and nobody else holds a pause there.
    Poolers,
    /// What asking one pooler by hand meets.
    Pooler,
    /// The session is the one that was picked.
    Session,
    /// Nothing is led to a server that must not be written to.
    Undo,
    /// Enough is left for a drill.
    Drill,
    /// Patroni: its store has a majority, no alarm, and one leader.
    Dcs,
    /// Patroni: the failover key holds nothing.
    NoOrder,
    /// Patroni: the failover key holds nothing that is for now.
    NoOrderUnderWay,
    /// Patroni: the failover key holds something that can be cancelled.
    ScheduledSwitchover,
    /// Patroni: nobody is left who holds the leader lock.
    LockIsFree,
    /// Patroni: maintenance mode lets a switchover happen.
    MaintenanceOfSwitchover,
    /// Patroni: what turning maintenance mode on or off meets.
    MaintenanceChanges,
    /// Patroni: no tag speaks against the one who is to lead.
    CandidateTags,
    /// Patroni: synchronous mode lets it lead.
    CandidateSynchronous,
    /// Patroni: its watchdog can be armed.
    CandidateWatchdog,
    /// Patroni: every agent that is asked answers.
    Agents,
    /// Patroni: the agents of the members that are restarted answer, and have scheduled nothing else.
    AgentsOfRestarts,
    /// Patroni: a restart is scheduled.
    ScheduledRestart,
    /// Patroni: what the changed keys decide.
    Configuration,
    /// Patroni: maintenance mode is off, so that somebody takes over.
    DrillMaintenance,
    /// Patroni: whether commits may be lost by a drill.
    DrillDataLoss,
}

impl CheckId {
    /// Looks, and adds what it finds.
    pub(super) fn examine(self, context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
        match self {
            Self::ReadOnly => cluster::writable(context, notes),
            Self::RightCluster => identity::examine(context, notes),
            Self::Record => cluster::record(context, notes),
            Self::Leader => cluster::leader(context, notes),
            Self::Primaries => cluster::primaries(context, notes),
            Self::Agreement => cluster::agreement(context, notes),
            Self::CandidateKnown => candidate::known(context, notes),
            Self::CandidateReachable => candidate::on(context, candidate::reachable, notes),
            Self::CandidateState => candidate::on(context, candidate::state, notes),
            Self::CandidateStreams => candidate::on(context, candidate_stream::live, notes),
            Self::CandidateLag => {
                candidate::on(context, candidate_stream::lag_bytes, notes);
                candidate::on(context, candidate_stream::lag_time, notes);
            }
            Self::CandidateTimeline => candidate::on(context, candidate_data::timeline, notes),
            Self::CandidateSystem => candidate::on(context, candidate_data::system_id, notes),
            Self::CandidatePendingRestart => candidate::on(context, candidate::pending_restart, notes),
            Self::CandidateReplay => candidate::on(context, candidate_stream::replay, notes),
            Self::CandidateConnections => candidate::on(context, candidate_data::connections, notes),
            Self::SomebodyCanLead => candidate::any(context, notes),
            Self::NobodyAhead => candidate::nobody_ahead_of_it(context, notes),
            Self::LeaderStops => leader::stopped(context, notes),
            Self::LeaderArchiver => archive::of_leader(context, notes),
            Self::LeaderConnections => leader::connections(context, notes),
            Self::LeaderBaseBackup => leader::base_backup(context, notes),
            Self::LostArchive => archive::of_lost(context, notes),
            Self::StandbysThatStay => standbys::that_stay(context, notes),
            Self::Copy => standbys::reinit(context, notes),
            Self::Restarts => restarts::examine(context, notes),
            Self::Parameters => parameters::examine(context, notes),
            Self::RoutersSee => router::sees(context, notes),
            Self::RouterServer => router::one_server(context, notes),
            Self::Drained => router::drained(context, notes),
            Self::Undrained => router::undrained(context, notes),
            Self::RoutersAllow => router::can_be_updated(context, notes),
            Self::Swift => swift::examine(context, notes),
            Self::Poolers => poolers::examine(context, notes),
            Self::Pooler => pooler::examine(context, notes),
            Self::Session => session::examine(context, notes),
            Self::Undo => undo::examine(context, notes),
            Self::Drill => drill::examine(context, notes),
            Self::Dcs => patroni::dcs::examine(context, notes),
            Self::NoOrder => patroni::order::no_order(context, notes),
            Self::NoOrderUnderWay => patroni::order::no_order_under_way(context, notes),
            Self::ScheduledSwitchover => patroni::order::an_order(context, notes),
            Self::LockIsFree => patroni::lock::leader_is_gone(context, notes),
            Self::MaintenanceOfSwitchover => patroni::maintenance::of_switchover(context, notes),
            Self::MaintenanceChanges => patroni::maintenance::changes(context, notes),
            Self::CandidateTags => candidate::on(context, patroni::appointed::tags, notes),
            Self::CandidateSynchronous => candidate::on(context, patroni::synchronous::candidate, notes),
            Self::CandidateWatchdog => candidate::on(context, patroni::appointed::watchdog, notes),
            Self::Agents => patroni::agents::agents(context, notes),
            Self::AgentsOfRestarts => patroni::agents::of_restarts(context, notes),
            Self::ScheduledRestart => patroni::agents::cancel(context, notes),
            Self::Configuration => patroni::configure::examine(context, notes),
            Self::DrillMaintenance => patroni::drill::not_paused(context, notes),
            Self::DrillDataLoss => patroni::drill::may_lose(context, notes),
        }
    }
}

/// The checks on a member that could lead, where no plan names it yet.
pub(super) fn of_candidate(snapshot: &Snapshot) -> &'static [CheckId] {
    match snapshot.identity.traits.promotes {
        Promoter::Manager => &patroni::CANDIDATE,
        Promoter::Operator => &common::CANDIDATE,
    }
}
