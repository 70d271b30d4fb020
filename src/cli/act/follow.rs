//! Telling how an action goes on, until it has ended.

use std::io;
use std::time::Duration;

use tokio::sync::mpsc;

use super::args::ActOutput;
use crate::action::outcome::{Ending, Outcome};
use crate::cli::printer::Printer;
use crate::operate::{Event, Progress};
use crate::report;
use crate::report::line::Line;
use crate::report::symbol::Mark;
use crate::report::table::Tone;

/// Prints every piece of news and returns the outcome. Where the news break off without one, the outcome is unknown: the
/// journal and the cluster know more.
///
/// # Errors
/// When standard output cannot be written.
pub(super) async fn follow(
    mut news: mpsc::UnboundedReceiver<Progress>,
    output: ActOutput,
    printer: &mut Printer,
) -> anyhow::Result<Outcome> {
    while let Some(progress) = news.recv().await {
        tell(&progress, output, printer)?;
        if let Event::Ended { outcome } = progress.event {
            return Ok(outcome);
        }
    }
    let lost = Outcome::new(Ending::Unknown, "the news broke off before the action ended");
    let lost = lost.next("pgctl-tui audit tells what was written down; pgctl-tui status what is");
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
