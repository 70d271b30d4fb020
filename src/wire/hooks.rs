//! What the console is given of other rooms: psql, evidence bundles, and the program that is told of findings.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use secrecy::SecretString;
use tokio::sync::mpsc;

use super::acknowledged;
use super::console::ObservedCluster;
use super::console::state_directory;
use super::drill::reports::DrillPanel;
use super::rehearsal::DemoJobs;
use super::stack::{AssembledStack, access};
use super::{job, one_line};
use crate::audit::Journal;
use crate::cli::args::Shared;
use crate::client::{process, resolve, secret};
use crate::config::audience::AddressTrust;
use crate::config::endpoint::{PostgresAccess, SslMode};
use crate::config::environment::Environment;
use crate::config::libpq::{AuthMethod, ChannelBinding};
use crate::config::resolved::{ClusterSettings, Settings};
use crate::driver::ha::sim::SimulatedCluster;
use crate::model::agent::Address;
use crate::model::name::ClusterName;
use crate::model::text::{Text, redact};
use crate::observe::picture::{Handle, Picture};
use crate::operate::OwnChanges;
use crate::operate::drill::Reports;
use crate::operate::plan_service::HostNotes;
use crate::operate::ports::JobLauncher;
use crate::report::alerts::Alert;
use crate::report::evidence;
use crate::tui::effect::PsqlTarget;
use crate::tui::{Hooks, Options};

/// Longest run of the program that is told of findings.
pub(super) const HOOK_TIMEOUT: Duration = Duration::from_secs(10);
/// Findings that may wait for it; more are dropped, since a screen must not stall for them.
const HOOK_QUEUE: usize = 16;

/// Hooks of a console on real clusters.
pub(super) fn for_clusters(
    options: &Options,
    settings: Settings,
    followed: &[ObservedCluster],
    shared: &Shared,
    hook: Option<&Path>,
    here: &HostNotes,
) -> Hooks {
    let handles: Vec<Handle> = followed.iter().map(|ground| ground.handle.clone()).collect();
    let know = (!options.read_only).then(|| acknowledged::hook(handles.clone()));
    let mut command = settings.ui.wall.hook.clone();
    if let Some(path) = hook {
        command = vec![path.display().to_string()];
    }
    let pause = settings.ui.wall.hook_pause;
    let configuration = settings.path.as_deref().and_then(|path| std::fs::read_to_string(path).ok());
    let settings = Arc::new(settings);
    // A psql session can undo its own read-only setting, so a read-only console is not even given one.
    let psql = (!options.read_only).then(|| psql(Arc::clone(&settings), handles));
    let open = followed.iter().map(|ground| &ground.cluster);
    let open = open.filter(|cluster| !options.read_only && !cluster.read_only);
    let plan_service = |cluster: &Arc<ClusterSettings>| {
        let rules = OwnChanges::beside(Journal::at(job::state()));
        AssembledStack::of(cluster, None).plan_service(Arc::new(rules), true).noting(here.clone())
    };
    let plan_services: BTreeMap<_, _> = open.map(|cluster| (cluster.name.clone(), plan_service(cluster))).collect();
    let launcher: Option<Arc<dyn JobLauncher>> =
        (!plan_services.is_empty()).then(|| -> Arc<dyn JobLauncher> { Arc::new(job::launcher(shared)) });
    let open = followed.iter().filter(|ground| plan_services.contains_key(&ground.cluster.name));
    let targets = open.filter_map(|ground| Some((ground.cluster.name.clone(), ground.cluster.drills.target?)));
    let drills = DrillPanel { reports: Reports::below(&job::state()), targets: targets.collect() };
    Hooks {
        editor: launcher.is_some().then(editor),
        plan_services,
        launcher,
        job_store: Some(Arc::new(job::job_store())),
        drills: Some(Arc::new(drills)),
        psql,
        evidence: Some(evidence_writer(&configuration.unwrap_or_default())),
        alert: (!command.is_empty()).then(|| -> crate::tui::options::AlertHook { Arc::new(alert(command, pause).0) }),
        acknowledge: know,
    }
}

/// Hooks of a console on simulated clusters: nothing to log in to.
pub(super) fn for_simulation(
    options: &Options,
    clusters: impl Iterator<Item = (SimulatedCluster, Handle)>,
    hook: Option<&Path>,
) -> anyhow::Result<Hooks> {
    let command = hook.map(|path| vec![path.display().to_string()]);
    let clusters: Vec<(SimulatedCluster, Handle)> = clusters.collect();
    let handles = clusters.iter().map(|(_, handle)| handle.clone()).collect();
    let know = (!options.read_only).then(|| acknowledged::rehearsed(handles));
    let rehearsal = DemoJobs::on(clusters.into_iter().filter(|_| !options.read_only));
    let rehearsal = Arc::new(rehearsal.context("cannot create the directory for action files")?);
    let job_store = rehearsal.job_store();
    let plan_services = rehearsal.plan_services();
    let launcher: Option<Arc<dyn JobLauncher>> =
        (!plan_services.is_empty()).then(|| -> Arc<dyn JobLauncher> { rehearsal.clone() });
    Ok(Hooks {
        editor: launcher.is_some().then(editor),
        plan_services,
        launcher,
        job_store: Some(Arc::new(job_store)),
        drills: Some(rehearsal),
        psql: None,
        evidence: Some(evidence_writer("# simulated\n")),
        alert: command
            .map(|command| -> crate::tui::options::AlertHook { Arc::new(alert(command, Duration::from_secs(1)).0) }),
        acknowledge: know,
    })
}

/// Gives a text to the operator's own editor, in a file that nobody else can read, and takes back what became of it.
fn editor() -> crate::tui::options::EditorHook {
    Arc::new(edit_text)
}

/// As [`editor`]. The error is one line.
pub(super) fn edit_text(text: String) -> BoxFuture<'static, Result<String, String>> {
    async move { edit(&text).await.map_err(|error| one_line(&error)) }.boxed()
}

async fn edit(text: &str) -> anyhow::Result<String> {
    let environment = Environment::of_process();
    let named = ["VISUAL", "EDITOR"].into_iter().find_map(|name| environment.get(name).filter(|name| !name.is_empty()));
    // Readable by its owner alone, and gone with this value.
    let file = tempfile::Builder::new().prefix("pgctl-tui-").suffix(".json").tempfile();
    let file = file.context("cannot create a file to edit")?;
    std::fs::write(file.path(), text).with_context(|| format!("cannot write {}", file.path().display()))?;
    // An editor may be given with arguments, as in `emacs -nw`.
    let mut command: Vec<String> = named.unwrap_or("vi").split_whitespace().map(str::to_owned).collect();
    command.push(file.path().display().to_string());
    let status = process::run_attached(&command, &[]).await?;
    anyhow::ensure!(status.success(), "the editor exited with {status}: its changes are ignored");
    std::fs::read_to_string(file.path()).with_context(|| format!("cannot read {}", file.path().display()))
}

fn psql(settings: Arc<Settings>, handles: Vec<Handle>) -> crate::tui::options::PsqlHook {
    Arc::new(move |target| {
        let settings = Arc::clone(&settings);
        let address = address(&handles, &target);
        async move { open_psql(&settings, &target, address).await.map_err(|error| one_line(&error)) }.boxed()
    })
}

/// Where the observer reaches the PostgreSQL of the target now.
fn address(handles: &[Handle], target: &PsqlTarget) -> Option<Address> {
    let (PsqlTarget::Node { cluster, .. } | PsqlTarget::Router { cluster, .. }) = target;
    let picture = handles.iter().find(|handle| handle.cluster == *cluster)?.latest();
    match target {
        PsqlTarget::Node { node, .. } => picture.snapshot.member(node)?.postgres_address.clone(),
        PsqlTarget::Router { router, proxy, .. } => {
            let router = picture.snapshot.router(router)?;
            router.sql_address(proxy).ok().cloned()
        }
    }
}

async fn open_psql(settings: &Settings, target: &PsqlTarget, address: Option<Address>) -> anyhow::Result<()> {
    let (PsqlTarget::Node { cluster, .. } | PsqlTarget::Router { cluster, .. }) = target;
    let cluster = settings.cluster(cluster.as_str()).context("the cluster is no longer configured")?;
    anyhow::ensure!(!cluster.read_only, "the configuration has this cluster read-only");
    let host = address.as_ref().map_or("", |address| address.host.as_str());
    let (access, name) = match target {
        PsqlTarget::Node { node, .. } => (access(cluster, node, host), node.as_str()),
        // Behind a router any node may answer: no node's own settings apply.
        PsqlTarget::Router { router, .. } => {
            (cluster.postgres.as_ref().map(|postgres| postgres.looking.clone()), router.as_str())
        }
    };
    let access = access.context("no PostgreSQL login is configured")?;
    let address = address.with_context(|| format!("no SQL address of {name} is known"))?;
    let environment = psql_environment(&access, &address, &Environment::of_process()).await?;
    let status = process::run_attached(&["psql".to_owned()], &environment).await?;
    anyhow::ensure!(status.success(), "psql exited with {status}");
    Ok(())
}

/// libpq's variables for one address: nothing of it on the command line, where others can read it. A password is not among
/// them where libpq might hand it to a stranger: it then asks at the terminal.
async fn psql_environment(
    access: &PostgresAccess,
    address: &Address,
    environment: &Environment,
) -> anyhow::Result<Vec<(String, SecretString)>> {
    let mode = match access.sslmode {
        SslMode::Disable => "disable",
        SslMode::Allow => "allow",
        SslMode::Prefer => "prefer",
        SslMode::Require => "require",
        SslMode::VerifyCa => "verify-ca",
        SslMode::VerifyFull => "verify-full",
    };
    let port = address.port.to_string();
    let mut variables: Vec<(&str, String)> = vec![
        ("PGHOST", address.host.to_string()),
        ("PGPORT", port),
        ("PGUSER", access.user.clone()),
        ("PGDATABASE", access.database.clone()),
        ("PGSSLMODE", mode.to_owned()),
        ("PGAPPNAME", "psql from pgctl-tui".to_owned()),
    ];
    let path = |path: &PathBuf| path.display().to_string();
    match access.tls.ca.first() {
        Some(ca) => variables.push(("PGSSLROOTCERT", path(ca))),
        None if access.sslmode == SslMode::VerifyFull => variables.push(("PGSSLROOTCERT", "system".to_owned())),
        None => {}
    }
    match access.channel_binding {
        ChannelBinding::Disable => variables.push(("PGCHANNELBINDING", "disable".to_owned())),
        ChannelBinding::Require => variables.push(("PGCHANNELBINDING", "require".to_owned())),
        ChannelBinding::Prefer => {}
    }
    let (trust, _) = resolve::trust_of(&access.audience, address.host.as_str()).await?;
    anyhow::ensure!(trust != AddressTrust::Outside, "{} is not in allowed_networks", address.host);
    let proven = matches!(access.sslmode, SslMode::VerifyCa | SslMode::VerifyFull) || is_here(address);
    let attested = trust == AddressTrust::Vouched;
    let methods: Vec<&str> = AuthMethod::ALL
        .into_iter()
        .filter(|method| access.auth.allows(*method, proven, attested))
        .map(AuthMethod::as_str)
        .collect();
    // Known since libpq 16; older ones pass it over.
    variables.push(("PGREQUIREAUTH", methods.join(",")));
    if let (Some(certificate), Some(key)) = (&access.tls.certificate, &access.tls.key) {
        variables.push(("PGSSLCERT", path(certificate)));
        variables.push(("PGSSLKEY", path(key)));
    }
    if let Some(passfile) = &access.passfile {
        variables.push(("PGPASSFILE", path(passfile)));
    }
    let own = |(name, value): (&str, String)| (name.to_owned(), SecretString::from(value));
    let mut settings: Vec<_> = variables.into_iter().map(own).collect();
    let password = match (&access.password, environment.get("PGPASSWORD")) {
        _ if !proven && !attested => None,
        (Some(source), _) => Some(secret::fetch(source).await?),
        // Children do not inherit it.
        (None, password) => password.map(SecretString::from),
    };
    settings.extend(password.map(|password| ("PGPASSWORD".to_owned(), password)));
    Ok(settings)
}

fn is_here(address: &Address) -> bool {
    address.host.as_str().parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

fn evidence_writer(configuration: &str) -> crate::tui::options::EvidenceHook {
    let configuration = Arc::new(redact(configuration));
    Arc::new(move |cluster, picture| {
        let configuration = Arc::clone(&configuration);
        async move {
            // Writing waits for a disk, which the screen must not.
            let writes = move || write_evidence(&cluster, &picture, &configuration).map_err(|error| one_line(&error));
            tokio::task::spawn_blocking(writes).await.unwrap_or_else(|error| Err(error.to_string()))
        }
        .boxed()
    })
}

fn write_evidence(cluster: &ClusterName, picture: &Picture, configuration: &str) -> anyhow::Result<PathBuf> {
    let snapshot = &picture.snapshot;
    let mut versions = vec![(Text::new("pgctl-tui"), Text::new(env!("CARGO_PKG_VERSION")))];
    for view in snapshot.views() {
        if let Some(version) = view.version_name() {
            versions.push((Text::new(format!("PostgreSQL {}", view.name())), Text::new(version.value)));
        }
    }
    let pieces = evidence::bundle(snapshot, &picture.events, &versions, configuration)?;
    let stamp = snapshot.wall.strftime("%Y%m%dT%H%M%SZ");
    let safe: String = cluster
        .as_str()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' })
        .collect();
    let directory = state_directory(&Environment::of_process()).join(format!("evidence-{safe}-{stamp}"));
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(&directory).with_context(|| format!("cannot create {}", directory.display()))?;
    for piece in pieces {
        let path = directory.join(piece.name);
        std::fs::write(&path, &piece.contents).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(directory)
}

/// Tells a program of findings, one at a time and no more often than every `pause`; the task ends with the hook, once
/// what waits is told.
pub(super) fn alert(
    command: Vec<String>,
    pause: Duration,
) -> (impl Fn(Alert) + Send + Sync + 'static, tokio::task::JoinHandle<()>) {
    let (sender, mut alerts) = mpsc::channel::<Alert>(HOOK_QUEUE);
    let tell = async move {
        while let Some(alert) = alerts.recv().await {
            let document = serde_json::json!({
                "cluster": alert.cluster,
                "event": alert.change.as_str(),
                "finding": alert.finding,
            });
            if let Err(error) = process::run_with_input(&command, document.to_string().as_bytes(), HOOK_TIMEOUT).await {
                tracing::warn!(%error, "the hook failed");
            }
            // Nobody is spared anything by waiting once no more can come.
            if !alerts.is_closed() {
                tokio::time::sleep(pause).await;
            }
        }
    };
    #[expect(clippy::disallowed_methods, reason = "ends by itself when the console drops the hook")]
    let task = tokio::spawn(tell);
    let tell = move |alert| {
        if sender.try_send(alert).is_err() {
            tracing::warn!("the hook is too slow: a finding was not passed on");
        }
    };
    (tell, task)
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::config::from_text;
    use crate::model::name::{NodeName, RouterName};

    fn settings(read_only: bool) -> Settings {
        let text = format!(
            "[clusters.a]\nread_only = {read_only}\n[clusters.a.patroni]\nurls = [\"http://h:8008\"]\n\
             [clusters.a.postgres]\nuser = \"monitor\"\ndatabase = \"app\"\n"
        );
        let environment = [("HOME", "/nonexistent"), ("USER", "dba")].into_iter().collect();
        from_text(&text, Path::new("config.toml"), &environment).expect("settings")
    }

    fn through_router() -> PsqlTarget {
        let (cluster, router) = (ClusterName::new("a"), RouterName::new("edge"));
        PsqlTarget::Router { cluster, router, proxy: "primary".into() }
    }

    #[tokio::test]
    async fn a_read_only_cluster_gives_no_psql_and_a_router_without_address_says_so() {
        let address = Address { host: "10.0.0.9".into(), port: 5000 };
        let error = open_psql(&settings(true), &through_router(), Some(address)).await.unwrap_err();
        assert!(error.to_string().contains("read-only"), "{error}");
        let error = open_psql(&settings(false), &through_router(), None).await.unwrap_err();
        assert_eq!(error.to_string(), "no SQL address of edge is known");
    }

    #[tokio::test]
    async fn psql_is_reported_where_to_go_by_its_environment() {
        let settings = settings(false);
        let access = &settings.clusters[0].postgres.as_ref().expect("a login").looking;
        let address = Address { host: "10.0.0.9".into(), port: 5000 };
        let none = Environment::default();
        let environment = psql_environment(access, &address, &none).await.expect("variables");
        let value = |name: &str| {
            environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.expose_secret().to_owned())
        };
        let expected = [("PGHOST", "10.0.0.9"), ("PGPORT", "5000"), ("PGUSER", "monitor"), ("PGDATABASE", "app")];
        for (name, word) in expected {
            assert_eq!(value(name).as_deref(), Some(word), "{name}");
        }
        assert_eq!(value("PGPASSWORD"), None, "none is configured");
    }

    #[tokio::test]
    async fn psql_is_given_no_password_for_a_host_that_only_the_record_names() {
        let settings = settings(false);
        let looking = &settings.clusters[0].postgres.as_ref().expect("a login").looking;
        let own: Environment = [("PGPASSWORD", "hunter2")].into_iter().collect();
        let reported = async |host: &str| {
            let address = Address { host: host.into(), port: 5432 };
            let access = settings.clusters[0].access_to(looking, &NodeName::new("pg-9"), host);
            let environment = psql_environment(&access, &address, &own).await.expect("variables");
            let value = |name: &str| {
                environment.iter().find(|(known, _)| known == name).map(|(_, value)| value.expose_secret().to_owned())
            };
            (value("PGPASSWORD"), value("PGREQUIREAUTH").expect("always"))
        };
        let (password, methods) = reported("203.0.113.9").await;
        assert_eq!(password, None);
        assert!(methods.contains("scram-sha-256") && !methods.contains("md5"), "{methods}");
        assert_eq!(reported("127.0.0.1").await.0.as_deref(), Some("hunter2"), "this host");
    }
}
