//! What came of a request, in the port's words: whether anything reached the far end is told apart.

use std::time::Duration;

use crate::action::order::Order;
use crate::driver::ha::sim::cluster::ROUTER_RUNTIME;
use crate::driver::ha::sim::world::calls::Answer;
use crate::driver::port::{NotPerformed, Reply};
use crate::model::source::{SourceError, Trouble};
use crate::model::text::Text;

/// Where an order goes.
pub(super) fn endpoint(order: &Order) -> Text {
    match order {
        Order::Agent { member, .. } => Text::new(format!("http://{member}:8008")),
        Order::Router { .. } => Text::new(ROUTER_RUNTIME),
        Order::Sql { member, .. } => Text::new(format!("{member}:5432")),
        Order::Record { .. } => Text::new("etcd"),
        Order::Drill { .. } => Text::new("drill"),
        Order::Escort(_) | Order::Await { .. } => Text::default(),
    }
}

/// An answer as the port has it.
pub(super) fn told(answer: Answer, place: &Text, deadline: Duration) -> Result<Reply, NotPerformed> {
    let error = |trouble: Trouble, detail: &str| SourceError::new(trouble, place.as_str(), detail);
    let silence = || SourceError::timed_out(place.as_str(), deadline);
    Err(match answer {
        Answer::Said { accepted: true, words, .. } => return Ok(Reply::accepted(words)),
        Answer::Said { may_happen: true, words, .. } => return Ok(Reply::in_doubt(words)),
        Answer::Said { words, .. } => return Ok(Reply::refused(words)),
        Answer::Refused => NotPerformed::NotSent(error(Trouble::Refused, "")),
        Answer::Unreachable => NotPerformed::NotSent(silence()),
        Answer::Nobody => NotPerformed::NotSent(error(Trouble::Name, "")),
        Answer::NotReady(words) => NotPerformed::NotSent(error(Trouble::NotReady, words)),
        Answer::Another(words) => NotPerformed::NotSent(error(Trouble::UnexpectedAnswer, &words)),
        Answer::Unsupported(words) => NotPerformed::NotSent(error(Trouble::Unsupported, words)),
        Answer::Silence => NotPerformed::NoAnswer(silence()),
        Answer::Closed => NotPerformed::NoAnswer(error(Trouble::Closed, "")),
    })
}
