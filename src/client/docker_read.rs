//! The container engine's wire for looking: which containers there are, how one of them is, and what it said last. Nothing
//! here can start, stop or change one; for that there is [`super::docker`].

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::models::ContainerInspectResponse;
use bollard::query_parameters::{ListContainersOptionsBuilder, LogsOptionsBuilder};
use futures::StreamExt as _;
use jiff::Timestamp;
use rustix::fs::{Access, access};
use secrecy::SecretString;

use super::docker::{Container, DockerError, container, docker, within};

/// Most of a log's end that is kept, in bytes.
const MAX_LOG: usize = 16_000;
/// Words in the names of variables whose values are nobody's business.
const SECRETS: [&str; 6] = ["PASS", "SECRET", "TOKEN", "KEY", "CREDENTIAL", "PWD"];

/// An engine that is only looked at.
#[derive(Clone, Debug)]
pub struct EngineReader(Docker);

/// How the first process of a container is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// Made, and not started yet.
    Created,
    /// It runs, or is frozen.
    Running,
    /// It ended, and is about to be started again.
    Restarting,
    /// It ended.
    Ended,
}

/// The life of a container.
#[derive(Clone, Debug)]
pub struct ContainerState {
    /// Name, without the slash.
    pub name: String,
    /// How its process is.
    pub phase: Phase,
    /// With which code it ended, the last time that it did.
    pub exit_code: i64,
    /// The kernel ended it for want of memory.
    pub out_of_memory: bool,
    /// When it was last started.
    pub started: Option<Timestamp>,
    /// When it last ended.
    pub ended: Option<Timestamp>,
    /// What must not be shown of whatever it says: values of its variables that are named like secrets.
    pub secrets: Vec<SecretString>,
}

impl EngineReader {
    /// The engine at `address` (`unix:///path`, `tcp://host:port`). Nothing is connected yet.
    ///
    /// # Errors
    /// When it is no such address, or its socket is not there.
    pub fn at(address: &str) -> Result<Self, DockerError> {
        docker(address).map(Self)
    }

    /// The container of this name or id; `None`: there is none.
    ///
    /// # Errors
    /// When the engine does not tell within `patience`.
    pub async fn life(&self, id: &str, time_limit: Duration) -> Result<Option<ContainerState>, DockerError> {
        match within(time_limit, self.0.inspect_container(id, None)).await {
            Ok(reported) => Ok(Some(life(&reported))),
            Err(DockerError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Containers of a compose service, in whatever project, but for those of a single command.
    ///
    /// # Errors
    /// When the engine does not tell within `patience`.
    pub async fn of_service(&self, service: &str, time_limit: Duration) -> Result<Vec<Container>, DockerError> {
        let labels = vec![format!("com.docker.compose.service={service}")];
        let filters = HashMap::from([("label", labels)]);
        let options = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        let listed = within(time_limit, self.0.list_containers(Some(options))).await?;
        let single = |labels: &HashMap<String, String>| {
            labels.get("com.docker.compose.oneoff").is_some_and(|oneoff| oneoff.eq_ignore_ascii_case("true"))
        };
        Ok(listed.into_iter().filter(|reported| !reported.labels.as_ref().is_some_and(single)).map(container).collect())
    }

    /// Every container that runs.
    ///
    /// # Errors
    /// When the engine does not tell within `patience`.
    pub async fn running(&self, time_limit: Duration) -> Result<Vec<Container>, DockerError> {
        let listed = within(time_limit, self.0.list_containers(None)).await?;
        Ok(listed.into_iter().map(container).collect())
    }

    /// The last lines that a container wrote, `most` at most, as it wrote them.
    ///
    /// # Errors
    /// When the engine does not tell within `patience`.
    pub async fn last_lines(&self, id: &str, most: usize, time_limit: Duration) -> Result<Vec<String>, DockerError> {
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).tail(&most.to_string()).build();
        let reading = async {
            let mut said = Vec::new();
            let mut pieces = std::pin::pin!(self.0.logs(id, Some(options)));
            while let Some(piece) = pieces.next().await {
                said.extend_from_slice(&piece?.into_bytes());
                if said.len() > MAX_LOG {
                    said.drain(..said.len() - MAX_LOG);
                }
            }
            Ok(said)
        };
        let said = within(time_limit, reading).await?;
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<String> = said.lines().map(str::to_owned).filter(|line| !line.trim().is_empty()).collect();
        Ok(lines[lines.len().saturating_sub(most)..].to_vec())
    }
}

fn life(reported: &ContainerInspectResponse) -> ContainerState {
    let state = reported.state.as_ref();
    let is = |flag: Option<bool>| flag.unwrap_or(false);
    let time = |text: Option<&String>| {
        // The engine's word for never is the year 1.
        let at: Timestamp = text?.parse().ok()?;
        (at > Timestamp::UNIX_EPOCH).then_some(at)
    };
    let started = state.and_then(|state| time(state.started_at.as_ref()));
    let ended = state.and_then(|state| time(state.finished_at.as_ref()));
    let phase = match state {
        Some(state) if is(state.restarting) => Phase::Restarting,
        Some(state) if is(state.running) => Phase::Running,
        _ if started.is_none() => Phase::Created,
        _ => Phase::Ended,
    };
    let environment = reported.config.as_ref().and_then(|config| config.env.as_ref());
    let secrets = environment.into_iter().flatten().filter_map(|variable| {
        let (name, value) = variable.split_once('=')?;
        let name = name.to_ascii_uppercase();
        SECRETS.iter().any(|word| name.contains(word)).then(|| SecretString::from(value))
    });
    ContainerState {
        name: reported.name.as_deref().unwrap_or_default().trim_start_matches('/').to_owned(),
        phase,
        exit_code: state.and_then(|state| state.exit_code).unwrap_or(0),
        out_of_memory: is(state.and_then(|state| state.oom_killed)),
        started,
        ended,
        secrets: secrets.collect(),
    }
}

/// Whether the engine at `address` may be spoken to from here, as far as its socket tells. Why not, in words.
///
/// # Errors
/// When there is no such socket, or this user may not use it.
pub fn is_available(address: &str) -> Result<(), String> {
    let Some(path) = address.strip_prefix("unix://") else { return Ok(()) };
    access(path, Access::READ_OK | Access::WRITE_OK).map_err(|error| match error {
        rustix::io::Errno::NOENT => "there is no such socket".to_owned(),
        rustix::io::Errno::ACCESS => "this user has no permission to use it".to_owned(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn recorded(text: &str) -> ContainerState {
        life(&serde_json::from_str(text).expect("an answer of the engine"))
    }

    #[test]
    fn a_life_is_read_from_the_engines_own_answers() {
        let ended = recorded(include_str!("../../fixtures/docker-20.10/inspect-ended.json"));
        assert_eq!(
            (ended.phase, ended.exit_code, ended.name.as_str()),
            (Phase::Ended, 0, "pgctl-lab_pg-cluster-init_1")
        );
        assert!(ended.started < ended.ended && ended.started.is_some());
        let secrets: Vec<&str> = ended.secrets.iter().map(ExposeSecret::expose_secret).collect();
        assert!(secrets.contains(&"lab-superuser") && !secrets.contains(&"app"), "{secrets:?}");
        let failed = recorded(include_str!("../../fixtures/docker-20.10/inspect-failed.json"));
        assert_eq!((failed.phase, failed.exit_code), (Phase::Ended, 3));
        let running = recorded(include_str!("../../fixtures/docker-20.10/inspect-running.json"));
        assert_eq!((running.phase, running.ended), (Phase::Running, None));
        let created = recorded(include_str!("../../fixtures/docker-20.10/inspect-created.json"));
        assert_eq!((created.phase, created.started), (Phase::Created, None));
        assert!(!format!("{ended:?}").contains("lab-superuser"));
    }

    #[test]
    fn an_engine_that_this_user_cannot_speak_to_is_reported_before_it_is_asked() {
        assert_eq!(is_available("unix:///nonexistent/docker.sock"), Err("there is no such socket".to_owned()));
        assert_eq!(is_available("tcp://127.0.0.1:2375"), Ok(()));
    }
}
