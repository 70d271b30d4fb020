//! Whether a service runs a PostgreSQL that no agent manages, by its image or, where that tells nothing, by what it keeps,
//! opens, runs and is given; and on which port.

use super::role::{ETCD_PORT, EXPORTER_PORT, POOLER_PORT, POSTGRES_PORT, Role, by_image, works_for_others};
use super::service::Service;

/// Variables that only the server's image reads, when it makes the data directory.
const SERVER_VARIABLES: [&str; 7] = [
    "POSTGRES_PASSWORD",
    "POSTGRES_PASSWORD_FILE",
    "POSTGRES_INITDB_ARGS",
    "POSTGRES_HOST_AUTH_METHOD",
    "POSTGRES_INITDB_WALDIR",
    "POSTGRESQL_PASSWORD",
    "PGDATA",
];

/// Variables by which a server is told its port.
const PORT_VARIABLES: [&str; 2] = ["PGPORT", "POSTGRESQL_PORT_NUMBER"];

/// Programs that are the server, or start it.
const PROGRAMS: [&str; 3] = ["postgres", "postmaster", "pg_ctl"];

/// Whether it runs PostgreSQL itself. One that runs a script of another purpose (a backup, the preparation of a cluster)
/// from the same image does not.
pub(super) fn is_plain_postgres(service: &Service) -> bool {
    let keeps_data = keeps_data(service);
    let opens_port = service.opens(server_port(service));
    // What keeps the data and is asked by others is a server, whatever the script that it begins with is called.
    if works_for_others(service) && !runs_server(&service.command) && !(keeps_data && opens_port) {
        return false;
    }
    let of_image = service.image.as_deref().and_then(by_image);
    if of_image == Some(Role::Postgres) {
        return service.command.is_empty() || runs_server(&service.command) || keeps_data || opens_port;
    }
    let is_made_here = service.is_built || service.image.is_none();
    if of_image.is_some() && !is_made_here {
        return false;
    }
    // A client of PostgreSQL has variables of the same names.
    let is_client = is_client(service);
    let is_prepared = is_given_server_variables(service) && !is_client;
    if is_made_here {
        return keeps_data || (opens_port && !is_client) || (is_prepared && service.ports.is_empty());
    }
    // An image that was pulled under a name of its own may be anything: one sign alone is not enough.
    let is_program = service.command.iter().any(|word| PROGRAMS.contains(&name_of(word)));
    (keeps_data && (opens_port || is_prepared || is_program))
        || (opens_port && (is_prepared || (is_program && !is_client)))
}

/// The port that its PostgreSQL listens on in the container: as its command or its environment says, else the usual one.
pub(super) fn server_port(service: &Service) -> u16 {
    let by_variable = || service.value(&PORT_VARIABLES)?.parse().ok();
    // Variables tell a client, too, where its server listens.
    let reported = by_command(&service.command).or_else(by_variable);
    if let Some(port) = reported.filter(|port| service.opens(*port) || !service.opens(POSTGRES_PORT)) {
        return port;
    }
    if service.opens(POSTGRES_PORT)
        || !keeps_data(service)
        || !is_given_server_variables(service)
        || is_of_agent(service)
    {
        return POSTGRES_PORT;
    }
    // The one port that a server opens is its own, even where another program usually has that number.
    let mut open = service.ports.iter().map(|port| port.container).chain(service.exposed.iter().copied());
    let only = open.next().filter(|first| open.all(|port| port == *first));
    only.filter(|port| ![ETCD_PORT, EXPORTER_PORT, POOLER_PORT].contains(port)).unwrap_or(POSTGRES_PORT)
}

/// The last port on a command line that starts the server; what stands before may be a client that clones another.
fn by_command(words: &[String]) -> Option<u16> {
    if !runs_server(words) {
        return None;
    }
    let behind = words.windows(2).filter_map(|pair| match pair {
        [flag, value] if flag == "-p" => value.parse().ok(),
        [flag, value] if flag == "-c" => value.strip_prefix("port=")?.parse().ok(),
        _ => None,
    });
    let within = words.iter().filter_map(|word| word.strip_prefix("--port=")?.parse().ok());
    within.chain(behind).last()
}

/// Whether a command line starts the server: its image's entrypoint, the program, or only options for it.
pub(super) fn runs_server(command: &[String]) -> bool {
    let starts = |word: &String| PROGRAMS.contains(&name_of(word)) || name_of(word) == "docker-entrypoint.sh";
    command.first().is_some_and(|word| word.starts_with('-')) || command.iter().any(starts)
}

fn name_of(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word).trim_end_matches(';')
}

fn keeps_data(service: &Service) -> bool {
    service.volume_targets.iter().any(|target| is_data_directory(target, service))
}

fn is_data_directory(target: &str, service: &Service) -> bool {
    let target = target.trim_end_matches('/');
    let given =
        service.value(&["PGDATA"]).is_some_and(|data| data == target || data.starts_with(&format!("{target}/")));
    given || target.starts_with("/var/lib/postgresql") || target.ends_with("/pgdata") || target == "/bitnami/postgresql"
}

fn is_given_server_variables(service: &Service) -> bool {
    service.environment.keys().any(|name| SERVER_VARIABLES.contains(&name.as_str()))
}

/// Variables by which a client is told where its server is.
fn is_client(service: &Service) -> bool {
    let reported = ["PGHOST", "POSTGRES_HOST", "DB_HOST", "DATABASE_HOST", "DATABASE_URL", "DATA_SOURCE_NAME"];
    reported.into_iter().any(|name| service.environment.contains_key(name))
}

/// Variables that an agent reads.
fn is_of_agent(service: &Service) -> bool {
    service.environment.keys().any(|name| name.starts_with("PATRONI_") || name == "SCOPE")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::service::read;
    use super::super::yaml;
    use super::*;

    #[rstest]
    #[case::usual("{image: 'postgres:17'}", 5432)]
    #[case::host_port("{image: x, ports: ['8008:5432']}", 5432)]
    #[case::option("{image: 'postgres:17', command: [postgres, -p, '8008']}", 8008)]
    #[case::setting("{image: 'postgres:17', command: postgres -c port=6000 -c wal_level=replica}", 6000)]
    #[case::long_option("{image: 'postgres:17', command: [--port=6000]}", 6000)]
    #[case::clone_first("{image: x, command: [sh, -c, 'pg_basebackup -h a -p 5432; exec postgres -p 6000']}", 6000)]
    #[case::no_server("{image: x, command: [sh, -c, 'mkdir -p 8008']}", 5432)]
    #[case::variable("{image: x, environment: {PGPORT: 6000}}", 6000)]
    #[case::variable_of_a_client("{image: x, environment: {PGPORT: 6000}, ports: ['5432:5432']}", 5432)]
    #[case::beside_an_exporter("{build: ., environment: {PGDATA: /d}, volumes: ['d:/d'], ports: ['9187:9187']}", 5432)]
    #[case::the_only_one("{build: ., environment: {PGDATA: /d}, volumes: ['d:/d'], ports: ['8009:8009']}", 8009)]
    fn the_port_is_the_servers_own(#[case] text: &str, #[case] expected: u16) {
        let node = yaml::parse(text, None).unwrap();
        assert_eq!(server_port(&read("s", &node, None, &mut Vec::new())), expected);
    }
}
