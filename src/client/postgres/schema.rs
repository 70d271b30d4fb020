//! The PostgreSQL wire, for what one database holds: its relations and extensions, by three fixed statements and a count of
//! the rows of tables that are small.

use std::time::Duration;

use secrecy::SecretString;

use super::assertion::{AssertingSession, AssertionResult, ReadMode};
use super::error::PostgresError;
use crate::config::endpoint::PostgresAccess;

/// Most rows of a table that is small.
pub const FEW_ROWS: u64 = 100;
/// Most tables whose rows are counted.
const MAX_COUNTED: usize = 20;
/// How long one statement may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A relation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Relation {
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
}

/// What a database holds beside what PostgreSQL and its extensions bring.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Schema {
    /// Tables, foreign ones too; partitions are their parents'.
    pub tables: Vec<Relation>,
    /// Views, materialised ones too.
    pub views: Vec<Relation>,
    /// Extensions beside `plpgsql`.
    pub extensions: Vec<String>,
    /// Tables of few rows that others refer to, with the name as SQL has it and their number of rows.
    pub references: Vec<(Relation, String, u64)>,
}

/// Names as one text each: two lists of JSON, so that any name is read as it is.
macro_rules! relations {
    ($kinds:literal) => {
        concat!(
            "SELECT coalesce(json_agg(json_build_array(n.nspname, c.relname) ORDER BY n.nspname, c.relname), '[]') \
             FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
             WHERE c.relkind IN (",
            $kinds,
            ") AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' AND NOT c.relispartition \
             AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend AS d WHERE d.classid = 'pg_catalog.pg_class'::regclass \
             AND d.objid = c.oid AND d.deptype = 'e')"
        )
    };
}

const TABLES: &str = relations!("'r', 'p', 'f'");
const VIEWS: &str = relations!("'v', 'm'");
const EXTENSIONS: &str = "SELECT coalesce(json_agg(extname ORDER BY extname), '[]') FROM pg_catalog.pg_extension \
     WHERE extname <> 'plpgsql'";
/// What others refer to, and what refers to nothing itself, on few pages, and may be read by this role.
const REFERENCES: &str = "SELECT coalesce(json_agg(json_build_array(n.nspname, c.relname, format('%I.%I', n.nspname, c.relname)) \
     ORDER BY n.nspname, c.relname), '[]') FROM pg_catalog.pg_class AS c \
     JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relpages <= 8 \
     AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT') \
     AND EXISTS (SELECT FROM pg_catalog.pg_constraint AS f WHERE f.contype = 'f' AND f.confrelid = c.oid) \
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint AS f WHERE f.contype = 'f' AND f.conrelid = c.oid)";

/// Looks through the database of `access` at `host` and `port`.
///
/// # Errors
/// When nobody answers, or a statement is refused.
pub async fn inspect(
    access: &PostgresAccess,
    place: (&str, u16),
    password: Option<&SecretString>,
) -> Result<Schema, PostgresError> {
    let mut session = AssertingSession::open(access, place, password).await?;
    let pairs = |text: String| {
        let pairs: Vec<(String, String)> = serde_json::from_str(&text).map_err(|_| unexpected())?;
        Ok::<_, PostgresError>(pairs.into_iter().map(|(schema, name)| Relation { schema, name }).collect())
    };
    let mut schema = Schema {
        tables: pairs(text(&mut session, TABLES).await?)?,
        views: pairs(text(&mut session, VIEWS).await?)?,
        extensions: serde_json::from_str(&text(&mut session, EXTENSIONS).await?).map_err(|_| unexpected())?,
        references: Vec::new(),
    };
    let references = text(&mut session, REFERENCES).await?;
    let references: Vec<(String, String, String)> = serde_json::from_str(&references).map_err(|_| unexpected())?;
    for (namespace, name, quoted) in references.into_iter().take(MAX_COUNTED) {
        let question = format!("SELECT FROM {quoted} LIMIT {}", FEW_ROWS + 1);
        // Row security, or a lock: one table that cannot be counted is none to propose something of.
        if let Ok(AssertionResult::Rows(rows @ 1..=FEW_ROWS)) = session.ask(&question, ReadMode::Rows, TIMEOUT).await {
            schema.references.push((Relation { schema: namespace, name }, quoted, rows));
        }
    }
    Ok(schema)
}

async fn text(session: &mut AssertingSession, statement: &str) -> Result<String, PostgresError> {
    match session.ask(statement, ReadMode::Value, TIMEOUT).await? {
        AssertionResult::Value(Some(text)) => Ok(text),
        AssertionResult::Value(None)
        | AssertionResult::Nothing
        | AssertionResult::MultipleRows
        | AssertionResult::Columns(_)
        | AssertionResult::Rows(_) => Err(unexpected()),
    }
}

fn unexpected() -> PostgresError {
    PostgresError::Protocol("unexpected response format".to_owned())
}
