//! Orders to the routers of a cluster, each over the runtime API that is configured for acting.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use crate::action::intent::ServerState as Wanted;
use crate::action::order::{Order, RouterRequest};
use crate::action::permit::Permit;
use crate::client::haproxy_runtime::RuntimeError;
use crate::client::haproxy_write::{DrainEnded, RouterReply, RuntimeWriter, ServerSetting, ServerState};
use crate::client::sending::Unanswered;
use crate::config::endpoint::RuntimeApi;
use crate::config::resolved::{ClusterSettings, RouterSettings};
use crate::driver::act::{OrderExecutor, refused, wrong_destination};
use crate::driver::failure_kind::source_error;
use crate::driver::port::{NotPerformed, OrderControl, Reply, StillAllowed, no_longer};
use crate::model::name::RouterName;
use crate::model::source::{FailureKind, SourceError};

/// The routers of a cluster.
pub struct HaproxyExecutor {
    settings: Arc<ClusterSettings>,
}

impl HaproxyExecutor {
    /// The routers that `settings` name.
    pub fn new(settings: Arc<ClusterSettings>) -> Self {
        Self { settings }
    }

    async fn send(&self, order: &Order) -> Result<Reply, NotPerformed> {
        let Order::Router { router, request } = order else { return Err(wrong_destination(order)) };
        perform(known(&self.settings, router)?, request).await
    }
}

impl OrderExecutor for HaproxyExecutor {
    /// One line, and one answer: there is nothing to tell meanwhile or to break off.
    fn perform<'a>(
        &'a mut self,
        order: &'a Order,
        _: &'a Permit,
        _: Duration,
        _: OrderControl<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(self.send(order))
    }
}

/// The router called `name`, as it is configured.
pub(in crate::driver) fn known<'a>(
    settings: &'a ClusterSettings,
    name: &RouterName,
) -> Result<&'a RouterSettings, NotPerformed> {
    let known = settings.routers.iter().find(|known| known.name == *name);
    known.ok_or_else(|| refused(name.as_str(), "router not configured"))
}

/// Sends `request` to `router`, once, and tells what it answered and what the server's state reads back as.
async fn perform(router: &RouterSettings, request: &RouterRequest) -> Result<Reply, NotPerformed> {
    perform_while(router, request, &|| true).await
}

/// The same, if `still` agrees when the connection stands.
pub(in crate::driver) async fn perform_while(
    router: &RouterSettings,
    request: &RouterRequest,
    still: StillAllowed<'_>,
) -> Result<Reply, NotPerformed> {
    let Some(api) = &router.acting_runtime else {
        let words = "no runtime API for acting is configured ([clusters.NAME.routers.acting], runtime)";
        return Err(NotPerformed::NotSent(SourceError::new(FailureKind::Unsupported, router.name.as_str(), words)));
    };
    let endpoint = match api {
        RuntimeApi::Tcp(address) => address.clone(),
        RuntimeApi::Unix(path) => path.display().to_string(),
    };
    let writer = RuntimeWriter::new(api.clone(), router.timeouts);
    let unanswered = |error: &Unanswered<RuntimeError>| {
        let reported = source_error(&endpoint, error.error().cause(), error.error());
        match error {
            Unanswered::NotSent(_) => NotPerformed::NotSent(reported),
            Unanswered::NoAnswer(_) => NotPerformed::NoAnswer(reported),
        }
    };
    let (backend, server, setting) = match request {
        RouterRequest::EndDrain { backend, server } => {
            let ended = writer.end_drain(backend.as_str(), server.as_str()).await;
            return ended.map(|ended| drain_ended(&ended)).map_err(|error| unanswered(&error));
        }
        RouterRequest::State { backend, server, state } => (
            backend,
            server,
            match state {
                Wanted::Ready => ServerSetting::Ready,
                Wanted::Drain => ServerSetting::Drain,
                Wanted::Maintenance => ServerSetting::Maintenance,
            },
        ),
        RouterRequest::Health { backend, server, up } => {
            (backend, server, if *up { ServerSetting::HealthUp } else { ServerSetting::HealthDown })
        }
    };
    match writer.set(backend.as_str(), server.as_str(), setting, still).await {
        Ok(Some(reply)) => Ok(to_reply(&reply, setting)),
        Ok(None) => Err(no_longer(router.name.as_str())),
        Err(error) => Err(unanswered(&error)),
    }
}

fn drain_ended(ended: &DrainEnded) -> Reply {
    match ended {
        DrainEnded::Ready(state) => Reply::accepted(format!("state ready, verified: {}", state_text(*state))),
        DrainEnded::NotDrained(state) => {
            Reply::accepted(format!("no longer manually in DRAIN, left unchanged: {}", state_text(*state)))
        }
        DrainEnded::Gone => Reply::accepted("the server no longer exists in HAProxy: nothing to revert"),
        DrainEnded::Overtaken { put_back: true } => {
            Reply::accepted("someone else set it to MAINT at the same moment; MAINT was restored")
        }
        DrainEnded::Overtaken { put_back: false } => Reply::in_doubt(
            "someone else set it to MAINT at the same moment, which this action has reset: set it to MAINT again",
        ),
        DrainEnded::Unread => Reply::in_doubt("sent; its state could not be verified"),
        DrainEnded::Refused(words) => Reply::refused(words),
    }
}

fn to_reply(reply: &RouterReply, setting: ServerSetting) -> Reply {
    match reply {
        RouterReply::Set(state) => Reply::accepted(format!("{}, verified: {}", setting.describe(), state_text(*state))),
        RouterReply::Ignored(state) => {
            Reply::refused(format!("HAProxy ignored \"{}\": the state is {}", setting.describe(), state_text(*state)))
        }
        RouterReply::Unread => Reply::accepted(format!("{}; could not be verified", setting.describe())),
        RouterReply::Refused(words) => Reply::refused(words),
    }
}

fn state_text(state: ServerState) -> String {
    let runs = match state.op_state {
        0 => "down",
        1 => "starting",
        2 => "up",
        3 => "stopping",
        _ => "unknown",
    };
    match state.admin_state {
        0 => runs.to_owned(),
        mask if mask & 0x01 != 0 => format!("{runs}, MAINT (manually)"),
        mask if mask & 0x26 != 0 => format!("{runs}, MAINT (by configuration)"),
        mask if mask & 0x18 != 0 => format!("{runs}, DRAIN"),
        mask => format!("{runs}, administrative state {mask:#x}"),
    }
}
