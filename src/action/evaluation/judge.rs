//! What follows for the whole action: how it ended, or that it must be watched further.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::before::StateBefore;
use super::super::drill::DrillRequest;
use super::super::expectation::Expected;
use super::super::intent::Intent;
use super::super::milestone::Milestone;
use super::super::order::{Order, RouterRequest, SqlRequest};
use super::super::outcome::{Outcome, OutcomeKind};
use super::super::plan::{Plan, Step};
use super::evidence::EvaluationContext;
use super::{MilestoneStatus, evaluate, shortfall, unchanged, undo};
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::model::units;

/// Within this an agent has written the order that it was given, whatever something on the way answered in its place.
const RECORD_DELAY: Duration = Duration::from_secs(2);

/// What came back for one step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReplyStatus {
    /// Taken, in the far end's words. Not yet done.
    Accepted(Text),
    /// Not taken, in the far end's words, and nothing was begun.
    Refused(Text),
    /// Not taken, in words that prove nothing: a 503 may happen all the same.
    InDoubt(Text),
    /// Sent, or perhaps sent, and no answer: it may happen yet.
    NoAnswer(Text),
    /// Proven that nothing was sent.
    NotSent(Text),
}

/// The reply to one step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reply {
    /// Index in the plan.
    pub step: usize,
    /// When it came, or was given up.
    pub at: Moment,
    /// What.
    #[serde(rename = "heard")]
    pub received: ReplyStatus,
}

/// How far the runner is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunStage {
    /// Steps are still to be made: nothing ends by observation.
    Sending,
    /// The last step is sent and not answered yet. It can be seen to be done, and nothing else.
    Waiting,
    /// Nothing is outstanding.
    Watching,
    /// Nothing is outstanding, and the time for watching is over: the outcome must be called.
    Overdue,
}

/// An action under way, as far as its outcome depends on it. The runner keeps it, and lets it [learn](Attempt::learn)
/// from each judgement.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// When the first step began.
    pub since: Moment,
    /// How far the runner is.
    pub stage: RunStage,
    /// Replies so far. None for steps that only wait.
    pub replies: Vec<Reply>,
    /// Milestones seen, by their place in the sequence: when first, and from what. An event that was once seen stays so: a
    /// copy ends. A state must hold in the picture by which the outcome is called.
    pub reached: BTreeMap<usize, (Moment, Text)>,
    /// When the newest step that the action is about began: nothing from before can tell that it did nothing.
    #[serde(default)]
    pub sent: Option<Moment>,
    /// Since when everything is proven to be as before.
    pub quiet_since: Option<Moment>,
}

impl Attempt {
    /// An action whose first step begins now.
    pub fn begun(since: Moment) -> Self {
        Self {
            since,
            stage: RunStage::Sending,
            replies: Vec::new(),
            reached: BTreeMap::new(),
            sent: None,
            quiet_since: None,
        }
    }

    /// A step that the action is about begins at `now`.
    pub fn sends(&mut self, now: Moment) {
        self.sent = Some(now);
        self.quiet_since = None;
    }

    /// Remembers what was seen at `now`. Returns the places of the milestones that were seen for the first time.
    pub fn learn(&mut self, judgement: &Judgement, now: Moment) -> Vec<usize> {
        self.quiet_since = judgement.quiet_since;
        let mut new = Vec::new();
        for (place, milestone_status) in judgement.milestone_statuses.iter().enumerate() {
            if let MilestoneStatus::Reached { evidence } = milestone_status
                && !self.reached.contains_key(&place)
            {
                self.reached.insert(place, (now, evidence.clone()));
                new.push(place);
            }
        }
        new
    }
}

/// What one picture tells of an action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Judgement {
    /// One for each milestone of the plan's sequence, in its order.
    pub milestone_statuses: Vec<MilestoneStatus>,
    /// Whether every deciding one was seen. The others are still watched for until the time is over.
    pub decided: bool,
    /// Since when everything is proven to be as before; `None`: it is not proven now.
    pub quiet_since: Option<Moment>,
    /// How it ended; `None`: watch further.
    pub outcome: Option<Outcome>,
}

/// Judges an action by the present picture. Pure: asked at every picture and once more when the time is over.
pub fn judge(plan: &Plan, before: &StateBefore, attempt: &Attempt, snapshot: &Snapshot) -> Judgement {
    let milestone_statuses = milestone_statuses(plan, before, attempt, snapshot);
    // When no answer was waited for any longer says nothing of what the far end did.
    let received = attempt.replies.iter().filter(|reply| !matches!(reply.received, ReplyStatus::NoAnswer(_)));
    let received = received.map(|reply| reply.at).max().unwrap_or(attempt.since);
    let since = attempt.since.max(received).max(attempt.sent.unwrap_or(attempt.since));
    let context = EvaluationContext { snapshot, before, since };
    let quiet = unchanged::proof(&context, plan);
    let quiet_since = quiet.as_ref().ok().map(|_| attempt.quiet_since.unwrap_or(snapshot.now));
    let case = Case { plan, attempt, context, milestone_statuses: &milestone_statuses, quiet, quiet_since };
    let (decided, outcome) = (case.is_decided(), case.outcome());
    Judgement { milestone_statuses, decided, quiet_since, outcome }
}

fn milestone_statuses(
    plan: &Plan,
    before: &StateBefore,
    attempt: &Attempt,
    snapshot: &Snapshot,
) -> Vec<MilestoneStatus> {
    let mut reported: Vec<MilestoneStatus> = Vec::with_capacity(plan.expectation.sequence.len());
    for (place, expected) in plan.expectation.sequence.iter().enumerate() {
        let milestone_status = match attempt.reached.get(&place) {
            Some((_, evidence)) if expected.milestone.is_event() => {
                MilestoneStatus::Reached { evidence: evidence.clone() }
            }
            Some(_) | None => match after(plan, attempt, place) {
                Ok(since) => evaluate(&expected.milestone, snapshot, before, since),
                Err(first) => MilestoneStatus::not_yet(format!("first: {first}")),
            },
        };
        reported.push(milestone_status);
    }
    reported
}

/// From when on evidence for a milestone counts. Streams and routers show the same before and after a promotion, a
/// restart or a copy, so they are told only from what was asked after it was seen. An error: it was not seen yet.
fn after(plan: &Plan, attempt: &Attempt, place: usize) -> Result<Moment, String> {
    let sequence = &plan.expectation.sequence;
    let is_consequence = |milestone: &Milestone| {
        matches!(
            milestone,
            Milestone::RouterFollows
                | Milestone::Streaming { .. }
                | Milestone::AllStreaming
                | Milestone::CaughtUp { .. }
                | Milestone::Serving { .. }
        )
    };
    let is_turn = |milestone: &Milestone| {
        matches!(milestone, Milestone::Promoted { .. } | Milestone::Restarted { .. } | Milestone::Copying { .. })
    };
    // An old leader whose key has gone from the DCS meanwhile is no standby there, and yet one that is awaited by itself.
    let is_awaited = |milestone: &Milestone| {
        let all = sequence.get(place).is_some_and(|expected| expected.milestone == Milestone::AllStreaming);
        all && matches!(milestone, Milestone::Streaming { .. })
    };
    let is_before = |milestone: &Milestone| is_turn(milestone) || is_awaited(milestone);
    let mut since = attempt.since;
    if sequence.get(place).is_some_and(|expected| is_consequence(&expected.milestone)) {
        for (turn, expected) in sequence.iter().enumerate().take(place).filter(|(_, e)| is_before(&e.milestone)) {
            let (at, _) = attempt.reached.get(&turn).ok_or_else(|| expected.milestone.describe())?;
            since = since.max(*at);
        }
    }
    Ok(since)
}

struct Case<'a> {
    plan: &'a Plan,
    attempt: &'a Attempt,
    context: EvaluationContext<'a>,
    milestone_statuses: &'a [MilestoneStatus],
    quiet: Result<String, String>,
    quiet_since: Option<Moment>,
}

impl Case<'_> {
    /// Places that decide. A switchover whose old leader is not proven to have stepped down may have two primaries,
    /// whatever the plan says of it.
    fn deciding(&self) -> impl Iterator<Item = (&Milestone, &MilestoneStatus)> {
        self.plan.expectation.sequence.iter().zip(self.milestone_statuses).filter_map(|(expected, milestone_status)| {
            let decides = expected.decides || matches!(expected.milestone, Milestone::SteppedDown { .. });
            decides.then_some((&expected.milestone, milestone_status))
        })
    }

    fn is_decided(&self) -> bool {
        self.deciding().next().is_some() && self.deciding().all(|(_, milestone_status)| milestone_status.is_reached())
    }

    fn outcome(&self) -> Option<Outcome> {
        let stage = self.attempt.stage;
        let whole = self.milestone_statuses.iter().all(MilestoneStatus::is_reached);
        if stage == RunStage::Sending {
            return None;
        }
        if matches!(self.plan.intent, Intent::Undo { .. }) {
            return undo::outcome(self.plan, self.attempt, self.milestone_statuses);
        }
        if self.is_decided() && (whole || stage == RunStage::Overdue) {
            return Some(self.done());
        }
        if stage == RunStage::Waiting {
            return None;
        }
        if let Some(failed) = self
            .nothing_sent()
            .or_else(|| self.ruled_out())
            .or_else(|| self.proven_unchanged())
            .or_else(|| self.nothing_begun())
        {
            return Some(failed);
        }
        if self.deciding().next().is_none() && self.all_accepted() {
            let text = "accepted; completion cannot be observed";
            return Some(Outcome::new(OutcomeKind::Unverified, text));
        }
        (stage == RunStage::Overdue).then(|| self.called())
    }

    /// What decides was seen. What the users of the cluster do not get all the same keeps it from being simply done.
    fn done(&self) -> Outcome {
        let missing: Vec<String> = self.missing_changes().map(|(what, why)| format!("{what}: {why}")).collect();
        let broken = shortfall::of(&self.context, self.plan);
        if missing.is_empty() && broken.is_empty() {
            return Outcome::new(OutcomeKind::Done, self.plan.title.as_str());
        }
        let mut text = self.plan.title.to_string();
        if !broken.is_empty() {
            text = format!("{text}; but {}", broken.join("; "));
        }
        if !missing.is_empty() {
            text = format!("{text}; not observed in time: {}", missing.join("; "));
        }
        let ending = if broken.is_empty() { OutcomeKind::Done } else { OutcomeKind::Unverified };
        Outcome::new(ending, text).next("check what was not observed: pgctl-tui status")
    }

    /// Milestones not seen, in words, with the reason. What was seen and is no more is said so.
    fn missing_changes(&self) -> impl Iterator<Item = (String, String)> {
        self.unreached().map(|(expected, milestone_status, seen)| {
            let seen = seen.map(|at| format!("was true at +{} and no longer is: ", units::latency(at)));
            (expected.milestone.describe(), format!("{}{}", seen.unwrap_or_default(), milestone_status.describe()))
        })
    }

    /// Those of them that were seen, and are no more.
    fn lost(&self) -> impl Iterator<Item = (String, String)> {
        self.unreached().filter_map(|(expected, milestone_status, seen)| {
            let seen = units::latency(seen?);
            Some((
                expected.milestone.describe(),
                format!("was true at +{seen} and no longer is: {}", milestone_status.describe()),
            ))
        })
    }

    /// Milestones that are not reached now, and when they were, where they were once.
    fn unreached(&self) -> impl Iterator<Item = (&Expected, &MilestoneStatus, Option<Duration>)> {
        let all = self.plan.expectation.sequence.iter().zip(self.milestone_statuses).enumerate();
        let all = all.filter(|(_, (_, milestone_status))| !milestone_status.is_reached());
        all.map(|(place, (expected, milestone_status))| {
            let seen = self.attempt.reached.get(&place).map(|(at, _)| at.since(self.attempt.since));
            (expected, milestone_status, seen)
        })
    }

    /// Replies to the steps that the action is about; what only prepares or is taken back does not count.
    fn replies(&self) -> impl Iterator<Item = &ReplyStatus> {
        let is_principal = move |reply: &&Reply| self.plan.steps.get(reply.step).is_some_and(is_principal);
        self.attempt.replies.iter().filter(is_principal).map(|reply| &reply.received)
    }

    /// The far end itself refused everything that the action is about, and begins nothing then. For a change of leader that is
    /// not believed without a look at the record: something on the way may have answered.
    fn nothing_begun(&self) -> Option<Outcome> {
        let is_nothing = |received: &ReplyStatus| matches!(received, ReplyStatus::Refused(_) | ReplyStatus::NotSent(_));
        if self.plan.intent.changes_leader() || !self.replies().all(is_nothing) {
            return None;
        }
        let refused = self.replies().find_map(|received| match received {
            ReplyStatus::Refused(words) => Some(words),
            _ => None,
        });
        refused.map(|words| Outcome::new(OutcomeKind::Failed, format!("rejected, nothing was started: {words}")))
    }

    fn all_accepted(&self) -> bool {
        self.replies().next().is_some() && self.replies().all(|received| matches!(received, ReplyStatus::Accepted(_)))
    }

    fn nothing_sent(&self) -> Option<Outcome> {
        let mut why = None;
        for received in self.replies() {
            match received {
                ReplyStatus::NotSent(error) => why = Some(error),
                ReplyStatus::Accepted(_)
                | ReplyStatus::Refused(_)
                | ReplyStatus::InDoubt(_)
                | ReplyStatus::NoAnswer(_) => return None,
            }
        }
        why.map(|why| Outcome::new(OutcomeKind::Failed, format!("nothing was sent: {why}")))
    }

    /// Something was seen that rules the action out, and no order is left on record that could still bring it about.
    fn ruled_out(&self) -> Option<Outcome> {
        let happened = self.deciding().any(|(milestone, milestone_status)| {
            milestone_status.is_reached() && !matches!(milestone, Milestone::SteppedDown { .. })
        });
        let (_, against) = self
            .deciding()
            .find(|(_, milestone_status)| matches!(milestone_status, MilestoneStatus::Contradicted { .. }))?;
        if happened || (self.plan.intent.changes_leader() && self.context.record()?.value.order.is_some()) {
            return None;
        }
        let lost: Vec<String> = self.lost().map(|(what, why)| format!("{what} {why}")).collect();
        let text = if lost.is_empty() { against.describe().to_string() } else { lost.join("; ") };
        Some(Outcome::new(OutcomeKind::Failed, text).next("check the cluster: pgctl-tui status"))
    }

    fn proven_unchanged(&self) -> Option<Outcome> {
        let words = self.quiet.as_ref().ok()?;
        let lasts = self.context.snapshot.now.since(self.quiet_since?);
        // Who led last and is gone was so before.
        let was_so = |milestone: &Milestone| match milestone {
            Milestone::SteppedDown { member } => self.context.before.generation.leader.as_ref() != Some(member),
            _ => false,
        };
        let happened =
            self.deciding().any(|(milestone, milestone_status)| milestone_status.is_reached() && !was_so(milestone));
        if happened || lasts < self.must_last()? {
            return None;
        }
        let refused =
            self.replies().find(|received| matches!(received, ReplyStatus::Refused(_) | ReplyStatus::InDoubt(_)));
        let text = match refused.or_else(|| self.replies().next()) {
            Some(ReplyStatus::Refused(reply) | ReplyStatus::InDoubt(reply)) => format!("{reply}; {words}"),
            Some(ReplyStatus::Accepted(reply)) => format!("the response was \"{reply}\", but {words}"),
            Some(ReplyStatus::NoAnswer(_) | ReplyStatus::NotSent(_)) | None => words.clone(),
        };
        Some(Outcome::new(OutcomeKind::Failed, text))
    }

    /// How long everything must have been as before to prove that nothing will come; `None`: that proves nothing.
    fn must_last(&self) -> Option<Duration> {
        let mut refused = false;
        let mut outright = true;
        for received in self.replies() {
            match received {
                ReplyStatus::Refused(_) => refused = true,
                ReplyStatus::InDoubt(_) => {
                    refused = true;
                    outright = false;
                }
                ReplyStatus::NotSent(_) => {}
                ReplyStatus::Accepted(_) => outright = false,
                ReplyStatus::NoAnswer(_) => {
                    outright = false;
                    if !self.plan.intent.shows_at_once() {
                        return None;
                    }
                }
            }
        }
        match (refused, outright) {
            // The order of a change of leader would be on record by then.
            (true, true) => Some(if self.plan.intent.changes_leader() { RECORD_DELAY } else { Duration::ZERO }),
            (true, false) => Some(self.context.two_loops()),
            (false, _) => (self.plan.intent.shows_at_once() || self.plan.intent.answers_when_done())
                .then(|| self.context.two_loops()),
        }
    }

    /// The time is over, and neither done nor failed is proven.
    fn called(&self) -> Outcome {
        let missing: Vec<String> = self.missing_changes().map(|(what, why)| format!("{what} ({why})")).collect();
        let unseen = format!("not observed: {}", missing.join("; "));
        let unknown = |text: String| Outcome::new(OutcomeKind::Unknown, text);
        let Some(record) = self.context.record() else {
            return unknown(format!("the DCS state cannot be read, so the outcome is unknown; {unseen}"))
                .next("restore the DCS, then check the cluster: pgctl-tui status");
        };
        if !self.context.quorum() {
            return unknown(format!("the DCS quorum is not verified, so it may still happen; {unseen}"))
                .next("restore the DCS, then check the cluster: pgctl-tui status");
        }
        let reached = |wanted: fn(&Milestone) -> bool| {
            self.deciding().any(|(milestone, milestone_status)| wanted(milestone) && milestone_status.is_reached())
        };
        if self.plan.intent.changes_leader() && record.value.order.is_some() {
            return unknown(format!("the request is still in the DCS and may still be executed; {unseen}"))
                .next("clear the failover key (compare-and-set to {}), or wait until it is executed");
        }
        let promoted = reached(|milestone| matches!(milestone, Milestone::Promoted { .. }));
        let stepped_down = reached(|milestone| matches!(milestone, Milestone::SteppedDown { .. }));
        if promoted && !self.is_decided() && !stepped_down && self.expects_step_down() {
            return unknown(format!("the old leader is not verified to have stopped accepting writes; {unseen}"))
                .next("make sure that it is in recovery or stopped before clients can reach it again");
        }
        if record.value.leader.is_none() && self.plan.intent.changes_leader() {
            return unknown(format!("no member holds the leader key; {unseen}")).next(
                "if no member acquires it within the ttl, fail over to a chosen member: pgctl-tui failover NODE",
            );
        }
        if self.all_accepted() {
            return Outcome::new(OutcomeKind::Unverified, format!("accepted, but {unseen}"))
                .next("check the cluster: pgctl-tui status");
        }
        unknown(unseen).next("check the cluster before trying again: pgctl-tui status")
    }

    fn expects_step_down(&self) -> bool {
        self.deciding().any(|(milestone, _)| matches!(milestone, Milestone::SteppedDown { .. }))
    }
}

/// Whether a step is what its action is about, rather than a preparation, or what is taken back.
pub fn is_principal(step: &Step) -> bool {
    match &step.order {
        Order::Ha(_)
        | Order::Sql { request: SqlRequest::EndSession { .. }, .. }
        | Order::Router { request: RouterRequest::EndDrain { .. }, .. }
        | Order::Drill { request: DrillRequest::Break { .. } } => true,
        Order::Router { request: RouterRequest::State { .. }, .. } | Order::Pooler { .. } => step.undo.is_none(),
        // Where it goes alongside another step, that one is what the action is about.
        Order::RouterHandover(router_handover) => router_handover.from.is_none(),
        Order::Router { request: RouterRequest::Health { .. }, .. }
        | Order::Sql { request: SqlRequest::Checkpoint, .. }
        | Order::Drill { .. }
        | Order::Await { .. } => false,
    }
}
