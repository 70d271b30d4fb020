//! What every plan stands on, whatever manages the cluster: the picture, the record that is pinned, the members by name, and
//! the making of steps.

use std::time::Duration;

use super::acting_access::ActingAccess;
use crate::action::Intent;
use crate::action::expectation::Expectation;
use crate::action::generation::Generation;
use crate::action::inspected::Inspected;
use crate::action::milestone::Milestone;
use crate::action::order::{Order, SqlRequest};
use crate::action::plan::{Confirm, Danger, Infeasible, Plan, Step};
use crate::action::preflight::CheckId;
use crate::model::agent::Tags;
use crate::model::name::NodeName;
use crate::model::record::ClusterRecord;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::model::view::MemberView;

/// The picture with what is needed again and again.
pub(in crate::driver) struct PlanContext<'a> {
    /// By which ways this console may act.
    pub(in crate::driver) acting_access: &'a ActingAccess,
    pub(in crate::driver) snapshot: &'a Snapshot,
    /// What was asked besides the picture.
    pub(in crate::driver) inspected: &'a Inspected,
    /// The record that the generation was read from.
    pub(in crate::driver) record: &'a ClusterRecord,
    pub(in crate::driver) generation: Generation,
    pub(in crate::driver) periods: Periods,
    pub(in crate::driver) intent: &'a Intent,
    /// Chooses what must hold before a plan.
    pub(in crate::driver) checks: fn(&Plan) -> Vec<CheckId>,
}

/// How long things take on this cluster at most, by whatever manages it.
#[derive(Clone, Copy, Debug)]
pub(in crate::driver) struct Periods {
    /// Until a change of the record is seen by everybody and told of.
    pub(in crate::driver) settle: Duration,
    /// Until a change of leader has happened, or nobody has taken over.
    pub(in crate::driver) takeover: Duration,
    /// Until PostgreSQL has started and streams.
    pub(in crate::driver) rejoin: Duration,
    /// Until a leader that cannot renew its lease has stepped down.
    pub(in crate::driver) step_down: Duration,
}

/// What a verb says of its plan; the rest is the same for all.
pub(in crate::driver) struct PlanDraft {
    pub(in crate::driver) title: String,
    pub(in crate::driver) danger: Danger,
    pub(in crate::driver) confirm: Confirm,
    pub(in crate::driver) steps: Vec<Step>,
    pub(in crate::driver) no_return: usize,
    pub(in crate::driver) impact: Vec<String>,
    pub(in crate::driver) equivalent: Vec<String>,
    pub(in crate::driver) expectation: Expectation,
}

/// The record that a plan is pinned to, with its generation; `None`: none is fresh.
pub(in crate::driver) fn pinned(snapshot: &Snapshot) -> Option<(&ClusterRecord, Generation)> {
    let record = snapshot.records.iter().find_map(|reading| reading.fresh(snapshot.now))?;
    Some((record, Generation::of(snapshot)?))
}

impl<'a> PlanContext<'a> {
    /// The plan.
    pub(in crate::driver) fn plan(&self, plan_draft: PlanDraft) -> Plan {
        let texts = |lines: Vec<String>| lines.into_iter().map(Text::redacted).collect();
        let identity = &self.snapshot.identity;
        let mut plan = Plan {
            cluster: identity.name.clone(),
            intent: self.intent.clone(),
            title: Text::new(plan_draft.title),
            generation: self.generation.clone(),
            danger: plan_draft.danger,
            confirm: plan_draft.confirm,
            needs_reason: identity.protected,
            checks: Vec::new(),
            steps: plan_draft.steps,
            no_return: plan_draft.no_return,
            impact: texts(plan_draft.impact),
            equivalent: texts(plan_draft.equivalent),
            expectation: plan_draft.expectation,
        };
        plan.checks = (self.checks)(&plan);
        plan
    }

    /// The cluster's name, as it is typed to confirm.
    pub(in crate::driver) fn cluster(&self) -> &'a Text {
        self.snapshot.identity.name.text()
    }

    /// Confirmed by typing the cluster's name.
    pub(in crate::driver) fn type_cluster(&self) -> Confirm {
        Confirm::Type(self.cluster().clone())
    }

    /// The member called `name`, on record now.
    pub(in crate::driver) fn member(&self, name: &NodeName) -> Result<MemberView<'a>, Infeasible> {
        let Some(member) = self.snapshot.member(name) else {
            let names = self.snapshot.members.iter().map(|member| member.name.to_string()).collect::<Vec<_>>();
            let known = if names.is_empty() {
                "no member is known".to_owned()
            } else {
                format!("available: {}", names.join(", "))
            };
            return Err(refuse(format!("{name} is not a member of {}; {known}", self.cluster())));
        };
        let view = self.snapshot.view(member);
        if view.is_missing() {
            return Err(refuse(format!("{name} is not in the DCS: start its agent first")));
        }
        Ok(view)
    }

    /// Members on record, in order of name.
    pub(in crate::driver) fn present(&self) -> impl Iterator<Item = MemberView<'a>> + use<'a> {
        self.snapshot.views().filter(|view| !view.is_missing())
    }

    /// Whether `name` holds the leader lock.
    pub(in crate::driver) fn leads(&self, name: &NodeName) -> bool {
        self.generation.leader.as_ref() == Some(name)
    }

    /// The leader; without one, `instead` says what to do.
    pub(in crate::driver) fn leader(&self, instead: &str) -> Result<MemberView<'a>, Infeasible> {
        let Some(name) = &self.generation.leader else {
            return Err(refuse(format!("{} has no leader: {instead}", self.cluster())));
        };
        self.member(name)
    }

    /// A statement on `view`'s PostgreSQL. `words` are the statement; `deadline` how long it may take.
    pub(in crate::driver) fn sql(
        &self,
        view: MemberView<'_>,
        request: SqlRequest,
        words: &str,
        deadline: Duration,
    ) -> Step {
        let place = view.member.postgres_address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
        Step {
            text: Text::new(format!("{words} on {}{place}", view.name())),
            order: Order::Sql {
                member: view.name().clone(),
                system_id: self.generation.system_id.or_else(|| view.system_id().map(|id| id.value)),
                request,
            },
            undo: None,
            deadline,
        }
    }

    /// The same statement for psql.
    pub(in crate::driver) fn psql(&self, view: MemberView<'_>, statement: &str) -> String {
        let address = view.member.postgres_address.as_ref();
        let place = address.map(|to| format!(" -h {} -p {}", quoted(to.host.as_str()), to.port)).unwrap_or_default();
        let login = self.acting_access.sql.as_ref();
        let login =
            login.map(|(user, database)| format!(" -U {} -d {}", quoted(user.as_str()), quoted(database.as_str())));
        format!("psql{place}{} -c {}", login.unwrap_or_default(), quoted(statement))
    }
}

/// A member's tags by the best source.
pub(in crate::driver) fn tags(view: MemberView<'_>) -> Tags {
    view.tags().map(|tags| tags.value).unwrap_or_default()
}

/// A refusal in one line.
pub(in crate::driver) fn refuse(text: impl AsRef<str>) -> Infeasible {
    Infeasible::because(text)
}

/// Waits until `milestone` is seen.
pub(in crate::driver) fn wait(milestone: Milestone, at_most: Duration) -> Step {
    Step {
        text: Text::new(format!("wait for: {}, at most {} s", milestone.describe(), at_most.as_secs())),
        order: Order::Await { milestone, at_most },
        undo: None,
        deadline: at_most,
    }
}

/// `text` as one word of a POSIX shell.
pub(in crate::driver) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
