//! WAL that waits for the archiver. What a leader has not archived when it hands over, the new one marks as done without
//! having archived it, and nobody reports the gap: recovery from older backups ends there.

use std::time::Duration;

use super::super::note::Note;
use super::scene::{Scene, block, pass, unknown, warn};
use crate::model::postgres::{Archiver, SqlPart, SqlReport};
use crate::model::units;
use crate::model::view::MemberView;

/// With something to archive, an archiver that has done nothing for so long hangs.
const HANGS: Duration = Duration::from_secs(60);

/// Why what waits may never be archived.
enum Stuck {
    Failing,
    Hanging(Duration),
    Never,
}

/// What the leader has not archived yet.
pub(super) fn of_leader(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "leader-archiver";
    let Some(view) = scene.leader_view() else {
        notes.push(unknown(CHECK, "no leader is known"));
        return;
    };
    let name = view.name();
    let Some(sql) = scene.sql(view) else {
        let text = format!("whether WAL of {name} waits for the archiver is unknown: its PostgreSQL does not answer");
        notes.push(unknown(CHECK, text).about(name));
        return;
    };
    let Some(archiver) = archiver(sql.value) else {
        notes.push(unknown(CHECK, format!("the archiver of {name} cannot be seen")).about(name).by(&sql));
        return;
    };
    let lost = "the new leader marks them as archived though they are not, and recovery from older backups ends there";
    let remedy =
        format!("archive them first, or take a new base backup at once; `SELECT * FROM pg_stat_archiver` on {name}");
    let note = if archiver.enabled {
        match (archiver.ready, stuck(archiver, sql.value)) {
            (Some(0), None) => pass(CHECK, format!("no segment waits for the archiver on {name}")),
            (Some(0), Some(_)) => {
                // Nothing waits now; the last segment is to be archived by the shutdown itself.
                let text =
                    format!("archiving fails on {name}: its last segment will not be archived; {lost}; {remedy}");
                block(CHECK, text).overridable()
            }
            (Some(ready), None) if ready < scene.snapshot.thresholds.archive_ready.warning => {
                let text =
                    format!("{} for the archiver on {name}, which works: the shutdown waits for them", wait(ready));
                if ready > 1 { warn(CHECK, text) } else { pass(CHECK, text) }
            }
            (Some(ready), None) => {
                let text = format!(
                    "{} for the archiver on {name}, more than it gets done: if its shutdown is cut short, {lost}; {remedy}",
                    wait(ready)
                );
                block(CHECK, text).overridable()
            }
            (Some(ready), Some(why)) => {
                block(CHECK, format!("{} for the archiver on {name}, {}: {lost}; {remedy}", wait(ready), why.words()))
                    .overridable()
            }
            (None, Some(why)) => {
                let text = format!(
                    "the archiver of {name} {}, and how many segments wait is not seen: {lost}; {remedy}",
                    why.words()
                );
                block(CHECK, text).overridable()
            }
            (None, None) => {
                let text = format!("archiving works on {name}; how many segments wait is not seen: grant pg_monitor");
                unknown(CHECK, text)
            }
        }
    } else {
        pass(CHECK, format!("{name} archives nothing"))
    };
    notes.push(note.about(name).by(&sql));
}

/// What a leader that is gone had not archived when it was last heard.
pub(super) fn of_lost(scene: &Scene<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "lost-archive";
    for member in &scene.snapshot.members {
        let Some(reading) = member.sql.as_ref().filter(|reading| !reading.is_fresh(scene.snapshot.now)) else {
            continue;
        };
        let Some(report) = reading.last().filter(|report| !report.in_recovery) else { continue };
        let waits = archiver(report).filter(|archiver| archiver.enabled).and_then(|archiver| archiver.ready);
        if let Some(ready) = waits.filter(|ready| *ready > 0) {
            let text = format!(
                "{} for the archiver on {} when it was last heard: the new leader marks them as archived though they may not be; \
                 look for them there before it is rewound, and take a new base backup",
                wait(ready),
                member.name
            );
            notes.push(warn(CHECK, text).about(&member.name));
        }
    }
}

/// What a member that is to be thrown away has not archived: nobody else may have archived it.
pub(super) fn of_target(scene: &Scene<'_>, view: MemberView<'_>, notes: &mut Vec<Note>) {
    const CHECK: &str = "target-archived";
    let name = view.name();
    let Some(sql) = scene.sql(view) else {
        let text =
            format!("whether {name} holds WAL that was never archived is unknown: its PostgreSQL does not answer");
        notes.push(unknown(CHECK, text));
        return;
    };
    let ready = archiver(sql.value).filter(|archiver| archiver.enabled).map(|archiver| archiver.ready);
    notes.push(
        match ready {
            None => pass(CHECK, format!("{name} archives nothing")),
            Some(None) => unknown(CHECK, format!("whether {name} holds WAL that was never archived is not seen")),
            Some(Some(0)) => pass(CHECK, format!("{name} holds no WAL that waits to be archived")),
            Some(Some(ready)) => {
                let text = format!(
                    "{} to be archived on {name}, from when it led: they go with its data, and recovery ends there; archive them first",
                    wait(ready)
                );
                block(CHECK, text).overridable()
            }
        }
        .by(&sql),
    );
}

fn archiver(report: &SqlReport) -> Option<&Archiver> {
    report.archiver.as_ref().filter(|_| report.knows(SqlPart::Archiver))
}

/// Whether the archiver gets nothing done, and why.
fn stuck(archiver: &Archiver, report: &SqlReport) -> Option<Stuck> {
    if archiver.failing {
        return Some(Stuck::Failing);
    }
    if archiver.ready.is_none_or(|ready| ready == 0) {
        return None;
    }
    let Some(last) = archiver.last_archived_at else {
        // Just begun, or hanging in its very first segment.
        return archiver.ready.is_some_and(|ready| ready > 1).then_some(Stuck::Never);
    };
    let idle = Duration::try_from(report.server_time.duration_since(last)).unwrap_or_default();
    // A segment that became ready this moment is no sign: two are.
    (idle > HANGS && archiver.ready.is_some_and(|ready| ready > 1)).then_some(Stuck::Hanging(idle))
}

impl Stuck {
    fn words(&self) -> String {
        match self {
            Self::Failing => "which fails".to_owned(),
            Self::Hanging(idle) => format!("which has archived nothing for {}", units::duration(*idle)),
            Self::Never => "which has archived nothing yet".to_owned(),
        }
    }
}

fn wait(ready: u64) -> String {
    if ready == 1 { "1 segment waits".to_owned() } else { format!("{ready} segments wait") }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use rstest::rstest;

    use super::super::examine;
    use super::*;
    use crate::action::note::Verdict;
    use crate::action::test_support::{healthy, restart, sql, switchover};

    fn archive(edit: fn(&mut Archiver)) -> crate::model::snapshot::Snapshot {
        let mut snapshot = healthy();
        sql(&mut snapshot, 0, |report| edit(report.archiver.as_mut().unwrap()));
        snapshot
    }

    #[rstest]
    #[case::nothing_waits(|_: &mut Archiver| {}, Verdict::Pass)]
    #[case::one_on_its_way(|archiver: &mut Archiver| archiver.ready = Some(1), Verdict::Pass)]
    #[case::some_on_their_way(|archiver: &mut Archiver| archiver.ready = Some(3), Verdict::Warn)]
    #[case::fails(|archiver: &mut Archiver| (archiver.ready, archiver.failing) = (Some(2), true), Verdict::Block)]
    #[case::hangs(|archiver: &mut Archiver| {
        archiver.ready = Some(2);
        archiver.last_archived_at = archiver.last_archived_at.map(|at| at - SignedDuration::from_mins(5));
    }, Verdict::Block)]
    #[case::never_worked(|archiver: &mut Archiver| (archiver.ready, archiver.last_archived_at) = (Some(2), None), Verdict::Block)]
    #[case::off(|archiver: &mut Archiver| (archiver.enabled, archiver.ready) = (false, None), Verdict::Pass)]
    #[case::hidden(|archiver: &mut Archiver| archiver.ready = None, Verdict::Unknown)]
    fn no_leader_hands_over_in_silence_what_it_has_not_archived(
        #[case] edit: fn(&mut Archiver),
        #[case] verdict: Verdict,
    ) {
        let notes = examine(&archive(edit), &switchover(Some(1)));
        let note = notes.iter().find(|note| note.check == *"leader-archiver").unwrap();
        assert_eq!((note.verdict, note.can_override), (verdict, verdict == Verdict::Block), "{}", note.text);
        if verdict == Verdict::Block {
            assert!(note.text.as_str().contains("recovery from older backups ends there"), "{}", note.text);
        }
    }

    #[test]
    fn a_leader_that_stays_the_leader_archives_when_it_is_back() {
        let snapshot = archive(|archiver: &mut Archiver| (archiver.ready, archiver.failing) = (Some(2), true));
        let notes = examine(&snapshot, &restart(0));
        let note = notes.iter().find(|note| note.check == *"leader-archiver").unwrap();
        assert_eq!(note.verdict, Verdict::Warn);
    }
}
