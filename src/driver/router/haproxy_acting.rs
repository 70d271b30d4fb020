//! The runtime API of HAProxy that is configured for acting, looked at beforehand: whether it answers, and at which level
//! it is. A level that is too low would show only when a server is set, in the middle of an action.

use std::time::Duration;

use futures::future::BoxFuture;

use super::haproxy::runtime_endpoint;
use crate::client::haproxy_runtime::{RuntimeError, RuntimeReader};
use crate::config::endpoint::{RuntimeApi, Timeouts};
use crate::driver::checklist::Checklist;
use crate::driver::failure_kind;
use crate::driver::port::{Check, Facts, Observe, PollPace};
use crate::model::checkup::{CheckAspect, CheckLine};
use crate::model::moment::Moment;
use crate::model::name::RouterName;
use crate::model::router::RuntimeLevel;
use crate::model::source::{Source, SourceError, SourceKind};
use crate::model::text::Text;

/// A level changes with HAProxy's configuration alone; before each action it is asked anew.
const SLOW_INTERVAL: Duration = Duration::from_secs(15);

/// The socket for acting of one router, which is only asked for its level. It also examines it for `doctor`.
#[derive(Debug)]
pub struct HaproxyActing {
    source: Source,
    endpoint: Text,
    reader: RuntimeReader,
}

impl HaproxyActing {
    /// The socket for acting of `router`. Nothing is connected yet.
    pub fn new(router: &RouterName, api: RuntimeApi, timeouts: Timeouts) -> Self {
        let source = Source::new(SourceKind::RouterActing, router.as_str());
        Self { source, endpoint: runtime_endpoint(&api), reader: RuntimeReader::new(api, timeouts) }
    }

    /// Asks for the level. A version that does not tell is no trouble.
    async fn level(&self) -> Result<RuntimeLevel, SourceError> {
        match self.reader.level().await {
            Ok(word) => Ok(RuntimeLevel::from_name(&word)),
            Err(RuntimeError::Unknown { .. }) => Ok(RuntimeLevel::Unknown(Text::default())),
            Err(error) => Err(failure_kind::source_error(self.endpoint.as_str(), error.cause(), &error)),
        }
    }

    async fn examine(&self) -> Vec<CheckLine> {
        let mut list = Checklist::new(self.source.clone(), self.endpoint.clone());
        match self.level().await {
            Err(error) => list.failed(&error),
            Ok(level) => {
                list.pass(CheckAspect::Reach, "reachable");
                match level.can_set() {
                    Some(true) => list.pass(CheckAspect::Privileges, "at level admin, as required for acting"),
                    Some(false) => list.fail(
                        CheckAspect::Privileges,
                        format!("at level {}: it cannot set servers", level.as_str()),
                        "acting.runtime must be a `stats socket` with `level admin`",
                    ),
                    None => list.unknown(CheckAspect::Privileges, "the level of the runtime API is unknown", ""),
                }
            }
        }
        list.into_lines()
    }
}

impl Observe for HaproxyActing {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        self.endpoint.clone()
    }

    fn pace(&self) -> PollPace {
        PollPace::Slow(SLOW_INTERVAL)
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        Box::pin(async move { self.level().await.map(Facts::Level) })
    }
}

impl Check for HaproxyActing {
    fn endpoint(&self) -> Text {
        self.endpoint.clone()
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        Box::pin(self.examine())
    }
}
