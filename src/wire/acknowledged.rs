//! Which findings somebody on this host knows of: told to the observers at the start and whenever another console changes
//! it, and written down for this one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};

use super::job;
use crate::audit::{Acknowledgements, JournalError};
use crate::model::acknowledgement::Acknowledgement;
use crate::model::finding::Finding;
use crate::model::name::ClusterName;
use crate::model::text::Text;
use crate::observe::picture::{Handle, Order};
use crate::tui::options::AcknowledgeHook;

/// Pause between two looks at the file.
const INTERVAL: Duration = Duration::from_secs(2);

/// What there is, told to every observer. A file that cannot be read tells nothing: then everything is shown.
pub(super) async fn tell(handles: &[Handle]) {
    match tokio::task::spawn_blocking(|| store().read()).await {
        Ok(Ok(known)) if known.is_empty() => {}
        Ok(Ok(known)) => order(handles, known),
        Ok(Err(error)) => tracing::warn!(error = error.line(), "acknowledgements cannot be read"),
        Err(error) => tracing::warn!(%error, "acknowledgements were not read"),
    }
}

/// The same, and again whenever the file changes. Never ends by itself.
pub(super) async fn follow(handles: Vec<Handle>) {
    let mut seen = None;
    loop {
        if let Ok(now) = tokio::task::spawn_blocking(stamp).await
            && now != seen
        {
            seen = now;
            match tokio::task::spawn_blocking(|| store().read()).await {
                Ok(Ok(known)) => order(&handles, known),
                Ok(Err(error)) => tracing::warn!(error = error.line(), "acknowledgements cannot be read"),
                Err(error) => tracing::warn!(%error, "acknowledgements were not read"),
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

/// What tells one state of the file from another.
fn stamp() -> Option<(SystemTime, u64)> {
    let metadata = std::fs::metadata(store().path()).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Writes down what a console acknowledges, and tells its observers at once.
pub(super) fn hook(handles: Vec<Handle>) -> AcknowledgeHook {
    Arc::new(move |cluster, finding, known| {
        let handles = handles.clone();
        async move {
            let write = move || {
                note(&cluster, &finding, known)?;
                store().read()
            };
            let known = tokio::task::spawn_blocking(write).await.map_err(|error| error.to_string())?;
            order(&handles, known.map_err(|error| error.line())?);
            Ok(())
        }
        .boxed()
    })
}

/// The same for simulated clusters: kept in memory alone.
pub(super) fn rehearsed(handles: Vec<Handle>) -> AcknowledgeHook {
    let kept: Arc<Mutex<Vec<Acknowledgement>>> = Arc::default();
    Arc::new(move |cluster, finding, known| {
        let now = now();
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let is_meant = known.is_some();
        let new = made(&cluster, &finding, known.unwrap_or_default(), now);
        kept.retain(|one| !one.same_finding(&new));
        if is_meant {
            kept.push(new);
        }
        order(&handles, kept.clone());
        std::future::ready(Ok(())).boxed()
    })
}

/// Writes down that `finding` is known, or that it is not any more.
///
/// # Errors
/// When that is not on disk.
pub(super) fn note(
    cluster: &ClusterName,
    finding: &Finding,
    known: Option<(Text, Duration)>,
) -> Result<(), JournalError> {
    let now = now();
    match known {
        Some(known) => store().add(made(cluster, finding, known, now)),
        None => store().remove(&made(cluster, finding, (Text::default(), Duration::ZERO), now), now),
    }
}

/// The file of this user.
pub(super) fn store() -> Acknowledgements {
    Acknowledgements::at(job::state())
}

fn made(cluster: &ClusterName, finding: &Finding, known: (Text, Duration), now: Timestamp) -> Acknowledgement {
    let (reason, span) = known;
    let until = SignedDuration::try_from(span).ok().and_then(|span| now.checked_add(span).ok()).unwrap_or(now);
    Acknowledgement::of(cluster, finding, (Text::new(job::who().to_string()), reason), (now, until))
}

fn order(handles: &[Handle], known: Vec<Acknowledgement>) {
    let known = Arc::new(known.into_iter().map(Arc::new).collect::<Vec<_>>());
    for handle in handles {
        handle.order(Order::Acknowledged(Arc::clone(&known)));
    }
}

#[expect(clippy::disallowed_methods, reason = "an expiry is a time of day, typed here as a span from now")]
fn now() -> Timestamp {
    Timestamp::now()
}
