//! An escort under way: one who proves, many times a second, who leads, and one for each write backend who tells its
//! router. A router that hangs delays neither the proofs nor the other routers.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::{join, join_all};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::action::escort::{AGAIN, Escort, LAPSED, LeadRecord, LeadWord, Proof, Route, Told, YOUNG};
use crate::action::order::RouterRequest;
use crate::action::permit::Permit;
use crate::action::telling::Heard;
use crate::driver::port::{Companion, NotPerformed, Reply, ReplyVerdict, Still};
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::router::{Hold, OwnCheck, ProxyRow};
use crate::model::source::SourceError;
use crate::model::text::Text;
use crate::model::units;
use crate::observe::picture::Clock;

/// Between two looks until something happens.
const CALM: Duration = Duration::from_millis(50);
/// Between two looks while nobody leads: every one of them is an outage.
const HOT: Duration = Duration::from_millis(20);
/// How long it is looked that often: what takes longer is not decided by some milliseconds.
const HOT_FOR: Duration = Duration::from_secs(10);
/// Longest wait for one source in one look. A proof from slower ones would be too old.
const LOOK: Duration = Duration::from_millis(450);
/// Longest wait for a login that is made beforehand.
const WARM: Duration = Duration::from_secs(3);
/// Longest wait for a router, and pause before it is asked again when it failed.
const ROUTER: Duration = Duration::from_secs(1);
const ROUTER_PAUSE: Duration = Duration::from_millis(200);
/// A router that could not be told for this long, while somebody is proven to lead, is left to its own checks: once it is
/// back they are newer than whatever it would be told.
const UNREACHABLE: Duration = Duration::from_secs(20);
/// How often a server that was told up and does not stay so is told again: a reload forgets it.
const AGAIN_AT_MOST: u8 = 3;
/// An order whose request was not answered may come on record after this long at the latest.
const LATE: Duration = Duration::from_secs(15);

/// What an escort works with.
pub(super) struct Party<'a> {
    pub(super) companion: &'a dyn Companion,
    pub(super) escort: &'a Escort,
    pub(super) permit: &'a Permit,
    pub(super) clock: Clock,
    /// The answer to the step that it goes alongside, when there is one.
    pub(super) reply: watch::Receiver<Option<Heard>>,
    /// Who is to hear of what was told.
    pub(super) news: mpsc::UnboundedSender<Told>,
}

/// How an escort ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Escorted {
    /// In one line, router by router.
    pub(super) words: Text,
    /// Every write backend leads to the proven leader alone, and HAProxy's own check agrees; or none was told anything.
    pub(super) settled: bool,
    /// What is left to do.
    pub(super) left: Vec<Text>,
}

/// What the newest looks have come to.
#[derive(Clone, Debug, Default)]
struct Evidence {
    /// Who was proven to lead last, when that look began, and from what.
    leader: Option<Proven>,
    /// What the newest look has against whoever was.
    against: Option<Text>,
    /// Why the old leader's server is to be told down.
    leaving: Option<Text>,
    /// The order was not taken: nothing will come.
    void: bool,
}

#[derive(Clone, Debug)]
struct Proven {
    member: NodeName,
    at: Moment,
    words: Text,
}

/// How it ended with one backend.
enum RouteEnd {
    /// It leads to one member alone, and its own check agrees; sessions that stay on others.
    Settled(NodeName, Vec<(String, u64)>),
    /// It was not told anything, since nothing changed.
    Untold,
    /// It was left as it is.
    Left(String),
}

impl Party<'_> {
    /// Goes along until every backend is settled, or nothing is to be told, or the time is over.
    pub(super) async fn go(self) -> Escorted {
        let (publish, evidence) = watch::channel(Evidence::default());
        let end = Instant::now() + self.escort.at_most;
        let serving = join_all(self.escort.routes.iter().map(|route| self.serve(route, evidence.clone(), end)));
        let proving = join(self.prove(&publish), self.warm());
        let ends = tokio::select! {
            biased;
            ends = serving => ends,
            _ = proving => Vec::new(),
        };
        let mut words = Vec::new();
        let mut left = Vec::new();
        let mut settled = !ends.is_empty();
        for (route, end) in self.escort.routes.iter().zip(ends) {
            let place = format!("{}: {}", route.router, route.backend);
            match end {
                RouteEnd::Settled(member, kept) => {
                    words.push(format!("{place} leads to {member} alone, and its own check agrees"));
                    for (server, sessions) in kept {
                        let text = format!(
                            "{place}: {sessions} sessions of before are still on {server}: end them, or set on-marked-down \
                             shutdown-sessions"
                        );
                        left.push(Text::redacted(text));
                    }
                }
                RouteEnd::Untold => words.push(format!("{place} was not told anything")),
                RouteEnd::Left(why) => {
                    settled = false;
                    words.push(format!("{place}: {why}"));
                    left.push(Text::redacted(format!("{place}: {why}; look at it: pgctl-tui settle")));
                }
            }
        }
        Escorted { words: Text::redacted(words.join("; ")), settled, left }
    }

    /// Logs in everywhere beforehand, so that no login stands between a promotion and its proof.
    async fn warm(&self) {
        let members: BTreeSet<&NodeName> = self.escort.routes.iter().flat_map(|route| route.servers.keys()).collect();
        let logins = members.into_iter().map(|member| timeout(WARM, self.companion.postgres(member)));
        join_all(logins).await;
        std::future::pending::<()>().await;
    }

    /// Looks again and again, for as long as anybody listens.
    async fn prove(&self, publish: &watch::Sender<Evidence>) {
        let mut known = Evidence::default();
        let mut holder = self.escort.from.clone();
        let mut hot_since: Option<Moment> = None;
        let mut answered: Option<Moment> = None;
        loop {
            let began = self.clock.now();
            if answered.is_none() && self.reply.borrow().is_some() {
                answered = Some(began);
            }
            let target = holder.clone().or_else(|| self.escort.to.clone());
            let asked = async {
                match &target {
                    Some(member) => timeout(LOOK, self.companion.postgres(member)).await.ok(),
                    None => None,
                }
            };
            let (record, sql) = join(timeout(LOOK, self.companion.record()), asked).await;
            known.against = None;
            if let Ok(Ok(record)) = record {
                self.weigh(&mut known, &record, target.as_ref(), sql.as_ref(), began).await;
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
                let waits = self.escort.from == holder && self.reply.borrow().is_none();
                sleep(if waits { CALM } else { AGAIN }).await;
            } else if !moved {
                let since = *hot_since.get_or_insert(began);
                let hot = known.leaving.is_some() && began.since(since) < HOT_FOR;
                let late = began.since(since) >= HOT_FOR;
                sleep(if hot {
                    HOT
                } else if late {
                    AGAIN
                } else {
                    CALM
                })
                .await;
            }
        }
    }

    /// What one look tells.
    async fn weigh(
        &self,
        known: &mut Evidence,
        record: &LeadRecord,
        target: Option<&NodeName>,
        sql: Option<&Result<LeadWord, SourceError>>,
        began: Moment,
    ) {
        let before = self.permit.generation();
        let of_old = sql.filter(|_| target == self.escort.from.as_ref());
        if let Some(why) = self.escort.is_leaving(record, of_old, before) {
            known.leaving = Some(why);
        }
        let Some(holder) = &record.holder else {
            known.against = Some(Text::new("nobody holds the leader lock"));
            return;
        };
        if known.leader.as_ref().is_some_and(|leader| leader.member != *holder) {
            known.against = Some(Text::redacted(format!("{holder} holds the leader lock")));
        }
        let Some(sql) = sql.filter(|_| target == Some(holder)) else { return };
        match self.escort.leads(holder, sql, before) {
            Proof::Holds => {}
            Proof::Broken(why) => {
                known.against = Some(why);
                return;
            }
            Proof::Silent(_) => return,
        }
        match timeout(LOOK, self.companion.is_primary(holder)).await {
            Ok(Ok(true)) => {
                let words = format!(
                    "PostgreSQL of {holder} takes writes{}, it holds the leader lock, and its agent answers 200 to /primary",
                    timeline(sql)
                );
                known.leader = Some(Proven { member: holder.clone(), at: began, words: Text::redacted(words) });
                known.against = None;
                known.leaving = None;
            }
            Ok(Ok(false)) => known.against = Some(Text::redacted(format!("the agent of {holder} denies /primary"))),
            Ok(Err(_)) | Err(_) => {}
        }
    }

    /// Whether nothing will come of the order: it was answered, it is not on record, and who led leads.
    fn is_void(&self, known: &Evidence, record: &LeadRecord, began: Moment, answered: Moment) -> bool {
        let Some(from) = &self.escort.from else { return false };
        let stays = known.leader.as_ref().is_some_and(|leader| leader.member == *from && leader.at == began);
        let patience = match &*self.reply.borrow() {
            Some(Heard::NoAnswer(_)) => LATE,
            Some(Heard::Accepted(_) | Heard::Refused(_) | Heard::InDoubt(_) | Heard::NotSent(_)) | None => {
                Duration::ZERO
            }
        };
        stays && !self.escort.is_accepted(record, self.permit.generation()) && began.since(answered) >= patience
    }

    /// Tells one router of one backend, whenever the evidence asks for it, until it is settled.
    async fn serve(&self, route: &Route, mut evidence: watch::Receiver<Evidence>, end: Instant) -> RouteEnd {
        let mut teller =
            Teller { party: self, route, up: None, down: BTreeSet::new(), told: false, retold: 0, trouble: None };
        let mut silent_since = None;
        loop {
            let seen = evidence.borrow_and_update().clone();
            if let Some(ended) = teller.step(&seen, &evidence).await {
                return ended;
            }
            let now = self.clock.now();
            let is_proven = seen.leader.as_ref().is_some_and(|leader| now.since(leader.at) < LAPSED);
            if teller.trouble.is_none() || !is_proven {
                silent_since = None;
            } else if now.since(*silent_since.get_or_insert(now)) >= UNREACHABLE {
                return teller.left(&seen);
            }
            let pause = teller.trouble.is_some().then(|| sleep(ROUTER_PAUSE));
            tokio::select! {
                () = async { match pause { Some(pause) => pause.await, None => std::future::pending().await } } => {}
                changed = evidence.changed(), if teller.trouble.is_none() => if changed.is_err() {
                    return RouteEnd::Left("nobody proves any more".to_owned());
                },
                () = sleep_until(end) => return teller.left(&seen),
            }
            if Instant::now() >= end {
                return teller.left(&seen);
            }
        }
    }
}

fn timeline(sql: &Result<LeadWord, SourceError>) -> String {
    let timeline = sql.as_ref().ok().and_then(|word| word.timeline);
    timeline.map_or_else(String::new, |timeline| format!(" on timeline {timeline}"))
}

/// Whoever tells one router of one backend.
struct Teller<'a> {
    party: &'a Party<'a>,
    route: &'a Route,
    /// Whose server was told up, or may have been, or came up by its own check.
    up: Option<NodeName>,
    /// Whose servers were told down.
    down: BTreeSet<NodeName>,
    /// Anything may have been told.
    told: bool,
    retold: u8,
    /// Why the router could not be told, last time.
    trouble: Option<Text>,
}

impl Teller<'_> {
    /// Does what the evidence asks for. `Some`: it is over.
    async fn step(&mut self, seen: &Evidence, newest: &watch::Receiver<Evidence>) -> Option<RouteEnd> {
        self.trouble = None;
        if seen.void && !self.told {
            return Some(RouteEnd::Untold);
        }
        let now = self.party.clock.now();
        if let Some(member) = self.up.clone() {
            let leader = seen.leader.as_ref().filter(|leader| leader.member == member);
            let lapsed = leader.is_none_or(|leader| now.since(leader.at) > LAPSED);
            if let Some(why) =
                seen.against.clone().or_else(|| lapsed.then(|| Text::new("the proof could not be renewed")))
            {
                if self.tell(&member, false, &why, &|| true).await {
                    self.up = None;
                }
                return None;
            }
        }
        let from = self.party.escort.from.as_ref();
        // As long as the old leader is not on its way out, there is nothing to tell.
        let led_as_before = |leader: &Proven| from == Some(&leader.member) && !self.told;
        match seen.leader.as_ref().filter(|leader| seen.against.is_none() && now.since(leader.at) < YOUNG) {
            Some(leader) if led_as_before(leader) => None,
            Some(leader) => self.follow(leader, newest).await,
            None => {
                if let (Some(why), Some(from)) = (&seen.leaving, from)
                    && !self.down.contains(from)
                {
                    self.tell(from, false, why, &|| true).await;
                }
                None
            }
        }
    }

    /// Leads the backend to a proven leader alone, and watches until HAProxy's own check agrees.
    async fn follow(&mut self, leader: &Proven, newest: &watch::Receiver<Evidence>) -> Option<RouteEnd> {
        let rows = self.rows().await?;
        let takes = |row: &&ProxyRow| row.control.is_some_and(|control| control.running && control.hold == Hold::None);
        let own = self.route.servers.get(&leader.member);
        let Some(own) = rows.iter().find(|row| Some(&row.server) == own) else {
            return Some(RouteEnd::Left(format!("it has no server of {}", leader.member)));
        };
        let Some(control) = own.control else {
            return Some(RouteEnd::Left(format!("the state of {} is not told", own.server)));
        };
        if control.hold != Hold::None {
            let word = if control.hold == Hold::Drain { "draining" } else { "in maintenance" };
            let by = own.holder().map(|by| format!(" ({})", by.words())).unwrap_or_default();
            return Some(RouteEnd::Left(format!("{} is {word}{by}: nothing leads to the leader", own.server)));
        }
        let mut alone = true;
        for row in rows.iter().filter(takes).filter(|row| row.server != own.server) {
            alone = false;
            let why = Text::redacted(format!("{} is proven to lead", leader.member));
            let Some(member) = self.route.member(&row.server).cloned() else {
                return Some(RouteEnd::Left(format!("{} is up, and nobody knows whose it is", row.server)));
            };
            if !self.tell(&member, false, &why, &|| true).await {
                return None;
            }
        }
        if control.running {
            self.up = Some(leader.member.clone());
            if !alone || control.check != OwnCheck::Passed {
                return None;
            }
            let kept = rows.iter().filter(|row| row.server != own.server);
            let kept = kept.filter_map(|row| Some((row.server.to_string(), row.sessions.filter(|open| *open > 0)?)));
            return Some(RouteEnd::Settled(leader.member.clone(), kept.collect()));
        }
        if self.up.is_some() {
            self.retold += 1;
            if self.retold > AGAIN_AT_MOST {
                return Some(RouteEnd::Left(format!("{} does not stay up: its own check disagrees", own.server)));
            }
        }
        // Asking and telling took their time, and so will connecting: by the newest proof, or not at all.
        let clock = self.party.clock;
        let proof = || {
            let seen = newest.borrow();
            let young = |proven: &&Proven| clock.now().since(proven.at) < YOUNG && proven.member == leader.member;
            seen.leader.as_ref().filter(|_| seen.against.is_none()).filter(young).map(|proven| proven.words.clone())
        };
        if let Some(words) = proof()
            && self.tell(&leader.member, true, &words, &|| proof().is_some()).await
        {
            self.down.remove(&leader.member);
        }
        None
    }

    /// The servers of the backend; `None`: the router did not tell.
    async fn rows(&mut self) -> Option<Vec<ProxyRow>> {
        let asked = timeout(ROUTER, self.party.companion.servers(&self.route.router, &self.route.backend)).await;
        match asked {
            Ok(Ok(rows)) => Some(rows),
            Ok(Err(error)) => {
                self.trouble = Some(Text::redacted(error.to_string()));
                None
            }
            Err(_) => {
                self.trouble = Some(Text::new("no answer in time"));
                None
            }
        }
    }

    /// Tells it of the server of `member`. Whether it reads back so. It is told again where it does not: health does no
    /// harm twice, and each time by a proof of its own.
    async fn tell(&mut self, member: &NodeName, up: bool, why: &Text, still: Still<'_>) -> bool {
        let Some(server) = self.route.servers.get(member).cloned() else { return false };
        let request = RouterRequest::Health { backend: self.route.backend.clone(), server: server.clone(), up };
        self.told = true;
        let party = self.party;
        // From here on it may be up, whatever is heard of it: should the proof break, it is told down.
        let was_up = if up { self.up.replace(member.clone()) } else { self.up.clone() };
        let (reply, accepted) =
            match timeout(ROUTER, party.companion.tell(&self.route.router, &request, party.permit, still)).await {
                Ok(Ok(Reply { verdict, words })) => (
                    words,
                    match verdict {
                        ReplyVerdict::Accepted => Some(true),
                        ReplyVerdict::RefusedNothingBegun => Some(false),
                        ReplyVerdict::RefusedMayHappen => None,
                    },
                ),
                Ok(Err(error @ NotPerformed::NotSent(_))) => (Text::redacted(error.to_string()), Some(false)),
                Ok(Err(error @ NotPerformed::NoAnswer(_))) => (Text::redacted(error.to_string()), None),
                Err(_) => (Text::redacted(format!("no answer after {}", units::latency(ROUTER))), None),
            };
        if accepted == Some(false) {
            self.up = was_up;
        }
        let done = accepted == Some(true);
        if done && !up {
            self.down.insert(member.clone());
        }
        if !done {
            self.trouble = Some(reply.clone());
        }
        let Route { router, backend, .. } = self.route;
        let (router, backend, why) = (router.clone(), backend.clone(), why.clone());
        // Nobody listening is no reason to stop.
        let _ = party.news.send(Told { router, backend, server, up, why, reply, accepted });
        done
    }

    /// What is left when the time is over.
    fn left(&self, seen: &Evidence) -> RouteEnd {
        let down = self.down.iter().map(NodeName::as_str).collect::<Vec<_>>().join(", ");
        let checks = "its own checks are on and decide from here";
        RouteEnd::Left(match (&self.up, &self.trouble) {
            (Some(up), _) => format!("{up} was told up, and its own check has not agreed; {checks}"),
            (None, Some(trouble)) => format!("it could not be told ({trouble}); {checks}"),
            (None, None) if down.is_empty() => format!("it was not told anything; {checks}"),
            (None, None) => {
                let why = seen.against.as_ref().map_or("nobody is proven to lead", Text::as_str);
                format!("{down} was told down, and {why}; {checks}")
            }
        })
    }
}
