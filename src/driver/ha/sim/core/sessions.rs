//! What clients do that is worth a story: long transactions, chains of locks, too many connections.

use super::clock::{SECOND, Time};

/// `wal_sender_timeout`, as it is by default.
pub(crate) const SENDER_TIMEOUT: Time = 60 * SECOND;

/// A spell of something, from one point of time to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Period {
    pub(crate) since: Time,
    pub(crate) until: Time,
}

impl Period {
    pub(crate) fn covers(self, now: Time) -> bool {
        (self.since..self.until).contains(&now)
    }
}

/// Stories of the primary's clients.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SessionScenarios {
    /// A transaction of the nightly job.
    pub(crate) long_transaction: Option<Period>,
    /// A migration holds a lock that so many wait for.
    pub(crate) locks: Option<(Period, u32)>,
    /// A prepared transaction that nobody ends.
    pub(crate) prepared_since: Option<Time>,
    /// Used part of the connection slots, in percent, whatever the load.
    pub(crate) connections_percent: Option<u32>,
    /// Age of the oldest transaction id, in percent of the 2^31 that wrap.
    pub(crate) xid_percent: Option<u64>,
    /// Where the consumer of the logical slot stopped, and when.
    pub(crate) slot_abandoned: Option<(u64, Time)>,
    /// Where the consumer of the logical slot stood when it last replied, and when that was.
    pub(crate) consumer_frozen: Option<(u64, Time)>,
}

impl SessionScenarios {
    /// Forgets what is over.
    pub(crate) fn tidy(&mut self, now: Time) {
        self.long_transaction = self.long_transaction.filter(|spell| now < spell.until);
        // Its walsender ends it then, and it comes back.
        self.consumer_frozen = self.consumer_frozen.filter(|(_, replied)| now < replied + SENDER_TIMEOUT);
        self.locks = self.locks.filter(|(spell, _)| now < spell.until);
    }
}
