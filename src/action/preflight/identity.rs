//! Whether the cluster that is acted on is the one that is meant. Nobody may say otherwise: what is ordered would be done to
//! another cluster.

use super::super::note::Note;
use super::scene::{Scene, block, pass};
use crate::model::inventory::WrongCluster;
use crate::model::text::Text;

pub(super) fn examine(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "right-cluster";
    let snapshot = scene.snapshot;
    let scope =
        snapshot.identity.scope.as_ref().map_or_else(|| snapshot.identity.name.to_string(), ToString::to_string);
    match snapshot.wrong_cluster() {
        Some(WrongCluster::UrlsLeadElsewhere) => {
            let text =
                "the configured agents are of another cluster than the one in the DCS: mend scope or namespace first";
            notes.push(block(CHECK, text));
        }
        Some(WrongCluster::AmbiguousNamespace(namespaces)) => {
            let names: Vec<&str> = namespaces.iter().map(Text::as_str).collect();
            let text =
                format!("{scope} is in the DCS under {}: configure the namespace that is meant", names.join(" and "));
            notes.push(block(CHECK, text));
        }
        // Nothing to compare is nothing to say.
        None if snapshot.places.is_empty() => {}
        None => notes.push(pass(CHECK, format!("nothing speaks against {scope} being the cluster that is meant"))),
    }
}
