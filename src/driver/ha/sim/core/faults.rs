//! What can be broken on purpose, and what is mended. How it is done is [`strike`](super::inject)'s.

use std::time::Duration;

use crate::model::name::NodeName;
use crate::model::text::Text;

/// A fault. Names that are not the cluster's do nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The host dies: ports refuse. Stays down until healed.
    KillNode(NodeName),
    /// The host shuts down in good order: the agent stops PostgreSQL, gives the lead away, and is gone.
    StopNode(NodeName),
    /// Every process of the node stands still; connections stay open and nothing answers.
    FreezeNode(NodeName),
    /// No packet passes to or from the node, which runs on.
    CutNode(NodeName),
    /// The node dies, and comes back by itself after a while; `reinit`: with a data directory that must be copied anew.
    CrashNode {
        /// Which.
        node: NodeName,
        /// How long it is away.
        back_after: Duration,
        /// Whether it needs a new copy.
        reinit: bool,
    },
    /// PostgreSQL dies under a living agent, which starts it again.
    CrashPostgres(NodeName),
    /// PostgreSQL dies and does not start again.
    StartFails(NodeName),
    /// The agent is gone; PostgreSQL under it runs on.
    AgentDown(NodeName),
    /// The agent tells its state as ever, but goes wrong with whatever it is asked to do.
    AgentApi {
        /// Which.
        node: NodeName,
        /// How.
        defect: ApiDefect,
    },
    /// The node gets the lock, but PostgreSQL does not promote: the agent gives up, and the lead goes elsewhere.
    PromotionFails(NodeName),
    /// PostgreSQL takes connections from its peers but answers nobody's queries.
    SqlSilent(NodeName),
    /// The agent tells a state that nobody knows.
    OddState(NodeName),
    /// The agent is of an older version than its peers'.
    OldAgent(NodeName),
    /// The looking role may not see what `pg_monitor` sees.
    WeakRole(NodeName),
    /// Whoever asks the node's address reaches another node's agent.
    WrongAddress(NodeName),
    /// The record of the node tells no address.
    NoAddress(NodeName),
    /// The node is killed and its record removed: a member that vanished.
    RemoveMember(NodeName),
    /// The node's name stands twice on record.
    DuplicateMember(NodeName),
    /// One DCS member dies, by name.
    DropDcsMember(Text),
    /// One DCS member answers nothing any more, by name.
    FreezeDcsMember(Text),
    /// One DCS member is up but reaches no other, by name.
    IsolateDcsMember(Text),
    /// One DCS member does not vote, by name.
    DcsLearner(Text),
    /// A key of the record cannot be read.
    DefectiveRecord,
    /// All but one DCS member die.
    LoseDcsMajority,
    /// So many percent of the DCS's quota are used; from 100 on it raises its alarm and takes no writes.
    FillDcs(u64),
    /// The router's process is gone.
    RouterDown,
    /// The router keeps its servers as they are, whatever its checks say.
    RouterStuck,
    /// The router's statistics page is gone, its runtime interface answers.
    RouterPageDown,
    /// Nothing checks the servers of the write pool.
    RouterUnchecked,
    /// The node's server is out of service in the read pool.
    RouterMaintenance(NodeName),
    /// A standby replays so much late on purpose (`recovery_min_apply_delay`).
    DelayReplay {
        /// Which.
        node: NodeName,
        /// How late.
        delay: Duration,
    },
    /// A standby replays no faster than this.
    ReplicaLag {
        /// Which.
        node: NodeName,
        /// Bytes a second.
        bytes_per_second: u64,
    },
    /// A standby receives no faster than this.
    SlowStream {
        /// Which.
        node: NodeName,
        /// Bytes a second.
        bytes_per_second: u64,
    },
    /// Replay is paused by hand.
    PauseReplay(NodeName),
    /// The standby's receiver is kept from connecting.
    StopReceiver(NodeName),
    /// The node is promoted by hand while another leads: two primaries, the second unnoticed by its agent.
    SplitBrain(NodeName),
    /// The record says that this node leads, while another does.
    MetadataLie(NodeName),
    /// The node's data directory belongs to another cluster.
    ForeignNode(NodeName),
    /// `archive_command` fails.
    ArchiveFailing(NodeName),
    /// The volume is full: archiving fails, and PostgreSQL dies and does not start.
    DiskFull(NodeName),
    /// A setting waits for a restart.
    PendingRestart(NodeName),
    /// The node's clock is off by so many milliseconds.
    ClockSkew {
        /// Which.
        node: NodeName,
        /// Milliseconds ahead; behind where negative.
        milliseconds: i64,
    },
    /// The watchdog could not be armed.
    WatchdogFailed(NodeName),
    /// `postgres_exporter` beside the node is gone.
    ExporterDown(NodeName),
    /// A transaction on the primary that is already this old, and stays.
    LongTransaction(Duration),
    /// So many sessions wait for one lock.
    LockChain(u32),
    /// A prepared transaction that is already this old.
    PreparedTransaction(Duration),
    /// So many percent of the connection slots are used.
    FillConnections(u32),
    /// The oldest transaction id has this part of the 2^31 that wrap, in percent.
    XidAge(u64),
    /// The consumer of the logical slot is gone, and this much WAL is kept for it already.
    AbandonSlot {
        /// Bytes.
        retained: u64,
    },
    /// The consumer of the logical slot keeps its connection and replies no more, since so long ago.
    FreezeConsumer(Duration),
    /// A rush of writes, in percent of the usual.
    Rush {
        /// How much.
        percent: u64,
        /// How long.
        length: Duration,
    },
    /// The pooler is gone.
    PoolerDown,
    /// The pooler leads to this node, whoever leads.
    PoolerStale(NodeName),
    /// The pooler's clients wait.
    PoolerStarved,
    /// The container runtime does not answer.
    RuntimeDown,
    /// The backup repository does not answer.
    BackupsUnreachable,
    /// Backups fail from so long ago on.
    BackupsFail(Duration),
    /// No backup was made since so long ago.
    BackupsStop(Duration),
    /// Mends.
    Heal(Repair),
}

/// How an agent's interface goes wrong with a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ApiDefect {
    /// Takes it, does it, and never answers.
    Hangs,
    /// Takes it, does it, and answers soon that it failed (503).
    Alarms,
    /// Takes it, writes it down where it must be written, and dies; its supervisor has it back a few seconds later.
    Dies,
    /// Refuses, whatever there is to be said for it.
    Refuses,
}

/// What is mended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Repair {
    /// A node, with everything that is wrong with it.
    Node(NodeName),
    /// The DCS: members, quota, and what the record tells untruly.
    Dcs,
    /// The router.
    Router,
    /// What clients do.
    Clients,
    /// Pooler, runtime, backups.
    Parts,
    /// All of it. Where nobody leads, lost data directories are found again, since there is nobody to copy from.
    Everything,
}
