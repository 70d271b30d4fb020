//! The header's phrases put together: in their fixed order, in the room there is.

use super::super::line::{Line, Span};
use super::super::table::Tone;
use super::super::{fit, units};
use super::{Counts, NO_LEADER, NO_PRIMARY, Summary};
use crate::model::snapshot::ClusterHealth;

impl Counts {
    /// `1 critical, 2 warnings`; notes only where there is nothing worse; empty where there is nothing.
    pub fn describe(&self) -> String {
        let critical = (self.critical > 0).then(|| format!("{} critical", self.critical));
        let warning = (self.warning > 0).then(|| units::plural(self.warning, "warning"));
        let note = (self.critical + self.warning == 0 && self.note > 0).then(|| units::plural(self.note, "note"));
        [critical, warning, note].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Tone of the worst.
    pub fn tone(&self) -> Tone {
        match (self.critical, self.warning) {
            (0, 0) if self.note > 0 => Tone::Plain,
            (0, 0) => Tone::Ok,
            (0, _) => Tone::Warning,
            _ => Tone::Critical,
        }
    }
}

impl Summary {
    /// The pause with how long it lasts and whose it is, as far as that is known: `PAUSED 12 min by alice@bastion`.
    pub fn pause(&self) -> Option<Span> {
        let paused = self.paused.as_ref()?;
        let lasts = if self.paused_for.is_empty() { String::new() } else { format!(" {}", self.paused_for) };
        let by = self.paused_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        Some(Span::new(format!("{}{lasts}{by}", paused.text), paused.tone))
    }

    /// The findings in a phrase, from the counts in `words`.
    pub fn findings(&self, words: String) -> Span {
        match self.cluster_health {
            ClusterHealth::Unknown if self.age.is_some() => Span::new("not all sources queried yet", Tone::Stale),
            ClusterHealth::Unknown => Span::new("no data", Tone::Stale),
            ClusterHealth::Warning if self.counts.critical + self.counts.warning == 0 => {
                // A finding that is held back until it has lasted.
                Span::new("no finding yet", Tone::Warning)
            }
            ClusterHealth::Ok if words.is_empty() && self.acknowledged.is_some() => {
                Span::new("all acknowledged", Tone::Plain)
            }
            ClusterHealth::Ok | ClusterHealth::Warning | ClusterHealth::Critical if words.is_empty() => {
                Span::new("no findings", Tone::Ok)
            }
            ClusterHealth::Ok | ClusterHealth::Warning | ClusterHealth::Critical => {
                Span::new(words, self.counts.tone())
            }
        }
    }

    /// What stands at the side of the name, in its fixed order: what a tired reader must know first, and last what is as it
    /// always is.
    fn slots(&self) -> Vec<(&'static str, Span)> {
        let label = if self.leader.text == NO_LEADER || self.leader.text == NO_PRIMARY { "" } else { "leader " };
        let silent =
            (self.silent > 0).then(|| Span::new(units::plural(self.silent, "source") + " unreachable", Tone::Stale));
        let slots = [
            (label, Some(self.leader.clone())),
            ("members ", Some(self.members.clone())),
            ("", Some(self.findings(self.counts.describe()))),
            ("", self.pause()),
            ("", self.operation.clone()),
            ("", self.scheduled.clone()),
            ("", self.blocked.clone()),
            ("", silent),
            ("sync ", self.sync.clone()),
            ("DCS ", self.dcs.clone()),
            ("timeline ", Some(self.timeline.clone())),
        ];
        slots.into_iter().filter_map(|(label, span)| Some((label, span?))).collect()
    }

    /// `leader pg-0 · members 3/3 · 2 warnings · PAUSED · sync 1/1 · DCS 3/3 · timeline 12`: the middle of the header.
    pub fn line(&self) -> Line {
        self.within(usize::MAX)
    }

    /// The same in `room` columns: in the same words and order, what does not fit is dropped from the right.
    pub fn within(&self, room: usize) -> Line {
        /// Columns of a slot that are worth having.
        const MIN_WIDTH: usize = 12;
        let mut line = Line::new();
        for (place, (label, span)) in self.slots().into_iter().enumerate() {
            let mut slot = Line::new();
            if place > 0 {
                slot.push(" · ", Tone::Dim);
            }
            slot.push(label, Tone::Dim);
            let before = line.width() + slot.width();
            slot.push(span.text.as_str(), span.tone);
            if line.width() + slot.width() <= room {
                line.append(slot);
                continue;
            }
            // The beginning of a long one tells more than nothing.
            if before + MIN_WIDTH <= room {
                slot.spans.pop();
                slot.push(fit::cut(span.text.as_str(), room - before), span.tone);
                line.append(slot);
            }
            break;
        }
        line
    }

    /// What the headline says: the worst finding and how many there are beside it, else what is in the making, else what
    /// somebody has acknowledged.
    pub fn headline(&self) -> Option<Line> {
        // A warning that has stood for days must not keep what is worse from the one line that everybody reads.
        if let (true, Some(making)) = (self.making_is_worse, &self.making) {
            let found = self.more + usize::from(self.worst.is_some());
            let tone = if found > 0 { Tone::Warning } else { making.tone };
            let mut line = Line::new().with(making.text.as_str(), tone);
            if found > 0 {
                line.push(format!("  +{found} more"), Tone::Dim);
            }
            return Some(line);
        }
        if let Some(worst) = &self.worst {
            let mut line = Line::new().with(worst.text.as_str(), worst.tone);
            if self.more > 0 {
                line.push(format!("  +{} more", self.more), Tone::Dim);
            }
            return Some(line);
        }
        let quiet = self.making.as_ref().or(self.acknowledged.as_ref())?;
        Some(Line::new().with(quiet.text.as_str(), quiet.tone))
    }
}
