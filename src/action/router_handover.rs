//! Telling the routers of a change of leader as it happens: what an escort is told to do, and what follows from what it
//! sees. It goes alongside a step that blocks. Pure: who looks and who tells is the runner's business.
//!
//! Nothing is taken back blindly. A server is told down because its PostgreSQL goes or another leads, and up because it is
//! proven to lead; so whatever was told is put right by the same proof, whoever turns out to lead.

use crate::model::record::Counter;
use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::generation::Generation;
use super::pooler_release::{PAUSE_LIMIT, PoolerRelease};
use crate::model::lsn::{SystemId, Timeline};
use crate::model::name::{NodeName, RouterName};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// A proof of this age no longer lets a server be told up.
pub const MAX_PROOF_AGE: Duration = Duration::from_millis(500);
/// After this long without a new proof a server that was told up is told down again: somebody could not be asked.
pub const PROOF_EXPIRY: Duration = Duration::from_secs(1);
/// Between two proofs of a leader whose server was told up.
pub const AGAIN: Duration = Duration::from_millis(200);

/// What goes along with a change of leader.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RouterHandover {
    /// The leader that is asked to step down; `None`: nobody is, and only whoever leads is told.
    pub from: Option<NodeName>,
    /// Who is to lead; `None`: whoever does.
    pub to: Option<NodeName>,
    /// The write backends, each of one router process.
    pub routes: Vec<RouterRoute>,
    /// Poolers that were paused before it, whose clients are let on as soon as their way leads to the leader.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub poolers: Vec<PoolerRelease>,
    /// It ends for sure after this long, whatever it has seen.
    pub at_most: Duration,
}

/// One write backend of one router.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct RouterRoute {
    /// Router.
    pub router: RouterName,
    /// Backend.
    pub backend: Text,
    /// Its server of each member, matched by address and port.
    pub servers: BTreeMap<NodeName, Text>,
}

impl RouterRoute {
    /// The server of `member` as HAProxy's words have it.
    pub fn place(&self, member: &NodeName) -> String {
        let server = self.servers.get(member).map_or("?", Text::as_str);
        format!("{}/{server}", self.backend)
    }

    /// The member behind `server`.
    pub fn member(&self, server: &Text) -> Option<&NodeName> {
        self.servers.iter().find_map(|(member, known)| (known == server).then_some(member))
    }
}

/// What one router was told of one server, and what came of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RouterUpdate {
    /// Router.
    pub router: RouterName,
    /// Backend.
    pub backend: Text,
    /// Server.
    pub server: Text,
    /// Up or down.
    pub up: bool,
    /// The proof that it was told by.
    pub why: Text,
    /// The router's words and what the server reads back as, or why there is no answer.
    pub reply: Text,
    /// Whether it reads back so; `None`: no answer, it may have happened.
    pub accepted: Option<bool>,
}

impl RouterUpdate {
    /// What was sent, in one line.
    pub fn describe(&self) -> String {
        let health = if self.up { "up" } else { "down" };
        format!("{}: set server {}/{} health {health}", self.router, self.backend, self.server)
    }
}

/// What the DCS says of the lead, read with the majority.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct LeadRecord {
    /// Holder of the leader lock.
    pub holder: Option<NodeName>,
    /// The order in the failover key; `None`: there is none.
    pub order: Option<LeadOrder>,
}

/// An order to hand the lead over, on record and not yet carried out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LeadOrder {
    /// From whom; `None`: a failover.
    pub from: Option<NodeName>,
    /// To whom; `None`: anybody.
    pub to: Option<NodeName>,
    /// Revision at which it was written.
    pub revision: i64,
}

/// What PostgreSQL of a node says of itself, as far as a proof needs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LeadAnswer {
    /// It does not take writes.
    pub in_recovery: bool,
    /// Its data; `None`: this role may not ask.
    pub system_id: Option<SystemId>,
    /// Timeline that it writes on; `None`: in recovery.
    pub timeline: Option<Timeline>,
}

/// What a look at one of the sources of a proof came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LeadProof {
    /// It holds.
    Holds,
    /// Something speaks against it.
    Broken(Text),
    /// Somebody did not answer: neither.
    Silent(Text),
}

impl LeadProof {
    fn broken(text: impl AsRef<str>) -> Self {
        Self::Broken(Text::redacted(text))
    }

    fn silent(error: &SourceError) -> Self {
        Self::Silent(Text::redacted(error.to_string()))
    }
}

impl RouterHandover {
    /// What is done, in words. The conditions first: a reader must see what it hangs on.
    pub fn describe(&self) -> String {
        let mut words = Vec::new();
        if !self.routes.is_empty() {
            words.push(self.describe_routers());
        }
        words.extend(self.poolers.iter().map(PoolerRelease::describe));
        if !self.poolers.is_empty() {
            words.push(format!("RESUME after {} s in any case", PAUSE_LIMIT.as_secs()));
        }
        if self.routes.is_empty() {
            words.insert(0, "in parallel: verify the new leader".to_owned());
        }
        words.join("; ")
    }

    fn describe_routers(&self) -> String {
        let places = |member: &NodeName| {
            let of = |route: &RouterRoute| format!("{}: {}", route.router, route.place(member));
            self.routes.iter().map(of).collect::<Vec<_>>().join(", ")
        };
        let to = self.to.as_ref().map_or_else(
            || {
                let of = |route: &RouterRoute| format!("{}: its server of {}", route.router, route.backend);
                let all = self.routes.iter().map(of).collect::<Vec<_>>().join(", ");
                format!("the verified leader ({all})")
            },
            |to| format!("{to} ({})", places(to)),
        );
        let lead = match &self.from {
            Some(from) => format!(
                "in parallel: once the switchover is in the DCS and PostgreSQL on {from} rejects connections or shuts down, set server \
                    health down for {from} ({}); once the promotion is verified, ",
                places(from)
            ),
            None => "set server health down for every other member, and ".to_owned(),
        };
        format!(
            "{lead}set server health up for {to}; verify again every {} ms until HAProxy's own check agrees, set health down \
                at once if the verification fails; at most {} s",
            AGAIN.as_millis(),
            self.at_most.as_secs()
        )
    }

    /// Whether the order to hand over was taken, told from the record alone: it is written there, or was carried out. A
    /// refused one leaves the record as it was.
    pub fn is_accepted(&self, record: &LeadRecord, before: &Generation) -> bool {
        let ours = |order: &LeadOrder| {
            order.revision > before.count(Counter::PendingOrder)
                && order.from == self.from
                && (self.to.is_none() || order.to == self.to)
        };
        record.holder != self.from || record.order.as_ref().is_some_and(ours)
    }

    /// Why the server of the old leader is to be told down; `None`: it is not. Its SQL must be gone by its own word, or the
    /// lock be somebody else's or nobody's, after which it takes no writes either.
    pub fn is_leaving(
        &self,
        record: &LeadRecord,
        sql: Option<&Result<LeadAnswer, SourceError>>,
        before: &Generation,
    ) -> Option<Text> {
        let from = self.from.as_ref()?;
        if !self.is_accepted(record, before) {
            return None;
        }
        if record.holder.as_ref() != Some(from) {
            let holder = record.holder.as_ref().map_or("no member", NodeName::as_str);
            return Some(Text::redacted(format!("{holder} holds the leader key")));
        }
        match sql? {
            Err(error) if is_gone(error) => {
                Some(Text::redacted(format!("the switchover is in the DCS, and SQL {from}: {}", error.brief())))
            }
            Err(_) | Ok(_) => None,
        }
    }

    /// Whether `member`, which holds the lock, leads by its own PostgreSQL too. Its REST interface is asked only then.
    pub fn prove_lead(
        &self,
        member: &NodeName,
        sql: &Result<LeadAnswer, SourceError>,
        before: &Generation,
    ) -> LeadProof {
        let word = match sql {
            Ok(word) => word,
            Err(error) if is_gone(error) => return LeadProof::broken(format!("SQL {member}: {}", error.brief())),
            Err(error) => return LeadProof::silent(error),
        };
        if word.in_recovery {
            return LeadProof::broken(format!("{member} is in recovery"));
        }
        match (before.system_id, word.system_id) {
            (Some(was), Some(is)) if was == is => {}
            (Some(was), Some(is)) => {
                return LeadProof::broken(format!("{member} has system identifier {is}, the cluster has {was}"));
            }
            (_, None) | (None, _) => return LeadProof::broken(format!("the system identifier of {member} is unknown")),
        }
        let (Some(was), Some(is)) = (before.timeline, word.timeline) else {
            return LeadProof::broken(format!("the timeline of {member} cannot be compared with the previous one"));
        };
        // The leader of before keeps its timeline; anybody else has begun one.
        let stays = before.leader.as_ref() == Some(member);
        if is > was || (stays && is == was) {
            LeadProof::Holds
        } else {
            LeadProof::broken(format!("{member} is on timeline {is}, previously {was}"))
        }
    }
}

/// Whether PostgreSQL has said that it is gone. Silence is no such word.
fn is_gone(error: &SourceError) -> bool {
    matches!(error.failure_kind, FailureKind::Refused | FailureKind::NotReady)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn pg(number: u8) -> NodeName {
        NodeName::new(format!("pg-{number}"))
    }

    fn router_handover() -> RouterHandover {
        let servers = [(pg(0), "a".into()), (pg(1), "b".into())].into();
        let route = RouterRoute { router: "edge".into(), backend: "primary".into(), servers };
        RouterHandover {
            from: Some(pg(0)),
            to: Some(pg(1)),
            routes: vec![route],
            poolers: Vec::new(),
            at_most: Duration::from_secs(80),
        }
    }

    fn before() -> Generation {
        Generation {
            leader: Some(pg(0)),
            system_id: Some(SystemId(1)),
            timeline: Some(Timeline(12)),
            ..Generation::default().counting(Counter::Lead, 7).counting(Counter::PendingOrder, 10)
        }
    }

    fn record(holder: Option<u8>, order: Option<(u8, i64)>) -> LeadRecord {
        let order = order.map(|(to, revision)| LeadOrder { from: Some(pg(0)), to: Some(pg(to)), revision });
        LeadRecord { holder: holder.map(pg), order }
    }

    fn lead_of_failure(failure_kind: FailureKind) -> Result<LeadAnswer, SourceError> {
        Err(SourceError::new(failure_kind, "pg-0:5432", ""))
    }

    #[expect(clippy::unnecessary_wraps, reason = "an answer, as the port gives it")]
    fn lead_answer(in_recovery: bool, system: Option<u64>, timeline: Option<u32>) -> Result<LeadAnswer, SourceError> {
        Ok(LeadAnswer { in_recovery, system_id: system.map(SystemId), timeline: timeline.map(Timeline) })
    }

    #[rstest]
    #[case::refused_or_not_yet_written(record(Some(0), None), FailureKind::Refused, false)]
    #[case::an_order_of_before(record(Some(0), Some((1, 10))), FailureKind::Refused, false)]
    #[case::an_order_of_somebody_else(record(Some(0), Some((2, 11))), FailureKind::Refused, false)]
    #[case::ours_and_refusing(record(Some(0), Some((1, 11))), FailureKind::Refused, true)]
    #[case::ours_and_shutting_down(record(Some(0), Some((1, 11))), FailureKind::NotReady, true)]
    #[case::silence_proves_nothing(record(Some(0), Some((1, 11))), FailureKind::TimedOut, false)]
    #[case::a_closed_connection_proves_nothing(record(Some(0), Some((1, 11))), FailureKind::Closed, false)]
    #[case::the_lock_was_released(record(None, Some((1, 11))), FailureKind::TimedOut, true)]
    #[case::another_leads(record(Some(2), None), FailureKind::TimedOut, true)]
    fn the_old_leader_is_leaving_only_where_the_order_was_taken_and_it_is_gone(
        #[case] record: LeadRecord,
        #[case] failure_kind: FailureKind,
        #[case] leaves: bool,
    ) {
        assert_eq!(
            router_handover().is_leaving(&record, Some(&lead_of_failure(failure_kind)), &before()).is_some(),
            leaves
        );
    }

    #[test]
    fn an_old_leader_that_still_answers_is_left_up_until_the_lock_is_gone() {
        let still = lead_answer(false, Some(1), Some(12));
        assert_eq!(router_handover().is_leaving(&record(Some(0), Some((1, 11))), Some(&still), &before()), None);
        assert!(router_handover().is_leaving(&record(None, Some((1, 11))), Some(&still), &before()).is_some());
    }

    #[rstest]
    #[case::promoted(1, lead_answer(false, Some(1), Some(13)), "holds")]
    #[case::not_yet(1, lead_answer(true, Some(1), None), "broken: pg-1 is in recovery")]
    #[case::same_timeline(1, lead_answer(false, Some(1), Some(12)), "broken: pg-1 is on timeline 12, previously 12")]
    #[case::another_system(
        1,
        lead_answer(false, Some(2), Some(13)),
        "broken: pg-1 has system identifier 2, the cluster has 1"
    )]
    #[case::no_system(1, lead_answer(false, None, Some(13)), "broken: the system identifier of pg-1 is unknown")]
    #[case::no_timeline(
        1,
        lead_answer(false, Some(1), None),
        "broken: the timeline of pg-1 cannot be compared with the previous one"
    )]
    #[case::the_old_one_stays(0, lead_answer(false, Some(1), Some(12)), "holds")]
    #[case::crashed(1, lead_of_failure(FailureKind::Refused), "broken: SQL pg-1: connection refused")]
    #[case::hangs(1, lead_of_failure(FailureKind::TimedOut), "silent")]
    fn a_leader_is_proven_by_role_data_and_timeline(
        #[case] member: u8,
        #[case] sql: Result<LeadAnswer, SourceError>,
        #[case] expected: &str,
    ) {
        let reported = match router_handover().prove_lead(&pg(member), &sql, &before()) {
            LeadProof::Holds => "holds".to_owned(),
            LeadProof::Broken(why) => format!("broken: {why}"),
            LeadProof::Silent(_) => "silent".to_owned(),
        };
        assert_eq!(reported, expected);
    }
}
