//! An escort under way: one who proves, many times a second, who leads, and one for each write backend who tells its
//! router. A router that hangs delays neither the proofs nor the other routers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{join, join_all};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::pooler_release::{PoolerReleaser, ReleaseOutcome};
use crate::action::evaluation::ReplyStatus;
use crate::action::order::RouterRequest;
use crate::action::permit::Permit;
use crate::action::router_handover::{
    AGAIN, LeadAnswer, LeadProof, LeadRecord, MAX_PROOF_AGE, PROOF_EXPIRY, RouterHandover, RouterRoute, RouterUpdate,
};
use crate::driver::port::{LeadWatcher, NotPerformed, Reply, ReplyVerdict, StillAllowed};
use crate::model::moment::Moment;
use crate::model::name::{NodeName, PoolerName};
use crate::model::router::{AdminState, CheckState, ProxyRow};
use crate::model::snapshot::Snapshot;
use crate::model::source::SourceError;
use crate::model::text::Text;
use crate::model::units;
use crate::observe::picture::Clock;

/// Between two looks until something happens.
const IDLE_POLL_INTERVAL: Duration = Duration::from_millis(50);
/// Between two looks while nobody leads: every one of them is an outage.
const HOT_POLL_INTERVAL: Duration = Duration::from_millis(20);
/// How long it is looked that often: what takes longer is not decided by some milliseconds.
const HOT_PERIOD: Duration = Duration::from_secs(10);
/// Longest wait for one source in one look. A proof from slower ones would be too old.
pub(super) const LOOK_TIMEOUT: Duration = Duration::from_millis(450);
/// Longest wait for a login that is made beforehand.
const WARM_UP_LEAD: Duration = Duration::from_secs(3);
/// Longest wait for a router, and pause before it is asked again when it failed.
const ROUTER_TIMEOUT: Duration = Duration::from_secs(1);
const ROUTER_RETRY_INTERVAL: Duration = Duration::from_millis(200);
/// A router that could not be told for this long, while somebody is proven to lead, is left to its own checks: once it is
/// back they are newer than whatever it would be told.
const UNREACHABLE_LIMIT: Duration = Duration::from_secs(20);
/// How often a server that was told up and does not stay so is told again: a reload forgets it.
const MAX_RETRIES: u8 = 3;
/// An order whose request was not answered may come on record after this long at the latest.
const HANDOVER_GRACE: Duration = Duration::from_secs(15);

/// What an escort works with.
pub(super) struct HandoverContext<'a> {
    pub(super) lead_watcher: &'a dyn LeadWatcher,
    pub(super) router_handover: &'a RouterHandover,
    pub(super) permit: &'a Permit,
    pub(super) clock: Clock,
    /// The answer to the step that it goes alongside, when there is one.
    pub(super) reply: watch::Receiver<Option<ReplyStatus>>,
    /// Who is to hear of what was told.
    pub(super) news: mpsc::UnboundedSender<HandoverNews>,
    /// The picture by which addresses are known to be members'.
    pub(super) snapshot: Arc<Snapshot>,
    /// Since when the first of its poolers is paused, or was asked to; `None`: none is.
    pub(super) paused_since: Option<Moment>,
}

/// What an escort has done.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum HandoverNews {
    /// A router was told, or was tried to be.
    Router(RouterUpdate),
    /// A pooler was pointed at a member, or was tried to be.
    Repointed {
        /// Pooler.
        pooler: PoolerName,
        /// Member.
        member: NodeName,
        /// What was said.
        reply: Text,
        /// Whether it was accepted; `None`: no answer.
        accepted: Option<bool>,
    },
    /// The clients of a pooler were let on, or were tried to be.
    Resumed {
        /// Pooler.
        pooler: PoolerName,
        /// Its databases.
        databases: Vec<Text>,
        /// What was said.
        reply: Text,
        /// Whether it was accepted; `None`: no answer.
        accepted: Option<bool>,
    },
}

/// How an escort ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct HandoverReport {
    /// In one line, router by router.
    pub(super) text: Text,
    /// Every write backend leads to the proven leader alone, and HAProxy's own check agrees; or none was told anything.
    pub(super) settled: bool,
    /// What is left to do.
    pub(super) left: Vec<Text>,
}

/// What the newest looks have come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Evidence {
    /// Who was proven to lead last, when that look began, and from what.
    pub(super) leader: Option<ProvenLeader>,
    /// What the newest look has against whoever was.
    pub(super) against: Option<Text>,
    /// Why the old leader's server is to be told down.
    pub(super) leaving: Option<Text>,
    /// The order was not taken: nothing will come.
    pub(super) void: bool,
}

#[derive(Clone, Debug)]
pub(super) struct ProvenLeader {
    pub(super) member: NodeName,
    pub(super) at: Moment,
    text: Text,
}

/// How it ended with one backend.
enum RouteOutcome {
    /// It leads to one member alone, and its own check agrees; sessions that stay on others.
    Settled(NodeName, Vec<(String, u64)>),
    /// It was not told anything, since nothing changed.
    Unreported,
    /// It was left as it is.
    Left(String),
}

impl HandoverContext<'_> {
    /// Goes along until every backend is settled, or nothing is to be told, or the time is over.
    pub(super) async fn run(self) -> HandoverReport {
        let (publish, evidence) = watch::channel(Evidence::default());
        let end = Instant::now() + self.router_handover.at_most;
        let routes =
            join_all(self.router_handover.routes.iter().map(|route| self.run_route(route, evidence.clone(), end)));
        let poolers = self.router_handover.poolers.iter();
        let poolers = join_all(poolers.map(|release| PoolerReleaser::new(&self, release).run(evidence.clone(), end)));
        let serving = join(routes, poolers);
        let proving = join(self.publish_evidence(&publish), self.warm());
        let (ends, releases) = tokio::select! {
            biased;
            ends = serving => ends,
            _ = proving => Default::default(),
        };
        let mut words = Vec::new();
        let mut left = Vec::new();
        let mut settled = !ends.is_empty() || !releases.is_empty();
        for (route, end) in self.router_handover.routes.iter().zip(ends) {
            let place = format!("{}: {}", route.router, route.backend);
            match end {
                RouteOutcome::Settled(member, kept) => {
                    words.push(format!("{place} routes to {member} only, confirmed by its own health check"));
                    for (server, sessions) in kept {
                        let text = format!(
                            "{place}: old sessions still on {server}: {sessions}; terminate them, or set on-marked-down \
                                shutdown-sessions"
                        );
                        left.push(Text::redacted(text));
                    }
                }
                RouteOutcome::Unreported => words.push(format!("the routing of {place} was not changed")),
                RouteOutcome::Left(why) => {
                    settled = false;
                    words.push(format!("{place}: {why}"));
                    left.push(Text::redacted(format!("{place}: {why}; fix it: pgctl-tui fix-routing")));
                }
            }
        }
        for (release, end) in self.router_handover.poolers.iter().zip(releases) {
            match end {
                ReleaseOutcome::Resumed(why) => words.push(format!("{} resumed: {why}", release.pooler)),
                ReleaseOutcome::Left(why) => {
                    settled = false;
                    words.push(format!("{} {why}", release.pooler));
                    left.push(Text::redacted(format!("{} {why}", release.pooler)));
                }
            }
        }
        HandoverReport { text: Text::redacted(words.join("; ")), settled, left }
    }

    /// Logs in everywhere beforehand, so that no login stands between a promotion and its proof.
    async fn warm(&self) {
        let routed = self.router_handover.routes.iter().flat_map(|route| route.servers.keys());
        let named = self.router_handover.from.iter().chain(&self.router_handover.to);
        let members: BTreeSet<&NodeName> = routed.chain(named).collect();
        let logins = members.into_iter().map(|member| timeout(WARM_UP_LEAD, self.lead_watcher.postgres(member)));
        let poolers = self.router_handover.poolers.iter();
        let poolers = poolers.map(|release| timeout(WARM_UP_LEAD, self.lead_watcher.pooler(&release.pooler)));
        join(join_all(logins), join_all(poolers)).await;
        std::future::pending::<()>().await;
    }

    /// Looks again and again, for as long as anybody listens.
    async fn publish_evidence(&self, publish: &watch::Sender<Evidence>) {
        let mut known = Evidence::default();
        let mut holder = self.router_handover.from.clone();
        let mut hot_since: Option<Moment> = None;
        let mut answered: Option<Moment> = None;
        loop {
            let began = self.clock.now();
            if answered.is_none() && self.reply.borrow().is_some() {
                answered = Some(began);
            }
            let target = holder.clone().or_else(|| self.router_handover.to.clone());
            let asked = async {
                match &target {
                    Some(member) => timeout(LOOK_TIMEOUT, self.lead_watcher.postgres(member)).await.ok(),
                    None => None,
                }
            };
            let (record, sql) = join(timeout(LOOK_TIMEOUT, self.lead_watcher.record()), asked).await;
            known.against = None;
            if let Ok(Ok(record)) = record {
                self.judge_failure(&mut known, &record, target.as_ref(), sql.as_ref(), began).await;
                known.void = answered.is_some_and(|answered| self.is_void(&known, &record, began, answered));
                holder = record.holder;
            }
            let moved = holder.is_some() && holder != target;
            publish.send_replace(known.clone());
            if known.leader.as_ref().is_some_and(|leader| Some(&leader.member) == holder.as_ref())
                && known.leaving.is_none()
            {
                hot_since = None;
                // A leader that is only about to step down is looked at more often than one that has taken over.
                let waits = self.router_handover.from == holder && self.reply.borrow().is_none();
                sleep(if waits { IDLE_POLL_INTERVAL } else { AGAIN }).await;
            } else if !moved {
                let since = *hot_since.get_or_insert(began);
                let hot = known.leaving.is_some() && began.since(since) < HOT_PERIOD;
                let late = began.since(since) >= HOT_PERIOD;
                sleep(if hot {
                    HOT_POLL_INTERVAL
                } else if late {
                    AGAIN
                } else {
                    IDLE_POLL_INTERVAL
                })
                .await;
            }
        }
    }

    /// What one look tells.
    async fn judge_failure(
        &self,
        known: &mut Evidence,
        record: &LeadRecord,
        target: Option<&NodeName>,
        sql: Option<&Result<LeadAnswer, SourceError>>,
        began: Moment,
    ) {
        let before = self.permit.generation();
        let of_old = sql.filter(|_| target == self.router_handover.from.as_ref());
        if let Some(why) = self.router_handover.is_leaving(record, of_old, before) {
            known.leaving = Some(why);
        }
        let Some(holder) = &record.holder else {
            known.against = Some(Text::new("no member holds the leader key"));
            return;
        };
        if known.leader.as_ref().is_some_and(|leader| leader.member != *holder) {
            known.against = Some(Text::redacted(format!("{holder} holds the leader key")));
        }
        let Some(sql) = sql.filter(|_| target == Some(holder)) else { return };
        match self.router_handover.prove_lead(holder, sql, before) {
            LeadProof::Holds => {}
            LeadProof::Broken(why) => {
                known.against = Some(why);
                return;
            }
            LeadProof::Silent(_) => return,
        }
        match timeout(LOOK_TIMEOUT, self.lead_watcher.is_primary(holder)).await {
            Ok(Ok(true)) => {
                let words = format!(
                    "PostgreSQL on {holder} accepts writes{}, it holds the leader key, and its agent returns 200 for /primary",
                    timeline(sql)
                );
                known.leader = Some(ProvenLeader { member: holder.clone(), at: began, text: Text::redacted(words) });
                known.against = None;
                known.leaving = None;
            }
            Ok(Ok(false)) => {
                known.against = Some(Text::redacted(format!("the agent of {holder} does not return 200 for /primary")));
            }
            Ok(Err(_)) | Err(_) => {}
        }
    }

    /// Whether nothing will come of the order: it was answered, it is not on record, and who led leads.
    fn is_void(&self, known: &Evidence, record: &LeadRecord, began: Moment, answered: Moment) -> bool {
        let Some(from) = &self.router_handover.from else { return false };
        let stays = known.leader.as_ref().is_some_and(|leader| leader.member == *from && leader.at == began);
        let time_limit = match &*self.reply.borrow() {
            Some(ReplyStatus::NoAnswer(_)) => HANDOVER_GRACE,
            Some(
                ReplyStatus::Accepted(_) | ReplyStatus::Refused(_) | ReplyStatus::InDoubt(_) | ReplyStatus::NotSent(_),
            )
            | None => Duration::ZERO,
        };
        stays
            && !self.router_handover.is_accepted(record, self.permit.generation())
            && began.since(answered) >= time_limit
    }

    /// Tells one router of one backend, whenever the evidence asks for it, until it is settled.
    async fn run_route(
        &self,
        route: &RouterRoute,
        mut evidence: watch::Receiver<Evidence>,
        end: Instant,
    ) -> RouteOutcome {
        let mut teller = RouterUpdater {
            handover_context: self,
            route,
            up: None,
            down: BTreeSet::new(),
            reported: false,
            resent: 0,
            failure_kind: None,
        };
        let mut silent_since = None;
        loop {
            let seen = evidence.borrow_and_update().clone();
            if let Some(ended) = teller.step(&seen, &evidence).await {
                return ended;
            }
            let now = self.clock.now();
            let is_proven = seen.leader.as_ref().is_some_and(|leader| now.since(leader.at) < PROOF_EXPIRY);
            if teller.failure_kind.is_none() || !is_proven {
                silent_since = None;
            } else if now.since(*silent_since.get_or_insert(now)) >= UNREACHABLE_LIMIT {
                return teller.left(&seen);
            }
            let pause = teller.failure_kind.is_some().then(|| sleep(ROUTER_RETRY_INTERVAL));
            tokio::select! {
                () = async { match pause { Some(pause) => pause.await, None => std::future::pending().await } } => {}
                changed = evidence.changed(), if teller.failure_kind.is_none() => if changed.is_err() {
                    return RouteOutcome::Left("verification has stopped".to_owned());
                },
                () = sleep_until(end) => return teller.left(&seen),
            }
            if Instant::now() >= end {
                return teller.left(&seen);
            }
        }
    }
}

fn timeline(sql: &Result<LeadAnswer, SourceError>) -> String {
    let timeline = sql.as_ref().ok().and_then(|word| word.timeline);
    timeline.map_or_else(String::new, |timeline| format!(" on timeline {timeline}"))
}

/// Whoever tells one router of one backend.
struct RouterUpdater<'a> {
    handover_context: &'a HandoverContext<'a>,
    route: &'a RouterRoute,
    /// Whose server was told up, or may have been, or came up by its own check.
    up: Option<NodeName>,
    /// Whose servers were told down.
    down: BTreeSet<NodeName>,
    /// Anything may have been told.
    reported: bool,
    resent: u8,
    /// Why the router could not be told, last time.
    failure_kind: Option<Text>,
}

impl RouterUpdater<'_> {
    /// Does what the evidence asks for. `Some`: it is over.
    async fn step(&mut self, seen: &Evidence, newest: &watch::Receiver<Evidence>) -> Option<RouteOutcome> {
        self.failure_kind = None;
        if seen.void && !self.reported {
            return Some(RouteOutcome::Unreported);
        }
        let now = self.handover_context.clock.now();
        if let Some(member) = self.up.clone() {
            let leader = seen.leader.as_ref().filter(|leader| leader.member == member);
            let lapsed = leader.is_none_or(|leader| now.since(leader.at) > PROOF_EXPIRY);
            if let Some(why) =
                seen.against.clone().or_else(|| lapsed.then(|| Text::new("the verification could not be repeated")))
            {
                if self.set_health(&member, false, &why, &|| true).await {
                    self.up = None;
                }
                return None;
            }
        }
        let from = self.handover_context.router_handover.from.as_ref();
        // As long as the old leader is not on its way out, there is nothing to tell.
        let led_as_before = |leader: &ProvenLeader| from == Some(&leader.member) && !self.reported;
        match seen.leader.as_ref().filter(|leader| seen.against.is_none() && now.since(leader.at) < MAX_PROOF_AGE) {
            Some(leader) if led_as_before(leader) => None,
            Some(leader) => self.follow(leader, newest).await,
            None => {
                if let (Some(why), Some(from)) = (&seen.leaving, from)
                    && !self.down.contains(from)
                {
                    self.set_health(from, false, why, &|| true).await;
                }
                None
            }
        }
    }

    /// Leads the backend to a proven leader alone, and watches until HAProxy's own check agrees.
    async fn follow(&mut self, leader: &ProvenLeader, newest: &watch::Receiver<Evidence>) -> Option<RouteOutcome> {
        let rows = self.rows().await?;
        let takes = |row: &&ProxyRow| {
            row.admin_state.is_some_and(|control| control.is_running && control.admin_state == AdminState::None)
        };
        let own = self.route.servers.get(&leader.member);
        let Some(own) = rows.iter().find(|row| Some(&row.server) == own) else {
            return Some(RouteOutcome::Left(format!("it has no server of {}", leader.member)));
        };
        let Some(control) = own.admin_state else {
            return Some(RouteOutcome::Left(format!("the state of {} is unknown", own.server)));
        };
        if control.admin_state != AdminState::None {
            let word = if control.admin_state == AdminState::Drain { "draining" } else { "in maintenance" };
            let by = own.holder().map(|by| format!(" ({})", by.describe())).unwrap_or_default();
            return Some(RouteOutcome::Left(format!("{} is {word}{by}: no server routes to the leader", own.server)));
        }
        let mut alone = true;
        for row in rows.iter().filter(takes).filter(|row| row.server != own.server) {
            alone = false;
            let why = Text::redacted(format!("{} is verified as the leader", leader.member));
            let Some(member) = self.route.member(&row.server).cloned() else {
                return Some(RouteOutcome::Left(format!("{} is UP, but matches no known member", row.server)));
            };
            if !self.set_health(&member, false, &why, &|| true).await {
                return None;
            }
        }
        if control.is_running {
            self.up = Some(leader.member.clone());
            if !alone || control.check != CheckState::Passed {
                return None;
            }
            let kept = rows.iter().filter(|row| row.server != own.server);
            let kept = kept.filter_map(|row| Some((row.server.to_string(), row.sessions.filter(|open| *open > 0)?)));
            return Some(RouteOutcome::Settled(leader.member.clone(), kept.collect()));
        }
        if self.up.is_some() {
            self.resent += 1;
            if self.resent > MAX_RETRIES {
                return Some(RouteOutcome::Left(format!(
                    "{} does not stay UP: its own health check fails",
                    own.server
                )));
            }
        }
        // Asking and telling took their time, and so will connecting: by the newest proof, or not at all.
        let clock = self.handover_context.clock;
        let proof = || {
            let seen = newest.borrow();
            let young =
                |proven: &&ProvenLeader| clock.now().since(proven.at) < MAX_PROOF_AGE && proven.member == leader.member;
            seen.leader.as_ref().filter(|_| seen.against.is_none()).filter(young).map(|proven| proven.text.clone())
        };
        if let Some(words) = proof()
            && self.set_health(&leader.member, true, &words, &|| proof().is_some()).await
        {
            self.down.remove(&leader.member);
        }
        None
    }

    /// The servers of the backend; `None`: the router did not tell.
    async fn rows(&mut self) -> Option<Vec<ProxyRow>> {
        let asked = timeout(
            ROUTER_TIMEOUT,
            self.handover_context.lead_watcher.servers(&self.route.router, &self.route.backend),
        )
        .await;
        match asked {
            Ok(Ok(rows)) => Some(rows),
            Ok(Err(error)) => {
                self.failure_kind = Some(Text::redacted(error.to_string()));
                None
            }
            Err(_) => {
                self.failure_kind = Some(Text::new("timed out"));
                None
            }
        }
    }

    /// Tells it of the server of `member`. Whether it reads back so. It is told again where it does not: health does no
    /// harm twice, and each time by a proof of its own.
    async fn set_health(&mut self, member: &NodeName, up: bool, why: &Text, still: StillAllowed<'_>) -> bool {
        let Some(server) = self.route.servers.get(member).cloned() else { return false };
        let request = RouterRequest::Health { backend: self.route.backend.clone(), server: server.clone(), up };
        self.reported = true;
        let handover_context = self.handover_context;
        // From here on it may be up, whatever is heard of it: should the proof break, it is told down.
        let was_up = if up { self.up.replace(member.clone()) } else { self.up.clone() };
        let (reply, accepted) = match timeout(
            ROUTER_TIMEOUT,
            handover_context.lead_watcher.update_router(&self.route.router, &request, handover_context.permit, still),
        )
        .await
        {
            Ok(Ok(Reply { verdict, text: words, .. })) => (
                words,
                match verdict {
                    ReplyVerdict::Accepted => Some(true),
                    ReplyVerdict::RefusedNothingBegun => Some(false),
                    ReplyVerdict::RefusedMayHappen => None,
                },
            ),
            Ok(Err(error @ NotPerformed::NotSent(_))) => (Text::redacted(error.to_string()), Some(false)),
            Ok(Err(error @ NotPerformed::NoAnswer(_))) => (Text::redacted(error.to_string()), None),
            Err(_) => (Text::redacted(format!("no response after {}", units::latency(ROUTER_TIMEOUT))), None),
        };
        if accepted == Some(false) {
            self.up = was_up;
        }
        let done = accepted == Some(true);
        if done && !up {
            self.down.insert(member.clone());
        }
        if !done {
            self.failure_kind = Some(reply.clone());
        }
        let RouterRoute { router, backend, .. } = self.route;
        let (router, backend, why) = (router.clone(), backend.clone(), why.clone());
        // Nobody listening is no reason to stop.
        let _ = handover_context.news.send(HandoverNews::Router(RouterUpdate {
            router,
            backend,
            server,
            up,
            why,
            reply,
            accepted,
        }));
        done
    }

    /// What is left when the time is over.
    fn left(&self, seen: &Evidence) -> RouteOutcome {
        let down = self.down.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ");
        let checks = "its own health checks are on and decide from here";
        RouteOutcome::Left(match (&self.up, &self.failure_kind) {
            (Some(up), _) => {
                format!("set server {up} health up, but its own health check has not confirmed it; {checks}")
            }
            (None, Some(failure_kind)) => format!("it could not be updated ({failure_kind}); {checks}"),
            (None, None) if down.is_empty() => format!("it was not changed; {checks}"),
            (None, None) => {
                let why = seen.against.as_ref().map_or("no member is verified as the leader", Text::as_str);
                format!("set server {down} health down, and {why}; {checks}")
            }
        })
    }
}
