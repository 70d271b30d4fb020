//! Sessions: how many there are, what they do, and the transactions that last.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::model::text::Text;

/// How the connection slots are used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Connections {
    /// Client backends; `None`: not read.
    pub used: Option<u32>,
    /// `max_connections`.
    pub max: u32,
    /// Slots kept for superusers and reserved roles.
    pub reserved: u32,
    /// What they do; `None` where the role may not see it.
    pub doing: Option<Activity>,
}

/// What client backends do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Activity {
    /// Running a query.
    pub active: u32,
    /// Idle.
    pub idle: u32,
    /// Idle in a transaction.
    pub idle_in_transaction: u32,
    /// Waiting for a lock held by another backend.
    pub blocked: u32,
}

/// A long transaction, or a prepared one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LongTransaction {
    /// Backend; 0 for a prepared transaction.
    pub pid: i32,
    /// Role.
    pub user: Text,
    /// `application_name`, or the identifier of a prepared transaction.
    pub application: Text,
    /// Time since it began.
    pub age: Duration,
}

/// One client backend.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Session {
    /// Backend.
    pub pid: i32,
    /// When the backend started: tells it from a later one with the same number. `None` where the role may not see it.
    pub started: Option<Timestamp>,
    /// Database.
    pub database: Text,
    /// Role.
    pub user: Text,
    /// `application_name`.
    pub application: Text,
    /// Client address; empty for a local socket.
    pub client: Text,
    /// `active`, `idle`, `idle in transaction` ...
    pub state: Text,
    /// What it waits for: type and event; empty if nothing.
    pub wait: Text,
    /// Time since its transaction began.
    pub transaction_age: Option<Duration>,
    /// Time since its query began.
    pub query_age: Option<Duration>,
    /// Backends that block it.
    pub blocked_by: Vec<i32>,
    /// How long it has waited for the lock (`pg_locks.waitstart`, PostgreSQL 14); `None`: it does not, or nobody tells.
    pub waited: Option<Duration>,
    /// Head of the query, cleaned; empty where the role may not see it.
    pub query: Text,
}

/// Sessions of one application in one state.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ApplicationLoad {
    /// `application_name`; empty if the client gives none.
    pub application: Text,
    /// Client backends in all.
    pub sessions: u32,
    /// Running a query.
    pub active: u32,
    /// Idle in a transaction.
    pub idle_in_transaction: u32,
}

/// A backend that serves somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backend {
    /// When it started: tells it from a later one with the same number. `None`: the role may not see it.
    pub started: Option<Timestamp>,
}
