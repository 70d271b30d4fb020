//! Keys in the dialogs of drills: while one is prepared, and in its report.

use super::drill_report::ReportSelection;
use crate::action::verb::RUN_DRILL;
use crate::report::drill;
use crate::tui::app::App;
use crate::tui::command::Command;
use crate::tui::effect::Effect;
use crate::tui::event::{ActionTicket, Notice};
use crate::tui::keymap::{ActingKey, Key};

impl App {
    /// What `key` does while a drill is prepared, or when it could not be (`failed`). `None`: what it always means.
    pub(super) fn preparing_key(&mut self, failed: bool, key: Key) -> Option<Vec<Effect>> {
        match ActingKey::of(key)? {
            ActingKey::Enter if failed => {
                self.dialogs.pop();
            }
            ActingKey::Leave => {
                self.dialogs.pop();
            }
            // Whoever waits may look elsewhere meanwhile.
            ActingKey::Letter(letter) if letter.is_ascii_digit() || "w?r:".contains(letter) => return None,
            // Nothing can be confirmed that is not shown yet.
            _ => {}
        }
        Some(Vec::new())
    }

    /// What `key` does in a report. `None`: what it always means.
    pub(super) fn report_key(&mut self, report_selection: &ReportSelection, key: Key) -> Option<Vec<Effect>> {
        match ActingKey::of(key)? {
            ActingKey::Letter('b') => {
                self.go(self.view, report_selection.cluster);
                let drill = Command::Act(&RUN_DRILL);
                if let Err(reason) = self.availability(drill) {
                    self.tell(Notice::failed(reason));
                    return Some(Vec::new());
                }
                self.dialogs.clear();
                Some(self.run(drill, Some(report_selection.scenario.as_str().to_owned())))
            }
            ActingKey::Letter('y') => Some(self.copy_report(report_selection)),
            other => self.plain_key(other),
        }
    }

    /// The story of a drill that is over.
    pub(super) fn report_selection_of(&self, ticket: ActionTicket) -> Option<ReportSelection> {
        let watch = self.acting.watch(ticket)?;
        let cluster = self.clusters.iter().position(|cluster| cluster.name == watch.cluster)?;
        let report = self.report_of(watch)?;
        Some(ReportSelection { cluster, scenario: report.scenario, action: Some(report.action.clone()) })
    }

    /// Copies a report as it is filed.
    fn copy_report(&mut self, report_selection: &ReportSelection) -> Vec<Effect> {
        let known = self.acting.drills.known(report_selection.cluster);
        let Some(text) =
            report_selection.report(known).map(|report| drill::markdown(report, known, &self.options.zone))
        else {
            self.tell(Notice::failed("no report to copy"));
            return Vec::new();
        };
        self.tell(Notice::done("report copied as Markdown"));
        vec![Effect::Copy(text)]
    }
}
