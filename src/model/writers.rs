//! Which members take writes. One rule for findings, checks and screens: a split brain is told wherever it is looked for,
//! and none is told where there is none.

use super::lsn::SystemId;
use super::observed::Observed;
use super::role::Role;
use super::snapshot::Snapshot;
use super::source::FailureKind;
use super::view::MemberView;

/// Whether a member takes writes.
#[derive(Clone, PartialEq, Debug)]
pub enum Writes {
    /// It does, by this word.
    Yes(Observed<Role>),
    /// It does not, by this word.
    No(Observed<Role>),
    /// Nobody can tell: it does not answer, or what answers is not known to be this member.
    Unknown,
}

impl MemberView<'_> {
    /// Whether the member takes writes, by fresh word: PostgreSQL's own, else its agent's while that says that PostgreSQL
    /// is up. An agent goes on saying "primary" of a server that is stopped, starts or has crashed.
    pub fn writes(&self) -> Writes {
        // Facts that may be another server's accuse nobody.
        if self.doubt().is_some() {
            return Writes::Unknown;
        }
        if let Some(sql) = self.sql_role().filter(|role| role.fresh) {
            return if sql.value == Role::Primary { Writes::Yes(sql) } else { Writes::No(sql) };
        }
        let Some(agent) = self.agent_role().filter(|role| role.fresh) else { return Writes::Unknown };
        let up = self.agent(|report| Some(report.state.is_up())).is_some_and(|up| up.value);
        let writable = agent.value.is_writable();
        if writable && up && !self.says_that_it_is_not_ready() { Writes::Yes(agent) } else { Writes::No(agent) }
    }

    /// Whether PostgreSQL itself says that it starts or shuts down: then nobody writes there, whatever its agent said last.
    fn says_that_it_is_not_ready(&self) -> bool {
        let failure = self.member.sql.as_ref().and_then(|sql| sql.failure.as_ref());
        failure.is_some_and(|failure| failure.error.failure_kind == FailureKind::NotReady)
    }

    /// Whether the member is known to be of another cluster: its system identifier is not this cluster's.
    pub fn is_of_another_cluster(&self, cluster: Option<SystemId>) -> bool {
        let own = self.system_id().filter(|own| own.fresh);
        own.zip(cluster).is_some_and(|(own, cluster)| own.value != cluster)
    }
}

impl Snapshot {
    /// Members of this cluster that take writes, those among them that the DCS does not know or has forgotten, each with
    /// who says so. One with another system identifier is another cluster's, and no second primary of this one.
    pub fn writers(&self) -> Vec<(MemberView<'_>, Observed<Role>)> {
        let cluster = self.cluster_system_id().map(|id| id.value);
        let ours = self.views().filter(|view| !view.is_of_another_cluster(cluster));
        let writes = ours.filter_map(|view| match view.writes() {
            Writes::Yes(word) => Some((view, word)),
            Writes::No(_) | Writes::Unknown => None,
        });
        writes.collect()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::member::Presence;
    use super::super::role::MemberState;
    use super::super::test_support::{agent, fail, healthy, member, seconds, split, sql};
    use super::*;

    fn names(snapshot: &Snapshot) -> Vec<String> {
        snapshot.writers().iter().map(|(view, _)| view.name().to_string()).collect()
    }

    /// A cluster of which pg-1 leads, and pg-0 is known by its agent alone, which calls it primary.
    fn by_agent(state: MemberState) -> Snapshot {
        let mut snapshot = split();
        member(&mut snapshot, "pg-0").sql = None;
        agent(&mut snapshot, "pg-0", |report| report.state = state);
        snapshot
    }

    #[test]
    fn a_member_that_the_dcs_has_forgotten_writes_all_the_same() {
        let mut snapshot = split();
        member(&mut snapshot, "pg-0").presence = Presence::Missing { since: snapshot.now };
        assert_eq!(names(&snapshot), ["pg-0", "pg-1"]);
    }

    #[rstest]
    #[case::running(MemberState::Running, true)]
    #[case::stopped(MemberState::Stopped, false)]
    #[case::stopping(MemberState::Stopping, false)]
    #[case::starting(MemberState::Starting, false)]
    #[case::crashed(MemberState::Crashed, false)]
    #[case::failed(MemberState::Failed("start failed".into()), false)]
    #[case::unknown(MemberState::Unknown("dancing".into()), false)]
    fn an_agent_speaks_for_a_server_that_runs(#[case] state: MemberState, #[case] writes: bool) {
        assert_eq!(names(&by_agent(state)).contains(&"pg-0".to_owned()), writes);
    }

    #[rstest]
    #[case::shutting_down(FailureKind::NotReady, false)]
    #[case::a_port_that_is_closed_from_here(FailureKind::Refused, true)]
    #[case::a_wrong_password(FailureKind::Credentials, true)]
    fn a_server_that_says_that_it_is_not_ready_writes_nothing(#[case] failure_kind: FailureKind, #[case] writes: bool) {
        let mut snapshot = split();
        if let Some(reading) = &mut member(&mut snapshot, "pg-0").sql {
            fail(reading, failure_kind, seconds(2));
        }
        assert_eq!(names(&snapshot).contains(&"pg-0".to_owned()), writes);
    }

    #[test]
    fn another_system_identifier_is_another_cluster_and_no_second_primary() {
        let mut snapshot = split();
        sql(&mut snapshot, "pg-0", |report| report.system_id = Some(SystemId(7)));
        agent(&mut snapshot, "pg-0", |report| report.system_id = Some(SystemId(7)));
        assert_eq!(names(&snapshot), ["pg-1"]);
        assert_eq!(names(&healthy()), ["pg-0"], "the leader alone");
    }
}
