//! The container that prepares a cluster once: looked at through the container engine, and never touched.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use secrecy::ExposeSecret;

use crate::client::docker::{Container, DockerError};
use crate::client::docker_read::{ContainerState, EngineReader, Phase, is_available};
use crate::client::published_port::PublishedPort;
use crate::config::resolved::PreparationSettings;
use crate::driver::checklist::Checklist;
use crate::driver::port::{Check, Facts, Observe, PollPace};
use crate::model::checkup::{CheckAspect, CheckLine};
use crate::model::moment::Moment;
use crate::model::parts::{Preparation, PreparationState, RuntimeReport};
use crate::model::source::{FailureKind, Source, SourceError, SourceKind};
use crate::model::text::{MASK, Text};

/// How often it is looked at: it runs once.
const INTERVAL: Duration = Duration::from_secs(30);
/// Lines of its log that are kept.
const MAX_LINES: usize = 8;
/// A value shorter than this is no secret that could be told from the words around it.
const MIN_SECRET_LENGTH: usize = 3;

/// Why an engine that is not at hand is no failure.
const NO_ENGINE: &str = "no container engine available here";

/// What prepares one cluster.
#[derive(Clone, Debug)]
pub struct ContainerPreparation {
    source: Source,
    engine: String,
    settings: PreparationSettings,
    /// Hosts and ports at which the cluster is reached: whoever publishes them is of its compose project.
    endpoints: Vec<(String, u16)>,
    /// How long one answer of the engine is waited for.
    time_limit: Duration,
}

impl ContainerPreparation {
    /// What `settings` names, at the engine at `engine`. Connects when first observed, and waits for no answer longer than
    /// `patience`.
    pub fn new(
        settings: &PreparationSettings,
        engine: &str,
        endpoints: Vec<(String, u16)>,
        time_limit: Duration,
    ) -> Self {
        Self {
            source: Source::new(SourceKind::Runtime, &settings.container),
            engine: engine.to_owned(),
            settings: settings.clone(),
            endpoints,
            time_limit,
        }
    }

    /// Whether there is an engine here that this user may ask; else why not.
    ///
    /// # Errors
    /// When there is none.
    pub fn is_available(engine: &str) -> Result<(), Text> {
        is_available(engine).map_err(Text::new)
    }

    /// Under which it is shown.
    pub fn source(&self) -> &Source {
        &self.source
    }

    async fn ask(&self) -> Result<Preparation, SourceError> {
        let reported = |error: &DockerError| source_error(&self.engine, error);
        let engine = EngineReader::at(&self.engine).map_err(|error| reported(&error))?;
        let (id, life) =
            match engine.life(&self.settings.container, self.time_limit).await.map_err(|error| reported(&error))? {
                Some(life) => (self.settings.container.clone(), life),
                None => match self.of_service(&engine).await? {
                    Some(found) => found,
                    None => {
                        let container = Text::new(&self.settings.container);
                        return Ok(Preparation { container, state: PreparationState::Absent });
                    }
                },
            };
        let lines = if has_failed(&life) {
            // What it said last is not worth losing the rest for.
            let lines = engine.last_lines(&id, MAX_LINES, self.time_limit).await;
            lines.inspect_err(|error| tracing::debug!(%error, "the log of the setup container")).unwrap_or_default()
        } else {
            Vec::new()
        };
        Ok(Preparation { container: Text::new(&life.name), state: state(&life, &lines) })
    }

    /// The one container of the compose service, with how it is.
    async fn of_service(&self, engine: &EngineReader) -> Result<Option<(String, ContainerState)>, SourceError> {
        let reported = |error: &DockerError| source_error(&self.engine, error);
        let service = &self.settings.container;
        let mut all = engine.of_service(service, self.time_limit).await.map_err(|error| reported(&error))?;
        if let Some(project) = &self.settings.project {
            all.retain(|container| is_of(container, project));
        } else if all.len() > 1 {
            let running = engine.running(self.time_limit).await.map_err(|error| reported(&error))?;
            let ours = projects(&running, &self.endpoints);
            all.retain(|container| ours.iter().any(|project| is_of(container, project)));
        }
        match all.as_slice() {
            [] => Ok(None),
            [one] => {
                let life = engine.life(&one.id, self.time_limit).await.map_err(|error| reported(&error))?;
                Ok(life.map(|life| (one.id.clone(), life)))
            }
            several => {
                let names: Vec<&str> = several.iter().map(|container| container.name.as_str()).collect();
                let words = format!("several containers match {service}: {}", names.join(", "));
                let advice = "set container under [clusters.NAME.preparation], or the compose project";
                Err(SourceError::new(FailureKind::Unsupported, &self.engine, words).advising(advice))
            }
        }
    }

    async fn examine(&self) -> Vec<CheckLine> {
        let mut list = Checklist::new(self.source.clone(), Text::redacted(&self.engine));
        if let Err(why) = Self::is_available(&self.engine) {
            list.skipped(CheckAspect::Configuration, format!("not checked: {NO_ENGINE} ({}: {why})", self.engine));
            return list.into_lines();
        }
        match self.ask().await {
            Err(error) if error.failure_kind.is_an_answer() => list.failed(&error),
            Err(error) => {
                let text = format!("not checked: {NO_ENGINE} ({}: {})", self.engine, error.brief());
                list.skipped(CheckAspect::Configuration, text);
            }
            Ok(preparation) => judge(&mut list, &preparation),
        }
        list.into_lines()
    }
}

/// What `doctor` says of it.
fn judge(list: &mut Checklist, preparation: &Preparation) {
    let aspect = CheckAspect::Configuration;
    let name = &preparation.container;
    match &preparation.state {
        PreparationState::Absent => list.unknown(
            aspect,
            format!("there is no container {name}: unknown whether it ever set up the cluster"),
            "correct container under [clusters.NAME.preparation]; if it was removed after it had finished, remove the table",
        ),
        PreparationState::Waiting => {
            let remedy = format!("start it: docker start {name}");
            list.warn(aspect, format!("{name} was created but never started"), &remedy);
        }
        PreparationState::Running { since } => {
            let since = since.map(|since| format!(" since {since:.0}")).unwrap_or_default();
            list.pass(aspect, format!("{name} is setting up the cluster{since}"));
        }
        PreparationState::Done { at } => {
            let at = at.map(|at| format!(", {at:.0}")).unwrap_or_default();
            list.pass(aspect, format!("{name} set up the cluster successfully (exit code 0{at})"));
        }
        PreparationState::Failed { code, lines, .. } => {
            let said = lines.last().map(|line| format!(": {line}")).unwrap_or_default();
            let remedy = format!("read its log (docker logs {name}), fix the cause, and start it again: docker start {name}");
            list.fail(aspect, format!("{name} exited with code {code}{said}"), &remedy);
        }
    }
}

impl Observe for ContainerPreparation {
    fn source(&self) -> &Source {
        &self.source
    }

    fn endpoint(&self) -> Text {
        Text::redacted(&self.engine)
    }

    fn pace(&self) -> PollPace {
        PollPace::Slow(INTERVAL)
    }

    fn observe(&mut self, _now: Moment) -> BoxFuture<'_, Result<Facts, SourceError>> {
        async move {
            let preparation = self.ask().await?;
            let report =
                RuntimeReport { version: Text::default(), containers: Vec::new(), preparation: Some(preparation) };
            Ok(Facts::Runtime(report))
        }
        .boxed()
    }
}

impl Check for ContainerPreparation {
    fn endpoint(&self) -> Text {
        Text::redacted(&self.engine)
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        self.examine().boxed()
    }
}

fn is_of(container: &Container, project: &str) -> bool {
    container.compose.as_ref().is_some_and(|(of, _)| of == project)
}

/// Compose projects whose containers publish what one of `endpoints` leads to.
fn projects(running: &[Container], endpoints: &[(String, u16)]) -> BTreeSet<String> {
    let is_reached = |door: &PublishedPort| endpoints.iter().any(|(host, port)| door.is_reached_by(host, *port));
    let publishes = |container: &&Container| container.published.iter().any(is_reached);
    running.iter().filter(publishes).filter_map(|container| Some(container.compose.as_ref()?.0.clone())).collect()
}

fn has_failed(life: &ContainerState) -> bool {
    matches!(life.phase, Phase::Ended | Phase::Restarting) && life.exit_code != 0
}

fn state(life: &ContainerState, lines: &[String]) -> PreparationState {
    match life.phase {
        Phase::Created => PreparationState::Waiting,
        Phase::Running => PreparationState::Running { since: life.started },
        _ if has_failed(life) => PreparationState::Failed {
            code: life.exit_code,
            out_of_memory: life.out_of_memory,
            retries: life.phase == Phase::Restarting,
            at: life.ended,
            lines: lines.iter().map(|line| harmless(line, life)).collect(),
        },
        Phase::Restarting => PreparationState::Running { since: life.started },
        Phase::Ended => PreparationState::Done { at: life.ended },
    }
}

/// A line of its log without the secrets that its environment holds, and without what a terminal would obey.
fn harmless(said: &str, life: &ContainerState) -> Text {
    let mut said = said.to_owned();
    let mut secrets: Vec<&str> = life.secrets.iter().map(ExposeSecret::expose_secret).collect();
    // One may be part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets.into_iter().filter(|secret| secret.len() >= MIN_SECRET_LENGTH) {
        said = said.replace(secret, MASK);
    }
    Text::redacted(said)
}

fn source_error(engine: &str, error: &DockerError) -> SourceError {
    let words = error.to_string();
    let failure_kind = match error {
        DockerError::Address { .. } => FailureKind::Unsupported,
        DockerError::TimedOut(_) => FailureKind::TimedOut,
        DockerError::Lost(words) if words.contains("ermission denied") => FailureKind::Permission,
        DockerError::Absent { .. } | DockerError::Lost(_) => FailureKind::Refused,
        DockerError::Refused { status: 401 | 403, .. } => FailureKind::Permission,
        DockerError::Refused { .. } | DockerError::Command { .. } => FailureKind::UnexpectedAnswer,
    };
    let advice = "check that the engine is running and that this user may access it; a different one can be set as engine under \
        [clusters.NAME.preparation]";
    SourceError::new(failure_kind, engine, words).advising(advice)
}

#[cfg(test)]
mod tests;
