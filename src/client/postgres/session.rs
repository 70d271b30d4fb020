//! One session with one server. It is driven only while it is asked, so it needs no task of its own, and dropping it
//! closes the connection.

use std::time::Duration;

use futures::future::{Either, join, join_all, select};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::connect::{Driving, Encryption, OpenedConnection};
use super::decode::{Columns, Decode};
use super::error::PostgresError;
use super::poll_result::{
    PartError, PartResult, PollResult, PositionRow, PrivilegesRow, ServerRow, SettingRow, SlowPollResult,
};
use super::statement::Statement;

/// The lowest major version whose columns are known.
const MIN_SERVER_VERSION: u32 = 13;

/// A session for looking.
pub struct Session {
    client: Client,
    driving: Driving,
    encryption: Encryption,
    each: Prepared,
    slow: Prepared,
    server: ServerRow,
    major: u32,
}

/// Statements of a list, each prepared or refused.
type Prepared = Vec<PartResult<tokio_postgres::Statement>>;

/// How much of what a server tells is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum QueryScope {
    /// What moves by the second.
    Each,
    /// That, and what is asked for now and then.
    Whole,
}

/// What an examination learns beyond a poll.
#[derive(Clone, PartialEq, Debug)]
pub struct Examination {
    /// What the role could do.
    pub privileges: PartResult<PrivilegesRow>,
    /// Role and clock.
    pub position: PositionRow,
    /// What does not change while the server runs.
    pub server: ServerRow,
}

impl Session {
    /// Prepares the statements of both lists, in one round trip together with what is asked only once.
    pub(super) async fn prepare(opened: OpenedConnection) -> Result<Self, PostgresError> {
        let OpenedConnection { client, mut driving, encryption, version, peer, .. } = opened;
        let major = major(&version);
        if major.is_some_and(|major| major < MIN_SERVER_VERSION) {
            return Err(PostgresError::TooOld(version));
        }
        let major = major.unwrap_or(MIN_SERVER_VERSION);
        let work = async {
            let once = |statement: Statement| client.query_typed(statement.text(major), &[]);
            let lists = Statement::EVERY_POLL.iter().chain(&Statement::SLOW_POLL);
            let prepared = lists.map(|statement| client.prepare(statement.text(major)));
            join(join(once(Statement::Server), once(Statement::SystemId)), join_all(prepared)).await
        };
        let ((server, system_id), prepared) = drive(&mut driving, work).await?;
        let mut server: ServerRow = single(&rows(server)?).map_err(|error| unexpected(&error))?;
        let system_id: PartResult<String> = read(rows(system_id).map_err(|error| part(&error)), single);
        server.system_id = system_id.ok();
        server.peer = peer;
        let prepared = prepared.into_iter().map(|outcome| outcome.map_err(|error| part_of(&error)));
        let mut each: Prepared = prepared.collect();
        let slow = each.split_off(Statement::EVERY_POLL.len());
        Ok(Self { client, driving, encryption, each, slow, server, major })
    }

    /// How the session is protected.
    pub fn encryption(&self) -> &Encryption {
        &self.encryption
    }

    /// Sends what `extent` says at once and reads the answers: one round trip.
    ///
    /// A statement that fails leaves its part missing; the session stays good. After an error of this function, or
    /// when its future was dropped, the session must not be used again.
    ///
    /// # Errors
    /// No answer within `deadline`, the connection ended, or the node's role and position cannot be read.
    pub async fn poll(
        &mut self,
        extent: QueryScope,
        deadline: Duration,
    ) -> Result<(PollResult, Option<SlowPollResult>), PostgresError> {
        let slow: &[_] = if extent == QueryScope::Whole { &self.slow } else { &[] };
        let asked: Vec<&PartResult<tokio_postgres::Statement>> = self.each.iter().chain(slow).collect();
        let mut answers = ask(&self.client, &mut self.driving, asked, deadline).await?;
        // In the order of `Statement::EVERY_POLL`, then of `Statement::SLOW_POLL`.
        let poll_result = PollResult {
            server: self.server.clone(),
            position: read(answers.take(), single).map_err(|error| unexpected(&error))?,
            receiver: read(answers.take(), optional),
            downstream: read(answers.take(), all),
            archiver: read(answers.take(), single),
            connections: read(answers.take(), single),
            sessions: read(answers.take(), all),
            operation_lock: read(answers.take(), optional),
        };
        Ok((poll_result, (extent == QueryScope::Whole).then(|| slow_poll_result(&mut answers))))
    }

    /// Sends only what is asked for now and then, as [`Session::poll`] does with the rest.
    ///
    /// # Errors
    /// No answer within `deadline`, or the connection ended.
    pub async fn poll_slow(&mut self, deadline: Duration) -> Result<SlowPollResult, PostgresError> {
        let asked = self.slow.iter().collect();
        let mut answers = ask(&self.client, &mut self.driving, asked, deadline).await?;
        Ok(slow_poll_result(&mut answers))
    }

    /// Reads every setting. A part, as of [`Session::poll`]: a refusal leaves the session good.
    ///
    /// # Errors
    /// No answer within `deadline`, or the connection ended.
    pub async fn settings(&mut self, deadline: Duration) -> Result<PartResult<Vec<SettingRow>>, PostgresError> {
        let Self { client, driving, major, .. } = self;
        let work = client.query_typed(Statement::Settings.text(*major), &[]);
        match within(deadline, drive(driving, work)).await? {
            Err(error) if error.as_db_error().is_none() => Err(PostgresError::from_wire(&error)),
            answer => Ok(read(rows(answer).map_err(|error| part(&error)), all)),
        }
    }

    /// Whether a role may log in, and whether a database takes connections; `None`: there is none of that name.
    ///
    /// # Errors
    /// No answer within `deadline`, or the connection ended.
    pub async fn made(
        &mut self,
        role: Option<&str>,
        database: Option<&str>,
        deadline: Duration,
    ) -> Result<(Option<bool>, Option<bool>), PostgresError> {
        let Self { client, driving, major, .. } = self;
        let ask = |statement: Statement, name: Option<&str>| {
            let (client, name) = (&*client, name.map(str::to_owned));
            let text = statement.text(*major);
            async move {
                let Some(name) = name else { return Ok(Vec::new()) };
                client.query_typed(text, &[(&name as &(dyn ToSql + Sync), Type::TEXT)]).await
            }
        };
        let work = join(ask(Statement::RoleLogin, role), ask(Statement::DatabaseOpen, database));
        let (role, database) = within(deadline, drive(driving, work)).await?;
        let flag = |answer| optional::<bool>(&rows(answer)?).map_err(|error| unexpected(&error));
        Ok((flag(role)?, flag(database)?))
    }

    /// Asks what an examination wants to know.
    ///
    /// # Errors
    /// No answer within `deadline`, the connection ended, or the node's role and position cannot be read.
    pub async fn examine(&mut self, deadline: Duration) -> Result<Examination, PostgresError> {
        let Self { client, driving, major, .. } = self;
        let once = |statement: Statement| client.query_typed(statement.text(*major), &[]);
        let work = join(once(Statement::Privileges), once(Statement::Position));
        let (privileges, position) = within(deadline, drive(driving, work)).await?;
        Ok(Examination {
            privileges: read(rows(privileges).map_err(|error| part(&error)), single),
            position: single(&rows(position)?).map_err(|error| unexpected(&error))?,
            server: self.server.clone(),
        })
    }
}

/// The answers of one round trip, in the order of the questions.
struct PipelinedRows(std::vec::IntoIter<PartResult<Vec<Row>>>);

impl PipelinedRows {
    fn take(&mut self) -> PartResult<Vec<Row>> {
        self.0.next().unwrap_or_else(|| Err(PartError { code: None, message: "not queried".to_owned() }))
    }
}

/// Sends `asked` at once and reads the answers.
async fn ask(
    client: &Client,
    driving: &mut Driving,
    asked: Vec<&PartResult<tokio_postgres::Statement>>,
    deadline: Duration,
) -> Result<PipelinedRows, PostgresError> {
    let work = join_all(asked.iter().map(|statement| async {
        match statement {
            Ok(statement) => client.query(statement, &[]).await.map_err(Some),
            Err(_) => Err(None),
        }
    }));
    let outcomes = within(deadline, drive(driving, work)).await?;
    let mut answers = Vec::with_capacity(outcomes.len());
    for (outcome, statement) in outcomes.into_iter().zip(asked) {
        answers.push(match (outcome, statement) {
            (Ok(rows), _) => Ok(rows),
            (Err(Some(error)), _) if error.as_db_error().is_none() => return Err(PostgresError::from_wire(&error)),
            (Err(Some(error)), _) => Err(part_of(&error)),
            (Err(None), Err(error)) => Err(error.clone()),
            (Err(None), Ok(_)) => Err(PartError { code: None, message: "not queried".to_owned() }),
        });
    }
    Ok(PipelinedRows(answers.into_iter()))
}

/// The answers in the order of `Statement::SLOW_POLL`.
fn slow_poll_result(answers: &mut PipelinedRows) -> SlowPollResult {
    SlowPollResult {
        slots: read(answers.take(), all),
        archive_ready_count: read(answers.take(), optional),
        oldest_transaction: read(answers.take(), optional),
        prepared_transactions: read(answers.take(), optional),
        xid_age: read(answers.take(), optional),
        pending_restart: read(answers.take(), all),
        config_files_read_at: read(answers.take(), single),
        wal_since_checkpoint: read(answers.take(), optional),
        base_backups: read(answers.take(), all),
        applications: read(answers.take(), all),
    }
}

/// Drives `work`; its own error and the connection's become one.
pub(super) async fn flat<T>(
    driving: &mut Driving,
    work: impl Future<Output = Result<T, tokio_postgres::Error>>,
) -> Result<T, PostgresError> {
    drive(driving, work).await?.map_err(|error| PostgresError::from_wire(&error))
}

/// Does `work` while the connection is driven. The connection comes first, so that its own end, which says why, is not
/// hidden behind the work that fails with it.
pub(in crate::client) async fn drive<T>(
    driving: &mut Driving,
    work: impl Future<Output = T>,
) -> Result<T, PostgresError> {
    match select(driving, std::pin::pin!(work)).await {
        Either::Left((Ok(()), _)) => Err(PostgresError::Closed("the server closed the connection".to_owned())),
        Either::Left((Err(error), _)) => Err(PostgresError::from_wire(&error)),
        Either::Right((done, _)) => Ok(done),
    }
}

pub(in crate::client) async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, PostgresError>>,
) -> Result<T, PostgresError> {
    let outcome = tokio::time::timeout(deadline, work).await;
    outcome.unwrap_or(Err(PostgresError::TimedOut { phase: "the response", after: deadline }))
}

/// The first number of `server_version`: `17.2 (Debian 17.2-1)`, `18beta1`.
fn major(version: &str) -> Option<u32> {
    let end = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..end].parse().ok()
}

fn rows(outcome: Result<Vec<Row>, tokio_postgres::Error>) -> Result<Vec<Row>, PostgresError> {
    outcome.map_err(|error| PostgresError::from_wire(&error))
}

fn part_of(error: &tokio_postgres::Error) -> PartError {
    part(&PostgresError::from_wire(error))
}

fn part(error: &PostgresError) -> PartError {
    match error {
        PostgresError::Server { code, message } => PartError { code: Some(code.clone()), message: message.clone() },
        other => PartError { code: None, message: other.to_string() },
    }
}

/// A part without which there is no answer at all.
fn unexpected(error: &PartError) -> PostgresError {
    match &error.code {
        Some(code) => PostgresError::Server { code: code.clone(), message: error.message.clone() },
        None => PostgresError::Protocol(error.message.clone()),
    }
}

fn read<T>(rows: PartResult<Vec<Row>>, how: impl FnOnce(&[Row]) -> PartResult<T>) -> PartResult<T> {
    how(&rows?)
}

fn all<T: Decode>(rows: &[Row]) -> PartResult<Vec<T>> {
    rows.iter().map(|row| T::decode(&mut Columns::of(row))).collect()
}

fn optional<T: Decode>(rows: &[Row]) -> PartResult<Option<T>> {
    rows.first().map(|row| T::decode(&mut Columns::of(row))).transpose()
}

fn single<T: Decode>(rows: &[Row]) -> PartResult<T> {
    optional(rows)?.ok_or_else(|| PartError { code: None, message: "unexpected response: no row".to_owned() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("17.2 (Debian 17.2-1.pgdg120+1)", Some(17))]
    #[case("18beta1", Some(18))]
    #[case("9.6.24", Some(9))]
    #[case("", None)]
    fn the_major_version_is_the_first_number(#[case] text: &str, #[case] expected: Option<u32>) {
        assert_eq!(major(text), expected);
    }
}
