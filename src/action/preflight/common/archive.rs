//! WAL that waits for the archiver. What a leader has not archived when it hands over, the new one marks as done without
//! having archived it, and nobody reports the gap: recovery from older backups ends there.

use std::time::Duration;

use crate::action::note::CheckNote;
use crate::action::preflight::context::{CheckContext, block, pass, unknown, warn};
use crate::model::postgres::{Archiver, SqlPart, SqlReport};
use crate::model::units;
use crate::model::view::MemberView;

/// With something to archive, an archiver that has done nothing for so long hangs.
const HANG_AFTER: Duration = Duration::from_secs(60);

/// Why what waits may never be archived.
enum Stuck {
    Failing,
    Hanging(Duration),
    Never,
}

/// What the leader has not archived yet.
pub(in crate::action::preflight) fn of_leader(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "leader-archiver";
    let Some(view) = context.leader_view() else {
        notes.push(unknown(CHECK, "no leader is known"));
        return;
    };
    let name = view.name();
    let Some(mut sql) = context.sql(view) else {
        let text = format!("unknown whether {name} has WAL waiting to be archived: its PostgreSQL is unreachable");
        notes.push(unknown(CHECK, text).about(name));
        return;
    };
    let Some(archiver) = archiver(sql.value) else {
        notes.push(unknown(CHECK, format!("the archiver state of {name} is not visible")).about(name).by(&sql));
        return;
    };
    sql.at = sql.value.read_at(SqlPart::ArchiveReady, sql.at);
    let lost =
        "the new leader treats them as archived although they are not, and recovery from older backups stops there";
    let remedy =
        format!("archive them first, or take a new base backup at once; `SELECT * FROM pg_stat_archiver` on {name}");
    let note = if archiver.enabled {
        match (archiver.ready, stuck(archiver, sql.value)) {
            (Some(0), None) => pass(CHECK, format!("no WAL segments waiting to be archived on {name}")),
            (Some(0), Some(_)) => {
                // Nothing waits now; the last segment is to be archived by the shutdown itself.
                let text =
                    format!("archiving fails on {name}: its last WAL segment will not be archived; {lost}; {remedy}");
                block(CHECK, text).overridable()
            }
            (Some(ready), None) if ready < context.snapshot.thresholds.archive_ready.warning => {
                let text =
                    format!("{} to be archived on {name}, archiving works: the shutdown waits for them", wait(ready));
                if ready > 1 { warn(CHECK, text) } else { pass(CHECK, text) }
            }
            (Some(ready), None) => {
                let text = format!(
                    "{} to be archived on {name}, archiving is too slow: if the shutdown times out, {lost}; {remedy}",
                    wait(ready)
                );
                block(CHECK, text).overridable()
            }
            (Some(ready), Some(why)) => {
                block(CHECK, format!("{} to be archived on {name}, {}: {lost}; {remedy}", wait(ready), why.describe()))
                    .overridable()
            }
            (None, Some(why)) => {
                let text =
                    format!("on {name}: {}, number of waiting WAL segments unknown: {lost}; {remedy}", why.describe());
                block(CHECK, text).overridable()
            }
            (None, None) => {
                let text =
                    format!("archiving works on {name}; number of waiting WAL segments unknown: grant pg_monitor");
                unknown(CHECK, text)
            }
        }
    } else {
        pass(CHECK, format!("WAL archiving is off on {name}"))
    };
    notes.push(note.about(name).by(&sql));
}

/// What a leader that is gone had not archived when it was last heard.
pub(in crate::action::preflight) fn of_lost(context: &CheckContext<'_>, notes: &mut Vec<CheckNote>) {
    const CHECK: &str = "lost-archive";
    for member in &context.snapshot.members {
        let Some(reading) = member.sql.as_ref().filter(|reading| !reading.is_fresh(context.snapshot.now)) else {
            continue;
        };
        let Some(report) = reading.last().filter(|report| !report.in_recovery) else { continue };
        let waits = archiver(report).filter(|archiver| archiver.enabled).and_then(|archiver| archiver.ready);
        if let Some(ready) = waits.filter(|ready| *ready > 0) {
            let text = format!(
                "{} to be archived on {} when it was last reachable: the new leader treats them as archived although they may not be; \
                    save them from there before a pg_rewind, and take a new base backup",
                wait(ready),
                member.name
            );
            notes.push(warn(CHECK, text).about(&member.name));
        }
    }
}

/// What a member that is to be thrown away has not archived: nobody else may have archived it.
pub(in crate::action::preflight) fn of_target(
    context: &CheckContext<'_>,
    view: MemberView<'_>,
    notes: &mut Vec<CheckNote>,
) {
    const CHECK: &str = "target-archived";
    let name = view.name();
    let Some(mut sql) = context.sql(view) else {
        let text = format!("unknown whether {name} has WAL that was never archived: its PostgreSQL is unreachable");
        notes.push(unknown(CHECK, text));
        return;
    };
    sql.at = sql.value.read_at(SqlPart::ArchiveReady, sql.at);
    let ready = archiver(sql.value).filter(|archiver| archiver.enabled).map(|archiver| archiver.ready);
    notes.push(
        match ready {
            None => pass(CHECK, format!("WAL archiving is off on {name}")),
            Some(None) => unknown(CHECK, format!("unknown whether {name} has WAL that was never archived")),
            Some(Some(0)) => pass(CHECK, format!("{name} has no WAL waiting to be archived")),
            Some(Some(ready)) => {
                let text = format!(
                    "{} to be archived on {name} from its time as leader: they are lost with its data, and recovery stops there; archive them first",
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
    (idle > HANG_AFTER && archiver.ready.is_some_and(|ready| ready > 1)).then_some(Stuck::Hanging(idle))
}

impl Stuck {
    fn describe(&self) -> String {
        match self {
            Self::Failing => "archiving fails".to_owned(),
            Self::Hanging(idle) => format!("nothing archived for {}", units::duration(*idle)),
            Self::Never => "nothing archived yet".to_owned(),
        }
    }
}

fn wait(ready: u64) -> String {
    if ready == 1 { "1 WAL segment waiting".to_owned() } else { format!("{ready} WAL segments waiting") }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use rstest::rstest;

    use super::*;
    use crate::action::note::CheckVerdict;
    use crate::action::preflight::examine;
    use crate::action::test_support::{healthy, restart, sql, switchover};

    fn archive(edit: fn(&mut Archiver)) -> crate::model::snapshot::Snapshot {
        let mut snapshot = healthy();
        sql(&mut snapshot, 0, |report| edit(report.archiver.as_mut().unwrap()));
        snapshot
    }

    #[rstest]
    #[case::nothing_waits(|_: &mut Archiver| {}, CheckVerdict::Pass)]
    #[case::one_on_its_way(|archiver: &mut Archiver| archiver.ready = Some(1), CheckVerdict::Pass)]
    #[case::some_on_their_way(|archiver: &mut Archiver| archiver.ready = Some(3), CheckVerdict::Warn)]
    #[case::fails(|archiver: &mut Archiver| (archiver.ready, archiver.failing) = (Some(2), true), CheckVerdict::Block)]
    #[case::hangs(|archiver: &mut Archiver| {
        archiver.ready = Some(2);
        archiver.last_archived_at = archiver.last_archived_at.map(|at| at - SignedDuration::from_mins(5));
    }, CheckVerdict::Block)]
    #[case::never_worked(|archiver: &mut Archiver| (archiver.ready, archiver.last_archived_at) = (Some(2), None), CheckVerdict::Block)]
    #[case::off(|archiver: &mut Archiver| (archiver.enabled, archiver.ready) = (false, None), CheckVerdict::Pass)]
    #[case::hidden(|archiver: &mut Archiver| archiver.ready = None, CheckVerdict::Unknown)]
    fn no_leader_hands_over_in_silence_what_it_has_not_archived(
        #[case] edit: fn(&mut Archiver),
        #[case] verdict: CheckVerdict,
    ) {
        let notes = examine(&archive(edit), &switchover(Some(1)));
        let note = notes.iter().find(|note| note.check == *"leader-archiver").unwrap();
        assert_eq!((note.verdict, note.can_override), (verdict, verdict == CheckVerdict::Block), "{}", note.text);
        if verdict == CheckVerdict::Block {
            assert!(note.text.as_str().contains("recovery from older backups stops there"), "{}", note.text);
        }
    }

    #[test]
    fn a_leader_that_stays_the_leader_archives_when_it_is_back() {
        let snapshot = archive(|archiver: &mut Archiver| (archiver.ready, archiver.failing) = (Some(2), true));
        let notes = examine(&snapshot, &restart(0));
        let note = notes.iter().find(|note| note.check == *"leader-archiver").unwrap();
        assert_eq!(note.verdict, CheckVerdict::Warn);
    }
}
