//! The actions of this user on this host, newest first.

use jiff::tz::TimeZone;

use super::sheet::Sheet;
use crate::action::outcome::Ending;
use crate::operate::hand::Listed;
use crate::operate::job::JobState;
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::report::units;

/// Columns of when and how it ended.
const WHEN: usize = 21;
const STATE: usize = 14;

/// The dialog. `listed`: `None` while it is read.
pub(super) fn sheet(listed: Option<&Result<Vec<Listed>, String>>, selected: usize, zone: &TimeZone) -> Sheet {
    let hint = "Enter watch · x ask it to end · Esc close";
    let mut sheet = Sheet { title: "Actions".to_owned(), hint: hint.to_owned(), ..Sheet::default() };
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
            sheet.selected = Some(selected.min(listed.len() - 1));
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
    line.push(format!("   by {}", one.request.operator), Tone::Dim);
    line
}

/// How it stands with one, in a word.
pub(super) fn standing(one: &Listed) -> (&'static str, Tone) {
    match &one.state {
        JobState::Waiting => ("not begun", Tone::Stale),
        JobState::Running(_) => ("running", Tone::Look),
        JobState::Died(_) if one.acknowledged => ("died", Tone::Dim),
        JobState::Died(_) => ("died", Tone::Act),
        JobState::Ended(outcome) => {
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
