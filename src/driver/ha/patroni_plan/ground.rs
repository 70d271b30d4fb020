//! What every plan stands on: the picture, the record that is pinned, the members by name, and the making of steps.

use std::time::Duration;

use serde_json::{Map, Value};

use super::PatroniManager;
use super::request::Request;
use crate::action::Intent;
use crate::action::expectation::Expectation;
use crate::action::generation::Generation;
use crate::action::milestone::Milestone;
use crate::action::order::{AgentRequest, Order, RecordRequest, SqlRequest};
use crate::action::plan::{Confirm, Danger, Impossible, Plan, Step};
use crate::model::agent::Tags;
use crate::model::agent_reading;
use crate::model::member::Member;
use crate::model::name::NodeName;
use crate::model::record::{ClusterRecord, PendingOrder, without_group};
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::model::view::MemberView;

/// The picture with what is needed again and again.
pub(super) struct Ground<'a> {
    pub(super) manager: &'a PatroniManager,
    pub(super) snapshot: &'a Snapshot,
    /// The record that the generation was read from.
    pub(super) record: &'a ClusterRecord,
    pub(super) generation: Generation,
    /// The dynamic configuration as a whole; `None`: not on record, or too long to be kept whole.
    pub(super) config: Option<Map<String, Value>>,
    pub(super) timing: Timing,
    intent: &'a Intent,
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
const LEAST_PATIENCE: Duration = Duration::from_secs(60);
/// Time for an answer on top of what the far end may spend by its own settings.
const MARGIN: Duration = Duration::from_secs(5);

impl Timing {
    fn of(record: &ClusterRecord, config: Option<&Map<String, Value>>) -> Self {
        // Nonsense on record must not make a deadline that never comes.
        let most = Duration::from_secs(3600);
        let known = |pick: fn(&crate::model::patroni_record::DynamicConfig) -> Option<Duration>, default: u64| {
            record.config().and_then(pick).unwrap_or(Duration::from_secs(default)).min(most)
        };
        let mut start = ["primary_start_timeout", "master_start_timeout"].into_iter();
        let start = start.find_map(|key| config?.get(key)).and_then(agent_reading::whole);
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
        self.start.max(LEAST_PATIENCE) + self.two_loops()
    }

    /// How long the far end may take to answer `request`.
    fn patience(&self, request: &AgentRequest) -> Duration {
        match request {
            // Patroni watches the outcome for two times its loop, at least 10 s, before it answers.
            AgentRequest::Switchover { at: None, .. } | AgentRequest::Failover { .. } => {
                let watched = self.loop_wait.max(Duration::from_secs(10)) * 2;
                (watched + self.retry_timeout + MARGIN).max(LEAST_PATIENCE)
            }
            // The answer comes when PostgreSQL is up again; its shutdown comes on top of the start.
            AgentRequest::Restart { at: None, .. } => self.start.max(LEAST_PATIENCE) + LEAST_PATIENCE,
            AgentRequest::Switchover { .. }
            | AgentRequest::Restart { .. }
            | AgentRequest::CancelSwitchover
            | AgentRequest::CancelRestart
            | AgentRequest::Reload
            | AgentRequest::Reinitialise { .. }
            | AgentRequest::Configure { .. } => self.retry_timeout + MARGIN,
        }
    }
}

/// What a verb says of its plan; the rest is the same for all.
pub(super) struct Sketch {
    pub(super) title: String,
    pub(super) danger: Danger,
    pub(super) confirm: Confirm,
    pub(super) steps: Vec<Step>,
    pub(super) no_return: usize,
    pub(super) impact: Vec<String>,
    pub(super) equivalent: Vec<String>,
    pub(super) expectation: Expectation,
}

impl<'a> Ground<'a> {
    pub(super) fn of(
        manager: &'a PatroniManager,
        snapshot: &'a Snapshot,
        intent: &'a Intent,
    ) -> Result<Self, Impossible> {
        let record = snapshot.records.iter().find_map(|reading| reading.fresh(snapshot.now));
        let (Some(record), Some(generation)) = (record, Generation::of(snapshot)) else {
            return Err(no(format!(
                "nobody can say who leads {}: its record in the DCS is not fresh; act once it is read again",
                snapshot.identity.name
            )));
        };
        let config = record.config().and_then(|config| {
            let text = config.lines.iter().map(Text::as_str).collect::<Vec<_>>().join("\n");
            serde_json::from_str(&text).ok()
        });
        let timing = Timing::of(record, config.as_ref());
        Ok(Self { manager, snapshot, record, generation, config, timing, intent })
    }

    /// The plan.
    pub(super) fn plan(&self, sketch: Sketch) -> Plan {
        let texts = |lines: Vec<String>| lines.into_iter().map(Text::redacted).collect();
        let identity = &self.snapshot.identity;
        Plan {
            cluster: identity.name.clone(),
            intent: self.intent.clone(),
            title: Text::new(sketch.title),
            generation: self.generation.clone(),
            danger: sketch.danger,
            confirm: sketch.confirm,
            wants_reason: identity.protected,
            steps: sketch.steps,
            no_return: sketch.no_return,
            impact: texts(sketch.impact),
            equivalent: texts(sketch.equivalent),
            expectation: sketch.expectation,
        }
    }

    /// The cluster's name, as it is typed to confirm.
    pub(super) fn cluster(&self) -> &'a Text {
        self.snapshot.identity.name.text()
    }

    /// Confirmed by typing the cluster's name.
    pub(super) fn type_cluster(&self) -> Confirm {
        Confirm::Type(self.cluster().clone())
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

    /// The member called `name`, on record now.
    pub(super) fn member(&self, name: &NodeName) -> Result<MemberView<'a>, Impossible> {
        let Some(member) = self.snapshot.member(name) else {
            let names = self.snapshot.members.iter().map(|member| member.name.to_string()).collect::<Vec<_>>();
            let known = if names.is_empty() {
                "no member is known".to_owned()
            } else {
                format!("there are {}", names.join(", "))
            };
            return Err(no(format!("{name} is no member of {}: {known}", self.cluster())));
        };
        let view = self.snapshot.view(member);
        if view.is_missing() {
            return Err(no(format!("{name} is off the record: start its agent first, so that it can be reached")));
        }
        Ok(view)
    }

    /// Members on record, in order of name.
    pub(super) fn present(&self) -> impl Iterator<Item = MemberView<'a>> + use<'a> {
        self.snapshot.views().filter(|view| !view.is_missing())
    }

    /// Whether `name` holds the leader lock.
    pub(super) fn leads(&self, name: &NodeName) -> bool {
        self.generation.leader.as_ref() == Some(name)
    }

    /// The leader; without one, `instead` says what to do.
    pub(super) fn leader(&self, instead: &str) -> Result<MemberView<'a>, Impossible> {
        let Some(name) = &self.generation.leader else {
            return Err(no(format!("nobody leads {}: {instead}", self.cluster())));
        };
        self.member(name)
    }

    /// A member's tags by the best source.
    pub(super) fn tags(view: MemberView<'_>) -> Tags {
        view.tags().map(|tags| tags.value).unwrap_or_default()
    }

    /// Refuses while an order waits in the failover key: Patroni would replace it without a word.
    pub(super) fn nothing_ordered(&self) -> Result<(), Impossible> {
        if self.record.defects.iter().any(|defect| defect.as_str().starts_with("failover")) {
            return Err(no("the failover key cannot be read, and would be replaced: look at it in the DCS view first"));
        }
        match &self.record.order {
            None => Ok(()),
            Some(key) if key.scheduled_at.is_some() => {
                Err(no(format!("a {} is on record and would be replaced: cancel it first", ordered(key))))
            }
            Some(key) => Err(no(format!("a {} is on record and not done yet: wait for its end", ordered(key)))),
        }
    }

    /// Refuses while an order is on record that is being carried out. One for later is none of the caller's business.
    pub(super) fn nothing_under_way(&self) -> Result<(), Impossible> {
        match &self.record.order {
            Some(key) if key.scheduled_at.is_some() => Ok(()),
            _ => self.nothing_ordered(),
        }
    }

    /// Refuses on a cluster that follows another one, whose leader is in recovery and stays so.
    pub(super) fn no_standby_cluster(&self, verb: &str) -> Result<(), Impossible> {
        if self.record.config().is_some_and(|config| config.standby_cluster) {
            let cluster = self.cluster();
            return Err(no(format!(
                "{cluster} is a standby cluster: {verb} cannot be verified there yet, use patronictl"
            )));
        }
        Ok(())
    }

    /// The agent to ask for what any agent does: the leader's, then `second`, then any other, of those that answer.
    pub(super) fn any_agent(&self, second: Option<&NodeName>) -> Result<NodeName, Impossible> {
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
            .ok_or_else(|| no(format!("no agent of {} answers: nobody can be asked", self.cluster())))
    }

    /// Where the agent of `name` is reached from this host.
    pub(super) fn url(&self, name: &NodeName) -> Result<&'a str, Impossible> {
        let url = self.snapshot.member(name).and_then(|member| member.agent_url.as_ref());
        let url =
            url.ok_or_else(|| no(format!("where the agent of {name} is reached is unknown: set nodes.{name}.rest")))?;
        let url = url.as_str().trim().trim_end_matches('/');
        Ok(url.strip_suffix("/patroni").unwrap_or(url))
    }

    /// A request to the agent of `name`.
    pub(super) fn ask(&self, name: &NodeName, request: AgentRequest) -> Result<Step, Impossible> {
        let words = Request::of(&request).words(self.url(name)?);
        Ok(Step {
            words: Text::redacted(words),
            deadline: self.timing.patience(&request),
            order: Order::Agent { member: name.clone(), request },
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
            words: Text::redacted(format!("etcd {prefix}config, if still at revision {revision}: merge {text}")),
            deadline: self.timing.retry_timeout + MARGIN,
            order: Order::Record { request: RecordRequest::Configure { changes, revision } },
            undo: None,
        })
    }

    /// The same request for curl. The password is asked for by curl itself.
    pub(super) fn curl(&self, name: &NodeName, request: &AgentRequest) -> Result<String, Impossible> {
        let sent = Request::of(request);
        let user = self.manager.rest_user.as_ref().map(|user| format!(" -u {}", quoted(user.as_str())));
        let body = sent.body.as_ref().map(|body| format!(" -H 'Content-Type: application/json' -d {}", quoted(body)));
        let target = quoted(&format!("{}{}", self.url(name)?, sent.path));
        Ok(format!("curl{} -X {}{} {target}", user.unwrap_or_default(), sent.method, body.unwrap_or_default()))
    }

    /// A statement on `view`'s PostgreSQL. `words` are the statement; `deadline` how long it may take.
    pub(super) fn sql(&self, view: MemberView<'_>, request: SqlRequest, words: &str, deadline: Duration) -> Step {
        let place = view.member.postgres_address.as_ref().map(|address| format!(" at {address}")).unwrap_or_default();
        Step {
            words: Text::new(format!("{words} on {}{place}", view.name())),
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
    pub(super) fn psql(&self, view: MemberView<'_>, statement: &str) -> String {
        let address = view.member.postgres_address.as_ref();
        let place = address.map(|to| format!(" -h {} -p {}", quoted(to.host.as_str()), to.port)).unwrap_or_default();
        let login = self.manager.sql.as_ref();
        let login =
            login.map(|(user, database)| format!(" -U {} -d {}", quoted(user.as_str()), quoted(database.as_str())));
        format!("psql{place}{} -c {}", login.unwrap_or_default(), quoted(statement))
    }
}

/// A refusal in one line.
pub(super) fn no(text: impl AsRef<str>) -> Impossible {
    Impossible::because(text)
}

/// Waits until `milestone` is seen.
pub(super) fn wait(milestone: Milestone, at_most: Duration) -> Step {
    Step {
        words: Text::new(format!("wait until seen: {}, at most {} s", milestone.words(), at_most.as_secs())),
        order: Order::Await { milestone, at_most },
        undo: None,
        deadline: at_most,
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

/// `text` as one word of a POSIX shell.
pub(super) fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Refuses a time that has passed on this host's clock, and any time while maintenance mode is on.
pub(super) fn schedulable(ground: &Ground<'_>, at: jiff::Timestamp, what: &str) -> Result<(), Impossible> {
    if ground.record.is_paused() {
        return Err(no(format!(
            "{what} cannot be scheduled while {} is paused: resume it, or act now",
            ground.cluster()
        )));
    }
    let wall = ground.snapshot.wall;
    if at <= wall {
        return Err(no(format!("{at} has passed: it is {wall} now; name a later time")));
    }
    Ok(())
}
