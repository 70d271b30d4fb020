//! The last hour of one cluster, kept small: a frame every so often and one at each change, so that the operator can
//! step back to what it looked like when things went wrong.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use crate::model::moment::Moment;
use crate::model::series::Series;
use crate::model::snapshot::Snapshot;
use crate::observe::picture::Picture;

/// How far back one can step.
pub const HISTORY_SPAN: Duration = Duration::from_secs(3600);

/// Frames kept of a single cluster, without those at changes.
const MAX_ENTRIES: usize = 90;

/// Frames kept of all clusters together: a fleet gets fewer each, further apart, and still reaches back an hour.
const MAX_TOTAL: usize = 960;

/// Fewest frames a cluster, however large the fleet.
const MIN_COUNT: usize = 2;

/// A picture of the past.
#[derive(Clone, Debug)]
pub struct Frame {
    /// When it was shown, on the console's clock.
    pub at: Duration,
    /// The picture.
    pub snapshot: Arc<Snapshot>,
    changed: bool,
}

/// Frames of one cluster, oldest first.
#[derive(Clone, Debug)]
pub struct History {
    frames: VecDeque<Frame>,
    capacity: usize,
    spacing: Duration,
    newest_event: Option<Moment>,
}

impl History {
    /// The history of one of `clusters` clusters.
    pub fn new(clusters: usize) -> Self {
        let capacity = (MAX_TOTAL / clusters.max(1)).clamp(MIN_COUNT, MAX_ENTRIES);
        let spacing = HISTORY_SPAN / u32::try_from(capacity).unwrap_or(1);
        Self { frames: VecDeque::new(), capacity, spacing, newest_event: None }
    }

    /// None: on a wall nobody can step back, and an hour of many clusters takes many megabytes.
    pub fn of_a_wall() -> Self {
        Self { capacity: 0, ..Self::new(1) }
    }

    /// Keeps `picture` if it is time for a frame, or if something changed since the last.
    pub fn take(&mut self, at: Duration, picture: &Picture) {
        if self.capacity == 0 {
            return;
        }
        let newest_event = picture.events.last().map(|event| event.at);
        let changed = newest_event > self.newest_event && !self.frames.is_empty();
        self.newest_event = self.newest_event.max(newest_event);
        let regular = self.frames.iter().rev().find(|frame| !frame.changed);
        let due = regular.is_none_or(|frame| at.saturating_sub(frame.at) >= self.spacing);
        if !due && !changed {
            return;
        }
        let snapshot = Arc::new(without_sessions(&picture.snapshot));
        self.frames.push_back(Frame { at, snapshot, changed: !due });
        while self.frames.front().is_some_and(|frame| at.saturating_sub(frame.at) > HISTORY_SPAN) {
            self.frames.pop_front();
        }
        self.bound(true, self.capacity / 4);
        self.bound(false, self.capacity);
    }

    /// Drops the oldest frames of one sort beyond `most`.
    fn bound(&mut self, changed: bool, most: usize) {
        while self.frames.iter().filter(|frame| frame.changed == changed).count() > most.max(2) {
            match self.frames.iter().position(|frame| frame.changed == changed) {
                Some(oldest) => self.frames.remove(oldest),
                None => break,
            };
        }
    }

    /// The last frame before `at`.
    pub fn before(&self, at: Duration) -> Option<&Frame> {
        self.frames.iter().rev().find(|frame| frame.at < at)
    }

    /// The first frame after `at`.
    pub fn after(&self, at: Duration) -> Option<&Frame> {
        self.frames.iter().find(|frame| frame.at > at)
    }

    /// The frame that was on the screen at `at`.
    pub fn at(&self, at: Duration) -> Option<&Frame> {
        self.frames.iter().rev().find(|frame| frame.at <= at).or_else(|| self.frames.front())
    }

    /// Frames kept.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing was kept yet.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }
}

/// The snapshot without what of it is large and soon worth nothing: who was connected, and what they ran. That it is not kept
/// is said in its place.
fn without_sessions(snapshot: &Snapshot) -> Snapshot {
    let mut snapshot = snapshot.clone();
    for answer in snapshot.members.iter_mut().filter_map(|member| member.sql.as_mut()?.answer.as_mut()) {
        answer.value = Arc::new(answer.value.without_sessions());
    }
    snapshot
}

/// The picture as it was: the snapshot of then, and of events and curves what had happened by then.
pub fn as_it_was(snapshot: &Arc<Snapshot>, live: &Picture) -> Picture {
    let then = snapshot.now;
    let events = live.events.iter().filter(|event| event.at <= then).cloned().collect();
    let later = live.snapshot.now.since(then);
    let series =
        live.series.iter().map(|(key, series)| (key.clone(), Arc::new(without_newest(series, then, later)))).collect();
    Picture { snapshot: snapshot.clone(), events: Arc::new(events), series: Arc::new(series) }
}

fn without_newest(series: &Series, then: Moment, later: Duration) -> Series {
    let step = series.step();
    let cut = usize::try_from(later.as_millis() / step.as_millis().max(1)).unwrap_or(usize::MAX);
    let kept = series.samples().len().saturating_sub(cut);
    let mut past = Series::new(step, series.samples().len().max(1));
    for (index, sample) in series.samples().take(kept).enumerate() {
        let steps_before = u32::try_from(kept - 1 - index).unwrap_or(u32::MAX);
        past.push(then - step.saturating_mul(steps_before), sample);
    }
    past
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::postgres::SqlPart;
    use crate::tui::testing;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_week_of_pictures_and_changes_stays_bounded_and_reaches_back_an_hour() {
        let mut history = History::new(1);
        let picture = testing::picture("prod-eu");
        for second in (0..7 * 86_400).step_by(5) {
            history.take(SECOND * second, &picture);
        }
        assert!(history.len() <= 240, "{} frames", history.len());
        let last = SECOND * (7 * 86_400 - 5);
        let oldest = history.at(Duration::ZERO).unwrap().at;
        let reach = last.saturating_sub(oldest);
        assert!((HISTORY_SPAN.saturating_sub(SECOND * 30)..=HISTORY_SPAN).contains(&reach), "reaches back {reach:?}");
    }

    #[test]
    fn a_wall_keeps_nothing_that_nobody_can_step_back_to() {
        let mut history = History::of_a_wall();
        let picture = testing::picture("prod-eu");
        for minute in 1..100 {
            history.take(SECOND * minute * 60, &picture);
        }
        assert!(history.is_empty());
    }

    #[test]
    fn a_fleet_gets_fewer_frames_each() {
        let mut history = History::new(200);
        let picture = testing::picture("prod-eu");
        for second in 0..7200 {
            history.take(SECOND * second, &picture);
        }
        assert!(history.len() <= 6, "{} frames", history.len());
    }

    #[test]
    fn what_was_run_is_not_kept_and_that_is_reported() {
        let mut history = History::new(1);
        let picture = testing::picture("prod-eu");
        let sessions = |snapshot: &Snapshot| {
            let reports = snapshot.members.iter().filter_map(|member| member.sql.as_ref()?.last());
            reports.map(|report| report.sessions.len() + report.applications.len()).sum::<usize>()
        };
        assert!(sessions(&picture.snapshot) > 0);
        history.take(SECOND, &picture);
        let kept = &history.at(SECOND).unwrap().snapshot;
        assert_eq!(sessions(kept), 0);
        let reports = kept.members.iter().filter_map(|member| member.sql.as_ref()?.last());
        assert!(reports.clone().count() > 0 && reports.clone().all(|report| !report.knows(SqlPart::Sessions)));
    }

    #[test]
    fn a_change_is_kept_though_no_frame_is_due() {
        let mut history = History::new(1);
        let mut picture = testing::picture("prod-eu");
        history.take(SECOND, &picture);
        history.take(SECOND * 2, &picture);
        assert_eq!(history.len(), 1);
        picture.events = Arc::new(vec![testing::event(99)]);
        history.take(SECOND * 3, &picture);
        assert_eq!(history.len(), 2);
        assert_eq!(history.before(SECOND * 3).unwrap().at, SECOND);
        assert_eq!(history.after(SECOND).unwrap().at, SECOND * 3);
    }

    #[test]
    fn curves_of_the_past_end_where_the_past_ends() {
        let mut series = Series::new(SECOND, 10);
        for second in 0..10 {
            series.push(Moment::START + SECOND * second, Some(second as f32));
        }
        let past = without_newest(&series, Moment::START + SECOND * 6, SECOND * 3);
        assert_eq!(past.samples().next_back(), Some(Some(6.0)));
        assert_eq!(past.samples().len(), 7);
    }
}
