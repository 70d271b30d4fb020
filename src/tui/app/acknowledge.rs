//! That the operator knows of a finding: it sinks, with a reason, for a while.

use std::borrow::Cow;
use std::time::Duration;

use super::{App, Availability};
use crate::config::long_duration;
use crate::model::finding::Finding;
use crate::model::text::Text;
use crate::report::findings;
use crate::tui::command::Command;
use crate::tui::effect::Effect;
use crate::tui::event::Notice;
use crate::tui::views::View;

/// For how long, where nothing else is typed: a shift.
const DEFAULT_DURATION: Duration = Duration::from_secs(8 * 3600);
/// The longest: what is known for longer wants mending, or a threshold of its own.
const MAX_DURATION: Duration = Duration::from_secs(90 * 24 * 3600);

/// What takes it back.
const OFF: &str = "off";

impl App {
    pub(super) fn can_acknowledge(&self) -> Availability {
        if self.options.read_only || self.options.wall {
            return Err("not available in read-only mode".into());
        }
        if !self.can_know {
            return Err("not available in this console".into());
        }
        match self.selected_finding() {
            Some(_) => Ok(()),
            None => Err("select a finding first (view 8)".into()),
        }
    }

    /// Acknowledges the selected finding as `typed` says: an optional span, and the reason. Without, asks for both.
    pub(super) fn acknowledge(&mut self, typed: Option<&str>) -> Vec<Effect> {
        let Some(finding) = self.selected_finding() else { return Vec::new() };
        let name = Command::Acknowledge.spec().map_or("ack", |spec| spec.name);
        let typed = typed.map(str::trim).unwrap_or_default();
        if typed.is_empty() {
            let begun = if finding.acknowledged.is_some() { OFF } else { "8h " };
            self.open_palette_with(&format!("{name} {begun}"));
            return Vec::new();
        }
        let Some(cluster) = self.cluster().map(|cluster| cluster.name.clone()) else { return Vec::new() };
        let finding = Box::new(finding);
        if typed == OFF {
            return vec![Effect::Know { cluster, finding, known: None }];
        }
        match parsed(typed) {
            Ok(known) => vec![Effect::Know { cluster, finding, known: Some(known) }],
            Err(why) => {
                self.tell(Notice::failed(why.into_owned()));
                Vec::new()
            }
        }
    }

    /// The finding of the selected row.
    fn selected_finding(&self) -> Option<Finding> {
        let ((view, pane), row) = self.selection()?;
        if view != View::Findings && pane != "findings" {
            return None;
        }
        findings::named(&self.cluster()?.shown().snapshot, &row).cloned()
    }
}

/// `8h reason`, or the reason alone.
fn parsed(typed: &str) -> Result<(Text, Duration), Cow<'static, str>> {
    let (first, rest) = typed.split_once(char::is_whitespace).unwrap_or((typed, ""));
    let (span, reason) = match long_duration(first) {
        Ok(span) => (span, rest.trim()),
        Err(_) => (DEFAULT_DURATION, typed),
    };
    if reason.is_empty() {
        return Err("give a reason, such as `ack 8h disk is being replaced`".into());
    }
    if span.is_zero() || span > MAX_DURATION {
        return Err("an acknowledgement lasts from 1 s to 90 days".into());
    }
    Ok((Text::new(reason), span))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures::FutureExt as _;

    use super::*;
    use crate::report::test_support;
    use crate::tui::options::{Hooks, Options};
    use crate::tui::testing::{ConsoleFixture, around, hooks};

    fn fixture(options: Options) -> ConsoleFixture {
        let mut snapshot = test_support::healthy();
        snapshot.findings = test_support::findings();
        let hooks = Hooks { acknowledge: Some(Arc::new(|_, _, _| std::future::ready(Ok(())).boxed())), ..hooks() };
        ConsoleFixture::new(vec![around(snapshot)], options, &hooks, (120, 40))
    }

    #[test]
    fn a_span_may_stand_before_the_reason_and_a_reason_there_must_be() {
        assert_eq!(parsed("2h vacuum runs"), Ok(("vacuum runs".into(), Duration::from_secs(7200))));
        assert_eq!(parsed("vacuum runs"), Ok(("vacuum runs".into(), DEFAULT_DURATION)));
        assert!(parsed("2h").is_err() && parsed("400d too long").is_err());
    }

    #[test]
    fn the_selected_finding_is_acknowledged_with_what_was_typed() {
        let mut fixture = fixture(Options::default());
        fixture.press("8x");
        fixture.shows(&["ack 8h"]);
        let effects = fixture.press("known<Enter>");
        let known = effects.iter().find_map(|effect| match effect {
            Effect::Know { finding, known, .. } => Some((finding.code, known.clone())),
            _ => None,
        });
        assert_eq!(known, Some(("replica-lags", Some(("known".into(), DEFAULT_DURATION)))), "{effects:?}");
    }

    #[test]
    fn a_console_that_only_looks_acknowledges_nothing() {
        let mut fixture = fixture(Options { read_only: true, ..Options::default() });
        assert!(fixture.press("8x").iter().all(|effect| !matches!(effect, Effect::Know { .. })));
        fixture.shows(&["not available in read-only mode"]);
    }
}
