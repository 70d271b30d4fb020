//! Drills: whether they may break anything, the probe's login, and by what parts are broken.

use std::collections::BTreeMap;

use super::super::endpoint::{PostgresAccess, Timeouts};
use super::super::libpq;
use super::super::locate::quoted;
use super::super::resolved::{DrillSettings, FaultCommands, FaultKind};
use super::super::written::{WrittenCluster, WrittenDrills, WrittenPostgres};
use super::Resolver;

/// The end of a key whose command takes back what the key without it sets.
const UNDO: &str = "_undo";

impl Resolver<'_> {
    /// `acting` is the login that the probe takes where it has none of its own.
    pub(super) fn drills(
        &mut self,
        at: &str,
        cluster: &WrittenCluster,
        acting: Option<&PostgresAccess>,
        timeouts: Timeouts,
    ) -> DrillSettings {
        let default = DrillSettings::default();
        let Some(written) = &cluster.drills else { return DrillSettings { probe: acting.cloned(), ..default } };
        let place = format!("{at}.drills");
        let probe = match (&written.user, &cluster.postgres) {
            (Some(_), Some(postgres)) => self.probe(&place, written, &format!("{at}.postgres"), postgres, timeouts),
            (Some(_), None) => {
                let remedy = format!("set [{at}.postgres] with the monitoring role too");
                self.report_problem(&format!("{place}.user"), "no PostgreSQL is configured to log in to", remedy);
                None
            }
            (None, _) => acting.map(|acting| PostgresAccess {
                database: written.database.clone().unwrap_or_else(|| acting.database.clone()),
                ..acting.clone()
            }),
        };
        DrillSettings {
            enabled: written.enabled.unwrap_or(default.enabled),
            target: written.target.map(|span| span.0),
            hold: written.hold.map_or(default.hold, |span| span.0),
            probe,
            engine: written.engine.clone(),
            project: written.project.clone(),
            watchdog: written.watchdog,
            containers: written.containers.clone(),
            faults: self.faults(&place, &written.faults),
        }
    }

    /// The probe's own login; how the server is verified is as for looking.
    fn probe(
        &mut self,
        place: &str,
        written: &WrittenDrills,
        at: &str,
        postgres: &WrittenPostgres,
        timeouts: Timeouts,
    ) -> Option<PostgresAccess> {
        let login = written.login();
        let tls = self.tls(at, &postgres.tls());
        let explicit = libpq::ExplicitSettings {
            password: self.secret(place, &login),
            user: login.user,
            database: written.database.clone().or_else(|| postgres.database.clone()),
            passfile: postgres.passfile.as_ref().map(|path| self.file(path)),
            service: None,
            sslmode: postgres.sslmode,
            require_auth: postgres.acting.as_ref().and_then(|acting| acting.require_auth.clone()),
            channel_binding: postgres.channel_binding.clone(),
            purpose: libpq::LoginUse::Acting,
            ca: tls.ca,
            certificate: tls.certificate,
            key: tls.key,
            server_name: tls.server_name,
            timeouts,
        };
        self.access(place, &explicit)
    }

    fn faults(
        &mut self,
        at: &str,
        written: &BTreeMap<String, BTreeMap<String, Vec<String>>>,
    ) -> BTreeMap<(String, FaultKind), FaultCommands> {
        let mut faults = BTreeMap::new();
        for (part, commands) in written {
            let at = format!("{at}.faults.{}", quoted(part));
            for (key, command) in commands {
                let place = format!("{at}.{key}");
                let word = key.strip_suffix(UNDO).unwrap_or(key);
                let Some((_, kind)) = FaultKind::ALL.into_iter().find(|(known, _)| *known == word) else {
                    let remedy = "use stop, kill, freeze or cut, each with its undo, such as stop_undo";
                    self.report_problem(&place, format!("`{key}` is not a fault"), remedy);
                    continue;
                };
                if command.is_empty() {
                    self.report_problem(&place, "the command is empty", "give a program and its arguments as a list");
                    continue;
                }
                let undo = format!("{word}{UNDO}");
                match (commands.get(word), commands.get(&undo)) {
                    (Some(make), Some(repair)) => {
                        let commands = FaultCommands { make: make.clone(), repair: repair.clone() };
                        faults.insert((part.clone(), kind), commands);
                    }
                    (Some(_), None) => {
                        self.report_problem(
                            &place,
                            "its undo command is missing",
                            format!("set {undo} = [...] next to it"),
                        );
                    }
                    (None, _) => {
                        self.report_problem(
                            &place,
                            "an undo command without a fault command",
                            format!("set {word} = [...] next to it"),
                        );
                    }
                }
            }
        }
        faults
    }
}
