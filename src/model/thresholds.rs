//! From which value on something is worth a finding.

use std::time::Duration;

use serde::Serialize;

/// A pair of limits: at or above `warning` look, at or above `critical` act.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Limits<T> {
    /// Worth a look.
    pub warning: T,
    /// Needs a hand.
    pub critical: T,
}

impl<T: PartialOrd + Copy> Limits<T> {
    /// The severity of `value`; `None` below both limits.
    pub fn judge(&self, value: T) -> Option<super::finding::Severity> {
        if value >= self.critical {
            Some(super::finding::Severity::Critical)
        } else if value >= self.warning {
            Some(super::finding::Severity::Warning)
        } else {
            None
        }
    }
}

/// The limits of one cluster.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Thresholds {
    /// Replay lag in bytes.
    pub lag_bytes: Limits<u64>,
    /// Replay lag in time.
    pub lag_time: Limits<Duration>,
    /// WAL kept for one slot, in bytes.
    pub slot_retained: Limits<u64>,
    /// Used share of the connection slots, in percent.
    pub connections_percent: Limits<u64>,
    /// Age of a running transaction.
    pub transaction_age: Limits<Duration>,
    /// Time that a session waits for another's lock.
    pub blocked_age: Limits<Duration>,
    /// Age of the oldest transaction id, in percent of the 2^31 that wrap.
    pub xid_percent: Limits<u64>,
    /// Segments waiting for the archiver.
    pub archive_ready: Limits<u64>,
    /// Used share of the DCS's database quota, in percent.
    pub dcs_quota_percent: Limits<u64>,
    /// Difference between this host's clock and a server's.
    pub clock_offset: Limits<Duration>,
    /// Remaining life of a certificate, in days: *below* these.
    pub certificate_days: Limits<u64>,
    /// How long a disagreement between sources must last before it is a finding: roles and records move apart for a
    /// moment in every switchover.
    pub settle: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        const GIB: u64 = 1 << 30;
        let seconds = Duration::from_secs;
        Self {
            lag_bytes: Limits { warning: 64 * MIB, critical: GIB },
            lag_time: Limits { warning: seconds(30), critical: seconds(300) },
            slot_retained: Limits { warning: 5 * GIB, critical: 20 * GIB },
            connections_percent: Limits { warning: 80, critical: 95 },
            transaction_age: Limits { warning: seconds(15 * 60), critical: seconds(4 * 3600) },
            blocked_age: Limits { warning: seconds(10), critical: seconds(120) },
            xid_percent: Limits { warning: 50, critical: 80 },
            archive_ready: Limits { warning: 10, critical: 100 },
            dcs_quota_percent: Limits { warning: 75, critical: 90 },
            clock_offset: Limits { warning: seconds(2), critical: seconds(30) },
            certificate_days: Limits { warning: 30, critical: 7 },
            settle: seconds(5),
        }
    }
}
