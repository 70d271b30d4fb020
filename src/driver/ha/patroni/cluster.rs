//! The cluster's record as one Patroni node relays it, where etcd itself is not at hand.
//!
//! `/cluster`, `/history` and `/config` block while the DCS is away, on few threads that also answer the router's
//! health checks. So one node is asked at a slow pace, one request at a time, and none at all while its agent has not
//! reached the DCS lately.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use serde_json::Value;

use super::record::{
    brief, dynamic_config, history, merge_records, registration, scheduled_switchover, unread_numbers,
};
use super::scope::Scopes;
use crate::client::http::HttpError;
use crate::client::patroni::{ClusterResponse, Patroni};
use crate::config::endpoint::HttpEndpoint;
use crate::driver::checklist::server_time;
use crate::driver::failure_kind;
use crate::driver::port::{Facts, Observe, PollPace};
use crate::model::agent::Registration;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::patroni_record::{DynamicConfig, PatroniRecord, SyncKey};
use crate::model::record::{ClusterRecord, HistoryEntry, Lead, RecordLocation, StackRecord, without_group};
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
use crate::model::text::Text;

/// How often the record is asked for.
const INTERVAL: Duration = Duration::from_secs(10);

/// How often history and configuration are: they change by hand or at a promotion.
const SLOW_PARTS_INTERVAL: Duration = Duration::from_secs(60);

/// An agent that has not reached its DCS for this long would block on it. Two of its loops, by default.
const DOUBT_AFTER: i64 = 20;

/// The record by way of `/cluster`.
#[derive(Debug)]
pub struct PatroniClusterView {
    source: Source,
    /// As configured; else that of most agents counts.
    scope: Option<Text>,
    scopes: Scopes,
    nodes: Vec<Node>,
    current: usize,
    /// The last question came to nothing after it was heard: the DCS may be away.
    doubtful: bool,
    slow: Option<SlowParts>,
}

#[derive(Debug)]
struct Node {
    endpoint: HttpEndpoint,
    patroni: Option<Patroni>,
}

#[derive(Clone, Debug)]
struct SlowParts {
    asked: Instant,
    history: Vec<HistoryEntry>,
    config: Option<DynamicConfig>,
    defects: Vec<Text>,
}

impl PatroniClusterView {
    /// The record of the cluster whose agents are at `endpoints`: the first that can be reached is asked, and kept to.
    /// The record of another cluster than that of `scope`, or of most of the agents where it is not given, is not believed.
    pub fn new(endpoints: Vec<HttpEndpoint>, scope: Option<Text>) -> Self {
        let scopes = Scopes::of(endpoints.len());
        let nodes: Vec<_> = endpoints.into_iter().map(|endpoint| Node { endpoint, patroni: None }).collect();
        let source = Source::new(SourceKind::PatroniCluster, "");
        Self { source, scope, scopes, nodes, current: 0, doubtful: false, slow: None }
    }

    async fn ask(&mut self) -> Result<ClusterRecord, SourceError> {
        let meant = self.meant().await;
        let mut failure: Option<SourceError> = None;
        for _ in 0..self.nodes.len() {
            // Whoever has told to be of another cluster has nothing to say of this one.
            if self.scope.is_some() || !self.scopes.is_foreign(self.current) {
                match self.ask_current(meant.as_ref()).await {
                    Ok(content) => return Ok(content),
                    // What ails an agent of this cluster says more than that another is none.
                    Err((error, RetryElsewhere::Yes)) => {
                        let known = failure.take().filter(|_| error.failure_kind == FailureKind::NoSuchCluster);
                        failure = Some(known.unwrap_or(error));
                    }
                    Err((error, RetryElsewhere::Spare)) => return Err(error),
                }
            }
            self.current = (self.current + 1) % self.nodes.len();
        }
        Err(failure.unwrap_or_else(|| SourceError::new(FailureKind::Unsupported, "", "no Patroni node is configured")))
    }

    /// The scope that is meant; `None`: nobody has told one.
    async fn meant(&mut self) -> Option<Text> {
        if self.scope.is_some() || self.nodes.len() < 2 {
            return self.scope.clone();
        }
        let endpoints: Vec<_> = self.nodes.iter().map(|node| node.endpoint.clone()).collect();
        self.scopes.next_message(&endpoints).await;
        self.scopes.meant()
    }

    async fn ask_current(&mut self, scope: Option<&Text>) -> Result<ClusterRecord, (SourceError, RetryElsewhere)> {
        let doubtful = self.doubtful;
        let Some(node) = self.nodes.get_mut(self.current) else {
            return Err((
                SourceError::new(FailureKind::Unsupported, "", "no Patroni node is configured"),
                RetryElsewhere::Spare,
            ));
        };
        let url = node.endpoint.url.clone();
        let reported = |error: &HttpError| {
            // A node that was reached and then failed to answer may be waiting for its DCS, and then so are the
            // others: they are spared.
            let elsewhere = if error.is_before_the_answer() { RetryElsewhere::Yes } else { RetryElsewhere::Spare };
            (failure_kind::http(&url, error), elsewhere)
        };
        let patroni = match node.patroni.take() {
            Some(patroni) => patroni,
            None => Patroni::new(&node.endpoint).map_err(|error| reported(&error))?,
        };
        let patroni = node.patroni.insert(patroni);
        if doubtful {
            // A frozen node does not answer this either; the next one may.
            let status =
                patroni.status().await.map_err(|error| (failure_kind::http(&url, &error), RetryElsewhere::Yes))?;
            let seen = status.value.dcs_last_seen.and_then(|seen| i64::try_from(seen).ok());
            let age = seen.zip(server_time(&status.head)).map(|(seen, now)| now.as_second() - seen);
            if let Some(age) = age.filter(|age| *age > DOUBT_AFTER) {
                let detail =
                    format!("the agent last reached its DCS {age} s ago; /cluster would block and is not queried");
                return Err((SourceError::new(FailureKind::NotReady, &url, detail), RetryElsewhere::Spare));
            }
        }
        let response = patroni.cluster().await.map_err(|error| {
            self.doubtful = !error.is_before_the_answer();
            reported(&error)
        })?;
        self.doubtful = false;
        if let (Some(expected), Some(said)) = (scope, &response.value.scope)
            && *expected != Text::new(said)
            && without_group(expected.as_str()) != said
        {
            let detail = format!("belongs to scope {said}, not {expected}");
            return Err((SourceError::new(FailureKind::NoSuchCluster, &url, detail), RetryElsewhere::Yes));
        }
        if self.slow.as_ref().is_none_or(|slow| slow.asked.elapsed() >= SLOW_PARTS_INTERVAL) {
            let before = self.slow.take().unwrap_or_default();
            // Noted before asking: if these block until the observer gives up, the next call does without them.
            let slow = self.slow.insert(SlowParts { asked: Instant::now(), ..before });
            slow_parts(patroni, &url, slow).await;
        }
        Ok(content(&response.value, self.slow.as_ref()))
    }
}

/// Whether another node may be asked in place of one that failed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum RetryElsewhere {
    Yes,
    Spare,
}

impl Default for SlowParts {
    fn default() -> Self {
        Self { asked: Instant::now(), history: Vec::new(), config: None, defects: Vec::new() }
    }
}

/// History and configuration; what cannot be had keeps its old value and says so.
async fn slow_parts(patroni: &Patroni, url: &str, parts: &mut SlowParts) {
    let mut defects = Vec::new();
    let failed = |path: &str, error: &HttpError| {
        Text::redacted(format!("{path} of {url}: {}", failure_kind::http("", error).brief()))
    };
    match patroni.history().await {
        Ok(response) => (parts.history, defects) = history(&response.value),
        Err(error) => defects.push(failed("/history", &error)),
    }
    match patroni.config().await {
        Ok(response) => {
            parts.config = Some(dynamic_config(&response.value, 0));
            defects.extend(unread_numbers(&response.value));
        }
        Err(error) => defects.push(failed("/config", &error)),
    }
    parts.defects = defects;
}

impl Observe for PatroniClusterView {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        self.nodes.get(self.current).map(|node| Text::redacted(&node.endpoint.url)).unwrap_or_default()
    }

    fn pace(&self) -> PollPace {
        PollPace::Slow(INTERVAL)
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        Box::pin(async move { self.ask().await.map(|content| Facts::Record(Box::new(content))) })
    }
}

/// The record, as far as `/cluster` carries it. It has no revisions, no initialize key and no lease.
fn content(cluster: &ClusterResponse, slow: Option<&SlowParts>) -> ClusterRecord {
    let mut defects = slow.map(|slow| slow.defects.clone()).unwrap_or_default();
    let mut members = Vec::new();
    for (number, member) in (1..).zip(&cluster.members) {
        match member.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) {
            Some(name) => members.push(registration(NodeName::new(name), member)),
            None => {
                let what = if member.is_object() { "an object without a name".to_owned() } else { brief(member) };
                defects
                    .push(Text::redacted(format!("/cluster: member {number} of {} is {what}", cluster.members.len())));
            }
        }
    }
    let leaders: Vec<_> =
        members.iter().filter(|member| member.role.leads()).map(|leader| leader.name.clone()).collect();
    if leaders.len() > 1 {
        let names = leaders.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ");
        defects.push(Text::new(format!("more than one leader: {names}")));
    }
    let holder = leaders.into_iter().next();
    let leader = holder.map(|holder| Lead { holder, create_revision: 0, mod_revision: 0, lease_left: None });
    let (members, repeated) = merge_records(members);
    defects.extend(repeated);
    let config = slow.and_then(|slow| slow.config.clone());
    let sync = sync(&members, leader.as_ref(), config.as_ref());
    ClusterRecord {
        leader,
        members,
        history: slow.map(|slow| slow.history.clone()).unwrap_or_default(),
        order: scheduled_switchover(&cluster.scheduled_switchover),
        paused: cluster.pause.unwrap_or(false),
        defects,
        location: cluster.scope.as_ref().map(|scope| RecordLocation { namespace: None, scope: Text::new(scope) }),
        stack_record: StackRecord::Patroni(Arc::new(PatroniRecord { config, sync, ..PatroniRecord::default() })),
        ..ClusterRecord::default()
    }
}

/// The sync key, which `/cluster` does not carry: Patroni calls those whom it lists `sync_standby` or `quorum_standby`.
/// `None` where it is not known whether synchronous mode is on, or it is off.
fn sync(members: &[Registration], leader: Option<&Lead>, config: Option<&DynamicConfig>) -> Option<SyncKey> {
    let listed = || members.iter().filter(|member| member.sync.is_some());
    if !config.is_some_and(|config| config.synchronous_mode) && listed().next().is_none() {
        return None;
    }
    let standbys = listed().map(|member| member.name.clone()).collect();
    Some(SyncKey { leader: leader.map(|leader| leader.holder.clone()), standbys, quorum: None })
}

#[cfg(test)]
mod tests;
