//! Rows of nodes that do not answer any more: what an old leader last said of its standbys is history, and must not stand
//! above what is so now.

use super::super::table::{Cell, Row, Table, Tone};
use super::super::units;
use crate::model::member::Member;
use crate::model::snapshot::Snapshot;

/// Puts one dim row a silent node in the place of its rows, below those of the nodes that answer. A node with one row keeps
/// it, since it takes no more room; where no node answers, all stay: then history is all there is. Rows are named
/// `node/...`, or by their node.
pub(super) fn stale(table: &mut Table, snapshot: &Snapshot) {
    let is_of = |row: &Row, member: &Member| {
        let (id, name) = (row.id.as_str(), member.name.as_str());
        id.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let silent = |member: &&Member| member.sql.as_ref().is_some_and(|sql| !sql.is_fresh(snapshot.now));
    let (mut kept, mut folded) = (std::mem::take(&mut table.rows), Vec::new());
    for member in snapshot.members.iter().filter(silent) {
        let (mut of_member, rest): (Vec<Row>, Vec<Row>) = kept.into_iter().partition(|row| is_of(row, member));
        kept = rest;
        if of_member.len() > 1 {
            let age = member.sql.as_ref().and_then(|sql| sql.age(snapshot.now)).map(units::age);
            let age = age.unwrap_or_else(|| "?".to_owned());
            let words = format!("{} rows last seen {age} from {}", of_member.len(), member.name);
            let mut cells = vec![Cell::text(words, Tone::Dim)];
            cells.resize_with(table.columns.len(), || Cell::text("", Tone::Dim));
            folded.push((Row { id: format!("{}/", member.name).into(), cells }, of_member));
        } else if let Some(row) = of_member.pop() {
            folded.push((row.clone(), vec![row]));
        }
    }
    let history = kept.is_empty();
    table.rows = kept;
    for (one, all) in folded {
        if history { table.rows.extend(all) } else { table.rows.push(one) }
    }
}
