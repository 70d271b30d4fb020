//! The record of a cluster that nobody keeps one of: put together from what its nodes say of themselves over SQL. Pure.
//!
//! It names a leader only where exactly one node takes writes and every other one has said that it does not. A node that
//! is silent may have been promoted, and two that write are a split brain: in both cases nobody is named, with the reason.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;
use std::time::Duration;

use crate::model::agent::Registration;
use crate::model::lsn::SystemId;
use crate::model::name::NodeName;
use crate::model::observed::Reading;
use crate::model::record::{ClusterRecord, Lead, OwnRecord};
use crate::model::role::Role;
use crate::model::snapshot::Snapshot;
use crate::model::source::{Source, SourceError, SourceKind, Trouble};
use crate::model::text::Text;
use crate::model::view::MemberView;
use crate::model::writers::Writes;

/// The record that follows from `snapshot`, as old as the oldest word that it rests on.
pub(super) fn record(snapshot: &Snapshot) -> Reading<ClusterRecord> {
    let now = snapshot.now;
    let source = Source::new(SourceKind::Nodes, "");
    let asked: Vec<_> = snapshot.members.iter().filter_map(|member| member.sql.as_ref()).collect();
    let stale_after = asked.iter().map(|sql| sql.stale_after).max().unwrap_or(Duration::ZERO);
    let since = asked.iter().map(|sql| sql.asked_since).min().unwrap_or(now);
    let mut reading = Reading::unasked(source, stale_after, since);
    let told: Vec<_> = asked.iter().filter(|sql| sql.is_fresh(now)).filter_map(|sql| sql.answer.as_ref()).collect();
    match told.iter().map(|answer| answer.at).min() {
        Some(at) => reading.take(at, Duration::ZERO, Ok(Arc::new(put_together(snapshot)))),
        None if asked.iter().any(|sql| sql.silent_since(now).is_some()) => {
            let error = SourceError::new(Trouble::TimedOut, "the nodes", "no node answers");
            reading.take(now, Duration::ZERO, Err(error));
        }
        None => {}
    }
    reading
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
        own: OwnRecord::Nodes { roles: roles(&views), doubt },
        ..ClusterRecord::default()
    }
}

/// Why nobody can be named as the leader; `None`: one can.
fn doubt(writers: &[&NodeName], silent: &[&NodeName]) -> Option<Text> {
    let list = |names: &[&NodeName]| names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    let words = match (writers, silent) {
        ([_], []) => return None,
        ([], []) => "every node is in recovery".to_owned(),
        ([], silent) => format!("no node that answers takes writes, and {} cannot be asked", list(silent)),
        ([one], silent) => format!("{one} takes writes, and whether {} does too is unknown", list(silent)),
        (writers, _) => format!("{} all take writes", list(writers)),
    };
    Some(Text::new(words))
}

/// The system identifier that the nodes which answer agree about; where they differ, that of most of them, and of the
/// first by name among equals.
fn agreed_system_id(views: &[MemberView<'_>]) -> Option<SystemId> {
    let told = || views.iter().filter_map(MemberView::system_id).map(|id| id.value);
    let count = |id: &SystemId| told().filter(|other| other == id).count();
    // `max_by_key` takes the last of equals.
    told().collect::<Vec<_>>().into_iter().rev().max_by_key(count)
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
        record(snapshot).fresh(snapshot.now).cloned().expect("a fresh record")
    }

    fn doubt_of(record: &ClusterRecord) -> Option<&str> {
        match &record.own {
            OwnRecord::Nodes { doubt, .. } => doubt.as_ref().map(Text::as_str),
            OwnRecord::Patroni(_) => panic!("Patroni's"),
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
    #[case::a_silent_standby(&["pg-1"], &[], "pg-0 takes writes, and whether pg-1 does too is unknown")]
    #[case::a_silent_primary(&["pg-0"], &[], "no node that answers takes writes, and pg-0 cannot be asked")]
    #[case::two_that_write(&[], &["pg-1"], "pg-0, pg-1 all take writes")]
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
        assert!(!record(&snapshot).is_fresh(snapshot.now));
    }
}
