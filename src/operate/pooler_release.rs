//! Letting the clients of a paused pooler on, alongside a change of leader: as soon as the new leader is proven and the pooler
//! leads there, and after a while in any case. One pooler that hangs holds up no other.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::router_handover::{Evidence, HandoverContext, HandoverNews, LOOK_TIMEOUT, ProvenLeader};
use crate::action::pooler_release::{PAUSE_LIMIT, PoolerRelease, PoolerTarget, PoolerWay};
use crate::action::router_handover::{MAX_PROOF_AGE, RouterRoute};
use crate::driver::port::{NotPerformed, Reply, ReplyVerdict};
use crate::model::name::NodeName;
use crate::model::router::AdminState;
use crate::model::text::Text;
use crate::model::units;

/// Pause before a pooler or a router is asked again while clients wait.
const RETRY_INTERVAL: Duration = Duration::from_millis(50);
/// Longest wait for a pooler's answer to RESUME, and for its console to say how it stands.
const POOLER_TIMEOUT: Duration = Duration::from_secs(2);
/// Longest wait for the command that re-points a pooler.
const REPOINT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a command that failed is tried again for one member.
const MAX_REPOINTS: u8 = 3;

/// How it ended with one pooler.
pub(super) enum ReleaseOutcome {
    /// Its clients go on, and how that came about.
    Resumed(String),
    /// They do not, as far as is known.
    Left(String),
}

/// Whoever lets the clients of one pooler on.
pub(super) struct PoolerReleaser<'a> {
    handover_context: &'a HandoverContext<'a>,
    release: &'a PoolerRelease,
    /// When its pause ends whatever is proven.
    limit: Instant,
    /// Where its command has pointed it.
    pointed: Option<NodeName>,
    repoints: u8,
    /// What keeps its clients waiting.
    waits_for: Text,
}

impl<'a> PoolerReleaser<'a> {
    /// For `release`, whose pause was asked for some time ago.
    pub(super) fn new(handover_context: &'a HandoverContext<'a>, release: &'a PoolerRelease) -> Self {
        let since = handover_context.paused_since.map(|since| handover_context.clock.now().since(since));
        let limit = Instant::now() + PAUSE_LIMIT.saturating_sub(since.unwrap_or_default());
        let waits_for = Text::new("no member is verified as the leader");
        Self { handover_context, release, limit, pointed: None, repoints: 0, waits_for }
    }

    /// Goes along until its clients go on, or the time is over.
    pub(super) async fn run(mut self, mut evidence: watch::Receiver<Evidence>, end: Instant) -> ReleaseOutcome {
        loop {
            let seen = evidence.borrow_and_update().clone();
            if let Some(why) = self.is_ready(&seen, &evidence).await
                && self.resume().await
            {
                return ReleaseOutcome::Resumed(why);
            }
            if Instant::now() >= end {
                return ReleaseOutcome::Left(format!("could not be resumed ({})", self.waits_for));
            }
            // Somebody is proven to lead, or the time is over: what is missing now is asked for again and again.
            let hot = seen.leader.is_some() && (seen.leaving.is_none() || Instant::now() >= self.limit);
            tokio::select! {
                () = sleep(RETRY_INTERVAL), if hot => {}
                changed = evidence.changed() => if changed.is_err() {
                    sleep_until(self.limit).await;
                },
                () = sleep_until(self.limit.max(Instant::now() + RETRY_INTERVAL)) => {}
                () = sleep_until(end) => {}
            }
        }
    }

    /// Why its clients are to go on now; `None`: not yet.
    async fn is_ready(&mut self, seen: &Evidence, newest: &watch::Receiver<Evidence>) -> Option<String> {
        if Instant::now() >= self.limit {
            let limit = units::duration(PAUSE_LIMIT);
            return Some(format!("after {limit} in any case ({})", self.waits_for));
        }
        let from = self.handover_context.router_handover.from.as_ref();
        let now = self.handover_context.clock.now();
        // Who led before leads as long as the order is not taken: clients wait for what comes of it.
        let leads = |leader: &&ProvenLeader| {
            now.since(leader.at) < MAX_PROOF_AGE && (from != Some(&leader.member) || seen.void)
        };
        let Some(leader) = seen.leader.as_ref().filter(|_| seen.against.is_none()).filter(leads) else {
            // Nothing flows meanwhile, so that pointing it at whoever is to lead does no harm, and saves that time later.
            if let (PoolerWay::Repointed(targets), Some(_), Some(to)) =
                (&self.release.way, &seen.leaving, &self.handover_context.router_handover.to)
                && let Some(target) = targets.get(to)
                && self.pointed.as_ref() != Some(to)
            {
                self.repoint(target).await;
            }
            return None;
        };
        let member = leader.member.clone();
        match &self.release.way {
            PoolerWay::Router(routes) => self.routes_lead_to(routes, &member).await?,
            PoolerWay::Repointed(targets) => {
                let stays = from == Some(&member) && self.pointed.is_none();
                if !stays && self.pointed.as_ref() != Some(&member) {
                    let Some(target) = targets.get(&member) else {
                        self.waits_for = Text::redacted(format!("the address of {member} is unknown"));
                        return None;
                    };
                    self.repoint(target).await;
                }
                self.leads_to(&member).await?;
            }
        }
        // Asking took its time: by the newest proof, or not yet.
        let newest = newest.borrow();
        let holds = newest.leader.as_ref().is_some_and(|newest| newest.member == member) && newest.against.is_none();
        holds.then(|| format!("{} routes to {member}, which is verified as the leader", self.release.pooler))
    }

    /// Whether every write backend reads back that it leads to `member` alone.
    async fn routes_lead_to(&mut self, routes: &[RouterRoute], member: &NodeName) -> Option<()> {
        for route in routes {
            let asked = self.handover_context.lead_watcher.servers(&route.router, &route.backend);
            let rows = match timeout(LOOK_TIMEOUT, asked).await {
                Ok(Ok(rows)) => rows,
                Ok(Err(error)) => {
                    self.waits_for = Text::redacted(error.to_string());
                    return None;
                }
                Err(_) => {
                    self.waits_for = Text::redacted(format!("{} does not respond", route.router));
                    return None;
                }
            };
            let takes = rows.iter().filter(|row| {
                row.admin_state.map_or_else(
                    || row.status.takes_traffic(),
                    |control| control.is_running && control.admin_state == AdminState::None,
                )
            });
            let takes: Vec<&Text> = takes.map(|row| &row.server).collect();
            if takes.as_slice() != [route.servers.get(member)?] {
                let words = takes.iter().map(|server| server.as_str()).collect::<Vec<_>>().join(", ");
                let words = if words.is_empty() { "no server".to_owned() } else { words };
                self.waits_for = Text::redacted(format!("{} of {} routes to {words}", route.backend, route.router));
                return None;
            }
        }
        Some(())
    }

    /// Whether its own databases and servers lead to `member` alone.
    async fn leads_to(&mut self, member: &NodeName) -> Option<()> {
        let asked = self.handover_context.lead_watcher.pooler(&self.release.pooler);
        let strays = match timeout(POOLER_TIMEOUT, asked).await {
            Ok(Ok(report)) => self.release.strays(&report, &self.handover_context.snapshot, member),
            Ok(Err(error)) => Some(Text::redacted(error.to_string())),
            Err(_) => Some(Text::new("its console does not respond")),
        };
        match strays {
            None => Some(()),
            Some(why) => {
                if self.pointed.as_ref() == Some(member) && self.repoints < MAX_REPOINTS {
                    // A file that was refused looks like one that was taken: the command and RELOAD once more.
                    self.pointed = None;
                }
                self.waits_for = why;
                None
            }
        }
    }

    async fn repoint(&mut self, target: &PoolerTarget) {
        if self.repoints >= MAX_REPOINTS * 2 {
            return;
        }
        self.repoints += 1;
        let context = self.handover_context;
        let asked = context.lead_watcher.repoint(&self.release.pooler, target, context.permit);
        let (reply, accepted) = heard(timeout(REPOINT_TIMEOUT, asked).await.ok());
        // What may have been done is looked at, and done again where it does not show.
        if accepted == Some(false) {
            self.waits_for = reply.clone();
        } else {
            self.pointed = Some(target.member.clone());
        }
        let pooler = self.release.pooler.clone();
        let _ = context.news.send(HandoverNews::Repointed { pooler, member: target.member.clone(), reply, accepted });
    }

    async fn resume(&mut self) -> bool {
        let context = self.handover_context;
        let asked = context.lead_watcher.resume(&self.release.pooler, &self.release.databases, context.permit);
        let (reply, accepted) = heard(timeout(POOLER_TIMEOUT, asked).await.ok());
        let done = accepted == Some(true);
        if !done {
            self.waits_for = reply.clone();
        }
        let (pooler, databases) = (self.release.pooler.clone(), self.release.databases.clone());
        let _ = context.news.send(HandoverNews::Resumed { pooler, databases, reply, accepted });
        done
    }
}

/// What was said, and whether it was accepted; `None`: nobody knows.
fn heard(received: Option<Result<Reply, NotPerformed>>) -> (Text, Option<bool>) {
    match received {
        Some(Ok(Reply { verdict, text, .. })) => (
            text,
            match verdict {
                ReplyVerdict::Accepted => Some(true),
                ReplyVerdict::RefusedNothingBegun => Some(false),
                ReplyVerdict::RefusedMayHappen => None,
            },
        ),
        Some(Err(error @ NotPerformed::NotSent(_))) => (Text::redacted(error.to_string()), Some(false)),
        Some(Err(error @ NotPerformed::NoAnswer(_))) => (Text::redacted(error.to_string()), None),
        None => (Text::new("no response in time"), None),
    }
}
