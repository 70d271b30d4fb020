//! Telling how an action goes on, until it has ended.

use std::io;
use std::time::Duration;

use futures::stream::{self, BoxStream, Stream, StreamExt as _};
use tokio::signal::unix::{SignalKind, signal};

use super::args::ActOutput;
use super::verb::Begun;
use crate::action::outcome::{Ending, Outcome};
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
    begun: Begun,
    mut interrupts: impl Stream<Item = ()> + Unpin,
    output: ActOutput,
    printer: &mut Printer,
) -> anyhow::Result<Outcome> {
    let Begun { action, mut news, hand } = begun;
    let mut pressed = 0;
    let lost = loop {
        let progress = tokio::select! {
            progress = news.recv() => progress,
            Some(()) = interrupts.next() => {
                pressed += 1;
                match pressed {
                    1 => printer.say(format!(
                        "the action goes on without this program; Ctrl-C again asks it to end, a third one stops watching \
                         (pgctl-tui audit {action} tells how it went)"
                    )),
                    2 => match hand.ask_to_end(&action).await {
                        Ok(()) => printer.say("asked to end: it takes back what is temporary, unless its point of no return is past"),
                        Err(why) => printer.say(format!("it could not be asked to end: {why}")),
                    },
                    _ => break Outcome::new(Ending::Unknown, "it was not watched to its end"),
                }
                continue;
            }
        };
        let Some(progress) = progress else {
            break Outcome::new(Ending::Unknown, "the news broke off before the action ended");
        };
        tell(&progress, output, printer)?;
        if let Event::Ended { outcome } = progress.event {
            return Ok(outcome);
        }
    };
    let lost = lost.next(format!("pgctl-tui audit {action} tells what was written down; pgctl-tui status what is"));
    if output == ActOutput::Table {
        print(&report::plan::outcome(&lost), printer)?;
    }
    Ok(lost)
}

fn tell(progress: &Progress, output: ActOutput, printer: &mut Printer) -> anyhow::Result<()> {
    if output == ActOutput::Json {
        return Ok(printer.document(&serde_json::to_string(progress)?)?);
    }
    if let Event::Ended { outcome } = &progress.event {
        return Ok(print(&report::plan::outcome(outcome), printer)?);
    }
    if let Some(line) = line(&progress.event) {
        let mut whole = Line::new().dim(progress.after.map(clock).unwrap_or_default());
        whole.pad_to(CLOCK);
        whole.append(line);
        printer.line(&whole)?;
    }
    Ok(())
}

fn print(lines: &[Line], printer: &mut Printer) -> io::Result<()> {
    lines.iter().try_for_each(|line| printer.line(line))
}

/// Columns of the time since the first step.
const CLOCK: usize = 9;

fn clock(after: Duration) -> String {
    format!("{:>6.1} s", after.as_secs_f64())
}

/// One piece of news in one line; `None`: nothing that a person waits for.
fn line(event: &Event) -> Option<Line> {
    let answered = |reply: &str, accepted: Option<bool>| match accepted {
        Some(true) => Line::new().dim("answer  ").plain(reply),
        Some(false) => Line::new().dim("answer  ").with(reply, Tone::Look),
        None => Line::new().dim("answer  ").with(reply, Tone::Act),
    };
    Some(match event {
        Event::Looking { again: false } => Line::new().dim("looking at the cluster"),
        Event::Looking { again: true } => Line::new().dim("looking again under the lock"),
        Event::Locked => Line::new().dim("operation lock taken"),
        Event::Checked { .. } | Event::Started | Event::Ended { .. } => return None,
        Event::StepBegan { words, .. } => Line::new().plain(words.as_str()),
        Event::Waiting { milestone, at_most } => {
            let longest = report::units::duration(*at_most);
            Line::new().dim(format!("waiting for: {}, at most {longest}", milestone.words()))
        }
        Event::StepEnded { reply, accepted, .. } => answered(reply.as_str(), *accepted),
        Event::Reached { milestone, evidence } => {
            Line::new().mark(Mark::Well).plain(format!(" {}", milestone.words())).dim(format!("   {evidence}"))
        }
        Event::Told { told, .. } => {
            let mut line = Line::new().plain(format!("{}   ", told.words()));
            line.append(answered(told.reply.as_str(), told.accepted));
            line.dim(format!("   {}", told.why))
        }
        Event::Undone { reply, accepted, .. } => {
            let mut line = Line::new().plain("taken back   ");
            line.append(answered(reply.as_str(), *accepted));
            line
        }
        Event::Remark { text } => Line::new().with(text.as_str(), Tone::Look),
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
    use crate::operate::hand::{Hand, News};

    /// Notes what it is asked, and lets the action end when it is asked to.
    #[derive(Default)]
    struct Asked {
        to_end: Mutex<Vec<ActionId>>,
        news: Mutex<Option<mpsc::UnboundedSender<Progress>>>,
    }

    impl Hand for Asked {
        fn begin(&self, _: Plan, _: Confirmation) -> BoxFuture<'static, Result<(ActionId, News), String>> {
            async { Err("nothing is begun here".to_owned()) }.boxed()
        }

        fn ask_to_end(&self, action: &ActionId) -> BoxFuture<'static, Result<(), String>> {
            self.to_end.lock().unwrap().push(action.clone());
            let outcome = Outcome::new(Ending::Failed, "ended when asked");
            let progress = Progress { at: jiff::Timestamp::UNIX_EPOCH, after: None, event: Event::Ended { outcome } };
            if let Some(news) = &*self.news.lock().unwrap() {
                news.send(progress).unwrap();
            }
            async { Ok(()) }.boxed()
        }

        fn acknowledge(&self, _: &ActionId) -> BoxFuture<'static, Result<(), String>> {
            async { Ok(()) }.boxed()
        }

        fn strike(&self, _: &ActionId, _: Vec<usize>) -> BoxFuture<'static, Result<(), String>> {
            async { Ok(()) }.boxed()
        }
    }

    async fn after(presses: usize, obeys: bool) -> (Outcome, usize) {
        let hand = Arc::new(Asked::default());
        let (sender, news) = mpsc::unbounded_channel();
        if obeys {
            *hand.news.lock().unwrap() = Some(sender.clone());
        }
        let begun = Begun { action: ActionId("a-1".to_owned()), news, hand: hand.clone() };
        let presses = stream::iter(vec![(); presses]).chain(stream::pending());
        let mut printer = Printer::new();
        let outcome = follow(begun, Box::pin(presses), ActOutput::Json, &mut printer).await.unwrap();
        drop(sender);
        let asked = hand.to_end.lock().unwrap().len();
        (outcome, asked)
    }

    #[tokio::test]
    async fn a_second_interrupt_asks_the_action_to_end_and_its_end_is_told() {
        let (outcome, asked) = after(2, true).await;
        assert_eq!((outcome.ending, asked), (Ending::Failed, 1));
    }

    #[tokio::test]
    async fn a_third_one_leaves_an_action_that_does_not_end() {
        let (outcome, asked) = after(3, false).await;
        assert_eq!((outcome.ending, asked), (Ending::Unknown, 1));
        assert!(outcome.next.iter().any(|next| next.as_str().contains("pgctl-tui audit a-1")), "{outcome:?}");
    }

    #[tokio::test]
    async fn one_alone_ends_nothing() {
        let waited = tokio::time::timeout(Duration::from_millis(100), after(1, true)).await;
        assert!(waited.is_err(), "it goes on being watched");
    }
}
