//! Proving who leads, and telling routers of it, while the leader changes.

use futures::future::BoxFuture;

use super::act::{NotPerformed, Reply};
use crate::action::order::RouterRequest;
use crate::action::permit::Permit;
use crate::action::pooler_release::PoolerTarget;
use crate::action::router_handover::{LeadAnswer, LeadRecord};
use crate::model::name::{NodeName, PoolerName, RouterName};
use crate::model::pooler::PoolerReport;
use crate::model::router::ProxyRow;
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// Whether something may still be sent.
pub type StillAllowed<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// Goes alongside a change of leader: looks directly, many times a second for some seconds, and tells routers of the health
/// of servers. Calls may run at once; each is safe to drop at any await point, and ends by a deadline of its own. Made only
/// where a `WriteAccess` was granted.
pub trait LeadWatcher: Send + Sync {
    /// The lead as the DCS has it, read with the majority.
    ///
    /// # Errors
    /// When nobody answers for the majority.
    fn record(&self) -> BoxFuture<'_, Result<LeadRecord, SourceError>>;

    /// PostgreSQL of a member, on a session that is kept between calls, or by a new login where it has ended.
    ///
    /// # Errors
    /// Whatever kept it from answering. A server that ended the session because it shuts down is not ready, though nothing
    /// listens any more by the time of the new login.
    fn postgres<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<LeadAnswer, SourceError>>;

    /// Whether the agent of a member answers 200 to `/primary`, which is what routers ask it.
    ///
    /// # Errors
    /// When it does not answer.
    fn is_primary<'a>(&'a self, member: &'a NodeName) -> BoxFuture<'a, Result<bool, SourceError>>;

    /// The servers of a backend, by the router's runtime API.
    ///
    /// # Errors
    /// When it does not answer.
    fn servers<'a>(
        &'a self,
        router: &'a RouterName,
        backend: &'a Text,
    ) -> BoxFuture<'a, Result<Vec<ProxyRow>, SourceError>>;

    /// Tells a router, once, and reads back. `still` is asked when the connection stands and the next thing is to write:
    /// what a proof allowed a while ago may be wrong by then. Where it says no, nothing is sent.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    fn update_router<'a>(
        &'a self,
        router: &'a RouterName,
        request: &'a RouterRequest,
        permit: &'a Permit,
        still: StillAllowed<'a>,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>>;

    /// What a pooler's console says now of its state, databases and servers, on a session that is kept between calls.
    ///
    /// # Errors
    /// When it does not answer.
    fn pooler<'a>(&'a self, pooler: &'a PoolerName) -> BoxFuture<'a, Result<PoolerReport, SourceError>> {
        Box::pin(std::future::ready(Err(no_poolers(pooler))))
    }

    /// Points a pooler at a member by the command that is configured for it, and has it read its file anew. That it has done
    /// so is for whoever asks it to say, not for the reply.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    fn repoint<'a>(
        &'a self,
        pooler: &'a PoolerName,
        _target: &'a PoolerTarget,
        _permit: &'a Permit,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(std::future::ready(Err(NotPerformed::NotSent(no_poolers(pooler)))))
    }

    /// Lets the clients of a pooler's databases on. Accepted is what reads back as flowing, whatever was answered.
    ///
    /// # Errors
    /// When there is no reply; whether anything was sent is told apart.
    fn resume<'a>(
        &'a self,
        pooler: &'a PoolerName,
        _databases: &'a [Text],
        _permit: &'a Permit,
    ) -> BoxFuture<'a, Result<Reply, NotPerformed>> {
        Box::pin(std::future::ready(Err(NotPerformed::NotSent(no_poolers(pooler)))))
    }
}

fn no_poolers(pooler: &PoolerName) -> SourceError {
    SourceError::new(FailureKind::Unsupported, pooler.as_str(), "poolers cannot be reached from here")
}
