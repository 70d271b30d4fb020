//! The container that prepares a cluster once: looked at through the container engine, and never touched.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use secrecy::ExposeSecret;

use crate::client::docker::{Container, DockerError};
use crate::client::docker_look::{EngineReader, Life, Phase, is_at_hand};
use crate::config::resolved::PreparationSettings;
use crate::driver::checklist::Checklist;
use crate::driver::port::{Check, Facts, Observe, Pace};
use crate::model::checkup::{Aspect, CheckLine};
use crate::model::moment::Moment;
use crate::model::parts::{Preparation, PreparationState, RuntimeReport};
use crate::model::source::{Source, SourceError, SourceKind, Trouble};
use crate::model::text::{MASK, Text};

/// How often it is looked at: it runs once.
const EVERY: Duration = Duration::from_secs(30);
/// Lines of its log that are kept.
const MOST_LINES: usize = 8;
/// A value shorter than this is no secret that could be told from the words around it.
const SHORTEST_SECRET: usize = 3;

/// Why an engine that is not at hand is no failure.
const NO_ENGINE: &str = "no container engine is at hand here";

/// What prepares one cluster.
#[derive(Clone, Debug)]
pub struct ContainerPreparation {
    source: Source,
    engine: String,
    settings: PreparationSettings,
    /// Ports of this host at which the cluster is reached: whoever publishes them is of its compose project.
    ports: Vec<u16>,
    /// How long one answer of the engine is waited for.
    patience: Duration,
}

impl ContainerPreparation {
    /// What `settings` names, at the engine at `engine`. Connects when first observed, and waits for no answer longer than
    /// `patience`.
    pub fn new(settings: &PreparationSettings, engine: &str, ports: Vec<u16>, patience: Duration) -> Self {
        Self {
            source: Source::new(SourceKind::Runtime, &settings.container),
            engine: engine.to_owned(),
            settings: settings.clone(),
            ports,
            patience,
        }
    }

    /// Whether there is an engine here that this user may ask; else why not.
    ///
    /// # Errors
    /// When there is none.
    pub fn is_at_hand(engine: &str) -> Result<(), Text> {
        is_at_hand(engine).map_err(Text::new)
    }

    /// Under which it is shown.
    pub fn source(&self) -> &Source {
        &self.source
    }

    async fn ask(&self) -> Result<Preparation, SourceError> {
        let told = |error: &DockerError| source_error(&self.engine, error);
        let engine = EngineReader::at(&self.engine).map_err(|error| told(&error))?;
        let (id, life) =
            match engine.life(&self.settings.container, self.patience).await.map_err(|error| told(&error))? {
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
            let lines = engine.last_lines(&id, MOST_LINES, self.patience).await;
            lines.inspect_err(|error| tracing::debug!(%error, "the log of the preparation")).unwrap_or_default()
        } else {
            Vec::new()
        };
        Ok(Preparation { container: Text::new(&life.name), state: state(&life, &lines) })
    }

    /// The one container of the compose service, with how it is.
    async fn of_service(&self, engine: &EngineReader) -> Result<Option<(String, Life)>, SourceError> {
        let told = |error: &DockerError| source_error(&self.engine, error);
        let service = &self.settings.container;
        let mut all = engine.of_service(service, self.patience).await.map_err(|error| told(&error))?;
        if let Some(project) = &self.settings.project {
            all.retain(|container| is_of(container, project));
        } else if all.len() > 1 {
            let running = engine.running(self.patience).await.map_err(|error| told(&error))?;
            let ours = projects(&running, &self.ports);
            all.retain(|container| ours.iter().any(|project| is_of(container, project)));
        }
        match all.as_slice() {
            [] => Ok(None),
            [one] => {
                let life = engine.life(&one.id, self.patience).await.map_err(|error| told(&error))?;
                Ok(life.map(|life| (one.id.clone(), life)))
            }
            several => {
                let names: Vec<&str> = several.iter().map(|container| container.name.as_str()).collect();
                let words = format!("several containers may be {service}: {}", names.join(", "));
                let advice = "name the one as container under [clusters.NAME.preparation], or the compose project";
                Err(SourceError::new(Trouble::Unsupported, &self.engine, words).advising(advice))
            }
        }
    }

    async fn examine(&self) -> Vec<CheckLine> {
        let mut list = Checklist::new(self.source.clone(), Text::redacted(&self.engine));
        if let Err(why) = Self::is_at_hand(&self.engine) {
            list.skipped(Aspect::Configuration, format!("not looked at: {NO_ENGINE} ({}: {why})", self.engine));
            return list.into_lines();
        }
        match self.ask().await {
            Err(error) if error.trouble.is_an_answer() => list.failed(&error),
            Err(error) => {
                let text = format!("not looked at: {NO_ENGINE} ({}: {})", self.engine, error.brief());
                list.skipped(Aspect::Configuration, text);
            }
            Ok(preparation) => judge(&mut list, &preparation),
        }
        list.into_lines()
    }
}

/// What `doctor` says of it.
fn judge(list: &mut Checklist, preparation: &Preparation) {
    let aspect = Aspect::Configuration;
    let name = &preparation.container;
    match &preparation.state {
        PreparationState::Absent => list.unknown(
            aspect,
            format!("there is no container {name}: whether it ever prepared the cluster cannot be said"),
            "correct container under [clusters.NAME.preparation]; if it was removed once it had ended, take the table out",
        ),
        PreparationState::Waiting => {
            let remedy = format!("start it: docker start {name}");
            list.warn(aspect, format!("{name} was made and never started"), &remedy);
        }
        PreparationState::Running { since } => {
            let since = since.map(|since| format!(" since {since:.0}")).unwrap_or_default();
            list.pass(aspect, format!("{name} is preparing the cluster{since}"));
        }
        PreparationState::Done { at } => {
            let at = at.map(|at| format!(", {at:.0}")).unwrap_or_default();
            list.pass(aspect, format!("{name} prepared the cluster and ended well (exit code 0{at})"));
        }
        PreparationState::Failed { code, lines, .. } => {
            let said = lines.last().map(|line| format!(": {line}")).unwrap_or_default();
            let remedy = format!("read its log (docker logs {name}), mend the cause, and start it again: docker start {name}");
            list.fail(aspect, format!("{name} ended with exit code {code}{said}"), &remedy);
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

    fn pace(&self) -> Pace {
        Pace::Slow(EVERY)
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

/// Compose projects whose containers publish one of `ports`.
fn projects(running: &[Container], ports: &[u16]) -> BTreeSet<String> {
    let publishes = |container: &&Container| container.published.iter().any(|port| ports.contains(port));
    running.iter().filter(publishes).filter_map(|container| Some(container.compose.as_ref()?.0.clone())).collect()
}

fn has_failed(life: &Life) -> bool {
    matches!(life.phase, Phase::Ended | Phase::Restarting) && life.exit_code != 0
}

fn state(life: &Life, lines: &[String]) -> PreparationState {
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
fn harmless(said: &str, life: &Life) -> Text {
    let mut said = said.to_owned();
    let mut secrets: Vec<&str> = life.secrets.iter().map(ExposeSecret::expose_secret).collect();
    // One may be part of another.
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets.into_iter().filter(|secret| secret.len() >= SHORTEST_SECRET) {
        said = said.replace(secret, MASK);
    }
    Text::redacted(said)
}

fn source_error(engine: &str, error: &DockerError) -> SourceError {
    let words = error.to_string();
    let trouble = match error {
        DockerError::Address { .. } => Trouble::Unsupported,
        DockerError::TimedOut(_) => Trouble::TimedOut,
        DockerError::Lost(words) if words.contains("ermission denied") => Trouble::Permission,
        DockerError::Absent { .. } | DockerError::Lost(_) => Trouble::Refused,
        DockerError::Refused { status: 401 | 403, .. } => Trouble::Permission,
        DockerError::Refused { .. } | DockerError::Command { .. } => Trouble::UnexpectedAnswer,
    };
    let advice = "check that the engine runs and that this user may speak to it; another one is set as engine under \
                  [clusters.NAME.preparation]";
    SourceError::new(trouble, engine, words).advising(advice)
}

#[cfg(test)]
mod tests;
