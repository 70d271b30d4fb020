//! How the panes of a view share its rows.

use super::graph;
use crate::tui::views::{Pane, PaneBody, PaneHeight};

/// Rows that a pane wants: all of its content.
pub fn natural(pane: &Pane, width: u16) -> u16 {
    let title = u16::from(!pane.title.is_empty());
    let rows = match &pane.body {
        PaneBody::Table(table) if table.rows.is_empty() => 1 + usize::from(!table.empty.hint.is_empty()),
        PaneBody::Table(table) => table.rows.len() + 1,
        PaneBody::Lines(lines) => lines.len(),
        PaneBody::Graphs(graphs) => {
            let across = usize::from(graph::across(width, graphs.len()));
            graphs.len().div_ceil(across) * usize::from(graph::HEIGHT)
        }
    };
    title.saturating_add(u16::try_from(rows).unwrap_or(u16::MAX))
}

/// Fewest rows in which a pane still says anything beside its title.
const MIN_COUNT: u16 = 3;

/// Rows that each pane gets before one gets all it wants: title, heading, three rows.
const FIRST_ROWS: u16 = 5;

/// Gives each pane its rows, `height` in all. Where everything fits, there is a blank row between panes and the shares
/// take what is left. Where it does not, the pane with the focus comes first, each other keeps its title as long as
/// there is room, and the rest goes down the list.
pub fn share(panes: &[Pane], focus: usize, width: u16, height: u16) -> Vec<u16> {
    let wants: Vec<u16> = panes.iter().map(|pane| natural(pane, width)).collect();
    let is_share = |index: &usize| matches!(panes[*index].height, PaneHeight::Share(_));
    let fixed: u16 =
        (0..panes.len()).filter(|index| !is_share(index)).fold(0, |sum, index| sum.saturating_add(wants[index]));
    let shares: Vec<usize> = (0..panes.len()).filter(is_share).collect();
    let gaps = u16::try_from(panes.len().saturating_sub(1)).unwrap_or(u16::MAX);
    let needed = fixed.saturating_add(gaps).saturating_add(MIN_COUNT.saturating_mul(shares.len() as u16));
    if needed <= height {
        return roomy(panes, &wants, height - fixed - gaps);
    }
    tight(panes, &wants, focus, height)
}

/// Everything fits: `spare` rows go to the shares, by weight, one pane's unneeded rows to the last of them.
fn roomy(panes: &[Pane], wants: &[u16], spare: u16) -> Vec<u16> {
    let weight = |pane: &Pane| match pane.height {
        PaneHeight::Share(weight) => weight,
        PaneHeight::Natural => 0,
    };
    let total: u16 = panes.iter().map(weight).sum();
    let mut left = spare;
    let last_share = panes.iter().rposition(|pane| weight(pane) > 0);
    let heights = panes.iter().zip(wants).enumerate().map(|(index, (pane, want))| match pane.height {
        PaneHeight::Natural => *want,
        PaneHeight::Share(_) if Some(index) == last_share => left,
        PaneHeight::Share(weight) => {
            let part = u16::try_from(u32::from(spare) * u32::from(weight) / u32::from(total.max(1))).unwrap_or(left);
            left = left.saturating_sub(part);
            part
        }
    });
    heights.collect()
}

/// Not everything fits. A title each, so that nothing vanishes unseen; then the whole of what is looked at; then the
/// first rows of each; and what is left goes down the list.
fn tight(panes: &[Pane], wants: &[u16], focus: usize, height: u16) -> Vec<u16> {
    let others = (0..panes.len()).filter(|index| *index != focus);
    let order: Vec<usize> = std::iter::once(focus).chain(others).filter(|index| *index < panes.len()).collect();
    let mut heights = vec![0_u16; panes.len()];
    let mut left = height;
    let mut give = |index: usize, most: u16| {
        let pane = &panes[index];
        let more = wants[index].min(most).saturating_sub(heights[index]).min(left);
        let rows = heights[index] + more;
        // A heading without a row below it says nothing, and half a curve says something else.
        let heading_alone = matches!(pane.body, PaneBody::Table(_)) && rows == 2 && wants[index] > 2;
        let half_a_curve = matches!(pane.body, PaneBody::Graphs(_)) && rows > 1 && rows < wants[index];
        if !heading_alone && !half_a_curve {
            heights[index] = rows;
            left -= more;
        }
    };
    for index in order.iter().filter(|index| !panes[**index].title.is_empty()) {
        give(*index, 1);
    }
    if let Some(focus) = order.first() {
        give(*focus, u16::MAX);
    }
    for index in &order {
        give(*index, FIRST_ROWS);
    }
    for index in order {
        give(index, u16::MAX);
    }
    heights
}

/// Whether `heights` leave a blank row between panes.
pub fn has_gaps(heights: &[u16], height: u16) -> bool {
    let gaps = heights.len().saturating_sub(1);
    heights.iter().map(|rows| usize::from(*rows)).sum::<usize>() + gaps <= usize::from(height)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::line::Line;

    fn pane(rows: usize, size: PaneHeight) -> Pane {
        Pane::lines("p", "title", vec![Line::new(); rows], size)
    }

    #[test]
    fn where_there_is_room_every_pane_is_whole_and_the_share_takes_the_rest() {
        let panes = [pane(4, PaneHeight::Natural), pane(2, PaneHeight::Share(1))];
        assert_eq!(share(&panes, 0, 80, 20), [5, 14]);
    }

    #[test]
    fn where_there_is_none_the_focus_is_whole_and_the_others_keep_their_titles() {
        let panes = [pane(10, PaneHeight::Natural), pane(10, PaneHeight::Natural), pane(10, PaneHeight::Share(1))];
        assert_eq!(share(&panes, 1, 80, 13), [1, 11, 1]);
        assert_eq!(share(&panes, 2, 80, 14), [2, 1, 11]);
    }

    proptest! {
        #[test]
        fn no_more_rows_are_given_than_there_are(
            rows in prop::collection::vec((0_usize..40, 0_u16..3), 0..8), focus in 0_usize..8, height in 0_u16..60,
        ) {
            let size = |weight| if weight == 0 { PaneHeight::Natural } else { PaneHeight::Share(weight) };
            let panes: Vec<Pane> = rows.into_iter().map(|(rows, weight)| pane(rows, size(weight))).collect();
            let heights = share(&panes, focus, 80, height);
            prop_assert!(heights.iter().map(|rows| u32::from(*rows)).sum::<u32>() <= u32::from(height));
        }
    }
}
