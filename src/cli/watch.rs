//! `watch`: without a screen, one line for whatever begins, gets worse or ends, until a signal comes.

use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::{join_all, select_all};
use serde_json::{Value, json};
use tokio::signal::unix::{SignalKind, signal};

use super::args::WatchOutput;
use super::exit::Exit;
use super::printer::{Printer, is_closed};
use crate::model::event::{Event, EventKind};
use crate::model::name::ClusterName;
use crate::model::snapshot::Snapshot;
use crate::observe::once::settled;
use crate::observe::picture::{Handle, Order, Picture};
use crate::report::alerts::{Alert, between, standing};
use crate::report::document;
use crate::report::line::Line;
use crate::report::tones;

/// Passes an alert on. Must return at once.
pub type AlertSink = Box<dyn Fn(Alert)>;

/// How to watch.
#[derive(Clone, Debug)]
pub struct Options {
    /// Form of a line.
    pub output: WatchOutput,
    /// Findings alone, without the other events.
    pub findings_only: bool,
    /// Longest wait for the first pictures.
    pub timeout: Duration,
}

/// Watches until SIGTERM or SIGINT comes, or nobody reads any more. `tell` is given every alert, those of the beginning
/// left aside: what stood already is nobody's news.
///
/// # Errors
/// When signals cannot be listened to, or standard output cannot be written.
pub async fn run(
    mut handles: Vec<Handle>,
    options: &Options,
    tell: Option<AlertSink>,
    printer: &mut Printer,
) -> anyhow::Result<Exit> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let first = join_all(handles.iter_mut().map(|handle| settled(handle, options.timeout)));
    let mut last: Vec<Arc<Picture>> = tokio::select! {
        pictures = first => pictures,
        _ = terminate.recv() => return Ok(Exit::Done),
        _ = interrupt.recv() => return Ok(Exit::Done),
    };
    // The first pictures tell a disagreement at once; from here on there is time to see whether it lasts.
    for handle in &handles {
        handle.order(Order::Settle);
    }
    for (handle, picture) in handles.iter().zip(&last) {
        for alert in standing(&handle.cluster, &picture.snapshot.findings) {
            if !is_read(print_alert(&alert, &picture.snapshot, options.output, printer))? {
                return Ok(Exit::Done);
            }
        }
    }
    loop {
        let changed = select_all(handles.iter_mut().map(|handle| handle.pictures.changed().boxed_local()));
        let (outcome, index) = tokio::select! {
            (outcome, index, _) = changed => (outcome, index),
            _ = terminate.recv() => return Ok(Exit::Done),
            _ = interrupt.recv() => return Ok(Exit::Done),
        };
        if outcome.is_err() {
            // Its observer is gone: whoever waits for news of it must not wait for ever.
            printer.say(format!("pgctl-tui: {}: no longer watched", handles[index].cluster));
            return Ok(Exit::Unknown);
        }
        let picture = handles[index].pictures.borrow_and_update().clone();
        let cluster = handles[index].cluster.clone();
        let reported = step(&cluster, &last[index], &picture, options, tell.as_ref(), printer);
        if !is_read(reported)? {
            return Ok(Exit::Done);
        }
        last[index] = picture;
    }
}

/// Tells what leads from one picture of a cluster to the next.
fn step(
    cluster: &ClusterName,
    before: &Picture,
    after: &Picture,
    options: &Options,
    tell: Option<&AlertSink>,
    printer: &mut Printer,
) -> anyhow::Result<()> {
    if !options.findings_only {
        let seen = before.events.last().map_or(0, |event| event.number);
        // Findings have lines of their own.
        let updates = after.events.iter().filter(|event| event.number > seen && event.kind != EventKind::Finding);
        for event in updates {
            print_event(cluster, event, options.output, printer)?;
        }
    }
    for alert in between(cluster, &before.snapshot.findings, &after.snapshot.findings) {
        print_alert(&alert, &after.snapshot, options.output, printer)?;
        if let Some(tell) = tell {
            tell(alert);
        }
    }
    Ok(())
}

fn print_alert(alert: &Alert, snapshot: &Snapshot, output: WatchOutput, printer: &mut Printer) -> anyhow::Result<()> {
    let (change, finding) = (alert.change, &alert.finding);
    match output {
        WatchOutput::Text => {
            let line = Line::new()
                .dim(format!("{} ", snapshot.wall.strftime("%Y-%m-%dT%H:%M:%SZ")))
                .plain(format!("{} ", alert.cluster))
                .with(format!("{} ", finding.severity.as_str().to_uppercase()), tones::severity(finding.severity))
                .plain(format!("{} ", change.shown()))
                .dim(format!("{}@{}: ", finding.code, finding.subject))
                .plain(finding.title.as_str());
            printer.line(&line)?;
        }
        WatchOutput::Json => write(
            &json!({
                "at": snapshot.wall.to_string(),
                "cluster": alert.cluster,
                "change": change.as_str(),
                "finding": document::finding(snapshot, finding),
            }),
            printer,
        )?,
    }
    Ok(())
}

fn print_event(cluster: &ClusterName, event: &Event, output: WatchOutput, printer: &mut Printer) -> anyhow::Result<()> {
    match output {
        WatchOutput::Text => {
            let line = Line::new()
                .dim(format!("{} ", event.wall.strftime("%Y-%m-%dT%H:%M:%SZ")))
                .plain(format!("{cluster} "))
                .with(format!("{} ", event.severity.as_str().to_uppercase()), tones::severity(event.severity))
                .plain("event ")
                .dim(format!("{}@{}: ", event.kind.as_str(), event.subject))
                .plain(event.text.as_str());
            printer.line(&line)?;
        }
        WatchOutput::Json => write(
            &json!({
                "at": event.wall.to_string(),
                "cluster": cluster,
                "change": "event",
                "event": {
                    "kind": event.kind.as_str(),
                    "severity": event.severity.as_str(),
                    "subject": event.subject.to_string(),
                    "text": event.text,
                    "source": event.source.as_ref().map(ToString::to_string),
                },
            }),
            printer,
        )?,
    }
    Ok(())
}

/// One document a line, so that a reader knows where each ends.
fn write(document: &Value, printer: &mut Printer) -> anyhow::Result<()> {
    Ok(printer.document(&document.to_string())?)
}

/// Whether somebody still reads.
fn is_read(reported: anyhow::Result<()>) -> anyhow::Result<bool> {
    match reported {
        Ok(()) => Ok(true),
        Err(error) if is_closed(&error) => Ok(false),
        Err(error) => Err(error),
    }
}
