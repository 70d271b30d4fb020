//! Keys in the dialogs of drills: while one is prepared, and in its report.

use super::story::Story;
use crate::report::drill;
use crate::tui::app::App;
use crate::tui::command::{Command, Verb};
use crate::tui::effect::Effect;
use crate::tui::event::{Notice, Ticket};
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
    pub(super) fn story_key(&mut self, story: &Story, key: Key) -> Option<Vec<Effect>> {
        match ActingKey::of(key)? {
            ActingKey::Letter('b') => {
                self.go(self.view, story.cluster);
                let drill = Command::Act(Verb::Drill);
                if let Err(reason) = self.availability(drill) {
                    self.tell(Notice::failed(reason));
                    return Some(Vec::new());
                }
                self.dialogs.clear();
                Some(self.run(drill, Some(story.scenario.word().to_owned())))
            }
            ActingKey::Letter('y') => Some(self.copy_report(story)),
            other => self.plain_key(other),
        }
    }

    /// The story of a drill that is over.
    pub(super) fn story_of(&self, ticket: Ticket) -> Option<Story> {
        let watch = self.acting.watch(ticket)?;
        let cluster = self.clusters.iter().position(|cluster| cluster.name == watch.cluster)?;
        let report = self.report_of(watch)?;
        Some(Story { cluster, scenario: report.scenario, action: Some(report.action.clone()) })
    }

    /// Copies a report as it is filed.
    fn copy_report(&mut self, story: &Story) -> Vec<Effect> {
        let known = self.acting.practice.known(story.cluster);
        let Some(text) = story.report(known).map(|report| drill::markdown(report, known, &self.options.zone)) else {
            self.tell(Notice::failed("there is no report to copy"));
            return Vec::new();
        };
        self.tell(Notice::done("report copied as Markdown"));
        vec![Effect::Copy(text)]
    }
}
