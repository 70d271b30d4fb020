//! The cluster's record, followed by watch.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::FutureExt;
use futures::future::BoxFuture;

use super::content::content;
use super::{scopes, source_error};
use crate::client::etcd::{Connector, RecordChange, RecordClient, lock_key, prefix, slack};
use crate::config::endpoint::EtcdEndpoints;
use crate::driver::port::{Facts, Observe, PollPace};
use crate::model::moment::Moment;
use crate::model::record::{ClusterRecord, RecordLocation};
use crate::model::source::{Source, SourceError, SourceKind};
use crate::model::text::Text;

/// After this long without a change the record is confirmed by a linearizable read, unless the cluster is refreshed more
/// slowly anyway.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// The same, however slowly it is refreshed: a leader's lease lives for half a minute.
const MAX_HEARTBEAT: Duration = Duration::from_secs(3);
/// After how many confirmations the lease is asked for.
const LEASE_EVERY: u32 = 2;
/// A timer may fire a hair early.
const LEASE_MARGIN: Duration = Duration::from_millis(100);
/// The lease's time left is asked of the raft leader; a leader change must not wait for it for long.
const LEASE_TIMEOUT: Duration = Duration::from_millis(150);
/// A store that lacks the scope is not searched for others more often than this.
const SEARCH_EVERY: Duration = Duration::from_secs(30);

/// The record of one cluster in etcd.
#[derive(Debug)]
pub struct EtcdRecord {
    source: Source,
    endpoints: EtcdEndpoints,
    namespace: String,
    scope: String,
    client: Option<RecordClient>,
    content: ClusterRecord,
    /// Whether the keys changed since `content` was made of them.
    changed: bool,
    /// Lease of the leader key, what was left of it, and when that was asked.
    lease: (i64, Option<Duration>, Instant),
    others: Option<(Instant, SourceError)>,
    /// What is left of the leader key's lease is asked for.
    asks_lease: bool,
    heartbeat: Duration,
}

impl EtcdRecord {
    /// The record of `scope` under `namespace`. Connects when first observed.
    pub fn new(endpoints: EtcdEndpoints, namespace: &str, scope: &str) -> Self {
        Self {
            source: Source::new(SourceKind::Etcd, ""),
            endpoints,
            namespace: namespace.to_owned(),
            scope: scope.to_owned(),
            client: None,
            content: ClusterRecord::default(),
            changed: false,
            lease: (0, None, Instant::now()),
            others: None,
            asks_lease: true,
            heartbeat: HEARTBEAT,
        }
    }

    /// The same, of a cluster that is refreshed each `interval`.
    #[must_use]
    pub fn refreshed_each(self, interval: Duration) -> Self {
        Self { heartbeat: interval.clamp(HEARTBEAT, MAX_HEARTBEAT), ..self }
    }

    /// The same, without asking what is left of the leader key's lease: one round trip after the other less.
    #[must_use]
    pub fn without_lease(self) -> Self {
        Self { asks_lease: false, ..self }
    }

    async fn ask(&mut self) -> Result<Facts, SourceError> {
        let client = match &mut self.client {
            Some(client) => client,
            unset => {
                let connector = Connector::new(&self.endpoints).map_err(|error| source_error(&error))?;
                let client = RecordClient::new(connector, prefix(&self.namespace, &self.scope), "leader");
                unset.insert(client.with(lock_key(&self.namespace, &self.scope)))
            }
        };
        // A change that an abandoned call did not deliver is delivered now.
        let change = if self.changed {
            RecordChange::Events
        } else {
            client.next(self.heartbeat).await.map_err(|error| source_error(&error))?
        };
        self.changed |= change != RecordChange::Quiet;
        if client.record().keys.is_empty() {
            return Err(self.missing().await);
        }
        if let Some(groups) = only_groups(client.record().keys.keys()) {
            self.changed = false;
            return Err(scopes::of_groups(&client.record().endpoint.clone(), &self.scope, &groups));
        }
        let lease = client.record().keys.get("leader").map_or(0, |key| key.lease);
        if lease == 0 || !self.asks_lease {
            self.lease = (0, None, Instant::now());
        } else if self.lease.0 != lease
            || (change != RecordChange::Events
                && self.lease.2.elapsed() >= (self.heartbeat * LEASE_EVERY).saturating_sub(LEASE_MARGIN))
        {
            let left = client.lease_left(lease, LEASE_TIMEOUT).await;
            self.lease = (lease, left.inspect_err(|error| tracing::debug!(%error, "etcd: lease")).ok(), Instant::now());
        }
        let (_, left, asked) = self.lease;
        let left = left.map(|left| left.saturating_sub(Duration::from_secs(asked.elapsed().as_secs())));
        if self.changed {
            self.content = content(client.record(), left);
            let namespace = Some(Text::new(&self.namespace));
            self.content.location = Some(RecordLocation { namespace, scope: Text::new(&self.scope) });
            self.changed = false;
        } else {
            self.content.revision = client.record().revision;
            if let Some(leader) = &mut self.content.leader {
                leader.lease_left = left;
            }
        }
        Ok(Facts::Record(Box::new(self.content.clone())))
    }

    /// The scope is not in this store: says which are.
    async fn missing(&mut self) -> SourceError {
        self.changed = false;
        if let Some((at, error)) = &self.others
            && at.elapsed() < SEARCH_EVERY
        {
            return error.clone();
        }
        let Some(client) = &self.client else { return scopes::missing(self.endpoint().as_str(), "", &[]) };
        let connector = client.connector().clone();
        let wanted = client.prefix().to_owned();
        let endpoint = client.record().endpoint.clone();
        let error = match scopes::find_anywhere(connector, &self.namespace).await {
            Ok(found) => scopes::missing(&endpoint, &wanted, &found),
            Err(error) => source_error(&error),
        };
        self.others = Some((Instant::now(), error.clone()));
        error
    }
}

/// The groups of a Citus cluster, where `keys` hold nothing else: each group is a cluster of its own, with its own leader.
fn only_groups<'a>(keys: impl Iterator<Item = &'a String>) -> Option<BTreeSet<u32>> {
    keys.map(|key| key.split_once('/')?.0.parse().ok()).collect()
}

impl Observe for EtcdRecord {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        Text::redacted(self.endpoints.urls.join(", "))
    }

    fn pace(&self) -> PollPace {
        // The observer allows twice this, within which a move to another endpoint must fit.
        PollPace::Push(self.heartbeat.max(slack(self.endpoints.timeouts) + LEASE_TIMEOUT))
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        self.ask().boxed()
    }
}
