//! What a service is, by evidence: the program it runs, the ports it opens, its image, its environment.

use std::collections::BTreeSet;

use super::server::{is_plain_postgres, runs_server, server_port};
use super::service::Service;

/// What a service does for a cluster.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Role {
    /// PostgreSQL under Patroni.
    Patroni,
    /// PostgreSQL under nothing that is known.
    Postgres,
    /// A member of etcd.
    Etcd,
    /// HAProxy.
    Router,
    /// PgBouncer.
    Pooler,
    /// `postgres_exporter`.
    Exporter,
}

pub(super) const PATRONI_PORT: u16 = 8008;
pub(super) const POSTGRES_PORT: u16 = 5432;
pub(super) const ETCD_PORT: u16 = 2379;
pub(super) const EXPORTER_PORT: u16 = 9187;
pub(super) const POOLER_PORT: u16 = 6432;

/// The roles of a service. A container may have several: Patroni with an exporter beside it, say.
pub(super) fn roles(service: &Service) -> BTreeSet<Role> {
    let command = by_command(&service.command);
    let image = service.image.as_deref().and_then(by_image);
    // A router's or a pooler's ports are those of what stands behind it, so its program decides alone.
    if let Some(role) = command.or(image).filter(|role| matches!(role, Role::Router | Role::Pooler | Role::Exporter)) {
        return BTreeSet::from([role]);
    }
    if command == Some(Role::Etcd) {
        return BTreeSet::from([Role::Etcd]);
    }
    let image = image.filter(|role| *role != Role::Postgres);
    let plain = is_plain_postgres(service).then_some(Role::Postgres);
    let mut roles: BTreeSet<Role> =
        by_ports(service).chain(command).chain(image).chain(by_environment(service)).chain(plain).collect();
    if roles.contains(&Role::Patroni) {
        roles.remove(&Role::Postgres);
    }
    // One that prepares or saves the cluster is often given the environment of its nodes.
    let serves = command.is_some() || [PATRONI_PORT, server_port(service)].into_iter().any(|port| service.opens(port));
    if works_for_others(service) && !serves && !runs_server(&service.command) {
        roles.remove(&Role::Patroni);
    }
    roles
}

fn by_ports(service: &Service) -> impl Iterator<Item = Role> {
    let known = [
        (PATRONI_PORT, Role::Patroni),
        (ETCD_PORT, Role::Etcd),
        (EXPORTER_PORT, Role::Exporter),
        (POOLER_PORT, Role::Pooler),
    ];
    // A number that the container's own PostgreSQL listens on tells of nothing else.
    let own = server_port(service);
    known.into_iter().filter(move |(port, _)| *port != own && service.opens(*port)).map(|(_, role)| role)
}

/// The first program of a command line that is one of ours; what stands behind a program's name are its arguments.
fn by_command(words: &[String]) -> Option<Role> {
    let mut begins = true;
    for word in words {
        let name = word.rsplit('/').next().unwrap_or(word).trim_end_matches(';');
        let passes_on = matches!(name, "sh" | "bash" | "exec" | "env" | "tini" | "dumb-init" | "--" | "then" | "do")
            || name.ends_with("entrypoint.sh")
            || name.starts_with('-')
            || name.contains('=');
        if begins && !passes_on {
            let role = match name {
                "patroni" | "patroni.py" => Some(Role::Patroni),
                "etcd" => Some(Role::Etcd),
                "haproxy" => Some(Role::Router),
                "pgbouncer" => Some(Role::Pooler),
                "postgres_exporter" | "postgres-exporter" | "exporter" => Some(Role::Exporter),
                _ => None,
            };
            if role.is_some() {
                return role;
            }
        }
        // A user to run as stands between `gosu` and the program.
        begins = (begins && (passes_on || matches!(name, "gosu" | "su-exec" | "postgres")))
            || matches!(name, "&&" | "||" | "|" | ";" | "exec")
            || word.ends_with(';');
    }
    None
}

/// Words of an image's name that make it something else: a tool that speaks to the part, not the part.
const TOOLS: [&str; 9] = ["keeper", "browser", "ui", "viewer", "workbench", "backup", "client", "manager", "operator"];

pub(super) fn by_image(image: &str) -> Option<Role> {
    // Registry, port and organisation say nothing; tag and digest neither.
    let name = image.split('@').next()?.rsplit('/').next()?.split(':').next()?.to_ascii_lowercase();
    let words: Vec<&str> = name.split(['-', '_', '.']).collect();
    let any = |wanted: &[&str]| words.iter().any(|word| wanted.iter().any(|begin| word.starts_with(begin)));
    if words.iter().any(|word| TOOLS.iter().any(|tool| word.ends_with(tool))) {
        return None;
    }
    if any(&["exporter"]) {
        return any(&["postgres", "pg"]).then_some(Role::Exporter);
    }
    if any(&["haproxy"]) {
        Some(Role::Router)
    } else if any(&["pgbouncer"]) {
        Some(Role::Pooler)
    } else if any(&["patroni", "spilo"]) {
        Some(Role::Patroni)
    } else if any(&["etcd"]) {
        Some(Role::Etcd)
    } else if any(&["postgres", "timescaledb", "postgis", "pgvector"]) {
        Some(Role::Postgres)
    } else {
        None
    }
}

/// Words of names that tell a purpose beside the cluster: what works on it, once or by the clock, is no node of it.
const PURPOSES: [&str; 14] = [
    "backup",
    "backups",
    "dump",
    "dumper",
    "restore",
    "init",
    "setup",
    "bootstrap",
    "migrate",
    "migration",
    "migrations",
    "seed",
    "cron",
    "exporter",
];

/// Whether its name or the script that it runs tells of such a purpose.
pub(super) fn works_for_others(service: &Service) -> bool {
    // The directory of a script tells, too; the system's own place of services tells nothing.
    let tells = |name: &str| {
        let name = name.to_ascii_lowercase();
        let parts = name.split('/').filter(|part| *part != "init.d");
        parts.flat_map(|part| part.split(|c: char| !c.is_ascii_alphanumeric())).any(|word| PURPOSES.contains(&word))
    };
    let programs = ["pg_dump", "pg_dumpall", "pg_restore", "psql", "crond", "cron"];
    let script = service.command.iter().any(|word| tells(word) || programs.contains(&word.as_str()));
    script || (tells(&service.name) && !service.opens(server_port(service)))
}

fn by_environment(service: &Service) -> Option<Role> {
    let has = |name: &str| service.environment.contains_key(name);
    let begins = |prefix: &str| service.environment.keys().any(|name| name.starts_with(prefix));
    let patroni = ["PATRONI_NAME", "PATRONI_CONFIGURATION", "SPILO_CONFIGURATION"].into_iter().any(has)
        || begins("PATRONI_RESTAPI_")
        || begins("PATRONI_POSTGRESQL_");
    let spilo = has("SCOPE") && (has("PGROOT") || has("PGVERSION") || begins("PGPASSWORD_"));
    if patroni || spilo {
        return Some(Role::Patroni);
    }
    let etcd = ["ETCD_NAME", "ETCD_LISTEN_CLIENT_URLS", "ETCD_ADVERTISE_CLIENT_URLS", "ETCD_INITIAL_CLUSTER"];
    etcd.into_iter().any(has).then_some(Role::Etcd)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::service::read;
    use super::super::yaml;
    use super::*;

    #[rstest]
    #[case::rest_port("{ports: ['8009:8008']}", &[Role::Patroni])]
    #[case::etcd_port("{ports: ['2379:2379']}", &[Role::Etcd])]
    #[case::exporter_port("{ports: ['9188:9187']}", &[Role::Exporter])]
    #[case::pooler_port("{ports: ['6432:6432']}", &[Role::Pooler])]
    #[case::all_in_one("{image: registry:5000/x/spilo-17:4.0, ports: ['8008:8008', '9187:9187', '5432:5432']}", &[Role::Patroni, Role::Exporter])]
    #[case::router_on_the_database_port("{image: 'haproxy:3.0', ports: ['5432:5432', '8008:8008', '8404:8404']}", &[Role::Router])]
    #[case::router_by_command("{image: patroni, command: haproxy, environment: {PATRONI_SCOPE: demo}}", &[Role::Router])]
    #[case::etcd_by_command("{image: patroni, command: etcd --name etcd1}", &[Role::Etcd])]
    #[case::shell("{image: x, command: [bash, -c, 'sleep 5; exec gosu postgres patroni /etc/p.yml']}", &[Role::Patroni])]
    #[case::argument_is_no_program("{image: x, command: psql -h haproxy -c patroni}", &[])]
    #[case::patroni_by_name("{environment: {PATRONI_NAME: a}}", &[Role::Patroni])]
    #[case::scope_alone("{image: x, environment: {PATRONI_SCOPE: a}}", &[])]
    #[case::spilo("{environment: {SCOPE: a, PGVERSION: 17}}", &[Role::Patroni])]
    #[case::bitnami("{image: 'docker.io/bitnami/etcd:3.5'}", &[Role::Etcd])]
    #[case::etcd_tool("{image: 'evildecay/etcdkeeper', ports: ['8080:8080']}", &[])]
    #[case::etcd_dashed_tool("{image: 'x/etcd-browser'}", &[])]
    #[case::exporter("{image: quay.io/prometheuscommunity/postgres-exporter}", &[Role::Exporter])]
    #[case::other_exporter("{image: prom/haproxy-exporter}", &[])]
    #[case::pooler("{image: edoburu/pgbouncer, ports: ['5432:5432']}", &[Role::Pooler])]
    #[case::plain("{image: 'postgres:17', ports: ['5432:5432']}", &[Role::Postgres])]
    #[case::backup("{image: 'postgres:17', entrypoint: /backup.sh, volumes: ['./backups:/backups']}", &[])]
    #[case::nightly("{image: 'postgres:17', command: [crond, -f], environment: {POSTGRES_PASSWORD: x}}", &[])]
    #[case::preparation("{image: 'postgres:17-alpine', command: [sh, /init/prepare.sh], environment: {PGHOST: pg}}", &[])]
    #[case::dump_by_words("{image: 'postgres:17', command: [sh, -c, 'pg_dump -h db app > /b/app.sql']}", &[])]
    #[case::options("{image: 'postgres:17', command: [postgres, -c, wal_level=replica]}", &[Role::Postgres])]
    #[case::script_that_starts_it("{image: 'postgres:17', command: [bash, -c, 'pg_basebackup -h a; exec postgres']}", &[Role::Postgres])]
    #[case::script_with_data("{image: 'postgres:17', command: [bash, /replica.sh], volumes: ['r:/var/lib/postgresql/data']}", &[Role::Postgres])]
    #[case::built_with_port("{build: ., environment: {POSTGRES_PASSWORD: x}, ports: ['5432:5432']}", &[Role::Postgres])]
    #[case::built_with_volume("{build: ./db, volumes: ['data:/var/lib/postgresql/data']}", &[Role::Postgres])]
    #[case::built_with_variables("{build: ., environment: {POSTGRES_PASSWORD: x, POSTGRES_DB: d}}", &[Role::Postgres])]
    #[case::built_client("{build: ., environment: {POSTGRES_PASSWORD: x, POSTGRES_HOST: db}, ports: ['8080:80']}", &[])]
    #[case::preparation_with_the_nodes_environment("{image: 'spilo-17:4.0', entrypoint: /init/run.sh, environment: {PATRONI_NAME: a}}", &[])]
    #[case::built_exporter("{build: ./exporter, command: postgres_exporter, environment: {POSTGRES_PASSWORD: x}}", &[Role::Exporter])]
    #[case::pulled_primary("{image: 'registry/x/primary:latest', environment: {POSTGRES_PASSWORD: x}, volumes: ['d:/var/lib/postgresql/data'], ports: ['8008:5432']}", &[Role::Postgres])]
    #[case::pulled_standby("{image: 'registry/x/replica:latest', command: /replica.sh, volumes: ['d:/var/lib/postgresql/data'], ports: ['8009:5432']}", &[Role::Postgres])]
    #[case::pulled_by_command("{image: 'registry/x/db', command: [postgres, -c, wal_level=replica], ports: ['5432:5432']}", &[Role::Postgres])]
    #[case::pulled_without_port("{image: 'registry/x/db', environment: {POSTGRES_PASSWORD: x}, volumes: ['d:/var/lib/postgresql/data']}", &[Role::Postgres])]
    #[case::pulled_application("{image: 'registry/x/shop', environment: {POSTGRES_PASSWORD: x, POSTGRES_HOST: db}, ports: ['80:80']}", &[])]
    #[case::pulled_proxy("{image: 'registry/x/balancer', ports: ['5432:5432']}", &[])]
    #[case::pulled_backup("{image: 'registry/x/primary', entrypoint: /backup.sh, environment: {POSTGRES_PASSWORD: x, PGHOST: a}, volumes: ['./b:/backups']}", &[])]
    #[case::pulled_archiver("{image: 'registry/x/archiver', volumes: ['d:/var/lib/postgresql/data:ro']}", &[])]
    #[case::script_of_preparing("{image: 'postgres:17', command: [bash, /init-standby.sh], volumes: ['d:/var/lib/postgresql/data'], ports: ['8009:5432']}", &[Role::Postgres])]
    #[case::agents_port_by_command("{build: ., command: [postgres, -p, '8008'], volumes: ['d:/var/lib/postgresql/data'], ports: ['8008:8008']}", &[Role::Postgres])]
    #[case::agents_port_by_variable("{image: x, environment: {PGPORT: 8008, PGDATA: /d}, volumes: ['d:/d'], ports: ['8008:8008']}", &[Role::Postgres])]
    #[case::agents_port_of_a_server("{build: ., environment: {POSTGRES_PASSWORD: x}, volumes: ['d:/var/lib/postgresql/data'], ports: ['8008:8008']}", &[Role::Postgres])]
    #[case::agents_port_of_an_agent("{build: ., environment: {PATRONI_SCOPE: a, POSTGRES_PASSWORD: x}, volumes: ['d:/var/lib/postgresql/data'], ports: ['8008:8008']}", &[Role::Patroni])]
    #[case::application("{image: 'app:1', ports: ['8080:80']}", &[])]
    fn evidence_decides(#[case] text: &str, #[case] expected: &[Role]) {
        let node = yaml::parse(text, None).unwrap();
        let service = read("s", &node, None, &mut Vec::new());
        assert_eq!(roles(&service).into_iter().collect::<Vec<_>>(), expected);
    }
}
