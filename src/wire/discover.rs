//! `init`: asks whoever is named, looks for what usually stands beside it, and writes what was found as a configuration.

use std::time::Duration;

use super::stack;
use crate::cli::args::{Init, Shared};
use crate::cli::exit::Exit;
use crate::cli::init::{from_compose, proposed, write};
use crate::cli::printer::Printer;
use crate::config::audience::Audience;
use crate::config::endpoint::{HttpEndpoint, Timeouts, TlsSettings};
use crate::config::write_file::{Asked, commented_file};
use crate::config::{Environment, default_path};

mod routers;

/// `init` is asked once and may wait longer than a screen.
pub(super) const TIMEOUTS: Timeouts = Timeouts { connect: Duration::from_secs(3), request: Duration::from_secs(5) };
/// Places that are only guessed are not waited for long.
pub(super) const GUESS_TIMEOUTS: Timeouts =
    Timeouts { connect: Duration::from_millis(700), request: Duration::from_millis(1500) };
/// Hosts beside which other parts are looked for.
pub(super) const MAX_HOSTS: usize = 8;

/// Discovers and writes.
pub(super) async fn init(shared: &Shared, args: &Init, printer: &mut Printer) -> anyhow::Result<Exit> {
    let environment = Environment::of_process();
    let path = shared.config.clone().unwrap_or_else(|| default_path(&environment));
    let (found, asked) = match from_compose(args, shared.scope.as_deref(), &environment)? {
        Some((mut found, asked)) => {
            routers::examine(&mut found).await;
            (found, asked)
        }
        None => {
            let asked = Asked {
                name: args.name.clone(),
                patroni: shared.patroni.clone(),
                etcd: shared.etcd.clone(),
                routers: Vec::new(),
            };
            let (mut found, hosts) = stack::discover(shared, args, &asked, environment, printer).await?;
            if let Some(words) = proposed(&found) {
                printer.say(words);
            }
            routers::search(&hosts, &mut found, printer).await;
            routers::examine(&mut found).await;
            (found, asked)
        }
    };
    write(&commented_file(&found, &asked), &path, args.print, args.force, printer)
}

/// The endpoint at `url`, without a login.
pub(super) fn plain(url: &str, timeouts: Timeouts) -> HttpEndpoint {
    HttpEndpoint { url: url.to_owned(), login: None, audience: Audience::Named, tls: TlsSettings::default(), timeouts }
}

/// `host` as it stands in an address.
pub(super) fn bracketed(host: &str) -> String {
    if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.to_owned() }
}
