//! `init --postgres`: the nodes of plain streaming replication, found from those that a connection string names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::printer::Printer;
use crate::config::Environment;
use crate::config::audience::Audience;
use crate::config::discovered::{Discovered, DiscoveredLogin};
use crate::config::endpoint::{PostgresAccess, Timeouts};
use crate::config::libpq::dsn::{self, Dsn};
use crate::config::libpq::{ExplicitSettings, access};
use crate::driver::ha::streaming::discover::{self as streaming, AskNode};
use crate::driver::node::postgres::{PostgresNode, proposals};
use crate::driver::port::{Facts, Observe as _};
use crate::model::agent::Address;
use crate::model::moment::Moment;
use crate::model::name::NodeName;
use crate::model::postgres::SqlReport;
use crate::model::text::Text;
use crate::wire::UsageError;
use crate::wire::discover::TIMEOUTS;

/// Addresses that are only learnt may well lead nowhere from here.
const LEARNT_TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(2), request: Duration::from_secs(3) };

/// Finds the cluster of the nodes that `text` names.
pub(in crate::wire) async fn discover(
    text: &str,
    environment: Environment,
    proposes: bool,
    printer: &mut Printer,
) -> anyhow::Result<Discovered> {
    let refused = |problem: String| UsageError(format!("--postgres {problem}"));
    let dsn = dsn::parse(text).map_err(refused)?;
    let places = dsn.endpoints(&environment);
    let (access, warnings) = access(&dsn.explicit, &environment)?;
    let login = DiscoveredLogin { user: access.user.clone(), ..DiscoveredLogin::default() };
    let each: Vec<String> = places.iter().map(|(host, port)| format!("{host}:{port}")).collect();
    printer.say(format!("querying {}", each.join(", ")));
    let asker = Asker { access, environment: Arc::new(environment) };
    let mut found = streaming::discover(&places, &asker).await.map_err(anyhow::Error::msg)?;
    found.origin = Some(each.join(", "));
    found.notes.extend(warnings);
    found.postgres_login = Some(login);
    found.postgres_settings = settings(&dsn);
    if proposes {
        propose(&mut found, &places, &asker, printer).await;
    }
    Ok(found)
}

/// What may be asserted of the database, by the first node that answers: they all hold the same.
async fn propose(found: &mut Discovered, places: &[(String, u16)], asker: &Asker, printer: &mut Printer) {
    let mut why = None;
    for (host, port) in places {
        let access = PostgresAccess { timeouts: TIMEOUTS, ..asker.access.clone() };
        let address = Address { host: Text::new(host), port: *port };
        match proposals(&access, &address, &asker.environment).await {
            Ok(assertions) => {
                found.assertions = assertions;
                found.assertions_in = Some(access.database);
                return;
            }
            Err(error) => why = Some(error),
        }
    }
    if let Some(why) = why {
        printer.say(format!("no assertions are proposed: {why}"));
    }
}

/// What the connection string says of the login, as the configuration says it.
fn settings(dsn: &Dsn) -> BTreeMap<&'static str, String> {
    let ExplicitSettings {
        database,
        passfile,
        service,
        sslmode,
        ca,
        certificate,
        key,
        require_auth,
        channel_binding,
        ..
    } = &dsn.explicit;
    // The configuration is read from elsewhere.
    let path = |path: &PathBuf| {
        let system = path.as_path() == Path::new("system");
        let full = if system { path.clone() } else { std::path::absolute(path).unwrap_or_else(|_| path.clone()) };
        full.to_string_lossy().into_owned()
    };
    let all = [
        ("database", database.clone()),
        ("passfile", passfile.as_ref().map(path)),
        ("service", service.clone()),
        ("sslmode", sslmode.map(|mode| mode.to_string())),
        ("ca", ca.first().map(path)),
        ("certificate", certificate.as_ref().map(path)),
        ("key", key.as_ref().map(path)),
        ("require_auth", require_auth.clone()),
        ("channel_binding", channel_binding.clone()),
    ];
    all.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// Asks nodes with one login.
struct Asker {
    access: PostgresAccess,
    environment: Arc<Environment>,
}

impl AskNode for Asker {
    async fn ask(&self, host: &str, port: u16, audience: Audience) -> Result<SqlReport, String> {
        let timeouts = if audience == Audience::Named { TIMEOUTS } else { LEARNT_TIMEOUTS };
        let access = PostgresAccess { audience, timeouts, ..self.access.clone() };
        let address = Address { host: Text::new(host), port };
        let mut node = PostgresNode::new(&NodeName::new(host), access, address, Arc::clone(&self.environment));
        match node.observe(Moment::START).await {
            Ok(Facts::Sql(report)) => Ok(*report),
            Ok(_) => Err(format!("{host}:{port} returned something else")),
            Err(error) => Err(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::write_file::{Asked, commented_file};

    #[test]
    fn what_the_connection_string_says_is_in_the_file_and_loads() {
        let dsn = dsn::parse("host=a user=looker dbname=shop sslmode=require").unwrap();
        let found = Discovered {
            members: vec![crate::config::discovered::DiscoveredMember {
                name: "a".to_owned(),
                postgres: Some(("a".to_owned(), 5432)),
                ..Default::default()
            }],
            postgres_login: Some(DiscoveredLogin { user: "looker".to_owned(), ..DiscoveredLogin::default() }),
            postgres_settings: settings(&dsn),
            ..Discovered::default()
        };
        let text = commented_file(&found, &Asked::default());
        let environment = [("HOME", "/nonexistent")].into_iter().collect();
        let settings = crate::config::from_text(&text, Path::new("c.toml"), &environment).unwrap();
        let looking = &settings.clusters[0].postgres.as_ref().unwrap().looking;
        assert_eq!((looking.user.as_str(), looking.database.as_str()), ("looker", "shop"));
        assert_eq!(looking.sslmode.to_string(), "require");
        assert!(looking.password.is_none() && !text.contains("# sslmode"), "{text}");
    }
}
