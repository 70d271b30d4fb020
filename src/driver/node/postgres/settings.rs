//! The settings of a server: read once, and again after each reload or start. What may be set is the same on all servers
//! of a version, so that it is kept once for all of them.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use jiff::Timestamp;

use crate::client::postgres::poll_result::SettingRow;
use crate::client::postgres::{PostgresError, Session};
use crate::model::postgres::SqlReport;
use crate::model::setting::{Definition, EffectiveSetting, SettingContext, SettingKind, Settings, Unit};
use crate::model::text::Text;

/// Which reading of the configuration files the settings are of: start of the server, and its last reload.
type ServerIdentity = (Timestamp, Option<Timestamp>);

/// The settings as they were read last.
#[derive(Default)]
pub(super) struct CachedSettings {
    /// `None` within: the server did not tell.
    last: Option<(ServerIdentity, Option<Arc<Settings>>)>,
}

impl CachedSettings {
    /// Whether they were asked for, with whatever success.
    pub(super) fn is_reported(&self) -> bool {
        self.last.is_some()
    }

    /// Puts what is known into `report`, where it still holds.
    pub(super) fn recall(&self, report: &mut SqlReport) -> bool {
        let of = (report.postmaster_started, report.files_read);
        // A server that does not tell of its reloads is asked anew whenever everything is.
        let known = self.last.as_ref().filter(|(known, _)| *known == of && of.1.is_some());
        report.settings = known.and_then(|(_, settings)| settings.clone());
        known.is_some()
    }

    /// Puts the settings into `report`, asking for them where they are not known.
    ///
    /// # Errors
    /// The connection failed meanwhile.
    pub(super) async fn fill(
        &mut self,
        report: &mut SqlReport,
        session: &mut Session,
        deadline: Duration,
    ) -> Result<(), PostgresError> {
        if self.recall(report) {
            return Ok(());
        }
        // A role that may not look costs no other part its answer.
        let settings = session.settings(deadline).await?.ok().map(|rows| Arc::new(settings(rows)));
        report.settings.clone_from(&settings);
        self.last = Some(((report.postmaster_started, report.files_read), settings));
        Ok(())
    }
}

/// Whether nothing can be said of the server before its settings are known: a standby without a receiver is cut off, or
/// lives on an archive as it is meant to.
pub(super) fn are_urgent(report: &SqlReport) -> bool {
    report.receives() == Some(false)
}

/// Definitions in use, so that equal ones are kept once.
static KNOWN: Mutex<Vec<Weak<[Definition]>>> = Mutex::new(Vec::new());

fn shared(definitions: Vec<Definition>) -> Arc<[Definition]> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.retain(|one| one.strong_count() > 0);
    if let Some(same) = known.iter().filter_map(Weak::upgrade).find(|one| **one == *definitions) {
        return same;
    }
    let new: Arc<[Definition]> = definitions.into();
    known.push(Arc::downgrade(&new));
    new
}

/// From the rows to the model.
fn settings(rows: Vec<SettingRow>) -> Settings {
    let mut definitions = Vec::with_capacity(rows.len());
    let mut held = Vec::new();
    for (index, row) in rows.into_iter().enumerate() {
        let value = Text::redacted(row.value.as_deref().unwrap_or_default());
        let boot = Text::redacted(row.boot_value.as_deref().unwrap_or_default());
        let of_server = !matches!(row.source.as_str(), "client" | "user" | "database" | "database user" | "session");
        if value != boot || row.pending_restart || !of_server {
            held.push(EffectiveSetting { index, value, of_server, pending: row.pending_restart });
        }
        definitions.push(Definition {
            name: Text::new(&row.name),
            kind: kind(&row),
            takes: match row.context.as_str() {
                "internal" => SettingContext::Never,
                "postmaster" => SettingContext::Restart,
                _ => SettingContext::Reload,
            },
            boot,
        });
    }
    Settings::new(shared(definitions), held)
}

/// The kind of a setting; one with a bound or a unit that cannot be read is taken for text, of which nothing is refused.
fn kind(row: &SettingRow) -> SettingKind {
    let unit = match &row.unit {
        Some(word) => match Unit::from_name(word) {
            Some(unit) => Some(unit),
            None => return SettingKind::Text,
        },
        None => None,
    };
    let (least, most) = (row.min_value.as_deref().unwrap_or_default(), row.max_value.as_deref().unwrap_or_default());
    match row.value_type.as_str() {
        "bool" => SettingKind::Flag,
        "integer" => match (least.parse(), most.parse()) {
            (Ok(least), Ok(most)) => SettingKind::Whole { unit, least, most },
            _ => SettingKind::Text,
        },
        "real" => match (least.parse(), most.parse()) {
            (Ok(least), Ok(most)) => SettingKind::Real { unit, least, most },
            _ => SettingKind::Text,
        },
        "enum" => SettingKind::Word(row.enum_values.iter().flatten().map(Text::new).collect()),
        _ => SettingKind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, kind: &str, value: &str, source: &str) -> SettingRow {
        SettingRow {
            name: name.to_owned(),
            value: Some(value.to_owned()),
            unit: (kind == "integer").then(|| "kB".to_owned()),
            value_type: kind.to_owned(),
            context: "sighup".to_owned(),
            source: source.to_owned(),
            min_value: Some("64".to_owned()),
            max_value: Some("2147483647".to_owned()),
            enum_values: None,
            boot_value: Some("4096".to_owned()),
            pending_restart: false,
        }
    }

    #[test]
    fn the_settings_of_a_standby_without_a_receiver_are_asked_at_once() {
        let snapshot = crate::model::test_support::healthy();
        let report = |name: &str| {
            let member = snapshot.member(&name.into()).expect("a member");
            member.sql.as_ref().and_then(|sql| sql.last()).expect("an answer").clone()
        };
        assert!(!are_urgent(&report("pg-0")), "a primary has none");
        let mut standby = report("pg-1");
        assert!(!are_urgent(&standby));
        standby.receiver = None;
        assert!(are_urgent(&standby));
    }

    #[test]
    fn servers_of_one_version_share_what_may_be_set_and_differ_in_what_is() {
        let a = settings(vec![row("work_mem", "integer", "4096", "default")]);
        let b = settings(vec![row("work_mem", "integer", "65536", "configuration file")]);
        let (a, b) = (a.get("work_mem").unwrap(), b.get("work_mem").unwrap());
        assert!(std::ptr::eq(a.definition, b.definition));
        assert!(a.holds("4MB") && b.holds("64MB"));
    }

    #[test]
    fn a_value_of_the_asking_session_is_not_taken_for_the_servers() {
        let known = settings(vec![row("work_mem", "integer", "65536", "user")]);
        assert!(!known.get("work_mem").unwrap().of_server);
    }

    #[test]
    fn a_unit_that_is_not_known_refuses_nothing() {
        let odd = SettingRow { unit: Some("furlong".to_owned()), ..row("x", "integer", "1", "default") };
        assert_eq!(kind(&odd), SettingKind::Text);
    }
}
