//! The actions of this user on this host, newest first.

use jiff::tz::TimeZone;

use super::sheet::Sheet;
use crate::action::outcome::Ending;
use crate::operate::hand::Listed;
use crate::operate::job::JobState;
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::report::units;
use crate::tui::widgets::wrap::fold;

/// Columns of when and how it ended.
const WHEN: usize = 21;
const STATE: usize = 14;

/// The dialog. `listed`: `None` while it is read.
pub(super) fn sheet(
    listed: Option<&Result<Vec<Listed>, String>>,
    selected: usize,
    zone: &TimeZone,
    width: usize,
) -> Sheet {
    let mut sheet = Sheet { title: "Actions".to_owned(), ..Sheet::default() };
    match listed {
        None => sheet.body.push(Line::new().dim("reading …")),
        Some(Err(why)) => sheet.body.push(Line::new().with(why, Tone::Act)),
        Some(Ok(listed)) if listed.is_empty() => {
            sheet
                .body
                .push(Line::new().dim("nothing was begun by you on this host; the journal is read by pgctl-tui audit"));
        }
        Some(Ok(listed)) => {
            sheet.body = listed.iter().map(|one| row(one, zone)).collect();
            let selected = selected.min(listed.len() - 1);
            sheet.selected = Some(selected);
            sheet.foot = listed.get(selected).map(|one| fold(&whole(one), width, 2)).unwrap_or_default();
            sheet.foot.resize_with(sheet.foot.len().max(2), Line::new);
        }
    }
    sheet
}

fn row(one: &Listed, zone: &TimeZone) -> Line {
    let (word, tone) = standing(one);
    let mut line = Line::new().dim(units::date_time(one.at, zone));
    line.pad_to(WHEN);
    line.push(word, tone);
    line.pad_to(WHEN + STATE);
    line.push(one.request.plan.title.as_str(), Tone::Plain);
    line
}

/// What a row may have no room for.
fn whole(one: &Listed) -> Line {
    let plan = &one.request.plan;
    let line = Line::new().plain(plan.title.as_str()).dim(format!("   {} by {}", one.action(), one.request.operator));
    match &one.request.confirmation.reason {
        Some(reason) => line.dim("   because: ").plain(reason.as_str()),
        None => line,
    }
}

/// How it stands with one, in a word.
pub(super) fn standing(one: &Listed) -> (&'static str, Tone) {
    match &one.state {
        JobState::Waiting => ("not begun", Tone::Stale),
        JobState::Running(_) => ("running", Tone::Look),
        JobState::Elsewhere(_) => ("on other host", Tone::Stale),
        JobState::Died(_) if one.acknowledged => ("died", Tone::Dim),
        JobState::Died(_) => ("died", Tone::Act),
        JobState::Ended { owed, .. } if !owed.is_empty() => ("undo pending", Tone::Act),
        JobState::Ended { outcome, .. } => {
            let tone = match outcome.ending {
                Ending::Done => Tone::Well,
                Ending::Refused => Tone::Dim,
                Ending::Failed | Ending::Unverified => Tone::Look,
                Ending::Unknown => Tone::Act,
            };
            (outcome.ending.word(), tone)
        }
    }
}
