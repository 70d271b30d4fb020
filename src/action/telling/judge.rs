//! What follows for the whole action: how it ended, or that it must be watched further.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::before::Before;
use super::super::drill::DrillRequest;
use super::super::expectation::Expected;
use super::super::intent::{AfterDrain, Intent};
use super::super::milestone::Milestone;
use super::super::order::{Order, RouterRequest, SqlRequest};
use super::super::outcome::{Ending, Outcome};
use super::super::plan::{Plan, Step};
use super::evidence::Scene;
use super::{Telling, short, tell, unchanged, undone};
use crate::model::moment::Moment;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::model::units;

/// Within this an agent has written the order that it was given, whatever something on the way answered in its place.
const ON_RECORD: Duration = Duration::from_secs(2);

/// What came back for one step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Heard {
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
    pub heard: Heard,
}

/// How far the runner is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
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
    pub stage: Stage,
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
            stage: Stage::Sending,
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
        for (place, telling) in judgement.tellings.iter().enumerate() {
            if let Telling::Reached { evidence } = telling
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
    pub tellings: Vec<Telling>,
    /// Whether every deciding one was seen. The others are still watched for until the time is over.
    pub decided: bool,
    /// Since when everything is proven to be as before; `None`: it is not proven now.
    pub quiet_since: Option<Moment>,
    /// How it ended; `None`: watch further.
    pub outcome: Option<Outcome>,
}

/// Judges an action by the present picture. Pure: asked at every picture and once more when the time is over.
pub fn judge(plan: &Plan, before: &Before, attempt: &Attempt, snapshot: &Snapshot) -> Judgement {
    let tellings = tellings(plan, before, attempt, snapshot);
    // When no answer was waited for any longer says nothing of what the far end did.
    let heard = attempt.replies.iter().filter(|reply| !matches!(reply.heard, Heard::NoAnswer(_)));
    let heard = heard.map(|reply| reply.at).max().unwrap_or(attempt.since);
    let since = attempt.since.max(heard).max(attempt.sent.unwrap_or(attempt.since));
    let scene = Scene { snapshot, before, since };
    let quiet = unchanged::proof(&scene, plan);
    let quiet_since = quiet.as_ref().ok().map(|_| attempt.quiet_since.unwrap_or(snapshot.now));
    let case = Case { plan, attempt, scene, tellings: &tellings, quiet, quiet_since };
    let (decided, outcome) = (case.is_decided(), case.outcome());
    Judgement { tellings, decided, quiet_since, outcome }
}

fn tellings(plan: &Plan, before: &Before, attempt: &Attempt, snapshot: &Snapshot) -> Vec<Telling> {
    let mut told: Vec<Telling> = Vec::with_capacity(plan.expectation.sequence.len());
    for (place, expected) in plan.expectation.sequence.iter().enumerate() {
        let telling = match attempt.reached.get(&place) {
            Some((_, evidence)) if expected.milestone.is_event() => Telling::Reached { evidence: evidence.clone() },
            Some(_) | None => match after(plan, attempt, place) {
                Ok(since) => tell(&expected.milestone, snapshot, before, since),
                Err(first) => Telling::not_yet(format!("first: {first}")),
            },
        };
        told.push(telling);
    }
    told
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
            let (at, _) = attempt.reached.get(&turn).ok_or_else(|| expected.milestone.words())?;
            since = since.max(*at);
        }
    }
    Ok(since)
}

struct Case<'a> {
    plan: &'a Plan,
    attempt: &'a Attempt,
    scene: Scene<'a>,
    tellings: &'a [Telling],
    quiet: Result<String, String>,
    quiet_since: Option<Moment>,
}

impl Case<'_> {
    /// Places that decide. A switchover whose old leader is not proven to have stepped down may have two primaries,
    /// whatever the plan says of it.
    fn deciding(&self) -> impl Iterator<Item = (&Milestone, &Telling)> {
        self.plan.expectation.sequence.iter().zip(self.tellings).filter_map(|(expected, telling)| {
            let decides = expected.decides || matches!(expected.milestone, Milestone::SteppedDown { .. });
            decides.then_some((&expected.milestone, telling))
        })
    }

    fn is_decided(&self) -> bool {
        self.deciding().next().is_some() && self.deciding().all(|(_, telling)| telling.is_reached())
    }

    fn outcome(&self) -> Option<Outcome> {
        let stage = self.attempt.stage;
        let whole = self.tellings.iter().all(Telling::is_reached);
        if stage == Stage::Sending {
            return None;
        }
        if matches!(self.plan.intent, Intent::Undo { .. }) {
            return undone::outcome(self.plan, self.attempt, self.tellings);
        }
        if self.is_decided() && (whole || stage == Stage::Overdue) {
            return Some(self.done());
        }
        if stage == Stage::Waiting {
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
            let text = "accepted; nothing that can be observed tells that it is done";
            return Some(Outcome::new(Ending::Unverified, text));
        }
        (stage == Stage::Overdue).then(|| self.called())
    }

    /// What decides was seen. What the users of the cluster do not get all the same keeps it from being simply done.
    fn done(&self) -> Outcome {
        let lacking: Vec<String> = self.lacking().map(|(what, why)| format!("{what}: {why}")).collect();
        let broken = short::of(&self.scene, self.plan);
        if lacking.is_empty() && broken.is_empty() {
            return Outcome::new(Ending::Done, self.plan.title.as_str());
        }
        let mut text = self.plan.title.to_string();
        if !broken.is_empty() {
            text = format!("{text}; but {}", broken.join("; "));
        }
        if !lacking.is_empty() {
            text = format!("{text}; not seen in time: {}", lacking.join("; "));
        }
        let ending = if broken.is_empty() { Ending::Done } else { Ending::Unverified };
        Outcome::new(ending, text).next("look at what was not seen: pgctl-tui status")
    }

    /// Milestones not seen, in words, with the reason. What was seen and is no more is said so.
    fn lacking(&self) -> impl Iterator<Item = (String, String)> {
        self.unreached().map(|(expected, telling, seen)| {
            let seen = seen.map(|at| format!("was seen at +{} and is no more: ", units::latency(at)));
            (expected.milestone.words(), format!("{}{}", seen.unwrap_or_default(), telling.words()))
        })
    }

    /// Those of them that were seen, and are no more.
    fn lost(&self) -> impl Iterator<Item = (String, String)> {
        self.unreached().filter_map(|(expected, telling, seen)| {
            let seen = units::latency(seen?);
            Some((expected.milestone.words(), format!("was seen at +{seen} and is no more: {}", telling.words())))
        })
    }

    /// Milestones that are not reached now, and when they were, where they were once.
    fn unreached(&self) -> impl Iterator<Item = (&Expected, &Telling, Option<Duration>)> {
        let all = self.plan.expectation.sequence.iter().zip(self.tellings).enumerate();
        let all = all.filter(|(_, (_, telling))| !telling.is_reached());
        all.map(|(place, (expected, telling))| {
            let seen = self.attempt.reached.get(&place).map(|(at, _)| at.since(self.attempt.since));
            (expected, telling, seen)
        })
    }

    /// Replies to the steps that the action is about; what only prepares or is taken back does not count.
    fn replies(&self) -> impl Iterator<Item = &Heard> {
        let is_principal = move |reply: &&Reply| self.plan.steps.get(reply.step).is_some_and(is_principal);
        self.attempt.replies.iter().filter(is_principal).map(|reply| &reply.heard)
    }

    /// The far end itself refused everything that the action is about, and begins nothing then. For a change of leader that is
    /// not believed without a look at the record: something on the way may have answered.
    fn nothing_begun(&self) -> Option<Outcome> {
        let is_nothing = |heard: &Heard| matches!(heard, Heard::Refused(_) | Heard::NotSent(_));
        if self.changes_lead() || !self.replies().all(is_nothing) {
            return None;
        }
        let refused = self.replies().find_map(|heard| match heard {
            Heard::Refused(words) => Some(words),
            _ => None,
        });
        refused.map(|words| Outcome::new(Ending::Failed, format!("refused, and nothing was begun: {words}")))
    }

    fn all_accepted(&self) -> bool {
        self.replies().next().is_some() && self.replies().all(|heard| matches!(heard, Heard::Accepted(_)))
    }

    fn nothing_sent(&self) -> Option<Outcome> {
        let mut why = None;
        for heard in self.replies() {
            match heard {
                Heard::NotSent(error) => why = Some(error),
                Heard::Accepted(_) | Heard::Refused(_) | Heard::InDoubt(_) | Heard::NoAnswer(_) => return None,
            }
        }
        why.map(|why| Outcome::new(Ending::Failed, format!("nothing was sent: {why}")))
    }

    /// Something was seen that rules the action out, and no order is left on record that could still bring it about.
    fn ruled_out(&self) -> Option<Outcome> {
        let happened = self
            .deciding()
            .any(|(milestone, telling)| telling.is_reached() && !matches!(milestone, Milestone::SteppedDown { .. }));
        let (_, against) = self.deciding().find(|(_, telling)| matches!(telling, Telling::Contradicted { .. }))?;
        if happened || (self.changes_lead() && self.scene.record()?.value.order.is_some()) {
            return None;
        }
        let lost: Vec<String> = self.lost().map(|(what, why)| format!("{what} {why}")).collect();
        let text = if lost.is_empty() { against.words().to_string() } else { lost.join("; ") };
        Some(Outcome::new(Ending::Failed, text).next("look at the cluster: pgctl-tui status"))
    }

    fn proven_unchanged(&self) -> Option<Outcome> {
        let words = self.quiet.as_ref().ok()?;
        let lasts = self.scene.snapshot.now.since(self.quiet_since?);
        // Who led last and is gone was so before.
        let was_so = |milestone: &Milestone| match milestone {
            Milestone::SteppedDown { member } => self.scene.before.generation.leader.as_ref() != Some(member),
            _ => false,
        };
        let happened = self.deciding().any(|(milestone, telling)| telling.is_reached() && !was_so(milestone));
        if happened || lasts < self.must_last()? {
            return None;
        }
        let refused = self.replies().find(|heard| matches!(heard, Heard::Refused(_) | Heard::InDoubt(_)));
        let text = match refused.or_else(|| self.replies().next()) {
            Some(Heard::Refused(reply) | Heard::InDoubt(reply)) => format!("{reply}; {words}"),
            Some(Heard::Accepted(reply)) => format!("the answer was \"{reply}\", and yet {words}"),
            Some(Heard::NoAnswer(_) | Heard::NotSent(_)) | None => words.clone(),
        };
        Some(Outcome::new(Ending::Failed, text))
    }

    /// How long everything must have been as before to prove that nothing will come; `None`: that proves nothing.
    fn must_last(&self) -> Option<Duration> {
        let mut refused = false;
        let mut outright = true;
        for heard in self.replies() {
            match heard {
                Heard::Refused(_) => refused = true,
                Heard::InDoubt(_) => {
                    refused = true;
                    outright = false;
                }
                Heard::NotSent(_) => {}
                Heard::Accepted(_) => outright = false,
                Heard::NoAnswer(_) => {
                    outright = false;
                    if !self.acts_at_once() {
                        return None;
                    }
                }
            }
        }
        match (refused, outright) {
            // The order of a change of leader would be on record by then.
            (true, true) => Some(if self.changes_lead() { ON_RECORD } else { Duration::ZERO }),
            (true, false) => Some(self.scene.two_loops()),
            (false, _) => (self.acts_at_once() || self.answers_when_done()).then(|| self.scene.two_loops()),
        }
    }

    /// Whether what was taken shows within two loops, so that nothing will come of what does not. A restart waits for its
    /// checkpoint for minutes.
    fn acts_at_once(&self) -> bool {
        match self.plan.intent {
            Intent::Switchover { .. }
            | Intent::CancelSwitchover
            | Intent::Failover { .. }
            | Intent::Reinitialise { .. }
            | Intent::CancelRestart { .. }
            | Intent::Pause
            | Intent::Resume
            | Intent::Configure { .. }
            | Intent::RouterServer { .. } => true,
            Intent::Restart { .. }
            | Intent::RollingRestart
            | Intent::Reload { .. }
            | Intent::Drain { .. }
            | Intent::Undrain { .. }
            | Intent::SettleRouters
            | Intent::Drill { .. }
            | Intent::EndSession { .. }
            | Intent::Undo { .. } => false,
        }
    }

    /// Whether it is accepted only once it has happened, or has begun.
    fn answers_when_done(&self) -> bool {
        match self.plan.intent {
            Intent::Restart { .. } | Intent::RollingRestart => true,
            Intent::Drain { then, .. } => then != AfterDrain::Leave,
            _ => false,
        }
    }

    fn changes_lead(&self) -> bool {
        matches!(self.plan.intent, Intent::Failover { .. } | Intent::Switchover { at: None, .. })
    }

    /// The time is over, and neither done nor failed is proven.
    fn called(&self) -> Outcome {
        let lacking: Vec<String> = self.lacking().map(|(what, why)| format!("{what} ({why})")).collect();
        let unseen = format!("not seen: {}", lacking.join("; "));
        let unknown = |text: String| Outcome::new(Ending::Unknown, text);
        let Some(record) = self.scene.record() else {
            return unknown(format!("the record cannot be read, so nobody can tell; {unseen}"))
                .next("bring the DCS back, then look at the cluster: pgctl-tui status");
        };
        if !self.scene.quorum() {
            return unknown(format!("the DCS has no proven quorum, so it may happen yet; {unseen}"))
                .next("bring the DCS back, then look at the cluster: pgctl-tui status");
        }
        let reached = |wanted: fn(&Milestone) -> bool| {
            self.deciding().any(|(milestone, telling)| wanted(milestone) && telling.is_reached())
        };
        if self.changes_lead() && record.value.order.is_some() {
            return unknown(format!("the order is still on record and may be carried out yet; {unseen}"))
                .next("clear the failover key (compare-and-set to {}), or watch until it is carried out");
        }
        let promoted = reached(|milestone| matches!(milestone, Milestone::Promoted { .. }));
        let stepped_down = reached(|milestone| matches!(milestone, Milestone::SteppedDown { .. }));
        if promoted && !self.is_decided() && !stepped_down && self.expects_step_down() {
            return unknown(format!("the old leader is not proven to have stopped taking writes; {unseen}"))
                .next("make sure that it is in recovery or stopped before clients reach it again");
        }
        if record.value.leader.is_none() && self.changes_lead() {
            return unknown(format!("nobody holds the leader lock; {unseen}"))
                .next("if nobody takes it within the ttl, fail over to a chosen member: pgctl-tui failover NODE");
        }
        if self.all_accepted() {
            return Outcome::new(Ending::Unverified, format!("accepted, but {unseen}"))
                .next("look at the cluster: pgctl-tui status");
        }
        unknown(unseen).next("look at the cluster before trying again: pgctl-tui status")
    }

    fn expects_step_down(&self) -> bool {
        self.deciding().any(|(milestone, _)| matches!(milestone, Milestone::SteppedDown { .. }))
    }
}

/// Whether a step is what its action is about, rather than a preparation, or what is taken back.
pub fn is_principal(step: &Step) -> bool {
    match &step.order {
        Order::Agent { .. }
        | Order::Record { .. }
        | Order::Sql { request: SqlRequest::EndSession { .. }, .. }
        | Order::Router { request: RouterRequest::EndDrain { .. }, .. }
        | Order::Drill { request: DrillRequest::Break { .. } } => true,
        Order::Router { request: RouterRequest::State { .. }, .. } => step.undo.is_none(),
        // Where it goes alongside another step, that one is what the action is about.
        Order::Escort(escort) => escort.from.is_none(),
        Order::Router { request: RouterRequest::Health { .. }, .. }
        | Order::Sql { request: SqlRequest::Checkpoint, .. }
        | Order::Drill { .. }
        | Order::Await { .. } => false,
    }
}
