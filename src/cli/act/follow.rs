//! Telling how an action goes on, until it has ended.

use std::io;
use std::time::Duration;

use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use tokio::signal::unix::{SignalKind, signal};

use super::args::ActOutput;
use super::verb::StartedAction;
use crate::action::outcome::{Outcome, OutcomeKind};
use crate::cli::printer::Printer;
use crate::operate::{Event, Progress};
use crate::report;
use crate::report::line::Line;
use crate::report::symbol::Mark;
use crate::report::table::Tone;

/// Each Ctrl-C at this terminal.
///
/// # Errors
/// When the system cannot tell of them.
pub(super) fn interrupts() -> io::Result<BoxStream<'static, ()>> {
    let signal = signal(SignalKind::interrupt())?;
    Ok(stream::unfold(signal, |mut signal| async move { signal.recv().await.map(|()| ((), signal)) }).boxed())
}

/// Prints every piece of news and returns the outcome. Where the news break off without one, the outcome is unknown: the
/// journal and the cluster know more.
///
/// The action is a process of its own, which a Ctrl-C here does not reach: the first one says so, the second asks it to
/// end, the third stops watching.
///
/// # Errors
/// When standard output cannot be written.
pub(super) async fn follow(
    begun: StartedAction,
    mut interrupts: impl Stream<Item = ()> + Unpin,
    output: ActOutput,
    printer: &mut Printer,
) -> anyhow::Result<Outcome> {
    let StartedAction { action, mut updates, launcher } = begun;
    let mut pressed = 0;
    let lost = loop {
        let progress = tokio::select! {
            progress = updates.recv() => progress,
            Some(()) = interrupts.next() => {
                pressed += 1;
                match pressed {
                    1 => printer.say(format!(
                        "the action continues without this program; Ctrl-C again cancels it, a third one stops watching \
                            (pgctl-tui audit {action} shows its outcome)"
                    )),
                    2 => match launcher.ask_to_end(&action).await {
                        Ok(()) => printer.say("cancellation requested: temporary changes are reverted, unless the point of no return has passed"),
                        Err(why) => printer.say(format!("cannot cancel the action: {why}")),
                    },
                    _ => break Outcome::new(OutcomeKind::Unknown, "it was not watched until its end"),
                }
                continue;
            }
        };
        let Some(progress) = progress else {
            break Outcome::new(OutcomeKind::Unknown, "lost track of the action before it ended");
        };
        print_progress(&progress, output, printer)?;
        if let Event::Ended { outcome } = progress.event {
            return Ok(outcome);
        }
    };
    let lost = lost
        .next(format!("pgctl-tui audit {action} shows what was recorded; pgctl-tui status shows the current state"));
    if output == ActOutput::Table {
        print(&report::plan::outcome(&lost), printer)?;
    }
    Ok(lost)
}

fn print_progress(progress: &Progress, output: ActOutput, printer: &mut Printer) -> anyhow::Result<()> {
    if output == ActOutput::Json {
        return Ok(printer.document(&serde_json::to_string(progress)?)?);
    }
    if let Event::Ended { outcome } = &progress.event {
        return Ok(print(&report::plan::outcome(outcome), printer)?);
    }
    if let Some(line) = line(&progress.event) {
        let mut whole = Line::new().dim(progress.after.map(clock).unwrap_or_default());
        whole.pad_to(CLOCK_WIDTH);
        whole.append(line);
        printer.line(&whole)?;
    }
    Ok(())
}

fn print(lines: &[Line], printer: &mut Printer) -> io::Result<()> {
    lines.iter().try_for_each(|line| printer.line(line))
}

/// Columns of the time since the first step.
const CLOCK_WIDTH: usize = 9;

fn clock(after: Duration) -> String {
    format!("{:>6.1} s", after.as_secs_f64())
}

/// One piece of news in one line; `None`: nothing that a person waits for.
fn line(event: &Event) -> Option<Line> {
    let answered = |reply: &str, accepted: Option<bool>| match accepted {
        Some(true) => Line::new().dim("response  ").plain(reply),
        Some(false) => Line::new().dim("response  ").with(reply, Tone::Warning),
        None => Line::new().dim("response  ").with(reply, Tone::Critical),
    };
    Some(match event {
        Event::Looking { again: false } => Line::new().dim("collecting the state"),
        Event::Looking { again: true } => Line::new().dim("checking again under the lock"),
        Event::Locked => Line::new().dim("operation lock acquired"),
        Event::Checked { .. } | Event::Started | Event::Ended { .. } => return None,
        Event::StepBegan { text: words, .. } => Line::new().plain(words.as_str()),
        Event::Waiting { milestone, at_most } => {
            let longest = report::units::duration(*at_most);
            Line::new().dim(format!("waiting for: {}, at most {longest}", milestone.describe()))
        }
        Event::Progressed { progress, .. } => Line::new().dim(progress.describe()),
        Event::Made { artefact, .. } => Line::new().dim("created  ").plain(artefact.describe()),
        Event::StepEnded { reply, accepted, .. } => answered(reply.as_str(), *accepted),
        Event::Reached { milestone, evidence } => {
            Line::new().mark(Mark::Ok).plain(format!(" {}", milestone.describe())).dim(format!("   {evidence}"))
        }
        Event::Reported { reported, .. } => {
            let mut line = Line::new().plain(format!("{}   ", reported.describe()));
            line.append(answered(reported.reply.as_str(), reported.accepted));
            line.dim(format!("   {}", reported.why))
        }
        Event::Undone { step, reply, accepted } => {
            let result = report::journal::revert_result(*accepted);
            let mut line = Line::new().plain(format!("step {}: {result}   ", step + 1));
            line.append(answered(reply.as_str(), *accepted));
            line
        }
        Event::Remark { text } => Line::new().with(text.as_str(), Tone::Warning),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::Mutex;

    use futures::FutureExt as _;
    use futures::future::BoxFuture;
    use tokio::sync::mpsc;

    use super::*;
    use crate::action::permit::Confirmation;
    use crate::action::plan::Plan;
    use crate::action::record::ActionId;
    use crate::operate::ports::{JobLauncher, JobUpdates};

    /// Notes what it is asked, and lets the action end when it is asked to.
    #[derive(Default)]
    struct EndRequests {
        to_end: Mutex<Vec<ActionId>>,
        updates: Mutex<Option<mpsc::UnboundedSender<Progress>>>,
    }

    impl JobLauncher for EndRequests {
        fn begin(&self, _: Plan, _: Confirmation) -> BoxFuture<'static, Result<(ActionId, JobUpdates), String>> {
            async { Err("nothing is begun here".to_owned()) }.boxed()
        }

        fn ask_to_end(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
            self.to_end.lock().unwrap().push(action.clone());
            let outcome = Outcome::new(OutcomeKind::Failed, "ended when asked");
            let progress = Progress { at: jiff::Timestamp::UNIX_EPOCH, after: None, event: Event::Ended { outcome } };
            if let Some(updates) = &*self.updates.lock().unwrap() {
                updates.send(progress).unwrap();
            }
            async { Ok(()) }.boxed()
        }

        fn acknowledge(&self, _: &ActionId) -> BoxFuture<'static, Result<(), String>> {
            async { Ok(()) }.boxed()
        }

        fn mark_reverted(&self, _: &ActionId, _: Vec<usize>) -> BoxFuture<'static, Result<(), String>> {
            async { Ok(()) }.boxed()
        }
    }

    #[test]
    fn an_undo_that_was_not_made_is_not_called_reverted() {
        let told = |accepted| {
            let event = Event::Undone { step: 1, reply: "connection refused".into(), accepted };
            line(&event).expect("a line").text()
        };
        assert_eq!(told(Some(true)), "step 2: reverted   response  connection refused");
        assert_eq!(told(Some(false)), "step 2: not reverted   response  connection refused");
        assert_eq!(told(None), "step 2: no response to the revert   response  connection refused");
    }

    async fn after(presses: usize, obeys: bool) -> (Outcome, usize) {
        let launcher = Arc::new(EndRequests::default());
        let (sender, updates) = mpsc::unbounded_channel();
        if obeys {
            *launcher.updates.lock().unwrap() = Some(sender.clone());
        }
        let begun = StartedAction { action: ActionId("a-1".to_owned()), updates, launcher: launcher.clone() };
        let presses = stream::iter(vec![(); presses]).chain(stream::pending());
        let mut printer = Printer::new();
        let outcome = follow(begun, Box::pin(presses), ActOutput::Json, &mut printer).await.unwrap();
        drop(sender);
        let asked = launcher.to_end.lock().unwrap().len();
        (outcome, asked)
    }

    #[tokio::test]
    async fn a_second_interrupt_asks_the_action_to_end_and_its_end_is_reported() {
        let (outcome, asked) = after(2, true).await;
        assert_eq!((outcome.ending, asked), (OutcomeKind::Failed, 1));
    }

    #[tokio::test]
    async fn a_third_one_leaves_an_action_that_does_not_end() {
        let (outcome, asked) = after(3, false).await;
        assert_eq!((outcome.ending, asked), (OutcomeKind::Unknown, 1));
        assert!(outcome.next.iter().any(|next| next.as_str().contains("pgctl-tui audit a-1")), "{outcome:?}");
    }

    #[tokio::test]
    async fn one_alone_ends_nothing() {
        let waited = tokio::time::timeout(Duration::from_millis(100), after(1, true)).await;
        assert!(waited.is_err(), "it goes on being watched");
    }
}
