//! Assertions: questions in SQL with the answer that is expected.

use std::time::Duration;

use super::super::endpoint::PostgresAccess;
use super::super::locate::quoted;
use super::super::resolved::{AssertionSettings, Expected};
use super::super::written::{WrittenAssertion, WrittenCluster, WrittenValue};
use super::Resolver;
use crate::model::name::AssertionName;

/// How long the server may take where nothing else is written.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
/// The longest: `doctor` waits for it.
const MAX_TIMEOUT: Duration = Duration::from_secs(60);
/// What a question may begin with: nothing else can stand where its answer is read.
const ALLOWED_STATEMENTS: [&str; 4] = ["select", "with", "values", "table"];
/// Words in a question whose answer is likely to be a secret.
const SECRETS: [&str; 8] = ["password", "passwd", "secret", "token", "api_key", "apikey", "private_key", "pg_authid"];

impl Resolver<'_> {
    /// `looking` is the login that asks them.
    pub(super) fn assertions(
        &mut self,
        at: &str,
        cluster: &WrittenCluster,
        looking: Option<&PostgresAccess>,
    ) -> Vec<AssertionSettings> {
        let place = format!("{at}.assertions");
        if !cluster.assertions.is_empty() && cluster.postgres.is_none() {
            let remedy = format!("set [{at}.postgres] with the monitoring role");
            self.report_problem(&place, "no PostgreSQL to query is configured", remedy);
        }
        let mut assertions = Vec::new();
        for (name, written) in &cluster.assertions {
            let at = format!("{place}.{}", quoted(name));
            if name.trim().is_empty() || AssertionName::new(name).as_str() != name {
                self.report_problem(&at, "its name cannot be empty or contain control characters", "use a plain name");
            }
            assertions.extend(self.assertion(&at, name, written, looking));
        }
        assertions
    }

    fn assertion(
        &mut self,
        at: &str,
        name: &str,
        written: &WrittenAssertion,
        looking: Option<&PostgresAccess>,
    ) -> Option<AssertionSettings> {
        let sql = self.question(at, written.sql.as_deref());
        let expected = match (&written.expect, written.rows) {
            (Some(value), None) => Some(Expected::Value(value_text(value))),
            (None, Some(rows)) => Some(Expected::Rows(rows)),
            (Some(_), Some(_)) => {
                self.report_problem(
                    &format!("{at}.rows"),
                    "both expect and rows are set",
                    "keep one of expect and rows",
                );
                None
            }
            (None, None) => {
                let remedy = "set expect = \"...\" for one value, or rows = 3 for a number of rows";
                self.report_problem(at, "no expected result is set", remedy);
                None
            }
        };
        let time_limit = written.timeout.map_or(DEFAULT_TIMEOUT, |span| span.0);
        if time_limit > MAX_TIMEOUT || time_limit.is_zero() {
            self.report_problem(
                &format!("{at}.timeout"),
                format!("{time_limit:?} is out of range"),
                "use \"1s\" to \"60s\"",
            );
        }
        let sql = sql?;
        Some(AssertionSettings {
            name: AssertionName::new(name),
            is_secret: written.hide.unwrap_or_else(|| mentions_secret(&sql)),
            sql,
            expected: expected?,
            database: written.database.clone().or_else(|| looking.map(|access| access.database.clone()))?,
            on_standbys: written.standbys.unwrap_or(false),
            time_limit,
        })
    }

    /// One statement, without the semicolon that may end it.
    fn question(&mut self, at: &str, written: Option<&str>) -> Option<String> {
        let sql =
            written.unwrap_or_default().trim().trim_end_matches(|letter: char| letter == ';' || letter.is_whitespace());
        let at = format!("{at}.sql");
        if sql.is_empty() {
            self.report_problem(&at, "sql is missing", "set sql = \"SELECT ...\"");
            return None;
        }
        let word: String =
            sql.trim_start_matches('(').trim_start().chars().take_while(char::is_ascii_alphabetic).collect();
        if !ALLOWED_STATEMENTS.contains(&word.to_ascii_lowercase().as_str()) {
            let remedy = "use one statement that starts with SELECT, WITH, VALUES or TABLE";
            self.report_problem(&at, "an assertion must be a query", remedy);
            return None;
        }
        Some(sql.to_owned())
    }
}

/// A value as PostgreSQL writes it as text.
fn value_text(value: &WrittenValue) -> String {
    match value {
        WrittenValue::Truth(true) => "true".to_owned(),
        WrittenValue::Truth(false) => "false".to_owned(),
        WrittenValue::Number(number) => number.to_string(),
        WrittenValue::Text(text) => text.clone(),
    }
}

fn mentions_secret(sql: &str) -> bool {
    let sql = sql.to_ascii_lowercase();
    SECRETS.iter().any(|word| sql.contains(word))
}
