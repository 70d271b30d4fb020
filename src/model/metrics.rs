//! Slow side sources: Prometheus endpoints beside a node.

use jiff::Timestamp;
use serde::Serialize;

use super::text::Text;

/// What is worth knowing of a Prometheus endpoint: that it answers, and whether it reaches its server.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct MetricsReport {
    /// `pg_up` of `postgres_exporter`, `patroni_postgres_running` of Patroni; `None` where the metric is missing.
    pub up: Option<bool>,
    /// Version of the exporter or agent, where it tells.
    pub version: Option<Text>,
    /// Samples in the answer.
    pub samples: u32,
    /// When the agent last reached the DCS (Patroni only).
    pub dcs_last_seen: Option<Timestamp>,
}
