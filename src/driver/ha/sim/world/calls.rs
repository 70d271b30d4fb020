//! Requests that somebody waits for: what came of them, and those whose answer takes time.
//!
//! Answers are decided as the world moves, never by who asks for them, so that the world stays the same for everybody.

use super::World;
use super::clock::{SECOND, Time};
use super::node::{Phase, Power};

/// Answers nobody fetched are forgotten from this number on.
const MOST: usize = 64;

/// What came of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// The far end's words, and whether it took the request; or else whether it may have begun all the same.
    Said { accepted: bool, may_happen: bool, words: String },
    /// Nothing listens: nothing was sent.
    Refused,
    /// No connection comes about, nor a refusal: nothing was sent.
    Unreachable,
    /// Nobody of that name: nothing was sent.
    Nobody,
    /// It says that it is starting up or shutting down: nothing was done.
    NotReady(&'static str),
    /// It is another than was meant: nothing was sent.
    Another(String),
    /// It cannot be asked for here: nothing was sent.
    Unsupported(&'static str),
    /// Sent, and never answered.
    Silence,
    /// Sent, and the connection closed without an answer.
    Closed,
}

impl Answer {
    /// An HTTP answer.
    pub(crate) fn status(status: u16, words: impl AsRef<str>) -> Self {
        let accepted = status < 300;
        let may_happen = !accepted && !(400..500).contains(&status);
        Self::Said { accepted, may_happen, words: format!("{status} {}", words.as_ref()) }
    }

    /// The words of a far end that has no statuses.
    pub(crate) fn said(accepted: bool, words: impl Into<String>) -> Self {
        Self::Said { accepted, may_happen: false, words: words.into() }
    }
}

/// A request on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Taken {
    /// Answered at once.
    Now(Answer),
    /// To be asked for by this number.
    Later(u64),
}

/// What an open request waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Wait {
    /// Another leader than `leader`: looked for once a second, as Patroni does, `left` times more.
    Lead { leader: Option<usize>, candidate: Option<usize>, verb: Verb, next: Time, left: u64 },
    /// PostgreSQL of the node being up again.
    Restart { since: Time },
    /// A checkpoint's end.
    Checkpoint { until: Time },
    /// A time at which this is said, whatever has happened.
    Until { at: Time, answer: Answer },
}

/// Which of the two it is, for the words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verb {
    Switchover,
    Failover,
}

impl Verb {
    /// As in `switchover is not possible`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Switchover => "switchover",
            Self::Failover => "failover",
        }
    }

    /// As in `Switchover failed`.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Switchover => "Switchover",
            Self::Failover => "Failover",
        }
    }
}

/// An open request, and its answer once there is one.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    number: u64,
    /// Node that was asked.
    at: usize,
    /// Its agent rather than its PostgreSQL.
    agent: bool,
    wait: Wait,
    answer: Option<Answer>,
}

/// A connection that a request came over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Line {
    Up,
    /// As long as the far end stands still.
    Silent,
    Closed,
}

impl World {
    /// Keeps a request open at a node.
    pub(super) fn hold(&mut self, at: usize, wait: Wait) -> Taken {
        self.called += 1;
        let agent = !matches!(wait, Wait::Checkpoint { .. });
        self.calls.push(Call { number: self.called, at, agent, wait, answer: None });
        if self.calls.len() > MOST {
            self.calls.remove(0);
        }
        Taken::Later(self.called)
    }

    /// The answer to an open request, once; `None`: not yet.
    pub(crate) fn answer(&mut self, number: u64) -> Option<Answer> {
        let Some(place) = self.calls.iter().position(|call| call.number == number) else {
            return Some(Answer::Closed);
        };
        self.calls[place].answer.as_ref()?;
        self.calls.remove(place).answer
    }

    /// Forgets an open request: whoever asked does not wait any more.
    pub(crate) fn hang_up(&mut self, number: u64) {
        self.calls.retain(|call| call.number != number);
    }

    /// Requests that are open.
    #[cfg(test)]
    pub(crate) fn open_calls(&self) -> usize {
        self.calls.len()
    }

    /// One step of every open request.
    pub(super) fn answer_calls(&mut self) {
        for place in 0..self.calls.len() {
            if self.calls[place].answer.is_none() {
                let mut wait = self.calls[place].wait.clone();
                let (at, agent) = (self.calls[place].at, self.calls[place].agent);
                let answer = match self.line(at, agent) {
                    Line::Up => self.look(at, &mut wait),
                    Line::Silent => None,
                    Line::Closed => Some(Answer::Closed),
                };
                let call = &mut self.calls[place];
                (call.wait, call.answer) = (wait, answer);
            }
        }
    }

    /// How the connection to the far end stands.
    fn line(&self, at: usize, agent: bool) -> Line {
        let node = &self.nodes[at];
        match node.power {
            Power::Off => Line::Closed,
            Power::Frozen | Power::Cut => Line::Silent,
            Power::On if agent && self.clock.now() < node.agent.up_at => Line::Closed,
            Power::On if !agent && !node.accepts() => Line::Closed,
            Power::On => Line::Up,
        }
    }

    fn look(&self, at: usize, wait: &mut Wait) -> Option<Answer> {
        let now = self.clock.now();
        match wait {
            Wait::Lead { leader, candidate, verb, next, left } => {
                if now < *next {
                    return None;
                }
                *next = now + SECOND;
                *left = left.saturating_sub(1);
                // While the store cannot be read, nothing is learned.
                let seen = self.etcd.serves().then(|| self.lead_told(*leader, *candidate, *verb)).flatten();
                let unknown = || Answer::status(503, format!("{} status unknown", verb.title()));
                seen.or_else(|| (*left == 0).then(unknown))
            }
            Wait::Restart { since } => match self.nodes[at].phase {
                Phase::Running if self.nodes[at].started > *since => {
                    Some(Answer::status(200, "restarted successfully"))
                }
                Phase::StartFailed | Phase::Crashed | Phase::Stopped => Some(Answer::status(503, "restart failed")),
                Phase::Running
                | Phase::Starting { .. }
                | Phase::Restarting { .. }
                | Phase::Promoting { .. }
                | Phase::Stopping { .. }
                | Phase::Rewinding { .. }
                | Phase::Creating { .. } => None,
            },
            Wait::Checkpoint { until } => (now >= *until).then(|| Answer::said(true, "checkpoint done")),
            Wait::Until { at, answer } => (now >= *at).then(|| answer.clone()),
        }
    }

    /// What Patroni makes of the record: another leader, or an order that is gone without one.
    fn lead_told(&self, before: Option<usize>, candidate: Option<usize>, verb: Verb) -> Option<Answer> {
        let passed = match verb {
            Verb::Switchover => "switched",
            Verb::Failover => "failed",
        };
        if let Some(holder) = self.record.holder().filter(|holder| Some(*holder) != before) {
            let name = &self.nodes[holder].name;
            return Some(match candidate.filter(|candidate| *candidate != holder) {
                None => Answer::status(200, format!("Successfully {passed} over to \"{name}\"")),
                Some(other) => {
                    let title = if verb == Verb::Switchover { "Switched" } else { "Failed" };
                    let wanted = &self.nodes[other].name;
                    Answer::status(200, format!("{title} over to \"{name}\" instead of \"{wanted}\""))
                }
            });
        }
        let gone = self.record.failover.is_none();
        gone.then(|| Answer::status(503, format!("{} failed", verb.title())))
    }
}
