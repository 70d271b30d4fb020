//! The record of a cluster that nobody keeps one of: put together from what its nodes say of themselves over SQL. Pure.
//!
//! It names a leader only where exactly one node takes writes and every other one has said that it does not. A node that
//! is silent may have been promoted, and two that write are a split brain: in both cases nobody is named, with the reason.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::model::agent::{Address, Registration};
use crate::model::lsn::SystemId;
use crate::model::member::Member;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::observed::Reading;
use crate::model::record::{ClusterRecord, Lead, StackRecord};
use crate::model::role::Role;
use crate::model::snapshot::Snapshot;
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
use crate::model::text::Text;
use crate::model::view::MemberView;
use crate::model::writers::Writes;

/// What the record rests on, of one node: everything else that a node tells may change without it.
#[derive(Clone, PartialEq, Eq, Debug)]
struct NodeFacts {
    node: NodeName,
    /// Where it is reached.
    at: Option<Address>,
    is_fresh: bool,
    reported: Option<AuthorityInput>,
}

/// The part of a node's answer that the record is put together from.
#[derive(Clone, PartialEq, Eq, Debug)]
struct AuthorityInput {
    in_recovery: bool,
    system_id: Option<SystemId>,
    started: Timestamp,
    /// Its own end of the console's session, by which others' receivers are told apart.
    address: Option<Address>,
    /// Whom its receiver is connected to.
    sender: Option<(Option<Text>, Option<u16>)>,
}

impl NodeFacts {
    fn of(member: &Member, now: Moment) -> Self {
        let sql = member.sql.as_ref();
        let reported = sql.and_then(|sql| sql.last()).map(|report| AuthorityInput {
            in_recovery: report.in_recovery,
            system_id: report.system_id,
            started: report.postmaster_started,
            address: report.address.clone(),
            sender: report.receiver.as_ref().map(|from| (from.sender_host.clone(), from.sender_port)),
        });
        let is_fresh = sql.is_some_and(|sql| sql.is_fresh(now));
        Self { node: member.name.clone(), at: member.postgres_address.clone(), is_fresh, reported }
    }
}

/// Puts the record together, anew only where what it rests on is another than before.
#[derive(Debug, Default)]
pub(super) struct Authority {
    node_facts: Vec<NodeFacts>,
    record: Option<Arc<ClusterRecord>>,
}

impl Authority {
    /// The record that follows from `snapshot`, as old as the oldest word that it rests on.
    pub(super) fn record(&mut self, snapshot: &Snapshot) -> Reading<ClusterRecord> {
        let now = snapshot.now;
        let source = Source::new(SourceKind::Nodes, "");
        let asked: Vec<_> = snapshot.members.iter().filter_map(|member| member.sql.as_ref()).collect();
        let stale_after = asked.iter().map(|sql| sql.stale_after).max().unwrap_or(Duration::ZERO);
        let since = asked.iter().map(|sql| sql.asked_since).min().unwrap_or(now);
        let mut reading = Reading::not_attempted(source, stale_after, since);
        let reported = asked.iter().filter(|sql| sql.is_fresh(now)).filter_map(|sql| sql.answer.as_ref());
        match reported.map(|answer| answer.at).min() {
            Some(at) => reading.take(at, Duration::ZERO, Ok(self.present(snapshot))),
            None if asked.iter().any(|sql| sql.silent_since(now).is_some()) => {
                let error = SourceError::new(FailureKind::TimedOut, "the nodes", "no node responds");
                reading.take(now, Duration::ZERO, Err(error));
            }
            None => {}
        }
        reading
    }

    fn present(&mut self, snapshot: &Snapshot) -> Arc<ClusterRecord> {
        let words: Vec<NodeFacts> = snapshot.members.iter().map(|member| NodeFacts::of(member, snapshot.now)).collect();
        match &self.record {
            Some(record) if self.node_facts == words => Arc::clone(record),
            _ => {
                let record = Arc::new(put_together(snapshot));
                (self.node_facts, self.record) = (words, Some(Arc::clone(&record)));
                record
            }
        }
    }
}

fn put_together(snapshot: &Snapshot) -> ClusterRecord {
    let views: Vec<MemberView<'_>> = snapshot.views().collect();
    let cluster = agreed_system_id(&views);
    let ours = || views.iter().filter(|view| !view.is_of_another_cluster(cluster));
    let writers: Vec<&NodeName> =
        ours().filter(|view| matches!(view.writes(), Writes::Yes(_))).map(MemberView::name).collect();
    let silent: Vec<&NodeName> =
        ours().filter(|view| matches!(view.writes(), Writes::Unknown)).map(MemberView::name).collect();
    let doubt = doubt(&writers, &silent);
    let leader = writers.first().filter(|_| doubt.is_none()).map(|holder| Lead {
        holder: (*holder).clone(),
        create_revision: 0,
        mod_revision: 0,
        lease_left: None,
    });
    ClusterRecord {
        leader,
        members: ours().map(registration).collect(),
        system_id: cluster,
        stack_record: StackRecord::Nodes { roles: roles(&views), doubt },
        ..ClusterRecord::default()
    }
}

/// Why nobody can be named as the leader; `None`: one can.
fn doubt(writers: &[&NodeName], silent: &[&NodeName]) -> Option<Text> {
    let list = |names: &[&NodeName]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let number = |names: &[&NodeName], one, more| if names.len() == 1 { one } else { more };
    let words = match (writers, silent) {
        ([_], []) => return None,
        ([], []) => "every node is in recovery".to_owned(),
        ([], silent) => format!(
            "no reachable node accepts writes, and {} {} unreachable",
            list(silent),
            number(silent, "is", "are")
        ),
        ([one], silent) => {
            format!(
                "{one} accepts writes, and it is unknown whether {} {} too",
                list(silent),
                number(silent, "does", "do")
            )
        }
        (writers, _) => format!("{} all accept writes", list(writers)),
    };
    Some(Text::new(words))
}

/// The system identifier that the nodes which answer agree about; where they differ, that of most of them, and of the
/// first by name among equals.
fn agreed_system_id(views: &[MemberView<'_>]) -> Option<SystemId> {
    let reported = || views.iter().filter_map(MemberView::system_id).map(|id| id.value);
    let count = |id: &SystemId| reported().filter(|other| other == id).count();
    // `max_by_key` takes the last of equals.
    reported().collect::<Vec<_>>().into_iter().rev().max_by_key(count)
}

fn registration(view: &MemberView<'_>) -> Registration {
    let role = view.sql_role().map_or_else(|| Role::Unknown(Text::default()), |role| role.value);
    Registration { postgres: view.member.postgres_address.clone(), ..Registration::new(view.name().clone(), role) }
}

/// Who is what, as one number: each node's role, system identifier and upstream by its last word. A node that falls silent
/// does not change it. The number is compared within one version of the program alone.
fn roles(views: &[MemberView<'_>]) -> u64 {
    let mut hasher = DefaultHasher::new();
    for view in views {
        view.name().hash(&mut hasher);
        view.sql_role().map(|role| role.value == Role::Primary).hash(&mut hasher);
        view.system_id().map(|id| id.value).hash(&mut hasher);
        view.receiver_upstream().map(|upstream| upstream.value).hash(&mut hasher);
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::record::Counter;
    use crate::model::test_support::{cut, plain, seconds, sql};

    fn held(snapshot: &Snapshot) -> ClusterRecord {
        Authority::default().record(snapshot).fresh(snapshot.now).cloned().expect("a fresh record")
    }

    fn doubt_of(record: &ClusterRecord) -> Option<&str> {
        match &record.stack_record {
            StackRecord::Nodes { doubt, .. } => doubt.as_ref().map(Text::as_str),
            StackRecord::Patroni(_) => panic!("Patroni's"),
        }
    }

    #[test]
    fn one_writer_among_nodes_that_all_answer_leads() {
        let record = held(&plain());
        assert_eq!(record.leader.map(|lead| lead.holder), Some("pg-0".into()));
        assert_eq!(record.members.len(), 3);
        assert!(record.system_id.is_some());
    }

    #[rstest]
    #[case::a_silent_standby(&["pg-1"], &[], "pg-0 accepts writes, and it is unknown whether pg-1 does too")]
    #[case::a_silent_primary(&["pg-0"], &[], "no reachable node accepts writes, and pg-0 is unreachable")]
    #[case::silent_standbys(&["pg-1", "pg-2"], &[], "pg-0 accepts writes, and it is unknown whether pg-1, pg-2 do too")]
    #[case::two_that_write(&[], &["pg-1"], "pg-0, pg-1 all accept writes")]
    fn nobody_is_named_where_more_than_one_could_write(
        #[case] silent: &[&str],
        #[case] promoted: &[&str],
        #[case] reason: &str,
    ) {
        let mut snapshot = plain();
        for name in silent {
            cut(&mut snapshot, name, seconds(38));
        }
        for name in promoted {
            sql(&mut snapshot, name, |report| report.in_recovery = false);
        }
        let record = held(&snapshot);
        assert_eq!((record.leader.as_ref(), doubt_of(&record)), (None, Some(reason)));
    }

    #[test]
    fn a_node_of_another_cluster_is_no_second_writer() {
        let mut snapshot = plain();
        sql(&mut snapshot, "pg-2", |report| {
            report.in_recovery = false;
            report.system_id = Some(SystemId(99));
        });
        assert_eq!(held(&snapshot).leader.map(|lead| lead.holder), Some("pg-0".into()));
    }

    #[test]
    fn the_count_of_roles_moves_when_a_node_is_promoted_and_not_when_it_falls_silent() {
        let count = |snapshot: &Snapshot| held(snapshot).counters();
        let before = count(&plain());
        let mut silent = plain();
        cut(&mut silent, "pg-1", seconds(38));
        assert_eq!(count(&silent).get(&Counter::Roles), before.get(&Counter::Roles));
        let mut promoted = plain();
        sql(&mut promoted, "pg-1", |report| report.in_recovery = false);
        assert_ne!(count(&promoted).get(&Counter::Roles), before.get(&Counter::Roles));
    }

    #[test]
    fn where_no_node_answers_there_is_no_fresh_record() {
        let mut snapshot = plain();
        for name in ["pg-0", "pg-1", "pg-2"] {
            cut(&mut snapshot, name, seconds(38));
        }
        assert!(!Authority::default().record(&snapshot).is_fresh(snapshot.now));
    }

    /// Whether the record of `after` is the very one that was put together for `before`.
    fn is_kept(before: &Snapshot, after: &Snapshot) -> bool {
        let mut authority = Authority::default();
        let reported =
            |reading: &Reading<ClusterRecord>| reading.answer.as_ref().map(|answer| Arc::clone(&answer.value));
        let (first, second) = (authority.record(before), authority.record(after));
        Arc::ptr_eq(&reported(&first).expect("a record"), &reported(&second).expect("a record"))
    }

    #[test]
    fn an_answer_that_says_nothing_new_of_who_is_who_costs_no_new_record() {
        let mut moved = plain();
        sql(&mut moved, "pg-0", |report| {
            report.server_time += seconds(1);
            report.position = crate::model::agent::Position::Writing { at: crate::model::lsn::Lsn(1 << 40) };
        });
        assert!(is_kept(&plain(), &moved));
    }

    #[rstest]
    #[case::a_promotion(|s: &mut Snapshot| sql(s, "pg-1", |report| report.in_recovery = false))]
    #[case::silence(|s: &mut Snapshot| cut(s, "pg-1", seconds(38)))]
    #[case::another_system(|s: &mut Snapshot| sql(s, "pg-2", |report| report.system_id = Some(SystemId(99))))]
    #[case::a_receiver_that_is_gone(|s: &mut Snapshot| sql(s, "pg-2", |report| report.receiver = None))]
    #[case::one_server_twice(|s: &mut Snapshot| sql(s, "pg-2", |report| report.postmaster_started -= seconds(1)))]
    #[case::a_node_less(|s: &mut Snapshot| drop(s.members.pop()))]
    fn an_answer_that_does_is_taken_into_a_new_record(#[case] change: fn(&mut Snapshot)) {
        let mut after = plain();
        change(&mut after);
        assert!(!is_kept(&plain(), &after));
    }
}
