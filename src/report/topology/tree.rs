//! Members as a tree: each below the node it follows.

use crate::model::name::NodeName;
use crate::model::snapshot::Snapshot;
use crate::model::source::SourceKind;
use crate::model::view::MemberView;

/// A member with the branches that lead to it.
pub(super) struct Leaf<'a> {
    pub(super) view: MemberView<'a>,
    /// `├─`, `│ └─` and the like; empty at the top.
    pub(super) branches: String,
}

/// Every member once: the leader's tree first, then the others in order of name. Members that follow each other in a
/// circle stand at the top.
pub(super) fn grow(snapshot: &Snapshot) -> Vec<Leaf<'_>> {
    let mut nodes: Vec<(MemberView<'_>, Option<NodeName>)> =
        snapshot.views().map(|view| (view, parent(view))).collect();
    let leader = snapshot.leader().map(|leader| leader.value);
    nodes.sort_by(|(a, _), (b, _)| {
        let rank = |view: &MemberView<'_>| (Some(view.name()) != leader.as_ref(), !view.answers());
        rank(a).cmp(&rank(b)).then_with(|| a.name().cmp(b.name()))
    });
    let mut leaves = Vec::with_capacity(nodes.len());
    let mut planted = vec![false; nodes.len()];
    for top in 0..nodes.len() {
        if nodes[top].1.is_none() {
            build_tree(&nodes, top, "", "", &mut planted, &mut leaves);
        }
    }
    // What is left hangs in a circle, which no top leads to.
    for top in 0..nodes.len() {
        if !planted[top] {
            build_tree(&nodes, top, "", "", &mut planted, &mut leaves);
        }
    }
    leaves
}

/// The member this one is drawn below. A silent member stays below its upstream only while that one says that it still
/// serves it; a mere guess would draw a stream that nobody has seen.
fn parent(view: MemberView<'_>) -> Option<NodeName> {
    let upstream = view.upstream()?;
    let seen = upstream.fresh && matches!(upstream.source.kind, SourceKind::Sql | SourceKind::PatroniRest);
    let follows = (view.answers() || seen) && view.snapshot.member(&upstream.value).is_some();
    (follows && upstream.value != *view.name()).then_some(upstream.value)
}

fn build_tree<'a>(
    nodes: &[(MemberView<'a>, Option<NodeName>)],
    at: usize,
    branches: &str,
    below: &str,
    planted: &mut [bool],
    leaves: &mut Vec<Leaf<'a>>,
) {
    planted[at] = true;
    let view = nodes[at].0;
    leaves.push(Leaf { view, branches: branches.to_owned() });
    let is_child = |planted: &[bool], index: usize| !planted[index] && nodes[index].1.as_ref() == Some(view.name());
    let children: Vec<_> = (0..nodes.len()).filter(|index| is_child(planted, *index)).collect();
    for (place, child) in children.iter().enumerate() {
        // A circle may have planted it meanwhile.
        if planted[*child] {
            continue;
        }
        let last = place + 1 == children.len();
        let (branch, deeper) = if last { ("└─", "  ") } else { ("├─", "│ ") };
        build_tree(nodes, *child, &format!("{below}{branch}"), &format!("{below}{deeper}"), planted, leaves);
    }
}
