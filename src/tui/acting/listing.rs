//! The actions of this user on this host, newest first.

use jiff::tz::TimeZone;

use super::dialog_model::DialogModel;
use crate::action::outcome::OutcomeKind;
use crate::operate::job::JobState;
use crate::operate::ports::JobSummary;
use crate::report::line::Line;
use crate::report::table::Tone;
use crate::report::units;
use crate::tui::widgets::wrap::fold;

/// Columns of when and how it ended.
const TIME_WIDTH: usize = 21;
const STATE_WIDTH: usize = 14;

/// The dialog. `listed`: `None` while it is read.
pub(super) fn dialog_model(
    listed: Option<&Result<Vec<JobSummary>, String>>,
    selected: usize,
    zone: &TimeZone,
    width: usize,
) -> DialogModel {
    let mut dialog_model = DialogModel { title: "Actions".to_owned(), ..DialogModel::default() };
    match listed {
        None => dialog_model.body.push(Line::new().dim("reading …")),
        Some(Err(why)) => dialog_model.body.push(Line::new().with(why, Tone::Critical)),
        Some(Ok(listed)) if listed.is_empty() => {
            dialog_model
                .body
                .push(Line::new().dim("no actions started by you on this host; `pgctl-tui audit` shows the journal"));
        }
        Some(Ok(listed)) => {
            dialog_model.body = listed.iter().map(|one| row(one, zone)).collect();
            let selected = selected.min(listed.len() - 1);
            dialog_model.selected = Some(selected);
            dialog_model.foot = listed.get(selected).map(|one| fold(&whole(one), width, 2)).unwrap_or_default();
            dialog_model.foot.resize_with(dialog_model.foot.len().max(2), Line::new);
        }
    }
    dialog_model
}

fn row(one: &JobSummary, zone: &TimeZone) -> Line {
    let (word, tone) = status_line(one);
    let mut line = Line::new().dim(units::date_time(one.at, zone));
    line.pad_to(TIME_WIDTH);
    line.push(word, tone);
    line.pad_to(TIME_WIDTH + STATE_WIDTH);
    line.push(one.request.plan.title.as_str(), Tone::Plain);
    line
}

/// What a row may have no room for.
fn whole(one: &JobSummary) -> Line {
    let plan = &one.request.plan;
    let line = Line::new().plain(plan.title.as_str()).dim(format!("   {} by {}", one.action(), one.request.operator));
    match &one.request.confirmation.reason {
        Some(reason) => line.dim("   reason: ").plain(reason.as_str()),
        None => line,
    }
}

/// How it stands with one, in a word.
pub(super) fn status_line(one: &JobSummary) -> (&'static str, Tone) {
    match &one.state {
        JobState::Waiting => ("not started", Tone::Stale),
        JobState::Running(_) => ("running", Tone::Warning),
        JobState::Elsewhere(_) => ("on other host", Tone::Stale),
        JobState::Died(_) if one.acknowledged => ("died", Tone::Dim),
        JobState::Died(_) => ("died", Tone::Critical),
        JobState::Ended { pending_undo, .. } if !pending_undo.is_empty() => ("undo pending", Tone::Critical),
        JobState::Ended { outcome, .. } => {
            let tone = match outcome.ending {
                OutcomeKind::Done => Tone::Ok,
                OutcomeKind::Refused => Tone::Dim,
                OutcomeKind::Failed | OutcomeKind::Unverified => Tone::Warning,
                OutcomeKind::Unknown => Tone::Critical,
            };
            (outcome.ending.as_str(), tone)
        }
    }
}
