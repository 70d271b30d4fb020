//! The container engine's wire (Docker, and Podman's compatible one), for breaking containers on purpose and mending
//! them. Whoever may speak to the engine is root on its host: it is reached only where drills are configured.

use std::collections::HashMap;
use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error;
use bollard::exec::{CreateExecOptions, StartExecResults};
use bollard::models::{ContainerInspectResponse, ContainerSummary};
use bollard::query_parameters::{
    KillContainerOptionsBuilder, ListContainersOptionsBuilder, StopContainerOptionsBuilder,
};
use futures::StreamExt as _;

use super::cause;
use super::published_port::PublishedPort;
use super::sending::Unanswered;

/// How long one call may take, beyond what it is asked to wait for.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Longest output of a command that is kept, in bytes.
const MAX_OUTPUT: usize = 2_000;
/// How long a container may take to stop before it is killed.
pub const GRACE_PERIOD: Duration = Duration::from_secs(60);

/// Why the engine did not do it.
#[derive(Debug, thiserror::Error)]
pub enum DockerError {
    /// The address is none that can be spoken to.
    #[error("{address} is not a valid engine address: use unix:///path or tcp://host:port")]
    Address {
        /// As configured.
        address: String,
    },
    /// There is nothing at the address.
    #[error("there is no socket {address}")]
    Absent {
        /// As configured.
        address: String,
    },
    /// The engine refused.
    #[error("{message} ({status})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The engine's words.
        message: String,
    },
    /// A command inside the container failed.
    #[error("the command in the container exited with {code}: {output}")]
    Command {
        /// Exit code.
        code: i64,
        /// What it said.
        output: String,
    },
    /// The engine cannot be reached, or did not answer.
    #[error("{0}")]
    Lost(String),
    /// It did not answer in time.
    #[error("no response after {:.0} s", .0.as_secs_f64())]
    TimedOut(Duration),
}

impl DockerError {
    fn of(error: &Error) -> Self {
        match error {
            Error::DockerResponseServerError { status_code, message } => {
                Self::Refused { status: *status_code, message: message.clone() }
            }
            other => Self::Lost(cause::chain(other)),
        }
    }

    /// Whether it proves that nothing was done. An engine answers 400, 404 and 409 (no such container, wrong state) before it
    /// does anything; after 500 it may have, and a command that failed may have got half way.
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Refused { status, .. } => matches!(status, 400 | 401 | 403 | 404 | 409),
            Self::Address { .. } | Self::Absent { .. } => true,
            Self::Command { .. } | Self::Lost(_) | Self::TimedOut(_) => false,
        }
    }
}

impl From<DockerError> for Unanswered<DockerError> {
    fn from(error: DockerError) -> Self {
        if error.is_refusal() { Self::NotSent(error) } else { Self::NoAnswer(error) }
    }
}

/// A container as far as drills care.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Container {
    /// Whole id.
    pub id: String,
    /// Name, without the slash.
    pub name: String,
    /// Compose project, service.
    pub compose: Option<(String, String)>,
    /// Ports published on the host.
    pub published: Vec<PublishedPort>,
    /// Its addresses in its networks.
    pub addresses: Vec<String>,
}

/// How a container is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ContainerStatus {
    /// Its first process runs, or is paused.
    pub running: bool,
    /// Frozen.
    pub paused: bool,
    /// Host name inside, by which it names itself.
    pub hostname: String,
    /// Ports published on the host, also while it does not run.
    pub published: Vec<PublishedPort>,
}

/// One engine.
#[derive(Clone, Debug)]
pub struct DockerEngine(Docker);

impl DockerEngine {
    /// The engine at `address` (`unix:///path`, `tcp://host:port`). Nothing is connected yet.
    ///
    /// # Errors
    /// When it is no such address.
    pub fn at(address: &str) -> Result<Self, DockerError> {
        docker(address).map(Self)
    }

    /// Every container, running or not.
    ///
    /// # Errors
    /// When the engine does not tell.
    pub async fn containers(&self) -> Result<Vec<Container>, DockerError> {
        let options = ListContainersOptionsBuilder::new().all(true).build();
        let listed = within(TIMEOUT, self.0.list_containers(Some(options))).await?;
        Ok(listed.into_iter().map(container).collect())
    }

    /// How the container `id` is.
    ///
    /// # Errors
    /// When the engine does not tell, or there is none.
    pub async fn condition(&self, id: &str) -> Result<ContainerStatus, DockerError> {
        let reported = within(TIMEOUT, self.0.inspect_container(id, None)).await?;
        Ok(condition(&reported))
    }

    /// SIGKILL to its first process. A restart policy does not bring it back.
    ///
    /// # Errors
    /// When that is refused or not answered.
    pub async fn kill(&self, id: &str) -> Result<(), DockerError> {
        let options = KillContainerOptionsBuilder::new().signal("SIGKILL").build();
        within(TIMEOUT, self.0.kill_container(id, Some(options))).await
    }

    /// Stops it in good order, and kills it after [`GRACE_PERIOD`].
    ///
    /// # Errors
    /// When that is refused or not answered.
    pub async fn stop(&self, id: &str) -> Result<(), DockerError> {
        let grace = i32::try_from(GRACE_PERIOD.as_secs()).unwrap_or(i32::MAX);
        let options = StopContainerOptionsBuilder::new().t(grace).build();
        within(GRACE_PERIOD + TIMEOUT, self.0.stop_container(id, Some(options))).await
    }

    /// Starts it.
    ///
    /// # Errors
    /// When that is refused or not answered.
    pub async fn start(&self, id: &str) -> Result<(), DockerError> {
        within(TIMEOUT, self.0.start_container(id, None)).await
    }

    /// Freezes it.
    ///
    /// # Errors
    /// When that is refused or not answered.
    pub async fn pause(&self, id: &str) -> Result<(), DockerError> {
        within(TIMEOUT, self.0.pause_container(id)).await
    }

    /// Thaws it.
    ///
    /// # Errors
    /// When that is refused or not answered.
    pub async fn unpause(&self, id: &str) -> Result<(), DockerError> {
        within(TIMEOUT, self.0.unpause_container(id)).await
    }

    /// Runs a shell script inside, as root, to its end. `arguments` become `$1` and so on.
    ///
    /// # Errors
    /// When it does not begin, or ends with another code than 0.
    pub async fn script(&self, id: &str, script: &str, arguments: &[String]) -> Result<(), DockerError> {
        let command = ["sh", "-c", script, "pgctl-drill"].into_iter().map(str::to_owned);
        let options = CreateExecOptions {
            attach_stdout: Some(true),
            attach_stderr: Some(true),
            user: Some("0".to_owned()),
            cmd: Some(command.chain(arguments.iter().cloned()).collect()),
            ..CreateExecOptions::default()
        };
        let created = within(TIMEOUT, self.0.create_exec(id, options)).await?;
        let run = async {
            let mut said = String::new();
            if let StartExecResults::Attached { mut output, .. } = self.0.start_exec(&created.id, None).await? {
                while let Some(piece) = output.next().await {
                    let piece = piece?.to_string();
                    let left = MAX_OUTPUT.saturating_sub(said.len());
                    said.extend(piece.chars().take(left));
                }
            }
            Ok((said, self.0.inspect_exec(&created.id).await?))
        };
        let (output, ended) = within(TIMEOUT, run).await?;
        match ended.exit_code {
            Some(0) => Ok(()),
            Some(code) => Err(DockerError::Command { code, output: output.trim().replace('\n', "; ") }),
            None => Err(DockerError::Lost("the exit of the command in the container was not reported".to_owned())),
        }
    }
}

/// The engine at `address`. Nothing is connected yet.
pub(super) fn docker(address: &str) -> Result<Docker, DockerError> {
    let engine = Docker::connect_with_host(address).map_err(|error| match error {
        Error::SocketNotFoundError(_) => DockerError::Absent { address: address.to_owned() },
        _ => DockerError::Address { address: address.to_owned() },
    })?;
    // Deadlines are set call by call; stopping takes longer than the rest.
    Ok(engine.with_timeout(GRACE_PERIOD + TIMEOUT))
}

pub(super) async fn within<T>(
    time_limit: Duration,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, DockerError> {
    match tokio::time::timeout(time_limit, work).await {
        Ok(outcome) => outcome.map_err(|error| DockerError::of(&error)),
        Err(_) => Err(DockerError::TimedOut(time_limit)),
    }
}

const PROJECT: &str = "com.docker.compose.project";
const SERVICE: &str = "com.docker.compose.service";

pub(super) fn container(reported: ContainerSummary) -> Container {
    let labels: HashMap<String, String> = reported.labels.unwrap_or_default();
    let name = reported.names.into_iter().flatten().next().unwrap_or_default();
    let compose = labels.get(PROJECT).cloned().zip(labels.get(SERVICE).cloned());
    let networks = reported.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
    let addresses = networks.into_values().filter_map(|network| network.ip_address).filter(|ip| !ip.is_empty());
    let ports = reported.ports.into_iter().flatten();
    let mut published: Vec<PublishedPort> =
        ports.filter_map(|port| Some(PublishedPort::new(port.ip.as_deref(), port.public_port?))).collect();
    published.sort_unstable();
    published.dedup();
    Container {
        id: reported.id.unwrap_or_default(),
        name: name.trim_start_matches('/').to_owned(),
        compose,
        published,
        addresses: addresses.collect(),
    }
}

fn condition(reported: &ContainerInspectResponse) -> ContainerStatus {
    let state = reported.state.as_ref();
    let host = reported.host_config.as_ref().and_then(|host| host.port_bindings.as_ref());
    let bindings = host.into_iter().flat_map(HashMap::values).flatten().flatten();
    let mut published: Vec<PublishedPort> = bindings
        .filter_map(|binding| {
            Some(PublishedPort::new(binding.host_ip.as_deref(), binding.host_port.as_ref()?.parse().ok()?))
        })
        .collect();
    published.sort_unstable();
    published.dedup();
    ContainerStatus {
        running: state.and_then(|state| state.running).unwrap_or(false),
        paused: state.and_then(|state| state.paused).unwrap_or(false),
        hostname: reported.config.as_ref().and_then(|config| config.hostname.clone()).unwrap_or_default(),
        published,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_can_be_spoken_to_are_taken() {
        assert!(DockerEngine::at("unix:///var/run/docker.sock").is_ok());
        for address in ["ssh://host", "https://host:2376", "nonsense"] {
            let error = DockerEngine::at(address).expect_err("refused");
            assert!(error.to_string().contains("unix:///path"), "{error}");
        }
    }

    #[tokio::test]
    async fn an_engine_that_is_not_there_is_named_and_one_that_is_silent_proves_nothing() {
        let error = DockerEngine::at("unix:///nonexistent/docker.sock").expect_err("no socket");
        assert!(error.is_refusal() && error.to_string().contains("/nonexistent/docker.sock"), "{error}");
        let address = format!("tcp://{}", crate::client::double::refused());
        let error = DockerEngine::at(&address).expect("an address").kill("0123").await.expect_err("nobody is there");
        assert!(!error.is_refusal(), "{error}");
    }
}
