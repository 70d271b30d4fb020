//! Remembers a scheduled switchover, so that it is seen when its time passes without it: Patroni drops what it cannot carry
//! out, and says so in its log alone.

use jiff::Timestamp;

use crate::model::record::PendingOrder;
use crate::model::snapshot::Snapshot;

/// How much earlier than by this host's clock Patroni may find that the time has come, in seconds.
const SLACK_SECONDS: i64 = 5;

/// Memory of the scheduled switchover of one cluster.
#[derive(Debug, Default)]
pub(super) struct Appointment {
    /// The one on record, with its time.
    known: Option<(PendingOrder, Timestamp)>,
    /// The last one whose time passed without it.
    missed: Option<PendingOrder>,
}

impl Appointment {
    /// Learns from a picture. Returns the order that was not carried out, as long as that is worth a word: until the leader
    /// changes, or another is scheduled.
    pub(super) fn take(&mut self, snapshot: &Snapshot) -> Option<PendingOrder> {
        let record = snapshot.from_record(|content| {
            Some((content.order.clone(), content.leader.as_ref().map(|leader| leader.holder.clone())))
        });
        let Some((order, leader)) = record.filter(|record| record.fresh).map(|record| record.value) else {
            return self.missed.clone();
        };
        let scheduled = order.and_then(|order| {
            let at = order.scheduled_at.as_ref()?.as_str().parse::<Timestamp>().ok()?;
            Some((order, at))
        });
        if let Some(scheduled) = scheduled {
            self.known = Some(scheduled);
            self.missed = None;
            return None;
        }
        // Without a leader the switchover is under way.
        let Some(leader) = leader else { return self.missed.clone() };
        if let Some((order, at)) = self.known.take() {
            let was_due = snapshot.wall.duration_since(at).as_secs() >= -SLACK_SECONDS;
            // Taken back before its time, it is nobody's loss.
            let stays = order.leader.as_ref().is_none_or(|from| *from == leader);
            let taken_over = order.candidate.as_ref() == Some(&leader);
            self.missed = (was_due && stays && !taken_over).then_some(order);
        }
        let is_over = self.missed.as_ref().is_some_and(|missed| {
            missed.leader.as_ref().is_some_and(|from| *from != leader) || missed.candidate.as_ref() == Some(&leader)
        });
        if is_over {
            self.missed = None;
        }
        self.missed.clone()
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::model::name::NodeName;
    use crate::model::test_support::{healthy, record};

    fn picture(order: Option<SignedDuration>, leader: &str, later: i64) -> Snapshot {
        let mut snapshot = healthy();
        let scheduled_at = order.map(|span| (snapshot.wall + span).to_string().into());
        record(&mut snapshot, |content| {
            content.order = scheduled_at.map(|at| PendingOrder {
                leader: Some(NodeName::new("pg-0")),
                candidate: Some(NodeName::new("pg-2")),
                scheduled_at: Some(at),
            });
            if let Some(key) = &mut content.leader {
                key.holder = NodeName::new(leader);
            }
        });
        snapshot.wall += SignedDuration::from_secs(later);
        snapshot
    }

    #[test]
    fn an_order_that_vanishes_at_its_time_under_the_same_leader_was_missed() {
        let mut memory = Appointment::default();
        let soon = SignedDuration::from_secs(60);
        assert_eq!(memory.take(&picture(Some(soon), "pg-0", 0)), None);
        let missed = memory.take(&picture(None, "pg-0", 61)).unwrap();
        assert_eq!(missed.candidate, Some(NodeName::new("pg-2")));
        assert!(memory.take(&picture(None, "pg-0", 600)).is_some(), "it lasts");
        assert_eq!(memory.take(&picture(None, "pg-2", 700)), None, "until the leader changes");
    }

    #[test]
    fn an_order_that_was_carried_out_or_reverted_is_not_missed() {
        let soon = SignedDuration::from_secs(60);
        let mut memory = Appointment::default();
        memory.take(&picture(Some(soon), "pg-0", 0));
        assert_eq!(memory.take(&picture(None, "pg-2", 62)), None, "carried out");
        let mut memory = Appointment::default();
        memory.take(&picture(Some(soon), "pg-0", 0));
        assert_eq!(memory.take(&picture(None, "pg-0", 20)), None, "reverted");
    }
}
