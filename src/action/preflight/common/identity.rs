//! Whether the cluster that is acted on is the one that is meant. Nobody may say otherwise: what is ordered would be done to
//! another cluster.

use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, pass};
use crate::model::inventory::WrongCluster;
use crate::model::text::Text;

pub(in crate::action::preflight) fn examine(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "right-cluster";
    let snapshot = context.snapshot;
    let scope =
        snapshot.identity.scope.as_ref().map_or_else(|| snapshot.identity.name.to_string(), ToString::to_string);
    match snapshot.wrong_cluster() {
        Some(WrongCluster::UrlsPointElsewhere) => {
            let text = "the configured agents belong to another cluster than the one in the DCS: correct scope or namespace first";
            notes.push(block(CHECK, text));
        }
        Some(WrongCluster::AmbiguousNamespace(namespaces)) => {
            let names: Vec<&str> = namespaces.iter().map(Text::as_str).collect();
            let text =
                format!("{scope} is in the DCS under {}: set the namespace in the configuration", names.join(" and "));
            notes.push(block(CHECK, text));
        }
        // Nothing to compare is nothing to say.
        None if snapshot.configured_nodes.is_empty() => {}
        None => notes.push(pass(CHECK, format!("{scope} is the configured cluster"))),
    }
}
