//! From a command, what was typed behind it and the selected row to what is wanted; and where that cannot be, why not.

use std::borrow::Cow;

use crate::action::Intent;
use crate::action::intent::{AfterDrain, CopySource, DRAIN_WAIT, EndSession, ServerState, Target};
use crate::action::preflight;
use crate::action::typed::{changes, split_changes};
use crate::config::duration;
use crate::model::name::{NodeName, RouterName};
use crate::model::role::Role;
use crate::model::snapshot::Snapshot;
use crate::model::text::Text;
use crate::tui::app::{App, Availability};
use crate::tui::command::Verb;
use crate::tui::event::ClusterIndex;

use super::matter::{About, Matter};

type Reason = Cow<'static, str>;

impl App {
    /// Whether this console may act on the cluster in focus at all.
    ///
    /// # Errors
    /// The reason why not.
    pub(in crate::tui) fn may_act(&self) -> Availability {
        self.may_act_on(self.focus)
    }

    /// The same for the cluster at `cluster`.
    ///
    /// # Errors
    /// The reason why not.
    pub(super) fn may_act_on(&self, cluster: ClusterIndex) -> Availability {
        if self.options.read_only || self.options.wall {
            return Err("this console is read-only".into());
        }
        let Some(cluster) = self.clusters.get(cluster) else { return Err("no cluster is configured".into()) };
        if cluster.live().snapshot.identity.read_only {
            return Err("the configuration has this cluster read-only".into());
        }
        if !self.acting.has_hand || !self.acting.desks.contains_key(&cluster.name) {
            return Err("not available in this console".into());
        }
        if self.frozen.is_some() {
            return Err("the picture stands still: Space goes back to live".into());
        }
        Ok(())
    }

    /// Whether `verb` can be done to what is selected.
    ///
    /// # Errors
    /// The reason why not: of this console, of the row, or the planner's.
    pub(in crate::tui) fn can_act(&self, verb: Verb) -> Availability {
        self.may_act()?;
        if verb == Verb::Configure {
            // What is to be changed is typed afterwards.
            return Ok(());
        }
        if verb == Verb::Drill {
            // Which one may be typed afterwards, and what its plan needs to know is asked then.
            return self.may_drill();
        }
        let intent = self.wish(verb, None)?;
        self.can_plan(&intent)
    }

    /// The planner's word on `intent`.
    ///
    /// # Errors
    /// Its refusal.
    pub(in crate::tui) fn can_plan(&self, intent: &Intent) -> Availability {
        let Some(cluster) = self.cluster() else { return Err("no cluster is configured".into()) };
        let Some(desk) = self.acting.desks.get(&cluster.name) else {
            return Err("not available in this console".into());
        };
        desk.can_plan(&cluster.live().snapshot, intent).map_err(|why| why.to_string().into())
    }

    /// What `verb` with `argument` means for the cluster in focus and the selected row.
    ///
    /// # Errors
    /// What is missing.
    pub(in crate::tui) fn wish(&self, verb: Verb, argument: Option<&str>) -> Result<Intent, Reason> {
        self.wish_about(&self.matter(), verb, argument)
    }

    /// The same for a row that is about `matter`.
    ///
    /// # Errors
    /// What is missing.
    pub(super) fn wish_about(&self, matter: &Matter, verb: Verb, argument: Option<&str>) -> Result<Intent, Reason> {
        let Some(cluster) = self.cluster() else { return Err("no cluster is configured".into()) };
        let snapshot = &cluster.live().snapshot;
        let argument = argument.map(str::trim).filter(|text| !text.is_empty());
        Ok(match verb {
            Verb::Switchover => {
                Intent::Switchover { candidate: candidate(matter, argument, snapshot), at: None, swift: true }
            }
            Verb::CancelSwitchover => Intent::CancelSwitchover,
            Verb::Failover => Intent::Failover { candidate: successor(matter, argument, snapshot)? },
            Verb::Reinitialise => {
                Intent::Reinitialise { member: member(matter, argument)?, source: CopySource::Any, again: false }
            }
            Verb::Restart => Intent::Restart { target: target(matter, argument)?, only_pending: false, at: None },
            Verb::RestartPending => Intent::Restart { target: target(matter, argument)?, only_pending: true, at: None },
            Verb::RollingRestart => Intent::RollingRestart,
            Verb::CancelRestart => Intent::CancelRestart { member: member(matter, argument)? },
            Verb::Reload => Intent::Reload { target: target(matter, argument)? },
            Verb::Pause => Intent::Pause,
            Verb::Resume => Intent::Resume,
            Verb::Configure => {
                let typed = argument.ok_or("type what to change, such as :configure ttl=30")?;
                let changes = changes(&split_changes(typed)).map_err(|error| error.to_string())?;
                Intent::Configure { changes }
            }
            Verb::ServerReady => server(matter, argument, snapshot, ServerState::Ready)?,
            Verb::ServerDrain => server(matter, argument, snapshot, ServerState::Drain)?,
            Verb::ServerMaintenance => server(matter, argument, snapshot, ServerState::Maintenance)?,
            Verb::Drain => drain(matter, argument)?,
            Verb::Undrain => Intent::Undrain { member: member(matter, argument)? },
            Verb::Settle => Intent::SettleRouters,
            Verb::Drill => self.wish_to_drill(argument)?,
            Verb::CancelStatement => session(matter, argument, snapshot, EndSession::Cancel)?,
            Verb::EndSession => session(matter, argument, snapshot, EndSession::Terminate)?,
        })
    }
}

fn member(matter: &Matter, argument: Option<&str>) -> Result<NodeName, Reason> {
    let named = argument.map(NodeName::new);
    named.or_else(|| matter.member().cloned()).ok_or_else(|| "select a member, or type its name".into())
}

/// The best candidate; `None`: there is nobody.
fn best(snapshot: &Snapshot) -> Option<NodeName> {
    preflight::candidates(snapshot).into_iter().next().map(|best| best.member)
}

/// The member typed; else the selected one, where it does not lead already; else the best. Who has trouble is not who should
/// lead.
fn candidate(matter: &Matter, argument: Option<&str>, snapshot: &Snapshot) -> Option<NodeName> {
    let leader = snapshot.leader().map(|leader| leader.value);
    let selected = || {
        let healthy = matter.member().filter(|_| matter.finding.is_none());
        healthy.filter(|node| Some(*node) != leader.as_ref()).cloned()
    };
    argument.map(NodeName::new).or_else(selected).or_else(|| best(snapshot))
}

/// The member typed or selected; where none is, the best for a cluster that has no leader.
fn successor(matter: &Matter, argument: Option<&str>, snapshot: &Snapshot) -> Result<NodeName, Reason> {
    member(matter, argument).or_else(|why| best(snapshot).ok_or(why))
}

fn target(matter: &Matter, argument: Option<&str>) -> Result<Target, Reason> {
    Ok(match argument {
        Some("all") => Target::All,
        Some("leader") => Target::Role(Role::Leader),
        Some("replicas" | "replica") => Target::Role(Role::Replica),
        other => Target::Member(
            member(matter, other)
                .map_err(|_| Reason::from("select a member, or type its name, all, leader or replicas"))?,
        ),
    })
}

/// The member; what is done then; the longest wait: each may be left out.
fn drain(matter: &Matter, argument: Option<&str>) -> Result<Intent, Reason> {
    let mut words = argument.unwrap_or_default().split_whitespace().peekable();
    let after = |word: &str| match word {
        "stop-here" => Some(AfterDrain::Leave),
        "restart" => Some(AfterDrain::Restart),
        "reinit" => Some(AfterDrain::Reinitialise),
        _ => None,
    };
    let named = words.next_if(|word| after(word).is_none() && duration(word).is_err());
    let then = words.next_if(|word| after(word).is_some()).and_then(after).unwrap_or_default();
    let rest = words.collect::<Vec<_>>().join(" ");
    let wait = if rest.is_empty() { Ok(DRAIN_WAIT) } else { duration(&rest) };
    let wait =
        wait.map_err(|_| format!("{rest}: after the node write restart or reinit, and how long to wait: 90s"))?;
    Ok(Intent::Drain { member: member(matter, named)?, then, wait })
}

fn server(matter: &Matter, argument: Option<&str>, snapshot: &Snapshot, state: ServerState) -> Result<Intent, Reason> {
    let missing = || Reason::from("select a server in the Router view (3), or type BACKEND/SERVER");
    let selected = || match &matter.about {
        About::Server { router, backend, server, .. } => Some(format!("{router}/{backend}/{server}")),
        _ => None,
    };
    let text = argument.map(str::to_owned).or_else(selected).ok_or_else(missing)?;
    let parts: Vec<&str> = text.split('/').collect();
    let (router, backend, server) = match (parts.as_slice(), snapshot.routers.as_slice()) {
        ([router, backend, server], _) => (RouterName::new(router), *backend, *server),
        ([backend, server], [only]) => (only.name.clone(), *backend, *server),
        ([_, _], _) => return Err("there are several routers: type ROUTER/BACKEND/SERVER".into()),
        _ => return Err(missing()),
    };
    Ok(Intent::RouterServer { router, backend: Text::new(backend), server: Text::new(server), state })
}

fn session(matter: &Matter, argument: Option<&str>, snapshot: &Snapshot, how: EndSession) -> Result<Intent, Reason> {
    let missing = || Reason::from("select a session in the Sessions view (6), or type NODE/PID");
    let selected = || match &matter.about {
        About::Session { member, pid } => Some(format!("{member}/{pid}")),
        _ => None,
    };
    let text = argument.map(str::to_owned).or_else(selected).ok_or_else(missing)?;
    let (node, pid) = text.split_once('/').ok_or_else(missing)?;
    let (member, pid) = (NodeName::new(node), pid.parse::<u32>().map_err(|_| missing())?);
    let report = snapshot.member(&member).and_then(|member| member.sql.as_ref()?.fresh(snapshot.now));
    let report = report.ok_or_else(|| format!("PostgreSQL on {member} does not answer: its sessions are not seen"))?;
    let backend = report.backend(pid);
    let backend = backend.ok_or_else(|| format!("session {pid} is not among those shown of {member}"))?;
    // Without it the number alone would be meant, which may be somebody else's by then.
    let started = backend.started.ok_or_else(|| format!("when session {pid} began is not shown to this login"))?;
    Ok(Intent::EndSession { member, pid, started, how })
}
