//! The PostgreSQL wire, for assertions: questions of the operator's own, each in a READ ONLY transaction that is rolled
//! back, under a time limit that the server keeps. They go over the extended protocol, which takes one statement at a time.

use std::time::Duration;

use secrecy::SecretString;

use super::connect::{OpenedConnection, connect_for_asserting};
use super::error::PostgresError;
use super::session::{flat, within};
use crate::config::endpoint::PostgresAccess;

/// What is read of a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ReadMode {
    /// One value of one row.
    Value,
    /// How many rows there are.
    Rows,
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub enum AssertionResult {
    /// One row with one value, as text; `None`: null.
    Value(Option<String>),
    /// No row at all.
    Nothing,
    /// Several rows where one was wanted.
    MultipleRows,
    /// Several columns where one was wanted, or none.
    Columns(usize),
    /// So many rows.
    Rows(u64),
}

/// How many rows are counted: a question that gives more is no assertion, and the answer is cut there.
pub const MAX_ROWS: u64 = 1_000_000;
/// How much longer than the server we wait for its answer.
const EXTRA_TIMEOUT: Duration = Duration::from_secs(2);

/// A session for questions in one database.
pub struct AssertingSession {
    opened: OpenedConnection,
}

impl AssertingSession {
    /// Logs in at `host` and `port`, within the deadline that `access` sets.
    ///
    /// # Errors
    /// Whatever kept it from being opened.
    pub async fn open(
        access: &PostgresAccess,
        (host, port): (&str, u16),
        password: Option<&SecretString>,
    ) -> Result<Self, PostgresError> {
        Ok(Self { opened: connect_for_asserting(access, host, port, password).await? })
    }

    /// Asks `sql`, which may take `patience`. The transaction that it is asked in is rolled back whatever comes of it.
    ///
    /// # Errors
    /// When the server refuses, or there is no answer: in the latter case the session must be dropped.
    pub async fn ask(
        &mut self,
        sql: &str,
        wanted: ReadMode,
        time_limit: Duration,
    ) -> Result<AssertionResult, PostgresError> {
        let deadline = time_limit.saturating_add(EXTRA_TIMEOUT);
        let begin = format!(
            "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL statement_timeout = {}; SET LOCAL lock_timeout = 1000",
            time_limit.as_millis().max(1)
        );
        let OpenedConnection { client, driving, .. } = &mut self.opened;
        within(deadline, flat(driving, client.batch_execute(&begin))).await?;
        let found = within(deadline, async { read(driving, client, sql, wanted).await }).await;
        within(deadline, flat(driving, client.batch_execute("ROLLBACK"))).await?;
        found
    }
}

async fn read(
    driving: &mut super::connect::Driving,
    client: &tokio_postgres::Client,
    sql: &str,
    wanted: ReadMode,
) -> Result<AssertionResult, PostgresError> {
    // A comment at its end must not swallow what comes after it.
    match wanted {
        ReadMode::Rows => {
            let text = format!("SELECT count(*) FROM (SELECT FROM (\n{sql}\n) AS asked LIMIT {MAX_ROWS}) AS counted");
            let rows = flat(driving, client.query_typed(&text, &[])).await?;
            let count: i64 = cell(rows.first())?;
            Ok(AssertionResult::Rows(u64::try_from(count).unwrap_or_default()))
        }
        ReadMode::Value => {
            let columns = flat(driving, client.prepare(sql)).await?.columns().len();
            if columns != 1 {
                return Ok(AssertionResult::Columns(columns));
            }
            let text = format!("SELECT answer::text FROM (\n{sql}\n) AS asked(answer) LIMIT 2");
            let rows = flat(driving, client.query_typed(&text, &[])).await?;
            match rows.as_slice() {
                [] => Ok(AssertionResult::Nothing),
                [row] => Ok(AssertionResult::Value(cell(Some(row))?)),
                _ => Ok(AssertionResult::MultipleRows),
            }
        }
    }
}

fn cell<'a, T: tokio_postgres::types::FromSql<'a>>(row: Option<&'a tokio_postgres::Row>) -> Result<T, PostgresError> {
    let read = row.and_then(|row| row.try_get(0).ok());
    read.ok_or_else(|| PostgresError::Protocol("unexpected response format".to_owned()))
}
