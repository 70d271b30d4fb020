//! Whether synchronous mode lets a member take over in order. Switchover and failover say the same of it, so that neither
//! refers to the other where neither is possible.

use crate::action::preflight::context::fresh;
use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;

/// Why the leader cannot hand over to `name`, and what lets it; `None`: synchronous mode keeps nobody from it, or is not known
/// to. Patroni switches over to synchronous standbys only, be the mode strict or not.
pub fn kept_from_handover(snapshot: &Snapshot, name: &NodeName) -> Option<String> {
    const ONLY: &str = "in synchronous mode Patroni switches over to synchronous standbys only";
    let mode = fresh(snapshot.from_record(|content| content.config().map(|config| config.synchronous_mode)))?;
    let listed = fresh(
        snapshot.from_record(|content| Some(content.sync().map(|sync| sync.standbys.clone()).unwrap_or_default())),
    )?;
    if !mode.value || listed.value.contains(name) {
        return None;
    }
    let view = |name: &NodeName| snapshot.member(name).map(|member| snapshot.view(member));
    let tags = view(name).and_then(|view| fresh(view.tags())).map(|tags| tags.value);
    let may_lead = |other: &&NodeName| {
        view(other).is_some_and(|view| fresh(view.tags()).is_some_and(|tags| !tags.value.forbids_failover()))
    };
    let others: Vec<&str> = listed.value.iter().filter(may_lead).map(NodeName::as_str).collect();
    let others = others.join(" or ");
    Some(match tags.and_then(|tags| tags.why_no_sync()) {
        Some(tag) if others.is_empty() => format!(
            "{name} has the tag {tag} and there is no other candidate, since {ONLY}: remove the tag from {name}, or \
                `configure synchronous_mode=false`"
        ),
        Some(tag) => {
            format!("{name} has the tag {tag}, and {ONLY}: choose {others}, or remove the tag from {name}")
        }
        None if others.is_empty() => {
            format!("{name} is not synchronous, and {ONLY}: wait until it is, or `configure synchronous_mode=false`")
        }
        None => format!("{name} is not synchronous, and {ONLY}: choose {others}"),
    })
}
