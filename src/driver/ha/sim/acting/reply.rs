//! What came of a request, in the port's words: whether anything reached the far end is told apart.

use std::time::Duration;

use crate::action::order::{HaOrder, Order, PatroniOrder};
use crate::driver::ha::sim::cluster::ROUTER_RUNTIME;
use crate::driver::ha::sim::core::requests::RequestResult;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::source::{FailureKind, SourceError};
use crate::model::text::Text;

/// Where an order goes.
pub(super) fn endpoint(order: &Order) -> Text {
    match order {
        Order::Ha(HaOrder::Patroni(PatroniOrder::Agent { member, .. })) => Text::new(format!("http://{member}:8008")),
        Order::Router { .. } => Text::new(ROUTER_RUNTIME),
        Order::Sql { member, .. } => Text::new(format!("{member}:5432")),
        Order::Ha(HaOrder::Patroni(PatroniOrder::Record { .. })) => Text::new("etcd"),
        Order::Pooler { pooler, .. } => pooler.text().clone(),
        Order::Drill { .. } => Text::new("drill"),
        Order::RouterHandover(_) | Order::Await { .. } => Text::default(),
    }
}

/// An answer as the port has it.
pub(super) fn to_reply(answer: RequestResult, place: &Text, deadline: Duration) -> Result<Reply, NotPerformed> {
    let error = |failure_kind: FailureKind, detail: &str| SourceError::new(failure_kind, place.as_str(), detail);
    let silence = || SourceError::timed_out(place.as_str(), deadline);
    Err(match answer {
        RequestResult::Said { accepted: true, text: words, .. } => return Ok(Reply::accepted(words)),
        RequestResult::Said { may_happen: true, text: words, .. } => return Ok(Reply::in_doubt(words)),
        RequestResult::Said { text: words, .. } => return Ok(Reply::refused(words)),
        RequestResult::Refused => NotPerformed::NotSent(error(FailureKind::Refused, "")),
        RequestResult::Unreachable => NotPerformed::NotSent(silence()),
        RequestResult::Nobody => NotPerformed::NotSent(error(FailureKind::Name, "")),
        RequestResult::NotReady(words) => NotPerformed::NotSent(error(FailureKind::NotReady, words)),
        RequestResult::Another(words) => NotPerformed::NotSent(error(FailureKind::UnexpectedAnswer, &words)),
        RequestResult::Unsupported(words) => NotPerformed::NotSent(error(FailureKind::Unsupported, words)),
        RequestResult::Silence => NotPerformed::NoAnswer(silence()),
        RequestResult::Closed => NotPerformed::NoAnswer(error(FailureKind::Closed, "")),
    })
}
