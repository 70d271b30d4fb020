//! Assertions on one node: what the operator says that its data should say, asked with the login for looking.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::failure_kind::source_error;
use super::password::Password;
use crate::client::postgres::PostgresError;
use crate::client::postgres::assertion::{AssertingSession, AssertionResult, MAX_ROWS, ReadMode};
use crate::config::Environment;
use crate::config::endpoint::PostgresAccess;
use crate::config::resolved::{AssertionSettings, Expected};
use crate::driver::checklist::Checklist;
use crate::driver::port::Check;
use crate::model::agent::Address;
use crate::model::checkup::{CheckAspect, CheckLine};
use crate::model::name::NodeName;
use crate::model::source::{Source, SourceKind};
use crate::model::text::Text;

/// Most letters of a value that are shown.
const MAX_SHOWN: usize = 80;
/// What stands in the place of a value that is not shown.
const HIDDEN: &str = "********";

/// The assertions of one node, to be examined.
pub struct AssertionCheck {
    source: Source,
    address: Address,
    databases: Vec<Database>,
}

/// What is asked in one database.
struct Database {
    access: PostgresAccess,
    password: Password,
    assertions: Vec<AssertionSettings>,
}

impl AssertionCheck {
    /// The node `member` at `address`, to be asked `assertions` by the login of `access`.
    pub fn new(
        member: &NodeName,
        access: &PostgresAccess,
        address: Address,
        environment: &Arc<Environment>,
        assertions: impl IntoIterator<Item = AssertionSettings>,
    ) -> Self {
        let mut by_database: BTreeMap<String, Vec<AssertionSettings>> = BTreeMap::new();
        for assertion in assertions {
            by_database.entry(assertion.database.clone()).or_default().push(assertion);
        }
        let databases = by_database.into_iter().map(|(database, assertions)| {
            let access = PostgresAccess { database, ..access.clone() };
            Database { password: Password::new(&access, &address, Arc::clone(environment)), access, assertions }
        });
        Self { source: Source::new(SourceKind::Sql, member.as_str()), databases: databases.collect(), address }
    }

    /// The longest that an examination takes which is not stuck.
    pub fn time_limit(&self) -> Duration {
        let of = |database: &Database| {
            let each = database.assertions.iter().map(|assertion| assertion.time_limit + Duration::from_secs(6));
            database.access.timeouts.connect + each.sum::<Duration>()
        };
        self.databases.iter().map(of).sum()
    }

    async fn examine(&mut self) -> Vec<CheckLine> {
        let endpoint = self.endpoint();
        let mut list = Checklist::new(self.source.clone(), endpoint.clone());
        for database in &mut self.databases {
            database.examine(&self.address, &endpoint, &mut list).await;
        }
        list.into_lines()
    }
}

impl Database {
    async fn examine(&mut self, address: &Address, endpoint: &Text, list: &mut Checklist) {
        let mut session = None;
        for assertion in &self.assertions {
            let asked = async {
                let open = match session.take() {
                    Some(open) => open,
                    None => {
                        let password = self.password.get().await.map_err(|error| error.at(endpoint).brief())?;
                        let place = (address.host.as_str(), address.port);
                        let opened = AssertingSession::open(&self.access, place, password.as_ref()).await;
                        opened.map_err(|error| source_error(&error, endpoint, self.password.hint()).brief())?
                    }
                };
                Ok::<_, String>(open)
            };
            let mut open = match asked.await {
                Ok(open) => open,
                Err(why) => {
                    let text = format!("{} was not run in database {}: {why}", assertion.name, self.access.database);
                    list.unknown(CheckAspect::Assertion, text, "see the line about the login");
                    continue;
                }
            };
            let wanted = match assertion.expected {
                Expected::Value(_) => ReadMode::Value,
                Expected::Rows(_) => ReadMode::Rows,
            };
            let found = open.ask(&assertion.sql, wanted, assertion.time_limit).await;
            // Whether the connection is still where it should be is known only where the server has answered.
            if matches!(found, Ok(_) | Err(PostgresError::Server { .. })) {
                session = Some(open);
            }
            judge(list, assertion, found);
        }
    }
}

/// Says how an answer compares with what is expected. No colon follows the name: of one that is called `token` what comes
/// after it would be masked.
fn judge(list: &mut Checklist, assertion: &AssertionSettings, found: Result<AssertionResult, PostgresError>) {
    let name = &assertion.name;
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            let (words, remedy) = refusal(&error, assertion.is_secret);
            return list.fail(CheckAspect::Assertion, format!("{name} cannot be run: {words}"), &remedy);
        }
    };
    let odd = match (&found, &assertion.expected) {
        (AssertionResult::Nothing, _) => Some("no row".to_owned()),
        (AssertionResult::MultipleRows, _) => Some("several rows".to_owned()),
        (AssertionResult::Columns(columns), _) => Some(format!("{columns} columns")),
        (AssertionResult::Value(_) | AssertionResult::Rows(_), _) => None,
    };
    let remedy = "check the data; if it is correct, fix what the assertion expects";
    if let Some(odd) = odd {
        return list.warn(
            CheckAspect::Assertion,
            format!("{name} returns {odd}, expected one value"),
            "let it return one value, or expect rows",
        );
    }
    let (expected, came, fits) = match (&assertion.expected, &found) {
        (Expected::Value(expected), AssertionResult::Value(value)) => {
            let fits = value.as_deref().is_some_and(|value| is_same(expected, value));
            let value = value.as_deref().map_or_else(|| "null".to_owned(), |value| masked(value, assertion.is_secret));
            (masked(expected, assertion.is_secret), value, fits)
        }
        (Expected::Rows(expected), AssertionResult::Rows(rows)) => {
            let more = if *rows >= MAX_ROWS { " or more" } else { "" };
            (counted(*expected), format!("{}{more}", counted(*rows)), expected == rows)
        }
        (Expected::Value(expected), _) => (masked(expected, assertion.is_secret), "something else".to_owned(), false),
        (Expected::Rows(expected), _) => (counted(*expected), "something else".to_owned(), false),
    };
    if fits {
        list.pass(CheckAspect::Assertion, format!("{name} returns {came}, as expected"));
    } else {
        list.warn(CheckAspect::Assertion, format!("{name} returns {came}, expected {expected}"), remedy);
    }
}

/// A truth has two spellings: psql's, and that of its text.
fn is_same(expected: &str, found: &str) -> bool {
    expected == found || matches!((expected, found), ("t", "true") | ("f", "false"))
}

fn masked(value: &str, is_secret: bool) -> String {
    if is_secret {
        return HIDDEN.to_owned();
    }
    // Masked whole, then cut: half a password must not pass for none.
    let value = Text::redacted(value).to_string();
    let mut letters = value.chars();
    let head: String = letters.by_ref().take(MAX_SHOWN).collect();
    let rest = if letters.next().is_some() { "…" } else { "" };
    format!("\"{head}{rest}\"")
}

fn counted(rows: u64) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// Why the server refuses, and what to do. Its words may quote a value.
fn refusal(error: &PostgresError, is_secret: bool) -> (String, String) {
    let (code, words) = match error {
        PostgresError::Server { code, message } => (code.as_str(), format!("{message} ({code})")),
        other => ("", other.to_string()),
    };
    let words = if is_secret && !code.is_empty() { format!("SQLSTATE {code}") } else { words };
    let remedy = match code {
        "42501" => "GRANT the monitoring role what the query reads (SELECT on the table, USAGE on its schema)",
        "57014" => "set a longer timeout, or use a faster query",
        "25006" => "an assertion is read-only: it cannot write",
        _ => "fix its sql, or set the database in which it runs",
    };
    (words, remedy.to_owned())
}

impl Check for AssertionCheck {
    fn endpoint(&self) -> Text {
        Text::new(self.address.to_string())
    }

    fn check(&mut self) -> BoxFuture<'_, Vec<CheckLine>> {
        Box::pin(self.examine())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::model::checkup::CheckupVerdict::{self, Fail, Pass, Warn};

    fn assertion(expected: Expected, is_secret: bool) -> AssertionSettings {
        AssertionSettings {
            name: "currencies".into(),
            sql: "SELECT 1".to_owned(),
            expected,
            database: "banking".to_owned(),
            on_standbys: false,
            time_limit: Duration::from_secs(5),
            is_secret,
        }
    }

    fn check_line(expected: Expected, is_secret: bool, found: Result<AssertionResult, PostgresError>) -> CheckLine {
        let mut list = Checklist::new(Source::new(SourceKind::Sql, "pg-0"), "pg-0:5432".into());
        judge(&mut list, &assertion(expected, is_secret), found);
        list.into_lines().remove(0)
    }

    fn value(text: &str) -> Expected {
        Expected::Value(text.to_owned())
    }

    fn came(text: &str) -> AssertionResult {
        AssertionResult::Value(Some(text.to_owned()))
    }

    #[rstest]
    #[case::same(value("8"), Ok(came("8")), Pass, "\"8\", as expected")]
    #[case::other(value("8"), Ok(came("7")), Warn, "returns \"7\", expected \"8\"")]
    #[case::psql_truth(value("t"), Ok(came("true")), Pass, "as expected")]
    #[case::null(value(""), Ok(AssertionResult::Value(None)), Warn, "returns null")]
    #[case::none(value("8"), Ok(AssertionResult::Nothing), Warn, "returns no row")]
    #[case::many(value("8"), Ok(AssertionResult::MultipleRows), Warn, "returns several rows")]
    #[case::wide(value("8"), Ok(AssertionResult::Columns(2)), Warn, "returns 2 columns")]
    #[case::rows(Expected::Rows(1), Ok(AssertionResult::Rows(1)), Pass, "1 row, as expected")]
    #[case::fewer(Expected::Rows(3), Ok(AssertionResult::Rows(0)), Warn, "returns 0 rows, expected 3 rows")]
    fn an_answer_is_compared_with_what_is_expected(
        #[case] expected: Expected,
        #[case] found: Result<AssertionResult, PostgresError>,
        #[case] verdict: CheckupVerdict,
        #[case] words: &str,
    ) {
        let line = check_line(expected, false, found);
        assert_eq!((line.verdict, line.aspect), (verdict, CheckAspect::Assertion), "{line:?}");
        assert!(
            line.text.as_str().starts_with("currencies returns ") && line.text.as_str().contains(words),
            "{}",
            line.text
        );
    }

    #[test]
    fn a_secret_is_shown_neither_as_expected_nor_as_found_nor_in_the_servers_words() {
        let refused = || PostgresError::Server {
            code: "22P02".to_owned(),
            message: "invalid input syntax for type integer: \"hunter2\"".to_owned(),
        };
        for found in [Ok(came("hunter2")), Ok(came("hunter3")), Err(refused())] {
            let line = check_line(value("hunter2"), true, found);
            assert!(!line.text.as_str().contains("hunter"), "{}", line.text);
        }
        let line = check_line(value("x"), false, Ok(came("host=a password=hunter2")));
        assert!(!line.text.as_str().contains("hunter2"), "{}", line.text);
    }

    #[rstest]
    #[case("42501", "GRANT")]
    #[case("57014", "longer timeout")]
    #[case("25006", "is read-only")]
    #[case("42P01", "set the database in which it runs")]
    fn a_question_that_is_refused_fails_with_what_to_do(#[case] code: &str, #[case] remedy: &str) {
        let error = PostgresError::Server { code: code.to_owned(), message: "no".to_owned() };
        let line = check_line(value("8"), false, Err(error));
        assert_eq!(line.verdict, Fail);
        assert!(line.remedy.as_str().contains(remedy), "{}", line.remedy);
    }

    #[test]
    fn of_a_value_without_end_the_beginning_is_shown() {
        let line = check_line(value("x"), false, Ok(came(&"y".repeat(10_000))));
        assert!(line.text.as_str().chars().count() < 150, "{}", line.text);
    }
}
