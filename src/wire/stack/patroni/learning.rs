//! The record of a cluster whose scope nobody wrote: the scope is learnt when the record is first asked for, so that no
//! console waits for it and a cluster that cannot tell it is one source in trouble.

use std::sync::{Arc, OnceLock};

use futures::FutureExt as _;
use futures::future::BoxFuture;

use super::scope;
use crate::config::endpoint::EtcdEndpoints;
use crate::config::resolved::ClusterSettings;
use crate::driver::dcs::etcd::EtcdRecord;
use crate::driver::port::{Facts, Observe, PollPace};
use crate::model::moment::Moment;
use crate::model::source::{Source, SourceError, SourceKind};
use crate::model::text::Text;

/// The scope that is followed, as soon as it is known.
pub(super) type LearntScope = Arc<OnceLock<Text>>;

/// The record in etcd, once the scope is learnt.
pub(super) struct LearningRecord {
    source: Source,
    settings: Arc<ClusterSettings>,
    endpoints: EtcdEndpoints,
    learnt: LearntScope,
    asks_lease: bool,
    record: Option<EtcdRecord>,
    /// As the record will have it.
    pace: PollPace,
}

impl LearningRecord {
    /// The record of the cluster that `settings` describe, in `endpoints`. What is learnt is left in `learnt`.
    pub(super) fn new(
        settings: Arc<ClusterSettings>,
        endpoints: EtcdEndpoints,
        learnt: LearntScope,
        asks_lease: bool,
    ) -> Self {
        let pace = EtcdRecord::new(endpoints.clone(), &settings.namespace, "").refreshed_each(settings.interval).pace();
        Self { source: Source::new(SourceKind::Etcd, ""), settings, endpoints, learnt, asks_lease, record: None, pace }
    }

    async fn ask(&mut self, now: Moment) -> Result<Facts, SourceError> {
        if self.record.is_none() {
            let scope = Box::pin(scope::learn(&self.settings)).await?;
            let record = EtcdRecord::new(self.endpoints.clone(), &self.settings.namespace, &scope);
            let record = record.refreshed_each(self.settings.interval);
            self.record = Some(if self.asks_lease { record } else { record.without_lease() });
            // The first one learnt stays: a second attempt after a dropped one learns the same.
            let _ = self.learnt.set(Text::new(scope));
        }
        match &mut self.record {
            Some(record) => record.observe(now).await,
            None => Err(SourceError::new(crate::model::source::FailureKind::Unsupported, "", "the scope is unknown")),
        }
    }
}

impl Observe for LearningRecord {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        Text::redacted(self.endpoints.urls.join(", "))
    }

    fn pace(&self) -> PollPace {
        self.pace
    }

    fn observe(&mut self, now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        self.ask(now).boxed()
    }
}
