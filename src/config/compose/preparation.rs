//! The service that prepares the cluster once (makes the application's role, its database, the role for looking) and ends.

use super::role::{Role, by_image, roles};
use super::service::Service;
use crate::config::discovered::DiscoveredPreparation;

/// Words of names that tell of preparing.
const PURPOSES: [&str; 9] =
    ["init", "initdb", "initialize", "setup", "bootstrap", "prepare", "preparation", "provision", "provisioner"];
/// Words of names that tell of another purpose, whatever else they say.
const OTHER_PROGRAMS: [&str; 11] = [
    "backup",
    "backups",
    "dump",
    "dumper",
    "restore",
    "cron",
    "exporter",
    "migrate",
    "migration",
    "migrations",
    "test",
];
/// Programs that such a service runs.
const PROGRAMS: [&str; 4] = ["psql", "createuser", "createdb", "pg_isready"];

/// Ends of variables that name the role that is made, the surest first.
const USERS: [&str; 6] = ["APP_USER", "APP_USERNAME", "APP_DB_USER", "APPLICATION_USER", "DB_USER", "POSTGRES_USER"];
/// Ends of variables that name the database.
const DATABASES: [&str; 9] = [
    "APP_DATABASE",
    "APP_DB_NAME",
    "APP_DB",
    "APPLICATION_DATABASE",
    "DB_DATABASE",
    "DB_NAME",
    "POSTGRES_DB",
    "POSTGRES_DATABASE",
    "PGDATABASE",
];
/// What a server brings with it, and nobody makes.
const BUILT_IN: [&str; 3] = ["postgres", "template0", "template1"];

/// The service of `services` that prepares the cluster of `nodes`, which is reached through `routers` too.
pub(super) fn preparation(
    services: &[Service],
    nodes: &[&Service],
    routers: &[&Service],
) -> Option<DiscoveredPreparation> {
    let parts: Vec<&Service> = nodes.iter().chain(routers).copied().collect();
    let mut candidates: Vec<(u8, &Service)> =
        services.iter().filter_map(|service| Some((setup_job_score(service, nodes, &parts)?, service))).collect();
    // The file's own order decides among equals.
    candidates.sort_by_key(|(evidence, _)| std::cmp::Reverse(*evidence));
    let (_, service) = candidates.first()?;
    let container = service.container_name.as_deref().unwrap_or(&service.name);
    Some(DiscoveredPreparation {
        container: container.to_owned(),
        user: named(service, &USERS),
        database: named(service, &DATABASES),
    })
}

/// How much speaks for it; `None`: it is none.
fn setup_job_score(service: &Service, nodes: &[&Service], parts: &[&Service]) -> Option<u8> {
    let says = |words: &[&str]| {
        let reported = std::iter::once(&service.name).chain(&service.command);
        reported
            .flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric()))
            .any(|word| words.contains(&word.to_ascii_lowercase().as_str()))
    };
    let serves = !service.ports.is_empty() || !roles(service).is_empty();
    if serves || !runs_to_completion(service) || says(&OTHER_PROGRAMS) {
        return None;
    }
    let purpose = says(&PURPOSES);
    let runs = service.command.iter().any(|word| {
        let name = word.rsplit('/').next().unwrap_or(word).trim_end_matches(';');
        PROGRAMS.contains(&name)
    });
    let waits = service.depends_on.iter().any(|name| parts.iter().any(|part| part.name == *name));
    let values = || service.environment.values().map(|variable| variable.value.as_str());
    let mentions = |name: &str| {
        let has =
            |text: &str| text.split(|c: char| !(c.is_alphanumeric() || "-_.".contains(c))).any(|word| word == name);
        values().any(has) || service.command.iter().any(|word| has(word))
    };
    let speaks = parts.iter().any(|part| part.names().any(mentions));
    let of_kind =
        service.image.as_deref().and_then(by_image).is_some_and(|role| matches!(role, Role::Postgres | Role::Patroni))
            || nodes.iter().any(|node| service.image.is_some() && node.image == service.image);
    // What it is for, and that it is for this cluster.
    let is_one = (purpose && (waits || speaks || of_kind)) || (runs && (waits || speaks));
    is_one.then(|| {
        [(purpose, 8), (runs, 4), (waits, 2), (speaks, 1)].iter().map(|(is, worth)| u8::from(*is) * worth).sum()
    })
}

/// Whether it may come to its end: nothing starts it again once it has ended well.
fn runs_to_completion(service: &Service) -> bool {
    service.restart.as_deref().is_none_or(|policy| {
        let policy = policy.split(':').next().unwrap_or(policy);
        matches!(policy, "no" | "false" | "on-failure" | "none")
    })
}

/// The value of the first variable that ends so, where it names something that is made.
fn named(service: &Service, ends: &[&str]) -> Option<String> {
    ends.iter().find_map(|end| {
        let names = service
            .environment
            .keys()
            .filter(|name| name.strip_suffix(end).is_some_and(|before| before.is_empty() || before.ends_with('_')));
        let mut values = names.filter_map(|name| service.value(&[name]));
        values.find(|value| !BUILT_IN.contains(value)).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::service::read;
    use super::super::yaml;
    use super::*;

    fn service(name: &str, text: &str) -> Service {
        let node = yaml::parse(text, None).unwrap();
        read(name, &node, Some(&node), &mut Vec::new())
    }

    fn found(name: &str, text: &str) -> Option<DiscoveredPreparation> {
        let node = service("pg-0", "{image: 'our/patroni:4', hostname: node-0, environment: {PATRONI_NAME: pg-0}}");
        let router = service("lb", "{image: 'haproxy:3.0'}");
        preparation(&[service(name, text)], &[&node], &[&router])
    }

    #[rstest]
    #[case::by_name_and_image("cluster-init", "{image: 'our/patroni:4', command: [init], restart: \"no\"}")]
    #[case::by_dependence("db-setup", "{image: alpine, command: /run.sh, depends_on: [lb]}")]
    #[case::long_dependence("bootstrap", "{build: ., depends_on: {pg-0: {condition: service_healthy}}}")]
    #[case::by_program(
        "roles",
        "{image: x, entrypoint: [sh, -c, 'until pg_isready -h lb; do sleep 1; done; psql -h lb -f /r.sql'], restart: on-failure}"
    )]
    #[case::tries_again("pg-init", "{image: 'postgres:17', command: [sh, /prepare.sh], restart: 'on-failure:5'}")]
    #[case::by_address("provision", "{image: x, environment: {PGHOST: node-0}}")]
    #[case::swarm("init", "{image: 'postgres:17', command: psql, deploy: {restart_policy: {condition: none}}}")]
    fn one_that_prepares_and_ends_is_known(#[case] name: &str, #[case] text: &str) {
        assert_eq!(found(name, text).map(|found| found.container).as_deref(), Some(name));
    }

    #[rstest]
    #[case::never_ends("cluster-init", "{image: 'our/patroni:4', command: [init], restart: always}")]
    #[case::unless_stopped("cluster-init", "{image: 'our/patroni:4', command: [init], restart: unless-stopped}")]
    #[case::node("pg-1", "{image: 'our/patroni:4', environment: {PATRONI_NAME: pg-1}}")]
    #[case::backup("backup-init", "{image: 'postgres:17', command: [sh, -c, 'pg_dump -h lb app'], depends_on: [lb]}")]
    #[case::exporter("pg-0-exporter", "{image: prometheuscommunity/postgres-exporter, depends_on: [pg-0]}")]
    #[case::migrations("app-migrate", "{image: shop, command: [./migrate], depends_on: [lb]}")]
    #[case::of_something_else("minio-init", "{image: minio/mc, depends_on: [minio]}")]
    #[case::store("etcd-init", "{image: 'quay.io/coreos/etcd:v3.6.7', command: [etcdctl, role, add, root]}")]
    #[case::server("init", "{image: x, ports: ['8080:80'], depends_on: [pg-0]}")]
    #[case::application("web", "{image: shop, depends_on: [lb], environment: {PGHOST: lb}}")]
    fn what_serves_or_works_for_others_is_none(#[case] name: &str, #[case] text: &str) {
        assert_eq!(found(name, text), None);
    }

    #[rstest]
    #[case("{APP_USER: shop, APP_DATABASE: orders}", Some("shop"), Some("orders"))]
    #[case("{LAB_APP_USER: app, LAB_APP_DATABASE: app, LAB_MONITOR_USER: looker}", Some("app"), Some("app"))]
    #[case("{POSTGRES_USER: ledger_app, POSTGRES_DB: ledger}", Some("ledger_app"), Some("ledger"))]
    #[case("{POSTGRES_USER: postgres, POSTGRES_DB: postgres, DB_USER: web, DB_NAME: site}", Some("web"), Some("site"))]
    #[case("{PGUSER: postgres, PGDATABASE: shop}", None, Some("shop"))]
    #[case("{APP_PASSWORD: secret-value, PGPASSWORD: secret-value}", None, None)]
    fn what_it_makes_is_reported_by_its_environment(
        #[case] environment: &str,
        #[case] user: Option<&str>,
        #[case] database: Option<&str>,
    ) {
        let text = format!("{{image: 'postgres:17', command: [sh, /init.sh], environment: {environment}}}");
        let found = found("db-init", &text).unwrap();
        assert_eq!((found.user.as_deref(), found.database.as_deref()), (user, database));
    }
}
