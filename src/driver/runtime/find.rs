//! Which container runs which part. A container is only taken for a member, a DCS member or a router when it shows by
//! its published ports, its addresses or its host name that it is: a name alone may be another cluster's.

use std::collections::BTreeMap;

use crate::action::drill::{ClusterPart, FaultKind, InjectionMethod, Survey};
use crate::client::docker::{Container, ContainerStatus, DockerEngine, DockerError};
use crate::client::published_port::PublishedPort;
use crate::config::resolved::{DrillSettings, FaultKind as Written};
use crate::model::text::Text;

/// Where a part is reached from here and in its own network: what tells its container.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PartLocation {
    /// Hosts and ports by which this console reaches it.
    pub endpoints: Vec<(String, u16)>,
    /// Hosts by which it is reached or advertised.
    pub hosts: Vec<String>,
    /// Port inside that clients use.
    pub inner: Option<u16>,
}

/// By what each part can be broken in each way. The engine is only asked where parts are in containers.
pub async fn injection_methods(
    settings: &DrillSettings,
    engine: &str,
    parts: &BTreeMap<ClusterPart, PartLocation>,
) -> BTreeMap<(ClusterPart, FaultKind), Result<InjectionMethod, Text>> {
    let mut found = BTreeMap::new();
    let mut containers: Option<Result<Vec<Container>, Text>> = None;
    for (part, place) in parts {
        let mut container = None;
        for kind in Survey::KINDS {
            let by_command = settings.faults.get(&(part.name().to_owned(), written(kind)));
            let means = if let Some(commands) = by_command {
                Ok(InjectionMethod::Command { make: commands.make.clone(), repair: commands.repair.clone() })
            } else {
                if containers.is_none() {
                    containers = Some(listed(engine).await);
                }
                if container.is_none() {
                    container = Some(match &containers {
                        Some(Ok(all)) => one(settings, engine, all, part, place).await,
                        Some(Err(why)) => Err(why.clone()),
                        None => Err(Text::new("the container engine was not queried")),
                    });
                }
                container.clone().unwrap_or_else(|| Err(Text::new("the container engine was not queried")))
            };
            found.insert((part.clone(), kind), means);
        }
    }
    found
}

/// Whether the container `id` sees a watchdog that could reset its host; `None`: nobody could look.
pub async fn watchdog(engine: &str, id: &Text) -> Option<bool> {
    let look = async { DockerEngine::at(engine)?.script(id.as_str(), "test ! -e /dev/watchdog", &[]).await };
    match look.await {
        Ok(()) => Some(false),
        Err(DockerError::Command { code: 1, .. }) => Some(true),
        Err(_) => None,
    }
}

/// Whether packets can be dropped in the container `id`: iptables is there and may be used; `None`: nobody could look.
pub async fn firewall(engine: &str, id: &Text) -> Option<bool> {
    const PROBE_IPTABLES: &str =
        "command -v iptables >/dev/null 2>&1 && iptables -w -n -L INPUT >/dev/null 2>&1 || exit 1";
    let look = async { DockerEngine::at(engine)?.script(id.as_str(), PROBE_IPTABLES, &[]).await };
    match look.await {
        Ok(()) => Some(true),
        Err(DockerError::Command { code: 1, .. }) => Some(false),
        Err(_) => None,
    }
}

fn written(kind: FaultKind) -> Written {
    match kind {
        FaultKind::Stop => Written::Stop,
        FaultKind::Kill => Written::Kill,
        FaultKind::Freeze => Written::Freeze,
        FaultKind::Cut => Written::Cut,
    }
}

async fn listed(engine: &str) -> Result<Vec<Container>, Text> {
    let asked = async { DockerEngine::at(engine)?.containers().await };
    asked.await.map_err(|error: DockerError| {
        Text::redacted(format!(
            "the container engine at {engine} is unreachable: {error}; set drills.engine, or commands in drills.faults"
        ))
    })
}

async fn one(
    settings: &DrillSettings,
    engine: &str,
    all: &[Container],
    part: &ClusterPart,
    place: &PartLocation,
) -> Result<InjectionMethod, Text> {
    let wanted = settings.containers.get(part.name()).map_or(part.name(), String::as_str);
    let candidates = candidates(all, wanted, settings.project.as_deref());
    let fits: Vec<&Container> = candidates.iter().copied().filter(|container| is_published(container, place)).collect();
    let chosen = match (fits.as_slice(), candidates.as_slice()) {
        ([one], _) => *one,
        ([], []) => {
            let hint = format!("set drills.containers with {} = \"...\"", part.name());
            return Err(Text::new(format!("there is no container or compose service {wanted}; {hint}")));
        }
        ([], [one]) => {
            // One that does not run publishes nothing; and one that publishes nothing may still name itself.
            let condition = async { DockerEngine::at(engine)?.condition(&one.id).await };
            let condition = condition.await.map_err(|error| Text::redacted(error.to_string()))?;
            if !names_itself(one, &condition, place) {
                return Err(Text::new(format!(
                    "cannot verify that container {} runs {part}: it publishes {}, but {part} is at {}",
                    one.name,
                    written_out(&condition.published),
                    written_out(
                        &place.endpoints.iter().map(|(host, port)| format!("{host}:{port}")).collect::<Vec<_>>()
                    )
                )));
            }
            one
        }
        (several @ [..], _) if several.len() > 1 => return Err(ambiguous(several, wanted)),
        (_, several) => return Err(ambiguous(several, wanted)),
    };
    let (id, name) = (Text::new(&chosen.id), Text::new(&chosen.name));
    Ok(InjectionMethod::Container { id, name, port: place.inner })
}

fn ambiguous(several: &[&Container], wanted: &str) -> Text {
    let names: Vec<&str> = several.iter().map(|container| container.name.as_str()).collect();
    Text::new(format!(
        "several containers match {wanted}: {}; set the right one in drills.containers",
        names.join(", ")
    ))
}

/// The container of that name, else those of the compose service.
fn candidates<'a>(all: &'a [Container], wanted: &str, project: Option<&str>) -> Vec<&'a Container> {
    let named: Vec<&Container> =
        all.iter().filter(|container| container.name == wanted || container.id == wanted).collect();
    if !named.is_empty() {
        return named;
    }
    let of_service = |container: &&Container| {
        container
            .compose
            .as_ref()
            .is_some_and(|(of, service)| service == wanted && project.is_none_or(|project| project == of))
    };
    all.iter().filter(of_service).collect()
}

fn is_published(container: &Container, place: &PartLocation) -> bool {
    is_reached(&container.published, place) || container.addresses.iter().any(|address| place.hosts.contains(address))
}

/// Nothing published at all: then its own name counts.
fn names_itself(container: &Container, condition: &ContainerStatus, place: &PartLocation) -> bool {
    is_reached(&condition.published, place)
        || (condition.published.is_empty()
            && (place.hosts.contains(&condition.hostname) || place.hosts.contains(&container.name)))
}

fn is_reached(published: &[PublishedPort], place: &PartLocation) -> bool {
    let leads_here = |(host, port): &(String, u16)| published.iter().any(|door| door.is_reached_by(host, *port));
    place.endpoints.iter().any(leads_here)
}

fn written_out<T: ToString>(ports: &[T]) -> String {
    let each: Vec<String> = ports.iter().map(T::to_string).collect();
    if each.is_empty() { "no port".to_owned() } else { each.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(name: &str, project: &str, service: &str, published: &[(&str, u16)]) -> Container {
        Container {
            id: format!("id-{name}"),
            name: name.to_owned(),
            compose: Some((project.to_owned(), service.to_owned())),
            published: published.iter().map(|(ip, port)| PublishedPort::new(Some(ip), *port)).collect(),
            addresses: vec!["10.0.0.5".to_owned()],
        }
    }

    fn found<'a>(all: &'a [Container], wanted: &str, project: Option<&str>, ports: &[u16]) -> Vec<&'a str> {
        at("127.0.0.1", all, wanted, project, ports)
    }

    fn at<'a>(host: &str, all: &'a [Container], wanted: &str, project: Option<&str>, ports: &[u16]) -> Vec<&'a str> {
        let endpoints = ports.iter().map(|port| (host.to_owned(), *port)).collect();
        let place = PartLocation { endpoints, ..PartLocation::default() };
        let fitting = candidates(all, wanted, project).into_iter().filter(|container| is_published(container, &place));
        fitting.map(|container| container.name.as_str()).collect()
    }

    #[test]
    fn of_two_labs_with_the_same_services_the_one_that_publishes_the_members_port_is_meant() {
        let all = [
            container("a_pg-0_1", "a", "pg-0", &[("127.0.0.1", 5432)]),
            container("b_pg-0_1", "b", "pg-0", &[("0.0.0.0", 5632)]),
        ];
        assert_eq!(found(&all, "pg-0", None, &[5632, 8208]), ["b_pg-0_1"]);
        assert_eq!(found(&all, "pg-0", Some("a"), &[5632]), [""; 0], "named by project, and yet another's port");
        assert_eq!(found(&all, "a_pg-0_1", None, &[5432]), ["a_pg-0_1"]);
        assert_eq!(found(&all, "pg-9", None, &[5432]), [""; 0]);
    }

    /// What our own does not publish while it is down, the other's does: breaking that would hit a stranger.
    #[test]
    fn of_two_labs_on_the_same_ports_the_one_at_the_members_address_is_meant() {
        let mut all = [
            container("a_pg-0_1", "a", "pg-0", &[("127.0.0.1", 5432)]),
            container("b_pg-0_1", "b", "pg-0", &[("127.0.0.13", 5432)]),
        ];
        assert_eq!(at("127.0.0.13", &all, "pg-0", None, &[5432, 8008]), ["b_pg-0_1"]);
        assert_eq!(at("127.0.0.1", &all, "pg-0", None, &[5432, 8008]), ["a_pg-0_1"]);
        all[1].published.clear();
        assert_eq!(at("127.0.0.13", &all, "pg-0", None, &[5432, 8008]), [""; 0]);
    }

    #[test]
    fn a_container_that_publishes_other_ports_is_not_taken_by_its_name() {
        let one = container("pg-0", "a", "pg-0", &[("0.0.0.0", 7777)]);
        let place = PartLocation {
            endpoints: vec![("127.0.0.1".to_owned(), 5432)],
            hosts: vec!["pg-0".to_owned()],
            inner: None,
        };
        assert!(!is_published(&one, &place));
        let condition = |published: &[u16]| ContainerStatus {
            hostname: "pg-0".to_owned(),
            published: published.iter().map(|port| PublishedPort::new(None, *port)).collect(),
            ..ContainerStatus::default()
        };
        assert!(!names_itself(&one, &condition(&[7777]), &place));
        assert!(names_itself(&one, &condition(&[]), &place));
    }
}
