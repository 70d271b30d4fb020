//! Patroni: an agent beside each PostgreSQL, and their record in etcd.
//!
//! The agents hold the leader lock, follow whoever holds it, or run for it; everything that they agree on is in the
//! record, and the record is there while the store has its majority.

mod agent;
mod check;
pub(super) mod claim;
pub(crate) mod config;
mod election;
pub(crate) mod etcd;
mod facts;
mod fault_injection;
mod genesis;
mod manage;
mod orders;
mod postgres;
pub(crate) mod record;
mod requests;
mod story;
mod waits;

use crate::driver::ha::sim::core::clock::Time;
use crate::driver::ha::sim::core::faults::ApiDefect;
use crate::driver::ha::sim::core::requests::OpenRequests;
use crate::model::agent::Tags;
use crate::model::text::Text;

use claim::OperationLease;
use etcd::Etcd;
use record::Record;
use requests::Conditions;
use waits::Wait;

/// A restart that waits for its time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct PlannedRestart {
    pub(crate) at: Time,
    /// Looked at when the time has come.
    pub(crate) conditions: Conditions,
}

/// What is wrong with an agent by a scripted fault.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AgentFaults {
    /// Tells a state of its own making.
    pub(crate) odd_state: bool,
    /// Is of an older version.
    pub(crate) old: bool,
    /// Its address leads to its neighbour.
    pub(crate) wrong_address: bool,
    /// Its key tells no address.
    pub(crate) no_address: bool,
    /// The watchdog could not be armed.
    pub(crate) watchdog_failed: bool,
    /// Its interface goes wrong with requests.
    pub(crate) api: Option<ApiDefect>,
}

/// The agent of one node.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    /// Base URL.
    pub(crate) url: Text,
    pub(crate) tags: Tags,
    /// From when on it answers, after its host came back.
    pub(crate) up_at: Time,
    /// When its next loop runs.
    pub(crate) next_loop: Time,
    /// When it last reached the DCS.
    pub(crate) last_contact: Time,
    /// It believes that it holds the lock.
    pub(crate) leads: bool,
    /// It retries the DCS before it gives the primary up.
    pub(crate) retrying: bool,
    /// Failsafe mode keeps its primary up.
    pub(crate) failsafe: bool,
    /// It was asked to have PostgreSQL read its files, and does so in its next loop.
    pub(crate) reload_asked: bool,
    /// When it is to restart PostgreSQL.
    pub(crate) restart_at: Option<PlannedRestart>,
    pub(crate) faults: AgentFaults,
}

/// The agents of a cluster, and their store.
#[derive(Debug)]
pub(crate) struct Patroni {
    /// One a node, in the nodes' order.
    pub(crate) agents: Vec<Agent>,
    pub(crate) etcd: Etcd,
    pub(crate) record: Record,
    /// Requests that somebody waits for.
    open_requests: OpenRequests<Wait>,
    /// The operation lock.
    claim: Option<OperationLease>,
}
