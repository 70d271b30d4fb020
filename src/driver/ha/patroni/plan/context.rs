//! What every plan for Patroni stands on: the common ground, its periods, its configuration, and requests to its agents.

use std::ops::Deref;
use std::time::Duration;

use serde_json::{Map, Value};

use super::PatroniManager;
use super::request::Request;
use crate::action::Intent;
use crate::action::inspected::Inspected;
use crate::action::order::{AgentRequest, Order, RecordRequest};
use crate::action::plan::{Infeasible, Step};
use crate::action::preflight::patroni::checks;
use crate::driver::plan::context::{Periods, PlanContext as Common, pinned};
pub(super) use crate::driver::plan::context::{PlanDraft, quoted, refuse, tags, wait};
use crate::model::agent_reading;
use crate::model::member::Member;
use crate::model::name::NodeName;
use crate::model::record::{ClusterRecord, PendingOrder, without_group};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;

/// The common ground, with what is Patroni's own.
pub(super) struct PlanContext<'a> {
    common: Common<'a>,
    pub(super) manager: &'a PatroniManager,
    /// The dynamic configuration as a whole; `None`: not on record, or too long to be kept whole.
    pub(super) config: Option<Map<String, Value>>,
    pub(super) timing: Timing,
}

impl<'a> Deref for PlanContext<'a> {
    type Target = Common<'a>;

    fn deref(&self) -> &Self::Target {
        &self.common
    }
}

/// The periods of the dynamic configuration, with Patroni's defaults where the record does not say.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    pub(super) ttl: Duration,
    pub(super) loop_wait: Duration,
    pub(super) retry_timeout: Duration,
    /// How long a start of the leader may take before Patroni fails over; zero: at once.
    pub(super) start: Duration,
}

/// How long Patroni's switchover replies are waited for at the least.
const MIN_TIMEOUT: Duration = Duration::from_secs(60);
/// Time for an answer on top of what the far end may spend by its own settings.
const ANSWER_MARGIN: Duration = Duration::from_secs(5);

impl Timing {
    fn of(record: &ClusterRecord, config: Option<&Map<String, Value>>) -> Self {
        // Nonsense on record must not make a deadline that never comes.
        let most = Duration::from_secs(3600);
        let known = |pick: fn(&crate::model::patroni_record::DynamicConfig) -> Option<Duration>, default: u64| {
            record.config().and_then(pick).unwrap_or(Duration::from_secs(default)).min(most)
        };
        let mut start = ["primary_start_timeout", "master_start_timeout"].into_iter();
        let start = start.find_map(|key| config?.get(key)).and_then(agent_reading::as_integer);
        let start = start.map_or(300, |seconds| u64::try_from(seconds).unwrap_or(0));
        Self {
            ttl: known(|config| config.ttl, 30),
            loop_wait: known(|config| config.loop_wait, 10),
            retry_timeout: known(|config| config.retry_timeout, 10),
            start: Duration::from_secs(start).min(most),
        }
    }

    /// Within this a change of the record is seen by every agent and told of.
    pub(super) fn two_loops(&self) -> Duration {
        self.loop_wait * 2 + self.retry_timeout
    }

    /// Within this a change of leader has happened, or two loops have gone by without one after the lease ran out.
    pub(super) fn takeover(&self) -> Duration {
        self.ttl + (self.loop_wait + self.retry_timeout) * 2
    }

    /// Within this PostgreSQL has started and streams.
    pub(super) fn rejoin(&self) -> Duration {
        self.start.max(MIN_TIMEOUT) + self.two_loops()
    }

    /// How long the far end may take to answer `request`.
    fn time_limit(&self, request: &AgentRequest) -> Duration {
        match request {
            // Patroni watches the outcome for two times its loop, at least 10 s, before it answers.
            AgentRequest::Switchover { at: None, .. } | AgentRequest::Failover { .. } => {
                let watched = self.loop_wait.max(Duration::from_secs(10)) * 2;
                (watched + self.retry_timeout + ANSWER_MARGIN).max(MIN_TIMEOUT)
            }
            // The answer comes when PostgreSQL is up again; its shutdown comes on top of the start.
            AgentRequest::Restart { at: None, .. } => self.start.max(MIN_TIMEOUT) + MIN_TIMEOUT,
            AgentRequest::Switchover { .. }
            | AgentRequest::Restart { .. }
            | AgentRequest::CancelSwitchover
            | AgentRequest::CancelRestart
            | AgentRequest::Reload
            | AgentRequest::Reinit { .. }
            | AgentRequest::Configure { .. } => self.retry_timeout + ANSWER_MARGIN,
        }
    }
}

impl<'a> PlanContext<'a> {
    /// The common ground.
    pub(super) fn common(&self) -> &Common<'a> {
        &self.common
    }

    pub(super) fn of(
        manager: &'a PatroniManager,
        snapshot: &'a Snapshot,
        inspected: &'a Inspected,
        intent: &'a Intent,
    ) -> Result<Self, Infeasible> {
        let Some((record, generation)) = pinned(snapshot) else {
            return Err(refuse(format!(
                "the leader of {} is unknown: its DCS state is stale; try again once it can be read",
                snapshot.identity.name
            )));
        };
        let config = record.config().and_then(|config| {
            let text = config.lines.iter().map(Text::as_str).collect::<Vec<_>>().join("\n");
            serde_json::from_str(&text).ok()
        });
        let timing = Timing::of(record, config.as_ref());
        let periods = Periods {
            settle: timing.two_loops(),
            takeover: timing.takeover(),
            rejoin: timing.rejoin(),
            step_down: timing.ttl + timing.loop_wait,
        };
        let common = Common {
            acting_access: &manager.acting_access,
            snapshot,
            inspected,
            record,
            generation,
            periods,
            intent,
            checks,
        };
        Ok(Self { common, manager, config, timing })
    }

    /// The cluster as `patronictl` knows it, fit for a shell.
    pub(super) fn scope(&self) -> String {
        let scope = self.snapshot.identity.scope.as_ref().unwrap_or(self.cluster()).as_str();
        let whole = without_group(scope);
        match scope.strip_prefix(whole).and_then(|rest| rest.strip_prefix('/')) {
            Some(group) => format!("{} --group {group}", quoted(whole)),
            None => quoted(scope),
        }
    }

    /// Refuses while an order waits in the failover key: Patroni would replace it without a word.
    pub(super) fn nothing_ordered(&self) -> Result<(), Infeasible> {
        if self.record.defects.iter().any(|defect| defect.as_str().starts_with("failover")) {
            return Err(refuse(
                "the failover key cannot be read and would be replaced: check it in the DCS view first",
            ));
        }
        match &self.record.order {
            None => Ok(()),
            Some(key) if key.scheduled_at.is_some() => {
                Err(refuse(format!("a {} is pending and would be replaced: cancel it first", ordered(key))))
            }
            Some(key) => Err(refuse(format!("a {} is already pending: wait until it ends", ordered(key)))),
        }
    }

    /// Refuses while an order is on record that is being carried out. One for later is none of the caller's business.
    pub(super) fn nothing_under_way(&self) -> Result<(), Infeasible> {
        match &self.record.order {
            Some(key) if key.scheduled_at.is_some() => Ok(()),
            _ => self.nothing_ordered(),
        }
    }

    /// Refuses on a cluster that follows another one, whose leader is in recovery and stays so.
    pub(super) fn no_standby_cluster(&self, verb: &str) -> Result<(), Infeasible> {
        if self.record.config().is_some_and(|config| config.standby_cluster) {
            let cluster = self.cluster();
            return Err(refuse(format!(
                "{cluster} is a standby cluster: {verb} cannot be verified there yet, use patronictl"
            )));
        }
        Ok(())
    }

    /// The agent to ask for what any agent does: the leader's, then `second`, then any other, of those that answer.
    pub(super) fn any_agent(&self, second: Option<&NodeName>) -> Result<NodeName, Infeasible> {
        let first = self.generation.leader.as_ref();
        let answers = |member: &&Member| {
            member.agent_url.is_some() && member.agent.as_ref().is_some_and(|agent| agent.is_fresh(self.snapshot.now))
        };
        let rank = |member: &&Member| match Some(&member.name) {
            name if name == first => 0,
            name if name == second => 1,
            _ => 2,
        };
        let best = self.snapshot.members.iter().filter(answers).min_by_key(rank);
        best.map(|member| member.name.clone())
            .ok_or_else(|| refuse(format!("no agent of {} is reachable: the request cannot be sent", self.cluster())))
    }

    /// Where the agent of `name` is reached from this host.
    pub(super) fn url(&self, name: &NodeName) -> Result<&'a str, Infeasible> {
        let url = self.snapshot.member(name).and_then(|member| member.agent_url.as_ref());
        let url =
            url.ok_or_else(|| refuse(format!("the address of the agent of {name} is unknown: set nodes.{name}.rest")))?;
        let url = url.as_str().trim().trim_end_matches('/');
        Ok(url.strip_suffix("/patroni").unwrap_or(url))
    }

    /// A request to the agent of `name`.
    pub(super) fn ask(&self, name: &NodeName, request: AgentRequest) -> Result<Step, Infeasible> {
        let words = Request::of(&request).describe(self.url(name)?);
        Ok(Step {
            text: Text::redacted(words),
            deadline: self.timing.time_limit(&request),
            order: Order::agent(name.clone(), request),
            undo: None,
        })
    }

    /// A change of the dynamic configuration in etcd itself, of the revision that the plan was made from and of no later
    /// one; `None`: it may not be written there, or the record comes without revisions.
    pub(super) fn write_config(&self, changes: &Map<String, Value>) -> Option<Step> {
        let prefix = self.manager.config_prefix.as_ref()?;
        let revision = self.record.config().map(|config| config.mod_revision).filter(|revision| *revision > 0)?;
        let changes = changes.clone();
        let text = Value::Object(changes.clone());
        Some(Step {
            text: Text::redacted(format!("etcd {prefix}config, if still at revision {revision}: merge {text}")),
            deadline: self.timing.retry_timeout + ANSWER_MARGIN,
            order: Order::record(RecordRequest::Configure { changes, revision }),
            undo: None,
        })
    }

    /// The same request for curl. The password is asked for by curl itself.
    pub(super) fn curl(&self, name: &NodeName, request: &AgentRequest) -> Result<String, Infeasible> {
        let sent = Request::of(request);
        let user = self.manager.rest_user.as_ref().map(|user| format!(" -u {}", quoted(user.as_str())));
        let body = sent.body.as_ref().map(|body| format!(" -H 'Content-Type: application/json' -d {}", quoted(body)));
        let target = quoted(&format!("{}{}", self.url(name)?, sent.path));
        Ok(format!("curl{} -X {}{} {target}", user.unwrap_or_default(), sent.method, body.unwrap_or_default()))
    }
}

/// The order in the failover key, in words.
pub(super) fn ordered(key: &PendingOrder) -> String {
    let kind = if key.leader.is_some() { "switchover" } else { "failover" };
    let part = |word: &str, name: Option<&str>| name.map(|name| format!(" {word} {name}")).unwrap_or_default();
    let from = part("from", key.leader.as_ref().map(NodeName::as_str));
    let to = part("to", key.candidate.as_ref().map(NodeName::as_str));
    let at = part("at", key.scheduled_at.as_ref().map(Text::as_str));
    format!("{kind}{from}{to}{at}")
}

/// Refuses a time that has passed on this host's clock, and any time while maintenance mode is on.
pub(super) fn schedulable(context: &PlanContext<'_>, at: jiff::Timestamp, what: &str) -> Result<(), Infeasible> {
    if context.record.is_paused() {
        return Err(refuse(format!(
            "{what} cannot be scheduled while {} is paused: resume it, or act now",
            context.cluster()
        )));
    }
    let wall = context.snapshot.wall;
    if at <= wall {
        return Err(refuse(format!("{at} has passed: it is now {wall}; give a later time")));
    }
    Ok(())
}
