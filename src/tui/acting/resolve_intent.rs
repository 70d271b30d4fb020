//! From a command, what was typed behind it and the selected row to what is wanted; and where that cannot be, why not.

use std::borrow::Cow;

use crate::action::Intent;
use crate::action::parse::split_changes;
use crate::action::preflight;
use crate::action::verb::{ArgumentValues, Shortcut, Subject};
use crate::config::duration;
use crate::model::name::{NodeName, RouterName};
use crate::model::snapshot::Snapshot;
use crate::tui::app::{App, Availability};
use crate::tui::event::ClusterIndex;

use super::row_subject::{RowSubject, RowTarget};

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
        if !self.acting.has_launcher || !self.acting.plan_services.contains_key(&cluster.name) {
            return Err("not available in this console".into());
        }
        if self.frozen.is_some() {
            return Err("the display is frozen: Space returns to live".into());
        }
        Ok(())
    }

    /// Whether `verb` can be done to what is selected.
    ///
    /// # Errors
    /// The reason why not: of this console, of the row, or the planner's.
    pub(in crate::tui) fn can_act(&self, verb: &'static Shortcut) -> Availability {
        self.may_act()?;
        self.stack_permits(verb)?;
        if verb.subject == Subject::Changes {
            // What is to be changed is typed afterwards.
            return Ok(());
        }
        if verb.subject == Subject::Scenario {
            // Which one may be typed afterwards, and what its plan needs to know is asked then.
            return self.may_drill();
        }
        let intent = self.resolve_intent(verb, None)?;
        self.can_plan(&intent)
    }

    /// Whether the stack of the cluster in focus has the verb of `command` at all.
    ///
    /// # Errors
    /// Why not, and what to do instead.
    pub(in crate::tui) fn stack_permits(&self, command: &Shortcut) -> Availability {
        let plan_service = self.cluster().and_then(|cluster| self.acting.plan_services.get(&cluster.name));
        let Some(plan_service) = plan_service else { return Ok(()) };
        plan_service.permit(command.verb).map_err(|why| why.to_string().into())
    }

    /// The planner's word on `intent`.
    ///
    /// # Errors
    /// Its refusal.
    pub(in crate::tui) fn can_plan(&self, intent: &Intent) -> Availability {
        let Some(cluster) = self.cluster() else { return Err("no cluster is configured".into()) };
        let Some(plan_service) = self.acting.plan_services.get(&cluster.name) else {
            return Err("not available in this console".into());
        };
        plan_service.can_plan(&cluster.live().snapshot, intent).map_err(|why| why.to_string().into())
    }

    /// What `verb` with `argument` means for the cluster in focus and the selected row.
    ///
    /// # Errors
    /// What is missing.
    pub(in crate::tui) fn resolve_intent(
        &self,
        verb: &'static Shortcut,
        argument: Option<&str>,
    ) -> Result<Intent, Reason> {
        self.resolve_intent_for(&self.row_subject(), verb, argument)
    }

    /// The same for a row that is about `matter`.
    ///
    /// # Errors
    /// What is missing.
    pub(super) fn resolve_intent_for(
        &self,
        row_subject: &RowSubject,
        verb: &'static Shortcut,
        argument: Option<&str>,
    ) -> Result<Intent, Reason> {
        let Some(cluster) = self.cluster() else { return Err("no cluster is configured".into()) };
        // Nobody needs to select or type anything for what cannot be done.
        self.stack_permits(verb)?;
        let snapshot = &cluster.live().snapshot;
        let argument = argument.map(str::trim).filter(|text| !text.is_empty());
        let routers: Vec<RouterName> = snapshot.routers.iter().map(|router| router.name.clone()).collect();
        let said = verb.says.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let reported = match verb.subject {
            Subject::Scenario => self.given_to_drill(argument)?,
            subject => given(subject, row_subject, argument, snapshot)?,
        };
        let nothing = ArgumentValues::nothing(snapshot.wall, &routers);
        let given = said.chain(reported).fold(nothing, |given, (name, value)| given.with(name, value));
        let wanted = (verb.verb.wanted)(&given).map_err(|error| Reason::from(error.0))?;
        Ok(wanted.pinned(snapshot)?)
    }
}

/// Arguments of a verb by name.
pub(super) type Arguments = Vec<(&'static str, String)>;

/// What a command about `subject` is given by what was typed behind it, and by the selected row where that says nothing.
fn given(
    subject: Subject,
    row_subject: &RowSubject,
    argument: Option<&str>,
    snapshot: &Snapshot,
) -> Result<Arguments, Reason> {
    let node = |name: NodeName| vec![("node", name.to_string())];
    Ok(match subject {
        Subject::Cluster | Subject::Scenario => Vec::new(),
        Subject::Candidate => {
            let candidate = candidate(row_subject, argument, snapshot);
            candidate.map(|name| ("candidate", name.to_string())).into_iter().collect()
        }
        Subject::Successor => node(successor(row_subject, argument, snapshot)?),
        Subject::Member => node(member(row_subject, argument)?),
        Subject::Members => members(row_subject, argument)?,
        Subject::Drained => drained(row_subject, argument)?,
        Subject::Server => server(row_subject, argument, snapshot)?,
        Subject::Pooler => pooler(row_subject, argument, snapshot)?,
        Subject::Session => session(row_subject, argument, snapshot)?,
        Subject::Changes => {
            let typed = argument.ok_or("give the change, such as :configure ttl=30")?;
            split_changes(typed).into_iter().map(|change| ("changes", change)).collect()
        }
    })
}

fn member(row_subject: &RowSubject, argument: Option<&str>) -> Result<NodeName, Reason> {
    let named = argument.map(NodeName::new);
    named.or_else(|| row_subject.member().cloned()).ok_or_else(|| "select a member or type its name".into())
}

/// The best candidate; `None`: there is nobody.
fn best(snapshot: &Snapshot) -> Option<NodeName> {
    preflight::candidates(snapshot).into_iter().next().map(|best| best.member)
}

/// The member typed; else the selected one, where it does not lead already; else the best. Who has trouble is not who should
/// lead.
fn candidate(row_subject: &RowSubject, argument: Option<&str>, snapshot: &Snapshot) -> Option<NodeName> {
    let leader = snapshot.leader().map(|leader| leader.value);
    let selected = || {
        let healthy = row_subject.member().filter(|_| row_subject.finding.is_none());
        healthy.filter(|node| Some(*node) != leader.as_ref()).cloned()
    };
    argument.map(NodeName::new).or_else(selected).or_else(|| best(snapshot))
}

/// The member typed or selected; where none is, the best for a cluster that has no leader.
fn successor(row_subject: &RowSubject, argument: Option<&str>, snapshot: &Snapshot) -> Result<NodeName, Reason> {
    member(row_subject, argument).or_else(|why| best(snapshot).ok_or(why))
}

fn members(row_subject: &RowSubject, argument: Option<&str>) -> Result<Arguments, Reason> {
    Ok(match argument {
        Some("all") => vec![("all", String::new())],
        Some("leader") => vec![("role", "leader".to_owned())],
        Some("replicas" | "replica") => vec![("role", "replica".to_owned())],
        other => {
            let missing = |_| Reason::from("select a member, or type its name, all, leader or replicas");
            vec![("node", member(row_subject, other).map_err(missing)?.to_string())]
        }
    })
}

/// The member; what is done then; the longest wait: each may be left out.
fn drained(row_subject: &RowSubject, argument: Option<&str>) -> Result<Arguments, Reason> {
    let mut words = argument.unwrap_or_default().split_whitespace().peekable();
    let is_what = |word: &str| matches!(word, "stop-here" | "restart" | "reinit");
    let named = words.next_if(|word| !is_what(word) && duration(word).is_err());
    let then = words.next_if(|word| is_what(word));
    let rest = words.collect::<Vec<_>>().join(" ");
    if !rest.is_empty() && duration(&rest).is_err() {
        let words = "after the node give restart or reinit, and the max wait, such as 90s";
        return Err(format!("{rest}: {words}").into());
    }
    let mut given = vec![("node", member(row_subject, named)?.to_string())];
    given.extend(then.map(|then| ("then", then.to_owned())));
    given.extend((!rest.is_empty()).then_some(("wait", rest)));
    Ok(given)
}

fn server(row_subject: &RowSubject, argument: Option<&str>, snapshot: &Snapshot) -> Result<Arguments, Reason> {
    let missing = || Reason::from("select a server in the Router view (3), or type BACKEND/SERVER");
    let selected = || match &row_subject.about {
        RowTarget::Server { router, backend, server, .. } => Some(format!("{router}/{backend}/{server}")),
        _ => None,
    };
    let text = argument.map(str::to_owned).or_else(selected).ok_or_else(missing)?;
    let parts: Vec<&str> = text.split('/').collect();
    let (router, path) = match (parts.as_slice(), snapshot.routers.as_slice()) {
        ([router, backend, server], _) => ((*router).to_owned(), format!("{backend}/{server}")),
        ([_, _], [only]) => (only.name.to_string(), text),
        ([_, _], _) => return Err("there are several routers: type ROUTER/BACKEND/SERVER".into()),
        _ => return Err(missing()),
    };
    Ok(vec![("router", router), ("server", path)])
}

fn pooler(row_subject: &RowSubject, argument: Option<&str>, snapshot: &Snapshot) -> Result<Arguments, Reason> {
    let (name, database) = match (argument, &row_subject.about) {
        (Some(text), _) => match text.split_once('/') {
            Some((name, database)) => (name.to_owned(), Some(database.to_owned())),
            None => (text.to_owned(), None),
        },
        (None, RowTarget::Pooler { pooler, database }) => {
            (pooler.to_string(), database.as_ref().map(ToString::to_string))
        }
        (None, _) => match snapshot.poolers.as_slice() {
            [only] => (only.source.target.to_string(), None),
            [] => return Err("no pooler is configured for this cluster".into()),
            _ => return Err("select a pooler in the Poolers view, or type POOLER or POOLER/DATABASE".into()),
        },
    };
    let mut given = vec![("pooler", name)];
    given.extend(database.map(|database| ("database", database)));
    Ok(given)
}

fn session(row_subject: &RowSubject, argument: Option<&str>, snapshot: &Snapshot) -> Result<Arguments, Reason> {
    let missing = || Reason::from("select a session in the Sessions view (6), or type NODE/PID");
    let selected = || match &row_subject.about {
        RowTarget::Session { member, pid } => Some(format!("{member}/{pid}")),
        _ => None,
    };
    let text = argument.map(str::to_owned).or_else(selected).ok_or_else(missing)?;
    let (node, pid) = text.split_once('/').ok_or_else(missing)?;
    let (member, number) = (NodeName::new(node), pid.parse::<u32>().map_err(|_| missing())?);
    let report = snapshot.member(&member).and_then(|member| member.sql.as_ref()?.fresh(snapshot.now));
    let report = report.ok_or_else(|| format!("PostgreSQL on {member} is unreachable: its sessions are unknown"))?;
    let backend = report.backend(number);
    let backend = backend.ok_or_else(|| format!("session {pid} is not listed for {member}"))?;
    // Without it the number alone would be meant, which may be somebody else's by then.
    let started =
        backend.started.ok_or_else(|| format!("the start time of session {pid} is not visible to this login"))?;
    Ok(vec![("node", node.to_owned()), ("pid", pid.to_owned()), ("started", started.to_string())])
}
